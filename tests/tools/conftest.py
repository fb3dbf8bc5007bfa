import pytest

import kit

from tools_harness import Control, Monitor, Tap


@pytest.fixture
def run_dir():
    """Short, because a socket's path has 107 bytes at most."""
    path = kit.scratch("amo-tools-")
    yield path
    kit.discard(path)


@pytest.fixture
def core(run_dir):
    control = Control(run_dir)
    yield control
    control.close()


@pytest.fixture
def taps(run_dir):
    """A function that opens the tap of a process."""
    opened = []

    def open_tap(name):
        opened.append(Tap(run_dir, name))
        return opened[-1]

    yield open_tap
    for tap in opened:
        tap.close()


@pytest.fixture
def monitor(run_dir):
    """A function that starts amo-monitor."""
    started = []

    def start(*args):
        started.append(Monitor(run_dir, *args))
        return started[-1]

    yield start
    for one in started:
        one.close()
