"""Do strangers cost amojo a webhook? ./dev bench strangers [SECONDS [SIEGE...]]: each siege of tests/ingress/siege.py, 60 s.

All of it happens in a network namespace of its own, where one can be had. Prints a line for each siege, and for each webhook
that was lost or late; ends with 1 when there was one. Late is more than a second; while the slowest one at an ingress beside
it, which nobody besieges, takes over 0.3 s, processors are wanting, and that much more is allowed. What is lost while ingress
itself is stopped and started is counted apart ("lost then"), except through Caddy, which waits for it."""
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
os.environ.setdefault("AMO_BIN_DIR", str(ROOT / "build-release" / "bin"))
sys.path[:0] = [str(ROOT / "tests" / "ingress"), str(ROOT / "tests" / "lib")]
import kit  # noqa: E402
import siege  # noqa: E402
from ingress_harness import Core  # noqa: E402


def one(name, seconds):
    directory = kit.scratch()
    core = Core(f"ipc://{directory}/events")
    besieged = None
    try:
        besieged = siege.Siege(directory, core, name)
        figures = besieged.run(seconds)
        print(f"{name}: {figures}", flush=True)
        for row in (figures.bad + figures.late)[:8]:
            print("   ", row, flush=True)
        return figures.is_good
    finally:
        if besieged:
            besieged.close()
        core.close()
        kit.discard(directory)


def main():
    if not os.environ.get("AMO_IN_NAMESPACE") and siege.namespace_works():
        return subprocess.run([*siege.NAMESPACE, sys.executable, __file__, *sys.argv[1:]], check=False).returncode
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60
    good = [one(name, seconds) for name in sys.argv[2:] or siege.SIEGES]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
