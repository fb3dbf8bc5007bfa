"""The kit itself: what it waits for, what it sees, what it cleans up."""
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

import kit


@pytest.fixture
def script(tmp_path):
    """A process that runs this Python text."""
    made = []

    def start(text, **more):
        made.append(kit.Process("script", [sys.executable, "-u", "-c", text], kit.environment(), tmp_path, **more).start())
        return made[-1]
    yield start
    for process in made:
        process.close()
        assert process not in kit.Process.known


STAYS = "import time\nprint('what=ready port=7')\nprint('half', end='')\ntime.sleep(60)"


def test_a_line_is_waited_for_and_half_a_line_is_none_yet(script):
    process = script(STAYS)
    assert process.wait_line(r"port=(\d+)")[1] == "7"
    kit.wait_for(lambda: "half" in process.log(), "the half line")
    assert process.lines == ["what=ready port=7"] and process.alive
    with pytest.raises(TimeoutError, match="to say 'half'.*\n.*what=ready"):
        process.wait_line("half", timeout=0.1)
    process.kill()
    assert process.lines == ["what=ready port=7", "half"] and not process.alive


def test_a_process_that_ends_before_it_has_said_it_is_told_with_its_last_words(script):
    process = script("print('no room')\nraise SystemExit(3)")
    with pytest.raises(RuntimeError, match="ended with 3:\nno room"):
        process.wait_line("ready")
    assert process.wait_end() == 3


def test_each_life_begins_anew_and_all_lines_are_kept(script):
    process = script(STAYS)
    process.wait_line("ready")
    process.kill()
    process.start()
    assert process.lives == 2
    process.wait_line("ready")
    kit.wait_for(lambda: process.log() == "what=ready port=7\nhalf", "the second life alone")
    assert process.lines == ["what=ready port=7", "half", "what=ready port=7"]
    at = len(process.lines)
    with pytest.raises(TimeoutError):
        process.wait_line("ready", timeout=0.1, since=at)


def test_what_a_sanitizer_says_is_found(script):
    process = script("print('==7==ERROR: AddressSanitizer: heap-use-after-free')\nprint('a.c:3: runtime error: overflow')\nprint('fine')")
    process.wait_end()
    assert len(process.sanitizer_words()) == 2


def test_stderr_apart_is_not_mixed_with_data(script):
    process = script("import sys\nprint('{}')\nprint('complaint', file=sys.stderr)", apart=True)
    assert process.wait_end() == 0
    assert (process.lines, process.errors()) == (["{}"], "complaint\n")


def test_one_that_does_not_stop_is_killed_and_told(script):
    process = script("import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('ready')\ntime.sleep(60)")
    process.wait_line("ready")
    with pytest.raises(kit.subprocess.TimeoutExpired):
        process.stop(0.2)
    assert not process.alive and process.child.returncode == -signal.SIGKILL


OUTLIVED = "import subprocess, sys\nchild = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\nprint('child', child.pid)\n"


@pytest.mark.parametrize("how", ["kill", "stop", "close", "start"])
def test_nothing_is_left_of_what_a_program_runs(script, how):
    process = script(OUTLIVED + ("" if how == "start" else "child.wait()"))
    left = int(process.wait_line(r"child (\d+)")[1])
    if how == "start":
        process.wait_end()
        assert kit.pathlib.Path(f"/proc/{left}").exists()
    getattr(process, how)()
    # it is a zombie until whoever has inherited it looks
    state = kit.pathlib.Path(f"/proc/{left}/stat")
    assert not state.exists() or state.read_text(encoding="utf-8").rpartition(")")[2].split()[0] in "ZX"


@pytest.mark.skipif(not kit.shutil.which("strace"), reason="needs strace")
def test_what_runs_under_strace_ends_with_it(tmp_path):
    words = ["strace", "-f", "-qq", "-o", "/dev/null", sys.executable, "-u", "-c", "import os, time\nprint('traced', os.getpid())\ntime.sleep(600)"]
    process = kit.Process("traced", words, kit.environment(), tmp_path).start()
    traced = kit.pathlib.Path(f"/proc/{process.wait_line(r'traced (.*)')[1]}/cmdline")
    assert traced.read_bytes()
    process.close()
    assert not traced.exists() or not traced.read_bytes()  # a zombie has no words


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_whoever_ends_a_run_of_tests_ends_what_it_has_started(script, tmp_path, number):
    words = [sys.executable, "-u", "-c", "import time\nprint('deep')\ntime.sleep(600)"]
    outer = script(f"import sys, time\nsys.path.insert(0, {str(kit.ROOT / 'tests' / 'lib')!r})\nimport kit\n"
                   f"inner = kit.Process('inner', {words}, kit.environment(), {str(tmp_path)!r}).start()\n"
                   "inner.wait_line('deep')\nprint('inner', inner.pid)\ntime.sleep(600)")
    inner = kit.pathlib.Path(f"/proc/{outer.wait_line(r'inner (.*)')[1]}")
    outer.signal(number)
    assert outer.wait_end() == -number
    assert not inner.exists() or not (inner / "cmdline").read_bytes()  # a zombie has no words


def test_waiting_returns_what_came_and_says_what_did_not():
    came = []
    threading.Timer(0.05, came.append, ["it"]).start()
    assert kit.wait_for(lambda: came, "it") == ["it"]

    def never():
        raise kit.NotYet
    with pytest.raises(TimeoutError, match="waited 0.05 s for the moon"):
        kit.wait_for(never, lambda: "the moon", timeout=0.05)


def test_what_must_hold_is_seen_when_it_no_longer_does():
    end = time.monotonic() + 0.1
    kit.holds(lambda: True, 0.05, "nothing")
    with pytest.raises(AssertionError, match="it ended"):
        kit.holds(lambda: time.monotonic() < end, 5, "it ended", every=0.01)


def test_environments_leave_out_what_the_tests_were_started_with(monkeypatch):
    monkeypatch.setenv("AMO_NAME", "mine")
    assert "AMO_NAME" not in kit.environment()
    assert kit.in_folder("/x", AMO_RUN_DIR="/y")["AMO_RUN_DIR"] == "/y" and kit.in_folder("/x")["AMO_DATA_DIR"] == "/x/data"
    assert kit.settings({"egress/admin_listen": "a", "name": "b"}) == {"AMO_EGRESS_ADMIN_LISTEN": "a", "AMO_NAME": "b"}


def test_an_answer_of_http_is_read_either_way():
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            got = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(418)
            self.end_headers()
            self.wfile.write(b'{"error": {"code": "teapot"}, "path": "%s", "got": %s}' % (self.path.encode(), got))

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        answer = kit.http("POST", f"http://127.0.0.1:{server.server_port}/a/../b?c=%41", {"ф": 1})
        server.shutdown()
    status, value, headers = answer
    assert status == answer.status == 418 and answer.code == "teapot" and "Date" in headers
    assert value == answer.json and value["path"] == "/a/../b?c=%41" and value["got"] == {"ф": 1}
