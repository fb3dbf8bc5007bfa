"""The amojo side of the sandbox, called by a signer of our own."""
import http.client
import json
import pathlib
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime, parsedate_to_datetime

import pytest

from signing import amojo_headers, amojo_webhook

FIXTURES = pathlib.Path(__file__).resolve().parents[1] / "fixtures"


def test_connect_is_idempotent_and_answers_with_the_scope(sandbox, amo):
    again = amo.call("POST", f"{amo.channel['id']}/connect",
                     {"account_id": amo.account, "hook_api_version": "v2", "title": "Другое"})
    assert again.status == 200
    assert again.json == {"account_id": amo.account, "scope_id": amo.scope, "title": "Другое",
                          "hook_api_version": "v2", "is_time_window_disabled": False}
    assert parsedate_to_datetime(again.headers["Date"])
    assert sandbox.get("scopes")["items"][0]["connects"] == 2


def test_only_allowed_accounts_connect(sandbox):
    from sandbox_rig import Amo
    amo = Amo(sandbox, allowed_accounts=["somebody-else"])
    answer = amo.call("POST", f"{amo.channel['id']}/connect",
                      {"account_id": amo.account, "hook_api_version": "v2"})
    assert answer.status == 403
    sandbox.post("channels", {"id": amo.channel["id"], "allowed_accounts": [amo.account]})
    amo.connect()


@pytest.mark.parametrize("change", [
    {"secret": "0" * 40},
    {"content_type": "application/json; charset=utf-8"},
    {"date": "Thu, 29 Oct 2020 11:59:55 +0000"},
    {"headers": {"Content-MD5": "d41d8cd98f00b204e9800998ecf8427e"}},
    {"headers": {"X-Signature": ""}},
    {"headers": {"Date": "now"}},
])
def test_a_call_that_is_not_signed_right_is_forbidden_and_has_no_effect(sandbox, amo, change):
    answer = amo.message("m-1", **change)
    assert answer.status == 403
    assert answer.json["error_code"] == 403
    assert sandbox.messages() == []
    last = sandbox.get("journal", side="amojo", verified="false")["items"][-1]
    assert last["status"] == 403 and last["reason"]
    assert sandbox.counters()["amojo.forbidden"] == 1


def test_the_window_is_fifteen_minutes_by_the_sandboxs_own_clock(sandbox, amo):
    sandbox.settings(clock_offset_ms=14 * 60 * 1000)
    answer = amo.message("m-1")
    assert answer.status == 200
    ahead = parsedate_to_datetime(answer.headers["Date"]) - datetime.now(timezone.utc)
    assert timedelta(minutes=13) < ahead < timedelta(minutes=15)
    sandbox.settings(clock_offset_ms=16 * 60 * 1000)
    assert amo.message("m-2").status == 403
    sandbox.settings(clock_offset_ms=-16 * 60 * 1000)
    assert amo.message("m-2").status == 403


def test_unknown_channels_scopes_and_addresses_are_404(sandbox, amo):
    assert amo.call("POST", "no-such-channel/connect", {"account_id": "x"}).status == 404
    assert amo.call("POST", f"{amo.channel['id']}_nobody", {}).status == 404
    assert amo.call("POST", f"{amo.scope}/nonsense", {}).status == 404
    gone = amo.call("DELETE", f"{amo.channel['id']}/disconnect", {"account_id": amo.account})
    assert (gone.status, gone.body) == (200, b"")
    assert amo.message("m-1").status == 404


def test_a_message_is_answered_with_crossed_ids_and_made_once(sandbox, amo):
    first = amo.message("m-1", "привет")
    new = first.json["new_message"]
    assert new["ref_id"] == "m-1" and new["msgid"] != "m-1" and "receiver_id" not in new
    again = amo.message("m-1", "привет")
    assert (again.status, again.json) == (200, first.json)
    sandbox.settings(repeat=400)
    refused = amo.message("m-1", "привет")
    assert refused.status == 400
    assert refused.json["error_description"] == "message with this msgid already exists"
    [message] = sandbox.messages()
    assert message["id"] == new["msgid"] and message["chat"] == new["conversation_id"]
    assert (message["effects"], message["calls"], message["repeats"]) == (1, 3, 2)
    assert (message["text"], message["from"], message["msgid"]) == ("привет", "client", "m-1")


