"""The bus as an independent implementation sees it: envelopes and bodies by pyzmq and msgpack alone.

Written from docs/wire.md, not from the C code, so that a mistake of one side shows at the other.
"""
import os
import time
import uuid

import msgpack
import zmq

VERSION = 1
KINDS = {
    "EVENT_PUSH": 1, "EVENT_TAKEN": 2, "COMMAND_PUSH": 3, "RESULT_PUSH": 4, "RESULT_TAKEN": 5,
    "HELLO": 6, "WELCOME": 7, "HELLO_AGAIN": 8, "CREDIT": 9, "HEARTBEAT": 10,
    "HEARTBEAT_ANSWER": 11, "REGISTRY": 12, "REFUSED": 13, "CONTROL_CALL": 14, "CONTROL_ANSWER": 15,
    "GOING": 16, "EVENT_EPHEMERAL": 17, "QUERY": 18, "ANSWER": 19, "REPLAY": 20,
    "SPOOL_ROTATE": 21, "SPOOL_ROTATED": 22, "SPOOL_REFUSED": 23, "EVENT_LATER": 24, "SHARES": 25,
}
NAMES = {number: name for name, number in KINDS.items()}
ROLES = {"ingress": 1, "core": 2, "egress": 3, "amoctl": 4}


def pack(body):
    return msgpack.packb(body, use_bin_type=True)


def unpack(data):
    return msgpack.unpackb(data, raw=False, strict_map_key=False)


def envelope(kind, edge_boot=b"", core_boot=b"", trace=b"", version=VERSION):
    number = KINDS[kind] if isinstance(kind, str) else kind
    return pack([version, number, edge_boot, core_boot, trace, int(time.time() * 1000)])


def pairs(items):
    """Ranges or holdings: big-endian pairs of 64-bit numbers."""
    return b"".join(a.to_bytes(8, "big") + b.to_bytes(8, "big") for a, b in items)


def unpairs(data):
    return [(int.from_bytes(data[i:i + 8], "big"), int.from_bytes(data[i + 8:i + 16], "big"))
            for i in range(0, len(data), 16)]


class Frame:
    def __init__(self, peer, head, body):
        self.peer = peer
        self.version, self.number, self.edge_boot, self.core_boot, self.trace, self.unix_ms = unpack(head)[:6]
        self.kind = NAMES.get(self.number, str(self.number))
        self.body = unpack(body) if body else None

    def __repr__(self):
        return f"<{self.kind} {self.body!r:.200}>"


class FakeCore:
    """Plays core towards one ingress or egress: answers HELLO and heartbeats, hands the rest over."""

    def __init__(self, endpoint, welcome=None):
        self.context = zmq.Context.instance()
        self.endpoint = endpoint
        self.boot = uuid.uuid4().bytes
        self.welcome = welcome or {}
        self.socket = None
        self.peers = {}     # routing id -> edge boot
        self.hellos = []
        self.heartbeats = []
        self.stamp = False  # stamps what it sends with a clock of its own, as cores do today
        self.bind()

    def bind(self):
        self.socket = self.context.socket(zmq.ROUTER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.bind(self.endpoint)

    def close(self):
        self.socket.close(0)

    def restart(self):
        """A new life of core: new boot id, all sessions forgotten."""
        self.close()
        self.boot = uuid.uuid4().bytes
        self.peers = {}
        self.bind()

    @staticmethod
    def now_ms():
        """A monotonic clock of core's own, far from the edge's."""
        return int(time.monotonic() * 1000) + 86400000

    def send(self, peer, kind, body, trace=b""):
        if self.stamp and kind == "COMMAND_PUSH":
            body = {"core_ms": self.now_ms(), **body}
        head = envelope(kind, self.peers.get(peer, b""), self.boot, trace)
        self.socket.send_multipart([peer, head, pack(body) if not isinstance(body, bytes) else body])

    def next(self, timeout=10.0):
        """The next frame that is neither HELLO nor HEARTBEAT; raises TimeoutError."""
        deadline = time.monotonic() + timeout
        while True:
            left = deadline - time.monotonic()
            if left <= 0 or not self.socket.poll(int(left * 1000) + 1):
                raise TimeoutError("no frame")
            frame = Frame(*self.socket.recv_multipart())
            if frame.kind == "HELLO":
                self.peers[frame.peer] = frame.edge_boot
                self.hellos.append(frame)
                body = self.welcome(frame) if callable(self.welcome) else dict(self.welcome)
                if body is not None:
                    self.send(frame.peer, "WELCOME", body)
            elif frame.peer not in self.peers or frame.core_boot != self.boot:
                self.peers[frame.peer] = frame.edge_boot
                self.send(frame.peer, "HELLO_AGAIN", {})
                del self.peers[frame.peer]
            elif frame.kind == "HEARTBEAT":
                self.heartbeats.append(frame)
                answer = {"echo_ms": frame.body.get("mono_ms", 0), "core_ms": self.now_ms()} if self.stamp else {}
                self.send(frame.peer, "HEARTBEAT_ANSWER", answer)
            else:
                return frame

    def wait_hello(self, timeout=10.0):
        """Serve until somebody has introduced himself; other frames are dropped."""
        deadline = time.monotonic() + timeout
        seen = len(self.hellos)
        while len(self.hellos) == seen:
            try:
                self.next(max(0.01, min(0.2, deadline - time.monotonic())))
            except TimeoutError:
                if time.monotonic() > deadline:
                    raise
        return self.hellos[-1]


def scratch_endpoint(directory, name):
    return "ipc://" + os.path.join(str(directory), name)
