"""The connector API beyond plain messages: all types, both directions, edits, reactions, typing, questions; and
bodies that core sends back out of quarantine."""
import json
import time

import pytest

from ingress_harness import OTHER_TOKEN, TOKEN, bus, hook, message, registry, standard_headers, wait_for

URL = "https://files.example/r/81.jpg?x=1"


def post(ingress, body, **more):
    return ingress.service(json.dumps(body, ensure_ascii=False).encode(), **more)


def patch(ingress, ident, body, **more):
    return post(ingress, body, path=f"messages/{ident}", method="PATCH", **more)


def get(ingress, ident, **more):
    return ingress.service(None, path=f"messages/{ident}", method="GET", **more)


MEDIA = {"url": URL, "size": 48210, "mime": "image/jpeg"}
PARTS = [
    ("text", {"text": "Привет"}, {"text": "Привет"}),
    ("picture", {"text": "чек", "media": MEDIA},
     {"text": "чек", "media": URL, "media_name": "81.jpg", "media_size": 48210, "media_mime": "image/jpeg"}),
    ("video", {"media": dict(MEDIA, duration=7, thumbnail="https://t/1", group="g", name="n.mp4")},
     {"media_name": "n.mp4", "media_duration": 7, "thumbnail": "https://t/1", "media_group": "g"}),
    ("voice", {"media": {"url": URL, "duration": 3}}, {"media": URL, "media_duration": 3}),
    ("audio", {"media": {"url": URL}}, {"media": URL}),
    ("file", {"media": {"url": "http://f", "size": 1}}, {"media": "http://f", "media_name": "file", "media_size": 1}),
    ("sticker", {"sticker_id": "s1", "media": {"url": URL}}, {"sticker_id": "s1", "media": URL}),
    ("location", {"location": {"lat": 55.7501, "lon": -37}}, {"lat": "55.7501", "lon": "-37"}),
    ("contact", {"contact": {"name": "Отдел", "phone": "+7"}}, {"contact_name": "Отдел", "contact_phone": "+7"}),
]


@pytest.mark.parametrize("direction", ["in", "out"])
@pytest.mark.parametrize("kind,parts,want", PARTS, ids=[p[0] for p in PARTS])
def test_every_type_is_taken_both_ways(shared, kind, parts, want, direction):
    ingress, core = shared
    before = len(core.events)
    body = dict({"id": f"{kind}-{direction}", "source": "wa1", "conversation": {"id": "79"}, "type": kind,
                 "direction": direction, "callback_data": None}, **parts)
    if direction == "in":
        body["sender"] = {"id": "client"}
    else:
        body.update(receiver={"id": "client", "phone": "79"}, author={"amo_user": "user-1"})
    assert post(ingress, body).status == 202
    event = core.wait_events(before + 1)[-1][1]
    assert event["kind"] == 4 and event["type"] == kind
    assert {k: event.get(k) for k in want} == want
    if direction == "in":
        assert event["sender_id"] == "client" and "outgoing" not in event
    else:
        assert event["outgoing"] is True and event["receiver_id"] == "client" and event["author"] == "user-1"
        assert event["receiver_phone"] == "79" and "sender_id" not in event


def test_quotes_forwards_and_posts_cross(shared):
    ingress, core = shared
    before = len(core.events)
    body = json.loads(message("with-all"))
    body.update(text=None, reply_to={"id": "q", "type": "text", "text": "qt", "author": "qa",
                                     "sent_at": "1970-01-01T00:00:01Z"},
                forward={"id": "f", "text": "ft", "author": "fa", "media": {"url": "https://m/n.pdf", "size": 3}},
                shared_post={"url": "https://p", "preview_link": "https://l", "site_name": "S"},
                post={"id": "7", "url": "https://q", "username": "u"})
    assert post(ingress, body).status == 202
    event = core.wait_events(before + 1)[-1][1]
    assert event["reply_id"] == "q" and event["reply_text"] == "qt" and event["reply_author"] == "qa"
    assert event["reply_type"] == "text" and event["reply_sent_ms"] == 1000
    assert event["forward_id"] == "f" and event["forward_text"] == "ft" and event["forward_type"] == "file"
    assert event["forward_media"] == "https://m/n.pdf" and event["forward_media_name"] == "n.pdf"
    assert json.loads(event["shared_post"]) == {"url": "https://p", "preview_link": "https://l", "site_name": "S"}
    assert json.loads(event["post"]) == {"id": "7", "url": "https://q", "username": "u"}


