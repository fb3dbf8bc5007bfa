"""Who is reached is what the registry says now: numbers, accounts, channels and connectors that move."""
import json
import re
import uuid

import pytest

from kit import ROOT
from stack import QUICK, Stack, wait_for

N = iter(range(100, 1000))


@pytest.fixture(scope="module")
def stack():
    with Stack(env={**QUICK, "AMO_CORE_LOOKS_MS": "400"}) as s:
        s.up(register=False)
        yield s


class Office:
    """A connector of its own and the accounts of a channel that exchange messages with it."""

    def __init__(self, stack, accounts=1):
        self.stack, self.name = stack, f"svc{next(N)}"
        self.first = stack.register(self.name)
        self.channel, self.svc = stack.channel, stack.svc
        self.scopes = [self.first] + [self.connect() for _ in range(accounts - 1)]

    def add_channel(self):
        channel = self.stack.sandbox("channels", {
            "webhook_url": f"http://127.0.0.1:{self.stack.port}/messages/:scope_id"})["id"]
        reply = self.stack.sandbox(f"channels/{channel}/registration")
        path = self.stack.dir / "reply.json"
        path.write_text(json.dumps(reply), encoding="utf-8")
        self.stack.amoctl("channel", "add", "--reply", path, "--amojo-url", self.stack.sandbox_url)
        return channel

    def add_connector(self):
        name = f"svc{next(N)}"
        svc = self.stack.sandbox("connectors", {"name": name, "report": "read",
                                                "bridge_url": f"http://127.0.0.1:{self.stack.port}"})
        self.stack.control("connector.add", name=name, kind="http", url=f"{self.stack.sandbox_url}/mobilon/{name}",
                           allow_private=True, secret=svc["secret"], token=svc["token"])
        return name

    def connect(self, account=None, channel=None, connector=None, code=0, options=()):
        words = ("account", "connect", "--channel", channel or self.channel, "--account", account or uuid.uuid4(),
                 "--connector", connector or self.name, *options)
        answer = self.stack.amoctl(*words, code=code)
        return answer if code else answer["scope_id"]

    def changes_channel(self, *options):
        """The first account leaves and is connected again by a channel of its own; the new scope id."""
        self.stack.amoctl("account", "disconnect", self.first, *options)
        return self.connect(account=account_of(self.first), channel=self.add_channel())

    def source(self, source, scope, *options, code=0, connector=None):
        return self.stack.amoctl("source", "add", "--connector", connector or self.name, "--source", source, "--scope",
                                 scope, *options, code=code)

    def says(self, text, who, source="wa1", connector=None, **more):
        """A client's message; what amo made of it."""
        self.stack.client_writes(text, conversation=who, source=source, connector=connector or self.name, **more)
        return self.stack.wait("amojo.message", text=text)["item"]

    def answers(self, text, met, **more):
        return self.stack.manager_writes(text, met["chat"], scope_id=met["scope_id"], **more)

    def reaches(self, text, met):
        """A manager's answer that the client reads."""
        self.stack.wait("status", id=self.answers(text, met)["id"], status=2)

    def reports(self, who, text, ident="own"):
        """The service has seen this written to the client on its own side."""
        assert self.stack.call("POST", "messages", {
            "id": f"{ident}-{self.name}", "source": "wa1", "direction": "out", "conversation": {"id": who},
            "sender": {"id": "operator"}, "receiver": {"id": who}, "author": None, "type": "text", "text": text},
            connector=self.name, token=self.svc["token"])[0] == 202

    def under_way(self):
        """An attempt is in some worker's hands."""
        wait_for(lambda: any(p.get("in_flight") for p in self.stack.control("status")["peers"]), "the attempt")

    def post(self, who, source="wa1", text="hello", ident=None):
        return self.stack.call("POST", "messages", {
            "id": ident or str(uuid.uuid4()), "source": source, "conversation": {"id": who}, "type": "text",
            "text": text, "sender": {"id": who, "phone": who}}, connector=self.name, token=self.svc["token"])

    def told(self, item):
        """What the manager was told of a message, once he was told that it failed."""
        self.stack.wait("status", id=item["id"], status=-1)
        return self.stack.statuses(item["id"])

    def quarantined(self):
        return [q["reason"] for q in self.stack.control("quarantine.list") if q["scope_id"] in self.scopes]

    def texts(self, scope):
        return [m["text"] for m in self.stack.list("amojo/messages") if m["scope_id"] == scope]

    def sent(self, connector=None):
        return [m["text"] for m in self.stack.list("service/messages") if m["connector"] == (connector or self.name)]


def two_companies(stack):
    """A connector with two accounts, each with a number: it, and their scopes."""
    o = Office(stack, accounts=2)
    for source, scope in zip(("wa1", "wa2"), o.scopes):
        o.source(source, scope)
    return o, *o.scopes


def account_of(scope):
    return scope.split("_")[1]


# --- a number moves to another account ----------------------------------------------------------------

