"""One statement that scores users in a database as the model of a run does."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from segmentry.errors import ConfigError, OutputError, SelectionError
from segmentry.results.elsewhere import takes_places
from segmentry.results.run_folder import read_bundle, read_schema
from segmentry.results.scoring import Bundle
from segmentry.results.summary import read_summary
from segmentry.runtime.preload import require
from segmentry.runtime.temporary import written_whole
from segmentry.schema import EVENT_COLUMNS, DataTraits
from segmentry.segments.forming import recipe_named

if TYPE_CHECKING:
    from sqlglot import exp

    from segmentry.activate.sql._trees import Step

STARTS = ("users", "events")
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Requested:
    """What a query is to read, and in which grammar it is to be written."""

    dialect: str
    start: str = "users"
    """One of `STARTS`: the user table, or raw events."""
    tables: Mapping[str, str] = field(default_factory=dict)
    """Name of a table by its role."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Name of a column by segmentry's own, where it is another."""
    are_timestamps: bool = False
    """Whether ``shown_at`` is a timestamp; else it is a whole number of epoch seconds."""


@takes_places(runs=("run_dir",), made={"out": "", "dbt": ""})
def export_sql(
    run_dir: Path,
    requested: Requested,
    *,
    is_of_rules: bool = False,
    out: Path | None = None,
    dbt: Path | None = None,
    overwrite: bool = False,
) -> str:
    """Write a query that gives each user of a table the segment that `score` gives.

    Parameters
    ----------
    run_dir : Path
    requested : Requested
        The dialect, what the query reads, and names.
    is_of_rules : bool
        The readable rules of the report instead of the model: nearly the same segments.
    out : Path, optional
        File to write.
    dbt : Path, optional
        Folder of models of a dbt project, for the query as a model with its tests.
    overwrite : bool
        Replace files that exist.

    Returns
    -------
    str
        The query. Its columns are ``user_id, segment_id, segment_key, segment_name, margin,
        expected_rate``, one row per user; users of no segment have id 0.

    Raises
    ------
    BundleError
        If the run folder cannot be read.
    ConfigError
        If the dialect, a role of a table or a column is unknown.
    SelectionError
        If no query can place users as the model does.
    MissingExtraError
        If sqlglot is not installed.
    OutputError
        If the file exists or cannot be written.
    """
    require("sqlglot", extra="sql")
    _check_known(requested.dialect, DIALECTS, option="--dialect")
    _check_known(requested.start, STARTS, option="--from")
    if dbt is not None and is_of_rules:
        raise ConfigError("--dbt: found --rules too; expected one of them")
    if out is not None and out.exists() and not overwrite:
        raise OutputError(f"{out}: exists; choose another --out or add --overwrite")
    sql = (_rules if is_of_rules else _scorer)(run_dir, requested)
    if dbt is not None:
        from segmentry.activate.sql._dbt import write_dbt

        bundle = read_bundle(run_dir)
        keys = None if bundle.keys is None else bundle.keys.keys
        write_dbt(dbt, sql, n_segments=len(bundle.names), keys=keys, overwrite=overwrite)
    if out is not None:
        with written_whole(out) as partial:
            partial.write_text(sql, encoding="utf-8")
    return sql


def _check_known(given: str, known: tuple[str, ...], *, option: str) -> None:
    if given not in known:
        near = difflib.get_close_matches(given, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(known)}"
        raise ConfigError(f"{option} {given!r}: unknown; {hint}")


def _scorer(run_dir: Path, requested: Requested) -> str:
    summary = read_summary(run_dir)
    rates = {
        each.segment_id: each.expected_rate.value
        for each in summary.segments
        if each.expected_rate.value is not None
    }
    return score_sql(
        read_bundle(run_dir),
        requested,
        types=read_schema(run_dir, "users.parquet"),
        rates=rates,
        traits=summary.traits,
    )


