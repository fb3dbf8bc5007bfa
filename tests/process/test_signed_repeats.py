"""A signed call that somebody has seen, sent again by another ingress, which does not know its webhook-id."""
import base64
import json

import kit
import signing
from stack import QUICK, Stack, wait_for


def signed_call(stack, ingress, method, path, body, ident):
    port = int(stack[ingress].wait_line(r"what=ready .*listen=\S+:(\d+)").group(1))
    data = json.dumps(body, ensure_ascii=False).encode()
    key = base64.b64decode(stack.svc["secret"].removeprefix("whsec_"))
    connection = kit.connect(f"http://127.0.0.1:{port}")
    try:
        return kit.ask(connection, method, f"/v1/connectors/svc/{path}", data, signing.standard_headers(key, ident, data))
    finally:
        connection.close()


def test_an_old_edit_or_reaction_does_not_come_back_by_another_ingress():
    with Stack(env=QUICK) as stack:
        stack.add("second", ["amo-ingress"], {"AMO_NAME": "second", "AMO_INGRESS_ADMIN_LISTEN": "127.0.0.1:0",
                                              "AMO_INGRESS_LISTEN": "127.0.0.1:0",
                                              "AMO_INGRESS_SPOOL": f"{stack.dir}/data/second"})
        stack.up()
        stack.start("second")
        wait_for(lambda: stack.peer("second"), "the second ingress")
        message = {"id": "m-1", "source": "wa1", "conversation": {"id": "79005550101"}, "type": "text", "text": "first",
                   "sender": {"id": "79005550101", "name": "Anna"}}
        old = {"id": "m-1", "text": "old"}
        assert signed_call(stack, "ingress", "POST", "messages", message, "c-1").status == 202
        stack.wait("amojo.message", text="first")
        assert signed_call(stack, "ingress", "PATCH", "messages/m-1", old, "c-2").status == 202
        stack.wait("amojo.edits", count=1)
        assert signed_call(stack, "ingress", "PATCH", "messages/m-1", {"id": "m-1", "text": "new"}, "c-3").status == 202
        stack.wait("amojo.edits", count=2)
        # what was seen on the way, by the ingress that has not: taken there, and nothing for core
        assert signed_call(stack, "second", "PATCH", "messages/m-1", old, "c-2").status == 202
        assert signed_call(stack, "second", "POST", "messages", message, "c-1").status == 202
        assert signed_call(stack, "second", "PATCH", "messages/m-1", {**old, "text": "last"}, "c-4").status == 202
        stack.wait("amojo.edits", count=3)
        stack.settle()
        (got,) = stack.list("amojo/messages")
        assert got["text"] == "last" and got["effects"] == 1
        assert stack.sandbox("counters")["amojo.edits"] == 3, stack.sandbox("counters")
