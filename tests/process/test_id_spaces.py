"""Ids that are counted apart stay apart: what a service sent and what it answered with, its own ids and ours,
one account's ids and another's, keys and ids."""
import json
import time
import urllib.parse
import uuid

import pytest

from signing import amojo_webhook
from stack import QUICK, ControlError, Stack, http, wait_for
from test_doors import hook


@pytest.fixture(scope="module")
def stack():
    with Stack(env=QUICK) as s:
        s.up(register=False)
        s.register(report="none")
        yield s


class Client:
    """Somebody who has written once, so that amo has a chat of him."""

    def __init__(self, stack):
        self.stack = stack
        self.id = "7900" + str(uuid.uuid4().int)[:7]
        self.chat = self.says("hello-" + self.id)["chat"]

    def says(self, text, ident=None):
        ident = ident or uuid.uuid4().hex
        status, answer, _ = self.stack.service_call("messages", {
            "id": ident, "source": "wa1", "conversation": {"id": self.id}, "sender": {"id": self.id, "name": "Вера"},
            "type": "text", "text": text})
        assert (status, answer["status"]) == (202, "accepted"), answer
        return self.stack.wait("amojo.message", text=text)["item"]

    def is_told(self, text, answer):
        """A manager's words, which the service answers with @answer; amo's id of them."""
        self.stack.fault(on="service.message.created", match=text, status=200, body=answer, process=True, times=1)
        ident = self.stack.manager_writes(text, self.chat)["id"]
        wait_for(lambda: (known(self.stack, ident) or {}).get("state") == "delivered_to_service", "its answer")
        return ident


def known(stack, ident):
    try:
        return stack.control("trace", id=ident)["message"]
    except ControlError:
        return None


@pytest.fixture
def client(stack):
    return Client(stack)


@pytest.fixture
def number():
    """An id that nobody has had."""
    return str(uuid.uuid4().int)[:12]


def status(stack, ident, word="delivered"):
    code, answer, _ = stack.service_call("statuses", {"statuses": [{"id": ident, "status": word}]})
    assert code == 202 and answer["results"][0]["status"] == "accepted", answer


def edit(stack, ident, text):
    code, answer, _ = stack.call("PATCH", f"messages/{ident}", {"text": text})
    assert code == 202, answer
    return wait_for(lambda: [p for p in edits(stack) if p["message"]["text"] == text], "the edit")[0]


def edits(stack):
    return [b["payload"] for b in stack.bodies(side="amojo", kind="edit_message")]


def quoted(ident):
    return urllib.parse.quote(ident, safe="")


def quarantined(stack, reason):
    return [q for q in stack.control("quarantine.list") if q["reason"] == reason]


def test_a_clients_edit_changes_the_clients_message_and_not_the_managers(stack, client, number):
    client.is_told("from-the-manager-" + number, {"id": number})
    client.says("incoming-" + number, ident=number)
    changed = edit(stack, number, "mended-" + number)
    assert changed["msgid"] == "svc-" + number and "id" not in changed


def counts_alike(client, number):
    """The service has numbered a client's message and one of a manager's as the number before @number."""
    before = str(int(number) - 1)
    client.is_told("counted-" + before, {"id": before})
    client.says("counting-" + before, ident=before)


@pytest.mark.parametrize("about", ["edit", "reaction"])
def test_what_is_about_a_clients_message_that_comes_later_is_not_the_managers_of_that_number(stack, client, number, about):
    """It may never come, when a spool is put back: then nobody else's message is changed either."""
    counts_alike(client, number)
    managers = client.is_told("from-the-manager-" + number, {"id": number})
    other, waits = Client(stack), stack.control("status")["waiting_events"]
    if about == "edit":
        stack.call("PATCH", f"messages/{number}", {"text": "mended-" + number})
    else:
        stack.service_call("reactions", {"message_id": number, "emoji": "👍", "sender": {"id": other.id}})
    wait_for(lambda: stack.control("status")["waiting_events"] == waits + 1, "it to wait")
    client.is_told("another-" + number, {"id": number})  # is no reason to look again
    time.sleep(0.3)
    assert stack.control("status")["waiting_events"] == waits + 1
    clients = other.says("incoming-" + number, ident=number)["id"]
    if about == "edit":
        changed = wait_for(lambda: [p for p in edits(stack) if p["message"]["text"] == "mended-" + number], "the edit")
        assert [p["msgid"] for p in changed] == ["svc-" + number] and "id" not in changed[0]
    else:
        wait_for(lambda: [b for b in stack.bodies(side="amojo", kind="react") if b.get("id") == clients], "the reaction")
        assert not [b for b in stack.bodies(side="amojo", kind="react") if b.get("id") == managers]


