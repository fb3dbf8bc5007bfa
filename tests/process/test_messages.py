"""From a person to his messages: a phone and a time are enough, and nothing is shown that nobody asked for."""
import uuid

import pytest

from stack import QUICK, Stack, wait_for


@pytest.fixture(scope="module")
def stack():
    with Stack(env=QUICK) as s:
        s.up(register=False)
        s.register(report="none")
        yield s


def phone():
    return "7900" + str(uuid.uuid4().int)[:7]


def client(stack, number, text="hello", source="wa1", name="Иван Петров", conversation=None):
    """Somebody writes from this number; the message that amo has of it."""
    stack.client_writes(text, conversation=conversation or number, source=source,
                        sender={"id": number, "name": name, "phone": "+" + number})
    return stack.wait("amojo.message", text=text)["item"]


def words():
    return "words-" + uuid.uuid4().hex[:8]


def messages(stack, *options):
    return stack.amoctl("message", "list", *options)["messages"]


def test_the_client_never_got_it_is_answered_with_a_phone_and_a_time(stack):
    number, lost = phone(), words()
    chat = client(stack, number, words())["chat"]
    stack.fault(on="service.message.created", match=lost, status=422, times=1,
                body={"error": {"code": "not_on_channel", "message": "no such subscriber"}})
    written = stack.manager_writes(lost, chat)
    spelt = f"8 ({number[1:4]}) {number[4:7]}-{number[7:9]}-{number[9:]}"
    failed = wait_for(lambda: [m for m in messages(stack, "--conversation", spelt, "--since", "1h") if m["state"] == "failed"],
                      "the message to be given up")
    assert [(m["direction"], m["reason"], m["amo_id"]) for m in failed] == [("outbound", "refused", written["id"])]
    shown = stack.operator("message", "list", "--conversation", spelt, "--since", "1h")
    assert shown.returncode == 0, shown.stderr
    first, second = [line for line in shown.stdout.splitlines() if line[:2] == "20"]
    assert "outbound" in first and "failed" in first and "inbound" in second  # newest first
    assert "no such subscriber" in failed[0]["why"] and failed[0]["why"] in " ".join(shown.stdout.split())
    assert failed[0]["mid"] in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 80, shown.stdout
    assert messages(stack, "--conversation", number, "--until", "2020-01-01") == []


def test_what_the_service_reported_as_failed_is_told_with_its_words(stack):
    number, text = phone(), words()
    chat = client(stack, number, words())["chat"]
    written = stack.manager_writes(text, chat)
    got = stack.wait("service.message", text=text)["item"]
    stack.sandbox("client/statuses", {"connector": "svc", "id": got["id"], "status": "failed",
                                      "error": {"code": "not_on_channel", "text": "blocked by user"}})
    told = wait_for(lambda: [m for m in messages(stack, "--conversation", number) if m["told"] == "failed"], "the report")
    assert [(m["amo_id"], m["told_code"], m["told_words"]) for m in told] == [(written["id"], 904, "blocked by user")]
    assert "told failed 904" in stack.operator("message", "list", "--conversation", number).stdout


def test_a_conversation_shows_its_last_messages(stack):
    number, text = phone(), words()
    chat = client(stack, number, text)["chat"]
    stack.manager_writes("answer-" + text, chat)
    stack.wait("service.message", text="answer-" + text)
    seen = wait_for(lambda: (c := stack.amoctl("conversation", "show", number))["last_messages"][1:] and c, "both")
    assert [m["direction"] for m in seen["last_messages"]] == ["outbound", "inbound"]
    assert seen["messages"]["outbound"] == seen["messages"]["inbound"] == 1


@pytest.mark.parametrize("verb", [("message", "list", "--conversation"), ("conversation", "show")])
def test_several_conversations_of_one_phone_are_rows_to_choose_from(stack, verb):
    number = phone()
    for source in ("wa1", "wa2", "tg1"):
        client(stack, number, words(), source=source, conversation=f"{source}-{number}")
    shown = stack.operator(*verb, number, "--json")
    assert shown.returncode == 1 and "3 conversations are known by this" in shown.stderr
    assert number not in shown.stderr
    rows = stack.operator(*verb, number)
    assert rows.returncode == 1
    for source in ("wa1", "wa2", "tg1"):
        assert source in rows.stdout
    assert "Test" in rows.stdout and f"***{number[-4:]}" in rows.stdout and "inbound" in rows.stdout
    assert "Петров" not in rows.stdout


