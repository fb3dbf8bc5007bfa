"""What must be true of a run, whatever happened to it. Pure: it knows the cast, what people did, what the remote sides
have, and what the bridge says of itself; it reads neither the bridge's store nor its code.

`judge(history)` gives problems, each (kind, words). The history is a dict of plain lists, so that a run can be kept
and judged again, and so that one can be written by hand (test_storm_judge.py).

acts: in the order they were done. `token` is the word that no other act's text has; texts begin with it.
    n         numbers acceptances, `since` how many there were when the accepted call began
    kind      client (a person writes), colleague (somebody on the service's side writes to the person),
              manager (somebody in amoCRM writes), edit (of a client's or colleague's message), report (a service says
              how far a manager's message came)
    client, colleague: token, party, service, source, thread, mid (as the door said, None when it did not), accepted,
              refusal (the door's final no: its status, else None), may_refuse, n (of acceptance)
    manager:  token, first (in a card of his, not in a client's chat), account, chat, amo_id, party,
              service, source (None: any), accepted, n
    edit:     of (token), text, accepted, n
    report:   of (token), status (delivered, read, failed), accepted, n
owners: who has had a source, [{service, source, account, since_n}], oldest first; n counts acceptances
amo: what amo has, in the order it came: {account, chat, id, msgid, first (text at first), text (now), effects, seq}
edits: what edits took effect, in order: {id, text, seq}
statuses: {id, account, status, error_code, seq}, in order
cards: chats that a manager began: {chat, account, party}
reached: what a service really did: {token, service, source, party, webhook_id, seq, told}; party is whom the service
    takes conversation or number for; `told` is false when no whole answer of 2xx ever left the service for it
failures: what services were told of clients' messages: {mid, code}
states: what the bridge says: {token: {state, amo_id}}, of inbound messages and outbound ones
left: scope ids by which an account was connected and is not any more; a manager's act has a `scope`
dead: {token (None: it is not known whose), kind, reason}
restarts: how often core was started again
hours: how many hours have passed for everybody in leaps; an act's `hour` is how many there were when it was done
kept: tokens and edits' texts that stand in quarantine; "<token> report" of reports about messages of before a move
waiting: tokens the bridge says it still has a command for
excuses: see below

What must hold:
stranger  every word is where its party is, and nowhere else: at amo in a chat of that party, in the account that has
          the source; at a service with the person or group whom the chat or card stands for, through a source of that
          account. A word that nobody wrote is a stranger, too.
double    no word has two effects, at no side; a colleague's word that reaches the person through us, or a manager's
          that comes back to amo, is the second effect of the first one.
lie       what the bridge calls delivered is there, under the id that it names; "delivered" and "read" on a card were
          reported by the service for that very message.
slander   what the bridge calls failed (to a manager or to a service) is not there.
lost      what was accepted is there, or dead, or in quarantine, or waiting. Edits and reports count.
hasty     nothing dies of age before its time: a message or edit lives a day of the world's time, all else an hour,
          whatever the bridge's own clock said meanwhile.
untold    what is dead was told: the manager reads -1, the service got delivery.failed.
endless   what still waits when all is well again and the deadline has passed.
refused   the door said a final no to what it should have taken.
overtaken words of one party in one direction have their effects in the order of their acceptance; edits of a message
          never go back; statuses of a message never go from read to delivered.
stale     in the end a message says what its last accepted edit made it say.

What is excused, and never more:
moved     words accepted before a source was moved may be with the old account or the new one: both had the source
          while the bridge had the words. What is accepted when the verb has returned is the new one's alone.
spool     {kind: spool, from_n, to_n}: a copy of a spool was put back. What was accepted after the copy was made and
          had not left the spool when it was put back is physically gone; the run cannot know which of them that are,
          so any of (from_n, to_n] may be lost, and an edit of one waits an hour for it. Nothing may be there twice or
          with somebody else, nothing may be called delivered. A run that empties the spool before it puts the copy
          back adds no such excuse.
store     {kind: store, to_n}: a copy of core's store was put back when to_n things had been accepted. Nothing
          accepted may be lost: the spool still has all of it (runs are shorter than one segment) and sends it again.
          But core does over what it had not done yet in the copy, or did not know: an edit or status accepted until
          then may be seen again behind a later one; the end must be right.
cut       a manager's word that the service did, but whose every answer was lost or an error, may be called failed:
          there is no history of services to ask.
bereft    what changes a message that stands in quarantine waits its documented hour for it: a run may end with as
          many waiting events as there are such changes, and no more.
waited    what is reported as written on the service's side waits while a manager's word to that party is tried there,
          or first words to anybody, since it may be that word; a client's later words may then come before it. Never
          the other way round, and not where no manager has written.
cut off   a manager's word that was under way when core died, and whose number went to another company meanwhile, may
          be called failed (`moved`) though its service has it: it cannot go again, and nobody can be asked.
left      a manager in a chat of an account that has left by the channel he wrote in cannot be told that his words are
          dead: amo takes nothing from there any more. They stand among the dead letters.
unclear   an inbound message whose death says `unclear` may be there: amo could not be asked.
"""
import re
from collections import defaultdict