def test_a_conversation_tells_whose_message_a_number_is_that_is_counted_on_both_sides(stack, client, number):
    counts_alike(client, number)
    ident = client.is_told("from-the-manager-" + number, {"id": number})
    code, answer, _ = stack.call("PATCH", f"messages/{number}", {"text": "mended-" + number,
                                                                 "conversation": {"id": client.id}})
    assert code == 202, answer
    changed = wait_for(lambda: [p for p in edits(stack) if p["message"]["text"] == "mended-" + number], "the edit")
    assert [p["id"] for p in changed] == [ident]


def test_a_status_is_of_the_managers_message_whatever_a_client_wrote_under_that_id(stack, client, number):
    client.says("incoming-" + number, ident=number)
    ident = client.is_told("from-the-manager-" + number, {"id": number})
    status(stack, number)
    stack.wait("status", id=ident, status=1)
    assert not quarantined(stack, "foreign_message")


def test_a_clients_message_of_that_id_does_not_eat_a_status_that_waits(stack, client, number):
    text = "from-the-manager-" + number
    stack.fault(on="service.message.created", match=text, status=200, body={"id": number}, process=True,
                delay_ms=1500, times=1)
    ident = stack.manager_writes(text, client.chat)["id"]
    stack.wait("service.message", text=text)
    status(stack, number)
    client.says("incoming-" + number, ident=number)
    stack.wait("status", id=ident, status=1)
    assert not quarantined(stack, "unknown_message") and not quarantined(stack, "foreign_message")


def test_a_services_own_id_counts_before_a_mid_that_reads_the_same(stack, client, number):
    other = Client(stack)
    client.says("short-" + number, ident=number)
    other.says("long-" + number, ident="svc-" + number)
    changed = edit(stack, "svc-" + number, "mended-" + number)
    assert changed["msgid"] == "svc-svc-" + number
    assert changed["conversation_id"] == "svc-wa1-" + other.id
    said = stack.call("GET", f"messages/svc-{number}")[1]
    assert said["mid"] == "svc-svc-" + number


def test_a_status_goes_to_the_newest_message_that_was_answered_with_its_id(stack, client, number):
    old = client.is_told("before-the-restart-" + number, {"id": number})
    status(stack, number)
    stack.wait("status", id=old, status=1)
    new = client.is_told("after-the-restart-" + number, {"id": number})
    status(stack, number, "read")
    stack.wait("status", id=new, status=2)
    assert [s for s, _ in stack.statuses(old)] == [1]
    assert stack.call("GET", f"messages/{number}")[1]["amo_id"] == new
    assert stack.control("trace", id=number)["message"]["amo_id"] == new


def test_an_id_that_comes_again_in_another_conversation_is_kept_and_not_taken_for_a_repeat(stack, client, number):
    """A service whose counter began anew, or counts by conversation, and whose keys are its own."""
    for who, words in ((client.id, "first"), ("other-" + number, "another's"), (client.id, "first")):
        code, answer, _ = stack.call("POST", "messages", {
            "id": number, "source": "wa1", "conversation": {"id": who}, "sender": {"id": who}, "type": "text",
            "text": words}, headers={"Idempotency-Key": uuid.uuid4().hex})
        assert (code, answer["status"]) == (202, "accepted"), answer
    stack.settle()
    assert [m["text"] for m in stack.list("amojo/messages") if m["msgid"] == "svc-" + number] == ["first"]
    assert len(quarantined(stack, "id_again")) == 1  # the repeat is none of it


def test_a_number_that_was_an_answer_is_taken_back_as_a_number(stack, client, number):
    ident = client.is_told("numbered-" + number, {"id": int("1" + number)})
    code, answer, _ = stack.service_call("statuses", {"statuses": [{"id": int("1" + number), "status": "read"}]})
    [result] = answer["results"]
    assert (code, result["status"], result["id"]) == (202, "accepted", "1" + number), answer
    assert result["warnings"][0]["field"] == "id"
    code, answer, _ = stack.service_call("reactions", {"message_id": int("1" + number), "emoji": "👍",
                                                       "conversation": {"id": client.id}})
    assert code == 202 and answer["warnings"][0]["field"] == "message_id", answer
    stack.wait("status", id=ident, status=2)
    wait_for(lambda: [b for b in stack.bodies(side="amojo", kind="react") if b.get("id") == ident], "the reaction")
    for wrong in (True, None, [], {}, 123456789012345678901234567890, ""):
        code, answer, _ = stack.service_call("reactions", {"message_id": wrong, "emoji": "👍"})
        assert code == 422 and answer["error"]["field"] == "message_id", answer


