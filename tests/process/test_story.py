"""The story of one message is read by one grep: every process names its trace id in every line about it."""
import re

import pytest

from stack import QUICK, Stack, wait_for


@pytest.fixture(scope="module")
def stack():
    with Stack(env=QUICK | {"AMO_LOG_LEVEL": "debug"}) as s:
        s.up()
        yield s


def lines(stack, trace):
    """(process, what, line) of every line with the trace id, in order of time."""
    found = [(line.split()[0], name, re.search(r" what=(\S+)", line)[1], line)
             for name, process in stack.processes.items() for line in list(process.lines)
             if trace in line and " what=" in line]
    return [entry[1:] for entry in sorted(found, key=lambda entry: entry[0])]


def trace_of(stack, ident):
    return stack.control("trace", id=ident)["message"]["trace"]


def test_a_message_that_arrived_is_told_from_the_door_to_the_answer(stack):
    sent = stack.client_writes("hello")
    stack.wait("amojo.message", text="hello")
    trace = trace_of(stack, sent["id"])
    wait_for(lambda: any(what == "command.done" for _, what, _ in lines(stack, trace)), "the last line")
    told = lines(stack, trace)
    assert {process.split("-")[0] for process, _, _ in told} >= {"ingress", "core", "egress"}
    moves = [re.search(r"from=(\S+) to=(\S+) why=\"(.+)\"", line).groups()
             for _, what, line in told if what == "command.moved"]
    assert [move[:2] for move in moves] == [("QUEUED", "READY"), ("READY", "IN_FLIGHT"), ("IN_FLIGHT", "DONE")]
    assert [(f, t) for f, t in (re.search(r"from=(\S+) to=(\S+)", line).groups()
                                for _, what, line in told if what == "attempt.moved")] == [
        ("QUEUED", "RUNNING"), ("RUNNING", "KEPT"), ("KEPT", "SENT")]
    assert {what for _, what, _ in told} >= {"event.appended", "event.taken", "command.done"}


def test_the_line_of_one_that_died_names_it(stack):
    stack.fault(on="amojo.new_message", match="refuse-me", status=400, times=1,
                body={"error_description": "payload.message.text: cannot be blank"})
    sent = stack.client_writes("refuse-me")
    wait_for(lambda: stack.control("dead.list"), "its end")
    trace = trace_of(stack, sent["id"])
    dead = wait_for(lambda: [line for _, what, line in lines(stack, trace) if what == "command.dead"], "the line")
    assert "reason=refused" in dead[0]