def test_a_number_that_was_given_to_another_account_takes_its_clients_with_it(stack):
    o, a, b = two_companies(stack)
    old = o.says("to-the-old-company", "79005550111")
    assert old["scope_id"] == a
    refused = o.source("wa1", b, code=1)  # not without saying so
    assert "--move" in refused and "1 conversation" in refused
    tried = o.source("wa1", b, "--dry-run")
    assert tried["moves"] == 1 and tried["dry_run"] is True
    assert o.says("still-the-old-company", "79005550111")["scope_id"] == a
    assert o.source("wa1", b, "--move")["moves"] == 1
    new = o.says("to-the-new-company", "79005550111")
    assert new["scope_id"] == b and new["chat"] != old["chat"]
    assert o.says("a-new-client", "79005550112")["scope_id"] == b
    # neither do the old company's managers write from it any more
    assert o.told(o.answers("from-the-old-company", old)) == [(-1, 905)]
    o.reaches("from-the-new-company", new)
    assert o.sent() == ["from-the-new-company"]
    assert "moved_conversation" in o.quarantined()
    shown = stack.amoctl("conversation", "list", "--scope", a)
    assert shown == []


def test_what_waits_for_the_old_company_goes_to_the_new_one_and_its_words_die(stack):
    o, a, b = two_companies(stack)
    met = o.says("met", "79005550121")
    stack.amoctl("account", "pause", a)
    for n in range(3):
        stack.client_writes(f"waits-{o.name}-{n}", conversation="79005550121", connector=o.name)
    words = o.answers("words-of-the-old", met)
    wait_for(lambda: sum(q["waiting"] for q in stack.control("queue")) == 4, "what waits")
    assert o.source("wa1", b, "--move")["moves"] == 1
    stack.wait("amojo.message", text=f"waits-{o.name}-2")
    assert o.texts(b) == [f"waits-{o.name}-{n}" for n in range(3)] and o.texts(a) == ["met"]
    stack.amoctl("account", "resume", a)
    assert o.told(words) == [(-1, 905)]
    assert o.sent() == []
    assert "moved" in [d["reason"] for d in stack.control("dead.list") if d["amo_id"] == words["id"]]


def test_an_edit_and_a_reaction_do_not_reach_the_company_that_had_the_number(stack):
    o, a, b = two_companies(stack)
    ident = o.name + "-m1"
    assert o.post("79005550131", ident=ident, text="before-the-move")[0] == 202
    met = stack.wait("amojo.message", text="before-the-move")["item"]
    o.source("wa1", b, "--move")
    assert stack.call("PATCH", f"messages/{ident}", {"text": "secret of the new company"}, connector=o.name,
                      token=o.svc["token"])[0] == 202
    assert stack.call("POST", "reactions", {"message_id": ident, "emoji": "\U0001F44D"}, connector=o.name,
                      token=o.svc["token"])[0] == 202
    stack.sandbox("manager/reacts", {"scope_id": a, "id": met["id"], "type": "react", "emoji": "\U0001F44D"})
    wait_for(lambda: [q["reason"] for q in stack.control("quarantine.list")
                      if q["connector"] == o.name or q["scope_id"] == a].count("moved_conversation") == 3,
             "all three in quarantine")
    stack.settle()
    assert "secret of the new company" not in str(stack.list("amojo/messages"))
    assert not [e for e in stack.list("service/events") if e["connector"] == o.name]


def test_a_number_that_comes_back_finds_its_old_chats(stack):
    o, a, b = two_companies(stack)
    before = o.says("first-time", "79005550141")
    o.source("wa1", b, "--move")
    o.says("in-between", "79005550141")
    o.source("wa1", a, "--move")
    after = o.says("home-again", "79005550141")
    assert (after["scope_id"], after["chat"]) == (a, before["chat"])
    o.reaches("answer-after", after)


def test_a_move_stands_when_core_is_killed_behind_it(stack):
    o, a, b = two_companies(stack)
    o.says("met-" + o.name, "79005550145")
    stack["egress-0"].stop()
    for n in range(3):
        assert o.post("79005550145", text=f"{o.name}-{n}")[0] == 202
    wait_for(lambda: sum(q["waiting"] for q in stack.control("queue") if a in q["destination"]) == 3, "what waits")
    o.source("wa1", b, "--move")
    stack.start_over("core")
    stack.start("egress-0")
    wait_for(lambda: stack.peer("ingress"), "ingress at the new core")
    stack.wait("amojo.message", text=f"{o.name}-2")
    assert o.texts(b) == [f"{o.name}-{n}" for n in range(3)] and o.texts(a) == ["met-" + o.name]


def test_what_was_under_way_when_the_number_moved_goes_to_the_new_company(stack):
    o, a, b = two_companies(stack)
    o.says("met-" + o.name, "79005550147")
    stack.fault(on="amojo.new_message", match=o.name + "-way", delay_ms=700, status=503, times=1)
    assert o.post("79005550147", text=o.name + "-way")[0] == 202
    o.under_way()
    o.source("wa1", b, "--move")
    assert stack.wait("amojo.message", text=o.name + "-way")["item"]["scope_id"] == b
    assert o.name + "-way" not in o.texts(a)


