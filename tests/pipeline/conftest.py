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
def attribute_run(tmp_path_factory):
    """A run whose segments are formed by profile attributes too, described by a TOML file."""
    return runs.attribute_run(tmp_path_factory.getbasetemp())
