"""The project's own commands, run as a person runs them: ./dev help and its like, and the demo stack up and down."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STACK = ROOT / "deploy" / "stack.sh"


def run(*command, env=None, timeout=120):
    return subprocess.run([str(c) for c in command], cwd="/", env=env, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=timeout, check=False)


def test_help_names_every_command():
    done = run(ROOT / "dev", "help")
    assert done.returncode == 0
    for command in ("up", "down", "logs", "build", "test", "lint", "fmt", "fuzz", "bench", "compose-test"):
        assert f"\n  {command}" in done.stdout


def test_an_unknown_command_is_refused_with_the_list():
    done = run(ROOT / "dev", "frobnicate")
    assert done.returncode == 1
    assert "unknown command: frobnicate" in done.stderr and "./dev COMMAND" in done.stderr


def test_a_bench_that_does_not_exist_is_refused():
    done = run(ROOT / "dev", "bench", "no-such-bench")
    assert done.returncode == 1 and "no bench named no-such-bench" in done.stderr


@pytest.mark.parametrize("command", ["up", "down", "test", "bench"])
def test_a_question_for_help_starts_nothing(command):
    done = run(ROOT / "dev", command, "--help", timeout=20)
    assert (done.returncode, done.stderr) == (0, "") and done.stdout.startswith("./dev COMMAND\n")


def test_a_stray_argument_is_refused():
    done = run(ROOT / "dev", "up", "now", timeout=20)
    assert done.returncode == 1 and "takes no arguments: now" in done.stderr


def free_addresses(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    found = [f"127.0.0.1:{one.getsockname()[1]}" for one in sockets]
    for one in sockets:
        one.close()
    return found


ADDRESSES = ("AMO_INGRESS_LISTEN", "AMO_SANDBOX_LISTEN", "AMO_INGRESS_ADMIN_LISTEN", "AMO_CORE_ADMIN_LISTEN",
             "AMO_EGRESS_ADMIN_LISTEN", "AMO_EGRESS_2_ADMIN_LISTEN")


def processes_of(folder):
    """Pids of processes whose output goes to a file of the folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if os.readlink(entry / "fd" / "2").startswith(str(folder)):
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


@pytest.fixture
def stack():
    """The environment of a stack with addresses and a folder of its own; what it left running is killed."""
    folder = Path(tempfile.mkdtemp(prefix="amo-up-"))
    env = dict(os.environ, AMO_UP_DIR=str(folder / "up"), **dict(zip(ADDRESSES, free_addresses(len(ADDRESSES)))))
    yield env
    for pid in processes_of(folder):
        os.kill(pid, signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)


def test_up_shows_both_journeys_and_down_leaves_nothing_running(stack):
    up = run(STACK, "up", env=stack)
    assert up.returncode == 0, up.stdout + up.stderr
    assert "client -> amoCRM" in up.stdout and "manager -> client" in up.stdout
    assert stack["AMO_INGRESS_LISTEN"] in up.stdout and "What to try next" in up.stdout
    assert len(processes_of(stack["AMO_UP_DIR"])) == 5
    again = run(STACK, "up", env=stack)
    assert again.returncode == 1 and "running already" in again.stderr
    down = run(STACK, "down", env=stack)
    assert down.returncode == 0, down.stdout + down.stderr
    assert processes_of(stack["AMO_UP_DIR"]) == []


@pytest.mark.parametrize("address", ADDRESSES)
def test_up_with_a_taken_address_says_so_and_starts_nothing(stack, address):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        stack[address] = f"127.0.0.1:{taken.getsockname()[1]}"
        up = run(STACK, "up", env=stack)
    assert up.returncode == 1
    assert f"{stack[address]} is taken" in up.stderr
    assert processes_of(stack["AMO_UP_DIR"]) == []


def test_up_takes_everything_down_again_when_the_demo_fails(stack):
    stack["PATH"] = f"{Path(stack['AMO_UP_DIR']).parent}/bin:{stack['PATH']}"
    bin_dir = Path(stack["AMO_UP_DIR"]).parent / "bin"
    bin_dir.mkdir()
    # A curl that fails at the demo's first call: readiness is asked with GET, the demo posts.
    curl = bin_dir / "curl"
    curl.write_text('#!/bin/sh\ncase "$*" in *--data*) exit 7;; esac\nexec /usr/bin/curl "$@"\n')
    curl.chmod(0o755)
    up = run(STACK, "up", env=stack)
    assert up.returncode == 1
    assert "nothing was left running" in up.stderr
    assert processes_of(stack["AMO_UP_DIR"]) == []


DEMO_ENV = ROOT / "deploy" / "demo-env.sh"


def sourced(shell, env):
    """demo-env.sh as the shell sources it in /: its return code, then what it left in three variables."""
    words = f'. {DEMO_ENV}; echo "$? ${{AMO_DATA_DIR-}} ${{AMO_RUN_DIR-}} $PATH"'
    return run(shell, "-c", words, env={k: v for k, v in env.items() if k not in ("AMO_DATA_DIR", "AMO_RUN_DIR")})


def test_the_demo_environment_is_that_of_the_stack_wherever_it_is_sourced(stack):
    up = Path(stack["AMO_UP_DIR"])
    (up / "run").mkdir(parents=True)
    done = sourced("bash", stack)
    assert (done.stdout, done.stderr) == (f"0 {up}/data {up}/run {ROOT}/build/bin:{stack['PATH']}\n", "")


@pytest.mark.parametrize("shell, words", [("bash", "there is no stack in"), ("dash", "source this in bash")])
def test_a_demo_environment_that_cannot_be_is_refused_in_words(stack, shell, words):
    done = sourced(shell, stack)
    assert done.stdout == f"1   {stack['PATH']}\n"
    assert words in done.stderr and len(done.stderr.splitlines()) == 1


def test_a_demo_environment_that_is_not_sourced_says_so(stack):
    done = run("bash", DEMO_ENV, env=stack)
    assert done.returncode == 1 and "source this in bash" in done.stderr


def test_down_says_which_process_it_leaves_alone(stack):
    folder = Path(stack["AMO_UP_DIR"])
    folder.mkdir(parents=True)
    with subprocess.Popen(["sleep", "600"]) as other:
        (folder / "core.pid").write_text(f"{other.pid}\n")
        done = run(STACK, "down", env=stack)
        alive = other.poll() is None
        other.kill()
    assert done.returncode == 0 and alive
    assert f"process {other.pid} is left alone" in done.stderr


def test_down_without_a_stack_is_no_error(stack):
    done = run(STACK, "down", env=stack)
    assert done.returncode == 0 and "nothing is running" in done.stdout


def test_the_example_configuration_is_accepted_as_it_stands_and_with_everything_set(tmp_path):
    amoctl = ROOT / "build" / "bin" / "amoctl"
    example = ROOT / "deploy" / "amo.conf.example"
    env = {k: v for k, v in os.environ.items() if not k.startswith("AMO_")}
    untouched = run(amoctl, "config", "check", example, env=env)
    assert untouched.returncode == 0, untouched.stdout + untouched.stderr
    everything = tmp_path / "amo.conf"
    lines = example.read_text(encoding="utf-8").split("\n")
    everything.write_text("\n".join(line[1:] if line[:1] == "#" and line[1:2] not in ("", " ") or
                                    line.startswith("#    ") else line for line in lines), encoding="utf-8")
    assert "\n    lease_ms = 20000\n" in everything.read_text(encoding="utf-8")
    done = run(amoctl, "config", "check", everything, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
