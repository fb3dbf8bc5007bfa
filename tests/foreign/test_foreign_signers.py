"""Libraries written by others against the sandbox, both ways, and against the vectors."""
import base64
import json
import os
import pathlib
import shutil
import subprocess
import time

import pytest

from sandbox_rig import Amo, Sandbox

HERE = pathlib.Path(__file__).resolve().parent
VECTORS = HERE.parent / "vectors"


@pytest.fixture(scope="session")
def node(tmp_path_factory):
    """Runs a script of this folder with JSON in and JSON out; installs the packages first."""
    def give_up(why):
        if os.environ.get("AMO_FOREIGN_REQUIRED"):
            pytest.fail(why)
        pytest.skip(why)

    if not shutil.which("node") or not shutil.which("npm"):
        give_up("node and npm are not installed")
    if not (HERE / "node_modules" / "standardwebhooks").is_dir() or \
            not (HERE / "node_modules" / "@mobilon-dev" / "amotop").is_dir():
        done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=HERE, capture_output=True,
                              text=True, timeout=300)
        if done.returncode:
            give_up("npm ci failed: " + done.stderr[-500:])

    def run(script, task, **environment):
        done = subprocess.run(["node", str(HERE / script)], input=json.dumps(task), capture_output=True,
                              text=True, timeout=60, env={**os.environ, **environment})
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def b64(data):
    return base64.b64encode(data if isinstance(data, bytes) else data.encode()).decode()


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    """amotop speaks https only."""
    place = tmp_path_factory.mktemp("tls")
    cert, key = place / "cert.pem", place / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-keyout", key, "-out", cert, "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, capture_output=True)
    with Sandbox("--cert", str(cert), "--key", str(key), ca=str(cert)) as sandbox:
        sandbox.cert = str(cert)
        yield sandbox


@pytest.fixture
def amotop(tls, node):
    tls.post("reset", {"what": "all"})
    amo = Amo(tls).connect()

    def run(*steps, secret=None, channel=False):
        who = {"channelId": amo.channel["id"]} if channel else {"scopeId": amo.scope}
        return node("amotop.js", {"domain": f"localhost:{tls.port}", "channelSecret": secret or amo.secret,
                                  "steps": steps, **who}, NODE_EXTRA_CA_CERTS=tls.cert)

    run.sandbox, run.amo = tls, amo
    return run


def test_amotop_makes_a_chat_sends_a_text_a_status_and_reads_the_history(amotop):
    chat, text, again, status, history = amotop(
        ["createChat", {"conversation_id": "c-1", "user": {"id": "u-1", "name": "Клиент"}}],
        ["payload:getTextPayloadFromContact",
         {"conversationId": {"$": [0, "id"]}, "senderName": "Клиент", "message": "Привет 👋", "sourceExternalId": "line-1"}],
        ["payload:getTextPayloadFromBot",
         {"conversationId": {"$": [0, "id"]}, "channelBotId": amotop.amo.channel["bot_id"], "message": "Ответ", "silent": True}],
        ["updateMessageStatus", {"$": [2, "new_message", "msgid"]}, 2],
        ["getChatHistory", {"$": [0, "id"]}])
    assert text["data"]["new_message"]["conversation_id"] == chat["data"]["id"]
    assert again["data"]["new_message"]["receiver_id"]
    assert status == {"data": ""}
    texts = [m["message"]["text"] for m in history["data"]["messages"]]
    assert texts == ["Ответ", "Привет 👋"]
    listed = amotop.sandbox.messages()
    assert [(m["from"], m["text"], m["status"]) for m in listed] == [("client", "Привет 👋", None), ("bot", "Ответ", 2)]
    assert amotop.sandbox.get("journal", verified="false")["items"] == []


def test_amotop_with_a_wrong_secret_is_forbidden(amotop):
    answers = amotop(["createChat", {"conversation_id": "c-1", "user": {"id": "u-1", "name": "K"}}],
                     ["getChatHistory", "x"], secret="0" * 40)
    assert [a["status"] for a in answers] == [403, 403]


