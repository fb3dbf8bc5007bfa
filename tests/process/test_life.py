"""The life of channels, connectors, accounts and sources, by amoctl on a running bridge."""
import json
import signal
import uuid

import pytest

from kit import Process, holds, in_folder
from stack import QUICK, Stack, wait_for


@pytest.fixture(scope="module")
def bridge():
    with Stack(env=QUICK) as s:
        s.up()
        yield s


@pytest.fixture
def stack():
    with Stack(env=QUICK) as s:
        s.up()
        yield s


def answer_of_support(stack, **registration):
    """A channel at the sandbox, and support's answer about it; a member set to None is taken out."""
    channel = stack.sandbox("channels", {"webhook_url": f"http://127.0.0.1:{stack.port}/messages/:scope_id",
                                         "registration": registration})
    return channel, stack.sandbox(f"channels/{channel['id']}/registration")


def file_of(stack, name, content):
    path = stack.dir / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def add_channel(stack, **registration):
    channel, reply = answer_of_support(stack, **registration)
    added = stack.amoctl("channel", "add", "--reply", file_of(stack, "reply.json", reply), "--amojo-url",
                         stack.sandbox_url)
    return channel, added


def connect(stack, channel, account=None, code=0, **options):
    words = [f"--{k.replace('_', '-')}" if v is True else f"--{k.replace('_', '-')}={v}" for k, v in options.items()]
    flat = [part for w in words for part in w.split("=", 1)]
    return stack.amoctl("account", "connect", "--channel", channel, "--account", account or uuid.uuid4(), "--connector",
                        "svc", *flat, code=code)


# --- flags ------------------------------------------------------------------------------------------

def test_each_flag_is_told_in_words(bridge):
    channel, added = add_channel(bridge, write_first=False, bot=None, reactions_all=False,
                                 time_window={"enabled": True, "expires": 86400, "need_template": False})
    assert {f["flag"] for f in added["flags"]} == {"write_first", "bot.id", "reactions", "time_window"}
    shown = {f["flag"]: f for f in bridge.amoctl("channel", "show", channel["id"])["flags"]}
    assert set(shown) >= {"enabled", "webhook_v2", "write_first", "supports_reply", "saves_files", "reactions",
                          "time_window", "webhook_events", "allowed_acc_list", "bot.id", "segment", "webhook_url_v2"}
    assert all(len(f["meaning"]) > 10 and f["state"] in ("ok", "note", "problem") for f in shown.values())
    assert shown["time_window"]["value"] == "86400 s"


@pytest.mark.parametrize("registration, words", [
    ({"enabled": False}, "enabled"), ({"webhook_v2": False}, "webhook_v2"),
    ({"allowed_acc_list": [{"id": "2b13cae0-24f7-4058-b9ad-c13ee05e1b53", "external_id": "amocrm:31000001"}]},
     "allowed_acc_list")])
def test_an_account_that_the_flags_forbid_is_refused_without_a_call(bridge, registration, words):
    channel, _ = add_channel(bridge, **registration)
    calls = bridge.sandbox("counters")["amojo.connects"]
    assert words in connect(bridge, channel["id"], code=1)
    assert bridge.sandbox("counters")["amojo.connects"] == calls
    # support mends it, and its new answer is imported over the old one
    bridge.sandbox("channels", {"id": channel["id"], "registration": {}})
    reply = bridge.sandbox(f"channels/{channel['id']}/registration")
    bridge.amoctl("channel", "add", "--reply", file_of(bridge, "reply.json", reply), "--amojo-url", bridge.sandbox_url)
    assert connect(bridge, channel["id"])["scope_id"].startswith(channel["id"])


def test_the_time_window_can_be_switched_off_for_an_account(bridge):
    scope = connect(bridge, bridge.channel, no_time_window=True)["scope_id"]
    body = bridge.bodies(side="amojo", kind="connect")[-1]
    assert body["is_time_window_disabled"] is True and body["hook_api_version"] == "v2"
    row = next(a for a in bridge.amoctl("account", "list") if a["scope_id"] == scope)
    assert row["no_time_window"] is True and row["connect_called_at"]


def reply_again(stack, **registration):
    """Support's newer answer about the stack's own channel."""
    stack.sandbox("channels", {"id": stack.channel, "registration": registration})
    reply = stack.sandbox(f"channels/{stack.channel}/registration")
    return stack.amoctl("channel", "add", "--reply", file_of(stack, "reply.json", reply), "--amojo-url",
                        stack.sandbox_url)


