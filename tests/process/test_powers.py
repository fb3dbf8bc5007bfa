"""What a process that was taken over can do: the table of docs/architecture.md, tried inside the running processes; and
what its user can do from outside, with the bridge of ./dev up, where each program has a user of its own."""
import errno
import json
import mmap
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import uuid

import pytest

from inside import Inside, inet, needs_root, unix
from kit import ROOT, http
from stack import Stack

STACK = ROOT / "deploy" / "stack.sh"
ADDRESSES = ("INGRESS_LISTEN", "SANDBOX_LISTEN", "INGRESS_ADMIN_LISTEN", "CORE_ADMIN_LISTEN", "EGRESS_ADMIN_LISTEN",
             "EGRESS_2_ADMIN_LISTEN")
AT_CWD = -100
PROCESSES = {"amo-ingress": "ingress", "amo-core": "core", "amo-egress": "egress-1"}


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


class Bridge:
    """What ./dev up starts, in a folder that other users reach. With @user: as that one starts it, who is not root."""

    def __init__(self, user=None):
        self.base = pathlib.Path(tempfile.mkdtemp(prefix="amo-powers-"))
        self.base.chmod(0o711)
        self.prefix = []
        if user:
            os.chown(self.base, user, user)
            self.prefix = ["setpriv", "--reuid", str(user), "--regid", str(user), "--clear-groups"]
        self.dir = self.base / "up"
        self.ports = dict(zip(ADDRESSES, free_ports(len(ADDRESSES))))
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("AMO_")}
        self.env.update({f"AMO_{name}": f"127.0.0.1:{port}" for name, port in self.ports.items()}, AMO_UP_DIR=str(self.dir))

    def run(self, word):
        done = subprocess.run([*self.prefix, STACK, word], cwd="/", env=self.env, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def pid(self, name):
        return int((self.dir / f"{name}.pid").read_text())

    def status(self, name):
        text = pathlib.Path(f"/proc/{self.pid(name)}/status").read_text()
        return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


@pytest.fixture(scope="module")
def bridge():
    if "AMO_SANITIZED" in os.environ:
        pytest.skip("a build with sanitizers is not confined")
    b = Bridge()
    try:
        b.said = b.run("up")
        yield b
    finally:
        b.run("down")
        shutil.rmtree(b.base)


# --- inside: the table ---------------------------------------------------------------------------

def sockets_then(p, family, kind, name, address):
    """A socket and one call with it: 0 when both work."""
    fd = p.call("socket", family, kind, 0)
    if fd < 0:
        return fd
    result = p.call(name, fd, address, len(address))
    assert p.call("close", fd) == 0
    return result


def opens(p, path, flags=os.O_RDONLY):
    return p.may("openat", AT_CWD, os.fsencode(path) + b"\0", flags, 0)


def resolves(p):
    fd = p.call("socket", socket.AF_INET, socket.SOCK_DGRAM, 0)
    if fd < 0:
        return False
    result = p.call("sendto", fd, b"x", 1, 0, inet(53), 16)
    assert p.call("close", fd) == 0
    return result == 1


def programs(p):
    """clone() as fork() makes it, and execve(); neither may work, so no child is left."""
    assert p.call("execve", b"/no/such/program\0", 0, 0) in (-errno.EPERM, -errno.EACCES)
    return p.may("clone", signal.SIGCHLD, 0, 0, 0, 0)


def core_limit(b, name):
    limits = pathlib.Path(f"/proc/{b.pid(name)}/limits").read_text()
    return re.search(r"Max core file size +(\S+) +(\S+)", limits).groups() != ("0", "0")


# what a row of the table says: how to try it in a process
TRIES = {
    "open an internet socket": lambda p, b: p.may("socket", socket.AF_INET, socket.SOCK_STREAM, 0),
    "connect to an internet address": lambda p, b: sockets_then(p, socket.AF_INET, socket.SOCK_STREAM, "connect",
                                                                inet(b.ports["SANDBOX_LISTEN"])) == 0,
    "send to a name server": lambda p, b: resolves(p),
    "listen at a port of its choice": lambda p, b: sockets_then(p, socket.AF_INET, socket.SOCK_STREAM, "bind",
                                                                inet(free_ports(1)[0])) == 0,
    "connect to a Unix socket": lambda p, b: sockets_then(p, socket.AF_UNIX, socket.SOCK_STREAM, "connect",
                                                          unix(b.dir / "no-such-socket")) == -errno.ENOENT,
    "write to the spool": lambda p, b: opens(p, b.dir / "data/ingress/spool.db/spool.fresh", os.O_RDWR),
    "open the store": lambda p, b: opens(p, b.dir / "data/core/core.db"),
    "read the master key": lambda p, b: opens(p, b.dir / "key/master.key"),
    "read the system's settings": lambda p, b: opens(p, "/etc/hosts"),
    "start a program": lambda p, b: programs(p),
    "look into another process": lambda p, b: p.may("ptrace", 16, b.pid("sandbox"), 0, 0),
    "end another process": lambda p, b: p.may("kill", b.pid("sandbox"), 0),
    "make memory that is written and run": lambda p, b: p.may("mmap", 0, 4096, mmap.PROT_WRITE | mmap.PROT_EXEC,
                                                              mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0),
}


def table():
    """{row: {program: yes or no}} of docs/architecture.md."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    start = next(i for i, row in enumerate(rows) if row[0] == "does it")
    found = {}
    for row in rows[start + 2:]:
        if len(row) != 4 or not all(re.match("yes|no", cell) for cell in row[1:]):
            break
        found[row[0]] = {program: cell.startswith("yes") for program, cell in zip(rows[start][1:], row[1:])}
    return found


def test_every_row_of_the_table_is_tried_here():
    assert set(table()) == {*TRIES, "leave a core file"}


def landlock(b, name):
    """The version that the process found, as it says."""
    return int(re.search(r"what=confined calls=yes landlock=(\d+)", (b.dir / f"{name}.log").read_text())[1])


NEEDS_VERSION = {"connect to an internet address": 4, "listen at a port of its choice": 4, "write to the spool": 1,
                 "open the store": 1, "read the master key": 1, "read the system's settings": 1}


def compare_with_table(b, program):
    """Tries each row in the running process."""
    name = PROCESSES[program]
    tried = {}
    with Inside(b.pid(name)) as p:
        for row, attempt in TRIES.items():
            if landlock(b, name) >= NEEDS_VERSION.get(row, 0):
                tried[row] = attempt(p, b)
    tried["leave a core file"] = core_limit(b, name)
    expected = table()
    assert tried == {row: expected[row][program] for row in tried}
    assert len(tried) == len(expected) or landlock(b, name) < 4


@needs_root
@pytest.mark.parametrize("program", PROCESSES)
def test_what_the_table_says_holds_inside_the_running_process(bridge, program):
    compare_with_table(bridge, program)


@needs_root
def test_what_was_tried_inside_them_harmed_nobody(bridge):
    """They go on working: a message is still delivered."""
    text = f"after-{uuid.uuid4().hex}"
    sandbox = f"http://127.0.0.1:{bridge.ports['SANDBOX_LISTEN']}/_sandbox"
    http("POST", f"{sandbox}/client/writes", {"connector": "demo", "source": "wa1", "conversation": "79005550101", "text": text})
    assert http("GET", f"{sandbox}/wait?what=amojo.message&text={text}&timeout_ms=30000", timeout=60).json["done"]


def test_the_kernel_says_the_same_of_each(bridge):
    for name in PROCESSES.values():
        status = bridge.status(name)
        assert (status["NoNewPrivs"], status["Seccomp"], status["CapEff"]) == ("1", "2", "0" * 16) or os.geteuid() != 0, name
        assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2"), name
        # not dumpable: what is in /proc/PID belongs to root, whoever runs it
        assert os.stat(f"/proc/{bridge.pid(name)}/environ").st_uid == 0, name


# --- outside: as the user of an edge --------------------------------------------------------------

needs_users = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be several users")


def as_user_of(bridge, name, program, *words):
    """Runs something with exactly the user and groups of that process: its exit code, and what it said."""
    status = bridge.status(name)
    uid, groups = status["Uid"].split()[0], ",".join(status["Groups"].split())
    done = subprocess.run(["setpriv", "--reuid", uid, "--regid", uid, "--groups", groups, "--inh-caps=-all",
                           "--bounding-set=-all", program, *map(str, words)], cwd="/", stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=30, check=False)
    return done.returncode, done.stdout + done.stderr


PYTHON = "/usr/bin/python3"
CONNECTS = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"


@needs_users
@pytest.mark.parametrize("name", ["ingress", "egress-1"])
def test_an_edges_user_sees_nothing_of_the_others(bridge, name):
    assert "every program runs as root" not in bridge.said
    core = bridge.pid("core")
    other = "egress-1" if name == "ingress" else "ingress"
    hidden = [bridge.dir / "key/master.key", bridge.dir / "data/core/core.db", bridge.dir / "data/core",
              bridge.dir / "data" / other.split("-")[0], f"/proc/{core}/root", f"/proc/{core}/mem",
              f"/proc/{core}/environ", f"/proc/{bridge.pid(other)}/mem", f"/proc/{bridge.pid(name)}/mem"]
    for path in hidden:
        code, said = as_user_of(bridge, name, PYTHON, "-c", "import os, sys; os.open(sys.argv[1], 0)", path)
        assert code == 1 and "PermissionError" in said, (path, said)


@needs_users
@pytest.mark.parametrize("name, others", [("ingress", "commands"), ("egress-1", "events")])
def test_an_edges_user_reaches_its_own_socket_and_no_other(bridge, name, others):
    own = "events" if others == "commands" else "commands"
    closed = [bridge.dir / others / "core", bridge.dir / "run" / "control", bridge.dir / "run" / "tap-core"]
    for path in closed:
        assert pathlib.Path(path).is_socket()
        code, said = as_user_of(bridge, name, PYTHON, "-c", CONNECTS, path)
        assert code == 1 and "PermissionError" in said, (path, said)
    assert as_user_of(bridge, name, PYTHON, "-c", CONNECTS, bridge.dir / own / "core") == (0, "")
    # nor takes its place
    for folder in ("events", "commands", "run"):
        code, said = as_user_of(bridge, name, PYTHON, "-c", "import os, sys; os.unlink(sys.argv[1])", bridge.dir / folder / "core")
        assert code == 1 and "PermissionError" in said, (folder, said)
        code, said = as_user_of(bridge, name, PYTHON, "-c", "import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])",
                                bridge.dir / folder / "mine")
        assert code == 1 and "PermissionError" in said, (folder, said)


@needs_users
def test_an_operator_asks_core_and_listens_to_all(bridge):
    env = {"AMO_RUN_DIR": str(bridge.dir / "run"), "AMO_BUS_TAP": f"ipc://{bridge.dir}/*/tap", "PATH": os.environ["PATH"]}
    done = subprocess.run([ROOT / "build/bin/amoctl", "status", "--json"], env=env, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0 and {p["name"] for p in json.loads(done.stdout)["peers"]} >= {"ingress", "egress-1", "egress-2"}
    done = subprocess.run([ROOT / "build/bin/amo-monitor", "sockets"], env=env, capture_output=True, text=True, timeout=30, check=False)
    assert all(name in done.stdout for name in ("core", "ingress", "egress-1", "egress-2")), done.stdout + done.stderr


PLAIN, STRANGER = 54321, 54322  # users of this host that are nobody here


@needs_root
def test_what_a_plain_user_starts_is_confined_as_well():
    """./dev up without root: one user for all, so what holds is what each process has given up."""
    if "AMO_SANITIZED" in os.environ:
        pytest.skip("a build with sanitizers is not confined")
    b = Bridge(user=PLAIN)
    try:
        b.run("up")
        for program, name in PROCESSES.items():
            status = b.status(name)
            assert set(status["Uid"].split()) == {str(PLAIN)} and status["Groups"].split() in ([], [str(PLAIN)])
            assert (status["NoNewPrivs"], status["Seccomp"], status["CapEff"]) == ("1", "2", "0" * 16), name
            compare_with_table(b, program)
        sockets = [p for p in b.dir.rglob("*") if p.is_socket()]
        assert {p.name for p in sockets} >= {"core", "control"}
        for path in sockets:
            found = path.stat()
            assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (PLAIN, PLAIN, 0o660), path
            # whoever was put into the user's group does not come as far as the socket
            done = subprocess.run(["setpriv", "--reuid", str(STRANGER), "--regid", str(STRANGER), "--groups", str(PLAIN), PYTHON, "-c",
                                   CONNECTS, path], cwd="/", capture_output=True, text=True, timeout=30, check=False)
            assert done.returncode == 1 and "PermissionError" in done.stderr, (path, done.stderr)
        done = subprocess.run([*b.prefix, ROOT / "build/bin/amoctl", "status", "--json"], cwd="/", capture_output=True, text=True,
                              env=dict(b.env, AMO_RUN_DIR=str(b.dir / "run")), timeout=30, check=False)
        assert done.returncode == 0 and len(json.loads(done.stdout)["peers"]) == 3, done.stderr
    finally:
        b.run("down")
        shutil.rmtree(b.base)


@needs_root
def test_where_all_have_one_user_each_still_opens_only_what_is_its_own():
    if "AMO_SANITIZED" in os.environ:
        pytest.skip("a build with sanitizers is not confined")
    with Stack() as stack:
        stack.up(register=False)
        stack.start_over("core")  # its first life made the key, and needed the folder for it
        if not int(stack["core"].wait_line(r"what=confined calls=yes landlock=(\d+)").group(1)):
            pytest.skip("this kernel has no landlock")
        store, key = stack.dir / "data/core/core.db", stack.dir / "data/master.key"
        spool = stack.dir / "data/ingress/spool.db/spool.fresh"
        seen = {}
        for name in ("core", "ingress", "egress-0"):
            with Inside(stack[name].pid) as p:
                seen[name] = [opens(p, path) for path in (store, key, spool)]
        assert seen == {"core": [True, True, False], "ingress": [False, False, True], "egress-0": [False, False, False]}


def test_where_the_kernel_has_no_landlock_they_run_and_say_so_once():
    if "AMO_SANITIZED" in os.environ:
        pytest.skip("a build with sanitizers is not confined")
    names = ("core", "ingress", "egress-0")
    with Stack() as stack:
        for name in names:
            stack[name].args = [sys.executable, str(ROOT / "tests" / "lib" / "no_landlock.py"), *stack[name].args]
        stack.up()
        stack.meet("hello")
        checks = {c["subject"]: c for c in stack.control("doctor")["checks"] if c["check"] == "confined"}
        assert set(checks) == set(names)
        for name in names:
            said = [line for line in stack[name].lines if "what=confine" in line]
            assert len(said) == 1 and "level=warn" in said[0] and "calls=yes landlock=0 ports=no" in said[0], said
            assert checks[name]["state"] == "yellow" and "files" in checks[name]["words"], checks[name]
    with Stack(env={"AMO_CONFINE": "no"}) as stack:
        stack.up()
        checks = [c for c in stack.control("doctor")["checks"] if c["check"] == "confined"]
        assert [(c["state"], "everything" in c["words"]) for c in checks] == [("yellow", True)] * 3
