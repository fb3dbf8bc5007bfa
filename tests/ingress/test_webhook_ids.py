"""A signature covers webhook-id, time and body, and nothing else: what else a captured request can be sent with."""
import json
import time

import pytest

from ingress_harness import SCOPE, hook, message, registry, standard_headers, wait_for

KEYED = bytes(range(32, 64))   # the other connector's secret


def signed(ingress, body, path="messages", method="POST", name="mobilon", token=None, **more):
    headers = {k: more.pop(k) for k in ("ident", "at", "key") if k in more}
    return ingress.service(body, path, name, token, method=method, **standard_headers(body or b"", **headers), **more)


def edit(ident, text="new"):
    return json.dumps({"id": ident, "text": text}).encode()


def reaction(emoji="👍"):
    return json.dumps({"message_id": "m", "emoji": emoji, "sender": {"id": "u"}}, ensure_ascii=False).encode()


STATUSES = json.dumps({"statuses": [{"id": "s-1", "status": "read"}, {"id": "s-2", "status": "gone"},
                                    {"id": "s-3", "status": "delivered"}]}).encode()
TYPING = b'{"source":"wa1","conversation":{"id":"7"}}'
CALLS = {"message": ("messages", message("w-1"), "POST"), "edit": ("messages/m", edit("m"), "PATCH"),
         "reaction": ("reactions", reaction(), "POST"), "statuses": ("statuses", STATUSES, "POST"),
         "typing": ("typing", TYPING, "POST")}


@pytest.mark.parametrize("what", CALLS)
def test_a_repeat_is_a_duplicate_whenever_it_was_signed(pair, what):
    ingress, core = pair
    path, body, method = CALLS[what]
    first = signed(ingress, body, path, method, ident="e-1")
    assert first.status == 202, first.body
    if what == "typing":   # nothing tells when it has arrived
        wait_for(lambda: core.ephemerals, "core to hear it")
    events, typed = len(core.events), len(core.ephemerals)
    now = int(time.time())
    for at in (None, now - 200, now + 200):
        again = signed(ingress, body, path, method, ident="e-1", at=at)
        assert again.status == 200, again.body
        got = again.json.get("results", [again.json])
        assert {r["status"] for r in got} <= {"duplicate", "rejected"} and len(got) == len(first.json.get("results", [0]))
    assert signed(ingress, body, path, method, ident="e-2").status in (200, 202)   # a message's own id is known, too
    wait_for(lambda: ingress.metric("amo_spool_events") == 0, "an empty spool")
    assert len(core.ephemerals) <= typed + 1
    kept = {"message": 1, "edit": 2, "reaction": 2, "statuses": 4, "typing": 0}
    assert len(core.events) == kept[what] and events <= kept[what]


def test_by_whatever_path_it_comes_again(pair):
    """One captured request of each kind, tried at every path."""
    ingress, core = pair
    for n, (what, (path, body, method)) in enumerate(CALLS.items()):
        assert signed(ingress, body, path, method, ident=f"x-{n}").status == 202, what
    wait_for(lambda: ingress.metric("amo_spool_events") == 0, "an empty spool")
    wait_for(lambda: core.ephemerals, "what is sent past the spool")
    before, typed = len(core.events), len(core.ephemerals)
    for n, (_, body, _) in enumerate(CALLS.values()):
        for path, _, method in CALLS.values():
            answer = signed(ingress, body, path, method, ident=f"x-{n}")
            assert answer.status in (200, 400, 422), answer.body
            assert answer.status != 200 or b"accepted" not in answer.body
    assert len(core.events) == before and len(core.ephemerals) == typed
    assert ingress.metric("amo_spool_events") == 0


def test_another_request_under_the_same_id_is_told_so(pair):
    """It is no repeat: 200 would say that it was taken."""
    ingress, core = pair
    assert signed(ingress, message("a"), ident="e").status == 202
    for path, body, method in (("messages", message("b"), "POST"), ("messages/a", edit("a"), "PATCH"),
                               ("reactions", reaction(), "POST"), ("statuses", STATUSES, "POST"), ("typing", TYPING, "POST")):
        answer = signed(ingress, body, path, method, ident="e")
        assert answer.status == 409 and answer.json["error"]["field"] == "webhook-id", answer.body
    assert len(core.wait_events(1)) == 1
    # an older edit does not come back after a newer one
    assert signed(ingress, edit("a", "old"), "messages/a", "PATCH", ident="e1").status == 202
    assert signed(ingress, edit("a", "new"), "messages/a", "PATCH", ident="e2").status == 202
    assert signed(ingress, edit("a", "old"), "messages/a", "PATCH", ident="e1").json["status"] == "duplicate"


