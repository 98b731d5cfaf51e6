"""Many verbs in few requests, and the publisher that never waits; against an HTTP server of the test."""
import itertools
import os
import threading
import time
import unittest

from forkcast import BatchError, Client, Notifier

from .support import Recorder, fork, good, until


def verb(n, **more):
    return {"emit": {"to": "x:1", "event": "e", "data": n, **more}}


def numbers(*asked):
    return [line["emit"]["data"] for a in asked for line in a.lines]


class Case(unittest.TestCase):
    def client(self, answer, **options):
        r = Recorder(self, answer)
        c = Client(r.url, "k", **options)
        self.addCleanup(c.close)
        return r, c


class Batch(Case):
    def test_lines_keep_their_order_and_chunks_the_limits(self):
        r, c = self.client(lambda a, n: good(a), batch_lines=4, body_limit=300)
        results = c.batch(verb(n) for n in range(10))
        self.assertEqual(numbers(*r.seen), list(range(10)))
        self.assertEqual([len(s.lines) for s in r.seen], [4, 4, 2])
        self.assertTrue(all(s.path == "/v1/batch" and len(s.text) <= 300 for s in r.seen))
        self.assertEqual((results[5].ok, results[5].reply), (True, {"id": "r1", "delivered": 1}))
        c.batch([verb("é" * 60), verb("é" * 60)])
        self.assertEqual([len(s.lines) for s in r.seen[3:]], [1, 1], "bytes are counted, not characters")

    def test_a_line_that_is_refused_is_that_line_alone(self):
        import json

        def answer(asked, n):
            bad = {"error": {"code": "invalid", "message": "no", "field": "to"}}
            return 200, {}, "\n".join(json.dumps(bad if x == "bad" else {"id": "i", "delivered": 0}) for x in numbers(asked))

        _, c = self.client(answer, body_limit=200)
        results = c.batch([verb(1), verb("bad"), verb("x" * 200), verb(2)])
        self.assertEqual([r.error and r.error.code for r in results], [None, "invalid", "too_large", None])
        self.assertEqual(results[1].error.field, "to")
        self.assertRaises(TypeError, c.batch, [{"emit": {}, "join": {}}])

    def test_a_request_that_fails_ends_the_batch_and_every_line_has_a_result(self):
        no = (401, {}, {"error": {"code": "unauthorized", "message": "no"}})
        r, c = self.client(lambda a, n: no if n == 1 else good(a), batch_lines=2)
        with self.assertRaises(BatchError) as caught:
            c.batch([verb(n) for n in range(5)])
        e = caught.exception
        self.assertEqual((e.code, e.status), ("unauthorized", 401))
        self.assertEqual([x.error.code if x.error else "ok" for x in e.results],
                         ["ok", "ok", "unauthorized", "unauthorized", "not_sent"])
        self.assertEqual(len(r.seen), 2)

    def test_a_stream_is_read_at_the_speed_of_the_server(self):
        r, c = self.client(lambda a, n: good(a), batch_lines=10)
        made = itertools.count()
        stream = c.batch_stream(verb(n) for n in made)
        self.assertTrue(all(x.ok for x in itertools.islice(stream, 35)))
        self.assertEqual(len(r.seen), 4)
        self.assertLessEqual(next(made), 52)

    def test_sent_again_after_a_broken_connection_only_with_ids(self):
        r, c = self.client(lambda a, n: "reset" if n % 2 == 0 else good(a))
        c.batch([verb(1, id="a"), {"join": {"in": "x", "rooms": "y"}}])
        self.assertEqual(r.seen[0].text, r.seen[1].text)
        with self.assertRaises(BatchError) as caught:
            c.batch([verb(1, id="a"), verb(2)])
        self.assertEqual((caught.exception.code, caught.exception.sent, len(r.seen)), ("connection", True, 3))
        r.seen.pop()
        c.batch([verb(1), verb(2)], idempotent=True)
        self.assertEqual(r.seen[2].text, r.seen[3].text)
        self.assertNotEqual(*(line["emit"]["id"] for line in r.seen[2].lines))

    def test_results_that_do_not_fit_are_none(self):
        replies = ["{}\n", "x", "1\n2\n"]
        _, c = self.client(lambda a, n: (200, {}, replies[n]))
        for _ in replies:
            with self.assertRaises(BatchError) as caught:
                c.batch([verb(1), verb(2)])
            self.assertEqual(caught.exception.code, "bad_reply")

    def test_notifications_have_a_result_for_each_user(self):
        import json

        def answer(asked, n):
            if n == 1:
                return 403, {}, {"error": {"code": "forbidden", "message": "no"}}
            rows = [{"error": {"code": "invalid", "message": "no"}} if line.get("emit", {}).get("to") == "user:2" else {"id": "i", "delivered": 3}
                    for line in asked.lines]
            return 200, {}, "\n".join(map(json.dumps, rows))

        r, c = self.client(answer, batch_lines=2)
        results = Notifier(c).send_bulk_notifications({"userId": u, "data": {"title": f"to {u}"}} for u in ("1", "2", "3"))
        self.assertEqual([(x.user_id, x.ok, x.delivered, x.error and x.error.code) for x in results],
                         [("1", True, 3, None), ("2", False, 0, "invalid"), ("3", False, 0, "forbidden")])
        sent = r.seen[0].lines[0]["emit"]
        self.assertEqual((sent["to"], sent["event"], sent["data"]["title"], sent["data"]["read"]), ("user:1", "notification", "to 1", False))
        self.assertEqual(sent["data"]["notificationId"], results[0].notification_id)
        Notifier(c, type="notify").send_notification("7", {"a": 1})
        self.assertEqual(r.seen[2].lines[0]["event"]["vars"], {"userId": "7"})


