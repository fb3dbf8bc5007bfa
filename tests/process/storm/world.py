"""The cast around a running bridge: accounts at the sandbox's amojo, services of our own, people, groups, cards.

Every act is written into the journal as it is done; `history()` is what the judge is given.
"""
import collections
import datetime
import json
import os
import random
import re
import shutil
import sqlite3
import threading
import time
import uuid

from stack import ControlError, Stack, wait_for
from storm import judge
from storm.service import Service

FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"
ATTEMPT_MS = 1500  # a worker hangs up then
# An echo that stays unclear for longer than echo_ms is, by decision, a message: what a run does to answers ends sooner.
KNOBS = {"AMO_SCOPE_RATE": "0", "AMO_RETRY_BASE_MS": "100", "AMO_RETRY_CAP_MS": "1000",
         "AMO_CORE_LEASE_MS": "3000", "AMO_EGRESS_ATTEMPT_MS": str(ATTEMPT_MS), "AMO_CORE_ECHO_MS": "6000",
         "AMO_CORE_LOOKS_MS": "1500", "AMO_INGRESS_MAX_CONNECTIONS_PER_ADDRESS": "512",
         "AMO_RETRY_ATTEMPTS": "30", "AMO_LOG_LEVEL": "debug"}
# Numbers that are taken for each other by whoever applies the Russian 8 to all of them, or compares their ends.
PHONES = {"anna": "+7 900 555-01-01", "boris": "+7 (499) 123-45-67", "chi": "+84 99 123 45 67",
          "dina": "+852 9123 4567", "egor": "+7 529 123-45-67", "fred": "+44 7900 555-01-01",
          "galya": "8 900 555 02 02", "ivan": "+7 900 555-03-03"}


class Journal:
    """What was done, by whom and in which order; shared by all threads of a run."""

    token_of = staticmethod(judge.token_of)

    def __init__(self):
        self.lock = threading.RLock()
        self.acts, self.owners, self.excuses, self.log = [], [], [], []
        self.outages = []     # {name, from, to}: a process was gone or frozen
        self.count = self.number = self.passed = 0
        self.began, self.began_wall = time.monotonic(), time.time()

    def clock(self):
        """The world's wall clock: hours may pass in a moment, for everybody."""
        return time.time() + 3600 * self.passed

    def seq(self):
        with self.lock:
            self.number += 1
            return self.number

    def accepted(self):
        with self.lock:
            self.count += 1
            return self.count

    def now(self):
        """Seconds since the run began, by no clock that anybody moves."""
        return time.monotonic() - self.began

    def when(self, at_ms):
        """The same of a time that the sandbox names: its clock is whole hours off, and a run takes minutes."""
        return (at_ms / 1000 - self.began_wall) % 3600

    def say(self, words):
        self.log.append(f"{self.now():6.2f} {words}")


