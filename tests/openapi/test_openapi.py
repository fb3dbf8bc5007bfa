"""docs/openapi.yaml and the process say the same: every documented answer is produced, and nothing else is.

Everything is said through a recorder and judged afterwards, so that the judge itself can be tried on a document that lies.
"""
import copy
import json
import shutil
import socket
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contract import Contract, Recorder, judge
from ingress_harness import CHANNEL, KEY, SCOPE, SECRET, TOKEN, Core, Ingress, hook, message, registry, sign, standard_headers, wait_for
from test_errors import TABLE

CALL = "/v1/connectors/mobilon"
AUTH = {"Authorization": f"Bearer {TOKEN}"}
# Nothing can call for it: it would be a mistake of ours.
NEVER = {("503", "internal")}
FOUND = {"found": True, "mid": "mobilon-m", "direction": "in", "state": "delivered_to_amo", "amo_id": "a-1", "service_id": "m",
         "taken_ms": 1767225610137, "settled_ms": 1767225611137}
FAILED = dict(FOUND, state="failed", reason="refused", words="cannot be blank")
SAMPLE = {"scope_id": SCOPE, "name": "mobilon", "id": "m"}


def target_of(contract, name, /, **fill):
    """The method of an operation, and its path with the names filled in."""
    method, parts, _ = contract.operations[name]
    return method, "/".join({**SAMPLE, **fill}[p[1:-1]] if p.startswith("{") else p for p in parts)


def proof(name, body):
    if name == "amojoWebhook":
        return {"X-Signature": sign(body or b"")}
    return {} if name.startswith(("alive", "ready")) else dict(AUTH)


# --- what is said -----------------------------------------------------------------------------------------------------


def say_examples(r, contract):
    """The document's own requests, for real; every one of them is accepted."""
    for name, key, value in contract.examples():
        method, target = target_of(contract, name)
        body = json.dumps(value, ensure_ascii=False).encode()
        answer = r.send(method, target, {**proof(name, body), "Content-Type": "application/json"}, body)
        assert answer.status in (200, 202), f"{name} {key}: {answer}"


def say_repeats(r):
    """200 duplicate and 409, by id and by key; a signature in place of the token."""
    body = message("again")
    signed = {**standard_headers(body), "Content-Type": "application/cloudevents+json"}
    assert r.send("POST", f"{CALL}/messages", signed, body).status == 202
    assert r.send("POST", f"{CALL}/messages", AUTH, body).status == 200
    assert r.send("POST", f"{CALL}/messages", AUTH, message("again", text="other")).status == 409
    key = {**AUTH, "Idempotency-Key": "k"}
    assert [r.send("PATCH", f"{CALL}/messages/again", key, b).status
            for b in (b'{"text":"x"}', b'{"text":"x"}', b'{"text":"y"}')] == [202, 200, 409]
    say_signed(r)
    answer = r.send("POST", f"{CALL}/statuses", AUTH, json.dumps({"statuses": [
        {"id": "ok", "status": "sent"}, {}, {"id": "a b", "status": "read"}, {"id": "x", "status": "gone"}, 7]}).encode())
    assert [i["status"] for i in answer.json["results"]] == ["accepted"] + 4 * ["rejected"]


def say_signed(r):
    """Every call under a webhook-id of its own, again, and with something else."""
    calls = [("PATCH", "messages/m", b'{"id":"m","text":"%d"}'), ("POST", "reactions", b'{"message_id":"m%d","set":false}'),
             ("POST", "statuses", b'{"statuses":[{"id":"s%d","status":"read"},{}]}'),
             ("POST", "typing", b'{"source":"wa1","conversation":{"id":"7%d"}}')]
    for n, (method, path, body) in enumerate(calls):
        got = [r.send(method, f"{CALL}/{path}", standard_headers(body % k, ident=f"call-{n}"), body % k).status for k in (1, 1, 2)]
        assert got == [202, 200, 409], (path, got)
    for method in ("GET", "HEAD"):
        got = [r.send(method, f"{CALL}/messages/{m}", standard_headers(b"", ident=f"ask-{method}")).status for m in ("a", "b")]
        assert got[1] == 409, got


def say_errors(r):
    """The table of errors of tests/ingress, and what each call of the API adds to it."""
    for _, status, code, _, request in TABLE:
        if request:
            method, target, body, headers, token = list(request) + [{}, TOKEN][len(request) - 3:]
            answer = r.send(method, target, {**headers, **({"Authorization": f"Bearer {token}"} if token else {})}, body)
            assert (answer.status, answer.code) == (status, code) or method == "HEAD", answer


