"""The amojo side again: every type, quotes, forwards, edits, reactions, participants, history."""
import json
import pathlib
import threading

import pytest

FIXTURES = pathlib.Path(__file__).resolve().parents[1] / "fixtures" / "requests"
FILE = {"media": "https://e.com/1.jpg", "file_name": "1.jpg", "file_size": 10}
TYPES = {
    "text": {"text": "слова"},
    "contact": {"contact": {"name": "А", "phone": "7900"}},
    "file": FILE, "video": FILE, "picture": FILE,
    "voice": {"media": "https://e.com/1.ogg", "media_duration": 7},
    "audio": {"media": "https://e.com/1.mp3"},
    "sticker": {"media": "https://e.com/1.webp", "sticker_id": "s-1"},
    "location": {"location": {"lat": 55.75, "lon": 37.61}},
}
CLIENT = {"id": "u-c-1", "name": "Client"}


def sent(amo, msgid, **given):
    answer = amo.message(msgid, **given)
    assert answer.status == 200, answer.body
    return answer.json["new_message"]


def edit(amo, message=None, **payload):
    return amo.call("POST", amo.scope, {"event_type": "edit_message", "payload": {
        "timestamp": 1767225720, "msec_timestamp": 1767225720250, "conversation_id": "c-1",
        "message": message or {"type": "text", "text": "after"}, **payload}})


def words(answer):
    return (answer.status, answer.json["error_description"])


@pytest.mark.parametrize("role", ["client", "user", "bot"])
@pytest.mark.parametrize("kind", sorted(TYPES))
def test_every_type_is_taken_from_every_role_and_shown_whole(sandbox, amo, kind, role):
    sandbox.post("channels", {"id": amo.channel["id"], "users": ["user-7"]})
    author = {"client": None, "user": "user-7", "bot": amo.channel["bot_id"]}[role]
    payload = {"message": {"type": kind, **TYPES[kind]}, "silent": True, "source": {"external_id": "line-1"}}
    if author:
        payload |= {"sender": {"id": "s-1", "name": "S", "ref_id": author}, "receiver": CLIENT}
    new = sent(amo, "m-1", payload=payload)
    [item] = sandbox.messages()
    assert {k: item[k] for k in TYPES[kind]} == TYPES[kind]
    assert (item["type"], item["from"], item["author"], item["silent"], item["source"]) == (kind, role, author, True, "line-1")
    assert item["receiver_id"] == (CLIENT["id"] if author else None)
    assert item["participant"] == new["receiver_id" if author else "sender_id"]
    assert (item["reply_to"], item["forwards"], item["reactions"], item["error"]) == (None, None, [], None)


def test_a_quote_is_named_by_either_id_or_described(sandbox, amo):
    first = sent(amo, "m-1", text="вопрос")
    described = {"type": "text", "text": "давно", "timestamp": 1767139200, "msec_timestamp": 1767139200000,
                 "sender": {"name": "Ирина"}}
    sent(amo, "m-2", payload={"reply_to": {"message": {"id": first["msgid"]}}})
    sent(amo, "m-3", payload={"reply_to": {"message": {"msgid": "m-1"}}})
    sent(amo, "m-4", payload={"reply_to": {"message": described}})
    sent(amo, "m-5", payload={"reply_to": {"message": {**described, "msgid": "never-seen"}}})
    replies = [m["reply_to"] for m in sandbox.messages()[1:]]
    assert [r["form"] for r in replies] == ["id", "msgid", "descriptive", "descriptive"]
    assert [r["text"] for r in replies] == ["вопрос", "вопрос", "давно", "давно"]
    assert [(r["id"], r["msgid"]) for r in replies[:2]] == [(first["msgid"], "m-1")] * 2
    assert replies[2]["author"] == "Ирина"


def test_a_quote_must_be_of_the_same_chat_and_known(sandbox, amo):
    other = sent(amo, "m-1", conversation="c-other")
    sent(amo, "m-2")
    for by in ({"id": other["msgid"]}, {"msgid": "m-1"}):
        answer = amo.message("m-3", payload={"reply_to": {"message": by}})
        assert words(answer) == (400, "payload.reply_to.message: is of another chat")
        fresh = amo.message("m-3", conversation="c-new", payload={"reply_to": {"message": by}})
        assert words(fresh) == (400, "payload.reply_to.message: is of another chat")
    for by in ({"id": "nobody"}, {"msgid": "nobody"}):
        answer = amo.message("m-3", payload={"reply_to": {"message": by}})
        assert words(answer) == (400, "payload.reply_to.message: message not found")
    assert sandbox.counters()["amojo.messages"] == 2 and sandbox.counters()["amojo.chats"] == 2
    sandbox.settings(unknown_refs="adopt")
    sent(amo, "m-3", payload={"reply_to": {"message": {"id": "nobody"}}})


