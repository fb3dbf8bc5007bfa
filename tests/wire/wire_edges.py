"""Edges made by hand, from docs/wire.md alone: an ingress and a worker that speak to the real core."""
import json
import time
import uuid

import zmq

import bus
from stack import QUICK, Stack, wait_for  # noqa: F401

CHANNEL = "0b024cf5-011a-41f4-b10c-62b7e5052de5"
ACCOUNT = "831f0943-4783-43d0-835e-d2d8d2553844"
SCOPE = f"{CHANNEL}_{ACCOUNT}"
SECRET = "63e499d7595e7c8b55945cd77957bba45cd50f23"
TOKEN = "token-of-mobilon-000000000000000000"
AMO_MESSAGE_EVENT, SERVICE_MESSAGE_EVENT, SERVICE_STATUS_EVENT = 1, 4, 5
AMO_MESSAGE, AMO_STATUS, AMO_CONNECT, AMO_CREATE_CHAT, AMO_HISTORY, SERVICE_MESSAGE = range(1, 7)
DONE, RETRY, HOLD, UNKNOWN, DEAD, UNSTARTED = range(1, 7)


def lonely_core(**env):
    """A core with one channel, connector and account, and nobody else."""
    stack = Stack(workers=0, env={**QUICK, **env})
    stack.start("core")
    reply = {"id": CHANNEL, "secret_key": SECRET, "name": "Test", "code": "ru.test", "bot": {"id": str(uuid.uuid4())}}
    stack.control("channel.add", reply=json.dumps(reply), url="http://127.0.0.1:9")
    stack.control("connector.add", name="svc", kind="http", url="http://127.0.0.1:9/hook", allow_private=True,
                  token=TOKEN)
    stack.control("account.connect", channel=CHANNEL, account=ACCOUNT, connector="svc", title="T", scope_id=SCOPE)
    return stack


def more_accounts(stack, n):
    """So many accounts of the connector, told apart by their sources s-1, s-2, …"""
    for i in range(1, n + 1):
        account = str(uuid.uuid4())
        scope = stack.control("account.connect", channel=CHANNEL, account=account, connector="svc", title="T",
                              scope_id=f"{CHANNEL}_{account}")["scope_id"]
        stack.control("source.add", connector="svc", source=f"s-{i}", scope_id=scope)


class Edge:
    """One DEALER with a boot id, and what every edge does."""

    role, socket_name = 0, ""

    def __init__(self, stack, name, boot=None):
        self.stack, self.name = stack, name
        self.boot = boot or uuid.uuid4().bytes
        self.core_boot = b""
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.connect(f"ipc://{stack.dir}/run/{self.socket_name}")
        self.registries = []

    def close(self):
        self.socket.close(0)

    def send(self, kind, body, core_boot=None, **envelope):
        head = bus.envelope(kind, self.boot, self.core_boot if core_boot is None else core_boot, **envelope)
        self.socket.send_multipart([head, body if isinstance(body, bytes) else bus.pack(body)])

    def receive(self, timeout):
        if not self.socket.poll(max(1, int(timeout * 1000))):
            raise TimeoutError(f"{self.name} heard nothing")
        head, body = self.socket.recv_multipart()
        number = bus.unpack(head)[1]
        frame = bus.Frame(None, head, b"" if number == bus.KINDS["REFUSED"] else body)
        if frame.kind == "REFUSED":
            frame.body = body.decode()
        return frame

    def next(self, kind, timeout=10.0, aside=()):
        """The next frame of this kind; answers to heartbeats, registries and kinds of @aside are put aside."""
        end = time.monotonic() + timeout
        while True:
            left = end - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"{self.name} never heard {kind}")
            try:
                frame = self.receive(min(left, 1.0))
            except TimeoutError:
                if self.core_boot:
                    self.send("HEARTBEAT", self.figures())
                continue
            if frame.kind == "REGISTRY":
                self.registries.append(frame.body)
            if frame.kind == kind:
                return frame
            if frame.kind not in ("REGISTRY", "HEARTBEAT_ANSWER", *aside):
                raise AssertionError(f"{self.name} waited for {kind} and heard {frame}")

    def barrier(self):
        """Core has read everything that was sent before: its answer to a heartbeat."""
        self.send("HEARTBEAT", self.figures())
        return self.next("HEARTBEAT_ANSWER")

    def figures(self):
        return {"registry_version": self.registry_version()}

    def registry_version(self):
        return self.registries[-1].get("version", 0) if self.registries else 0

    def hello(self, timeout=20.0, **fields):
        """Said once a second until it is answered: whoever had the name a moment ago may still be there."""
        # frames of the session before may still be on their way
        aside = ("HELLO_AGAIN", "REFUSED", "SPOOL_REFUSED", "EVENT_TAKEN", "EVENT_LATER", "RESULT_TAKEN", "COMMAND_PUSH")
        end = time.monotonic() + timeout
        while True:
            self.send("HELLO", {"role": self.role, "name": self.name, "version": "by-hand", **self.holding(), **fields},
                      core_boot=b"")
            try:
                welcome = self.next("WELCOME", timeout=1.0, aside=aside)
                break
            except TimeoutError:
                if time.monotonic() > end:
                    raise
        self.core_boot = welcome.core_boot
        if welcome.body.get("registry"):
            self.registries.append(bus.unpack(welcome.body["registry"]))
        return welcome.body

    def holding(self):
        return {}


