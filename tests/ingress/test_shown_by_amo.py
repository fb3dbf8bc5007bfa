"""A part of a webhook that is only shown never sends the manager's words to quarantine: what is odd in it is left out."""
import json

import pytest

from ingress_harness import ACCOUNT, CHANNEL

ODD = [None, 7, -1, 3.72, 1e300, 2**70, True, [], [1], {}, {"a": {"b": None}}, "", "x" * 30000, "\x00\ud800", [[{"text": {}}]],
       {"message": {"id": [], "text": {}}}, {"messages": [None, 7, {"text": []}]}, {"buttons": [{"text": "no row"}, [7]], "list_message": []}]
PARTS = (["time"] + [f"message.{p}" for p in ("source", "source.external_id", "sender", "sender.id", "sender.name", "sender.avatar", "sender.phone",
                                              "receiver", "receiver.id", "receiver.client_id", "receiver.name", "receiver.phone",
                                              "receiver.email", "receiver.avatar", "timestamp", "msec_timestamp", "conversation.client_id")]
         + [f"message.message.{p}" for p in ("media", "thumbnail", "file_name", "file_size", "media_group_id", "media_duration", "sticker_id",
                                             "location", "location.lat", "contact", "contact.name", "markup", "markup.buttons",
                                             "markup.list_message", "markup.mode", "template", "template.id", "template.params", "reply_to",
                                             "reply_to.message", "reply_to.message.sender", "reply_to.message.timestamp", "forwards",
                                             "forwards.messages", "forwards.conversation_id", "post", "post.id", "attachments", "type")])


@pytest.mark.parametrize("path", PARTS)
def test_no_odd_part_of_a_webhook_costs_the_words(shared, path):
    ingress, core = shared
    before = len(core.events)
    for n, odd in enumerate(ODD):
        hook = {"account_id": ACCOUNT, "time": 1767225611, "message": {
            "conversation": {"id": "chat-1", "client_id": "mb-1"}, "receiver": {"id": "r", "phone": "+70001234567"},
            "timestamp": 1767225610, "msec_timestamp": 1767225610137, "message": {"id": f"{path}-{n}", "text": "Добрый день"}}}
        *way, last = path.split(".")
        at = hook
        for key in way:
            at = at.setdefault(key, {})
        at[last] = odd
        answer = ingress.amo(json.dumps(hook).encode())
        assert answer.status == 200, (odd, answer.body)
    for n, (_, event, _) in enumerate(core.wait_events(before + len(ODD))[before:]):
        assert event["kind"] == 1 and event["text"] == "Добрый день" and event["message_id"] == f"{path}-{n}"
        assert event["scope"] == f"{CHANNEL}_{ACCOUNT}" and event["chat_id"] == "chat-1"
        assert 1767225610000 <= event.get("sent_ms", 1767225611000) <= 1767225611000