def test_a_status_can_be_read_by_one_edition_alone(sandbox, amo):
    mid = amo.message("m-1").json["new_message"]["msgid"]
    path = f"{amo.scope}/{mid}/delivery_status"
    bodies = {"old": {"msgid": mid, "delivery_status": 1}, "new": {"status_code": 1},
              "both": {"msgid": mid, "delivery_status": 1, "status_code": 1}}
    for spelling, taken in (("any", {"old", "new", "both"}), ("old", {"old", "both"}), ("new", {"new", "both"})):
        sandbox.settings(status_spelling=spelling)
        assert sandbox.get("settings")["status_spelling"] == spelling
        assert {k for k, body in bodies.items() if amo.call("POST", path, body).status == 200} == taken
    sandbox.post("settings", {"status_spelling": "modern"}, method="PATCH", status=400)


def test_the_history_can_be_late(sandbox, amo):
    chat = amo.message("m-1").json["new_message"]["conversation_id"]
    sandbox.settings(history_delay_ms=600000)
    assert amo.history(chat).status == 204
    sandbox.settings(history_delay_ms=0)
    assert [m["message"]["client_id"] for m in amo.history(chat).json["messages"]] == ["m-1"]


def test_what_arrives_is_listed_in_order_with_filters_and_pages(sandbox, amo):
    for n in range(10):
        amo.message(f"m-{n}", f"text {n}", conversation=f"c-{n % 2}")
    assert [m["text"] for m in sandbox.messages()] == [f"text {n}" for n in range(10)]
    assert [m["text"] for m in sandbox.messages(conversation="c-1")] == \
        [f"text {n}" for n in range(1, 10, 2)]
    page = sandbox.get("amojo/messages", limit=4)
    assert len(page["items"]) == 4 and page["next"] == page["items"][-1]["seq"]
    rest = sandbox.get("amojo/messages", since=page["next"])
    assert [m["msgid"] for m in rest["items"]] == [f"m-{n}" for n in range(4, 10)]
    assert rest["next"] is None
    assert sandbox.messages(msgid="m-7")[0]["text"] == "text 7"
    chats = sandbox.get("amojo/chats")["items"]
    assert [(c["conversation_id"], c["messages"]) for c in chats] == [("c-0", 5), ("c-1", 5)]


@pytest.mark.parametrize("payload, words", [
    ({"timestamp": "1767225720"}, "payload.timestamp: must be an integer"),
    ({"msec_timestamp": 1767225720}, "payload.msec_timestamp: must be milliseconds"),
    ({"message": {"type": "text", "text": ""}}, "payload.message.text: cannot be blank"),
    ({"message": {"type": "picture", "media": "https://e.com/1"}}, "payload.message.file_name: is required"),
    ({"source": {"external_id": "x" * 41}}, "source.external_id: is too long"),
    ({"conversation_ref_id": "unknown"}, "payload.conversation_ref_id: chat not found"),
    ({"receiver": {"id": "u", "name": "N"}}, "payload.sender.ref_id: cannot be blank"),
])
def test_a_wrong_body_is_refused_in_words(sandbox, amo, payload, words):
    answer = amo.message("m-1", payload=payload)
    assert answer.status == 400
    assert answer.json == {"error_code": 400, "error_type": "BAD_REQUEST", "error_description": words}
    assert sandbox.messages() == []


def test_a_body_that_is_not_json_is_refused(sandbox, amo):
    assert amo.call("POST", amo.scope, b'{"event_type":').status == 400
    assert amo.call("POST", amo.scope, b'{"a":1} x').status == 400
    assert amo.call("POST", amo.scope, b'[]').status == 400
    assert amo.call("POST", amo.scope, b'{"a":"\xff"}').status == 400


def test_outgoing_messages_need_a_known_speaker(sandbox, amo):
    receiver = {"receiver": {"id": "u-1", "name": "Client"}}
    unknown = amo.message("m-1", payload={"sender": {"id": "b", "name": "B", "ref_id": "nobody"}, **receiver})
    assert (unknown.status, unknown.json["error_description"]) == (400, "sender: user not found")
    bot = amo.message("m-2", payload={
        "sender": {"id": "b", "name": "B", "ref_id": amo.channel["bot_id"]}, **receiver})
    assert bot.json["new_message"]["sender_id"] == amo.channel["bot_id"]
    assert bot.json["new_message"]["receiver_id"]
    sandbox.post("channels", {"id": amo.channel["id"], "users": ["user-7"]})
    user = amo.message("m-3", payload={"sender": {"id": "b", "name": "B", "ref_id": "user-7"}, **receiver})
    assert user.status == 200
    assert [m["from"] for m in sandbox.messages()] == ["bot", "user"]
    assert sandbox.counters()["webhooks.queued"] == 0