def test_what_was_tried_before_its_number_went_and_came_back_is_looked_for(stack):
    """Amo has it, and refuses it when it comes again; where it was in between was never called."""
    o, a, b = two_companies(stack)
    o.says("met-" + o.name, "79005550155")
    stack.sandbox("settings", {"repeat": 400}, method="PATCH")
    # a 503 hardly ever hides a success: it goes along where nobody can be asked
    stack.fault(on="amojo.new_message", match=o.name + "-lost", status=503, process=True, times=1)
    stack.fault(on="amojo.new_message", match=o.name + "-lost", delay_ms=700, status=503, times=1)
    ident = str(uuid.uuid4())
    assert o.post("79005550155", text=o.name + "-lost", ident=ident)[0] == 202
    stack.wait("amojo.message", text=o.name + "-lost")
    for scope in (a, b):
        stack.amoctl("account", "pause", scope)

    def waits(scope):
        return {q["destination"]: q["waiting"] for q in stack.control("queue")}.get(f"scope:{scope}")

    try:
        wait_for(lambda: waits(a), "it to wait")
        o.source("wa1", b, "--move")
        wait_for(lambda: waits(b), "it to go along")
        o.source("wa1", a, "--move")
        wait_for(lambda: waits(a), "it to come back")
    finally:
        for scope in (a, b):
            stack.amoctl("account", "resume", scope)
    wait_for(lambda: stack.control("trace", id=f"{o.name}-{ident}")["message"]["state"] == "delivered_to_amo", "the proof")
    stack.sandbox("settings", {"repeat": 200}, method="PATCH")
    assert o.texts(b) == []


def test_what_is_under_way_when_the_account_leaves_is_not_overtaken(stack):
    """One attempt is under way, two wait behind it; the account leaves, and its number is given to another one."""
    o, a, b = two_companies(stack)
    o.says("met-" + o.name, "79005550149")
    stack.fault(on="amojo.new_message", match=o.name + "-0", delay_ms=1500, status=503, times=1)
    for n in range(3):
        assert o.post("79005550149", text=f"{o.name}-{n}")[0] == 202
    o.under_way()
    stack.amoctl("account", "disconnect", a, "--no-call")
    o.source("wa1", b, "--move")
    assert o.post("79005550149", text=f"{o.name}-3")[0] == 202
    stack.wait("amojo.message", text=f"{o.name}-3")
    stack.settle()
    assert o.texts(b) == [f"{o.name}-{n}" for n in range(4)] and o.texts(a) == ["met-" + o.name]


def test_what_goes_along_to_an_account_that_has_left_meanwhile_waits_for_it(stack):
    """One attempt is under way, two wait behind it; the number goes to another account, and that one leaves."""
    o, a, b = two_companies(stack)
    o.says("met-" + o.name, "79005550153")
    stack.fault(on="amojo.new_message", match=o.name + "-0", delay_ms=1500, status=503, times=1)
    for n in range(3):
        assert o.post("79005550153", text=f"{o.name}-{n}")[0] == 202
    o.under_way()
    o.source("wa1", b, "--move")
    stack.amoctl("account", "disconnect", b, "--no-call")
    wait_for(lambda: sum(q["waiting"] for q in stack.control("queue") if b in q["destination"]) == 3, "all to wait")
    new = o.connect(account=account_of(b), channel=o.add_channel())
    o.source("wa1", new, "--move")
    stack.wait("amojo.message", text=f"{o.name}-2")
    stack.settle()
    assert o.texts(new) == [f"{o.name}-{n}" for n in range(3)] and o.texts(a) == ["met-" + o.name]


def test_what_was_to_go_along_when_core_died_is_not_overtaken(stack):
    """One attempt is under way, two wait behind it; the number moves, core dies, and the client writes on."""
    o, a, b = two_companies(stack)
    o.says("met-" + o.name, "79005550148")
    stack.fault(on="amojo.new_message", match=o.name + "-0", delay_ms=1000, status=503, times=1)
    for n in range(3):
        assert o.post("79005550148", text=f"{o.name}-{n}")[0] == 202
    o.under_way()
    o.source("wa1", b, "--move")
    stack["core"].kill()
    assert o.post("79005550148", text=f"{o.name}-3")[0] == 202
    stack.start("core")
    stack.wait("amojo.message", text=f"{o.name}-3")
    stack.settle()
    assert o.texts(b) == [f"{o.name}-{n}" for n in range(4)] and o.texts(a) == ["met-" + o.name]


# --- what the old account may have ---------------------------------------------------------------------

def unclear_at(o, who, taken):
    """Of three messages to the first account one failed there, was taken or not, and waits before the others."""
    o.says("met-" + o.name, who)
    o.stack.fault(on="amojo.new_message", match=f"{o.name}-0", status=500, process=taken, retry_after=600, times=1)
    for n in range(3):
        assert o.post(who, text=f"{o.name}-{n}", ident=f"{o.name}-{n}")[0] == 202
    ident = f"{o.name}-{o.name}-0"
    wait_for(lambda: "amo.message" in [s["what"] for s in o.stack.control("trace", id=ident)["journey"]], "the attempt")
    return ident


