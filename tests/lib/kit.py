"""The test kit: processes, waiting, HTTP, scratch folders and configuration, for every test that starts a program.

Programs run in a scratch folder, listen on port 0, are waited for by what they say and are ended by pid. What only one
folder of tests needs (a simulated core, a remote side, people who write) is in that folder's harness.
"""
import json
import os
import pathlib
import re
import shutil
import signal
import ssl
import subprocess
import tempfile
import threading
import time
from http import client as http_client

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("AMO_BIN_DIR") or os.environ.get("AMO_BIN") or ROOT / "build" / "bin")
SANITIZER = re.compile(r"(Address|Leak|Thread|UndefinedBehavior)Sanitizer|runtime error:|Assertion .* failed")


def deadline(seconds):
    """How long to wait for what must happen; AMO_TEST_DEADLINE overrides it on a slow machine."""
    return float(os.environ.get("AMO_TEST_DEADLINE", seconds))


DEADLINE = deadline(60)


# --- waiting -----------------------------------------------------------------------------------

class NotYet(Exception):
    """Raised by a condition that cannot be evaluated yet: wait_for asks again."""


def wait_for(true, what, timeout=DEADLINE, every=0.02):
    """Until true() returns something, which is returned; @what names it if it never does, as text or as a function.

    It asks at short intervals at first, then @every seconds."""
    end, pause = time.monotonic() + timeout, 0.002
    while True:
        try:
            value = true()
        except NotYet:
            value = None
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"waited {timeout} s for {what() if callable(what) else what}")
        time.sleep(min(pause, every))
        pause *= 1.5


def holds(true, seconds, what, every=0.05):
    """Asserts that true() holds all that time: for what must not happen, which no event can announce."""
    end = time.monotonic() + seconds
    while True:
        assert true(), what() if callable(what) else what
        if time.monotonic() > end:
            return
        time.sleep(every)


# --- scratch folders and configuration ---------------------------------------------------------

def scratch(prefix="amo-"):
    """A new folder with a short path, because the path of a socket has at most 107 bytes; see discard()."""
    return pathlib.Path(tempfile.mkdtemp(prefix=prefix, dir=os.environ.get("AMO_SCRATCH", "/tmp")))


def discard(directory):
    """Removes a scratch folder, unless AMO_KEEP asks for it to be kept."""
    if not os.environ.get("AMO_KEEP"):
        shutil.rmtree(directory, ignore_errors=True)


def settings(config):
    """The variables of settings named as in a configuration file: egress/name is AMO_EGRESS_NAME."""
    return {"AMO_" + key.upper().replace("/", "_"): value for key, value in config.items()}


def environment(**variables):
    """This environment without AMO_ settings of its own, and with these variables. LD_BIND_NOW as units and images set it."""
    base = {k: v for k, v in os.environ.items() if not k.startswith("AMO_")} | {"LD_BIND_NOW": "1"}
    return base | {k.upper(): str(v) for k, v in variables.items()}


def in_folder(directory, **config):
    """The environment of a program whose sockets and data are in a scratch folder."""
    return environment(**{"AMO_RUN_DIR": f"{directory}/run", "AMO_DATA_DIR": f"{directory}/data", **config})


# --- processes ---------------------------------------------------------------------------------

def end_group(group):
    """SIGKILL for all that is left of a process group, and gone: what ran under strace outlives it otherwise."""
    def members():
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                state, _, its_group = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[:3]
            except OSError:
                continue  # it ended meanwhile
            if int(its_group) == group and state not in "ZX":  # a dead one may wait for a parent that is not ours
                yield int(stat.parent.name)

    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return
    wait_for(lambda: not any(members()), lambda: f"the end of {list(members())}")


def run(program, *words, env=None, timeout=60, **more):
    """A program that ends by itself: its exit code, stdout and stderr as text. A bare name is one of ours."""
    if "input" not in more or more["input"] is None:
        more = {"stdin": subprocess.DEVNULL, **{k: v for k, v in more.items() if k != "input"}}
    return subprocess.run([str(executable(program)), *map(str, words)], env=env, timeout=timeout, encoding="utf-8",
                          check=False, **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more})


