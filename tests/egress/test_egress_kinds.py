"""Every kind of call beyond a plain message: what it says to a service and to amojo, and what is never said."""
import time

import pytest
import kit
from egress_harness import (ACCOUNT, AMO_DISCONNECT, AMO_EDIT, AMO_HISTORY, AMO_OUTGOING, AMO_REACTION, AMO_TYPING,
                            CHANNEL, DEAD, DONE, HOLD, NEW_KEY, OLD_KEY, RETRY, SERVICE_FAILED, SERVICE_REACTION,
                            SERVICE_TEST, SERVICE_TYPING, answer, message, outcome, to_service)

AMO_ID = "df78f72d-1dd6-41aa-ae4d-7c602d4cacfc"
CHAT = "1597678a-12fc-4ee9-a318-564882fc1bfd"
PICTURE = {"type": "picture", "media": "https://amo.example/a.jpg", "media_name": "a.jpg", "media_size": 48210,
           "media_mime": "image/jpeg", "media_duration": 3, "thumbnail": "https://amo.example/t.jpg",
           "media_group": "group-1"}


@pytest.fixture
def service(bench):
    """call(**command) -> (data, request, result): what a connector's service is posted."""
    remote, core, _ = bench.up(connectors=[("demo", None, True)])
    numbers = iter(range(1, 1000))

    def call(**more):
        core.push(to_service(next(numbers), **more))
        result = core.result()
        request = remote.requests[-1] if remote.requests else None
        return (request.json() if request else None), request, result

    return call


def created(service, **more):
    body, _, result = service(**more)
    assert outcome(result) == (DONE, "none") and body["type"] == "message.created"
    return body["data"]


def test_a_file_is_told_with_all_that_is_known_of_it(service):
    assert created(service, **PICTURE)["media"] == {
        "url": "https://amo.example/a.jpg", "name": "a.jpg", "size": 48210, "mime": "image/jpeg", "duration": 3,
        "thumbnail": "https://amo.example/t.jpg", "group": "group-1"}
    assert created(service, type="voice", media="https://amo.example/v")["media"] == {
        "url": "https://amo.example/v", "name": None, "size": None, "mime": None, "duration": None,
        "thumbnail": None, "group": None}


def test_a_place_is_two_numbers_and_a_card_two_texts(service):
    data = created(service, type="location", lat="55.755864", lon="-37")
    assert data["location"] == {"lat": 55.755864, "lon": -37} and data["contact"] is None
    data = created(service, type="contact", contact_name="Сервис", contact_phone="+70007654321")
    assert data["contact"] == {"name": "Сервис", "phone": "+70007654321"} and data["location"] is None
    for broken in ("north", "1.", ".5", "01", "1e", "+1", "0x10", "NaN", "1 "):
        assert created(service, type="location", lat=broken, lon="37.6")["location"] is None


def test_parts_cross_as_the_documents_they_are(service):
    buttons = '[{"text":"Да","row":0},{"text":"Сайт","url":"https://e.example","row":1}]'
    rows = '{"header":"H","sections":[{"title":"T","rows":[{"callback_data":"a","title":"A"}]}]}'
    data = created(service, buttons=buttons, list=rows, template='{"id":7103,"params":[{"key":"k","value":"v"}]}',
                   post_id="post-1", forward_author="Иван", forward_ids='["a","b"]')
    assert data["buttons"][1] == {"text": "Сайт", "url": "https://e.example", "row": 1} and len(data["buttons"]) == 2
    assert data["list"]["sections"][0]["rows"][0]["callback_data"] == "a"
    assert data["template"] == {"id": 7103, "params": [{"key": "k", "value": "v"}]}
    assert data["post"] == {"id": "post-1"}
    assert data["forwarded"] == {"id": None, "author": "Иван"}
    assert created(service, forward_id="svc-7")["forwarded"] == {"id": "svc-7", "author": None}


@pytest.mark.parametrize("part", [{"buttons": "{}"}, {"buttons": "[1"}, {"list": "[]"}, {"template": '"x"'},
                                  {"template": '{},"evil":1'}])
def test_a_part_that_would_break_the_body_is_left_out_and_the_words_go(service, part):
    data = created(service, text="the words", **part)
    assert data["text"] == "the words" and not data[next(iter(part))]


def test_a_reaction_is_told_as_set_or_gone(service):
    body, request, result = service(kind=SERVICE_REACTION, message_id="svc-1", emoji="👍")
    assert outcome(result) == (DONE, "none") and body["type"] == "reaction.changed"
    assert request.headers["webhook-id"] == "mid-1"
    assert request.headers["webhook-signature"] == \
        f"{request.webhook_signature(NEW_KEY)} {request.webhook_signature(OLD_KEY)}"
    assert body["data"] == {"message_id": "svc-1", "emoji": "👍", "set": True,
                            "conversation": {"id": "79005550101"},
                            "author": {"amo_user": "5b1f6c1e-0000-4000-8000-000000000017"}}
    assert service(kind=SERVICE_REACTION, message_id="svc-1", unset=True, author="")[0]["data"] == {
        "message_id": "svc-1", "emoji": None, "set": False, "conversation": {"id": "79005550101"}, "author": None}


