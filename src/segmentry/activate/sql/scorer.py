"""One statement that scores users in a database as the model of a run does."""

import difflib
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from segmentry.errors import ConfigError, OutputError, SelectionError
from segmentry.results.run_folder import read_bundle, read_schema
from segmentry.results.scoring import Bundle
from segmentry.results.summary import read_summary
from segmentry.runtime.preload import require
from segmentry.runtime.temporary import written_whole

DIALECTS = (
    "duckdb",
    "postgres",
    "bigquery",
    "snowflake",
    "spark",
    "databricks",
    "redshift",
    "trino",
    "clickhouse",
    "mysql",
)


def export_sql(
    run_dir: Path,
    *,
    dialect: str,
    is_of_rules: bool = False,
    tables: Mapping[str, str] | None = None,
    columns: Mapping[str, str] | None = None,
    out: Path | None = None,
    overwrite: bool = False,
) -> str:
    """Write a query that gives each user of a table the segment that `score` gives.

    Parameters
    ----------
    run_dir : Path
    dialect : str
        One of `DIALECTS`.
    is_of_rules : bool
        The readable rules of the report instead of the model: nearly the same segments.
    tables : mapping, optional
        Name of the table by its role, ``users``, as ``schema.table``.
    columns : mapping, optional
        Name of a column by segmentry's own, where it is another.
    out : Path, optional
        File to write.
    overwrite : bool
        Replace the file if it exists.

    Returns
    -------
    str
        The query. Its columns are ``user_id, segment_id, segment_name, margin, expected_rate``, one
        row per user of the table; users of no segment have id 0.

    Raises
    ------
    BundleError
        If the run folder cannot be read.
    ConfigError
        If the dialect, a role or a column is unknown.
    SelectionError
        If no query can place users as the model does.
    MissingExtraError
        If sqlglot is not installed.
    OutputError
        If the file exists or cannot be written.
    """
    require("sqlglot", extra="sql")
    _check_known(dialect, DIALECTS, option="--dialect")
    if out is not None and out.exists() and not overwrite:
        raise OutputError(f"{out}: exists; choose another --out or add --overwrite")
    made = _rules if is_of_rules else _scorer
    sql = made(run_dir, dialect, tables or {}, columns or {})
    if out is not None:
        with written_whole(out) as partial:
            partial.write_text(sql, encoding="utf-8")
    return sql


def _check_known(given: str, known: tuple[str, ...], *, option: str) -> None:
    if given not in known:
        near = difflib.get_close_matches(given, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(known)}"
        raise ConfigError(f"{option} {given!r}: unknown; {hint}")


def _scorer(
    run_dir: Path, dialect: str, tables: Mapping[str, str], columns: Mapping[str, str]
) -> str:
    summary = read_summary(run_dir)
    rates = {
        each.segment_id: each.expected_rate.value
        for each in summary.segments
        if each.expected_rate.value is not None
    }
    return score_sql(
        read_bundle(run_dir),
        dialect=dialect,
        types=read_schema(run_dir, "users.parquet"),
        rates=rates,
        tables=tables,
        columns=columns,
    )


def score_sql(
    bundle: Bundle,
    *,
    dialect: str,
    types: Mapping[str, pl.DataType],
    rates: Mapping[int, float],
    tables: Mapping[str, str],
    columns: Mapping[str, str],
) -> str:
    """Return the query of a model; `types` are of the columns of the user table.

    `rates` are what segments are expected to do on later days, where known; the others are as in
    `export_sql`.
    """
    from segmentry.activate.sql._statement import statement_of, written
    from segmentry.activate.sql._steps import Inputs, steps_of, why_not
    from segmentry.activate.sql._trees import column, table_named

    reason = why_not(bundle)
    if reason:
        raise SelectionError(f"no query scores as this model does: {reason}")
    for role in tables:
        _check_known(role, ("users",), option="--table")
    for each in columns:
        _check_known(each, tuple(types), option="--column")
    inputs = Inputs(
        table=table_named(tables.get("users", "users")),
        read=lambda feature: column(columns.get(feature, feature)),
        types=types,
    )
    tree = statement_of(steps_of(bundle, inputs), names=bundle.names, rates=rates)
    heading = (
        f"The segments that segmentry found, for {dialect}: one row per user of the table,",
        "segment 0 for users of no segment.",
    )
    return written(tree, dialect, heading=heading)


def _rules(
    run_dir: Path, dialect: str, tables: Mapping[str, str], columns: Mapping[str, str]
) -> str:
    from segmentry.activate.sql._statement import rules_of, written
    from segmentry.activate.sql._trees import table_named

    decisions = read_summary(run_dir).decisions
    rules = None if decisions is None else decisions.rules
    if rules is None:
        raise SelectionError(f"{run_dir}: the run has no rules; run it again")
    if columns:
        raise ConfigError("--column: expected without --rules, which read the user table as is")
    tree = rules_of(rules.sql, table=table_named(tables.get("users", "users")))
    heading = (
        f"The segments by rules on raw units, without the model, for {dialect}.",
        f"They find the segment of {rules.fidelity:.1%} of the users of the run.",
    )
    return written(tree, dialect, heading=heading)
