"""Every kind of message, both ways, in every form: type × direction × (plain, quoted, forwarded, edited).

A cell is either carried whole or loses something in a way that this file names; a cell that is missing fails the first test.
"""
import itertools
import time
import uuid

import pytest

from kinds import (TYPES, URL, amo_message, hook_message, service_body, service_data, subset,
                   with_parts)
from stack import QUICK, Stack, wait_for

DIRECTIONS = ("in", "out", "by_user", "by_bot")
FORMS = ("plain", "quoted", "forwarded", "edited")
CLIENT, OTHER = "79005550101", "79005550202"


@pytest.fixture(scope="module")
def stack():
    with Stack(env=QUICK) as s:
        s.up(register=False)
        s.register(report="none")
        s.first = s.client_writes("first-words")
        s.chat = s.wait("amojo.message", text="first-words")["item"]
        s.elsewhere = s.client_writes("words-of-another-chat", conversation=OTHER)
        s.other = s.wait("amojo.message", text="words-of-another-chat")["item"]
        s.user = str(uuid.uuid4())
        s.sandbox("channels", {"id": s.channel, "users": [s.user]})
        yield s


def unique(kind, direction, form):
    return f"{kind}-{direction}-{form}-{uuid.uuid4().hex[:8]}"


# --- towards amo ----------------------------------------------------------------------------------


def post(stack, body, direction):
    """A message of the service, of a client or of somebody on its side; its id there."""
    ident = str(uuid.uuid4())
    whole = {"id": ident, "source": "wa1", "conversation": {"id": CLIENT}, **body}
    if direction == "in":
        whole["sender"] = {"id": CLIENT, "name": "Вера", "phone": CLIENT}
    else:
        whole.update(direction="out", sender={"id": "op-7", "name": "Оператор"},
                     receiver={"id": CLIENT, "name": "Вера", "phone": CLIENT},
                     author={"amo_user": stack.user} if direction == "by_user" else None)
    status, answer, _ = stack.service_call("messages", whole)
    assert status == 202, answer
    return ident, answer["mid"]


def at_amo(stack, mid):
    return stack.wait("amojo.message", msgid=mid, timeout=20)["item"]


def roles_are_right(stack, item, direction):
    payload = item["payload"]
    if direction == "in":
        assert "receiver" not in payload and payload["silent"] is False
        assert payload["sender"]["id"] == f"svc-{CLIENT}"
        return
    assert payload["receiver"]["id"] == f"svc-{CLIENT}" and payload["receiver"]["name"]
    assert payload["sender"]["id"] == "svc-op-7" and payload["sender"]["name"] == "Оператор"
    bot = stack.sandbox(f"channels/{stack.channel}")["bot_id"]
    assert payload["sender"]["ref_id"] == (stack.user if direction == "by_user" else bot)
    assert payload["silent"] is True


def in_plain(stack, kind, direction):
    text = unique(kind, direction, "plain")
    _, mid = post(stack, service_body(kind, text), direction)
    item = at_amo(stack, mid)
    roles_are_right(stack, item, direction)
    assert subset(amo_message(kind, text), item["payload"]["message"]) is None
    assert item["chat"] == stack.chat["chat"]


def in_quoted(stack, kind, direction):
    body = with_parts(service_body(kind, unique(kind, direction, "quoted")), reply_to={"id": stack.first["id"]})
    _, mid = post(stack, body, direction)
    assert at_amo(stack, mid)["payload"]["reply_to"] == {"message": {"id": stack.chat["id"]}}


def in_forwarded(stack, kind, direction):
    """From another chat: amo is told which."""
    body = with_parts(service_body(kind, unique(kind, direction, "fwd")), forward={"id": stack.elsewhere["id"]})
    _, mid = post(stack, body, direction)
    forwards = at_amo(stack, mid)["payload"]["forwards"]
    assert forwards["messages"] == [{"id": stack.other["id"]}]
    assert forwards["conversation_ref_id"] == stack.other["chat"]