WORD = re.compile(r"^[a-z]+-?\d+")
STEPS = {"sent": 0, "delivered": 1, "read": 2}


def token_of(text):
    """The word a text begins with; None when it is none of ours."""
    found = WORD.match(text or "")
    return found.group(0) if found else None


class Judge:
    def __init__(self, history):
        self.h = {"owners": [], "amo": [], "edits": [], "statuses": [], "cards": [], "reached": [], "failures": [],
                  "states": {}, "dead": [], "kept": [], "waiting": [], "excuses": [], "hours": 0, "left": [],
                  "restarts": 0, **history}
        self.problems = []
        self.acts = self.h["acts"]
        self.by_token = {a["token"]: a for a in self.acts if a["kind"] in ("client", "colleague", "manager")}
        self.at_amo = defaultdict(list)
        for m in self.h["amo"]:
            self.at_amo[token_of(m["first"])].append(m)
        self.at_service = defaultdict(list)
        for r in self.h["reached"]:
            self.at_service[r["token"]].append(r)
        self.dead = defaultdict(list)
        for d in self.h["dead"]:
            self.dead[d["token"]].append(d)

    def say(self, kind, words):
        self.problems.append((kind, words))

    def excused(self, kind, n):
        return n is not None and any(e["kind"] == kind and e.get("from_n", -1) < n <= e["to_n"]
                                     for e in self.h["excuses"])

    def run(self):
        for check in (self.strangers_at_amo, self.strangers_at_services, self.doubles, self.lies, self.slanders,
                      self.fates, self.deaths, self.doors, self.orders, self.edits, self.statuses):
            check()
        return self.problems

    # --- nobody reached who should not be ------------------------------------------------------------

    def owners_for(self, act):
        """The accounts that may have the words of @act."""
        return self.owners_since(act, act["source"])

    def owners_since(self, act, source):
        """Who has or had @source since @act was on its way; everybody when it was never accepted."""
        rows = [o for o in self.h["owners"] if (o["service"], o["source"]) == (act["service"], source)]
        since = -1 if act["n"] is None else act.get("since", act["n"])
        then = [o for o in rows if o["since_n"] <= since]
        return {o["account"] for o in then[-1:] + [o for o in rows if o["since_n"] > since]}

    def strangers_at_amo(self):
        parties = defaultdict(set)  # of a chat
        for card in self.h["cards"]:
            parties[card["account"], card["chat"]].add(card["party"])
        for m in self.h["amo"]:
            token = token_of(m["first"])
            act = self.by_token.get(token)
            if not act:
                self.say("stranger", f"amo has {m['first']!r} in account {m['account']}, which nobody wrote")
                continue
            if act["kind"] == "manager":
                continue  # doubles() says so
            if m["account"] not in self.owners_for(act):
                self.say("stranger", f"{token} of source {act['source']} stands in account {m['account']}, "
                                     f"not in {sorted(self.owners_for(act))}")
            parties[m["account"], m["chat"]].add(act["party"])
        for (account, chat), who in parties.items():
            if len(who) > 1:
                self.say("stranger", f"chat {chat} of account {account} is shared by {sorted(who)}")

    def strangers_at_services(self):
        for r in self.h["reached"]:
            act = self.by_token.get(r["token"])
            if not act:
                self.say("stranger", f"{r['party']} was sent {r['token']!r}, which nobody wrote")
                continue
            if act["kind"] != "manager":
                continue  # doubles() says so
            if r["party"] != act["party"]:
                self.say("stranger", f"{r['token']} was for {act['party']} and reached {r['party']}")
            if r["service"] != act["service"] or act["source"] not in (None, r["source"]) and r["source"]:
                self.say("stranger", f"{r['token']} of {act['account']} went out by {r['service']}/{r['source']}, "
                                     f"not by {act['service']}/{act['source']}")
            mine = self.owners_since(act, r["source"])
            if mine and act["account"] not in mine:
                self.say("stranger", f"{r['token']} of account {act['account']} went out by {r['source']}, "
                                     f"which is {sorted(mine)}'s")

    # --- nothing twice -------------------------------------------------------------------------------

    def doubles(self):
        for token, items in self.at_amo.items():
            act = self.by_token.get(token)
            if not act:
                continue
            if act["kind"] == "manager":
                self.say("double", f"the manager's {token} came back to amo as a message of ours")
            elif len(items) > 1:
                self.say("double", f"amo has {token} {len(items)} times")
            elif items[0]["effects"] != 1:
                self.say("double", f"{token} had {items[0]['effects']} effects at amo")
        for token, items in self.at_service.items():
            act = self.by_token.get(token)
            if act and act["kind"] != "manager":
                self.say("double", f"the {act['kind']}'s {token} was sent to {items[0]['party']} by us")
            elif len({r["webhook_id"] for r in items}) > 1 or len(items) > 1:
                self.say("double", f"{token} reached {items[0]['party']} {len(items)} times")

    # --- nothing marked delivered that is not, nor failed that is there ---------------------------------

    def lies(self):
        for token, s in self.h["states"].items():
            if s["state"] == "delivered_to_amo":
                there = self.at_amo.get(token, [])
                if not there:
                    self.say("lie", f"{token} is called delivered, and amo has never had it")
                elif s["amo_id"] and s["amo_id"] not in [m["id"] for m in there]:
                    self.say("lie", f"{token} is called amo's {s['amo_id']}, which is another message")
                elif not s["amo_id"]:
                    self.say("lie", f"{token} is called delivered without amo's id")
            elif s["state"] == "taken_over" and not self.at_service.get(token):
                self.say("lie", f"{token} is called taken over, and no service has it")
        best = defaultdict(int)
        for a in self.acts:
            if a["kind"] == "report":
                best[a["of"]] = max(best[a["of"]], STEPS.get(a["status"], 0))
        for s, act in self.told():
            if s["status"] > best[act["token"]]:
                self.say("lie", f"the card of {act['token']} says {s['status']}, and its service never said so")

    def told(self):
        """Statuses with the manager's act they are about."""
        managers = {(a["account"], a["amo_id"]): a for a in self.acts if a["kind"] == "manager"}
        for s in self.h["statuses"]:
            act = managers.get((s["account"], s["id"]))
            if act:
                yield s, act
            else:
                self.say("stranger", f"a status was told of {s['id']}, which no manager wrote")

    def slanders(self):
        unclear = {d["token"] for d in self.h["dead"] if d["reason"] == "unclear"}
        for token, s in self.h["states"].items():
            act = self.by_token[token]
            if s["state"] != "failed":
                continue
            if act["kind"] == "manager":
                if self.h["restarts"] and any(d["reason"] == "moved" for d in self.dead.get(token, [])):
                    continue
                if any(r["told"] for r in self.at_service.get(token, [])):
                    self.say("slander", f"{token} is called failed, and its service has it and said so")
            elif self.at_amo.get(token) and token not in unclear:
                self.say("slander", f"{token} is called failed, and amo has it")

    # --- nothing accepted that is neither delivered, dead with words, quarantined nor waiting -----------------

    def fates(self):
        told = defaultdict(set)
        for s, act in self.told_quietly():
            told[act["token"]].add(s["status"])
        failed = {f["mid"] for f in self.h["failures"]}
        for token, act in self.by_token.items():
            there = self.at_service if act["kind"] == "manager" else self.at_amo
            if not act["accepted"] or there.get(token):
                continue
            deaths = [d for d in self.dead.get(token, []) if d["kind"] in ("amo.message", "amo.outgoing", "service.message")]
            if deaths:
                if act.get("scope") in self.h["left"]:
                    pass
                elif -1 not in told[token] if act["kind"] == "manager" else act["mid"] not in failed:
                    self.say("untold", f"{token} is dead ({deaths[0]['reason']}), and its sender was not told")
            elif token in self.h["waiting"]:
                self.say("endless", f"{token} still waits")
            elif token in self.h["kept"] or self.excused("spool", act["n"]):
                pass
            elif act["kind"] == "manager" and -1 in told[token]:
                pass  # refused with words
            else:
                self.say("lost", f"{token} of {act['party']} was accepted and is nowhere "
                                 f"(state {self.h['states'].get(token)})")

    def deaths(self):
        for token, items in self.dead.items():
            act = self.by_token.get(token)
            for d in items:
                life = 24 if d["kind"].split(".")[1] in ("message", "edit") else 1
                if act and d["reason"] == "life_time" and self.h["hours"] - act["hour"] < life:
                    self.say("hasty", f"{d['kind']} of {token} died of age after {self.h['hours'] - act['hour']} h")

    def told_quietly(self):
        managers = {(a["account"], a["amo_id"]): a for a in self.acts if a["kind"] == "manager"}
        return [(s, managers[s["account"], s["id"]]) for s in self.h["statuses"]
                if (s["account"], s["id"]) in managers]

    def doors(self):
        for a in self.acts:
            if a.get("refusal") and not a.get("may_refuse"):
                self.say("refused", f"{a['kind']} {a.get('token') or a.get('of')} was refused: {a['refusal']}")

    # --- order ------------------------------------------------------------------------------------------

    def orders(self):
        lanes = defaultdict(list)
        for token, act in self.by_token.items():
            there = self.at_service if act["kind"] == "manager" else self.at_amo
            if act["accepted"] and there.get(token):
                lane = ("out", act["account"], act["chat"]) if act["kind"] == "manager" else \
                    ("in", act["service"], act["source"], act["thread"])
                lanes[lane].append((act["n"], there[token][0]["seq"], token))
        for lane, items in lanes.items():
            items.sort()
            late = [i for i in items if self.may_wait(i[2])]
            rest = [i for i in items if i not in late]
            for some in (items,) if not late else (rest, [i for i in items if self.by_token[i[2]]["kind"] != "client"]):
                for (_, before, first), (_, after, second) in zip(some, some[1:]):
                    if after < before:
                        self.say("overtaken", f"{second} came before {first} in {lane}")
            for n, at, token in late:
                for m, other_at, other in rest:
                    if m < n and other_at > at:
                        self.say("overtaken", f"{token} came before {other} in {lane}")

    def may_wait(self, token):
        """A colleague's word to somebody to whom a manager has written, too, or after first words to anybody."""
        act = self.by_token[token]
        return act["kind"] == "colleague" and any(
            a["kind"] == "manager" and a["n"] and a["since"] <= act["n"] and a["service"] == act["service"]
            and (a["party"] == act["party"] or a["first"]) for a in self.acts)

    def edits(self):
        rank = {a["text"]: (a["of"], a["n"]) for a in self.acts if a["kind"] == "edit"}
        last, accepted = {}, {}
        for a in self.acts:
            if a["kind"] == "edit" and a["accepted"]:
                accepted[a["of"]] = a
        token_of_id = {m["id"]: token for token, items in self.at_amo.items() for m in items}
        for e in self.h["edits"]:
            of, n = rank.get(e["text"], (None, None))
            if of is None or token_of_id.get(e["id"]) != of:
                self.say("stranger", f"the edit {e['text']!r} changed {token_of_id.get(e['id'])}")
                continue
            if n is not None and last.get(of, (0, ""))[0] > n and not self.excused("store", n):
                self.say("overtaken", f"{of} was changed to {last[of][1]!r} and then back to {e['text']!r}")
            last[of] = (n or 0, e["text"])
        for token, a in accepted.items():
            there = self.at_amo.get(token, [])
            if not there or there[0]["text"] == a["text"] or self.excused("spool", a["n"]):
                continue
            if any("edit" in d["kind"] for d in self.dead.get(token, [])) or a["text"] in self.h["kept"]:
                continue
            kind = "endless" if token in self.h["waiting"] else "stale"
            self.say(kind, f"{token} reads {there[0]['text']!r}, not {a['text']!r}")

    def statuses(self):
        best = {}
        for s, act in self.told_quietly():
            token = act["token"]
            if s["status"] < best.get(token, -1) and not self.excused_report(token):
                self.say("overtaken", f"the card of {token} went from {best[token]} to {s['status']}")
            best[token] = s["status"] if s["status"] < best.get(token, -1) else max(s["status"], best.get(token, -1))
        wanted = defaultdict(int)
        for a in self.acts:
            if a["kind"] == "report" and a["accepted"] and not self.excused("spool", a["n"]):
                wanted[a["of"]] = max(wanted[a["of"]], STEPS.get(a["status"], 0))
        for token, step in wanted.items():
            if step <= best.get(token, -1) or f"{token} report" in self.h["kept"]:
                continue
            if any("status" in d["kind"] for d in self.dead.get(token, [])):
                continue
            self.say("lost", f"the service said {step} of {token}, and its card says {best.get(token)}")

    def excused_report(self, token):
        about = [a["n"] for a in self.acts if a.get("token") == token or a.get("of") == token]
        return any(self.excused("store", n) for n in about)


def judge(history):
    return Judge(history).run()
