"""Registering: what an operator is told when amojo or the bridge itself does not play along."""
import json
import time
import uuid

import pytest

from stack import QUICK, ControlError, Stack, wait_for


@pytest.fixture
def stack():
    with Stack(env=QUICK) as s:
        s.up()
        yield s


def connect(stack, **more):
    return stack.control("account.connect", **{"channel": stack.channel, "account": str(uuid.uuid4()),
                                               "connector": "svc", "title": "New", **more})


@pytest.mark.parametrize("status, word", [(403, "forbidden"), (404, "not_found"), (400, "refused"), (500, "server")])
def test_a_connect_that_amojo_refuses_says_so(stack, status, word):
    accounts = stack.control("account.list")
    stack.fault(on="amojo.connect", status=status, times=1)
    began = time.monotonic()
    with pytest.raises(ControlError) as refusal:
        connect(stack)
    assert refusal.value.code == 1 and time.monotonic() - began < 10
    assert str(status) in str(refusal.value) and word in str(refusal.value)
    assert stack.control("account.list") == accounts
    assert connect(stack)["scope_id"]  # and the next one is fine


def test_a_channel_that_may_not_serve_this_account_is_told(stack):
    stack.sandbox("channels", {"id": stack.channel, "allowed_accounts": [str(uuid.uuid4())]})
    with pytest.raises(ControlError) as refusal:
        connect(stack)
    assert "403" in str(refusal.value)


def test_a_connect_without_a_worker_says_what_is_missing(stack):
    assert stack["egress-0"].stop() == 0
    with pytest.raises(ControlError) as refusal:
        connect(stack)
    assert refusal.value.code == 3 and "egress" in str(refusal.value)


def test_a_scope_id_that_is_known_needs_no_call(stack):
    account = str(uuid.uuid4())
    before = stack.sandbox("counters")["amojo.connects"]
    scope = f"{stack.channel}_{account}"
    assert connect(stack, account=account, scope_id=scope)["scope_id"] == scope
    assert stack.sandbox("counters")["amojo.connects"] == before
    with pytest.raises(ControlError) as refusal:
        connect(stack, account=account, scope_id="something_else")
    assert refusal.value.code == 2


@pytest.mark.parametrize("verb, args, code", [
    ("account.connect", {"channel": str(uuid.uuid4()), "account": "a", "connector": "svc"}, 1),
    ("account.pause", {"scope_id": "none"}, 1), ("account.resume", {}, 2), ("channel.show", {"id": "none"}, 1),
    ("connector.add", {"name": "Bad Name", "kind": "http", "url": "https://e.example"}, 2),
    ("connector.add", {"name": "amo", "kind": "http", "url": "https://e.example"}, 2),
    ("connector.add", {"name": "svc-2", "kind": "http", "url": "https://e.example"}, 2),
    ("connector.add", {"name": "plain", "kind": "http", "url": "http://e.example"}, 2),
    ("connector.add", {"name": "weak", "kind": "http", "url": "https://e.example", "secret": "whsec_c2hvcnQ="}, 2),
    ("connector.add", {"name": "weak", "kind": "http", "url": "https://e.example", "token": "short"}, 2),
    ("channel.add", {"reply": "not json"}, 2), ("trace", {"id": "nothing"}, 1), ("no.such.verb", {}, 2)])
def test_mistakes_are_told_in_words_and_change_nothing(stack, verb, args, code):
    version = stack.control("status")["registry_version"]
    with pytest.raises(ControlError) as refusal:
        stack.control(verb, **args)
    assert refusal.value.code in (code, 1, 2) and len(str(refusal.value)) > 12
    assert stack.control("status")["registry_version"] == version


def test_what_is_generated_is_shown_once_and_works(stack):
    made = stack.control("connector.add", name="gen", kind="http", url="https://svc.example/hook")
    assert made["secret"].startswith("whsec_") and len(made["token"]) >= 32
    assert stack.service_call("messages", {}, connector="gen", token=made["token"])[0] == 422
    listed = json.dumps([stack.control(v) for v in ("connector.list", "channel.list", "account.list", "status")])
    listed += json.dumps(stack.control("channel.show", id=stack.channel))
    for secret in (made["secret"][6:], made["token"], stack.secret, stack.svc["token"], stack.svc["secret"][6:]):
        assert secret not in listed


def test_a_registration_is_known_to_the_door_when_the_verb_returns(stack):
    for n in range(5):
        made = stack.control("connector.add", name=f"n{n}x", kind="http", url="https://svc.example/hook")
        assert stack.service_call("messages", {}, connector=f"n{n}x", token=made["token"])[0] == 422


def test_registration_survives_a_restart_of_everything(stack):
    before = [stack.control(v) for v in ("channel.list", "connector.list", "account.list")]
    for name in ("ingress", "egress-0", "core"):
        assert stack[name].stop() == 0
    for name in ("core", "ingress", "egress-0"):
        stack.start(name)
    assert [stack.control(v) for v in ("channel.list", "connector.list", "account.list")] == before
    stack.meet("still-known")


def test_a_missing_or_other_master_key_is_refused(stack):
    key = stack.dir / "data" / "master.key"
    assert key.stat().st_mode & 0o077 == 0
    right = key.read_bytes()
    stack["core"].kill()
    for wrong in (None, b"\x01" * 32):
        key.unlink()
        if wrong:
            key.write_bytes(wrong)
            key.chmod(0o600)
        stack["core"].start()
        wait_for(lambda: not stack["core"].alive, "core to refuse")
        assert stack["core"].child.returncode in (1, 2)
        assert any("key" in line for line in stack["core"].lines[-5:])
        if not wrong:
            assert not key.exists()  # none is made anew
            key.write_bytes(b"")
    key.write_bytes(right)
    key.chmod(0o600)
    stack.start("core")
    stack.meet("opened-again")
