"""The questions of an ordinary day, as docs/operations.md lists them: each cause is planted on real processes, the
question is asked with one command of amoctl (two at most), and the words of the answer are read.

What amoctl answers with --json is looked at as well: each field must be one that this page names for the verb, or
docs/amoctl-json.md for what is nested in it."""
import contextlib
import getpass
import json
import re
import subprocess
import threading
import uuid

import pytest

from kit import BIN, ROOT, NotYet, in_folder, run
from stack import QUICK, Stack, wait_for
from test_clock import set_back
from test_doors import hook
from test_poison import mounted

PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
MOST = 2  # commands for one question


# --- what is asked, and how ------------------------------------------------------------------------

def rows(title):
    """The cells of the table below a heading of the page."""
    section = re.search(rf"^## {title}\n(.*?)(?=^## )", PAGE, re.M | re.S)[1]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines()
            if line.startswith("| ") and not line.startswith("| verb") and not line.startswith("| question")]


ANSWERS = {re.fullmatch(r"`([a-z.]+)`", verb)[1]: answer for verb, _, answer in rows("Verbs")}
# what these print themselves, out of several answers of core: described in the page's own sections
OWN = {"doctor": "summary green yellow red"}


def nested():
    """{verb: the fields of what is nested in its answer}, as docs/amoctl-json.md has them."""
    found = {}
    for section in (ROOT / "docs" / "amoctl-json.md").read_text(encoding="utf-8").split("\n## ")[1:]:
        head, _, table = section.partition("| field |")
        names = set(re.findall(r"`([a-z_]+)`", table))
        for verb in set(re.findall(r"`([a-z.]+)`", head)) & set(ANSWERS):
            found[verb] = found.get(verb, set()) | names
    return found


NESTED = nested()


def documented(verb, seen=()):
    """The names of fields that the pages give for a verb's answer, also by "as in" another one."""
    text = ANSWERS[verb] + " " + OWN.get(verb, "")
    names = set(re.findall(r"[a-z][a-z_0-9]*", text)) | NESTED.get(verb, set())
    for other in re.findall(r"as in ([a-z]+(?:\.[a-z]+)?)", text):
        if other != verb and other not in seen:
            names |= documented(other, (*seen, verb))
    return names


def fields(value):
    """The names of all fields in a document."""
    if isinstance(value, dict):
        return set(value) | {name for inner in value.values() for name in fields(inner)}
    return {name for inner in value for name in fields(inner)} if isinstance(value, list) else set()


class Day:
    """A bridge, and an operator before it who may ask little."""

    def __init__(self, stack):
        self.stack = stack
        self.n_asked = 0

    def ask(self, *words, code=0):
        """What amoctl says on a wide screen, where no line is broken; each space is one blank."""
        self.n_asked += 1
        assert self.n_asked <= MOST, "this question takes too many commands"
        return self.look(*words, code=code)

    def look(self, *words, code=0):
        done = run(BIN / "amoctl", *words, env=in_folder(self.stack.dir, COLUMNS=1000))
        if done.returncode and "is known by this" in done.stderr:
            raise NotYet(done.stderr)  # core has not read it
        assert done.returncode == code, (words, done)
        self.check_fields(words, code)
        return " ".join((done.stdout + done.stderr).split())

    def ask_alone(self, *words):
        """A verb that amoctl answers by itself, in text."""
        self.n_asked += 1
        done = self.stack.operator(*words)
        assert done.returncode == 0, done
        return done.stdout

    def check_fields(self, words, code):
        verb = next(v for v in (".".join(words[:2]), words[0]) if v in ANSWERS)
        answer = json.loads(self.stack.operator(*words, "--json").stdout)
        unknown = fields(answer) - documented(verb) - ({"error", "code", "message"} if code else set())
        assert not unknown, f"docs/operations.md and docs/amoctl-json.md name no {sorted(unknown)} for {verb}"

    def ask_until(self, *words, says, code=0):
        """The same question again until the cause shows: what it is may take a moment."""
        self.n_asked += 1
        assert self.n_asked <= MOST
        pattern = re.compile(says)
        said = ""

        def shows():
            nonlocal said
            said = self.look(*words, code=code)
            return pattern.search(said)
        wait_for(shows, lambda: f"{words} to say {says!r}; it says: {said}", every=0.2)
        return said