class Publishing(Case):
    def publisher(self, answer, **options):
        r, c = self.client(answer)
        p = c.publisher(**options)
        self.addCleanup(p.close, 0)
        return r, p

    def test_what_is_sent_together_leaves_together_in_order_one_request_at_a_time(self):
        open_now, most = [0], [0]

        def answer(asked, n):
            open_now[0] += 1
            most[0] = max(most[0], open_now[0])
            time.sleep(0.02)
            open_now[0] -= 1
            return good(asked)

        r, p = self.publisher(answer, batch_lines=50, linger=0.2)
        for n in range(120):
            self.assertTrue(p.emit("x:1", "e", n))
        self.assertTrue(p.flush(5))
        self.assertEqual([len(s.lines) for s in r.seen], [50, 50, 20])
        self.assertEqual(numbers(*r.seen), list(range(120)))
        self.assertEqual(most, [1])
        self.assertEqual(p.counters, {"sent": 120, "failed": 0, "dropped": 0, "queued": 0, "bytes": 0})
        p.event("t", 1, {"v": 1})
        p.join("user:1", "x:1")
        p.leave("user:1", "x:1")
        p.disconnect("user:1", close=True)
        self.assertTrue(p.close())
        self.assertEqual(r.seen[-1].lines, [
            {"event": {"type": "t", "data": 1, "vars": {"v": 1}}}, {"join": {"in": "user:1", "rooms": "x:1"}},
            {"leave": {"in": "user:1", "rooms": "x:1"}}, {"disconnect": {"in": "user:1", "close": True}}])
        self.assertFalse(p.emit("x:1", "e"), "closed")
        self.assertEqual(p.counters["dropped"], 1)

    def test_a_line_alone_leaves_after_the_linger(self):
        r, p = self.publisher(lambda a, n: good(a), linger=0.05)
        started = time.monotonic()
        p.emit("x:1", "e", 1)
        until("the line", lambda: p.counters["sent"] == 1)
        self.assertGreaterEqual(r.seen[0].at - started, 0.045)

    def test_the_queue_is_bounded_by_lines_and_bytes_and_drops_are_counted(self):
        gate = threading.Event()
        self.addCleanup(gate.set)
        r, p = self.publisher(lambda a, n: gate.wait(5) and good(a), batch_lines=10, queue_lines=20, linger=0)
        for n in range(10):
            p.emit("x:1", "e", n)
        until("the first request", lambda: r.seen)
        first = len(r.seen[0].lines)
        for n in range(10, 100):
            p.emit("x:1", "e", n)
        dropped = p.counters["dropped"]
        self.assertEqual(dropped, 100 - first - 20)
        gate.set()
        p.flush(5)
        self.assertEqual(numbers(*r.seen), list(range(100 - dropped)))
        _, small = self.publisher(lambda a, n: good(a), queue_bytes=1000, batch_bytes=600, linger=5)
        taken = [small.emit("x:1", "e", "y" * 100) for _ in range(4)]
        self.assertEqual((taken, small.emit("x:1", "e", "y" * 600)), ([True] * 4, False), "longer than any batch")

    def test_a_batch_that_fails_is_counted_and_told_and_the_next_goes_on(self):
        no = (403, {}, {"error": {"code": "forbidden", "message": "no"}})
        told, done = [], []

        def on_error(error, lines):
            told.append((error.code, lines))
            raise RuntimeError("a listener")

        _, p = self.publisher(lambda a, n: no if n == 0 else good(a), linger=0.05, on_error=on_error)
        p.emit("x:1", "e", 1)
        p.emit("x:1", "e", 2, done=done.append)
        self.assertTrue(p.flush(5))
        p.emit("x:1", "e", 3, done=done.append)
        self.assertTrue(p.flush(5))
        self.assertEqual((told, done[0].code, done[1]), ([("forbidden", 2)], "forbidden", None))
        self.assertEqual(p.counters, {"sent": 1, "failed": 2, "dropped": 0, "queued": 0, "bytes": 0})

    def test_lines_the_server_was_too_busy_for_are_sent_again_ahead_of_later_ones(self):
        busy, fine = '{"status": 429, "error": {"code": "busy", "message": "try again"}}', '{"id": "i", "delivered": 1}'
        r, p = self.publisher(lambda a, n: (200, {}, "\n".join(busy if n == 0 and i > 0 else fine for i in range(len(a.lines)))),
                              linger=0.05, busy_pause=0.03)
        for n in (1, 2, 3):
            p.emit("x:1", "e", n)
        until("the first", lambda: r.seen)
        p.emit("x:1", "e", 4)
        p.flush(5)
        self.assertEqual([numbers(s) for s in r.seen], [[1, 2, 3], [2, 3], [4]])
        self.assertEqual(p.counters["sent"], 4)

    def test_close_waits_so_long_and_counts_what_is_left(self):
        told = []
        r, p = self.publisher(lambda a, n: "silence", batch_lines=2, on_error=lambda e, lines: told.append((e.code, lines)))
        for n in range(5):
            p.emit("x:1", "e", n)
        until("the first two", lambda: r.seen)
        started = time.monotonic()
        self.assertFalse(p.close(0.1))
        self.assertLess(time.monotonic() - started, 1)
        left = 5 - len(r.seen[0].lines)
        self.assertEqual((told, p.counters["dropped"]), ([("dropped", left)], left))

    def test_a_child_process_publishes_its_own(self):
        r, p = self.publisher(lambda a, n: good(a), linger=0.05)
        p.emit("x:1", "e", "parent")
        pid = fork()
        if pid == 0:
            p.emit("x:1", "e", "child")
            os._exit(0 if p.flush(5) and p.counters["sent"] == 1 else 1)
        self.assertEqual(os.waitpid(pid, 0)[1], 0)
        self.assertTrue(p.flush(5))
        self.assertEqual(sorted(numbers(*r.seen)), ["child", "parent"])
