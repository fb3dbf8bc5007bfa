"""What a connector at full speed costs its neighbours, with the shares as they are by default; ./dev bench neighbours [SECONDS].

Messages, statuses of unknown ids, edits of unknown messages, texts of 250 kB: a quarter of the time each, on four connections
that never wait; then messages and statuses for as long without core. Beside it another connector's managers write, and its edits and statuses come early. It ends with 1 when
anything of those is missing, or a process or file is larger than docs/configuration.md says."""
import os
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
os.environ.setdefault("AMO_BIN_DIR", str(ROOT / "build-release" / "bin"))
sys.path[:0] = [str(ROOT / "tests" / "process"), str(ROOT / "tests" / "lib")]
import neighbours  # noqa: E402


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60
    with neighbours.place() as stack:
        answers, over, rounds, most = neighbours.run(stack, seconds, 1, away_s=seconds, tell=print)
        allowed = neighbours.rows(stack)
        began = time.monotonic()
        stack.operator("erase", "--phone", "79005550399", "--dry-run")
        print(f"a person is looked for in all of it in {time.monotonic() - began:.1f} s")
    too_large = False
    for what, (at_most, a_row) in neighbours.bounds().items():
        bound = at_most + allowed * a_row
        too_large = too_large or most[what] > bound
        print(f"{what:8} {most[what] >> 20:6} MiB of {bound >> 20} MiB")
    print(f"{rounds} rounds of the neighbour, nothing missing; over: {', '.join(sorted(over)) or 'nothing'}; "
          f"refused {sum(f.answers.get(429, 0) for f in answers.values())} calls")
    sys.exit(too_large)


main()