def test_a_users_message_comes_back_as_a_webhook_when_echo_is_on(sandbox, amo, bridge):
    sandbox.settings(echo=True)
    sandbox.post("channels", {"id": amo.channel["id"], "users": ["user-7"]})
    sent = amo.message("m-1", payload={"sender": {"id": "b", "name": "B", "ref_id": "user-7"},
                                       "receiver": {"id": "u-1", "name": "Client"}})
    [hook] = bridge.wait(1)
    assert hook.json["message"]["message"]["id"] == sent.json["new_message"]["msgid"]
    assert hook.json["message"]["sender"]["id"] == "user-7"


@pytest.mark.parametrize("name", sorted(p.stem for p in (FIXTURES / "requests").glob("message-from-contact-*.json")))
def test_every_kind_of_documented_client_message_is_taken(sandbox, amo, name):
    sandbox.settings(unknown_refs="adopt")
    body = json.loads((FIXTURES / "requests" / f"{name}.json").read_text())["body"]
    answer = amo.call("POST", amo.scope, body)
    assert answer.status == 200, answer.body
    assert answer.json["new_message"]["ref_id"] == body["payload"]["msgid"]
    assert sandbox.messages()[0]["type"] == body["payload"]["message"]["type"]


def test_chats_are_made_once_and_used_by_later_messages(sandbox, amo):
    body = {"conversation_id": "c-9", "source": {"external_id": "line-1"},
            "user": {"id": "u-9", "name": "Client", "profile": {"phone": "+79005550109"}}}
    first = amo.call("POST", f"{amo.scope}/chats", body)
    again = amo.call("POST", f"{amo.scope}/chats", body)
    assert first.status == 200 and first.json["id"] == again.json["id"]
    assert first.json["user"]["client_id"] == "u-9" and first.json["user"]["phone"] == "+79005550109"
    sent = amo.message("m-1", conversation="c-9")
    assert sent.json["new_message"]["conversation_id"] == first.json["id"]
    only_ref = amo.call("POST", f"{amo.scope}/chats", {"conversation_id": "c-10", "user": {"ref_id": "user-7"}})
    assert set(only_ref.json) == {"id", "user"} and set(only_ref.json["user"]) == {"id"}
    assert amo.call("POST", f"{amo.scope}/chats", {"conversation_id": "c-11", "user": {"id": "u"}}).status == 400
    assert sandbox.counters()["amojo.chats"] == 2


def test_edits_change_the_text_and_bind_ids(sandbox, amo):
    sent = amo.message("m-1", "before").json["new_message"]
    payload = {"timestamp": 1767225720, "msec_timestamp": 1767225720250, "conversation_id": "c-1",
               "message": {"type": "text", "text": "after"}}
    edit = amo.call("POST", amo.scope, {"event_type": "edit_message", "payload": {**payload, "msgid": "m-1"}})
    assert edit.status == 200
    bound = amo.call("POST", amo.scope, {"event_type": "edit_message",
                                         "payload": {**payload, "id": sent["msgid"], "msgid": "m-bound"}})
    assert bound.json["new_message"]["ref_id"] == "m-bound"
    missing = amo.call("POST", amo.scope, {"event_type": "edit_message", "payload": {**payload, "msgid": "m-2"}})
    assert missing.status == 400
    [message] = sandbox.messages()
    assert (message["text"], message["edits"], message["msgid"]) == ("after", 2, "m-bound")
    assert amo.message("m-1").json["new_message"]["msgid"] == sent["msgid"]


def test_statuses_are_kept_in_either_spelling(sandbox, amo):
    mid = amo.message("m-1").json["new_message"]["msgid"]
    path = f"{amo.scope}/{mid}/delivery_status"
    assert amo.call("POST", path, {"status_code": 1}).status == 200
    assert amo.call("POST", path, {"msgid": mid, "delivery_status": 2, "error_code": None, "error": None}).status == 200
    assert amo.status(mid, 1).status == 200
    assert amo.status(mid, -1, error_code=905, error="нет").status == 200
    listed = sandbox.get("amojo/statuses", id=mid)["items"]
    assert [(s["status"], s["backwards"]) for s in listed] == [(1, False), (2, False), (1, True), (-1, True)]
    assert (listed[-1]["error_code"], listed[-1]["error"]) == (905, "нет")
    assert sandbox.messages()[0]["status"] == -1
    for wrong in ({"status_code": 3}, {}, {"status_code": "1"}, {"status_code": 1, "delivery_status": 2},
                  {"status_code": 1, "error_code": 905}, {"status_code": -1}, {"status_code": -1, "error_code": 905},
                  {"status_code": 1, "msgid": "other"}):
        assert amo.call("POST", path, wrong).status == 400, wrong
    assert amo.status("no-such-message", 1).status == 404
    sandbox.settings(unknown_refs="adopt")
    assert amo.status("no-such-message", 1).status == 200


