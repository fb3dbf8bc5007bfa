"""Every error answer that docs/connector.md names and ingress gives: status, code, the field to blame, the headers."""
import json
import re

import pytest

from ingress_harness import OTHER_TOKEN, ROOT, SCOPE, TOKEN, hook, message, registry, sign

LONELY = "token-of-lonely-000000000000000000"
CALL = "/v1/connectors/mobilon"


def changed(**fields):
    return json.dumps(dict(json.loads(message()), **fields)).encode()


# what, status, code, field, request: method, path, body, headers beyond the token; token None: no Authorization
TABLE = [
    ("two hosts", 400, "bad_request", None, None),
    ("not JSON", 400, "not_json", None, ("POST", f"{CALL}/messages", b"{")),
    ("no object", 400, "not_json", None, ("PATCH", f"{CALL}/messages/m", b"[]")),
    ("not UTF-8", 400, "not_json", None, ("POST", f"{CALL}/reactions", b'{"a":"\xff"}')),
    ("a hook against the rules", 400, "not_understood", None,
     ("POST", f"/messages/{SCOPE}", b"{}x", {"X-Signature": sign(b"{}x")}, None)),
    ("no proof", 401, "unauthorized", None, ("POST", f"{CALL}/typing", b"{}", {}, None)),
    ("a wrong token", 401, "unauthorized", None, ("GET", f"{CALL}/messages/m", None, {}, "wrong")),
    ("another's token", 403, "forbidden", None, ("PATCH", f"{CALL}/messages/m", b"{}", {}, OTHER_TOKEN)),
    ("no such connector", 404, "unknown_connector", None, ("POST", "/v1/connectors/nobody/messages", b"{}")),
    ("no such channel", 404, "unknown_channel", None,
     ("POST", f"/messages/x{SCOPE}", hook(), {"X-Signature": sign(hook())}, None)),
    ("no such route", 404, "unknown_route", None, ("POST", f"{CALL}/messages/m/x", b"{}")),
    ("no id", 404, "unknown_route", None, ("GET", f"{CALL}/messages/", None)),
    ("no such message", 404, "unknown_message", None, ("GET", f"{CALL}/messages/m", None)),
    ("POST alone for messages", 405, "method_not_allowed", "Allow: POST", ("GET", f"{CALL}/messages", None)),
    ("POST alone for typing", 405, "method_not_allowed", "Allow: POST", ("PATCH", f"{CALL}/typing", b"{}")),
    ("no POST for one message", 405, "method_not_allowed", "Allow: GET, HEAD, PATCH", ("POST", f"{CALL}/messages/m", b"{}")),
    ("no DELETE", 405, "method_not_allowed", "Allow: GET, HEAD, PATCH", ("DELETE", f"{CALL}/messages/m", None)),
    ("the same id again", 409, "conflict", "id", ("POST", f"{CALL}/messages", changed(id="taken", text="other"))),
    ("over 256 KiB", 413, "too_large", None, ("POST", f"{CALL}/messages", b" " * (256 * 1024 + 1))),
    ("a long path", 414, "too_long", None, ("GET", f"{CALL}/messages/{'m' * 2100}", None)),
    ("a long query", 414, "too_long", None, ("GET", f"{CALL}/messages/m?{'q' * 2100}", None)),
    ("a long head", 431, "head_too_large", None, ("GET", f"{CALL}/messages/m", None, {"X": "y" * 17000})),
    ("no JSON by its type", 415, "unsupported_media_type", None,
     ("POST", f"{CALL}/messages", message(), {"Content-Type": "text/plain"})),
    ("no text", 422, "required", "text", ("POST", f"{CALL}/messages", changed(text=None))),
    ("no file", 422, "required", "media", ("POST", f"{CALL}/messages", changed(type="picture"))),
    ("no size", 422, "required", "media.size",
     ("POST", f"{CALL}/messages", changed(type="file", media={"url": "https://x"}))),
    ("half a place", 422, "required", "location.lon",
     ("POST", f"{CALL}/messages", changed(type="location", location={"lat": 1}))),
    ("no receiver", 422, "required", "receiver.id", ("POST", f"{CALL}/messages", changed(direction="out"))),
    ("nothing to change", 422, "required", "text", ("PATCH", f"{CALL}/messages/m", b"{}")),
    ("no emoji", 422, "required", "emoji", ("POST", f"{CALL}/reactions", b'{"message_id":"m"}')),
    ("nobody types", 422, "required", "conversation.id", ("POST", f"{CALL}/typing", b'{"source":"wa1"}')),
    ("no statuses", 422, "required", "statuses", ("POST", f"{CALL}/statuses", b"{}")),
    ("another type", 422, "invalid", "type", ("POST", f"{CALL}/messages", changed(type="poll"))),
    ("a file in a text", 422, "invalid", "media", ("POST", f"{CALL}/messages", changed(media={"url": "https://x"}))),
    ("no URL", 422, "invalid", "media.url",
     ("POST", f"{CALL}/messages", changed(type="voice", media={"url": "file:///etc/passwd"}))),
    ("beyond the pole", 422, "invalid", "location.lat",
     ("POST", f"{CALL}/messages", changed(type="location", location={"lat": 91, "lon": 0}))),
    ("an id with other letters", 422, "invalid", "id", ("GET", f"{CALL}/messages/a%20b", None)),
    ("an id that is too long", 422, "invalid", "id", ("PATCH", f"{CALL}/messages/{'m' * 513}", b'{"text":"x"}')),
    ("letters for an emoji", 422, "invalid", "emoji",
     ("POST", f"{CALL}/reactions", '{"message_id":"m","emoji":"привет"}'.encode())),
    ("a change into a place without one", 422, "required", "location",
     ("PATCH", f"{CALL}/messages/m", b'{"type":"location","text":"x"}')),
    ("a change into a card without one", 422, "required", "contact",
     ("PATCH", f"{CALL}/messages/m", b'{"type":"contact","text":"x"}')),
    ("a word for an emoji", 422, "invalid", "emoji", ("POST", f"{CALL}/reactions", b'{"message_id":"m","emoji":"like"}')),
    ("a client with a long id", 422, "too_long", "sender.id",
     ("POST", f"{CALL}/messages", changed(sender={"id": "u" * 513}))),
    ("a long key", 422, "too_long", "Idempotency-Key",
     ("POST", f"{CALL}/messages", message(), {"Idempotency-Key": "k" * 129})),
    ("a source of nobody", 422, "unknown_source", "source", ("POST", f"{CALL}/messages", changed(source="wa9"))),
    ("no account", 422, "no_account", None, ("POST", "/v1/connectors/lonely/messages", message(), {}, LONELY)),
]
ELSEWHERE = {
    "too_many": "test_limits.py", "no_registry": "test_accept.py", "core_away": "test_changes.py",
    "busy": "test_changes.py", "spool_full": "test_spool_limits.py", "spool_share": "test_spool_shares.py", "over_share": "test_spool_shares.py",
    "spool_failed": "test_spool_limits.py",
    "internal": None,       # a bug of ours, so nothing can call for it
}