def executable(program):
    return BIN / program if str(program).startswith("amo") and "/" not in str(program) else program


class Process:
    """One executable, what it says, and its life. After its end it may be started again: each start is a life.

    It writes its log file itself, so that what it said before an answer is there when the answer is. It has a process
    group of its own, of which nothing is left when it was ended: it may be a program that runs another one, as strace."""

    known = []  # those started and not closed: their last words belong to the report of a failure

    def __init__(self, name, args, env, log_dir, cwd=None, apart=False):
        """@apart keeps stderr in a file of its own, for programs whose stdout is data."""
        self.name, self.args, self.env, self.cwd = name, [str(a) for a in args], env, cwd
        self.log_path = pathlib.Path(log_dir) / f"{name}.log"
        self.error_path = self.log_path.with_suffix(".err") if apart else None
        self.child = self.pid = None
        self._group = None      # the process group of this life, until nothing of it is left
        self.lives = 0
        self.seen = 0           # the first line of this life
        self._lock, self._lines = threading.Lock(), []
        self._read = self.log_path.stat().st_size if self.log_path.exists() else 0
        self._begin = self._read  # where this life begins in the file

    def start(self):
        assert not self.alive, f"{self.name} is running"
        self._end_rest()
        self._take_lines(over=True)
        self.lives += 1
        self.seen, self._begin = len(self._lines), self._read
        with open(self.log_path, "ab") as log, open(self.error_path or os.devnull, "ab") as errors:
            self.child = subprocess.Popen(self.args, env=self.env, cwd=self.cwd, stdin=subprocess.DEVNULL, stdout=log,
                                          stderr=errors if self.error_path else subprocess.STDOUT, process_group=0)
        self.pid = self._group = self.child.pid
        if self not in Process.known:
            Process.known.append(self)
        return self

    @property
    def alive(self):
        return self.child is not None and self.child.poll() is None

    # -- what it says

    def _take_lines(self, over=False):
        """Reads on in the log; a line without an end is one only when the process is over."""
        with self._lock:
            if not self.log_path.exists():
                return self._lines
            with open(self.log_path, "rb") as log:
                log.seek(self._read)
                data = log.read()
            if not over:
                data = data[:data.rfind(b"\n") + 1]
            self._read += len(data)
            self._lines += [raw.decode("utf-8", "replace") for raw in data.removesuffix(b"\n").split(b"\n")] if data else []
            return self._lines

    @property
    def lines(self):
        """Every line of all its lives."""
        return self._take_lines(over=not self.alive)

    def log(self):
        """All that this life has said, as one text."""
        with open(self.log_path, "rb") as log:
            log.seek(self._begin)
            return log.read().decode("utf-8", "replace")

    def errors(self):
        """What a process that keeps stderr apart said there."""
        return self.error_path.read_text(encoding="utf-8", errors="replace")

    def last_words(self, lines=25):
        return "\n".join([f"--- {self.name} (lives {self.lives})", *self.lines[-lines:]])

    def wait_line(self, pattern, timeout=DEADLINE, since=None):
        """The first line of this life that matches, or the first after @since lines; its match."""
        rx = re.compile(pattern)
        at = self.seen if since is None else since

        def look():
            nonlocal at
            over = not self.alive  # asked first: whatever it said is in the file then
            lines = self.lines
            while at < len(lines):
                found = rx.search(lines[at])
                at += 1
                if found:
                    return found
            if over:
                raise RuntimeError(f"{self.name} ended with {self.child.returncode}:\n" + "\n".join(lines[self.seen:][-30:]))
            return None
        return wait_for(look, lambda: f"{self.name} to say {pattern!r}; {self.last_words(30)}", timeout, every=0.01)

    def sanitizer_words(self):
        return [f"{self.name}: {line}" for line in self.lines if SANITIZER.search(line)]

    # -- how it ends

    def signal(self, number):
        os.kill(self.pid, number)

    def wait_end(self, timeout=30):
        """Its exit code, when it ends by itself."""
        return self.child.wait(timeout)

    def kill(self):
        """SIGKILL, and gone."""
        self._end_by(signal.SIGKILL)
        if self.child:
            self.child.wait(DEADLINE)
            self._end_rest()

    def stop(self, timeout=30):
        """SIGTERM, and its exit code; one that does not end is killed."""
        self._end_by(signal.SIGTERM)
        try:
            code = self.wait_end(timeout)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.kill()
            raise
        self._end_rest()
        return code

    def _end_rest(self):
        """What the child has left running, once the child itself is over."""
        if self._group:
            end_group(self._group)
            self._group = None

    def _end_by(self, number):
        if self.alive:
            try:
                self.signal(number)
            except ProcessLookupError:
                pass  # only a program that it ran under is still there, and about to end

    def close(self):
        """Killed if need be, and no longer part of a failure's report."""
        self.kill()
        if self in Process.known:
            Process.known.remove(self)

    @classmethod
    def end_all(cls, number, _frame=None):
        """A signal ends this program: those it has started have groups of their own, which the signal does not reach."""
        for process in cls.known:
            if process._group:
                end_group(process._group)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)


