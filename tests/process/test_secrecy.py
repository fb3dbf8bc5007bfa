"""What must not be found: secrets in files and logs, and people's words, phones and names in logs."""
import base64
import os
import stat

from stack import QUICK, Stack, http, wait_for

PHONE, NAME, WORDS, MANAGER_WORDS = "79161234567", "Zinaida-Unmistakable", "client-words-qwzx", "manager-words-plmk"


def busy_day(stack):
    """A bit of everything that makes the bridge talk: good days, refusals, floods, restarts."""
    who = {"id": PHONE, "name": NAME, "phone": f"+{PHONE}"}
    met = stack.meet(WORDS, conversation=PHONE, sender=who)
    stack.manager_writes(MANAGER_WORDS, met["chat"])
    stack.wait("service.message", text=MANAGER_WORDS)
    stack.sandbox("manager/writes-first", {"scope_id": stack.scope, "phone": PHONE, "text": MANAGER_WORDS,
                                           "source": "wa1"})
    stack.webhook(f'{{"text":"{WORDS}"', learn=False)
    stack.webhook({"account_id": "x", "message": {"text": WORDS}}, signature="0" * 40, learn=False)
    stack.service_call("messages", {"id": "1", "text": WORDS, "sender": {"phone": PHONE}})
    stack.service_call("messages", {"text": WORDS}, token="n" * 40)
    http("POST", f"http://127.0.0.1:{stack.port}/v1/connectors/svc/messages", {"text": WORDS},
         {"webhook-id": "w1", "webhook-timestamp": "1", "webhook-signature": "v1,AAAA"})
    # refusals whose bodies tell everything back
    stack.fault(on="amojo.new_message", status=400, times=1, body={"said": WORDS, "who": PHONE})
    stack.client_writes(WORDS, conversation=PHONE, sender=who)
    wait_for(lambda: stack.control("dead.list"), "a dead letter")
    stack.fault(on="service.message.created", status=422, times=1,
                body={"error": {"code": "x", "message": f"{NAME} {PHONE} {MANAGER_WORDS}"}})
    stack.manager_writes(MANAGER_WORDS, met["chat"])
    wait_for(lambda: len(stack.control("dead.list")) == 2, "another")
    stack.fault(on="amojo.new_message", status=403, times=2)
    stack.fault(on="amojo.connect", status=403, times=1)  # the bridge's own, which would end the hold
    stack.client_writes(WORDS, conversation=PHONE, sender=who)
    wait_for(lambda: stack.account()["held"] == "forbidden", "the hold")
    stack.control("account.resume", scope_id=stack.scope)
    stack.fault(on="amojo.connect", status=403, times=1)
    try:
        stack.control("account.connect", channel=stack.channel, account="11111111-2222-4333-8444-555555555555",
                      connector="svc", title=NAME)
    except Exception:
        pass
    for name in ("core", "ingress", "egress-0"):
        stack.start_over(name)
    stack.settle()
    stack["core"].kill()
    stack.client_writes(WORDS, conversation=PHONE, sender=who)
    stack.wait("client.accepted", count=4)


def test_secrets_are_nowhere_and_people_are_not_in_the_logs():
    with Stack(env={**QUICK, "AMO_LOG_LEVEL": "debug"}) as stack:
        stack.up()
        busy_day(stack)
        key = base64.b64decode(stack.svc["secret"].removeprefix("whsec_"))
        master = (stack.dir / "data" / "master.key").read_bytes()
        secrets = {"channel secret": stack.secret.encode(), "connector secret": stack.svc["secret"][6:].encode(),
                   "decoded connector secret": key, "token": stack.svc["token"].encode(),
                   "channel secret, decoded": bytes.fromhex(stack.secret),
                   "master key": bytes.fromhex(master.decode()) if len(master) >= 64 else master}
        people = {"phone": PHONE, "name": NAME, "client's words": WORDS, "manager's words": MANAGER_WORDS}
        seen = []
        for path in (p for where in ("data", "run") for p in (stack.dir / where).rglob("*") if p.is_file()):
            if path.name == "master.key":
                continue
            content = path.read_bytes()
            seen.append(path.name)
            for what, bytes_ in secrets.items():
                assert bytes_ not in content, f"the {what} is in {path.name}"
        assert any(n.startswith("core.db") for n in seen) and any(n.endswith(".seg") for n in seen)
        for name in ("core", "ingress", "egress-0"):
            log = stack[name].log_path.read_bytes()
            assert log.count(b"\n") > 10
            for what, bytes_ in secrets.items():
                assert bytes_ not in log, f"the {what} is in the log of {name}"
            for what, word in people.items():
                lines = [line for line in log.decode().splitlines() if word in line]
                assert not lines, f"the {what} is in the log of {name}: {lines[0]}"


def test_files_and_sockets_are_closed_to_others():
    with Stack(env=QUICK) as stack:
        stack.up()
        stack.meet()
        for where in ("data", "run"):
            for root, dirs, files in os.walk(stack.dir / where):
                for name in [".", *dirs, *files]:
                    mode = os.lstat(os.path.join(root, name)).st_mode
                    if not stat.S_ISLNK(mode):
                        assert mode & 0o007 == 0, f"{os.path.join(root, name)}: {oct(mode)}"
        sockets = [p for p in (stack.dir / "run").iterdir() if p.is_socket()]
        assert len(sockets) >= 6
        for path in sockets:
            assert path.stat().st_mode & 0o777 == 0o660
