"""2,000 messages both ways over 40 conversations while processes are killed at random.

The seed is printed; AMO_CHAOS_SEED=N repeats a run as far as the machine lets it.
"""
import os
import pathlib
import random

import pytest

from checker import check
from stack import BIN, Stack, wait_for

CONVERSATIONS = 40
WAVES = 25  # of one message each way in every conversation: 2,000 in all
QUICK = {"AMO_SCOPE_RATE": "0", "AMO_RETRY_BASE_MS": "100", "AMO_RETRY_CAP_MS": "2000",
         "AMO_CORE_LEASE_MS": "4000", "AMO_EGRESS_ATTEMPT_MS": "2000"}
FAULTY = BIN.parent / "tests" / "amo-core-faulty"


class Run:
    """Writes in waves and remembers what was written."""

    def __init__(self, stack):
        self.stack = stack
        self.inbound, self.outbound = [], []
        self.chats = {}

    def meet(self):
        """Every client says hello, so that every chat exists."""
        for c in range(CONVERSATIONS):
            lane, text = f"7900{c:07d}", f"hello-{c}"
            self.stack.client_writes(text, conversation=lane)
            self.inbound.append((lane, text))
        self.stack.wait("amojo.messages", count=CONVERSATIONS)
        for m in self.stack.list("amojo/messages"):
            self.chats[m["text"]] = m["chat"]

    def wave(self, number):
        clients, managers = [], []
        for c in range(CONVERSATIONS):
            lane, text = f"7900{c:07d}", f"in-{number}-{c}"
            clients.append({"connector": "svc", "source": "wa1", "conversation": lane, "text": text})
            self.inbound.append((lane, text))
            managers.append({"scope_id": self.stack.scope, "chat": self.chats[f"hello-{c}"],
                             "text": f"out-{number}-{c}"})
        self.stack.sandbox("client/writes", clients)
        items = self.stack.sandbox("manager/writes", managers)["items"]
        for c, item in enumerate(items):
            self.outbound.append((f"7900{c:07d}", f"out-{number}-{c}", item["webhook"]))

    def finish(self, timeout):
        """Until nothing is under way anywhere."""
        stack = self.stack
        stack.wait("idle", timeout=timeout)
        wait_for(lambda: stack.figure("ingress", "amo_spool_events") == 0, "an empty spool", timeout)
        wait_for(lambda: stack.control("status")["commands"] == 0, "an empty queue", timeout)
        stack.wait("idle", timeout=timeout)  # statuses of the last messages
        wait_for(lambda: stack.figure("ingress", "amo_spool_events") == 0
                 and stack.control("status")["commands"] == 0, "the last statuses", timeout)

    def problems(self):
        stack = self.stack
        answers = {w["webhook"]: w["status"] for w in stack.list("webhooks")}
        outbound = [(lane, text, answers.get(hook) == 200) for lane, text, hook in self.outbound]
        self.accepted = sum(ok for _, _, ok in outbound)
        return check(self.inbound, outbound, stack.list("amojo/messages"), stack.list("service/messages"))


def test_nothing_is_lost_doubled_or_overtaken_while_processes_die():
    seed = int(os.environ.get("AMO_CHAOS_SEED", random.randrange(1 << 31)))
    print(f"seed {seed}: repeat with AMO_CHAOS_SEED={seed}")
    rng = random.Random(seed)
    with Stack(workers=3, env=QUICK) as stack:
        stack.up()
        stack.sandbox("settings", {"repeat": rng.choice([200, 400])}, method="PATCH")
        run = Run(stack)
        run.meet()
        for side in ("amojo.new_message", "service.message.created"):
            stack.fault(on=side, cut="after", probability=0.02, seed=rng.randrange(1000))
            stack.fault(on=side, cut="before", probability=0.02, seed=rng.randrange(1000))
            stack.fault(on=side, status=500, probability=0.02, seed=rng.randrange(1000))
        kills = {}
        for number in range(WAVES):
            run.wave(number)
            for _ in range(rng.randrange(1, 3)):
                victim = rng.choice(["core", "core", "ingress", *stack.workers])
                # some progress between the kills: how far is chance, the seed only picks the count
                seen = stack.sandbox("counters")["amojo.messages"]
                goal = seen + rng.randrange(0, 12)
                try:
                    stack.wait("amojo.messages", count=goal, timeout=0.3)
                except TimeoutError:
                    pass
                stack[victim].kill()
                kills[victim] = kills.get(victim, 0) + 1
                stack.start(victim)
        stack.clear_faults()
        run.finish(timeout=120)
        problems = run.problems()
        print(f"kills {kills}; webhooks accepted {run.accepted} of {len(run.outbound)}; "
              f"clients {len(run.inbound)}")
        kept = [(q["kind"], q["reason"]) for q in stack.control("quarantine.list")]
        assert (problems, kept) == ([], [])
        counters = stack.sandbox("counters")
        assert counters["amojo.backwards"] == 0
        dead = [stack.control("dead.show", id=letter["id"]) for letter in stack.control("dead.list")]
        assert dead == [], dead
        assert sum(kills.values()) >= WAVES
        assert len(run.inbound) + run.accepted >= 1500


@pytest.mark.skipif(not FAULTY.exists(), reason="the faulty build of core is not there")
@pytest.mark.parametrize("fault", ["lost", "double", "overtaken"])
def test_the_checker_reports_what_is_injected(fault):
    with Stack(workers=1, env={**QUICK, "AMO_INJECT": fault}) as stack:
        stack["core"].args[0] = str(FAULTY)
        stack.up()
        run = Run(stack)
        run.meet()
        stack.control("account.pause", scope_id=stack.scope)  # so that lanes fill
        for number in range(3):
            run.wave(number)
        stack.wait("client.accepted", count=len(run.inbound))
        wait_for(lambda: stack.figure("ingress", "amo_spool_events") == 0, "an empty spool")
        stack.control("account.resume", scope_id=stack.scope)
        run.finish(timeout=60)
        kinds = {kind for kind, _ in run.problems()}
        assert fault in kinds
