"""The judge of the storms itself: silent about a good run, and it names each kind of fault by hand-made histories."""
import copy

import pytest

from storm.judge import judge

GOOD = {
    "acts": [
        {"kind": "client", "token": "c1", "party": "anna", "service": "wa", "source": "wa1", "thread": "t1",
         "mid": "wa-1", "accepted": True, "n": 1, "since": 0},
        {"kind": "client", "token": "c2", "party": "anna", "service": "wa", "source": "wa1", "thread": "t1",
         "mid": "wa-2", "accepted": True, "n": 2, "since": 1},
        {"kind": "client", "token": "c3", "party": "group", "service": "wa", "source": "wa1", "thread": "g1",
         "mid": "wa-3", "accepted": True, "n": 3, "since": 2},
        {"kind": "colleague", "token": "o4", "party": "anna", "service": "wa", "source": "wa1", "thread": "t1",
         "mid": "wa-4", "accepted": True, "n": 4, "since": 3},
        {"kind": "manager", "token": "m5", "first": False, "account": "A", "chat": "chat-1", "amo_id": "a5",
         "party": "anna", "service": "wa", "source": "wa1", "accepted": True, "n": 5, "since": 4},
        {"kind": "manager", "token": "m6", "first": False, "account": "A", "chat": "chat-1", "amo_id": "a6",
         "party": "anna", "service": "wa", "source": "wa1", "accepted": True, "n": 6, "since": 5},
        {"kind": "edit", "of": "c1", "text": "c1 edit 1", "accepted": True, "n": 7},
        {"kind": "edit", "of": "c1", "text": "c1 edit 2", "accepted": True, "n": 8},
        {"kind": "report", "of": "m5", "status": "delivered", "accepted": True, "n": 9},
        {"kind": "report", "of": "m5", "status": "read", "accepted": True, "n": 10}],
    "owners": [{"service": "wa", "source": "wa1", "account": "A", "since_n": 0},
               {"service": "wa", "source": "wa2", "account": "B", "since_n": 0}],
    "amo": [
        {"account": "A", "chat": "chat-1", "id": "x1", "first": "c1 says", "text": "c1 edit 2", "effects": 1, "seq": 1},
        {"account": "A", "chat": "chat-1", "id": "x2", "first": "c2 says", "text": "c2 says", "effects": 1, "seq": 2},
        {"account": "A", "chat": "chat-g", "id": "x3", "first": "c3 says", "text": "c3 says", "effects": 1, "seq": 3},
        {"account": "A", "chat": "chat-1", "id": "x4", "first": "o4 says", "text": "o4 says", "effects": 1, "seq": 4}],
    "edits": [{"id": "x1", "text": "c1 edit 1", "seq": 5}, {"id": "x1", "text": "c1 edit 2", "seq": 6}],
    "statuses": [{"id": "a5", "account": "A", "status": 1, "error_code": None, "seq": 7},
                 {"id": "a5", "account": "A", "status": 2, "error_code": None, "seq": 8}],
    "cards": [{"chat": "chat-9", "account": "A", "party": "boris"}],
    "reached": [
        {"token": "m5", "service": "wa", "source": "wa1", "party": "anna", "webhook_id": "w5", "seq": 1, "told": True},
        {"token": "m6", "service": "wa", "source": "wa1", "party": "anna", "webhook_id": "w6", "seq": 2, "told": True}],
    "left": [], "failures": [], "dead": [], "kept": [], "waiting": [], "excuses": [], "calls": [], "amo_calls": [],
    "outages": [], "attempts": 30,
    "states": {"c1": {"state": "delivered_to_amo", "amo_id": "x1"}, "c2": {"state": "delivered_to_amo", "amo_id": "x2"},
               "c3": {"state": "delivered_to_amo", "amo_id": "x3"}, "o4": {"state": "delivered_to_amo", "amo_id": "x4"},
               "m5": {"state": "delivered_to_service", "amo_id": "a5"}, "m6": {"state": "delivered_to_service", "amo_id": "a6"}}}


