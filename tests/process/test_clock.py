"""A wall clock that is wrong, in one process or another, ends nothing and deletes nothing."""
import os
import pathlib
import sqlite3
import time
import uuid

import pytest

from kit import holds
from stack import QUICK, Stack, wait_for

FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"

pytestmark = [pytest.mark.skipif(not pathlib.Path(FAKETIME).exists(), reason="needs libfaketime"),
              pytest.mark.skipif("AMO_SANITIZED" in os.environ, reason="libfaketime comes before the sanitizers")]

SWEEPS_S = 6.5  # one round of looking at ages and of pruning, five seconds apart, and a little


def clock_of(stack, name, offset):
    """The next lives of the process have a wall clock that is off by so much ("+2d"); the monotonic one is not."""
    env = stack[name].env
    if offset is None:
        env.pop("LD_PRELOAD", None)
        return
    env.update({"LD_PRELOAD": FAKETIME, "FAKETIME": offset, "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                "DONT_FAKE_MONOTONIC": "1"})


def jump(stack, name, offset):
    """The clock of the running process, which began with a file, jumps."""
    path = stack.dir / f"clock-{name}"
    path.with_suffix(".new").write_text(offset)
    path.with_suffix(".new").rename(path)


def clock_from_file(stack, name):
    jump(stack, name, "+0")
    stack[name].env.update({"AMO_CONFINE": "no", "LD_PRELOAD": FAKETIME,  # it may not read the file again and again
                            "FAKETIME_TIMESTAMP_FILE": str(stack.dir / f"clock-{name}"),
                            "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"})


def in_doubt(stack):
    return stack.control("status")["clock"]["in_doubt"]


def counts(stack):
    status = stack.control("status")
    return status["commands"], status["dead_letters"], status["quarantine"]


def wait_and_keep(stack):
    """Things that wait and things that are kept, and nobody who could make a call."""
    stack["egress-0"].stop()
    for n in range(3):
        stack.client_writes(f"waits-{n}", conversation=f"7900000000{n}")
    stack.webhook({"account_id": str(uuid.uuid4()), "time": int(time.time()), "message": {}})
    wait_for(lambda: counts(stack) == (3, 0, 1), "three that wait and one that is kept")


def nothing_ends(stack):
    before = counts(stack)
    holds(lambda: counts(stack) == before, SWEEPS_S, lambda: f"{counts(stack)} instead of {before}", every=0.5)


def everything_arrives(stack):
    stack.start("egress-0")
    for n in range(3):
        stack.wait("amojo.message", text=f"waits-{n}")
    wait_for(lambda: not in_doubt(stack), "amojo's Date")
    assert counts(stack)[1:] == (0, 1)


def test_a_clock_far_ahead_at_a_start_ends_and_deletes_nothing():
    with Stack(env=QUICK) as stack:
        stack.up()
        wait_and_keep(stack)
        stack["core"].kill()
        clock_of(stack, "core", "+40d")
        stack.start("core")
        assert in_doubt(stack)
        nothing_ends(stack)
        stack["core"].kill()
        clock_of(stack, "core", None)
        stack.start("core")  # right again; but nobody has said so yet
        assert in_doubt(stack)
        everything_arrives(stack)


def test_a_clock_that_jumps_while_core_runs_ends_and_deletes_nothing_however_long_it_stays():
    with Stack(env=QUICK) as stack:
        clock_from_file(stack, "core")
        stack.up()
        wait_and_keep(stack)
        for offset in ("+40d", "-3d"):
            jump(stack, "core", offset)
            stack["core"].wait_line(r"what=clock\.jumped", since=len(stack["core"].lines))
            assert in_doubt(stack)
        # taken by a clock of three days ago: it must not be three days old when the clock is mended
        stack.client_writes("by-a-wrong-clock", conversation="79000000009")
        wait_for(lambda: counts(stack)[0] == 4, "the message in the queue")
        jump(stack, "core", "+0")
        stack["core"].wait_line(r"what=clock\.jumped ms=\d+", since=len(stack["core"].lines))
        nothing_ends(stack)
        assert stack.amoctl("clock", "agree")["in_doubt"] is False
        nothing_ends(stack)
        stack.start("egress-0")
        stack.wait("amojo.message", text="by-a-wrong-clock")
        for n in range(3):
            stack.wait("amojo.message", text=f"waits-{n}")
        assert counts(stack)[1:] == (0, 1)


def test_a_door_whose_clock_is_behind_kills_nothing():
    with Stack(env=QUICK) as stack:
        clock_of(stack, "ingress", "-2d")
        stack.up()
        stack["egress-0"].stop()
        for n in range(3):
            status, _, _ = stack.service_call("messages", {
                "id": f"early-{n}", "source": "wa1", "conversation": {"id": f"7900000000{n}"}, "type": "text",
                "sender": {"id": "1", "name": "c"}, "text": f"waits-{n}"})
            assert status == 202
        wait_for(lambda: counts(stack)[0] == 3, "three that wait")
        assert not in_doubt(stack)
        nothing_ends(stack)
        stack.start("egress-0")
        for n in range(3):
            stack.wait("amojo.message", text=f"waits-{n}")


def set_back(stack, ms):
    """As if the last life of core had ended so long ago."""
    with sqlite3.connect(stack.dir / "data" / "core" / "core.db") as db:
        clock, = db.execute("SELECT value FROM meta WHERE key='clock'").fetchone()
        trusted, newest = (int.from_bytes(clock[at:at + 8], "big") for at in (0, 8))
        db.execute("UPDATE meta SET value=? WHERE key='clock'",
                   ((trusted - ms).to_bytes(8, "big") + (newest - ms).to_bytes(8, "big") + clock[16:],))
        db.execute("UPDATE commands SET taken_ms=taken_ms-?", (ms,))
    db.close()


def test_after_a_long_weekend_the_clock_is_proven_without_traffic_and_lives_end():
    with Stack(env=QUICK) as stack:
        stack.up()
        stack.meet("hello")
        stack.settle()
        stack["egress-0"].stop()
        stack.client_writes("of-friday")
        wait_for(lambda: counts(stack) == (1, 0, 0), "one that waits")
        stack.fault(on="amojo.new_message", status=404)
        stack["core"].stop()
        set_back(stack, 3 * 24 * 3600 * 1000)
        stack.start("core")
        status = stack.control("status")["clock"]
        assert (status["in_doubt"], status["why"]) == (True, "ahead_of_last_time")
        assert counts(stack) == (1, 0, 0)
        stack.start("egress-0")
        stack["core"].wait_line(r"what=clock\.proven by=amojo")
        dead = wait_for(lambda: stack.control("dead.list"), "the end of a life of three days")
        assert [d["reason"] for d in dead] == ["life_time"]
