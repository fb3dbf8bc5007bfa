"""A webhook is verified, kept and delivered; everything else is refused as documented."""
import json
import threading

import pytest

from ingress_harness import (ACCOUNT, CHANNEL, OTHER_TOKEN, SCOPE, TOKEN, hook, message, registry, sign, standard_headers,
                             wait_for)


def test_a_webhook_is_accepted_and_delivered(pair):
    ingress, core = pair
    answer = ingress.amo()
    assert (answer.status, answer.body) == (200, b"OK")
    number, event, suspect = core.wait_events(1)[0]
    assert number == 1 and not suspect
    assert event["kind"] == 1 and event["scope"] == SCOPE
    assert event["message_id"] == "m-1" and event["text"] == "Добрый день"
    assert event["receiver_phone"] == "+70001234567" and event["dedup"] == "m:m-1"
    assert len(event["trace"]) == 16 and event["taken_ms"] > 1.6e12
    wait_for(lambda: ingress.metric("amo_spool_events") == 0, "an empty spool")
    assert ingress.metric("amo_webhooks_total", process="ingress", source="amojo", result="accepted") == 1
    assert ingress.metric("amo_accept_seconds_count") == 1


def test_the_trailing_newline_of_the_wire_is_not_signed(pair):
    ingress, core = pair
    body = hook("m-nl")
    assert ingress.amo(body + b"\n", signature=sign(body)).status == 200
    assert ingress.amo(body + b"\n", signature=sign(body + b"\n")).status == 200
    assert ingress.amo(body, signature=sign(body).upper()).status == 200
    core.wait_events(3)


@pytest.mark.parametrize("signature", ["0" * 40, "", "zz" * 20, sign(hook(), "another secret"), sign(b"other")])
def test_a_wrong_signature_is_401_and_nothing_is_kept(pair, signature):
    ingress, core = pair
    answer = ingress.amo(signature=signature)
    assert answer.status == 401 and answer.code == "unauthorized"
    assert set(answer.json["error"]) == {"code", "message"}
    assert ingress.metric("amo_spool_events") == 0 and not core.events
    assert ingress.metric("amo_webhooks_total", source="amojo", result="unauthorized") == 1


def test_404_is_for_an_unknown_channel_only(pair):
    ingress, core = pair
    other = CHANNEL.replace("0b", "1b")
    assert ingress.amo(scope=f"{other}_{ACCOUNT}").status == 404
    body = hook().replace(ACCOUNT.encode(), b"another-account")
    assert ingress.amo(body, scope=f"{CHANNEL}_another-account").status == 200
    assert core.wait_events(1)[0][1]["scope"] == f"{CHANNEL}_another-account"


def test_a_body_that_is_not_understood_is_quarantined_before_its_400(make):
    core = make.core()
    ingress = make()
    ingress.wait_log("what=registry.new")
    core.close()
    body = b'{"account_id":"somebody else"}'
    answer = ingress.amo(body)
    assert answer.status == 400 and answer.code == "not_understood"
    ingress.kill()
    core = make.core()
    ingress.start()
    _, event, _ = core.wait_events(1)[0]
    assert event["kind"] == 6 and event["raw"] == body and event["scope"] == SCOPE


def test_methods_and_paths(pair):
    ingress, _ = pair
    answer = ingress.request("GET", f"/messages/{SCOPE}")
    assert answer.status == 405 and answer.headers["Allow"] == "POST"
    assert ingress.request("POST", "/healthz").headers["Allow"] == "GET, HEAD"
    assert ingress.request("GET", "/nothing").code == "unknown_route"
    assert ingress.request("POST", "/messages/").status == 404
    assert ingress.request("POST", f"/messages/{SCOPE}/x").status == 404
    assert ingress.request("GET", "/healthz").status == 200
    ready = ingress.request("GET", "/readyz")
    assert ready.status == 200
    assert ingress.admin("/readyz").status == 200 and ingress.admin("/healthz").status == 200


def test_without_any_registry_nothing_is_known(make):
    ingress = make()
    assert ingress.amo().code == "no_registry"
    answer = ingress.service()
    assert answer.status == 503 and answer.code == "no_registry" and int(answer.headers["Retry-After"]) > 0
    ready = ingress.request("GET", "/readyz")
    assert ready.status == 503 and "no registry" in ready.json["error"]["message"]
    assert b"no registry" in ingress.admin("/readyz").body and ingress.admin("/readyz").status == 503
    core = make.core()
    core.wait_hello()
    wait_for(lambda: ingress.amo().status == 200, "a registry")


# --- connectors


