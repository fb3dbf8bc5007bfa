"""Reactions and typing: small signs, both ways."""
import json
import time
import uuid

import pytest

from stack import QUICK, Stack, wait_for


@pytest.fixture(scope="module")
def stack():
    with Stack(env=QUICK) as s:
        s.up(register=False)
        s.register(report="none")
        s.first = s.client_writes("hello")
        s.chat = s.wait("amojo.message", text="hello")["item"]
        yield s


def calls(stack, kind, **of):
    """Bodies of amojo calls of a kind whose members fit."""
    return [b for b in stack.bodies(side="amojo", kind=kind) if all(b.get(k) == v for k, v in of.items())]


def events(stack, kind, **of):
    """`data` of the service's events of a type whose members fit."""
    return [b["data"] for b in stack.bodies(side="service", kind=kind) if all(b["data"].get(k) == v for k, v in of.items())]


def managers_message(stack, text):
    written = stack.manager_writes(text, stack.chat["chat"])
    got = stack.wait("service.message", text=text)["item"]
    wait_for(lambda: stack.control("trace", id=written["id"])["message"]["state"] == "delivered_to_service", "its answer")
    return written["id"], got


def reacts(stack, **more):
    return stack.sandbox("manager/reacts", {"scope_id": stack.scope, **more})


def test_a_manager_reacts_and_takes_it_back(stack):
    reacts(stack, id=stack.chat["id"], type="react", emoji="😍")
    got = wait_for(lambda: events(stack, "reaction.changed", message_id=stack.first["id"], set=True), "the reaction")
    assert got[0]["emoji"] == "😍" and got[0]["author"]["amo_user"]
    assert got[0]["conversation"]["id"] == "79005550101"
    reacts(stack, id=stack.chat["id"], type="unreact")
    gone = wait_for(lambda: events(stack, "reaction.changed", message_id=stack.first["id"], set=False), "the end of it")
    assert gone[0]["emoji"] == "😍"  # amojo does not say which: the last one is remembered
    ids = [j["key"] for j in stack.journal(side="service", kind="reaction.changed")]
    assert len(ids) == len(set(ids)) and all(i.startswith(f"svc-{stack.first['id']}") for i in ids)


def test_a_repeated_reaction_is_one_reaction(stack):
    body = {"account_id": stack.scope.partition("_")[2], "time": int(time.time()), "action": {"reaction": {
        "type": "react", "emoji": "👍", "user": {"id": str(uuid.uuid4())}, "conversation": {"id": stack.chat["chat"]},
        "msgid": stack.chat["id"]}}}
    for _ in range(3):
        assert stack.webhook(body, learn=False)["status"] == 200
    wait_for(lambda: events(stack, "reaction.changed", emoji="👍"), "the reaction")
    stack.settle()
    assert len(events(stack, "reaction.changed", emoji="👍")) == 1


def test_a_client_reacts_to_either_sides_message(stack):
    amo_id, got = managers_message(stack, "is-it-fine")
    for ident, want in ((got["id"], amo_id), (got["service_id"], amo_id), (stack.first["id"], stack.chat["id"])):
        status, answer, _ = stack.service_call("reactions", {"message_id": ident, "emoji": "👍🏽"})
        assert status == 202, answer
        call = wait_for(lambda w=want: calls(stack, "react", id=w, type="react"), "the reaction at amo")[-1]
        assert call["emoji"] == "👍🏽" and call["user"]["id"] == "svc-79005550101"
    assert stack.service_call("reactions", {"message_id": got["id"], "set": False})[0] == 202
    wait_for(lambda: calls(stack, "react", id=amo_id, type="unreact"), "the end of it")


def test_somebody_on_the_services_side_reacts_in_a_managers_name(stack):
    user = str(uuid.uuid4())
    stack.sandbox("channels", {"id": stack.channel, "users": [user]})
    status, answer, _ = stack.service_call("reactions", {
        "message_id": stack.first["id"], "emoji": "🔥", "sender": {"id": "op-7"}, "author": {"amo_user": user}})
    assert status == 202, answer
    call = wait_for(lambda: calls(stack, "react", emoji="🔥"), "the reaction at amo")[0]
    assert call["user"] == {"id": "svc-op-7", "ref_id": user}


def test_a_reaction_that_overtakes_its_message_waits_for_it(stack):
    ident = f"late-{uuid.uuid4()}"
    assert stack.service_call("reactions", {"message_id": ident, "emoji": "❤"})[0] == 202
    wait_for(lambda: stack.control("status")["waiting_events"] == 1, "it to wait")
    stack.client_writes("the-late-one", id=ident)
    item = stack.wait("amojo.message", text="the-late-one")["item"]
    wait_for(lambda: calls(stack, "react", id=item["id"], emoji="❤"), "the reaction")
    assert stack.control("status")["waiting_events"] == 0


