"""What happens in a run: steps drawn from a seed, then everything is well again, then the judge.

Light steps are what people do; faults are what remote sides do to calls; heavy steps are what happens to machines. A
run has many light ones, some faults, two or three heavy ones, and three in which things cross that seldom meet by chance.
"""
import collections
import json
import os
import shutil
import signal
import time

from storm.judge import Judge
from storm.world import ATTEMPT_MS, PHONES, World, judge_number, small_world, wait_for

PEOPLE = list(PHONES)
NO = {"error": {"code": "not_on_channel", "message": "no"}}
PAGE = "<html><body>We will be back soon</body></html>"
# what may become of one call; one after the other of one word's
UNLUCKY = [{"cut": "after"}, {"cut": "before"}, {"status": 500}, {"status": 500, "process": True},
           {"delay_ms": ATTEMPT_MS + 300}, {"status": 999, "body": PAGE}, {"status": 200, "body": PAGE},
           {"status": 200, "body": PAGE, "process": True}]


class Storm:
    def __init__(self, stack, rng):
        self.stack, self.rng = stack, rng
        self.w = World(stack, rng)
        self.j = self.w.j
        self.stores, self.spools = [], []
        self.shifted = False

    def say(self, words):
        self.j.say(words)

    # --- what people do ------------------------------------------------------------------------------

    def place(self):
        """(service, source, account) of somebody connected."""
        name = self.rng.choice([n for n, a in self.w.accounts.items() if a["connected"] and a["sources"]])
        a = self.w.accounts[name]
        return a["service"], self.rng.choice(a["sources"]), name

    def alone(self):
        """Who alone has spoken in a group so far, but for words that went with a spool: nobody can tell yet that it is
        one."""
        found, gone = set(), {t for e in self.j.excuses if e["kind"] == "spool" for t in e["tokens"]}
        for t in self.w.threads:
            if len(t["people"]) > 1:
                spoken = {a["who"] for a in self.j.acts if a.get("thread") == t["thread"] and a.get("n") and "who" in a
                          and a["token"] not in gone}
                found |= set(t["people"] if len(spoken) < 2 else ())
        return found

    def some_thread(self):
        if self.w.threads and self.rng.random() < 0.75:
            t = self.rng.choice(self.w.threads)
            if self.w.owner(t["service"], t["source"]):
                return t
        service, source, _ = self.place()
        met = {c["party"] for c in self.w.cards}
        unmet = [p for p in PEOPLE if p not in met]
        if self.rng.random() < 0.3 and len(unmet) > 1:  # in a group two of them speak first
            people = self.rng.sample(unmet, 2)
            people += self.rng.sample([p for p in PEOPLE if p not in people], 1)
            return self.w.thread(f"group-{source}", service, source, people)
        return self.w.thread(self.rng.choice(PEOPLE), service, source)

    def client(self):
        t = self.some_thread()
        for _ in range(self.rng.choice([1, 1, 1, 3])):
            act = self.w.client(t)
            self.say(f"{t['party']} writes {act['token']} as {act['id']} in {t['thread']} by {t['source']}")

    def colleague(self):
        t = self.some_thread()
        act = self.w.colleague(t)
        self.say(f"a colleague writes {act['token']} as {act['id']} to {t['party']} in {t['thread']}")

    def edit(self):
        mine = [a for a in self.j.acts if a["kind"] in ("client", "colleague")]
        if not mine:
            return self.client()
        act = self.rng.choice(mine[-6:])
        for _ in range(self.rng.choice([1, 2, 3])):
            e = self.w.edit(act)
            self.say(f"{e['text']}")
        return None

    def manager(self):
        name = self.rng.choice([n for n, a in self.w.accounts.items() if a["connected"]])
        chats = self.w.chats(name)
        if not chats:
            return self.first()
        chat, about = self.rng.choice(chats[-5:])
        for _ in range(self.rng.choice([1, 1, 2])):
            act = self.w.manager(name, chat, about)
            self.say(f"{name} answers {about['party']} with {act and act['token']} in {chat[:8]}")
        return None

    def first(self):
        _, source, name = self.place()
        who = self.rng.choice([p for p in PEOPLE if p not in self.alone()])
        phone = PHONES[who]
        number = judge_number(phone)
        if self.rng.random() < 0.4:
            at_home = [number, "8" + number[1:]] if number[0] == "7" else []
            phone = self.rng.choice([f"+{number}", f"00{number}", phone, *at_home])
        act = self.w.first(name, who, source, phone)
        self.say(f"{name} writes {act and act['token']} first to {who}, {phone}, by {source}")
        if act and self.rng.random() < 0.4:
            again = self.w.manager(name, act["chat"], {**act, "source": source})
            self.say(f"  and {again and again['token']} after it")

    def answer_to_first(self):
        """Somebody who was written to first answers, in a thread that we may never have named."""
        if not self.w.cards:
            return self.first()
        card = self.rng.choice(self.w.cards)
        if self.w.owner(card["service"], card["source"]):
            t = self.w.thread(card["party"], card["service"], card["source"])
            act = self.w.client(t)
            self.say(f"{t['party']} answers {act['token']} as {act['id']} in {t['thread']} by {t['source']}")
        return None

    # --- what remote sides do ------------------------------------------------------------------------------

    def amo_fault(self):
        r = self.rng
        on = r.choice(["amojo.new_message"] * 4 + ["amojo.history", "amojo.edit_message", "amojo.delivery_status",
                                                   "amojo"])
        kinds = [{"cut": "after"}, {"cut": "before"}, {"status": 500}, {"status": 503, "retry_after": 1},
                 {"delay_ms": 700}, {"delay_ms": 1800}, {"status": 500, "process": True},
                 {"status": 429, "retry_after": 1}]
        if on in ("amojo.new_message", "amojo.history"):
            kinds += [{"status": 200, "body": PAGE}, {"status": 200, "body": PAGE, "process": True},
                      {"status": 999, "body": PAGE}, {"status": 302, "body": PAGE}, {"status": 403}, {"status": 404}]
        if on == "amojo.new_message":
            kinds += [{"status": 400}]  # a no to what it has not got
        rule = {"on": on, **r.choice(kinds), "times": r.randrange(1, 4)}
        number = self.stack.fault(**rule)
        if rule.get("delay_ms", 0) > ATTEMPT_MS:
            self.w.too_late.add(number)
        self.say(f"amo: {rule}")

    def service_fault(self):
        r = self.rng
        name = r.choice(list(self.w.services))
        fault = r.choice([{"cut": "after"}, {"cut": "before"}, {"status": 500}, {"status": 500, "after": True},
                          {"status": 502, "body": PAGE}, {"delay": 0.9}, {"delay": 2.0}, {"status": 302, "body": PAGE},
                          {"status": 404, "body": PAGE}, {"status": 429}])
        fault = {"on": r.choice(["", "message.created"]), **fault}
        if r.random() < 0.15:
            fault = {"on": "message.created", "status": 422, "body": NO, "final": True}
        for _ in range(1 if fault.get("delay", 0) > 1 else r.randrange(1, 4)):
            self.w.services[name].faults.append(dict(fault))
        self.say(f"{name}: {fault}")

    def unlucky(self):
        """The calls for one word fail one after the other, each in its own way: what is true of a first attempt need
        not be of the next."""
        t = self.some_thread()
        token = f"c{self.w.tokens + 1}"
        faults = self.rng.sample(UNLUCKY, self.rng.choice([2, 2, 3]))
        for fault in faults:
            number = self.stack.fault(on="amojo.new_message", match=f'"{token} ', times=1, **fault)
            if "delay_ms" in fault:
                self.w.too_late.add(number)
        act = self.w.client(t)
        self.say(f"{t['party']} writes {act['token']} in {t['thread']}, whose calls fail: {faults}")

    def shared_chats(self):
        """(account, chat, act) where a client's or colleague's word stands and managers can answer it."""
        return [(n, c, a) for n, of in self.w.accounts.items() if of["connected"] for c, a in self.w.chats(n)
                if "thread" in a and self.w.owner(a["service"], a["source"]) == n]

    def talk(self):
        """Both sides write in one conversation, and nobody's outcome is known for a while."""
        chats = self.shared_chats()
        if not chats:
            return self.client()
        name, chat, about = self.rng.choice(chats)
        t = self.w.thread(about["party"], about["service"], about["source"])
        slow = self.rng.choice([{"delay": 0.9}, {"delay": 2.0}, {"cut": "after"}, {"status": 500, "after": True}])
        self.w.services[t["service"]].faults.append({"on": "message.created", **slow})
        fault = self.rng.choice([{"delay_ms": 700}, {"delay_ms": 700}, {"cut": "after"}, {"status": 500, "process": True}])
        self.stack.fault(on="amojo.new_message", match=f"{t['thread']}", times=2, **fault)
        for side in self.rng.choices("mmooc", k=self.rng.choice([3, 4, 5])):
            act = self.w.manager(name, chat, about) if side == "m" else \
                self.w.colleague(t) if side == "o" else self.w.client(t)
            self.say(f"they talk in {t['thread']}: {act and act['token']}")
            self.pass_time(self.rng.choice([0, 0, 0.1]))
        return None

    def crossing(self):
        """While somebody's first words are tried, colleagues write on in other threads of that service: it may be those
        that they report."""
        service, source, name = self.place()
        slow = self.rng.choice([{"delay": 0.9}, {"delay": 2.0}, {"cut": "after"}])
        self.w.services[service].faults.append({"on": "message.created", **slow})
        who = self.rng.choice([p for p in PEOPLE if p not in self.alone()])
        act = self.w.first(name, who, source, PHONES[who])
        self.say(f"{name} writes {act and act['token']} first to {who} by {source}, slowly")
        for t in [t for t in self.w.threads if t["source"] == source and len(t["people"]) == 1][-2:]:
            for _ in range(2):
                act = self.w.colleague(t)
                self.say(f"  a colleague writes {act['token']} to {t['party']} in {t['thread']}")
                self.pass_time(self.rng.choice([0, 0.3]))

    def buried(self):
        """The answer to a client's word is lost, and more than a page of newer words comes over it."""
        chats = self.shared_chats()
        if not chats:
            return self.client()
        name, chat, about = self.rng.choice(chats)
        # a second call, by whoever takes the cut for that of a connection grown old, is told that this stands there
        self.stack.sandbox("settings", {"repeat": 400}, method="PATCH")
        t = self.w.thread(about["party"], about["service"], about["source"])
        token = f"c{self.w.tokens + 1}"
        self.stack.fault(on="amojo.new_message", match=f'"{token} ', times=1, cut="after", delay_ms=900)
        act = self.w.client(t)
        try:
            wait_for(lambda: any(m["text"].startswith(token + " ") for m in self.stack.list("amojo/messages")),
                     "amo to have it", 5)
        except TimeoutError:  # other faults, or a lane that waits
            self.say(f"{act['token']} does not come through")
        self.say(f"the answer to {act['token']} is lost, and 55 words are written over it")
        for _ in range(55):
            self.w.manager(name, chat, about)
        return None

    # --- what happens to machines ----------------------------------------------------------------------------

    def kill(self):
        for victim in self.rng.sample(self.w.bridge, self.rng.choice([1, 1, 2])):
            self.say(f"{victim} is killed")
            self.stack.start_over(victim)

    def freeze(self):
        victim = self.rng.choice(["egress-0", "egress-0", "egress-1", "core", "ingress"])
        seconds = self.rng.choice([0.5, 2.0, 4.0, 6.5])
        self.say(f"{victim} is frozen for {seconds} s")
        self.stack[victim].signal(signal.SIGSTOP)
        self.stack.gone(victim, killed=False)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.light()
            self.pass_time(0.2)
        self.stack[victim].signal(signal.SIGCONT)
        self.stack.back(victim)
        self.say(f"{victim} goes on")

    @staticmethod
    def pass_time(seconds):
        """Time that passes is an act of the run like any other: nothing is waited for."""
        time.sleep(seconds)

    def away(self):
        """Core and workers away longer than a lease and an echo's wait; a worker back later than core."""
        seconds = self.rng.choice([1.0, 4.5, 7.0])
        names = ["core", *self.rng.choice([["egress-0", "egress-1"], ["egress-0", "egress-1"], []])]
        self.say(f"{names} are away for {seconds} s")
        for name in names:
            self.stack[name].kill()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.light(core=False)
            self.pass_time(0.3)
        for name in names:
            self.stack.start(name)
            self.pass_time(self.rng.choice([0, 1.5]))
        self.say("they are back")

    def wrong_clock(self):
        """The machine starts with a clock hours off, and is put right by another start."""
        shift = self.rng.choice([-60, -7, 5, 30, 48, 1000])
        self.say(f"a start with the clock {shift:+d} h off")
        self.restart(shift)
        for _ in range(4):
            self.light(first=False)
            self.pass_time(0.4)
        self.say("a start with the right clock")
        self.restart(0)

    def restart(self, shift):
        for name in self.w.bridge:
            self.stack[name].kill()
        self.w.clock(shift)
        self.shifted = bool(shift)
        for name in self.w.bridge:
            self.stack.start(name)

    def store_back(self):
        self.say("a copy of the store is made")
        copied = self.j.now()
        self.w.copy_store("store.copy")
        for _ in range(self.rng.randrange(3, 7)):
            self.light()
            self.pass_time(0.1)
        for _ in range(2):  # what comes again comes again to both sides of a conversation
            self.talk()
        if self.rng.random() < 0.5:
            self.pass_time(0.6)
        self.stack["core"].kill()
        back = self.j.now()
        self.w.put_store_back("store.copy")
        if self.rng.random() < 0.4:
            self.stack.start_over("ingress")
        self.stack.start("core")
        (self.stack.dir / "store.copy").unlink()
        self.j.excuses.append({"kind": "store", "copied": copied, "back": back, "to_n": self.j.count + 20})
        self.say("the copy of the store was put back")
        if self.rng.random() < 0.3:  # what comes again waits, perhaps
            self.pass_time(self.rng.choice([0.3, 1.0]))
            self.say("core is killed once more")
            self.stack.start_over("core")

    def moved(self):
        """A number is given to another company, and perhaps back."""
        a, b = self.rng.sample(["A", "B"], 2)
        mine = self.w.accounts[a]["sources"]
        if not mine:
            return
        source = self.rng.choice(mine)
        paused = self.w.accounts[a]["scope"] if self.rng.random() < 0.5 else None
        if paused:  # so that something waits, which may go along, for longer than a call takes
            self.say(f"{a} is paused")
            self.stack.control("account.pause", scope_id=paused)
            for t in [t for t in self.w.threads if t["source"] == source][:3]:
                act = self.w.client(t)
                self.say(f"{t['party']} writes {act['token']} as {act['id']} in {t['thread']}")
            for _ in range(3):
                self.light()
        if self.rng.random() < 0.5:
            self.talk()
        for to in self.rng.choice([[b], [b, a]]):
            self.say(f"{source} is given to {to}")
            self.w.move("wa", source, to)
            for _ in range(4):
                self.light()
        if paused:
            self.pass_time(2.5)
            self.stack.control("account.resume", scope_id=paused)

    def come_back(self):
        name = self.rng.choice(["A", "B", "C"])
        self.say(f"{name} leaves and comes back by another channel")
        self.w.come_back(name)
        for _ in range(3):
            self.light()

    def hours(self):
        """The machine is off while hours pass for everybody."""
        hours = self.rng.choice([2, 7, 30])
        out = self.rng.choice([None, "amojo", *self.w.services])
        rule = self.stack.fault(on="amojo", status=503) if out == "amojo" else None
        if out in self.w.services:
            self.w.services[out].down = True
        if out:
            self.say(f"{out} is down")
            for _ in range(4):
                self.light()
        self.say(f"{hours} h pass while the machine is off")
        for name in self.w.bridge:
            self.stack[name].kill()
        self.j.passed += hours
        self.stack.sandbox("settings", {"clock_offset_ms": self.j.passed * 3600000}, method="PATCH")
        self.restart(0)
        if out:  # long enough for a clock that jumped to be believed, and for age to be noticed
            for _ in range(5):
                self.light()
                self.pass_time(0.5)
            self.say(f"{out} is there again")
        if rule:
            self.stack.sandbox(f"faults/{rule}", method="DELETE")
        if out in self.w.services:
            self.w.services[out].down = False

    def cloned(self):
        """A host with a spool in it is copied, and both are used from then on."""
        self.say("the host of ingress is copied, spool and all")
        self.stack["ingress"].kill()
        if not self.w.twin:
            self.w.clone()
        self.stack.start("ingress")
        for _ in range(4):
            self.client()
            self.light()

    def spool_back(self):
        self.say("a copy of the spool is made")
        self.stack["ingress"].kill()
        self.w.copy_spool("spool.copy")
        self.w.heard()
        n = self.j.count
        self.stack.start("ingress")
        for _ in range(self.rng.randrange(2, 5)):
            self.light()
            self.pass_time(0.1)
        drained = self.rng.random() < 0.6
        if drained:
            try:
                wait_for(lambda: self.stack.figure("ingress", "amo_spool_events") == 0, "the spool to empty", 6)
            except TimeoutError:
                drained = False
        self.stack["ingress"].kill()  # whoever writes in between is not accepted
        gone = self.w.unknown_since(n)
        self.w.put_spool_back("spool.copy")
        first = self.rng.random() < 0.5
        if first:  # core is away, so the copy takes new events before core can tell
            self.stack["core"].kill()
            self.stack.start("ingress")
            before = self.j.count
            self.client()
            self.client()
            try:
                wait_for(lambda: self.j.count > before, "an event that the copy takes", 5)
            except TimeoutError:
                pass  # whoever writes may be refused: then the copy has nothing new
            self.stack.start("core")
        else:
            self.stack.start("ingress")
        if not drained:
            self.j.excuses.append({"kind": "spool", "from_n": n, **gone})
        shutil.rmtree(self.stack.dir / "spool.copy")
        self.say(f"the copy of the spool was put back (drained before: {drained}, ingress first: {first})")

    # --- the run ---------------------------------------------------------------------------------------

    def light(self, core=True, first=True):
        acts = [self.client] * 5 + [self.edit] * 2 + [self.colleague] * 2 + [self.answer_to_first]
        acts += [self.manager] * 4 + ([self.first] * 2 if first else [])
        acts += [self.amo_fault, self.service_fault]
        self.rng.choice(acts)()

    HEAVY = ("kill", "freeze", "away", "wrong_clock", "hours", "store_back", "spool_back", "buried", "moved",
             "come_back", "cloned")
    CROSSED = ("unlucky", "unlucky", "talk", "talk", "crossing", "crossing")

    def run(self):
        self.w.set_up()
        for _ in range(3):
            self.client()
        heavies = self.rng.sample(self.HEAVY, self.rng.choice([2, 2, 3, 3]))
        if only := os.environ.get("AMO_STORM_ONLY"):  # to look at one of them closely
            heavies = only.split(",")
        self.heavies = heavies
        plan = [None] * self.rng.randrange(12, 22)
        for h in heavies:
            plan.insert(self.rng.randrange(2, len(plan)), h)
        for step in self.rng.sample(self.CROSSED, 3):
            plan.insert(self.rng.randrange(4, len(plan)), step)
        for step in plan:
            if step:
                getattr(self, step)()
            else:
                self.light()
            self.pass_time(self.rng.choice([0, 0.05, 0.2]))
        return self.end()

    def end(self, timeout=45):
        """All is well again: what still waits then waits without an end."""
        self.say("all is well again")
        self.stack.clear_faults()
        for s in self.w.services.values():
            s.faults.clear()
        for name in self.w.bridge:
            if not self.stack[name].alive:
                self.stack.start(name)
        for a in self.w.accounts.values():
            if a["connected"]:
                self.stack.control("account.resume", scope_id=a["scope"])
        calm = self.w.settle(timeout)
        self.say(f"calm: {calm}")
        self.history = self.w.history()
        if kept := os.environ.get("AMO_STORM_HISTORY"):
            with open(kept, "w", encoding="utf-8") as file:
                json.dump(self.history, file)
        judge = Judge(self.history)
        problems, self.used = judge.run(), judge.used
        if not calm:
            s = self.stack.control("status")
            seen = "; ".join(f"{what}: {n} times" for what, n in self.w.restless.items())
            problems.append(("endless", f"no calm {timeout} s after all was well ({seen}): {s['commands']} commands, "
                                        f"{s['waiting_events']} events, queue {self.stack.control('queue')}"))
        return problems


def storm(seed, out=print, plant=None, **env):
    """One run: what the judge says of it. What happened is printed when there is something to say."""
    stack, rng = small_world(seed, **env)
    with stack:
        s = Storm(stack, rng)
        try:
            problems = s.run()
        except BaseException:
            out("\n".join(s.j.log[-60:]))
            raise
        finally:
            s.w.close()
        deaths = collections.Counter(f"{d['kind']} {d['reason']}" for d in s.history["dead"])
        kept = collections.Counter(f"{q['kind']} {q['reason']}" for q in s.w.quarantine)
        out(f"seed {seed}: {' '.join(s.heavies)}; dead {dict(deaths)}, quarantine {dict(kept)}, "
            f"excused {dict(+s.used)}, met {dict(+s.w.met())}")
        if problems:
            out(f"seed {seed}:")
            out("\n".join(s.j.log))
            out("\n".join(f"  {kind}: {words}" for kind, words in problems))
        return problems
