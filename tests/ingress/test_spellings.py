"""One request has many legal spellings (RFC 9110, 9112, 3986, 6750); whoever stands between may choose another one."""
import json
import re

import pytest

from ingress_harness import SCOPE, TOKEN, hook, message, sign

HOSTS = ["http://bridge.example.com", "https://bridge.example.com:8443", "HTTP://127.0.0.1", "hTTps://[2001:db8::1]:443"]


def exchange(ingress, target, body=b"", headers=(), method="POST", host="Host: bridge.example.com", version="1.1"):
    """One request as it is written down; (status, body) of the answer."""
    lines = [f"{method} {target} HTTP/{version}"] + ([host] if host else []) + list(headers)
    if not any(h.lower().startswith(("content-length", "transfer-encoding")) for h in headers):
        lines.append(f"Content-Length: {len(body)}")
    lines.append("Connection: close")
    got = ingress.raw("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
    while got.startswith(b"HTTP/1.1 100 "):
        got = got.partition(b"\r\n\r\n")[2]
    head, _, rest = got.partition(b"\r\n\r\n")
    found = re.match(rb"HTTP/1\.[01] (\d+) ", head)
    assert found, got
    return int(found[1]), rest


def bearer(*more):
    return [f"Authorization: Bearer {TOKEN}", "Content-Type: application/json", *more]


@pytest.mark.parametrize("host", HOSTS)
def test_a_target_in_absolute_form_is_served(shared, host):
    ingress, core = shared
    before = len(core.events)
    name = f"abs-{HOSTS.index(host)}"
    body = hook(name)
    assert exchange(ingress, f"{host}/messages/{SCOPE}", body, [f"X-Signature: {sign(body)}"]) == (200, b"OK")
    status, answer = exchange(ingress, f"{host}/v1/connectors/mobilon/messages", message(name), bearer())
    assert (status, json.loads(answer)["status"]) == (202, "accepted")
    body = b'{"text":"\xd0\xb4\xd0\xb0"}'
    assert exchange(ingress, f"{host}/v1/connectors/mobilon/messages/{name}?x=1", body, bearer(), "PATCH")[0] == 202
    assert exchange(ingress, f"{host}/healthz", method="GET") == (200, b"ok\n")
    core.wait_events(before + 3)
    assert [e[1].get("message_id") for e in core.events[before:]] == [name] * 3


def test_a_target_in_absolute_form_is_no_way_around_the_rules(shared):
    ingress, _ = shared
    for target in ("http://", "http:///healthz", "ftp://bridge/healthz", "http:/healthz", "//bridge/healthz",
                   "http://bridge", "http://bridge?/healthz", "bridge/healthz", "*", "http://bridge/x/healthz"):
        status, body = exchange(ingress, target, method="GET")
        assert status == 404 and json.loads(body)["error"]["code"] == "unknown_route", target
    assert exchange(ingress, "http://bridge/healthz", method="GET", host=None)[0] == 400
    assert exchange(ingress, f"http://bridge/messages/{SCOPE}", hook(), [f"X-Signature: {'0' * 40}"])[0] == 401
    assert exchange(ingress, "http://bridge/" + "x" * 2100, method="GET")[0] == 414


def test_the_admin_listener_takes_the_absolute_form_and_head(shared):
    ingress, _ = shared
    for target in ("/healthz", "http://x/healthz", "https://x:9464/metrics?a=b"):
        for method in ("GET", "HEAD"):
            got = ingress.raw(f"{method} {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode(), port=ingress.admin_port)
            assert got.startswith(b"HTTP/1.1 200 "), (method, target, got)
            assert bool(got.partition(b"\r\n\r\n")[2]) == (method == "GET")


def test_letters_of_a_path_may_be_percent_encoded(shared):
    ingress, core = shared
    before = len(core.events)
    body = hook("pct")
    scope = SCOPE.replace("_", "%5F").replace("-", "%2d")
    assert exchange(ingress, f"/m%65ss%61ges/{scope}", body, [f"X-Signature: {sign(body)}"])[0] == 200
    assert exchange(ingress, "/v1/connectors/%6dobilon/m%65ssages", message("pct-1"), bearer())[0] == 202
    assert exchange(ingress, "http://a%62/v1/connectors/mobilon/messages/p%63t%2D1", b'{"text":"x"}', bearer(), "PATCH")[0] == 202
    core.wait_events(before + 3)
    assert core.events[before][1]["scope"] == SCOPE
    # a sign that means something in a path is not the same when it is encoded
    for path in ("/healthz%2f", "/healthz%3Fx", "%2fhealthz", "/healthz%00", "/health%7", "/health%zz"):
        assert exchange(ingress, path, method="GET")[0] == 404, path


# what differs, and how the request is written then
SPELLINGS = {
    "names of headers in any case": (["AUTHORIZATION: Bearer {token}", "content-type: application/json"], {}),
    "blanks around a value": (["Authorization: \t Bearer {token} \t", "Content-Type:application/json  "], {}),
    "the scheme in any case": (["Authorization: bEARER {token}"], {}),
    "several blanks after the scheme": (["Authorization: Bearer   {token}"], {}),
    "a charset": (["Authorization: Bearer {token}", 'Content-Type: Application/JSON ;charset="UTF-8"'], {}),
    "a tab before a parameter": (["Authorization: Bearer {token}", "Content-Type: application/json\t; charset=utf-8"], {}),
    "another kind of JSON": (["Authorization: Bearer {token}", "Content-Type: application/vnd.api+json"], {}),
    "no type at all": (["Authorization: Bearer {token}"], {}),
    "leading zeros in a length": (["Authorization: Bearer {token}", "Content-Length: 000{length}"], {}),
    "Expect in capitals": (["Authorization: Bearer {token}", "EXPECT: 100-Continue"], {}),
    "a Host with port": (["Authorization: Bearer {token}"], {"host": "Host: bridge.example.com:8080"}),
    "a Host that is an IPv6 address": (["Authorization: Bearer {token}"], {"host": "host:[::1]:8080"}),
    "an empty Host": (["Authorization: Bearer {token}"], {"host": "Host:"}),
    "HTTP/1.0": (["Authorization: Bearer {token}"], {"version": "1.0"}),
    "a query": (["Authorization: Bearer {token}"], {"query": "?a=b&c"}),
    "an empty query": (["Authorization: Bearer {token}"], {"query": "?"}),
    "chunks": (["Authorization: Bearer {token}", "Transfer-Encoding: Chunked"], {"chunks": b""}),
    "chunks with extensions and trailers": (["Authorization: Bearer {token}", "transfer-encoding:  chunked"], {"chunks": b";a=b"}),
}


@pytest.mark.parametrize("what", SPELLINGS)
def test_another_legal_spelling_is_the_same_request(shared, what):
    ingress, core = shared
    headers, how = SPELLINGS[what]
    before = len(core.events)
    body = message(f"sp-{list(SPELLINGS).index(what)}")
    sent = body
    if "chunks" in how:
        extension, trailer = how["chunks"], b"X-Trailer: 1\r\n" if how["chunks"] else b""
        sent = b"".join(b"%X%s\r\n%s\r\n" % (len(p), extension, p) for p in (body[:7], body[7:])) + b"000%s\r\n%s\r\n" % (extension, trailer)
    status, answer = exchange(ingress, "/v1/connectors/mobilon/messages" + how.get("query", ""), sent,
                              [h.replace("{token}", TOKEN).replace("{length}", str(len(body))) for h in headers],
                              host=how.get("host", "Host: bridge.example.com"), version=how.get("version", "1.1"))
    assert status == 202, (status, answer)
    core.wait_events(before + 1)


@pytest.mark.parametrize("spelling", ["{}", "  {}", "{}\t ", "upper"])
def test_a_signature_of_amojo_is_hexadecimal_in_either_case(shared, spelling):
    ingress, core = shared
    before = len(core.events)
    body = hook(f"sig-{len(spelling)}{spelling[0] == ' '}")
    value = sign(body).upper() if spelling == "upper" else spelling.format(sign(body))
    assert exchange(ingress, f"/messages/{SCOPE}", body, [f"x-signature:{value}"])[0] == 200
    core.wait_events(before + 1)
