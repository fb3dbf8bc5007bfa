"""What is answered 202 is delivered once, whatever copies, restores and damage a spool or the store went through."""
import contextlib
import json
import pathlib
import shutil
import sqlite3

import pytest

import kit
from stack import QUICK, Stack, wait_for
from stack import http as call

CONVERSATIONS = 5


@pytest.fixture
def stack():
    with Stack(env=QUICK) as s:
        s.up()
        yield s


class Clients:
    """Messages of a service, posted to any ingress; every one of them is owed."""

    def __init__(self, stack):
        self.stack = stack
        self.owed = []

    def post(self, n, word, ingress="ingress"):
        port = int(self.stack[ingress].wait_line(r"what=ready .*listen=\S+:(\d+)").group(1))
        c = kit.connect(f"http://127.0.0.1:{port}")
        for i in range(n):
            body = {"id": f"{word}-{i}", "source": "wa1", "conversation": {"id": f"7900555{i % CONVERSATIONS:04d}"},
                    "sender": {"id": "c", "name": "C"}, "type": "text", "text": f"{word}-{i}"}
            answer = kit.ask(c, "POST", "/v1/connectors/svc/messages", json.dumps(body),
                             {"Authorization": f"Bearer {self.stack.svc['token']}"})
            assert answer.status == 202, answer.body
            self.owed.append(f"{word}-{i}")
        c.close()

    def arrived(self, timeout=20, gone=()):
        """All that is owed is at amo, once each and in order within its conversation; nothing is lost but @gone."""
        left = set()

        def all_there():
            left.clear()
            left.update(set(self.owed) - set(gone) - {m["text"] for m in self.stack.list("amojo/messages")})
            return not left
        try:
            wait_for(all_there, "all messages", timeout, every=0.1)
        except TimeoutError:
            pass
        assert not left, f"{len(left)} of {len(self.owed)} lost: {sorted(left)}"
        texts = [m["text"] for m in self.stack.list("amojo/messages")]
        assert sorted(texts) == sorted(t for t in self.owed if t not in gone)
        return texts


def spool_of(stack, ingress="ingress"):
    return pathlib.Path(stack[ingress].env["AMO_DATA_DIR"]) / "ingress" / "spool.db"


def put_back(copy, spool):
    shutil.rmtree(spool)
    shutil.copytree(copy, spool)


def copy_host(stack):
    """A copy of the data folder of ingress, for a process of its own."""
    shutil.copytree(stack.dir / "data" / "ingress", stack.dir / "clone" / "ingress")


def start_clone(stack, name="clone", **more):
    """An ingress on that copy."""
    stack.add("clone", ["amo-ingress"], {"AMO_INGRESS_LISTEN": "127.0.0.1:0", "AMO_INGRESS_ADMIN_LISTEN": "127.0.0.1:0",
                                         "AMO_NAME": name, "AMO_DATA_DIR": str(stack.dir / "clone"), **more})
    stack.start("clone")


def copied_after_five(stack):
    """Clients whose first words have arrived, and a copy of the host that took them, which is stopped."""
    clients = Clients(stack)
    clients.post(5, "before")
    stack.settle()
    stack["ingress"].stop()
    copy_host(stack)
    return clients


def taken(stack, ingress="ingress"):
    wait_for(lambda: stack.figure(ingress, "amo_spool_events") == 0, f"core to take all that {ingress} has")


def test_a_spool_put_back_that_takes_events_before_core_comes_loses_none(stack):
    clients = Clients(stack)
    clients.post(20, "a")
    stack.settle()
    stack["ingress"].stop()
    shutil.copytree(spool_of(stack), stack.dir / "copy")
    stack.start("ingress")
    clients.post(30, "b")
    clients.arrived()
    stack.settle()
    stack["core"].stop()
    stack["ingress"].stop()
    put_back(stack.dir / "copy", spool_of(stack))
    stack.start("ingress")
    clients.post(40, "c")
    stack.start("core")
    clients.arrived()
    stack["ingress"].wait_line("what=spool.restored")


def cut_tail(spool, records):
    """The last records of the last segment become zeros: a disk that lied, or bit rot."""
    segment = sorted(spool.glob("*.seg"))[-1]
    data = bytearray(segment.read_bytes())
    at = len(data)
    for _ in range(records):
        at = data.rindex(b"AMSR", 0, at)
    data[at:] = bytes(len(data) - at)
    segment.write_bytes(data)


@pytest.mark.parametrize("lives", [1, 3])
def test_a_spool_that_lost_its_end_takes_no_new_event_for_a_repeat(stack, lives):
    clients = Clients(stack)
    clients.post(20, "a")
    clients.arrived()
    stack.settle()
    stack["core"].kill()
    stack["ingress"].kill()
    cut_tail(spool_of(stack), 10)
    stack.start("ingress")
    clients.post(15, "c")
    for _ in range(lives - 1):       # what an earlier life gave is as new to core
        stack.start_over("ingress")
    stack.start("core")
    clients.arrived()
    said = stack["ingress"].wait_line(r"what=spool.restored .*fresh=(\d+) mark=(\d+)")
    assert (int(said.group(1)), int(said.group(2))) == (11, 20)


