"""How new users differ from those that the steps were fitted on."""

from collections import Counter
from collections.abc import Iterator, Mapping

import polars as pl

from segmentry.formats import percent
from segmentry.segments.preprocessing._fit import Preprocessing

_MAX_OUTSIDE = 0.5
_MIN_KNOWN = 10
"""Of fewer values most may be outside by chance."""
OddCounts = Counter[tuple[str, str]]
"""What was counted, and of which feature: counts of parts of the users add up."""


def count_odd(steps: Preprocessing, table: pl.DataFrame) -> OddCounts:
    """Count levels that are new, values outside the clips of the fit, columns of truths, values."""
    found = OddCounts({("unseen", feature): n for feature, n in steps.unseen_levels(table).items()})
    for feature, n_outside in steps.count_outside(table).items():
        found["outside", feature] = n_outside
    for column in steps.fitted:
        values = table[column.feature]
        n_nan = int(values.is_nan().sum()) if values.dtype.is_float() else 0
        found["known", column.feature] = values.count() - n_nan
        found["unknown", column.feature] = values.null_count() + n_nan
        if column.levels is None and values.dtype == pl.Boolean:
            found["true or false", column.feature] = table.height
    return found


def differences(steps: Preprocessing, odd: Mapping[tuple[str, str], int]) -> Iterator[str]:
    """Say where levels are new, values in another unit or absent, or a column of another type."""
    for column in steps.fitted:
        n_known, n_unknown = (odd.get((what, column.feature), 0) for what in ("known", "unknown"))
        if not n_known and n_unknown >= _MIN_KNOWN:
            yield (
                f"none of {n_unknown:,} users has a value of {column.feature}, as users had when "
                "the segments were formed; it counts as unknown; check its column"
            )
    for column in steps.fitted:
        if n_users := odd.get(("unseen", column.feature)):
            who = "1 user has" if n_users == 1 else f"{n_users:,} users have"
            yield (
                f"{who} a level of {column.feature} that was not there when the segments "
                "were formed; it counts as none of the known levels"
            )
    for column in steps.fitted:
        feature, low, high = column.feature, column.raw_clip_low, column.raw_clip_high
        if low is None or high is None:
            continue
        n_outside, n_known = (odd.get((what, feature), 0) for what in ("outside", "known"))
        if n_known >= _MIN_KNOWN and n_outside / n_known > _MAX_OUTSIDE:
            yield (
                f"{percent(n_outside / n_known, digits=0)} of the known values of {feature} "
                f"are outside {low:,.4g} to {high:,.4g}, where nearly all users were when the "
                "segments were formed; check its unit"
            )
    for column in steps.fitted:
        if odd.get(("true or false", column.feature)):
            yield (
                f"{column.feature} is true or false, and was a number when the segments were "
                "formed; it is read as 1 and 0"
            )
