"""Libraries written by others against the sandbox, both ways, and against the vectors."""
import base64
import json
import pathlib
import time

HERE = pathlib.Path(__file__).resolve().parent
VECTORS = HERE.parent / "vectors"


def b64(data):
    return base64.b64encode(data if isinstance(data, bytes) else data.encode()).decode()


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
    assert {"@mobilon-dev/amotop", "@seriousme/openapi-schema-validator", "standardwebhooks"} == \
        set(lock["packages"][""]["dependencies"])
