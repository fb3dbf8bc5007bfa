import pathlib
import sys

import pytest

TESTS = pathlib.Path(__file__).resolve().parents[1]
for folder in ("lib", "ingress", "process", "openapi"):
    sys.path.insert(0, str(TESTS / folder))

from contract import Contract  # noqa: E402


@pytest.fixture(scope="session")
def contract():
    return Contract()
