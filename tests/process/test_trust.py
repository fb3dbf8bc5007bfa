"""Who may be what on the bus: the user of a process is held against what it claims, and nobody takes a socket's name for long."""
import contextlib
import os
import pathlib
import re
import sqlite3
import subprocess
import sys
import textwrap
import time
import uuid

import pytest
import zmq

import bus
import kit
from stack import QUICK, Stack, wait_for

STRANGER = 4242  # a user of this host that is nobody here
LIB = os.path.dirname(kit.__file__)
PRELUDE = f"import os, sys\nos.setgid({STRANGER}); os.setuid({STRANGER})\nsys.path.insert(0, sys.argv[1])\n"

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")


@pytest.fixture
def stack():
    with Stack(env=QUICK) as s:
        yield s


def as_stranger(stack, code, *args):
    """Runs Python as another user, who can open every socket of this stack; what it prints."""
    for path in (stack.dir, stack.dir / "run"):
        path.chmod(0o755)
    for name in ("events", "commands", "control"):
        (stack.dir / "run" / name).chmod(0o666)
    done = subprocess.run([sys.executable, "-c", PRELUDE + textwrap.dedent(code), LIB, *map(str, args)],
                          capture_output=True, text=True, timeout=kit.DEADLINE, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


SAY_HELLO = """
    import uuid, zmq, bus
    s = zmq.Context.instance().socket(zmq.DEALER)
    s.setsockopt(zmq.LINGER, 0)
    s.connect(sys.argv[2])
    boot = uuid.uuid4().bytes
    for _ in range(int(sys.argv[4])):
        s.send_multipart([bus.envelope("HELLO", boot), bus.pack({"role": int(sys.argv[3]), "name": "thief", "version": "1",
                                                                 "spool": uuid.uuid4().bytes, "low": 1, "next": 1, "credit": 9,
                                                                 "credit_bytes": 9999})])
        assert s.poll(10000)
        head, body = s.recv_multipart()
        print(bus.NAMES[bus.unpack(head)[1]], body)
"""


def says_hello(stack, socket, role, times=1):
    """The answers to a stranger's HELLO."""
    return as_stranger(stack, SAY_HELLO, f"ipc://{stack.dir}/run/{socket}", role, times)


@needs_root
@pytest.mark.parametrize("socket, role", [("events", 1), ("commands", 3)])
def test_a_process_of_another_user_is_given_no_session_and_no_secret(stack, socket, role):
    stack.up()
    said = says_hello(stack, socket, role, 300)
    assert "WELCOME" not in said and said.count("REFUSED") == 300, said
    assert "may not speak" in said
    assert stack.metrics("core")[f'amo_bus_refused_total{{socket="{socket}"}}'] == 300
    lines = [line for line in stack["core"].lines if "what=bus.refused" in line]
    assert 0 < len(lines) < 100 and f"uid={STRANGER}" in lines[0], "however often somebody knocks, the log does not grow with it"


@needs_root
def test_whoever_is_no_operator_cannot_use_amoctl(stack):
    stack.up()
    ctl = f"{stack.bin}/amoctl"
    env = dict(os.environ, AMO_RUN_DIR=str(stack.dir / "run"))
    code = """
        import subprocess
        done = subprocess.run([sys.argv[2], "status"], env=dict(os.environ, AMO_RUN_DIR=sys.argv[3]), capture_output=True, text=True)
        print(done.returncode, done.stdout, done.stderr)
    """
    said = as_stranger(stack, code, ctl, stack.dir / "run")
    assert said.startswith("1 ") and "bus/operators" in said, said
    assert subprocess.run([ctl, "status"], env=env, capture_output=True, check=False).returncode == 0


LISTEN = """
    import zmq
    s = zmq.Context.instance().socket(zmq.SUB)
    s.setsockopt(zmq.LINGER, 0)
    s.setsockopt(zmq.SUBSCRIBE, b"")
    s.connect(sys.argv[2])
    print("frames" if s.poll(int(sys.argv[3])) else "nothing")
"""


@needs_root
def test_whoever_is_no_operator_hears_nothing_at_a_tap(stack):
    """Heartbeats alone are several frames a second there."""
    stack.up()
    (stack.dir / "run" / "tap-core").chmod(0o666)
    assert as_stranger(stack, LISTEN, f"ipc://{stack.dir}/run/tap-core", 3000) == "nothing\n"
    done = subprocess.run([sys.executable, "-c", "import sys\n" + textwrap.dedent(LISTEN), LIB, f"ipc://{stack.dir}/run/tap-core", "20000"],
                          capture_output=True, text=True, timeout=kit.DEADLINE, check=True)
    assert done.stdout == "frames\n"


@needs_root
def test_users_that_the_settings_name_may_be_what_they_say():
    with Stack(env={**QUICK, "AMO_BUS_INGRESS_USERS": f"nobody, {STRANGER}", "AMO_BUS_OPERATORS": f"%{STRANGER}"}) as stack:
        stack.up()
        assert "WELCOME" in says_hello(stack, "events", 1)
        assert "REFUSED" in says_hello(stack, "commands", 3)


def test_a_user_that_does_not_exist_stops_the_start():
    with Stack(env={"AMO_BUS_OPERATORS": "no-such-user"}) as stack:
        stack["core"].start()
        stack["core"].wait_line("what=setting.refused .*setting=bus/operators reason=\"no such user: no-such-user\"")
        assert stack["core"].wait_end() == 2


class Impostor:
    """Binds the name of a socket of core, as any process can that may write to its folder, and says WELCOME."""

    def __init__(self, stack, name):
        self.core = bus.FakeCore(f"ipc://{stack.dir}/run/{name}", welcome={"credit": 512, "credit_bytes": 8 << 20})


class Hog:
    """An ingress that keeps to no credit and waits for nothing."""

    def __init__(self, stack, name):
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.SNDHWM, 4)
        self.socket.connect(f"ipc://{stack.dir}/run/events")
        self.boot, self.spool = uuid.uuid4().bytes, uuid.uuid4().bytes
        self.name, self.next, self.core_boot, self.ended = name, 1, b"", 0

    def say_hello(self):
        """What core answers."""
        self.socket.send_multipart([bus.envelope("HELLO", self.boot), bus.pack(
            {"role": 1, "name": self.name, "version": "1", "spool": self.spool, "low": self.next, "next": self.next})])
        while True:
            assert self.socket.poll(20000), "no answer"
            kind, self.core_boot = self.read()
            if kind in ("WELCOME", "SPOOL_REFUSED", "REFUSED"):
                return kind

    def hello(self):
        assert self.say_hello() == "WELCOME"

    def say_hello_until_welcome(self):
        """Core does not answer each of them."""
        body = bus.pack({"role": 1, "name": self.name, "version": "1", "spool": self.spool, "low": 1, "next": self.next})
        for _ in range(20):
            self.socket.send_multipart([bus.envelope("HELLO", self.boot), body])
            end = time.monotonic() + 1
            while self.socket.poll(max(0, int((end - time.monotonic()) * 1000))):
                kind, self.core_boot = self.read()
                if kind == "WELCOME":
                    return
        raise AssertionError("no WELCOME")

    def read(self):
        head, _ = self.socket.recv_multipart()
        _, number, _, core_boot = bus.unpack(head)[:4]
        self.ended += bus.NAMES[number] == "HELLO_AGAIN"
        return bus.NAMES[number], core_boot

    def push(self, n, size):
        """@n events of @size bytes in one frame. False: core does not read now."""
        event = bus.pack({"kind": 6, "trace": uuid.uuid4().bytes, "taken_ms": 1, "connector": "svc", "reason": "none",
                          "raw": os.urandom(16) + bytes(size)})
        body = bus.pack({"spool": self.spool, "low": 1, "events": [[self.next + i, event] for i in range(n)]})
        try:
            self.socket.send_multipart([bus.envelope("EVENT_PUSH", self.boot, self.core_boot), body], zmq.DONTWAIT)
        except zmq.Again:
            return False
        self.next += n
        return True


