"""amoctl doctor on a running bridge whose front door is a proxy that the test holds in its hand."""
import json
import os
import socket
import time

import pytest

from remotes import Certificates, Remote, amoctl, amoctl_json, answer
from signing import amojo_webhook
from stack import ControlError, Stack, http, wait_for


class Proxy(Remote):
    """What stands before ingress: passes on, until told otherwise."""

    def __init__(self, tls):
        self.target = None
        super().__init__(self.passes, tls)

    def passes(self, request):
        head = {k: v for k, v in request.headers.items() if k in ("content-type", "x-signature")}
        status, body, _ = http(request.method, self.target + request.target, request.body or None, head)
        return answer(status, body)


class Bridge:
    def __init__(self, certificates, **env):
        self.proxy = Proxy(certificates.ending(60))
        self.stack = Stack(env={"AMO_PUBLIC_URL": f"https://localhost:{self.proxy.port}",
                                "AMO_EGRESS_CA_FILE": str(certificates.ca), **env})

    def up(self):
        self.stack.up()
        self.proxy.target = f"http://127.0.0.1:{self.stack.port}"
        return self

    def checks(self):
        """(exit code, {check: [(state, words, todo, subject)]})."""
        code, said = amoctl_json(self.stack, "doctor")
        found = {}
        for c in said["checks"]:
            assert set(c) == {"check", "subject", "state", "words", "todo"} and c["words"], c
            assert (c["todo"] is None) == (c["state"] == "green"), c
            found.setdefault(c["check"], []).append((c["state"], c["words"], c["todo"], c["subject"]))
        for state in ("green", "yellow", "red"):
            assert said["summary"][state] == sum(c["state"] == state for c in said["checks"])
        assert code == (1 if said["summary"]["red"] else 0)
        return code, found


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def shared(certificates):
    b = Bridge(certificates)
    with b.stack:
        yield b.up()
    b.proxy.close()


@pytest.fixture
def bridge(shared):
    """The shared one, in order."""
    tls = shared.proxy.tls
    yield shared
    shared.proxy.behave, shared.proxy.tls = shared.proxy.passes, tls
    shared.stack.sandbox("settings", {"clock_offset_ms": 0}, method="PATCH")


def of(found, check, at=0):
    return found[check][at][0], found[check][at][1]


def test_a_bridge_in_order_has_nothing_red(bridge):
    code, found = bridge.checks()
    assert code == 0, found
    for check in ("ingress", "egress", "spool", "dead_letters", "quarantine", "data_dir", "run_dir", "store", "confined",
                  "public_url", "channel", "webhook_url", "account", "connector", "front_door", "certificate", "amojo",
                  "clock", "signature"):
        # the sandbox was told the address behind the proxy
        assert of(found, check)[0] == ("green" if check != "webhook_url" else "yellow"), (check, found[check])
    assert "came through" in of(found, "front_door")[1]
    assert "59 days" in of(found, "certificate")[1]
    assert "204" in of(found, "signature")[1]
    assert "not below public_url" in of(found, "webhook_url")[1]
    assert [(state, words[:7]) for state, words, _, _ in found["master_key"]] == [("green", "closed "),
                                                                                  ("yellow", "is stor")]


def test_looking_leaves_no_warning_behind(bridge):
    egress = bridge.stack["egress-0"]
    before = len(egress.lines)
    assert bridge.checks()[0] == 0
    told = wait_for(lambda: [line for line in list(egress.lines)[before:] if "kind=amo.reach" in line and "attempt." in line],
                    "the line of a look")
    assert "level=info" in told[0] and "what=attempt.failed" in told[0]
    assert not [line for line in list(egress.lines)[before:] if "level=warn" in line or "level=error" in line]


def test_people_get_a_line_each_with_what_to_do_and_a_sum(bridge):
    code, said, complaint = amoctl(bridge.stack, "doctor")
    lines = said.splitlines()
    assert code == 0 and complaint == ""
    assert any(line.startswith("green   front_door https://localhost") for line in lines)
    yellow = next(i for i, line in enumerate(lines) if line.startswith("yellow  webhook_url"))
    todo = next(line for line in lines[yellow + 1:] if line.startswith("        -> "))
    assert todo.startswith("        -> give support public_url")
    assert lines[-1].endswith(" 0 red") and " yellow, " in lines[-1]