def edit_of(stack, text=None, **ids):
    """The payload of the edit with this text, or of this message; amo has taken it."""
    def found():
        return [b["payload"] for b in stack.bodies(side="amojo", kind="edit_message")
                if (text is None or b["payload"]["message"].get("text") == text)
                and all(b["payload"].get(k) == v for k, v in ids.items())]

    payload = wait_for(found, "the edit")[-1]
    wait_for(lambda: all(j["status"] == 200 for j in stack.journal(side="amojo", kind="edit_message")), "amo to take it")
    return payload


def in_edited(stack, kind, direction):
    """The type stays when the service names none, and the file too. Lost: a place or card whose edit brings words
    alone becomes those words, because amojo wants the whole of it and the bridge keeps none."""
    ident, mid = post(stack, service_body(kind, unique(kind, direction, "edit")), direction)
    at_amo(stack, mid)
    text = unique(kind, direction, "edited")
    status, answer, _ = stack.call("PATCH", f"messages/{ident}", {"text": text})
    assert status == 202, answer
    payload = edit_of(stack, text=text)
    want = "text" if kind in ("location", "contact") else kind
    assert (payload["msgid"], payload["message"]["type"], payload["message"]["text"]) == (mid, want, text)


# --- towards the service --------------------------------------------------------------------------


def hook(stack, message, chat=None):
    """A manager's message, laid out in full; its amo id."""
    item = stack.manager_writes(message.get("text", ""), (chat or stack.chat)["chat"], message=message)
    return item["id"]


def at_service(stack, amo_id):
    mid = wait_for(lambda: known(stack, amo_id), "core to know it")["mid"]
    return stack.wait("service.message", id=mid, timeout=20)["item"]["data"]


def known(stack, amo_id):
    try:
        return stack.control("trace", id=amo_id)["message"]
    except Exception:  # not yet
        return None


def out_plain(stack, kind, direction):
    text = unique(kind, direction, "plain")
    data = at_service(stack, hook(stack, hook_message(kind, text)))
    assert subset(service_data(kind, text), data) is None
    assert data["receiver"]["id"] == CLIENT and data["conversation"]["id"] == CLIENT
    assert data["author"]["amo_user"] and data["reply_to"] is None and data["forwarded"] is None


def out_quoted(stack, kind, direction):
    message = with_parts(hook_message(kind, unique(kind, direction, "quoted")),
                         reply_to={"message": embedded(stack.chat, "first-words")})
    data = at_service(stack, hook(stack, message))
    assert data["reply_to"] == {"id": stack.first["id"]}
    assert not data["text"].startswith(">")


def embedded(item, text):
    return {"id": item["id"], "msgid": item["msgid"], "type": "text", "text": text, "timestamp": 1767225000,
            "msec_timestamp": 1767225000000, "sender": {"id": str(uuid.uuid4()), "name": "Вера"}}


def out_forwarded(stack, kind, direction):
    """The service has one message: its own words first, then the forwarded ones; the file of the first that has one."""
    text = unique(kind, direction, "fwd")
    message = with_parts(hook_message(kind, text),
                         forwards={"messages": [embedded(stack.other, "forwarded-words")],
                                   "conversation_ref_id": stack.other["chat"]})
    data = at_service(stack, hook(stack, message))
    assert data["text"] == text + "\nforwarded-words"
    assert data["type"] == kind and data["forwarded"] == {"id": stack.elsewhere["id"], "author": "Вера"}


def out_edited(stack, kind, direction):
    """amo sends no webhook of an edit; should one come, it is answered and kept for a person, never guessed at."""
    ident = str(uuid.uuid4())
    body = {"account_id": stack.scope.partition("_")[2], "time": int(time.time()), "action": {"edit": {
        "message": {"id": ident, **hook_message(kind, unique(kind, direction, "edited"))},
        "conversation": {"id": stack.chat["chat"]}}}}
    assert stack.webhook(body, learn=False)["status"] == 200
    kept = wait_for(lambda: [q for q in stack.control("quarantine.list")
                             if ident in (stack.control("quarantine.show", id=q["id"], reveal=True).get("raw") or "")],
                    "the quarantine")
    assert kept[0]["reason"] == "not_understood"