def timed(h):
    """What has no time has the one at which it would have come: a second for each acceptance."""
    for a in h["acts"]:
        a.setdefault("at", a["n"] or 0)
        a.setdefault("done_at", a["at"])
        a.setdefault("who", a.get("party"))
        a.setdefault("hour", 0)
    came = {a["token"]: a["done_at"] for a in h["acts"] if "token" in a}
    for m in h["amo"]:
        m.setdefault("at", came.get(m["first"].split()[0], 0) + 0.5)
        m.setdefault("user", m["chat"])
        m.setdefault("scope", m["account"])
    for r in h["reached"]:
        r.setdefault("at", came.get(r["token"], 0) + 0.5)
        r.setdefault("answered", [r["at"] + 0.1])
    for o in h["owners"]:
        o.setdefault("from", 0)
        o.setdefault("at", o["since_n"])
    for x in (*h["edits"], *h["statuses"]):
        x.setdefault("at", x["seq"] + 2.5)
        x.setdefault("error", None)
    return h


def act(h, token):
    return next(a for a in h["acts"] if a.get("token") == token)


def at_amo(h, token):
    return next(m for m in h["amo"] if m["first"].startswith(token + " "))


def at_service(h, token):
    return next(r for r in h["reached"] if r["token"] == token)


def without(h, where, thing):
    h[where].remove(thing)


def kinds(*changes):
    h = timed(copy.deepcopy(GOOD))
    for change in changes:
        change(h)
    return sorted({kind for kind, _ in judge(timed(h))})


def moved(since, to="B"):
    return lambda h: h["owners"].append({"service": "wa", "source": "wa1", "account": to, "since_n": since,
                                         "from": since, "at": since})


def dead(token, kind, reason="attempts", at=0, attempts=30, status=None):
    return lambda h: h["dead"].append({"token": token, "kind": kind, "reason": reason, "at": at, "died": at + 1,
                                       "attempts": attempts, "status": status})


def kept(what, reason="unknown_source"):
    return lambda h: h["kept"].append({"what": what, "reason": reason})


def given_up(reason="unclear"):
    """m5 is given up, and its card says no more than that."""
    def change(h):
        h["states"]["m5"].update(state="failed")
        h["statuses"][:] = [{"id": "a5", "account": "A", "status": -1, "error_code": 905, "seq": 7}]
        called("m5", 5.2)(h)
        dead("m5", "service.message", reason)(h)
    return change


def aged(h):
    """More than a day has passed since all was written."""
    h["hours"] = 30


def reported(token, status, n):
    return lambda h: h["acts"].append({"kind": "report", "of": token, "status": status, "accepted": True, "n": n})


def failed(mid, code="refused", at=0):
    return lambda h: h["failures"].append({"mid": mid, "code": code, "at": at})


def card(token, status, error=None, seq=9):
    """Its card says so."""
    return lambda h: h["statuses"].append({"id": "a" + token[1:], "account": "A", "status": status, "seq": seq,
                                           "error_code": 903 if status < 0 else None, "error": error})


def later(token, at):
    """A client's word in the thread of c2 that amo has before o4, since then."""
    def change(h):
        h["acts"].append({**act(h, "c2"), "token": token, "n": int(at), "since": int(at) - 1, "mid": "wa-" + token[1:],
                          "at": at - 0.5, "done_at": at - 0.5})
        h["amo"].append({**at_amo(h, "c2"), "first": f"{token} says", "text": f"{token} says", "id": "x" + token[1:],
                         "seq": 3.5, "at": at})
    return change


def called(token, *ats, final=False):
    """Its service was called with it."""
    return lambda h: h["calls"].extend({"service": "wa", "token": token, "webhook_id": "w" + token[1:], "at": at,
                                        "status": 422 if final else 200, "final": final} for at in ats)


def asked(token, *statuses, at=0.0, account="A"):
    """Amo was, in the account's name, and answered that."""
    return lambda h: h["amo_calls"].extend({"token": token, "account": account, "scope": account, "at": at,
                                            "status": s} for s in statuses)


def in_b_too(token):
    """Amo has it in account B as well, where it went when its number had."""
    def change(h):
        asked(token, 200, at=30, account="B")(h)
        number = sum(m["first"].startswith(f"{token} ") for m in h["amo"])
        h["amo"].append({**at_amo(h, token), "account": "B", "scope": "B", "chat": "new", "id": f"{token}-{number}",
                         "at": 30, "seq": 9})
        h["states"][token].update(amo_id=f"{token}-{number}")
    return change


def away(name, since, to, killed=True):
    return lambda h: h["outages"].append({"name": name, "from": since, "to": to, "killed": killed})


def now(token, side="amo", **more):
    return lambda h: (at_amo if side == "amo" else at_service)(h, token).update(more)


def of(token, **more):
    return lambda h: act(h, token).update(more)