def test_typing_and_reactions(sandbox, amo):
    assert amo.call("POST", f"{amo.scope}/typing", {"conversation_id": "c-1", "sender": {"id": "u"}}).status == 404
    amo.message("m-1")
    typing = amo.call("POST", f"{amo.scope}/typing", {"conversation_id": "c-1", "sender": {"id": "u"}})
    assert (typing.status, typing.body) == (204, b"")
    react = {"conversation_id": "c-1", "msgid": "m-1", "user": {"id": "u"}, "type": "react", "emoji": "😍"}
    assert amo.call("POST", f"{amo.scope}/react", react).status == 200
    assert amo.call("POST", f"{amo.scope}/react", {**react, "msgid": "m-2"}).status == 404
    assert amo.call("POST", f"{amo.scope}/react", {**react, "type": "love"}).status == 400
    assert amo.call("POST", f"{amo.scope}/react", {k: v for k, v in react.items() if k != "emoji"}).status == 400
    counters = sandbox.counters()
    assert (counters["amojo.typings"], counters["amojo.reactions"]) == (1, 1)


def test_history_is_newest_first_in_pages_and_204_when_there_is_none(sandbox, amo):
    assert amo.history("no-such-chat").status == 204
    for n in range(5):
        chat = amo.message(f"m-{n}", f"text {n}").json["new_message"]["conversation_id"]
    whole = amo.history(chat).json["messages"]
    assert [m["message"]["client_id"] for m in whole] == ["m-4", "m-3", "m-2", "m-1", "m-0"]
    assert whole[0]["sender"]["client_id"] == "u-c-1" and whole[0]["message"]["text"] == "text 4"
    page = amo.history(chat, "?limit=2&offset=1").json["messages"]
    assert [m["message"]["text"] for m in page] == ["text 3", "text 2"]
    assert amo.history(chat, "?limit=2&offset=5").status == 204
    assert amo.history(chat, "?limit=51").status == 400
    assert len(amo.history(chat, "").json["messages"]) == 5


def test_a_manager_writes_and_the_webhook_is_signed_without_its_newline(sandbox, amo, bridge):
    chat = amo.message("m-1").json["new_message"]["conversation_id"]
    [item] = sandbox.post("manager/writes", {"conversation_id": "c-1", "text": "да / нет",
                                             "message": {"type": "picture", "media": "https://e.com/1.jpg"}})["items"]
    assert item["chat"] == chat
    done = sandbox.wait("webhook", webhook=item["webhook"])["item"]
    [hook] = bridge.seen
    assert hook.path == f"/messages/{amo.scope}" and hook.body.endswith(b"\n")
    body = hook.body[:-1]
    assert hook.headers["X-Signature"] == amojo_webhook(amo.secret, body)
    assert body.decode() == done["body"]
    message = hook.json["message"]
    assert message["conversation"] == {"id": chat, "client_id": "c-1"}
    assert message["receiver"]["client_id"] == "u-c-1"
    assert message["message"]["id"] == item["id"] and message["message"]["text"] == "да / нет"
    assert (message["message"]["type"], message["message"]["media"]) == ("picture", "https://e.com/1.jpg")
    assert (done["state"], done["status"], done["kind"]) == ("answered", 202, "message")
    assert done["took_us"] > 0
    assert sandbox.messages(**{"from": "manager"})[0]["id"] == item["id"]
    assert sandbox.messages() == sandbox.messages(conversation="c-1", **{"from": "client"})
    assert amo.status(item["id"], 2).status == 200
    assert sandbox.wait("status", id=item["id"], status=2)["item"]["id"] == item["id"]