def outcome(o, ident):
    """State and reason of a client's message, once all is over."""
    wait_for(lambda: o.stack.control("status")["commands"] == 0, "an empty queue")
    o.stack.settle()
    reasons = [d["reason"] for d in o.stack.control("dead.list") if d["mid"] == ident and d["kind"] == "amo.message"]
    return o.stack.control("trace", id=ident)["message"]["state"], *reasons


def test_what_the_old_company_has_is_found_there_and_does_not_stand_in_both(stack):
    o, a, b = two_companies(stack)
    ident = unclear_at(o, "79005550161", True)
    o.source("wa1", b, "--move")
    assert o.post("79005550161", text=f"{o.name}-3")[0] == 202
    assert outcome(o, ident) == ("delivered_to_amo",)
    assert o.texts(a) == ["met-" + o.name, f"{o.name}-0"]
    assert o.texts(b) == [f"{o.name}-{n}" for n in (1, 2, 3)]
    # it is the old company's: what its managers write there goes nowhere, and the new chat is the client's
    old, new = (next(m for m in stack.list("amojo/messages") if m["text"] == f"{o.name}-{n}") for n in (0, 3))
    assert o.told(o.answers("in-the-old-chat", old)) == [(-1, 905)]
    o.reaches("in-the-new-chat", new)
    assert o.sent() == ["in-the-new-chat"]


def test_what_the_old_company_does_not_have_goes_along_and_is_not_overtaken(stack):
    o, a, b = two_companies(stack)
    ident = unclear_at(o, "79005550162", False)
    o.source("wa1", b, "--move")
    assert o.post("79005550162", text=f"{o.name}-3")[0] == 202
    assert outcome(o, ident) == ("delivered_to_amo",)
    assert o.texts(a) == ["met-" + o.name] and o.texts(b) == [f"{o.name}-{n}" for n in range(4)]
    asked = [j for j in stack.journal(side="amojo", kind="history") if a in j["path"]]
    assert len(asked) == 3, asked


@pytest.mark.parametrize("how", ["refused", "left", "another-channel", "paused", "paused-meanwhile"])
def test_what_the_old_account_cannot_be_asked_about_is_told_and_holds_up_nobody(stack, how):
    o, a, b = two_companies(stack)
    who = "79005550163"
    ident = unclear_at(o, who, True)
    if how == "refused":
        stack.fault(on="amojo.history", status=403)
    if how in ("left", "another-channel"):
        stack.amoctl("account", "disconnect", a)
    if how == "paused":
        stack.amoctl("account", "pause", a)
    if how == "paused-meanwhile":  # the answer does not come before that
        stack.fault(on="amojo.history", delay_ms=1500)
    if how == "another-channel":
        b = o.connect(account=account_of(a), channel=o.add_channel())
    else:
        o.source("wa1", b, "--move")
    if how == "paused-meanwhile":
        stack.amoctl("account", "pause", a)
    try:
        if how.startswith("paused"):  # whoever wrote is told when the pause is over
            wait_for(lambda: f"{o.name}-2" in o.texts(b), "the others")
            stack.amoctl("account", "resume", a)
        assert outcome(o, ident) == ("failed", "unclear")
        told = stack.wait("service.event", type="delivery.failed", text=ident)["item"]["data"]
        assert told["code"] == "unclear"
        assert o.texts(b) == [f"{o.name}-{n}" for n in (1, 2)]
        assert o.texts(a) == ["met-" + o.name, f"{o.name}-0"]
    finally:
        stack.clear_faults()
    if how == "another-channel":  # an operator who has looked may send it all the same
        [letter] = [d["id"] for d in stack.control("dead.list") if d["mid"] == ident]
        stack.amoctl("dead", "retry", letter)
        assert outcome(o, ident) == ("delivered_to_amo",)
        assert o.texts(b)[-1] == f"{o.name}-0"


def test_what_was_under_way_when_its_account_left_and_core_died_is_not_sent_again(stack):
    o = Office(stack)
    met = o.says("met-" + o.name, "79005550164")
    text = f"{o.name}-way"
    stack.fault(on="amojo.new_message", match=text, delay_ms=1000, times=1)
    assert o.post("79005550164", text=text, ident=f"{o.name}-0")[0] == 202
    o.under_way()
    stack.amoctl("account", "disconnect", o.first, "--no-call")
    for name in ("core", "egress-0"):
        stack[name].kill()
    stack.wait("amojo.message", text=text)
    for name in ("core", "egress-0"):
        stack.start(name)
    wait_for(lambda: stack.peer("ingress"), "ingress at the new core")
    new = o.connect(account=account_of(o.first), channel=o.add_channel())
    assert outcome(o, f"{o.name}-{o.name}-0") == ("failed", "unclear")
    assert o.texts(new) == [] and o.texts(met["scope_id"]) == ["met-" + o.name, text]


