"""amoctl and amo-monitor as real processes, with a core and taps that are played here."""
import json
import socket
import threading

import zmq

import bus
import kit
from kit import BIN, ROOT, Process, wait_for  # noqa: F401


def environment(run_dir, **more):
    return kit.environment(**{"AMO_RUN_DIR": run_dir, **more})


def amoctl(run_dir, *args, stdin=None, env=None, timeout=60):
    return kit.run("amoctl", *args, env=environment(run_dir, **(env or {})), input=stdin, timeout=timeout)


class Control:
    """Core's control socket: answers what it was told to answer and keeps what it was asked."""

    def __init__(self, run_dir):
        self.endpoint = f"ipc://{run_dir}/control"
        self.calls = []
        self.answers = []
        self.socket = zmq.Context.instance().socket(zmq.ROUTER)
        self.socket.setsockopt(zmq.LINGER, 1000)
        self.socket.bind(self.endpoint)
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def will_answer(self, document=None, code=0, error=None, before=None, following=None):
        """The next call gets this; `before` may send frames first: before(self, call frame). A list may go on at `following`."""
        body = {"code": code} if code else {}
        if document is not None:
            body["json"] = document if isinstance(document, str) else json.dumps(document, ensure_ascii=False)
        if error is not None:
            body["error"] = error
        if following is not None:
            body["next"] = following
        self.answers.append((body, before))

    def send(self, frame, kind, body, boot=None):
        head = bus.envelope(kind, frame.edge_boot if boot is None else boot)
        self.socket.send_multipart([frame.peer, head, body if isinstance(body, bytes) else bus.pack(body)])

    def serve(self):
        while not self.over.is_set():
            if not self.socket.poll(50):
                continue
            frame = bus.Frame(*self.socket.recv_multipart())
            self.calls.append(frame)
            if not self.answers:
                continue  # silence
            body, before = self.answers.pop(0)
            if before:
                before(self, frame)
            if body is not None:
                self.send(frame, "CONTROL_ANSWER", body)

    @property
    def asked(self):
        """(verb, arguments) of every call."""
        return [(f.body["verb"], json.loads(f.body["args"])) for f in self.calls]

    def close(self):
        self.over.set()
        self.thread.join()
        self.socket.close()


def listens(path):
    with socket.socket(socket.AF_UNIX) as s:
        return s.connect_ex(path) == 0


class Tap:
    """The tap of one process: frames are numbered, a listener is waited for."""

    def __init__(self, run_dir, name):
        self.name = name.encode()
        self.number = 0
        self.socket = zmq.Context.instance().socket(zmq.XPUB)
        self.socket.setsockopt(zmq.LINGER, 1000)
        self.path = f"{run_dir}/tap-{name}"
        self.socket.bind(f"ipc://{self.path}")

    def wait_listener(self, timeout=20):
        assert self.socket.poll(timeout * 1000), "nobody listens"
        assert self.socket.recv()[0] == 1

    def wait_nobody(self, timeout=20):
        assert self.socket.poll(timeout * 1000), "somebody still listens"
        assert self.socket.recv()[0] == 0

    def send(self, kind, body, direction=b">", trace=b"", skip=0):
        self.number += 1 + skip
        head = bus.envelope(kind, b"e" * 16, b"c" * 16, trace)
        self.socket.send_multipart([(kind if isinstance(kind, str) else "UNKNOWN").encode(), self.name,
                                    self.number.to_bytes(8, "big"), direction, head,
                                    body if isinstance(body, bytes) else bus.pack(body)])

    def close(self):
        """libzmq closes in a thread of its own: afterwards nobody listens any more."""
        self.socket.close()
        wait_for(lambda: not listens(self.path), "the end of its listener", 20)


class Monitor(Process):
    """amo-monitor with its lines."""

    count = 0

    def __init__(self, run_dir, *args):
        Monitor.count += 1
        super().__init__(f"monitor-{Monitor.count}", [BIN / "amo-monitor", *args], environment(run_dir), run_dir, apart=True)
        self.at = 0
        self.start()

    def line(self, timeout=20):
        """The next line of stdout."""
        text = self.wait_line("", timeout, since=self.at).string
        self.at += 1
        return text

    def has_line(self):
        return len(self.lines) > self.at

    def finish(self, timeout=20):
        """Its remaining lines, what it said on stderr, and its exit code."""
        code = self.wait_end(timeout)
        return self.lines[self.at:], self.errors(), code
