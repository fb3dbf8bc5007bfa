import sys
import pathlib

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

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
