"""Which attempt may still be under way: frozen processes, late answers, frames that lay in a socket."""
import signal
import time

import pytest

from stack import QUICK, Stack, wait_for

SHORT = {**QUICK, "AMO_CORE_LEASE_MS": "3000", "AMO_EGRESS_ATTEMPT_MS": "2000"}


def signal_to(stack, name, what):
    stack[name].signal(what)


def edits(stack):
    return [j for j in stack.journal(side="amojo", kind="edit_message")]


def amo_in_flight(stack):
    return stack.metrics("core").get('amo_commands{state="in_flight",target="amojo"}')


def edit(stack, about, text):
    stack.sandbox("client/edits", {"connector": "svc", "id": about["id"], "text": text, "conversation": "79005550101"})


def test_a_late_done_lets_no_edit_overtake_the_attempt_that_is_under_way():
    with Stack(workers=2, env=SHORT) as stack:
        for name in ("sandbox", "core", "ingress", "egress-0"):
            stack.start(name)
        stack.register(report="none")
        about = stack.client_writes("the message")
        stack.wait("amojo.message", text="the message")
        stack.settle()
        # the first edit is answered while core is away: its worker keeps the result, and freezes
        stack.fault(on="amojo.edit_message", delay_ms=400, times=1)
        edit(stack, about, "first edit")
        wait_for(lambda: edits(stack), "the first edit")
        stack["core"].kill()
        stack["egress-0"].wait_line(r"what=core.lost")
        signal_to(stack, "egress-0", signal.SIGSTOP)
        # its lease over, the edit goes to another worker, and amojo is slow
        stack.fault(on="amojo.edit_message", delay_before_ms=1500, times=1)
        stack.start("core")
        stack.start("egress-1")
        wait_for(lambda: stack.peer("egress-1"), "the second worker")
        wait_for(lambda: amo_in_flight(stack), "the second attempt", 20)
        edit(stack, about, "second edit")
        signal_to(stack, "egress-0", signal.SIGCONT)  # and the first says: done
        wait_for(lambda: stack.sandbox("counters")["amojo.edits"] == 3, "the effect of all three calls", 20)
        assert [m["text"] for m in stack.list("amojo/messages")] == ["second edit"]
        stack.settle()
        assert stack.control("dead.list") == []


@pytest.mark.parametrize("role", ["egress", "ingress"])
def test_a_second_process_of_a_name_is_refused_wherever_its_folders_are(role):
    with Stack() as stack:
        stack.up()
        first = "egress-0" if role == "egress" else "ingress"
        own = stack.dir / "elsewhere"
        env = {"AMO_RUN_DIR": str(own / "run"), "AMO_DATA_DIR": str(own / "data"), "AMO_NAME": stack.peer(first)["name"],
               "AMO_BUS_EVENTS": f"ipc://{stack.dir}/run/events", "AMO_BUS_COMMANDS": f"ipc://{stack.dir}/run/commands",
               f"AMO_{role.upper()}_ADMIN_LISTEN": "127.0.0.1:0"}
        if role == "ingress":
            env["AMO_INGRESS_LISTEN"] = "127.0.0.1:0"
        (own / "run").mkdir(parents=True)
        (own / "data").mkdir()
        stack.add("second", [f"amo-{role}"], env)
        stack["second"].start()
        stack["second"].wait_line(r"level=warn .*what=core.refused reason=\S*name_is_alive")
        stack["second"].wait_line(r"level=error .*what=core.refused reason=\S*name_is_alive")  # it does not pass
        for n in range(20):
            stack.client_writes(f"undisturbed-{n}", conversation=f"7900555070{n % 5}")
        for n in range(20):
            stack.wait("amojo.message", text=f"undisturbed-{n}", timeout=5)
        assert not any("worker.lost" in line or "what=core.lost" in line
                       for name in ("core", first) for line in stack[name].lines)
        assert all(m["repeats"] == 0 for m in stack.list("amojo/messages"))
        # a restart gets in
        stack["second"].kill()
        began = time.monotonic()
        stack.start_over(first)
        stack[first].wait_line(r"what=core.welcome")
        assert time.monotonic() - began < 5
        stack.client_writes("after-the-restart", conversation="79005550709")
        stack.wait("amojo.message", text="after-the-restart", timeout=5)


def test_a_quick_restart_that_is_refused_for_a_second_is_no_error():
    with Stack() as stack:
        stack.up()
        for role in "ingress", "egress-0":
            process = stack[role]

            def refused():
                process.kill()
                process.start()
                process.wait_line(r"what=core.welcome")
                return any("what=core.refused" in line for line in process.lines[process.seen:])

            wait_for(refused, "a restart while core still heard the one before")
            assert not any("level=error" in line for line in process.lines[process.seen:])