CELLS = {("in", "plain"): in_plain, ("in", "quoted"): in_quoted, ("in", "forwarded"): in_forwarded,
         ("in", "edited"): in_edited,
         ("by_user", "plain"): in_plain, ("by_user", "quoted"): in_quoted, ("by_user", "forwarded"): in_forwarded,
         ("by_user", "edited"): in_edited,
         ("by_bot", "plain"): in_plain, ("by_bot", "quoted"): in_quoted, ("by_bot", "forwarded"): in_forwarded,
         ("by_bot", "edited"): in_edited,
         ("out", "plain"): out_plain, ("out", "quoted"): out_quoted, ("out", "forwarded"): out_forwarded,
         ("out", "edited"): out_edited}


def test_no_cell_is_missing():
    assert set(CELLS) == set(itertools.product(DIRECTIONS, FORMS))
    assert set(TYPES) == {"text", "contact", "file", "video", "picture", "voice", "audio", "sticker", "location"}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("kind", TYPES)
def test_cell(stack, kind, direction, form):
    CELLS[direction, form](stack, kind, direction)


def test_nothing_of_all_this_died_or_was_doubled(stack):
    """After the cells: each was one message at its receiver, and no dead letter is left."""
    stack.settle()
    assert stack.control("dead.list") == []
    counters = stack.sandbox("counters")
    assert counters["service.doubles"] == 0 and counters["amojo.refused"] == 0
    assert all(m["effects"] == 1 for m in stack.list("amojo/messages"))


# --- what one side cannot hold --------------------------------------------------------------------


@pytest.mark.parametrize("message, type_, text", [
    ({"type": "poll", "text": "Удобен ли вечер?"}, "text", "Удобен ли вечер?"),
    ({"type": "story", "text": "см.", "media": URL}, "file", "см."),
    ({"type": "picture", "text": "подпись", "media": ""}, "text", "подпись"),
    ({"type": "location", "text": "у ворот"}, "text", "у ворот"),
    ({"type": "contact", "text": "позвоните Анне", "contact": {}}, "text", "позвоните Анне"),
    ({"type": "text", "text": "", "media": URL}, "file", ""),
])
def test_an_outbound_message_is_degraded_by_name(stack, message, type_, text):
    data = at_service(stack, hook(stack, message))
    assert (data["type"], data["text"]) == (type_, text)
    assert (data["media"] or {}).get("url") == (URL if type_ == "file" else None)


@pytest.mark.parametrize("message, words", [
    ({"type": "poll", "text": ""}, "unsupported message type"),
    ({"type": "picture", "text": "", "media": ""}, "the file has no link"),
    ({"type": "text", "text": ""}, "the message is empty"),
    ({"type": "location", "text": ""}, "unsupported message type"),
])
def test_an_outbound_message_that_says_nothing_is_refused_in_words(stack, message, words):
    ident = hook(stack, message)
    stack.wait("status", id=ident, status=-1)
    told = stack.list(f"amojo/statuses?id={ident}")
    assert [(s["status"], s["error_code"], s["error"]) for s in told] == [(-1, 905, words)]


def test_a_quote_nobody_knows_becomes_words(stack):
    """A message of before the bridge: the client sees what is answered, line by line."""
    message = with_parts(hook_message("text", "да, всё так"), reply_to={"message": {
        "id": str(uuid.uuid4()), "type": "text", "text": "первая строка\nвторая", "sender": {"name": "Вера"}}})
    data = at_service(stack, hook(stack, message))
    assert data["text"] == "> первая строка\n> вторая\nда, всё так" and data["reply_to"] is None


