"""The Mobilon side of the sandbox: what it takes, what it calls."""
import json
import threading

import pytest

from sandbox_rig import Service, webhook_headers


def test_a_message_is_answered_with_the_services_ids(sandbox, service):
    answer = service.message("mid-1", text="привет")
    assert answer.status == 200
    [given] = sandbox.get("service/messages")["items"]
    assert answer.json == {"conversation": {"id": "79005550101"}, "id": given["service_id"]}
    assert (given["id"], given["text"], given["conversation"]) == ("mid-1", "привет", "79005550101")
    assert (given["webhook_ids"], given["calls"], given["repeats"]) == (1, 1, 0)
    sandbox.post("connectors", {"name": "demo", "answer_ids": False})
    assert service.message("mid-2").json == {}


def test_writing_first_makes_the_conversation_from_the_phone(sandbox, service):
    answer = service.message("mid-1", conversation=None, write_first=True)
    assert answer.json["conversation"]["id"] == "79005550101"
    [given] = sandbox.get("service/messages", conversation="79005550101")["items"]
    assert given["write_first"] is True


@pytest.mark.parametrize("change", [
    {"secret": "whsec_" + "A" * 43 + "="},
    {"timestamp": 1767225600},
    {"headers": {"webhook-id": "other"}},
    {"headers": {"webhook-signature": ""}},
    {"headers": {"webhook-signature": "v2,abc"}},
])
def test_a_call_that_is_not_signed_right_is_unauthorized(sandbox, service, change):
    assert service.call("mid-1", service.body("mid-1"), **change).status == 401
    assert sandbox.get("service/messages")["items"] == []
    assert sandbox.counters()["service.forbidden"] == 1
    [entry] = sandbox.get("journal", side="service", verified="false")["items"]
    assert entry["status"] == 401 and entry["reason"]


def test_the_window_of_webhooks_follows_the_sandboxs_clock(sandbox, service):
    sandbox.settings(clock_offset_ms=290 * 1000)
    assert service.message("mid-1").status == 200
    sandbox.settings(clock_offset_ms=310 * 1000)
    assert service.message("mid-2").status == 401


def test_the_old_secret_is_good_during_a_rotation(sandbox, service):
    old = service.connector["secret"]
    new = sandbox.post("connectors", {"name": "demo", "secret": "whsec_" + "B" * 43 + "=", "secret_old": old})
    assert service.call("mid-1", service.body("mid-1"), secret=old).status == 200
    assert service.call("mid-2", service.body("mid-2"), secret=new["secret"]).status == 200
    sandbox.post("connectors", {"name": "demo", "secret_old": None})
    assert service.call("mid-3", service.body("mid-3"), secret=old).status == 401


def test_a_repeat_is_recognised_by_its_webhook_id(sandbox, service):
    body = service.body("mid-1")
    first = service.call("mid-1", body)
    assert service.call("mid-1", body).json == first.json
    body["data"]["text"] = "other"
    assert service.call("mid-1", body).json == first.json
    assert service.call("mid-1-again", body).json == first.json
    [given] = sandbox.get("service/messages")["items"]
    assert (given["webhook_ids"], given["calls"], given["repeats"], given["body_changed"]) == (2, 4, 2, 1)
    counters = sandbox.counters()
    assert (counters["service.messages"], counters["service.repeats"], counters["service.doubles"]) == (1, 2, 1)


@pytest.mark.parametrize("data, field", [
    ({"id": None}, "data.id"), ({"type": "poem"}, "data.type"), ({"direction": "in"}, "data.direction"),
    ({"conversation": None}, "data.conversation"), ({"source": 1}, "data.source"),
    ({"write_first": True, "receiver": {}}, "data.receiver.phone"), ({"id": "other"}, "webhook-id"),
])
def test_a_wrong_body_is_refused(sandbox, service, data, field):
    body = service.body("mid-1")
    body["data"].update(data)
    answer = service.call("mid-1", body)
    assert answer.status == 422 and answer.json["error"]["message"].startswith(field)
    assert service.call("mid-1", b"nonsense").status == 400