def say_refusals(r, contract):
    for name, (method, _, operation) in contract.operations.items():
        if operation["tags"] != ["connector"]:
            continue
        body = None if method in ("GET", "HEAD") else b"{}"
        _, target = target_of(contract, name)
        for wanted, headers, where in [(401, {}, target), (403, {"Authorization": "Bearer token-of-another-00000000000000000"}, target),
                                       (404, AUTH, target_of(contract, name, name="nobody")[1])]:
            assert r.send(method, where, headers, body).status == wanted
        if body:
            assert r.send(method, target, {**AUTH, "Content-Type": "text/plain"}, body).status == 415
            assert r.send(method, target, AUTH, body).status == 422
            assert r.send(method, target, AUTH, b"{").status == 400
    for method in ("GET", "HEAD"):
        assert r.send(method, f"{CALL}/messages/{'m' * 513}", AUTH).status == 422
    body = b"{}"
    assert r.send("POST", f"/messages/{SCOPE}", {"X-Signature": sign(b"x")}, body).status == 401
    assert r.send("POST", f"/messages/x{SCOPE}", {"X-Signature": sign(body)}, body).status == 404


def say_where(r, core):
    """GET and HEAD: known, failed, not known."""
    for answer, wanted in (FOUND, 200), (FAILED, 200), ({}, 404):
        core.on_query = lambda query, a=answer: a
        for method in ("GET", "HEAD"):
            assert r.send(method, f"{CALL}/messages/m", AUTH).status == wanted
    core.on_query = lambda query: FOUND


def say_too_much(r, contract):
    """What the head alone is refused for, of every operation and of none."""
    rows = [(name, *target_of(contract, name)) for name in contract.operations]
    rows += [("otherMethod", "PUT", f"{CALL}/messages"), ("otherPath", "GET", "/nothing")]
    for name, method, target in rows:
        proven = [f"{k}: {v}" for k, v in proof(name, b"").items()]
        long = target.replace("mobilon", "m" * 2100).replace(SCOPE, "s" * 2100)
        long = long if long != target else target + "?" + "q" * 30000
        large = 2 << 20 if name == "amojoWebhook" else 256 << 10
        large = large + 1 if method not in ("PUT",) and target.startswith(("/v1", "/messages/")) else 10 ** 30
        for wanted, got in [
                (400, r.send(method, target, proven, host="Host: a\r\nHost: b")),
                (400, r.send(method, target, [*proven, "no colon"])),
                (413, r.send(method, target, [*proven, f"Content-Length: {large}"])),
                (414, r.send(method, long, proven)),
                (431, r.send(method, target, [*proven, "X: " + "y" * 33000])),
                (431, r.send(method, target, [*proven, "X: " + "y" * 17000])),
                (505, r.send(method, target, proven, version="HTTP/2.0"))]:
            assert got is not None and got.status == wanted, (name, wanted, got)
    for odd in (["Content-Length: abc"], ["Transfer-Encoding: gzip"], ["Content-Length: 1", "Content-Length: 1"],
                ["Content-Length: 3", "Transfer-Encoding: chunked"]):
        assert r.send("POST", f"{CALL}/messages", [*odd, f"Authorization: Bearer {TOKEN}"]).status == 400


def say_elsewhere(r):
    for method in ("PUT", "DELETE", "OPTIONS", "TRACE", "get", "BREW"):
        for target in (f"{CALL}/messages", f"{CALL}/messages/m", f"/messages/{SCOPE}", "/healthz"):
            assert r.send(method, target).status == 405
        assert r.send(method, "/").status == 404


def say_floods(r, contract):
    """Of every operation until the address is told that it is too many; each from an address of its own."""
    rows = [target_of(contract, name) for name in contract.operations] + [("PUT", f"{CALL}/messages"), ("GET", "/nothing")]
    for n, (method, target) in enumerate(rows):
        end = time.monotonic() + 30
        while r.send(method, target, [f"X-Forwarded-For: 203.0.113.{n}"], host="Host: a\r\nHost: b").status != 429:
            assert time.monotonic() < end


