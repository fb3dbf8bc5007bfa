"""What managers and clients do on request, and the echo of what was imported."""
import threading

import pytest

KEYBOARD = {"mode": "inline", "buttons": [[{"text": "Да"}, {"text": "Сайт", "url": "https://e.com"}], [{"text": "Нет"}]]}


def written(sandbox, bridge, **act):
    """The inner message of the webhook that came of it."""
    [item] = sandbox.post("manager/writes", {"conversation_id": "c-1", **act})["items"]
    sandbox.wait("webhook", webhook=item["webhook"])
    [hook] = [s for s in bridge.seen if s.json.get("message", {}).get("message", {}).get("id") == item["id"]]
    return hook.json["message"]["message"]


@pytest.fixture
def chat(amo):
    return amo.message("m-1", "вопрос").json["new_message"]


@pytest.mark.parametrize("content", [
    {"type": "picture", "text": "a", "media": "https://e.com/1.jpg", "thumbnail": "https://e.com/t", "file_name": "1.jpg",
     "file_size": 9, "media_group_id": "g-1"},
    {"type": "voice", "media": "https://e.com/1.ogg", "media_duration": 7},
    {"type": "sticker", "media": "https://e.com/1.webp"},
    {"type": "location", "location": {"lon": 37.6, "lat": 55.7}},
    {"type": "contact", "contact": {"name": "A", "phone": "7900"}},
    {"text": "x", "post": {"id": "p-1"}},
    {"text": "x", "template": {"id": 7, "external_id": "t", "content": "c", "params": [{"key": "k", "value": "v"}]}},
])
def test_a_manager_writes_anything(sandbox, amo, bridge, chat, content):
    message = written(sandbox, bridge, **content)
    assert {k: message[k] for k in content} == content
    listed = sandbox.messages(**{"from": "manager"})[0]
    assert listed["type"] == content.get("type", "text")


def test_a_manager_quotes_what_amo_knows(sandbox, amo, bridge, chat):
    for name in (chat["msgid"], "m-1", {"id": chat["msgid"]}, {"msgid": "m-1"}):
        quoted = written(sandbox, bridge, text="ответ", reply_to=name)["reply_to"]["message"]
        assert (quoted["id"], quoted["msgid"]) == (chat["msgid"], "m-1")
        assert (quoted["type"], quoted["text"]) == ("text", "вопрос")
        assert quoted["sender"] == {"id": chat["sender_id"], "name": "Client", "client_id": "u-c-1"}
        assert quoted["msec_timestamp"] // 1000 == quoted["timestamp"]
    own = sandbox.messages(**{"from": "manager"})[0]
    again = written(sandbox, bridge, text="x", reply_to=own["id"])["reply_to"]["message"]
    assert again["text"] == "ответ" and "msgid" not in again
    whole = {"message": {"id": "nobody-knows"}}
    assert written(sandbox, bridge, text="x", reply_to=whole)["reply_to"] == whole
    assert own["reply_to"]["msgid"] == "m-1"
    sandbox.post("manager/writes", {"conversation_id": "c-1", "text": "x", "reply_to": "nobody"}, status=404)


def test_a_manager_forwards(sandbox, amo, bridge, chat):
    other = amo.message("m-2", "второе", conversation="c-2").json["new_message"]
    one = written(sandbox, bridge, text="", forwards=other["msgid"])["forwards"]
    assert one["conversation_ref_id"] == other["conversation_id"]
    assert [(m["id"], m["msgid"], m["text"]) for m in one["messages"]] == [(other["msgid"], "m-2", "второе")]
    two = written(sandbox, bridge, text="", forwards=["m-1", "m-2"])["forwards"]
    assert [m["text"] for m in two["messages"]] == ["вопрос", "второе"]
    assert [f["msgid"] for f in sandbox.messages(**{"from": "manager"})[1]["forwards"]] == ["m-1", "m-2"]


