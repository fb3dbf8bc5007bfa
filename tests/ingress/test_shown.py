"""A part of a call that is only shown never costs the words: it is cut or left out, and the answer says so by its name."""
import json
import re
import time

import pytest

from ingress_harness import ROOT, wait_for
from odd import BASE, FAMILY, FILE, FORWARD, ODD, OUT, POST, QUOTE, SHARED, SHOWN, with_part


@pytest.fixture(autouse=True)
def quiet(shared):
    """What the test before sent has arrived."""
    wait_for(lambda: shared[0].metric("amo_spool_events") == 0, "an empty spool")


def post(ingress, body, path="messages", method="POST"):
    return ingress.service(json.dumps(body).encode(), path=path, method=method)


def taken(shared, ident, body, fields=(), path="messages", **want):
    """202, with warnings for these fields and no others; the event."""
    ingress, core = shared
    before = len(core.events)
    answer = post(ingress, dict(body, id=ident) if path == "messages" else body, path)
    assert answer.status == 202, answer.body
    warnings = answer.json.get("warnings", [])
    assert sorted({w["field"] for w in warnings}) == sorted(fields), warnings
    assert all(set(w) == {"field", "code", "message"} and w["code"] in ("invalid", "too_long", "required") for w in warnings)
    assert "warnings" not in answer.json or warnings
    event = core.wait_events(before + 1)[before][1]
    for name, value in want.items():
        assert event.get(name) == value, name
    return event


def test_a_long_caption_of_a_post_does_not_cost_the_comment(shared):
    caption = "я" * 600
    event = taken(shared, "cap-1", with_part(POST, "post.caption", caption), text="сколько стоит?")
    assert json.loads(event["post"])["caption"] == caption
    # 2,200 letters are as long as such a caption gets
    for n, letter in enumerate(("Ж", FAMILY[0])):
        event = taken(shared, f"cap-2{n}", with_part(POST, "post.caption", letter * 2200))
        assert json.loads(event["post"])["caption"] == letter * 2200
    event = taken(shared, "cap-3", with_part(POST, "post.caption", "Ж" * 20000), ["post.caption"])
    assert json.loads(event["post"])["caption"] == "Ж" * 8192


def test_a_long_name_is_cut_at_the_end_of_a_sign(shared):
    event = taken(shared, "name-1", with_part(BASE, "sender.name", FAMILY * 42), ["sender.name"])
    assert event["sender_name"] == FAMILY * 40
    event = taken(shared, "name-2", with_part(BASE, "sender.name", "Ж" * 512), sender_name="Ж" * 512)
    event = taken(shared, "name-3", with_part(BASE, "sender.name", "aЖ" + "Ж" * 512), ["sender.name"])
    assert event["sender_name"] == "a" + "Ж" * 511
    event = taken(shared, "name-4", with_part(QUOTE, "reply_to.author", "👍🏽" * 129), ["reply_to.author"], reply_id="q")
    assert event["reply_author"] == "👍🏽" * 128
    event = taken(shared, "name-5", with_part(FORWARD, "forward.author", "🇷🇺" * 129), ["forward.author"], forward_id="f")
    assert event["forward_author"] == "🇷🇺" * 128
    event = taken(shared, "name-6", with_part(SHARED, "shared_post.site_name", "С" * 600), ["shared_post.site_name"])
    assert json.loads(event["shared_post"])["site_name"] == "С" * 512


def test_a_part_that_amo_has_no_place_for_does_not_cost_the_file(shared):
    picture = dict(FILE, type="picture", media={"url": "https://files.example.com/a.jpg", "size": 5})
    taken(shared, "file-1", with_part(picture, "media.thumbnail", "data:image/jpeg;base64,/9j/4AAQ"), ["media.thumbnail"],
          media="https://files.example.com/a.jpg", media_size=5, thumbnail=None)
    taken(shared, "file-2", with_part(FILE, "media.duration", 3.72), ["media.duration"], media_duration=4)
    taken(shared, "file-3", with_part(FILE, "media.duration", -1), ["media.duration"], media_duration=None)
    taken(shared, "file-4", with_part(FILE, "media.duration", 3720000), ["media.duration"], media_duration=None)
    taken(shared, "file-5", with_part(FILE, "media.duration", "4"), ["media.duration"], media_duration=4)
    taken(shared, "file-6", with_part(FILE, "media.group", 12), ["media.group"], media_group="12")
    taken(shared, "file-7", with_part(FILE, "media.mime", "a/" + "b" * 600), ["media.mime"], media="https://files.example.com/a.ogg")
    taken(shared, "file-8", with_part(FILE, "text", {"a": 1}), ["text"], text=None, media="https://files.example.com/a.ogg")
    taken(shared, "file-9", with_part(FILE, "media.size", "48210"), ["media.size"], media_size=48210)
    taken(shared, "link-1", with_part(BASE, "sender.profile_link", "tg://user?id=500"), ["sender.profile_link"], sender_link=None)
    taken(shared, "link-2", with_part(BASE, "sender.phone", 79005550101), ["sender.phone"], sender_phone="79005550101")
    taken(shared, "link-3", with_part(BASE, "sender.phone", "7" * 600), ["sender.phone"], sender_phone=None)
    taken(shared, "card-1", dict(BASE, type="contact", text=None, contact={"phone": 79005550102}), ["contact.phone"],
          contact_phone="79005550102", contact_name="79005550102")


