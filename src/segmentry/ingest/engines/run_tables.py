"""Few rows out of the large tables of a run folder: DuckDB on the Parquet, never loaded whole."""

from pathlib import Path

import polars as pl

from segmentry.errors import DataError, EngineError
from segmentry.ingest.engines._streams import rows_of
from segmentry.ingest.quoting import quoted_name

_MEMORY = "200MB"


def find_user(file: Path, user_id: str) -> pl.DataFrame:
    """Return the row of a user, whose id is as people type it, or no row.

    In a file that is sorted by ``user_id`` it is found at once.

    Raises EngineError if the file cannot be read.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "users.parquet"
    >>> pl.DataFrame({"user_id": [7, 8], "n": [1, 2]}).write_parquet(file)
    >>> find_user(file, "8")["n"].to_list(), find_user(file, "x").height
    ([2], 0)
    """
    query = "SELECT * FROM read_parquet($file) WHERE user_id = {} LIMIT 1"
    kind = _type_of(file)
    if kind == "VARCHAR":
        return _run(query.format("$user"), file, user=user_id)
    try:
        number = int(user_id)
    except ValueError:
        number = 2**63
    wanted = f"{number}::BIGINT" if -(2**63) <= number < 2**63 else "NULL"
    return _run(query.format(wanted), file)


def sample_users(file: Path, *, n_users: int) -> pl.DataFrame:
    """Return about `n_users` rows, chosen by a hash of the id: the same at every call.

    Raises EngineError if the file cannot be read.
    """
    step = max(1, _n_rows(file) // max(1, n_users))
    return _run(
        f"SELECT * FROM read_parquet($file) WHERE hash(user_id) % {step} = 0"  # noqa: S608  # whole numbers
        f" ORDER BY hash(user_id) LIMIT {int(n_users)}",
        file,
    )


def pick_users(file: Path, places: Path, *, n_users: int) -> pl.DataFrame:
    """Return about `n_users` rows of those that are in a smaller table too, with what it says.

    The users are chosen by a hash of the id from `places`, of columns ``user_id, x, y``; the answer
    has the columns of `file`, and ``place_x, place_y``.

    Raises EngineError if a file cannot be read, or ids are numbers in one and text in the other.

    >>> import tempfile
    >>> home = Path(tempfile.mkdtemp())
    >>> pl.DataFrame({"user_id": [7, 8], "n": [1, 2]}).write_parquet(home / "a.parquet")
    >>> pl.DataFrame({"user_id": [8], "x": [0.5], "y": [1.5]}).write_parquet(home / "b.parquet")
    >>> pick_users(home / "a.parquet", home / "b.parquet", n_users=10).row(0)
    (8, 2, 0.5, 1.5)
    """
    step = max(1, _n_rows(places) // max(1, n_users))
    return _run(
        "SELECT * FROM read_parquet($file) JOIN ("  # noqa: S608  # whole numbers
        "SELECT user_id, x AS place_x, y AS place_y FROM read_parquet($places)"
        f" WHERE hash(user_id) % {step} = 0 ORDER BY hash(user_id) LIMIT {int(n_users)}"
        ") USING (user_id) ORDER BY hash(user_id)",
        file,
        places=str(places),
    )


def top_users(file: Path, *, segment_id: int, by: str, n_users: int) -> pl.DataFrame:
    """Return the users of a segment with the largest values of a column; ties by id.

    Raises EngineError if the file cannot be read or lacks a column.
    """
    return _run(
        f"SELECT * FROM read_parquet($file) WHERE segment_id = {int(segment_id)}"  # noqa: S608  # quoted
        f" ORDER BY {quoted_name(by)} DESC NULLS LAST, user_id LIMIT {int(n_users)}",
        file,
    )


def count_moves(before: Path, after: Path) -> pl.DataFrame:
    """Count users by their segment in two tables of segments, null where a user is in one only.

    The answer has the columns ``before, after, n_users`` and is sorted by them.

    Raises EngineError if a file cannot be read, and DataError if ids are numbers in one and text in
    the other.
    """
    are_text = [_type_of(each) == "VARCHAR" for each in (before, after)]
    if are_text[0] != are_text[1]:
        text, numbers = (before, after) if are_text[0] else (after, before)
        raise DataError(
            f"{text.parent.name}: user ids are text, those of {numbers.parent.name} are numbers; "
            "expected runs of the same users"
        )
    query = (
        "SELECT one.segment_id AS before, other.segment_id AS after, count(*) AS n_users"
        " FROM read_parquet($file) AS one FULL JOIN read_parquet($other) AS other USING (user_id)"
        " GROUP BY ALL ORDER BY ALL"
    )
    return _run(query, before, other=str(after))


def _n_rows(file: Path) -> int:
    """Return the number of rows, from the footer of the file alone."""
    return int(_run("SELECT count(*) AS n FROM read_parquet($file)", file)["n"][0])


def _type_of(file: Path) -> str:
    found = _run("SELECT typeof(user_id) AS kind FROM read_parquet($file) LIMIT 1", file)
    return str(found["kind"][0]) if found.height else "BIGINT"


def _run(query: str, file: Path, **values: str) -> pl.DataFrame:
    import duckdb  # here: the dashboard opens before

    try:
        with duckdb.connect(config={"memory_limit": _MEMORY, "threads": 2}) as connection:
            found = connection.sql(query, params={"file": str(file), **values})
            return rows_of(found)
    except duckdb.Error as error:
        cause = " ".join(str(error).split())
        raise EngineError(engine="duckdb", step=f"reading {file}", cause=cause) from error
