"""Every recorded webhook, sent signed: the status, and every field of what it is expected to mean, in the event that
core is given."""
import hashlib
import json

import pytest

from ingress_harness import ROOT, SCOPE

EXPECTED = json.loads((ROOT / "tests/fixtures/webhooks.expected.json").read_text())
KINDS = {"message": 1, "reaction": 2, "typing": 3}

# field of the expectation -> how the event says it; None where it says nothing
SAME = {
    "dedup_key": "dedup", "chat_id": "chat_id", "chat_client_id": "chat_client_id", "source": "source",
    "sender_id": "sender_id", "sender_name": "sender_name", "receiver_id": "receiver_id",
    "receiver_client_id": "receiver_client_id", "receiver_name": "receiver_name", "receiver_phone": "receiver_phone",
    "receiver_email": "receiver_email", "message_id": "message_id", "message_client_id": "message_client_id",
    "type": "type", "raw_type": "raw_type", "text": "text", "media": "media", "thumbnail": "thumbnail",
    "file_name": "media_name", "file_size": "media_size", "media_group_id": "media_group",
    "media_duration": "media_duration", "reply_to_id": "reply_id", "reply_to_client_id": "reply_client_id",
    "post_id": "post_id", "user_id": "sender_id", "emoji": "emoji",
}


def part(event, name):
    return json.loads(event[name]) if name in event else None


def texts_of_buttons(event):
    buttons = part(event, "buttons")
    return buttons and [b["text"] for b in buttons]


def rows_of_list(event):
    found = part(event, "list")
    return found and [row["callback_data"] for section in found["sections"] for row in section["rows"]]


def of_template(name):
    return lambda event: (part(event, "template") or {}).get(name)


def location(event):
    return {"lat": float(event["lat"]), "lon": float(event["lon"])} if "lat" in event else None


def contact(event):
    found = {"name": event.get("contact_name"), "phone": event.get("contact_phone")}
    return found if any(found.values()) else None


def seconds(name):
    return lambda event: event[name] // 1000 if name in event else None


def digits(event):
    return "".join(c for c in event.get("receiver_phone", "") if c in "0123456789") or None


READ = {
    "kind": lambda event: {v: k for k, v in KINDS.items()}[event["kind"]],
    "account_id": lambda event: event["scope"].partition("_")[2],
    "time_ms": lambda event: event.get("sent_ms"),
    "write_first": lambda event: event.get("write_first", False),
    "receiver_phone_digits": digits,
    "text_bytes": lambda event: len(event["text"].encode()),
    "text_sha256": lambda event: hashlib.sha256(event["text"].encode()).hexdigest(),
    "buttons": texts_of_buttons,
    "list_rows": rows_of_list,
    "template_id": of_template("id"),
    "template_external_id": of_template("external_id"),
    "forward_ids": lambda event: part(event, "forward_ids"),
    "location": location,
    "contact": contact,
    "reaction": lambda event: "unreact" if event.get("unset") else "react",
    "expired_at": seconds("expires_ms"),
} | {name: (lambda event, key=key: event.get(key)) for name, key in SAME.items()}


def read(event, name):
    if name == "time":      # of the hook: a message has a better one of its own
        return seconds("sent_ms")(event) if event["kind"] != KINDS["message"] else None
    return READ[name](event)


def take(core, kind, before):
    if kind == "typing":
        return core.wait_ephemerals(before[1] + 1)[-1]
    return core.wait_events(before[0] + 1)[-1][1]


@pytest.mark.parametrize("name", sorted(EXPECTED["cases"]))
def test_a_recorded_webhook_means_what_it_should(shared, name):
    ingress, core = shared
    case = EXPECTED["cases"][name]
    body = (ROOT / "tests/fixtures/webhooks" / name).read_bytes()
    before = len(core.events), len(core.ephemerals)
    answer = ingress.amo(body, signature=case["x_signature"])
    assert answer.status == case["status"]
    want = case.get("normalized") or {}
    event = take(core, want.get("kind"), before)
    assert event["scope"] == SCOPE and len(event["trace"]) == 16
    if case["decision"] != "accept":
        assert event["kind"] == 6 and event["raw"] == body and event["reason"]
        return
    got = {field: read(event, field) for field in want}
    if want["kind"] == "message":
        assert event["sent_ms"] // 1000 <= want["time"]
        got["time"] = want["time"]
    assert got == want
    assert (len(core.events) - before[0], len(core.ephemerals) - before[1]) == ((0, 1) if want["kind"] == "typing" else (1, 0))
    assert "raw" not in event


def test_every_file_has_an_expectation():
    files = {f.name for f in (ROOT / "tests/fixtures/webhooks").iterdir()}
    assert files == set(EXPECTED["cases"]) and len(files) == 44
