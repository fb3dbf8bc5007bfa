"""A small client of amojo for tests.

Plays a bridge that is not ours, as the one that served the clients before.
"""
import json
import time
import uuid

from kit import http
from signing import amojo_headers


class Bridge:
    """Another bridge on the same channel and account."""

    def __init__(self, url, secret, scope):
        self.url, self.secret, self.scope = url, secret, scope

    def call(self, method, path, body):
        raw = json.dumps(body).encode()
        answer = http(method, self.url + path, raw, amojo_headers(self.secret, method, path, raw))
        assert answer.status < 300, (path, answer.status, answer.body)
        return answer.json if answer.body else None

    def message(self, conversation, user, text, name="Client", phone=None, **payload):
        """A client's message under our own ids; amo's answer: chat (conversation_id) and client (sender_id)."""
        now = time.time()
        sender = {"id": user, "name": name, **({"profile": {"phone": phone}} if phone else {})}
        body = {"event_type": "new_message", "payload": {
            "timestamp": int(now), "msec_timestamp": int(now * 1000), "msgid": str(uuid.uuid4()),
            "conversation_id": conversation, "sender": sender, "silent": False,
            "message": {"type": "text", "text": text}, **payload}}
        return self.call("POST", f"/v2/origin/custom/{self.scope}", body)["new_message"]
