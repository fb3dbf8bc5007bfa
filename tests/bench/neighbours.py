"""What a connector at full speed costs its neighbours, with the shares as they are by default; ./dev bench neighbours [SECONDS].

Statuses of unknown ids, edits of unknown messages, texts of 250 kB, messages: a quarter of the time each, on four connections
that never wait; and on another bridge all of them at once for as long without core. Beside it another connector's managers
write, and its edits and statuses come early. It ends with 1 when anything of those is missing, or a process or file is larger
than docs/configuration.md says."""
import os
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
os.environ.setdefault("AMO_BIN_DIR", str(ROOT / "build-release" / "bin"))
sys.path[:0] = [str(ROOT / "tests" / "process"), str(ROOT / "tests" / "lib")]
import neighbours  # noqa: E402


def tell(found):
    print(f"{found.rounds} rounds of the neighbour, nothing missing; over: {', '.join(sorted(found.over)) or 'nothing'}; "
          f"refused {found.refused(429)} calls with 429 and {found.refused(503)} with 503")
    if found.too_large:
        print(f"TOO LARGE (bytes, bound): {found.too_large}")
    return not found.too_large


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60
    with neighbours.place() as stack:
        fine = tell(neighbours.present(stack, seconds, 1))
        began = time.monotonic()
        stack.operator("erase", "--phone", "79005550399", "--dry-run")
        print(f"a person is looked for in all of it in {time.monotonic() - began:.1f} s")
    with neighbours.place() as stack:
        fine &= tell(neighbours.away(stack, seconds, 1))
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
