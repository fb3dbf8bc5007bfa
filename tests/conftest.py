import pytest

from kit import Process


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """The logs of processes that a fixture holds belong to the report of a failure."""
    outcome = yield
    if call.when == "call" and call.excinfo:
        for process in Process.known:
            outcome.get_result().sections.append((f"log of {process.name}", process.last_words()))
