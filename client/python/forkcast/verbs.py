"""The bodies of the API, as calls send them and as lines of a batch have them."""
import json
import uuid
from datetime import datetime, timezone
from typing import Any, Dict, Iterable, Optional, Tuple, Union

Target = Union[str, Iterable[str]]
When = Union[str, int, datetime]

TAKES_ID = ("emit", "event", "schedule")
WITH_ID_MAX = 120 << 10  # the server takes no more of a message with an id


class _Missing:
    """No argument at all; None is an argument, JSON's null."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING = _Missing()


def present(**members: Any) -> Dict[str, Any]:
    """Those members that are there."""
    return {k.rstrip("_"): v for k, v in members.items() if v is not None}


def names(value: Optional[Target]) -> Any:
    return value if value is None or isinstance(value, str) else list(value)


def date_text(value: Any) -> Any:
    """A datetime as ISO 8601 in UTC; one without a zone is local time."""
    if not isinstance(value, datetime):
        return value
    return value.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def emit_body(to: Target, event: str, data: Any = MISSING, *, args: Optional[Iterable[Any]] = None,
              except_: Optional[Target] = None, namespace: Optional[str] = None, volatile: Optional[bool] = None,
              local: Optional[bool] = None, id: Optional[str] = None, delay: Union[None, str, int] = None,
              at: Optional[When] = None, timeout: Optional[float] = None) -> Dict[str, Any]:
    body = present(to=names(to), event=event, args=None if args is None else list(args), except_=names(except_),
                   namespace=namespace, volatile=volatile, local=local, id=id, delay=delay, at=date_text(at),
                   timeout=None if timeout is None else max(1, round(timeout * 1000)))
    if data is not MISSING:
        body["data"] = data
    return body


def event_body(type: str, data: Any = MISSING, vars: Optional[Dict[str, Any]] = None, *,
               id: Optional[str] = None, namespace: Optional[str] = None) -> Dict[str, Any]:
    body = present(type=type, vars=vars, id=id, namespace=namespace)
    if data is not MISSING:
        body["data"] = data
    return body


def act_body(where: Target, rooms: Optional[Target] = None, *, except_: Optional[Target] = None,
             namespace: Optional[str] = None, close: Optional[bool] = None) -> Dict[str, Any]:
    return present(in_=names(where), rooms=names(rooms), except_=names(except_), namespace=namespace, close=close)


def to_json(value: Any) -> bytes:
    """NaN and infinities are no JSON: ValueError."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode("utf-8", "strict")


def encode(name: str, body: Any, idempotent: bool) -> Tuple[bytes, bool]:
    """BODY of the verb NAME as JSON, and whether doing it twice is doing it once.  IDEMPOTENT: with an id where that is of
    use."""
    text = to_json(body)
    takes = name in TAKES_ID and isinstance(body, dict)
    has_id = takes and body.get("id") is not None
    if idempotent and takes and len(text) <= WITH_ID_MAX and not any(body.get(k) for k in ("id", "volatile", "local", "timeout")):
        text = to_json({**body, "id": str(uuid.uuid4())})
        has_id = True
    return text, has_id or name in ("join", "leave", "cancel")
