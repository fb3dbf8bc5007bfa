"""The signatures that tests make are the ones that amojo and Standard Webhooks publish."""
import base64
import json

import pytest

import signing
from kit import ROOT


def vectors(name, what):
    return json.loads((ROOT / "tests/vectors" / name).read_text(encoding="utf-8"))[what]


def body_of(v):
    return base64.b64decode(v["body_base64"]) if "body_base64" in v else v["body"].encode()


# A body that is made by a rule, and an absent header, are matters of the C test.
CALLS = [v for v in vectors("signatures.json", "requests") if ("body" in v or "body_base64" in v) and v["content_type"]]
HOOKS = [v for v in vectors("signatures.json", "webhooks") if "body" in v]
STANDARD = vectors("standard-webhooks.json", "vectors")


@pytest.mark.parametrize("v", CALLS, ids=lambda v: v["name"])
def test_a_call_to_amojo(v):
    method = v["string_to_sign"].split("\n")[0]  # in capitals, however it was given
    head = signing.amojo_headers(v["secret"], method, v["path"] + "?limit=50", body_of(v), v["date"], v["content_type"])
    assert (head["Content-MD5"], head["X-Signature"]) == (v["content_md5"], v["x_signature"])


@pytest.mark.parametrize("v", HOOKS, ids=lambda v: v["name"])
def test_a_webhook_of_amojo(v):
    assert signing.amojo_webhook(v["secret"], body_of(v)) == v["x_signature"]


@pytest.mark.parametrize("v", STANDARD, ids=lambda v: v["name"])
def test_a_standard_webhook(v):
    ident, at, body = v["webhook_id"], v["webhook_timestamp"], body_of(v)
    want = v["webhook_signature"].split(" ")
    assert [signing.standard(key, ident, at, body) for key in v["secrets"]] == want
    assert [signing.standard(bytes.fromhex(key), ident, at, body) for key in v["secrets_hex"]] == want
    head = signing.standard_headers(v["secrets"][0], ident, body, at)
    assert head == {"webhook-id": ident, "webhook-timestamp": at, "webhook-signature": want[0]}
