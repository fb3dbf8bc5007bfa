"""What a worker puts on the wire, and what it makes of the answers."""
import hashlib
import json
import time

import pytest
from egress_harness import (AMO_CONNECT, AMO_CREATE_CHAT, AMO_HISTORY, AMO_STATUS, ACCOUNT, CHANNEL, DEAD, DONE, HOLD,
                            NEW_KEY, OLD_KEY, RETRY, SCOPE, SECRET, UNKNOWN, answer, message, outcome,
                            registry, to_service)

CHAT = "1597678a-12fc-4ee9-a318-564882fc1bfd"
USER = "fc68b954-7e9a-4ce0-a12a-f00baf572108"


def test_a_new_message_is_signed_over_the_bytes_that_are_sent(bench):
    remote, core, _ = bench.up()
    core.push(message(1, source="mobilon-line-1", silent=True, text="Здравствуйте! 👋 \"quoted\"\n"))
    result = core.result()
    request = remote.requests[0]
    assert (request.method, request.target) == ("POST", f"/v2/origin/custom/{SCOPE}")
    assert request.headers["content-type"] == "application/json"
    assert request.headers["content-md5"] == hashlib.md5(request.body).hexdigest()
    assert request.headers["x-signature"] == request.amojo_signature()
    assert request.headers["user-agent"].startswith("amo-message-server/")
    assert "expect" not in request.headers
    signed_at = time.mktime(time.strptime(request.headers["date"], "%a, %d %b %Y %H:%M:%S +0000")) - time.timezone
    assert abs(signed_at - time.time()) < 5
    payload = request.json()["payload"]
    assert payload["msec_timestamp"] == 1767225660250 and payload["timestamp"] == 1767225660
    assert payload["silent"] is True and payload["source"] == {"external_id": "mobilon-line-1"}
    assert "receiver" not in payload and payload["message"]["text"] == "Здравствуйте! 👋 \"quoted\"\n"
    assert outcome(result) == (DONE, "none") and result["status"] == 200
    assert result["amo_message_id"] == "amo-demo-1" and "evidence" not in result


def test_crossed_ids_of_the_answer_are_taken_only_when_they_are_amos(bench):
    def behave(request):
        msgid = request.json()["payload"]["msgid"]
        new = {"msgid": "138b8ba9-46de-46b0-bf18-8c732b027041", "ref_id": msgid, "receiver_id": None}
        if msgid == "demo-1":
            new |= {"conversation_id": CHAT, "sender_id": USER}
        else:
            new |= {"conversation_id": "demo-chat-2", "sender_id": "demo-user-2"}
        return answer(200, {"new_message": new})

    _, core, _ = bench.up(behave)
    core.push(message(1))
    first = core.result()
    assert (first["amo_chat_id"], first["amo_sender_id"]) == (CHAT, USER)
    core.push(message(2))
    second = core.result()
    assert second["outcome"] == DONE and "amo_chat_id" not in second and "amo_sender_id" not in second