def lose(token):
    """As if it had died or vanished on the way: its effect and its good state go."""
    def change(h):
        side = "reached" if token.startswith("m") else "amo"
        h[side] = [x for x in h[side] if not (x.get("token") or x["first"]).startswith(token)]
        h["states"].pop(token)
        h["edits"] = [e for e in h["edits"] if not e["text"].startswith(token)]
        h["acts"] = [a for a in h["acts"] if a.get("of") != token]
        h["statuses"] = [s for s in h["statuses"] if s["id"] != "a" + token[1:]]
    return change


def spool(after, to, *tokens):
    return lambda h: h["excuses"].append({"kind": "spool", "from_n": after, "to_n": to, "tokens": tokens})


def namesake(token, edited="a5"):
    """An edit of @token took effect on @edited, which its service may call the same."""
    def change(h):
        h["acts"].append({"kind": "edit", "of": token, "text": f"{token} edit 9", "accepted": True, "n": 11})
        h["edits"].append({"id": edited, "text": f"{token} edit 9", "seq": 9})
    return change


def store(copied, back):
    return lambda h: h["excuses"].append({"kind": "store", "copied": copied, "back": back})


PLANTED = {
    # nobody reached who should not be
    "a client's word in another company's account": ("stranger", [lambda h: at_amo(h, "c3").update(account="B")]),
    "a group's word in a person's chat": ("stranger", [lambda h: at_amo(h, "c3").update(chat="chat-1")]),
    "a word in the card of somebody else": ("stranger", [lambda h: at_amo(h, "c2").update(chat="chat-9")]),
    "a manager's word to another number": ("stranger", [lambda h: at_service(h, "m5").update(party="boris")]),
    "a manager's word in a group": ("stranger", [lambda h: at_service(h, "m5").update(party="group")]),
    "a manager's word by another company's number": ("stranger", [lambda h: at_service(h, "m5").update(source="wa2")]),
    "a manager's word by another service": ("stranger", [lambda h: at_service(h, "m5").update(service="tg")]),
    "a client's word after the source was given away": ("stranger", [moved(2)]),
    "a word that had waited, in the old account long after the source was given away": ("stranger", [
        moved(20), now("c3", at=30)]),
    "a word in the new account before that was given the source": ("stranger", [
        moved(20), now("c3", account="B", at=10)]),
    "a manager's word that had waited, long after his number was given away": ("stranger", [
        moved(20), now("m6", "service", at=30)]),
    "a manager's word by a number that nobody has": ("stranger", [
        now("m6", "service", source="wa9"), of("m6", source=None)]),
    "somebody else's number beside the conversation": ("stranger", [now("m6", "service", known="boris")]),
    "two people as one user": ("stranger", [now("c3", user="chat-1")]),
    "a word that nobody wrote, at amo": ("stranger", [lambda h: h["amo"].append(
        {**at_amo(h, "c3"), "first": "c99 says", "id": "x99"})]),
    "a word that nobody wrote, at a service": ("stranger", [lambda h: h["reached"].append(
        {**at_service(h, "m5"), "token": "m99"})]),
    "a client's edit on a manager's message": ("stranger", [lambda h: h["edits"].append(
        {"id": "a5", "text": "c1 edit 2", "seq": 9})]),
    "an edit on another client's message": ("stranger", [lambda h: h["edits"].append(
        {"id": "x3", "text": "c1 edit 2", "seq": 9})]),
    "a status of a message that no manager wrote": ("stranger", [lambda h: h["statuses"].append(
        {"id": "x1", "account": "A", "status": 1, "error_code": None, "seq": 9})]),
    # nothing twice
    "a message twice at amo": ("double", [lambda h: h["amo"].append({**at_amo(h, "c2"), "id": "x2b", "seq": 9})]),
    "a message with two effects": ("double", [lambda h: at_amo(h, "c2").update(effects=2)]),
    "a message under two webhook-ids": ("double", [lambda h: h["reached"].append(
        {**at_service(h, "m5"), "webhook_id": "w5b", "seq": 9})]),
    "the echo of a colleague's word at the client": ("double", [lambda h: h["reached"].append(
        {**at_service(h, "m5"), "token": "o4", "webhook_id": "w9", "seq": 9})]),
    "the report of a manager's word as a new one": ("double", [lambda h: h["amo"].append(
        {**at_amo(h, "c2"), "first": "m5 from", "text": "m5 from", "id": "x9", "seq": 9})]),
    # nothing marked that is not so
    "delivered, and amo never had it": ("lie", [lambda h: without(h, "amo", at_amo(h, "c2"))]),
    "delivered without amo's id": ("lie", [lambda h: h["states"]["c2"].update(amo_id=None)]),
    "delivered under another message's id": ("lie", [lambda h: h["states"]["c2"].update(amo_id="x1")]),
    "taken over, and the service never had it": ("lie", [lambda h: without(h, "reached", at_service(h, "m6"))]),
    "read, and nobody reported it": ("lie", [lambda h: h["statuses"].append(
        {"id": "a6", "account": "A", "status": 2, "error_code": None, "seq": 9})]),
    "failed, and amo has it": ("slander", [lambda h: h["states"]["c2"].update(state="failed")]),
    "failed, and the service has it and said so": ("slander", [lambda h: h["states"]["m6"].update(state="failed")]),
    "failed on the card, and the service has it and said so": ("slander", [card("m6", -1, "no answer")]),
    "failed as the service was told, and amo has it": ("slander", [failed("wa-2")]),
    "failed as the service was told, of what nobody wrote": ("stranger", [failed("wa-99")]),
    # nothing accepted that is nowhere
    "a client's word is nowhere": ("lost", [lose("c2")]),
    "a manager's word is nowhere": ("lost", [lose("m6")]),
    "a report is nowhere": ("lost", [lambda h: h["statuses"].pop()]),
    "dead, and the manager was not told": ("untold", [lose("m6"), dead("m6", "service.message")]),
    "dead, and the service was not told": ("untold", [lose("c2"), dead("c2", "amo.message")]),
    "dead, and the manager read \"delayed\" alone": ("untold", [
        lose("m6"), dead("m6", "service.message"), card("m6", -1, "delayed")]),
    "nowhere, and the manager read \"delayed\" alone": ("lost", [lose("m6"), card("m6", -1, "delayed")]),
    "dead of age too soon": ("hasty", [lose("c2"), dead("c2", "amo.message", "life_time"),
                                       lambda h: act(h, "c2").update(hour=0), lambda h: h.update(hours=23)]),
    "dead as unclear too soon": ("hasty", [
        lambda h: h["states"]["m6"].update(state="failed"), dead("m6", "service.message", "unclear"), called("m6", 6.5),
        lambda h: h.update(hours=23)]),
    "a young edit of an old message dead of age": ("hasty", [
        dead("c1", "amo.edit", "life_time", at=8), lambda h: h["acts"][7].update(hour=20), lambda h: h.update(hours=30),
        failed("wa-1", "edit_failed")]),
    "dead as refused, and nobody said no": ("baseless", [
        lose("c2"), dead("c2", "amo.message", "refused"), failed("wa-2"), asked("c2", 0, 500)]),
    "dead as refused after an error that was no no": ("baseless", [
        lose("m6"), dead("m6", "service.message", "refused"), card("m6", -1, "no"), called("m6", 6)]),
    "dead after three attempts": ("baseless", [
        lose("c2"), dead("c2", "amo.message", "cut", attempts=3), failed("wa-2")]),
    "a client's word dead as moved": ("baseless", [
        lose("c2"), dead("c2", "amo.message", "moved"), failed("wa-2"), moved(3)]),
    "dead as moved, and nothing moved": ("baseless", [
        lose("m6"), dead("m6", "service.message", "moved"), card("m6", -1, "no")]),
    "an edit dead as refused of a message that amo has": ("baseless", [
        dead("c1", "amo.edit", "refused", at=8), failed("wa-1", "edit_failed")]),
    "an edit dead with its message, which amo has": ("baseless", [dead("c1", "amo.edit", "parent", at=8)]),
    "a dead edit of which the service never heard": ("untold", [dead("c1", "amo.edit", "life_time", at=8)]),
    "in quarantine for no reason": ("banished", [lose("c2"), kept("c2", "not_understood")]),
    "in quarantine as nobody's, and nothing changed hands": ("banished", [lose("c2"), kept("c2")]),
    "in quarantine as nobody's, long before its number changed hands": ("banished", [
        lose("c2"), kept("c2"), moved(20)]),
    "its edit in quarantine, and a word nowhere": ("lost", [lose("c2"), kept("c2 edit 1", "unknown_message")]),
    "waiting when all is well": ("endless", [lose("c2"), lambda h: h["waiting"].append("c2")]),
    "a final no of ingress": ("refused", [lose("c2"), lambda h: act(h, "c2").update(
        accepted=False, refusal="409 conflict")]),
    # order
    "a client's second word first": ("overtaken", [lambda h: at_amo(h, "c1").update(seq=9)]),
    "a colleague's word first, where no manager has written": ("overtaken", [
        lambda h: at_amo(h, "o4").update(seq=0)]),
    "a colleague's word before what it answers": ("overtaken", [
        lambda h: act(h, "o4").update(n=7), lambda h: at_amo(h, "o4").update(seq=0)]),
    "a manager's second word first": ("overtaken", [lambda h: at_service(h, "m5").update(seq=9)]),
    "an edit goes back": ("overtaken", [lambda h: h["edits"].insert(2, {"id": "x1", "text": "c1 edit 1", "seq": 7})]),
    "the old text stands": ("stale", [lambda h: at_amo(h, "c1").update(text="c1 edit 1")]),
    "the old text stands, and an older edit is dead": ("stale", [
        lambda h: at_amo(h, "c1").update(text="c1 edit 1"), dead("c1", "amo.edit", "life_time", at=7),
        failed("wa-1", "edit_failed"), lambda h: h.update(hours=30)]),
    "what a service reports of a manager's word is refused": ("refused", [lambda h: h["acts"].append(
        {"kind": "call", "of": "m5", "accepted": False, "refusal": "422", "may_refuse": False, "n": None})]),
    "a report is nowhere, and another one is dead": ("lost", [
        lambda h: h["statuses"].pop(), dead("m5", "amo.status", "life_time", at=9, status=1),
        lambda h: h.update(hours=30)]),
    "read becomes delivered": ("overtaken", [lambda h: h["statuses"].append(
        {"id": "a5", "account": "A", "status": 1, "error_code": None, "seq": 9})]),
}


