"""Messages of every type, edits, reactions and messages in people's names, while processes are killed at random.

What a wave leaves behind is known beforehand, so the end is compared with it, not the way there. The seed is printed;
AMO_CHAOS_SEED=N repeats a run as far as the machine lets it.
"""
import os
import random
import uuid

from kinds import TYPES, hook_message, service_body
from stack import Stack, wait_for
from test_chaos import QUICK

CONVERSATIONS = 20
WAVES = 40


class Run:
    def __init__(self, stack, rng):
        self.stack, self.rng = stack, rng
        self.user = str(uuid.uuid4())
        stack.sandbox("channels", {"id": stack.channel, "users": [self.user]})
        self.inbound, self.imported, self.outbound = {}, {}, {}  # id -> what it must say at the end
        self.reacted = {}
        self.chats = {}

    def meet(self):
        for c in range(CONVERSATIONS):
            self.stack.client_writes(f"hello-{c}", conversation=f"7900{c:07d}")
        self.stack.wait("amojo.messages", count=CONVERSATIONS)
        for m in self.stack.list("amojo/messages"):
            self.chats[m["text"]] = m["chat"]

    def wave(self, number):
        clients, managers, edits, reacts = [], [], [], []
        for c in range(CONVERSATIONS):
            lane = f"7900{c:07d}"
            kind = TYPES[(number + c) % len(TYPES)]
            said, told = f"in-{number}-{c}", f"own-{number}-{c}"
            clients.append({"connector": "svc", "source": "wa1", "conversation": lane, "id": said,
                            **service_body(kind, said)})
            clients.append({"connector": "svc", "source": "wa1", "conversation": lane, "id": told, "direction": "out",
                            "author": {"amo_user": self.user} if c % 2 else None, "type": "text", "text": told})
            self.inbound[said], self.imported[told] = said, told
            if c % 3 == 0:
                edits.append({"connector": "svc", "conversation": lane, "id": told, "text": told + "-edited"})
                self.imported[told] = told + "-edited"
            if c % 4 == 0:
                reacts.append({"connector": "svc", "conversation": lane, "id": said, "emoji": "👍"})
                self.reacted[said] = "👍"
            managers.append({"scope_id": self.stack.scope, "chat": self.chats[f"hello-{c}"],
                             "text": f"out-{number}-{c}", "message": hook_message(kind, f"out-{number}-{c}")})
        self.stack.sandbox("client/writes", clients)
        self.stack.sandbox("client/edits", edits)
        self.stack.sandbox("client/reacts", reacts)
        for item, m in zip(self.stack.sandbox("manager/writes", managers)["items"], managers):
            self.outbound[item["webhook"]] = m["text"]

    def finish(self, timeout):
        stack = self.stack

        def quiet():
            s = stack.control("status")
            return (stack.figure("ingress", "amo_spool_events") == 0 and s["commands"] == 0
                    and s["waiting_events"] == 0)

        for _ in range(3):  # what is settled last brings statuses about
            stack.wait("idle", timeout=timeout)
            wait_for(quiet, "nothing to be under way", timeout)

    def problems(self):
        stack = self.stack
        found = []
        at_amo = {m["msgid"]: m for m in stack.list("amojo/messages")}
        for written, what in ((self.inbound, "inbound"), (self.imported, "imported")):
            for ident, text in written.items():
                m = at_amo.get(f"svc-{ident}")
                if not m:
                    found.append(f"{what} {ident} is lost")
                elif m["effects"] != 1 or m["text"] != text:
                    found.append(f"{what} {ident}: {m['effects']} effects, says {m['text']!r}, not {text!r}")
        for ident, emoji in self.reacted.items():
            if [r["emoji"] for r in at_amo[f"svc-{ident}"]["reactions"]] != [emoji]:
                found.append(f"the reaction to {ident} is lost")
        answered = {w["webhook"]: w["status"] == 200 for w in stack.list("webhooks")}
        at_service = {}
        for m in stack.list("service/messages"):
            at_service.setdefault(m["text"], []).append(m)
        for hook, text in self.outbound.items():
            got = at_service.pop(text, [])
            if answered.get(hook) and len(got) != 1 or got and got[0]["webhook_ids"] != 1:
                found.append(f"outbound {text}: {len(got)} messages")
        if at_service:  # an echo that reached a client, say
            found.append(f"nobody wrote {sorted(at_service)}")
        return found


def test_every_kind_survives_while_processes_die():
    seed = int(os.environ.get("AMO_CHAOS_SEED", random.randrange(1 << 31)))
    print(f"seed {seed}: repeat with AMO_CHAOS_SEED={seed}")
    rng = random.Random(seed)
    # The history looks for an id a minute long at most: so long may an echo have to wait, when answers are lost too.
    with Stack(workers=2, env={**QUICK, "AMO_CORE_ECHO_MS": "90000"}) as stack:
        stack.up()
        stack.sandbox("settings", {"echo": rng.choice([True, "early"])}, method="PATCH")
        run = Run(stack, rng)
        run.meet()
        for side in ("amojo.new_message", "service.message.created", "amojo.edit_message", "amojo.react"):
            stack.fault(on=side, cut="after", probability=0.02, seed=rng.randrange(1000))
            stack.fault(on=side, status=500, probability=0.02, seed=rng.randrange(1000))
        kills = 0
        for number in range(WAVES):
            run.wave(number)
            seen = stack.sandbox("counters")["amojo.messages"]
            try:
                stack.wait("amojo.messages", count=seen + rng.randrange(0, 10), timeout=0.3)
            except TimeoutError:
                pass
            victim = rng.choice(["core", "core", "ingress", *stack.workers])
            if victim == "core":
                # An event in hand at three deaths is taken for their cause, and kept for a person. Here they are
                # none of its doing: what the last death left behind is taken before the next.
                wait_for(lambda: stack.figure("ingress", "amo_spool_events") == 0, "the spool to empty")
                run.wave(WAVES + number)
            stack[victim].kill()
            stack.start(victim)
            kills += 1
        stack.clear_faults()
        run.finish(timeout=150)
        kept = [(q["kind"], q["reason"]) for q in stack.control("quarantine.list")]
        assert (run.problems(), kept, stack.control("dead.list")) == ([], [], [])
        assert kills == WAVES and stack.sandbox("counters")["amojo.backwards"] == 0