def test_other_events_are_kept_apart(sandbox, service):
    event = {"type": "reaction.changed", "timestamp": "2026-01-01T00:02:00.000Z",
             "data": {"message_id": "m", "emoji": "👍", "set": True, "conversation": {"id": "c"}}}
    assert service.call("mid-1-reaction-1", event).status == 200
    assert service.call("mid-1-reaction-1", event).status == 200
    test = {"type": "connector.test", "timestamp": "2026-01-01T00:02:00.000Z", "data": {"nonce": "n1"}}
    assert service.call("t-1", test).json == {"nonce": "n1"}
    events = sandbox.get("service/events")["items"]
    assert [(e["type"], e["repeats"]) for e in events] == [("reaction.changed", 1), ("connector.test", 0)]
    assert sandbox.get("service/events", type="connector.test")["items"][0]["data"] == {"nonce": "n1"}


def test_unknown_connectors_and_methods_are_refused(sandbox, service):
    assert sandbox.call("POST", "/mobilon/nobody", b"{}", webhook_headers(
        service.connector["secret"], "x", b"{}")).status == 404
    assert sandbox.call("GET", "/mobilon/demo").status == 401


@pytest.mark.parametrize("report, words", [("delivered", ["delivered"]), ("read", ["delivered", "read"]),
                                           ("failed", ["failed"]), ("none", [])])
def test_it_reports_what_became_of_a_message(sandbox, service, bridge, report, words):
    sandbox.post("connectors", {"name": "demo", "report": report})
    service.message("mid-1")
    sandbox.wait("idle")
    assert [s.path for s in bridge.seen] == ["/v1/connectors/demo/statuses"] * len(words)
    items = [s.json["statuses"][0] for s in bridge.seen]
    assert [i["status"] for i in items] == words
    for item in items:
        assert item["id"] == "mid-1" and item["conversation"] == {"id": "79005550101"}
    if report == "failed":
        assert items[0]["error"] == {"code": "not_on_channel", "text": "no such number"}
    assert all(s.headers["Authorization"] == f"Bearer {service.connector['token']}" for s in bridge.seen)
    service.message("mid-1")
    sandbox.wait("idle")
    assert len(bridge.seen) == len(words)
    assert sandbox.counters()["status.accepted"] == len(words)


def test_reports_may_name_the_services_own_id(sandbox, service, bridge):
    sandbox.post("connectors", {"name": "demo", "report": "delivered", "report_id": "service"})
    answer = service.message("mid-1")
    [seen] = bridge.wait(1)
    assert seen.json["statuses"][0]["id"] == answer.json["id"]


def test_a_client_writes(sandbox, service, bridge):
    [item] = sandbox.post("client/writes", {
        "connector": "demo", "source": "wa1", "conversation": "79005550101", "text": "да / нет", "reply_to": {"id": "x"},
        "sender": {"id": "s-1", "name": "Ирина"}, "id": "wa1-1"})["items"]
    entry = sandbox.wait("call", call=item["call"])["item"]
    [seen] = bridge.seen
    assert seen.path == "/v1/connectors/demo/messages" and seen.headers["Content-Type"] == "application/json"
    assert seen.json == {"id": "wa1-1", "source": "wa1", "conversation": {"id": "79005550101"}, "type": "text",
                         "sender": {"id": "s-1", "name": "Ирина"}, "text": "да / нет", "reply_to": {"id": "x"}}
    assert (entry["state"], entry["status"], entry["attempts"]) == ("accepted", 202, 1)
    assert entry["answer"] == {"status": "accepted"}
    sandbox.post("client/writes", {"source": "wa1", "conversation": "+7 (900) 1", "text": "x"})
    assert bridge.wait(2)[1].json["sender"] == {"id": "+7 (900) 1", "name": "+7 (900) 1", "phone": "79001"}


