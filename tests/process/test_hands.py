"""What an operator can do about what waits, what was given up and whose a number is: each verb with its dry run, its
line in core's log, and its repeat after core died in the middle of it."""
import getpass
import json
import os
import random
import time
import uuid

import pytest
import zmq

import bus
from stack import QUICK, Stack, wait_for
from test_moves import Office, two_companies


@pytest.fixture(scope="module")
def stack():
    with Stack(env={**QUICK, "AMO_CORE_LOOKS_MS": "400"}) as s:
        s.up(register=False)
        yield s


@pytest.fixture(autouse=True)
def no_faults(request):
    yield
    if "stack" in request.fixturenames:
        request.getfixturevalue("stack").clear_faults()


def orders(stack, verb):
    """The lines of the log about this verb, oldest first, each as what it says."""
    def pairs(line):
        return dict(word.split("=", 1) for word in line.split(" ") if "=" in word)

    return [pairs(line) for line in stack["core"].lines if f" verb={verb} " in line + " " and "what=operator.verb" in line]


def waiting(o):
    """How many commands wait for this office."""
    mine = {f"connector:{o.name}", *(f"scope:{s}" for s in o.scopes)}
    return sum(q["waiting"] for q in o.stack.control("queue") if q["destination"] in mine)


def order_and_die(stack, verb, after_s, **args):
    """Core is asked, and killed @after_s later, whatever it has done by then; then it is there again."""
    socket = zmq.Context.instance().socket(zmq.DEALER)
    socket.setsockopt(zmq.LINGER, 0)
    socket.connect(f"ipc://{stack.dir}/run/control")
    try:
        socket.send_multipart([bus.envelope("CONTROL_CALL", uuid.uuid4().bytes),
                               bus.pack({"verb": verb, "args": json.dumps(args)})])
        time.sleep(after_s)
    finally:
        stack["core"].kill()
        socket.close(0)
    stack.start("core")


def until_done(stack, verb, **args):
    """An order that core may refuse for some seconds after its start."""
    def done():
        answer = stack.control_answer(verb, args, 40)
        return answer if not answer.get("code") else None

    return json.loads(wait_for(done, verb)["json"])


def unknown_reaction(o, message):
    assert o.stack.call("POST", "reactions", {"message_id": message, "emoji": "\U0001F44D"}, connector=o.name,
                        token=o.svc["token"])[0] == 202
    return wait_for(lambda: [w for w in o.stack.amoctl("waiting", "list", "--connector", o.name)["waiting"]
                             if w["message_id"] == message], "what waits")[0]


# --- who did what ---------------------------------------------------------------------------------------

def test_whatever_is_ordered_leaves_a_line_with_its_user_and_no_secret(stack):
    o = Office(stack)
    stack.amoctl("account", "pause", o.first)
    stack.amoctl("account", "list")
    line = orders(stack, "account.pause")[-1]
    assert (line["user"], line["uid"], line["result"]) == (getpass.getuser(), str(os.getuid()), "done")
    assert line["scope_id"] == o.first and int(line["pid"]) > 0
    assert not orders(stack, "account.list")
    stack.amoctl("account", "resume", "nobody", code=1)
    assert orders(stack, "account.resume")[-1]["result"] == "refused"
    stack.amoctl("account", "resume", o.first)
    secret, token = stack.dir / "secret", stack.dir / "token"
    secret.write_text("whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVoxMjM0NTY=", encoding="utf-8")
    token.write_text("t" * 40, encoding="utf-8")
    stack.amoctl("connector", "rotate", o.name, "--secret-file", secret, "--token-file", token)
    assert orders(stack, "connector.rotate")[-1]["given"] == "secret,token"
    stack.amoctl("erase", "--phone", "79005559988", "--dry-run", code=1)  # nobody we know
    erased = orders(stack, "erase")[-1]
    assert erased["given"] == "phone" and erased["dry_run"] == "yes"
    stack.amoctl("message", "retry", "+7 (900) 555-99-77", code=1)
    assert orders(stack, "message.retry")[-1]["id"] == "given"
    said = "\n".join(stack["core"].lines)
    for word in ("QUJDREVGR0hJ", "tttttttt", "79005559988", "555-99-77"):
        assert word not in said