QUESTIONS = {}  # as the page has them: the test of each


def answers(question):
    def keep(test):
        QUESTIONS[question] = test.__name__
        return test
    return keep


@contextlib.contextmanager
def in_background(command, env):
    """A program that goes on; what it gives is a function that returns its lines so far."""
    lines = []
    child = subprocess.Popen([str(word) for word in command], env=env, stdout=subprocess.PIPE, text=True)

    def read():
        for line in child.stdout:
            lines.append(line)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        yield lambda: list(lines)
    finally:
        child.terminate()
        child.wait(30)
        reader.join(30)


phones = (f"7900666{n:04}" for n in range(1, 10000))


@pytest.fixture(scope="module")
def shared():
    """Back-offs are long enough to be seen, and the service reports nothing by itself."""
    with Stack(env={**QUICK, "AMO_RETRY_BASE_MS": "3000", "AMO_RETRY_CAP_MS": "5000"}) as stack:
        stack.up(register=False)
        stack.register(report="none")
        yield stack


@pytest.fixture
def day(shared):
    """What a question leaves waiting is given up, and what it planted is taken away."""
    yield (asking := Day(shared))
    shared.clear_faults()
    if shared.account()["paused"] or shared.account()["held"]:
        shared.control("account.resume", scope_id=shared.scope)
    shared.control("queue.drop", scope_id=shared.scope)
    assert asking.n_asked, "nothing was asked"


@pytest.fixture
def alone():
    with Stack(env=QUICK) as stack:
        stack.up(register=False)
        stack.register(report="none")
        yield Day(stack)


def meet(stack):
    """A client who has written once: his phone and his chat."""
    phone = next(phones)
    return phone, stack.meet(f"hello from {phone}", conversation=phone)["chat"]


def unique():
    return f"words-{uuid.uuid4().hex[:8]}"


def refused_by_service(stack, chat):
    """A manager's message that the service did not take; its id."""
    text = unique()
    stack.fault(on="service.message.created", match=text, status=422,
                body={"error": {"code": "not_on_channel", "message": "this number has no messenger"}})
    ident = stack.manager_writes(text, chat)["id"]
    stack.wait("status", id=ident, status=-1)
    return ident


def taken_by_service(stack, chat):
    text = unique()
    ident = stack.manager_writes(text, chat)["id"]
    got = stack.wait("service.message", text=text)["item"]
    wait_for(lambda: stack.control("trace", id=ident)["message"]["state"] == "delivered_to_service", "its answer")
    return ident, got["id"]


# --- one message -----------------------------------------------------------------------------------

@answers("A client says that a message never came; their phone is known")
def test_a_phone_leads_to_the_message_and_to_what_became_of_it(day):
    phone, chat = meet(day.stack)
    taken_by_service(day.stack, chat)
    refused_by_service(day.stack, chat)
    said = day.ask("message", "list", "--conversation", f"8 ({phone[1:4]}) {phone[4:7]}-{phone[7:9]}-{phone[9:]}")
    assert "failed" in said and "this number has no messenger" in said


@answers("The same, and what was written to them became no message")
def test_what_is_in_quarantine_stands_among_the_messages(day):
    phone = next(phones)
    body = hook(day.stack.scope.partition("_")[2], unique())
    body["message"]["receiver"]["phone"] = f"+{phone}"
    assert day.stack.webhook(body, learn=False)["status"] == 200
    day.ask_until("message", "list", "--conversation", phone, says=rf"quarantined .*\*\*\*{phone[-4:]}.*unknown_conversation")


@answers("Only the first characters of an id are known")
def test_the_beginning_of_an_id_is_enough(day):
    ident = refused_by_service(day.stack, meet(day.stack)[1])
    assert "this number has no messenger" in day.ask("trace", ident[:8])
    begin = f"same-{uuid.uuid4().hex[:8]}-"
    first, second = (begin + n for n in "12")
    for theirs in (first, second):
        day.stack.sandbox("client/statuses", {"connector": "svc", "id": theirs, "status": "read"})
    wait_for(lambda: day.stack.control("status")["waiting_events"] >= 2, "both to wait")
    said = day.ask("trace", begin, code=1)
    assert first in said and second in said and "2 ids begin with" in said