def test_a_test_webhook_leaves_nothing_behind_and_cannot_be_used_again(bridge):
    stack, began = bridge.stack, len(bridge.proxy.requests)
    assert bridge.checks()[0] == 0
    captured = next(r for r in bridge.proxy.requests[began:] if r.method == "POST")
    head = {"X-Signature": captured.headers["x-signature"], "Content-Type": "application/json"}
    url = f"http://127.0.0.1:{stack.port}{captured.target}"
    before = stack.figure("core", "amo_events_total")
    for _ in range(3):
        assert http("POST", url, captured.body, head)[0] == 200
    stack.settle()
    assert stack.figure("core", "amo_events_total") == before + 3  # fresh: they went all the way, and nobody waits
    for off in (-121000, 125000):  # old, or of a time to come, so that it would stay good for long
        late = json.dumps({"door_test": {"nonce": "door-x", "at_ms": int(time.time() * 1000) + off}}).encode()
        head["X-Signature"] = amojo_webhook(stack.secret, late)
        assert http("POST", url, late, head)[0] == 200
    head["X-Signature"] = "0" * 40
    assert http("POST", url, captured.body, head)[0] == 401
    stack.settle()
    assert stack.figure("core", "amo_events_total") == before + 3
    assert stack.control("quarantine.list") == [] == stack.control("dead.list")
    assert stack.control("conversation.list") == []


def test_an_address_that_is_another_bridges_is_red(bridge):
    bridge.proxy.behave = lambda request: answer(200, "OK")
    code, found = bridge.checks()
    state, words = of(found, "front_door")
    assert (code, state) == (1, "red") and "another bridge" in words


@pytest.mark.parametrize("status, words", [(301, "redirects"), (401, "secret"), (404, "not an ingress"),
                                           (502, "does not reach ingress"), (418, "did not come from this bridge")])
def test_what_the_door_answers_instead_is_told(bridge, status, words):
    bridge.proxy.behave = lambda request: answer(status, "", [("Location", "https://elsewhere.example/")])
    code, found = bridge.checks()
    assert code == 1 and of(found, "front_door")[0] == "red"
    assert words in of(found, "front_door")[1] and str(status) in of(found, "front_door")[1]
    assert found["front_door"][0][2]


@pytest.mark.parametrize("days, state", [(21, "yellow"), (4, "red")])
def test_a_certificate_that_ends_soon_is_seen(bridge, certificates, days, state):
    bridge.proxy.tls = certificates.ending(days)
    code, found = bridge.checks()
    assert of(found, "certificate")[0] == state and f"{days - 1} days" in of(found, "certificate")[1]
    assert of(found, "front_door")[0] == "green" and code == (state == "red")


def test_a_certificate_that_is_no_good_is_red(bridge, certificates):
    for tls, words in ((certificates.ending(-1), "expired"), (certificates.self_signed(), "self-signed")):
        bridge.proxy.tls = tls
        code, found = bridge.checks()
        assert code == 1 and of(found, "front_door")[0] == "red" and words in of(found, "front_door")[1]


@pytest.mark.parametrize("offset, state", [(20000, "yellow"), (-200000, "red")])
def test_a_clock_that_differs_from_amojos_is_seen(bridge, offset, state):
    bridge.stack.sandbox("settings", {"clock_offset_ms": offset}, method="PATCH")
    _, found = bridge.checks()
    assert of(found, "clock")[0] == state and ("ahead" if offset < 0 else "behind") in of(found, "clock")[1]


def test_an_amojo_that_cannot_be_reached_is_red(bridge, certificates):
    stack, own = bridge.stack, Remote(lambda request: answer(200, "OK"), certificates.self_signed())
    reply = json.dumps(stack.sandbox(f"channels/{stack.channel}/registration"))
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and no listen: refused
        closed = nobody.getsockname()[1]
        try:
            for url, words in (("https://amojo.invalid", "DNS"), (f"http://127.0.0.1:{closed}", "TCP"),
                               (f"https://localhost:{own.port}", "TLS")):
                stack.control("channel.add", reply=reply, url=url)
                code, found = bridge.checks()
                for check in ("amojo", "signature"):
                    assert of(found, check)[0] == "red" and words in of(found, check)[1], (url, found[check])
                assert code == 1 and of(found, "front_door")[0] == "green"
                # nothing is said of a clock that nobody could compare, but that it is not proven yet
                assert all("in doubt" in words for _, words, *_ in found.get("clock", []))
        finally:
            stack.control("channel.add", reply=reply, url=stack.sandbox_url)
            own.close()
    assert of(bridge.checks()[1], "amojo")[0] == "green"