# --- dropping and moving what waits ---------------------------------------------------------------------

def test_one_message_is_dropped_and_those_behind_it_go(stack):
    o = Office(stack)
    met = o.says("met-" + o.name, "79005551101")
    stack.fault(on="service.message.created", match=f"mobilon/{o.name}", status=429, times=100000)
    first = o.answers("first", met)
    o.answers("second", met)
    wait_for(lambda: waiting(o) == 2, "both")
    assert stack.amoctl("queue", "drop", "--id", first["id"], "--dry-run")["dropped"] <= 1
    assert waiting(o) == 2
    wait_for(lambda: stack.amoctl("queue", "drop", "--id", first["id"])["dropped"] == 1, "a pause between attempts")
    assert o.told(first) == [(-1, 903)]
    assert [d["reason"] for d in stack.control("dead.list") if d["amo_id"] == first["id"]] == ["dropped"]
    stack.clear_faults()
    stack.amoctl("connector", "resume", o.name)
    stack.wait("service.message", text="second")
    assert o.sent() == ["second"]
    assert "no message is known" in stack.amoctl("queue", "drop", "--id", str(uuid.uuid4()), code=1)
    stack.settle()


def test_what_waits_for_a_dead_service_goes_to_another_one(stack):
    o = Office(stack)
    met = o.says("met-" + o.name, "79005551111")
    stack.fault(on="service.message.created", match=f"mobilon/{o.name}", status=429, times=100000)
    texts = [f"waits-{o.name}-{n}" for n in range(3)]
    for text in texts:
        o.answers(text, met)
    wait_for(lambda: waiting(o) == 3, "what waits")
    fresh = o.add_connector()
    tried = stack.amoctl("queue", "move", "--connector", o.name, "--to", fresh, "--dry-run")
    assert (tried["accounts"], tried["waiting"] + tried["under_way"], tried["moves"]) == (1, 3, 1)
    assert tried["dry_run"] is True and waiting(o) == 3
    assert stack.amoctl("queue", "move", "--connector", o.name, "--to", fresh)["accounts"] == 1
    for text in texts:
        stack.wait("service.message", text=text)
    assert o.sent(fresh) == texts and o.sent() == []
    # the same once more does nothing, and the old one can go
    assert stack.amoctl("queue", "move", "--connector", o.name, "--to", fresh)["accounts"] == 0
    stack.settle()
    stack.clear_faults()
    assert stack.amoctl("connector", "remove", o.name, "--dry-run")["dry_run"] is True
    assert stack.amoctl("connector", "remove", o.name)["removed"] == o.name
    assert o.says("from-the-new-one", "79005551111", connector=fresh)["chat"] == met["chat"]
    for wrong, code in ((("--to", fresh), 2), (("--connector", fresh, "--to", fresh), 2),
                        (("--connector", o.name, "--to", fresh), 1), (("--scope", "nobody", "--to", fresh), 1)):
        stack.amoctl("queue", "move", *wrong, code=code)


# --- what waits outside the queue -----------------------------------------------------------------------

