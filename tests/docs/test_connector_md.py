"""docs/connector.md does what it says: its curl session line by line, and its programs against a running bridge."""
import base64
import json
import os
import re
import sys
import time
import uuid

import pytest

import foreign_node
import page
from ingress_harness import standard_headers
from kit import Process, run
from stack import QUICK, Stack, http, wait_for

PAGE = "docs/connector.md"
OLD, NEW = (base64.b64encode(bytes([n]) * 32).decode() for n in (1, 2))
TOKEN = "token-of-the-page-00000000000000000000"


@pytest.fixture(scope="module")
def stack():
    with Stack(env=QUICK) as s:
        s.up(register=False)
        yield s


def test_the_session_goes_as_shown(stack, tmp_path):
    stack.register(connector="wa", report="none")
    environment = {"PATH": os.environ["PATH"], "BRIDGE": f"http://127.0.0.1:{stack.port}", "TOKEN": stack.svc["token"],
                   "SANDBOX": stack.sandbox_url, "LC_ALL": "C.UTF-8"}
    rows = [step for block in page.blocks(PAGE, "console") for step in page.steps(block)]
    assert len(rows) >= 14
    with page.Shell(tmp_path, environment) as shell:
        for command, shown in rows:
            if re.match(r"call \S+/messages/\S+$", command):
                shell.until(command, shown)             # a question may be asked again
            else:
                code, got = shell.run(command)
                assert code == 0 and page.fits(shown, got), f"$ {command}\nthe page shows {shown}\nit says ({code}): {got}"
    edit = stack.wait("amojo.edit", type="text")["item"]
    assert edit["text"] == "Готов ли мой второй заказ?"
    assert stack.wait("amojo.reaction")["item"]["emoji"] == "👍"
    answer = stack.list("amojo/messages?from=manager")[0]
    assert stack.wait("status", id=answer["id"], status=2)


@pytest.mark.parametrize("shown,got,fit", [
    ('{"a":"…"} 200', '{"a":"x y"} 200\n', True), ('{"a":"…"} 200', '{"a":"x"} 202\n', False), ("one", "one\ntwo\n", False),
    ("one", "", False), ("a   b", "a b\n\n", True), ("…", "any\nlines\n", True)])
def test_what_is_shown_is_compared(shown, got, fit):
    assert page.fits([shown], got) == fit


class Program(Process):
    """A program of the page, in a folder of its own."""

    def __init__(self, directory, name, **environment):
        (directory / name).write_text(page.program(PAGE, name), encoding="utf-8")
        super().__init__(name, runner(name), {"PATH": os.environ["PATH"], "PORT": "0", **environment}, directory, cwd=directory)
        self.start()

    def count(self, text):
        return sum(text in line for line in self.lines)


def runner(name):
    return ["node", name] if name.endswith(".mjs") else [sys.executable, name]


def folder_for(language, tmp_path):
    if language == "mjs":
        foreign_node.need_packages()
        (tmp_path / "node_modules").symlink_to(foreign_node.MODULES)
    return tmp_path


@pytest.fixture(params=["mjs", "py"])
def service(request, stack, tmp_path):
    """(language, folder, the running service of the page, its URL); it takes two secrets, as in a rotation."""
    directory = folder_for(request.param, tmp_path)
    program = Program(directory, f"service.{request.param}", SECRETS=f"whsec_{NEW} whsec_{OLD}")
    try:
        port = program.wait_line(r"listening on (\d+)")[1]
        yield request.param, directory, program, f"http://127.0.0.1:{port}/amo"
    finally:
        program.stop()
        program.close()


def send(directory, language, stack, text, **changes):
    """The page's other program: (exit code, what it says)."""
    name = f"send.{language}"
    (directory / name).write_text(page.program(PAGE, name), encoding="utf-8")
    environment = {"PATH": os.environ["PATH"], "BRIDGE": f"http://127.0.0.1:{stack.port}", "NAME": language, "TOKEN": TOKEN,
                   "SECRET": f"whsec_{OLD}", "no_proxy": "*", **changes}
    done = run(*runner(name), text, cwd=directory, env=environment)
    return done.returncode, done.stdout + done.stderr


