"""Fire and forget: lines wait in a bounded queue and leave in batches.

    send()          queue                   one request at a time, in a thread
    verb -> line -> [ | | | | ] -> by time or size -> POST /v1/batch

One request at a time keeps the order, and while it is under way the next batch fills.  What does not fit is dropped and
counted, never waited for.  A batch that failed for good is counted as failed: the client has tried again before that.
"""
import os
import random
import threading
from collections import deque
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, Callable, Deque, Dict, List, NamedTuple, Optional

from .batch import Line, Result, Verb, line_of, send_lines
from .errors import ForkcastError
from .verbs import MISSING, Target, act_body, emit_body, event_body

if TYPE_CHECKING:
    from .client import Client

Done = Callable[[Optional[ForkcastError]], None]


class _Item(NamedTuple):
    line: Line
    done: Optional[Done]


class Publisher:
    """linger: seconds that a line waits for company.  batch_bytes, batch_lines: of one request.  queue_bytes, queue_lines:
    what may wait; more is dropped.  attempts, busy_pause: how often lines are sent that the server is too busy for, and how
    long before.  on_error(error, lines): a line was refused, or so many failed together.

    Each call says whether its line was taken.  Threads may share it; a child process starts with an empty queue, for what
    waits is its parent's.
    """

    def __init__(self, client: "Client", *, linger: float = 0.005, batch_bytes: int = 256 << 10, batch_lines: int = 500,
                 queue_bytes: int = 16 << 20, queue_lines: int = 10000, attempts: int = 3, busy_pause: float = 1.0,
                 idempotent: Optional[bool] = None, on_error: Optional[Callable[[ForkcastError, int], None]] = None) -> None:
        self._client = client
        self._linger = linger
        self._batch_bytes = min(batch_bytes, client.body_limit)
        self._batch_lines = batch_lines
        self._queue_bytes = queue_bytes
        self._queue_lines = queue_lines
        self._attempts = attempts
        self._busy_pause = busy_pause
        self._idempotent = client.idempotent if idempotent is None else idempotent
        self._on_error = on_error
        self._closed = False
        self._start()

    def _start(self) -> None:
        self._pid = os.getpid()
        self._change = threading.Condition()
        self._queue: Deque[_Item] = deque()
        self._bytes = self._flying = self._waiting = 0
        self._taken = self._settled = 0
        self._counters = {"sent": 0, "failed": 0, "dropped": 0}
        self._thread: Optional[threading.Thread] = None

    def __enter__(self) -> "Publisher":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    @property
    def counters(self) -> Dict[str, int]:
        """Lines that wait, those under way included, and what became of the others."""
        with self._change:
            return {**self._counters, "queued": len(self._queue) + self._flying, "bytes": self._bytes}

    def send(self, verb: Verb, *, done: Optional[Done] = None) -> bool:
        """VERB ({"emit": {...}} and its like) is on its way; False: the queue is full or closed, and it was dropped.

        done(None or the error) is called, in the publisher's thread, when a line that was taken has its result.
        """
        line = line_of(verb, self._batch_bytes, self._idempotent)
        if self._pid != os.getpid():
            self._start()
        with self._change:
            full = len(self._queue) >= self._queue_lines or self._bytes + len(line.text) > self._queue_bytes
            taken = not (self._closed or full or line.error)
            if taken:
                self._queue.append(_Item(line, done))
                self._bytes += len(line.text)
                self._taken += 1
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="forkcast-publisher", daemon=True)
                    self._thread.start()
                self._change.notify_all()
            else:
                self._counters["dropped"] += 1
        if line.error is not None:
            self._report(line.error, 1)
        return taken

    def emit(self, to: Target, event: str, data: Any = MISSING, *, done: Optional[Done] = None, **options: Any) -> bool:
        return self.send({"emit": emit_body(to, event, data, **options)}, done=done)

    def event(self, type: str, data: Any = MISSING, vars: Optional[Dict[str, Any]] = None, **options: Any) -> bool:
        return self.send({"event": event_body(type, data, vars, **options)})

    def join(self, where: Target, rooms: Target, **options: Any) -> bool:
        return self.send({"join": act_body(where, rooms, **options)})

    def leave(self, where: Target, rooms: Target, **options: Any) -> bool:
        return self.send({"leave": act_body(where, rooms, **options)})

    def disconnect(self, where: Target, **options: Any) -> bool:
        return self.send({"disconnect": act_body(where, **options)})

    def _run(self) -> None:
        while True:
            with self._change:
                while not self._queue:
                    if self._closed:
                        return
                    self._change.wait()
                until = monotonic() + self._linger
                while (not self._closed and not self._waiting and len(self._queue) < self._batch_lines
                       and self._bytes < self._batch_bytes and monotonic() < until):
                    self._change.wait(until - monotonic())
                items = self._next_batch()
            self._deliver(items)
            with self._change:
                self._bytes -= sum(len(item.line.text) for item in items)
                self._settled += len(items)
                self._flying = 0
                self._change.notify_all()

    def _next_batch(self) -> List[_Item]:
        items: List[_Item] = []
        size = 0
        while self._queue and len(items) < self._batch_lines:
            size += len(self._queue[0].line.text)
            if items and size > self._batch_bytes:
                break
            items.append(self._queue.popleft())
        self._flying = len(items)
        return items

    def _deliver(self, items: List[_Item]) -> None:
        """Lines that the server was too busy for are sent again, before what came after them."""
        for attempt in range(1, self._attempts + 1):
            try:
                results = send_lines(self._client.send, [item.line for item in items])
            except ForkcastError as error:
                self._settle(items, [Result(False, {}, error)] * len(items))
                self._report(error, len(items))
                return
            again = [r.error is not None and r.error.status in (429, 503) and attempt < self._attempts for r in results]
            over = [(i, r) for i, r, a in zip(items, results, again) if not a]
            self._settle([i for i, _ in over], [r for _, r in over])
            for _, r in over:
                if r.error is not None:
                    self._report(r.error, 1)
            items = [i for i, a in zip(items, again) if a]
            if not items:
                return
            sleep(self._busy_pause * (1 + random.random()))

    def _settle(self, items: List[_Item], results: List[Result]) -> None:
        with self._change:
            for r in results:
                self._counters["sent" if r.ok else "failed"] += 1
        for item, r in zip(items, results):
            if item.done is not None:
                _quietly(item.done, r.error)

    def _report(self, error: ForkcastError, lines: int) -> None:
        if self._on_error is not None:
            _quietly(self._on_error, error, lines)

    def flush(self, timeout: Optional[float] = None) -> bool:
        """True when everything that was taken before has its result; False after TIMEOUT seconds."""
        if self._pid != os.getpid():
            self._start()
        with self._change:
            until = self._taken
            self._waiting += 1
            self._change.notify_all()
            try:
                return self._change.wait_for(lambda: self._settled >= until, timeout)
            finally:
                self._waiting -= 1

    def close(self, timeout: float = 5.0) -> bool:
        """Takes no more, and gives what waits TIMEOUT seconds to leave; the rest is dropped and counted: False."""
        with self._change:
            self._closed = True
            self._change.notify_all()
        if self.flush(timeout):
            return True
        with self._change:
            rest = list(self._queue)
            self._queue.clear()
            self._bytes -= sum(len(item.line.text) for item in rest)
            self._counters["dropped"] += len(rest)
            self._settled += len(rest)
            self._change.notify_all()
        error = ForkcastError("dropped", "the publisher was closed before they left")
        for item in rest:
            if item.done is not None:
                _quietly(item.done, error)
        if rest:
            self._report(error, len(rest))
        return False


def _quietly(fn: Callable[..., Any], *args: Any) -> None:
    """What a listener raises is no reason to stop publishing."""
    try:
        fn(*args)
    except Exception:  # noqa: BLE001
        pass