def test_which_conversations_are_stuck_and_since_when(stack):
    calm, number = phone(), phone()
    client(stack, calm, words())
    chat = client(stack, number, words())["chat"]
    stack.settle()
    stack.control("account.pause", scope_id=stack.scope)
    try:
        for _ in range(3):
            stack.manager_writes(words(), chat)
        stuck = wait_for(lambda: [c for c in stack.amoctl("conversation", "list", "--waiting")
                                  if c["conversation"] == number and c["waiting"] == 3], "the three to wait")
        assert stuck[0]["phone"] == "***" + number[-4:] and stuck[0]["oldest_s"] >= 0
        assert "paused" in stuck[0]["why"]
        everybody = {c["conversation"]: c["waiting"] for c in stack.amoctl("conversation", "list")}
        assert everybody[calm] == 0 and everybody[number] == 3
        waiting = messages(stack, "--state", "accepted", "--scope", stack.scope)
        assert [m["direction"] for m in waiting] == ["outbound"] * 3 and all("paused" in m["why"] for m in waiting)
    finally:
        stack.control("account.resume", scope_id=stack.scope)
    stack.settle()
    assert stack.amoctl("conversation", "list", "--waiting") == []


def test_a_client_is_found_by_a_part_of_the_name(stack):
    number, text = phone(), words()
    client(stack, number, text, name="Ёлкина Мария " + text)
    assert [m["conversation"] for m in messages(stack, "--conversation", "елкина мария " + text.upper())]
    assert [c["conversation"] for c in stack.amoctl("conversation", "list", "--name", text)] == [number]


@pytest.mark.parametrize("options, code, said", [
    (("conversation", "list", "--scope", "nope"), 1, "no such account"),
    (("message", "list", "--scope", "nope"), 1, "no such account"),
    (("message", "list", "--state", "lost"), 2, "delivered_to_amo"),
    (("message", "list", "--reason", "bad luck"), 2, "workers_lost"),
    (("message", "list", "--conversation", "nobody-is-called-so"), 1, "no conversation is known"),
    (("message", "list", "--since", "tomorrow"), 2, "2026-11-30T10:05")])
def test_a_slip_of_the_pen_is_no_empty_list(stack, options, code, said):
    done = stack.operator(*options)
    assert (done.returncode, done.stdout) == (code, "") and said in done.stderr, done


def test_texts_are_shown_to_whoever_asks_for_them_alone(stack):
    number, secret = phone(), words()
    chat = client(stack, number, words())["chat"]
    stack.settle()
    stack.control("account.pause", scope_id=stack.scope)
    try:
        stack.manager_writes(secret, chat)
        wait_for(lambda: messages(stack, "--conversation", number, "--state", "accepted"), "the message to wait")
        masked = stack.operator("message", "list", "--conversation", number)
        assert secret not in masked.stdout and number not in masked.stdout.replace(f"svc-{number}", "")
        revealed = stack.operator("message", "list", "--conversation", number, "--reveal")
        assert secret in revealed.stdout and "Иван Петров" in revealed.stdout
    finally:
        stack.control("account.resume", scope_id=stack.scope)


def test_pages_lead_through_all_messages(stack):
    number = phone()
    texts = [words() for _ in range(7)]
    for text in texts:
        client(stack, number, text)
    seen, page = [], ()
    while True:
        answer = stack.amoctl("message", "list", "--conversation", number, "--limit", "3", *page)
        seen += [m["mid"] for m in answer["messages"]]
        if "next" not in answer:
            break
        page = ("--page", answer["next"])
    assert len(seen) == len(set(seen)) == 7
    assert seen == [m["mid"] for m in messages(stack, "--conversation", number)]


def test_whoever_had_something_revealed_is_in_cores_log(stack):
    number = phone()
    client(stack, number, words())

    def written():
        return [line for line in stack["core"].lines if "what=operator.verb" in line and "reveal=yes" in line]

    before = len(written())
    stack.operator("message", "list", "--conversation", number)
    stack.operator("message", "list", "--conversation", number, "--reveal")
    stack.operator("conversation", "list", "--name", "Иван", "--reveal")
    assert "Иван" not in stack.operator("conversation", "show", number).stdout
    assert "Иван" in stack.operator("conversation", "show", number, "--reveal").stdout
    one, other, third = wait_for(lambda: written()[before + 2:] and written()[before:], "a line for each that revealed")
    assert "verb=conversation.show" in third and number not in third
    assert "verb=message.list" in one and "uid=" in one and number not in one
    assert "verb=conversation.list" in other and "Иван" not in other
