"""amo-ingress as a real executable, with a played core and clients of our own around it.

Everything lies in a scratch directory, listens on port 0, is waited for by what it says, and is ended by pid.
"""
import json
import pathlib
import re
import socket
import threading
import uuid

import bus
import kit
import signing
from kit import BIN, ROOT, Process  # noqa: F401

DEADLINE = kit.deadline(30)

CHANNEL = "0b024cf5-011a-41f4-b10c-62b7e5052de5"
ACCOUNT = "831f0943-4783-43d0-835e-d2d8d2553844"
SCOPE = f"{CHANNEL}_{ACCOUNT}"
SECRET = "63e499d7595e7c8b55945cd77957bba45cd50f23"
TOKEN = "token-of-mobilon-000000000000000000"
OTHER_TOKEN = "token-of-another-00000000000000000"
KEY = bytes(range(32))


def wait_for(true, what, timeout=DEADLINE):
    return kit.wait_for(true, what, timeout)


def registry(version=1, sources=(), scopes=None, tokens=(TOKEN,), keys=(KEY,), others=(), more=()):
    """The registry's frame body, as docs/wire.md has it."""
    scopes = [(SCOPE, "mobilon")] if scopes is None else scopes
    row = {"code": "ru.test", "name": "Test", "url": "https://amojo.example", "bot_id": "bot"}

    def connector(name, tokens, keys):
        return {"name": name, "url": "", "allow_private": False, "off": False,
                "secrets": [bytes(k) for k in keys], "tokens": [t.encode() for t in tokens]}

    return bus.pack({
        "version": version,
        "channels": [dict(row, id=CHANNEL, secrets=[SECRET.encode()])],
        "connectors": [connector("mobilon", tokens, keys), connector("another", (OTHER_TOKEN,), others),
                       connector("lonely", ("token-of-lonely-000000000000000000",), ()),
                       *(connector(name, (f"token-of-{name}-{'0' * 24}",), ()) for name in more)],
        "scopes": [{"id": s, "channel": CHANNEL, "account": s.partition("_")[2], "connector": c,
                    "title": "t", "paused": False} for s, c in scopes],
        "sources": [{"connector": c, "source": s, "scope": scope} for c, s, scope in sources],
    })


def sign(body, secret=SECRET):
    return signing.amojo_webhook(secret, body)


def standard_headers(body, key=KEY, ident=None, at=None):
    """A webhook-id of its own for each call, unless one is given: a second one would be a repeat."""
    ident = ident or f"evt_{uuid.uuid4().hex}"
    return signing.standard_headers(key, ident, body, at)


def hook(message_id="m-1", text="Добрый день", **extra):
    """A small amojo message webhook as bytes."""
    return json.dumps({
        "account_id": ACCOUNT, "time": 1767225611,
        "message": {"conversation": {"id": "chat-1", "client_id": "mb-1"},
                    "sender": {"id": "user-1", "name": "Manager"},
                    "receiver": {"id": "client-1", "phone": "+70001234567"},
                    "timestamp": 1767225610, "msec_timestamp": 1767225610137,
                    "message": dict({"id": message_id, "type": "text", "text": text}, **extra)},
    }, ensure_ascii=False).encode()


def message(ident="wa1-1", text="Привет", source="wa1", **extra):
    return json.dumps(dict({
        "id": ident, "source": source, "conversation": {"id": "79005550101"},
        "sender": {"id": "79005550101", "name": "Ирина", "phone": "79005550101"},
        "type": "text", "text": text}, **extra), ensure_ascii=False).encode()