def connect(stack, name, url):
    """The connector of the page's service, with an account of its own; it signs with the old secret."""
    stack.control("connector.add", name=name, kind="http", url=url, allow_private=True, secret=f"whsec_{OLD}", token=TOKEN)
    channel = stack.sandbox("channels", {"webhook_url": f"http://127.0.0.1:{stack.port}/messages/:scope_id"})
    stack.control("channel.add", reply=json.dumps(stack.sandbox(f"channels/{channel['id']}/registration")), url=stack.sandbox_url)
    return stack.control("account.connect", channel=channel["id"], account=str(uuid.uuid4()), connector=name, title="Page")["scope_id"]


def test_the_programs_of_the_page_talk_with_the_bridge(stack, service):
    language, directory, program, url = service
    scope = connect(stack, language, url)
    assert stack.control("connector.test", name=language)["status"] == 200
    program.wait_line("connector.test")

    code, said = send(directory, language, stack, f"hello-from-{language}")
    assert code == 0 and said.startswith("202 ") and f'"mid":"{language}-wa1-' in said
    chat = stack.wait("amojo.message", text=f"hello-from-{language}")["item"]["chat"]

    stack.sandbox("manager/writes", {"scope_id": scope, "chat": chat, "text": "Да, можно забирать"})
    program.wait_line("to 79005550134 text Да, можно забирать")
    stack.sandbox("manager/writes-first", {"scope_id": scope, "phone": "+7 900 555-01-77", "text": "we-begin", "source": "wa1"})
    program.wait_line("to 79005550177 text we-begin")
    wait_for(lambda: any("79005550177" in json.dumps(c) for c in stack.control("conversation.list", scope=scope)), "the taught conversation")
    code, said = send(directory, language, stack, "refused", TOKEN="x" * 32, SECRET=f"whsec_{NEW}")
    assert code == 1 and said.startswith("401 ")


def test_a_repeat_is_taken_once_and_a_rotation_refuses_nobody_who_may(service):
    _, _, program, url = service
    body = json.dumps({"type": "message.created", "timestamp": "2026-01-01T00:00:00.000Z", "data": {
        "id": "amo-1", "type": "text", "text": "once", "conversation": {"id": "c-1"}, "receiver": {"id": None, "phone": None}}}).encode()

    def post(key, ident="amo-1", at=None, data=body, **changed):
        headers = {**standard_headers(data, base64.b64decode(key), ident, at), **changed}
        return http("POST", url, data, {"Content-Type": "application/json", **{k: v for k, v in headers.items() if v}})

    def taken():
        """How many messages it took, once all it has said until now is read."""
        nonce = f"test-{uuid.uuid4()}"
        assert post(NEW, nonce, data=json.dumps({"type": "connector.test", "data": {"nonce": nonce}}).encode())[0] == 200
        program.wait_line(nonce)
        return program.count("text once")

    first = post(OLD)
    assert first[0] == 200 and first[1]["conversation"] == {"id": "c-1"} and first[1]["id"]
    assert post(NEW)[:2] == post(OLD)[:2] == first[:2]
    assert taken() == 1
    assert post(NEW, "amo-2")[1]["id"] != first[1]["id"] and taken() == 2
    stranger = base64.b64encode(b"s" * 32).decode()
    wrong, right = (standard_headers(body, base64.b64decode(key), "amo-3")["webhook-signature"] for key in (stranger, OLD))
    assert post(OLD, "amo-3", **{"webhook-signature": f"{wrong} {right}"})[0] == 200     # one match is enough
    assert taken() == 3
    for refused in (post(stranger, "amo-4"), post(OLD, "amo-4", at=int(time.time()) - 3600), post(OLD, "amo-4", at=int(time.time()) + 3600),
                    post(OLD, "amo-4", **{"webhook-id": "amo-5"}), post(OLD, "amo-4", **{"webhook-signature": ""}),
                    post(OLD, "amo-4", **{"webhook-timestamp": ""}), post(OLD, "amo-4", **{"webhook-signature": "v1,x"})):
        assert refused[0] == 401
    assert taken() == 3
