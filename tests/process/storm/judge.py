"""What must be true of a run, whatever happened to it. Pure: it knows the cast, what people did, what the remote sides
have, and what the bridge says of itself; it reads neither the bridge's store nor its code.

`judge(history)` gives problems, each (kind, words). The history is a dict of plain lists, so that a run can be kept
and judged again, and so that one can be written by hand (test_storm_judge.py).

Times (`at` and the like) are seconds since the run began, as no moved clock counts them.

acts: in the order they were done. `token` is the word that no other act's text has; texts begin with it.
    n         numbers acceptances, `since` how many there were when the accepted call began
    at        when it was first tried; done_at: when it was accepted
    kind      client (a person writes), colleague (somebody on the service's side writes to the person),
              manager (somebody in amoCRM writes), edit (of a client's or colleague's message), report (a service says
              how far a manager's message came)
    client, colleague: token, party, service, source, thread, mid (as ingress said, None when it did not), accepted,
              refusal (the final no of ingress: its status and words, else None), may_refuse (it is 422, and the source
              changed hands meanwhile), n (of acceptance), who (of the party wrote it)
    manager:  token, first (in a card of his, not in a client's chat), account, chat, amo_id, party,
              service, source (None: any), accepted, n
    edit:     of (token), text, accepted, n
    report:   of (token), status (delivered, read, failed), accepted, n
    call:     of (token): any other call of a service, only if it was refused
owners: who has had a source, [{service, source, account, since_n, from, at}], oldest first; n counts acceptances; the
    verb that gave it began at `from` and had returned at `at`. An account that came back by another channel has been
    given its sources anew
amo: what amo has, in the order it came: {account, chat, id, msgid, first (text at first), text (now), effects, seq, at,
    user (who wrote it, as we told amo)}
amo_calls: calls that were to bring a message: {token, account, scope, at, status (0: it was cut off, or
    came when the caller had hung up)}
edits: what edits took effect, in order: {id, text, seq, at}
statuses: {id, account, status, error_code, error, seq, at}, in order
cards: chats that a manager began: {chat, account, party}
reached: what a service really did: {token, service, source, party, webhook_id, seq, told, at, answered, known}; party
    is whom the service takes conversation or number for, `known` whom it takes the number for that was told beside a
    conversation; `told` is false when no whole answer of 2xx ever left the service for it, `answered` when those left
calls: of messages that a service got: {service, token, webhook_id, at, status (None: cut off), final (a refusal in the
    documented form)}
failures: what services were told of clients' messages: {mid, code, at}
states: what the bridge says: {token: {state, amo_id}}, of inbound messages and outbound ones
left: {scope, from}: by which an account was connected and is not any more; a manager's act has a `scope`
dead: {token (None: it is not known whose), kind, reason, attempts, at (of the event it comes from), died, status (of a
    card: what it would have said)}
attempts: how many a command has
echo, looks: seconds that core/echo_ms and core/looks_ms are
outages: {name, from, to, killed}: when a process of the bridge was gone or frozen
hours: how many hours have passed for everybody in leaps; an act's `hour` is how many there were when it was done
kept: what stands in quarantine: {what (a token, an edit's text, or "<token> report"), reason}
waiting: tokens the bridge says it still has a command for
excuses: see below

What must hold:
stranger  every word is where its party is, and nowhere else: at amo in a chat of that party, in the account that has
          the source at that time, as a user who is one person; at a service with the person or group whom the chat or
          card stands for, and under his number, through a source that is that account's at that time. A word that
          nobody wrote is a stranger, too.
double    no word has two effects, at no side; a colleague's word that reaches the person through us, or a manager's
          that comes back to amo, is the second effect of the first one.
lie       what the bridge calls delivered is there, under the id that it names; "delivered" and "read" on a card were
          reported by the service for that very message.
slander   what the bridge calls failed, or a card or a service was told so last, is not there.
lost      what was accepted is there, or dead, or in quarantine, or waiting. Edits and reports count, each for itself; a
          card that says more, or would have if that were not dead, says what was reported before it.
hasty     nothing dies of age before its time: a message or edit lives a day of the world's time, all else an hour,
          whatever the bridge's own clock said meanwhile.
baseless  nothing dies without a cause in the world: refused is what somebody said a final no to; out of attempts is
          what had all of them; moved is what a number changed hands over; the edit of a message that is there is never
          refused.
banished  nor does anything stand in quarantine without one: numbers that changed hands, a message that is not there,
          or a report by an id that no answer ever told, and that is another message's.
untold    what is dead was told: the manager reads -1 (and not "delayed" alone), the service got delivery.failed, of an
          edit edit_failed.
endless   what still waits when all is well again and the deadline has passed, which is later while ever less waits.
refused   ingress said a final no to what it should have taken; 422 is none while the source changes hands.
overtaken words of one party in one direction have their effects in the order of their acceptance; edits of a message
          never go back; statuses of a message never go from read to delivered.
stale     in the end a message says what its last accepted edit made it say.

What is excused, and never more. Each is of one word, edit or status; what was under way when
something happened has as long as an attempt takes (GRACE), not counting what processes were away meanwhile.
moved     a word accepted before a source was moved may be with the old account or the new one: with the new one from
          the beginning of the verb on, with the old one if it was called with it by then (BEGUN after it). What is
          accepted when the verb has returned is the new one's alone.
both      a client's word may stand in two accounts, or under two channels of one, when the first lost the source before
          the second got it, and nothing could tell that the first was to be asked: core and a worker were killed
          during its first call, and whatever was called there since was answered 403, which a call that nobody remembers
          does not change; or it was done for a core whose store was put back since, and nothing was accepted
          between the copy and a moment before it was put back (docs/adr/0014).
spool     {kind: spool, from_n, to_n, tokens}: a copy of a spool was put back. `tokens` are the words accepted after the
          copy was made of which core, asked when ingress was gone, knew nothing: those are physically gone. Of edits
          and reports core cannot be asked: those of (from_n, to_n] may be lost. Nothing may be there twice or with
          somebody else, nothing may be called delivered; an edit of a word that is gone changes nothing else, whatever
          that is called. A run that empties the spool before it puts the copy back adds no such excuse.
store     {kind: store, copied, back}: a copy of core's store was put back. Nothing accepted may be lost: the spool
          still has all of it (runs are shorter than one segment) and sends it again. But what was done after the copy
          was made is done over, and the last thing of a lane before it, which may have been under way: the same edit or
          status may be seen a second time, behind a later one; the first times stand in order, and the end must be
          right. What was told as failed before may be done after; so may what got a final no between the copy and its
          coming back, behind what went instead of it. A no of amo's is final when its history has been looked into for
          `looks`: the copy may be of that time.
cut       a manager's word that the service did, but whose every answer was lost, came too late or was an error, may be
          called failed: there is no history of services to ask.
bereft    what changes a message that stands in quarantine or went with a spool waits its documented hour for it: a run
          may end with as many waiting events as there are such changes, and no more; one that a copy of a spool sent
          again, byte by byte the same, counts once. So does what a service reports
          of a manager's word that died as unclear, when no answer ever told its id there: nobody can know of what it
          is. Once an answer told the id there is no such excuse. And what it reports of a word that stands in quarantine
          itself since its account had left by the channel it came by, as when a core did it whose store was put back
          since: amo would take no status by that channel. And so does the edit of a client's or colleague's word that stands
        in quarantine while amo has it from such a core: the bridge does not know that it is there, and whoever
        replays it brings the edit.
waited    what is reported as written on the service's side waits while a manager's word to that party is tried there,
          or first words to anybody, since it may be that word. That may take long, and a client's later words wait
          behind it for `echo` seconds after it was written and no more (docs/delivery.md): those that come after that
          may come before it. From the first call with the manager's word until so long after the last call or answer,
          never the other way round.
left      a manager in a chat of an account that has left by the channel he wrote in cannot be told that his words are
          dead, if they died when it had left: amo takes nothing from there any more. They stand among the dead letters.
nameless  a manager's word that is dead as unclear, and to which its service answered only while a core had the call
          whose store was put back since: the service's id of it is not known any more, so that what it reports by
          that id cannot be told. The card may then say "failed" after what it said before.
unclear   a message whose death says `unclear` may be there: amo could not be asked, or nobody could ask the service of
          a manager whose number went to another company, or a day is over. So it was called, or handed to a
          worker when core or that one was killed. Its edits die with it.
"""
import re
from collections import Counter, defaultdict