def test_a_number_that_is_nobodys_any_more_reaches_nobody(stack):
    o, a, b = two_companies(stack)
    met = o.says("met-" + o.name, "79005550148")
    assert stack.amoctl("source", "remove", "--connector", o.name, "--source", "wa1", "--dry-run")["cut_off"] == 1
    gone = stack.amoctl("source", "remove", "--connector", o.name, "--source", "wa1")
    assert (gone["moves"], gone["cut_off"]) == (0, 1)
    assert o.post("79005550148")[0] == 422
    assert o.told(o.answers("to-whom-" + o.name, met)) == [(-1, 905)]
    assert o.quarantined() == ["unreachable"] and o.sent() == []
    # it takes one verb to have all of it back
    o.source("wa1", a)
    assert o.says("again-" + o.name, "79005550148")["chat"] == met["chat"]


# --- accounts ------------------------------------------------------------------------------------------

def test_an_account_that_comes_back_under_another_channel_gets_its_clients(stack):
    o = Office(stack)
    old = o.says("in-the-old-channel", "79005550151")
    new_scope = o.changes_channel()
    new = o.says("in-the-new-channel", "79005550151")
    assert new["scope_id"] == new_scope != old["scope_id"]
    o.reaches("answer-there", new)
    wait_for(lambda: not [q for q in stack.control("queue") if q["waiting"]], "nothing to wait")


def test_a_report_of_words_under_way_is_no_message_of_the_account_that_comes_back(stack):
    o = Office(stack)
    met = o.says("met-early", "79005550157")
    text = f"slow-words-{o.name}"
    stack.fault(on="service.message.created", match=text, delay_ms=2500, times=1, status=200, process=True,
                body={"id": f"own-{o.name}"})
    o.answers(text, met)
    stack.wait("service.message", text=text)
    o.reports("79005550157", text)
    o.changes_channel()
    wait_for(lambda: stack.control("status")["commands"] == 0, "the answer")
    stack.settle()
    assert text not in [m["text"] for m in stack.list("amojo/messages")]


def test_a_colleagues_words_that_have_waited_do_not_overtake_what_is_under_way_when_the_account_leaves(stack):
    """They wait for a manager's words, which may be theirs, and come out when the account is another one."""
    o = Office(stack)
    met = o.says("met-" + o.name, "79005550158")
    stack.fault(on="amojo.new_message", match=o.name + "-client", delay_ms=2000, status=503, times=1)
    stack.fault(on="service.message.created", match=o.name + "-manager", delay_ms=700, times=1)
    assert o.post("79005550158", text=o.name + "-client")[0] == 202
    o.under_way()
    o.answers(o.name + "-manager", met)
    stack.wait("service.message", text=o.name + "-manager")
    o.reports("79005550158", o.name + "-colleague")
    wait_for(lambda: stack.control("status")["waiting_events"], "the colleague's words to wait")
    new = o.changes_channel()
    stack.wait("amojo.message", text=o.name + "-colleague")
    stack.settle()
    assert o.texts(new) == [o.name + "-client", o.name + "-colleague"] and o.texts(o.first) == ["met-" + o.name]


def test_a_status_under_way_when_the_account_left_has_an_end_when_it_came_back_otherwise(stack):
    """It comes home to a channel that the account has left for another one: nobody could ever be told."""
    o = Office(stack)
    met = o.says("met-" + o.name, "79005550159")
    stack.fault(on="amojo.delivery_status", match=o.first, delay_ms=4000, status=503, times=1)
    o.answers(o.name + "-manager", met)
    o.under_way()
    o.changes_channel("--no-call")
    wait_for(lambda: not sum(q["waiting"] for q in stack.control("queue")), "its end")


@pytest.mark.parametrize("back", [False, True], ids=["left", "came back by another channel"])
def test_a_service_hears_of_its_messages_end_although_the_account_has_left_meanwhile(stack, back):
    o = Office(stack)
    who = f"790055502{next(N)}"
    o.says("met-" + o.name, who)
    stack.fault(on="amojo.new_message", match=o.name + "-refused", status=400, times=1)
    stack.fault(on="service.delivery.failed", match=o.name + "-refused", status=503, times=20)
    o.post(who, text=o.name + "-refused", ident=o.name + "-refused")
    wait_for(lambda: [d for d in stack.control("dead.list") if d["service_id"] == o.name + "-refused"], "its end")
    stack.amoctl("account", "disconnect", o.first, "--no-call")
    if back:
        o.connect(account=account_of(o.first), channel=o.add_channel())
    stack.clear_faults()
    told = wait_for(lambda: [e["data"] for e in stack.list("service/events?type=delivery.failed")
                             if e["data"]["id"] == o.name + "-refused"], "the service to be told")
    assert told[0]["code"] == "refused"


