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
    "left": [], "failures": [], "dead": [], "kept": [], "waiting": [], "excuses": [],
    "states": {"c1": {"state": "delivered_to_amo", "amo_id": "x1"}, "c2": {"state": "delivered_to_amo", "amo_id": "x2"},
               "c3": {"state": "delivered_to_amo", "amo_id": "x3"}, "o4": {"state": "delivered_to_amo", "amo_id": "x4"},
               "m5": {"state": "taken_over", "amo_id": "a5"}, "m6": {"state": "taken_over", "amo_id": "a6"}}}


def act(h, token):
    return next(a for a in h["acts"] if a.get("token") == token)


def at_amo(h, token):
    return next(m for m in h["amo"] if m["first"].startswith(token + " "))


def at_service(h, token):
    return next(r for r in h["reached"] if r["token"] == token)


def without(h, where, thing):
    h[where].remove(thing)


def kinds(*changes):
    h = copy.deepcopy(GOOD)
    for change in changes:
        change(h)
    return sorted({kind for kind, _ in judge(h)})


def moved(since):
    return lambda h: h["owners"].append({"service": "wa", "source": "wa1", "account": "B", "since_n": since})


def dead(token, kind, reason="attempts"):
    return lambda h: h["dead"].append({"token": token, "kind": kind, "reason": reason})


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


def excuse(kind, after, to):
    return lambda h: h["excuses"].append({"kind": kind, "from_n": after, "to_n": to})


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
    # nothing accepted that is nowhere
    "a client's word is nowhere": ("lost", [lose("c2")]),
    "a manager's word is nowhere": ("lost", [lose("m6")]),
    "a report is nowhere": ("lost", [lambda h: h["statuses"].pop()]),
    "dead, and the manager was not told": ("untold", [lose("m6"), dead("m6", "service.message")]),
    "dead, and the service was not told": ("untold", [lose("c2"), dead("c2", "amo.message")]),
    "dead of age too soon": ("hasty", [lose("c2"), dead("c2", "amo.message", "life_time"),
                                       lambda h: act(h, "c2").update(hour=0), lambda h: h.update(hours=23)]),
    "waiting when all is well": ("endless", [lose("c2"), lambda h: h["waiting"].append("c2")]),
    "a final no of the door": ("refused", [lose("c2"), lambda h: act(h, "c2").update(
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
    "dead, and the manager read -1": [lose("m6"), dead("m6", "service.message"), lambda h: h["statuses"].append(
        {"id": "a6", "account": "A", "status": -1, "error_code": 905, "seq": 9})],
    "called failed, cut off by core's death and a move": [
        lambda h: h["states"]["m6"].update(state="failed"), dead("m6", "service.message", "moved"),
        lambda h: h.update(restarts=1)],
    "dead, and its account has left": [lose("m6"), dead("m6", "service.message"), lambda h: h["left"].append("old"),
                                       lambda h: act(h, "m6").update(scope="old")],
    "dead, and the service was told": [lose("c2"), dead("c2", "amo.message"), lambda h: h["failures"].append(
        {"mid": "wa-2", "code": "refused"})],
    "in quarantine": [lose("c2"), lambda h: h["kept"].append("c2")],
    "never accepted": [lose("c2"), lambda h: act(h, "c2").update(accepted=False)],
    "accepted between the copy of a spool and its return": [lose("c2"), excuse("spool", 1, 2)],
    "an old edit again after the store went back": [
        lambda h: h["edits"].extend([{"id": "x1", "text": "c1 edit 1", "seq": 9},
                                     {"id": "x1", "text": "c1 edit 2", "seq": 10}]),
        excuse("store", -1, 9)],
    "accepted before its source was given away": [moved(20)],
    "delayed, then delivered": [lambda h: h["statuses"].insert(
        0, {"id": "a5", "account": "A", "status": -1, "error_code": 903, "seq": 0})],
    "a colleague's word waited for a manager's to be known": [
        lambda h: act(h, "o4").update(n=7), lambda h: h["acts"].append(
            {**act(h, "c2"), "token": "c9", "n": 11, "since": 10, "mid": "wa-9"}),
        lambda h: h["amo"].append({**at_amo(h, "c2"), "first": "c9 says", "text": "c9 says", "id": "x9", "seq": 3.5})],
    "failed, and the service that has it never said so": [lambda h: h["states"]["m6"].update(state="failed"),
                                                         lambda h: at_service(h, "m6").update(told=False)],
    "failed as unclear, and amo has it": [lambda h: h["states"]["c2"].update(state="failed"),
                                          dead("c2", "amo.message", "unclear")],
}


@pytest.mark.parametrize("what", EXCUSED)
def test_what_is_excused_is_no_problem(what):
    assert kinds(*EXCUSED[what]) == []


@pytest.mark.parametrize("what, changes", [
    ("the excuse of a spool is no excuse before it", [lose("c1"), excuse("spool", 1, 2)]),
    ("nor for a second effect", [lambda h: at_amo(h, "c2").update(effects=2), excuse("spool", 1, 2)]),
    ("nor is a move alone one for calling failed what is there", [
        lambda h: h["states"]["m6"].update(state="failed"), dead("m6", "service.message", "moved")]),
    ("nor is that of a store for a loss", [lose("c2"), excuse("store", 1, 2)]),
    ("nor for an old text that stands", [lambda h: at_amo(h, "c1").update(text="c1 edit 1"), excuse("store", 6, 9)])])
def test_an_excuse_covers_no_more_than_it_says(what, changes):
    assert kinds(*changes), what
