import pytest

from contract import Contract


@pytest.fixture(scope="session")
def contract():
    return Contract()