@answers("What came to nothing today?")
def test_what_is_in_quarantine_is_listed_by_its_time(day):
    body = hook(day.stack.scope.partition("_")[2], unique())
    assert day.stack.webhook(body, learn=False)["status"] == 200
    day.ask_until("message", "list", "--state", "quarantined", "--since", "1d",
                  says=f"{body['message']['message']['id']}.*unknown_conversation")


@answers("What waits outside the queue, of an account?")
def test_events_that_wait_are_listed_with_what_they_wait_for(day):
    day.stack.sandbox("client/statuses", {"connector": "svc", "id": "unheard-of", "status": "read"})
    day.ask_until("message", "list", "--state", "waiting", "--scope", day.stack.scope,
                  says=r"waiting .*unheard-of.* waits for message unheard-of, which is not known yet, until 20\d\d-")


@answers("Why was message X not delivered?")
def test_the_other_sides_words_are_told(day):
    said = day.ask("trace", refused_by_service(day.stack, meet(day.stack)[1]))
    assert "this number has no messenger" in said and "failed" in said


@answers("The service took it and reported a failure later")
def test_a_reported_failure_is_told_with_the_services_words(day):
    ident, theirs = taken_by_service(day.stack, meet(day.stack)[1])
    day.stack.sandbox("client/statuses", {"connector": "svc", "id": theirs, "status": "failed",
                                          "error": {"code": "not_on_channel", "text": "blocked by user"}})
    day.stack.wait("status", id=ident, status=-1)
    assert "blocked by user" in day.ask("trace", ident)


@answers("Why does it wait? The account is paused")
def test_a_pause_is_told_with_who_and_since_when(day):
    phone, _ = meet(day.stack)
    day.stack.operator("account", "pause", day.stack.scope)
    ident = day.stack.client_writes(unique(), conversation=phone)["id"]
    day.ask_until("trace", ident, says=r"account paused by .+ since 20\d\d-")


@answers("Why does it wait? The other side answers 500")
def test_the_next_attempt_and_the_last_answer_are_told(day):
    phone, _ = meet(day.stack)
    text = unique()
    day.stack.fault(on="amojo.new_message", match=text, status=500)
    ident = day.stack.client_writes(text, conversation=phone)["id"]
    day.ask_until("trace", ident, says=r"next attempt in .*last answer 500")


@answers("Why does it wait? Another one is before it")
def test_what_it_waits_behind_is_told(day):
    phone, _ = meet(day.stack)
    text = unique()
    day.stack.fault(on="amojo.new_message", match=text, status=500)
    day.stack.client_writes(text, conversation=phone)
    ident = day.stack.client_writes(unique(), conversation=phone)["id"]
    day.ask_until("trace", ident, says=r"behind command \d+ .*of the same conversation")


@answers("Why does it wait? No worker is there")
def test_that_nobody_makes_calls_is_told(alone):
    stack = alone.stack
    phone, _ = meet(stack)
    stack["egress-0"].stop()
    ident = stack.client_writes(unique(), conversation=phone)["id"]
    alone.ask_until("trace", ident, says="no worker is connected")


@answers("A message of a chat that nobody knows")
def test_what_is_in_quarantine_is_found_by_its_id(day):
    body = hook(day.stack.scope.partition("_")[2], unique())
    assert day.stack.webhook(body, learn=False)["status"] == 200
    day.ask_until("trace", body["message"]["message"]["id"], says=r"quarantine.*unknown_conversation")


@answers("A status or an edit of a message that nobody knows")
def test_what_waits_for_another_message_is_listed(day):
    day.stack.sandbox("client/statuses", {"connector": "svc", "id": "mistyped-id", "status": "read"})
    day.ask_until("trace", "mistyped-id", says=r"waits for .*until 20\d\d-")


# --- clients and conversations ---------------------------------------------------------------------

