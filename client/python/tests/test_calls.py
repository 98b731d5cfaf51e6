"""What is sent, what is tried again, and how calls fail; against an HTTP server of the test."""
import os
import socket
import tempfile
import threading
import time
import unittest
from datetime import datetime, timezone

from forkcast import Client, ForkcastError

from .support import Recorder, fork, until

BUSY = {"error": {"code": "busy", "message": "try again"}}
EPOCH = datetime.fromtimestamp(0, timezone.utc)


class Calls(unittest.TestCase):
    def recorder(self, answer=lambda asked, n: (200, {}, {"id": "x", "delivered": 1, "items": []}), **where):
        return Recorder(self, answer, **where)

    def client(self, url, **options):
        c = Client(url, "k", **options)
        self.addCleanup(c.close)
        return c

    def fails(self, fn, *args, **options):
        with self.assertRaises(ForkcastError) as caught:
            fn(*args, **options)
        return caught.exception

    def test_each_call_has_method_path_key_and_body(self):
        r = self.recorder()
        c = self.client(r.url)
        c.emit("chat:1", "e", {"a": 1}, except_=["user:2"], namespace="/n", volatile=True, local=True, id="i", delay="5s")
        c.emit({"a:1"}, "e", args=[1, 2], at=EPOCH, timeout=0.1)
        c.emit("a", "e", None)
        c.event("market:trade", {"p": 1}, {"marketId": "7"}, id="j")
        c.join("user:1", ["a:1"], except_="a:2")
        c.leave(["user:1"], "a:1", namespace="/n")
        c.disconnect("socket:s", close=True)
        list(c.sockets(in_="chat:ä+b", limit=2))
        list(c.rooms(type="chat"))
        c.room("chat:1/2", namespace="/n")
        c.user("a b")
        c.schedules.create({"id": "s", "to": "a:1", "event": "e", "at": EPOCH})
        c.schedules.cancel("s/1")
        c.bans.add(user="u", until=EPOCH, reason="r")
        self.assertEqual([(s.method, s.path, s.json) for s in r.seen], [
            ("POST", "/v1/emit", {"to": "chat:1", "event": "e", "data": {"a": 1}, "except": ["user:2"], "namespace": "/n",
                                  "volatile": True, "local": True, "id": "i", "delay": "5s"}),
            ("POST", "/v1/emit", {"to": ["a:1"], "event": "e", "args": [1, 2], "at": "1970-01-01T00:00:00.000Z", "timeout": 100}),
            ("POST", "/v1/emit", {"to": "a", "event": "e", "data": None}),
            ("POST", "/v1/events", {"type": "market:trade", "data": {"p": 1}, "vars": {"marketId": "7"}, "id": "j"}),
            ("POST", "/v1/sockets/join", {"in": "user:1", "rooms": ["a:1"], "except": "a:2"}),
            ("POST", "/v1/sockets/leave", {"in": ["user:1"], "rooms": "a:1", "namespace": "/n"}),
            ("POST", "/v1/sockets/disconnect", {"in": "socket:s", "close": True}),
            ("GET", "/v1/sockets?in=chat%3A%C3%A4%2Bb&limit=2", None),
            ("GET", "/v1/rooms?type=chat", None),
            ("GET", "/v1/rooms/chat%3A1%2F2?namespace=%2Fn", None),
            ("GET", "/v1/users/a%20b", None),
            ("POST", "/v1/schedules", {"id": "s", "to": "a:1", "event": "e", "at": "1970-01-01T00:00:00.000Z"}),
            ("DELETE", "/v1/schedules/s%2F1", None),
            ("POST", "/v1/bans", {"user": "u", "until": "1970-01-01T00:00:00.000Z", "reason": "r"}),
        ])
        self.assertEqual({s.headers["authorization"] for s in r.seen}, {"Bearer k"})
        self.assertEqual(len({s.peer for s in r.seen}), 1, "calls in turn share a connection")

    def test_an_error_has_code_status_field_and_time(self):
        r = self.recorder(lambda a, n: (422, {"retry-after": "7"}, {"error": {"code": "invalid", "message": "no", "field": "to"}}))
        e = self.fails(self.client(r.url).emit, "x", "e")
        self.assertEqual((e.code, e.status, e.field, e.retry_after, str(e), e.sent), ("invalid", 422, "to", 7, "no", False))
        self.assertEqual(len(r.seen), 1, "what the server refused is not tried again")

    def test_busy_is_tried_again_with_the_same_body_not_before_retry_after(self):
        replies = [(429, {}, BUSY), (503, {"retry-after": "1"}, BUSY), (202, {}, {"id": "i", "delivered": 3})]
        r = self.recorder(lambda a, n: replies[n])
        c = self.client(r.url)
        self.assertEqual(c.emit("x:1", "e", 1), {"id": "i", "delivered": 3})
        self.assertEqual(len({s.text for s in r.seen}), 1)
        self.assertGreaterEqual(r.seen[2].at - r.seen[1].at, 0.99)
        self.assertEqual(c.retried, 2)

    def test_tries_end(self):
        r = self.recorder(lambda a, n: (429, {"retry-after": "30"} if a.json["to"] == "long" else {}, BUSY))
        c = self.client(r.url, timeout=3, retries=2)
        self.assertEqual(self.fails(c.emit, "x", "e").status, 429)
        self.assertEqual(len(r.seen), 3)
        started = time.monotonic()
        self.assertEqual(self.fails(c.emit, "long", "e").retry_after, 30)
        self.assertLess(time.monotonic() - started, 1)
        self.assertEqual(len(r.seen), 4)

    def test_a_connection_that_broke(self):
        r = self.recorder(lambda a, n: "reset" if n % 2 == 0 else (202, {}, {"id": a.json["id"], "delivered": 1}))
        c = self.client(r.url)
        self.assertEqual(c.emit("x", "e", 1, id="once"), {"id": "once", "delivered": 1})
        self.assertEqual([s.json["id"] for s in r.seen], ["once", "once"])
        e = self.fails(c.emit, "x", "e", 1)
        self.assertEqual((e.code, e.sent, len(r.seen)), ("connection", True, 3))

    def test_idempotent_makes_ids(self):
        r = self.recorder(lambda a, n: "reset" if n == 0 else (202, {}, {"id": a.json.get("id"), "delivered": 1}))
        c = self.client(r.url, idempotent=True)
        c.emit("x", "e", 1)
        self.assertRegex(r.seen[0].json["id"], "^[0-9a-f-]{36}$")
        self.assertEqual(r.seen[1].json["id"], r.seen[0].json["id"])
        c.event("t", 1)
        self.assertIn("id", r.seen[2].json)
        c.emit("x", "e", "é" * 62000)
        for options in ({"volatile": True}, {"local": True}, {"timeout": 1}):
            c.emit("x", "e", 1, **options)
        self.assertEqual([s.json.get("id") for s in r.seen[3:]], [None] * 4)

    def test_a_server_that_is_not_there_yet(self):
        with socket.socket() as place:
            place.bind(("127.0.0.1", 0))
            port = place.getsockname()[1]
        c = self.client(f"http://127.0.0.1:{port}", timeout=8, retries=20)
        got = []
        thread = threading.Thread(target=lambda: got.append(c.disconnect("user:1")))
        thread.start()
        until("a second try", lambda: c.retried > 0)
        r = self.recorder(lambda a, n: (200, {}, {"matched": 2}), port=port)
        thread.join(8)
        self.assertEqual((got, len(r.seen)), ([{"matched": 2}], 1))

    def test_no_answer(self):
        r = self.recorder(lambda a, n: "silence")
        started = time.monotonic()
        e = self.fails(self.client(r.url, timeout=0.2).user, "u")
        self.assertEqual((e.code, e.sent, len(r.seen)), ("timeout", True, 1))
        self.assertLess(time.monotonic() - started, 2)

    def test_connections_are_bounded_kept_and_left_when_idle(self):
        r = self.recorder(lambda a, n: time.sleep(0.01) or (200, {}, {}))
        c = self.client(r.url, connections=3, idle=0.2)
        threads = [threading.Thread(target=c.user, args=(i,)) for i in range(30)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual((len({s.peer for s in r.seen}), len(r.seen)), (3, 30))
        time.sleep(0.25)
        c.user("late")
        self.assertEqual(len({s.peer for s in r.seen}), 4)

    def test_a_connection_that_the_server_closed_is_not_used(self):
        r = self.recorder(lambda a, n: (200, {}, {"matched": n}))
        c = self.client(r.url)
        c.disconnect("user:1")
        r.server.shutdown()
        r.server.server_close()
        (_, connection), = c._connections.unused
        connection.sock.shutdown(socket.SHUT_WR)
        until("the end to be here", lambda: r.open == 0)
        again = Recorder(self, lambda a, n: (200, {}, {"matched": 9}), port=int(r.url.rsplit(":", 1)[1]))
        self.assertEqual(c.disconnect("user:1"), {"matched": 9})
        self.assertEqual((len(again.seen), c.retried), (1, 0))

    def test_calls_that_wait_are_bounded(self):
        r = self.recorder(lambda a, n: "silence")
        c = self.client(r.url, max_pending=1, timeout=0.5)
        thread = threading.Thread(target=lambda: self.fails(c.user, "1"))
        thread.start()
        until("the first", lambda: r.seen)
        self.assertEqual(self.fails(c.user, "2").code, "overloaded")
        thread.join()
        c.close()
        self.assertEqual(self.fails(c.user, "3").code, "closed")

    def test_a_unix_socket(self):
        with tempfile.TemporaryDirectory() as place:
            r = self.recorder(lambda a, n: (200, {}, {"matched": 1}), path=os.path.join(place, "admin.sock"))
            self.assertEqual(self.client(r.url).join("all", "x:1"), {"matched": 1})

    def test_answers_that_are_none_or_too_much(self):
        replies = {"text": (200, {}, "hello"), "huge": (200, {}, '"' + "x" * (17 << 20) + '"'), "page": (502, {}, "<html>"),
                   "short": (200, {"content-length": "100", "connection": "close"}, "{}")}
        r = self.recorder(lambda a, n: replies[a.path.rsplit("/", 1)[1]])
        c = self.client(r.url, retries=0, timeout=2)
        self.assertEqual(self.fails(c.user, "text").code, "bad_reply")
        self.assertEqual(self.fails(c.user, "huge").code, "bad_reply")
        self.assertEqual(self.fails(c.user, "page").code, "http_502")
        self.assertEqual(self.fails(c.user, "short").code, "connection")
        self.assertEqual(self.fails(c.emit, "x", "e", "y" * (1 << 20)).code, "too_large")
        self.assertRaises(ValueError, c.emit, "x", "e", float("nan"))

    def test_pages_are_asked_for_as_they_are_read(self):
        def answer(asked, n):
            after = int(asked.path.partition("after=")[2] or 0)
            return 200, {}, {"items": [after + 1, after + 2], **({"next": str(after + 2)} if after < 8 else {})}

        r = self.recorder(answer)
        c = self.client(r.url)
        self.assertEqual(list(c.rooms()), list(range(1, 11)))
        self.assertEqual(len(r.seen), 5)
        for n in c.sockets(in_="r:1"):
            if n == 3:
                break
        self.assertEqual(len(r.seen), 7)

    def test_health_never_raises(self):
        replies = [(200, {}, {"ready": True}), (503, {}, {"ready": False, "reasons": ["draining"]})]
        r = self.recorder(lambda a, n: replies[n])
        c = self.client(r.url)
        self.assertEqual(c.health(), {"alive": True, "ready": True, "reasons": []})
        self.assertEqual(c.health(), {"alive": True, "ready": False, "reasons": ["draining"]})
        self.assertFalse(self.client("http://127.0.0.1:1").health()["alive"])

    def test_a_child_process_does_not_share_connections(self):
        r = self.recorder(lambda a, n: (200, {}, {"id": a.path, "delivered": 1}))
        c = self.client(r.url)
        c.user("parent")
        pid = fork()
        if pid == 0:
            ok = c.user("child") == {"id": "/v1/users/child", "delivered": 1}
            os._exit(0 if ok else 1)
        self.assertEqual(os.waitpid(pid, 0)[1], 0)
        c.user("parent")
        self.assertEqual([s.peer == r.seen[0].peer for s in r.seen], [True, False, True])

    def test_wrong_use_is_told_at_once(self):
        self.assertRaises(ValueError, Client, "ftp://x")
