import pytest

from stack import Stack


@pytest.fixture
def stack():
    with Stack() as s:
        s.up()
        yield s
