"""Do strangers cost amojo a webhook? ./dev bench strangers [SECONDS [SIEGE...]]: each siege of tests/ingress/siege.py, 60 s.

All of it happens in a network namespace of its own. Prints a line for each siege; ends with 1 when a webhook was lost or
late."""
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
os.environ.setdefault("AMO_BIN_DIR", str(ROOT / "build-release" / "bin"))
sys.path[:0] = [str(ROOT / "tests" / "ingress"), str(ROOT / "tests" / "lib")]
import kit  # noqa: E402
import siege  # noqa: E402
from ingress_harness import Core, Ingress  # noqa: E402


def one(name, seconds):
    proxy, waves = siege.SIEGES[name]
    six = name.startswith("six_")
    directory = kit.scratch()
    core = Core(f"ipc://{directory}/events")
    ingress = Ingress(directory, **siege.settings(proxy, six))
    besieged = None
    try:
        ingress.wait_log("what=registry.new")
        besieged = siege.Siege(ingress, core, proxy, six)
        figures = besieged.run(waves, seconds)
        print(f"{name}: {figures}", flush=True)
        return not figures.bad and not figures.late
    finally:
        if besieged:
            besieged.close()
        ingress.close()
        core.close()
        kit.discard(directory)


def main():
    if not os.environ.get("AMO_IN_NAMESPACE"):
        return subprocess.run([*siege.NAMESPACE, sys.executable, __file__, *sys.argv[1:]], check=False).returncode
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60
    good = [one(name, seconds) for name in sys.argv[2:] or siege.SIEGES]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
