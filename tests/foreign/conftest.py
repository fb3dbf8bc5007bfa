import json

import pytest

import foreign_node
import kit
from sandbox_rig import Amo, Bridge, Sandbox, Service


@pytest.fixture(scope="module")
def started():
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(started):
    started.post("reset", {"what": "all"})
    return started


@pytest.fixture
def bridge():
    with Bridge() as bridge:
        yield bridge


@pytest.fixture
def amo(sandbox, bridge):
    return Amo(sandbox, webhook_url=f"{bridge.url}/messages/:scope_id").connect()


@pytest.fixture
def service(sandbox, bridge):
    return Service(sandbox, bridge_url=bridge.url)


@pytest.fixture(scope="session")
def node():
    """Runs a script of this folder with JSON in and JSON out; installs the packages first."""
    foreign_node.need_packages()
    return lambda script, task, **environment: foreign_node.run(script, json.dumps(task), **environment)


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    """amotop speaks https only."""
    cert, key = kit.certificate(tmp_path_factory.mktemp("tls"), "DNS:localhost,IP:127.0.0.1")
    with Sandbox("--cert", str(cert), "--key", str(key), ca=str(cert)) as sandbox:
        sandbox.cert = str(cert)
        yield sandbox


@pytest.fixture
def amotop(tls, node):
    tls.post("reset", {"what": "all"})
    amo = Amo(tls).connect()

    def run(*steps, secret=None, channel=False):
        who = {"channelId": amo.channel["id"]} if channel else {"scopeId": amo.scope}
        return node("amotop.js", {"domain": f"127.0.0.1:{tls.port}", "channelSecret": secret or amo.secret,
                                  "steps": steps, **who}, NODE_EXTRA_CA_CERTS=tls.cert)

    run.sandbox, run.amo = tls, amo
    return run