def test_status_connect_chat_and_history_are_called_as_amojo_wants_them(bench):
    def behave(request):
        if request.path.endswith("/connect"):
            return answer(200, {"account_id": ACCOUNT, "scope_id": SCOPE, "title": "T", "hook_api_version": "v2"})
        if request.path.endswith("/chats"):
            return answer(200, {"id": CHAT, "user": {"id": USER, "client_id": "demo-user-3", "name": "C"}})
        if request.path.endswith("/history"):
            return answer(200, {"messages": [{"message": {"id": "m-2", "client_id": "other"}},
                                             {"message": {"id": "m-1", "client_id": "demo-4"}}]})
        return answer(200)

    remote, core, _ = bench.up(behave)
    core.push(message(1, kind=AMO_STATUS, message_id="df78f72d-1dd6-41aa-ae4d-7c602d4cacfc", status_code=-1,
                      error_code=905, error_text="no such thing"))
    assert outcome(core.result()) == (DONE, "none")
    core.push(message(2, kind=AMO_CONNECT, account=ACCOUNT, title="Мессенджер"))
    assert core.result()["scope_id"] == SCOPE
    core.push(message(3, kind=AMO_CREATE_CHAT))
    assert core.result()["amo_chat_id"] == CHAT
    core.push(message(4, kind=AMO_HISTORY, chat_id=CHAT))
    found = core.result()
    assert found["found"] and found["complete"] and found["amo_message_id"] == "m-1"
    core.push(message(5, kind=AMO_HISTORY, chat_id=CHAT))
    lost = core.result()
    assert lost["outcome"] == DONE and lost["complete"] and "found" not in lost
    status, connect, chat, history, _ = remote.requests
    assert status.path == f"/v2/origin/custom/{SCOPE}/df78f72d-1dd6-41aa-ae4d-7c602d4cacfc/delivery_status"
    assert status.json() == {"msgid": "df78f72d-1dd6-41aa-ae4d-7c602d4cacfc", "delivery_status": -1, "status_code": -1,
                             "error_code": 905, "error": "no such thing"}
    assert connect.path == f"/v2/origin/custom/{CHANNEL}/connect"
    assert connect.json() == {"account_id": ACCOUNT, "title": "Мессенджер", "hook_api_version": "v2"}
    assert chat.path == f"/v2/origin/custom/{SCOPE}/chats"
    assert (history.method, history.target) == ("GET", f"/v2/origin/custom/{SCOPE}/chats/{CHAT}/history"
                                                       "?limit=50&offset=0")
    for request in remote.requests:
        assert request.headers["x-signature"] == request.amojo_signature()
        assert request.headers["content-type"] == "application/json"
        assert request.headers["content-md5"] == hashlib.md5(request.body).hexdigest()


def test_a_full_page_of_the_history_says_where_the_next_one_begins(bench):
    def behave(request):
        offset = int(request.target.partition("offset=")[2])
        rows = [{"timestamp": 1772442901 - n, "message": {"id": f"m-{n}", "client_id": f"demo-{n}"}}
                for n in range(offset, min(offset + 50, 120))]
        return answer(200, {"messages": rows}) if rows else answer(204)

    remote, core, _ = bench.up(behave)
    for number, (offset, until, wanted) in enumerate([
            (0, 0, 50), (50, 0, 100), (100, 0, None), (150, 0, None),  # a short page and none are the end
            (0, 1772442861000, 50),  # some of the page are not older
            (50, 1772442861000, None)], 1000):  # all of it is: there is nothing behind it
        core.push(message(number, kind=AMO_HISTORY, chat_id=CHAT, offset=offset, until_ms=until))
        result = core.result()
        assert outcome(result) == (DONE, "none") and result["complete"] and "found" not in result
        assert result.get("next_offset") == wanted, (offset, until)
    assert remote.requests[1].target.endswith("/history?limit=50&offset=50")


def test_a_message_that_is_not_done_says_where_its_attempt_went(bench):
    _, core, _ = bench.up(lambda request: answer(200, "<html></html>"))
    core.push(message(1, chat_id=CHAT))
    result = core.result()
    assert outcome(result) == (UNKNOWN, "unreadable")
    assert (result["sent_scope"], result["sent_chat"]) == (SCOPE, CHAT)
    core.push(message(2))
    assert "sent_chat" not in core.result()


def test_history_without_content_is_complete(bench):
    _, core, _ = bench.up(lambda request: answer(204))
    core.push(message(1, kind=AMO_HISTORY, chat_id=CHAT))
    result = core.result()
    assert outcome(result) == (DONE, "none") and result["complete"] and "found" not in result