def test_a_channel_without_quotes_and_reactions_gets_none(stack):
    first = stack.client_writes("first")["id"]
    stack.wait("amojo.message", text="first")
    reply_again(stack, supports_reply=False, reactions_all=False)
    quote = {"id": first, "type": "text", "text": "first\nline"}
    stack.client_writes("second", reply_to=quote)
    said = stack.wait("amojo.message", text="> first\n> line\nsecond")["item"]
    assert not said.get("reply_to")
    assert stack.service_call("reactions", {"message_id": first, "emoji": "\U0001F44D"})[0] == 202
    stack.settle()
    assert not stack.journal(side="amojo", kind="react")
    assert stack.figure("core", "amo_reactions_unsupported_total") == 1
    # support switches both on: as everywhere
    reply_again(stack)
    stack.client_writes("third", reply_to=quote)
    stack.wait("amojo.message", text="third")
    assert stack.bodies(side="amojo", kind="new_message")[-1]["payload"]["reply_to"]
    assert stack.service_call("reactions", {"message_id": first, "emoji": "\U0001F44D"})[0] == 202
    stack.wait("amojo.reactions", count=1)


# --- secrets ----------------------------------------------------------------------------------------

def test_a_channel_secret_is_rotated_while_webhooks_come(stack):
    met = stack.meet("before")
    fresh = "f" * 40
    done = stack.amoctl("channel", "secret", stack.channel, "--file", file_of(stack, "secret", fresh + "\n"))
    assert done["old_valid_until"]
    # amo still signs with the old one: accepted, and counted
    stack.manager_writes("signed-by-the-old", met["chat"])
    stack.wait("service.message", text="signed-by-the-old")
    assert stack.figure("ingress", "amo_old_credentials_total") == 1
    stack.sandbox("channels", {"id": stack.channel, "secret": fresh})
    stack.manager_writes("signed-by-the-new", met["chat"])
    stack.wait("service.message", text="signed-by-the-new")
    stack.client_writes("we-sign-with-the-new")
    stack.wait("amojo.message", text="we-sign-with-the-new")
    assert stack.figure("ingress", "amo_old_credentials_total") == 1
    assert "finish" in stack.amoctl("channel", "secret", stack.channel, "--file",
                                    file_of(stack, "secret", "e" * 40), code=1)
    assert stack.amoctl("channel", "secret", stack.channel, "--finish")["old_valid_until"] is None
    stack.sandbox("channels", {"id": stack.channel, "secret": stack.secret})
    old = stack.webhook({"message": {}}, learn=False)
    assert old["status"] == 401
    assert stack.amoctl("channel", "secret", stack.channel, code=2)
    assert stack.amoctl("channel", "secret", uuid.uuid4(), "--finish", code=1)
    assert stack.amoctl("channel", "secret", stack.channel, "--finish", code=1)


def test_a_connector_is_rotated_and_no_request_fails_meanwhile(stack):
    met = stack.meet("before")
    old = dict(stack.svc)
    stack.sandbox("client/writes", {"connector": "svc", "source": "wa1", "count": 300, "spread": 20,
                                    "conversation": "7900{c}", "text": "rotating {n}"})
    made = stack.amoctl("connector", "rotate", "svc")
    assert made["secret"] != old["secret"] and made["token"] != old["token"] and made["old_valid_until"]
    stack.manager_writes("with both", met["chat"])
    # the service learns one thing after the other, in whichever order
    stack.sandbox("connectors", {"name": "svc", "token": made["token"]})
    stack.sandbox("connectors", {"name": "svc", "secret": made["secret"], "secret_old": old["secret"]})
    stack.manager_writes("with both again", met["chat"])
    stack.wait("service.message", text="with both")
    stack.wait("service.message", text="with both again")
    stack.wait("client.accepted", count=301)
    counters = stack.sandbox("counters")
    assert counters["service.forbidden"] == 0 and counters["client.retries"] == 0
    assert stack.service_call("typing", {}, token=old["token"])[0] == 422  # still valid, and counted
    assert stack.figure("ingress", "amo_old_credentials_total") > 0
    shown = stack.amoctl("connector", "show", "svc")
    assert shown["old_valid_until"] and shown["accounts"] == [stack.scope]
    assert "finish" in stack.amoctl("connector", "rotate", "svc", code=1)
    assert "secret" not in stack.amoctl("connector", "rotate", "svc", "--finish")
    assert stack.service_call("typing", {}, token=old["token"])[0] == 401
    assert stack.service_call("typing", {}, token=made["token"])[0] == 422
    stack.settle()


