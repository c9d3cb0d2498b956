import pytest
from tests.databases import Duck, postgres_server
from tests.pipeline import runs


@pytest.fixture(scope="session")
def plain_run(tmp_path_factory):
    return runs.plain_run(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="session")
def postgres():
    with postgres_server() as server:
        yield server


@pytest.fixture(params=["duckdb", "postgres"])
def database(request):
    """A database that runs the queries, by dialect."""
    return Duck() if request.param == "duckdb" else request.getfixturevalue("postgres")