def test_a_conversation_tells_apart_what_was_answered_with_one_id(stack, client, number):
    """A service that counts the messages of each conversation from 1."""
    other = Client(stack)
    first, second = client.is_told("one-" + number, {"id": number}), other.is_told("two-" + number, {"id": number})
    for who, ident, word, told in ((client, first, "read", 2), (other, second, "delivered", 1)):
        answer = stack.service_call("statuses", {"statuses": [
            {"id": number, "status": word, "conversation": {"id": who.id}}]})[1]
        assert answer["results"][0]["status"] == "accepted", answer
        stack.wait("status", id=ident, status=told)
        answer = stack.service_call("reactions", {"message_id": number, "emoji": "👍", "sender": {"id": who.id},
                                                  "conversation": {"id": who.id}})[1]
        assert answer["status"] == "accepted", answer
    third = client.is_told("three-" + number, {"id": number})
    for who, ident in ((client, third), (other, second)):
        text = f"quotes-{who.id}"
        stack.service_call("messages", {
            "id": uuid.uuid4().hex, "source": "wa1", "conversation": {"id": who.id}, "sender": {"id": who.id},
            "type": "text", "text": text, "reply_to": {"id": number}})
        stack.wait("amojo.message", text=text)
        sent = [b["payload"] for b in stack.bodies(side="amojo", kind="new_message")]
        assert [p["reply_to"] for p in sent if p["message"]["text"] == text] == [{"message": {"id": ident}}]
    assert [stack.statuses(m) for m in (first, second)] == [[(2, None)], [(1, None)]]
    for ident in (first, second):
        wait_for(lambda i=ident: [b for b in stack.bodies(side="amojo", kind="react") if b.get("id") == i], "the reaction")
    assert not [b for b in stack.bodies(side="amojo", kind="react") if b.get("id") == third]


def test_a_clients_quote_names_the_message_of_his_own_chat(stack, client, number):
    """Another client's message has the id that the manager's got as an answer."""
    Client(stack).says("of-somebody-else-" + number, ident=number)
    ident = client.is_told("quoted-words-" + number, {"id": number})
    text = "answer-" + number
    code, answer, _ = stack.service_call("messages", {
        "id": uuid.uuid4().hex, "source": "wa1", "conversation": {"id": client.id},
        "sender": {"id": client.id, "name": "Вера"}, "type": "text", "text": text, "reply_to": {"id": number}})
    assert code == 202, answer
    stack.wait("amojo.message", text=text)
    sent = [b["payload"] for b in stack.bodies(side="amojo", kind="new_message")]
    assert [p["reply_to"] for p in sent if p["message"]["text"] == text] == [{"message": {"id": ident}}]


@pytest.mark.parametrize("shape", ["wamid.HBgLNzkwMDU1NTAyMDEVAgARGBI{}==", "true_79005550201@c.us_{}", "AB/cd+{}==",
                                   "{}" + "x" * 118, "100%-{}", "сообщение-{}"])
def test_an_id_learnt_from_an_answer_is_taken_wherever_an_id_may_stand(stack, client, number, shape):
    given = shape.format(number)
    ident = client.is_told("words-" + number, {"id": given})
    assert stack.call("GET", "messages/" + quoted(given))[1]["amo_id"] == ident
    status(stack, given)
    stack.wait("status", id=ident, status=1)
    code, answer, _ = stack.service_call("reactions", {"message_id": given, "emoji": "👍"})
    assert code == 202, answer
    wait_for(lambda: [b for b in stack.bodies(side="amojo", kind="react") if b.get("id") == ident], "the reaction")
    for key in ("k-1", "k-1"):
        code, answer, _ = stack.call("PATCH", "messages/" + quoted(given), {"text": "mended-" + number},
                                     headers={"Idempotency-Key": key})
    assert code == 200 and answer == {"id": given, "status": "duplicate"}
    changed = wait_for(lambda: [p for p in edits(stack) if p["message"]["text"] == "mended-" + number], "the edit")
    assert [p["id"] for p in changed] == [ident]
    text = "answer-" + number
    stack.service_call("messages", {
        "id": uuid.uuid4().hex, "source": "wa1", "conversation": {"id": client.id}, "reply_to": {"id": given},
        "sender": {"id": client.id, "name": "Вера"}, "type": "text", "text": text})
    stack.wait("amojo.message", text=text)
    assert [b["payload"]["reply_to"] for b in stack.bodies(side="amojo", kind="new_message")
            if b["payload"]["message"]["text"] == text] == [{"message": {"id": ident}}]


