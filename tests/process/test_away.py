"""Any process may be away: what was accepted meanwhile arrives once and in order when it is back."""
import time

import pytest

from checker import check
from stack import QUICK, Stack, http, wait_for

CLIENTS = 4
EACH = 5


@pytest.fixture
def stack():
    with Stack(env=QUICK) as s:
        s.up()
        yield s


class Talk:
    """Several clients and their manager, who go on writing whatever is away."""

    def __init__(self, stack):
        self.stack = stack
        self.inbound, self.hooks, self.chats = [], [], []
        for c in range(CLIENTS):
            lane = f"7900{c:07d}"
            met = stack.meet(f"hello-{c}", conversation=lane)
            self.inbound.append((lane, f"hello-{c}"))
            self.chats.append((lane, met["chat"]))

    def both_write(self, word, each=EACH):
        for n in range(each):
            for lane, chat in self.chats:
                text = f"{word}-in-{lane}-{n}"
                self.stack.client_writes(text, conversation=lane)
                self.inbound.append((lane, text))
                text = f"{word}-out-{lane}-{n}"
                self.hooks.append((lane, text, self.stack.manager_writes(text, chat)["webhook"]))

    def all_accepted(self):
        self.stack.wait("client.accepted", count=len(self.inbound))
        self.stack.wait("webhooks.ok", count=len(self.hooks))

    def arrived(self, within=30):
        """Everything is there, once and in order."""
        stack = self.stack
        stack.wait("amojo.messages", count=len(self.inbound), timeout=within)
        stack.wait("service.messages", count=len(self.hooks), timeout=within)
        stack.settle()
        answers = {w["webhook"]: w["status"] for w in stack.list("webhooks")}
        outbound = [(lane, text, answers[hook] == 200) for lane, text, hook in self.hooks]
        assert check(self.inbound, outbound, stack.list("amojo/messages"), stack.list("service/messages")) == []
        assert stack.control("dead.list") == [] and stack.control("quarantine.list") == []


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_core_away_everything_is_accepted_and_arrives_later(stack, how):
    talk = Talk(stack)
    getattr(stack["core"], how)()
    talk.both_write("away")
    talk.all_accepted()
    assert stack.figure("ingress", "amo_spool_events") >= CLIENTS * EACH * 2
    stack.start("core")
    talk.arrived()
    assert all(m["status"] == 2 for m in stack.list("amojo/messages?from=manager"))


def test_ingress_started_without_core_verifies_from_its_sealed_copy(stack):
    stack.sandbox("settings", {"keep_alive": False}, method="PATCH")  # as below
    talk = Talk(stack)
    stack["core"].kill()
    stack["ingress"].kill()
    stack.start("ingress")
    status, body, _ = http("GET", f"http://127.0.0.1:{stack.admin('ingress')}/readyz")
    assert status == 200 and "core" in str(body)
    talk.both_write("sealed", each=2)
    talk.all_accepted()
    forged = stack.webhook('{"account_id":"x"}', signature="0" * 40, learn=False)
    assert forged["status"] == 401
    stack["ingress"].kill()  # once more: what it accepted is on disk
    stack.start("ingress")
    stack.start("core")
    talk.arrived()


def test_egress_away_everything_waits_in_core(stack):
    talk = Talk(stack)
    assert stack["egress-0"].stop() == 0
    talk.both_write("away")
    talk.all_accepted()
    wait_for(lambda: stack.control("status")["commands"] == CLIENTS * EACH * 2, "the queue to fill")
    stack.start("egress-0")
    talk.arrived()


def test_core_and_egress_and_ingress_all_killed_at_once(stack):
    stack.sandbox("settings", {"keep_alive": False}, method="PATCH")  # else a webhook may be lost with a dead connection
    talk = Talk(stack)
    talk.both_write("before", each=2)
    talk.all_accepted()
    for name in ("egress-0", "core", "ingress"):
        stack[name].kill()
    for name in ("ingress", "egress-0", "core"):
        stack.start(name) if name != "egress-0" else stack[name].start()
    talk.both_write("after", each=2)
    talk.all_accepted()
    talk.arrived()


def holder(stack, names):
    """The worker that has a command in hand."""
    def look():
        return [n for n in names if (stack.peer(n) or {}).get("in_flight")]
    return wait_for(look, "a worker to have a command in hand")[0]


def test_a_workers_successor_frees_at_once_what_the_dead_one_held():
    with Stack(workers=2, env=QUICK) as stack:
        stack.up()
        talk = Talk(stack)
        stack.fault(on="amojo.new_message", match="held-in-hand", delay_before_ms=60000, times=1)
        stack.client_writes("held-in-hand", conversation=talk.chats[0][0])
        talk.inbound.append((talk.chats[0][0], "held-in-hand"))
        name = holder(stack, stack.workers)
        talk.both_write("others", each=2)  # the other lanes do not wait for it
        talk.all_accepted()
        stack.wait("service.messages", count=len(talk.hooks))
        stack[name].kill()
        began = time.monotonic()
        stack.start(name)
        stack.wait("amojo.message", text="held-in-hand", timeout=10)
        assert time.monotonic() - began < 10  # the lease is 20 s
        stack["core"].wait_line(rf"what=worker.lost name={name} in_flight=[1-9]")
        talk.arrived()


def test_a_worker_that_never_comes_back_costs_a_lease():
    env = {**QUICK, "AMO_CORE_LEASE_MS": "3000", "AMO_EGRESS_ATTEMPT_MS": "1500"}
    with Stack(workers=2, env=env) as stack:
        stack.up()
        talk = Talk(stack)
        stack.fault(on="amojo.new_message", match="left-behind", delay_before_ms=60000, times=1)
        stack.client_writes("left-behind", conversation=talk.chats[0][0])
        talk.inbound.append((talk.chats[0][0], "left-behind"))
        name = holder(stack, stack.workers)
        sent = time.monotonic()
        stack[name].kill()
        stack.wait("amojo.message", text="left-behind", timeout=20)
        assert time.monotonic() - sent > 2  # never while it may still be at work
        stack["core"].wait_line("what=command.lease_over")
        talk.both_write("after", each=1)
        talk.all_accepted()
        talk.arrived()
