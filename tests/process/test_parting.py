"""A copy of core's store is put back, and a number or an account moves before it is known again what was done: what the
old account has does not go to the new one, too."""
import uuid

import pytest

from stack import QUICK, Stack, wait_for
from test_moves import Office, account_of
from test_store_back import copy_store, put_back

WHO = "79005550101"


@pytest.fixture
def stack():
    with Stack(env={**QUICK, "AMO_CORE_LOOKS_MS": "400"}) as s:
        s.up(register=False)
        yield s


def forgotten(stack, o, queued=False):
    """Two messages that amo has wait in a store that does not know it; a third one amo does not have."""
    if queued:  # the copy has the first one, and knows of no attempt
        stack["egress-0"].kill()
        assert o.post(WHO, text="done-0", ident="done-0")[0] == 202
        wait_for(lambda: stack.control("status")["commands"] == 1, "it in the queue")
        copy_store(stack)
        stack.start("egress-0")
    else:
        copy_store(stack)
        assert o.post(WHO, text="done-0", ident="done-0")[0] == 202
    assert o.post(WHO, text="done-1", ident="done-1")[0] == 202
    stack.wait("amojo.message", text="done-1")
    stack.settle()
    stack["egress-0"].kill()
    stack["core"].kill()
    assert o.post(WHO, text="to-come", ident="to-come")[0] == 202


def load(stack, restart=()):
    if "ingress" in restart:
        stack.start_over("ingress")
    put_back(stack)
    stack["core"].wait_line(r"what=store.put_back")
    wait_for(lambda: stack.control("status")["commands"] >= 3, "what comes again")
    if "core" in restart:
        stack.start_over("core")
        wait_for(lambda: any(p["name"] == "ingress" for p in stack.control("status")["peers"]), "ingress")


def states(stack, o, names):
    wait_for(lambda: stack.control("status")["commands"] == 0, "an empty queue")
    stack.settle()
    return [stack.control("trace", id=f"{o.name}-{n}")["message"]["state"] for n in names]


@pytest.mark.parametrize("restart, queued", [((), False), (("ingress",), False), (("core",), False), ((), True)])
def test_what_a_forgotten_core_has_done_is_found_at_the_old_company(stack, restart, queued):
    o = Office(stack, accounts=2)
    a, b = o.scopes
    o.source("wa1", a)
    o.source("wa2", b)
    o.says("met", WHO)
    stack.settle()
    forgotten(stack, o, queued)
    load(stack, restart)
    o.source("wa1", b, "--move")
    stack.start("egress-0")
    assert states(stack, o, ("done-0", "done-1", "to-come")) == ["delivered_to_amo"] * 3
    assert o.texts(a) == ["met", "done-0", "done-1"] and o.texts(b) == ["to-come"]
    assert stack.control("dead.list") == []


def test_what_a_forgotten_core_may_have_done_in_a_channel_that_was_left_is_told(stack):
    o = Office(stack)
    o.says("met", WHO)
    stack.settle()
    forgotten(stack, o)
    load(stack, ("core",))
    stack.amoctl("account", "disconnect", o.first, "--no-call")
    stack.start("egress-0")
    new = o.connect(account=account_of(o.first), channel=o.add_channel())
    assert states(stack, o, ("done-0", "done-1")) == ["failed"] * 2
    assert {d["reason"] for d in stack.control("dead.list") if d["kind"] == "amo.message"} == {"unclear"}
    assert not set(o.texts(new)) & {"done-0", "done-1"}
    for n in range(2):
        assert stack.wait("service.event", type="delivery.failed", text=f"{o.name}-done-{n}")["item"]["data"]["code"] == "unclear"


def test_after_a_plain_restart_nothing_is_unclear(stack):
    """What came while core was away, and an account that comes back by another channel: all of it goes along."""
    o = Office(stack)
    o.says("met", WHO)
    stack.settle()
    stack["egress-0"].kill()
    assert o.post(WHO, text="before", ident="before")[0] == 202
    wait_for(lambda: stack.control("status")["commands"] == 1, "it in the queue")
    stack["core"].kill()
    for n in range(2):
        assert o.post(WHO, text=f"while-{n}", ident=f"while-{n}")[0] == 202
    stack.start("core")
    wait_for(lambda: stack.control("status")["commands"] == 3, "all in the queue")
    stack.amoctl("account", "disconnect", o.first, "--no-call")
    stack.start("egress-0")
    new = o.connect(account=account_of(o.first), channel=o.add_channel())
    assert states(stack, o, ("before", "while-0", "while-1")) == ["delivered_to_amo"] * 3
    assert o.texts(new) == ["before", "while-0", "while-1"]


