"""A copy of core's store is put back: what it does not know any more was done all the same, and is not done again."""
import contextlib
import pathlib
import shutil
import sqlite3
import uuid

import pytest

from accounts import another_account
from stack import QUICK, Stack, http, wait_for


@pytest.fixture
def stack():
    with Stack(env={**QUICK, "AMO_CORE_LOOKS_MS": "1000"}) as s:
        s.up()
        yield s


def copy_store(stack):
    with contextlib.closing(sqlite3.connect(stack.dir / "data" / "core" / "core.db")) as source, \
            contextlib.closing(sqlite3.connect(stack.dir / "backup.db")) as target:
        source.backup(target)


def put_back(stack, ingress="ingress"):
    """The copy is core's store again, and @ingress has noticed what it has to send once more."""
    path = stack.dir / "data" / "core" / "core.db"
    stack["core"].kill()
    for tail in ("-wal", "-shm"):
        pathlib.Path(f"{path}{tail}").unlink(missing_ok=True)
    shutil.copy(stack.dir / "backup.db", path)
    stack.start("core")
    stack[ingress].wait_line(r"what=spool.taken_forgotten events=\d+")


def state(stack, ident):
    return stack.call("GET", f"messages/{ident}")[1].get("status")


def reports(stack, port, ident, words, author=None):
    body = {"id": ident, "source": "wa1", "direction": "out", "conversation": {"id": "79005550101"}, "type": "text",
            "sender": {"id": "operator"}, "receiver": {"id": "79005550101"}, "author": author, "text": words}
    assert http("POST", f"http://127.0.0.1:{port}/v1/connectors/svc/messages", body,
                {"Authorization": f"Bearer {stack.svc['token']}", "Content-Type": "application/json"})[0] == 202


def a_colleague(stack):
    """An amo user whose words on the service's side come back from amo as an echo; the `author` of a message."""
    user = str(uuid.uuid4())
    stack.sandbox("channels", {"id": stack.channel, "users": [user]})
    stack.sandbox("settings", {"echo": True}, method="PATCH")
    return {"amo_user": user}


def the_last(stack):
    """A client writes behind all that comes again, and all has its end."""
    stack.client_writes("the-last")
    stack.wait("amojo.message", text="the-last")
    stack.settle()


def texts(stack, side):
    return [m["text"] for m in stack.list(f"{side}/messages")]


def test_what_amo_refuses_as_known_after_a_restored_store_is_not_called_failed(stack):
    stack.sandbox("settings", {"repeat": 400}, method="PATCH")
    stack.meet()
    copy_store(stack)
    said = [stack.client_writes(f"after-{n}")["id"] for n in range(3)]
    stack.wait("amojo.message", text="after-2")
    stack.settle()
    put_back(stack)
    wait_for(lambda: state(stack, said[-1]) == "delivered_to_amo", "the last of them to be known again")
    stack.settle()
    assert [state(stack, i) for i in said] == ["delivered_to_amo"] * 3
    assert stack.control("dead.list") == [] and stack.list("service/events?type=delivery.failed") == []


def test_what_amo_has_in_a_chat_that_a_restored_store_has_forgotten_is_found(stack):
    """A second card of the same phone is all that the conversation knows afterwards."""
    stack.sandbox("settings", {"repeat": 400}, method="PATCH")
    copy_store(stack)
    said = stack.client_writes("of-the-first-chat")["id"]
    stack.wait("amojo.message", text="of-the-first-chat")
    stack.sandbox("manager/writes-first", {"scope_id": stack.scope, "phone": "79005550101", "source": "wa1",
                                           "text": "of-a-second-card"})
    stack.wait("service.message", text="of-a-second-card")
    stack.settle()
    stack.fault(on="amojo.new_message", match="of-the-first-chat", status=503, times=1)  # the card's webhook is faster
    put_back(stack)
    wait_for(lambda: state(stack, said) in ("delivered_to_amo", "failed"), "it to be known again", 20)
    assert state(stack, said) == "delivered_to_amo" and stack.control("dead.list") == []


