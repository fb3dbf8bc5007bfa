import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent

sys.path.insert(0, str(HERE))

from sandbox_rig import Amo, Bridge, Sandbox, Service  # noqa: E402


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
        return node("amotop.js", {"domain": f"127.0.0.1:{tls.port}", "channelSecret": secret or amo.secret,
                                  "steps": steps, **who}, NODE_EXTRA_CA_CERTS=tls.cert)

    run.sandbox, run.amo = tls, amo
    return run