@pytest.mark.parametrize("given", ["two words", "a\nb", "x" * 513])
def test_an_id_that_could_not_be_named_is_not_learnt(stack, client, number, given):
    client.is_told("words-" + number, {"id": given})
    code, answer, _ = stack.service_call("statuses", {"statuses": [{"id": given, "status": "read"}]})
    assert code == 202 and answer["results"][0]["status"] == "rejected"
    assert stack.call("GET", "messages/" + quoted(given))[0] == 422


def message(client, ident, text):
    return {"id": ident, "source": "wa1", "conversation": {"id": client.id}, "sender": {"id": client.id, "name": "Вера"},
            "type": "text", "text": text}


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_key_that_reads_like_another_messages_id_is_not_that_message(stack, client, number, order):
    calls = [(message(client, "x-" + number, "third-" + number), {"Idempotency-Key": number}),
             (message(client, number, "fourth-" + number), {})]
    for i in order:
        code, answer, _ = stack.service_call("messages", calls[i][0], headers=calls[i][1])
        assert (code, answer["status"]) == (202, "accepted"), answer
    stack.wait("amojo.message", text="third-" + number)
    stack.wait("amojo.message", text="fourth-" + number)
    for body, headers in calls:
        assert stack.service_call("messages", body, headers=headers)[1]["status"] == "duplicate"


def test_a_key_is_no_message_that_one_could_ask_for(stack, client, number):
    assert stack.service_call("messages", message(client, "x-" + number, "words-" + number),
                              headers={"Idempotency-Key": number})[0] == 202
    assert stack.call("GET", "messages/" + number)[0] == 404


def test_a_captured_webhook_is_kept_once_whatever_account_its_path_says(stack):
    before = len(stack.control("quarantine.list"))
    known = hook(stack.scope.partition("_")[2], "captured-" + uuid.uuid4().hex)
    bare = {k: v for k, v in hook("x", "captured-" + uuid.uuid4().hex).items() if k != "account_id"}
    for body, answer in ((known, 400), (bare, 200)):
        for _ in range(12):
            raw = json.dumps(body).encode()
            head = {"Content-Type": "application/json",
                    "X-Signature": amojo_webhook(stack.secret, raw)}
            url = f"http://127.0.0.1:{stack.port}/messages/{stack.channel}_{uuid.uuid4()}"
            assert http("POST", url, raw, head)[0] == answer
    wait_for(lambda: stack.figure("ingress", "amo_spool_events") == 0, "core to take them")
    assert len(stack.control("quarantine.list")) == before + 2


def test_a_captured_call_is_kept_once_whatever_its_headers_say(stack, client):
    """Nothing signs the Idempotency-Key."""
    before = len(stack.control("quarantine.list"))
    body = {**message(client, uuid.uuid4().hex, "in the name of nobody"), "direction": "out", "receiver": {"id": client.id}}
    bot = stack.sandbox(f"channels/{stack.channel}/registration")
    [channel] = bot["result"].values()
    stack.control("channel.add", reply=json.dumps({**bot, "result": {"ru": {**channel, "bot": None}}}), url=stack.sandbox_url)
    try:
        for _ in range(5):
            assert stack.service_call("messages", body, headers={"Idempotency-Key": uuid.uuid4().hex})[0] == 202
        wait_for(lambda: stack.figure("ingress", "amo_spool_events") == 0, "core to take them")
        assert len(stack.control("quarantine.list")) == before + 1
    finally:
        stack.control("channel.add", reply=json.dumps(bot), url=stack.sandbox_url)


def test_one_message_id_in_two_accounts_is_two_messages(stack, client):
    two = stack.sandbox("connectors", {"name": "two", "bridge_url": f"http://127.0.0.1:{stack.port}"})
    stack.control("connector.add", name="two", kind="http", url=f"{stack.sandbox_url}/mobilon/two", allow_private=True,
                  secret=two["secret"], token=two["token"])
    ident, accounts = str(uuid.uuid4()), {stack.scope: "svc"}
    accounts[stack.control("account.connect", channel=stack.channel, account=str(uuid.uuid4()), connector="two",
                           title="Two")["scope_id"]] = "two"
    for scope, connector in accounts.items():
        body = hook(scope.partition("_")[2], f"words-of-{connector}-{ident}", client=None)
        body["message"]["receiver"]["phone"] = "+79005550177"
        body["message"]["message"]["id"] = ident
        assert stack.webhook(body, scope_id=scope, learn=False)["status"] == 200
    for connector in accounts.values():
        wait_for(lambda text=f"words-of-{connector}-{ident}": any(
            text in str(j["body"]) for j in stack.journal(side="service")), "the call to " + connector)