def say_over_a_share(r, contract, core):
    """Core tells that the connector has too much there: what would bring more is refused."""
    core.send_all("SHARES", {"over": [["mobilon", "queue", False, 90]]})
    for name, (_, _, operation) in contract.operations.items():
        method, target = target_of(contract, name)
        if operation["tags"] == ["connector"] and method in ("POST", "PATCH") and not target.endswith("/typing"):
            answer = wait_for(lambda m=method, t=target: (a := r.send(m, t, AUTH, b"{}")).status == 429 and a, "429")
            assert answer.code == "over_share", answer
    core.send_all("SHARES", {"over": []})
    wait_for(lambda: r.send("POST", f"{CALL}/messages", AUTH, b"{}").status == 422, "the end of it")


def say_busy(r, core):
    """More questions than may wait at once."""
    core.on_query = lambda query: None
    before = len(core.queries)
    held = [socket.create_connection(("127.0.0.1", r.port)) for _ in range(128)]
    try:
        for i, s in enumerate(held):
            s.sendall(f"GET {CALL}/messages/q{i} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode())
        wait_for(lambda: len(core.queries) == before + 128, "all questions")
        assert r.send("GET", f"{CALL}/messages/m", AUTH).code == "busy"
        assert r.send("HEAD", f"{CALL}/messages/m", AUTH).status == 503
    finally:
        for s in held:
            s.close()
        core.on_query = lambda query: FOUND


def say_to_a_new_one(r, contract):
    """It has never seen core."""
    for name in contract.operations:
        method, target = target_of(contract, name)
        body = None if method in ("GET", "HEAD") else b"{}"
        answer = r.send(method, target, proof(name, body), body)
        assert answer.status == (200 if name.startswith("alive") else 503)


def say_to_a_full_one(r):
    """Core is away; a connector has its share of the spool, and amojo fills the rest of it."""
    assert wait_for(lambda: (a := r.send("GET", f"{CALL}/messages/m", AUTH)).code == "core_away" and a, "core to be missed")
    for i in range(100):
        answer = r.send("POST", f"{CALL}/messages", AUTH, message(f"full-{i}", text="x" * 20000))
        if answer is None or answer.status != 202:
            break
    assert answer.code == "spool_share"
    for account in (SCOPE, f"{CHANNEL}_another"):   # each as far as it may
        for i in range(100):
            body = json.dumps({**json.loads(hook(f"full-{i}", text="x" * 5000)), "account_id": account.partition("_")[2]}).encode()
            answer = r.send("POST", f"/messages/{account}", {"X-Signature": sign(body)}, body)
            if answer is None or answer.status != 200:
                break
    assert answer.code == "spool_full"


def say_to_a_failing_one(r):
    """Its disk refuses to flush."""
    assert r.send("POST", f"{CALL}/messages", AUTH, message("lost")).code == "spool_failed"


# --- what it is said to -----------------------------------------------------------------------------------------------

REGISTRY = dict(scopes=[(SCOPE, "mobilon"), ("x_b", "mobilon")], sources=[("mobilon", "wa1", SCOPE)])


class Place:
    """An ingress, with or without a played core, in a folder of its own."""

    def __init__(self, path, core=True, **config):
        path.mkdir()
        self.core = Core(f"ipc://{path}/events", registry=registry(**REGISTRY)) if core else None
        self.ingress = Ingress(path, amo_ingress_trusted_proxies="127.0.0.0/8", **config)
        if core:
            self.core.wait_hello()
            self.ingress.wait_log("what=registry.new")

    def close(self):
        self.ingress.close()
        if self.core:
            self.core.close()


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    one = Place(tmp_path_factory.mktemp("openapi") / "main")
    yield one
    one.close()


@pytest.fixture(scope="module")
def said(place, contract, tmp_path_factory):
    """The log of everything that the document promises."""
    r = Recorder(place.ingress.port)
    assert r.send("POST", f"{CALL}/messages", AUTH, message("taken")).status == 202
    place.core.on_query = lambda query: {}
    say_errors(r)
    say_examples(r, contract)
    say_repeats(r)
    say_refusals(r, contract)
    say_where(r, place.core)
    say_too_much(r, contract)
    say_elsewhere(r)
    say_floods(r, contract)
    say_over_a_share(r, contract, place.core)
    say_busy(r, place.core)
    for method in ("GET", "HEAD"):
        assert r.send(method, "/healthz").status == r.send(method, "/readyz").status == 200
    path = tmp_path_factory.mktemp("others")
    new, full = Place(path / "new", core=False), Place(path / "full", amo_ingress_spool_max_bytes=256 << 10)
    try:
        say_to_a_new_one(r.at(new.ingress.port), contract)
        full.core.close()
        say_to_a_full_one(r.at(full.ingress.port))
    finally:
        new.close()
        full.close()
    say_to_one_that_fails(r, path)
    return r.log


def say_to_one_that_fails(r, path):
    if not shutil.which("strace"):
        NEVER.add(("503", "spool_failed"))
        return
    failing = Place(path / "failing")
    try:
        failing.ingress.stop()
        failing.ingress.wrap = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO:when=1+"]
        failing.ingress.start()
        say_to_a_failing_one(r.at(failing.ingress.port))
        failing.ingress.wait_end(20)
    finally:
        failing.close()


# --- the judgement ----------------------------------------------------------------------------------------------------


def test_nothing_undocumented_is_answered(said, contract):
    found, _, _ = judge(contract, said)
    assert not found, "\n".join(found[:20])


def test_every_documented_answer_is_produced(said, contract):
    _, produced, codes = judge(contract, said)
    assert not contract.documented() - produced
    assert contract.codes() - codes == NEVER


def test_a_response_taken_out_of_the_document_is_noticed(said, contract):
    for name, status in sorted(contract.documented()):
        short = copy.deepcopy(contract.document)
        lying = Contract(short)
        responses = lying.elsewhere[name]["responses"] if name in lying.elsewhere else lying.operations[name][2]["responses"]
        kept = [row for row in said if row[3] and contract.find(*row[:2])[0] == name and row[3].status == int(status)]
        del responses[status]
        assert any("is not documented" in p for p in judge(lying, kept)[0]), (name, status)


def test_a_response_that_is_never_given_is_noticed(said, contract):
    long = copy.deepcopy(contract.document)
    responses = long["paths"]["/v1/connectors/{name}/typing"]["post"]["responses"]
    long["paths"]["/v1/connectors/{name}/typing"]["post"]["responses"] = dict(responses, **{"418": {"description": "A teapot."}})
    lying = Contract(long)
    assert lying.documented() - judge(lying, said)[1] == {("type", "418")}


@pytest.mark.parametrize("lie", [
    lambda s: s["Accepted"]["required"].append("at"),
    lambda s: s["Accepted"]["properties"].pop("mid"),
    lambda s: s["Whereabouts"]["properties"]["direction"].update(enum=["out"]),
    lambda s: s["ConflictError"]["properties"]["error"]["properties"]["code"].update(const="other"),
    lambda s: s["Message"]["properties"]["text"].update(maxLength=3),
    lambda s: s["LibraryError"].update(pattern="^{"),
])
def test_a_body_that_does_not_fit_is_noticed(said, contract, lie):
    document = copy.deepcopy(contract.document)
    lie(document["components"]["schemas"])
    assert judge(Contract(document), said)[0]


@pytest.mark.parametrize("lie", [
    lambda c: c["headers"].pop("RetryAfter") and c["responses"]["Unavailable"].pop("headers"),
    lambda c: c["headers"]["RetryAfter"]["schema"].update(minimum=1000),
    lambda c: c["responses"]["TooLarge"].update(headers={"Retry-After": {"required": True, "schema": {"type": "integer"}}}),
])
def test_a_header_that_does_not_fit_is_noticed(said, contract, lie):
    document = copy.deepcopy(contract.document)
    document["components"]["headers"]["RetryAfter"] = copy.deepcopy(document["components"]["headers"]["RetryAfter"])
    retry = copy.deepcopy(document["components"]["headers"]["RetryAfter"])
    lie(document["components"])
    document["components"]["headers"].setdefault("RetryAfter", retry)
    assert judge(Contract(document), said)[0]


# A body's own words cannot say these: bytes are counted and not characters, an emoji is known by its letters.
BEYOND_A_SCHEMA = {"letters for an emoji", "a word for an emoji",
                   "an id with other letters", "an id that is too long", "a long key"}


@pytest.mark.parametrize("row", [r for r in TABLE if r[1] == 422 and r[0] not in BEYOND_A_SCHEMA and r[2] in ("required", "invalid", "too_long")],
                         ids=lambda r: r[0])
def test_what_the_process_refuses_the_schema_refuses(contract, row):
    method, target, body = row[4][:3]
    assert contract.request_errors(contract.find(method, target)[0], json.loads(body))


# --- anything at all --------------------------------------------------------------------------------------------------

DOCUMENT = Contract()
EXAMPLES = [(name, value) for name, _, value in DOCUMENT.examples()]
PLACES = [target_of(DOCUMENT, name)[1] for name in DOCUMENT.operations] + [
    "/", "*", "/messages", "/messages/", "/v1/connectors/", "/v1/connectors//messages", f"{CALL}/messages/", f"{CALL}/messages/a%20b",
    f"{CALL}/messages/%6d", f"{CALL}/messages/m/x", f"{CALL}/other", "/healthz/", "/readyz?x=1", "//healthz", "/metrics", "http://x/healthz"]
VALUES = st.one_of(st.none(), st.booleans(), st.sampled_from([0, -1, 1, 5.0, 1e300, 2**63, "", "x", "x" * 2000, "text", "file", "out", "in", [], {}, [1],
                                                               {"id": "x"}, {"url": "https://x/y"}, {"lat": 1, "lon": 2}, "2026-01-01T00:00:00Z",
                                                               "2026-01-01 00:00:00+03", "http://x", "👍", "\ud800", "a\0b"]), st.text(max_size=8))


@st.composite
def bodies(draw):
    """One of the document's requests, with members changed, taken away or added."""
    name, value = draw(st.sampled_from(EXAMPLES))
    value = copy.deepcopy(value)
    if name == "sendMessage":           # else most would be conflicts
        value["id"] = f"wa1-{draw(st.integers(1, 10**9))}"
    for _ in range(draw(st.integers(0, 3))):
        node = value
        while True:
            key = draw(st.sampled_from(sorted(node) + ["type", "text", "media", "forward", "set", "deleted", "location"]))
            inner = node.get(key)
            if isinstance(inner, list) and inner and isinstance(inner[0], dict):
                inner = inner[0]
            if not isinstance(inner, dict) or not inner or draw(st.booleans()):
                break
            node = inner
        if draw(st.booleans()):
            node[key] = copy.deepcopy(draw(VALUES))
        else:
            node.pop(key, None)
    return name, json.dumps(value, ensure_ascii=draw(st.just(True))).encode()


@st.composite
def requests(draw):
    name, body = draw(st.one_of(bodies(), bodies(), bodies(), st.tuples(st.sampled_from(sorted(DOCUMENT.operations)), st.binary(max_size=40))))
    method, target = target_of(DOCUMENT, name, id=draw(st.sampled_from(["m", "mobilon-m", "a:b.c_d-e", "x y".replace(" ", "%20")])))
    headers = {**proof(name, body), **draw(st.fixed_dictionaries({}, optional={
        "Content-Type": st.sampled_from(["application/json", "application/json; charset=utf-8", "text/plain", "application/x+json", ""]),
        "Idempotency-Key": st.sampled_from(["", "k", "k" * 128, "k" * 129, "ключ"]),
        "X-Odd": st.text("abc \t,;=", max_size=30)}))}
    if draw(st.integers(0, 4)) == 0:
        method = draw(st.sampled_from(["GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS", "CONNECT", "TRACE", "get", "M" * 300]))
    if draw(st.integers(0, 4)) == 0:
        target = draw(st.one_of(st.sampled_from(PLACES), st.text("/abc.%?=&_-:0", min_size=1, max_size=30)))
    if draw(st.integers(0, 5)) == 0:
        headers.update(draw(st.sampled_from([{"Authorization": ""}, {"Authorization": "Basic eA=="}, {"Authorization": "Bearer x"}, standard_headers(body, KEY),
                                             standard_headers(body + b"x", KEY), {"X-Signature": sign(body, SECRET[::-1])}, {"webhook-signature": "v1,x"},
                                             {"Content-Length": str(len(body) // 2)}, {"Expect": "100-continue"}, {"Upgrade": "h2c"}])))
    lines = [f"{k}: {v}" for k, v in headers.items()]
    if draw(st.integers(0, 6)) == 0 and "Content-Length" not in headers:
        lines.append("Transfer-Encoding: chunked")
        body = (b"%x\r\n%s\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n"
    return method, target, lines, body, draw(st.sampled_from(["HTTP/1.1"] * 12 + ["HTTP/1.0", "HTTP/1.9", "HTTP/3.0", "HTTP/0.9", "TTP/1.1"]))


@settings(max_examples=400, deadline=None, derandomize=True, print_blob=True,
          suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(request_=requests())
def test_whatever_is_asked_the_answer_is_documented(place, contract, request_):
    method, target, lines, body, version = request_
    r = Recorder(place.ingress.port)
    r.send(method, target, lines, body, version)
    if any(line.startswith("Transfer-Encoding") for line in lines):
        r.log[:] = [(m, t, None, a) for m, t, _, a in r.log]
    found, _, _ = judge(contract, r.log)
    assert r.log[0][3] is not None and not found, found
    assert place.ingress.alive