def test_a_service_is_called_with_standard_webhooks(bench):
    def behave(request):
        return answer(200, {"conversation": {"id": "conv-9"}, "id": "svc-1"})

    remote, core, _ = bench.up(behave, connectors=[("demo", None, True)])
    core.push(to_service(1, reply_id="wa1-3EB0"))
    result = core.result()
    assert outcome(result) == (DONE, "none")
    assert (result["service_conversation"], result["service_message_id"]) == ("conv-9", "svc-1")
    request = remote.requests[0]
    assert request.headers["webhook-id"] == "mid-1"
    assert abs(int(request.headers["webhook-timestamp"]) - time.time()) < 5
    assert request.headers["webhook-signature"] == \
        f"{request.webhook_signature(NEW_KEY)} {request.webhook_signature(OLD_KEY)}"
    assert request.headers["content-type"] == "application/json"
    assert request.json() == {
        "type": "message.created", "timestamp": "2026-01-01T00:02:00.000Z",
        "data": {"id": "mid-1", "source": "wa1", "direction": "out", "write_first": False,
                 "conversation": {"id": "79005550101"},
                 "receiver": {"id": "79005550101", "phone": "79005550101"},
                 "author": {"amo_user": "5b1f6c1e-0000-4000-8000-000000000017"}, "type": "text", "text": "text 1",
                 "media": None, "location": None, "contact": None, "reply_to": {"id": "wa1-3EB0"}, "forwarded": None,
                 "buttons": [], "list": None, "template": None, "post": None}}


def test_write_first_has_no_conversation_and_a_repeat_is_the_same_to_the_byte(bench):
    remote, core, _ = bench.up(connectors=[("demo", None, True)])
    first = to_service(1, write_first=True)
    del first["conversation"], first["receiver_id"]
    core.push(first)
    core.result()
    core.push(first | {"attempt": 2})
    core.result()
    data = remote.requests[0].json()["data"]
    assert data["write_first"] is True and data["conversation"] == {"id": None}
    assert data["receiver"] == {"id": None, "phone": "79005550101"}
    assert remote.requests[0].body == remote.requests[1].body
    assert remote.requests[0].headers["webhook-id"] == remote.requests[1].headers["webhook-id"]


@pytest.mark.parametrize("status, wanted", [
    (301, (UNKNOWN, "redirect")), (400, (DEAD, "refused")), (403, (HOLD, "forbidden")), (404, (HOLD, "not_found")),
    (408, (RETRY, "server")), (429, (HOLD, "throttled")), (500, (RETRY, "server")), (502, (RETRY, "server")),
    (200, (UNKNOWN, "unreadable"))])
def test_amojos_answers_are_judged(bench, status, wanted):
    remote, core, _ = bench.up(lambda request: answer(status, {"error_description": "so it is"},
                                                      [("Location", "http://127.0.0.1:1/elsewhere")]))
    core.push(message(1))
    result = core.result()
    assert outcome(result) == wanted and result["status"] == status
    assert f"HTTP/1.1 {status} Status{status}" in result["evidence"] and "so it is" in result["evidence"]
    assert len(remote.requests) == 1


@pytest.mark.parametrize("status, wanted", [
    (302, (HOLD, "redirect")), (401, (HOLD, "forbidden")), (403, (DEAD, "refused")), (404, (DEAD, "refused")),
    (405, (DEAD, "refused")), (410, (HOLD, "gone")), (422, (DEAD, "refused")),
    (425, (RETRY, "server")), (429, (HOLD, "throttled")), (504, (RETRY, "server"))])
def test_a_services_answers_are_judged(bench, status, wanted):
    said = {"error": {"code": "no_number", "message": "Нет такого номера\n"}}
    remote, core, _ = bench.up(lambda request: answer(status, said,
                                                      [("Location", "/elsewhere"), ("Retry-After", "7")]),
                               connectors=[("demo", None, True)])
    core.push(to_service(1))
    result = core.result()
    assert outcome(result) == wanted and result["words"] == "Нет такого номера "
    assert result.get("retry_after_ms", 0) == (7000 if wanted[0] in (RETRY, HOLD) else 0)
    assert len(remote.requests) == 1, "a redirect was followed"