class World:
    def __init__(self, stack, rng):
        self.stack, self.rng, self.j = stack, rng, Journal()
        self.accounts = {}    # name -> {"account", "channel", "scope", "service", "sources", "connected"}
        self.services = {}
        self.threads = []     # {"party", "people", "service", "source", "thread"}
        self.tokens = 0
        self.cards = []
        self.scopes = {}      # every scope id there ever was -> account's name
        self.twin = []
        self.left = []
        self.commands = 0     # that core had when it was asked last
        self.too_late = set()  # amo's faults whose answers reach nobody any more
        self.keyed = 0.1      # how often a message comes with an Idempotency-Key, which may read like another's id
        self.ids = {"wa": 0, "tg": 0}
        self.user = str(uuid.UUID(int=rng.getrandbits(128)))
        stack.outages = self.j.outages

    # --- setting up ---------------------------------------------------------------------------------

    def set_up(self, given=None, **settings):
        """Everybody is there; what is not named is drawn."""
        for name in ("sandbox", "core", "ingress", *self.stack.workers):
            self.stack.start(name)
        r = self.rng
        self.stack.sandbox("settings", {"echo": r.choice([False, True, "early"]), "repeat": r.choice([200, 200, 400]),
                                        **settings},
                           method="PATCH")
        for name, source in (("wa", "wa1"), ("tg", "tg1")):
            manners = {"ids": r.choice(["none", "count", "long", "svc"]), "teaches": r.random() < 0.7,
                       "echo": r.random() < 0.5, "slow": r.choice([0, 0.05, 0.4]), "source": source,
                       "report_by": r.choice(["mid", "own"]),
                       "reports": r.choice([[], ["delivered"], ["delivered", "read"]]),
                       "threads": r.choice(["number", "name"])}
            if manners["echo"]:  # what it reports as written on its side needs an id that the door takes, of that space
                manners["ids"] = r.choice(["plain", "svc"])
            manners.update(given or {})
            self.j.say(f"service {name}: {manners}")
            s = self.services[name] = Service(name, self.j, random.Random(r.getrandbits(32)), manners)
            s.bridges = [("127.0.0.1", self.stack.port)]
            s.people = {judge_number(p): f"{who}" for who, p in PHONES.items()}
            self.stack.control("connector.add", name=name, kind="http", url=s.url, allow_private=True, secret=s.secret,
                               token=s.token)
        for name, service, sources in (("A", "wa", ["wa1", "wa3"]), ("B", "wa", ["wa2"]), ("C", "tg", ["tg1"])):
            self.accounts[name] = {"account": str(uuid.UUID(int=r.getrandbits(128))), "service": service,
                                   "sources": sources, "connected": True, "channel": self.new_channel(), "scope": None}
            self.connect(name)
            for source in sources:
                self.own(service, source, name)
                self.stack.control("source.add", connector=service, source=source,
                                   scope_id=self.accounts[name]["scope"])

    def new_channel(self):
        bridge = f"http://127.0.0.1:{self.stack.port}/messages/:scope_id"
        channel = self.stack.sandbox("channels", {"webhook_url": bridge, "users": [self.user]})["id"]
        reply = json.dumps(self.stack.sandbox(f"channels/{channel}/registration"))
        self.stack.control("channel.add", reply=reply, url=self.stack.sandbox_url)
        return channel

    def connect(self, name):
        a = self.accounts[name]
        a["scope"] = self.stack.control("account.connect", channel=a["channel"], account=a["account"],
                                        connector=a["service"], title=name)["scope_id"]
        a["connected"] = True
        self.scopes[a["scope"]] = name

    def own(self, service, source, account, begun=0):
        self.j.owners.append({"service": service, "source": source, "account": account,
                              "since_n": self.j.accepted(), "from": begun, "at": self.j.now()})

    def owner(self, service, source):
        had = [o["account"] for o in self.j.owners if (o["service"], o["source"]) == (service, source)]
        return had[-1] if had else None

    def close(self):
        for s in self.services.values():
            s.close()

    # --- people ---------------------------------------------------------------------------------------

    def token(self, letter):
        self.tokens += 1
        return f"{letter}{self.tokens}"

    def thread(self, party, service, source, people=None):
        """The thread of @party there; begun if there is none."""
        for t in self.threads:
            if (t["party"], t["service"], t["source"]) == (party, service, source):
                return t
        s = self.services[service]
        number = judge_number(PHONES[party]) if party in PHONES else None
        ident = s.private.get((number, source)) if number else None
        if not ident:
            ident = s.new_thread(number) if number else f"{party}-{service}@g.us"
            while ident in s.threads:  # the same person by another number of ours: a thread of its own
                ident += "-2"
        with self.j.lock:
            s.threads[ident] = (party, source)
            if number:
                s.private[number, source] = ident
        t = {"party": party, "people": people or [party], "service": service, "source": source, "thread": ident,
             "said": 0}
        self.threads.append(t)
        return t

    def next_id(self, service):
        """A service counts what it receives from 1, as it counts what it sends; some ids look like another's mid."""
        self.ids[service] += 1
        n = self.ids[service]
        return self.rng.choice([str(n), str(n), f"{service}-{n}", f"m{n}"]) if n > 1 else str(n)

    def client(self, t, **more):
        s = self.services[t["service"]]
        # the first two words of a group are two people's, the first of whom was never written to first
        who = t["people"][t["said"]] if t["said"] < len(t["people"][:2]) else self.rng.choice(t["people"])
        t["said"] += 1
        act = {"kind": "client", "who": who, "token": self.token("c"), "party": t["party"], "service": t["service"],
               "source": t["source"], "thread": t["thread"], "id": self.next_id(t["service"]), **more}
        sender = {"id": f"{t['service']}:{who}", "name": who.title()}
        if t["service"] == "wa" or self.rng.random() < 0.5:
            sender["phone"] = PHONES[who]
        headers = {"Idempotency-Key": self.next_id("tg")} if self.rng.random() < self.keyed else {}
        return s.post(t["thread"], "POST", "messages",
                      {"id": act["id"], "source": t["source"], "conversation": {"id": t["thread"]}, "sender": sender,
                       "type": "text", "text": f"{act['token']} says {who}"}, act, headers)

    def colleague(self, t):
        s = self.services[t["service"]]
        act = {"kind": "colleague", "token": self.token("o"), "party": t["party"], "service": t["service"],
               "source": t["source"], "thread": t["thread"], "id": self.next_id(t["service"])}
        if s.manners["ids"] == "count" and act["id"].isdigit():
            # its side's words and our managers' are one count there: else this would be the report of one of those
            act["id"] = f"m{act['id']}"
        author = self.rng.choice([None, {"amo_user": self.user}])
        return s.post(t["thread"], "POST", "messages",
                      {"id": act["id"], "source": t["source"], "direction": "out", "conversation": {"id": t["thread"]},
                       "sender": {"id": "operator-7", "name": "Oleg"},
                       "receiver": {"id": f"{t['service']}:{t['people'][0]}"}, "author": author, "type": "text",
                       "text": f"{act['token']} from a colleague"}, act)

    def edit(self, act):
        s = self.services[act["service"]]
        act["edits"] = act.get("edits", 0) + 1
        text = f"{act['token']} edit {act['edits']}"
        return s.post(act["thread"], "PATCH", f"messages/{act['id']}", {"text": text},
                      {"kind": "edit", "of": act["token"], "text": text, "target": act})

    # --- managers -------------------------------------------------------------------------------------

    def chats(self, account):
        """[(chat, act)] of an account: where clients' words stand, and the cards."""
        found = {}
        by_token = {a["token"]: a for a in self.j.acts if "token" in a and a["kind"] in ("client", "colleague")}
        for m in self.stack.list(f"amojo/messages?scope={self.accounts[account]['scope']}"):
            act = by_token.get(judge.token_of(m["text"]))
            if act:
                found.setdefault(m["chat"], act)
        for c in self.cards:
            if c["account"] == account and c["scope"] == self.accounts[account]["scope"]:
                found[c["chat"]] = c
        return list(found.items())

    def manager(self, account, chat, about, **more):
        a = self.accounts[account]
        text = f"{self.token('m')} from a manager"
        item = self.try_sandbox("manager/writes", {"scope_id": a["scope"], "chat": chat, "text": text, **more})
        return self.managed(account, item, text, about, about.get("source"))

    def first(self, account, who, source, phone):
        a = self.accounts[account]
        text = f"{self.token('m')} first words"
        item = self.try_sandbox("manager/writes-first", {"scope_id": a["scope"], "phone": phone, "source": source,
                                                         "text": text})
        if item:
            self.cards.append({"account": account, "scope": a["scope"], "chat": item["chat"], "party": who,
                               "service": a["service"], "source": source})
        return self.managed(account, item, text, {"party": who, "service": a["service"]}, source)

    def try_sandbox(self, path, body):
        try:
            return self.stack.sandbox(path, body)["items"][0]
        except RuntimeError as refusal:
            self.j.say(f"nobody could: {refusal}")
            return None

    def managed(self, account, item, text, about, source):
        if not item:
            return None
        act = {"kind": "manager", "token": judge.token_of(text), "account": account,
               "scope": self.accounts[account]["scope"], "chat": item["chat"], "amo_id": item["id"],
               "webhook": item["webhook"], "party": about["party"], "first": "thread" not in about,
               "service": about["service"], "source": source, "accepted": False, "n": None,
               "since": self.j.count, "hour": self.j.passed, "at": self.j.now()}
        self.j.acts.append(act)
        return act

    def heard(self):
        """Which webhooks were answered 200, so far."""
        answers = {w["webhook"]: w["status"] for w in self.stack.list("webhooks")}
        with self.j.lock:
            for act in self.j.acts:
                if act["kind"] == "manager" and not act["accepted"] and answers.get(act["webhook"]) == 200:
                    act["accepted"], act["n"], act["done_at"] = True, self.j.accepted(), self.j.now()

    # --- whose numbers and accounts ---------------------------------------------------------------------

    def move(self, service, source, account):
        """An operator gives a source to another account; what is accepted when the verb has returned is its."""
        s = self.services[service]
        s.unsettled = {source}
        begun = self.give(service, source, account)
        for a in self.accounts.values():
            if source in a["sources"]:
                a["sources"].remove(source)
        self.accounts[account]["sources"].append(source)
        self.own(service, source, account, begun)
        s.unsettled = set()

    def give(self, service, source, account, timeout=20):
        """The verb itself, again while core says that it has to wait for what comes again; when the last one began."""
        end = time.monotonic() + timeout
        while True:
            begun = self.j.now()
            try:
                self.stack.amoctl("source", "add", "--connector", service, "--source", source, "--scope",
                                  self.accounts[account]["scope"], "--move")
                return begun
            except ControlError as refusal:
                if "try again" not in str(refusal) or time.monotonic() > end:
                    raise
                self.j.say(f"{source} cannot be given yet")
                time.sleep(0.3)

    def come_back(self, account):
        """An account leaves and is connected again by another channel: another scope id, the same company."""
        a = self.accounts[account]
        s = self.services[a["service"]]
        s.unsettled, a["connected"], begun = set(a["sources"]), False, self.j.now()
        self.stack.control("account.disconnect", scope_id=a["scope"])
        self.left.append({"scope": a["scope"], "from": begun})
        a["channel"] = self.new_channel()
        self.connect(account)
        for source in a["sources"]:
            self.give(a["service"], source, account)
        for source in a["sources"]:
            self.own(a["service"], source, account, begun)
        s.unsettled = set()

    # --- machines ------------------------------------------------------------------------------------

    @property
    def bridge(self):
        return ["core", "ingress", *self.twin, *self.stack.workers]

    def clock(self, shift):
        """The next lives of the bridge's processes have a wall clock that is so many hours off; 0: the right one."""
        shift += self.j.passed
        for name in self.bridge:
            env = self.stack[name].env
            for key in ("LD_PRELOAD", "FAKETIME", "DONT_FAKE_MONOTONIC"):
                env.pop(key, None)
            if shift:
                assert os.path.exists(FAKETIME), "the package libfaketime is not installed"
                env.update(LD_PRELOAD=FAKETIME, FAKETIME=f"{shift:+d}h", DONT_FAKE_MONOTONIC="1")

    def clone(self):
        """A second ingress, of another name, beside a copy of the first one's folder; services use both."""
        shutil.copytree(self.stack.dir / "data" / "ingress", self.stack.dir / "data-2" / "ingress")
        self.stack.add("ingress-2", ["amo-ingress"], {"AMO_INGRESS_LISTEN": "127.0.0.1:0", "AMO_NAME": "ingress-2",
                                                      "AMO_INGRESS_ADMIN_LISTEN": "127.0.0.1:0"})
        p = self.stack["ingress-2"]
        p.env["AMO_DATA_DIR"] = str(self.stack.dir / "data-2")
        self.twin = ["ingress-2"]
        self.clock(0)  # hours that have passed have passed for it, too
        self.stack.start("ingress-2")
        port = int(p.wait_line(r"what=ready .*listen=\S+:(\d+)").group(1))
        p.env["AMO_INGRESS_LISTEN"] = f"127.0.0.1:{port}"
        for s in self.services.values():
            s.bridges.append(("127.0.0.1", port))

    def copy_store(self, to):
        """As operations.md has it: SQLite's own backup, core running."""
        target = self.stack.dir / to
        source = sqlite3.connect(f"file:{self.stack.dir}/data/core/core.db?mode=ro", uri=True)
        copy = sqlite3.connect(target)
        with copy:
            source.backup(copy)
        assert copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)], "a copy that nobody could put back"
        copy.close()
        source.close()

    def put_store_back(self, name):
        folder = self.stack.dir / "data" / "core"
        for part in ("core.db", "core.db-wal", "core.db-shm"):
            (folder / part).unlink(missing_ok=True)
        shutil.copy(self.stack.dir / name, folder / "core.db")
        (folder / "core.db").chmod(0o600)

    def copy_spool(self, to):
        shutil.copytree(self.stack.dir / "data" / "ingress", self.stack.dir / to)

    def put_spool_back(self, name):
        shutil.rmtree(self.stack.dir / "data" / "ingress")
        shutil.copytree(self.stack.dir / name, self.stack.dir / "data" / "ingress")

    def unknown_since(self, n):
        """What was accepted since @n and core has not heard of, now that ingress is gone; who has an answer in hand
        writes it down first."""
        calls = [(s, call) for s in self.services.values() for call in s.calling.copy()]
        wait_for(lambda: not any(call in s.calling for s, call in calls), "the calls under way to end")
        time.sleep(0.5)  # core reads what has left a dead ingress within moments, and nothing says that no more comes
        self.heard()
        tokens = [a["token"] for a in self.j.acts if a["accepted"] and a["n"] > n and "token" in a
                  and not self.trace(a.get("mid") or a["amo_id"], a["token"], [])]
        return {"tokens": tokens, "to_n": self.j.count}

    # --- the end --------------------------------------------------------------------------------------

    def unrest(self):
        """What is not calm, in words."""
        try:
            s, found = self.stack.control("status", timeout=5), []
            self.commands = s["commands"]
            there = {p["name"] for p in s["peers"] if p["alive"]}
            for name in ["ingress", *self.twin]:
                if name not in there:   # what a store that was put back forgot comes again once it is heard
                    found.append(f"core has not heard {name} yet")
                if self.stack.figure(name, "amo_spool_events"):
                    found.append(f"the spool of {name} holds events")
            if s["commands"]:
                found.append("core has commands")
            if s["waiting_events"] and s["waiting_events"] - self.twice() > self.bereft():
                found.append("more events wait at core than may")
            return found + [f"service {x.name} has calls to make" for x in self.services.values() if x.busy]
        except (TimeoutError, OSError, ControlError, sqlite3.OperationalError) as e:
            return [f"asking failed: {type(e).__name__} {e}"]

    def bereft(self):
        """How many events may wait their hour for a message that does not come: what changes one that stands in
        quarantine or went with a spool, unless it stands there itself; and what is reported of one that was given up
        as unclear, by an id that no answer told or that went with a store."""
        kept = {k["what"] for k in self.kept()}
        kept |= {t for e in self.j.excuses if e["kind"] == "spool" for t in e["tokens"]}
        kept |= self.unheard()
        return sum(a["kind"] in ("edit", "report") and a["accepted"] and a["of"] in kept
                   and a.get("text", f"{a['of']} report") not in kept for a in self.j.acts)

    def twice(self):
        """How many of the waiting events are there once more, because a copy of a spool sent them, too: core knows
        such an event by its trace once its message is known, and until then keeps it as often as it comes. What may be
        an echo waits under a key of its own, is known by its id and does not count."""
        if not self.twin and not any(e["kind"] == "spool" for e in self.j.excuses):
            return 0
        store = sqlite3.connect(f"file:{self.stack.dir}/data/core/core.db?mode=ro", uri=True)
        try:
            return store.execute("SELECT count(*) - count(DISTINCT event) FROM waiting"
                                 " WHERE key NOT GLOB 'e*'").fetchone()[0]
        finally:
            store.close()

    def unheard(self):
        """The managers' words that died as unclear, whose id at the service nobody knows."""
        unclear = {d["amo_id"] for d in self.stack.control("dead.list") if d["reason"] == "unclear"}
        told = {r["token"] for s in self.services.values() for r in s.reached if r["told"]}
        if any(e["kind"] == "store" for e in self.j.excuses):
            told = set()
        return {a["token"] for a in self.j.acts if a["kind"] == "manager" and a["amo_id"] in unclear} - told

    def settle(self, timeout, more=60):
        """Is all calm in time? What was not stands in self.restless, with how often it was seen; so do the connections
        that this machine, whoever makes them, did not get at once: a kernel that drops packets keeps everybody busy.
        While fewer and fewer commands are left there is @more time: a service that has said 429 is called at a rate
        that begins with one call in two seconds, and may have 55 words to get."""
        end = time.monotonic() + timeout
        last, least = end + more, None
        calm, before, self.restless = 0, asked_again(), collections.Counter()
        while calm < 3 and time.monotonic() < end:
            answer = self.stack.sandbox("wait?what=idle&timeout_ms=1000")
            unrest = ([] if answer["done"] else ["the sandbox is not idle"]) + self.unrest()
            calm = 0 if unrest else calm + 1
            self.restless.update(unrest)
            if least is None or self.commands < least:
                least, end = self.commands, max(end, min(last, time.monotonic() + timeout / 9))
            time.sleep(0.15)  # between two looks: calm is what lasts
        self.restless["connections asked for again on this machine"] = asked_again() - before
        return calm >= 3

    def history(self):
        self.heard()
        stack = self.stack
        journal = stack.list("journal?side=amojo&kind=new_message")
        first, amo_calls, account_of = {}, [], self.scopes.get
        for e in journal:
            body = e["body"] if isinstance(e["body"], dict) else json.loads(e["body"] or "{}")
            text = body.get("payload", {}).get("message", {}).get("text")
            first.setdefault((e["scope_id"], e["key"]), text)
            amo_calls.append({"token": judge.token_of(text), "account": account_of(e["scope_id"]),
                              "scope": e["scope_id"], "at": self.j.when(e["at_ms"]),
                              "status": 0 if e["fault"] in self.too_late else e["status"]})
        amo, managers = [], {a["amo_id"]: a for a in self.j.acts if a["kind"] == "manager"}
        for m in stack.list("amojo/messages"):
            amo.append({"account": account_of(m["scope_id"]), "scope": m["scope_id"], "chat": m["chat"],
                        "id": m["id"], "msgid": m["msgid"],
                        "first": first.get((m["scope_id"], m["msgid"])) or m["text"], "text": m["text"],
                        "effects": m["effects"], "seq": m["seq"], "at": self.j.when(m["at_ms"]),
                        "user": m["sender_id"]})
        edits = [{"id": e["id"], "text": e["text"], "seq": e["seq"], "at": self.j.when(e["at_ms"])}
                 for e in stack.list("amojo/actions?kind=edit")]
        statuses = []
        for a in {id(a): a for a in managers.values()}.values():
            statuses += [{"id": s["id"], "account": a["account"], "status": s["status"], "error_code": s["error_code"],
                          "error": s["error"],
                          "seq": s["seq"], "at": self.j.when(s["at_ms"])}
                         for s in stack.list(f"amojo/statuses?id={a['amo_id']}&scope={a['scope']}")]
        statuses.sort(key=lambda s: s["seq"])
        acts = [{k: v for k, v in a.items() if k != "target"} for a in self.j.acts
                if a["kind"] != "call" or a["refusal"]]
        services = self.services.values()
        return {"acts": acts, "owners": self.j.owners, "amo": amo, "edits": edits, "statuses": statuses,
                "amo_calls": amo_calls, "calls": [c for s in services for c in s.calls],
                "cards": self.cards, "reached": [r for s in services for r in s.reached],
                "failures": [f for s in services for f in s.failures], "excuses": self.j.excuses,
                "hours": self.j.passed, "left": self.left,
                "outages": self.outages(),
                "attempts": int(KNOBS["AMO_RETRY_ATTEMPTS"]), "echo": int(KNOBS["AMO_CORE_ECHO_MS"]) / 1000,
                "looks": int(KNOBS["AMO_CORE_LOOKS_MS"]) / 1000,
                **self.sayings()}

    def outages(self):
        return [{**o, "from": o["from"] - self.j.began, "to": (o["to"] or time.monotonic()) - self.j.began}
                for o in self.j.outages]

    def met(self):
        """How often the run met what it is there for."""
        calls = self.stack.list("journal?side=amojo&kind=new_message")
        looks = [e["path"] for e in self.stack.list("journal?side=amojo&kind=history")]
        chats, spoken = {}, {}
        for a in self.j.acts:
            if a["kind"] == "client" and a["accepted"]:
                spoken.setdefault(a["thread"], set()).add(a["who"])
        for c in self.cards:
            chats.setdefault((c["scope"], c["party"]), set()).add(c["chat"])
        services = self.services.values()
        return collections.Counter({
            "lost answers": sum(e["status"] == 0 for e in calls), "looks": len(looks),
            "looks beyond 50": sum(not p.endswith("offset=0") for p in looks),
            "pages with 200": sum(e["status"] == 200 and e["fault"] is not None for e in calls),
            "second cards": sum(len(c) > 1 for c in chats.values()), "groups": sum(len(w) > 1 for w in spoken.values()),
            "early reports": sum("echoed" in k for s in services for k in s.taken.values()),
            "sources given": sum(o["from"] > 0 for o in self.j.owners), "accounts back": len(self.left),
            "frozen": sum(not o["killed"] for o in self.j.outages),
            "core away for 4 s": sum(o["name"] == "core" and o["killed"] and o["to"] - o["from"] > 4
                                     for o in self.outages())})

    def kept(self):
        """What stands in quarantine, and why."""
        kept, by_amo = [], {a["amo_id"]: a["token"] for a in self.j.acts if a["kind"] == "manager"}

        def add(reason, *things):
            kept.extend({"what": w, "reason": reason} for w in things if w)
        self.quarantine = []
        for q in self.stack.control("quarantine.list"):
            whole = self.stack.control("quarantine.show", id=q["id"], reveal=True)
            self.quarantine.append({k: whole.get(k) for k in ("kind", "reason")})
            said = [whole.get("text"), *re.findall(r'"text": ?"([^"]+)', whole.get("raw") or "")]
            if q["kind"] == "service.status":
                add(q["reason"], *(f"{t} report" for t in self.named(q["connector"], whole.get("message_id"))))
            elif q["kind"].endswith(".edit"):
                add(q["reason"], *said)
            else:
                add(q["reason"], *(map(judge.token_of, said) if any(said) else [by_amo.get(whole.get("message_id"))]))
        return kept

    def sayings(self):
        """What the bridge says of itself, as an operator or a service asks."""
        states, waiting = {}, []
        by_mid, by_amo = {}, {}
        for a in self.j.acts:
            if a["kind"] in ("client", "colleague") and a["accepted"]:
                by_mid[a["mid"]] = a["token"]
                status, answer = self.services[a["service"]].ask(a["mid"])
                if status == 200 and answer.get("mid") == a["mid"]:
                    states[a["token"]] = {"state": answer["status"], "amo_id": answer.get("amo_id")}
            elif a["kind"] == "manager":
                by_amo[a["amo_id"]] = a["token"]
                states.update(self.trace(a["amo_id"], a["token"], waiting))
        for token, s in list(states.items()):
            if s["state"] == "accepted" and token not in waiting:
                mid = next((m for m, t in by_mid.items() if t == token), None)
                if mid:
                    self.trace(mid, token, waiting)
        dead = [{"token": by_mid.get(d["mid"]) or by_amo.get(d["amo_id"]), "kind": d["kind"], "reason": d["reason"],
                 "attempts": self.stack.control("dead.show", id=d["id"])["counted"], "status": d.get("status"), "at": self.j.when(iso_ms(d["taken_at"])),
                 "died": self.j.when(iso_ms(d["died_at"]))} for d in self.stack.control("dead.list")]
        return {"states": states, "waiting": waiting, "dead": dead, "kept": self.kept()}

    def named(self, service, ident):
        """The manager's words that a service calls so, by its own id or by ours."""
        return [k["effect"]["token"] for w, k in self.services[service].taken.items()
                if "effect" in k and ident in (k["own"], w)]

    def trace(self, ident, token, waiting):
        try:
            told = self.stack.control("trace", id=ident)
        except ControlError:
            return {}
        if told.get("waiting"):
            waiting.append(token)
        return {token: {"state": told["message"]["state"], "amo_id": told["message"].get("amo_id")}}


