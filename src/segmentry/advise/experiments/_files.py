"""What a test of a metric takes of a run folder and of files: days for a plan, results, history."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from segmentry.advise.experiments._assignment import arm_names
from segmentry.advise.experiments._metrics import cap_of, mean_traffic, winsorised_traffic
from segmentry.advise.experiments._power import explained_share
from segmentry.errors import ConfigError, DataError, SchemaError
from segmentry.evaluation.later_days import Traffic
from segmentry.ingest.files import FLAGS, inspect_file
from segmentry.ingest.ids import other_spelling
from segmentry.ingest.user_files import as_ids, as_numbers, read_user_file
from segmentry.results.run_folder import read_early, read_if_there, read_user_table
from segmentry.results.summary import read_summary
from segmentry.schema import MICRO
from segmentry.schema.arrays import FloatMatrix

CTR = "ctr"
VALUE = "value"
"""The metric that is winsorised: a few users have most of it."""
_OTHER_NAMES: Mapping[str, tuple[str, ...]] = {
    VALUE: ("revenue", "amount"),
    "user_id": ("user", "userid"),
}
_EXPECTED = "numbers from 0"
_NAMED = {"clicks": "n_clicks", "purchases": "n_purchases", "views": "n_views"}


def read_days(
    run_dir: Path, metric: str, history: Path | None, kind: pl.DataType
) -> tuple[pl.DataFrame, int]:
    """Return ``user_id, day, y`` of the days on which users did something, and how many days.

    They are of the `history`, a file with ``user_id``, ``day`` and the metric, else of the run.

    Raises ConfigError if the run has no such counts.
    """
    if history is not None:
        given = read_user_file(history, ["user_id", "day", metric], other_names=_names_of(metric))
        days = given.select(
            as_ids(given["user_id"], like=kind, source=str(history)),
            pl.col("day").cast(pl.String),
            as_numbers(given[metric], source=str(history), expected=_EXPECTED).alias("y"),
        )
        return _summed(days, "day"), days["day"].n_unique()
    early, summary = read_early(run_dir), read_summary(run_dir)
    shown = pl.DataFrame() if early is None else early[1]
    n_days = shown["day"].n_unique() if shown.width else 0
    found = None
    if shown.width:
        name = {"clicks": "n_clicks", VALUE: VALUE, "events": "n_impressions"}.get(metric, "")
        if metric == "purchases" and not summary.traits.has_clicks:
            name = "n_impressions"
        if name in shown.columns and (metric != "clicks" or summary.traits.has_clicks):
            found = shown.select("user_id", "day", pl.col(name).cast(pl.Float64).alias("y"))
            if metric == VALUE:
                found = found.with_columns(pl.col("y") / MICRO)
    behaviours = read_if_there(run_dir / "validation" / "behaviour_days.parquet")
    if found is None and behaviours is not None and _NAMED.get(metric) in behaviours.columns:
        inside = pl.col("day").is_in(shown["day"].unique().to_list())
        y = pl.col(_NAMED[metric]).cast(pl.Float64).alias("y")
        found = behaviours.filter(inside).select("user_id", "day", y).drop_nulls()
    if found is None or n_days < 2:
        raise ConfigError(
            f"--metric {metric}: {run_dir} has no days with it; expected one of ctr, clicks, "
            "events, purchases and value that its log has; or add --history FILE with user_id, "
            f"day and {metric}"
        )
    return _summed(found.filter(pl.col("y") > 0), "day"), n_days


def metric_rows(
    days: pl.DataFrame,
    n_days: int,
    users: pl.DataFrame,
    names: Sequence[tuple[int | None, str]],
    *,
    winsorised_for: float | None = None,
) -> tuple[list[tuple[int | None, str, Traffic, float]], float | None]:
    """Measure the traffic of all users, ``user_id, segment_id``, and of each segment.

    With each comes the share of the variance of the second half of the days that the first half
    explains. Returned is too where totals of users are winsorised.

    A metric is winsorised where the lift that a test should find in it is given: limits are those
    of the test, of as many users with the lift as without it.
    """
    rows = []
    index = users.with_row_index("index").select("user_id", pl.col("index").cast(pl.Int64))
    joined = days.join(index, on="user_id", how="inner")
    order = joined["day"].unique().sort()
    is_late = joined["day"].is_in(order[order.len() // 2 :].to_list()).to_numpy()
    strata = users["segment_id"].to_numpy().astype(np.int64)
    place, y = joined["index"].to_numpy(), joined["y"].to_numpy()
    early, late = (
        np.bincount(place[part], weights=y[part], minlength=users.height).astype(np.float64)
        for part in (~is_late, is_late)
    )
    part = n_days * (order.len() // 2) / max(1, order.len())
    spans = [(float(n_days), early + late), (part, early), (n_days - part, late)]
    lift, capped = winsorised_for or 0.0, []
    for n, totals in spans if lift else ():
        if (cap := cap_of(np.concatenate([totals, (1 + lift) * totals]))) is not None:
            capped.append((n, totals, cap))
    for segment_id, name in names:
        is_in = np.ones(users.height, dtype=bool) if segment_id is None else strata == segment_id
        renumbered = np.cumsum(is_in) - 1
        own = is_in[place]
        n_users = int(is_in.sum())
        traffic = mean_traffic(renumbered[place[own]], y[own], n_users=n_users, n_days=n_days)
        after = late[is_in]
        if capped:
            traffic = winsorised_traffic(
                traffic, [(n, totals[is_in], cap) for n, totals, cap in capped], lift=lift
            )
            after = np.minimum(after, capped[-1][2])
        share = explained_share(
            after,
            np.ones(n_users, dtype=np.int64),
            before=(early[is_in],),
            strata=strata[is_in],
        )
        rows.append((segment_id, name, traffic, share))
    return rows, cap_of(early + late) if lift else None


def read_metric(path: Path, metric: str, kind: pl.DataType) -> pl.DataFrame:
    """Return ``user_id, y``: what each user of a file did; several rows of a user are added up.

    Raises SchemaError if the file lacks the metric, or it holds anything but numbers from 0.
    """
    given = read_user_file(path, ["user_id", metric], other_names=_names_of(metric))
    ids = as_ids(given["user_id"], like=kind, source=str(path))
    numbers = as_numbers(given[metric], source=str(path), expected=_EXPECTED)
    return _summed(pl.DataFrame({"user_id": ids, "y": numbers}))


def before_of(run_dir: Path, metric: str, users: pl.Series) -> FloatMatrix:
    """Return what users did before a test, as far as the run knows it, shape (n_users, n_columns).

    Users that the run does not know did nothing.
    """
    table = read_user_table(run_dir)
    own = "value_sum" if metric == VALUE else _NAMED.get(metric, metric)
    names = [name for name in ("n_impressions", own) if name in table.columns]
    known = users.to_frame("user_id").join(
        table.select("user_id", *names), on="user_id", how="left", maintain_order="left"
    )
    columns = [known[name].cast(pl.Float64).fill_null(0).to_numpy() for name in names]
    if metric == VALUE:
        columns = [np.minimum(column, cap_of(column) or 0.0) for column in columns]
    found: FloatMatrix = np.stack(columns, axis=1) if columns else np.zeros((users.len(), 0))
    return found


def _names_of(metric: str) -> dict[str, tuple[str, ...]]:
    own = (_NAMED.get(metric, f"n_{metric}"), *_OTHER_NAMES.get(metric, ()))
    return {**_OTHER_NAMES, metric: own}


def _summed(rows: pl.DataFrame, *keys: str) -> pl.DataFrame:
    return rows.group_by("user_id", *keys).agg(pl.col("y").sum()).sort("user_id", *keys)


_LOG_NAMES = {
    "user_id": ("user", "userid"),
    "n_impressions": ("impressions",),
    "n_clicks": ("clicks",),
    "is_click": ("clk", "click"),
}


def outside_notes(path: Path, users: pl.Series, assigned: pl.Series) -> list[str]:
    """Say how many users of a file are left out, and how their ids are written if that is why.

    Raises DataError if none is in the assignment.
    """
    outside, absent = (
        one.filter(~one.is_in(other.implode()))
        for one, other in ((users, assigned), (assigned, users))
    )
    if not outside.len():
        return []
    n_alike, cause = other_spelling(outside, absent)
    why = f" {n_alike:,} of them are, but for {cause}." if n_alike else ""
    if outside.len() == users.len():
        raise DataError(
            f"{path}: none of its {users.len():,} users is in the assignment; check the ids.{why}"
        )
    text = f"{outside.len():,} of {users.len():,} users of {path.name}"
    return [f"{text} are not in the assignment; they are left out.{why}"]


def read_assignment(
    path: Path, kind: pl.DataType, *, n_arms: int
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Return ``user_id, segment_id, arm``, one row per user, and the names of the arms.

    An arm is its place among the names: 0 is control. Ids are of the run's kind.
    """
    given = read_user_file(path, ["user_id", "segment_id", "arm"], other_names=_LOG_NAMES)
    rows = given.select(
        as_ids(given["user_id"], like=kind, source=str(path)),
        _whole(given["segment_id"], "segment_id", path),
        pl.col("arm").cast(pl.String).str.strip_chars(),
    )
    names = arm_names(n_arms)
    wrong = rows.filter(~pl.col("arm").is_in(names) | pl.col("arm").is_null())["arm"]
    if wrong.len():
        raise SchemaError(f"{path}: found arm {wrong[0]!r}, expected {' or '.join(names)}")
    _refuse_twice(rows, path)
    places = pl.col("arm").replace_strict(names, range(n_arms), return_dtype=pl.Int64)
    return rows.with_columns(places), names


