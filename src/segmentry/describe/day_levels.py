"""The click rate of all users by day: what of it is shown, and when it is warned of."""

from collections.abc import Iterator
from dataclasses import replace

from segmentry.evaluation.later_days import DayLevels
from segmentry.formats import day, rate
from segmentry.privacy import hidden_cells
from segmentry.schema import SECONDS_PER_DAY, Estimate, UtcOffset

__all__ = ["shown_levels", "warn_of_levels"]

_UNKNOWN = Estimate(value=None, low=None, high=None)


def shown_levels(levels: DayLevels, *, min_size: int) -> DayLevels:
    """Return the levels without those of days on which few users were there."""
    is_hidden = hidden_cells([each.n_users or 0 for each in levels.days], min_size=min_size)
    return replace(
        levels,
        days=tuple(
            replace(each, n_users=None, ctr=_UNKNOWN) if hide else each
            for each, hide in zip(levels.days, is_hidden, strict=True)
        ),
    )


def warn_of_levels(levels: DayLevels | None, *, utc_offset_hours: UtcOffset) -> Iterator[str]:
    """Say that the click rate of all moved between days, from where to where."""
    if levels is None or not levels.has_moved:
        return

    def told(place: int) -> str:
        at = levels.days[place].day * SECONDS_PER_DAY - round(utc_offset_hours * 3600)
        on = day(at, utc_offset_hours=utc_offset_hours)
        return f"{rate(levels.days[place].ctr.value)} ({on})"

    shown = [place for place, each in enumerate(levels.days) if each.ctr.value is not None]
    if not shown:
        return
    low, *_, high = sorted(shown, key=lambda place: (levels.days[place].ctr.value or 0.0, place))
    yield (
        f"The click rate of all users moved from day to day by more than chance: lowest "
        f"{told(low)}, highest {told(high)}. Rates to be expected have wide intervals for it; "
        "compare segments with each other, not with rates of other days."
    )
