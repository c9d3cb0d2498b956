"""What algorithms are compared on: users by the first days of the feature window, then its last."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from segmentry.features import BEHAVIOUR_FEATURES, LOG_FEATURES, fit_beta_prior, shrink
from segmentry.features.user_days import UserCounts, UserDays
from segmentry.features.windows import local_days, split_window
from segmentry.schema import Window

_COUNTED = ("n_impressions", "n_clicks", "ctr", "ctr_shrunk", "n_active_days", "n_click_days")


@dataclass(frozen=True, slots=True, eq=False)
class InnerDays:
    """The users by the first days of the feature window, and their counts on its last days."""

    table: pl.DataFrame
    later: UserCounts
    caveats: tuple[str, ...]


def counted_again(table: pl.DataFrame, days: UserDays, chosen: Sequence[int]) -> pl.DataFrame:
    """Return the table with what is counted per user and day found again on some days."""
    totals = days.totals(chosen)
    n, c = totals.n_trials, totals.n_successes
    active, clicked = days.active_days(chosen)
    found = {
        "n_impressions": pl.Series(n),
        "n_clicks": pl.Series(c),
        "ctr": pl.Series(np.divide(c, n, out=np.full(n.size, np.nan), where=n > 0)).fill_nan(None),
        "ctr_shrunk": pl.Series(shrink(c, n, fit_beta_prior(c, n))),
        "n_active_days": pl.Series(active),
        "n_click_days": pl.Series(clicked),
        "recency_days": days.days_since(chosen),  # in whole days
    }
    return table.with_columns(**found)


def inner_days(
    table: pl.DataFrame, days: UserDays, window: Window, features: Sequence[str]
) -> InnerDays | None:
    """Split the feature window once more; null where it has one day only."""
    split = split_window(split_window(window).feature)
    if split.outcome is None:
        return None
    not_counted = [
        each.name
        for each in (*LOG_FEATURES, *BEHAVIOUR_FEATURES)
        if each.name not in (*_COUNTED, "recency_days")
    ]
    return InnerDays(
        table=counted_again(table, days, local_days(split.feature)),
        later=days.totals(local_days(split.outcome)),
        caveats=tuple(name for name in features if name in not_counted),
    )


def notes_of(inner: InnerDays | None, *, is_checked: bool, is_alone: bool) -> tuple[str, ...]:
    """Say what must be known to read the comparison."""
    notes = [
        (
            "Silhouettes are Euclidean on the features of each method: the classic recipe has "
            "features of its own, so its silhouette cannot be held against the others. Users "
            "without a segment are left out of it, which flatters methods that leave out the "
            "doubtful."
        )
    ]
    if inner is None:
        notes.append("There is no inner gain: the run held out no days, or only one.")
    elif inner.caveats:
        notes.append(
            f"The inner gain is too high where {', '.join(inner.caveats)} form segments: they "
            "could not be found again without the later days."
        )
    if is_checked:
        notes.append(
            "The outcome window checked the run’s own algorithm alone: to choose by it "
            "would spend it."
        )
    if is_alone:
        notes.append(
            "Seconds and memory are of one fit in a process of its own, which holds the libraries "
            "and the distinct users and nothing else."
        )
    return tuple(notes)