def test_a_message_is_repeated_with_the_same_bytes_until_it_is_accepted(sandbox, service, bridge):
    sandbox.settings(client_backoff_ms=5, client_backoff_max_ms=20)
    bridge.answers = [(503, {}, {}), None, (429, {}, {}), (408, {}, {}), (200, {"status": "duplicate"}, {})]
    sandbox.post("client/writes", [{"source": "wa1", "conversation": "c", "text": "first"},
                                   {"source": "wa1", "conversation": "c", "text": "second"}])
    sandbox.wait("idle")
    assert len({s.body for s in bridge.seen[:5]}) == 1 and len(bridge.seen) == 6
    assert bridge.seen[5].json["text"] == "second"
    counters = sandbox.counters()
    assert [counters[f"client.{k}"] for k in ("queued", "accepted", "duplicates", "retries", "failed")] == [2, 2, 1, 4, 0]
    assert sandbox.get("client/calls", kind="message")["items"][0]["attempts"] == 5


def test_a_final_answer_ends_the_repeats_and_lets_the_next_go(sandbox, service, bridge):
    sandbox.settings(client_backoff_ms=1, client_give_up=3)
    bridge.answers = [(422, {"error": {"code": "unknown_source"}}, {})] + [(500, {}, {})] * 3
    sandbox.post("client/writes", [{"source": "wa1", "conversation": "c", "text": t} for t in "abc"])
    sandbox.wait("idle")
    log = sandbox.get("client/calls")["items"]
    assert [(e["state"], e["status"], e["attempts"]) for e in log] == \
        [("failed", 422, 1), ("failed", 500, 3), ("accepted", 202, 1)]
    assert log[0]["answer"] == {"error": {"code": "unknown_source"}}


def test_retry_after_is_obeyed(sandbox, service, bridge):
    sandbox.settings(client_backoff_ms=1, client_backoff_max_ms=1)
    bridge.answers = [(429, {}, {"Retry-After": "1"})]
    [item] = sandbox.post("client/writes", {"source": "wa1", "conversation": "c", "text": "x"})["items"]
    entry = sandbox.wait("call", call=item["call"])["item"]
    assert entry["done_at_ms"] - entry["queued_at_ms"] >= 900


def test_a_bridge_that_is_down_or_moves_is_found_again(sandbox, bridge):
    sandbox.settings(client_backoff_ms=5, client_backoff_max_ms=5)
    Service(sandbox, bridge_url="http://127.0.0.1:1")
    [item] = sandbox.post("client/writes", {"source": "wa1", "conversation": "c", "text": "x"})["items"]
    sandbox.wait("client.retries", count=2)
    sandbox.post("connectors", {"name": "demo", "bridge_url": bridge.url + "/"})
    assert sandbox.wait("call", call=item["call"])["item"]["state"] == "accepted"
    assert bridge.seen[0].path == "/v1/connectors/demo/messages"


def test_calls_can_be_signed_instead_of_or_besides_the_token(sandbox, service, bridge):
    sandbox.settings(client_backoff_ms=1)
    sandbox.post("connectors", {"name": "demo", "auth": "signature"})
    bridge.answers = [(503, {}, {})]
    sandbox.post("client/writes", {"source": "wa1", "conversation": "c", "text": "x"})
    first, second = bridge.wait(2)
    assert first.headers["Authorization"] is None
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    for seen in (first, second):
        want = webhook_headers(service.connector["secret"], seen.headers["webhook-id"], seen.body,
                               seen.headers["webhook-timestamp"])
        assert seen.headers["webhook-signature"] == want["webhook-signature"]
    sandbox.post("connectors", {"name": "demo", "auth": "both"})
    sandbox.post("client/writes", {"source": "wa1", "conversation": "c", "text": "x"})
    both = bridge.wait(3)[2]
    assert both.headers["Authorization"] and both.headers["webhook-signature"]