def test_two_live_copies_of_one_spool_deliver_what_both_accept(stack):
    clients = copied_after_five(stack)
    stack.start("ingress")
    start_clone(stack)
    for word in ("one", "two"):
        clients.post(10, f"{word}-mine")
        clients.post(10, f"{word}-clones", "clone")
    clients.arrived()
    ids = {(spool_of(stack, n) / "spool.id").read_bytes() for n in ("ingress", "clone")}
    assert len(ids) == 2
    refused = stack["core"].wait_line(r"what=spool.refused name=(\S+) reason=\"([^\"]+)\"")
    assert refused.group(1) == "clone" and "copy" in refused.group(2)


def test_nobody_waits_for_a_copy_that_has_nothing_to_send_again():
    """A colleague's words may be the echo of what another spool sends again; a copy that is idle sends nothing."""
    with Stack(env={**QUICK, "AMO_CORE_ECHO_MS": "600000"}) as stack:
        stack.up()
        stack.meet()
        stack.settle()
        stack.client_writes("once-more")  # with it the spool writes down that the first one is taken
        stack.wait("amojo.message", text="once-more")
        stack.settle()
        stack["ingress"].stop()
        copy_host(stack)
        stack.start("ingress")
        start_clone(stack)
        stack["core"].wait_line("what=spool.refused name=clone")
        stack["core"].wait_line("what=peer.joined role=ingress name=clone")
        stack.client_writes("a-colleague", direction="out", author=None)
        stack.wait("amojo.message", text="a-colleague")
        stack.client_writes("an-answer")
        stack.wait("amojo.message", text="an-answer")
        stack.settle()
        assert [m["text"] for m in stack.list("amojo/messages")] == ["hello", "once-more", "a-colleague",
                                                                     "an-answer"]


def test_two_live_copies_of_one_spool_under_one_name_deliver_what_both_accept(stack):
    """On two hosts nothing but core can see that there are two."""
    clients = copied_after_five(stack)
    stack.start("ingress")
    stack["core"].kill()
    start_clone(stack, "ingress", AMO_RUN_DIR=str(stack.dir / "run2"), AMO_BUS_EVENTS=f"ipc://{stack.dir}/run/events")
    clients.post(10, "away-mine")
    clients.post(10, "away-clones", "clone")
    stack.start("core")
    for word in ("one", "two", "three"):
        clients.post(10, f"{word}-mine")
        clients.post(10, f"{word}-clones", "clone")
    readyz = [f"http://127.0.0.1:{stack.admin(n)}/readyz" for n in ("ingress", "clone")]
    wait_for(lambda: any("core refuses this process: another_process_of_this_name_is_alive" in str(call("GET", r)[1]) for r in readyz), "words for it")
    stack["clone"].stop()      # a name has one process at a time: what waits is delivered by the next
    stack["clone"].env["AMO_NAME"] = "clone"
    stack.start("clone")
    clients.arrived()


def test_a_clone_that_writes_while_the_first_is_away_loses_nothing_of_either(stack):
    clients = copied_after_five(stack)
    stack["core"].stop()
    stack.start("ingress")
    clients.post(10, "mine")
    stack["ingress"].kill()
    start_clone(stack)
    clients.post(6, "clones", "clone")
    stack.start("core")
    taken(stack, "clone")
    stack["clone"].stop()
    stack.start_over("core")   # nobody remembers the clone but the store
    stack.start("ingress")
    clients.arrived()


def test_a_drained_copy_of_a_live_spool_delivers_what_only_it_has(stack):
    clients = Clients(stack)
    stack["core"].stop()
    clients.post(8, "mine")
    stack["ingress"].kill()
    copy_host(stack)
    stack.start("ingress")
    start_clone(stack)
    clients.post(7, "clones", "clone")
    stack["clone"].kill()      # that host dies; its disk is drained while the first lives on
    stack.start("core")
    clients.post(3, "later")
    stack.add("drain", ["amo-ingress", "--drain", str(spool_of(stack, "clone"))], {"AMO_DATA_DIR": str(stack.dir / "d")})
    stack["drain"].start()
    stack["drain"].wait_line("what=spool.drained", timeout=20)
    clients.arrived()


def test_spools_without_an_event_leave_no_row_in_the_store(stack):
    """An ingress that has no segment takes a new id at each start; a row stays for ever."""
    for _ in range(2):
        stack.start_over("ingress")
        stack["ingress"].wait_line("what=core.welcome")
    with contextlib.closing(sqlite3.connect(stack.dir / "data" / "core" / "core.db")) as db:
        assert db.execute("SELECT count(*) FROM spools").fetchone() == (0,)
        assert db.execute("SELECT count(*) FROM ingresses").fetchone() == (1,)


