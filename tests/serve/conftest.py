import pytest
from tests.pipeline import runs
from tests.serve.service import Client

from segmentry.serve._app import build_app
from segmentry.serve._live import LiveRun
from segmentry.serve._metrics import Metrics


@pytest.fixture(scope="session")
def plain_run(tmp_path_factory):
    """A run with nothing asked for."""
    return runs.plain_run(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="session")
def attribute_run(tmp_path_factory):
    """A run whose segments are formed by profile attributes too."""
    return runs.attribute_run(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="session")
def service(plain_run):
    """The plain run, served with its users."""
    live = LiveRun(plain_run.folder, has_users=True)
    return Client(build_app(live, Metrics(), has_users=True), live)
