"""A pool of keep-alive connections to one admin listener, over TCP, TLS or a unix socket."""
import http.client
import os
import selectors
import socket
import ssl
import threading
from time import monotonic
from typing import List, Mapping, NamedTuple, Optional, Tuple
from urllib.parse import urlsplit

from .errors import ForkcastError

REPLY_MAX = 16 << 20


class Reply(NamedTuple):
    status: int
    headers: Mapping[str, str]  # names in small letters
    body: bytes


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost")
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Connections:
    """url: http://HOST:PORT, https://HOST:PORT or unix:/PATH.  size: how many are open at most.  idle: seconds after which an
    unused one is not used again; less than the server's 75, so that no request meets a connection about to end.

    Threads may share it.  A child process starts with none: the parent's connections are the parent's.
    """

    def __init__(self, url: str, size: int, idle: float, tls: Optional[ssl.SSLContext]) -> None:
        self.size = size
        self.idle = idle
        self.tls = tls
        self.unix: Optional[str] = None
        self.prefix = ""
        if url.startswith("unix:"):
            self.unix = url[5:][2:] if url[5:].startswith("//") else url[5:]
        else:
            at = urlsplit(url)
            if at.scheme not in ("http", "https") or not at.hostname:
                raise ValueError(f"not a URL of http, https or unix: {url}")
            self.host, self.port, self.secure = at.hostname, at.port, at.scheme == "https"
            self.prefix = at.path.rstrip("/")
            if self.secure and tls is None:
                self.tls = ssl.create_default_context()
        self._start()

    def _start(self) -> None:
        self.pid = os.getpid()
        self.lock = threading.Lock()
        self.free = threading.BoundedSemaphore(self.size)
        self.unused: List[Tuple[float, http.client.HTTPConnection]] = []

    def request(self, method: str, path: str, headers: Mapping[str, str], body: Optional[bytes], timeout: float) -> Reply:
        """One request, once, within TIMEOUT seconds.  Raises a ForkcastError whose `sent` says whether the server may have
        read the request."""
        if self.pid != os.getpid():
            for _, connection in self.unused:
                connection.close()  # this process's copies of the descriptors
            self._start()
        end = monotonic() + timeout
        free = self.free
        if not free.acquire(timeout=max(0.0, timeout)):
            raise ForkcastError("timeout", f"no free connection within {timeout:.3f} s")
        try:
            return self._request(method, path, headers, body, end)
        finally:
            free.release()

    def _request(self, method: str, path: str, headers: Mapping[str, str], body: Optional[bytes], end: float) -> Reply:
        connection = self._unused() or self._new()
        sent = keep = False
        try:
            if connection.sock is None:
                connection.timeout = _left(end)
                connection.connect()
            sock = connection.sock
            assert sock is not None
            sock.settimeout(_left(end))
            sent = True
            connection.request(method, self.prefix + path, body=body, headers=dict(headers))
            response = connection.getresponse()
            parts, size = [], 0
            while True:
                sock.settimeout(_left(end))
                part = response.read1(1 << 16)
                if not part:
                    break
                parts.append(part)
                size += len(part)
                if size > REPLY_MAX:
                    raise ForkcastError("bad_reply", f"an answer of more than {REPLY_MAX} bytes", sent=True)
            if response.length:
                raise http.client.IncompleteRead(b"", response.length)
            keep = not response.will_close
            response.close()  # else the connection takes it as unread
            return Reply(response.status, {k.lower(): v for k, v in response.getheaders()}, b"".join(parts))
        except socket.timeout as error:
            raise ForkcastError("timeout", f"no answer to {method} {path} in time", sent=sent) from error
        except (OSError, http.client.HTTPException) as error:
            raise ForkcastError("connection", f"{method} {path}: {error or type(error).__name__}", sent=sent) from error
        finally:
            if keep:
                with self.lock:
                    self.unused.append((monotonic() + self.idle, connection))
            else:
                connection.close()

    def _unused(self) -> Optional[http.client.HTTPConnection]:
        """The one that was used last, if it is good still; those that are not, go."""
        while True:
            with self.lock:
                if not self.unused:
                    return None
                until, connection = self.unused.pop()
            if until > monotonic() and connection.sock is not None and not _readable(connection.sock):
                return connection
            connection.close()

    def _new(self) -> http.client.HTTPConnection:
        if self.unix is not None:
            return _UnixConnection(self.unix)
        if self.secure:
            return http.client.HTTPSConnection(self.host, self.port, context=self.tls)
        return http.client.HTTPConnection(self.host, self.port)

    def close(self) -> None:
        with self.lock:
            unused, self.unused = self.unused, []
        for _, connection in unused:
            connection.close()


def _readable(sock: socket.socket) -> bool:
    """Nothing is owed on an unused connection: whatever there is to read is its end."""
    with selectors.DefaultSelector() as selector:
        selector.register(sock, selectors.EVENT_READ)
        return bool(selector.select(0))


def _left(end: float) -> float:
    left = end - monotonic()
    if left <= 0:
        raise socket.timeout("timed out")
    return left
