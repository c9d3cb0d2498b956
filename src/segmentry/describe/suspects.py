"""Who may not be what a user is taken for: bots with most of the clicks, one person twice."""

from collections.abc import Iterator

import polars as pl

from segmentry.evaluation.later_days import Validation

__all__ = ["warn_of_suspects"]

_MOST_CLICKS = 0.2
_ONE_IN = 1_000
_MOST_COPIES = 0.05
_LEAST_COMPARED = 100


def warn_of_suspects(table: pl.DataFrame, truth: Validation | None) -> Iterator[str]:
    """Say where few users have many of the clicks, and where users are copies of one another.

    Parameters
    ----------
    table : DataFrame, (n_users, ...)
        User table of all days.
    truth : Validation or None
    """
    if {"n_clicks", "n_impressions"} <= set(table.columns):
        yield from _of_clicks(table)
    if truth is None:
        return
    found = truth.copied
    if found.n_compared >= _LEAST_COMPARED and found.n_copied >= _MOST_COPIES * found.n_compared:
        yield (
            f"{found.n_copied / found.n_compared:.0%} of the users with many impressions have, on "
            "every day, exactly the impressions and clicks of another user: perhaps one person "
            "under several ids. Intervals and verdicts take users to be independent and are then "
            "too sure."
        )


def _of_clicks(table: pl.DataFrame) -> Iterator[str]:
    clicks = table.filter(pl.col("n_impressions") > 0)["n_clicks"].fill_null(0)
    n_clicks, n_most = int(clicks.sum()), max(1, round(clicks.len() / _ONE_IN))
    share = int(clicks.top_k(n_most).sum()) / n_clicks if n_clicks else 0.0
    if share < _MOST_CLICKS:
        return
    who = "One user has" if n_most == 1 else f"{n_most:,} users, one in {_ONE_IN:,}, have"
    yield (
        f"{who} {share:.0%} of all clicks: perhaps bots. Click rates, and verdicts on them, are "
        "then theirs and not of people."
    )
