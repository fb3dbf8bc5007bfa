"""Core's store and its key when the disk, or what stands on it, is not as it should be."""
import random
import shutil
import sqlite3
import threading

import pytest

from stack import QUICK, ControlError, Stack, wait_for

NEEDS_STRACE = pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
SEED = 20261130


def store_file(stack):
    return stack.dir / "data" / "core" / "core.db"


def ends(process, timeout=30):
    """Until this life is over; its exit code."""
    process.child.wait(timeout)
    return process.wait_end(timeout)


def under_strace(process, *words):
    """The next lives run under strace; what they ran as before."""
    before = list(process.args)
    process.args = ["strace", "-f", "-qq", "-o", "/dev/null", *words, *before]
    process.env["ASAN_OPTIONS"] = "detect_leaks=0"  # the leak sanitizer cannot run under strace
    return before


@NEEDS_STRACE
@pytest.mark.parametrize("call, fault", [("write", "error=ENOSPC"), ("write", "signal=KILL"), ("fsync", "signal=KILL"),
                                         ("link", "signal=KILL")])
def test_a_first_start_that_dies_while_making_the_master_key_harms_nobody(call, fault):
    with Stack(env=QUICK) as stack:
        key = stack.dir / "data" / "master.key"
        core = stack["core"]
        before = under_strace(core, "-P", str(key), "-P", f"{key}.new", "-e", f"trace={call}",
                              "-e", f"inject={call}:{fault}:when=1")
        core.start()
        assert ends(core) != 2  # 2 would end it for good
        core.args = before
        stack.start("core")
        assert len(key.read_text().strip()) == 64
        assert not (key.parent / "master.key.new").exists()


def test_an_empty_master_key_of_an_older_program_is_made_anew_while_nothing_is_sealed():
    with Stack(env=QUICK) as stack:
        key = stack.dir / "data" / "master.key"
        key.parent.mkdir(parents=True, mode=0o750)
        key.touch(mode=0o600)
        stack.up()
        assert len(key.read_text().strip()) == 64
        stack["core"].kill()
        key.write_text("")
        stack["core"].start()
        assert ends(stack["core"]) == 2, "over sealed rows no key is made"
        assert key.read_text() == ""


def spoil(stack, what):
    """Random bytes over the first page of a table or an index."""
    with sqlite3.connect(store_file(stack)) as db:
        page, = db.execute("SELECT rootpage FROM sqlite_schema WHERE name=?", (what,)).fetchone()
        size, = db.execute("PRAGMA page_size").fetchone()
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    print("seed", SEED)
    with open(store_file(stack), "r+b") as f:
        f.seek((page - 1) * size)
        f.write(random.Random(SEED).randbytes(size))


def supervised(stack, done, what, most):
    """Core is started again as often as it asks for it, until done(); at most so many lives."""
    def turn():
        core = stack["core"]
        if not core.alive:
            assert ends(core) == 75
            assert core.lives < most, "it is started again for ever"
            stack.start("core")
        try:
            return done()
        except TimeoutError:
            return None  # core ended while it was asked

    return wait_for(turn, what)


def red(stack):
    return [c for c in stack.control("doctor")["checks"] if c["check"] == "store" and c["state"] == "red"]


