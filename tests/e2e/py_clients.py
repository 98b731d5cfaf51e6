#!/usr/bin/python3
"""py_clients.py - python-socketio against a running server; started by client_python.mjs, which tells where it is.

Environment: URL of the clients' port, ADMIN and KEY of the API, SECRET of the tokens.
"""
import base64
import hashlib
import hmac
import json
import os
import queue
import signal
import threading
import time
import unittest

import requests
import socketio

URL, ADMIN, KEY, SECRET = (os.environ[k] for k in ("URL", "ADMIN", "KEY", "SECRET"))
WAIT = 8


def token(**claims):
    """A token of CLAIMS for an hour."""
    def part(value):
        return base64.urlsafe_b64encode(value).rstrip(b"=").decode()

    text = ".".join(part(json.dumps(v).encode()) for v in ({"alg": "HS256"}, {"exp": time.time() + 3600, **claims}))
    return text + "." + part(hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).digest())


def api(method, path, **body):
    answer = requests.request(method, ADMIN + path, json=body or None, timeout=WAIT,
                              headers={"Authorization": "Bearer " + KEY})
    return answer.json()


class Client(socketio.Client):
    """One that keeps what it hears in queues, by event."""

    def __init__(self, **options):
        super().__init__(**{"reconnection": False, **options})
        self.queues = {}

    def hear(self, event):
        box = self.queues.setdefault(event, queue.Queue())
        self.on(event, lambda *args: box.put(args))
        return self

    def take(self, event):
        return self.queues[event].get(timeout=WAIT)


class Clients(unittest.TestCase):
    def client(self, **options):
        sio = Client(**options)
        self.addCleanup(sio.disconnect)
        return sio

    def connected(self, user="py", url=URL, **options):
        sio = self.client()
        options.setdefault("auth", {"token": token(sub=user)})
        sio.connect(url, transports=["websocket"], **options)
        return sio

    def test_connects_over_websocket(self):
        sio = self.connected("ada")
        self.assertEqual(sio.transport(), "websocket")
        seen = api("GET", "/v1/sockets/" + sio.get_sid())
        self.assertEqual(seen["user"], {"id": "ada", "name": None, "role": None})
        self.assertNotEqual(sio.sid, sio.get_sid())

    def test_token_in_header_query_and_cookie(self):
        text = token(sub="ada")
        for options in ({"headers": {"Authorization": "Bearer " + text}}, {"url": URL + "?token=" + text},
                        {"headers": {"Cookie": "a=b; session=" + text}}):
            sio = self.connected(auth=None, **options)
            self.assertEqual(api("GET", "/v1/sockets/" + sio.get_sid())["user"]["id"], "ada")

    def test_refused_with_the_reason(self):
        for auth, message in ((None, "Authentication required"), ({"token": "x"}, "Authentication failed"),
                              ({"token": token(sub="a", exp=1)}, "Authentication expired")):
            sio = self.client().hear("connect_error")
            with self.assertRaises(socketio.exceptions.ConnectionError):
                sio.connect(URL, transports=["websocket"], auth=auth)
            self.assertEqual(sio.take("connect_error"), ({"message": message},))

    def test_acks_and_events(self):
        sio = self.connected().hear("echo")
        self.assertEqual(sio.call("echo", {"a": [1, "é💛", None, True]}, timeout=WAIT), {"success": True})
        self.assertEqual(sio.take("echo"), ({"a": [1, "é💛", None, True]},))
        sio.emit("echo", ("several", 2, {"three": 3}))
        self.assertEqual(sio.take("echo"), ("several", 2, {"three": 3}))
        sio.emit("echo")
        self.assertEqual(sio.take("echo"), ())

    def test_integers_of_any_size_pass_unchanged(self):
        sio = self.connected().hear("echo")
        for number in (2**53 + 1, 2**64, 2**256 - 1, -(2**200)):
            sio.emit("echo", number)
            self.assertEqual(sio.take("echo"), (number,))

    def test_rooms(self):
        sio = self.connected("bob")
        self.assertEqual(sio.call("subscribe", {"room": "r", "id": 1}, timeout=WAIT),
                         {"success": True, "room": "r:1", "message": "Subscribed to r:1"})
        self.assertEqual(sio.call("getRooms", timeout=WAIT), ["user:bob", "global:all", "r:1"])
        self.assertEqual(sio.call("subscribe", {"room": "x", "id": 1}, timeout=WAIT)["code"], "forbidden")
        self.assertEqual(sio.call("ping", timeout=WAIT), "pong")

    def test_error_without_ack(self):
        sio = self.connected().hear("error")
        sio.emit("say", {"id": 99})
        self.assertEqual(sio.take("error"), ({"message": "You are not in this room"},))

    def test_published_by_the_api(self):
        all_of = [self.connected("many").hear("news") for _ in range(5)]
        api("GET", "/v1/users/many")  # a query waits until whoever connected before it is counted
        self.assertEqual(api("POST", "/v1/emit", to="user:many", event="news", args=[1, {"b": "ü"}])["delivered"], 5)
        for sio in all_of:
            self.assertEqual(sio.take("news"), (1, {"b": "ü"}))

    def test_order_and_completeness_for_many_receivers(self):
        receivers = [self.connected("r%d" % i).hear("said") for i in range(6)]
        for sio in receivers:
            sio.call("subscribe", {"room": "r", "id": "order"}, timeout=WAIT)
        for n in range(100):
            receivers[0].emit("say", {"id": "order", "n": n})
        for sio in receivers:
            self.assertEqual([sio.take("said")[0]["n"] for _ in range(100)], list(range(100)))

    def test_talks_with_socket_io_client(self):
        sio = self.connected("py").hear("said")
        sio.call("subscribe", {"room": "r", "id": "mixed"}, timeout=WAIT)
        for n in range(20):
            sio.emit("say", {"id": "mixed", "from": "python", "n": n})
        heard = [sio.take("said")[0] for _ in range(40)]
        for who in ("python", "node"):
            self.assertEqual([m["n"] for m in heard if m["from"] == who], list(range(20)))

    def test_disconnected_by_the_server(self):
        for close in (False, True):
            sio = self.connected("leaver").hear("disconnect")
            api("POST", "/v1/sockets/disconnect", **{"in": "user:leaver", "close": close})
            sio.take("disconnect")
            self.assertFalse(sio.connected)

    def test_lives_through_heartbeats(self):
        sio = self.connected()
        time.sleep(1)
        self.assertTrue(sio.connected)
        self.assertEqual(sio.call("ping", timeout=WAIT), "pong")

    def test_reconnects_when_its_worker_dies(self):
        back = threading.Event()
        sio = self.client(reconnection=True, reconnection_delay=0.05, randomization_factor=0).hear("disconnect")
        sio.connect(URL, transports=["websocket"], auth={"token": token(sub="phoenix")})
        old = sio.get_sid()
        sio.on("connect", back.set)
        worker = api("GET", "/v1/sockets/" + old)["worker"]
        pids = [p["pid"] for p in api("GET", "/v1/stats")["processes"] if p["role"] == "worker" and p["index"] == worker]
        os.kill(pids[0], signal.SIGKILL)
        sio.take("disconnect")
        self.assertTrue(back.wait(WAIT))
        self.assertNotEqual(sio.get_sid(), old)
        self.assertEqual(sio.call("ping", timeout=WAIT), "pong")


if __name__ == "__main__":
    unittest.main(verbosity=2)