def back_up_store(stack):
    with contextlib.closing(sqlite3.connect(stack.dir / "data" / "core" / "core.db")) as source, \
            contextlib.closing(sqlite3.connect(stack.dir / "backup.db")) as target:
        source.backup(target)


def restore_store(stack):
    """As docs/operations.md says."""
    path = stack.dir / "data" / "core" / "core.db"
    stack["core"].kill()
    for tail in ("-wal", "-shm"):
        pathlib.Path(f"{path}{tail}").unlink(missing_ok=True)
    shutil.copy(stack.dir / "backup.db", path)


@pytest.mark.parametrize("ingress", ["running", "restarted"])
def test_a_restored_store_gets_again_what_the_spool_still_has(stack, ingress):
    clients = Clients(stack)
    clients.post(4, "before")
    clients.arrived()
    stack.settle()
    back_up_store(stack)
    stack["egress-0"].stop()
    clients.post(20, "after")
    taken(stack)
    restore_store(stack)
    if ingress == "restarted":
        stack.start_over("ingress")
    stack.start("core")
    stack.start("egress-0")
    clients.arrived()
    stack["ingress"].wait_line(r"what=spool.taken_forgotten events=\d+")


def test_what_a_restored_store_forgot_goes_again_also_under_a_new_id(stack):
    """A copy comes first to the restored store, which is of before spools had owners, and has the id now; the other
    one's events are still owed."""
    clients = copied_after_five(stack)
    stack.start("ingress")
    back_up_store(stack)
    with contextlib.closing(sqlite3.connect(stack.dir / "backup.db")) as db:
        db.execute("UPDATE spools SET name=NULL")
        db.commit()
    stack["egress-0"].stop()
    clients.post(10, "after")
    taken(stack)
    restore_store(stack)
    stack["ingress"].kill()
    stack.start("core")
    start_clone(stack)
    stack["clone"].wait_line("what=core.welcome")
    stack.start("ingress")
    stack["ingress"].wait_line("what=spool.refused")
    stack.start("egress-0")
    clients.arrived()


def test_a_copy_that_comes_first_after_a_start_does_not_get_the_spool_of_the_other_one(stack):
    clients = copied_after_five(stack)
    stack["core"].kill()
    stack.start("core")
    start_clone(stack)
    stack["clone"].wait_line("what=spool.refused")
    clients.post(5, "clones", "clone")
    stack.start("ingress")
    clients.post(5, "mine")
    clients.arrived()
    assert not any("what=spool.re" in line for line in stack["ingress"].lines), "its owner keeps it"


def test_a_store_older_than_a_spools_id_gets_what_was_taken_under_the_one_before(stack):
    clients = Clients(stack)
    back_up_store(stack)
    stack["egress-0"].stop()
    clients.post(10, "mine")
    taken(stack)
    copy_host(stack)
    start_clone(stack)
    stack["clone"].wait_line("what=spool.re(fused|stored)")
    clients.post(5, "clones", "clone")
    taken(stack, "clone")
    stack["ingress"].kill()        # for good
    stack["clone"].stop()
    restore_store(stack)
    stack.start("core")
    stack.start("clone")
    stack.start("egress-0")
    clients.arrived()


def damage_every_second(spool, first, last):
    """One byte of every second record in this range of numbers; the texts of those records."""
    texts = []
    for segment in sorted(spool.glob("*.seg")):
        data = bytearray(segment.read_bytes())
        at = data.find(b"AMSR")
        while at >= 0:
            number = int.from_bytes(data[at + 8:at + 16], "little")
            length = int.from_bytes(data[at + 32:at + 36], "little") + int.from_bytes(data[at + 36:at + 38], "little")
            if first <= number <= last and number % 2 == 0:
                data[at + 40 + length - 1] ^= 0xff
                texts.append(f"g-{number - 1}")
            at = data.find(b"AMSR", at + 40 + length)
        segment.write_bytes(data)
    return texts


def test_no_number_of_gaps_lets_a_message_be_overtaken_or_left(stack):
    clients = Clients(stack)
    stack["core"].kill()
    clients.post(2600, "g")
    stack["ingress"].kill()
    gone = damage_every_second(spool_of(stack), 10, 2400)
    assert len(gone) == 1196
    stack.start("ingress")
    stack.start("core")
    clients.post(5, "new")
    texts = clients.arrived(gone=gone, timeout=40)
    for c in range(CONVERSATIONS):
        lane = [t for t in texts if int(t.split("-")[1]) % CONVERSATIONS == c]
        assert lane == sorted(lane, key=lambda t: (t.startswith("new"), int(t.split("-")[1])))
    assert stack.figure("ingress", "amo_spool_lost_events") == len(gone)
