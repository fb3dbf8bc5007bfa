import pytest

import beside
from stack import Stack


@pytest.fixture
def stack():
    with Stack() as s:
        s.up()
        yield s


@pytest.fixture(scope="module", name="calm")
def calm_():
    """A bridge where nothing happens, to judge a loaded one by."""
    with beside.Beside() as bridge:
        yield bridge
