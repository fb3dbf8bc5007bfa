"""SPOOL_ROTATE: what lies in the spool now is let go of as soon as core has it."""
import pytest

from ingress_harness import bus, wait_for
from test_core_away import accept


@pytest.fixture
def turns(make):
    """A played core that does not take events yet, its ingress, and the answers to turns."""
    core = make.core()
    core.take = False
    core.turned = []
    events = core._frame
    core._frame = lambda frame: (core.turned.append(frame.body) if frame.kind == "SPOOL_ROTATED" else events(frame))
    ingress = make()
    ingress.wait_log("what=registry.new")
    return core, ingress


def holds(ingress, word):
    return [p.name for p in ingress.spool_dir.iterdir() if word in p.read_bytes()]


def test_a_turn_is_answered_when_all_is_taken_and_gone(turns):
    core, ingress = turns
    accept(ingress, 3, "early")
    core.wait_events(3)
    core.send_all("SPOOL_ROTATE", {"number": 7})
    wait_for(lambda: len(list(ingress.spool_dir.glob("*.seg"))) == 2, "the next segment")
    accept(ingress, 2, "late")
    core.wait_events(5)
    assert core.turned == [] and holds(ingress, b"early-0")
    peer, spool, _ = core.pending[0]
    core.order(lambda: core.core.send(peer, "EVENT_TAKEN", {"spool": spool, "pairs": bus.pairs([(1, 3)])}))
    wait_for(lambda: core.turned, "the answer")
    assert core.turned == [{"number": 7}]
    assert not holds(ingress, b"early-") and holds(ingress, b"late-1")
    # asked again: the same turn, answered again; what came since does not matter
    core.send_all("SPOOL_ROTATE", {"number": 7})
    wait_for(lambda: len(core.turned) == 2, "the answer again")
    assert len(list(ingress.spool_dir.glob("*.seg"))) == 1
    core.take_all()
    core.send_all("SPOOL_ROTATE", {"number": 8})
    wait_for(lambda: core.turned[-1] == {"number": 8}, "the next one")
    assert not holds(ingress, b"late-")


def test_numbers_go_on_after_a_turn_and_a_restart(turns):
    core, ingress = turns
    core.take = True
    accept(ingress, 3, "a")
    core.wait_events(3)
    core.send_all("SPOOL_ROTATE", {"number": 1})
    wait_for(lambda: core.turned, "the answer")
    ingress.kill()
    ingress.start()
    accept(ingress, 2, "b")
    core.wait_events(5)
    assert [n for n, _, _ in core.events] == [1, 2, 3, 4, 5]
    assert [e["message_id"] for _, e, _ in core.events][3:] == ["b-0", "b-1"]


def test_damaged_files_are_counted_and_a_malformed_turn_is_passed_over(turns):
    core, ingress = turns
    (ingress.spool_dir / "00000000000000000009.bad").write_bytes(b"what nobody can read")
    core.send_all("SPOOL_ROTATE", b"\x90")
    ingress.wait_log("what=spool.turn_malformed")
    core.send_all("SPOOL_ROTATE", {"number": 3})
    wait_for(lambda: core.turned, "the answer")
    assert core.turned == [{"number": 3, "kept": 1}]
