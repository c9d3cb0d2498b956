"""A run as a star: three tables of facts, three of dimensions, of plain types alone."""

import datetime as dt
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from segmentry.present.figures import segment_colour
from segmentry.privacy import published_ids
from segmentry.results.run_folder import read_table
from segmentry.results.summary import Summary, read_summary
from segmentry.schema import UNASSIGNED

WHOLE_SEGMENT = "(whole segment)"
"""What stands for a feature where a statistic is about the segment as a whole."""
_DAY = 86_400
_SEGMENT_COLUMNS = {
    "segment_id": pl.Int64(),
    "segment_name": pl.String(),
    "colour": pl.String(),
    "verdict": pl.String(),
    "n_users": pl.Int64(),
    "share": pl.Float64(),
    "n_impressions": pl.Int64(),
    "n_clicks": pl.Int64(),
    "ctr_seen": pl.Float64(),
    "ctr_seen_low": pl.Float64(),
    "ctr_seen_high": pl.Float64(),
    "ctr_index": pl.Float64(),
    "ctr_expected": pl.Float64(),
    "ctr_expected_low": pl.Float64(),
    "ctr_expected_high": pl.Float64(),
    "mean_silhouette": pl.Float64(),
}


def star_tables(run_dir: Path) -> Mapping[str, pl.DataFrame]:
    """Return the tables of a run as a star, by name.

    These are ``fact_user_segment``, ``fact_segment_metric``, ``fact_selection``, ``dim_segment``,
    ``dim_feature``, ``dim_date``; columns are int64, double, string or date. ``as_of_date`` of the
    facts is the last day of the window; null where a run has none.

    Raises BundleError if the folder is not a run of this version, or a table of it is gone.
    """
    summary = read_summary(run_dir)
    days = _days(summary)
    as_of = pl.lit(days[-1] if days else None, dtype=pl.Date).alias("as_of_date")
    return {
        "fact_user_segment": _user_segments(run_dir, summary).with_columns(as_of),
        "fact_segment_metric": _metrics(run_dir).with_columns(as_of),
        "fact_selection": _selection(run_dir).with_columns(as_of),
        "dim_segment": _segments(summary),
        "dim_feature": _features(summary),
        "dim_date": _dates(summary, days),
    }


def _user_segments(run_dir: Path, summary: Summary) -> pl.DataFrame:
    """Return one row per user; those of a segment too small to be shown are in the largest one."""
    table = read_table(run_dir, "segments.parquet")
    if summary.decisions is not None:
        ids, _ = published_ids(
            table["segment_id"].cast(pl.Int64).to_numpy(),
            n_segments=len(summary.segments),
            min_size=summary.decisions.min_size,
        )
        table = table.with_columns(pl.Series("segment_id", ids))
    return table.select(
        pl.col("user_id").cast(pl.String),
        pl.col("segment_id").cast(pl.Int64),
        pl.col("margin").cast(pl.Float64),
        pl.col("is_profiled").cast(pl.Int64),
    )


def _metrics(run_dir: Path) -> pl.DataFrame:
    """Return the profiles, the value of all users next to that of the segment."""
    table = read_table(run_dir, "profiles.parquet").with_columns(
        pl.when(pl.col("feature") == "")
        .then(pl.lit(WHOLE_SEGMENT))
        .otherwise(pl.col("feature"))
        .alias("feature")
    )
    keys = ["feature", "statistic"]
    everyone = table.filter(pl.col("segment_id") == UNASSIGNED).select(
        *keys, pl.col("value").alias("population_value")
    )
    own = table.filter(pl.col("segment_id") != UNASSIGNED)
    return own.join(everyone, on=keys, how="left", maintain_order="left").select(
        pl.col("segment_id").cast(pl.Int64),
        *keys,
        *(pl.col(name).cast(pl.Float64) for name in ("value", "low", "high", "population_value")),
    )


def _selection(run_dir: Path) -> pl.DataFrame:
    table = read_table(run_dir, "selection.parquet")
    flags = [pl.col(name).cast(pl.Int64) for name in ("is_selected", "is_knee")]
    scores = (
        "inertia",
        "silhouette",
        "silhouette_low",
        "silhouette_high",
        "squared_silhouette",
        "calinski_harabasz",
        "davies_bouldin",
        "smallest_share",
    )
    return table.select(
        "algorithm",
        pl.col("n_segments").cast(pl.Int64),
        *(pl.col(name).cast(pl.Float64) for name in scores),
        *flags,
        "reason",
    )


def _segments(summary: Summary) -> pl.DataFrame:
    rows: list[tuple[object, ...]] = [
        (UNASSIGNED, "Without a segment", segment_colour(UNASSIGNED), "", *[None] * 12)
    ]
    for s in summary.segments:
        seen, later = s.ctr_seen, s.expected_rate
        rows.append(
            (
                s.segment_id,
                s.name,
                segment_colour(summary.colour_number(s.segment_id)),
                s.verdict,
                s.n_users,
                s.share,
                s.n_impressions,
                s.n_clicks,
                seen.value,
                seen.low,
                seen.high,
                s.ctr_index,
                later.value,
                later.low,
                later.high,
                s.mean_silhouette,
            )
        )
    return pl.DataFrame(rows, schema=_SEGMENT_COLUMNS, orient="row")


def _features(summary: Summary) -> pl.DataFrame:
    rows = [
        (r.name, r.label, r.family, r.unit, r.kind, r.description, r.weight)
        for r in summary.features
    ]
    about = "Statistics of the segment as a whole."
    rows.append((WHOLE_SEGMENT, "the whole segment", "segment", "", "", about, None))
    schema = {
        **dict.fromkeys(("feature", "label", "family", "unit", "kind", "description"), pl.String()),
        "weight": pl.Float64(),
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def _days(summary: Summary) -> list[dt.date]:
    data = summary.data
    if data.starts_at is None or data.ends_at is None:  # a ready user table has no days
        return []
    offset = round(data.utc_offset_hours * 3600)
    first, last = (data.starts_at + offset) // _DAY, (data.ends_at - 1 + offset) // _DAY
    epoch = dt.date(1970, 1, 1)
    return [epoch + dt.timedelta(days=day) for day in range(first, last + 1)]


def _dates(summary: Summary, days: list[dt.date]) -> pl.DataFrame:
    validation, offset = summary.validation, round(summary.data.utc_offset_hours * 3600)
    later = None
    if validation is not None and validation.outcome_starts_at is not None:
        later = dt.date(1970, 1, 1) + dt.timedelta(
            days=(validation.outcome_starts_at + offset) // _DAY
        )
    return pl.DataFrame(
        {
            "date": days,
            "year": [day.year for day in days],
            "month": [day.month for day in days],
            "day": [day.day for day in days],
            "weekday": [f"{day:%A}" for day in days],
            "window": [
                "later days" if later is not None and day >= later else "feature window"
                for day in days
            ],
        },
        schema={
            "date": pl.Date,
            **dict.fromkeys(("year", "month", "day"), pl.Int64),
            "weekday": pl.String,
            "window": pl.String,
        },
    )