class Core(threading.Thread):
    """A played core that collects events and says that it has them, until told otherwise."""

    def __init__(self, endpoint, **welcome):
        super().__init__(daemon=True)
        self.endpoint = endpoint
        self.welcome = dict({"credit": 512, "credit_bytes": 8 << 20, "registry": registry()}, **welcome)
        self.events = []      # (number, event map, suspect) in order of arrival
        self.frames = []      # [(number, ...), ...] a frame
        self.lows = []
        self.hellos = []
        self.heartbeats = []
        self.ephemerals = []  # event maps that came past the spool
        self.queries = []     # bodies of QUERY
        self.on_query = lambda query: {}      # the ANSWER's fields but the number; None: stay silent
        self.take = True      # answer with EVENT_TAKEN
        self.pending = []     # (peer, spool, numbers) not said yet
        self.orders = []
        self.lock = threading.Lock()
        self.stopping = False
        self.start()

    # -- in the thread

    def run(self):
        self.core = bus.FakeCore(self.endpoint, welcome=self._welcome)
        while not self.stopping:
            with self.lock:
                orders, self.orders = self.orders, []
            for order in orders:
                order()
            try:
                self._frame(self.core.next(0.02))
            except TimeoutError:
                pass
            self.heartbeats = self.core.heartbeats
        self.core.close()

    def _welcome(self, hello):
        self.hellos.append(hello.body)
        answer = dict(self.welcome, spool=hello.body.get("spool"))
        return {k: v for k, v in answer.items() if v is not None}

    def _frame(self, frame):
        if frame.kind == "EVENT_EPHEMERAL":
            self.ephemerals.append(bus.unpack(frame.body["event"]))
        elif frame.kind == "QUERY":
            self.queries.append(frame.body)
            answer = self.on_query(frame.body)
            if answer is not None:
                self.core.send(frame.peer, "ANSWER", dict({"number": frame.body["number"]}, **answer))
        elif frame.kind == "EVENT_PUSH":
            self._events(frame)

    def _events(self, frame):
        numbers = []
        self.lows.append(frame.body["low"])
        for number, event, suspect in frame.body["events"]:
            self.events.append((number, bus.unpack(event), suspect))
            numbers.append(number)
        self.frames.append(numbers)
        self.pending.append((frame.peer, frame.body["spool"], numbers))
        if self.take:
            self._say()

    def _say(self):
        for peer, spool, numbers in self.pending:
            self.core.send(peer, "EVENT_TAKEN", {"spool": spool, "pairs": bus.pairs((n, n) for n in numbers)})
        self.pending = []

    # -- from the test

    def order(self, what):
        done = threading.Event()

        def run():
            what()
            done.set()

        with self.lock:
            self.orders.append(run)
        assert done.wait(DEADLINE)

    def take_all(self):
        self.take = True
        self.order(self._say)

    def restart(self):
        """Dies and comes back with a new boot id."""
        self.pending = []
        self.order(self.core.restart)

    def send_registry(self, body):
        self.send_all("REGISTRY", body)

    def send_all(self, kind, body):
        """One frame to every ingress that is there."""
        self.order(lambda: [self.core.send(peer, kind, body) for peer in self.core.peers])

    def wait_ephemerals(self, n, timeout=DEADLINE):
        wait_for(lambda: len(self.ephemerals) >= n, f"{n} ephemeral events, there are {len(self.ephemerals)}", timeout)
        return self.ephemerals

    def wait_events(self, n, timeout=DEADLINE):
        wait_for(lambda: len(self.events) >= n, f"{n} events, there are {len(self.events)}", timeout)
        return self.events

    def wait_hello(self, n=1):
        wait_for(lambda: len(self.hellos) >= n, "HELLO")
        return self.hellos[-1]

    def close(self):
        if not self.stopping:
            self.stopping = True
            self.join(DEADLINE)


