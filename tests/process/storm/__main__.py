"""Many runs: `/usr/bin/python3 -m storm --seeds 200 --jobs 4 [--from 1] [--logs DIR]` in tests/process.

Each seed has a process of its own. A seed that fails prints what happened and what the judge says, and the end names
all that failed, what was excused, and how often the runs met what they are there for. A run whose machine was too
slow to become calm in time is a failure, too. What is known of a run stands in DIR/SEED.json; `--again FILE` judges it
again.
"""
import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

from storm.judge import judge

LIMIT_S = 300


def one(seed, logs):
    """(seed, problems as (kind, words), all it said, which stands in a file of its own)."""
    path = pathlib.Path(logs) / f"{seed}.log"
    with open(path, "w", encoding="utf-8") as log:
        env = {**os.environ, "AMO_STORM_HISTORY": str(path.with_suffix(".json"))}
        run = subprocess.Popen([sys.executable, "-m", "storm", "--one", str(seed)], stdout=log, stderr=subprocess.STDOUT,
                               env=env, cwd=pathlib.Path(__file__).parents[1])
        try:
            code = run.wait(LIMIT_S)
        except subprocess.TimeoutExpired:
            run.terminate()  # and with it what it has started (kit.Process.end_all); SIGKILL would leave that running
            run.wait()
            code = "time-out"
    said = path.read_text(encoding="utf-8", errors="replace")
    problems = re.findall(r"^  ([a-z]+): (.*)$", said, re.M)
    if code and not problems:
        problems = [("broken", f"the run ended with {code}: {said.strip().splitlines()[-1:]}")]
    return seed, problems, said


def main():
    options = argparse.ArgumentParser(prog="storm", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--seeds", type=int, default=200)
    options.add_argument("--from", type=int, default=1, dest="first")
    options.add_argument("--jobs", type=int, default=4)
    options.add_argument("--logs", default=None)
    options.add_argument("--one", type=int)
    options.add_argument("--again")
    chosen = options.parse_args()
    if chosen.again:
        problems = judge(json.loads(pathlib.Path(chosen.again).read_text(encoding="utf-8")))
        print(*(f"  {kind}: {words}" for kind, words in problems), sep="\n")
        return 1 if problems else 0
    if chosen.one is not None:
        from storm.scenario import storm
        return 1 if storm(chosen.one) else 0
    logs = chosen.logs or tempfile.mkdtemp(prefix="amo-storm-")
    pathlib.Path(logs).mkdir(parents=True, exist_ok=True)
    failed, kinds, counts = [], collections.Counter(), collections.defaultdict(collections.Counter)
    with concurrent.futures.ThreadPoolExecutor(chosen.jobs) as pool:
        for seed, problems, said in pool.map(lambda s: one(s, logs), range(chosen.first, chosen.first + chosen.seeds)):
            for what, group in re.findall(r"(dead|quarantine|excused|met) \{(.*?)\}", said):
                counts[what].update({k: int(n) for k, n in re.findall(r"'([^']+)': (\d+)", group)})
            if problems:
                failed.append(seed)
                kinds.update({kind for kind, _ in problems})
                print(f"seed {seed}: " + "; ".join(f"{k}: {w}"[:200] for k, w in problems[:3]), flush=True)
    print(f"{chosen.seeds - len(failed)} of {chosen.seeds} seeds are green; logs in {logs}")
    for what, group in counts.items():
        print(f"{what}: {dict(group)}")
    if failed:
        print("red:", *failed, f"({dict(kinds)})")
    return 1 if failed else 0


sys.exit(main())