def test_what_waits_for_its_message_is_listed_and_its_wait_can_be_ended(stack):
    o = Office(stack)
    one, two = (unknown_reaction(o, f"never-{o.name}-{n}") for n in range(2))
    assert one["kind"] == "service.reaction" and one["waits_for"] == "its message" and one["until"]
    page = stack.amoctl("waiting", "list", "--connector", o.name, "--limit", "1")
    assert [w["id"] for w in page["waiting"]] == [one["id"]]
    page = stack.amoctl("waiting", "list", "--connector", o.name, "--after", str(page["next"]))
    assert [w["id"] for w in page["waiting"]] == [two["id"]] and "next" not in page
    assert stack.amoctl("waiting", "drop", one["id"], "--dry-run") == {
        "dropped": [one["id"]], "dry_run": True, "would": "end the wait and put into quarantine: 1"}
    before = stack.control("status")["waiting_events"]
    assert stack.amoctl("waiting", "drop", one["id"])["dropped"] == [one["id"]]
    assert stack.control("status")["waiting_events"] == before - 1
    kept = [q for q in stack.control("quarantine.list") if q["connector"] == o.name]
    assert [q["reason"] for q in kept] == ["dropped"]  # nothing that was accepted is deleted by this
    assert "nothing waits" in stack.amoctl("waiting", "drop", two["id"], one["id"], code=1)  # all or none
    assert [w["id"] for w in stack.amoctl("waiting", "list", "--connector", o.name)["waiting"]] == [two["id"]]
    assert "no such connector" in stack.amoctl("waiting", "list", "--connector", "nobody", code=1)
    stack.amoctl("waiting", "list", "--limit", "many", code=2)
    assert stack.amoctl("quarantine", "drop", str(kept[0]["id"]), "--dry-run")["dropped"] == [kept[0]["id"]]
    assert stack.amoctl("quarantine", "drop", str(kept[0]["id"]))["dropped"] == [kept[0]["id"]]
    stack.amoctl("waiting", "drop", two["id"])


# --- connectors -----------------------------------------------------------------------------------------

def held(stack, connector):
    return next((q["held"] for q in stack.control("queue") if q["destination"] == f"connector:{connector}"), None)


def test_a_service_that_said_gone_is_resumed_by_name(stack):
    o = Office(stack)
    met = [o.says(f"met-{o.name}-{n}", f"7900555112{n}") for n in range(2)]
    stack.fault(on="service.message.created", match=f"mobilon/{o.name}", status=410, times=100000)
    for n, m in enumerate(met):
        o.answers(f"late-{o.name}-{n}", m)
    wait_for(lambda: held(stack, o.name) == "gone", "its hold")
    stack.clear_faults()
    tried = stack.amoctl("connector", "resume", o.name, "--dry-run")
    assert tried["was_held"] == "gone" and tried["waiting"] == 2 and held(stack, o.name) == "gone"
    assert stack.amoctl("connector", "resume", o.name)["was_held"] == "gone"
    for n in range(2):
        stack.wait("service.message", text=f"late-{o.name}-{n}")
    assert stack.amoctl("connector", "resume", o.name)["was_held"] is None
    stack.amoctl("connector", "resume", "nobody", code=1)
    stack.settle()


def test_a_leaked_token_is_changed_without_the_secret(stack):
    o = Office(stack)
    met = o.says("met-" + o.name, "79005551131")
    old = o.svc["token"]
    tried = stack.amoctl("connector", "rotate", o.name, "--only", "token", "--dry-run")
    assert tried["rotates"] == "token" and tried["dry_run"] is True and "token" not in tried
    made = stack.amoctl("connector", "rotate", o.name, "--only", "token")
    assert "secret" not in made and made["token"] != old and made["old_valid_until"]

    def status(token):
        return stack.call("POST", "typing", {}, connector=o.name, token=token)[0]

    assert (status(old), status(made["token"])) == (422, 422)
    # the service still verifies with the only secret that it has
    o.answers("still-signed", met)
    stack.wait("service.message", text="still-signed")
    # meanwhile the secret has leaked as well: at once, and the token's time goes on
    fresh = stack.amoctl("connector", "rotate", o.name, "--only", "secret", "--overlap", "0")
    assert "token" not in fresh and fresh["secret"] and fresh["old_valid_until"] == made["old_valid_until"]
    assert (status(old), status(made["token"])) == (422, 422)
    stack.sandbox("connectors", {"name": o.name, "secret": fresh["secret"]})
    o.answers("with-the-new-one", met)
    stack.wait("service.message", text="with-the-new-one")
    assert stack.amoctl("connector", "rotate", o.name, "--only", "token", "--finish")["old_valid_until"] is None
    assert (status(old), status(made["token"])) == (401, 422)
    stack.amoctl("connector", "rotate", o.name, "--only", "both", code=2)
    stack.settle()


# --- a number moves, and comes back ---------------------------------------------------------------------

