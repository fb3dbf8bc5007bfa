import pytest

from wire_edges import HandIngress, HandWorker, Stack, lonely_core


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


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """The logs of processes that a fixture holds belong to the report of a failure."""
    outcome = yield
    if call.when == "call" and call.excinfo:
        for s in Stack.living:
            outcome.get_result().sections.append(("logs", s.last_words()))
