"""Who is let in, who is not, and what is kept of those who are signed but not understood."""
import time
import uuid

from stack import http, wait_for


def hook(account, text, client="svc-unknown", **more):
    """A webhook of amojo as it comes."""
    return {"account_id": account, "time": int(time.time()), "message": {
        "conversation": {"id": str(uuid.uuid4()), **({"client_id": client} if client else {})},
        "source": {"external_id": "wa1"},
        "sender": {"id": str(uuid.uuid4()), "name": "Manager"},
        "receiver": {"id": str(uuid.uuid4()), "phone": "", "name": "Client"},
        "message": {"id": str(uuid.uuid4()), "type": "text", "text": text}, **more}}


def counted(stack, source, result):
    return sum(v for k, v in stack.metrics("ingress").items()
               if k.startswith("amo_webhooks_total{") and f'source="{source}"' in k and f'result="{result}"' in k)


def nothing_was_kept(stack):
    return (stack.figure("ingress", "amo_spool_events") == 0 and stack.figure("core", "amo_events_total") == 0
            and stack.control("quarantine.list") == [] and stack.control("conversation.list") == [])


def test_a_wrong_signature_is_401_counted_and_leaves_nothing(stack):
    account = stack.scope.partition("_")[2]
    for signature in ("0" * 40, "", None, "not hex at all"):
        assert stack.webhook(hook(account, "forged"), signature=signature)["status"] == 401
    assert counted(stack, "amojo", "unauthorized") == 4
    body = {"id": "x", "source": "wa1", "conversation": {"id": "1"}, "sender": {"id": "1"}, "type": "text", "text": "t"}
    assert stack.service_call("messages", body, token="wrong-token-0000000000000000000000000000")[0] == 401
    assert counted(stack, "connector", "unauthorized") == 1
    assert nothing_was_kept(stack)


def test_an_unknown_channel_is_404_and_an_unknown_account_is_kept(stack):
    channel, account = stack.scope.split("_")
    base = f"http://127.0.0.1:{stack.port}/messages/"
    stranger = str(uuid.uuid4())
    gone = stack.webhook(hook(account, "hm"), url=f"{base}{uuid.uuid4()}_{account}", learn=False)
    assert gone["status"] == 404
    assert nothing_was_kept(stack)
    body = hook(stranger, "who am I")
    assert stack.webhook(body, url=f"{base}{channel}_{stranger}", learn=False)["status"] == 200
    kept = wait_for(lambda: stack.control("quarantine.list"), "the quarantine")
    assert [(q["reason"], q["scope_id"]) for q in kept] == [("unknown_scope", f"{channel}_{stranger}")]
    shown = stack.control("quarantine.show", id=kept[0]["id"], reveal=True)
    assert shown["message_id"] == body["message"]["message"]["id"]
    assert stack.control("conversation.list") == [] and stack.list("service/messages") == []


def test_what_is_signed_and_not_understood_is_400_and_kept_as_it_came(stack):
    raw = '{"account_id": "x", "message": [1, 2'
    assert stack.webhook(raw, learn=False)["status"] == 400
    kept = wait_for(lambda: stack.control("quarantine.list"), "the quarantine")
    assert len(kept) == 1
    assert raw in stack.control("quarantine.show", id=kept[0]["id"], reveal=True)["raw"]
    assert stack.manager_writes("still-alive", stack.meet()["chat"])
    stack.wait("service.message", text="still-alive")


def test_health_is_told_by_every_process(stack):
    for name in ("core", "ingress", *stack.workers):
        for path in ("healthz", "readyz"):
            assert http("GET", f"http://127.0.0.1:{stack.admin(name)}/{path}")[0] == 200
