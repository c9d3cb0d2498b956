import pytest
from tests.pipeline import runs


@pytest.fixture(scope="session")
def log(tmp_path_factory):
    """A generated log of 2,000 users."""
    return runs.generated(tmp_path_factory.getbasetemp(), 2_000)


@pytest.fixture(scope="session")
def plain_run(tmp_path_factory):
    """A run on that log with nothing asked for."""
    return runs.plain_run(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="session")
def small_log(tmp_path_factory):
    """A generated log of 200 users, for what does not depend on the users."""
    return runs.generated(tmp_path_factory.getbasetemp(), 200)