def test_a_good_run_has_no_problems():
    assert kinds() == []


@pytest.mark.parametrize("what", PLANTED)
def test_each_planted_fault_is_named(what):
    kind, changes = PLANTED[what]
    assert kind in kinds(*changes)


EXCUSED = {
    "dead, and the manager read -1": [lose("m6"), dead("m6", "service.message"), card("m6", -1, "no")],
    "dead as refused, as its service said": [
        lose("m6"), dead("m6", "service.message", "refused"), card("m6", -1, "no"), called("m6", 6, final=True)],
    "dead as refused, as amo said": [
        lose("c2"), dead("c2", "amo.message", "refused"), failed("wa-2"), asked("c2", 400)],
    "called failed as unclear, cut off by core's death and a move": [
        lambda h: h["states"]["m6"].update(state="failed"), dead("m6", "service.message", "unclear"), moved(7),
        away("core", 6.55, 7.0), called("m6", 6.5)],
    "dead, and its account has left": [
        lose("m6"), dead("m6", "service.message", at=8), of("m6", scope="old"),
        lambda h: h["left"].append({"scope": "old", "from": 8})],
    "dead, and the service was told": [lose("c2"), dead("c2", "amo.message"), failed("wa-2")],
    "an edit dead of age, and the service was told": [
        lambda h: at_amo(h, "c1").update(text="c1 edit 1"), lambda h: h["edits"].pop(), lambda h: h.update(hours=30),
        dead("c1", "amo.edit", "life_time", at=8), failed("wa-1", "edit_failed")],
    "in quarantine, for its number changed hands": [lose("c2"), kept("c2"), moved(3, "A")],
    "never accepted": [lose("c2"), of("c2", accepted=False)],
    "in quarantine, by an id that no answer told": [
        kept("m6 report", "foreign_message"), now("m6", "service", told=False, answered=[])],
    "gone with a spool": [lose("c2"), spool(1, 2, "c2")],
    "an edit gone with a spool": [lambda h: at_amo(h, "c1").update(text="c1 edit 1"), lambda h: h["edits"].pop(),
                                  spool(7, 8)],
    "an old edit again after the store went back": [
        lambda h: h["edits"].extend([{"id": "x1", "text": "c1 edit 1", "seq": 9},
                                     {"id": "x1", "text": "c1 edit 2", "seq": 10}]),
        store(8, 10)],
    "failed by a core that is forgotten, then done": [failed("wa-2", at=2), now("c2", at=5), store(1, 4)],
    "behind the next one, since its final no is forgotten": [
        called("m5", 5.2, final=True), now("m5", "service", at=12, seq=9), now("m6", "service", at=6.5), store(5, 10)],
    "behind a colleague's that might have waited, since amo's final no is forgotten": [
        called("m6", 6.5), of("o4", n=7, at=7), now("o4", at=7.5), asked("c2", 400, at=5), now("c2", at=12, seq=9),
        store(4, 10)],
    "behind the next one, since the looks after amo's no are forgotten": [
        asked("c1", 400, at=1), now("c1", at=12, seq=9), store(2, 10)],
    "a colleague's that might have waited behind a client's, since amo's final no is forgotten": [
        called("m6", 6.5), of("o4", n=7, at=7), asked("o4", 400, at=7.5), later("c9", 8), now("o4", at=12, seq=9),
        store(7.6, 11)],
    "given up as unclear by a core that has forgotten its service's id of it": [
        lambda h: h["states"]["m5"].update(state="failed"), dead("m5", "service.message", "unclear", at=11),
        card("m5", -1, "perhaps"), called("m5", 5.5), store(2, 10), aged],
    "reported by that id": [
        lambda h: h["statuses"].clear(), lambda h: h["states"]["m5"].update(state="failed"),
        dead("m5", "service.message", "unclear", at=11), card("m5", -1, "perhaps"), called("m5", 5.5), store(2, 10),
        aged],
    "accepted before its source was given away": [moved(20)],
    "tried there before its source was given away": [moved(20), now("c3", at=30), asked("c3", 0, 200, at=19)],
    "waited while processes were away": [moved(20), now("c3", at=30), away("core", 21, 29)],
    "in both accounts, the first of which nobody who lives has called": [
        moved(20), asked("c3", 0, at=3.5), in_b_too("c3"), away("core", 3.6, 5), away("egress-0", 4, 5)],
    "in both accounts, the first of which let nobody in any more": [
        moved(20), asked("c3", 0, at=3.5), asked("c3", 403, at=6), in_b_too("c3"), away("core", 3.6, 5),
        away("egress-0", 4, 5)],
    "in both accounts, the first of which answered a core that is forgotten, and nothing shows it": [
        moved(20), asked("c3", 200, at=3), in_b_too("c3"), store(3, 4.5)],
    "delayed, then delivered": [lambda h: h["statuses"].insert(
        0, {"id": "a5", "account": "A", "status": -1, "error_code": 903, "error": "delayed", "seq": 0})],
    "delayed, then taken over by a service that reports nothing": [card("m6", -1, "delayed")],
    "a colleague's word waited for a manager's to be known": [
        called("m6", 6.5), of("o4", n=7, at=7), now("o4", at=13.6), later("c9", 13.5)],
    "failed, and the service that has it never said so": [lambda h: h["states"]["m6"].update(state="failed"),
                                                         now("m6", "service", told=False, answered=[])],
    "an edit dead with its message, which is unclear and amo has": [
        lambda h: h["states"]["c1"].update(state="failed"), asked("c1", 0), dead("c1", "amo.message", "unclear"),
        dead("c1", "amo.edit", "parent", at=8)],
    "failed as unclear, and amo has it": [lambda h: h["states"]["c2"].update(state="failed"), asked("c2", 0),
                                          dead("c2", "amo.message", "unclear")],
    "reported by an id that nobody learnt, of what died as unclear": [
        given_up(), now("m5", "service", told=False, answered=[]), aged],
    "called failed as unclear when a day was over": [
        lambda h: h["states"]["m6"].update(state="failed"), dead("m6", "service.message", "unclear"), called("m6", 6.5),
        aged],
    "reported of what came too late for the channel that its account has left": [
        lambda h: h["statuses"].clear(), kept("m5", "unknown_scope"), moved(20, "A"), of("m5", scope="old"),
        lambda h: h["left"].append({"scope": "old", "from": 8})],
    "reports that are dead since its account has left, one of which came twice": [
        reported("m5", "delivered", n=11), lambda h: h["statuses"].clear(), moved(20, "A"),
        dead("m5", "amo.status", "account_left", at=50, status=1),
        dead("m5", "amo.status", "account_left", at=50, status=2)],
    "a report that is dead, and one before it that said less": [
        lambda h: h["statuses"].clear(), moved(20, "A"), dead("m5", "amo.status", "account_left", at=50, status=2)],
    "an edit of what stands in quarantine, and amo has from a core that is forgotten": [
        now("c1", text="c1 edit 1"), lambda h: h["edits"].pop(), lambda h: h["states"].pop("c1"), kept("c1"),
        moved(3, "A"), store(1, 4)],
    "in quarantine with the report of it, since its account left": [
        lose("m6"), kept("m6", "unknown_scope"), kept("m6", "repeats_quarantined"), moved(3, "A")],
    "refused while its source changed hands": [lose("c2"), of("c2", accepted=False, refusal="422", may_refuse=True)],
}