def memory_mib(process, what):
    """VmRSS now or VmHWM at most, of @process."""
    status = pathlib.Path(f"/proc/{process.child.pid}/status").read_text()
    return int(re.search(rf"{what}:\s+(\d+) kB", status).group(1)) / 1024


def test_a_session_that_exceeds_its_credit_is_ended(stack):
    stack.up()
    hog = Hog(stack, "hog")
    hog.hello()
    assert hog.push(512, 10)
    wait_for(lambda: stack.figure("core", "amo_events_total") >= 512, "core to take a whole credit")
    assert stack.figure("core", "amo_sessions_over_credit_total") == 0
    assert hog.push(600, 10)
    stack["core"].wait_line("what=session.over_credit .*peer=hog events=513")
    wait_for(lambda: stack.figure("core", "amo_events_total") == 512 + 512, "core to take no more than a credit")
    hog.push(1, 10)
    while hog.socket.poll(500):
        hog.read()
    assert hog.ended
    hog.hello()
    assert hog.push(1, 5 << 20)
    exchange(stack, "beside")
    assert stack.figure("core", "amo_sessions_over_credit_total") == 1, "one large event travels alone"


def test_a_session_that_exceeds_the_bytes_of_its_credit_is_ended(stack):
    """In frames that core reads, of 4 MiB: how many of them it reads in one turn is its own affair, so they come until it is."""
    stack.up()
    hog = Hog(stack, "hog")
    hog.hello()
    wait_for(lambda: [hog.push(2, 2 << 20), stack.figure("core", "amo_sessions_over_credit_total") == 1][1], "the end of the session")
    line = stack["core"].wait_line(r"what=session.over_credit .*peer=hog events=(\d+) bytes=(\d+)")
    events, size = int(line.group(1)), int(line.group(2))
    assert events < 10 and 8 << 20 < size <= (8 << 20) + (2 << 20) + 1000, "at the first event that is too much"
    while not hog.ended:
        assert hog.socket.poll(20000)
        hog.read()
    hog.hello()
    taken = stack.figure("core", "amo_events_total")
    assert hog.push(2, 2 << 20)
    wait_for(lambda: stack.figure("core", "amo_events_total") == taken + 2, "what comes within the credit")
    assert stack.figure("core", "amo_sessions_over_credit_total") == 1