class Ingress(Process):
    """One amo-ingress; it may run under a program that wraps it, as strace."""

    def __init__(self, directory, wrap=(), args=(), **config):
        self.dir = pathlib.Path(directory)
        self.wrap, self.words = list(wrap), list(args)
        self.config = config
        self.held = []
        super().__init__("ingress", [], None, self.dir)
        self.start()

    @property
    def endpoint(self):
        return f"ipc://{self.dir}/events"

    @property
    def spool_dir(self):
        return self.dir / "spool"

    def environment(self):
        env = {"AMO_INGRESS_LISTEN": "127.0.0.1:0", "AMO_INGRESS_ADMIN_LISTEN": "127.0.0.1:0",
               "AMO_INGRESS_SPOOL": self.spool_dir, "AMO_BUS_EVENTS": self.endpoint, "AMO_DRAIN_MS": 5000,
               "AMO_LOG_LEVEL": "debug"}
        if self.wrap:
            env["ASAN_OPTIONS"] = "detect_leaks=0"   # the leak sanitizer cannot run under strace
        return kit.in_folder(self.dir, **env | {k.upper(): v for k, v in self.config.items()})

    def start(self, **more):
        self.config.update(more)
        self.args = [*self.wrap, str(BIN / "amo-ingress"), *self.words]
        self.env = self.environment()
        super().start()
        line = self.wait_log(r"what=ready .*")
        found = re.search(r"listen=\S*:(\d+) admin=\S*:(\d+)", line)
        if found:
            self.port, self.admin_port = int(found[1]), int(found[2])
        self.pid = int(re.search(r"pid=(\d+)", line)[1])  # not that of a program it runs under
        return self

    def wait_log(self, pattern, timeout=DEADLINE):
        """The words of the log that match."""
        return self.wait_line(pattern, timeout)[0]

    def stop(self, expect=0):
        code = super().stop(DEADLINE)
        assert code == expect, f"exit {code}:\n{self.log()[-3000:]}"

    def close(self):
        for connection in self.held:
            connection.close()
        try:
            if self.alive:
                self.stop()
            assert not self.sanitizer_words(), self.sanitizer_words()
        finally:
            super().close()

    # -- HTTP

    def connect(self, timeout=DEADLINE):
        return kit.connect(f"http://127.0.0.1:{self.port}", timeout)

    def request(self, method, path, body=None, headers=None, connection=None):
        c = connection or self.connect()
        answer = kit.ask(c, method, path, body, headers)
        if not connection:
            c.close()
        return answer

    def amo(self, body=None, signature=None, scope=SCOPE, connection=None, **headers):
        body = hook() if body is None else body
        headers = dict({"X-Signature": sign(body) if signature is None else signature}, **headers)
        return self.request("POST", f"/messages/{scope}", body, headers, connection)

    def service(self, body=None, path="messages", name="mobilon", token=TOKEN, connection=None, method="POST",
                **headers):
        body = message() if body is None and method == "POST" else body
        if token:
            headers["Authorization"] = f"Bearer {token}"
        headers = {k.replace("_", "-"): v for k, v in headers.items()}
        return self.request(method, f"/v1/connectors/{name}/{path}", body, headers, connection)

    def raw(self, data, timeout=DEADLINE, until_close=True, port=None):
        """Bytes as they are; what comes back until the other side closes."""
        with socket.create_connection(("127.0.0.1", port or self.port), timeout) as s:
            s.sendall(data)
            got = b""
            while until_close or b"\r\n\r\n" not in got:
                try:
                    piece = s.recv(65536)
                except ConnectionResetError:
                    break
                if not piece:
                    break
                got += piece
            return got

    def admin(self, path):
        return kit.http("GET", f"http://127.0.0.1:{self.admin_port}{path}", timeout=DEADLINE)

    def metric(self, name, **labels):
        """Sum of the rows of a metric that carry these labels."""
        total, found = 0.0, False
        for line in self.admin("/metrics").body.decode().splitlines():
            m = re.match(r"(\w+)(?:\{(.*)\})? (\S+)$", line)
            if m and m[1] == name and all(f'{k}="{v}"' in (m[2] or "") for k, v in labels.items()):
                total, found = total + float(m[3]), True
        return total if found else 0.0