def test_a_message_of_a_service_is_accepted(pair):
    ingress, core = pair
    answer = ingress.service(message("wa1-3EB0", sent_at="2026-01-01T00:01:01.250Z", silent=True,
                                     reply_to={"id": "wa1-0"}, media=None, unknown={"a": 1}))
    assert answer.status == 202
    assert answer.json == {"mid": "mobilon-wa1-3EB0", "status": "accepted"}
    _, event, _ = core.wait_events(1)[0]
    assert event["kind"] == 4 and event["connector"] == "mobilon" and event["source"] == "wa1"
    assert event["message_id"] == "wa1-3EB0" and event["conversation"] == "79005550101"
    assert event["sent_ms"] == 1767225661250 and event["silent"] is True and event["reply_id"] == "wa1-0"
    assert event["sender_name"] == "Ирина" and event["type"] == "text" and event["text"] == "Привет"


def test_a_repeat_is_recognised_and_another_body_is_a_conflict(pair):
    ingress, core = pair
    assert ingress.service(message("a")).status == 202
    again = ingress.service(message("a"))
    assert again.status == 200 and again.json == {"mid": "mobilon-a", "status": "duplicate"}
    other = ingress.service(message("a", text="другое"))
    assert other.status == 409 and other.code == "conflict"
    assert ingress.service(message("b")).status == 202
    core.wait_events(2)
    assert [e["message_id"] for _, e, _ in core.events] == ["a", "b"]


