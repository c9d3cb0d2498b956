import pytest
from tests.pipeline import runs


@pytest.fixture(scope="session")
def plain_run(tmp_path_factory):
    """A run on 2,000 users with nothing asked for."""
    return runs.plain_run(tmp_path_factory.getbasetemp())