def read_results(path: Path, kind: pl.DataType) -> pl.DataFrame:
    """Return ``user_id, n_impressions, n_clicks`` per user, from such counts or from a log."""
    given = read_user_file(
        path,
        ["user_id"],
        optional=["n_impressions", "n_clicks", "is_click"],
        other_names=_LOG_NAMES,
    )
    ids = as_ids(given["user_id"], like=kind, source=str(path))
    if {"n_impressions", "n_clicks"} <= set(given.columns):
        n, c = (_whole(given[name], name, path) for name in ("n_impressions", "n_clicks"))
        rows = pl.DataFrame({"user_id": ids, "n_impressions": n, "n_clicks": c})
        _refuse_twice(rows, path)
    elif "is_click" in given.columns:
        clicks = _flags(given["is_click"], path)
        rows = (
            pl.DataFrame({"user_id": ids, "is_click": clicks})
            .group_by("user_id")
            .agg(
                pl.len().cast(pl.Int64).alias("n_impressions"),
                pl.col("is_click").sum().alias("n_clicks"),
            )
        )
    else:
        raise SchemaError(
            f"{path}: found {', '.join(inspect_file(path).all_names)}; expected user_id, "
            "n_impressions and n_clicks, or a log with user_id and is_click"
        )
    wrong = rows.filter(pl.col("n_clicks") > pl.col("n_impressions"))
    if wrong.height:
        raise SchemaError(
            f"{path}: {wrong.height:,} users have more clicks than impressions (first: "
            f"{wrong['user_id'][0]}); expected at most as many"
        )
    return rows