for _ending in signal.SIGTERM, signal.SIGHUP:  # as timeout(1) sends them, and a terminal that is closed
    if signal.getsignal(_ending) == signal.SIG_DFL:
        signal.signal(_ending, Process.end_all)


# --- HTTP --------------------------------------------------------------------------------------

class Answer(tuple):
    """An answer of HTTP: status, headers and body; as a tuple (status, parsed body or text, headers)."""

    def __new__(cls, status, headers, body):
        text = body.decode("utf-8", "replace")
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        self = super().__new__(cls, (status, value, headers))
        self.status, self.headers, self.body = status, headers, body
        return self

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        return self.json["error"]["code"]


def connect(url, timeout=DEADLINE, ca=None):
    """A connection of http.client to the server of a URL; @ca is a file of trusted certificates. No proxy is asked."""
    scheme, _, host = re.match("(https?)(://)([^/?]+)", url).groups()
    if scheme == "https":
        return http_client.HTTPSConnection(host, timeout=timeout, context=ssl.create_default_context(cafile=ca))
    return http_client.HTTPConnection(host, timeout=timeout)


def ask(connection, method, path, body=None, headers=None):
    """One request on a connection that stays open; path and body go out as they are."""
    connection.request(method, path, body=body, headers=headers or {})
    answer = connection.getresponse()
    return Answer(answer.status, answer.headers, answer.read())


def http(method, url, body=None, headers=None, timeout=30, ca=None):
    """One request on a connection of its own. A body that is not bytes is sent as JSON; HTTP errors are answers, too."""
    # raw UTF-8: the sandbox reads escaped pairs with json-c alone, which gets some of them wrong
    data = body if isinstance(body, (bytes, type(None))) else json.dumps(body, ensure_ascii=False).encode()
    connection = connect(url, timeout, ca)
    try:
        path = re.sub("^https?://[^/?]+", "", url)
        return ask(connection, method, path if path.startswith("/") else "/" + path, data,
                   {"Connection": "close", **(headers or {})})
    finally:
        connection.close()


def figures(text):
    """The rows of /metrics: {name with its labels: value}."""
    return {key: float(value) for key, _, value in
            (line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#"))}


def certificate(directory, names):
    """A self-signed certificate for these names, as "DNS:localhost,IP:127.0.0.1", and its key: two paths."""
    cert, key = pathlib.Path(directory) / "cert.pem", pathlib.Path(directory) / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-keyout", key, "-out", cert, "-subj", "/CN=localhost", "-addext", f"subjectAltName={names}"],
                   check=True, capture_output=True)
    return cert, key