def test_what_amo_has_in_a_chat_whose_name_went_to_a_card_is_not_called_refused_after_a_restored_store(stack):
    """A client's word, then a manager's card, then the client in that card: amo knows the card's chat by our name from
    then on, and nobody knows the first chat by any other."""
    stack.sandbox("settings", {"repeat": 400}, method="PATCH")
    copy_store(stack)
    said = stack.client_writes("of-the-first-chat")["id"]
    stack.wait("amojo.message", text="of-the-first-chat")
    stack.sandbox("manager/writes-first", {"scope_id": stack.scope, "phone": "79005550101", "source": "wa1",
                                           "text": "of-a-second-card"})
    stack.wait("service.message", text="of-a-second-card")
    stack.settle()
    stack.client_writes("in-the-card")
    stack.wait("amojo.message", text="in-the-card")
    stack.settle()
    put_back(stack)
    wait_for(lambda: state(stack, said) in ("delivered_to_amo", "failed"), "its end", 20)
    assert [d["reason"] for d in stack.control("dead.list")] == ["unclear"]


@pytest.mark.parametrize("busy", [False, True])
def test_an_echo_that_comes_again_after_a_restored_store_reaches_nobody(stack, busy):
    author = a_colleague(stack)
    stack.meet()
    copy_store(stack)
    if busy:  # something stands before it in its lane
        stack.client_writes("a-client-before")
    stack.client_writes("words-of-a-colleague", direction="out", author=author)
    stack.wait("amojo.message", text="words-of-a-colleague")
    stack.settle()
    if busy:
        stack.fault(on="amojo.new_message", match="a-client-before", delay_ms=1500, times=1)
    put_back(stack)
    the_last(stack)
    assert texts(stack, "service") == []


@pytest.mark.parametrize("queued, again", [(False, False), (True, False), (False, True)])
def test_reports_that_come_again_after_a_restored_store_are_no_messages(stack, queued, again):
    chat = stack.meet()["chat"]
    if not queued:
        copy_store(stack)
    else:  # the copy has the messages, and knows of no attempt
        stack["egress-0"].kill()
    items = [stack.manager_writes(f"managers-words-{n}", chat) for n in range(2)]
    if queued:
        wait_for(lambda: stack.control("status")["commands"] >= 2, "both in the queue")
        copy_store(stack)
        stack.start("egress-0")
    for n, item in enumerate(items):
        stack.wait("status", id=item["id"], status=2)
        ident = stack.list("service/messages")[n]["service_id"]
        reports(stack, stack.port, ident, f"managers-words-{n}")
    stack.settle()
    stack.fault(on="service.message.created", match="managers-words-0", delay_ms=1500, times=2)
    put_back(stack)
    if again:  # core dies once more while they wait
        wait_for(lambda: stack.control("status")["waiting_events"] >= 2, "both reports to wait")
        stack.start_over("core")
    the_last(stack)
    assert texts(stack, "amojo") == ["hello", "the-last"]


@pytest.mark.parametrize("first", [False, True])
def test_the_echo_of_a_colleagues_words_that_wait_themselves_after_a_restored_store_reaches_nobody(stack, first):
    """They wait for a manager's words, to the same person or the first to anybody."""
    author = a_colleague(stack)
    chat = stack.meet()["chat"]
    stack.settle()
    copy_store(stack)
    if first:
        stack.sandbox("manager/writes-first", {"scope_id": stack.scope, "phone": "79005550909", "source": "wa1",
                                               "text": "managers-words"})
    else:
        stack.manager_writes("managers-words", chat)
    stack.wait("service.message", text="managers-words")
    stack.settle()
    for n in range(2):
        stack.client_writes(f"a-colleague-{n}", direction="out", author=author)
        stack.wait("amojo.message", text=f"a-colleague-{n}")
    stack.settle()
    stack.fault(on="service.message.created", match="managers-words", delay_ms=1000, times=1)
    put_back(stack)
    the_last(stack)
    assert texts(stack, "service") == ["managers-words"]
    assert texts(stack, "amojo") == ["hello", "a-colleague-0", "a-colleague-1", "the-last"]