PAGE = "\n<!DOCTYPE html><html><body>nginx</body></html>"


@pytest.mark.parametrize("status, body, wanted", [
    (400, {"detail": "no"}, (HOLD, "proxy")), (400, {"error": "no code"}, (HOLD, "proxy")), (400, "", (HOLD, "proxy")),
    (401, PAGE, (HOLD, "forbidden")), (403, PAGE, (HOLD, "forbidden")), (404, PAGE, (HOLD, "not_found")),
    (404, {"detail": "Not Found"}, (HOLD, "not_found")), (405, "", (HOLD, "proxy")), (451, PAGE, (HOLD, "proxy")),
    (308, PAGE, (HOLD, "redirect")), (413, PAGE, (DEAD, "refused")), (422, "", (DEAD, "refused")),
    (500, "", (RETRY, "server")), (502, PAGE, (RETRY, "proxy")), (503, "no healthy upstream", (RETRY, "proxy"))])
def test_what_stands_before_a_service_refuses_nothing_for_good(bench, status, body, wanted):
    _, core, _ = bench.up(lambda request: answer(status, body), connectors=[("demo", None, True)])
    core.push(to_service(1))
    assert outcome(core.result()) == wanted


@pytest.mark.parametrize("mime, body, wanted", [
    ("text/html", "We will be back soon", (UNKNOWN, "proxy")), ("Text/HTML; charset=utf-8", "Ждите ответа", (UNKNOWN, "proxy")),
    ("text/plain", "\r\n<html>", (UNKNOWN, "proxy")), ("text/plain", "taken over, thank you", (DONE, "none")),
    ("text/html", "OK", (DONE, "none")), ("text/html", {"id": "svc 7"}, (DONE, "none")), ("text/html", "", (DONE, "none"))])
def test_a_services_2xx_is_its_own_unless_it_is_a_page(bench, mime, body, wanted):
    _, core, _ = bench.up(lambda request: answer(200, body, [("Content-Type", mime)]), connectors=[("demo", None, True)])
    core.push(to_service(1))
    assert outcome(core.result()) == wanted


@pytest.mark.parametrize("status, body, wanted", [
    (400, PAGE, (HOLD, "proxy")), (405, PAGE, (HOLD, "proxy")), (400, "payload: no", (DEAD, "refused")),
    (400, "", (DEAD, "refused")), (403, PAGE, (HOLD, "forbidden")), (404, PAGE, (HOLD, "not_found")),
    (413, PAGE, (DEAD, "refused")), (502, PAGE, (RETRY, "proxy")), (503, "", (RETRY, "server"))])
def test_a_page_in_place_of_amojos_answer_refuses_nothing_for_good(bench, status, body, wanted):
    _, core, _ = bench.up(lambda request: answer(status, body))
    core.push(message(1))
    assert outcome(core.result()) == wanted


def test_a_status_for_a_message_not_yet_visible_is_tried_again(bench):
    _, core, _ = bench.up(lambda request: answer(404))
    core.push(message(1, kind=AMO_STATUS, message_id="df78f72d-1dd6-41aa-ae4d-7c602d4cacfc", status_code=1))
    assert outcome(core.result()) == (RETRY, "not_found")


def test_our_signature_and_secret_are_not_in_the_evidence_even_when_echoed(bench):
    def behave(request):
        return answer(400, "you sent X-Signature: " + request.headers["x-signature"] + "\x00\x1b[31m!")

    remote, core, worker = bench.up(behave)
    core.push(message(1))
    evidence = core.result()["evidence"]
    assert remote.requests[0].headers["x-signature"] not in evidence and "*" * 40 in evidence
    assert "\x1b" not in evidence and "\x00" not in evidence
    assert remote.requests[0].headers["x-signature"] not in worker.log() and SECRET not in worker.log()
    assert "text 1" not in worker.log()