@answers("Which conversation is this client's?")
def test_a_phone_in_any_spelling_finds_the_conversation(day):
    phone, chat = meet(day.stack)
    said = day.ask("conversation", "show", f"+{phone[0]} ({phone[1:4]}) {phone[4:]}")
    assert chat in said and phone in said


@answers("Which of several conversations of one phone?")
def test_several_conversations_of_a_phone_are_told_apart(day):
    phone = next(phones)
    for source in ("wa1", "wa2"):
        day.stack.meet(unique(), conversation=f"{source}-{phone}", source=source,
                       sender={"id": f"{source}-{phone}", "name": "Anna", "phone": f"+{phone}"})
    said = day.ask("conversation", "show", phone, code=1)  # which one, is for the operator to say
    assert "wa1" in said and "wa2" in said and "Test" in said


@answers("Which conversations are stuck?")
def test_conversations_in_which_something_waits_are_listed(day):
    phone, _ = meet(day.stack)
    day.stack.operator("account", "pause", day.stack.scope)
    day.stack.client_writes(unique(), conversation=phone)
    day.ask_until("conversation", "list", "--waiting", says=rf"\b{phone}\b")


@answers("Does one message hold up a conversation?")
def test_a_conversation_that_stands_still_is_named():
    slow = {**QUICK, "AMO_RETRY_BASE_MS": "3000", "AMO_RETRY_CAP_MS": "5000", "AMO_CORE_DELAYED_MS": "500"}
    with Stack(env=slow) as stack:
        stack.up()
        phone, _ = meet(stack)
        text = unique()
        stack.fault(on="amojo.new_message", match=text, status=500)
        first = stack.client_writes(text, conversation=phone)["id"]
        stack.client_writes(unique(), conversation=phone)
        wait_for(lambda: stack.control("status")["commands"] == 2, "both to wait")
        mid = stack.control("trace", id=first)["message"]["mid"]
        number = stack.control("conversation.show", id=phone)["id"]
        Day(stack).ask_until("doctor", says=(
            rf"stuck.*: 1; the longest: conversation {number}, behind command \d+ of message {mid}: .*last answer 500"
            rf".*amoctl conversation show {number}"))


@answers("What waits, for whom, since when?")
def test_the_queue_says_for_whom_and_why(day):
    phone, _ = meet(day.stack)
    day.stack.operator("account", "pause", day.stack.scope)
    day.stack.client_writes(unique(), conversation=phone)
    day.ask_until("queue", says=r"account paused by .+ since")


@answers("What was given up?")
def test_dead_letters_are_listed_with_their_reason(day):
    refused_by_service(day.stack, meet(day.stack)[1])
    said = day.ask("dead", "list")
    assert "refused" in said
    newest = max(d["id"] for d in day.stack.control("dead.list"))
    assert "this number has no messenger" in day.ask("dead", "show", str(newest))


# --- who is refused ----------------------------------------------------------------------------------

@answers("amoCRM's webhooks have a wrong signature")
def test_refused_webhooks_leave_a_trail(day):
    body = hook(day.stack.scope.partition("_")[2], unique())
    assert day.stack.webhook(body, signature="0" * 40, learn=False)["status"] == 401
    day.ask_until("refused", says=r"401.*signature|signature.*401")


@answers("A service says that its calls are refused")
def test_refused_calls_of_a_service_leave_a_trail(day):
    status, _, _ = day.stack.service_call("messages", {"id": "x"}, token="wrong-token-0000000000000000000000000000")
    assert status == 401
    day.ask_until("refused", "--connector", "svc", says=r"401")


@answers("Clients of one number do not come through")
def test_a_source_of_nobody_is_named(alone):
    stack = alone.stack
    first = stack.scope
    stack.control("source.add", connector="svc", source="wa1", scope_id=first)
    stack.control("account.connect", channel=stack.channel, account=str(uuid.uuid4()), connector="svc")
    status, _, _ = stack.service_call("messages", {
        "id": "m1", "source": "wa9", "conversation": {"id": "1"}, "sender": {"id": "1"}, "type": "text", "text": "t"})
    assert status == 422
    alone.ask_until("doctor", says=r"wa9.{0,200}belongs to no account|belongs to no account.{0,200}wa9")
    status, _, _ = stack.service_call("messages", {
        "id": "m2", "source": "+WA 1", "conversation": {"id": "1"}, "sender": {"id": "1"}, "type": "text", "text": "t"})
    assert status == 422
    alone.ask_until("doctor", says=r"source \+WA 1: belongs to no account.{0,120}nearly the same is wa1, which account Test has")


