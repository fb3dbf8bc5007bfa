import pytest

from stack import Stack


@pytest.fixture
def stack():
    with Stack() as s:
        s.up()
        yield s


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """The logs of processes that a fixture holds belong to the report of a failure."""
    outcome = yield
    if call.when == "call" and call.excinfo:
        for s in Stack.living:
            outcome.get_result().sections.append(("logs", s.last_words()))
