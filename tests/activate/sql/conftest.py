import pytest
from tests.databases import Duck, postgres_server


@pytest.fixture(scope="session")
def postgres():
    with postgres_server() as server:
        yield server


@pytest.fixture(params=["duckdb", "postgres"])
def database(request):
    """A database that runs the queries, by dialect."""
    return Duck() if request.param == "duckdb" else request.getfixturevalue("postgres")
