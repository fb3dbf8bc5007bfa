"""Core's file and its log are put together from two states: SQLite would mix them without a word."""
import contextlib
import random
import shutil
import sqlite3
import time

import pytest

from stack import QUICK, Stack, wait_for

SEED = 20261201


@pytest.fixture
def stack():
    with Stack(env=QUICK) as s:
        s.up()
        yield s


def part(stack, tail=""):
    return stack.dir / "data" / "core" / f"core.db{tail}"


def writes(stack, *texts):
    for text in texts:
        stack.client_writes(text)
        stack.wait("amojo.message", text=text)
    stack.settle()


def by_vacuum(stack, to):
    with contextlib.closing(sqlite3.connect(part(stack))) as source:
        source.execute("VACUUM INTO ?", (str(to),))


def by_hand(stack, to):
    """Core stopped, the file alone: its log is gone then."""
    stack["core"].stop()
    assert not part(stack, "-wal").exists()
    shutil.copy(part(stack), to)
    stack.start("core")


def killed(stack):
    """Core, with something in its log."""
    stack["core"].kill()
    assert part(stack, "-wal").stat().st_size > 0


def refused(stack):
    """It ends for good, says why, and has touched nothing."""
    core = stack["core"]
    before = [part(stack, tail).read_bytes() if part(stack, tail).exists() else None for tail in ("", "-wal")]
    core.start()
    wait_for(lambda: not core.alive or any("what=ready" in line for line in core.lines[core.seen:]), "a start or its end")
    assert not core.alive and core.wait_end() == 2
    said = "\n".join(core.lines[core.seen:])
    assert "what=store.log_of_another" in said and "core.db-wal, last changed 2" in said
    assert before == [part(stack, tail).read_bytes() if part(stack, tail).exists() else None for tail in ("", "-wal")]


def goes_on(stack, text):
    stack.start("core")
    writes(stack, text)
    stack["core"].stop()
    with contextlib.closing(sqlite3.connect(part(stack))) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.mark.parametrize("copied, more", [(by_vacuum, 0), (by_vacuum, 5), (by_hand, 1), (by_hand, 5)])
def test_an_older_store_beside_the_log_of_a_newer_one_is_not_opened(stack, copied, more):
    writes(stack, "hello")
    copied(stack, stack.dir / "older.db")
    writes(stack, *(f"since-{n}" for n in range(more)))
    killed(stack)
    shutil.copy(stack.dir / "older.db", part(stack))
    refused(stack)
    for tail in ("-wal", "-shm"):  # as the manual has it
        part(stack, tail).unlink(missing_ok=True)
    goes_on(stack, "and-on")


def test_a_newer_store_beside_the_log_of_an_older_one_is_not_opened(stack):
    writes(stack, "hello")
    killed(stack)
    shutil.copy(part(stack, "-wal"), stack.dir / "older-wal")
    stack.start("core")
    writes(stack, "since")
    killed(stack)
    own = part(stack, "-wal").read_bytes()
    shutil.copy(stack.dir / "older-wal", part(stack, "-wal"))
    refused(stack)
    part(stack, "-wal").write_bytes(own)
    goes_on(stack, "and-on")


def test_the_log_of_a_store_that_is_missing_is_not_removed(stack):
    writes(stack, "hello")
    killed(stack)
    whole = part(stack).read_bytes()
    part(stack).unlink()
    refused(stack)
    part(stack).touch()
    refused(stack)
    part(stack).write_bytes(whole)
    goes_on(stack, "and-on")


def test_a_store_moved_with_its_log_goes_on(stack):
    writes(stack, "hello")
    killed(stack)
    folder = part(stack).parent
    shutil.copytree(folder, stack.dir / "copy")
    shutil.rmtree(folder)
    (stack.dir / "copy").rename(folder)
    goes_on(stack, "and-on")


def test_a_core_that_is_killed_at_any_moment_starts_again(stack):
    """The log is begun again all the time, and the file is rewritten by erasures."""
    rng = random.Random(SEED)
    print("seed", SEED)
    for turn in range(12):
        for n in range(rng.randrange(4)):
            stack.client_writes(f"{turn}-{n}", conversation=f"7900555{turn:02}{n:02}")
        if turn % 3 == 2:
            stack.control_answer("erase", {"conversation": 1}, 40)
        time.sleep(rng.uniform(0, 0.6))
        stack.start_over("core")
    wait_for(lambda: stack.figure("ingress", "amo_spool_events") == 0, "all to be taken")
    stack.settle()
    stack["core"].kill()
    goes_on(stack, "the-last")