def test_repeats_at_the_same_moment_are_one_event(pair):
    ingress, core = pair
    n = 24
    start = threading.Barrier(n)
    statuses = []

    def client():
        c = ingress.connect()
        c.connect()
        start.wait()
        statuses.append(ingress.service(message("once"), connection=c).status)
        c.close()

    for round_ in range(5):
        threads = [threading.Thread(target=client) for _ in range(n)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    assert statuses.count(202) == 1 and statuses.count(200) == 5 * n - 1
    ingress.service(message("last"))
    core.wait_events(2)
    assert [e["message_id"] for _, e, _ in core.events] == ["once", "last"]


def test_the_idempotency_key_wins_over_the_id(pair):
    ingress, core = pair
    body = message("k1")
    assert ingress.service(body, Idempotency_Key="key-1").status == 202
    assert ingress.service(body, Idempotency_Key="key-1").status == 200
    assert ingress.service(message("k2"), Idempotency_Key="key-1").status == 409
    core.wait_events(1)
    assert core.events[0][1]["dedup"] == "key-1"


def test_an_id_that_comes_again_with_another_body_is_a_conflict_under_whichever_key(make):
    core = make.core()
    ingress = make()
    ingress.wait_log("what=registry.new")
    assert ingress.service(message("k1"), Idempotency_Key="key-1").status == 202

    def refused():
        for key in {"Idempotency_Key": "key-2"}, {}:
            other = ingress.service(message("k1", text="другое"), **key)
            assert (other.status, other.code, other.json["error"]["field"]) == (409, "conflict", "id")

    refused()
    # the same word for another message in another conversation: core keeps it aside and tells
    assert ingress.service(message("k1", conversation={"id": "79005550102"}), Idempotency_Key="key-3").status == 202
    # and the other way round, a key after none
    assert ingress.service(message("k2")).status == 202
    assert ingress.service(message("k2", text="другое"), Idempotency_Key="key-4").status == 409
    core.wait_events(3)
    assert [e["message_id"] for _, e, _ in core.events] == ["k1", "k1", "k2"]
    ingress.kill()
    ingress.start()
    refused()  # it is remembered


def test_repeats_survive_a_restart_and_deleted_segments(make):
    core = make.core()
    ingress = make(amo_ingress_spool_max_bytes=1 << 20)
    ingress.wait_log("what=registry.new")
    connection = ingress.connect()
    bodies = [message(f"s-{i}", text="x" * 2000) for i in range(300)]
    for body in bodies:
        assert ingress.service(body, connection=connection).status == 202
    core.wait_events(300)
    wait_for(lambda: ingress.metric("amo_spool_events") == 0, "an empty spool")
    assert len(list(ingress.spool_dir.glob("*.seg"))) < 5
    ingress.kill()
    ingress.start()
    connection = ingress.connect()
    for body in bodies:
        assert ingress.service(body, connection=connection).json["status"] == "duplicate"


@pytest.mark.parametrize("field,value,code", [
    ("id", None, "required"), ("id", "with space", "invalid"), ("id", "x" * 129, "invalid"), ("id", 5, "invalid"),
    ("source", None, "required"), ("conversation", {}, "required"), ("sender", {"id": None}, "required"),
    ("type", None, "required"), ("type", "poll", "invalid"), ("direction", "up", "invalid"),
    ("media", {"url": "https://x"}, "invalid"), ("text", "", "required")])
def test_a_wrong_field_is_named(pair, field, value, code):
    ingress, core = pair
    body = json.loads(message())
    body[field] = value
    answer = ingress.service(json.dumps(body).encode())
    assert answer.status == 422 and answer.code == code
    assert answer.json["error"]["field"].split(".")[0] == field
    assert not core.events


def test_who_may_speak_for_a_connector(pair):
    ingress, _ = pair
    assert ingress.service(token="wrong").status == 401
    missing = ingress.service(token=None)
    assert missing.status == 401 and missing.headers["WWW-Authenticate"] == "Bearer"
    assert ingress.service(token=OTHER_TOKEN).status == 403
    assert ingress.service(name="nobody").code == "unknown_connector"
    assert ingress.service(name="lonely", token="token-of-lonely-000000000000000000").code == "no_account"


def test_standard_webhooks_signatures_are_taken(pair):
    ingress, core = pair
    body = message("sw-1")
    assert ingress.service(body, token=None, **standard_headers(body)).status == 202
    assert ingress.service(body, token=None, **standard_headers(body, key=b"x" * 32)).status == 401
    assert ingress.service(body, token=None, **standard_headers(body, at=1000)).status == 401
    # with both, both must hold
    assert ingress.service(body, token=TOKEN, **standard_headers(body)).status == 200
    assert ingress.service(body, token=TOKEN, **standard_headers(b"other")).status == 401
    assert ingress.service(body, token="wrong", **standard_headers(body)).status == 401


def test_sources_of_a_connector_with_several_accounts(make):
    core = make.core(registry=registry(scopes=[(SCOPE, "mobilon"), (f"{CHANNEL}_b", "mobilon")],
                                       sources=[("mobilon", "wa1", SCOPE)]))
    ingress = make()
    ingress.wait_log("what=registry.new")
    assert ingress.service(message("1")).status == 202
    answer = ingress.service(message("2", source="wa2"))
    assert answer.status == 422 and answer.code == "unknown_source"
    assert answer.json["error"]["field"] == "source"
    core.wait_events(1)
    core.send_registry(registry(2, scopes=[(SCOPE, "mobilon"), (f"{CHANNEL}_b", "mobilon")],
                                sources=[("mobilon", "wa1", SCOPE), ("mobilon", "wa2", f"{CHANNEL}_b")]))
    wait_for(lambda: ingress.service(message("2", source="wa2")).status in (200, 202), "the new registry")
    wait_for(lambda: any(h.body.get("registry_version") == 2 for h in core.heartbeats), "a heartbeat with it")


def test_bodies_and_types_of_the_connector_api(pair):
    ingress, _ = pair
    assert ingress.service(b"{").code == "not_json"
    assert ingress.service(b"[]").status == 400
    assert ingress.service(b"\xff{}").status == 400
    assert ingress.service(Content_Type="text/plain").status == 415
    for key, status in (({}, 415), ({"key": b"x" * 32}, 401)):  # who it is comes first, with a signature as with a token
        assert ingress.service(b"{}", token=None, Content_Type="text/plain", **standard_headers(b"{}", **key)).status == status
    assert ingress.service(b"{}", token="wrong", Content_Type="text/plain").status == 401
    assert ingress.service(message("t1"), Content_Type="application/json; charset=utf-8").status == 202
    assert ingress.service(message("t2"), Content_Type="application/vnd.x+json").status == 202
    assert ingress.request("PATCH", "/v1/connectors/mobilon/messages").headers["Allow"] == "POST"


def test_statuses_come_in_lists_with_a_result_each(pair):
    ingress, core = pair
    items = [{"id": "out-1", "status": "delivered", "at": "2026-01-01T00:00:00Z"},
             {"id": "out-2", "status": "lost"},
             {"id": "out-3", "status": "failed", "error": {"code": "not_on_channel", "text": "нет"},
              "conversation": {"id": "79"}},
             "nonsense"]
    answer = ingress.service(json.dumps({"statuses": items}).encode(), path="statuses")
    assert answer.status == 202
    results = answer.json["results"]
    assert [r["status"] for r in results] == ["accepted", "rejected", "accepted", "rejected"]
    assert results[1]["error"]["field"] == "status" and results[0]["id"] == "out-1"
    core.wait_events(2)
    first, second = core.events[0][1], core.events[1][1]
    assert first["kind"] == 5 and first["status"] == "delivered" and first["message_id"] == "out-1"
    assert second["error_code"] == "not_on_channel" and second["error_text"] == "нет" and second["conversation"] == "79"
    assert ingress.service(b'{"statuses":[]}', path="statuses").status == 422
    many = json.dumps({"statuses": items[:1] * 101}).encode()
    assert ingress.service(many, path="statuses").json["error"]["field"] == "statuses"
