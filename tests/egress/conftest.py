import pytest

from egress_harness import Authority, Bench


@pytest.fixture
def bench():
    b = Bench()
    yield b
    b.close()


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))
