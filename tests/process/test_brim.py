"""A spool that is full, and what a process needs when it has nothing to do."""
import socket

import pytest

from stack import QUICK, Stack, http, wait_for


def refused(port):
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
        return False
    except ConnectionRefusedError:
        return True


def fill_up(stack, chat):
    """A manager writes until the door closes: amojo sends each webhook once, so what was not taken is gone."""
    for n in range(60):
        if refused(stack.port):
            return
        number = stack.manager_writes(f"words-{n}-" + "x" * 20000, chat)["webhook"]
        stack.wait("webhook", webhook=number)
    raise AssertionError("the door stays open")


def retry_after(stack):
    """What a service over its share of the spool hears; while core takes what is there, it is a second."""
    message = {"id": "over", "source": "wa1", "conversation": {"id": "79005559999"}, "sender": {"id": "79005559999"},
               "type": "text", "text": "x" * 20000}
    status, body, headers = stack.call("POST", "messages", message)
    assert (status, body["error"]["code"]) == (503, "spool_share")
    return headers["Retry-After"]


def test_a_full_spool_closes_the_door_says_why_and_opens_again():
    with Stack(env={**QUICK, "AMO_INGRESS_SPOOL_MAX_BYTES": "512KiB"}) as stack:
        stack.up()
        chat = stack.meet()["chat"]
        stack["core"].kill()
        stack["ingress"].wait_line(r"what=core\.lost")
        for n in range(40):
            stack.client_writes(f"large-{n}-" + "x" * 20000, conversation=f"7900555{n % 8:04d}")
        wait_for(lambda: stack.figure("ingress", "amo_over_share_total"), "the service to have its share")
        assert not refused(stack.port) and ready(stack)[0] == 200   # the rest is amojo's
        assert retry_after(stack) == "10"
        fill_up(stack, chat)

        def ready_words():
            status, body, _ = http("GET", f"http://127.0.0.1:{stack.admin('ingress')}/readyz")
            return status, str(body)

        status, words = ready_words()
        assert status == 503 and "spool" in words and "full" in words
        before = stack.sandbox("counters")
        assert 3 <= before["client.accepted"] - 1 <= 8
        stack.start("core")
        wait_for(lambda: ready_words()[0] == 200, "ingress to accept")
        stack.wait("client.accepted", count=41)  # the service repeats what was not taken
        stack.wait("amojo.messages", count=41)
        stack.settle()
        got = stack.list("amojo/messages")
        assert all(m["effects"] == 1 for m in got)
        for lane in range(8):
            texts = [m["text"].split("-x")[0] for m in got if m["conversation_id"] == f"svc-wa1-7900555{lane:04d}"]
            assert texts == [f"large-{n}" for n in range(lane, 40, 8)]
        assert stack.sandbox("counters")["client.failed"] == 0


def private_kib(process):
    with open(f"/proc/{process.pid}/status", encoding="ascii") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon:"))


def is_sanitized(process):
    with open(f"/proc/{process.pid}/maps", encoding="utf-8") as maps:
        text = maps.read()
    return any(name in text for name in ("libasan", "libtsan", "libubsan", "libmsan"))


def test_an_idle_process_needs_little_memory_of_its_own():
    with Stack(env=QUICK) as stack:
        stack.up()
        if is_sanitized(stack["core"]):
            pytest.skip("a sanitizer keeps memory of its own")
        met = stack.meet()
        written = stack.manager_writes("hello-back", met["chat"])
        stack.wait("status", id=written["id"], status=2)
        stack.settle()
        for name in ("core", "ingress", "egress-0"):
            assert private_kib(stack[name]) <= 8 * 1024, name


def test_waiting_messages_cost_core_little_memory():
    with Stack(env=QUICK) as stack:
        stack.up()
        if is_sanitized(stack["core"]):
            pytest.skip("a sanitizer keeps memory of its own")
        stack.meet()
        assert stack["egress-0"].stop() == 0
        before = private_kib(stack["core"])
        stack.sandbox("client/writes", {"count": 5000, "spread": 500, "connector": "svc", "source": "wa1",
                                        "conversation": "7900{c}", "text": "message {n} " + "x" * 500})
        wait_for(lambda: stack.control("status")["commands"] == 5000, "the queue to fill")
        # 100,000 are to fit into 64 MiB; the cache of the store is in here, too
        assert private_kib(stack["core"]) - before <= 8 * 1024


BOUND = 8


def ready(stack):
    status, body, _ = http("GET", f"http://127.0.0.1:{stack.admin('ingress')}/readyz")
    return status, str(body)


def texts_of(stack, phone):
    return [m["text"].split("-x")[0] for m in stack.list("amojo/messages")
            if m["conversation_id"] == f"svc-wa1-{phone}"]


