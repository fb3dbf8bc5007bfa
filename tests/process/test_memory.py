"""Where secrets are in the memory of the running processes: in the ones that need them, and after their time in none.

Root may read what other processes may not. What is looked for is the bytes themselves, wherever they lie: a struct that is in
use, a frame that was read, a buffer of a library, a stack."""
import base64
import contextlib
import os
import uuid

import pytest

import kit
import signing
from stack import QUICK, Stack, wait_for
from test_trust import exchange

pytestmark = [pytest.mark.skipif(os.geteuid() != 0, reason="only root may read the memory of others"),
              pytest.mark.skipif("AMO_SANITIZED" in os.environ, reason="a build with sanitizers keeps what was freed")]

PROCESSES = ("core", "ingress", "egress-0")


@pytest.fixture
def stack():
    with Stack(env=QUICK) as s:
        yield s


def memory_has(process, what):
    """Each place in the memory of @process where @what lies, and what is around it."""
    found = []
    with open(f"/proc/{process.child.pid}/maps") as maps, open(f"/proc/{process.child.pid}/mem", "rb", 0) as memory:
        for line in maps:
            where, rights = line.split()[:2]
            if not rights.startswith("rw") or "[v" in line:
                continue
            begin, end = (int(part, 16) for part in where.split("-"))
            memory.seek(begin)
            with contextlib.suppress(OSError):  # a page that is there in name only
                data = memory.read(end - begin)
                at = data.find(what)
                while at >= 0:
                    found.append((line.split()[-1], hex(begin + at), data[max(0, at - 60):at + 90]))
                    at = data.find(what, at + 1)
    return found


def holders(stack, secrets):
    """{secret: the processes that have it}."""
    return {what: {name for name in PROCESSES if memory_has(stack[name], bytes_)} for what, bytes_ in secrets.items()}


def forms(name, secret, token):
    """A connector's secrets as they are held, and as they are written."""
    return {f"{name} key": base64.b64decode(secret.removeprefix("whsec_")), f"{name} key, in base64": secret[6:].encode(),
            f"{name} token": token.encode()}


def gone(stack, secrets):
    """Waits: libzmq's own thread sends what wipes its buffers."""
    def nobody():
        return not any(holders(stack, secrets).values())

    wait_for(nobody, lambda: {f"{what} in {name}": memory_has(stack[name], bytes_) for what, bytes_ in secrets.items()
                              for name in PROCESSES if memory_has(stack[name], bytes_)}, 20)


def signed_call(stack, key):
    """A service that signs what it sends: ingress verifies it with its key."""
    body = b'{"id": "1"}'
    answer = kit.http("POST", f"http://127.0.0.1:{stack.port}/v1/connectors/svc/messages", body,
                      signing.standard_headers(key, uuid.uuid4().hex, body))
    assert answer.status in (400, 422), answer.body


def master_key(stack):
    return bytes.fromhex((stack.dir / "data" / "master.key").read_text().strip())


def test_each_process_has_the_secrets_that_it_needs_and_no_others(stack):
    """As they are after everything was used: keys made and read, a registry taken twice, calls signed and verified, amoctl."""
    stack.up()
    exchange(stack, "before")
    for name in PROCESSES:
        stack.start_over(name)
    exchange(stack, "after")
    key = base64.b64decode(stack.svc["secret"].removeprefix("whsec_"))
    signed_call(stack, key)
    master = master_key(stack)
    everybody, edges_in = set(PROCESSES), {"core", "ingress"}
    expected = {"master key": {"core"}, "channel secret": everybody, "svc key": everybody, "svc token": edges_in,
                "master key, in hex": set(), "svc key, in base64": set()}
    secrets = {"master key": master, "master key, in hex": master.hex().encode(), "channel secret": stack.secret.encode(),
               **forms("svc", stack.svc["secret"], stack.svc["token"])}
    wait_for(lambda: holders(stack, secrets) == expected, lambda: holders(stack, secrets), 20)
    # and each in one place: no copy is left of the way on which it came, nor of what it was used for
    def several():
        return {f"{what} in {name}": found for what, bytes_ in secrets.items() for name in PROCESSES
                if len(found := memory_has(stack[name], bytes_)) > 1}

    wait_for(lambda: not several(), several, 20)


def test_what_was_rotated_is_in_nobodys_memory(stack):
    stack.up()
    exchange(stack, "before")
    old = {"channel secret": stack.secret.encode(), **forms("svc", stack.svc["secret"], stack.svc["token"])}
    made = stack.control("connector.rotate", name="svc")
    stack.sandbox("connectors", {"name": "svc", "secret": made["secret"], "token": made["token"]})
    fresh = os.urandom(20).hex()
    stack.control("channel.secret", id=stack.channel, secret=fresh)
    stack.sandbox("channels", {"id": stack.channel, "secret": fresh})
    exchange(stack, "both")
    assert holders(stack, old)["channel secret"] == set(PROCESSES), "it is looked for where it must be"
    stack.control("connector.rotate", name="svc", finish=True)
    stack.control("channel.secret", id=stack.channel, finish=True)
    gone(stack, old)
    exchange(stack, "after")
    now = holders(stack, {"channel secret": fresh.encode(), **forms("svc", made["secret"], made["token"])})
    assert now == {"channel secret": set(PROCESSES), "svc key": set(PROCESSES), "svc token": {"core", "ingress"},
                   "svc key, in base64": set()}


@pytest.mark.parametrize("alone", [True, False], ids=["the_last_of_a_bridge", "one_of_two"])
def test_the_secrets_of_a_connector_that_was_removed_are_in_nobodys_memory(stack, alone):
    """Nor in a buffer of libzmq, which the next frame overwrites only as far as it goes: the registry is shorter afterwards."""
    stack.up(register=not alone)
    token, key = "token-" + uuid.uuid4().hex + uuid.uuid4().hex, os.urandom(32)
    secret = "whsec_" + base64.b64encode(key).decode()
    secrets = forms("zzz", secret, token)
    stack.control("connector.add", name="zzz", kind="http", url=f"{stack.sandbox_url}/mobilon/zzz", allow_private=True,
                  secret=secret, token=token)
    if not alone:
        exchange(stack, "before")
    stack.start_over("core")  # WELCOME brings it as well
    wait_for(lambda: stack.peer("egress-0") and stack.peer("ingress"), "both edges")
    answer = kit.http("POST", f"http://127.0.0.1:{stack.port}/v1/connectors/zzz/messages", {"id": "1"},
                      {"Authorization": f"Bearer {token}"})
    assert answer.status in (400, 422), answer.body
    wait_for(lambda: holders(stack, secrets)["zzz key"] == set(PROCESSES), "it is looked for where it must be")
    stack.control("connector.remove", name="zzz")
    gone(stack, secrets)