def test_a_forward_comes_from_any_chat_and_from_the_one_it_names(sandbox, amo):
    other = sent(amo, "m-1", text="слова", conversation="c-other")
    empty = {"message": {"type": "text", "text": ""}}
    known = {"messages": [{"id": other["msgid"]}]}
    sent(amo, "m-2", payload={**empty, "forwards": known})
    sent(amo, "m-3", payload={**empty, "forwards": {**known, "conversation_ref_id": other["conversation_id"],
                                                    "conversation_id": "c-other"}})
    for wrong in ({"conversation_ref_id": "x"}, {"conversation_id": "c-1"}):
        answer = amo.message("m-4", payload={**empty, "forwards": {**known, **wrong}})
        assert words(answer) == (400, "payload.forwards.messages: is not of the chat that is named")
    unknown = amo.message("m-4", payload={**empty, "forwards": {"messages": [{"id": "x"}]}})
    assert words(unknown) == (400, "payload.forwards.messages: message not found")
    assert amo.message("m-4", payload={**empty, "forwards": {"messages": known["messages"] * 2}}).status == 400
    [forwarded] = sandbox.messages(msgid="m-2")[0]["forwards"]
    assert (forwarded["form"], forwarded["text"], forwarded["msgid"]) == ("id", "слова", "m-1")


def test_an_edit_names_its_message_by_either_id_or_binds_both(sandbox, amo, bridge):
    mine = sent(amo, "m-1", text="before", payload={"reply_to": None})
    [hook] = sandbox.post("manager/writes", {"conversation_id": "c-1", "text": "from amo"})["items"]
    assert edit(amo, msgid="m-1").status == 200
    assert edit(amo, {"type": "text", "text": "again"}, id=mine["msgid"]).status == 200
    bound = edit(amo, id=hook["id"], msgid="m-bound")
    assert bound.json["new_message"]["msgid"] == hook["id"] and bound.json["new_message"]["ref_id"] == "m-bound"
    assert edit(amo, {"type": "text", "text": "by our id"}, msgid="m-bound").status == 200
    assert words(edit(amo, id=hook["id"], msgid="m-1")) == (400, "message with this msgid already exists")
    assert words(edit(amo, msgid="nobody")) == (400, "message not found")
    assert words(edit(amo)) == (400, "payload.msgid: or id is required")
    sent(amo, "m-9", conversation="c-9")
    assert words(edit(amo, msgid="m-9")) == (400, "payload.conversation_id: the message is of another chat")
    own, of_amo, _ = sandbox.messages(**{"from": "all"})
    assert (own["text"], own["edits"], own["sender_name"]) == ("again", 2, "Client")
    assert (of_amo["text"], of_amo["edits"], of_amo["msgid"], of_amo["from"]) == ("by our id", 2, "m-bound", "manager")
    edits = sandbox.get("amojo/actions", kind="edit")["items"]
    assert [e["text"] for e in edits] == ["after", "again", "after", "by our id"]
    assert sandbox.counters()["amojo.edits"] == 4


def test_an_edit_leaves_what_it_does_not_name(sandbox, amo):
    sent(amo, "m-1", payload={"message": {"type": "picture", "text": "a", **FILE}})
    sent(amo, "m-2", payload={"reply_to": {"message": {"msgid": "m-1"}}})
    assert edit(amo, {"type": "picture", "text": "b"}, msgid="m-1").status == 200
    assert edit(amo, msgid="m-2").status == 200
    first, second = sandbox.messages()
    assert (first["text"], first["media"], first["file_size"]) == ("b", FILE["media"], FILE["file_size"])
    assert second["reply_to"]["msgid"] == "m-1" and second["text"] == "after"


def test_an_edit_may_bring_a_status(sandbox, amo):
    new = sent(amo, "m-1")
    failed = {"status_code": -1, "error_code": 905, "error": "нет"}
    assert edit(amo, {"type": "text", "text": "x", "delivery_status": failed}, msgid="m-1").status == 200
    item = sandbox.wait("status", id=new["msgid"], status=-1)["item"]
    assert (item["status"], item["error_code"], item["error"]) == (-1, 905, "нет")
    [listed] = sandbox.get("amojo/statuses")["items"]
    assert (listed["status"], listed["by_edit"]) == (-1, True)
    for wrong in ({"status_code": 0}, {"status_code": -1}, {"status_code": 1, "error_code": 905}):
        assert edit(amo, {"type": "text", "text": "x", "delivery_status": wrong}, msgid="m-1").status == 400


