import pathlib
import sys

TESTS = pathlib.Path(__file__).resolve().parents[1]
for folder in ("lib", "ingress", "process"):
    sys.path.insert(0, str(TESTS / folder))