def move(stack, o, *words, code=0):
    return stack.amoctl("source", "move", "--connector", o.name, "--source", "wa1", *words, code=code)


def test_a_number_moves_with_its_conversations_and_comes_back_until_the_first_message(stack):
    o, a, b = two_companies(stack)
    stack.amoctl("source", "default", "--scope", a, "--source", "wa1")
    old = o.says("before-" + o.name, "79005551141")
    tried = move(stack, o, "--to", b, "--dry-run")
    assert (tried["from"], tried["scope_id"], tried["moves"], tried["dry_run"]) == (a, b, 1, True)
    assert "could be undone" in move(stack, o, "--undo", code=1)
    assert move(stack, o, "--to", b)["moves"] == 1
    assert move(stack, o, "--to", b)["moves"] == 0  # the same once more: the way back is not forgotten
    assert move(stack, o, "--undo", "--dry-run")["scope_id"] == a
    assert move(stack, o, "--undo")["moves"] == 1
    assert stack.account(a)["default_source"] == "wa1"
    assert o.says("after-" + o.name, "79005551141")["chat"] == old["chat"]
    move(stack, o, "--to", b)
    new = o.says("at-the-other-" + o.name, "79005551141")
    assert new["scope_id"] == b
    assert "messages have passed" in move(stack, o, "--undo", code=1)
    assert move(stack, o, "--to", a)["moves"] == 1  # as any number moves
    for wrong, code in ((("--to", "nobody"), 1), ((), 2)):
        move(stack, o, *wrong, code=code)
    stack.settle()


def test_a_move_that_is_undone_names_what_it_gave_up(stack):
    o, a, b = two_companies(stack)
    met = o.says("met-" + o.name, "79005551151")
    stack.amoctl("account", "pause", a)
    words = o.answers("given-up-" + o.name, met)
    wait_for(lambda: waiting(o) == 1, "what waits")
    move(stack, o, "--to", b)
    stack.amoctl("account", "resume", a)
    assert o.told(words) == [(-1, 905)]
    assert move(stack, o, "--undo")["given_up"] == 1
    tried = stack.amoctl("message", "retry", words["id"], "--dry-run")
    assert tried["dry_run"] is True and o.sent() == []
    again = stack.amoctl("message", "retry", words["id"])
    assert again["dead"] == tried["dead"] and again["command"]
    stack.wait("service.message", text="given-up-" + o.name)
    stack.settle()


# --- one message ----------------------------------------------------------------------------------------

def test_a_message_is_tried_again_by_its_own_id(stack):
    o = Office(stack)
    met = o.says("met-" + o.name, "79005551161")
    stack.fault(on="service.message.created", match=f"mobilon/{o.name}", status=400, times=1)
    words = o.answers("refused-once", met)
    assert o.told(words)[0][0] == -1
    letter = next(d["id"] for d in stack.control("dead.list") if d["amo_id"] == words["id"])
    assert stack.amoctl("dead", "retry", str(letter), "--dry-run") == {
        "retried": [{"dead": letter}], "dry_run": True,
        "would": "send dead letters again, each at the end of its lane: 1"}
    assert stack.amoctl("dead", "drop", str(letter), "--dry-run") == {
        "dropped": [letter], "dry_run": True, "would": "delete dead letters for good: 1"}
    assert stack.amoctl("message", "retry", words["id"])["dead"] == letter
    stack.wait("service.message", text="refused-once")
    stack.settle()
    assert "nothing to send" in stack.amoctl("message", "retry", words["id"], code=1)
    assert "no message is known" in stack.amoctl("message", "retry", "nothing", code=1)


def test_a_message_in_its_back_off_is_tried_at_once():
    with Stack(env={**QUICK, "AMO_RETRY_BASE_MS": "600000", "AMO_RETRY_CAP_MS": "600000"}) as stack:
        stack.up()
        met = stack.meet()
        stack.fault(on="service.message.created", status=503, times=1)
        words = stack.manager_writes("long-wait", met["chat"])
        wait_for(lambda: [w for w in stack.control("trace", id=words["id"])["waiting"] if w["state"].lower() == "waiting"],
                 "its back-off")
        assert stack.amoctl("message", "retry", words["id"], "--dry-run")["place"] == "as before"
        assert stack.amoctl("message", "retry", words["id"])["words"].startswith("it is the next one")
        stack.wait("service.message", text="long-wait")