@pytest.fixture(scope="module")
def several(shared):
    """The shared ingress, whose connector has two accounts now, and one message taken."""
    ingress, core = shared
    core.send_all("REGISTRY", registry(2, scopes=[(SCOPE, "mobilon"), ("x_b", "mobilon")], sources=[("mobilon", "wa1", SCOPE)]))
    ingress.wait_log("what=registry.new version=2")
    assert ingress.service(message("taken")).status == 202
    return ingress


@pytest.mark.parametrize("status,code,field,request_", [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_an_error_is_answered_as_documented(several, status, code, field, request_):
    if request_ is None:
        got = several.raw(b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
        head, _, body = got.partition(b"\r\n\r\n")
        assert head.startswith(f"HTTP/1.1 {status} ".encode()) and json.loads(body)["error"]["code"] == code
        return
    method, path, body, headers, token = (list(request_) + [{}, TOKEN][len(request_) - 3:])
    headers = dict(headers)
    if token:
        headers["Authorization"] = f"Bearer {token}"
    answer = several.request(method, path, body, headers)
    assert answer.status == status and answer.headers["Content-Type"] == "application/json"
    error = answer.json["error"]
    assert error["code"] == code and error["message"]
    if status == 405:
        assert answer.headers["Allow"] == field.partition(" ")[2]
    else:
        assert error.get("field") == field
    assert set(error) <= {"code", "message", "field"}
    if status == 401:
        assert ("WWW-Authenticate" in answer.headers) == path.startswith("/v1")


def test_the_table_has_every_code_of_the_docs():
    text = (ROOT / "docs/connector.md").read_text()
    section = re.search(r"^## Errors$(.*?)^## ", text, re.M | re.S)[1]
    documented = set()
    for row in re.findall(r"^\| (\d+) \|([^|]*)\|", section, re.M):
        documented |= {(int(row[0]), code) for code in re.findall(r"`(\w+)`", row[1])}
    here = {(row[1], row[2]) for row in TABLE}
    assert documented - here == {(s, c) for s, c in documented if c in ELSEWHERE}
    assert here <= documented
    for code, file in ELSEWHERE.items():
        assert file is None or f'"{code}"' in (ROOT / "tests/ingress" / file).read_text()
