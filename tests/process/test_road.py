"""The road, both ways, on real executables."""


def first_contact(stack, text="hello"):
    """A client writes; the chat amo made for it."""
    item = stack.client_writes(text)
    arrived = stack.wait("amojo.message", text=text)["item"]
    return item, arrived


def test_text_crosses_both_ways_with_statuses_back(stack):
    sent, arrived = first_contact(stack, "is-my-order-ready")
    assert arrived["effects"] == 1 and arrived["from"] == "client"
    written = stack.manager_writes("it-is", arrived["chat"])
    got = stack.wait("service.message", text="it-is")["item"]
    assert got["conversation"] == "79005550101" and got["webhook_ids"] == 1
    stack.wait("status", id=written["id"], status=2)
    told = [s["status"] for s in stack.list("amojo/statuses")]
    assert told and told[-1] == 2 and told == sorted(told)
    trace = stack.control("trace", id=written["id"])
    assert trace["message"]["amo_id"] == written["id"]
    assert any(step.get("outcome") == "done" for step in trace["journey"])
    assert stack.control("trace", id=sent["id"])["message"]["direction"] == "inbound"


def test_write_first_is_linked_when_the_client_answers(stack):
    item = stack.sandbox("manager/writes-first", {"scope_id": stack.scope, "phone": "+7 (900) 555-01-01",
                                                  "source": "wa1", "text": "good-day"})["items"][0]
    got = stack.wait("service.message", text="good-day")["item"]
    assert got["write_first"]
    stack.wait("status", id=item["id"], status=2)
    stack.client_writes("yes-listening")
    answer = stack.wait("amojo.message", text="yes-listening")["item"]
    assert answer["chat"] == item["chat"]
    chats = [c for c in stack.list("amojo/chats") if c["chat"] == item["chat"]]
    assert chats[0]["linked"]
    assert answer["payload"]["conversation_ref_id"] == item["chat"]
    stack.manager_writes("fine-then", item["chat"])
    assert stack.wait("service.message", text="fine-then")["item"]["conversation"] == got["conversation"]
