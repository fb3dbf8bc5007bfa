"""Faults, waiting, limits, resetting, and how the program starts and ends."""
import http.client
import signal
import threading
import time

import pytest

import kit
from sandbox_rig import Amo, Sandbox, Service


def test_a_scripted_status_is_answered_without_effect(sandbox, amo):
    sandbox.post("faults", [{"on": "amojo.new_message", "times": 1, "status": 500},
                            {"on": "amojo.new_message", "times": 1, "status": 429, "retry_after": 2},
                            {"on": "amojo.new_message", "times": 1, "status": 400, "body": "sender: user not found"}])
    first, second, third, fourth = (amo.message("m-1") for _ in range(4))
    assert (first.status, first.json["error_code"]) == (500, 500)
    assert (second.status, second.headers["Retry-After"]) == (429, "2")
    assert (third.status, third.body) == (400, b"sender: user not found")
    assert fourth.status == 200
    [message] = sandbox.messages()
    assert (message["effects"], message["calls"]) == (1, 1)
    journal = sandbox.get("journal", kind="new_message")["items"]
    assert [(e["status"], e["fault"]) for e in journal] == [(500, 1), (429, 2), (400, 3), (200, None)]
    assert sandbox.counters()["faults"] == 3
    assert [f["played"] for f in sandbox.get("faults")["items"]] == [1, 1, 1]


def test_a_lost_answer_leaves_its_effect(sandbox, amo):
    sandbox.post("faults", {"on": "amojo.new_message", "times": 1, "cut": "after"})
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        amo.message("m-1")
    [message] = sandbox.messages()
    assert amo.message("m-1").json["new_message"]["msgid"] == message["id"]
    assert sandbox.get("journal", kind="new_message")["items"][0]["status"] == 0


def test_a_cut_before_has_no_effect(sandbox, amo):
    sandbox.post("faults", {"on": "amojo", "match": "needle", "cut": "before"})
    assert amo.message("m-1", "hay").status == 200
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        amo.message("m-2", "a needle")
    assert [m["msgid"] for m in sandbox.messages()] == ["m-1"]
    sandbox.call("DELETE", "/_sandbox/faults")
    assert amo.message("m-2", "a needle").status == 200


def test_a_status_may_be_answered_although_the_call_had_its_effect(sandbox, amo):
    sandbox.post("faults", {"on": "amojo.new_message", "times": 1, "status": 502, "process": True})
    assert amo.message("m-1").status == 502
    assert len(sandbox.messages()) == 1


def test_answers_can_be_held_back_after_or_before_processing(sandbox, amo):
    sandbox.post("faults", [{"on": "amojo.new_message", "times": 1, "delay_ms": 600},
                            {"on": "amojo.new_message", "times": 1, "delay_before_ms": 600}])
    for n, there in ((1, True), (2, False)):
        started = time.monotonic()
        caller = threading.Thread(target=amo.message, args=(f"m-{n}",))
        caller.start()
        sandbox.wait("faults", count=n)
        assert any(m["msgid"] == f"m-{n}" for m in sandbox.messages()) is there
        caller.join()
        assert time.monotonic() - started >= 0.6
        assert len(sandbox.messages()) == n


def test_other_calls_go_on_while_one_is_held_back(sandbox, amo):
    sandbox.post("faults", {"on": "amojo.new_message", "match": "slow", "delay_ms": 2500, "times": 1})
    slow = threading.Thread(target=amo.message, args=("m-1", "slow"))
    slow.start()
    sandbox.wait("faults")
    started = time.monotonic()
    for n in range(20):
        assert amo.message(f"q-{n}").status == 200
    assert time.monotonic() - started < 2.3
    sandbox.post("reset", {"what": "traffic"})
    slow.join()


def test_each_kind_of_call_can_fail_alone(sandbox, amo):
    mid = amo.message("m-1").json["new_message"]
    kinds = {
        "connect": lambda: amo.call("POST", f"{amo.channel['id']}/connect",
                                    {"account_id": amo.account, "hook_api_version": "v2"}),
        "chats": lambda: amo.call("POST", f"{amo.scope}/chats",
                                  {"conversation_id": "c", "user": {"id": "u", "name": "n"}}),
        "new_message": lambda: amo.message("m-2"),
        "delivery_status": lambda: amo.status(mid["msgid"], 1),
        "typing": lambda: amo.call("POST", f"{amo.scope}/typing", {"conversation_id": "c-1", "sender": {"id": "u"}}),
        "react": lambda: amo.call("POST", f"{amo.scope}/react", {
            "conversation_id": "c-1", "msgid": "m-1", "user": {"id": "u"}, "type": "unreact"}),
        "history": lambda: amo.history(mid["conversation_id"]),
        "disconnect": lambda: amo.call("DELETE", f"{amo.channel['id']}/disconnect", {"account_id": amo.account}),
    }
    for kind, call in kinds.items():
        sandbox.post("faults", {"on": f"amojo.{kind}", "times": 1, "status": 503})
        assert call().status == 503, kind
        assert call().status < 300, kind