@pytest.mark.parametrize("kind, sign", [("picture", "🖼"), ("voice", "🎤"), ("location", "📍"), ("contact", "👤")])
def test_a_quote_without_words_becomes_a_sign(stack, kind, sign):
    message = with_parts(hook_message("text", "про это"), reply_to={"message": {
        "id": str(uuid.uuid4()), "type": kind, "text": "", "sender": {"name": "Вера"}}})
    assert at_service(stack, hook(stack, message))["text"] == f"> {sign}\nпро это"


@pytest.mark.parametrize("inner, text, url", [
    ({"type": "location", "text": "", "location": {"lat": 55.75, "lon": 37.61}}, "55.75, 37.61", None),
    ({"type": "contact", "text": "", "contact": {"name": "Аня", "phone": "+7"}}, "Аня, +7", None),
    ({"type": "picture", "text": "", "media": URL, "file_name": "p.jpg", "file_size": 7}, "", URL),
])
def test_what_is_forwarded_without_words_still_arrives(stack, inner, text, url):
    """A place or card becomes words, a file is the message's own."""
    message = with_parts(hook_message("text", ""), forwards={"messages": [
        {"id": str(uuid.uuid4()), "sender": {"name": "Друг"}, **inner}]})
    data = at_service(stack, hook(stack, message))
    assert (data["text"], (data["media"] or {}).get("url")) == (text, url)
    assert data["forwarded"] == {"id": None, "author": "Друг"}


@pytest.mark.parametrize("part, want", [
    ({"markup": {"mode": "inline", "buttons": [[{"text": "Да"}, {"text": "Нет"}], [{"text": "Сайт", "url": URL}]]}},
     {"buttons": [{"text": "Да", "row": 0}, {"text": "Нет", "row": 0}, {"text": "Сайт", "url": URL, "row": 1}]}),
    ({"markup": {"list_message": {"header": "Услуги", "body": "Выберите", "footer": "К", "button": "Меню", "sections": [
        {"title": "Связь", "rows": [{"callback_data": "a1", "title": "Номер", "description": "Городской"}]}]}}},
     {"list": {"header": "Услуги", "body": "Выберите", "footer": "К", "button": "Меню", "sections": [
         {"title": "Связь", "rows": [{"callback_data": "a1", "title": "Номер", "description": "Городской"}]}]}}),
    ({"template": {"id": 7103, "external_id": "tpl", "content": "{{a}}", "params": [{"key": "{{a}}", "value": "б"}]}},
     {"template": {"id": 7103, "external_id": "tpl", "content": "{{a}}", "params": [{"key": "{{a}}", "value": "б"}]}}),
    ({"media_group_id": "g-1", "type": "picture", "media": URL}, {"media": {"group": "g-1"}}),
    ({"post": {"id": "post-2001"}}, {"post": {"id": "post-2001"}}),
])
def test_parts_of_a_managers_message_reach_the_service(stack, part, want):
    data = at_service(stack, hook(stack, with_parts(hook_message("text", unique("text", "out", "part")), **part)))
    assert subset(want, data) is None


@pytest.mark.parametrize("part, want", [
    ({"callback_data": "row-a1"}, {"callback_data": "row-a1"}),
    ({"shared_post": {"url": URL, "preview_permalink": URL, "site_name": "example"}},
     {"shared_post": {"url": URL, "preview_permalink": URL, "site_name": "example", "type": "post"}}),
    ({"post": {"id": "post-2001", "url": URL, "username": "company", "caption": "Новинка"}},
     {"post": {"id": "post-2001", "url": URL, "username": "company", "caption": "Новинка"}}),
])
def test_parts_of_a_clients_message_reach_amo(stack, part, want):
    _, mid = post(stack, with_parts(service_body("text", unique("text", "in", "part")), **part), "in")
    assert subset(want, at_amo(stack, mid)["payload"]["message"]) is None


