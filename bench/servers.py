"""The servers that are measured: how each is started, told where to listen, and ended.  See bench/README.md."""
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

BENCH = Path(__file__).resolve().parent
ROOT = BENCH.parent
SECRET = "0123456789abcdef0123456789abcdef"
KEY = "bench-admin-key"
START_PATIENCE_S = 20
YARDSTICK = "rawsend"


@dataclass
class Spec:
    """How a server is started; it prints "ports: CONF=REAL ..." when ready, the public port first, the admin port last."""

    command: list
    raw: bool = False  # speaks rawsend's protocol instead of Socket.IO
    redis: bool = False
    env: dict = field(default_factory=dict)


class StartError(Exception):
    pass


class Server:
    def __init__(self, spec, scratch, patience_s=START_PATIENCE_S):
        self.spec, self.children, self.patience_s = spec, [], patience_s
        env = os.environ | {"BENCH_SECRET": SECRET, "BENCH_KEY": KEY} | spec.env
        if not shutil.which(spec.command[0]):
            raise StartError(f"cannot start: {spec.command[0]} is not there")
        self.errors = tempfile.TemporaryFile(dir=scratch)
        try:
            if spec.redis:
                env["BENCH_REDIS"] = self.start_redis(scratch, env)
            env["BENCH_NAME"] = f"bench-{os.getpid()}"
            env["BENCH_RUNTIME"] = str(scratch)
            process = self.spawn(spec.command, env, stdout=subprocess.PIPE)
            self.ports = self.await_ports(process)
        except BaseException:
            self.stop()
            raise

    def spawn(self, command, env, **more):
        process = subprocess.Popen(command, env=env, stderr=self.errors, stdin=subprocess.DEVNULL, start_new_session=True, **more)
        self.children.append(process)
        return process

    def start_redis(self, scratch, env):
        if not shutil.which("redis-server"):
            raise StartError("cannot start: redis-server is not installed")
        path = f"{scratch}/redis.sock"
        self.spawn(["redis-server", "--port", "0", "--unixsocket", path, "--save", "", "--dir", str(scratch)], env, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + START_PATIENCE_S
        while not os.path.exists(path):
            if time.monotonic() > deadline:
                raise StartError("cannot start: redis-server does not listen")
            time.sleep(0.05)
        return path

    def await_ports(self, process):
        os.set_blocking(process.stdout.fileno(), False)
        deadline, text = time.monotonic() + self.patience_s, b""
        while time.monotonic() < deadline and process.poll() is None:
            text += process.stdout.read() or b""
            for line in text.split(b"\n")[:-1]:
                if line.startswith(b"ports:"):
                    return [int(word.split(b"=")[1]) for word in line.split()[1:]]
            time.sleep(0.02)
        self.errors.seek(0)
        said = self.errors.read().decode(errors="replace").strip().split("\n")
        what = f"exit {process.returncode}" if process.poll() is not None else f"not ready in {self.patience_s} s"
        raise StartError(f"cannot start: {what}: {said[-1][:100]}")

    def options(self):
        """The load generator's options that point it at this server."""
        mine = ["--port", self.ports[0], "--pid", ",".join(str(c.pid) for c in self.children)]
        mine += ["--raw"] if self.spec.raw else ["--secret", SECRET, "--admin", self.ports[-1], "--key", KEY]
        return [str(word) for word in mine]

    def stop(self):
        for process in reversed(self.children):
            process.send_signal(signal.SIGINT)
            try:
                process.wait(self.patience_s / 4)
            except subprocess.TimeoutExpired:
                pass
            try:
                os.killpg(process.pid, signal.SIGKILL)  # its own session: whatever it left behind
            except ProcessLookupError:
                pass
            process.wait()
            if process.stdout:
                process.stdout.close()
        self.children = []


def forkcast(binary, workers):
    command = [str(binary), "-c", str(BENCH / "forkcast-bench.conf"), "--print-ports"]
    return Spec(command, env={"BENCH_WORKERS": str(workers)})


def specs(build, baseline=None):
    """All servers by name.  BASELINE: another forkcast binary, measured beside the present one."""
    node = ["node", str(BENCH / "peers/node.js")]
    bun = str(BENCH / "peers/node_modules/@oven/bun-linux-x64/bin/bun")
    out = {YARDSTICK: Spec([str(build / "bench/rawsend")], raw=True)}
    for workers, name in ((1, "1 worker"), (2, "2 workers")):
        out[f"forkcast, {name}"] = forkcast(build / "forkcast", workers)
        if baseline:
            out[f"baseline, {name}"] = forkcast(baseline, workers)
    return out | {
        "uWebSockets (Bun), plain": Spec([bun, str(BENCH / "peers/uws.js")], raw=True),
        "Node Socket.IO": Spec(node),
        "Node cluster of 2 + Redis": Spec(node + ["2"], redis=True),
    }


def twin(name):
    """Of a baseline: the server that it is measured beside; else the name itself."""
    return name.replace("baseline,", "forkcast,", 1)


def load(build, spec, options, patience_s=START_PATIENCE_S):
    """A result of the load generator against a server started for it, or {"failed": why}."""
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        try:
            server = Server(spec, scratch, patience_s)
        except StartError as error:
            return {"failed": str(error)}
        try:
            command = [str(build / "bench/load/load")] + server.options() + options
            done = subprocess.run(command, capture_output=True, text=True)
        finally:
            server.stop()
    said = done.stderr.strip().split("\n")[-1]
    if done.returncode in (0, 3):
        return json.loads(done.stdout) | {"said": said}
    return {"failed": f"load: {said[:100]}"}