def test_one_reaction_a_user_is_remembered(sandbox, amo):
    new = sent(amo, "m-1")
    sandbox.post("channels", {"id": amo.channel["id"], "users": ["user-7"]})

    def react(user, kind="react", emoji="👍", **who):
        body = {"conversation_id": "c-1", "msgid": "m-1", "user": {"id": user, **who}, "type": kind}
        answer = amo.call("POST", f"{amo.scope}/react", {**body, **({"emoji": emoji} if emoji else {})})
        assert (answer.status, answer.body) == (200, b""), answer.body
        return sandbox.messages()[0]["reactions"]

    assert react("u-1") == [{"user": "u-1", "author": None, "emoji": "👍"}]
    assert react("u-1", emoji="😍") == [{"user": "u-1", "author": None, "emoji": "😍"}]
    both = react("s-1", emoji="❤️", ref_id="user-7")
    assert both[1] == {"user": "s-1", "author": "user-7", "emoji": "❤️"}
    assert react("u-1", "unreact", emoji=None) == both[1:]
    taken = sandbox.wait("amojo.reaction", id=new["msgid"], type="unreact")["item"]
    assert (taken["msgid"], taken["user"], taken["emoji"]) == ("m-1", "u-1", None)
    assert sandbox.wait("amojo.reaction", msgid="m-1", text="❤️")["item"]["author"] == "user-7"
    assert sandbox.counters()["amojo.reactions"] == 4


@pytest.mark.parametrize("change, status, text", [
    ({"msgid": "nobody"}, 404, "message not found"),
    ({"msgid": None, "id": "nobody"}, 404, "message not found"),
    ({"conversation_id": "nobody"}, 404, "chat not found"),
    ({"conversation_id": "c-2"}, 404, "message is of another chat"),
    ({"user": {"id": "u", "ref_id": "nobody"}}, 404, "user not found"),
    ({"user": {"ref_id": "x"}}, 400, "user.id: is required"),
    ({"msgid": None}, 400, "msgid: or id is required"),
    ({"conversation_id": None}, 400, "conversation_id: or conversation_ref_id is required"),
    ({"emoji": "ok"}, 400, "emoji: must be an emoji"),
    ({"emoji": None}, 400, "emoji: is required"),
    ({"type": "love"}, 400, "type: must be react or unreact"),
])
def test_reactions_are_checked(sandbox, amo, change, status, text):
    sent(amo, "m-1")
    sent(amo, "m-2", conversation="c-2")
    good = {"conversation_id": "c-1", "msgid": "m-1", "user": {"id": "u"}, "type": "react", "emoji": "👍"}
    body = {k: v for k, v in (good | change).items() if v is not None}
    assert words(amo.call("POST", f"{amo.scope}/react", body)) == (status, text)
    assert sandbox.counters()["amojo.reactions"] == 0


def test_typing_can_be_waited_for(sandbox, amo):
    sent(amo, "m-1")
    body = {"conversation_id": "c-1", "sender": {"id": "u-c-1"}, "duration_ms": 3000}
    assert amo.call("POST", f"{amo.scope}/typing", body).status == 204
    item = sandbox.wait("amojo.typing", conversation="c-1")["item"]
    assert (item["kind"], item["user"], item["body"]["duration_ms"]) == ("typing", "u-c-1", 3000)
    assert amo.call("POST", f"{amo.scope}/typing", {**body, "duration_ms": "3000"}).status == 400


def test_an_edit_can_be_waited_for(sandbox, amo):
    new = sent(amo, "m-1")
    found = []
    waiting = threading.Thread(target=lambda: found.append(sandbox.wait("amojo.edit", id=new["msgid"], text="aft")))
    waiting.start()
    edit(amo, {"type": "text", "text": "other"}, msgid="m-1")
    edit(amo, msgid="m-1")
    waiting.join(20)
    assert found[0]["item"]["text"] == "after" and found[0]["item"]["id"] == new["msgid"]