def _flags(values: pl.Series, path: Path) -> pl.Series:
    """Read yes and no as a mapping reads them."""
    words = values.cast(pl.String).str.strip_chars().str.to_lowercase()
    flags = words.replace_strict(dict(FLAGS), default=None, return_dtype=pl.Int64)
    strange = values.filter(flags.is_null())
    if strange.len():
        found = "nothing" if strange[0] is None else repr(strange[0])
        raise SchemaError(
            f"{path}: found {found} for a click; expected 0 and 1, true and false, yes and no"
        )
    return flags


def _whole(values: pl.Series, name: str, path: Path) -> pl.Series:
    expected = "whole numbers from 0"
    numbers = as_numbers(values, source=str(path), expected=expected)
    whole = numbers.cast(pl.Int64, strict=False).alias(name)
    strange = values.filter((whole != numbers).fill_null(value=True))
    if strange.len():
        raise SchemaError(
            f"{path}: column {name!r} holds {strange[0]!r}, expected {expected}; write them "
            "without decimals and thousands signs"
        )
    return whole


def _refuse_twice(rows: pl.DataFrame, path: Path) -> None:
    twice = rows.filter(pl.col("user_id").is_duplicated())
    if twice.height:
        raise SchemaError(
            f"{path}: user {twice['user_id'].sort()[0]} occurs more than once; expected one row "
            "per user"
        )
