"""How late a healthy account's messages are while its neighbours are slow, hang or refuse; ./dev bench shares [SECONDS].

For each neighbour: the 99th of a hundred in a calm time and beside it, in milliseconds, both ways, of the same run, and
whether the second is within three times the first and 20 ms. AMO_BIN_DIR names another build to compare with."""
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
os.environ.setdefault("AMO_BIN_DIR", str(ROOT / "build-release" / "bin"))
sys.path[:0] = [str(ROOT / "tests" / "process"), str(ROOT / "tests" / "lib")]
import beside  # noqa: E402


def tell(found):
    fine = True
    for what, ways in found.items():
        words = ", ".join(f"{way} {calm} then {loaded}" for way, (calm, loaded, _) in ways.items())
        within = all(w for _, _, w in ways.values())
        print(f"{what}: p99 ms {words}: {'within the bar' if within else 'NOT within the bar'}", flush=True)
        fine = fine and within
    return fine


def main():
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    fine = tell(beside.slow_services(seconds, chats=10))
    fine &= tell(beside.hanging_amojo(seconds))
    fine &= tell(beside.hanging_history(seconds))
    found, taken, refused, took = beside.throttled(seconds)
    fine &= tell(found)
    print(f"the service took {taken} and refused {refused} in {took} s", flush=True)
    found, longest = beside.long_queue(seconds)
    fine &= tell(found)
    print(f"the longest look at the queue took {longest:.3f} s", flush=True)
    return 0 if fine and refused * 10 <= taken else 1


if __name__ == "__main__":
    sys.exit(main())