def test_a_quote_of_the_service_that_nobody_knows_is_told_in_its_words(stack):
    reply = {"id": "of-before-the-bridge", "type": "text", "text": "старое", "author": "Менеджер",
             "sent_at": "2025-12-31T00:00:00Z"}
    _, mid = post(stack, with_parts(service_body("text", "про это"), reply_to=reply), "in")
    assert at_amo(stack, mid)["payload"]["reply_to"] == {"message": {
        "type": "text", "text": "старое", "timestamp": 1767139200, "msec_timestamp": 1767139200000,
        "sender": {"name": "Менеджер"}}}
    _, mid = post(stack, with_parts(service_body("text", "без слов"), reply_to={"id": "of-before"}), "in")
    assert "reply_to" not in at_amo(stack, mid)["payload"]


def test_a_forward_of_the_service_that_nobody_knows_is_told_in_its_words(stack):
    forward = {"id": "elsewhere", "type": "text", "text": "чужие слова", "author": "Друг",
               "sent_at": "2025-12-31T00:00:00Z"}
    _, mid = post(stack, {"type": "text", "text": "", "forward": forward}, "in")
    assert at_amo(stack, mid)["payload"]["forwards"]["messages"] == [{
        "type": "text", "text": "чужие слова", "timestamp": 1767139200, "msec_timestamp": 1767139200000,
        "sender": {"name": "Друг"}}]


@pytest.mark.parametrize("part", [{"location": {"lat": -1.5, "lon": 2.25}}, {"contact": {"name": "Аня", "phone": "7"}}])
def test_a_place_or_card_that_is_changed_whole_stays_one(stack, part):
    kind = next(iter(part))
    ident, mid = post(stack, service_body(kind, unique(kind, "in", "moves")), "in")
    at_amo(stack, mid)
    assert stack.call("PATCH", f"messages/{ident}", part)[0] == 202
    edit = edit_of(stack, msgid=mid)
    assert edit["message"]["type"] == kind and subset(part, edit["message"]) is None


def test_a_deleted_message_says_so_at_amo(stack):
    ident, mid = post(stack, service_body("picture", unique("picture", "in", "gone")), "in")
    at_amo(stack, mid)
    assert stack.call("PATCH", f"messages/{ident}", {"deleted": True})[0] == 202
    edit = edit_of(stack, msgid=mid)
    assert edit["message"] == {"type": "text", "text": "Сообщение удалено"}


def test_a_message_born_at_amo_is_edited_by_its_id_there(stack):
    """And amo learns our id of it on the way."""
    amo_id = hook(stack, hook_message("text", "с опечаткой"))
    data = at_service(stack, amo_id)
    assert stack.call("PATCH", f"messages/{data['id']}", {"text": "без опечатки"})[0] == 202
    payload = edit_of(stack, id=amo_id)
    assert payload["msgid"] == data["id"] and payload["message"]["text"] == "без опечатки"




# --- what readers of this table found missing in it -------------------------------------------------


@pytest.mark.parametrize("message, type_, text, part", [
    ({"type": "text", "text": "здесь", "location": {"lat": 55.75, "lon": 37.61}}, "text", "здесь\n55.75, 37.61", None),
    ({"type": "text", "text": "вот", "contact": {"name": "Аня", "phone": "+7"}}, "text", "вот\nАня, +7", None),
    ({"type": "venue", "text": "", "location": {"lat": 1.5, "lon": 2}}, "text", "1.5, 2", None),
    ({"type": "contact", "text": "", "contact": {"phone": "+7"}}, "text", "+7", None),
    ({"type": "picture", "text": "", "media": "не ссылка"}, "text", "не ссылка", None),
    ({"type": "location", "text": "", "media": URL, "location": {"lat": 1.5, "lon": 2}}, "location", URL, "location"),
])
def test_parts_of_another_type_become_lines(stack, message, type_, text, part):
    """A service is given one thing at a time; what the type has no place for is words."""
    data = at_service(stack, hook(stack, message))
    assert (data["type"], data["text"]) == (type_, text)
    assert [p for p in ("media", "location", "contact") if data[p]] == ([part] if part else [])