def test_a_signature_that_amojo_refuses_is_red(bridge):
    bridge.stack.fault(on="amojo.history", status=403, times=1)
    code, found = bridge.checks()
    assert code == 1 and of(found, "signature")[0] == "red" and "403" in of(found, "signature")[1]
    bridge.stack.fault(on="amojo.history", status=429, times=1)
    assert of(bridge.checks()[1], "signature")[0] == "yellow"


def test_modes_that_let_others_in_are_red(bridge):
    data, key = bridge.stack.dir / "data", bridge.stack.dir / "data" / "master.key"
    os.chmod(data, 0o755)
    os.chmod(key, 0o644)
    try:
        code, found = bridge.checks()
    finally:
        os.chmod(data, 0o750)
        os.chmod(key, 0o600)
    assert code == 1 and "0755" in of(found, "data_dir")[1] and "0644" in of(found, "master_key")[1]


def test_a_channels_flags_are_told_in_words(bridge):
    stack = bridge.stack
    reply = stack.sandbox(f"channels/{stack.channel}/registration")
    flags = next(iter(reply["result"].values()))
    door = f"https://localhost:{bridge.proxy.port}/messages/:scope_id"
    for change, state, words in (({"enabled": False}, "red", "switched the channel off"),
                                 ({"webhook_v2": False}, "red", "ask support to switch v2 on"),
                                 ({"write_first": False}, "green", "managers can only answer"),
                                 ({}, "green", "are as they should be")):
        flags |= {"enabled": True, "webhook_v2": True, "write_first": True, "webhook_url_v2": door} | change
        stack.control("channel.add", reply=json.dumps(reply), url=stack.sandbox_url)
        found = bridge.checks()[1]
        told = found["channel"]
        assert [t for t in told if t[0] == state and words in t[1]], told
    assert of(found, "webhook_url")[0] == "green"


def test_paused_accounts_and_held_or_gone_connectors_are_seen(bridge):
    stack = bridge.stack
    stack.control("account.pause", scope_id=stack.scope)
    assert of(bridge.checks()[1], "account") == ("yellow", "paused by an operator")
    stack.control("account.resume", scope_id=stack.scope)
    asked = stack.meet("hello", conversation="79005550199")
    stack.fault(on="service.message.created", status=410)
    stack.manager_writes("are you there", asked["chat"])
    wait_for(lambda: of(bridge.checks()[1], "connector")[0] == "red", "a red connector", 30)
    assert "410" in of(bridge.checks()[1], "connector")[1]
    stack.clear_faults()
    stack.control("account.resume", scope_id=stack.scope)
    stack.settle()
    assert of(bridge.checks()[1], "connector")[0] == "green"


def test_without_workers_nothing_can_be_looked_at(bridge):
    bridge.stack["egress-0"].stop()
    try:
        wait_for(lambda: not (bridge.stack.peer("egress-0") or {}).get("alive"), "core to miss the worker", 40)
        code, found = bridge.checks()
        assert code == 1 and found["egress"][-1][0] == "red"
        assert "nobody can look" in of(found, "front_door")[1]
    finally:
        bridge.stack.start("egress-0")


def test_core_refuses_what_there_is_not_to_look_at(bridge):
    for args in ({"what": "moon", "subject": ""}, {"what": "amojo", "subject": "nowhere"},
                 {"what": "signature", "subject": "nowhere"}, {"what": "front_door", "subject": "nowhere"}):
        with pytest.raises(ControlError, match="no such thing"):
            bridge.stack.control("doctor.check", **args)
    with pytest.raises(ControlError, match="what is missing"):
        bridge.stack.control("doctor.check")


def test_a_bridge_without_a_channel_or_an_address_is_told_what_is_missing():
    with Stack() as stack:
        stack.up(register=False)
        code, said = amoctl_json(stack, "doctor")
        by = {c["check"]: c for c in said["checks"]}
        assert code == 0 and "front_door" not in by
        assert by["public_url"]["state"] == "yellow" and "not set" in by["public_url"]["words"]
        assert by["channel"]["state"] == "yellow" and "channel add" in by["channel"]["todo"]
        stack["core"].kill()
        code, said = amoctl_json(stack, "doctor")
        assert code == 3 and said["error"]["code"] == "unreachable"
        assert amoctl(stack, "doctor", "now")[0] == 2
