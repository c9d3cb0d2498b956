"""Databases that run queries in tests: DuckDB here, PostgreSQL as a server of its own."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import duckdb
import polars as pl
import psycopg
import pytest

_TYPES = {
    "Int64": "bigint",
    "Float64": "double precision",
    "Boolean": "boolean",
    "String": "text",
    "Datetime(time_unit='us', time_zone=None)": "timestamp",
}


class Duck:
    """DuckDB in this process."""

    dialect = "duckdb"

    def answer(self, query: str, **tables: pl.DataFrame) -> list[tuple]:
        """Run a query on tables, by their names."""
        with duckdb.connect() as connection:
            for name, frame in tables.items():
                connection.register(name, frame.to_arrow())
            return connection.execute(query).fetchall()


class Postgres:
    """A server on a socket in a folder of its own."""

    dialect = "postgres"

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def answer(self, query: str, **tables: pl.DataFrame) -> list[tuple]:
        """Run a query on temporary tables, by their names."""
        with psycopg.connect(host=str(self.folder), user="postgres", dbname="postgres") as client:
            for name, frame in tables.items():
                _fill(client, name, frame)
            return client.execute(query).fetchall()


def _fill(client: psycopg.Connection, name: str, frame: pl.DataFrame) -> None:
    columns = [(_quoted(each), _TYPES[str(kind)]) for each, kind in frame.schema.items()]
    declared = ", ".join(f"{each} {kind}" for each, kind in columns)
    client.execute(f"CREATE TEMPORARY TABLE {_quoted(name)} ({declared})")
    names = ", ".join(each for each, _ in columns)
    with client.cursor().copy(f"COPY {_quoted(name)} ({names}) FROM STDIN") as copy:
        for row in frame.iter_rows():
            copy.write_row(row)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@contextlib.contextmanager
def postgres_server() -> Iterator[Postgres]:
    """Start Debian's server, which refuses to be run by root, and stop it at the end."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("no PostgreSQL server here: make postgres")
    programs = found[-1].parent
    person = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
    folder = Path(tempfile.mkdtemp(prefix="pg"))  # the path of a socket has at most 107 bytes
    if person:
        shutil.chown(folder, **person)

    def run(program: str, *words: str) -> None:
        command = [programs / program, "-D", folder / "data", *words]
        subprocess.run(
            command, check=True, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            env={"LC_ALL": "C.UTF-8"}, **person,
        )  # fmt: skip

    settings = f"-k {folder} -c listen_addresses= -c fsync=off -c shared_buffers=16MB"
    try:
        run("initdb", "--no-sync", "-A", "trust", "-U", "postgres")
        run("pg_ctl", "-w", "-l", str(folder / "log"), "-o", settings, "start")
        try:
            yield Postgres(folder)
        finally:
            run("pg_ctl", "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