@pytest.mark.parametrize("words", ["managers-words", "words as the service has them"])
def test_the_report_of_a_managers_words_that_wait_themselves_after_a_restored_store_is_no_message(stack, words):
    """They wait for a colleague's, whose echo they may be; the report of them comes again behind them."""
    chat = stack.meet()["chat"]
    stack.settle()
    copy_store(stack)
    stack.client_writes("a-colleague", direction="out", author=None)
    stack.wait("amojo.message", text="a-colleague")
    stack.settle()
    stack.manager_writes("managers-words", chat)
    ident = stack.wait("service.message", text="managers-words")["item"]["service_id"]
    reports(stack, stack.port, ident, words)
    stack.client_writes("a-second-colleague", direction="out", author=None)
    stack.wait("amojo.message", text="a-second-colleague")
    stack.settle()
    stack.fault(on="amojo.new_message", match="a-colleague", delay_ms=1000, times=1)
    put_back(stack)
    the_last(stack)
    assert texts(stack, "service") == ["managers-words"]
    assert texts(stack, "amojo") == ["hello", "a-colleague", "a-second-colleague", "the-last"]


def test_the_echo_of_a_colleagues_words_that_go_again_behind_new_ones_reaches_nobody(stack):
    """They wait for a manager's; what a client writes meanwhile stands before them, and takes its time."""
    author = a_colleague(stack)
    chat = stack.meet()["chat"]
    stack.settle()
    copy_store(stack)
    stack.manager_writes("managers-words", chat)
    stack.wait("service.message", text="managers-words")
    stack.settle()
    stack.client_writes("a-colleague", direction="out", author=author)
    stack.wait("amojo.message", text="a-colleague")
    stack.settle()
    stack.fault(on="service.message.created", match="managers-words", delay_ms=1000, times=1)
    stack.fault(on="amojo.new_message", match="a-new-one", delay_ms=3500, times=1)
    put_back(stack)
    stack.client_writes("a-new-one")
    stack.wait("amojo.message", text="a-new-one")
    stack.settle()
    assert texts(stack, "service") == ["managers-words"]
    assert texts(stack, "amojo") == ["hello", "a-colleague", "a-new-one"]


def test_the_echo_of_a_colleagues_words_that_have_to_wait_for_their_turn_reaches_nobody(stack):
    """Amo wants few calls, and others stand before them: nobody can tell meanwhile, however long that takes."""
    author = a_colleague(stack)
    stack.meet()
    stack.settle()
    copy_store(stack)
    for n in range(8):
        stack.client_writes(f"before-{n}")
    stack.client_writes("a-colleague", direction="out", author=author)
    stack.wait("amojo.message", text="a-colleague")
    stack.settle()
    stack.fault(on="amojo.new_message", status=429, retry_after=1, times=1)
    stack["core"].env["AMO_CORE_ECHO_MS"] = "1000"
    put_back(stack)
    the_last(stack)
    assert texts(stack, "service") == []
    assert texts(stack, "amojo") == ["hello", *(f"before-{n}" for n in range(8)), "a-colleague", "the-last"]


def second_ingress(stack):
    """It has a spool of its own; its port."""
    stack.add("ingress-2", ["amo-ingress"], {"AMO_INGRESS_LISTEN": "127.0.0.1:0", "AMO_NAME": "ingress-2",
                                             "AMO_INGRESS_ADMIN_LISTEN": "127.0.0.1:0"})
    stack["ingress-2"].env["AMO_DATA_DIR"] = str(stack.dir / "data-2")
    stack.start("ingress-2")
    port = stack["ingress-2"].wait_line(r"what=ready .*listen=\S+:(\d+)").group(1)
    stack["ingress-2"].wait_line("what=registry.new")
    stack["ingress-2"].env["AMO_INGRESS_LISTEN"] = f"127.0.0.1:{port}"
    return port


