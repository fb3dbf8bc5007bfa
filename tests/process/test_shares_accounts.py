"""One service, two accounts: what waits for one of them, which is paused, costs the other's clients nothing."""
import shutil
import threading
import time

import pytest

from accounts import Quiet, another_account, message, over
from kit import DEADLINE, http
from stack import Stack, wait_for

# a share that one account alone fills with 500 messages; no rate, so that what is late is late for another reason
SMALL = {"AMO_SHARE_COMMANDS": "1000", "AMO_SHARE_PERCENT": "1", "AMO_SCOPE_RATE": "0", "AMO_CORE_COMMANDS_MAX": "100000",
         "AMO_SHARE_QUARANTINE": "40"}


@pytest.fixture
def stack():
    with Stack(env=SMALL) as s:
        s.up()
        s.control("source.add", connector="svc", source="wa1", scope_id=s.scope)
        s.second = another_account(s, "wa2")
        yield s


class Loud(threading.Thread):
    """A service that sends what its three clients of the first account write, one after the other, and what was refused again
    until it is taken."""

    def __init__(self, stack):
        super().__init__(daemon=True)
        self.stack, self.taken, self.refused, self.others, self.stopping = stack, [], [], [], threading.Event()
        self.start()

    def run(self):
        n = 0
        while not self.stopping.is_set():
            text = f"loud-{n:05}"
            try:
                status, answer, headers = self.stack.call("POST", "messages", message("wa1", text, text, f"7900555018{n % 3}"))
            except OSError as e:  # ingress was killed
                status, answer, headers = type(e).__name__, None, {}
            if status in (200, 202):
                self.taken.append(text)
                n += 1
                time.sleep(0.002)  # an ingress that is new takes what comes until core has told it, which is up to a second
            elif status == 429:
                self.refused.append((answer["error"], int(headers["Retry-After"])))
                time.sleep(0.02)
            else:
                self.others.append(status)
                time.sleep(0.02)

    def until_refused(self):
        before = len(self.refused)
        return wait_for(lambda: self.refused[before:], "429")

    def end(self):
        self.stopping.set()
        self.join(DEADLINE)


def takes_nothing(stack, how):
    """The first account, from now on."""
    if how == "paused":
        stack.control("account.pause", scope_id=stack.scope)
    else:
        stack.fault(on="amojo.new_message", match=stack.scope, status=503)


def takes_all(stack, how):
    stack.clear_faults()
    stack.control("account.resume", scope_id=stack.scope)


def second_ingress(stack):
    """A call of the connector's API by way of an ingress that has just come."""
    stack.add("ingress-2", ["amo-ingress"], {"AMO_NAME": "ingress-2", "AMO_INGRESS_LISTEN": "127.0.0.1:0",
                                                 "AMO_INGRESS_SPOOL": f"{stack.dir}/data/ingress-2/spool.db"})
    stack.start("ingress-2")
    stack["ingress-2"].wait_line(r"what=registry.new version=[1-9]")
    port = int(stack["ingress-2"].wait_line(r"what=ready .*listen=\S+:(\d+)").group(1))
    head = {"Authorization": f"Bearer {stack.svc['token']}", "Content-Type": "application/json"}
    return lambda body: http("POST", f"http://127.0.0.1:{port}/v1/connectors/svc/messages", body, head)


@pytest.mark.parametrize("how", ["paused", "held"])
def test_an_account_that_takes_nothing_is_no_burden_to_the_other(stack, how):
    quiet, met = Quiet(stack, stack.second, "wa2"), stack.meet()
    quiet.write(3)
    calm = quiet.write()
    takes_nothing(stack, how)
    loud = Loud(stack)
    error, retry_s = loud.until_refused()[0]
    assert error["code"] == "over_share" and error["field"] == "source" and stack.scope in error["message"]
    assert 1 <= retry_s <= 60
    beside = quiet.write()
    assert beside[len(beside) // 2] <= 3 * calm[len(calm) // 2] + 20, (calm, beside)
    assert over(stack) == [(stack.scope, "queue")]
    assert not any(s["over_since"] for s in stack.control("connector.show", name="svc")["shares"])
    assert stack.figure("core", "amo_account_shares_over") == 1
    # a next life of each knows it again
    for name in ("core", "ingress"):
        stack.start_over(name)
        loud.until_refused()
        quiet.write(5)
    other_way = second_ingress(stack)
    assert wait_for(lambda: (a := other_way(message("wa1", "by-2", "by-2")))[0] == 429 and a, "429 there, too")
    assert other_way(message("wa2", "by-2-quiet", "by-2-quiet"))[0] == 202
    # edits name no source, and are taken: nobody knows whom they are for before core has them
    assert stack.call("PATCH", "messages/quiet-1", {"text": "mended"})[0] == 202
    # that account's manager writes: amo sends once, and is not refused
    stack.manager_writes("good day", met["chat"])
    wait_for(lambda: stack.control("account.show", scope_id=stack.scope)["own"][0]["used"] or how == "held", "the command of its own")
    takes_all(stack, how)
    wait_for(lambda n=len(loud.taken): len(loud.taken) > n + 20, "the loud one to be heard again")
    loud.end()
    assert set(loud.others) <= {"ConnectionRefusedError", "ConnectionResetError", "RemoteDisconnected", 503}, set(loud.others)
    stack.wait("service.message", text="good day")
    stack.settle()
    counters = stack.sandbox("counters")
    assert not counters.get("webhooks.failed") and not counters.get("webhooks.refused"), counters
    came = stack.list(f"amojo/messages?scope={stack.scope}")
    for client in range(3):  # each client's in the order in which they were taken, and once
        sent = [t for t in loud.taken if int(t[-5:]) % 3 == client]
        assert [m["text"] for m in came if m["text"] in set(sent)] == sent
    assert {m["effects"] for m in came} == {1} and over(stack) == []


def test_what_lies_in_quarantine_for_one_account_is_not_held_against_the_other(stack):
    idents = [f"known-{n}" for n in range(60)]
    for ident in idents:
        assert stack.call("POST", "messages", message("wa1", ident, ident))[0] == 202
    stack.settle()
    # an ingress that knows nothing of them: the same ids in another conversation are for a person to look at
    stack["ingress"].kill()
    shutil.rmtree(stack.dir / "data" / "ingress")
    stack.start("ingress")
    wait_for(lambda: stack.call("POST", "typing", message("wa1", "x", "x"))[0] != 503, "the registry")
    for ident in idents:
        again = stack.call("POST", "messages", message("wa1", ident, "another", "79005550172"))
        if again[0] == 429:
            break
        time.sleep(0.05)
    assert again[0] == 429 and again[1]["error"]["field"] == "source" and "(quarantine)" in again[1]["error"]["message"], again
    assert int(again[2]["Retry-After"]) > 60
    assert over(stack) == [(stack.scope, "quarantine")]
    assert {q["scope_id"] for q in stack.control("quarantine.list")} == {stack.scope}
    Quiet(stack, stack.second, "wa2").write(5)
    shown = stack.control("account.show", scope_id=stack.scope)
    assert next(s for s in shown["shares"] if s["share"] == "quarantine")["refused"]