def test_a_full_queue_leaves_events_in_the_spool_and_operators_their_verbs():
    with Stack(env={**QUICK, "AMO_CORE_COMMANDS_MAX": str(BOUND)}) as stack:
        stack.up()
        met = stack.meet()
        stack.settle()
        assert stack["egress-0"].stop() == 0
        for n in range(30):
            stack.client_writes(f"in-{n}", conversation=f"7900555{n % 5:04d}")
        stack["core"].wait_line(r"what=queue\.full")
        stack["ingress"].wait_line(r"what=core\.full")
        for n in range(3):
            stack.manager_writes(f"out-{n}", met["chat"])
        stack.wait("client.accepted", count=31)  # ingress goes on accepting
        stack.wait("webhooks.ok", count=3)
        assert stack.control("status")["commands"] == BOUND
        assert stack.figure("core", "amo_queue_full") == 1
        wait_for(lambda: stack.figure("ingress", "amo_spool_events") == 33 - BOUND, "the rest to stay in the spool")
        assert ready(stack) == (200, ready(stack)[1]) and "core has no room" in ready(stack)[1]
        checks = {c["check"]: c for c in stack.control("doctor")["checks"]}
        assert checks["queue"]["state"] == "red" and "stay in the spools" in checks["queue"]["words"]
        # a start with a full queue, and what an operator does meanwhile
        stack.start_over("core")
        stack["core"].wait_line(r"what=queue\.full")
        stack.control("account.pause", scope_id=stack.scope)
        assert stack.account()["paused"]
        stack.control("account.resume", scope_id=stack.scope)
        before = stack.control("status")["commands"]
        stack.start("egress-0")
        stack["core"].wait_line(r"what=queue\.room")
        stack.wait("amojo.messages", count=31)
        stack.settle()
        assert before == BOUND
        assert all(m["effects"] == 1 for m in stack.list("amojo/messages"))
        for lane in range(5):
            assert texts_of(stack, f"7900555{lane:04d}") == [f"in-{n}" for n in range(lane, 30, 5)]
        assert [m["text"] for m in stack.list("service/messages")] == [f"out-{n}" for n in range(3)]
        assert stack.figure("core", "amo_queue_full") == 0
        assert "core has no room" not in ready(stack)[1]
        assert stack.control("status")["dead_letters"] == stack.control("status")["quarantine"] == 0


def test_behind_a_full_queue_the_spool_fills_up_and_closes_the_door():
    with Stack(env={**QUICK, "AMO_CORE_COMMANDS_MAX": str(BOUND), "AMO_INGRESS_SPOOL_MAX_BYTES": "512KiB"}) as stack:
        stack.up()
        chat = stack.meet()["chat"]
        stack.settle()
        assert stack["egress-0"].stop() == 0
        for n in range(40):
            stack.client_writes(f"large-{n}-" + "x" * 20000, conversation=f"7900555{n % 8:04d}")
        wait_for(lambda: stack.figure("ingress", "amo_over_share_total"), "the service to have its share")
        assert not refused(stack.port) and ready(stack)[0] == 200
        fill_up(stack, chat)
        assert ready(stack)[0] == 503
        core = stack.control("status")  # one account's managers have a share of the queue, and then what may be set aside
        assert core["commands"] == BOUND or core["set_aside"] == 4 * BOUND, (core["commands"], core["set_aside"])
        stack.start("egress-0")
        stack.wait("client.accepted", count=41)  # the service repeats what was not taken
        stack.wait("amojo.messages", count=41)
        stack.settle()
        assert all(m["effects"] == 1 for m in stack.list("amojo/messages"))
        for lane in range(8):
            assert texts_of(stack, f"7900555{lane:04d}") == [f"large-{n}" for n in range(lane, 40, 8)]


def test_two_ingresses_share_the_room_that_there_is():
    with Stack(env={**QUICK, "AMO_CORE_COMMANDS_MAX": str(BOUND)}) as stack:
        stack.add("second", ["amo-ingress"], {"AMO_NAME": "second", "AMO_INGRESS_ADMIN_LISTEN": "127.0.0.1:0",
                                              "AMO_INGRESS_SPOOL": f"{stack.dir}/data/second"})
        stack.up()
        stack.meet()
        stack.settle()
        second = stack["second"]
        second.env["AMO_INGRESS_LISTEN"] = "127.0.0.1:0"
        stack.start("second")
        port = int(second.wait_line(r"what=ready .*listen=\S+:(\d+)").group(1))
        wait_for(lambda: stack.peer("second"), "the second ingress")
        head = {"Authorization": f"Bearer {stack.svc['token']}", "Content-Type": "application/json"}
        assert stack["egress-0"].stop() == 0
        for n in range(40):
            if n % 2:
                phone = f"7900555{n % 4:04d}"
                body = {"id": f"second-{n}", "source": "wa1", "conversation": {"id": phone},
                        "sender": {"id": phone, "name": "Client", "phone": phone}, "type": "text", "text": f"in-{n}"}
                assert http("POST", f"http://127.0.0.1:{port}/v1/connectors/svc/messages", body, head)[0] == 202
            else:
                stack.client_writes(f"in-{n}", conversation=f"7900555{n % 4:04d}")
        for name in ("ingress", "second"):
            stack[name].wait_line(r"what=core\.full")
        stack.start("egress-0")
        stack.wait("amojo.messages", count=41)
        stack.settle()
        wait_for(lambda: stack.figure("second", "amo_spool_events") == 0, "an empty second spool")
        assert all(m["effects"] == 1 for m in stack.list("amojo/messages"))
        for lane in range(4):
            assert texts_of(stack, f"7900555{lane:04d}") == [f"in-{n}" for n in range(lane, 40, 4)]