def test_a_message_is_changed_and_deleted(shared):
    ingress, core = shared
    before = len(core.events)
    answer = patch(ingress, "wa1-3EB0", {"text": "новое", "sent_at": "1970-01-01T00:00:01Z"})
    assert answer.status == 202 and answer.json == {"id": "wa1-3EB0", "status": "accepted"}
    assert patch(ingress, "wa1-3EB0", {"deleted": True}).status == 202
    assert patch(ingress, "a%3Ab%2Ec", {"text": "x"}).json["id"] == "a:b.c"
    first, second, third = [e for _, e, _ in core.wait_events(before + 3)[before:]]
    assert first["kind"] == 7 and first["message_id"] == "wa1-3EB0" and first["text"] == "новое"
    assert first["connector"] == "mobilon" and first["sent_ms"] == 1000 and "type" not in first and "deleted" not in first
    assert second["deleted"] is True and third["message_id"] == "a:b.c"


def test_an_edit_with_a_key_is_taken_once(shared):
    ingress, core = shared
    before = len(core.events)
    assert patch(ingress, "e1", {"text": "1"}, Idempotency_Key="k1").status == 202
    again = patch(ingress, "e1", {"text": "1"}, Idempotency_Key="k1")
    assert again.status == 200 and again.json == {"id": "e1", "status": "duplicate"}
    other = patch(ingress, "e1", {"text": "2"}, Idempotency_Key="k1")
    assert other.status == 409 and other.code == "conflict" and other.json["error"]["field"] == "Idempotency-Key"
    # the key is this message's alone, and not one of the messages'
    assert patch(ingress, "e2", {"text": "1"}, Idempotency_Key="k1").status == 202
    assert ingress.service(message("e3"), Idempotency_Key="k1").status == 202
    # without one there is nothing to know it by
    assert [patch(ingress, "e1", {"text": "1"}).status for _ in range(2)] == [202, 202]
    core.wait_events(before + 5)
    assert len(core.events) == before + 5


def test_a_reaction_is_set_and_taken_back(shared):
    ingress, core = shared
    before = len(core.events)
    answer = post(ingress, {"message_id": "m1", "emoji": "👍🏽", "sender": {"id": "u"}, "conversation": {"id": "c"}},
                  path="reactions")
    assert answer.status == 202 and answer.json == {"status": "accepted"}
    assert post(ingress, {"message_id": "m1", "set": False, "author": {"amo_user": "a"}}, path="reactions").status == 202
    first, second = [e for _, e, _ in core.wait_events(before + 2)[before:]]
    assert first["kind"] == 8 and first["message_id"] == "m1" and first["emoji"] == "👍🏽" and "unset" not in first
    assert first["sender_id"] == "u" and first["conversation"] == "c"
    assert second["unset"] is True and second["author"] == "a"


def test_typing_of_both_sides_goes_at_once_or_not_at_all(pair):
    ingress, core = pair
    now = time.time() * 1000
    answer = post(ingress, {"source": "wa1", "conversation": {"id": "c"}, "sender": {"id": "u"}, "duration_ms": 2000},
                  path="typing")
    assert answer.status == 202 and answer.json == {"status": "accepted"}
    typing = {"account_id": json.loads(hook())["account_id"], "time": 1767226500,
              "action": {"typing": {"user": {"id": "u"}, "conversation": {"id": "c", "client_id": "mb"},
                                    "expired_at": 1767226505}}}
    body = json.dumps(typing).encode()
    assert ingress.amo(body).status == 200
    first, second = core.wait_ephemerals(2)
    assert first["kind"] == 9 and first["source"] == "wa1" and first["conversation"] == "c" and first["connector"] == "mobilon"
    assert abs(first["expires_ms"] - now - 2000) < 20000 and first["expires_ms"] == first["taken_ms"] + 2000
    assert second["kind"] == 3 and second["chat_id"] == "c" and second["expires_ms"] == 1767226505000
    assert len(first["trace"]) == 16
    core.close()
    wait_for(lambda: b"core is away" in ingress.admin("/readyz").body, "core to be missed")
    assert ingress.amo(body).status == 200
    assert post(ingress, {"source": "wa1", "conversation": {"id": "c"}}, path="typing").status == 202
    assert ingress.metric("amo_spool_events") == 0
    assert ingress.metric("amo_webhooks_total", result="dropped") == 2


