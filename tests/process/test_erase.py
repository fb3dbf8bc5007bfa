"""Erasing a person: nothing he wrote or is called is found in any file afterwards, and nobody else loses anything."""
import contextlib
import json
import sqlite3
import uuid

import pytest

from remotes import amoctl, amoctl_json
from stack import QUICK, ControlError, Stack, http, wait_for
from test_doors import hook

PHONE, TALK, NAME = "79165557788", "thread-17", "Unmistakable Ефросинья"
MARK = "unmistakable"
OTHER_PHONE, OTHER_TALK, OTHER = "79031112233", "thread-18", "bystander"


@pytest.fixture
def stack():
    with Stack(env={**QUICK, "AMO_LOG_LEVEL": "debug", "AMO_SCOPE_BURST": "100"}) as s:
        s.up(register=False)
        s.register(report="none")
        yield s


def spellings(words):
    """The bytes of a text, as it is and as JSON may escape it."""
    return [words.encode(), json.dumps(words)[1:-1].encode()]


PERSONAL = [n for w in (MARK, NAME, "Ефросинья", PHONE[1:], "916) 555-77-88", "🦡") for n in spellings(w)]


def found(stack, needles=None, logs=True):
    """Where any of these lies: [(file, needle)]."""
    needles = needles or PERSONAL
    files = [p for p in (stack.dir / "data").rglob("*") if p.is_file()]
    files += [stack[n].log_path for n in ("core", "ingress", *stack.workers)] if logs else []
    hits = []
    for path in files:
        content = path.read_bytes().lower()
        hits += [(path.name, n) for n in needles if n.lower() in content]
    return hits


def store(stack):
    """Core's database, to read only."""
    return contextlib.closing(sqlite3.connect(f"file:{stack.dir}/data/core/core.db?mode=ro", uri=True))


def who(phone=PHONE, name=NAME, talk=TALK):
    return {"id": f"id-of-{talk}", "name": name, "phone": f"+{phone}", "email": f"{name.split()[0].lower()}@example.org",
            "avatar": f"https://files.example/{name.split()[0].lower()}.jpg"}


def letters(stack):
    """Messages that were given up."""
    return [d for d in stack.control("dead.list") if d["kind"] in ("amo.message", "service.message")]