def test_a_size_that_amo_asks_for_is_still_asked_for(shared):
    ingress, _ = shared
    for size in (None, 0, -5, "big", 1.5):
        answer = post(ingress, dict(FILE, id="size-1", type="file", media={"url": "https://files.example.com/a", "size": size}))
        assert answer.status == 422 and answer.json["error"]["field"] == "media.size"


def test_a_time_is_told_by_its_size_or_is_that_of_the_door(shared):
    for n, number in enumerate((1767225661, 1767225661000, 1767225661000000, 1767225661000000000, "1767225661000")):
        taken(shared, f"time-{n}", dict(BASE, sent_at=number), ["sent_at"], sent_ms=1767225661000)
    for n, none in enumerate(("9999-12-31T23:59:59Z", "2199-12-31T23:59:59Z", int(time.time()) + 90000, "1969-12-31T23:59:59Z", "yesterday", 17, -1767225661, 1e300, True, [7])):
        taken(shared, f"time-1{n}", dict(BASE, sent_at=none), ["sent_at"], sent_ms=None)
    for n, (odd, want) in enumerate([(1, True), ("true", True), ("1", True), (0, None), ("false", None), ("yes", None), (2, None), ([], None)]):
        taken(shared, f"silent-{n}", dict(BASE, silent=odd), ["silent"], silent=want)
    taken(shared, "time-20", dict(BASE, sent_at="2026-01-01T00:01:01.250Z"), sent_ms=1767225661250)


@pytest.mark.parametrize("body,path", SHOWN, ids=[f"{i}-{path}" for i, (_, path) in enumerate(SHOWN)])
def test_no_odd_value_of_a_part_that_is_shown_costs_the_words(shared, body, path):
    ingress, core = shared
    before = len(core.events)
    for n, odd in enumerate(ODD):
        answer = post(ingress, dict(with_part(body, path, odd), id=f"odd-{SHOWN.index((body, path))}-{n}"))
        assert answer.status == 202, (odd, answer.body)
        assert all(w["field"].startswith(path.partition(".")[0]) for w in answer.json.get("warnings", []))
    for _, event, _ in core.wait_events(before + len(ODD))[before:]:
        assert event["text"] == body["text"] and event["type"] == body["type"]
        assert event.get("media") == body.get("media", {}).get("url")


def test_an_empty_part_says_nothing_whatever_it_looks_like(shared):
    """In some languages an empty object is written as an empty list."""
    parts = ("media", "location", "contact", "post", "shared_post", "reply_to", "forward")
    for n, empty in enumerate(([], {}, "", None, {"url": None, "id": ""})):
        want = [p for p in ("post", "shared_post", "reply_to", "forward") if isinstance(empty, dict)]
        answer = post(shared[0], dict(BASE, id=f"empty-{n}", **{p: empty for p in parts}))
        assert answer.status == 202, answer.body
        assert sorted({w["field"].partition(".")[0] for w in answer.json.get("warnings", [])}) == sorted(want)
    taken(shared, "empty-9", dict(BASE, receiver=[], author=""), [])
    taken(shared, "empty-10", dict(BASE, direction="in", receiver={"id": "ours"}, author={"amo_user": "x"}), ["author", "receiver"])


def test_what_says_something_else_without_it_is_still_refused(shared):
    ingress, core = shared
    before = len(core.events)
    for body, field in [(with_part(BASE, "id", 5), "id"), (with_part(BASE, "conversation.id", 5), "conversation.id"),
                        (with_part(BASE, "sender.id", 5), "sender.id"), (with_part(BASE, "text", 5), "text"),
                        (with_part(BASE, "media", {"url": "https://x"}), "media"), (with_part(BASE, "direction", 5), "direction"),
                        (with_part(OUT, "author", {"amo_user": 5}), "author.amo_user"),
                        (dict(BASE, text=None, forward={"author": "x"}), "text"), (dict(BASE, text="", shared_post={"url": 1}), "text"),
                        (with_part(BASE, "receiver", {"id": "x"}), "receiver")]:
        answer = post(ingress, {"id": "needed", **body})
        assert answer.status == 422 and answer.json["error"]["field"] == field, answer.body
    assert len(core.events) == before


def test_a_repeat_is_told_the_same_warnings(shared):
    ingress, _ = shared
    body = dict(BASE, id="again-1", sent_at=5)
    before = ingress.metric("amo_requests_warned_total", connector="mobilon")
    first, again = post(ingress, body), post(ingress, body)
    assert post(ingress, {"statuses": [{"id": "s-0", "status": "read", "at": 5}] * 3}, "statuses").status == 202
    assert post(ingress, dict(BASE, id="again-2")).status == 202
    assert ingress.metric("amo_requests_warned_total", connector="mobilon") == before + 2
    assert (first.status, again.status) == (202, 200) and first.json["warnings"] == again.json["warnings"]
    assert first.json["warnings"] == [{"field": "sent_at", "code": "invalid",
                                       "message": "was left out: must be a time such as 2026-01-01T00:01:01.250Z"}]


