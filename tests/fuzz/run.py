"""Every fuzzer for a number of inputs: ./dev fuzz --runs N [KIND...].

N mutated inputs for each kind of what comes from outside, shared evenly by the fuzzers of that kind; the inputs of the
corpora, which are tried first, do not count. One line for each fuzzer and one for each kind. Ends with 1 when a fuzzer found
something, or when fewer inputs were tried than asked for."""
import argparse
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILT = ROOT / "build-fuzz" / "fuzz"
KEPT = ROOT / "var" / "fuzz"


def kinds(built):
    """{kind: [fuzzer]}, as CMake wrote it down (cmake/amo_fuzz.cmake)."""
    found = {}
    for line in (built / "kinds.txt").read_text(encoding="utf-8").split("\n"):
        if line:
            kind, name = line.split()
            found.setdefault(kind, []).append(name)
    return {kind: sorted(names) for kind, names in sorted(found.items())}


def tried(said):
    """How many inputs libFuzzer made itself, of what it says."""
    corpus = re.search(r"^#(\d+)\s+INITED", said, re.M)
    total = re.search(r"^stat::number_of_executed_units:\s+(\d+)", said, re.M)
    return int(total[1]) - int(corpus[1]) if corpus and total else 0


def fuzz(built, name, runs):
    """(name, inputs, seconds, what is wrong)."""
    kept, corpus = KEPT / name, ROOT / "tests" / "fuzz" / "corpus" / name
    kept.mkdir(parents=True, exist_ok=True)
    files = sum(1 for folder in (kept, corpus) for f in folder.glob("*"))
    began = time.monotonic()
    done = subprocess.run([built / name, f"-runs={runs + 2 * files + 100}", "-print_final_stats=1", f"-artifact_prefix={kept}/",
                           kept, corpus], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace",
                          check=False)
    n, wrong = tried(done.stderr), ""
    if done.returncode:
        wrong = f"ended with {done.returncode}:\n" + "\n".join(done.stderr.splitlines()[-40:])
    elif n < runs:
        wrong = f"only {n} of {runs} inputs"
    return name, n, time.monotonic() - began, wrong


def main(words, built=BUILT):
    all_kinds = kinds(built)
    parser = argparse.ArgumentParser(prog="./dev fuzz", description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--runs", type=int, required=True, metavar="N")
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=", ".join(all_kinds))
    asked = parser.parse_args(words)
    chosen = asked.kinds or list(all_kinds)
    if unknown := [k for k in chosen if k not in all_kinds]:
        parser.error(f"there is no kind named {unknown[0]}; there are: {', '.join(all_kinds)}")
    of = {name: kind for kind in chosen for name in all_kinds[kind]}
    sums, bad = dict.fromkeys(chosen, 0), []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        waiting = [pool.submit(fuzz, built, name, -(-asked.runs // len(all_kinds[kind]))) for name, kind in of.items()]
        for one in waiting:
            name, n, took, wrong = one.result()
            sums[of[name]] += n
            print(f"{of[name]:8} {name:14} {n:9,} inputs in {took:5.0f} s{wrong and ': ' + wrong}", flush=True)
            bad += [name] if wrong else []
    for kind, n in sums.items():
        print(f"{kind}: {n:,} inputs of {asked.runs:,}")
    print(f"in all {sum(sums.values()):,} inputs; found something or stopped early: {', '.join(bad) or 'none'}")
    return 1 if bad or min(sums.values()) < asked.runs else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
