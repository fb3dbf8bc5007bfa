"""Every recorded call to amojo: the real worker sends it, and each recorded answer is judged."""
import hashlib
import itertools
import json

import pytest
from amojo_commands import COMMANDS
from egress_harness import (AMO_CONNECT, AMO_CREATE_CHAT, AMO_EDIT, AMO_HISTORY, AMO_MESSAGE, AMO_OUTGOING,
                            AMO_REACTION, AMO_STATUS, DEAD, DONE, HOLD, RETRY, ROOT, SCOPE, SECRET, UNKNOWN, Bench,
                            answer, outcome)

FIXTURES = {path.stem: json.loads(path.read_text(encoding="utf-8"))
            for path in sorted((ROOT / "tests" / "fixtures" / "requests").glob("*.json"))
            if not path.stem.startswith(("rest-", "oauth-", "channel-"))}
ANSWERS = [(name, i) for name, fixture in FIXTURES.items() for i in range(len(fixture["responses"]))]
NUMBERS = itertools.count(1)


def spelling_of(name):
    return "old" if "old-spelling" in name else "new" if "new-spelling" in name else "both"


@pytest.fixture(scope="module")
def amojo():
    """send(name, answer) -> (request, result), by a worker of the spelling that the fixture wants."""
    benches = {}

    def send(name, answer_bytes):
        spelling = spelling_of(name)
        if spelling not in benches:
            bench = benches[spelling] = Bench()
            bench.up(worker={"egress/status_spelling": spelling})
        bench = benches[spelling]
        remote, core = bench.remotes[0], bench.core
        remote.behave = lambda request: answer_bytes
        seen = len(remote.requests)
        core.push({"id": next(NUMBERS), "attempt": 1, "scope": SCOPE, "start_within_ms": 5000,
                   "finish_within_ms": 10000 if answer_bytes != [30] else 200} | COMMANDS[name])
        result = core.result()
        assert len(remote.requests) == seen + 1
        return remote.requests[-1], result

    yield send
    for bench in benches.values():
        bench.close()


def same(a, b):
    """Equal as canonical JSON: 1 is neither 1.0 nor true."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


def recorded(response):
    """The bytes of a recorded answer; no status: silence."""
    if response["status"] is None:
        return [30]
    headers = [("Content-Type", response["content_type"])] if "content_type" in response else []
    return answer(response["status"], response.get("body", response.get("body_raw", b"")),
                  headers + list(response.get("headers", {}).items()))


def test_every_recorded_call_has_its_command():
    assert COMMANDS.keys() == FIXTURES.keys()


@pytest.mark.parametrize("name", FIXTURES)
def test_the_call_is_sent_as_recorded(amojo, name):
    fixture = FIXTURES[name]
    request, _ = amojo(name, recorded(fixture["responses"][0]))
    target = fixture["path"] + ("?" + fixture["query"] if fixture.get("query") else "")
    assert (request.method, request.target) == (fixture["method"], target)
    if fixture["body"] is None:
        assert request.body == b""
    else:
        assert same(request.json(), fixture["body"]), request.body.decode()
    assert fixture["secret"] == SECRET
    assert request.headers["content-type"] == fixture["headers"]["Content-Type"]
    assert request.headers["content-md5"] == hashlib.md5(request.body).hexdigest()
    assert request.headers["x-signature"] == request.amojo_signature()


def expected(kind, status, page):
    """docs/amojo.md "Answers", written down a second time."""
    if page and status >= 500:  # of whoever stands before amojo
        return RETRY, "proxy"
    if status is None:
        return UNKNOWN, "timeout"
    if 200 <= status < 300:
        return DONE, "none"
    if status == 404:
        return (RETRY, "not_found") if kind in (AMO_STATUS, AMO_REACTION) else (HOLD, "not_found")
    return {400: (DEAD, "refused"), 403: (HOLD, "forbidden"), 429: (HOLD, "throttled")}[status]


def taught(kind, command, body):
    """What a good answer's body teaches, by the fields of the result: amo's ids, not our own given back."""
    new = body.get("new_message", {})
    if kind in (AMO_MESSAGE, AMO_OUTGOING, AMO_EDIT):
        ids = {"amo_message_id": new.get("msgid"), "amo_chat_id": new.get("conversation_id")}
        if kind != AMO_EDIT:
            ids |= {"amo_sender_id": new.get("sender_id"), "amo_receiver_id": new.get("receiver_id")}
    elif kind == AMO_CREATE_CHAT:
        ids = {"amo_chat_id": body["id"], "amo_sender_id": body["user"]["id"]}
    elif kind == AMO_CONNECT:
        ids = {"scope_id": body["scope_id"]}
    elif kind == AMO_HISTORY:
        found = [m["message"] for m in body.get("messages", []) if m["message"].get("client_id") == command["key"]]
        ids = {"complete": True} | ({"found": True, "amo_message_id": found[0]["id"]} if found else {})
    else:
        ids = {}
    ours = {command.get(key) for key in ("key", "conversation_id", "sender_id", "receiver_id", "message_client_id")}
    return {key: value for key, value in ids.items() if value and value not in ours}


LEARNT = ("amo_message_id", "amo_chat_id", "amo_sender_id", "amo_receiver_id", "scope_id", "found", "complete")


@pytest.mark.parametrize("name, number", ANSWERS, ids=[f"{name}-{number}" for name, number in ANSWERS])
def test_each_recorded_answer_is_judged_and_read(amojo, name, number):
    response, command = FIXTURES[name]["responses"][number], COMMANDS[name]
    _, result = amojo(name, recorded(response))
    page = response.get("content_type") == "text/html"
    assert outcome(result) == expected(command["kind"], response["status"], page), response["meaning"]
    assert result.get("status") == response["status"]
    learnt = {key: result[key] for key in LEARNT if key in result}
    if result["outcome"] == DONE:
        assert learnt == taught(command["kind"], command, response.get("body") or {})
        assert "evidence" not in result
    else:
        assert learnt == {}
        assert result["evidence"]
        if isinstance(response.get("body"), dict):
            assert result["words"] == response["body"]["error_description"]
        assert result.get("retry_after_ms", 0) == (2000 if response["status"] == 429 else 0)


def test_the_recorded_answers_cover_every_outcome():
    statuses = {response["status"] for fixture in FIXTURES.values() for response in fixture["responses"]}
    assert {200, 204, 400, 403, 404, 429, 500, None} <= statuses