def test_typing_crosses_both_ways_and_is_written_nowhere(stack):
    stack.settle()
    taken = stack.figure("core", "amo_events_total")
    stack.sandbox("manager/types", {"scope_id": stack.scope, "chat": stack.chat["chat"]})
    got = wait_for(lambda: events(stack, "typing.started"), "the manager's typing")[0]
    assert got["conversation"]["id"] == "79005550101" and got["expires_at"].endswith("Z")
    assert stack.service_call("typing", {"source": "wa1", "conversation": {"id": "79005550101"}})[0] == 202
    call = wait_for(lambda: calls(stack, "typing"), "the client's typing")[0]
    assert call["sender"] == {"id": "svc-79005550101"} and 0 < call["duration_ms"] <= 5000
    assert stack.figure("core", "amo_events_total") == taken  # no spool number, no row
    assert stack.control("status")["commands"] == 0


def test_typing_that_cannot_go_is_dropped_without_a_trace(stack):
    stack.fault(on="amojo.typing", status=500)
    stack.fault(on="service.typing.started", status=503)
    before = len(stack.journal(side="amojo", kind="typing")), len(stack.journal(side="service", kind="typing.started"))
    stack.client_writes("new-here", conversation="79005550303")
    chat = stack.wait("amojo.message", text="new-here")["item"]
    wait_for(lambda: stack.control("trace", id=chat["msgid"])["message"]["state"] == "delivered_to_amo", "its answer")
    assert stack.service_call("typing", {"source": "wa1", "conversation": {"id": "79005550303"}})[0] == 202
    stack.sandbox("manager/types", {"scope_id": stack.scope, "chat": chat["chat"]})
    wait_for(lambda: len(stack.journal(side="amojo", kind="typing")) > before[0]
             and len(stack.journal(side="service", kind="typing.started")) > before[1], "both calls")
    stack.clear_faults()
    stack.client_writes("still-fine", conversation="79005550303")
    stack.wait("amojo.message", text="still-fine")
    stack.settle()
    assert len(stack.journal(side="amojo", kind="typing")) == before[0] + 1
    assert len(stack.journal(side="service", kind="typing.started")) == before[1] + 1
    assert stack.control("dead.list") == []


def test_typing_while_core_is_away_fills_no_spool(stack):
    stack["core"].kill()
    for _ in range(20):
        assert stack.service_call("typing", {"source": "wa1", "conversation": {"id": "79005550101"}})[0] == 202
    assert stack.figure("ingress", "amo_spool_events") == 0
    stack.start("core")
    stack.client_writes("core-is-back")
    stack.wait("amojo.message", text="core-is-back")


def test_a_client_reacts_to_first_words_before_he_answers(stack):
    """amo knows no id of ours of that chat yet: it is named by its own. Typing, which has no place for that, waits
    for the first answer; an edit names the message by amo's id."""
    item = stack.sandbox("manager/writes-first", {"scope_id": stack.scope, "phone": "79005550505", "source": "wa1",
                                                  "text": "good-day"})["items"][0]
    got = stack.wait("service.message", text="good-day")["item"]
    wait_for(lambda: stack.control("trace", id=item["id"])["message"]["state"] == "delivered_to_service", "its answer")
    assert stack.service_call("reactions", {"message_id": got["id"], "emoji": "👋"})[0] == 202
    call = wait_for(lambda: calls(stack, "react", id=item["id"]), "the reaction")[0]
    assert call["conversation_ref_id"] == item["chat"] and "conversation_id" not in call
    assert stack.call("PATCH", f"messages/{got['id']}", {"text": "good-evening"})[0] == 202
    edit = wait_for(lambda: [b["payload"] for b in stack.bodies(side="amojo", kind="edit_message")], "the edit")[0]
    assert edit["id"] == item["id"]
    before = len(calls(stack, "typing"))
    assert stack.service_call("typing", {"source": "wa1", "conversation": {"id": got["conversation"]}})[0] == 202
    stack.settle()
    assert len(calls(stack, "typing")) == before and stack.control("dead.list") == []


def test_each_manager_takes_back_his_own_reaction(stack):
    ann, bob = str(uuid.uuid4()), str(uuid.uuid4())
    item = stack.client_writes("react-to-me")
    amo = stack.wait("amojo.message", text="react-to-me")["item"]
    for manager, kind, emoji in ((ann, "react", "👍"), (bob, "react", "❤️"), (ann, "unreact", None),
                                 (bob, "unreact", None)):
        reacts(stack, id=amo["id"], type=kind, manager=manager, **({"emoji": emoji} if emoji else {}))
    got = wait_for(lambda: len(e := events(stack, "reaction.changed", message_id=item["id"])) == 4 and e, "all four")
    assert [(e["author"]["amo_user"], e["emoji"], e["set"]) for e in got] == [
        (ann, "👍", True), (bob, "❤️", True), (ann, "👍", False), (bob, "❤️", False)]