# What an operator does again who is told so: a call of amojo's that failed, and a core that still learns from spools.
PASSING = re.compile(r"amojo did not (dis)?connect: |core has just started, .*: try again in a few seconds")
ORDER_S = int(KNOBS["AMO_CORE_LEASE_MS"]) / 1000 + 15  # so long may core learn, and then some faults


def operate(verb, timeout=ORDER_S):
    """The same order again while the refusal is one that passes; any other one is the caller's at once."""
    def tried():
        try:
            return verb(), None
        except ControlError as refusal:
            said.append(refusal)
            return None if PASSING.search(str(refusal)) else (None, refusal)
    said = []
    answer, refusal = wait_for(tried, lambda: f"an order that is refused: {said[-1]}", timeout, every=0.1)
    if refusal:
        raise refusal
    return answer


def asked_again():
    """How often a connection was asked for again on this machine, since it was started."""
    with open("/proc/net/netstat", encoding="ascii") as file:
        names, values = [line.split() for line in file if line.startswith("TcpExt:")]
    return int(dict(zip(names, values)).get("TCPSynRetrans", 0))


def iso_ms(text):
    return 1000 * datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def judge_number(phone):
    """The number in full: everybody of the cast has one."""
    digits = re.sub(r"\D", "", phone)
    return digits if phone.startswith("+") else "7" + digits[1:]


class Watched(Stack):
    """A stack that keeps when which of its processes was away, and whose operators are patient."""

    def control(self, verb, *args, **more):
        return operate(lambda: super(Watched, self).control(verb, *args, **more))

    def amoctl(self, *words, **more):
        return operate(lambda: super(Watched, self).amoctl(*words, **more))

    def add(self, name, args, env):
        super().add(name, args, env)
        process = self[name]
        kill = process.kill

        def killed():
            self.gone(name)
            kill()
        process.kill = killed

    outages = None  # a journal's, once there is one

    def gone(self, name, killed=True):
        if self.outages is not None:
            self.outages.append({"name": name, "from": time.monotonic(), "to": None, "killed": killed})

    def back(self, name):
        for o in self.outages or ():
            if o["name"] == name and o["to"] is None:
                o["to"] = time.monotonic()

    def start(self, name):
        process = super().start(name)
        self.back(name)
        return process


def small_world(seed, **env):
    """A stack with two workers, and the rng of the seed."""
    return Watched(workers=2, env={**KNOBS, **env}), random.Random(seed)


__all__ = ["World", "small_world", "wait_for", "PHONES"]