def test_a_damaged_index_is_found_told_and_made_anew():
    with Stack(env=QUICK) as stack:
        stack.up()
        stack.meet("hello")
        stack["core"].stop()
        spoil(stack, "conversations_phone")
        stack.start("core")
        lives = stack["core"].lives
        stack.client_writes("a-new-person", conversation="79005550202")
        supervised(stack, lambda: stack.list("amojo/messages")[1:], "the message", lives + 2)
        assert stack["core"].lives <= lives + 1
        said = "\n".join(stack["core"].lines)
        assert "what=store.failed error=117 words=\"Structure needs cleaning\" in=intake file=" in said
        assert "database disk image is malformed (sqlite 11" in said
        assert "what=store.damaged" in said and "mended=yes" in said
        assert red(stack) == [] and not store_file(stack).with_suffix(".db.damaged").exists()
        stack["core"].stop()
        with sqlite3.connect(store_file(stack)) as db:
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_a_damaged_table_is_contained_and_core_is_not_started_for_ever():
    """SQLite writes nothing more in a transaction that met damage: a life of core ends for each such event, once."""
    with Stack(env=QUICK) as stack:
        stack.up()
        chat = stack.meet("hello")["chat"]
        stack.settle()
        stack["core"].stop()
        spoil(stack, "chats")
        stack.start("core")
        lives = stack["core"].lives
        stack.manager_writes("to-nobody", chat)
        kept = supervised(stack, lambda: stack["core"].alive and stack["core"].lives > lives
                          and stack.control("quarantine.list", timeout=2), "the webhook in quarantine", lives + 3)
        assert [k["reason"] for k in kept] == ["store_damaged"]
        assert len(red(stack)) == 1
        lives = stack["core"].lives
        stack.client_writes("still-here")  # what does not touch the damage goes on
        stack.wait("amojo.message", text="still-here")
        stack.settle()
        assert stack["core"].alive and stack["core"].lives == lives
        # the chat that is born now cannot be remembered: amo has the message, and a person is told
        stack.client_writes("and-a-new-one", conversation="79005550203")
        dead = supervised(stack, lambda: stack["core"].alive and stack.control("dead.list", timeout=2), "the dead letter", lives + 3)
        assert [d["reason"] for d in dead] == ["store_damaged"]
        stack.client_writes("and-again")
        stack.wait("amojo.message", text="and-again")
        assert len(stack.list("amojo/messages")) == 4


def test_a_spool_whose_row_is_damaged_is_not_left_waiting_by_a_core_that_lives():
    with Stack(env=QUICK) as stack:
        stack.up()
        stack.meet("hello")
        stack.settle()
        core = stack["core"]
        core.stop()
        spoil(stack, "spools")
        core.start()
        assert ends(core) == 75  # the next start looks at all of it
        core.start()
        assert ends(core) == 2  # and what it says by itself at every start cannot be contained
        said = "\n".join(core.lines)
        assert "what=store.damaged" in said and "what=store.failed error=117" in said and "in=spools" in said


def test_workers_and_ingresses_that_cannot_be_read_are_made_anew_and_messages_go_on():
    with Stack(env={**QUICK, "AMO_CORE_LEASE_MS": "3000", "AMO_EGRESS_ATTEMPT_MS": "2000"}) as stack:
        stack.up()
        chat = stack.meet("hello")["chat"]
        core = stack["core"]
        core.stop()
        spoil(stack, "workers")
        spoil(stack, "ingresses")
        core.start()
        assert ends(core) == 75  # the next start looks at all of it
        stack.start("core")
        lives = core.lives
        stack.manager_writes("still-here", chat)
        stack.wait("service.message", text="still-here")
        stack.client_writes("so-am-i")
        stack.wait("amojo.message", text="so-am-i")
        said = "\n".join(core.lines)
        for table in "workers", "ingresses":
            assert f"what=store.emptied table={table} file=" in said
        assert red(stack) == [] and not store_file(stack).with_suffix(".db.damaged").exists()
        # of an ingress that is away nobody knows any more, and whoever erases a person is told so
        report = stack.control("erase", conversation=1, dry_run=True)
        assert {"ingress": "connected", "?": "away"} == {i["name"]: i["state"] for i in report["ingresses"]}
        core.stop()
        assert core.lives == lives
        with sqlite3.connect(store_file(stack)) as db:
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def shares_of(stack):
    return {s["share"]: s["used"] for s in stack.control("connector.show", name="svc")["shares"]}