def comes_back_later(stack, late, early):
    """The store is put back, and of two ingresses one has sent again what it has before the other one is there."""
    stack[late].kill()
    put_back(stack, early)
    wait_for(lambda: stack.figure(early, "amo_spool_events") == 0, "what it has to be taken again")
    stack.start(late)
    the_last(stack)
    wait_for(lambda: stack.control("status")["waiting_events"] == 0, "nothing to wait")
    stack.settle()


def test_a_report_in_one_spool_waits_for_what_another_one_sends_again_after_a_restored_store(stack):
    port = second_ingress(stack)
    chat = stack.meet()["chat"]
    stack.settle()
    copy_store(stack)
    stack.manager_writes("managers-words", chat)
    ident = stack.wait("service.message", text="managers-words")["item"]["service_id"]
    reports(stack, port, ident, "managers-words")
    wait_for(lambda: stack.figure("ingress-2", "amo_spool_events") == 0, "the report to be taken")
    stack.settle()
    comes_back_later(stack, "ingress", "ingress-2")
    assert texts(stack, "service") == ["managers-words"]
    assert texts(stack, "amojo") == ["hello", "the-last"]


def test_an_echo_in_one_spool_waits_for_what_another_one_sends_again_after_a_restored_store(stack):
    """What managers write meanwhile arrives behind it, and once."""
    author = a_colleague(stack)
    port = second_ingress(stack)
    chat = stack.meet()["chat"]
    stack.settle()
    copy_store(stack)
    reports(stack, port, "o1", "a-colleague", author)
    stack.wait("amojo.message", text="a-colleague")
    wait_for(lambda: stack.figure("ingress-2", "amo_spool_events") == 0, "the colleague's words to be taken")
    stack.settle()
    for n in range(2):
        stack.manager_writes(f"managers-words-{n}", chat)
        stack.wait("service.message", text=f"managers-words-{n}")
    stack.settle()
    comes_back_later(stack, "ingress-2", "ingress")
    assert texts(stack, "service") == ["managers-words-0", "managers-words-1"]
    assert texts(stack, "amojo") == ["hello", "a-colleague", "the-last"]


def test_a_colleagues_words_that_wait_after_a_restored_store_are_not_called_failed(stack):
    """They wait for a manager's, which go again, too, and are then made anew."""
    stack.sandbox("settings", {"repeat": 400}, method="PATCH")
    chat = stack.meet()["chat"]
    stack.settle()
    copy_store(stack)
    stack.manager_writes("managers-words", chat)
    stack.wait("service.message", text="managers-words")
    stack.settle()
    said = stack.client_writes("a-colleague", direction="out", author=None)["id"]
    stack.wait("amojo.message", text="a-colleague")
    stack.settle()
    stack.fault(on="service.message.created", match="managers-words", delay_ms=1000, times=1)
    put_back(stack)
    wait_for(lambda: state(stack, said) in ("delivered_to_amo", "failed"), "it to be known again", 20)
    assert state(stack, said) == "delivered_to_amo" and stack.control("dead.list") == []


def test_what_waits_in_a_store_that_was_put_back_may_have_been_done_as_well(stack):
    """A colleague's words wait for the end of a manager's when the copy is made, and go to amo since. They wait in
    the copy, too, when the number is given to somebody else."""
    stack.sandbox("settings", {"repeat": 400}, method="PATCH")
    stack.control("source.add", connector="svc", source="wa1", scope_id=stack.scope)
    other = another_account(stack, "wa2")
    chat = stack.meet()["chat"]
    stack.settle()
    stack.fault(on="service.message.created", match="managers-words", delay_ms=2500, times=2)
    stack.manager_writes("managers-words", chat)
    stack.wait("service.message", text="managers-words")
    said = stack.client_writes("a-colleague", direction="out", author=None)["id"]
    wait_for(lambda: stack.control("status")["waiting_events"] == 1, "it to wait")
    copy_store(stack)
    stack.wait("amojo.message", text="a-colleague")
    stack.meet("since", conversation="79005550102")
    stack.settle()
    put_back(stack)
    wait_for(lambda: stack.control("status")["waiting_events"] == 1, "it to wait again")
    stack.control("source.add", connector="svc", source="wa1", scope_id=other, move=True)
    wait_for(lambda: state(stack, said) in ("delivered_to_amo", "failed"), "its end")
    stack.settle()
    assert state(stack, said) == "delivered_to_amo"
    assert [d["reason"] for d in stack.control("dead.list") if d["kind"].startswith("amo.")] == []