def test_a_process_that_keeps_to_no_credit_cannot_fill_cores_memory(stack):
    """Frames of 15 MiB, which no peer of ours sends, and of 8 MiB; core's memory stays under its bound (docs/configuration.md)."""
    stack.up()
    exchange(stack, "before")
    calm = memory_mib(stack["core"], "VmHWM")
    hogs = [Hog(stack, "hog-0"), Hog(stack, "hog-1")]
    for hog in hogs:
        hog.hello()
    sent = 0
    until = time.monotonic() + 6
    while time.monotonic() < until:
        done = [hog.push(2 if i else 1, (15 << 20) if sent % 10 == 9 else (4 << 20) - 4096) for i, hog in enumerate(hogs)]
        sent += sum(done)
        if not any(done):
            time.sleep(0.002)
    assert sent > 20
    start = time.monotonic()
    exchange(stack, "beside")
    assert time.monotonic() - start < 30
    grown = memory_mib(stack["core"], "VmHWM") - calm
    print(f"{sent} frames sent, core grew by {grown:.0f} MiB")
    assert grown < 2 * 198 + 3 * 16, "two connections, and what one turn works on"


def test_an_ingress_that_sends_one_event_for_ever_ends_nobody(stack):
    """What was taken before needs no credit; each is acknowledged, all of a turn in one frame."""
    stack.up()
    exchange(stack, "before")
    calm = memory_mib(stack["core"], "VmHWM")
    hog = Hog(stack, "hog")
    hog.hello()
    assert hog.push(1, 10)
    wait_for(lambda: stack.figure("core", "amo_events_total") >= 1, "core to take it")
    n = 490_000
    again = (b"\x83\xa5spool\xc4\x10" + hog.spool + b"\xa3low\x01\xa6events\xdd" + n.to_bytes(4, "big") + b"\x92\x01\xc4\x00" * n)
    sent, end = 0, time.monotonic() + 2
    while time.monotonic() < end:
        with contextlib.suppress(zmq.Again):
            hog.socket.send_multipart([bus.envelope("EVENT_PUSH", hog.boot, hog.core_boot), again], zmq.DONTWAIT)
            sent += 1
        while hog.socket.poll(0):
            if hog.read()[0] == "HELLO_AGAIN":
                hog.say_hello_until_welcome()
    exchange(stack, "beside")
    grown = memory_mib(stack["core"], "VmHWM") - calm
    print(f"{sent} frames sent, core grew by {grown:.0f} MiB")
    assert sent > 10 and stack["core"].lives == 1 and stack["core"].alive
    assert grown < 198 + 3 * 16 + 48


def spool_of_ingress(stack):
    """Its id, which the tap shows to whoever listens."""
    with contextlib.closing(sqlite3.connect(stack.dir / "data" / "core" / "core.db")) as db:
        (number, name), = db.execute("SELECT id, name FROM spools").fetchall()
    assert name == "ingress"
    return number


@pytest.mark.parametrize("away", [False, True], ids=["while_its_ingress_lives", "while_its_ingress_is_away"])
def test_nobody_else_speaks_for_a_spool(stack, away):
    """Somebody who knows the id of a spool says that all its numbers are done, and uses them up."""
    stack.up()
    exchange(stack, "before")
    thief = Hog(stack, "thief")
    thief.spool, thief.next = spool_of_ingress(stack), 1 << 62
    if away:
        stack["ingress"].stop()
        stack.start_over("core")
    assert thief.say_hello() == "SPOOL_REFUSED"
    thief.push(1, 10)
    if away:
        stack.start("ingress")
    exchange(stack, "after")
    stack["core"].wait_line("what=spool.refused name=thief")