@pytest.mark.parametrize("what", EXCUSED)
def test_what_is_excused_is_no_problem(what):
    assert kinds(*EXCUSED[what]) == []


@pytest.mark.parametrize("what, kind, changes", [
    ("what core knew is not gone with a spool", "lost", [lose("c2"), spool(1, 2, "c3")]),
    ("nor what was accepted before the copy", "stale", [
        lambda h: at_amo(h, "c1").update(text="c1 edit 1"), spool(8, 9, "c3")]),
    ("nor is an edit of what is gone one of a manager's word that is so called", "stranger", [
        lose("c2"), spool(1, 2, "c2"), namesake("c2")]),
    ("nor of another manager's", "stranger", [lose("c2"), spool(1, 2, "c2"), namesake("c2", "a6")]),
    ("nor of a client's", "stranger", [lose("c2"), spool(1, 2, "c2"), namesake("c2", "x3")]),
    ("nor is that an excuse for a second effect", "double", [now("c2", effects=2), spool(1, 2, "c2")]),
    ("a move alone is none for calling failed what is there", "slander", [
        lambda h: h["states"]["m6"].update(state="failed"), dead("m6", "service.message", "moved"), moved(7)]),
    ("nor with a death of core while it was called", "slander", [
        lambda h: h["states"]["m6"].update(state="failed"), dead("m6", "service.message", "moved"), moved(7),
        away("core", 6.55, 7), called("m6", 6.5)]),
    ("what nobody has called is not unclear", "baseless", [
        lose("m6"), dead("m6", "service.message", "unclear"), card("m6", -1, "no"), moved(7)]),
    ("nor is a client's word", "baseless", [lose("c2"), dead("c2", "amo.message", "unclear"), failed("wa-2")]),
    ("a quarantine alone is none for an edit of what amo has", "stale", [
        now("c1", text="c1 edit 1"), lambda h: h["edits"].pop(), kept("c1"), moved(3, "A")]),
    ("nor when amo had it before the copy", "stale", [
        now("c1", text="c1 edit 1"), lambda h: h["edits"].pop(), kept("c1"), moved(3, "A"), store(2, 4)]),
    ("nor is a store put back without a quarantine", "stale", [
        now("c1", text="c1 edit 1"), lambda h: h["edits"].pop(), store(1, 4)]),
    ("the report of a word is not the word", "lost", [lose("m6"), kept("m6", "repeats_quarantined"), moved(3, "A")]),
    ("nor is it banished where nothing changed hands", "banished", [kept("m6", "repeats_quarantined")]),
    ("that of a store is none for a loss", "lost", [lose("c2"), store(0, 10)]),
    ("nor for an old text that stands", "stale", [now("c1", text="c1 edit 1"), store(0, 10)]),
    ("nor for first times out of order", "overtaken", [
        lambda h: h["edits"].reverse(), lambda h: h["edits"][0].update(at=11), lambda h: h["edits"][1].update(at=12),
        store(8, 10)]),
    ("nor for what was done long before the copy", "overtaken", [
        lambda h: h["edits"].extend([{"id": "x1", "text": "c1 edit 1", "seq": 19},
                                     {"id": "x1", "text": "c1 edit 2", "seq": 20}]), store(15, 20)]),
    ("nor for a status told long before", "overtaken", [
        lambda h: h["statuses"].extend([{"id": "a5", "account": "A", "status": 1, "error_code": None, "seq": 19},
                                        {"id": "a5", "account": "A", "status": 2, "error_code": None, "seq": 20}]),
        store(15, 20)]),
    ("an id that an answer told is no stranger's", "banished", [kept("m6 report", "foreign_message")]),
    ("nor for going behind the next one without a final no", "overtaken", [
        called("m5", 5.2), now("m5", "service", at=12, seq=9), now("m6", "service", at=6.5), store(5, 10)]),
    ("nor behind a colleague's without one", "overtaken", [
        called("m6", 6.5), of("o4", n=7, at=7), now("o4", at=7.5), asked("c2", 0, at=5), now("c2", at=12, seq=9),
        store(4, 10)]),
    ("nor when those were over before the copy", "overtaken", [
        asked("c1", 400, at=1), now("c1", at=12, seq=9), store(3, 10)]),
    ("nor when that was known to the copy", "overtaken", [
        called("m5", 5.2, final=True), now("m5", "service", at=12, seq=9), now("m6", "service", at=6.5), store(6, 10)]),
    ("nor for an id that the last store knew", "overtaken", [
        lambda h: h["states"]["m5"].update(state="failed"), dead("m5", "service.message", "unclear", at=11),
        card("m5", -1, "perhaps"), now("m5", "service", answered=[5.6, 10.5]), store(2, 10)]),
    ("nor for a report of what was not given up", "lost", [lambda h: h["statuses"].clear(), store(2, 10)]),
    ("nor for calling failed what was there", "slander", [failed("wa-2", at=5), store(3, 6)]),
    ("two channels that both answered are not both", "double", [
        moved(20), asked("c3", 200, at=3.5), in_b_too("c3"), away("core", 3.6, 5), away("egress-0", 4, 5)]),
    ("nor two of which the first was called again", "double", [
        moved(20), asked("c3", 0, at=3.5), asked("c3", 404, at=6), in_b_too("c3"), away("core", 3.6, 5),
        away("egress-0", 4, 5)]),
    ("nor with a worker that lived to tell", "double", [
        moved(20), asked("c3", 0, at=3.5), in_b_too("c3"), away("core", 3.6, 5)]),
    ("nor when it let somebody in once more", "double", [
        moved(20), asked("c3", 0, at=3.5), asked("c3", 403, at=6), asked("c3", 0, at=7), in_b_too("c3"),
        away("core", 3.6, 5), away("egress-0", 4, 5)]),
    ("nor when both died long after", "double", [
        moved(20), asked("c3", 0, at=3.5), in_b_too("c3"), away("core", 9, 10), away("egress-0", 9, 10)]),
    ("nor when a spool could tell that the store is a copy", "double", [
        moved(20), asked("c3", 200, at=3), in_b_too("c3"), store(3, 15)]),
    ("nor twice in the second", "double", [
        moved(20), asked("c3", 0, at=3.5), in_b_too("c3"), in_b_too("c3"), away("core", 3.6, 5),
        away("egress-0", 4, 5)]),
    ("nobody waits for a manager's word that is known", "overtaken", [
        called("m6", 6.5), of("o4", n=17, at=17), now("o4", at=25.6), later("c9", 25.5)]),
    ("a client's later word waits for it as well", "overtaken", [
        called("m6", 6.5), of("o4", n=7, at=7), now("o4", at=13.6), later("c9", 12.5)]),
    ("what died before its account left could be told", "untold", [
        lose("m6"), dead("m6", "service.message", at=8), of("m6", scope="old"),
        lambda h: h["left"].append({"scope": "old", "from": 20})]),
    ("an id that an answer told is known, whatever died", "lost", [given_up()]),
    ("nor is the id of what died of something else unknown", "lost", [
        given_up("attempts"), now("m5", "service", told=False, answered=[])]),
    ("nor of what is not in quarantine, whoever has left", "lost", [
        lambda h: h["statuses"].clear(), of("m5", scope="old"),
        lambda h: h["left"].append({"scope": "old", "from": 8})]),
    ("nor of what is there for another reason", "lost", [
        lambda h: h["statuses"].clear(), kept("m5"), moved(20, "A"), of("m5", scope="old"),
        lambda h: h["left"].append({"scope": "old", "from": 8})]),
    ("nor of what is there while its account has not left", "lost", [
        lambda h: h["statuses"].clear(), kept("m5", "unknown_scope"), moved(20, "A"), of("m5", scope="old")]),
    ("nor of two reports of which the one that says less is dead", "lost", [
        lambda h: h["statuses"].clear(), moved(20, "A"), dead("m5", "amo.status", "account_left", at=50, status=1)]),
    ("nor when both are of one time", "lost", [
        lambda h: h["statuses"].clear(), moved(20, "A"), dead("m5", "amo.status", "account_left", at=10, status=1)]),
    ("nor of one that says less and came after the dead one", "lost", [
        lambda h: h["statuses"].clear(), moved(20, "A"), dead("m5", "amo.status", "account_left", at=50, status=2),
        lambda h: h["acts"][8].update(n=11)]),
    ("nor when the one that says more was not accepted", "lost", [
        lambda h: h["statuses"].clear(), moved(20, "A"), dead("m5", "amo.status", "account_left", at=50, status=2),
        lambda h: h["acts"][9].update(accepted=False, refusal="422", may_refuse=True)]),
    ("nor when it is nowhere", "lost", [lambda h: h["statuses"].clear(), moved(20, "A")]),
    ("another final no is none while sources change hands", "refused", [
        lose("c2"), of("c2", accepted=False, refusal="409", may_refuse=False), moved(3)])])
def test_an_excuse_covers_no_more_than_it_says(what, kind, changes):
    assert kind in kinds(*changes), what
