"""A hostile connector at full speed while core is away; ./dev bench spool_shares [SECONDS] [MIB of the spool].

What tests/ingress/test_spool_shares.py tries for three seconds, for a minute and with a larger spool: whether amojo's
webhooks and another connector's early edits and statuses lose anything, how late they are, and how far memory and
disk grow. Ends with 1 when anything was lost or a bound of docs/configuration.md does not hold."""
import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
os.environ.setdefault("AMO_BIN_DIR", str(ROOT / "build-release" / "bin"))
sys.path[:0] = [str(ROOT / "tests" / "ingress"), str(ROOT / "tests" / "lib")]
from ingress_harness import Core, Ingress  # noqa: E402
from test_spool_shares import hostile, judge  # noqa: E402


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60
    spool_bytes = (int(sys.argv[2]) if len(sys.argv) > 2 else 512) << 20
    with tempfile.TemporaryDirectory(dir=os.environ.get("AMO_SCRATCH")) as folder:
        made = []

        def make(**config):
            made.append(Ingress(folder, **config))
            return made[-1]

        def core(**welcome):
            made.append(Core(f"ipc://{folder}/events", **welcome))
            return made[-1]

        make.core = core
        try:
            ingress, flood, sent, lost, memory, disk, late = hostile(make, seconds, spool_bytes)
            late.sort()
            print(f"{seconds:.0f} s, spool {spool_bytes >> 20} MiB: of the others {len(sent)} taken, {len(lost)} lost; "
                  f"answered after p50 {late[len(late) // 2] * 1e3:.1f} ms, p99 {late[len(late) * 99 // 100] * 1e3:.1f} ms, "
                  f"at most {late[-1] * 1e3:.0f} ms")
            print(f"the hostile one: {len(flood.accepted)} messages taken, {flood.refused} answered 503; "
                  f"memory {memory >> 20} MiB, disk {disk >> 20} MiB, log {len(ingress.log()) >> 10} KiB")
            judge(ingress, flood, lost, memory, disk, spool_bytes)
        finally:
            for one in made:
                one.close()


if __name__ == "__main__":
    main()