def test_typing_is_told_with_its_end_and_not_when_it_is_over(service):
    until = int(time.time() * 1000) // 1000 * 1000 + 60_000
    body, _, result = service(kind=SERVICE_TYPING, expires_ms=until)
    assert outcome(result) == (DONE, "none") and body["type"] == "typing.started"
    expires_at = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(until / 1000))
    assert body["data"] == {"conversation": {"id": "79005550101"}, "expires_at": expires_at}
    _, request, result = service(kind=SERVICE_TYPING, expires_ms=until - 120_000)
    assert outcome(result) == (DEAD, "refused") and request.headers["webhook-id"] == "mid-1"


def test_a_clients_message_that_amo_refused_is_told_with_both_ids(service):
    body, _, _ = service(kind=SERVICE_FAILED, message_id="wa1-3EB0", message_client_id="demo-wa1-3EB0",
                         reason="refused", error_text="payload.message.text: cannot be blank")
    assert body["type"] == "delivery.failed"
    assert body["data"] == {"id": "wa1-3EB0", "mid": "demo-wa1-3EB0", "code": "refused",
                            "text": "payload.message.text: cannot be blank", "conversation": {"id": "79005550101"}}


def test_a_connector_is_tested_with_a_nonce(service):
    body, _, _ = service(kind=SERVICE_TEST, key="nonce-1")
    assert (body["type"], body["data"]) == ("connector.test", {"nonce": "nonce-1"})


def test_a_services_own_word_for_its_refusal_is_told(bench):
    _, core, _ = bench.up(lambda request: answer(422, {"error": {"code": "no_such_number\n" + "x" * 500,
                                                                 "message": "Нет такого номера"}}),
                          connectors=[("demo", None, True)])
    core.push(to_service(1))
    result = core.result()
    assert result["words"] == "Нет такого номера"
    assert result["code"].startswith("no_such_number x") and len(result["code"]) == 64


# --- amojo -------------------------------------------------------------------------------------

def test_a_delete_is_sent_with_its_signed_body_and_the_next_call_is_itself_again(bench):
    """All on one kept connection and one reused handle."""
    remote, core, _ = bench.up(lambda request: answer(204))
    core.push(message(1, kind=AMO_DISCONNECT, scope=CHANNEL, account=ACCOUNT))
    assert outcome(core.result()) == (DONE, "none")
    core.push(message(2, kind=AMO_HISTORY, chat_id=CHAT))
    core.result()
    core.push(message(3, kind=AMO_REACTION, message_id=AMO_ID, emoji="👍"))
    core.result()
    core.push(message(4, kind=AMO_DISCONNECT, account=ACCOUNT))
    core.result()
    assert [r.method for r in remote.requests] == ["DELETE", "GET", "POST", "DELETE"]
    assert remote.connections == 1
    for disconnect in (remote.requests[0], remote.requests[3]):
        assert disconnect.path == f"/v2/origin/custom/{CHANNEL}/disconnect"
        assert disconnect.json() == {"account_id": ACCOUNT}
    assert remote.requests[1].body == b""
    assert all(r.headers["x-signature"] == r.amojo_signature() for r in remote.requests)


def test_a_reaction_to_or_an_edit_of_a_message_not_yet_visible_is_tried_again(bench):
    _, core, _ = bench.up(lambda request: answer(404))
    core.push(message(1, kind=AMO_REACTION, message_id=AMO_ID, emoji="👍"))
    assert outcome(core.result()) == (RETRY, "not_found")
    core.push(message(2, kind=AMO_EDIT, message_client_id="demo-1"))
    assert outcome(core.result()) == (RETRY, "not_found")


@pytest.mark.parametrize("left_ms, low, high", [(90_000, 30_000, 30_000), (20_000, 10_000, 20_000)])
def test_typing_lasts_as_long_as_it_is_still_true(bench, left_ms, low, high):
    remote, core, _ = bench.up(lambda request: answer(204))
    core.push(message(1, kind=AMO_TYPING, expires_ms=int(time.time() * 1000) + left_ms))
    assert outcome(core.result()) == (DONE, "none")
    assert low <= remote.requests[0].json()["duration_ms"] <= high


@pytest.mark.parametrize("command", [
    {"kind": AMO_TYPING, "expires_ms": 1}, {"kind": AMO_REACTION, "emoji": "👍"}, {"kind": AMO_EDIT},
    {"kind": AMO_REACTION, "message_id": AMO_ID, "conversation_id": ""}, {"type": "location", "lat": "1", "lon": "x"}])