def test_a_signed_edit_is_of_the_message_that_its_body_names(pair):
    ingress, core = pair
    bare = b'{"deleted":true}'
    answer = signed(ingress, bare, "messages/m-1", "PATCH")
    assert answer.status == 422 and answer.json["error"]["code"] == "required" and answer.json["error"]["field"] == "id"
    for path in ("messages/m-2", "messages/m-1%20", "messages/M-1"):
        answer = signed(ingress, edit("m-1"), path, "PATCH")
        assert answer.status == 422 and answer.json["error"]["field"] == "id", answer.body
    for path in ("messages/m-1", "messages/%6d-1"):
        assert signed(ingress, edit("m-1"), path, "PATCH").status == 202
    assert signed(ingress, b'{"id":77,"text":"n"}', "messages/77", "PATCH").status == 202   # by its digits
    # a token covers the path: nothing is needed, but a contradiction is one
    assert ingress.service(bare, "messages/m-1", method="PATCH").status == 202
    assert ingress.service(edit("m-2"), "messages/m-1", method="PATCH").status == 422
    assert ingress.service(b'{"id":null,"text":"n"}', "messages/m-1", method="PATCH").status == 202
    both = {**standard_headers(bare)}
    assert ingress.service(bare, "messages/m-1", method="PATCH", **both).status == 202
    assert len(core.wait_events(6)) == 6


def test_a_signed_question_is_of_one_message(pair):
    ingress, core = pair
    core.on_query = lambda query: {}
    for _ in range(2):
        assert signed(ingress, None, "messages/a", "GET", ident="q").code == "unknown_message"
    answer = signed(ingress, None, "messages/b", "GET", ident="q")
    assert answer.status == 409 and answer.json["error"]["field"] == "webhook-id"
    assert signed(ingress, None, "messages/b", "GET", ident="r").code == "unknown_message"
    assert signed(ingress, message("c"), ident="q").status == 202   # what asks and what says do not meet
    assert len(core.queries) == 3


def test_connectors_know_nothing_of_each_others_ids(make):
    """Nor does a signature of one pass for the other: the path's connector is not covered, but the secrets differ."""
    core = make.core(registry=registry(scopes=[(SCOPE, "mobilon"), (f"{SCOPE}x", "another")], others=(KEYED,)))
    ingress = make()
    ingress.wait_log("what=registry.new")
    assert signed(ingress, STATUSES, "statuses", ident="e").status == 202
    assert signed(ingress, STATUSES, "statuses", name="another", ident="e").status == 401
    assert signed(ingress, STATUSES, "statuses", name="another", ident="e", key=KEYED).status == 202
    assert len(core.wait_events(4)) == 4


def test_they_are_known_after_a_restart_and_when_the_files_are_gone(make):
    core = make.core()
    ingress = make(amo_ingress_spool_max_bytes=1 << 20)
    ingress.wait_log("what=registry.new")
    core.take = False
    assert signed(ingress, edit("m"), "messages/m", "PATCH", ident="e-1").status == 202
    assert signed(ingress, STATUSES, "statuses", ident="e-2").status == 202
    ingress.kill()          # in the spool alone
    ingress.start()
    assert signed(ingress, edit("m"), "messages/m", "PATCH", ident="e-1").status == 200
    core.wait_events(3)
    core.take_all()
    for i in range(12):     # so that the first files are deleted
        assert ingress.amo(hook(f"r-{i}", text="x" * 20000)).status == 200
    wait_for(lambda: not (ingress.spool_dir / "00000000000000000001.seg").exists(), "the first file to go")
    ingress.kill()          # in the log alone
    ingress.start()
    assert signed(ingress, edit("m"), "messages/m", "PATCH", ident="e-1").status == 200
    assert signed(ingress, STATUSES, "statuses", ident="e-2").status == 200
    assert len([1 for _, e, _ in core.events if e.get("message_id") == "m"]) <= 2


def test_what_was_kept_in_part_is_no_repeat(make):
    """The disk is full in the middle of a call: the whole of it comes again, and counts."""
    core = make.core()
    ingress = make(amo_ingress_spool_max_bytes=256 << 10)
    ingress.wait_log("what=registry.new")
    core.take = False
    many = json.dumps({"statuses": [{"id": f"s-{i}", "status": "failed", "error": {"text": "x" * 2000}}
                                    for i in range(100)]}).encode()
    assert signed(ingress, many, "statuses", ident="e").status == 503
    core.take_all()
    wait_for(lambda: ingress.metric("amo_spool_events") == 0, "an empty spool")
    few = json.dumps({"statuses": [{"id": "s-0", "status": "failed"}]}).encode()
    assert signed(ingress, many, "statuses", ident="e").status == 503
    assert signed(ingress, few, "statuses", ident="f").status in (202, 503)


def test_core_hears_the_id_of_what_may_come_by_another_ingress(pair):
    ingress, core = pair
    assert signed(ingress, edit("m"), "messages/m", "PATCH", ident="e-1").status == 202
    assert signed(ingress, reaction(), "reactions", ident="e-2").status == 202
    assert ingress.service(edit("m"), "messages/m", method="PATCH").status == 202
    assert [e.get("webhook_id") for _, e, _ in core.wait_events(3)] == ["e-1", "e-2", None]