@pytest.mark.parametrize("name", ["create-chat", "create-chat-minimal", "create-chat-by-ref-id"])
def test_each_documented_form_of_creating_a_chat_is_taken_twice(sandbox, amo, name):
    fixture = json.loads((FIXTURES / f"{name}.json").read_text())
    first, again = (amo.call("POST", f"{amo.scope}/chats", fixture["body"]) for _ in range(2))
    assert first.status == again.status == 200 and first.json == again.json
    want = fixture["responses"][0]["body"]
    same = {k: v for k, v in want["user"].items() if k != "id"}
    assert {k: v for k, v in first.json["user"].items() if k != "id"} == same
    assert sandbox.counters()["amojo.chats"] == 1
    [chat] = sandbox.get("amojo/chats")["items"]
    assert (chat["chat"], chat["participants"]) == (first.json["id"], 1)


@pytest.mark.parametrize("user, text", [
    ({"id": "u"}, "user.name: is required"), ({"name": "N"}, "user.id: is required"),
    ({"id": 7, "name": "N"}, "user.id: must be a string"),
    ({"id": "u", "name": "N", "avatar": "a.png"}, "user.avatar: must be an address"),
    ({"id": "u", "name": "N", "profile": {"phone": 7900}}, "profile.phone: must be a string"),
])
def test_the_user_of_a_new_chat_is_checked(sandbox, amo, user, text):
    assert words(amo.call("POST", f"{amo.scope}/chats", {"conversation_id": "c", "user": user})) == (400, text)
    assert sandbox.get("amojo/chats")["items"] == []


def test_a_receiver_with_a_new_id_is_a_new_participant(sandbox, amo):
    first = sent(amo, "m-1")
    bot = {"sender": {"id": "b", "name": "B", "ref_id": amo.channel["bot_id"]}}
    same = sent(amo, "m-2", payload={**bot, "receiver": CLIENT})
    assert same["receiver_id"] == first["sender_id"]
    other = sent(amo, "m-3", payload={**bot, "receiver": {"id": "random", "name": "?"}})
    assert other["receiver_id"] not in (None, first["sender_id"])
    [chat] = sandbox.get("amojo/chats", conversation="c-1")["items"]
    assert chat["participants"] == 2
    assert [c["client_id"] for c in chat["clients"]] == ["u-c-1", "random"]
    assert [m["participant"] for m in sandbox.messages()] == [
        first["sender_id"], first["sender_id"], other["receiver_id"]]
    unknown = amo.message("m-4", payload={**bot, "receiver": {"id": "u", "name": "N", "ref_id": "nobody"}})
    assert words(unknown) == (400, "receiver: user not found")


def test_history_shows_quotes_and_what_edits_left(sandbox, amo):
    chat = sent(amo, "m-1", payload={"message": {"type": "picture", "text": "a", **FILE}})["conversation_id"]
    sent(amo, "m-2", payload={"reply_to": {"message": {"msgid": "m-1"}}})
    edit(amo, {"type": "picture", "text": "b"}, msgid="m-1")
    newest, oldest = amo.history(chat).json["messages"]
    assert newest["message"]["reply_to"] == {"message": {"msgid": "m-1"}}
    assert (oldest["message"]["text"], oldest["message"]["media"]) == ("b", FILE["media"])
    assert oldest["msec_timestamp"] != 1767225720250
    assert oldest["sender"]["phone"] == "79005550101"


def test_after_a_disconnect_calls_are_404_and_nothing_is_sent(sandbox, amo, bridge):
    new = sent(amo, "m-1")

    def disconnect():
        return amo.call("DELETE", f"{amo.channel['id']}/disconnect", {"account_id": amo.account})

    assert (disconnect().status, disconnect().status) == (200, 200)
    assert amo.message("m-2").status == 404
    assert amo.status(new["msgid"], 1).status == 404
    assert amo.history(new["conversation_id"]).status == 404
    assert amo.call("POST", f"{amo.scope}/typing", {"conversation_id": "c-1", "sender": {"id": "u"}}).status == 404
    for act in ("manager/writes", "manager/types"):
        assert sandbox.post(act, {"conversation_id": "c-1", "text": "x"}, status=409)["error"]["message"] == \
            "scope_id: is not connected"
    sandbox.post("manager/reacts", {"msgid": "m-1", "emoji": "👍"}, status=409)
    sandbox.post("manager/writes-first", {"phone": "7900", "text": "x"}, status=409)
    assert bridge.seen == [] and len(sandbox.messages(**{"from": "all"})) == 1
    assert amo.call("DELETE", f"{amo.channel['id']}/disconnect", {"account_id": "stranger"}).status == 404
    amo.connect()
    assert amo.message("m-2").status == 200