def test_what_cannot_be_said_is_refused_before_anything_is_sent(bench, command):
    remote, core, _ = bench.up()
    core.push(message(1, **command))
    assert outcome(core.result()) == (DEAD, "refused") and remote.requests == []


@pytest.mark.parametrize("part", [{"shared_post": "[broken"}, {"post": "{"}])
def test_a_part_that_is_only_shown_and_broken_does_not_cost_the_words(bench, part):
    payload = sent(bench, text="the words", **part)
    assert payload["message"]["text"] == "the words" and not {"shared_post", "post"} & {*payload, *payload["message"]}


def sent(bench, **command):
    """The payload of one call."""
    remote, core, _ = bench.up()
    core.push(message(1, **command))
    assert core.result()["outcome"] == DONE
    return remote.requests[0].json()["payload"]


def test_whole_degrees_are_still_floats(bench):
    assert sent(bench, type="location", lat="55", lon="-3.7e1")["message"]["location"] == {"lat": 55.0, "lon": -37.0}
    assert b'"lat":55.0' in bench.remotes[0].requests[0].body


def test_an_edit_without_a_text_leaves_the_caption_alone(bench):
    command = message(1, kind=AMO_EDIT, message_client_id="demo-1", type="picture", media="https://s.example/b.jpg")
    remote, core, _ = bench.up()
    core.push({key: value for key, value in command.items() if key != "text"})
    assert core.result()["outcome"] == DONE
    assert remote.requests[0].json()["payload"]["message"] == {"type": "picture", "media": "https://s.example/b.jpg"}


@pytest.mark.parametrize("parts, wanted", [
    ({"reply_text": "Старое"}, {"type": "text", "text": "Старое", "sender": {"name": "?"}}),
    ({"reply_type": "location", "reply_author": "Вера"}, {"type": "text", "text": "location",
                                                          "sender": {"name": "Вера"}}),
    ({"reply_type": "picture"}, {"type": "picture", "sender": {"name": "?"}}),
    ({"reply_type": "text"}, None), ({"reply_author": "Вера"}, None)])
def test_a_quote_of_an_unknown_message_is_described(bench, parts, wanted):
    payload = sent(bench, **parts)
    times = {"timestamp": 1767225660, "msec_timestamp": 1767225660250}
    assert payload.get("reply_to") == ({"message": wanted | times} if wanted else None)


@pytest.mark.parametrize("parts, wanted", [
    ({"forward_id": AMO_ID, "forward_conversation_ref_id": CHAT},
     {"messages": [{"id": AMO_ID}], "conversation_ref_id": CHAT}),
    ({"forward_text": "Было", "forward_author": "Вера", "forward_sent_ms": 1767139200000},
     {"messages": [{"type": "text", "text": "Было", "sender": {"name": "Вера"}, "timestamp": 1767139200,
                    "msec_timestamp": 1767139200000}]}),
    ({"forward_media": "https://s.example/b.pdf", "forward_media_name": "b.pdf", "forward_media_size": 5,
      "forward_sent_ms": 1767139200000},
     {"messages": [{"type": "file", "sender": {"name": "?"}, "timestamp": 1767139200, "file_name": "b.pdf",
                    "msec_timestamp": 1767139200000, "media": "https://s.example/b.pdf", "file_size": 5}]}),
    ({"forward_author": "Вера"}, None)])
def test_a_forwarded_message_is_named_or_described(bench, parts, wanted):
    assert sent(bench, **parts).get("forwards") == wanted


def test_a_message_of_our_side_names_the_client_and_a_stranger_by_what_is_known(bench):
    payload = sent(bench, kind=AMO_OUTGOING, sender_ref_id=CHAT, sender_name="", receiver_id="c-1",
                   receiver_ref_id=AMO_ID, receiver_phone="79005550101", receiver_email="a@b.example",
                   sender_phone="790", sender_avatar="https://s.example/a")
    assert payload["sender"] == {"id": "demo-user-1", "name": "demo-user-1", "ref_id": CHAT}
    assert payload["receiver"] == {"id": "c-1", "ref_id": AMO_ID, "name": "79005550101",
                                   "profile": {"phone": "79005550101", "email": "a@b.example"}}


def test_a_spelling_that_is_none_stops_the_start(tmp_path):
    environment = kit.environment(AMO_RUN_DIR=tmp_path, AMO_DATA_DIR=tmp_path, AMO_EGRESS_STATUS_SPELLING="ours")
    worker = kit.run("amo-egress", env=environment, timeout=10)
    assert worker.returncode == 2 and "AMO_EGRESS_STATUS_SPELLING: both, old or new" in worker.stderr