def test_buttons_and_lists_have_a_shorthand(sandbox, amo, bridge, chat):
    rows = [["Да", {"text": "Сайт", "url": "https://e.com"}], "Нет"]
    assert written(sandbox, bridge, text="?", buttons=rows)["markup"] == KEYBOARD
    menu = {"header": "h", "button": "b", "sections": [{"title": "t", "rows": [{"callback_data": "r", "title": "R"}]}]}
    assert written(sandbox, bridge, text="?", list=menu)["markup"] == {"list_message": menu}
    assert written(sandbox, bridge, text="?", message={"markup": KEYBOARD})["markup"] == KEYBOARD


def test_a_manager_writes_first_with_anything(sandbox, amo, bridge):
    sandbox.post("manager/writes-first", {"phone": "+7 900", "text": "a", "type": "picture", "media": "https://e.com/1"})
    message = bridge.wait(1)[0].json["message"]
    assert (message["message"]["type"], message["receiver"]["phone"]) == ("picture", "+7 900")
    assert "client_id" not in message["conversation"]


def test_a_manager_reacts_and_types_in_both_documented_forms(sandbox, amo, bridge, chat):
    sandbox.post("manager/reacts", [{"msgid": "m-1", "emoji": "👍", "manager": "user-7"},
                                    {"id": chat["msgid"], "type": "unreact", "form": "msgid"}])
    sandbox.post("manager/types", [{"conversation_id": "c-1", "manager": "user-7"}, {"conversation_id": "c-1", "form": "action"}])
    first, second, third, fourth = [s.json["action"] for s in bridge.wait(4)]
    assert first["reaction"]["message"] == {"id": chat["msgid"], "client_id": "m-1"}
    assert (first["reaction"]["type"], first["reaction"]["emoji"], first["reaction"]["user"]) == ("react", "👍", {"id": "user-7"})
    assert second["reaction"]["msgid"] == chat["msgid"] and "message" not in second["reaction"]
    assert "emoji" not in second["reaction"]
    assert third["typing"]["user"] == {"id": "user-7"} and third["typing"]["expired_at"]
    assert fourth["user"]["id"] and "user" not in fourth["typing"]


def test_an_early_echo_is_answered_before_the_call_is(sandbox, amo, bridge):
    sandbox.settings(echo="early")
    assert sandbox.get("settings")["echo"] == "early"
    sandbox.post("channels", {"id": amo.channel["id"], "users": ["user-7"]})
    order = []
    go = threading.Event()

    def hold(seen):
        go.wait(20)
        order.append(("hook", seen.json["message"]["message"]["id"]))
        return 200, {}, {}

    def call():
        answer = amo.message("m-1", "эхо", payload={"sender": {"id": "b", "name": "B", "ref_id": "user-7"},
                                                    "receiver": {"id": "u-1", "name": "Client"}})
        order.append(("answer", answer.json["new_message"]["msgid"]))

    bridge.answers = [hold]
    calling = threading.Thread(target=call)
    calling.start()
    [seen] = bridge.wait(1)
    assert seen.json["message"]["message"]["text"] == "эхо" and order == []
    assert sandbox.counters()["amojo.messages"] == 1
    go.set()
    calling.join(20)
    assert [what for what, _ in order] == ["hook", "answer"] and order[0][1] == order[1][1]
    assert sandbox.get("webhooks")["items"][0]["kind"] == "echo"


def test_an_early_echo_that_is_lost_holds_nothing_up_for_ever(sandbox, amo, bridge):
    sandbox.settings(echo="early", webhook_timeout_ms=300)
    sandbox.post("channels", {"id": amo.channel["id"], "users": ["user-7"]})
    bridge.answers = [None]
    payload = {"sender": {"id": "b", "name": "B", "ref_id": "user-7"}, "receiver": {"id": "u-1", "name": "Client"}}
    assert amo.message("m-1", payload=payload).status == 200
    sandbox.post("channels", {"id": amo.channel["id"], "webhook_url": "http://127.0.0.1:1/:scope_id"})
    assert amo.message("m-2", payload=payload).status == 200
    sandbox.post("settings", {"echo": "sometimes"}, method="PATCH", status=400)
    assert sandbox.post("settings", {"echo": True}, method="PUT")["echo"] is True