def test_write_first_and_the_link_that_follows(sandbox, amo, bridge):
    [item] = sandbox.post("manager/writes-first", {"phone": "+79005550177", "source": "line-1", "text": "hi"})["items"]
    [hook] = bridge.wait(1)
    message = hook.json["message"]
    assert message["conversation"] == {"id": item["chat"]}
    assert "client_id" not in message["receiver"] and message["receiver"]["phone"] == "+79005550177"
    assert message["source"] == {"external_id": "line-1"}
    answer = amo.message("m-1", conversation="c-77", payload={
        "conversation_ref_id": item["chat"],
        "sender": {"id": "u-77", "name": "Client", "ref_id": message["receiver"]["id"]}})
    new = answer.json["new_message"]
    assert (new["conversation_id"], new["sender_id"]) == (item["chat"], message["receiver"]["id"])
    sandbox.post("manager/writes", {"chat": item["chat"], "text": "and again"})
    later = bridge.wait(2)[1].json["message"]
    assert later["conversation"] == {"id": item["chat"], "client_id": "c-77"}
    assert later["receiver"]["client_id"] == "u-77"
    [chat] = sandbox.get("amojo/chats")["items"]
    assert (chat["write_first"], chat["linked"], chat["phone"]) == (True, True, "+79005550177")


def test_reactions_and_typing_of_managers_are_webhooks_too(sandbox, amo, bridge):
    mid = amo.message("m-1").json["new_message"]["msgid"]
    sandbox.post("manager/reacts", {"msgid": "m-1", "type": "react", "emoji": "👍"})
    sandbox.post("manager/types", {"conversation_id": "c-1"})
    seen = [hook.json["action"] for hook in bridge.wait(2)]
    assert seen[0]["reaction"]["message"] == {"id": mid, "client_id": "m-1"}
    assert seen[1]["typing"]["conversation"]["client_id"] == "c-1"


def test_webhooks_are_sent_once_whatever_happens(sandbox, amo, bridge):
    amo.message("m-1")
    sandbox.settings(webhook_timeout_ms=300)
    hold = __import__("threading").Event()
    bridge.answers = [(500, {}, {}), None, lambda _: hold.wait(20) and None]
    numbers = [i["webhook"] for i in sandbox.post(
        "manager/writes", [{"conversation_id": "c-1", "text": t} for t in "abcd"])["items"]]
    logs = [sandbox.wait("webhook", webhook=n)["item"] for n in numbers]
    hold.set()
    assert [(e["state"], e["status"]) for e in logs] == \
        [("answered", 500), ("lost", 0), ("lost", 0), ("answered", 202)]
    assert logs[1]["error"] and logs[2]["error"]
    assert [s.json["message"]["message"]["text"] for s in bridge.seen] == list("abcd")
    counters = sandbox.counters()
    assert [counters[f"webhooks.{k}"] for k in ("queued", "sent", "ok", "refused", "lost")] == [4, 4, 0, 2, 2]


def test_a_lost_answer_on_a_kept_connection_does_not_send_the_webhook_again(sandbox, amo, bridge):
    amo.message("m-1")
    for n in range(5):
        bridge.answers = [(200, {}, {}), None]
        sandbox.post("manager/writes", [{"conversation_id": "c-1", "text": f"{n} a"},
                                        {"conversation_id": "c-1", "text": f"{n} b"}])
        sandbox.wait("idle")
    texts = [s.json["message"]["message"]["text"] for s in bridge.seen]
    assert texts == [f"{n} {x}" for n in range(5) for x in "ab"]


def test_raw_webhooks_carry_exactly_the_given_bytes(sandbox, amo, bridge):
    body = (FIXTURES / "webhooks" / "02-text-write-first.json").read_text()
    send = {"scope_id": amo.scope, "body": body}
    sandbox.post("webhooks", [{**send, "newline": False}, {**send, "signature": "0" * 40},
                              {**send, "signature": None}, {**send, "secret": "other"},
                              {"scope_id": amo.scope, "body_base64": "AP8="},
                              {**send, "url": f"{bridge.url}/elsewhere", "newline": False}])
    sandbox.wait("idle")
    right = amojo_webhook(amo.secret, body.encode())
    signatures = {s.body: s.headers["X-Signature"] for s in bridge.seen if s.path == f"/messages/{amo.scope}"}
    assert signatures[body.encode()] == right
    chat = [s for s in bridge.seen if s.path == f"/messages/{amo.scope}" and s.body != b"\x00\xff\n"]
    assert [s.headers["X-Signature"] for s in chat] == \
        [right, "0" * 40, None, amojo_webhook("other", body.encode())]
    assert b"\x00\xff\n" in signatures
    assert [s.body for s in bridge.seen if s.path == "/elsewhere"] == [body.encode()]


