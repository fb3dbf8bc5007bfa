"""A part of a webhook that is only shown never sends the manager's words to quarantine: what is odd in it is left out."""
import json

import pytest

from ingress_harness import ACCOUNT, CHANNEL
from odd import AMO_ODD, AMO_PARTS, with_part


@pytest.mark.parametrize("path", AMO_PARTS)
def test_no_odd_part_of_a_webhook_costs_the_words(shared, path):
    ingress, core = shared
    before = len(core.events)
    for n, odd in enumerate(AMO_ODD):
        hook = {"account_id": ACCOUNT, "time": 1767225611, "message": {
            "conversation": {"id": "chat-1", "client_id": "mb-1"}, "receiver": {"id": "r", "phone": "+70001234567"},
            "timestamp": 1767225610, "msec_timestamp": 1767225610137, "message": {"id": f"{path}-{n}", "text": "Добрый день"}}}
        answer = ingress.amo(json.dumps(with_part(hook, path, odd)).encode())
        assert answer.status == 200, (odd, answer.body)
    for n, (_, event, _) in enumerate(core.wait_events(before + len(AMO_ODD))[before:]):
        assert event["kind"] == 1 and event["text"] == "Добрый день" and event["message_id"] == f"{path}-{n}"
        assert event["scope"] == f"{CHANNEL}_{ACCOUNT}" and event["chat_id"] == "chat-1"
        assert 1767225610000 <= event.get("sent_ms", 1767225611000) <= 1767225611000