def test_a_managers_words_that_may_have_arrived_when_their_number_went_do_not_stand_on_the_new_card(stack):
    """The service has them and could not say so; its report comes when the number is another company's."""
    o, a, b = two_companies(stack)
    who = f"790055503{next(N)}"
    met = o.says("met-" + o.name, who)
    stack.sandbox("connectors", {"name": o.name, "report": "none"})
    stack.fault(on="service.message.created", match=o.name + "-words", status=500, process=True, times=1)
    stack.fault(on="service.message.created", match=o.name + "-words", delay_ms=1500, status=500, times=1)
    words = o.answers(o.name + "-words", met)
    wait_for(lambda: any(p.get("in_flight") for p in stack.control("status")["peers"]) and
             o.name + "-words" in o.sent(), "the second attempt")
    o.source("wa1", b, "--move")
    dead = wait_for(lambda: [d for d in stack.control("dead.list") if d["amo_id"] == words["id"]], "its end")
    assert dead[0]["reason"] == "unclear"
    o.told(words)

    o.reports(who, o.name + "-words")
    o.reports(who, o.name + "-words", "other")  # the same words once more are a colleague's
    stack.wait("amojo.message", text=o.name + "-words")
    assert stack.call("POST", "statuses", {"statuses": [
        {"id": f"own-{o.name}", "status": "read"}]},
                      connector=o.name, token=o.svc["token"])[0] == 202
    stack.wait("status", id=words["id"], status=2)  # it did arrive, and the card says so
    stack.settle()
    assert o.texts(b) == [o.name + "-words"]


def test_what_waited_for_an_account_follows_it_to_its_new_channel(stack):
    o = Office(stack)
    met = o.says("met-before", "79005550155")
    stack.amoctl("account", "pause", o.first)
    stack.client_writes("waits-for-the-account", conversation="79005550155", connector=o.name)
    words = o.answers("words-that-wait", met)
    wait_for(lambda: sum(q["waiting"] for q in stack.control("queue")) == 2, "what waits")
    new_scope = o.changes_channel("--no-call")
    assert stack.wait("amojo.message", text="waits-for-the-account")["item"]["scope_id"] == new_scope
    stack.wait("service.message", text="words-that-wait")
    stack.settle()
    assert words["id"]


def test_what_is_being_asked_about_when_the_account_leaves_has_an_end(stack):
    """Nobody can be asked any more whether that one has it: a person is told, and sends it where the account is now."""
    o = Office(stack)
    o.says("met-" + o.name, "79005550157")
    stack.fault(on="amojo.new_message", match=o.name + "-asked", status=200, body="<html>back soon</html>", times=1)
    mid = o.post("79005550157", text=o.name + "-asked")[1]["mid"]
    wait_for(lambda: [w for w in stack.control("trace", id=mid)["waiting"] if w["state"] == "checking"], "the question")
    new_scope = o.changes_channel("--no-call")
    assert outcome(o, mid) == ("failed", "unclear") and o.texts(new_scope) == []
    [letter] = [d["id"] for d in stack.control("dead.list") if d["mid"] == mid]
    stack.amoctl("dead", "retry", letter)
    assert stack.wait("amojo.message", text=o.name + "-asked")["item"]["scope_id"] == new_scope


def test_the_source_of_an_account_that_left_goes_to_whom_it_is_given(stack):
    o, a, b = two_companies(stack)
    o.says("was-of-a", "79005550161")
    stack.amoctl("account", "disconnect", a)
    assert o.post("79005550161")[0] == 422  # nobody's
    o.source("wa1", b, "--move")
    assert o.says("is-of-b", "79005550161")["scope_id"] == b


def test_another_account_takes_over_a_connector_only_when_told_so(stack):
    o = Office(stack)
    met = o.says("of-the-first", "79005550171")
    stack.amoctl("account", "disconnect", o.first)
    account = uuid.uuid4()
    calls = stack.sandbox("counters")["amojo.connects"]
    refused = o.connect(account=account, code=1)
    assert "--move" in refused and "1 conversation" in refused
    assert stack.amoctl("account", "connect", "--channel", o.channel, "--account", account, "--connector", o.name,
                        "--dry-run")["moves"] == 1
    assert stack.sandbox("counters")["amojo.connects"] == calls
    second = o.connect(account=account, options=["--move"])
    assert o.says("of-the-second", "79005550171")["scope_id"] == second
    late = stack.webhook({"account_id": account_of(o.first), "time": 1, "message": {
        "conversation": {"id": met["chat"]}, "message": {"id": str(uuid.uuid4()), "type": "text", "text": "late"},
        "receiver": {"id": str(uuid.uuid4())}, "sender": {"id": str(uuid.uuid4())}, "timestamp": 1}},
        scope_id=o.first, learn=False)
    assert late["status"] == 200
    stack.settle()
    assert "late" not in o.sent()


