"""How new users differ from those that the steps were fitted on."""

from collections.abc import Iterator

import polars as pl

from segmentry.segments.preprocessing._fit import Preprocessing

_MAX_OUTSIDE = 0.5
_MIN_KNOWN = 10
"""Of fewer values most may be outside by chance."""


def differences(steps: Preprocessing, table: pl.DataFrame) -> Iterator[str]:
    """Say where levels are new, values are in another unit, or a column is of another type."""
    for feature, n_users in steps.unseen_levels(table).items():
        who = "1 user has" if n_users == 1 else f"{n_users:,} users have"
        yield (
            f"{who} a level of {feature} that was not there when the segments "
            "were formed; it counts as none of the known levels"
        )
    for feature, (share, low, high) in steps.shares_outside(table).items():
        if share > _MAX_OUTSIDE and table[feature].count() >= _MIN_KNOWN:
            yield (
                f"{share:.0%} of the known values of {feature} are outside {low:,.4g} to "
                f"{high:,.4g}, where nearly all users were when the segments were formed; check "
                "its unit"
            )
    for column in steps.fitted:
        if column.levels is None and table[column.feature].dtype == pl.Boolean:
            yield (
                f"{column.feature} is true or false, and was a number when the segments were "
                "formed; it is read as 1 and 0"
            )
