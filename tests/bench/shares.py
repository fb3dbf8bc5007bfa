"""How late a healthy account's messages are while its neighbours are slow, hang or refuse; ./dev bench shares [SECONDS].

For each case: the 99th of a hundred both ways, in milliseconds, of a bridge where nothing happens beside it, of the loaded one,
and of this one before its neighbours began. It is within the bar when the second is within three times the first and 20 ms, and
within three times the third and 20 ms. Ends with 1 when one is not, or when a service that wants fewer calls refused more than a
tenth of what it took. AMO_BIN_DIR names another build to compare with."""
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
os.environ.setdefault("AMO_BIN_DIR", str(ROOT / "build-release" / "bin"))
sys.path[:0] = [str(ROOT / "tests" / "process"), str(ROOT / "tests" / "lib")]
import beside  # noqa: E402


def tell(found):
    fine = True
    for what, measured in found.items():
        figure = beside.Figure().add(*measured)
        within = figure.within() and figure.within("before")
        print(f"{what}: {figure}: {'within the bar' if within else 'NOT within the bar'}", flush=True)
        fine = fine and within
    return fine


def main():
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    with beside.Beside() as calm:
        fine = tell(beside.slow_services(calm, seconds))
        fine &= tell(beside.hanging_amojo(calm, seconds))
        fine &= tell(beside.hanging_history(calm, seconds))
        found, taken, refused, took = beside.throttled(calm, seconds)
        fine &= tell(found)
        print(f"the service took {taken} and refused {refused} in {took} s", flush=True)
        found, longest = beside.long_queue(calm, seconds)
        fine &= tell(found)
        print(f"the longest look at the queue took {longest:.3f} s", flush=True)
    return 0 if fine and refused * 10 <= taken else 1


if __name__ == "__main__":
    sys.exit(main())
