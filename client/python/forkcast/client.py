"""The admin API of forkcast as calls."""
import json
import ssl
import threading
from typing import Any, Callable, Dict, Generic, Iterable, Iterator, List, Mapping, Optional, TypeVar, Union
from urllib.parse import quote, urlencode

from .batch import Result, Verb, chunks, send_lines
from .connections import Connections, Reply
from .errors import BatchError, ForkcastError, error_of_reply
from .publisher import Publisher
from .retry import with_retries
from .verbs import MISSING, Target, When, act_body, date_text, emit_body, encode, event_body, present, to_json

T = TypeVar("T")
Json = Dict[str, Any]


class Pages(Generic[T]):
    """A list that the server gives in pages; iterating asks for the next when the one before was read."""

    def __init__(self, call: Callable[..., Any], path: str, query: Json) -> None:
        self._call = call
        self._path = path
        self._query = query

    def page(self, after: Optional[str] = None) -> Json:
        """One page: {"items", "next"?}; AFTER is the "next" of the page before."""
        return self._call("GET", self._path, query={**self._query, "after": after})

    def __iter__(self) -> Iterator[T]:
        page = self.page()
        while True:
            yield from page["items"]
            if "next" not in page:
                return
            page = self.page(page["next"])


class Client:
    """url: an admin listener, http://HOST:PORT, https://HOST:PORT or unix:/PATH; key: one of its keys.  Times are seconds.

    timeout: of a call, all tries included.  retries: how often it is tried again.  connections: at most so many.  idle: after
    which an unused connection is not used again.  max_pending: calls that may wait at once; more raise "overloaded".
    idempotent: make an id for each message that has none, so that it is sent again, once, after a connection that broke.
    tls: for https.  Threads may share a client, and a child process may go on with its parent's.
    """

    def __init__(self, url: str, key: Optional[str] = None, *, timeout: float = 10.0, retries: int = 5, connections: int = 8,
                 idle: float = 30.0, max_pending: int = 10000, idempotent: bool = False, body_limit: int = 1 << 20,
                 batch_lines: int = 1000, tls: Optional[ssl.SSLContext] = None) -> None:
        self.key = key
        self.timeout = timeout
        self.retries = retries
        self.max_pending = max_pending
        self.idempotent = idempotent
        self.body_limit = body_limit
        self.batch_lines = batch_lines
        self.retried = 0
        self._connections = Connections(url, connections, idle, tls)
        self._pending = threading.BoundedSemaphore(max_pending)
        self._closed = False
        self.schedules = Schedules(self)
        self.bans = Bans(self)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def emit(self, to: Target, event: str, data: Any = MISSING, *, args: Optional[Iterable[Any]] = None,
             except_: Optional[Target] = None, namespace: Optional[str] = None, volatile: Optional[bool] = None,
             local: Optional[bool] = None, id: Optional[str] = None, delay: Union[None, str, int] = None,
             at: Optional[When] = None, timeout: Optional[float] = None, total_timeout: Optional[float] = None) -> Json:
        """EVENT with DATA to a room, user:ID, role:R, socket:SID, all, or a list of these: {"id", "delivered"}.

        With timeout (seconds) it waits for the clients' acks: "answers"; total_timeout is the call's own time on top.
        """
        body = emit_body(to, event, data, args=args, except_=except_, namespace=namespace, volatile=volatile, local=local,
                         id=id, delay=delay, at=at, timeout=timeout)
        total = (self.timeout if total_timeout is None else total_timeout) + (timeout or 0)
        return self._verb("emit", "/v1/emit", body, total)

    def event(self, type: str, data: Any = MISSING, vars: Optional[Json] = None, *, id: Optional[str] = None,
              namespace: Optional[str] = None, total_timeout: Optional[float] = None) -> Json:
        """An event by name, which the server's conf routes by VARS."""
        return self._verb("event", "/v1/events", event_body(type, data, vars, id=id, namespace=namespace), total_timeout)

    def join(self, where: Target, rooms: Target, *, except_: Optional[Target] = None, namespace: Optional[str] = None,
             total_timeout: Optional[float] = None) -> Json:
        """{"matched"}"""
        body = act_body(where, rooms, except_=except_, namespace=namespace)
        return self._verb("join", "/v1/sockets/join", body, total_timeout)

    def leave(self, where: Target, rooms: Target, *, except_: Optional[Target] = None, namespace: Optional[str] = None,
              total_timeout: Optional[float] = None) -> Json:
        """{"matched"}"""
        body = act_body(where, rooms, except_=except_, namespace=namespace)
        return self._verb("leave", "/v1/sockets/leave", body, total_timeout)

    def disconnect(self, where: Target, *, close: Optional[bool] = None, except_: Optional[Target] = None,
                   namespace: Optional[str] = None, total_timeout: Optional[float] = None) -> Json:
        """{"matched"}; close: their connections too.  Not done twice when nobody knows: who was told to go may be back."""
        body = act_body(where, except_=except_, namespace=namespace, close=close)
        return self._verb("disconnect", "/v1/sockets/disconnect", body, total_timeout)

    def _verb(self, name: str, path: str, body: Json, timeout: Optional[float]) -> Json:
        text, repeatable = encode(name, body, self.idempotent)
        return _json(self.send("POST", path, body=text, repeatable=repeatable, timeout=timeout))

    def batch(self, verbs: Iterable[Verb], *, idempotent: Optional[bool] = None,
              total_timeout: Optional[float] = None) -> List[Result]:
        """A Result for each of VERBS ({"emit": {...}} and its like).  When a request as a whole fails, raises a BatchError
        that has the results so far, and sends no more."""
        results: List[Result] = []
        failed: Optional[ForkcastError] = None
        for lines in self._chunks(verbs, idempotent):
            if failed is None:
                try:
                    results += send_lines(self.send, lines, timeout=total_timeout)
                except ForkcastError as error:
                    failed = error
                    results += [Result(False, {}, line.error or error) for line in lines]
            else:
                not_sent = ForkcastError("not_sent", "a request before this line failed")
                results += [Result(False, {}, line.error or not_sent) for line in lines]
        if failed is not None:
            raise BatchError(failed, results) from failed
        return results

    def batch_stream(self, verbs: Iterable[Verb], *, idempotent: Optional[bool] = None,
                     total_timeout: Optional[float] = None) -> Iterator[Result]:
        """The same for an iterable without end, result by result; raises at the first request that fails as a whole."""
        for lines in self._chunks(verbs, idempotent):
            yield from send_lines(self.send, lines, timeout=total_timeout)

    def _chunks(self, verbs: Iterable[Verb], idempotent: Optional[bool]) -> Iterator[Any]:
        return chunks(verbs, self.body_limit, self.batch_lines, self.idempotent if idempotent is None else idempotent)

    def publisher(self, **options: Any) -> Publisher:
        """Fire and forget: see Publisher."""
        return Publisher(self, **options)

    def sockets(self, *, in_: Optional[str] = None, namespace: Optional[str] = None, limit: Optional[int] = None) -> Pages[Json]:
        return Pages(self.call, "/v1/sockets", present(in_=in_, namespace=namespace, limit=limit))

    def rooms(self, *, type: Optional[str] = None, namespace: Optional[str] = None, limit: Optional[int] = None) -> Pages[Json]:
        return Pages(self.call, "/v1/rooms", present(type=type, namespace=namespace, limit=limit))

    def socket(self, id: str) -> Optional[Json]:
        return self._found(f"/v1/sockets/{_segment(id)}")

    def room(self, name: str, *, namespace: Optional[str] = None) -> Optional[Json]:
        """None when nobody is in it."""
        return self._found(f"/v1/rooms/{_segment(name)}", query=present(namespace=namespace))

    def user(self, id: str) -> Json:
        """{"id", "online", "sockets"}"""
        return self.call("GET", f"/v1/users/{_segment(id)}")

    def users(self, room: str, *, namespace: Optional[str] = None) -> List[str]:
        """Ids of the users in ROOM, each once."""
        sockets = self.sockets(in_=room, namespace=namespace, limit=1000)
        return list(dict.fromkeys(s["user"]["id"] for s in sockets if s["user"] is not None))

    def _found(self, path: str, **options: Any) -> Optional[Json]:
        try:
            return self.call("GET", path, **options)
        except ForkcastError as error:
            if error.status == 404:
                return None
            raise

    def stats(self) -> Json:
        return self.call("GET", "/v1/stats")

    def health(self, *, timeout: float = 2.0) -> Json:
        """{"alive", "ready", "reasons"}; never raises because of what the server is or is not."""
        try:
            reply = self._connections.request("GET", "/ready", {}, None, timeout)
            said = json.loads(reply.body)
            return {"alive": True, "ready": reply.status == 200, "reasons": said.get("reasons", [])}
        except (ForkcastError, ValueError, AttributeError) as error:
            return {"alive": False, "ready": False, "reasons": [str(error)]}

    def call(self, method: str, path: str, *, json: Any = MISSING, query: Optional[Mapping[str, Any]] = None,
             repeatable: Optional[bool] = None, timeout: Optional[float] = None, retries: Optional[int] = None) -> Any:
        """Any call of the API: METHOD and PATH as docs/api.md has them.  The JSON of its reply; None when it has none."""
        asked = urlencode({k: v for k, v in (query or {}).items() if v is not None}, quote_via=quote)
        return _json(self.send(method, path + ("?" + asked if asked else ""), body=None if json is MISSING else to_json(json),
                               repeatable=method == "GET" if repeatable is None else repeatable, timeout=timeout,
                               retries=retries))

    def send(self, method: str, path: str, *, body: Optional[bytes] = None, content_type: str = "application/json",
             repeatable: bool = False, timeout: Optional[float] = None, retries: Optional[int] = None) -> Reply:
        """The same with bytes."""
        headers = {"accept": "application/json"}
        if self.key is not None:
            headers["authorization"] = f"Bearer {self.key}"
        if body is not None:
            if len(body) > self.body_limit:
                raise ForkcastError("too_large", f"a body of {len(body)} bytes, {self.body_limit} are allowed")
            headers["content-type"] = content_type

        def attempt(left: float) -> Reply:
            if self._closed:
                raise ForkcastError("closed", "the client was closed")
            reply = self._connections.request(method, path, headers, body, left)
            if reply.status >= 300:
                raise error_of_reply(*reply)
            return reply

        if not self._pending.acquire(blocking=False):
            raise ForkcastError("overloaded", f"{self.max_pending} calls wait already")
        try:
            return with_retries(attempt, timeout=self.timeout if timeout is None else timeout,
                                retries=self.retries if retries is None else retries, repeatable=repeatable,
                                on_retry=self._count_retry)
        finally:
            self._pending.release()

    def _count_retry(self, _: ForkcastError) -> None:
        self.retried += 1

    def close(self) -> None:
        """Unused connections end; no call is taken or tried again."""
        self._closed = True
        self._connections.close()


