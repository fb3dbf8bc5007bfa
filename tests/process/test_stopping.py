"""Pausing, stopping with grace, and refusing to run twice."""
import os
import subprocess

import pytest

from checker import check
from kit import run
from stack import QUICK, Stack, wait_for


@pytest.fixture
def stack():
    with Stack(env=QUICK) as s:
        s.up()
        yield s


def test_a_paused_account_waits_both_ways_and_goes_on_in_order(stack):
    met = stack.meet()
    stack.control("account.pause", scope_id=stack.scope)
    assert stack.account()["paused"]
    for n in range(5):
        stack.client_writes(f"in-{n}")
        stack.manager_writes(f"out-{n}", met["chat"])
    stack.wait("client.accepted", count=6)
    stack.wait("webhooks.ok", count=5)
    wait_for(lambda: stack.control("status")["commands"] == 10, "all to wait")
    stack.start_over("core")  # a pause outlives core
    assert stack.account()["paused"]
    wait_for(lambda: stack.peer("egress-0"), "the worker")
    before = stack.sandbox("counters")
    stack.client_writes("one-more")
    wait_for(lambda: stack.control("status")["commands"] == 11, "it to wait, too")
    after = stack.sandbox("counters")
    assert (before["amojo.calls"], before["service.calls"]) == (after["amojo.calls"], after["service.calls"])
    stack.control("account.resume", scope_id=stack.scope)
    stack.wait("amojo.message", text="one-more")
    stack.settle()
    assert [m["text"] for m in stack.list("amojo/messages")][1:] == [f"in-{n}" for n in range(5)] + ["one-more"]
    assert [m["text"] for m in stack.list("service/messages")] == [f"out-{n}" for n in range(5)]


def test_a_pause_of_one_account_is_no_other_accounts_business(stack):
    first = stack.scope
    stack.register("other")
    stack.control("account.pause", scope_id=first)
    stack.client_writes("waits")
    stack.client_writes("goes", connector="other", conversation="79005550155")
    stack.wait("amojo.message", text="goes")
    assert len(stack.list("amojo/messages")) == 1
    stack.control("account.resume", scope_id=first)
    stack.wait("amojo.message", text="waits")


def test_a_worker_that_is_stopped_says_goodbye(stack):
    wait_for(lambda: stack.peer("egress-0"), "the worker")
    stack["egress-0"].stop()
    stack["core"].wait_line("what=peer.left role=egress name=egress-0 under_way=0")
    assert stack.peer("egress-0") is None
    assert not any("what=peer.silent" in line for line in stack["core"].lines)
    done = stack.operator("connector", "test", "svc")
    assert done.returncode == 3 and "no worker is connected: is an egress running?" in done.stderr
    stack.start("egress-0")
    assert stack.amoctl("connector", "test", "svc")["outcome"] == "done"


LANES, EACH = 20, 5


@pytest.mark.parametrize("name", ["core", "ingress", "egress-0"])
def test_sigterm_in_the_middle_of_200_messages_loses_nothing(stack, name):
    chats, inbound, hooks = [], [], []
    for c in range(LANES):
        stack.client_writes(f"hello-{c}", conversation=f"7900{c:07d}")
        inbound.append((f"7900{c:07d}", f"hello-{c}"))
    stack.wait("amojo.messages", count=LANES)
    chats = {m["text"]: m["chat"] for m in stack.list("amojo/messages")}
    # slow enough that the signal comes while calls are under way
    for kind in ("amojo.new_message", "service.message.created"):
        stack.fault(on=kind, delay_ms=20)
    clients, managers, lanes = [], [], []
    for n in range(EACH):
        for c in range(LANES):
            lane = f"7900{c:07d}"
            clients.append({"connector": "svc", "source": "wa1", "conversation": lane, "text": f"in-{c}-{n}"})
            inbound.append((lane, f"in-{c}-{n}"))
            managers.append({"scope_id": stack.scope, "chat": chats[f"hello-{c}"], "text": f"out-{c}-{n}"})
            lanes.append((lane, f"out-{c}-{n}"))
    stack.sandbox("client/writes", clients)
    items = stack.sandbox("manager/writes", managers)["items"]
    hooks = [(lane, text, item["webhook"]) for (lane, text), item in zip(lanes, items)]
    stack.wait("amojo.messages", count=LANES + 10)
    assert stack[name].stop() == 0
    stack[name].wait_line("what=stopped|what=stopping|what=draining|what=end")
    stack.start(name)
    stack.wait("amojo.messages", count=len(inbound))
    stack.settle()
    answers = {w["webhook"]: w["status"] for w in stack.list("webhooks")}
    outbound = [(lane, text, answers[hook] == 200) for lane, text, hook in hooks]
    assert check(inbound, outbound, stack.list("amojo/messages"), stack.list("service/messages")) == []
    if name != "ingress":
        assert all(ok for _, _, ok in outbound)
    assert stack.control("dead.list") == [] and stack.control("quarantine.list") == []


def starts(stack, like, **env):
    """A second process beside a running one: its exit code and words."""
    process = stack[like]
    done = run(*process.args, env={**process.env, **env}, timeout=20, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout


@pytest.mark.parametrize("name", ["core", "ingress", "egress-0"])
def test_a_second_process_of_the_same_name_refuses_to_start(stack, name):
    free = {"AMO_INGRESS_LISTEN": "127.0.0.1:0"} if name == "ingress" else {}
    code, words = starts(stack, name, **free)
    assert code == 1 and "another process named" in words and os.path.basename(name) in words
    assert stack.wait("amojo.message", text=stack.meet("still-served")["text"])  # and the first one lives


def test_a_second_core_on_the_same_store_refuses(stack):
    code, words = starts(stack, "core", AMO_NAME="core-2")
    assert code in (1, 75) and "what=ready" not in words and words.strip()
    # nor with sockets and locks elsewhere
    code, words = starts(stack, "core", AMO_NAME="core-2", AMO_RUN_DIR=str(stack.dir / "run-2"))
    assert code in (1, 75) and "what=ready" not in words
    stack.meet()


def test_a_second_ingress_on_the_same_spool_refuses(stack):
    code, words = starts(stack, "ingress", AMO_NAME="ingress-2", AMO_INGRESS_LISTEN="127.0.0.1:0")
    assert code != 0 and "what=ready" not in words
    stack.meet()


def test_two_ingresses_of_two_names_share_the_port(stack):
    stack.add("ingress-2", ["amo-ingress"], {"AMO_NAME": "ingress-2", "AMO_INGRESS_ADMIN_LISTEN": "127.0.0.1:0",
                                             "AMO_INGRESS_SPOOL": str(stack.dir / "spool-2"),
                                             "AMO_INGRESS_LISTEN": f"127.0.0.1:{stack.port}"})
    stack.start("ingress-2")
    stack["ingress-2"].wait_line(r"what=registry.new version=[1-9]")
    for n in range(40):  # each on a connection of its own
        assert stack.service_call("messages", {"id": f"m-{n}", "source": "wa1", "conversation": {"id": f"c{n}"},
                                               "sender": {"id": f"c{n}"}, "type": "text", "text": f"t-{n}"})[0] == 202
    stack.wait("amojo.messages", count=40)
    took = [stack.figure(name, "amo_flushed_events_total") for name in ("ingress", "ingress-2")]
    assert sum(took) == 40 and min(took) > 0