def everywhere(stack):
    """Something of him in every place where something can lie; something of another person beside it."""
    he, other = who(), who(OTHER_PHONE, OTHER, OTHER_TALK)
    met = stack.meet(f"{MARK}-first-words", conversation=TALK, sender=he)
    stack.meet(f"{OTHER}-first-words", conversation=OTHER_TALK, sender=other)
    stack.manager_writes(f"{MARK}-answer", met["chat"])
    taken = stack.wait("service.message", text=f"{MARK}-answer")["item"]
    stack.client_writes(f"{MARK}-caption", conversation=TALK, sender=he, type="picture",
                        media={"url": f"https://files.example/{MARK}.jpg", "name": f"{MARK}.jpg", "size": 5})
    stack.settle()
    stack.sandbox("manager/reacts", {"scope_id": stack.scope, "id": met["id"], "type": "react", "emoji": "🦡"})
    stack.settle()
    # dead letters, refused with everything said back
    stack.fault(on="amojo.new_message", status=400, times=1, body={"said": f"{MARK} {NAME}", "who": PHONE})
    stack.client_writes(f"{MARK}-refused", conversation=TALK, sender=he)
    wait_for(lambda: len(letters(stack)) == 1, "a dead letter")
    stack.fault(on="service.message.created", status=422, times=1,
                body={"error": {"code": "x", "message": f"{NAME} {PHONE} {MARK}"}})
    stack.manager_writes(f"{MARK}-refused-too", met["chat"])
    wait_for(lambda: len(letters(stack)) == 2, "another")
    stack.fault(on="amojo.new_message", status=400, times=1, body={"said": OTHER})
    stack.client_writes(f"{OTHER}-refused", conversation=OTHER_TALK, sender=other)
    wait_for(lambda: len(letters(stack)) == 3, "the other's")
    # signed and not understood: by chat, by a phone in a form of its own; of an account that is not ours; another's
    assert stack.webhook('{"account_id": "x", "chat": "%s", "words": "%s"' % (met["chat"], MARK), learn=False)["status"]
    assert stack.webhook('{"who": "8 (916) 555-77-88", "words": "%s"' % MARK, learn=False)["status"]
    assert stack.webhook('{"who": "+7 903 111 22 33", "words": "%s"' % OTHER, learn=False)["status"]
    channel, stranger = stack.channel, str(uuid.uuid4())
    body = hook(stranger, f"{MARK}-to-nobody", client=None)
    body["message"]["receiver"].update(phone=f"+{PHONE}", name=NAME)
    stack.webhook(body, url=f"http://127.0.0.1:{stack.port}/messages/{channel}_{stranger}", learn=False)
    wait_for(lambda: len(stack.control("quarantine.list")) == 4, "the quarantine")
    # about messages that nobody knows yet
    stack.service_call("reactions", {"message_id": "unknown-1", "emoji": "🦡", "sender": {"id": he["id"]}})
    stack.call("PATCH", "messages/unknown-2", {"text": f"{MARK} call me at +7 (916) 555-77-88"})
    stack.call("PATCH", "messages/unknown-3", {"text": f"{OTHER}-never-mind"})
    wait_for(lambda: stack.control("status")["waiting_events"] == 3, "the waiting room")
    stack.settle()
    # while the account stands still
    stack.control("account.pause", scope_id=stack.scope)
    stack.client_writes(f"{MARK}-waits", conversation=TALK, sender=he)
    stack.client_writes("", conversation=TALK, sender=he, type="contact",
                        contact={"name": NAME, "phone": f"+{PHONE}"})
    waiting = stack.manager_writes(f"{MARK}-waits-too", met["chat"])
    stack.sandbox("client/edits", {"connector": "svc", "id": taken["id"], "text": f"{MARK}-edited"}, ok=False)
    card = stack.sandbox("manager/writes-first", {"scope_id": stack.scope, "phone": f"+{PHONE}", "source": "wa1",
                                                  "text": f"{MARK}-first-from-a-card"})["items"][0]
    stack.client_writes(f"{OTHER}-waits", conversation=OTHER_TALK, sender=other)
    wait_for(lambda: stack.control("status")["commands"] >= 5, "commands that wait")
    wait_for(lambda: stack.figure("ingress", "amo_spool_events") == 0, "an empty spool")
    return met, card, waiting


