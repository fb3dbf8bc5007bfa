"""Whatever kills core each time it takes it up: after two deaths that is kept aside, and all the rest goes on."""

import pytest

from kit import BIN
from stack import QUICK, Stack, wait_for
from test_echo import CLIENT, under_way, writes

FAULTY = BIN.parent / "tests" / "amo-core-faulty"
pytestmark = pytest.mark.skipif(not FAULTY.exists(), reason="the faulty build of core is not there")


@pytest.fixture(scope="module")
def shared():
    """A core that dies of these words wherever it meets them, and a supervisor, which starts it again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AMO_CORE_BIN", str(FAULTY))
        with Stack(env={**QUICK, "AMO_INJECT": "poison"}) as s:
            s.up()
            yield s


@pytest.fixture
def stack(shared):
    shared.clear_faults()
    shared.born = shared["core"].lives
    yield shared
    letters = shared.control("dead.list")
    if letters:
        shared.control("dead.drop", ids=[d["id"] for d in letters])
    kept = shared.control("quarantine.list")
    if kept:
        shared.control("quarantine.drop", ids=[k["id"] for k in kept])


def dies(stack, times=2):
    """Core dies so often and is started again each time; then it lives."""
    for _ in range(times):
        wait_for(lambda: not stack["core"].alive, "core's death")
        stack.start("core")
    assert stack["core"].lives == stack.born + times


def lives(stack, word):
    """Both directions, and nobody has died meanwhile."""
    born = stack["core"].lives
    chat = stack.meet(f"life-goes-on-{word}", conversation=f"7900{abs(hash(word)) % 10**7:07d}")["chat"]
    stack.manager_writes(f"and-back-{word}", chat)
    stack.wait("service.message", text=f"and-back-{word}")
    assert stack["core"].alive and stack["core"].lives == born


def letter(stack):
    [one] = wait_for(lambda: stack.control("dead.list"), "the dead letter")
    return one["reason"]


def test_a_command_that_kills_when_it_is_sent_is_a_dead_letter(stack):
    chat = stack.meet("first")["chat"]
    stack.manager_writes("kills-core", chat)
    stack.manager_writes("the-next-one", chat)
    dies(stack)
    stack.wait("service.message", text="the-next-one")  # of the same conversation
    assert letter(stack) == "core_lost"
    lives(stack, "sent")
    said = stack.operator("doctor").stdout
    assert "a command that was to be sent" in said and "amoctl explain core-dies" in said
    assert stack.operator("explain", "core-dies").returncode == 0


def test_an_answer_that_kills_is_taken_unread(stack):
    chat = stack.meet("second")["chat"]
    stack.fault(on="service.message.created", match="bad-answer", status=422, body={"error": "kills-core"})
    stack.manager_writes("bad-answer", chat)
    dies(stack)
    assert letter(stack) == "core_lost"
    stack.manager_writes("good-answer", chat)
    stack.wait("service.message", text="good-answer")
    lives(stack, "answered")


def test_one_that_waited_and_kills_when_it_comes_out_is_kept_unread(stack):
    chat = stack.meet("third", conversation=CLIENT)["chat"]
    stack.settle()
    stack.fault(on="amojo.new_message", match="slow-one", delay_ms=1500, times=1)
    writes(stack, "slow-one")
    under_way(stack, "slow-one")
    stack.manager_writes("kills-core", chat)  # a possible echo
    wait_for(lambda: stack.control("status")["waiting_events"] == 1, "the manager's words to wait")
    dies(stack)
    [kept] = wait_for(lambda: stack.control("quarantine.list"), "the entry in quarantine")
    assert kept["reason"] == "suspect"
    lives(stack, "waited")


def test_a_process_whose_hello_kills_is_not_listened_to(stack):
    stack.add("kills-core", ["amo-egress"], {"AMO_NAME": "kills-core", "AMO_EGRESS_ADMIN_LISTEN": "127.0.0.1:0"})
    try:
        stack.start("kills-core")
        dies(stack)
        stack["core"].wait_line(r"what=frame\.unread kind=HELLO")
        lives(stack, "greeted")
    finally:
        stack["kills-core"].kill()
        del stack.processes["kills-core"]