def score_sql(
    bundle: Bundle,
    requested: Requested,
    *,
    types: Mapping[str, pl.DataType],
    rates: Mapping[int, float],
    traits: DataTraits,
) -> str:
    """Return the query of a model.

    `types` are of the columns of the user table, `rates` what segments are expected to do on later
    days, where known, `traits` those of the data of the run.
    """
    from segmentry.activate.sql._statement import statement_of, written
    from segmentry.activate.sql._steps import Inputs, steps_of, why_not
    from segmentry.activate.sql._trees import column

    reason = why_not(bundle) or (why_not_from_events(bundle) if requested.start == "events" else "")
    if reason:
        raise SelectionError(f"no query scores as this model does: {reason}")
    if requested.start == "users":
        (table,) = _tables(requested, ("users",)).values()
        _check_all(requested.columns, tuple(types), option="--column")
        inputs = Inputs(table, lambda name: column(requested.columns.get(name, name)), types)
        before = []
    else:
        before = _from_events(bundle, requested, traits, types)
        inputs = Inputs(before[-1][0], column, types)
    steps = [*before, *steps_of(bundle, inputs)]
    keys = None if bundle.keys is None else bundle.keys.keys
    tree = statement_of(
        steps, keys=keys, names=bundle.names, rates=rates, are_cells=bundle.cells is not None
    )
    heading = (
        f"The segments that segmentry found, for {requested.dialect}: one row per user,",
        "segment 0 for users of no segment.",
    )
    return written(tree, requested.dialect, heading=heading)


def _tables(requested: Requested, roles: tuple[str, ...]) -> "dict[str, exp.Table]":
    from segmentry.activate.sql._trees import table_named

    _check_all(requested.tables, roles, option="--table")
    return {role: table_named(requested.tables.get(role, role)) for role in roles}


def _check_all(given: Iterable[str], known: tuple[str, ...], *, option: str) -> None:
    for each in given:
        _check_known(each, known, option=option)


def why_not_from_events(bundle: Bundle) -> str:
    """Return why the features of a model do not follow of events in SQL, or nothing."""
    from segmentry.activate.sql._events import LOG_NAMES

    if recipe_named(bundle.recipe).population == "all":
        return "its users were read from a ready table; use --from users"
    known = {*LOG_NAMES, *(each.name for each in bundle.attributes)}
    others = [each for each in bundle.columns if each not in known]
    if others:
        return f"{others[0]} comes of the behaviour log; use --from users"
    return ""


def _from_events(
    bundle: Bundle, requested: Requested, traits: DataTraits, types: Mapping[str, pl.DataType]
) -> "list[Step]":
    from segmentry.activate.sql._events import ADS, EVENTS, Log, user_steps
    from segmentry.activate.sql._moments import epoch_seconds

    attributes = [each.name for each in bundle.attributes if each.name in bundle.columns]
    _check_all(requested.columns, (*EVENTS, *ADS, *attributes), option="--column")
    log = Log(
        tables=_tables(requested, ("events", "ads", "profiles")),
        called=lambda name: requested.columns.get(name, name),
        moment=partial(
            epoch_seconds, dialect=requested.dialect if requested.are_timestamps else ""
        ),
        amounts=[each for each in EVENT_COLUMNS if f"{each}_sum" in types],
        has_time=traits.has_time,
        has_clicks=traits.has_clicks,
        checks_not_clicked="is_not_click" in requested.columns,
        has_profiles=bool(attributes) or recipe_named(bundle.recipe).population == "profiled",
    )
    return user_steps(bundle, log)


def _rules(run_dir: Path, requested: Requested) -> str:
    from segmentry.activate.sql._statement import rules_of, written

    decisions = read_summary(run_dir).decisions
    rules = None if decisions is None else decisions.rules
    if rules is None:
        raise SelectionError(f"{run_dir}: the run has no rules; run it again")
    if requested.columns or requested.start != "users":
        raise ConfigError(
            "--rules: the rules read the user table as is, without --column or --from"
        )
    (table,) = _tables(requested, ("users",)).values()
    heading = (
        f"The segments by rules on raw units, without the model, for {requested.dialect}.",
        f"They find the segment of {100 * rules.fidelity:.1f} % of the users of the run.",
    )
    return written(rules_of(rules.sql, table=table), requested.dialect, heading=heading)