def test_the_skew_of_amojos_clock_is_told(bench):
    ahead = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 120))
    _, core, worker = bench.up(lambda request: answer(200, {"new_message": {"msgid": "x"}}, [("Date", ahead)]))
    core.push(message(1))
    result = core.result()
    assert result["skew_known"] and 117000 < result["skew_ms"] < 123000
    assert 'amo_attempts_total{target="amojo",outcome="done",status="200"} 1' in worker.admin("/metrics")[1]
    skew = [line for line in worker.admin("/metrics")[1].splitlines() if line.startswith("amo_clock_skew_seconds")]
    assert 117 < float(skew[0].split()[1]) < 123


def test_a_huge_answer_is_read_only_so_far(bench):
    def behave(request):
        body = json.dumps({"new_message": {"msgid": "late", "pad": "x" * (8 << 20)}})
        return answer(200, body)

    _, core, worker = bench.up(behave)
    core.push(message(1))
    result = core.result()
    assert outcome(result) == (UNKNOWN, "unreadable") and len(result["evidence"].encode()) <= 2048
    core.push(message(2, kind=AMO_STATUS, message_id="m", status_code=1))
    assert outcome(core.result()) == (DONE, "none")
    assert worker.private_kib() < 16 << 10


def test_what_is_not_registered_is_held_and_an_impossible_id_is_dead(bench):
    remote, core, _ = bench.up()
    core.push(message(1, scope="ffffffff-0000-0000-0000-000000000000_" + ACCOUNT))
    assert outcome(core.result()) == (HOLD, "unregistered")
    core.push(to_service(2, connector="nobody"))
    assert outcome(core.result()) == (HOLD, "unregistered")
    core.push(message(3, kind=AMO_STATUS, message_id="..", status_code=1))
    assert outcome(core.result()) == (DEAD, "refused")
    core.push(message(4, kind=99))
    assert outcome(core.result()) == (HOLD, "unregistered")
    core.push(message(5, kind=AMO_STATUS, message_id="a/b?c#d e", status_code=1))
    core.result()
    assert remote.requests[0].path == f"/v2/origin/custom/{SCOPE}/a%2Fb%3Fc%23d%20e/delivery_status"
    assert remote.requests[0].headers["x-signature"] == remote.requests[0].amojo_signature()


def test_a_new_registry_signs_from_then_on(bench):
    remote, core, _ = bench.up()
    core.push(message(1))
    core.result()
    core.send(core.peer, "REGISTRY", registry(remote.url, version=2, secrets=("f" * 40, SECRET)))
    core.push(message(2))
    core.result()
    assert remote.requests[0].headers["x-signature"] == remote.requests[0].amojo_signature()
    assert remote.requests[1].headers["x-signature"] == remote.requests[1].amojo_signature("f" * 40)
    core.settle()
    assert core.heartbeats[-1].body["registry_version"] == 2


def test_two_hundred_messages_all_arrive_once(bench):
    remote, core, _ = bench.up(worker={"egress/concurrency": 16})
    done = []
    pending = [message(i) for i in range(1, 201)]
    for i in range(0, 200, 25):
        core.push(*pending[i:i + 25])
        done += core.results(25)
    assert sorted(r["id"] for r in done) == list(range(1, 201))
    assert all(r["outcome"] == DONE for r in done)
    assert len(remote.requests) == 200 and remote.connections <= 16


def test_a_body_over_a_mebibyte_goes_out_without_asking_first(bench):
    remote, core, _ = bench.up()
    core.push(message(1, text="ж" * (600 << 10)))
    assert outcome(core.result()) == (DONE, "none")
    assert "expect" not in remote.requests[0].headers
    assert remote.requests[0].headers["x-signature"] == remote.requests[0].amojo_signature()
