"""Whatever well-formed thing one side says, the other side is told it or the speaker reads why not. Nothing dies.

Generated bodies through the whole bridge to a strict receiver: ingress alone cannot know what another side refuses.
"""
import uuid

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kinds import MEDIA, TYPES, URL
from stack import QUICK, Stack, wait_for

CLIENT = "79005550101"
EXAMPLES = settings(max_examples=120, deadline=None, derandomize=True, database=None,
                    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
TEXT = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=60)
WORDS = TEXT.filter(str.strip)
LINK = st.sampled_from([URL, URL + "?a=1&b=2", "", "no address", "1"])
PLACE = st.fixed_dictionaries({"lat": st.floats(-90, 90), "lon": st.floats(-180, 180)})
CARD = st.fixed_dictionaries({}, optional={"name": WORDS, "phone": st.just("+70007654321")})
EMBEDDED = st.fixed_dictionaries(
    {"id": st.uuids().map(str), "type": st.sampled_from([*TYPES, "poll"]), "text": TEXT},
    optional={"media": LINK, "sender": st.fixed_dictionaries({"name": TEXT}), "location": PLACE, "contact": CARD})
BUTTON = st.fixed_dictionaries({"text": WORDS}, optional={"url": st.just(URL)})
HOOK = st.fixed_dictionaries(
    {"type": st.sampled_from([*TYPES, "poll", "story"]), "text": TEXT, "media": LINK,
     "file_name": TEXT, "file_size": st.integers(0, 1 << 40)},
    optional={"thumbnail": LINK, "media_duration": st.integers(0, 10000), "media_group_id": TEXT, "location": PLACE,
              "contact": CARD, "reply_to": st.fixed_dictionaries({"message": EMBEDDED}),
              "forwards": st.fixed_dictionaries({"messages": st.lists(EMBEDDED, max_size=3)}),
              "markup": st.fixed_dictionaries({"mode": st.just("inline"),
                                               "buttons": st.lists(st.lists(BUTTON, max_size=3), max_size=3)})})


@pytest.fixture(scope="module")
def stack():
    with Stack(env=QUICK) as s:
        s.up(register=False)
        s.register(report="none")
        s.chat = s.meet()
        s.said = 0
        yield s


def outcome(stack, amo_id):
    """The message's data at the service, or the words its manager reads."""
    def known():
        told = stack.list(f"amojo/statuses?id={amo_id}")
        if told:
            return told[-1]
        try:
            message = stack.control("trace", id=amo_id)["message"]
        except Exception:  # not taken yet
            return None
        return message if message["state"] == "delivered_to_service" else None

    found = wait_for(known, f"{amo_id} to arrive or to be refused", timeout=20)
    if "mid" not in found:
        return None, found["error"]
    return stack.wait("service.message", id=found["mid"])["item"]["data"], None


@EXAMPLES
@given(message=HOOK)
def test_a_managers_message_arrives_or_says_why_not(stack, message):
    data, words = outcome(stack, stack.manager_writes(message["text"], stack.chat["chat"], message=message)["id"])
    if data is None:
        assert words
        spoken = [message["text"]] + [f["text"] for f in message.get("forwards", {"messages": []})["messages"]]
        assert not any(t.strip() for t in spoken), words  # what has words is never refused
        return
    assert message["text"] in data["text"]
    for inner in message.get("forwards", {"messages": []})["messages"]:
        assert inner["text"] in data["text"]
    if message["media"].startswith("http"):
        assert message["media"] in (data["media"] or {"url": ""})["url"] + data["text"]


def parts(kind):
    """What the API demands of a type, and what it allows."""
    body = {"type": st.just(kind), "text": WORDS if kind == "text" else TEXT}
    if kind in MEDIA:
        body["media"] = st.fixed_dictionaries({"url": st.just(URL), "size": st.integers(1, 1 << 40)}, optional={
            "name": WORDS, "mime": WORDS, "duration": st.integers(0, 10000), "group": WORDS, "thumbnail": st.just(URL)})
    if kind == "location":
        body["location"] = PLACE
    if kind == "contact":
        body["contact"] = st.fixed_dictionaries({"name": WORDS, "phone": WORDS})
    return st.fixed_dictionaries(body, optional={
        "silent": st.booleans(), "sent_at": st.datetimes().filter(lambda t: 1970 < t.year < 2200).map(
            lambda t: t.isoformat(timespec="milliseconds") + "Z"),
        "reply_to": st.fixed_dictionaries({"id": WORDS}, optional={
            "type": st.sampled_from(TYPES), "text": TEXT, "author": TEXT}),
        "forward": st.fixed_dictionaries({"id": WORDS}, optional={"type": st.sampled_from(TYPES), "text": TEXT}),
        "callback_data": TEXT, "direction": st.just("in")})


@EXAMPLES
@given(body=st.sampled_from(TYPES).flatmap(parts))
def test_what_is_accepted_of_a_client_reaches_amo(stack, body):
    ident = str(uuid.uuid4())
    status, answer, _ = stack.service_call("messages", {
        "id": ident, "source": "wa1", "conversation": {"id": CLIENT}, "sender": {"id": CLIENT}, **body})
    assert status in (202, 422), answer
    if status == 422:
        assert answer["error"]["field"] and answer["error"]["message"]
        return
    item = stack.wait("amojo.message", msgid=answer["mid"], timeout=20)["item"]
    assert body["text"] in (item["text"] or "") and item["type"] == body["type"]


def test_nothing_of_it_died(stack):
    stack.settle()
    assert stack.control("dead.list") == []
    assert {q["reason"] for q in stack.control("quarantine.list")} <= {"nothing_to_deliver"}
    assert stack.sandbox("counters")["amojo.refused"] == 0