def test_shares_that_cannot_be_read_are_counted_anew_and_messages_go_on():
    with Stack(env=QUICK) as stack:
        stack.up()
        stack.meet("hello")
        for n in range(3):
            assert stack.call("PATCH", f"messages/nobody-{n}", {"text": "x"})[0] == 202  # they wait
        used = wait_for(lambda: (u := shares_of(stack))["waiting"] == 3 and u, "the edits to wait")
        core = stack["core"]
        core.stop()
        spoil(stack, "shares")
        core.start()
        assert ends(core) == 75  # the next start looks at all of it
        stack.start("core")
        stack.client_writes("so-am-i")
        stack.wait("amojo.message", text="so-am-i")
        assert "what=store.emptied table=shares file=" in "\n".join(core.lines)
        stack.settle()
        assert shares_of(stack) == used and red(stack) == []


def test_damage_in_what_is_remembered_of_attempts_turns_no_delivered_message_dead():
    with Stack(env=QUICK) as stack:
        stack.up()
        chat = stack.meet("hello")["chat"]
        stack.settle()
        stack["core"].stop()
        spoil(stack, "attempts")
        stack.start("core")
        lives = stack["core"].lives
        stack.client_writes("one")
        supervised(stack, lambda: stack.list("amojo/messages")[1:], "the message", lives + 2)
        stack.manager_writes("two", chat)
        supervised(stack, lambda: stack["core"].alive and stack.control("status", timeout=2)["commands"] == 0,
                   "the end of it", lives + 2)
        stack.wait("service.message", text="two")
        lives = stack["core"].lives
        for text in "three", "four":
            stack.client_writes(text)
            stack.wait("amojo.message", text=text)
        stack.settle()
        trace = stack.control("trace", id=stack.list("amojo/messages")[-1]["id"])
        assert [step["what"] for step in trace["journey"]] == ["accepted by ingress", "delivered_to_amo"]
        with pytest.raises(ControlError, match="damaged"):
            stack.control("erase", conversation=1, dry_run=True)  # what cannot be read cannot be erased
        assert stack.control("dead.list") == [] and stack["core"].lives == lives
        assert len(red(stack)) == 1


# without these nobody can say what is to be done for whom: core ends for good, and says so
NEEDED = {"meta", "channels", "scopes", "connectors", "sources", "spools", "messages", "commands"}
# … and these are met when ingresses and workers come
MET_BY_PEERS = {"spools", "workers", "ingresses"}


def test_damage_in_any_one_table_is_told_and_ends_in_two_lives():
    """A core that runs, or one that no supervisor starts again; whatever the table."""
    with Stack(env=QUICK) as stack:
        stack.up()
        stack.manager_writes("hi", stack.meet("hello")["chat"])
        stack.settle()
        core, file = stack["core"], store_file(stack)
        core.stop()
        with sqlite3.connect(file) as db:
            tables = [name for name, in db.execute("SELECT name FROM sqlite_schema WHERE type='table'")]
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.close()
        whole = file.read_bytes()
        assert NEEDED < set(tables)
        for table in tables:
            for left in file.parent.glob("core.db?*"):
                left.unlink()
            file.write_bytes(whole)
            spoil(stack, table)
            lives, at, codes = core.lives, len(core.lines), []

            def turn():
                """The code it ended with for good, or True when it runs with everybody there."""
                if not core.alive:
                    if core.lives > lives:
                        codes.append(ends(core))
                        if codes[-1] != 75:
                            return codes[-1]
                    assert core.lives < lives + 2, f"{table}: it is started again for ever"
                    core.start()
                joined = "\n".join(core.lines[core.seen:])
                if "what=ready" not in joined or table in MET_BY_PEERS and joined.count("what=peer.joined") < 2:
                    return None
                try:
                    stack.control("doctor", timeout=2)
                except TimeoutError:
                    return None
                return core.alive

            end = wait_for(turn, f"core with a damaged {table}")
            said = "\n".join(core.lines[at:])
            assert end == (2 if table in NEEDED else True), f"{table}: {end} {codes}"
            assert end is True or "sqlite 11" in said and "store.damaged" in said, said
            core.stop()


