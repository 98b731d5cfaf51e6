"""The kit against a running server, with python-socketio that hears; and the examples of the README."""
import asyncio
import os
import re
import subprocess
import sys
import tempfile
import unittest

from forkcast import AsyncClient, CacheSync, Client, ForkcastError, Notifier, RepositoryEventEmitter

from .support import KEY, ROOT, Ear, Forkcast

KIT = os.path.join(ROOT, "client", "python")
CONF = """
room "chat"  { join = any }
room "cache" { join = role:service }
route "trade" { fields = {"price: int 1..1000"}  to = "chat:{@vars.chat}"  emit = traded }
namespace "/n" { room "chat" { join = any } }
"""


class Live(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Forkcast(CONF, workers=2)
        cls.addClassCleanup(cls.server.stop)
        cls.client = Client(cls.server.url, KEY)
        cls.addClassCleanup(cls.client.close)

    def ear(self, user, *events, **options):
        return Ear(self, self.server, user, *events, **options)

    def test_emit_to_whom_but_whom_not_where(self):
        a = self.ear("a", "e").subscribe("chat", "1")
        b = self.ear("b", "e").subscribe("chat", "1")
        n = self.ear("a", "e", namespace="/n")
        self.assertEqual(self.client.emit("chat:1", "e", {"é": None})["delivered"], 2)
        self.client.emit("chat:1", "e", 2, except_="user:a")
        self.client.emit("user:a", "e", 3, namespace="/n")
        self.client.emit(f"socket:{a.sio.get_sid()}", "e", args=[4, 5])
        self.assertEqual([a.take("e"), a.take("e")], [({"é": None},), (4, 5)])
        self.assertEqual([b.take("e"), b.take("e")], [({"é": None},), (2,)])
        self.assertEqual(n.take("e"), (3,))

    def test_emit_with_timeout(self):
        a = self.ear("acks")
        a.sio.on("ask", lambda n: n + 1)
        reply = self.client.emit("user:acks", "ask", 1, timeout=3)
        self.assertEqual((reply["delivered"], reply["answers"]), (1, [2]))

    def test_join_leave_disconnect(self):
        a = self.ear("mover")
        self.assertEqual(self.client.join("user:mover", ["chat:x", "chat:y"]), {"matched": 1})
        self.assertEqual(sorted(a.sio.call("getRooms")), ["chat:x", "chat:y", "global:all", "user:mover"])
        self.assertEqual(self.client.leave("user:mover", "chat:y"), {"matched": 1})
        self.assertEqual(self.client.disconnect("user:mover", close=True), {"matched": 1})

    def test_queries(self):
        ears = [self.ear(f"q{i % 2}").subscribe("chat", "q") for i in range(3)]
        sids = sorted(e.sio.get_sid() for e in ears)
        self.assertEqual(sorted(s["id"] for s in self.client.sockets(in_="chat:q", limit=1)), sids)
        self.assertEqual(sorted(self.client.users("chat:q")), ["q0", "q1"])
        self.assertEqual(self.client.room("chat:q"), {"name": "chat:q", "users": 2, "sockets": 3, "meta": {}})
        self.assertIsNone(self.client.room("chat:nobody"))
        self.assertEqual(self.client.socket(sids[0])["namespace"], "/")
        self.assertTrue(self.client.user("q0")["online"])
        self.assertIn("chat:q", [r["name"] for r in self.client.rooms(type="chat", limit=1)])
        self.assertIsInstance(self.client.stats(), dict)
        self.assertEqual(self.client.health(), {"alive": True, "ready": True, "reasons": []})

    def test_what_the_server_refuses(self):
        with self.assertRaises(ForkcastError) as caught:
            self.client.emit("", "e")
        self.assertEqual((caught.exception.code, caught.exception.status, caught.exception.field), ("invalid", 422, "to"))
        with Client(self.server.url, "wrong") as other, self.assertRaises(ForkcastError) as caught:
            other.stats()
        self.assertEqual((caught.exception.code, caught.exception.status), ("unauthorized", 401))

    def test_event(self):
        a = self.ear("a", "traded").subscribe("chat", "m")
        self.assertEqual(self.client.event("trade", {"price": 7}, {"chat": "m"})["delivered"], 1)
        self.assertEqual(a.take("traded"), ({"price": 7},))
        with self.assertRaises(ForkcastError) as caught:
            self.client.event("trade", {"price": 0}, {"chat": "m"})
        self.assertEqual((caught.exception.status, caught.exception.field), (422, "data.price"))

    def test_an_id_is_sent_once(self):
        a = self.ear("i", "n")
        for _ in range(2):
            self.assertEqual(self.client.emit("user:i", "n", 1, id="py-1"), {"id": "py-1", "delivered": 1})
        with Client(self.server.url, KEY, idempotent=True) as c:
            self.assertTrue(all(r.ok for r in c.batch({"emit": {"to": "user:i", "event": "n", "data": n}} for n in (2, 3))))
            c.emit("user:i", "n", 4)
        self.assertEqual([a.take("n")[0] for _ in range(4)], [1, 2, 3, 4])

    def test_batch_and_publisher(self):
        a = self.ear("b1", "n")
        with Client(self.server.url, KEY, batch_lines=100) as c:
            results = c.batch([{"join": {"in": "user:b1", "rooms": "chat:b"}},
                               *({"emit": {"to": "chat:b", "event": "n", "data": n}} for n in range(300)),
                               {"emit": {"to": "chat:b", "event": "disconnect"}}])
        self.assertEqual((results[0].reply["matched"], results[1].reply["status"]), (1, 202))
        self.assertEqual([(r.error.code, r.error.status, r.error.field) for r in results if not r.ok], [("reserved", 422, "event")])
        told = []
        with self.client.publisher(on_error=lambda error, lines: told.append((error.field, lines))) as p:
            for n in range(300, 1000):
                self.assertTrue(p.emit("chat:b", "n", n))
            p.emit("chat:b", "", 0)
        self.assertEqual([a.take("n")[0] for _ in range(1000)], list(range(1000)))
        self.assertEqual((told, p.counters["sent"], p.counters["failed"]), ([("event", 1)], 700, 1))

    def test_notifications(self):
        a, b = self.ear("n1", "notification"), self.ear("n2", "notification")
        results = Notifier(self.client).send_bulk_notifications(
            {"userId": u, "data": {"title": f"to {u}"}} for u in ("n1", "n2", "n3", "x" * 300))
        self.assertEqual([(r.ok, r.delivered) for r in results], [(True, 1), (True, 1), (True, 0), (False, 0)])
        for ear, result in ((a, results[0]), (b, results[1])):
            (n,) = ear.take("notification")
            self.assertEqual((n["userId"], n["title"], n["notificationId"]), (result.user_id, f"to {result.user_id}", result.notification_id))

    def test_a_repository_in_the_background(self):
        a = self.ear("43", "user:profile_updated")
        repository = type("Users", (), {"update_profile": lambda self, id, profile: {"id": id, **profile}})()
        emitter = RepositoryEventEmitter(self.client)
        emitter.register_repository("user", repository)
        repository.update_profile("43", {"city": "Paris"})
        self.assertTrue(emitter.close())
        self.assertEqual(a.take("user:profile_updated"), ({"city": "Paris", "id": "43"},))

    def test_asyncio(self):
        a = self.ear("aio", "e")

        async def run():
            async with AsyncClient(self.server.url, KEY, connections=2) as c:
                await asyncio.gather(*(c.emit("user:aio", "e", n) for n in range(10)))
                found = [s["user"]["id"] async for s in c.sockets(in_="user:aio", limit=1)]
                health = await c.health()
                with self.assertRaises(ForkcastError):
                    await c.emit("", "e")
                with self.assertRaises(AttributeError):
                    c.nothing
                return found, health["ready"]

        self.assertEqual(asyncio.run(run()), (["aio"], True))
        self.assertEqual(sorted(a.take("e")[0] for _ in range(10)), list(range(10)))

    def test_caches(self):
        a = self.ear("svc", "cache:warm", "cache:invalidate", role="service").subscribe("cache", "k")
        sync = CacheSync(self.client)
        sync.warm("k", [1])
        sync.invalidate("k")
        self.assertEqual((a.take("cache:warm"), a.take("cache:invalidate")), (({"key": "k", "value": [1]},), ({"key": "k"},)))

    def test_a_repository_that_waits(self):
        a = self.ear("42", "user:profile_updated")
        repository = type("Users", (), {"update_profile": lambda self, id, profile: {"id": id, **profile}})()
        emitter = RepositoryEventEmitter(self.client, strict=True)
        emitter.register_repository("user", repository)
        repository.update_profile("42", {"city": "Paris"})
        self.assertEqual(a.take("user:profile_updated"), ({"city": "Paris", "id": "42"},))


class Readme(unittest.TestCase):
    """Each block runs as it stands, prints what the comments behind its print() say, and user 42 hears its event."""

    def test_examples(self):
        server = Forkcast('room "chat" { join = any }')
        self.addCleanup(server.stop)
        with open(os.path.join(KIT, "README.md"), encoding="utf-8") as f:
            blocks = re.findall(r"^```python\n(.*?)^```", f.read(), re.M | re.S)
        self.assertGreaterEqual(len(blocks), 8)
        ear = Ear(self, server, "42", "notice", "price", "notification", "user:profile_updated")
        env = {**os.environ, "FORKCAST_URL": server.url, "FORKCAST_KEY": KEY, "PYTHONPATH": KIT, "PYTHONDONTWRITEBYTECODE": "1"}
        for code in blocks:
            with self.subTest(code), tempfile.TemporaryDirectory() as place:
                r = subprocess.run([sys.executable, "-W", "error", "-c", code], env=env, cwd=place, capture_output=True, text=True, timeout=20)
                self.assertEqual((r.returncode, r.stderr), (0, ""))
                for line in re.findall(r"print\(.*\)  # (.*)$", code, re.M):
                    pattern = ".*".join(map(re.escape, line.split("...")))
                    self.assertRegex(r.stdout, re.compile(f"^{pattern}$", re.M))
                event = next((e for e in ear.boxes if f'", "{e}"' in code or f'"event": "{e}"' in code), None)
                if "Notifier" in code:
                    event = "notification"
                elif "Repository" in code:
                    event = "user:profile_updated"
                if event and "except ForkcastError" not in code:
                    ear.take(event)


class Package(unittest.TestCase):
    def test_what_is_installed(self):
        with open(os.path.join(KIT, "pyproject.toml"), encoding="utf-8") as f:
            text = f.read()
        self.assertIn("dependencies = []", text)
        self.assertTrue(os.path.exists(os.path.join(KIT, "forkcast", "py.typed")))

    def test_nothing_but_the_standard_library(self):
        code = "import sys; sys.path.insert(0, sys.argv[1]); import forkcast; print(forkcast.Client)"
        r = subprocess.run([sys.executable, "-I", "-S", "-W", "error", "-c", code, KIT], capture_output=True, text=True, check=False)
        self.assertEqual((r.returncode, r.stderr), (0, ""))