def test_a_second_account_does_not_cut_off_the_first(stack):
    o = Office(stack)
    o.says("first-company", "79005550181", source="wa7")
    refused = o.connect(code=1)
    assert "wa7" in refused and "--yes" in refused and "source add" in refused
    assert o.says("first-company-again", "79005550181", source="wa7")["scope_id"] == o.first
    o.source("wa7", o.first)
    second = o.connect()  # listed first: nobody is cut off
    assert o.says("first-company-still", "79005550181", source="wa7")["scope_id"] == o.first
    o.source("wa8", second)
    assert o.says("second-company", "79005550182", source="wa8")["scope_id"] == second


# --- connectors ----------------------------------------------------------------------------------------

def test_a_manager_in_an_old_chat_reaches_the_new_connector_or_reads_it_at_once(stack):
    o = Office(stack)
    with_phone = o.says("client-with-a-phone", "79005550191")
    quiet = o.says("client-nobody-answers", "79005550192")
    nameless = o.says("client-without", "web-visitor", sender={"id": "web-visitor", "name": "Visitor"})
    group = o.says("one-of-a-group", "group-" + o.name, sender={"id": "u1", "name": "One", "phone": "79005550193"})
    o.says("another-of-it", "group-" + o.name, sender={"id": "u2", "name": "Two", "phone": "79005550194"})
    fresh = o.add_connector()
    stack.amoctl("account", "disconnect", o.first)
    assert o.connect(account=account_of(o.first), connector=fresh) == o.first
    stack.amoctl("connector", "remove", o.name)
    one = o.answers("by-the-new-connector", with_phone)
    stack.wait("status", id=one["id"], status=2)
    assert o.sent(fresh) == ["by-the-new-connector"] and o.sent() == []
    assert o.told(o.answers("to-nobody", nameless)) == [(-1, 905)]
    assert o.told(o.answers("to-all-of-them", group)) == [(-1, 905)]  # and not to one of them by his phone
    assert o.says("client-answers", "79005550191", connector=fresh)["chat"] == with_phone["chat"]
    assert o.says("unasked-client", "79005550192", connector=fresh)["chat"] == quiet["chat"]
    assert not [q for q in stack.control("queue") if q["waiting"]]


# --- whose source --------------------------------------------------------------------------------------

def test_an_account_cannot_write_from_another_accounts_number(stack):
    o = Office(stack, accounts=2)
    a, b = o.scopes
    o.source("num1", a)
    o.source("num2", b)
    item = stack.sandbox("manager/writes-first", {"scope_id": a, "phone": "79005550201", "source": "num2",
                                                  "text": "from-their-number"})["items"][0]
    assert o.told(item) == [(-1, 904)]
    met = o.says("known-client", "79005550202", source="num1")
    assert o.told(o.answers("in-a-known-chat", met, source="num2")) == [(-1, 904)]
    third = o.connect()  # whose number would the service choose?
    item = stack.sandbox("manager/writes-first", {"scope_id": third, "phone": "79005550201",
                                                  "text": "from-any-number"})["items"][0]
    assert o.told(item) == [(-1, 904)]
    assert o.quarantined() == ["foreign_source", "foreign_source"]
    fine = stack.sandbox("manager/writes-first", {"scope_id": a, "phone": "79005550201", "source": "num1",
                                                  "text": "from-our-number"})["items"][0]
    stack.wait("status", id=fine["id"], status=2)
    assert o.sent() == ["from-our-number"]


# --- what waits for somebody who does not come back ----------------------------------------------------

def reach_lines(stack, word):
    """What doctor says of who is reached, and of sources, with this in it."""
    said = stack.control("doctor")
    checks = said["checks"] + [c for look in said["ask"] if look["what"] == "reach"
                               for c in stack.control("doctor.check", **look)["checks"]]
    return [c for c in checks if c["check"] in ("reach", "source", "account") and word in json.dumps(c)]


def leave_something(o, who):
    """One message waits in each direction for an account that then leaves; the manager's message."""
    met = o.says("met-" + o.name, who)
    o.stack.amoctl("account", "pause", o.first)
    assert o.post(who, ident=o.name + "-left")[0] == 202
    words = o.answers("left-" + o.name, met)
    wait_for(lambda: sum(q["waiting"] for q in o.stack.control("queue")) == 2, "what waits")
    return words


def test_what_waits_behind_a_dead_connector_can_be_dropped(stack):
    o = Office(stack)
    words = leave_something(o, "79005550211")
    stack.amoctl("account", "disconnect", o.first)
    refused = stack.amoctl("connector", "remove", o.name, code=1)
    assert f"amoctl queue drop --connector {o.name}" in refused
    [line] = reach_lines(stack, o.first)
    assert line["state"] == "yellow" and "left at" in line["words"] and ": 2;" in line["words"] and "queue drop" in line["todo"]
    assert stack.amoctl("queue", "drop", "--connector", o.name, "--dry-run") == {
        "dropped": 2, "under_way": 0, "left": 0, "set_aside": 0, "dry_run": True,
        "would": "give up commands: 2, and inform their senders; what a worker is trying stays: 0"}
    assert stack.amoctl("queue", "drop", "--connector", o.name)["dropped"] == 2
    dead = {d["kind"]: d["reason"] for d in stack.control("dead.list") if d["scope_id"] == o.first}
    assert dead == {"amo.message": "dropped", "service.message": "dropped"}
    stack.wait("service.event", type="delivery.failed", text=o.name + "-left")  # whoever wrote is told
    stack.settle()
    assert stack.amoctl("connector", "remove", o.name)["removed"] == o.name
    assert words["id"] and o.sent() == []