# --- where is it


FOUND = {"found": True, "mid": "mobilon-a", "direction": "in", "state": "delivered_to_amo", "amo_id": "amo-1",
         "taken_ms": 1767225600000, "settled_ms": 1767225601500}


def test_where_a_message_is(shared):
    ingress, core = shared
    core.on_query = lambda query: FOUND
    answer = get(ingress, "a")
    assert core.queries[-1]["connector"] == "mobilon" and core.queries[-1]["message_id"] == "a"
    assert answer.status == 200
    assert answer.json == {"id": "a", "mid": "mobilon-a", "direction": "in", "status": "delivered_to_amo",
                           "amo_id": "amo-1", "service_id": None, "accepted_at": "2026-01-01T00:00:00.000Z",
                           "settled_at": "2026-01-01T00:00:01.500Z"}
    core.on_query = lambda query: {"found": True, "mid": "mobilon-a", "direction": "out", "state": "failed",
                                   "reason": "refused", "words": "нет такого номера", "service_id": "svc-1"}
    answer = get(ingress, "a%2D1")
    assert core.queries[-1]["message_id"] == "a-1"
    assert answer.json["status"] == "failed" and answer.json["service_id"] == "svc-1"
    assert answer.json["error"] == {"code": "refused", "message": "нет такого номера"}
    assert answer.json["accepted_at"] is None
    core.on_query = lambda query: FOUND
    head = ingress.service(None, path="messages/a", method="HEAD")
    assert head.status == 200 and head.body == b""
    assert get(ingress, "a", token=None, **standard_headers(b"")).status == 200
    core.on_query = lambda query: {}


def test_what_core_does_not_know_yet_may_lie_in_the_spool(make):
    core = make.core()
    ingress = make()
    ingress.wait_log("what=registry.new")
    core.take = False
    assert ingress.service(message("fresh")).status == 202
    for ident in ("fresh", "mobilon-fresh"):
        answer = get(ingress, ident)
        assert answer.status == 200 and answer.json["status"] == "accepted" and answer.json["direction"] == "in"
        assert answer.json["mid"] == "mobilon-fresh" and answer.json["service_id"] == "fresh"
        assert answer.json["accepted_at"] and answer.json["settled_at"] is None
    for ident in ("other", "mobilon-other", "mobilon-"):
        answer = get(ingress, ident)
        assert answer.status == 404 and answer.code == "unknown_message"
    # another connector's message is none of this one's
    assert ingress.service(None, path="messages/fresh", method="GET", name="another",
                           token="token-of-another-00000000000000000").status == 404


def test_a_question_without_an_answer_ends_in_503(pair):
    ingress, core = pair
    core.on_query = lambda query: None
    began = time.monotonic()
    answer = get(ingress, "a")
    assert answer.status == 503 and answer.code == "core_away" and int(answer.headers["Retry-After"]) > 0
    assert time.monotonic() - began > 4
    # too late: it finds nobody, and nothing breaks
    number = core.queries[-1]["number"]
    core.send_all("ANSWER", dict(FOUND, number=number))
    core.send_all("ANSWER", dict(FOUND, number=number + 1000))
    core.on_query = lambda query: FOUND
    assert get(ingress, "a").status == 200


def test_questions_in_the_air_when_core_goes(pair):
    ingress, core = pair
    core.on_query = lambda query: None
    connections = [ingress.connect() for _ in range(5)]
    for i, c in enumerate(connections):
        c.request("GET", f"/v1/connectors/mobilon/messages/q{i}", headers={"Authorization": f"Bearer {TOKEN}"})
    wait_for(lambda: len(core.queries) == 5, "questions")
    core.restart()
    for c in connections:
        r = c.getresponse()
        assert r.status == 503 and json.loads(r.read())["error"]["code"] == "core_away"
        c.close()
    core.on_query = lambda query: FOUND
    wait_for(lambda: get(ingress, "a").status == 200, "the new session")


def test_without_core_the_question_is_answered_at_once(make):
    core = make.core()
    ingress = make()
    ingress.wait_log("what=registry.new")
    core.close()
    wait_for(lambda: b"core is away" in ingress.admin("/readyz").body, "core to be missed")
    began = time.monotonic()
    answer = get(ingress, "a")
    assert answer.status == 503 and answer.code == "core_away" and int(answer.headers["Retry-After"]) > 0
    assert time.monotonic() - began < 3


