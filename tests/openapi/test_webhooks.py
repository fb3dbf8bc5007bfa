"""What the bridge calls at a service is what docs/openapi.yaml says, webhook by webhook."""
import copy
import json

import pytest

from contract import Contract
from kinds import TYPES, hook_message
from stack import QUICK, Stack, wait_for

PHONE = "+79005550777"


def managers_act(stack):
    """A manager writes everything there is to write, reacts and types."""
    met = stack.meet("first-words")
    chat = met["chat"]
    for kind in TYPES:
        stack.manager_writes(f"as {kind}", chat, message=hook_message(kind))
    stack.manager_writes("keyboard", chat, buttons=[["Да", {"text": "Сайт", "url": "https://x.example"}], ["Нет"]])
    stack.manager_writes("rows", chat, list={"header": "h", "body": "b", "footer": "f", "button": "choose", "sections": [
        {"title": "s", "rows": [{"callback_data": "r1", "title": "t", "description": "d"}]}]})
    stack.manager_writes("by template", chat, template={"id": 7, "external_id": "e", "content": "Hello, {{1}}",
                                                        "params": [{"key": "{{1}}", "value": "you"}, {"key": "{{2}}", "value": ""}]})
    stack.manager_writes("a quote", chat, reply_to=met["id"])
    stack.manager_writes("a forward", chat, forwards=met["id"])
    stack.manager_writes("to a post", chat, post={"id": "p-1"})
    stack.sandbox("manager/writes-first", {"scope_id": stack.scope, "phone": PHONE, "source": "wa1", "text": "we-begin"})
    for what in ("react", "unreact"):
        stack.sandbox("manager/reacts", {"scope_id": stack.scope, "id": met["id"], "type": what, "emoji": "👍"})
    stack.sandbox("manager/types", {"scope_id": stack.scope, "chat": chat})
    return met


def messages_die(stack, met):
    """A client's message that amo refuses, and an edit."""
    refusal = {"status": 400, "times": 1, "body": {"error_description": "payload.message.text: cannot be blank"}}
    stack.fault(on="amojo.new_message", match="refuse-me", **refusal)
    stack.client_writes("refuse-me")
    stack.fault(on="amojo.edit_message", **refusal)
    stack.sandbox("client/edits", {"connector": "svc", "id": met["msgid"], "text": "refused, too"})


@pytest.fixture(scope="module")
def received():
    """(type, body) of every call that the service got."""
    with Stack(env=QUICK) as stack:
        stack.up(register=False)
        stack.register(report="none")
        met = managers_act(stack)
        messages_die(stack, met)
        assert stack.control("connector.test", name="svc")
        wait_for(lambda: len(stack.list("service/events?type=delivery.failed")) == 2, "both deaths")
        stack.wait("service.event", type="typing.started")
        stack.wait("service.message", text="we-begin")
        stack.settle()
        yield [(entry["kind"], entry["body"] if isinstance(entry["body"], dict) else json.loads(entry["body"]))
               for entry in stack.journal(side="service")]


def judge(contract, received):
    return [f"{kind}: {problem}" for kind, body in received for problem in contract.webhook_errors(kind, body)]


def test_every_call_fits_and_every_webhook_is_called(contract, received):
    assert not judge(contract, received)
    assert {kind for kind, _ in received} == set(contract.document["webhooks"])
    assert {body["data"]["code"] for kind, body in received if kind == "delivery.failed"} == {"refused", "edit_failed"}


def test_every_documented_member_is_filled_by_some_call(received):
    """A schema whose null is never anything else would say nothing."""
    filled = set()
    for kind, body in received:
        filled |= {(kind, key) for key, value in body["data"].items() if value not in (None, [], "")}
    schemas = Contract().document["components"]["schemas"]
    for name in ("MessageCreated", "ReactionChanged", "TypingStarted", "DeliveryFailed", "ConnectorTest"):
        parts = schemas[name]["properties"]
        for key in parts["data"]["required"]:
            assert (parts["type"]["const"], key) in filled, (name, key)


@pytest.mark.parametrize("lie", [
    lambda s: s["MessageCreated"]["properties"]["data"]["required"].append("colour"),
    lambda s: s["MessageCreated"]["properties"]["data"]["properties"].pop("template"),
    lambda s: s["ReactionChanged"]["properties"]["data"]["properties"]["set"].update(const=True),
    lambda s: s["TypingStarted"]["properties"]["data"]["properties"].update(expires_at={"type": "integer"}),
    lambda s: s["DeliveryFailed"]["properties"]["data"]["properties"].update(code={"const": "refused"}),
    lambda s: s["ConnectorTest"]["properties"].update(type={"const": "test"}),
])
def test_a_call_that_does_not_fit_is_noticed(contract, received, lie):
    document = copy.deepcopy(contract.document)
    lie(document["components"]["schemas"])
    assert judge(Contract(document), received)