def test_a_status_that_comes_again_before_the_message_it_is_about_does_not_wait_for_nothing(stack):
    """The message waits for a colleague's words, which go again, too; the status names it by our mid."""
    chat = stack.meet()["chat"]
    stack.settle()
    copy_store(stack)
    stack.client_writes("a-colleague", direction="out", author=None)
    stack.wait("amojo.message", text="a-colleague")
    stack.settle()
    item = stack.manager_writes("managers-words", chat)
    mid = stack.wait("service.message", text="managers-words")["item"]["id"]
    stack.wait("status", id=item["id"], status=2)
    assert stack.service_call("statuses", {"statuses": [{"id": mid, "status": "read"}]})[0] == 202
    stack.settle()
    stack.fault(on="amojo.new_message", match="a-colleague", delay_ms=1000, times=1)
    put_back(stack)
    wait_for(lambda: stack.control("status")["waiting_events"] >= 2, "the message and its status to wait")
    wait_for(lambda: state(stack, mid) == "delivered_to_service", "the message to be known again")
    stack.settle()
    assert stack.control("status")["waiting_events"] == 0


def test_an_answer_to_a_forgotten_message_is_not_taken_for_another_ones(stack):
    """A worker still has the call in hand; the restored store gives the command's id to the next manager's words."""
    stack.sandbox("connectors", {"name": "svc", "report": "none"})
    chats = [stack.meet(f"hello-{n}", conversation=f"7900555010{n}")["chat"] for n in (1, 2)]
    stack.settle()
    copy_store(stack)
    stack.fault(on="amojo.new_message", match="refused-once", status=422, times=1)  # its service is told: one command more
    stack.client_writes("refused-once", conversation="79005550103")
    wait_for(lambda: stack.list("service/events?type=delivery.failed"), "the service to be told")
    stack.settle()
    stack.fault(on="service.message.created", match="under-way", delay_ms=3000, times=1)
    stack.fault(on="service.message.created", match="the-next", status=503)
    stack.manager_writes("under-way", chats[0])
    stack.wait("service.message", text="under-way")
    put_back(stack)
    item = stack.manager_writes("the-next", chats[1])

    def called():
        return stack.control("trace", id=item["id"])["message"]["state"]

    def refused():
        return any("what=result.of_another" in line for line in stack["core"].lines)

    wait_for(lambda: stack.bodies(side="service", status=503), "it to be tried")
    wait_for(lambda: called() == "delivered_to_service" or refused(), "the answer to the forgotten one")
    assert wait_for(called, "it to be known") == "accepted"
    stack.clear_faults()
    stack.wait("service.message", text="the-next")
    stack.settle()
    assert called() == "delivered_to_service"
    assert texts(stack, "service") == ["under-way", "the-next"]


def test_an_edit_without_a_key_that_a_copied_spool_sends_again_brings_no_old_text_back(stack):
    said = stack.client_writes("first")["id"]
    stack.wait("amojo.message", text="first")
    assert stack.call("PATCH", f"messages/{said}", {"text": "an old text"})[0] == 202
    assert stack.call("POST", "reactions", {"message_id": said, "emoji": "\U0001F44D"})[0] == 202
    stack.wait("amojo.edit", text="an old text")
    stack.wait("amojo.reactions", count=1)
    stack.settle()
    stack["ingress"].kill()
    shutil.copytree(stack.dir / "data" / "ingress", stack.dir / "copy")
    stack.start("ingress")
    assert stack.call("PATCH", f"messages/{said}", {"text": "the text that stands"})[0] == 202
    assert stack.call("POST", "reactions", {"message_id": said, "set": False})[0] == 202
    stack.wait("amojo.edit", text="the text that stands")
    stack.settle()
    stack["ingress"].kill()
    shutil.rmtree(stack.dir / "data" / "ingress")
    shutil.copytree(stack.dir / "copy", stack.dir / "data" / "ingress")
    stack.start("ingress")
    stack["ingress"].wait_line(r"what=spool.(restored|refused)")
    the_last(stack)
    now = next(m for m in stack.list("amojo/messages") if m["msgid"].endswith(said))
    assert (now["text"], now["edits"], now["reactions"]) == ("the text that stands", 2, [])


