"""Many verbs in few requests: lines of NDJSON, in chunks that the server's limits allow.

Chunks go one after the other, so lines keep their order.  A chunk is made when the one before was answered: an iterable of
any length is read at the speed of the server.
"""
import json
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Optional

from .connections import Reply
from .errors import ForkcastError, error_of_object
from .verbs import encode

Verb = Mapping[str, Any]


class Result(NamedTuple):
    """What became of one line: its reply, or the error."""

    ok: bool
    reply: Dict[str, Any]
    error: Optional[ForkcastError] = None


class Line(NamedTuple):
    text: bytes  # empty when there is an error
    repeatable: bool
    error: Optional[ForkcastError] = None


def line_of(verb: Verb, limit: int, idempotent: bool) -> Line:
    if len(verb) != 1:
        raise TypeError('a verb is a dict with one member, like {"emit": {...}}')
    ((name, body),) = verb.items()
    text, repeatable = encode(name, body, idempotent)
    text = b"{" + json.dumps(name).encode() + b":" + text + b"}\n"
    if len(text) > limit:
        return Line(b"", True, ForkcastError("too_large", f"a line of {len(text)} bytes, {limit} are allowed"))
    return Line(text, repeatable)


def chunks(verbs: Iterable[Verb], limit: int, lines: int, idempotent: bool) -> Iterator[List[Line]]:
    chunk: List[Line] = []
    size = 0
    for verb in verbs:
        line = line_of(verb, limit, idempotent)
        if chunk and (len(chunk) >= lines or size + len(line.text) > limit):
            yield chunk
            chunk, size = [], 0
        chunk.append(line)
        size += len(line.text)
    if chunk:
        yield chunk


def result_of(row: Any) -> Result:
    if not isinstance(row, dict):
        raise ForkcastError("bad_reply", "a result is no object", sent=True)
    if "error" not in row:
        return Result(True, row)
    return Result(False, {}, error_of_object(row["error"], row.get("status"), None))


def parse_results(body: bytes, count: int) -> List[Result]:
    try:
        text = body.strip()
        rows = json.loads(text) if text.startswith(b"[") else [json.loads(t) for t in text.split(b"\n") if t.strip()]
    except ValueError as error:
        raise ForkcastError("bad_reply", "the results of the batch are no JSON", sent=True) from error
    if len(rows) != count:
        raise ForkcastError("bad_reply", f"{count} lines were sent and {len(rows)} results came", sent=True)
    return [result_of(row) for row in rows]


def send_lines(send: Callable[..., Reply], lines: List[Line], **options: Any) -> List[Result]:
    """A result for each of LINES; raises when the request as a whole failed."""
    good = [line for line in lines if line.error is None]
    results: Iterator[Result] = iter(())
    if good:
        reply = send("POST", "/v1/batch", body=b"".join(line.text for line in good), content_type="application/x-ndjson",
                     repeatable=all(line.repeatable for line in good), **options)
        results = iter(parse_results(reply.body, len(good)))
    return [next(results) if line.error is None else Result(False, {}, line.error) for line in lines]