# --- what support switched on

LISTS = ["👍,❤,😂,👨‍👩‍👧,1️⃣", "👍 ❤ 😂 👨‍👩‍👧 1️⃣", "👍❤😂👨‍👩‍👧1️⃣", ["👍", "❤", "😂", "👨‍👩‍👧", "1️⃣"]]
# as the service spells it, as it is listed; None: it is not
LISTED = [("❤️", "❤"), ("❤", "❤"), ("❤︎", "❤"), ("👍", "👍"), ("👍🏽", "👍"), ("👨‍👩‍👧", "👨‍👩‍👧"), ("1⃣", "1️⃣"), ("😂️", "😂"),
          ("👨", None), ("👩", None), ("👨‍👩", None), ("👨‍👩‍👧‍👦", None), ("🔥", None), ("❤️‍🔥", None), ("👍👍", None), ("🏽", None)]


def switch_on(stack, **flags):
    """Support's newer answer."""
    stack.sandbox("channels", {"id": stack.channel, "registration": {"reactions_all": False, **flags}})
    reply = json.dumps(stack.sandbox(f"channels/{stack.channel}/registration"), ensure_ascii=False)
    stack.control("channel.add", reply=reply, url=stack.sandbox_url)


@pytest.mark.parametrize("listed", LISTS, ids=["commas", "blanks", "nothing", "an array"])
def test_a_listed_reaction_is_known_in_any_spelling_and_sent_in_the_listed_one(stack, listed):
    switch_on(stack, reactions_list=listed)
    before, off = len(calls(stack, "react")), stack.figure("core", "amo_reactions_unsupported_total")
    for emoji, _ in LISTED:
        assert stack.service_call("reactions", {"message_id": stack.first["id"], "emoji": emoji})[0] == 202
    wanted = [want for _, want in LISTED if want]
    got = wait_for(lambda: len(c := calls(stack, "react")[before:]) >= len(wanted) and c, "those that are listed")
    stack.settle()
    assert [c["emoji"] for c in got] == wanted and all(c["type"] == "react" for c in got)
    assert stack.figure("core", "amo_reactions_unsupported_total") == off + len(LISTED) - len(wanted)
    # and so when it is taken back; one that was never there is none
    before = len(calls(stack, "react"))
    for emoji in ("❤️", "🔥"):
        assert stack.service_call("reactions", {"message_id": stack.first["id"], "emoji": emoji, "set": False})[0] == 202
    got = wait_for(lambda: len(c := calls(stack, "react")[before:]) == 2 and c, "the ends of them")
    assert [(c["type"], c.get("emoji")) for c in got] == [("unreact", "❤"), ("unreact", None)]


def test_a_list_with_variations_takes_reactions_without(stack):
    switch_on(stack, reactions_list="❤️,☺️,👍🏽")
    before = len(calls(stack, "react"))
    for emoji in ("❤", "☺", "👍", "👍🏿", "👍🏽"):
        assert stack.service_call("reactions", {"message_id": stack.first["id"], "emoji": emoji})[0] == 202
    got = wait_for(lambda: len(c := calls(stack, "react")[before:]) == 3 and c, "the three that are listed")
    stack.settle()
    assert [c["emoji"] for c in got] == ["❤️", "☺️", "👍🏽"] and len(calls(stack, "react")) == before + 3


def test_a_manager_takes_back_his_reaction_in_another_spelling(stack):
    switch_on(stack, reactions_all=True)
    manager, item = str(uuid.uuid4()), stack.client_writes("spelled-otherwise")
    amo = stack.wait("amojo.message", text="spelled-otherwise")["item"]
    for n, (kind, emoji) in enumerate((("react", "❤️"), ("unreact", "❤"))):
        body = {"account_id": stack.scope.partition("_")[2], "time": int(time.time()) - 5 + n, "action": {"reaction": {
            "type": kind, "emoji": emoji, "user": {"id": manager}, "conversation": {"id": stack.chat["chat"]}, "msgid": amo["id"]}}}
        assert stack.webhook(body, learn=False)["status"] == 200
    got = wait_for(lambda: len(e := events(stack, "reaction.changed", message_id=item["id"])) == 2 and e, "both")
    assert [(e["emoji"], e["set"]) for e in got] == [("❤️", True), ("❤️", False)]