def test_the_service_can_fail_too(sandbox, service):
    sandbox.post("faults", [{"on": "service.message.created", "times": 1, "status": 410},
                            {"on": "service", "times": 1, "status": 422, "body": {"error": {"code": "x", "message": "no"}}}])
    assert service.message("mid-1").json["error"]
    assert service.message("mid-1").json == {"error": {"code": "x", "message": "no"}}
    assert service.message("mid-1").status == 200
    assert sandbox.get("service/messages")["items"][0]["webhook_ids"] == 1


def test_chance_follows_its_seed(sandbox, amo):
    def run():
        sandbox.post("reset")
        sandbox.post("faults", {"on": "amojo.new_message", "status": 500, "probability": 0.5, "seed": 11})
        return [amo.message(f"m-{n}").status for n in range(40)]

    first = run()
    assert first == run() and {200, 500} == set(first)


def test_rules_are_checked(sandbox):
    for rule in ({}, {"on": "nowhere"}, {"on": "amojo", "status": 42}, {"on": "amojo", "cut": "sideways"},
                 {"on": "amojo", "probability": 2}, {"on": "amojo", "delay_ms": -1}, {"on": "amojo", "times": "x"}):
        sandbox.post("faults", rule, status=400)
    [rule] = sandbox.post("faults", {"on": "amojo", "status": 500})["items"]
    assert sandbox.call("DELETE", f"/_sandbox/faults/{rule['fault']}").status == 200
    assert sandbox.call("DELETE", f"/_sandbox/faults/{rule['fault']}").status == 404


def test_waiting_ends_when_it_becomes_true(sandbox, amo):
    answers = {}

    def wait(name, what, **query):
        answers[name] = sandbox.wait(what, **query)

    waiters = [threading.Thread(target=wait, args=("count", "amojo.messages"), kwargs={"count": 2}),
               threading.Thread(target=wait, args=("text", "amojo.message"), kwargs={"text": "нужный"}),
               threading.Thread(target=wait, args=("id", "amojo.message"), kwargs={"msgid": "m-2"})]
    for waiter in waiters:
        waiter.start()
    amo.message("m-1", "первый")
    amo.message("m-2", "самый нужный текст", conversation="c-2")
    for waiter in waiters:
        waiter.join(20)
    assert answers["count"]["value"] == 2
    assert answers["text"]["item"]["msgid"] == answers["id"]["item"]["msgid"] == "m-2"


def test_waiting_in_vain_ends_with_done_false(sandbox, amo):
    started = time.monotonic()
    answer = sandbox.get("wait", what="amojo.messages", count=5, timeout_ms=200)
    assert (answer["done"], answer["value"]) == (False, 0) and answer["waited_ms"] >= 200
    assert time.monotonic() - started < 10
    assert sandbox.call("GET", "/_sandbox/wait?what=nonsense").status == 400


def test_waiting_for_the_service(sandbox, service):
    service.message("mid-1", text="one", conversation="c-1")
    service.message("mid-2", text="two", conversation="c-2")
    assert sandbox.wait("service.message", text="tw")["item"]["id"] == "mid-2"
    assert sandbox.wait("service.message", id="mid-1", conversation="c-1")["item"]["text"] == "one"
    assert not sandbox.get("wait", what="service.message", text="two", conversation="c-1", timeout_ms=1)["done"]


def test_limits_refuse_in_words_and_drop_nothing(sandbox, amo):
    sandbox.settings(max_journal=2)
    assert [amo.message(f"m-{n}").status for n in range(3)] == [200, 507, 507]
    assert amo.message("m-9").json["error_description"] == "sandbox_full: max_journal"
    sandbox.settings(max_journal=100, max_messages=2)
    assert [amo.message(f"n-{n}").status for n in range(3)] == [200, 507, 507]
    sandbox.settings(max_messages=100, max_log=0)
    assert sandbox.post("manager/writes", {"conversation_id": "c-1", "text": "x"}, status=507)["error"]["code"] == \
        "sandbox_full"
    assert len(sandbox.messages()) == 2
    assert sandbox.counters()["full"] >= 5


def test_large_bodies_are_refused(sandbox, amo):
    assert amo.message("m-1", "x" * (3 * 1024 * 1024)).status == 200
    assert amo.message("m-2", "x" * (5 * 1024 * 1024)).status == 413


def test_the_journal_can_be_brief_or_off(sandbox, amo):
    sandbox.settings(journal="brief")
    amo.message("m-1")
    assert "body" not in sandbox.get("journal", kind="new_message")["items"][0]
    sandbox.settings(journal="off")
    amo.message("m-2")
    assert len(sandbox.get("journal", kind="new_message")["items"]) == 1
    assert len(sandbox.messages()) == 2


