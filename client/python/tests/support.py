"""An HTTP server of the test that notes what it is asked; a running forkcast; Socket.IO clients that hear."""
import base64
import hashlib
import hmac
import json
import os
import queue
import re
import shutil
import signal
import socketserver
import subprocess
import tempfile
import threading
import time
import warnings
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from forkcast import Client

KEY = "kit-admin-key-0123456789abcdef01"
SECRET = "0123456789abcdef0123456789abcdef"
ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
WAIT = 8


def until(what, fn, timeout=5.0):
    end = time.monotonic() + timeout
    while True:
        value = fn()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout} s: {what}")
        time.sleep(0.01)


def fork():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # from 3.12 on: threads are about, and the child uses none of them
        return os.fork()


class Asked:
    def __init__(self, handler, body):
        self.method = handler.command
        self.path = handler.path
        self.headers = handler.headers
        self.peer = handler.client_address
        self.text = body
        self.at = time.monotonic()
        ndjson = handler.headers.get("content-type") == "application/x-ndjson"
        self.lines = [json.loads(t) for t in body.splitlines()] if ndjson else None
        self.json = json.loads(body) if body and not ndjson else None


def good(asked):
    """What a batch is answered when all is well."""
    return 200, {}, "".join(json.dumps({"id": f"r{i}", "delivered": i}) + "\n" for i in range(len(asked.lines)))


class Recorder:
    """answer(asked, n) -> (status, headers, JSON or text), "reset" (the connection breaks) or "silence"."""

    def __init__(self, test, answer=lambda asked, n: (200, {}, {}), port=0, path=None):
        self.seen = []
        self.open = 0
        over = threading.Event()
        lock = threading.Lock()
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1
            disable_nagle_algorithm = path is None

            def setup(self):
                super().setup()
                with lock:
                    recorder.open += 1

            def finish(self):
                with lock:
                    recorder.open -= 1
                try:
                    super().finish()
                except OSError:
                    pass

            def handle(self):
                try:
                    super().handle()
                except OSError:
                    pass

            def any_method(self):
                asked = Asked(self, self.rfile.read(int(self.headers.get("content-length", 0))))
                with lock:
                    recorder.seen.append(asked)
                    n = len(recorder.seen) - 1
                reply = answer(asked, n)
                if reply == "silence":
                    over.wait(20)
                if isinstance(reply, str):
                    self.close_connection = True
                    return
                status, headers, body = reply
                body = (body if isinstance(body, str) else json.dumps(body)).encode()
                self.send_response(status)
                for name, value in {"content-type": "application/json", "content-length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)
                self.wfile.flush()

            do_GET = do_POST = do_DELETE = any_method

            def log_message(self, *_):
                pass

        if path is None:
            self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
            self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        else:
            class Unix(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
                daemon_threads = True

                def get_request(self):
                    return super().get_request()[0], ("unix", 0)

            self.server = Unix(path, Handler)
            self.url = f"unix:{path}"
        self.server.daemon_threads = True
        self.server.block_on_close = False
        thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()

        def stop():
            over.set()
            self.server.shutdown()
            self.server.server_close()

        test.addCleanup(stop)


class Forkcast:
    """A running server with CONF; `url` of its API, `sockets` of its clients' port."""

    def __init__(self, conf, workers=1):
        self.dir = tempfile.mkdtemp(prefix="forkcast-kit-")
        self.name = f"kit{os.getpid()}"
        conf_path = os.path.join(self.dir, "forkcast.conf")
        with open(conf_path, "w", encoding="utf-8") as f:
            f.write("\n".join([
                f'name = "{self.name}"', f"workers = {workers}", f'runtime_dir = "{self.dir}/run"', conf,
                'listen "127.0.0.1:0" { }', f'admin "127.0.0.1:0" {{ key = "{KEY}" }}',
                f'auth {{ jwt "k" {{ algorithm = HS256  secret = "{SECRET}" }} }}',
                "shm { sessions = 1000  ring_size = 1M  store_size = 16M }", ""]))
        binary = os.environ.get("FORKCAST", os.path.join(ROOT, "build/release/forkcast"))
        self.log = open(os.path.join(self.dir, "log"), "w+", encoding="utf-8")
        self.process = subprocess.Popen([binary, "-c", conf_path, "--print-ports"], stdout=subprocess.PIPE, stderr=self.log, text=True)
        line = self.process.stdout.readline()
        found = re.match(r"ports: \S+=(\d+) \S+=(\d+)", line)
        if not found:
            self.log.seek(0)
            said = self.log.read()
            self.stop()
            raise AssertionError(f"it did not start: {line}{said}")
        self.sockets = f"http://127.0.0.1:{found[1]}"
        self.url = f"http://127.0.0.1:{found[2]}"

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.log.close()
        shutil.rmtree(self.dir)


def token(**claims):
    def part(value):
        return base64.urlsafe_b64encode(value).rstrip(b"=").decode()

    text = ".".join(part(json.dumps(v).encode()) for v in ({"alg": "HS256"}, {"exp": int(time.time()) + 3600, **claims}))
    return text + "." + part(hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).digest())


class Ear:
    """A Socket.IO client of USER that keeps what it hears of EVENTS."""

    def __init__(self, test, server, user, *events, namespace="/", role=None):
        import socketio

        self.sio = socketio.Client(reconnection=False)
        self.namespace = namespace
        self.boxes = {event: queue.Queue() for event in events}
        for event, box in self.boxes.items():
            self.sio.on(event, lambda *args, box=box: box.put(args), namespace=namespace)
        auth = {"token": token(sub=user, **({"role": role} if role else {}))}
        self.sio.connect(server.sockets, transports=["websocket"], auth=auth, namespaces=[namespace])
        test.addCleanup(self.sio.disconnect)
        self.server = server
        self.known()

    def known(self):
        """`delivered` comes out of the store, where a client is a moment after it is told; a query waits until it is there."""
        with Client(self.server.url, KEY) as client:
            client.user("any")

    def subscribe(self, room, id):
        assert self.sio.call("subscribe", {"room": room, "id": id}, namespace=self.namespace, timeout=WAIT)["success"]
        self.known()
        return self

    def take(self, event):
        return self.boxes[event].get(timeout=WAIT)