# --- leave of a dead connector --------------------------------------------------------------------------

def test_leave_is_taken_of_a_dead_connector_in_the_steps_of_the_runbook(stack):
    """docs/operations.md, "A service is gone for good"."""
    o = Office(stack)
    met = o.says("met-" + o.name, "79005551171")
    stack.fault(on="service.message.created", match=f"mobilon/{o.name}", status=429, times=100000)
    lost = [o.answers(f"nobody-takes-{o.name}-{n}", met) for n in range(3)]
    waits = unknown_reaction(o, "never-" + o.name)
    wait_for(lambda: waiting(o) == 3, "what waits")
    stack.amoctl("account", "disconnect", o.first, "--dry-run")

    def drop():
        done = stack.amoctl("queue", "drop", "--connector", o.name)
        return done["left"] == done["under_way"] == done["set_aside"] == 0

    wait_for(drop, "nothing left")
    for words in lost:
        assert o.told(words) == [(-1, 903)]  # while the account is there, its managers are told
    stack.amoctl("account", "disconnect", o.first)
    wait_for(drop, "nothing left")
    stack.amoctl("waiting", "drop", waits["id"])
    assert stack.amoctl("connector", "remove", o.name, "--dry-run")["dry_run"] is True
    assert stack.amoctl("connector", "remove", o.name)["removed"] == o.name
    assert o.name not in [c["name"] for c in stack.control("connector.list")]
    assert len([d for d in stack.control("dead.list") if d["connector"] == o.name and d["reason"] == "dropped"]) == 3
    stack.clear_faults()


# --- core dies in the middle ----------------------------------------------------------------------------

def test_each_order_can_be_repeated_after_core_died_in_its_middle():
    seed = int(os.environ.get("AMO_HANDS_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)
    print("AMO_HANDS_SEED", seed)
    draw = random.Random(seed)
    with Stack(env={**QUICK, "AMO_CORE_LOOKS_MS": "400"}) as stack:
        stack.up(register=False)
        o, a, b = two_companies(stack)
        met = [o.says(f"met-{n}", f"7900555118{n}") for n in range(3)]
        stack.fault(on="service.message.created", match=f"mobilon/{o.name}", status=429, times=100000)
        words = [o.answers(f"words-{n}", m) for n, m in enumerate(met)]
        waits = unknown_reaction(o, "never")
        wait_for(lambda: waiting(o) == 3, "what waits")

        def die(verb, **args):
            order_and_die(stack, verb, draw.choice((0, 0.001, 0.003, 0.01, 0.05)), **args)

        die("waiting.drop", ids=[waits["id"]])
        if stack.control("waiting.list")["waiting"]:
            stack.control("waiting.drop", ids=[waits["id"]])
        assert [q["reason"] for q in stack.control("quarantine.list")] == ["dropped"]
        die("source.move", connector=o.name, source="wa1", to=b)
        until_done(stack, "source.move", connector=o.name, source="wa1", to=b)
        for item in words:  # each is given up by the move, and once; an undo at once would leave them
            assert {status for status, _ in o.told(item)} == {-1}
        die("source.move", connector=o.name, source="wa1", undo=True)
        if next(s["scope_id"] for s in stack.control("source.list") if s["source"] == "wa1") != a:
            until_done(stack, "source.move", connector=o.name, source="wa1", undo=True)
        fresh = o.add_connector()
        for item in words:
            die("message.retry", id=item["id"])
            until_done(stack, "message.retry", id=item["id"])
        die("queue.move", connector=o.name, to=fresh)
        until_done(stack, "queue.move", connector=o.name, to=fresh)
        for n in range(3):
            stack.wait("service.message", text=f"words-{n}")
        assert sorted(o.sent(fresh)) == [f"words-{n}" for n in range(3)] and o.sent() == []
        stack.settle()
        assert stack.control("dead.list") == []
