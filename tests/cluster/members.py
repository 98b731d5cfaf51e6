"""Members on python-socketio, driven by lines of JSON on stdin and told of on stdout (see python.mjs)."""

import json
import queue
import sys
import threading

import engineio
import socketio

out = queue.Queue()


class InOrder(engineio.Client):
    """python-engineio starts a thread for each message, so that messages overtake each other inside the client.
    Here they are handled where they are read: what is judged is the server's order."""

    def _trigger_event(self, event, *args, **kwargs):
        if event == "message":
            kwargs["run_async"] = False
        return super()._trigger_event(event, *args, **kwargs)


class Client(socketio.Client):
    """Tells of its end also when that comes between the server's answer and the return of connect()."""

    over = None

    def _engineio_client_class(self):
        return InOrder

    def _handle_eio_disconnect(self):
        super()._handle_eio_disconnect()
        self.over("disconnect")


class Line:
    def __init__(self, number, url, token):
        self.number = number
        self.over = False
        self.lock = threading.Lock()
        self.client = Client(reconnection=False, handle_sigint=False)
        self.client.over = self.gone
        self.client.on("post", self.got)
        self.url, self.token = url, token
        threading.Thread(target=self.open, daemon=True).start()

    def say(self, **words):
        words["line"] = self.number
        out.put(words)

    def open(self):
        try:
            # The answer is told before anything that may follow it: on_connect runs where messages are read.
            self.client.on("connect", lambda: self.say(connected=self.client.get_sid()))
            self.client.connect(self.url, transports=["websocket"], auth={"token": self.token}, wait_timeout=5)
        except Exception as error:  # whatever it was, the driver judges it
            self.gone(f"{type(error).__name__}: {error}")

    def got(self, message, *_):
        out.put((self.number, message["from"], message["seq"]))

    def gone(self, why):
        with self.lock:
            if self.over:
                return
            self.over = True
        self.say(gone=why)

    def emit(self, event, payload, ack):
        try:
            if ack is None:
                self.client.emit(event, payload)
            else:
                self.client.emit(event, payload, callback=lambda *args: self.say(ack=ack, args=args))
        except Exception:  # the connection is going: `gone` follows
            pass

    def close(self):
        threading.Thread(target=self.client.disconnect, daemon=True).start()


def write():
    """Tells what happened; messages that follow each other on one line travel together."""
    while True:
        items = [out.get()]
        try:
            while len(items) < 1000:
                items.append(out.get_nowait())
        except queue.Empty:
            pass
        text, batch = [], None
        for item in items:
            if isinstance(item, tuple):
                if batch is None or batch["line"] != item[0]:
                    batch = {"line": item[0], "got": []}
                    text.append(batch)
                batch["got"].append(item[1:])
            else:
                batch = None
                text.append(item)
        sys.stdout.write("".join(json.dumps(t) + "\n" for t in text))
        sys.stdout.flush()


def main():
    lines = {}
    threading.Thread(target=write, daemon=True).start()
    for text in sys.stdin:
        words = json.loads(text)
        number = words["line"]
        if words["do"] == "open":
            lines[number] = Line(number, words["url"], words["token"])
        elif words["do"] == "emit":
            lines[number].emit(words["event"], words["payload"], words["ack"])
        else:
            lines[number].close()


main()
