"""Whatever is odd in a part that is only shown, the words reach the right side, through the real processes."""
import json
import uuid

import pytest

from stack import QUICK, Stack, wait_for
from odd import AMO_ODD, AMO_PARTS, FAMILY, FILE, ODD, POST, SHOWN, with_part


@pytest.fixture(scope="module")
def stack():
    with Stack(env=QUICK) as s:
        s.up(register=False)
        s.register(report="none")
        s.met = s.meet("hello")
        yield s


def at_amo(stack, msgids):
    """The messages that amo took, by our id of them."""
    def look():
        got = {b["payload"]["msgid"]: b["payload"] for b in stack.bodies(side="amojo", kind="new_message")}
        return got if msgids <= set(got) else None
    return wait_for(look, "all of them at amo")


def says(stack, ident, body):
    status, answer, _ = stack.service_call("messages", json.dumps(dict(body, id=ident)).encode())
    assert status == 202, answer
    return f"svc-{ident}"


def test_a_comment_on_a_post_with_a_long_caption_is_at_amo(stack):
    client = {"conversation": {"id": "c-3"}, "sender": {"id": "c-3", "name": "Вера"}}
    says(stack, "cap-1", {**with_part(POST, "post.caption", "я" * 600), **client})
    says(stack, "cap-2", {**with_part(POST, "post.caption", "я" * 20000), **client})
    says(stack, "cap-3", {**POST, **with_part(client, "sender.name", FAMILY * 42)})
    got = at_amo(stack, {"svc-cap-1", "svc-cap-2", "svc-cap-3"})
    assert got["svc-cap-1"]["message"]["post"]["caption"] == "я" * 600
    assert got["svc-cap-2"]["message"]["post"]["caption"] == "я" * 8192
    assert got["svc-cap-3"]["sender"]["name"] == FAMILY * 40
    assert all(got[f"svc-cap-{n}"]["message"]["text"] == POST["text"] for n in (1, 2, 3))


def test_a_file_with_odd_parts_is_at_amo(stack):
    picture = dict(FILE, type="picture", media={"url": "https://files.example.com/a.jpg", "size": 5})
    says(stack, "file-1", with_part(picture, "media.thumbnail", "data:image/jpeg;base64,/9j/4AAQ"))
    says(stack, "file-2", with_part(FILE, "media.duration", 3.72))
    says(stack, "file-3", with_part(dict(FILE, type="text", media=None), "sender.profile_link", "tg://user?id=500"))
    got = at_amo(stack, {f"svc-file-{n}" for n in (1, 2, 3)})
    assert got["svc-file-1"]["message"]["media"] == "https://files.example.com/a.jpg"
    assert got["svc-file-2"]["message"]["media_duration"] == 4
    assert "profile_link" not in got["svc-file-3"]["sender"] and got["svc-file-3"]["message"]["text"] == FILE["text"]


def test_no_odd_part_of_a_services_message_keeps_it_from_amo(stack):
    """Each part with a third of the odd values, so that together they are all there."""
    sent = {}
    for n, (body, path) in enumerate(SHOWN):
        for k in range(n % 3, len(ODD), 3):
            odd = with_part(body, path, ODD[k])
            odd["conversation"] = {"id": f"odd-{n % 8}"}        # lanes of their own
            if path != "sender.id":
                odd.get("sender") != ODD[k] and odd.get("sender", {}).setdefault("id", f"odd-{n % 8}")
            sent[says(stack, f"odd-{n}-{k}", odd)] = body
    got = at_amo(stack, set(sent))
    for ident, body in sent.items():
        assert body["text"] in got[ident]["message"]["text"].split("\n") and got[ident]["message"]["type"] == body["type"]
    stack.settle()
    assert stack.control("dead.list") == [] and stack.control("quarantine.list") == []


def test_no_odd_part_of_a_webhook_keeps_the_managers_words_from_the_service(stack):
    words = []
    for n, path in enumerate(AMO_PARTS):
        for k in range(n % 6, len(AMO_ODD), 6):
            if path == "message.conversation.client_id" and not isinstance(AMO_ODD[k], (dict, list, type(None), bool)):
                continue                # names another conversation of ours
            words.append(f"odd-{n}-{k}")
            hook = {"account_id": stack.scope.partition("_")[2], "message": {
                "conversation": {"id": stack.met["chat"], "client_id": stack.met["conversation_id"]}, "receiver": {"id": str(uuid.uuid4())},
                "message": {"id": str(uuid.uuid4()), "text": words[-1]}}}
            assert stack.webhook(with_part(hook, path, AMO_ODD[k]), learn=False)["status"] == 200
    want = set(words)
    wait_for(lambda: want <= {b["data"]["text"].partition("\n")[0] for b in stack.bodies(side="service", kind="message.created")}
             or stack.control("dead.list"), "all of them at the service")
    stack.settle()
    assert stack.control("dead.list") == [] and stack.control("quarantine.list") == []
