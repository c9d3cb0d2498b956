"""Expressions of events that several counts take, over the canonical tables."""

import narwhals.stable.v2 as nw

from segmentry.schema import SECONDS_PER_DAY, Window


def within(window: Window, *, at: str = "shown_at") -> nw.Expr:
    """Whether an event lies in the window."""
    return (nw.col(at) >= window.start) & (nw.col(at) < window.end)


def total_of(expression: nw.Expr) -> nw.Expr:
    """Sum in one declared type: DuckDB's sum of integers is Int128, which Parquet has not."""
    return expression.cast(nw.Int64).sum().cast(nw.Int64)


def number_of(condition: nw.Expr) -> nw.Expr:
    """How many rows meet a condition; null counts as no."""
    return total_of(nw.when(condition).then(1).otherwise(0))


def day_of(window: Window, *, at: str = "shown_at") -> nw.Expr:
    """Local day of an event, counted from 1970-01-01."""
    offset = round(window.utc_offset_hours * 3600)
    return ((nw.col(at) + offset) // SECONDS_PER_DAY).cast(nw.Int64).alias("day")


def second_of_day(window: Window, *, at: str = "shown_at") -> nw.Expr:
    """Seconds of an event since local midnight."""
    offset = round(window.utc_offset_hours * 3600)
    return ((nw.col(at) + offset) % SECONDS_PER_DAY).cast(nw.Int64).alias("second_of_day")
