"""A phone is an address: what it says beside its digits counts, and it is neither a person nor a conversation."""
import json
import uuid

import pytest

from remotes import amoctl_json
from stack import QUICK, Stack, wait_for


@pytest.fixture(scope="module")
def stack():
    with Stack(env=QUICK) as s:
        s.up(register=False)
        s.register(report="none")
        yield s


@pytest.fixture
def abroad(stack):
    """The channel is of another segment while this lasts."""
    def be(segment):
        answer = stack.sandbox(f"channels/{stack.channel}/registration")
        [channel] = answer["result"].values()
        stack.control("channel.add", reply=json.dumps({**answer, "result": {segment: channel}}), url=stack.sandbox_url)
    be("kommo")
    yield
    be("ru")


def unique(text):
    return f"{text}-{uuid.uuid4().hex[:8]}"


def says(stack, conversation, sender, phone=None, text=None, **more):
    text = text or unique("words")
    status, answer, _ = stack.service_call("messages", {
        "id": uuid.uuid4().hex, "source": "wa1", "conversation": {"id": conversation}, "type": "text", "text": text,
        "sender": {"id": sender, "name": sender, **({"phone": phone} if phone else {})}, **more})
    assert status == 202, answer
    return stack.wait("amojo.message", text=text)["item"]


def created(stack, text):
    """What the service was told."""
    [data] = [b["data"] for b in wait_for(lambda: [b for b in stack.bodies(side="service", kind="message.created")
                                                   if b["data"]["text"] == text], "the call")]
    return data


def writes_first(stack, phone, answer=None):
    text = unique("first")
    stack.fault(on="service.message.created", match=text, status=200, body=answer or {}, process=True, times=1)
    item = stack.sandbox("manager/writes-first", {"scope_id": stack.scope, "phone": phone, "source": "wa1",
                                                  "text": text})["items"][0]
    return item, created(stack, text)


def digits(data):
    return data["receiver"]["phone"].lstrip("+")


def tail():
    return str(uuid.uuid4().int)[:8]


def test_a_foreign_number_that_begins_with_8_is_told_as_it_is(stack):
    end = tail()
    assert digits(writes_first(stack, f"+84 9 {end[:4]} {end[4:]}")[1]) == "849" + end
    chat = says(stack, "vn-" + end, "vn-" + end, "+848" + end)["chat"]
    text = unique("answer")
    stack.manager_writes(text, chat)
    assert digits(created(stack, text)) == "848" + end
    told = writes_first(stack, f"+7 48{end[:1]} {end[1:]}")[1]
    assert told["write_first"] and told["conversation"]["id"] is None and digits(told) == "748" + end


def test_two_numbers_that_differ_by_their_plus_alone_are_told_apart(stack):
    end = tail()
    abroad = writes_first(stack, f"+84 9 {end}")[1]["receiver"]["phone"]
    at_home = writes_first(stack, f"8 (49) {end}")[1]["receiver"]["phone"]
    assert (abroad, at_home) == ("+849" + end, "849" + end)


def test_a_number_of_another_country_does_not_lead_to_a_russian_client(stack):
    end = tail()
    says(stack, "moscow-" + end, "moscow-" + end, f"+7 49 {end}")
    for number in (f"+84 9 {end}", f"0084 9{end}"):
        told = writes_first(stack, number)[1]
        assert told["conversation"]["id"] != "moscow-" + end and digits(told) == "849" + end
    for number in (f"8 49 {end}", f"749{end}", f"+7 (49) {end}"):
        assert writes_first(stack, number)[1]["conversation"]["id"] == "moscow-" + end


def test_an_8_is_russias_only_in_channels_of_its_segment(stack, abroad):
    end = tail()
    says(stack, "moscow-" + end, "moscow-" + end, f"+7 49 {end}")
    told = writes_first(stack, f"849{end}")[1]
    assert told["write_first"] and told["conversation"]["id"] is None and digits(told) == "849" + end
    says(stack, "vn-" + end, "vn-" + end, f"848{end}")
    assert writes_first(stack, f"+84 8 {end}")[1]["conversation"]["id"] == "vn-" + end


@pytest.mark.parametrize("number", ["+7 9 {} доб. 12", "8 9{}, 8 901 000-00-00", "tel:+7-9-{};ext=5", "+79{} (12)",
                                    "+7 9 {} / +7 901 0000000", "+7 9{} 12", "8 9{} 8 901 765-43-21", "+7-9{}-12",
                                    "доб. 12, 8 9{}", "1) +7 9 {}; 2) +7 901 000-00-00"])