def test_a_rotation_ends_by_itself():
    with Stack(env={**QUICK, "AMO_CORE_OVERLAP_HOURS": "0"}) as stack:
        stack.up()
        old = stack.svc["token"]
        new = stack.amoctl("connector", "rotate", "svc", "--overlap", "1")["token"]
        assert stack.service_call("typing", {}, token=old)[0] == 422
        assert stack.amoctl("connector", "rotate", "svc", "--overlap", "0")["old_valid_until"] is None
        for token in (old, new):  # a leak cannot wait
            assert stack.service_call("typing", {}, token=token)[0] == 401
        stack.amoctl("connector", "rotate", "svc")  # with the overlap configured: over at once
        wait_for(lambda: stack.amoctl("connector", "show", "svc")["old_valid_until"] is None, "its end")
        assert stack["core"].wait_line("what=rotation.over .*connector=svc")


# --- accounts ---------------------------------------------------------------------------------------

def test_an_account_leaves_and_comes_back_with_what_waited(stack):
    met = stack.meet("before")
    gone = stack.amoctl("account", "disconnect", stack.scope)
    assert gone == {"scope_id": stack.scope, "disconnected": True}
    assert stack.sandbox("counters")["amojo.disconnects"] == 1
    assert stack.account()["disconnected"] is True
    status, answer, _ = stack.service_call("messages", {
        "id": "m-gone", "source": "wa1", "conversation": {"id": "79005550101"}, "sender": {"id": "c"},
        "type": "text", "text": "while gone"})
    assert (status, answer["error"]["code"]) == (422, "no_account")
    late = stack.webhook({"account_id": stack.scope.split("_")[1], "time": 1, "message": {
        "conversation": {"id": met["chat"]}, "message": {"id": str(uuid.uuid4()), "type": "text", "text": "late"},
        "receiver": {"id": str(uuid.uuid4())}, "sender": {"id": str(uuid.uuid4())}, "timestamp": 1}}, learn=False)
    assert late["status"] == 200
    held = wait_for(lambda: stack.amoctl("quarantine", "list"), "the late webhook")
    assert held[0]["reason"] == "unknown_scope"
    assert "already" in stack.amoctl("account", "disconnect", stack.scope, code=1)
    assert stack.amoctl("account", "disconnect", "nowhere", code=1)
    for name in ("core", "ingress"):
        stack.start_over(name)
    assert stack.account()["disconnected"] is True
    assert connect(stack, stack.channel, account=stack.scope.split("_")[1])["scope_id"] == stack.scope
    assert stack.account()["disconnected"] is False
    stack.meet("after")
    assert stack.sandbox("counters")["amojo.connects"] == 2


def test_a_disconnect_that_amojo_refuses_changes_nothing(stack):
    stack.fault(on="amojo.disconnect", status=403, times=1)
    assert "403" in stack.amoctl("account", "disconnect", stack.scope, code=1)
    assert stack.account()["disconnected"] is False
    stack.meet("still here")
    assert stack.amoctl("account", "disconnect", stack.scope, "--no-call")["disconnected"] is True
    assert stack.sandbox("counters")["amojo.disconnects"] == 0


def test_accounts_are_connected_again_after_a_start_but_not_within_ten_minutes(stack):
    def connects():
        return stack.sandbox("counters")["amojo.connects"]

    assert connects() == 1
    stack.start_over("core")
    stack.meet("the core is at work")
    assert connects() == 1  # the last call is not ten minutes ago
    stack["core"].env["AMO_CORE_CONNECT_EVERY_MS"] = "1"
    stack.start_over("core")
    wait_for(lambda: connects() == 2, "a connect call after the start")
    stack.amoctl("account", "pause", stack.scope)
    stack.start_over("core")
    wait_for(lambda: stack.peer("egress-0"), "the worker")
    assert connects() == 2  # paused: left alone
    stack.amoctl("account", "resume", stack.scope)
    wait_for(lambda: connects() == 3, "a connect call after the pause")


def test_the_sources_of_who_left_are_nobodys(stack):
    """Two companies on one connector: one leaves, and no client of his reaches the other."""
    other = connect(stack, stack.channel)["scope_id"]
    for source, scope in (("wa1", stack.scope), ("wa2", other)):
        stack.amoctl("source", "add", "--connector", "svc", "--source", source, "--scope", scope)
    stack.amoctl("account", "disconnect", other)
    message = {"id": "x", "conversation": {"id": "c9"}, "sender": {"id": "c9"}, "type": "text", "text": "whose am I?"}
    for source in ("wa2", "wa9"):
        status, answer, _ = stack.service_call("messages", {**message, "source": source})
        assert (status, answer["error"]["code"]) == (422, "unknown_source"), source
    assert stack.service_call("messages", {**message, "source": "wa1"})[0] == 202
    stack.settle()
    assert {m["scope_id"] for m in stack.list("amojo/messages")} == {stack.scope}
    # the one who is left may take any source again once the other one's are taken off the list
    for source in ("wa1", "wa2"):
        stack.amoctl("source", "remove", "--connector", "svc", "--source", source)
    assert stack.service_call("messages", {**message, "id": "y", "source": "wa9"})[0] == 202


