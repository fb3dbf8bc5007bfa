import pytest

from wire_edges import HandIngress, HandWorker, lonely_core


@pytest.fixture
def core():
    """A real core and nobody else."""
    with lonely_core() as stack:
        yield stack


@pytest.fixture
def ingress(core):
    edge = HandIngress(core)
    edge.hello()
    yield edge
    edge.close()


@pytest.fixture
def worker(core):
    edge = HandWorker(core)
    edge.hello()
    yield edge
    edge.close()
