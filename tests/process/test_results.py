"""A worker that was taken over: it reports what it never had, as fast as it can, and lies about what others have."""
import contextlib
import sqlite3
import threading
import time
import uuid

import pytest
import zmq

import bus
from stack import QUICK, Stack, wait_for
from test_trust import exchange, memory_mib

DONE, RETRY = 1, 2


@pytest.fixture
def stack():
    with Stack(env=QUICK) as s:
        yield s


class Liar:
    """A process at the socket of the workers that says whatever it likes."""

    def __init__(self, stack, name="liar"):
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.SNDHWM, 4)
        self.socket.connect(f"ipc://{stack.dir}/run/commands")
        self.name, self.boot, self.core_boot, self.heard = name, uuid.uuid4().bytes, b"", []

    def hello(self, credit=0, held=()):
        """It can take nothing: what it says is all its own."""
        body = {"role": 3, "name": self.name, "version": "1", "credit": credit, "credit_bytes": 1 << 20, "places": credit}
        frame = bus.pack({**body, "held": bus.pairs(held)} if held else body)
        for _ in range(20):  # once a second, as edges do
            self.send("HELLO", frame)
            if self.socket.poll(1000) and "WELCOME" in self.read():
                return
        raise AssertionError("no WELCOME")

    def read(self, timeout=0.0):
        """What came, by kind."""
        assert not timeout or self.socket.poll(int(timeout * 1000)), "core says nothing"
        heard = []
        with contextlib.suppress(zmq.Again):
            while True:
                head, _ = self.socket.recv_multipart(zmq.DONTWAIT)
                _, number, _, self.core_boot = bus.unpack(head)[:4]
                heard.append(bus.NAMES[number])
        self.heard += heard
        return heard

    def send(self, kind, body):
        """False: core does not read now."""
        try:
            self.socket.send_multipart([bus.envelope(kind, self.boot, self.core_boot), body], zmq.DONTWAIT)
        except zmq.Again:
            return False
        return True

    def report(self, *results):
        wait_for(lambda: self.send("RESULT_PUSH", bus.pack({"results": list(results)})), "core to read")

    def barrier(self):
        """Core has read everything that was sent before."""
        self.send("HEARTBEAT", b"\x80")
        while not {"HEARTBEAT_ANSWER", "HELLO_AGAIN"} & set(self.read(20)):
            pass


def many(n, result):
    """A RESULT_PUSH of the same result @n times."""
    return b"\x81\xa7results\xdd" + n.to_bytes(4, "big") + bus.pack(result) * n


FLOODS = {"of_the_smallest": many(150_000, {"outcome": DONE}), "of_no_command": many(100_000, {"id": 77, "attempt": 9, "outcome": DONE}),
          "of_calls": many(100_000, {"id": 1 << 63 | 5, "attempt": 9, "outcome": DONE}), "of_nothing": many(6_000_000, None)}


@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_of_results_that_nobody_asked_for_ends_the_session_and_nothing_else(stack, flood):
    stack.up()
    exchange(stack, "before")
    calm = memory_mib(stack["core"], "VmHWM")
    liar, sent, stopping = Liar(stack), 0, threading.Event()
    liar.hello()

    def lie():
        nonlocal sent
        while not stopping.is_set():
            if "HELLO_AGAIN" in liar.read():
                liar.hello()
            sent += liar.send("RESULT_PUSH", FLOODS[flood])
            time.sleep(0.001)

    thread = threading.Thread(target=lie)
    thread.start()
    try:
        wait_for(lambda: sent > 20, "frames to leave")
        exchange(stack, "beside")
        time.sleep(1)
        exchange(stack, "beside-2")
    finally:
        stopping.set()
        thread.join()
    grown = memory_mib(stack["core"], "VmHWM") - calm
    print(f"{sent} frames, core grew by {grown:.0f} MiB")
    assert grown < 198 + 3 * 16 + 48, "what libzmq reads ahead of one connection, a turn of it, and one frame taken apart"
    assert stack["core"].alive and len([line for line in stack["core"].lines if "what=ready" in line]) == 1
    if flood != "of_nothing":
        assert stack.figure("core", "amo_sessions_over_credit_total") >= 1
        lines = [line for line in stack["core"].lines if "what=session.over_credit" in line]
        assert 0 < len(lines) < 30 and "peer=liar" in lines[0] and "results=" in lines[0]


def test_a_worker_that_takes_every_name_keeps_nobody_out(stack):
    stack.up()
    liars = [Liar(stack, f"liar-{n}") for n in range(40)]
    for liar in liars:
        liar.socket.send_multipart([bus.envelope("HELLO", liar.boot), bus.pack({"role": 3, "name": liar.name, "version": "1"})])
    said = [set(liar.read(10)) for liar in liars]
    assert sum("WELCOME" in s for s in said) == 16 and sum("REFUSED" in s for s in said) == 24
    for name in ("ingress", "egress-0"):
        stack.start_over(name)
    exchange(stack, "after")


@pytest.mark.parametrize("kind", ["HEARTBEAT", "HELLO"])
def test_a_worker_that_asks_again_and_again_and_reads_nothing_is_not_sent_the_registry_each_time(stack, kind):
    """It would wait in core's memory."""
    stack.up()
    for n in range(400):
        stack.control("source.add", connector="svc", source=f"{n:03}" + "s" * 30, scope_id=stack.scope)
    calm = memory_mib(stack["core"], "VmHWM")
    liar = Liar(stack)
    liar.hello()
    body = {"HEARTBEAT": b"\x80", "HELLO": bus.pack({"role": 3, "name": "liar", "version": "1"})}[kind]
    asked, end = 0, time.monotonic() + 3
    while time.monotonic() < end:
        asked += liar.send(kind, body)
    assert asked > 1000
    exchange(stack, "beside")
    grown = memory_mib(stack["core"], "VmHWM") - calm
    print(f"{asked} {kind}s, core grew by {grown:.0f} MiB")
    assert grown < 20


def rows(stack, sql):
    with contextlib.closing(sqlite3.connect(stack.dir / "data" / "core" / "core.db")) as db:
        return db.execute(sql).fetchall()


def test_a_worker_cannot_report_about_commands_that_it_was_not_given(stack):
    """Neither those that wait nor those that another worker has."""
    stack.up()
    chat = stack.meet("hello")["chat"]
    stack.fault(on="service.message.created", delay_ms=6000, times=1)
    stack.manager_writes("at another worker", chat)
    wait_for(lambda: stack.control("status")["commands"], "the command")
    for n in range(5):
        stack.manager_writes(f"waits-{n}", chat)
    ids = wait_for(lambda: (r := [i for i, in rows(stack, "SELECT id FROM commands")]) and len(r) >= 6 and r, "six commands")
    liar = Liar(stack)
    now = int(time.time() * 1000) << 20
    liar.hello(held=[(i, 5) for i in ids])
    for attempt in (0, 1, 5, now, now + 10, 1 << 63):
        liar.report(*[{"id": i, "attempt": attempt, "outcome": outcome, "status": 200, "began_ms": 1, "kind": 3,
                       "service_message_id": "no"} for i in range(ids[-1] + 50) for outcome in (DONE, RETRY, 4)])
    liar.barrier()
    for n in range(5):
        stack.wait("service.message", text=f"waits-{n}")
    stack.wait("service.message", text="at another worker")
    assert not rows(stack, "SELECT * FROM attempts WHERE worker = 'liar'")
    assert stack.figure("core", "amo_results_foreign_total") > 0