@answers("Who has used up its share?")
def test_a_connector_over_its_share_is_named():
    small = {**QUICK, "AMO_CORE_COMMANDS_MAX": "100", "AMO_SHARE_COMMANDS": "5", "AMO_SHARE_QUEUE_S": "0",
             "AMO_SHARE_PERCENT": "5"}
    with Stack(env=small) as stack:
        stack.up()
        phone, _ = meet(stack)
        stack.control("account.pause", scope_id=stack.scope)
        for _ in range(8):
            stack.client_writes(unique(), conversation=phone)
        Day(stack).ask_until("connector", "show", "svc", says=r"over its share of the queue since 20\d\d-")


# --- the other sides ---------------------------------------------------------------------------------

@answers("Does the service answer?")
def test_a_service_that_is_down_is_told_with_the_step(day):
    day.stack.control("connector.add", name="down", kind="http", url="http://127.0.0.1:1/amo", allow_private=True)
    assert re.search("refused|connect", day.ask("connector", "test", "down", code=1))


@answers("Does the service take our signature?")
def test_a_service_that_does_not_take_the_signature_is_told(day):
    day.stack.fault(on="service.connector.test", status=401)
    assert "did not accept our signature" in day.ask("connector", "test", "svc", code=1)


@answers("Is the channel's secret right?")
def test_a_wrong_secret_of_the_channel_is_told(day):
    phone, _ = meet(day.stack)
    day.stack.fault(on="amojo", status=403)
    for n in range(2):
        day.stack.client_writes(unique(), conversation=phone)
        day.stack.client_writes(unique(), conversation=f"{phone}{n}")
    wait_for(lambda: day.stack.account()["held"] == "forbidden", "the hold")
    assert re.search(r"red account .{0,90}: calls to amojo are held: forbidden since 20.{0,200}compare the secret", day.ask("doctor", code=1))


@answers("Why does the service let us in no more?")
def test_what_the_service_says_of_a_hold_is_told(alone):
    phone, chat = meet(alone.stack)
    alone.stack.fault(on="service.message.created", status=401, body={"error": {"message": "scan the QR code again"}})
    alone.stack.manager_writes(unique(), chat)
    wait_for(lambda: alone.stack.control("connector.show", name="svc")["held"] == "forbidden", "the hold")
    said = alone.ask("doctor", code=1)
    assert re.search(r"because of conversation \d+ \(number wa1\): .{0,200}last answer 401 .{0,60}scan the QR code again", said), said


# --- the bridge itself -------------------------------------------------------------------------------

@answers("Is a worker there?")
def test_a_stopped_worker_is_missed_at_once(alone):
    alone.stack["egress-0"].stop()
    alone.stack["core"].wait_line("what=peer.left")
    assert "no process of this kind is connected" in alone.ask("doctor", code=1)


@answers("Is core there?")
def test_a_core_that_is_away_is_told(alone):
    alone.stack["core"].stop()
    done = alone.stack.operator("status")
    assert done.returncode == 3 and "core cannot be reached" in done.stderr


@answers("Why does a program not see my setting?")
def test_a_mistyped_setting_is_told(tmp_path):
    env = in_folder(tmp_path, AMO_INGRESS_LISTN="0.0.0.0:8080")
    done = run(BIN / "amoctl", "config", "check", "/dev/null", env=env)
    assert done.returncode == 2 and "did you mean AMO_INGRESS_LISTEN?" in done.stderr