class Schedules:
    def __init__(self, client: Client) -> None:
        self._client = client

    def list(self, *, limit: Optional[int] = None) -> Pages[Json]:
        return Pages(self._client.call, "/v1/schedules", present(limit=limit))

    def get(self, id: str) -> Optional[Json]:
        return self._client._found(f"/v1/schedules/{_segment(id)}")

    def create(self, body: Json) -> Json:
        """An `emit` that waits, {"to", "event", "data", "at" or "delay", "id"?}; "at" may be a datetime."""
        if "at" in body:
            body = {**body, "at": date_text(body["at"])}
        return self._client.call("POST", "/v1/schedules", json=body, repeatable="id" in body)

    def cancel(self, id: str) -> bool:
        """True when there was one; after a connection that broke it may be this call that took it."""
        return _was_there(lambda: self._client.call("DELETE", f"/v1/schedules/{_segment(id)}", repeatable=True))


class Bans:
    def __init__(self, client: Client) -> None:
        self._client = client

    def list(self, *, limit: Optional[int] = None) -> Pages[Json]:
        return Pages(self._client.call, "/v1/bans", present(limit=limit))

    def add(self, *, user: Optional[str] = None, ip: Optional[str] = None, until: Optional[When] = None,
            reason: Optional[str] = None) -> Any:
        body = present(user=user, ip=ip, until=date_text(until), reason=reason)
        return self._client.call("POST", "/v1/bans", json=body, repeatable=True)

    def remove(self, *, user: Optional[str] = None, ip: Optional[str] = None) -> bool:
        """True when there was one."""
        return _was_there(lambda: self._client.call("DELETE", "/v1/bans", json=present(user=user, ip=ip), repeatable=True))


def _was_there(call: Callable[[], Any]) -> bool:
    try:
        call()
        return True
    except ForkcastError as error:
        if error.status == 404:
            return False
        raise


def _segment(id: Any) -> str:
    return quote(str(id), safe="")


def _json(reply: Reply) -> Any:
    if not reply.body:
        return None
    try:
        return json.loads(reply.body)
    except ValueError as error:
        raise ForkcastError("bad_reply", "the answer is no JSON", status=reply.status, sent=True) from error