@pytest.mark.parametrize("dies", [False, True])
def test_a_chat_that_waiting_words_of_a_colleague_began_is_not_unknown_after_a_restored_store(stack, dies):
    """They come again, and wait for the first words to somebody else, which may be them."""
    user = str(uuid.uuid4())
    stack.sandbox("channels", {"id": stack.channel, "users": [user]})
    stack.sandbox("settings", {"echo": True}, method="PATCH")
    stack.meet()
    stack.sandbox("connectors", {"name": "svc", "report": "none"})  # a report would name the thread
    stack.settle()
    copy_store(stack)
    stack.sandbox("manager/writes-first", {"scope_id": stack.scope, "phone": "79005550909", "source": "wa1",
                                           "text": "first-words"})
    stack.wait("service.message", text="first-words")
    stack.settle()
    assert stack.service_call("messages", {  # without a phone: they may be to anybody
        "id": "own", "source": "wa1", "direction": "out", "conversation": {"id": "thread"}, "type": "text",
        "sender": {"id": "operator"}, "receiver": {"id": "somebody"}, "author": {"amo_user": user},
        "text": "a-colleague"})[0] == 202
    chat = stack.wait("amojo.message", text="a-colleague")["item"]["chat"]
    stack.settle()
    answers = [stack.manager_writes(f"answer-{n}", chat) for n in range(2)]
    stack.wait("service.message", text="answer-1")
    stack.settle()
    stack.fault(on="service.message.created", match="first-words", delay_ms=1000, times=2)
    put_back(stack)
    stack["ingress"].wait_line(r"what=spool.taken_forgotten events=\d+")
    answers.append(stack.manager_writes("answer-2", chat))
    if dies:
        wait_for(lambda: stack.control("status")["waiting_events"] >= 4, "them all to wait")
        stack.start_over("core")
    stack.wait("service.message", text="answer-2")
    wait_for(lambda: not stack.control("status")["waiting_events"], "nothing to wait")
    stack.settle()
    assert stack.control("quarantine.list") == [] and stack.control("dead.list") == []
    assert [m["text"] for m in stack.list("service/messages")] == ["first-words", "answer-0", "answer-1", "answer-2"]
    for a in answers:
        assert all(status > 0 for status, _ in stack.statuses(a["id"]))


def test_the_report_of_what_a_restored_store_has_set_aside_for_its_account_is_no_message():
    def aside():
        return stack.control("account.show", scope_id=stack.scope)["set_aside"]

    with Stack(env={**QUICK, "AMO_CORE_LOOKS_MS": "1000", "AMO_CORE_COMMANDS_MAX": "8", "AMO_SCOPE_RATE": "0"}) as stack:
        stack.up()
        chat = stack.meet("hello", conversation="79005550101")["chat"]
        other = stack.meet("hello too", conversation="79005550102")["chat"]
        stack.settle()
        stack["egress-0"].kill()
        for n in range(6):
            stack.manager_writes(f"filling-{n}", other)
        stack.manager_writes("aside-words", chat)
        wait_for(lambda: aside() == 3, "the last ones to be set aside")
        copy_store(stack)
        stack.start("egress-0")
        said = stack.wait("service.message", text="aside-words")["item"]
        stack.settle()
        reports(stack, stack.port, said["service_id"], "aside-words")
        stack.settle()
        assert texts(stack, "amojo") == ["hello", "hello too"]
        put_back(stack)
        wait_for(lambda: aside() == 0, "all to come out")
        the_last(stack)
        assert "aside-words" not in texts(stack, "amojo")