def test_any_call_and_status_can_be_made_by_hand(sandbox, service, bridge):
    sandbox.post("client/calls", {"method": "PATCH", "path": "/messages/wa1-1", "body": {"text": "новый"}, "lane": "c"})
    sandbox.post("client/calls", {"path": "/typing", "body": "not json", "lane": "c"})
    sandbox.wait("call.accepted", count=2)
    sandbox.post("client/statuses", {"id": "mid-1", "status": "failed", "error": {"code": "internal", "text": "x"}})
    seen = bridge.wait(3)
    assert (seen[0].method, seen[0].path, seen[0].json) == ("PATCH", "/v1/connectors/demo/messages/wa1-1", {"text": "новый"})
    assert seen[1].body == b"not json"
    assert seen[2].json == {"statuses": [{"id": "mid-1", "status": "failed", "error": {"code": "internal", "text": "x"}}]}
    sandbox.post("client/calls", {"path": "typing"}, status=400)
    sandbox.post("client/calls", {"method": "STEAL", "path": "/x"}, status=400)


def test_thousands_of_clients_messages_keep_the_order_of_each_conversation(sandbox, service, bridge):
    queued = sandbox.post("client/writes", {"count": 1000, "spread": 25, "source": "wa1", "conversation": "7900{c}",
                                            "sender": {"id": "7900{c}", "name": "Client {c}"}, "text": "{n}", "id": "b-{n}"})
    assert queued["queued"] == 1000
    sandbox.wait("client.accepted", count=1000, timeout_ms=60000)
    by_conversation = {}
    for seen in bridge.seen:
        by_conversation.setdefault(seen.json["conversation"]["id"], []).append(int(seen.json["text"]))
    assert len(by_conversation) == 25
    for n in range(25):
        assert by_conversation[f"7900{n + 1:07d}"] == list(range(n + 1, 1001, 25))


def test_a_connector_is_checked(sandbox):
    sandbox.post("connectors", {"name": "Bad Name"}, status=400)
    sandbox.post("connectors", {"name": "x", "secret": "whsec_short"}, status=400)
    sandbox.post("connectors", {"name": "x", "auth": "magic"}, status=400)
    sandbox.post("connectors", {}, status=400)
    sandbox.post("client/writes", {"connector": "nobody", "conversation": "c"}, status=404)
    made = sandbox.post("connectors", {"name": "y"})
    assert made["secret"].startswith("whsec_") and len(made["token"]) == 64
    sandbox.post("client/writes", {"connector": "y", "conversation": "c"}, status=409)
    assert sandbox.get("connectors/y") == made
    assert {c["name"] for c in sandbox.get("connectors")["items"]} >= {"y"}
    json.dumps(made)


AT = "2026-01-01T00:02:00.000Z"
EVENTS = {
    "reaction.changed": {"message_id": "wa1-1", "emoji": "👍", "set": True, "conversation": {"id": "c"},
                         "author": {"amo_user": "u"}},
    "typing.started": {"conversation": {"id": "c"}, "expires_at": AT},
    "delivery.failed": {"id": "wa1-1", "mid": "mid-1", "code": "amojo_refused", "text": "слова",
                        "conversation": {"id": None}},
    "connector.test": {"nonce": "n-1"},
}


@pytest.mark.parametrize("kind", sorted(EVENTS))
def test_each_event_is_kept_and_can_be_waited_for(sandbox, service, kind):
    body = {"type": kind, "timestamp": AT, "data": EVENTS[kind]}
    found = []
    waiting = threading.Thread(target=lambda: found.append(sandbox.wait("service.event", type=kind)))
    waiting.start()
    assert service.call("e-1", body).status == 200
    waiting.join(20)
    item = found[0]["item"]
    assert (item["type"], item["data"], item["webhook_id"]) == (kind, EVENTS[kind], "e-1")
    assert sandbox.wait("service.event", id="e-1")["item"] == item
    for key in ("message_id", "id", "mid", "nonce"):
        if key in EVENTS[kind]:
            assert sandbox.wait("service.event", id=EVENTS[kind][key])["item"] == item
    if kind == "delivery.failed":
        assert sandbox.wait("service.event", text="слов")["item"] == item
    assert sandbox.get("wait", what="service.event", id="nobody", timeout_ms=0)["done"] is False