@pytest.mark.parametrize("leave", ["answered", "expired"])
def test_who_leaves_while_asking_does_no_harm(pair, leave):
    ingress, core = pair
    core.on_query = lambda query: None
    connections = [ingress.connect() for _ in range(20)]
    for i, c in enumerate(connections):
        c.request("GET", f"/v1/connectors/mobilon/messages/q{i}", headers={"Authorization": f"Bearer {TOKEN}"})
    wait_for(lambda: len(core.queries) == 20, "questions")
    for c in connections:
        c.close()
    if leave == "answered":
        for query in list(core.queries):
            core.send_all("ANSWER", dict(FOUND, number=query["number"]))
    core.on_query = lambda query: FOUND
    assert get(ingress, "a").status == 200
    wait_for(lambda: ingress.metric("amo_connections") == 0, "the connections to end", timeout=20)
    assert ingress.alive


def test_a_stopping_ingress_lets_nobody_wait(make):
    core = make.core()
    ingress = make(amo_drain_ms=500)
    ingress.wait_log("what=registry.new")
    core.on_query = lambda query: None
    c = ingress.connect()
    c.request("GET", "/v1/connectors/mobilon/messages/q", headers={"Authorization": f"Bearer {TOKEN}"})
    wait_for(lambda: core.queries, "the question")
    ingress.stop()
    assert c.getresponse().status == 503
    c.close()


def test_questions_have_a_bound(make):
    core = make.core()
    ingress = make()
    ingress.wait_log("what=registry.new")
    core.on_query = lambda query: None
    connections = []
    for i in range(128):
        c = ingress.connect()
        c.request("GET", f"/v1/connectors/mobilon/messages/q{i}", headers={"Authorization": f"Bearer {TOKEN}"})
        connections.append(c)
    wait_for(lambda: len(core.queries) == 128, "all questions")
    answer = get(ingress, "one-more")
    assert answer.status == 503 and answer.code == "busy"
    core.on_query = lambda query: FOUND     # another connector may ask as if nobody else did
    assert ingress.service(None, "messages/a", "another", OTHER_TOKEN, method="GET").status == 200
    for c in connections:
        c.close()


# --- back out of quarantine


def test_a_body_out_of_quarantine_is_read_anew(pair):
    ingress, core = pair
    scope = "0b024cf5-011a-41f4-b10c-62b7e5052de5_831f0943-4783-43d0-835e-d2d8d2553844"
    core.send_all("REPLAY", {"number": 7, "scope": scope, "raw": hook("back", text="снова")})
    core.send_all("REPLAY", {"number": 8, "scope": scope, "raw": b"{broken"})
    core.send_all("REPLAY", {"number": 9, "scope": scope, "raw": json.dumps(
        {"action": {"typing": {"conversation": {"id": "c"}}}}).encode()})
    core.send_all("REPLAY", {"number": 10})
    core.wait_events(3)
    events = [e for _, e, _ in core.events]
    assert [e["replay"] for e in events] == [7, 8, 9]
    assert events[0]["kind"] == 1 and events[0]["message_id"] == "back" and events[0]["text"] == "снова"
    assert events[0]["scope"] == scope and "raw" not in events[0] and events[0]["taken_ms"] > 1.6e12
    assert events[1]["kind"] == 6 and events[1]["raw"] == b"{broken" and events[1]["reason"]
    assert events[2]["kind"] == 6 and events[2]["reason"] == "typing is over by now"
    ingress.wait_log("what=replay.malformed")
    assert ingress.metric("amo_spool_events") == 0 or wait_for(
        lambda: ingress.metric("amo_spool_events") == 0, "an empty spool")


def test_the_registry_rules_hold_for_typing(make):
    make.core(registry=registry(scopes=[("c_a", "mobilon"), ("c_b", "mobilon")], sources=[("mobilon", "wa1", "c_a")]))
    ingress = make()
    ingress.wait_log("what=registry.new")
    assert post(ingress, {"source": "wa2", "conversation": {"id": "c"}}, path="typing").code == "unknown_source"
    assert post(ingress, {"source": "wa1", "conversation": {"id": "c"}}, path="typing").status == 202
    assert bus.KINDS["EVENT_EPHEMERAL"] == 17