def test_a_client_writes_out_in_somebodys_name(sandbox, service, bridge):
    sandbox.post("client/writes", {"source": "wa1", "conversation": "79001", "direction": "out", "text": "x", "id": "o-1",
                                   "author": {"amo_user": "user-7"}})
    [seen] = bridge.wait(1)
    assert seen.json == {"id": "o-1", "conversation": {"id": "79001"}, "type": "text", "source": "wa1", "text": "x",
                         "receiver": {"id": "79001", "name": "79001", "phone": "79001"},
                         "direction": "out", "author": {"amo_user": "user-7"}}
    sandbox.post("client/writes", {"source": "wa1", "conversation": "79001", "direction": "out", "text": "x",
                                   "sender": {"id": "op", "name": "O"}, "receiver": {"id": "r"}})
    assert {k: bridge.wait(2)[1].json[k] for k in ("sender", "receiver")} == {
        "sender": {"id": "op", "name": "O"}, "receiver": {"id": "r"}}


def test_a_client_edits_deletes_reacts_and_types(sandbox, service, bridge):
    sandbox.post("client/edits", [{"id": "wa1-1", "text": "новый", "idempotency_key": "k-1", "conversation": "c"},
                                  {"id": "wa1-1", "deleted": True, "conversation": "c"},
                                  {"id": "wa1-1", "type": "picture", "media": {"url": "https://e.com/1"}, "conversation": "c"}])
    sandbox.post("client/reacts", [{"id": "wa1-1", "emoji": "👍", "conversation": "c"},
                                   {"id": "mid-1", "set": False, "author": {"amo_user": "u"}}])
    sandbox.post("client/types", {"source": "wa1", "conversation": "c", "duration_ms": 3000})
    sandbox.wait("call.accepted", count=6)
    seen = {(s.method, s.path, s.body.decode()): s for s in bridge.seen}
    base = "/v1/connectors/demo"
    assert set(seen) == {
        ("PATCH", f"{base}/messages/wa1-1", '{"id":"wa1-1","text":"новый"}'),
        ("PATCH", f"{base}/messages/wa1-1", '{"id":"wa1-1","deleted":true}'),
        ("PATCH", f"{base}/messages/wa1-1", '{"id":"wa1-1","media":{"url":"https://e.com/1"},"type":"picture"}'),
        ("POST", f"{base}/reactions", '{"message_id":"wa1-1","conversation":{"id":"c"},"sender":{"id":"c"},"emoji":"👍"}'),
        ("POST", f"{base}/reactions", '{"message_id":"mid-1","set":false,"author":{"amo_user":"u"}}'),
        ("POST", f"{base}/typing", '{"conversation":{"id":"c"},"sender":{"id":"c"},"source":"wa1","duration_ms":3000}'),
    }
    assert [s.headers["Idempotency-Key"] for s in bridge.seen if s.method == "PATCH"] == ["k-1", None, None]
    sandbox.post("client/edits", {"text": "x"}, status=400)
    sandbox.post("client/reacts", {"emoji": "👍"}, status=400)
    sandbox.post("client/types", {}, status=400)


def test_what_a_client_does_goes_behind_the_messages_of_his_conversation(sandbox, service, bridge):
    sandbox.settings(client_backoff_ms=20)
    bridge.answers = [(503, {}, {})] * 3
    sandbox.post("client/writes", {"source": "wa1", "conversation": "c", "text": "a", "id": "m-1"})
    sandbox.post("client/edits", {"id": "m-1", "text": "b", "conversation": "c"})
    sandbox.post("client/writes", {"source": "wa1", "conversation": "c", "text": "z", "id": "m-2"})
    sandbox.wait("idle")
    assert [(s.method, s.json["text"]) for s in bridge.seen] == [("POST", "a")] * 4 + [("PATCH", "b"), ("POST", "z")]


def test_a_get_and_its_answer(sandbox, service, bridge):
    bridge.answers = [(200, {"id": "wa1-1", "status": "accepted"}, {})]
    [item] = sandbox.post("client/calls", {"method": "GET", "path": "/messages/wa1-1"})["items"]
    entry = sandbox.wait("call", call=item["call"])["item"]
    assert (entry["status"], entry["answer"]) == (200, {"id": "wa1-1", "status": "accepted"})
    assert (bridge.seen[0].method, bridge.seen[0].body) == ("GET", b"")
