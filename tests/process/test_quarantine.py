"""What was signed but not understood: listed, shown, applied later, dropped."""
import json
import shutil
import uuid

import pytest

from remotes import amoctl
from stack import QUICK, ControlError, Stack, wait_for
from test_doors import hook


@pytest.fixture
def stack():
    with Stack(env=QUICK) as s:
        s.up(register=False)
        s.register(report="none")
        yield s


def test_an_operator_lists_shows_replays_drops_and_tests(stack):
    raw = '{"account_id": "x", "message": [1, 2'
    for body in (raw, raw + " "):
        assert stack.webhook(body, learn=False)["status"] == 400
    one, two = sorted(str(q["id"]) for q in kept(stack, 2))
    code, said, _ = amoctl(stack, "quarantine", "list")
    assert code == 0 and "not_understood" in said and raw not in said
    assert raw in json.loads(amoctl(stack, "quarantine", "show", one, "--reveal", "--json")[1])["raw"]
    assert "handed to ingress" in amoctl(stack, "quarantine", "replay", one)[1]
    assert json.loads(amoctl(stack, "quarantine", "drop", two, "--json")[1])["dropped"] == [int(two)]
    assert amoctl(stack, "quarantine", "drop", two)[0] == 1
    code, said, _ = amoctl(stack, "connector", "test", "svc")
    assert code == 0 and "answered 200" in said
    stack.fault(on="service.connector.test", status=403, times=1, body={"error": {"message": "who are you"}})
    code, said, complaint = amoctl(stack, "connector", "test", "svc", "--json")
    assert code == 1 and "403" in complaint and "who are you" in complaint


def kept(stack, n=1):
    return wait_for(lambda: len(q := stack.control("quarantine.list")) == n and q, f"{n} in quarantine")


def write_first(stack, account, text, phone="79005550404"):
    """A manager of @account, which the store need not know, writes to somebody."""
    body = hook(account, text, client=None)
    body["message"]["receiver"]["phone"] = phone
    url = f"http://127.0.0.1:{stack.port}/messages/{stack.scope.split('_')[0]}_{account}"
    assert stack.webhook(body, url=url, learn=False)["status"] == 200


def connect(stack, account):
    channel = stack.scope.split("_")[0]
    stack.control("account.connect", channel=channel, account=account, connector="svc")
    stack.control("source.add", connector="svc", source="wa1", scope_id=f"{channel}_{account}")


def test_a_message_of_an_account_that_is_connected_later_arrives(stack):
    stranger = str(uuid.uuid4())
    write_first(stack, stranger, "from-an-unknown-account")
    entry = kept(stack)[0]
    assert entry["reason"] == "unknown_scope"
    again = stack.control("quarantine.replay", ids=[entry["id"]])["replayed"][0]
    assert (again["result"], again["reason"]) == ("quarantined again", "unknown_scope")
    connect(stack, stranger)
    assert [q["id"] for q in kept(stack)] == [again["as"]]
    done = stack.control("quarantine.replay", ids=[again["as"]])["replayed"][0]
    assert done["result"] == "applied"
    stack.wait("service.message", text="from-an-unknown-account")
    assert stack.control("quarantine.list") == []


def test_what_stands_there_is_not_sent_after_what_came_later_by_a_copied_spool(stack):
    stranger = str(uuid.uuid4())
    write_first(stack, stranger, "kept")
    (entry,) = kept(stack)
    stack["ingress"].kill()
    shutil.copytree(stack.dir / "data" / "ingress", stack.dir / "copy")
    stack.start("ingress")
    connect(stack, stranger)
    write_first(stack, stranger, "later")
    stack.wait("service.message", text="later")
    stack["ingress"].kill()
    shutil.rmtree(stack.dir / "data" / "ingress")
    shutil.copytree(stack.dir / "copy", stack.dir / "data" / "ingress")
    stack.start("ingress")
    stack["ingress"].wait_line(r"what=spool.(restored|refused)")
    write_first(stack, stranger, "the-last")
    stack.wait("service.message", text="the-last")
    stack.settle()
    assert [m["text"] for m in stack.list("service/messages")] == ["later", "the-last"]
    assert [q["id"] for q in kept(stack)] == [entry["id"]]
    assert stack.control("quarantine.replay", ids=[entry["id"]])["replayed"][0]["result"] == "applied"
    stack.wait("service.message", text="kept")


def test_a_raw_body_goes_through_the_normalizer_again(stack):
    raw = '{"account_id": "x", "message": [1, 2'
    assert stack.webhook(raw, learn=False)["status"] == 400
    entry = kept(stack)[0]
    assert stack.control("quarantine.replay", ids=[entry["id"]])["replayed"][0]["result"] == "handed to ingress"
    again = wait_for(lambda: (q := stack.control("quarantine.list")) and q[0]["id"] != entry["id"] and q,
                     "it to come back")
    assert len(again) == 1  # still no JSON: kept once, as a new entry
    assert raw in stack.control("quarantine.show", id=again[0]["id"], reveal=True)["raw"]


def test_a_webhook_of_version_one_is_kept_and_the_account_connected_anew(stack):
    before = stack.sandbox("counters")["amojo.connects"]
    body = {"receiver": "svc-1", "conversation_id": "svc-1", "type": "text", "text": "in the old way", "media": ""}
    for n in range(3):
        assert stack.webhook({**body, "n": n}, learn=False)["status"] == 200
    assert kept(stack, 3)[0]["reason"] == "not_understood"
    stack.wait("amojo.connects", count=before + 1)
    stack.settle()
    assert stack.sandbox("counters")["amojo.connects"] == before + 1  # once in ten minutes


def test_entries_are_dropped_all_or_none(stack):
    for n in range(3):
        assert stack.webhook('{"no": ' + str(n), learn=False)["status"] == 400
    ids = [q["id"] for q in kept(stack, 3)]
    with pytest.raises(ControlError, match="no entry 999"):
        stack.control("quarantine.drop", ids=[ids[0], 999])
    assert len(stack.control("quarantine.list")) == 3
    assert stack.control("quarantine.drop", ids=ids[:2])["dropped"] == ids[:2]
    assert [q["id"] for q in stack.control("quarantine.list")] == ids[2:]


def test_a_captured_webhook_sent_over_and_over_is_kept_and_told_once(stack):
    """A signature carries no time: only the content says that it is the same."""
    body = hook(stack.scope.partition("_")[2], "to-nobody", client=None)
    unknown = {"account_id": stack.scope.partition("_")[2], "action": {"edit": {"id": "x"}}}
    for _ in range(5):
        assert stack.webhook(body)["status"] == 200
        assert stack.webhook(unknown, learn=False)["status"] == 200
    kept(stack, 2)
    stack.settle()
    assert sorted(q["reason"] for q in kept(stack, 2)) == ["no_phone", "not_understood"]
    assert len(stack.list(f"amojo/statuses?id={body['message']['message']['id']}")) == 1