def test_a_person_is_erased_from_every_place_and_the_rest_goes_on(stack):
    met, card, waiting = everywhere(stack)
    assert {f for f, _ in found(stack, logs=False)} >= {"core.db-wal"} and any(
        f.endswith(".seg") for f, _ in found(stack))
    assert not [f for f, _ in found(stack) if f.endswith(".log")]
    messages = [met["id"], waiting["id"], card["id"]]
    before = {m: stack.control("trace", id=m)["message"] for m in messages}
    dead = {d["id"]: d for d in stack.control("dead.list")}

    code, said, complaint = amoctl(stack, "erase", "--phone", f"+{PHONE}", "--dry-run", "--json")
    assert code == 0, complaint
    plan = json.loads(said)
    assert plan["dry_run"] and plan["removed"]["commands"] >= 3 and plan["removed"]["dead_letters"] >= 2
    assert found(stack, logs=False) and stack.control("status")["commands"] >= 5

    code, said, complaint = amoctl(stack, "erase", "--phone", "8 (916) 555-77-88", "--json")
    assert code == 0, complaint
    report = json.loads(said)
    assert found(stack) == []
    removed = report["removed"]
    assert {k: removed[k] for k in plan["removed"]} == plan["removed"]
    assert (removed["quarantine"], removed["waiting_events"]) == (3, 2)
    assert removed["messages"] >= 6 and removed["reactions"] == 1 and removed["words"] == 1
    assert report["ingresses"] == [{"name": "ingress", "state": "clean", "events": 0}]
    assert PHONE not in said and NAME not in said
    assert not any("conversations the service made" in w for w in report["warnings"])
    assert any("it is not known who wrote them: 1;" in w for w in report["warnings"])
    line = stack["core"].wait_line(r"what=person.erased (.*)").group(1)
    assert f"erasure={report['erasure']}" in line and PHONE not in line

    # ids, times, states and reasons are there
    for m in messages:
        after = stack.control("trace", id=m)["message"]
        assert {k: after[k] for k in ("mid", "amo_id", "conversation", "taken_at")} == {
            k: before[m][k] for k in ("mid", "amo_id", "conversation", "taken_at")}
    assert stack.control("trace", id=met["id"])["message"]["state"] == "delivered_to_amo"
    gone = stack.control("trace", id=waiting["id"])["message"]
    assert (gone["state"], gone["reason"]) == ("failed", "erased")
    for d in stack.control("dead.list"):
        assert {k: v for k, v in d.items() if k != "erased"} == dead[d["id"]]
    erased = [d["id"] for d in stack.control("dead.list") if d.get("erased")]
    kept = [d["id"] for d in letters(stack) if not d.get("erased")]
    assert len(erased) == removed["dead_letters"] and len(kept) == 1
    assert all(t["evidence"] is None for i in erased for t in stack.control("dead.show", id=i)["tries"])
    with pytest.raises(ControlError, match="erased with its person"):
        stack.control("dead.retry", ids=[kept[0], erased[0]])
    entries = stack.control("quarantine.list")
    blank = [q["id"] for q in entries if q.get("erased")]
    assert len(entries) == 4 and len(blank) == 3
    assert "raw" not in stack.control("quarantine.show", id=blank[0], reveal=True)
    with pytest.raises(ControlError, match="erased with its person"):
        stack.control("quarantine.replay", ids=[blank[0]])
    assert OTHER in stack.control("quarantine.show", id=next(q["id"] for q in entries if not q.get("erased")), reveal=True)["raw"]

    # everything goes on; the manager hears of the message that will not come
    assert found(stack, [OTHER.encode()], logs=False)
    stack.control("dead.retry", ids=kept)
    stack.control("account.resume", scope_id=stack.scope)
    stack.wait("amojo.message", text=f"{OTHER}-waits")
    stack.wait("amojo.message", text=f"{OTHER}-refused")
    wait_for(lambda: (-1, 903) in stack.statuses(waiting["id"]), "the manager to be told")
    stack.client_writes("here-again", conversation=TALK, sender=who())
    assert stack.wait("amojo.message", text="here-again")["item"]["chat"] == card["chat"]
    stack.manager_writes("welcome-back", card["chat"])
    assert stack.wait("service.message", text="welcome-back")["item"]["conversation"] == TALK
    stack.control("dead.drop", ids=erased)
    stack.control("quarantine.drop", ids=blank)

    # and once more, by its number, over a restart
    stack.settle()
    stack.start_over("core")
    wait_for(lambda: stack.peer("ingress"), "the ingress")
    number = str(gone["conversation"])
    assert found(stack, [f"{OTHER}-never-mind".encode()], logs=False)
    code, said, complaint = amoctl(stack, "erase", "--conversation", number, "--unowned")
    assert code == 0, complaint
    assert "removed" in said and "clean" in said
    assert not found(stack, [f"{OTHER}-never-mind".encode()])
    assert found(stack) == []
    with store(stack) as db:
        rows = db.execute("SELECT report FROM erasures ORDER BY id").fetchall()
    assert len(rows) == 2 and json.loads(rows[0][0])["removed"] == removed and PHONE not in rows[0][0]


def test_who_cannot_be_meant_is_refused_in_words(stack):
    stack.meet("hello")
    for words, code, why in ((("erase",), 2, "either a phone or a conversation"),
                             (("erase", "--phone", PHONE, "--conversation", "1"), 2, "either"),
                             (("erase", "--phone", "12-34"), 2, "at least 7 digits"),
                             (("erase", "--conversation", "x"), 2, "not a number"),
                             (("erase", "--conversation", "99"), 1, "no conversation 99"),
                             (("erase", "--phone", PHONE), 1, "nothing of this person"),
                             (("erase", "--phone", PHONE, "--dry-run"), 1, "nothing of this person")):
        got, said, complaint = amoctl(stack, *words)
        assert (got, said) == (code, "") and why in complaint, (words, got, complaint)
        got, said = amoctl_json(stack, *words)
        assert got == code and why in said["error"]["message"], (words, got, said)
        assert said["error"]["code"] == ("usage" if code == 2 else "failed")
    # the phone is the service's id of the conversation: that stays, and is said
    code, said, complaint = amoctl(stack, "erase", "--phone", "+7 900 555 01 01")
    assert code == 0 and "in which the service built them from the phone: 1" in " ".join(said.split()), complaint