@pytest.mark.parametrize("name", ["ingress", "thief"])
def test_nobody_imitates_a_process_that_lives(stack, name):
    """Its boot id is no secret: whoever may read the folder of its spool finds it there."""
    stack.up()
    exchange(stack, "before")
    thief = Hog(stack, name)
    thief.spool = spool_of_ingress(stack)
    thief.boot = (stack.dir / "data" / "ingress" / "spool.db" / "spool.lives").read_bytes()[:16]
    assert thief.say_hello() == "REFUSED"
    thief.push(20, 10)
    stack["core"].wait_line("what=peer.imitated name=ingress")
    exchange(stack, "after")


def test_an_ingress_that_is_renamed_loses_nothing(stack):
    stack.up()
    exchange(stack, "before")
    stack["core"].stop()
    stack.client_writes("kept")
    stack["ingress"].stop()
    stack["ingress"].env["AMO_NAME"] = "renamed"
    stack.start("core")
    stack.start("ingress")
    stack.wait("amojo.message", text="kept")
    exchange(stack, "after")
    assert [m["text"] for m in stack.list("amojo/messages")].count("before-in") == 1


def exchange(stack, word):
    """A client writes, a manager answers: it passes every socket."""
    stack.client_writes(f"{word}-in")
    chat = stack.wait("amojo.message", text=f"{word}-in")["item"]["chat"]
    stack.manager_writes(f"{word}-out", chat)
    stack.wait("service.message", text=f"{word}-out")
    assert stack.control("status")


@pytest.mark.parametrize("name", ["events", "commands", "control"])
def test_core_notices_within_two_seconds_that_somebody_took_the_name_of_a_socket(stack, name):
    stack.up()
    path = stack.dir / "run" / name
    before = path.stat().st_ino
    impostor = Impostor(stack, name)
    assert path.stat().st_ino != before
    theirs = path.stat().st_ino
    wait_for(lambda: path.stat().st_ino != theirs, "core to take its name back", 2)
    stack["core"].wait_line(f"what=bus.taken_over .*socket={name}")
    assert stack.metrics("core")[f'amo_bus_taken_over_total{{socket="{name}"}}'] == 1
    assert path.stat().st_mode & 0o777 == 0o660
    exchange(stack, "after")  # both directions, and amoctl
    impostor.core.close()
    exchange(stack, "later")
    assert path.exists(), "whoever ends removes only what is his own"


@pytest.mark.parametrize("name", ["events", "commands"])
def test_edges_that_found_an_impostor_come_back_to_core(stack, name):
    """Core is away while somebody has its name; then it comes back."""
    stack.up()
    stack["core"].kill()
    impostor = Impostor(stack, name)
    impostor.core.wait_hello(20)
    stack.start("core")
    exchange(stack, "after")
    impostor.core.close()


@needs_root
def test_an_impostor_of_another_user_is_told_nothing(stack):
    """Core is away, and somebody who is not core's user plays it: the edges hear that, and keep what they have."""
    stack.up()
    stack["core"].stop()
    (stack.dir / "run").chmod(0o777)
    play = """
        import bus
        core = bus.FakeCore(sys.argv[2], welcome={"credit": 512, "credit_bytes": 8 << 20})
        os.chmod(sys.argv[2][6:], 0o777)
        print("there", flush=True)
        core.wait_hello(60)
        try:
            while True:
                print(core.next(4).kind)
        except TimeoutError:
            print("nothing more")
    """
    (stack.dir).chmod(0o755)
    with subprocess.Popen([sys.executable, "-c", PRELUDE + textwrap.dedent(play), LIB, f"ipc://{stack.dir}/run/events"],
                          stdout=subprocess.PIPE, text=True) as impostor:
        assert impostor.stdout.readline() == "there\n"
        stack.client_writes("kept")
        assert impostor.stdout.read() == "nothing more\n", "no event is given to him"
    stack["ingress"].wait_line(f"what=core.stranger uid={STRANGER}")
    stack.start("core")
    stack.wait("amojo.message", text="kept")


def test_a_file_that_is_removed_is_put_back(stack):
    stack.up()
    path = stack.dir / "run" / "events"
    path.unlink()
    wait_for(path.exists, "the file to be there again", 2)
    exchange(stack, "after")
    tap = stack.dir / "run" / "tap-core"
    tap.unlink()
    wait_for(tap.exists, "the tap to be there again", 3)
