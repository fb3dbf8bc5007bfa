"""Whatever a well-formed webhook or connector call says, ingress takes it, loses no word of it, and gives back its ids.

The examples are the same in every run (derandomize); a failing one is printed with what made it."""
import itertools
import json
import time

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ingress_harness import ACCOUNT, SCOPE
from odd import AMO_PARTS, BASE, FILE, FORWARD, OUT, POST, QUOTE, SHARED, SHOWN, with_part

RULES = settings(max_examples=150, deadline=None, derandomize=True, print_blob=True,
                 suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
numbers = itertools.count(1)

# Any code points, lone surrogates and NUL among them.
texts = st.text(st.characters(), max_size=400)
words = texts.filter(bool)
# A key that means nothing to anybody.
strangers = st.dictionaries(st.sampled_from(["x_new", "x_talk", "tag", "x_reactions", "x_y"]),
                            st.recursive(st.none() | st.booleans() | st.integers(-2**63, 2**63 - 1) | texts,
                                         lambda inner: st.lists(inner, max_size=3)
                                         | st.dictionaries(st.sampled_from("abc"), inner, max_size=3), max_leaves=8),
                            max_size=2)
NOTHING = st.sampled_from([None, "", "absent"])


def normal(text):
    """What a JSON text means here: pairs of surrogates joined, lone ones and NUL replaced."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").replace("\0", "\ufffd")


def or_none(text):
    return normal(text) if text else None


@st.composite
def bodies(draw, value):
    """The same value in one of the many ways to write it down."""
    def shuffled(v):
        if isinstance(v, dict):
            return {k: shuffled(v[k]) for k in draw(st.permutations(sorted(v)))}
        return [shuffled(i) for i in v] if isinstance(v, list) else v

    text = json.dumps(shuffled(value), ensure_ascii=draw(st.booleans()), indent=draw(st.sampled_from([None, 1])))
    try:
        data = text.encode()
    except UnicodeEncodeError:      # a lone surrogate has no UTF-8: only \uXXXX can say it
        data = json.dumps(value).encode()
    return draw(st.sampled_from([b"", b"\xef\xbb\xbf"])) + data + draw(st.sampled_from([b"", b"\n", b"\r\n \t"]))


def optional(draw, target, key, strategy):
    """Puts the key in, or says nothing in one of the three ways; returns the text that is to come out."""
    if draw(st.booleans()):
        target[key] = draw(strategy)
        return or_none(target[key])
    nothing = draw(NOTHING)
    if nothing != "absent":
        target[key] = nothing
    return None


@st.composite
def hooks(draw):
    """(body, fields of the event that must come of it)"""
    ident = f"m-{next(numbers)}-" + draw(texts)
    inner, conversation, sender, receiver = {"id": ident}, {"id": draw(words)}, {}, {}
    want = {"kind": 1, "message_id": normal(ident), "chat_id": normal(conversation["id"]), "scope": SCOPE}
    for target, key, name in [(inner, "media", "media"), (inner, "thumbnail", "thumbnail"), (inner, "file_name", "media_name"),
                              (inner, "media_group_id", "media_group"), (conversation, "client_id", "chat_client_id"),
                              (sender, "id", "sender_id"), (sender, "name", "sender_name"),
                              (receiver, "id", "receiver_id"), (receiver, "client_id", "receiver_client_id"),
                              (receiver, "name", "receiver_name"), (receiver, "phone", "receiver_phone")]:
        want[name] = optional(draw, target, key, words)
    want["text"] = optional(draw, inner, "text", words) or ""
    want["write_first"] = want["chat_client_id"] is None or None
    want["raw_type"] = optional(draw, inner, "type", st.sampled_from(
        ["text", "picture", "video", "voice", "audio", "file", "sticker", "location", "contact", "poll", "Text"]))
    want["type"] = ("text" if not want["raw_type"] else
                    "unknown" if want["raw_type"] in ("poll", "Text") else want["raw_type"])
    size = draw(st.integers(-5, 2**63 - 1))
    inner["file_size"] = draw(st.sampled_from([size, str(size)]))
    want["media_size"] = size if size > 0 else None
    if draw(st.booleans()):
        rows = draw(st.lists(st.lists(words, min_size=1, max_size=3), min_size=1, max_size=3))
        inner["markup"] = {"mode": "inline", "buttons": [[{"text": t} for t in row] for row in rows]}
        want["buttons"] = [{"text": normal(t), "row": i} for i, row in enumerate(rows) for t in row]
    if draw(st.booleans()):
        quoted = {"id": draw(words), "text": draw(texts), "type": "text", "sender": {"name": draw(words)}}
        inner["reply_to"] = {"message": quoted}
        want.update(reply_id=normal(quoted["id"]), reply_text=or_none(quoted["text"]),
                    reply_author=normal(quoted["sender"]["name"]))
    if draw(st.booleans()):
        forwarded = draw(st.lists(st.tuples(words, texts), min_size=1, max_size=4))
        inner["forwards"] = {"messages": [{"id": i, "text": t} for i, t in forwarded]}
        said = [normal(t) for _, t in forwarded if t]
        want.update(forward_id=normal(forwarded[0][0]), forward_ids=[normal(i) for i, _ in forwarded],
                    forward_text="\n".join(said) if said else None)
    for target in (inner, conversation, sender, receiver):
        for key, value in draw(strangers).items():
            target.setdefault(key, value)
    hook = {"account_id": ACCOUNT, "time": 1767225611, "message": {
        "conversation": conversation, "sender": sender, "receiver": receiver, "message": inner,
        "msec_timestamp": draw(st.sampled_from([1767225610137, "1767225610137"]))}}
    want["sent_ms"] = 1767225610137
    return draw(bodies(hook)), want


JSON_PARTS = ("buttons", "forward_ids")


def compare(event, want):
    got = {}
    for name in want:
        got[name] = event.get(name)
        if name in JSON_PARTS and got[name] is not None:
            got[name] = json.loads(got[name])
    assert got == want


def take_one(core, before):
    core.wait_events(before + 1)
    assert len(core.events) == before + 1
    return core.events[before][1]


@RULES
@given(case=hooks())
def test_a_well_formed_webhook_loses_nothing(shared, case):
    ingress, core = shared
    body, want = case
    before = len(core.events)
    assert ingress.amo(body).status == 200
    compare(take_one(core, before), want)


@RULES
@given(text=st.text(st.characters(), min_size=1, max_size=30), times=st.integers(1, 20000))
@example(text="ы\0\ud800😀", times=60000)
def test_a_long_text_is_as_long_afterwards(shared, text, times):
    ingress, core = shared
    before = len(core.events)
    long = (text * times)[:120000]
    body = json.dumps({"message": {"conversation": {"id": "c"}, "message": {"id": f"l-{next(numbers)}", "text": long}}})
    assert ingress.amo(body.encode()).status == 200
    assert take_one(core, before)["text"] == normal(long)


@RULES
@given(value=st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | texts, lambda inner: st.lists(inner, max_size=4)
                          | st.dictionaries(st.sampled_from(["message", "action", "reaction", "typing", "conversation", "id",
                                                             "account_id", "markup", "buttons", "reply_to", "forwards",
                                                             "messages", "template", "text", "type", "location", "lat"]),
                                            inner, max_size=6), max_leaves=30))
def test_any_signed_json_is_answered_and_kept(shared, value):
    ingress, core = shared
    before = len(core.events), len(core.ephemerals)
    body = json.dumps(value).encode()
    answer = ingress.amo(body)
    assert answer.status in (200, 400)
    if isinstance(value, dict) and len(core.ephemerals) > before[1]:
        return
    event = take_one(core, before[0])
    if answer.status == 400:
        assert event["kind"] == 6 and event["raw"] == body
    assert ingress.alive


@RULES
@given(body=st.binary(max_size=300))
def test_any_signed_bytes_are_answered_and_kept(shared, body):
    ingress, core = shared
    before = len(core.events)
    answer = ingress.amo(body)
    assert answer.status in (200, 400)
    assert take_one(core, before)["raw"] == body


ids = st.text(st.sampled_from("ABCXYZabcxyz0123456789._:-"), min_size=1, max_size=60)


@RULES
@given(ident=ids, text=words, conversation=words, sender=words, name=texts, data=st.data())
def test_a_well_formed_call_of_a_service_loses_nothing(shared, ident, text, conversation, sender, name, data):
    ingress, core = shared
    before = len(core.events)
    ident = f"{next(numbers)}.{ident}"
    call = {"id": ident, "source": "wa1", "conversation": {"id": conversation[:100]}, "type": "text", "text": text,
            "sender": {"id": sender[:100], "name": name[:200]}, "reply_to": data.draw(st.none() | st.just({"id": "q"}))}
    call.update({k: v for k, v in data.draw(strangers).items() if k.startswith("x_")})
    body = data.draw(bodies(call))
    answer = ingress.service(body)
    assert answer.status == 202 and answer.json["status"] == "accepted"
    event = take_one(core, before)
    compare(event, {"kind": 4, "message_id": ident, "text": normal(text), "conversation": normal(conversation[:100]),
                    "sender_id": normal(sender[:100]), "sender_name": or_none(name[:200])})
    again = ingress.service(body)
    assert again.status == 200 and again.json == {"mid": answer.json["mid"], "status": "duplicate"}
    assert len(core.events) == before + 1


# Any JSON at all, and what looks nearly right.
anything = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | texts
                        | st.sampled_from(["http://", "https://x", "tg://x", "data:,x", "2026-01-01T00:00:00Z", "1e9", "text", "0", 1796000000000000, 2**63]),
                        lambda inner: st.lists(inner, max_size=3)
                        | st.dictionaries(st.sampled_from(["id", "url", "text", "name", "type", "media", "message", "messages", "buttons"]), inner,
                                          max_size=3), max_leaves=8)
odd_parts = st.lists(st.tuples(st.integers(0, 10**6), anything), min_size=1, max_size=6)


@RULES
@given(body=st.sampled_from([BASE, FILE, OUT, POST, SHARED, QUOTE, FORWARD]), odd=odd_parts)
def test_whatever_stands_in_a_part_that_is_only_shown_the_words_arrive(shared, body, odd):
    ingress, core = shared
    before = len(core.events)
    ident = f"any-{next(numbers)}"
    parts = [path for its, path in SHOWN if its is body or its is BASE and path.partition(".")[0] not in ("sender", "sticker_id")]
    call, named = dict(body, id=ident), set()
    for n, value in odd:
        path = parts[n % len(parts)]
        if not any(path.startswith(f"{other}.") or other.startswith(f"{path}.") for other in named):
            call = with_part(call, path, value)
            named.add(path)
    answer = ingress.service(json.dumps(call).encode())
    assert answer.status == 202 and answer.json["mid"] == f"mobilon-{ident}", answer.body
    for warning in answer.json.get("warnings", []):
        assert any(warning["field"].startswith(path.partition(".")[0]) for path in named), (warning, named)
    event = take_one(core, before)
    compare(event, {"kind": 4, "message_id": ident, "text": body["text"], "type": body["type"], "conversation": "c", "source": "wa1",
                    "media": body.get("media", {}).get("url"), "receiver_id": body.get("receiver", {}).get("id")})
    assert 0 <= event.get("sent_ms", 0) < 7258118400000 and 0 <= event.get("media_duration", 0) <= 30 * 86400
    assert len(event.get("sender_name", "").encode()) <= 1024
    for part in ("post", "shared_post"):
        assert not event.get(part) or {"post": {"id", "url"}, "shared_post": {"url"}}[part] <= set(json.loads(event[part]))


@RULES
@given(odd=odd_parts)
def test_whatever_stands_in_a_part_of_a_webhook_that_is_only_shown_the_words_arrive(shared, odd):
    ingress, core = shared
    before = len(core.events)
    hook = {"account_id": ACCOUNT, "time": 1767225611, "message": {
        "conversation": {"id": "chat"}, "receiver": {"phone": "+70001234567"}, "timestamp": 1767225610,
        "message": {"id": f"any-{next(numbers)}", "text": "слова"}}}
    named = []
    for n, value in odd:
        path = AMO_PARTS[n % len(AMO_PARTS)]
        if not any(path.startswith(f"{other}.") or other.startswith(f"{path}.") for other in named):
            hook = with_part(hook, path, value)
            named.append(path)
    assert ingress.amo(json.dumps(hook).encode()).status == 200
    event = take_one(core, before)
    compare(event, {"kind": 1, "message_id": hook["message"]["message"]["id"], "text": "слова", "chat_id": "chat"})
    assert 0 <= event.get("sent_ms", 0) < (time.time() + 90000) * 1000