def test_what_a_raw_webhook_speaks_of_becomes_known_and_a_log_can_be_replayed(sandbox, amo, bridge):
    body = json.loads((FIXTURES / "webhooks" / "02-text-write-first.json").read_text())
    sandbox.post("webhooks", {"body": json.dumps(body)})
    sandbox.wait("idle")
    message = body["message"]
    assert amo.status(message["message"]["id"], 1).status == 200
    linked = amo.message("m-1", payload={
        "conversation_ref_id": message["conversation"]["id"],
        "sender": {"id": "u", "name": "N", "ref_id": message["receiver"]["id"]}})
    assert linked.json["new_message"]["conversation_id"] == message["conversation"]["id"]
    log = sandbox.get("webhooks")["items"]
    sandbox.post("webhooks", log)
    sandbox.wait("idle")
    assert bridge.seen[0].body == bridge.seen[1].body


def test_thousands_of_managers_messages_keep_the_order_of_each_chat(sandbox, amo, bridge):
    for n in range(20):
        amo.message(f"m-{n}", conversation=f"c-{n + 1:07d}")
    queued = sandbox.post("manager/writes", {"count": 1000, "spread": 20, "conversation_id": "c-{c}", "text": "{n}"})
    assert queued["queued"] == 1000 and len(queued["items"]) == 1000
    sandbox.wait("webhooks.sent", count=1000, timeout_ms=60000)
    sandbox.wait("idle", timeout_ms=60000)
    by_chat = {}
    for seen in bridge.seen:
        message = seen.json["message"]
        by_chat.setdefault(message["conversation"]["client_id"], []).append(int(message["message"]["text"]))
    assert len(by_chat) == 20
    for n in range(20):
        assert by_chat[f"c-{n + 1:07d}"] == list(range(n + 1, 1001, 20))
    sandbox.post("manager/writes", {"count": 40, "all_chats": True, "text": "x{n}"})
    sandbox.wait("idle")
    assert len(bridge.seen) == 1040


def test_acts_on_unknown_things_are_refused(sandbox, amo):
    sandbox.post("manager/writes", {"conversation_id": "nobody", "text": "x"}, status=404)
    sandbox.post("manager/writes", {"text": "x"}, status=400)
    sandbox.post("manager/writes", {"scope_id": "no", "chat": "x"}, status=404)
    sandbox.post("manager/writes-first", {"text": "x"}, status=400)
    sandbox.post("manager/reacts", {"id": "no"}, status=404)
    sandbox.post("webhooks", {"body_base64": "*"}, status=400)


def test_a_channel_without_an_address_sends_nothing(sandbox):
    from sandbox_rig import Amo
    amo = Amo(sandbox).connect()
    amo.message("m-1")
    sandbox.post("manager/writes", {"conversation_id": "c-1", "text": "x"}, status=409)
    sandbox.post("webhooks", {"body": "{}"}, status=409)
    assert len(sandbox.messages(**{"from": "all"})) == 1
    assert sandbox.wait("idle")["value"] == 0


def test_the_registration_answer_has_every_documented_field(sandbox, amo):
    example = json.loads((FIXTURES / "requests" / "channel-registration-answer.json").read_text())["body"]
    answer = sandbox.get(f"channels/{amo.channel['id']}/registration")
    assert answer["error"] is None
    assert set(answer["result"]["ru"]) == set(example["result"]["ru"])
    for key, value in example["result"]["ru"].items():
        assert isinstance(answer["result"]["ru"][key], type(value)), key
    assert answer["result"]["ru"]["secret_key"] == amo.secret


def test_a_connection_is_kept_for_many_calls(sandbox, amo):
    connection = http.client.HTTPConnection("127.0.0.1", sandbox.port, timeout=20)
    for n in range(50):
        path = f"/v2/origin/custom/{amo.scope}"
        body = json.dumps({"event_type": "new_message", "payload": {
            "timestamp": 1767225720, "msec_timestamp": 1767225720250, "msgid": f"k-{n}", "conversation_id": "c",
            "sender": {"id": "u", "name": "N"}, "message": {"type": "text", "text": "x"}}}).encode()
        connection.request("POST", path, body, amojo_headers(
            amo.secret, "POST", path, body, date=format_datetime(datetime.now(timezone.utc), usegmt=True)))
        answer = connection.getresponse()
        assert answer.status == 200 and answer.read()
    connection.close()
    assert len(sandbox.messages()) == 50