WORD = re.compile(r"^[a-z]+-?\d+")
STEPS = {"sent": 0, "delivered": 1, "read": 2}
CODES = {**STEPS, "failed": -1}  # as a card and a dead letter call it
GRACE = 2.0  # seconds: what an attempt takes
BEGUN = 1.0  # until what was to be called has been
EPSILON = 0.2  # of two clocks of one machine
MESSAGES = ("amo.message", "amo.outgoing", "service.message")
# What may bring something into quarantine or to its death where numbers and accounts change hands, and only there.
MOVED = ("moved_conversation", "foreign_source", "unknown_source", "account_left", "unreachable", "unknown_scope",
         "moved", "nobody", "foreign", "repeats_quarantined")


def token_of(text):
    """The word a text begins with; None when it is none of ours."""
    found = WORD.match(text or "")
    return found.group(0) if found else None


class Judge:
    def __init__(self, history):
        self.h = {"owners": [], "amo": [], "edits": [], "statuses": [], "cards": [], "reached": [], "failures": [],
                  "states": {}, "dead": [], "kept": [], "waiting": [], "excuses": [], "hours": 0, "left": [],
                  "outages": [], "calls": [], "amo_calls": [], "attempts": 30, "echo": 6.0, "looks": 1.5,
                  **history}
        self.problems = []
        self.used = Counter()
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
        self.kept = defaultdict(set)
        for k in self.h["kept"]:
            self.kept[k["what"]].add(k["reason"])
        self.asked = {}  # when somebody was first called with it: by (account, token) and (webhook-id, service)
        for c in self.h["amo_calls"]:
            self.asked.setdefault((c["account"], c["token"]), c["at"])
        for c in self.h["calls"]:
            self.asked.setdefault((c["webhook_id"], c["service"]), c["at"])

    def say(self, kind, words):
        self.problems.append((kind, words))

    def excuse(self, kind, true):
        """Counts what was excused."""
        self.used[kind] += bool(true)
        return bool(true)

    def stores(self):
        return [e for e in self.h["excuses"] if e["kind"] == "store"]

    def gone_with_spool(self, token=None, n=None):
        """A message by its token; what has none by the number of its acceptance."""
        return self.excuse("spool", any(
            token in e["tokens"] if token else n is not None and e["from_n"] < n <= e["to_n"]
            for e in self.h["excuses"] if e["kind"] == "spool"))

    def until(self, at, grace=GRACE):
        """When what was under way at @at is over: an attempt later, not counting what processes were away meanwhile."""
        end = at + grace
        for o in sorted(self.h["outages"], key=lambda o: o["from"]):
            if o["from"] <= end and o["to"] >= at:
                end = max(end, o["to"] + GRACE)
        return end

    def run(self):
        for check in (self.strangers_at_amo, self.strangers_at_services, self.doubles, self.lies, self.slanders,
                      self.outcomes, self.deaths, self.banished, self.doors, self.orders, self.edits, self.statuses):
            check()
        return self.problems

    # --- nobody reached who should not be ------------------------------------------------------------

    def rows(self, service, source):
        return [o for o in self.h["owners"] if (o["service"], o["source"]) == (service, source)]

    def owners_since(self, act, source):
        """Who has or had @source since @act was on its way; everybody when it was never accepted."""
        rows = self.rows(act["service"], source)
        since = -1 if act["n"] is None else act.get("since", act["n"])
        then = [o for o in rows if o["since_n"] <= since]
        return {o["account"] for o in then[-1:] + [o for o in rows if o["since_n"] > since]}

    def had(self, service, source, account, asked, at):
        """Had @account the source when it was reached at @at? What was first tried there while it had it may be."""
        rows = self.rows(service, source)
        for o, after in zip(rows, [*rows[1:], None]):
            if o["account"] == account and o["from"] <= at + EPSILON and \
                    (not after or asked <= self.until(after["at"], BEGUN)):
                return True
        return False

    def strangers_at_amo(self):
        parties = defaultdict(set)  # of a chat
        writers = defaultdict(set)  # of a user
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
            owners = self.owners_since(act, act["source"])
            if m["account"] not in owners:
                self.say("stranger", f"{token} of source {act['source']} stands in account {m['account']}, "
                                     f"not in {sorted(owners)}")
            elif not self.had(act["service"], act["source"], m["account"],
                              self.asked.get((m["account"], token), m["at"]), m["at"]):
                self.say("stranger", f"{token} of source {act['source']} came to account {m['account']} at "
                                     f"{m['at']:.1f} s, which had not got it then")
            self.used["moved"] += len(owners) > 1
            parties[m["account"], m["chat"]].add(act["party"])
            if act["kind"] == "client":
                writers[m["account"], m["user"]].add(act["who"])
        for (account, chat), who in parties.items():
            if len(who) > 1:
                self.say("stranger", f"chat {chat} of account {account} is shared by {sorted(who)}")
        for (account, user), who in writers.items():
            if len(who) > 1:
                self.say("stranger", f"user {user} of account {account} is {sorted(who)}")

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
            if r.get("known") and r["known"] != act["party"]:
                self.say("stranger", f"{r['token']} was for {act['party']} and named the number of {r['known']}")
            if r["service"] != act["service"] or act["source"] not in (None, r["source"]) and r["source"]:
                self.say("stranger", f"{r['token']} of {act['account']} went out by {r['service']}/{r['source']}, "
                                     f"not by {act['service']}/{act['source']}")
            mine = self.owners_since(act, r["source"])
            asked = self.asked.get((r["webhook_id"], r["service"]), r["at"])
            if act["account"] not in mine or not self.had(act["service"], r["source"], act["account"], asked, r["at"]):
                self.say("stranger", f"{r['token']} of account {act['account']} went out by {r['source']} at "
                                     f"{r['at']:.1f} s, which is {sorted(mine)}'s")
            self.used["moved"] += len(mine) > 1

    # --- nothing twice -------------------------------------------------------------------------------

    def doubles(self):
        for token, items in self.at_amo.items():
            act = self.by_token.get(token)
            if not act:
                continue
            if act["kind"] == "manager":
                self.say("double", f"the manager's {token} came back to amo as a message of ours")
            elif len(items) > 1 and not self.excuse("both", self.in_both(act, token, items)):
                self.say("double", f"amo has {token} {len(items)} times")
            elif items[0]["effects"] != 1:
                self.say("double", f"{token} had {items[0]['effects']} effects at amo")
        for token, items in self.at_service.items():
            act = self.by_token.get(token)
            if act and act["kind"] != "manager":
                self.say("double", f"the {act['kind']}'s {token} was sent to {items[0]['party']} by us")
            elif len(items) > 1:
                self.say("double", f"{token} reached {items[0]['party']} {len(items)} times")

    def in_both(self, act, token, items):
        """Once by each channel, the earlier one of which nobody remembers to have called, and had lost the source before
        the later."""
        for one, other in zip(items, items[1:]):
            calls = [c for c in self.h["amo_calls"] if (c["scope"], c["token"]) == (one["scope"], token)]
            lost = calls and calls[0]["status"] != 200 and self.died_during(calls[0]["at"]) and \
                all(c["status"] == 403 for c in calls[1:])
            lost = lost or any(s["copied"] - EPSILON <= one["at"] <= s["back"] + EPSILON <= other["at"] + 2 * EPSILON
                               and not self.shown(s) for s in self.stores())
            went = any(one["at"] - EPSILON <= o["at"] and o["from"] <= other["at"] + EPSILON and o["from"] > 0
                       for o in self.rows(act["service"], act["source"]))
            if one["scope"] == other["scope"] or not lost or not went:
                return False
        return True

    def died_during(self, at):
        """Were core and a worker killed while a call that began then may have been under way?"""
        killed = [o for o in self.h["outages"] if o["killed"] and o["to"] >= at - EPSILON and o["from"] <= self.until(at)]
        return any(o["name"] == "core" for o in killed) and any(o["name"].startswith("egress") for o in killed)

    def shown(self, store):
        """Was anything accepted after the copy that core had the time to take? What the spool says of that shows it the
        copy."""
        return any(a["accepted"] and a["kind"] != "manager" and store["copied"] < a["done_at"] < store["back"] - BEGUN
                   for a in self.acts)

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
            elif s["state"] == "delivered_to_service" and not self.at_service.get(token):
                self.say("lie", f"{token} is called taken over, and no service has it")
        best = defaultdict(int)
        for a in self.acts:
            if a["kind"] == "report":
                best[a["of"]] = max(best[a["of"]], STEPS.get(a["status"], 0))
        for s, act in self.told():
            if not act:
                self.say("stranger", f"a status was told of {s['id']}, which no manager wrote")
            elif s["status"] > best[act["token"]]:
                self.say("lie", f"the card of {act['token']} says {s['status']}, and its service never said so")

    def told(self):
        """Statuses with the manager's act they are about, None when there is none."""
        managers = {(a["account"], a["amo_id"]): a for a in self.acts if a["kind"] == "manager"}
        return [(s, managers.get((s["account"], s["id"]))) for s in self.h["statuses"]]

    def slanders(self):
        unclear = {d["token"] for d in self.h["dead"] if d["reason"] == "unclear"}
        failed = {t for t, s in self.h["states"].items() if s["state"] == "failed"}
        for token in failed:
            if self.by_token[token]["kind"] == "manager":
                self.slander_of_manager(token, "is called failed", None)
            elif self.at_amo.get(token) and not self.excuse("unclear", token in unclear):
                self.say("slander", f"{token} is called failed, and amo has it")
        by_mid = {a.get("mid"): t for t, a in self.by_token.items() if a.get("mid")}
        for f in self.h["failures"]:
            if f["code"] == "edit_failed":
                continue
            token = by_mid.get(f["mid"])
            there = self.at_amo.get(token, [])
            if not token:
                self.say("stranger", f"a service was told that {f['mid']} failed, which nobody wrote")
            elif there and token not in failed and not self.excuse("unclear", token in unclear) \
                    and not self.forgotten(f["at"], there[0]["at"]):
                self.say("slander", f"the service was told that {token} failed, and amo has it")
        last = {act["token"]: s for s, act in self.told() if act}
        for token, s in last.items():
            refused = any(a["kind"] == "report" and a["of"] == token and a["status"] == "failed" for a in self.acts)
            if s["status"] == -1 and s["error"] != "delayed" and token not in failed and not refused:
                self.slander_of_manager(token, "stands as failed on its card", s["at"])

    def slander_of_manager(self, token, words, at):
        said = [r for r in self.at_service.get(token, []) if r["told"]]
        self.used["cut"] += bool(self.at_service.get(token)) and not said
        if said and not self.excuse("unclear", token in {d["token"] for d in self.h["dead"]
                                                         if d["reason"] == "unclear"}) \
                and not (at is not None and self.forgotten(at, said[0]["at"])):
            self.say("slander", f"{token} {words}, and its service has it and said so")

    def forgotten(self, told, done):
        """It was called failed by a core whose store was put back, and done by the one that had forgotten that."""
        return self.excuse("store", any(told <= e["back"] + EPSILON <= done + 2 * EPSILON for e in self.stores()))

    # --- nothing accepted that is neither delivered, dead with words, quarantined nor waiting -----------------

    def outcomes(self):
        told = {act["token"] for s, act in self.told() if act and s["status"] == -1 and s["error"] != "delayed"}
        failed = {f["mid"] for f in self.h["failures"] if f["code"] != "edit_failed"}
        for token, act in self.by_token.items():
            there = self.at_service if act["kind"] == "manager" else self.at_amo
            if not act["accepted"] or there.get(token):
                continue
            deaths = [d for d in self.dead.get(token, []) if d["kind"] in MESSAGES]
            if deaths:
                heard = token in told if act["kind"] == "manager" else act["mid"] in failed
                if not heard and not self.excuse("left", self.has_left(act, deaths[0]["died"])):
                    self.say("untold", f"{token} is dead ({deaths[0]['reason']}), and its sender was not told")
            elif token in self.h["waiting"]:
                self.say("endless", f"{token} still waits")
            elif self.kept.get(token, set()) - {"repeats_quarantined"}:
                pass
            elif act["kind"] == "manager" and token in told:
                pass  # refused with words
            elif not self.gone_with_spool(token):
                self.say("lost", f"{token} of {act['party']} was accepted and is nowhere "
                                 f"(state {self.h['states'].get(token)})")

    def has_left(self, act, died):
        """Had the account left by this channel when the word about its death was on its way?"""
        return any(x["scope"] == act.get("scope") and x["from"] <= self.until(died) for x in self.h["left"])

    def about(self, d):
        """What it was that died: the message itself, or an edit or report about it, by the time of its event."""
        act = self.by_token.get(d["token"])
        if d["kind"] in MESSAGES:
            return act
        kind = "edit" if "edit" in d["kind"] else "report" if "status" in d["kind"] else None
        mine = [a for a in self.acts if a["kind"] == kind and a["of"] == d["token"] and a["accepted"]
                and (kind == "edit" or CODES[a["status"]] == d["status"]) and a["at"] - EPSILON <= d["at"] <= a["done_at"] + EPSILON]
        return mine[0] if mine else None

    def buried_edit(self, token, act):
        """Is this edit among the dead? By its own time, since there may be others. A time that lay ahead of core's
        clock is not its own any more: those that are left over are as many as are missing."""
        dead = [d for d in self.dead.get(token, []) if "edit" in d["kind"]]
        mine = [a for a in self.acts if a["kind"] == "edit" and a["of"] == token and a["accepted"]]

        def fits(a, d):
            return a["at"] - EPSILON <= d["at"] <= a["done_at"] + EPSILON
        if any(fits(act, d) for d in dead):
            return True
        done = {e["text"] for e in self.h["edits"]}
        missing = {a["text"] for a in mine if a["text"] not in done and not any(fits(a, d) for d in dead)}
        return len([d for d in dead if not any(fits(a, d) for a in mine)]) >= len(missing) > 0

    def buried_report(self, token, act):
        """Is this report among the dead, or another one that was accepted after it and says more? Then it was not told
        any more. What is reported twice is no news the second time."""
        dead = {d["status"] for d in self.dead.get(token, []) if "status" in d["kind"]}
        return any(CODES[a["status"]] in dead for a in self.acts if a["kind"] == "report" and a["of"] == token and
                   a["accepted"] and (a["status"] == act["status"] or
                                      CODES[a["status"]] > CODES[act["status"]] and a["n"] > act["n"]))

    def deaths(self):
        for d in self.h["dead"]:
            act, what = self.about(d), f"{d['kind']} of {d['token']}"
            life = 24 if d["kind"].split(".")[1] in ("message", "outgoing", "edit") else 1
            if not d["token"]:
                self.say("lost", f"a dead {d['kind']} ({d['reason']}) is nobody's")
            elif d["reason"] == "life_time":
                hour = act["hour"] if act else self.h["hours"]  # of a telling of ours it is not known
                if act and self.h["hours"] - hour < life:
                    self.say("hasty", f"{what} died of age after {self.h['hours'] - hour} h")
            elif d["reason"] == "refused":
                if d["kind"] not in MESSAGES or not self.refused(d["token"], act):
                    self.say("baseless", f"{what} died as refused, and nobody had a reason to say no to it")
            elif d["reason"] == "parent":
                if self.at_amo.get(d["token"]) and not self.excuse("unclear", any(
                        x["kind"] in MESSAGES and x["reason"] == "unclear" for x in self.dead[d["token"]])):
                    self.say("baseless", f"{what} died with its message, which amo has")
            elif d["reason"] in MOVED:
                if not self.changed_hands(self.by_token[d["token"]]):
                    self.say("baseless", f"{what} died as {d['reason']}, and nothing changed hands")
                elif d["kind"] == "amo.message":
                    self.say("baseless", f"{what} died as {d['reason']}: a client's word goes along")
            elif d["reason"] == "unclear":
                calls = self.h["calls"] + self.h["amo_calls"]
                if not any(c["token"] == d["token"] for c in calls) and not any(o["killed"] for o in self.h["outages"]):
                    self.say("baseless", f"{what} died as unclear, and nobody was called with it")
                if d["kind"] == "service.message" and not self.changed_hands(act) \
                        and self.h["hours"] - act["hour"] < life:
                    self.say("hasty", f"{what} died as unclear after {self.h['hours'] - act['hour']} h")
            elif d["attempts"] < self.h["attempts"]:
                self.say("baseless", f"{what} died of {d['reason']} after {d['attempts']} attempts")

        told = Counter(f["mid"] for f in self.h["failures"] if f["code"] == "edit_failed")
        for token, items in [x for x in self.dead.items() if x[0]]:
            edits = sum("edit" in d["kind"] and d["reason"] != "parent" for d in items)
            if edits and told[self.by_token[token]["mid"]] < edits:
                self.say("untold", f"{edits} edits of {token} are dead, and its service heard of "
                                   f"{told[self.by_token[token]['mid']]}")

    def refused(self, token, act):
        if act["kind"] == "manager":
            return any(c["final"] for c in self.h["calls"] if c["token"] == token)
        return any(400 <= c["status"] < 500 for c in self.h["amo_calls"] if c["token"] == token)

    def changed_hands(self, act):
        """Did a number of its service change hands, or come back, before it was done with?"""
        return any(o["from"] > 0 and o["service"] == act["service"] and
                   (act.get("source") in (None, o["source"]) or act["kind"] == "manager") for o in self.h["owners"])

    def banished(self):
        for k in self.h["kept"]:
            act = self.by_token.get(token_of(k["what"]))
            if not act:
                continue
            if k["reason"] in MOVED:
                fine = self.changed_hands(act)
                if k["what"] == act["token"] and act["kind"] != "manager":
                    fine = any(o["from"] > 0 and act["at"] <= o["at"] and o["from"] <= self.until(act["done_at"])
                               for o in self.rows(act["service"], act["source"]))
            elif k["reason"] == "unknown_message":
                fine = not self.at_amo.get(act["token"])
            elif k["reason"] == "foreign_message":
                fine = k["what"] != act["token"] and act["kind"] == "manager" and \
                    not any(r["told"] for r in self.at_service.get(act["token"], []))
            else:
                fine = False
            if not self.excuse("kept", fine):
                self.say("banished", f"{k['what']} stands in quarantine as {k['reason']}, for no reason")

    def doors(self):
        for a in self.acts:
            if a.get("refusal") and not self.excuse("may_refuse", a.get("may_refuse")):
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
                    if after < before and not self.refused_once(first, second):
                        self.say("overtaken", f"{second} came before {first} in {lane}")
            for n, at, token in late:
                for m, other_at, other in rest:
                    if m < n and other_at > at and not self.refused_once(other, token):
                        self.say("overtaken", f"{token} came before {other} in {lane}")
                    if m > n and other_at < at and not self.excuse("waited", self.waited(token, other)) \
                            and not self.refused_once(token, other):
                        self.say("overtaken", f"{other} came before {token} in {lane}, and did not wait for it")

    def refused_once(self, first, second):
        """Was @first finally refused, @second done in its place, and was that forgotten with the store?"""
        there = self.at_service if self.by_token[first]["kind"] == "manager" else self.at_amo
        nos = [(c["at"], c["at"]) for c in self.h["calls"] if c["token"] == first and c["final"]] + \
            [(c["at"], self.until(c["at"], self.h["looks"])) for c in self.h["amo_calls"]
             if c["token"] == first and 400 <= c["status"] < 500]
        return self.excuse("store", any(
            e["copied"] - EPSILON <= believed and no <= there[second][0]["at"] + EPSILON
            and there[second][0]["at"] <= e["back"] + EPSILON <= there[first][0]["at"] + 2 * EPSILON
            for e in self.stores() for no, believed in nos))

    def may_wait(self, token):
        """A colleague's word that came while a manager's to that person, or first words to anybody, was being tried."""
        act = self.by_token[token]
        if act["kind"] != "colleague":
            return False
        done = self.at_amo[token][0]["at"]
        for a in self.acts:
            if a["kind"] == "manager" and a["n"] and a["service"] == act["service"] and \
                    (a["party"] == act["party"] or a["first"]):
                calls = [c["at"] for c in self.h["calls"] if c["token"] == a["token"]]
                if calls and min(calls) <= done and act["at"] <= self.until(self.known_at(a["token"], max(calls))):
                    return True
        return False

    def waited(self, token, other):
        """Has @other waited long enough for @token, which waits itself?"""
        return self.at_amo[other][0]["at"] >= self.by_token[token]["at"] + self.h["echo"] - EPSILON

    def known_at(self, token, last_call):
        """When it was known what became of a manager's word: the last time its service said so, or its last call."""
        return max([at for r in self.at_service.get(token, []) for at in r["answered"]] + [last_call])

    def edits(self):
        rank = {a["text"]: (a["of"], a["n"]) for a in self.acts if a["kind"] == "edit"}
        last, accepted = {}, {}
        for a in self.acts:
            if a["kind"] == "edit" and a["accepted"]:
                accepted[a["of"]] = a
        token_of_id = {m["id"]: token for token, items in self.at_amo.items() for m in items}
        for i, e in enumerate(self.h["edits"]):
            of, n = rank.get(e["text"], (None, None))
            if of is None or token_of_id.get(e["id"]) != of:
                self.say("stranger", f"the edit {e['text']!r} changed {token_of_id.get(e['id'], e['id'])}")
                continue
            mine = [x for x in self.h["edits"][:i] if x["id"] == e["id"]]
            before = last.get(e["id"], (0, ""))
            if n is not None and before[0] > n and not self.again(e, mine, "text"):
                self.say("overtaken", f"{of} was changed to {before[1]!r} and then back to {e['text']!r}")
            last[e["id"]] = (n or before[0], e["text"])
        for token, a in accepted.items():
            there = self.at_amo.get(token, [])
            if not there or there[-1]["text"] == a["text"] or self.buried_edit(token, a) or a["text"] in self.kept:
                continue
            if self.gone_with_spool(n=a["n"]) or self.excuse("bereft", self.set_aside_again(token, there[-1])):
                continue
            kind = "endless" if token in self.h["waiting"] else "stale"
            self.say(kind, f"{token} reads {there[-1]['text']!r}, not {a['text']!r}")

    def set_aside_again(self, token, there):
        """Did a core do this whose store was put back since, and does it stand in quarantine now?"""
        return token in self.kept and any(
            s["copied"] - EPSILON <= there["at"] <= self.until(s["back"]) for s in self.stores())

    def again(self, e, before, key):
        """Is it a second time, by a core whose store was put back, of what that copy did not know as done? That is what
        was done after the copy was made, and the one thing of a lane that may have been under way then."""
        for s in self.stores():
            old = [x for x in before if x["at"] <= s["copied"]]
            unknown = old[-1:] + [x for x in before if s["copied"] < x["at"] <= self.until(s["back"])]
            if e["at"] >= s["back"] - EPSILON and any(x[key] == e[key] for x in unknown):
                return self.excuse("store", True)
        return False

    def nameless(self, token):
        """Is the id that its service gave it unknown to a store that was put back, and was it given up then?"""
        dead = [d for d in self.dead.get(token, []) if d["reason"] == "unclear"]
        answered = [at for r in self.at_service.get(token, []) for at in r["answered"]]
        return self.excuse("nameless", dead and answered and any(
            max(answered) <= s["back"] <= dead[0]["died"] + EPSILON for s in self.stores()))

    def statuses(self):
        best, before = {}, defaultdict(list)
        for s, act in self.told():
            if not act:
                continue
            token = act["token"]
            if s["status"] < best.get(token, -1) and not self.again(s, before[token], "status") \
                    and not (s["status"] == -1 and self.nameless(token)):
                self.say("overtaken", f"the card of {token} went from {best[token]} to {s['status']}")
            best[token] = s["status"]
            before[token].append(s)
        for a in self.acts:
            if a["kind"] != "report" or not a["accepted"]:
                continue
            token, step = a["of"], STEPS.get(a["status"], 0)
            if step <= best.get(token, -1) or f"{token} report" in self.kept or self.buried_report(token, a):
                continue
            if not self.gone_with_spool(n=a["n"]) and not self.nameless(token) \
                    and not self.excuse("bereft", self.unheard(token) or self.came_too_late(token)):
                self.say("lost", f"the service said {step} of {token}, and its card says {best.get(token)}")

    def unheard(self, token):
        """Did this manager's word die as unclear, and did no answer ever tell what its service calls it?"""
        return any(d["reason"] == "unclear" and d["kind"] == "service.message" for d in self.dead.get(token, [])) and \
            not any(r["told"] for r in self.at_service.get(token, []))

    def came_too_late(self, token):
        """Does this manager's word stand in quarantine, since its account has left by the channel it came by?"""
        scope = self.by_token[token].get("scope")
        return "unknown_scope" in self.kept[token] and any(x["scope"] == scope for x in self.h["left"])


def judge(history):
    return Judge(history).run()
