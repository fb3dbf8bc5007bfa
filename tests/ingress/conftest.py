import pytest

from ingress_harness import Core, Ingress


@pytest.fixture
def make(tmp_path):
    """make(**config) starts an ingress; make.core(**welcome) a played core at its endpoint."""
    made = []

    def ingress(name="", wrap=(), args=(), **config):
        directory = tmp_path / name if name else tmp_path
        directory.mkdir(exist_ok=True)
        one = Ingress(directory, wrap, args, **config)
        made.append(one)
        return one

    def core(**welcome):
        one = Core(f"ipc://{tmp_path}/events", **welcome)
        made.append(one)
        return one

    ingress.core = core
    ingress.path = tmp_path
    yield ingress
    for one in made:
        one.close()


@pytest.fixture
def pair(make):
    """An ingress and a core that have met."""
    core = make.core()
    ingress = make()
    core.wait_hello()
    ingress.wait_log("what=registry.new")
    return ingress, core


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """The same for a whole file: for tests that look at their own events only."""
    path = tmp_path_factory.mktemp("shared")
    core = Core(f"ipc://{path}/events")
    ingress = Ingress(path)
    core.wait_hello()
    ingress.wait_log("what=registry.new")
    yield ingress, core
    ingress.close()
    core.close()