@pytest.mark.parametrize("first", ["text", "picture", "location", "contact", "voice"])
@pytest.mark.parametrize("part", [{"media": {"url": URL, "name": "n.jpg", "size": 5}},
                                  {"location": {"lat": -1.5, "lon": 2.25}}, {"contact": {"name": "Аня", "phone": "7"}}])
def test_an_edit_may_bring_another_kind_and_the_next_one_knows_it(stack, first, part):
    """Without a type the parts say it: a file on a file keeps its kind, else it is a file, a place, a card."""
    ident, mid = post(stack, service_body(first, unique(first, "in", "turns")), "in")
    at_amo(stack, mid)
    assert stack.call("PATCH", f"messages/{ident}", part)[0] == 202
    kind = next(iter(part))
    want = {"media": first if first in ("picture", "voice") else "file"}.get(kind, kind)
    assert edit_of(stack, msgid=mid)["message"]["type"] == want
    assert stack.call("PATCH", f"messages/{ident}", {"text": f"caption of {mid}"})[0] == 202
    last = edit_of(stack, text=f"caption of {mid}")["message"]
    assert last["type"] == (want if kind == "media" else "text")


def test_a_forward_of_what_amo_does_not_have_yet_goes_by_its_words(stack):
    """Another conversation's message is still under way: amo would refuse its name."""
    stack.fault(on="amojo.new_message", match="still-under-way", delay_ms=2500, times=1)
    sent = stack.client_writes("still-under-way", conversation=OTHER)
    forward = {"id": sent["id"], "type": "text", "text": "its words", "author": "Друг"}
    _, mid = post(stack, {"type": "text", "text": "", "forward": forward}, "in")
    message = at_amo(stack, mid)["payload"]["forwards"]["messages"][0]
    assert message["text"] == "its words" and not {"id", "msgid"} & set(message)
    stack.wait("amojo.message", text="still-under-way")


@pytest.mark.parametrize("text", ["", "сам пишу"])
def test_a_forward_without_name_and_words_leaves_a_sign(stack, text):
    _, mid = post(stack, {"type": "text", "text": text, "forward": {"id": "nobody-knows"}}, "in")
    assert at_amo(stack, mid)["text"] == (text + "\n↪" if text else "↪")


def test_an_edit_that_amo_refuses_is_told_to_the_service(stack):
    ident, mid = post(stack, service_body("text", unique("text", "in", "vain")), "in")
    at_amo(stack, mid)
    stack.fault(on="amojo.edit_message", match="in-vain", status=400, times=1, body={"error_description": "no"})
    assert stack.call("PATCH", f"messages/{ident}", {"text": "in-vain"})[0] == 202
    told = wait_for(lambda: [e["data"] for e in stack.list("service/events?type=delivery.failed")
                             if e["data"]["id"] == ident], "the service to be told")
    assert [(t["mid"], t["code"]) for t in told] == [(mid, "edit_failed")]
    assert stack.call("GET", f"messages/{ident}")[1]["status"] == "delivered_to_amo"  # as it was
    stack.control("dead.drop", ids=[d["id"] for d in stack.control("dead.list")])


def test_several_people_in_one_conversation_stay_several(stack):
    """The first who writes is the client; another one is a person of his own at amo."""
    def says(person, text):
        assert stack.service_call("messages", {
            "id": str(uuid.uuid4()), "source": "wa1", "conversation": {"id": "group-1"}, "type": "text", "text": text,
            "sender": {"id": person, "name": person.title()}})[0] == 202
        return stack.wait("amojo.message", text=text)["item"]["payload"]["sender"]

    assert says("ann", "from-ann")["id"] == "svc-ann"
    assert says("bob", "from-bob") == {"id": "svc-bob", "name": "Bob"}
    assert says("ann", "ann-again") == {"id": "svc-ann", "name": "Ann"}