def test_leave_is_taken_of_a_dead_service_as_the_page_says(stack):
    """Each command of the page's steps, in their order; what they name is put in."""
    o = Office(stack)
    met = o.says("met-" + o.name, "79005550215")
    stack.fault(on="service.message.created", connector=o.name, status=410, times=1000)
    words = [o.answers(f"dead-{o.name}-{n}", met) for n in range(3)]
    reaction = f"never-{o.name}"
    assert stack.call("POST", "reactions", {"message_id": reaction, "emoji": "\U0001F44D"}, connector=o.name,
                      token=o.svc["token"])[0] == 202
    waits = wait_for(lambda: [w for w in stack.amoctl("waiting", "list", "--connector", o.name)["waiting"]
                              if w["message_id"] == reaction], "what waits")[0]
    wait_for(lambda: stack.amoctl("connector", "show", o.name)["held"] == "gone", "its hold")
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    section = page.split("\n### A service is gone for good\n")[1].split("\n### ")[0]
    steps = [step for step in section.splitlines() if step[:2] in ("1.", "2.", "3.", "4.")]
    assert len(steps) == 4
    names = {"OLD": o.name, "SCOPE": o.first, "ID…": str(waits["id"])}
    done = []
    for step in steps:
        for words_of in re.findall(r"`amoctl ([^`]+)`", step):
            order = [names.get(word, word) for word in words_of.split()]
            if order[:2] == ["queue", "drop"]:
                def is_empty():
                    left = stack.amoctl(*order)
                    return left["left"] == left["under_way"] == left["set_aside"] == 0
                wait_for(is_empty, "nothing to be left", every=0.2)
            else:
                stack.amoctl(*order)
            done.append(" ".join(order[:2]))
    assert {"queue drop", "account disconnect", "waiting list", "waiting drop", "connector remove"} <= set(done)
    for one in words:
        assert o.told(one) == [(-1, 903)]
    stack.amoctl("connector", "remove", o.name)
    assert o.name not in {c["name"] for c in stack.control("connector.list")}
    stack.clear_faults()


def test_dropping_tells_a_manager_whose_account_is_there(stack):
    o = Office(stack)
    met = o.says("met-" + o.name, "79005550221")
    stack.fault(on="service.message.created", connector=o.name, status=503, times=1000)
    words = o.answers("nobody-takes-it", met)
    number = next(c["id"] for c in stack.control("conversation.list") if c["connector"] == o.name)
    wait_for(lambda: stack.amoctl("queue", "drop", "--conversation", number)["dropped"] == 1, "a pause between attempts")
    assert o.told(words) == [(-1, 903)]
    stack.clear_faults()
    assert stack.amoctl("queue", "drop", "--scope", o.first)["dropped"] == 0
    for wrong in ((), ("--scope", "a", "--connector", "b"), ("--conversation", "x")):
        stack.amoctl("queue", "drop", *wrong, code=2)
    for nobody in (("--scope", "nobody"), ("--connector", "nobody", "--dry-run")):
        assert "no such " in stack.amoctl("queue", "drop", *nobody, code=1)


def test_doctor_names_the_numbers_that_reach_nobody(stack):
    o = Office(stack)
    o.says("of-an-unlisted-number", "79005550231", source="wa-unlisted")
    assert not reach_lines(stack, "wa-unlisted")
    second = o.connect(options=["--yes"])
    [line] = reach_lines(stack, "wa-unlisted")
    assert line["state"] == "yellow" and "source add" in line["todo"]
    assert o.post("79005550231", source="wa-unlisted")[0] == 422
    line = wait_for(lambda: [c for c in reach_lines(stack, "wa-unlisted") if c["check"] == "source"],
                    "what ingress refused")[0]
    assert line["words"].endswith("hour: 1") and o.name in line["words"]
    o.source("wa-unlisted", o.first)
    o.source("wa-second", second)
    assert not reach_lines(stack, "wa-unlisted")
    stack.amoctl("account", "disconnect", second)
    assert "left" in reach_lines(stack, "wa-second")[0]["words"]


def test_what_waits_for_an_account_that_left_has_an_end():
    with Stack(env={**QUICK, "AMO_CORE_AWAY_DAYS": "0"}) as stack:
        stack.up(register=False)
        o = Office(stack)
        leave_something(o, "79005550241")
        stack.amoctl("account", "disconnect", o.first)
        wait_for(lambda: sum(q["waiting"] for q in stack.control("queue")) == 0, "the end of it")
        assert sorted(d["reason"] for d in stack.control("dead.list")) == ["away", "away"]
        stack.wait("service.event", type="delivery.failed", text=o.name + "-left")