@pytest.mark.parametrize("kind, change, words", [
    ("reaction.changed", {"message_id": None}, "data.message_id: is required"),
    ("reaction.changed", {"set": "yes"}, "data.set: must be a boolean"),
    ("reaction.changed", {"emoji": None}, "data.emoji: is required"),
    ("typing.started", {"conversation": None}, "data.conversation: is required"),
    ("typing.started", {"expires_at": "now"}, "data.expires_at: must be a time in UTC"),
    ("delivery.failed", {"code": 5}, "data.code: must be a string"),
    ("connector.test", {"nonce": ""}, "data.nonce: cannot be blank"),
])
def test_each_event_is_checked(sandbox, service, kind, change, words):
    answer = service.call("e-1", {"type": kind, "timestamp": AT, "data": EVENTS[kind] | change})
    assert (answer.status, answer.json["error"]["message"]) == (422, words)
    assert sandbox.get("service/events")["items"] == []


def test_an_event_nobody_knows_is_refused(sandbox, service):
    assert service.call("e-1", {"type": "message.gone", "timestamp": AT, "data": {}}).status == 422


FULL = {
    "type": "picture", "author": {"amo_user": "u"}, "location": None, "contact": None, "reply_to": {"id": "wa1-1"},
    "media": {"url": "https://e.com/1", "name": "1.jpg", "size": 9, "mime": None, "duration": None, "thumbnail": None,
              "group": "g"},
    "forwarded": {"id": None, "author": "A"}, "buttons": [{"text": "Да", "row": 0}, {"text": "Нет", "url": "https://e.com", "row": 1}],
    "list": {"header": "h", "body": "b", "footer": "f", "button": "x",
             "sections": [{"title": "t", "rows": [{"callback_data": "r", "title": "R", "description": "d"}]}]},
    "template": {"id": 7, "external_id": "t", "content": "c", "params": [{"key": "k", "value": "v"}]}, "post": {"id": "p"},
}


def test_a_message_with_every_part_is_taken(sandbox, service):
    assert service.message("mid-1", **FULL).status == 200
    data = sandbox.get("service/messages")["items"][0]["data"]
    assert {k: data[k] for k in FULL} == FULL


@pytest.mark.parametrize("change, words", [
    ({"media": None}, "data.media: is required"), ({"type": "text"}, "data.media: does not belong to this type"),
    ({"reply_to": {"id": 5}}, "data.reply_to.id: must be a string"), ({"author": "u"}, "data.author: must be an object"),
    ({"buttons": {}}, "data.buttons: must be an array"), ({"post": {}}, "data.post.id: is required"),
    ({"template": {"id": "7"}}, "data.template.id: must be an integer"), ({"contact": {}}, "data.contact: does not belong to this type"),
])
def test_each_part_of_a_message_is_checked(sandbox, service, change, words):
    answer = service.message("mid-1", **FULL | change)
    assert (answer.status, answer.json["error"]["message"]) == (422, words)


def test_a_refusal_can_be_played_in_the_services_own_words(sandbox, service):
    error = {"error": {"code": "not_on_channel", "message": "нет в WhatsApp"}}
    sandbox.post("faults", {"on": "service.message.created", "match": "79005550101", "status": 422, "body": error, "times": 1})
    answer = service.message("mid-1")
    assert (answer.status, answer.json) == (422, error)
    assert sandbox.get("service/messages")["items"] == []
    assert service.message("mid-1").status == 200
    sandbox.post("faults", {"on": "service", "status": 410})
    assert service.message("mid-2").status == 410
    answered = {"conversation": {"id": "learnt"}, "id": "svc-own"}
    sandbox.call("DELETE", "/_sandbox/faults")
    sandbox.post("faults", {"on": "service.message.created", "status": 200, "process": True, "body": answered})
    assert service.message("mid-3").json == answered
    assert len(sandbox.get("service/messages")["items"]) == 2


def test_a_conversation_written_to_first_may_have_a_name_nobody_can_guess(sandbox, service):
    sandbox.post("connectors", {"name": "demo", "conversation_prefix": "wa:"})
    answer = service.message("mid-1", conversation=None, write_first=True)
    assert answer.json["conversation"]["id"] == "wa:79005550101"
    assert sandbox.get("service/messages", conversation="wa:79005550101")["items"][0]["write_first"] is True
