"""Signatures of amojo (docs/amojo.md) and of connectors (docs/connector.md), by Python's own hmac and hashlib.

Nothing of the bridge is used here, so a mistake of its cannot agree with itself.
"""
import base64
import hashlib
import hmac
import time
from datetime import datetime, timezone
from email.utils import format_datetime


def amojo_webhook(secret, body):
    """X-Signature of a webhook of amojo."""
    return hmac.new(secret.encode(), body, hashlib.sha1).hexdigest()


def amojo_call(secret, method, path, md5, content_type, date):
    """X-Signature of a call to amojo; the query is not signed."""
    return amojo_webhook(secret, "\n".join([method, md5, content_type, date, path.partition("?")[0]]).encode())


def amojo_headers(secret, method, path, body, date=None, content_type="application/json"):
    """The headers of a call to amojo."""
    date = date or format_datetime(datetime.now(timezone.utc))
    md5 = hashlib.md5(body).hexdigest()
    return {"Date": date, "Content-Type": content_type, "Content-MD5": md5,
            "X-Signature": amojo_call(secret, method, path, md5, content_type, date)}


def standard(key, ident, at, body):
    """One signature of a Standard Webhook; @key as bytes or as the text whsec_…"""
    if isinstance(key, str):
        key = base64.b64decode(key.removeprefix("whsec_"))
    mac = hmac.new(key, f"{ident}.{at}.".encode() + body, hashlib.sha256)
    return "v1," + base64.b64encode(mac.digest()).decode()


def standard_headers(key, ident, body, at=None):
    """The headers that identify and sign a Standard Webhook."""
    at = str(int(time.time()) if at is None else at)
    return {"webhook-id": ident, "webhook-timestamp": at, "webhook-signature": standard(key, ident, at, body)}