def test_an_edit_a_reaction_and_typing_lose_no_more_than_the_odd_part(shared):
    ingress, core = shared
    before = len(core.events)
    answer = post(ingress, {"text": "иначе", "sent_at": 5, "media": [], "sticker_id": 7}, "messages/m-1", "PATCH")
    assert answer.status == 202 and {w["field"] for w in answer.json["warnings"]} == {"sent_at", "sticker_id"}
    assert core.wait_events(before + 1)[before][1]["text"] == "иначе"
    answer = post(ingress, {"media": {"url": "https://x", "size": 5, "duration": -1}}, "messages/m-1", "PATCH")
    assert answer.status == 202 and [w["field"] for w in answer.json["warnings"]] == ["media.duration"]
    # a caption below a file; and of a message that is gone nothing is shown
    answer = post(ingress, {"media": {"url": "https://x", "size": 5}, "text": [1]}, "messages/m-1", "PATCH")
    assert answer.status == 202 and [w["field"] for w in answer.json["warnings"]] == ["text"]
    n = len(core.wait_events(before + 3))
    answer = post(ingress, {"deleted": True, "text": 5, "type": "poll", "media": {"url": 1}, "location": {"lat": 91}, "contact": 7,
                            "sent_at": "soon"}, "messages/m-1", "PATCH")
    assert answer.status == 202 and {w["field"] for w in answer.json["warnings"]} == {"text", "type", "media", "location", "contact",
                                                                                        "sent_at"}
    gone = core.wait_events(n + 1)[n][1]
    assert gone["deleted"] is True and not {"text", "type", "media"} & set(gone)
    for odd in ("like", 5, ["👍"], "👍" * 100):
        answer = post(ingress, {"message_id": "m-1", "set": False, "emoji": odd}, "reactions")
        assert answer.status == 202 and {w["field"] for w in answer.json["warnings"]} == {"emoji"}
    answer = post(ingress, {"message_id": "m-1", "emoji": "👍", "conversation": "c"}, "reactions")
    assert answer.status == 202 and answer.json == {"status": "accepted", "warnings": [
        {"field": "conversation", "code": "invalid", "message": "was left out: must be an object"}]}
    for given, lasts in ((60000, 30000), (5, 1000), (-1, 1000), ("7000", 7000), ([], 5000), ("long", 5000), (2500.4, 2500)):
        n = len(core.ephemerals)
        answer = post(ingress, {"source": "wa1", "conversation": {"id": "c"}, "duration_ms": given, "sender": 7}, "typing")
        assert answer.status == 202 and answer.json["status"] == "accepted"
        typing = core.wait_ephemerals(n + 1)[n]
        assert abs(typing["expires_ms"] - typing["taken_ms"] - lasts) < 500


def test_a_status_loses_no_more_than_its_odd_part_and_spoils_no_other(shared):
    ingress, core = shared
    before = len(core.events)
    items = [{"id": "s-1", "status": "read", "at": -1, "conversation": {"id": 7.5}}, {"id": "s-2", "status": "failed", "error": "boom"},
             {"id": "s-3", "status": "failed", "error": {"code": 5, "text": "Ы" * 20000}}, {"id": "s-4", "status": "delivered", "at": 1767225661}]
    answer = post(ingress, {"statuses": items}, "statuses")
    assert answer.status == 202
    got = answer.json["results"]
    assert [r["status"] for r in got] == ["accepted"] * 4
    assert [[w["field"] for w in r["warnings"]] for r in got] == [["conversation.id", "at"], ["error"], ["error.code"], ["at"]]
    events = [e for _, e, _ in core.wait_events(before + 4)[before:]]
    assert events[0]["conversation"] == "7.5" and events[2]["error_code"] == "5" and events[3]["sent_ms"] == 1767225661000
    # an id that was learnt from an answer comes back whole
    answer = post(ingress, {"statuses": [{"id": "ж" * 256, "status": "read"}, {"id": '"' * 512, "status": "gone"}]}, "statuses")
    assert [(r["id"], r["status"]) for r in answer.json["results"]] == [("ж" * 256, "accepted"), ('"' * 512, "rejected")]
    core.wait_events(before + 5)
    # a hundred, each wrong in as long a manner as can be, and one that is right
    before = len(core.events)
    items = [{"id": "\x01" * 430, "status": "read"} for _ in range(99)] + [{"id": "s-5", "status": "read"}]
    answer = post(ingress, {"statuses": items}, "statuses")
    assert answer.status == 202 and [r["status"] for r in answer.json["results"]] == ["rejected"] * 99 + ["accepted"]
    assert core.wait_events(before + 1)[before][1]["message_id"] == "s-5"


def test_the_page_lists_every_part_that_is_only_shown():
    text = (ROOT / "docs/connector.md").read_text()
    section = re.search(r"^## What is needed, what is only shown$(.*?)^## ", text, re.M | re.S)[1]
    named = set(re.findall(r"`([\w.]+)`", section))
    assert {path for _, path in SHOWN} <= named
