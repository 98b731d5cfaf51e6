"""Repositories whose methods publish, and caches; against an HTTP server of the test."""
import asyncio
import unittest

from forkcast import CacheSync, Client, RepositoryEventEmitter, event_name

from .support import Recorder, good


class UserRepository:
    def __init__(self):
        self.rows = {"1": {"id": "1", "name": "ada"}}

    def update_profile(self, id, profile):
        if "bad" in profile:
            raise KeyError("refused by the store")
        return self.save({**self.rows[id], **profile})

    def save(self, row):
        self.rows[row["id"]] = row
        return row

    async def rename(self, id, *, name, password=None):
        await asyncio.sleep(0)
        return self.save({"id": id, "name": name})

    def find_by_id(self, id):
        return self.rows[id]

    def clear(self):
        pass

    @property
    def update_count(self):
        raise AssertionError("properties are not run")


def answer(asked, n):
    return good(asked) if asked.lines else (202, {}, {"id": "i", "delivered": 1})


class Repositories(unittest.TestCase):
    def registered(self, options={}, answer=answer, **emitter):
        r = Recorder(self, answer)
        c = Client(r.url, "k", retries=0)
        self.addCleanup(c.close)
        e = RepositoryEventEmitter(c, **emitter)
        self.addCleanup(e.close)
        repository = UserRepository()
        self.assertIs(e.register_repository("user", repository, **options), repository)
        return r, e, repository

    def sent(self, r, e):
        self.assertTrue(e.flush(5))
        return [(m["to"], m["event"], m["data"]) for s in r.seen for m in ([x["emit"] for x in s.lines] if s.lines else [s.json])]

    def test_update_profile_runs_and_then_is_published(self):
        r, e, repository = self.registered()
        row = repository.update_profile("1", {"city": "Paris", "password": "x", "reset_token": "y"})
        self.assertEqual((row["city"], row["password"]), ("Paris", "x"))
        self.assertEqual(self.sent(r, e), [("user:1", "user:profile_updated", {"city": "Paris", "id": "1"})])
        self.assertEqual(e.counters, {"published": 1, "failed": 0})

    def test_asynchronous_methods(self):
        r, e, repository = self.registered()

        async def run():
            row = await repository.rename("1", name="bob", password="x")
            await asyncio.create_task(repository.rename("2", name="cy"))
            return row

        self.assertEqual(asyncio.run(run()), {"id": "1", "name": "bob"})
        self.assertEqual(self.sent(r, e), [("user:1", "user:renamed", {"name": "bob", "id": "1"}), ("user:2", "user:renamed", {"name": "cy", "id": "2"})])

    def test_readers_and_calls_within_a_call_publish_nothing(self):
        r, e, repository = self.registered()
        repository.find_by_id("1")
        repository.update_profile("1", {"name": "b"})
        repository.save({"id": "1"})
        self.assertEqual([s[1] for s in self.sent(r, e)], ["user:profile_updated", "user:saved"])
        r, e, repository = self.registered({"nested": True})
        repository.update_profile("1", {"name": "b"})
        self.assertEqual([s[1] for s in self.sent(r, e)], ["user:saved", "user:profile_updated"])

    def test_calls_of_two_repositories_within_each_other(self):
        r, e, repository = self.registered()
        clans = type("Clans", (), {})()
        clans.create = lambda id: id
        e.register_repository("clan", clans, events={"create": "created"})
        outer = type("Both", (UserRepository,), {"update_profile": lambda s, id, p: (clans.create(id), s.save({"id": id}))})()
        e.register_repository("both", outer)
        outer.update_profile("7", {})
        self.assertEqual([s[1] for s in self.sent(r, e)], ["clan:created", "both:profile_updated"])

    def test_what_fails_publishes_nothing(self):
        r, e, repository = self.registered()
        self.assertRaises(KeyError, repository.update_profile, "1", {"bad": 1})
        repository.save({"id": "1"})
        self.assertEqual([s[1] for s in self.sent(r, e)], ["user:saved"])

    def test_publishing_that_fails_is_told_and_the_caller_does_not_see_it(self):
        told = []

        def on_error(error, call):
            told.append((error.__class__.__name__, call.method, call.id))
            raise RuntimeError("a listener")

        r, e, repository = self.registered(answer=lambda a, n: (403, {}, {}), on_error=on_error)
        self.assertEqual(repository.update_profile("1", {})["name"], "ada")
        self.assertEqual(repository.clear(), None)
        e.flush(5)
        self.assertEqual(sorted(told), [("ForkcastError", "update_profile", "1"), ("TypeError", "clear", None)])
        self.assertEqual(e.counters, {"published": 0, "failed": 2})

    def test_strict_waits_and_fails(self):
        r, e, repository = self.registered(strict=True, answer=lambda a, n: (403, {}, {}))
        self.assertRaisesRegex(Exception, "403", repository.update_profile, "1", {})
        self.assertRaisesRegex(Exception, "403", asyncio.run, repository.rename("1", name="x"))
        r, e, repository = self.registered(strict=True)
        repository.update_profile("1", {})
        self.assertEqual(len(r.seen), 1, "sent before the call ended")
        self.assertRaises(TypeError, RepositoryEventEmitter, e._publisher, strict=True)

    def test_events_targets_and_data_as_the_options_say(self):
        r, e, repository = self.registered({
            "events": {
                "update_profile": {"event": "changed", "to": lambda c: [f"user:{c.id}", f"city:{c.result['city']}"],
                                   "data": lambda c: c.args[1]["city"], "options": {"volatile": True}},
                "find_by_id": "audit:looked_up",
                "save": False,
                "clear": {"id": "all", "if": lambda c: len(r.seen) > 99},
            },
            "to": "admins:all",
        })
        repository.update_profile("1", {"city": "Paris"})
        repository.find_by_id("1")
        repository.save({"id": "1"})
        repository.clear()
        self.assertEqual(self.sent(r, e), [(["user:1", "city:Paris"], "user:changed", "Paris"), ("admins:all", "audit:looked_up", {"id": "1"})])
        self.assertEqual(r.seen[0].lines[0]["emit"]["volatile"], True)
        self.assertRaises(TypeError, e.register_repository, "x", repository, events={"nope": "y"})
        self.assertRaises(TypeError, e.register_repository, "x", repository, too="y")
        self.assertRaises(ValueError, e.register_repository, "user", repository)

    def test_unregistered_as_before(self):
        r, e, repository = self.registered()
        self.assertTrue(e.unregister_repository("user"))
        self.assertFalse(e.unregister_repository("user"))
        repository.update_profile("1", {})
        self.assertEqual(self.sent(r, e), [])

    def test_a_given_publisher_goes_on(self):
        r = Recorder(self, answer)
        with Client(r.url) as c, c.publisher() as p:
            e = RepositoryEventEmitter(p)
            e.register_repository("user", UserRepository()).clear
            e.close()
            self.assertTrue(p.emit("x", "e"))

    def test_names_of_events(self):
        for method, event in {"update_profile": "profile_updated", "updateProfile": "profile_updated", "create_user": "created",
                              "delete_by_id": "deleted", "burn_mlg": "mlg_burned", "set_role": "role_set", "find_by_id": None,
                              "_update": None, "validate": None, "update_sync": "updated", "apply": None, "": None}.items():
            self.assertEqual(event_name(method, "user"), event, method)

    def test_caches(self):
        r = Recorder(self, answer)
        with Client(r.url) as c:
            sync = CacheSync(c)
            sync.invalidate("a:1")
            sync.warm("a:1", {"n": 1}, ttl=5000)
            sync.warm("a:1", None)
        self.assertEqual([(s.json["to"], s.json["event"], s.json["data"]) for s in r.seen], [
            ("cache:a:1", "cache:invalidate", {"key": "a:1"}), ("cache:a:1", "cache:warm", {"key": "a:1", "value": {"n": 1}, "ttl": 5000}),
            ("cache:a:1", "cache:warm", {"key": "a:1", "value": None})])