def test_what_is_on_its_way_is_settled_when_its_result_comes(stack):
    met = stack.meet("hello", conversation=TALK, sender=who())
    stack.fault(on="service.message.created", delay_ms=3000, times=1)
    done = stack.manager_writes(f"{MARK}-slow", met["chat"])
    wait_for(lambda: (stack.peer("egress-0") or {}).get("in_flight"), "it to be on its way")
    report = stack.control("erase", phone=PHONE)
    assert report["removed"]["commands_under_way"] == 1
    assert any("on their way" in w for w in report["warnings"])
    wait_for(lambda: stack.control("trace", id=done["id"])["message"]["state"] == "delivered_to_service", "its result")
    assert report["removed"]["messages"] == 2
    assert stack.control("erase", conversation=report["conversations"][0])["removed"]["evidence"] == 0
    stack.settle()
    stack.control("erase", conversation=report["conversations"][0])
    assert set(stack.control("erase", conversation=report["conversations"][0])["removed"].values()) == {0}, "nothing is left"
    assert found(stack) == []


def test_an_ingress_that_is_away_is_named_and_what_it_holds_is_erased_later(stack):
    stack.meet(f"{MARK}-hello", conversation=TALK, sender=who())
    stack.settle()
    stack["ingress"].kill()
    wait_for(lambda: not (stack.peer("ingress") or {"alive": False})["alive"], "its silence")
    code, said, complaint = amoctl(stack, "erase", "--phone", PHONE, "--json")
    report = json.loads(said)
    assert code == 1 and "not everywhere" in complaint
    assert report["ingresses"] == [{"name": "ingress", "state": "away", "events": 0}]
    assert any("run it again" in w and "ingress" in w for w in report["warnings"])
    assert {f for f, _ in found(stack) if not f.endswith(".seg")} == set()
    assert [f for f, _ in found(stack) if f.endswith(".seg")]
    stack.start("ingress")
    wait_for(lambda: (stack.peer("ingress") or {}).get("alive"), "its return")
    assert amoctl(stack, "erase", "--conversation", str(report["conversations"][0]))[0] == 0
    assert found(stack) == []


def test_what_core_has_not_taken_yet_comes_first(stack):
    """Events that lie in the spool when the verb is called are core's a moment later, and erased."""
    stack.meet("hello", conversation=TALK, sender=who())
    stack.settle()
    stack["core"].kill()
    for n in range(300):
        body = {"id": f"m-{n}", "source": "wa1", "conversation": {"id": TALK}, "sender": who(), "type": "text",
                "text": f"{MARK}-{n}"}
        assert stack.service_call("messages", body)[0] == 202
    stack.start("core")
    wait_for(lambda: (stack.peer("ingress") or {}).get("alive"), "the session")
    report = stack.control("erase", phone=PHONE)
    assert report["removed"]["messages"] == 301
    assert found(stack) == []


def test_killed_in_the_middle_it_is_all_or_nothing_and_a_repeat_ends_it(stack):
    stack.meet(f"{MARK}-hello", conversation=TALK, sender=who())
    stack.control("account.pause", scope_id=stack.scope)
    for n in range(20):
        stack.client_writes(f"{MARK}-{n}", conversation=TALK, sender=who())
    wait_for(lambda: stack.control("status")["commands"] == 20, "the commands")
    number = stack.control("conversation.list")[0]["id"]
    for _ in range(4):
        try:
            stack.control("erase", conversation=number, timeout=0.01)
        except TimeoutError:
            pass
        stack.start_over("core")
        with store(stack) as db:
            phone = db.execute("SELECT phone FROM conversations").fetchone()[0]
            bodies = db.execute("SELECT count(*) FROM commands WHERE kind=1 AND body IS NOT NULL").fetchone()[0]
        assert (phone, bodies) in ((PHONE, 20), (None, 0))
    wait_for(lambda: (stack.peer("ingress") or {}).get("alive"), "the ingress")
    stack.control("erase", conversation=number)
    assert found(stack) == []