def test_a_connector_stays_while_an_accounts_messages_wait(stack):
    stack.amoctl("account", "pause", stack.scope)
    stack.client_writes("waits")
    wait_for(lambda: stack.control("status")["commands"] == 1, "the command")
    stack.amoctl("account", "disconnect", stack.scope)
    assert "wait" in stack.amoctl("connector", "remove", "svc", code=1)
    assert connect(stack, stack.channel, account=stack.scope.split("_")[1])
    stack.wait("amojo.message", text="waits")


def test_connecting_returns_when_every_live_ingress_knows_the_account(stack):
    stack["ingress"].signal(signal.SIGSTOP)
    words = ["account", "connect", "--channel", stack.channel, "--account", str(uuid.uuid4()), "--connector", "svc"]
    connecting = Process("connecting", [stack.bin / "amoctl", *words], in_folder(stack.dir), stack.dir).start()
    try:
        stack["core"].wait_line("what=ready")
        wait_for(lambda: stack.sandbox("counters")["amojo.connects"] == 2, "amojo's answer")
        assert len(stack.control("account.list")) == 2  # core knows it
        holds(lambda: connecting.alive, 1, "amoctl returned too early")
    finally:
        stack["ingress"].signal(signal.SIGCONT)
    assert connecting.wait_end(30) == 0 and connecting.log().startswith(stack.channel)
    connecting.close()


# --- sources ----------------------------------------------------------------------------------------

def test_sources_by_amoctl_and_the_default_of_a_manager(stack):
    other = connect(stack, stack.channel)["scope_id"]
    message = {"id": "s1", "source": "wa1", "conversation": {"id": "c1"}, "sender": {"id": "c1"}, "type": "text",
               "text": "whose?"}
    status, answer, _ = stack.service_call("messages", message)
    assert (status, answer["error"]["code"], answer["error"]["field"]) == (422, "unknown_source", "source")
    for source, scope in (("wa1", stack.scope), ("wa2", stack.scope), ("tg1", other)):
        stack.amoctl("source", "add", "--connector", "svc", "--source", source, "--scope", scope)
    assert stack.service_call("messages", message)[0] == 202  # known to ingress when the verb returns
    stack.amoctl("source", "default", "--scope", stack.scope, "--source", "wa2")
    assert [s["source"] for s in stack.amoctl("source", "list") if s["default"]] == ["wa2"]
    stack.sandbox("manager/writes-first", {"scope_id": stack.scope, "phone": "79005550188", "text": "from which?"})
    stack.wait("service.message", text="from which?")
    assert stack.bodies(side="service", kind="message.created")[-1]["data"]["source"] == "wa2"
    assert "no such source" in stack.amoctl("source", "default", "--scope", stack.scope, "--source", "tg1", code=1)
    assert stack.amoctl("source", "default", "--scope", stack.scope, code=2)
    assert stack.amoctl("source", "remove", "--connector", "svc", "--source", "wa2")["removed"] == "wa2"
    assert not [s for s in stack.amoctl("source", "list") if s["default"]]
    assert stack.service_call("messages", {**message, "id": "s2", "source": "wa2"})[0] == 422
    assert stack.amoctl("source", "remove", "--connector", "svc", "--source", "wa2", code=1)
    assert stack.amoctl("source", "add", "--connector", "svc", "--source", "\u0439", "--scope", stack.scope, code=2)
    assert stack.amoctl("source", "default", "--scope", stack.scope, "--none")["default"] is None
    stack.settle()


# --- the end ----------------------------------------------------------------------------------------

def test_what_is_in_use_stays_and_what_is_not_goes(stack):
    assert "disconnect" in stack.amoctl("channel", "remove", stack.channel, code=1)
    assert "disconnect" in stack.amoctl("connector", "remove", "svc", code=1)
    stack.amoctl("account", "disconnect", stack.scope)
    assert stack.amoctl("connector", "remove", "svc")["removed"] == "svc"
    assert stack.amoctl("channel", "remove", stack.channel)["removed"] == stack.channel
    assert stack.amoctl("channel", "list") == stack.amoctl("connector", "list") == stack.amoctl("account", "list") == []
    for words in (("channel", "remove", "x"), ("connector", "remove", "x"), ("connector", "show", "x"),
                  ("connector", "rotate", "x")):
        assert stack.amoctl(*words, code=1)
