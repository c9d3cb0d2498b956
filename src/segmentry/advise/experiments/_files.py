"""The files of a test that people bring: who was assigned, and what they did."""

from pathlib import Path

import polars as pl

from segmentry.advise.experiments._assignment import ARMS
from segmentry.errors import SchemaError
from segmentry.ingest.user_files import as_ids, read_user_file

_OTHER_NAMES = {
    "user_id": ("user", "userid"),
    "n_impressions": ("impressions",),
    "n_clicks": ("clicks",),
    "is_click": ("clk", "click"),
}


def read_assignment(path: Path, kind: pl.DataType) -> pl.DataFrame:
    """Return ``user_id, segment_id, is_treated``, one row per user; ids are of the run's kind."""
    given = read_user_file(path, ["user_id", "segment_id", "arm"], other_names=_OTHER_NAMES)
    rows = given.select(
        as_ids(given["user_id"], like=kind, source=str(path)),
        _whole(given["segment_id"], "segment_id", path),
        pl.col("arm").cast(pl.String).str.strip_chars(),
    )
    wrong = rows.filter(~pl.col("arm").is_in(ARMS) | pl.col("arm").is_null())["arm"]
    if wrong.len():
        raise SchemaError(f"{path}: found arm {wrong[0]!r}, expected {' or '.join(ARMS)}")
    _refuse_twice(rows, path)
    is_treated = (pl.col("arm") == ARMS[1]).cast(pl.Int64)
    return rows.select("user_id", "segment_id", is_treated.alias("is_treated"))


def read_results(path: Path, kind: pl.DataType) -> pl.DataFrame:
    """Return ``user_id, n_impressions, n_clicks`` per user, from such counts or from a log."""
    given = read_user_file(
        path,
        ["user_id"],
        optional=["n_impressions", "n_clicks", "is_click"],
        other_names=_OTHER_NAMES,
    )
    ids = as_ids(given["user_id"], like=kind, source=str(path))
    if {"n_impressions", "n_clicks"} <= set(given.columns):
        n, c = (_whole(given[name], name, path) for name in ("n_impressions", "n_clicks"))
        rows = pl.DataFrame({"user_id": ids, "n_impressions": n, "n_clicks": c})
        _refuse_twice(rows, path)
    elif "is_click" in given.columns:
        clicks = _whole(given["is_click"], "is_click", path)
        if bool((clicks > 1).any()):
            raise SchemaError(f"{path}: found is_click above 1, expected 0 or 1")
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
            f"{path}: found {', '.join(given.columns)}; expected user_id, n_impressions and "
            "n_clicks, or a log with user_id and is_click"
        )
    wrong = rows.filter(pl.col("n_clicks") > pl.col("n_impressions"))
    if wrong.height:
        raise SchemaError(
            f"{path}: {wrong.height:,} users have more clicks than impressions (first: "
            f"{wrong['user_id'][0]}); expected at most as many"
        )
    return rows


def _whole(values: pl.Series, name: str, path: Path) -> pl.Series:
    numbers = values if values.dtype.is_numeric() else values.cast(pl.Float64, strict=False)
    whole = numbers.cast(pl.Int64, strict=False).alias(name)
    if whole.null_count() or bool((whole < 0).any()) or bool((whole != numbers).any()):
        raise SchemaError(
            f"{path}: column {name!r} holds something else than whole numbers from 0; fix it"
        )
    return whole


def _refuse_twice(rows: pl.DataFrame, path: Path) -> None:
    twice = rows.filter(pl.col("user_id").is_duplicated())
    if twice.height:
        raise SchemaError(
            f"{path}: user {twice['user_id'].sort()[0]} occurs more than once; expected one row "
            "per user"
        )