def test_a_field_holds_one_number(stack, number):
    end = tail()
    says(stack, "c-" + end, "c-" + end, "79" + end + "1")
    given = number.format(end + "1")
    told = writes_first(stack, given)[1]
    assert told["conversation"]["id"] == "c-" + end
    other = number.format(end + "2")
    assert digits(writes_first(stack, other)[1])[1:] == "9" + end + "2"


def test_what_is_written_to_a_number_does_not_go_to_a_group(stack):
    end = tail()
    group, first, second = f"79{end}-1531238647@g.us", "791" + end, "792" + end
    shown = says(stack, group, first, first)
    says(stack, group, second, second)
    told = writes_first(stack, "+" + first)[1]
    assert told["write_first"] and told["conversation"]["id"] is None and digits(told) == first
    assert says(stack, group, second, second)["chat"] == shown["chat"]
    text = unique("to-the-group")
    stack.manager_writes(text, shown["chat"])
    assert created(stack, text)["conversation"]["id"] == group


@pytest.mark.parametrize("last", ["owner", "stranger"])
def test_a_number_that_a_stranger_claims_too_leads_to_neither(stack, last):
    """Whoever fills in a web chat's form may type any number."""
    end = tail()
    phone = f"+7926{end[:7]}"
    people = ["stranger", "owner"] if last == "owner" else ["owner", "stranger"]
    for who in people:
        stack.service_call("messages", {
            "id": f"{who}-{end}", "source": "wa1", "conversation": {"id": f"{who}s-{end}"}, "type": "text",
            "text": f"{who}-{end}", "sender": {"id": f"{who}-{end}", "name": who, "phone": phone}})
        stack.wait("amojo.message", text=f"{who}-{end}")
    told = writes_first(stack, phone)[1]
    assert told["write_first"] and told["conversation"]["id"] is None and digits(told) == phone[1:]


def test_one_person_in_two_conversations_is_found_in_the_newest(stack):
    end = tail()
    phone = f"+7926{end[:7]}"
    for n in range(2):
        stack.service_call("messages", {
            "id": f"same-{n}-{end}", "source": "wa1", "conversation": {"id": f"same-{n}-{end}"}, "type": "text",
            "text": f"same-{n}-{end}", "sender": {"id": f"same-{end}", "name": "Same", "phone": phone}})
        stack.wait("amojo.message", text=f"same-{n}-{end}")
    assert writes_first(stack, phone)[1]["conversation"]["id"] == f"same-1-{end}"


def test_a_group_is_not_taken_for_the_answer_to_first_words(stack):
    """It was there before, and several have spoken in it."""
    end = tail()
    first, second = "791" + end, "792" + end
    shown = says(stack, "group-" + end, second, second)
    says(stack, "group-" + end, "third-" + end)
    item = writes_first(stack, "+" + first)[0]
    assert says(stack, "group-" + end, first, first)["chat"] == shown["chat"]
    text = unique("more")
    stack.manager_writes(text, item["chat"])
    assert created(stack, text)["conversation"]["id"] is None


def test_nobody_is_found_by_a_phone_in_a_group_after_a_restart(stack):
    end = tail()
    says(stack, "group-" + end, "791" + end, "791" + end)
    says(stack, "group-" + end, "792" + end, "792" + end)
    stack.start_over("core")
    assert writes_first(stack, "+791" + end)[1]["conversation"]["id"] is None
    code, _ = amoctl_json_or_none(stack, "conversation", "show", "+792" + end)
    assert code == 1


def amoctl_json_or_none(stack, *words):
    try:
        return amoctl_json(stack, *words)
    except ValueError:  # it only complained
        return 1, None


def test_erasing_a_phone_does_not_take_another_country(stack):
    """+84 9… of one person, +7 49… of another."""
    end = tail()
    says(stack, "vn-" + end, "vn-" + end, "+849" + end)
    says(stack, "ru-" + end, "ru-" + end, "+749" + end)
    code, report = amoctl_json(stack, "erase", "--phone", f"8 49 {end}", "--dry-run")
    assert code == 0 and report["removed"]["names"] == 1, report
    kept = [c for c in stack.control("conversation.list") if c["conversation"] in ("vn-" + end, "ru-" + end)]
    assert len(kept) == 2