def test_a_file_that_is_no_store_ends_core_for_good_and_in_words():
    with Stack(env=QUICK) as stack:
        path = store_file(stack)
        path.parent.mkdir(parents=True, mode=0o750)
        path.write_bytes(b"this is no database, whatever it is called" * 200)
        stack["core"].start()
        assert ends(stack["core"]) == 2
        assert "file is not a database" in "\n".join(stack["core"].lines)


@NEEDS_STRACE
def test_a_read_that_fails_once_while_core_starts_is_not_taken_for_damage():
    """SQLite calls a store malformed when the root of a table cannot be read; 2 would end core for good."""
    with Stack(env=QUICK) as stack:
        stack.up()
        core = stack["core"]
        core.kill()
        before = list(core.args)
        for nth in range(1, 12):
            core.args = before
            under_strace(core, "-D", "-P", str(store_file(stack)), "-e", "trace=pread64", "-e", f"inject=pread64:error=EIO:when={nth}")
            core.start()
            wait_for(lambda: not core.alive or any("what=ready" in line for line in core.lines[core.seen:]), "a start or its end")
            assert core.alive or ends(core) == 75, (nth, core.lines[core.seen:])
            core.kill()
        core.args = before
        stack.start("core")
        stack.meet("hello")


@NEEDS_STRACE
def test_what_the_last_life_may_have_failed_to_flush_is_in_the_file_before_anybody_relies_on_it():
    with Stack(env=QUICK) as stack:
        stack.up()
        stack["core"].kill()
        trace = stack.dir / "trace.txt"
        core = stack["core"]
        path = store_file(stack)
        assert path.with_suffix(".db-wal").stat().st_size > 0
        core.args = ["strace", "-f", "-y", "-o", str(trace), "-e", "trace=pwrite64,fdatasync,fsync,ftruncate,bind", *core.args]
        core.env["ASAN_OPTIONS"] = "detect_leaks=0"
        stack.start("core")
        calls = trace.read_text().splitlines()

        def at(call, file):
            return next(i for i, line in enumerate(calls) if f" {call}(" in line and file in line)

        written, bound = at("pwrite64", f"{path}>"), at("bind", "/run/events")
        log_synced = at("fdatasync", f"{path}-wal>")
        synced = next(i for i in range(written, len(calls)) if "fdatasync(" in calls[i] and f"{path}>" in calls[i])
        emptied = next(i for i in range(synced, len(calls)) if "ftruncate(" in calls[i] and f"{path}-wal>" in calls[i])
        assert log_synced < written < synced < emptied < bound


def test_no_load_lets_the_log_of_the_store_grow_beyond_its_bound():
    """Closed loop: each of four services writes its next message when the last one was taken."""
    bound = 2 << 20
    with Stack(env={**QUICK, "AMO_CORE_LOG_MAX_BYTES": str(bound)}) as stack:
        stack.up()
        log = store_file(stack).with_suffix(".db-wal")
        store_before = store_file(stack).stat().st_size
        largest, over, answers = 0, threading.Event(), set()

        def writes(n):
            count = 0
            while not over.is_set():
                count += 1
                body = {"id": f"{n}-{count}", "source": "wa1", "conversation": {"id": f"7900{n:07d}"}, "type": "text",
                        "sender": {"id": f"7900{n:07d}", "name": "c"}, "text": "x" * 1500}
                answers.add(stack.service_call("messages", body)[0])

        clients = [threading.Thread(target=writes, args=(n,)) for n in range(4)]
        for c in clients:
            c.start()

        def grown():
            nonlocal largest
            largest = max(largest, log.stat().st_size)
            return store_file(stack).stat().st_size > store_before + 2 * bound

        try:
            wait_for(grown, "a store that has grown by twice the bound")
        finally:
            over.set()
            for c in clients:
                c.join()
        print("largest log", largest, "messages", stack.figure("core", "amo_events_total"))
        assert largest <= bound + (1 << 20)  # and one turn
        assert answers == {202}
