"""How long amoctl conversation import takes, beside a bare json.loads of the same lines; ./dev bench import [ROWS].

A tenth of the rows goes first and all of them then, into two bridges: the ratio says whether a row costs the same in a
large store. The figures are wall-clock seconds of amoctl, core's work included, and the largest memory of amoctl."""
import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
os.environ.setdefault("AMO_BIN_DIR", str(ROOT / "build-release" / "bin"))
sys.path[:0] = [str(ROOT / "tests" / "process"), str(ROOT / "tests" / "lib")]
from stack import Stack  # noqa: E402


def lines(count):
    """@count rows of an older bridge's export, each of a client of its own."""
    for n in range(count):
        yield json.dumps({"connector": "svc", "source": "wa1", "conversation": f"79{n:09}", "phone": f"+79{n:09}",
                          "client_id": f"old/chat:{n}", "user_id": f"old/user:{n}",
                          "chat_id": f"3f8a2b1c-0000-4000-8000-{n:012x}"}) + "\n"


def peak_kib(pid):
    """The largest memory of a process so far; 0 when it is gone. getrusage() would count ours before its exec."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")), 0)


def imported(count):
    """(seconds of the import, seconds of a bare parse, MB of amoctl) of @count rows, in a bridge of its own."""
    with Stack() as stack:
        stack.up()
        file = stack.dir / "export.jsonl"
        with file.open("w") as f:
            f.writelines(lines(count))
        began = time.monotonic()
        with file.open() as f:
            parsed = sum(bool(json.loads(line)) for line in f)
        bare = time.monotonic() - began
        env = {"PATH": os.environ["PATH"], "AMO_RUN_DIR": str(stack.dir / "run")}
        began = time.monotonic()
        with (stack.dir / "report").open("w+") as report:
            amoctl = subprocess.Popen([stack.bin / "amoctl", "conversation", "import", file, "--json"], env=env,
                                      stdout=report, stderr=report)
            memory = 0
            while amoctl.poll() is None:
                memory = max(memory, peak_kib(amoctl.pid))
                time.sleep(0.01)
            took = time.monotonic() - began
            report.seek(0)
            if amoctl.returncode or parsed != count:
                sys.exit(f"import of {count} rows ended with {amoctl.returncode}: {report.read(1000)}")
        return took, bare, memory / 1024


def main():
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 300_000
    few, _, _ = imported(rows // 10)
    took, bare, memory = imported(rows)
    print(f"import of {rows} rows: {took:.1f} s, {rows / took:.0f} a second, {took / bare:.1f} x a bare parse")
    print(f"ten times the rows: {took / few:.1f} x the time; {memory:.0f} MB of memory")


main()