def test_an_import_finds_and_keeps_phones_by_the_same_rule(stack):
    end = tail()
    row = {"connector": "svc", "source": "wa1", "chat_id": str(uuid.uuid4()), "user_ref": str(uuid.uuid4()),
           "phone": f"+84 9 {end}"}
    done = stack.control("conversation.import", rows=[row])
    assert done["created"] == 1, done
    assert writes_first(stack, f"+7 49 {end}")[1]["write_first"]
    text = unique("answer")
    code, shown = amoctl_json(stack, "conversation", "show", row["chat_id"], "--reveal")
    assert code == 0 and shown["phone"] == "849" + end
    stack.fault(on="service.message.created", match=text, status=200, body={}, process=True, times=1)
    stack.sandbox("manager/writes-first", {"scope_id": stack.scope, "phone": f"00849{end}", "source": "wa1", "text": text})
    assert digits(created(stack, text)) == "849" + end


@pytest.mark.parametrize("restart", [False, True])
def test_a_second_voice_takes_the_private_card_out_of_the_group(stack, restart):
    """The person answers in a group first, which nobody can know; then somebody else speaks there."""
    end = tail()
    group, first = "group-" + end, "791" + end
    item = writes_first(stack, "+" + first)[0]
    assert says(stack, group, first, first)["chat"] == item["chat"]  # as the answer to it
    if restart:
        stack.start_over("core")
    there = says(stack, group, "792" + end)["chat"]
    assert there != item["chat"]
    text = unique("private")
    stack.fault(on="service.message.created", match=text, status=200, body={}, process=True, times=1)
    stack.manager_writes(text, item["chat"])
    told = created(stack, text)
    assert told["write_first"] and told["conversation"]["id"] is None and digits(told) == first
    assert says(stack, group, first, first)["chat"] == there
    text = unique("to-all")
    stack.manager_writes(text, there)
    assert created(stack, text)["conversation"]["id"] == group
    # and he answers in a thread of his own
    assert says(stack, "own-" + end, first, first)["chat"] == item["chat"]
    text = unique("private")
    stack.manager_writes(text, item["chat"])
    assert created(stack, text)["conversation"]["id"] == "own-" + end


@pytest.mark.parametrize("answered", [False, True])
def test_a_card_that_came_to_a_group_by_a_phone_leaves_it_with_the_second_voice(stack, answered):
    """One has spoken there when a manager writes to his number: that looks like his own conversation."""
    end = tail()
    group, first = "group-" + end, "791" + end
    there = says(stack, group, first, first)["chat"]
    item, told = writes_first(stack, "+" + first)
    assert told["conversation"]["id"] == group
    if answered:
        assert says(stack, group, first, first)["chat"] == item["chat"]
    assert says(stack, group, "792" + end)["chat"] == there
    text = unique("private")
    stack.fault(on="service.message.created", match=text, status=200, body={}, process=True, times=1)
    stack.manager_writes(text, item["chat"])
    told = created(stack, text)
    assert told["write_first"] and told["conversation"]["id"] is None and digits(told) == first
    assert says(stack, group, first, first)["chat"] == there
    text = unique("to-all")
    stack.manager_writes(text, there)
    assert created(stack, text)["conversation"]["id"] == group
    assert writes_first(stack, "+" + first)[1]["conversation"]["id"] is None


def test_private_words_that_still_wait_do_not_go_to_the_group(stack):
    end = tail()
    group, first = "group-" + end, "791" + end
    says(stack, group, first, first)
    item = writes_first(stack, "+" + first)[0]
    before, text = unique("before"), unique("waits")
    stack.fault(on="service.message.created", match=before, status=503, times=1000)
    stack.manager_writes(before, item["chat"])
    wait_for(lambda: [j for j in stack.journal(side="service") if before in str(j["body"])], "the first try")
    stack.manager_writes(text, item["chat"])
    wait_for(lambda: stack.control("status")["commands"] >= 2, "both to wait")
    says(stack, group, "792" + end)
    stack.clear_faults()
    for words in (before, text):
        assert stack.wait("service.message", text=words)["item"]["conversation"] != group
    assert [m["text"] for m in stack.list("service/messages") if m["text"] in (before, text)] == [before, text]
