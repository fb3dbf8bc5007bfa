"""A small client of amojo for tests: calls signed as docs/amojo.md says, with Python's own hmac.

Plays a bridge that is not ours, as the one that served the clients before.
"""
import email.utils
import hashlib
import hmac
import json
import time
import uuid

from kit import http


def sign(secret, method, path, body, date):
    """The headers of a call; the query is not signed."""
    digest = hashlib.md5(body).hexdigest()
    words = "\n".join([method, digest, "application/json", date, path.partition("?")[0]])
    return {"Date": date, "Content-Type": "application/json", "Content-MD5": digest,
            "X-Signature": hmac.new(secret.encode(), words.encode(), hashlib.sha1).hexdigest()}


class Bridge:
    """Another bridge on the same channel and account."""

    def __init__(self, url, secret, scope):
        self.url, self.secret, self.scope = url, secret, scope

    def call(self, method, path, body):
        raw = json.dumps(body).encode()
        date = email.utils.formatdate(usegmt=False)
        answer = http(method, self.url + path, raw, sign(self.secret, method, path, raw, date))
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
