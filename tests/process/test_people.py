"""A service's clients and its own authors are counted apart: amo never takes one for the other."""
import uuid

import pytest

from stack import QUICK, Stack, wait_for


@pytest.fixture(scope="module")
def stack():
    with Stack(env=QUICK) as s:
        s.up(register=False)
        s.register(report="none")
        yield s


def says(stack, conversation, sender, **more):
    """The ids under which amo is told of the sender and the receiver."""
    text = "words-" + uuid.uuid4().hex[:8]
    status, answer, _ = stack.service_call("messages", {
        "id": uuid.uuid4().hex, "source": "wa1", "conversation": {"id": conversation}, "type": "text", "text": text,
        **({"sender": {"id": sender, "name": "N"}} if sender else {}), **more})
    assert status == 202, answer
    [payload] = wait_for(lambda: [b["payload"] for b in stack.bodies(side="amojo", kind="new_message")
                                  if b["payload"]["message"]["text"] == text], "the call")
    return payload["sender"]["id"], payload.get("receiver", {}).get("id")


def out(client):
    return {"direction": "out", "receiver": {"id": client}}


def number():
    return str(uuid.uuid4().int)[:9]


def test_an_author_with_a_clients_id_is_another_user(stack):
    ident, other = number(), number()
    client, _ = says(stack, "c-" + ident, ident)
    author, receiver = says(stack, "c-" + ident, ident, **out(ident))
    assert client == receiver == "svc-" + ident and author != client
    assert says(stack, "c-" + other, ident, **out(other)) == (author, "svc-" + other)
    assert says(stack, "c-" + ident, ident)[0] == client


def test_a_client_with_an_authors_id_is_another_user(stack):
    ident, other = number(), number()
    author, _ = says(stack, "c-" + other, ident, **out(other))
    assert author == "svc-" + ident
    client, _ = says(stack, "c-" + ident, ident)
    assert client not in (author, "svc-" + other)
    assert says(stack, "d-" + ident, ident)[0] == client
    assert says(stack, "c-" + other, ident, **out(other))[0] == author
    stack.start_over("core")
    assert says(stack, "e-" + ident, ident)[0] == client
    assert says(stack, "c-" + ident, None, **out(ident))[1] == client


def test_a_second_speaker_and_an_author_of_one_id_are_two(stack):
    ident, first = number(), number()
    says(stack, "group-" + first, first)
    speaker, _ = says(stack, "group-" + first, ident)
    author, _ = says(stack, "group-" + first, ident, **out(first))
    assert speaker == "svc-" + ident and author != speaker
    again, _ = says(stack, "group-" + first, ident)
    assert again == speaker


def test_a_client_who_is_called_bot_is_not_the_bot(stack):
    client, _ = says(stack, "c-bot", "bot")
    robot, _ = says(stack, "c-bot", None, **out("bot"))
    assert robot != client


def test_who_reacts_in_a_users_name_is_not_the_client_of_that_id(stack):
    ident, first = number(), number()
    says(stack, "group-" + first, first)
    says(stack, "group-" + first, ident)
    message = "m-" + number()
    says(stack, "group-" + first, first, id=message)
    who = {}
    for emoji, author in (("👍", None), ("👏", {"amo_user": str(uuid.uuid4())})):
        code, answer, _ = stack.service_call("reactions", {"message_id": message, "emoji": emoji, "sender": {"id": ident},
                                                           **({"author": author} if author else {})})
        assert code == 202, answer
        who[emoji] = wait_for(lambda e=emoji: [b["user"]["id"] for b in stack.bodies(side="amojo", kind="react")
                                               if b["emoji"] == e], "the reaction")[0]
    assert who["👍"] == "svc-" + ident != who["👏"]