def test_a_status_that_comes_before_its_answer_is_not_another_conversations(stack, client, number):
    """A service that counts the messages of each conversation apart, and reports before it answers."""
    other = Client(stack)
    before = client.is_told("before-" + number, {"id": number})
    text = "reported-early-" + number
    stack.fault(on="service.message.created", match=text, status=200, body={"id": number}, process=True,
                delay_ms=1500, times=1)
    ident = stack.manager_writes(text, other.chat)["id"]
    stack.wait("service.message", text=text)
    code, answer, _ = stack.service_call("statuses", {"statuses": [
        {"id": number, "status": "read", "conversation": {"id": other.id}}]})
    assert (code, answer["results"][0]["status"]) == (202, "accepted"), answer
    stack.wait("status", id=ident, status=2)
    assert stack.statuses(before) == []


class Namesakes:
    """One client at two numbers of a service, which calls both conversations by his phone and counts the messages of each."""

    def __init__(self, stack):
        self.stack, self.id = stack, "7900" + str(uuid.uuid4().int)[:7]
        self.chats = {source: self.says(source, f"hello-{source}-{self.id}") for source in ("wa1", "wa2")}

    def says(self, source, text):
        code, answer, _ = self.stack.service_call("messages", {
            "id": uuid.uuid4().hex, "source": source, "conversation": {"id": self.id}, "sender": {"id": self.id},
            "type": "text", "text": text})
        assert (code, answer["status"]) == (202, "accepted"), answer
        return self.stack.wait("amojo.message", text=text)["item"]["chat"]

    def is_told(self, source, text, ident, delay_ms=0):
        self.stack.fault(on="service.message.created", match=text, status=200, body={"id": ident}, process=True, times=1,
                         delay_ms=delay_ms)
        amo = self.stack.manager_writes(text, self.chats[source])["id"]
        if not delay_ms:
            wait_for(lambda: (known(self.stack, amo) or {}).get("state") == "delivered_to_service", "its answer")
        self.stack.wait("service.message", text=text)
        return amo

    def reports(self, ident, word):
        answer = self.stack.service_call("statuses", {"statuses": [
            {"id": ident, "status": word, "conversation": {"id": self.id}}]})[1]
        assert answer["results"][0]["status"] == "accepted", answer


def test_what_may_be_about_either_of_two_conversations_of_one_name_changes_neither(stack, number):
    who, before = Namesakes(stack), len(stack.control("quarantine.list"))
    told = [who.is_told(source, f"to-{source}-{number}", number) for source in ("wa1", "wa2")]
    who.reports(number, "read")
    stack.call("PATCH", f"messages/{number}", {"text": "mended-" + number, "conversation": {"id": who.id}})
    stack.service_call("reactions", {"message_id": number, "emoji": "👍", "conversation": {"id": who.id}})
    wait_for(lambda: len(stack.control("quarantine.list")) == before + 3, "the quarantine")
    assert {q["kind"] for q in quarantined(stack, "ambiguous_id")} == {"service.edit", "service.reaction"}
    who.reports(stack.control("trace", id=told[0])["message"]["mid"], "read")  # so it is said which
    stack.wait("status", id=told[0], status=2)
    stack.settle()
    assert stack.statuses(told[1]) == [] and not [p for p in edits(stack) if p["message"]["text"] == "mended-" + number]


@pytest.mark.parametrize("same", [True, False], ids=["of-the-same-id", "of-another-id"])
def test_a_status_before_the_first_answer_of_a_namesake_is_not_the_others(stack, number, same):
    who, before = Namesakes(stack), len(quarantined(stack, "unknown_message"))
    first = who.is_told("wa1", "one-" + number, number)
    second = who.is_told("wa2", "two-" + number, number if same else "x" + number, delay_ms=1500)
    who.reports(number, "read")
    if same:
        wait_for(lambda: len(quarantined(stack, "unknown_message")) == before + 1, "the quarantine")
    else:
        stack.wait("status", id=first, status=2)
    stack.settle()
    assert [s for s, _ in stack.statuses(first)] == ([] if same else [2]) and stack.statuses(second) == []
    assert stack.control("trace", id=second)["message"]["state"] == "delivered_to_service"