class HandIngress(Edge):
    role, socket_name = 1, "events"

    def __init__(self, stack, name="hand-ingress", spool=None, **more):
        super().__init__(stack, name, **more)
        self.spool = spool or uuid.uuid4().bytes
        self.low, self.number = 1, 1

    def holding(self):
        return {"spool": self.spool, "low": self.low, "next": self.number}

    def push(self, *events, low=None, **more):
        """events: (number, event map or bytes[, suspect])"""
        rows = [[n, e if isinstance(e, bytes) else bus.pack(e), *rest] for n, e, *rest in events]
        self.number = max([self.number, *(n + 1 for n, *_ in events)])
        self.send("EVENT_PUSH", {"spool": self.spool, "low": self.low if low is None else low, "events": rows, **more})

    def taken(self, *wanted):
        """Reads EVENT_TAKEN until these numbers were named."""
        left, named = set(wanted), []
        while left:
            frame = self.next("EVENT_TAKEN")
            assert frame.body["spool"] == self.spool
            for low, high in bus.unpairs(frame.body["pairs"]):
                assert low <= high
                named.append((low, high))
                left -= set(range(low, high + 1))
        return named


class HandWorker(Edge):
    role, socket_name = 3, "commands"

    def __init__(self, stack, name="hand-worker", credit=64, **more):
        super().__init__(stack, name, **more)
        self.credit = credit
        self.inbox = []

    def holding(self):
        return {"credit": self.credit, "credit_bytes": 1 << 20, "places": self.credit}

    def figures(self):
        return {**super().figures(), **self.holding()}

    def command(self, timeout=10.0):
        if not self.inbox:
            self.inbox += self.next("COMMAND_PUSH", timeout).body["commands"]
        return self.inbox.pop(0)

    def gather(self):
        """Every command that core has sent by now."""
        self.send("HEARTBEAT", self.figures())
        while (frame := self.receive(10)).kind != "HEARTBEAT_ANSWER":
            if frame.kind == "COMMAND_PUSH":
                self.inbox += frame.body["commands"]
        got, self.inbox = self.inbox, []
        return got

    def result(self, command, outcome, **more):
        self.send("RESULT_PUSH", {"results": [{"id": command["id"], "attempt": command["attempt"],
                                               **{k: command[k] for k in ("kind", "trace") if k in command},
                                               "outcome": outcome, "status": 200,
                                               "began_ms": int(time.time() * 1000), "took_ms": 1, **more}]})

    def taken(self, command):
        """Reads RESULT_TAKEN until it names this one."""
        while True:
            for frame_pair in bus.unpairs(self.next_taken()["pairs"]):
                if frame_pair == (command["id"], command["attempt"]):
                    return

    def next_taken(self):
        """RESULT_TAKEN, keeping the commands that come before it."""
        end = time.monotonic() + 10
        while time.monotonic() < end:
            frame = self.receive(end - time.monotonic())
            if frame.kind == "RESULT_TAKEN":
                return frame.body
            if frame.kind == "COMMAND_PUSH":
                self.inbox += frame.body["commands"]
        raise TimeoutError("no RESULT_TAKEN")

    def settle(self, command, outcome=DONE, **more):
        if outcome == DONE and command["kind"] == AMO_MESSAGE:
            more = {"amo_message_id": str(uuid.uuid4()), "amo_chat_id": str(uuid.uuid4()), **more}
        self.result(command, outcome, **more)
        self.taken(command)


def client_says(text, conversation="79005550101", ident=None, source="wa1"):
    return {"kind": SERVICE_MESSAGE_EVENT, "trace": uuid.uuid4().bytes, "taken_ms": int(time.time() * 1000),
            "connector": "svc", "source": source, "conversation": conversation,
            "message_id": ident or f"id-{text[:40]}",
            "sender_id": conversation, "sender_name": "Client", "sender_phone": conversation, "type": "text",
            "text": text}


def manager_says(text, chat, client_id="svc-wa1-79005550101"):
    return {"kind": AMO_MESSAGE_EVENT, "trace": uuid.uuid4().bytes, "taken_ms": int(time.time() * 1000),
            "scope": SCOPE, "source": "wa1", "chat_id": chat, "chat_client_id": client_id,
            "sender_id": str(uuid.uuid4()), "receiver_id": str(uuid.uuid4()), "message_id": str(uuid.uuid4()),
            "type": "text", "text": text}