def test_no_number_moves_while_core_learns_what_its_store_has_forgotten(stack):
    """A manager's words that have arrived would be taken for somebody else's; so the order waits until they are known."""
    o = Office(stack, accounts=2)
    a, b = o.scopes
    o.source("wa1", a)
    o.source("wa2", b)
    o.says("met", WHO)
    stack.settle()
    stack["ingress"].kill()
    stack.start_over("core")
    refused = o.source("wa1", b, "--move", code=1)
    assert "has just started" in refused and "ingress ingress" in refused and "is not back" in refused
    assert "has just started" in stack.amoctl("source", "remove", "--connector", o.name, "--source", "wa1", code=1)
    assert "has just started" in o.source("wa2", a, "--move", code=1)  # whatever was written there may be forgotten
    assert o.source("wa3", a)["moves"] == 0
    assert o.source("wa1", b, "--move", "--dry-run")["moves"] == 1
    stack.start("ingress")
    wait_for(lambda: any(p["name"] == "ingress" for p in stack.control("status")["peers"]), "ingress")
    assert o.source("wa1", b, "--move")["moves"] == 1


def comes_again(stack, core_dies):
    """The store is put back while nobody can be called; what comes again waits."""
    stack.settle()
    stack["egress-0"].kill()
    put_back(stack)
    stack["core"].wait_line(r"what=store.put_back")
    wait_for(lambda: stack.control("status")["waiting_events"], "an event that may be an echo")
    if core_dies:
        stack.start_over("core")
        wait_for(lambda: any(p["name"] == "ingress" for p in stack.control("status")["peers"]), "ingress")


def colleague(o, text, author=None, ident=None):
    assert o.stack.call("POST", "messages", {
        "id": ident or text, "source": "wa1", "direction": "out", "conversation": {"id": WHO}, "sender": {"id": "operator"},
        "receiver": {"id": WHO}, "author": author, "type": "text", "text": text},
                        connector=o.name, token=o.svc["token"])[0] == 202


@pytest.mark.parametrize("core_dies", [False, True])
@pytest.mark.parametrize("back", [False, True])
def test_a_colleagues_words_that_wait_when_the_number_goes_are_found_at_the_old_company(stack, core_dies, back):
    """They may be a manager's, which come again before them: that ends with the move, and then they are applied. So
    are a client's, which wait behind them."""
    o = Office(stack, accounts=2)
    a, b = o.scopes
    o.source("wa1", a)
    o.source("wa2", b)
    met = o.says("met", WHO)
    stack.settle()
    copy_store(stack)
    o.answers("words", met)
    stack.wait("service.message", text="words")
    stack.settle()
    colleague(o, "a-colleague")
    stack.wait("amojo.message", text="a-colleague")
    assert o.post(WHO, text="an-answer", ident="an-answer")[0] == 202
    stack.wait("amojo.message", text="an-answer")
    comes_again(stack, core_dies)
    o.source("wa1", b, "--move")
    if back:
        wait_for(lambda: stack.control("status")["waiting_events"] == 0, "nothing to wait")
        o.source("wa1", a, "--move")
    stack.start("egress-0")
    assert states(stack, o, ["a-colleague", "an-answer"]) == ["delivered_to_amo"] * 2
    assert o.texts(a) == ["met", "a-colleague", "an-answer"] and o.texts(b) == []


@pytest.mark.parametrize("core_dies", [False, True])
def test_a_managers_words_that_wait_when_the_number_goes_are_told_as_perhaps_at_the_client(stack, core_dies):
    """They may be the echo of a colleague's, which come again before them."""
    o = Office(stack, accounts=2)
    a, b = o.scopes
    o.source("wa1", a)
    o.source("wa2", b)
    met = o.says("met", WHO)
    stack.sandbox("connectors", {"name": o.name, "report": "none"})  # else the card would say that it was read
    stack.settle()
    copy_store(stack)
    colleague(o, "a-colleague")
    stack.wait("amojo.message", text="a-colleague")
    words = o.answers("words", met)
    stack.wait("service.message", text="words")
    comes_again(stack, core_dies)
    o.source("wa1", b, "--move")
    stack.start("egress-0")
    assert states(stack, o, ["a-colleague"]) == ["delivered_to_amo"]
    o.told(words)
    assert [(d["kind"], d["reason"]) for d in stack.control("dead.list")] == [("service.message", "unclear")]
    assert o.quarantined() == [] and o.sent() == ["words"]
    assert o.texts(a) == ["met", "a-colleague"] and o.texts(b) == []