def test_amotops_connect_in_the_old_scheme_is_forbidden(amotop):
    [answer] = amotop(["connectChannel", amotop.amo.account, "T"], channel=True)
    assert "403" in answer["error"]


def test_the_library_signs_the_vectors_alike(node):
    vectors = json.loads((VECTORS / "standard-webhooks.json").read_text())["vectors"]
    tasks, wanted = [], []
    for v in vectors:
        for secret, signature in zip(v["secrets"], v["webhook_signature"].split(" ")):
            tasks.append({"do": "sign", "secret": secret, "id": v["webhook_id"], "timestamp": v["webhook_timestamp"],
                          "body": v["body_base64"]})
            wanted.append(signature)
    assert node("standardwebhooks.js", tasks) == wanted


def test_the_library_judges_the_cases_alike(node):
    file = json.loads((VECTORS / "standard-webhooks.json").read_text())
    vectors = {v["name"]: v for v in file["vectors"]}
    tasks = []
    for case in file["verification_cases"]:
        v = vectors[case["based_on"]] | case
        body = case["body_utf8"].encode() if "body_utf8" in case else base64.b64decode(v["body_base64"])
        tasks.append({"do": "verify", "secret": v["secrets"][0], "body": b64(body), "headers": {
            "webhook-id": v["webhook_id"], "webhook-timestamp": v["webhook_timestamp"],
            "webhook-signature": v["webhook_signature"]},
            "now": int(v.get("now", vectors[case["based_on"]]["webhook_timestamp"]))})
    results = node("standardwebhooks.js", tasks)
    for case, result in zip(file["verification_cases"], results):
        assert (result is True) == (case["expect"] == "accept"), (case["name"], result)


def test_what_the_library_signs_the_service_takes(sandbox, service, node):
    body = json.dumps(service.body("mid-1", text="Добрый день 👋"), ensure_ascii=False)
    now = str(int(time.time()))
    secret = service.connector["secret"]
    right, wrong = node("standardwebhooks.js", [
        {"do": "sign", "secret": s, "id": "mid-1", "timestamp": now, "body": b64(body)}
        for s in (secret, "whsec_" + "C" * 43 + "=")])

    def send(signature):
        return sandbox.call("POST", "/mobilon/demo", body.encode(), {
            "webhook-id": "mid-1", "webhook-timestamp": now, "webhook-signature": signature}).status

    assert send(wrong) == 401
    assert send(right) == 200
    assert send(f"{wrong} {right}") == 200
    [given] = sandbox.get("service/messages")["items"]
    assert (given["text"], given["repeats"]) == ("Добрый день 👋", 1)


def test_what_the_service_signs_the_library_accepts(sandbox, service, bridge, node):
    sandbox.post("connectors", {"name": "demo", "auth": "signature", "report": "read"})
    sandbox.post("client/writes", [{"source": "wa1", "conversation": "c", "text": t} for t in ("привет", "👋", "x" * 9999)])
    service.message("mid-1")
    seen = bridge.wait(5)
    tasks = [{"do": "verify", "secret": secret, "body": b64(s.body), "headers": dict(s.headers.items())}
             for s in seen for secret in (service.connector["secret"], "whsec_" + "C" * 43 + "=")]
    results = node("standardwebhooks.js", tasks)
    assert results[0::2] == [True] * 5
    assert results[1::2] == ["No matching signature found"] * 5
    assert len({s.headers["webhook-id"] for s in seen}) == 5


def test_the_lock_file_names_no_download_hosts():
    lock = json.loads((HERE / "package-lock.json").read_text())
    for name, package in lock["packages"].items():
        assert "resolved" not in package, name
        assert not name or package["integrity"].startswith("sha512-"), name
    assert {"@mobilon-dev/amotop", "standardwebhooks"} == set(lock["packages"][""]["dependencies"])