@answers("Is the disk nearly full?")
def test_a_disk_that_is_nearly_full_is_told():
    with Stack(env=QUICK) as stack:
        data = stack.dir / "data"
        data.mkdir(parents=True, mode=0o750)
        if not mounted(data, "64m"):
            pytest.skip("no right to mount a small file system")
        try:
            stack.up(register=False)
            said = Day(stack).ask("doctor", code=1)
            assert re.search(r"red disk \S+: \d+ MiB free, \d+ % -> free the disk", said), said
        finally:
            for name in ("core", "ingress", "egress-0"):
                stack[name].kill()
            subprocess.run(["umount", str(data)], check=False)


@answers("Why does nothing end its life? The clock is in doubt")
def test_a_clock_in_doubt_is_told():
    with Stack(env=QUICK) as stack:
        stack.up()
        stack["core"].stop()
        stack["egress-0"].stop()  # nobody can ask amojo for the time
        set_back(stack, 3 * 24 * 3600 * 1000)
        stack.start("core")
        said = Day(stack).ask("doctor", code=1)  # no worker is red
        assert re.search(r"yellow clock: in doubt \(ahead_of_last_time\): nothing ends its life .{0,120}amoctl explain", said), said


@answers("Does a running process have a mistyped setting?")
def test_a_mistyped_setting_of_a_running_process_is_told():
    with Stack(env={**QUICK, "AMO_EGRESS_CONCURENCY": "3"}) as stack:
        stack.up(register=False)
        said = Day(stack).ask("doctor")
        for process in ("core", "ingress", "egress-0"):
            assert re.search(rf"yellow setting {process}: AMO_EGRESS_CONCURENCY is set .{{0,60}}did you mean AMO_EGRESS_CONCURRENCY\?", said), said


@answers("What does a mistyped filter find?")
def test_a_filter_with_an_unknown_value_is_an_error(day):
    assert "no such account" in day.ask("conversation", "list", "--scope", "nope", code=1)


@answers("What happens now in one conversation?")
def test_both_sides_of_a_conversation_are_followed(shared):
    phone, chat = meet(shared)
    tail = [BIN / "amo-monitor", "tail", "--conversation", phone, "--kind", "event", "--count", "4", "--for", "60"]
    text = unique()
    with in_background(tail, in_folder(shared.dir)) as lines:
        def passes():
            shared.client_writes(text, conversation=phone)
            shared.manager_writes(text, chat)
            return len(lines()) >= 4
        wait_for(passes, "both sides", every=0.5)
        assert any(" client>amo " in line for line in lines()), lines()
        assert any(" amo>client " in line for line in lines()), lines()


# --- what an operator may do about it ----------------------------------------------------------------

@answers("What would be lost with a service that is gone?")
def test_what_waits_for_a_service_is_counted(day):
    phone, chat = meet(day.stack)
    day.stack.operator("account", "pause", day.stack.scope)
    day.stack.manager_writes(unique(), chat)
    day.ask_until("queue", "drop", "--connector", "svc", "--dry-run", says=r"dropped 1")


@answers("What waits outside the queue, and for what?")
def test_what_waits_outside_the_queue_says_why(day):
    day.stack.sandbox("client/statuses", {"connector": "svc", "id": "nobodys-id", "status": "read"})
    day.ask_until("waiting", "list", says=r"waits for message nobodys-id, which is not known yet, until 20\d\d-")


@answers("What would be given up in one conversation?")
def test_what_waits_in_a_conversation_is_counted_and_whoever_drops_it_is_named(day):
    phone, chat = meet(day.stack)
    day.stack.operator("account", "pause", day.stack.scope)
    ident = day.stack.manager_writes(unique(), chat)["id"]
    number = day.stack.control("conversation.show", id=phone)["id"]
    said = day.ask_until("queue", "drop", "--conversation", str(number), "--dry-run", says=r"dropped 1")
    assert "give up commands: 1, and inform their senders" in said
    assert "goes with its number" in day.look("queue", "move", "--conversation", str(number), "--to", "svc", code=1)
    day.stack.operator("queue", "drop", "--conversation", str(number))
    assert f"dropped by {getpass.getuser()}" in day.look("trace", ident)