def test_reset_forgets_as_much_as_it_says(sandbox, amo, service):
    amo.message("m-1")
    sandbox.settings(repeat=400)
    sandbox.post("faults", {"on": "service", "status": 500})
    sandbox.post("reset", {"what": "logs"})
    assert sandbox.messages() == [] and sandbox.get("journal")["items"] == []
    assert sandbox.counters()["amojo.messages"] == 0
    assert amo.message("m-1").status == 400
    assert len(sandbox.get("amojo/chats")["items"]) == 1
    assert sandbox.get("faults")["items"]
    sandbox.post("reset")
    assert sandbox.get("amojo/chats")["items"] == [] and sandbox.get("faults")["items"] == []
    assert amo.message("m-1").status == 200
    assert sandbox.get("settings")["repeat"] == 400
    sandbox.post("reset", {"what": "all"})
    assert sandbox.get("channels")["items"] == [] and sandbox.get("connectors")["items"] == []
    assert sandbox.get("settings")["repeat"] == 200
    sandbox.post("reset", {"what": "everything"}, status=400)


def test_reset_takes_queued_calls_off_the_line(sandbox, bridge):
    amo = Amo(sandbox, webhook_url=f"{bridge.url}/messages/:scope_id").connect()
    hold = threading.Event()
    bridge.answers = [lambda _: hold.wait(20) and None]
    amo.message("m-1")
    sandbox.post("manager/writes", {"count": 50, "conversation_id": "c-1", "text": "{n}"})
    bridge.wait(1)
    sandbox.post("reset")
    hold.set()
    assert sandbox.wait("idle")["value"] == 0
    assert len(bridge.seen) == 1


def test_settings_are_checked(sandbox):
    for wrong in ({"repeat": 201}, {"nonsense": 1}, {"echo": 1}, {"journal": "loud"}, {"unknown_refs": "x"},
                  {"client_timeout_ms": 0}, [1]):
        sandbox.post("settings", wrong, method="PATCH", status=400)
    before = sandbox.get("settings")
    sandbox.post("settings", {"repeat": 400, "nonsense": 1}, method="PATCH", status=400)
    assert sandbox.get("settings") == before


def test_wrong_addresses_methods_and_bodies_are_told_apart(sandbox):
    assert sandbox.call("GET", "/_sandbox/nonsense").json["error"]["code"] == "not_found"
    assert sandbox.call("DELETE", "/_sandbox/settings").json["error"]["code"] == "wrong_method"
    assert sandbox.call("POST", "/_sandbox/faults", b"{").json["error"]["code"] == "not_json"
    assert sandbox.call("GET", "/_sandbox/journal?limit=0").status == 400
    assert sandbox.get("health")["ok"] is True


def test_two_sides_work_side_by_side_over_tls(tmp_path):
    cert, key = kit.certificate(tmp_path, "IP:127.0.0.1")
    with Sandbox("--cert", str(cert), "--key", str(key), ca=str(cert)) as sandbox:
        assert sandbox.url.startswith("https://")
        amo = Amo(sandbox).connect()
        assert amo.message("m-1").status == 200
        service = Service(sandbox, bridge_url=sandbox.url)
        assert service.message("mid-1").status == 200
        sandbox.settings(client_give_up=1)
        [item] = sandbox.post("client/writes", {"source": "w", "conversation": "c", "text": "x"})["items"]
        refused = sandbox.wait("call", call=item["call"])["item"]
        assert refused["status"] == 0 and "certificate" in refused["error"].lower()
        sandbox.settings(tls_verify=False)
        [item] = sandbox.post("client/writes", {"source": "w", "conversation": "c", "text": "x"})["items"]
        assert sandbox.wait("call", call=item["call"])["item"]["status"] == 404


def test_it_starts_and_ends_as_documented():
    def run(*words):
        return kit.run("amo-sandbox", *words, timeout=20)

    assert run("--version").stdout.startswith("amo-sandbox ")
    assert "--listen" in run("--help").stdout
    for wrong in (["--nonsense"], ["--listen"], ["--listen", "nowhere"], ["--listen", "127.0.0.1:99999"], ["--cert", "x"]):
        assert run(*wrong).returncode == 2, wrong
    with Sandbox() as sandbox:
        taken = run("--listen", f"127.0.0.1:{sandbox.port}")
        assert taken.returncode == 1 and "cannot listen" in taken.stderr
        sandbox.signal(signal.SIGINT)
        assert sandbox.wait_end(20) == 0


def test_it_ends_at_once_with_waiters_and_held_answers():
    with Sandbox() as sandbox:
        amo = Amo(sandbox).connect()
        sandbox.post("faults", {"on": "amojo.new_message", "delay_ms": 60000})

        def quietly(call):
            try:
                call()
            except (http.client.HTTPException, ConnectionError):
                pass

        threads = [threading.Thread(target=quietly, args=(lambda: amo.message("m-1"),)),
                   threading.Thread(target=quietly, args=(lambda: sandbox.get("wait", what="call.failed", timeout_ms=60000),))]
        for thread in threads:
            thread.start()
        sandbox.wait("faults")
        started = time.monotonic()
    for thread in threads:
        thread.join(20)
    assert time.monotonic() - started < 15