@pytest.mark.parametrize("core_dies, known", [(False, True), (True, True), (False, False)])
def test_a_managers_words_that_wait_when_the_account_comes_back_by_another_channel_go_along(stack, core_dies, known):
    """They may be the echo of a colleague's, which come again before them. Their service has them, and reports them:
    that is no word of a colleague's, of which the service would be told that it failed. Whether the store knows their
    chat or has forgotten it."""
    o = Office(stack)
    o.source("wa1", o.first)
    if not known:
        copy_store(stack)
    met = o.says("met", WHO)
    stack.sandbox("connectors", {"name": o.name, "report": "none"})
    stack.settle()
    if known:
        copy_store(stack)
    colleague(o, "a-colleague")
    stack.wait("amojo.message", text="a-colleague")
    o.answers("words", met)
    colleague(o, "words", ident=stack.wait("service.message", text="words")["item"]["service_id"])
    stack.settle()
    assert o.post(WHO, text="an-answer", ident="an-answer")[0] == 202
    stack.wait("amojo.message", text="an-answer")
    comes_again(stack, core_dies)
    wait_for(lambda: stack.control("status")["waiting_events"] == 3, "all that comes again")
    stack.amoctl("account", "disconnect", o.first, "--no-call")
    stack.start("egress-0")
    back = o.connect(account=account_of(o.first), channel=o.add_channel())
    o.source("wa1", back, "--move")
    states(stack, o, ["a-colleague"])
    wait_for(lambda: stack.control("status")["waiting_events"] == 0, "nothing to wait")
    stack.settle()
    assert o.sent() == ["words"] and o.quarantined() == []
    assert "words" not in o.texts(back)
    dead = [d["kind"] for d in stack.control("dead.list")]  # amo could not be asked for what it has
    assert sorted(dead) == ["amo.message"] * (1 if known else 2) + ["amo.outgoing"]


def test_a_managers_words_that_a_forgotten_core_sent_are_not_called_undelivered_when_nobody_has_the_number(stack):
    o = Office(stack, accounts=2)
    a, b = o.scopes
    o.source("wa1", a)
    o.source("wa2", b)
    met = o.says("met", WHO)
    stack.sandbox("connectors", {"name": o.name, "report": "none"})
    stack.settle()
    copy_store(stack)
    o.answers("words", met)
    stack.wait("service.message", text="words")
    stack.settle()
    stack["egress-0"].kill()
    put_back(stack)
    wait_for(lambda: stack.control("status")["commands"], "what comes again")
    stack.amoctl("source", "remove", "--connector", o.name, "--source", "wa1")
    wait_for(lambda: stack.control("status")["commands"] == 1, "its end")  # but for the word to the manager
    assert [(d["kind"], d["reason"]) for d in stack.control("dead.list")] == [("service.message", "unclear")]


def test_an_ingress_that_starts_again_beside_a_core_that_lives_on_stops_no_verb():
    """Its spool is large, but core has had all of it that was ever sent: nothing is to be learnt from it."""
    with Stack(env={**QUICK, "AMO_CORE_COMMANDS_MAX": "4"}) as stack:
        stack.up(register=False)
        o = Office(stack, accounts=2)
        a, b = o.scopes
        o.source("wa1", a)
        o.source("wa2", b)
        o.says("met", WHO)
        stack.settle()
        assert stack["egress-0"].stop() == 0
        for n in range(20):
            assert o.post(WHO, text=f"in-{n}")[0] == 202
        stack["ingress"].wait_line(r"what=core\.full")
        stack.start_over("ingress")
        stack["ingress"].wait_line(r"what=core\.full")
        assert o.source("wa1", b, "--move")["moves"] == 1
        # another core may have had them, for all that this one knows
        heard = len(stack["ingress"].lines)
        stack.start_over("core")
        stack["ingress"].wait_line(r"what=core\.welcome", since=heard)
        refused = o.source("wa1", a, "--move", code=1)
        assert "has still to send again 16 of the" in refused and "when its queue has room" in refused
        stack.start("egress-0")
        stack.settle()
        assert o.texts(b) == [f"in-{n}" for n in range(20)]
        assert o.source("wa1", a, "--move")["moves"] == 1


def test_the_echo_of_a_colleagues_words_that_the_old_company_cannot_be_asked_for_is_no_managers(stack):
    user = str(uuid.uuid4())
    o = Office(stack, accounts=2)
    a, b = o.scopes
    o.source("wa1", a)
    o.source("wa2", b)
    stack.sandbox("channels", {"id": o.channel, "users": [user]})
    stack.sandbox("settings", {"echo": True}, method="PATCH")
    o.says("met", WHO)
    stack.settle()
    copy_store(stack)
    colleague(o, "a-colleague", author={"amo_user": user})
    stack.wait("amojo.message", text="a-colleague")
    comes_again(stack, core_dies=False)
    stack.control("account.pause", scope_id=a)
    o.source("wa1", b, "--move")
    wait_for(lambda: stack.control("status")["waiting_events"] == 0, "nothing to wait")
    stack.control("account.resume", scope_id=a)
    stack.start("egress-0")
    stack.settle()
    assert [(d["kind"], d["reason"]) for d in stack.control("dead.list")] == [("amo.outgoing", "unclear")]
    assert o.quarantined() == [] and stack.list("amojo/statuses") == []
    assert o.texts(a) == ["met", "a-colleague"] and o.texts(b) == []