@answers("Can a message be sent again?")
def test_what_a_retry_would_do_is_told(day):
    said = day.ask("message", "retry", refused_by_service(day.stack, meet(day.stack)[1]), "--dry-run")
    assert re.search(r"would send dead letter \d+ again, at the end of its lane", said)
    said = day.ask("message", "retry", taken_by_service(day.stack, meet(day.stack)[1])[0], "--dry-run", code=1)
    assert "the other side has it: there is nothing to send" in said


@answers("The service works again: must it be waited for?")
def test_a_hold_of_a_service_is_ended(day):
    _, chat = meet(day.stack)
    text = unique()
    day.stack.fault(on="service.message.created", match=text, status=410)
    day.stack.manager_writes(text, chat)
    wait_for(lambda: day.stack.control("connector.show", name="svc")["held"], "its hold")
    day.stack.clear_faults()
    said = day.ask("connector", "resume", "svc")
    assert re.search(r"was_held gone waiting [1-9]", said), said
    day.stack.wait("service.message", text=text)


@answers("What would move with a number?")
def test_what_would_move_is_counted(alone):
    stack = alone.stack
    meet(stack)
    stack.control("source.add", connector="svc", source="wa1", scope_id=stack.scope)
    second = stack.control("account.connect", channel=stack.channel, account=str(uuid.uuid4()), connector="svc")["scope_id"]
    assert "moves 1" in alone.ask("source", "add", "--connector", "svc", "--source", "wa1", "--scope", second, "--dry-run")


@answers("What goes with a number to another account?")
@answers("Since when has a number been with this account?")
def test_a_number_goes_with_its_conversations_and_it_is_known_since_when(alone):
    stack = alone.stack
    meet(stack)
    stack.control("source.add", connector="svc", source="wa1", scope_id=stack.scope)
    second = stack.control("account.connect", channel=stack.channel, account=str(uuid.uuid4()), connector="svc")["scope_id"]
    order = ("source", "move", "--connector", "svc", "--source", "wa1", "--to", second)
    assert "moves 1" in alone.ask(*order, "--dry-run")
    assert stack.operator(*order).returncode == 0
    said = alone.ask("source", "list")
    assert re.search(rf"\bwa1\b.*20\d\d-\S+ {getpass.getuser()} {stack.scope.partition('_')[2][:8]}", said), said


@answers("What waits for an account that left?")
def test_what_waits_for_an_account_that_left_is_told(alone):
    stack = alone.stack
    phone, _ = meet(stack)
    stack.control("account.pause", scope_id=stack.scope)
    stack.client_writes(unique(), conversation=phone)
    wait_for(lambda: stack.control("status")["commands"] == 1, "it to wait")
    stack.control("account.disconnect", scope_id=stack.scope)
    assert re.search(r"commands that wait for an account that left at 20\S+: 1; given up at 20", alone.ask("doctor"))


@answers("Has anybody changed something here?")
def test_the_last_changes_are_told_and_are_no_alarm(day):
    day.stack.operator("account", "pause", day.stack.scope)
    day.stack.operator("account", "resume", day.stack.scope)
    said = day.ask("doctor")
    assert re.search(rf"green changed: .{{0,120}}account\.resume by {getpass.getuser()} \(scope_id=", said), said


@answers("Who changed what, and when?")
def test_orders_are_shown_with_user_arguments_and_outcome(day):
    day.stack.operator("account", "pause", day.stack.scope)
    assert day.stack.operator("account", "resume", "nobody").returncode == 1
    said = day.ask("audit", "--since", "1d", "--verb", "account")
    assert re.search(rf"{getpass.getuser()}.{{0,40}}account\.pause.{{0,40}}scope_id={day.stack.scope}.{{0,40}}done", said), said
    assert re.search(r"account\.resume.{0,40}scope_id=nobody.{0,40}refused.{0,40}no such account", said), said


@answers("What does a word of doctor, a reason or a log line mean?")
@pytest.mark.parametrize("word", ["breaker", "destination.held", "disk", "unclear"])
def test_a_word_is_explained(day, word):
    assert day.ask_alone("explain", word)


# --- the page ----------------------------------------------------------------------------------------

def test_the_page_has_these_questions_and_no_others():
    assert {question for question, *_ in rows("An ordinary day")} == set(QUESTIONS)
