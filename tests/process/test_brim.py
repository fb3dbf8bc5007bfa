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


def test_a_full_spool_closes_the_door_says_why_and_opens_again():
    with Stack(env={**QUICK, "AMO_INGRESS_SPOOL_MAX_BYTES": "512KiB"}) as stack:
        stack.up()
        stack.meet()
        stack["core"].kill()
        for n in range(40):
            stack.client_writes(f"large-{n}-" + "x" * 20000, conversation=f"7900555{n % 8:04d}")
        wait_for(lambda: refused(stack.port), "the door to close")

        def ready():
            status, body, _ = http("GET", f"http://127.0.0.1:{stack.admin('ingress')}/readyz")
            return status, str(body)

        status, words = ready()
        assert status == 503 and "spool" in words and "full" in words
        before = stack.sandbox("counters")
        assert 15 <= before["client.accepted"] - 1 <= 27
        stack.start("core")
        wait_for(lambda: ready()[0] == 200, "the door to open")
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
