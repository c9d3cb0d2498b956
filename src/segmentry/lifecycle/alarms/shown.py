"""What people see of the windows: readings and alarms, without those of too few users."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from segmentry.lifecycle.alarms.facts import (
    FeatureFacts,
    PeriodFacts,
    SegmentFacts,
    WindowCounts,
)
from segmentry.lifecycle.alarms.find import Alarm, find_alarms, read_periods
from segmentry.lifecycle.alarms.readings import Reading
from segmentry.lifecycle.alarms.shares import stability_index
from segmentry.privacy import hidden_segments, is_small
from segmentry.schema import Window


@dataclass(frozen=True, slots=True)
class FeatureShift:
    """A feature of all users in plain units, whether or not an alarm rings."""

    name: str
    level: str | None
    """The level whose share of the users changed most; null for a number, whose median it is."""
    formed: float
    before: float
    now: float
    """`formed`, `before`, `now`: when the segments were formed, in the window before the last, and
    in the last one."""
    index: float
    """Population stability index of the last window against that which formed the segments."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OverTime:
    """The windows since the segments were formed, as a report shows them."""

    windows: tuple[Window, ...]
    """All windows of the segmentation; `Reading.period` counts them from 0."""
    formed: int
    """The window that formed the segments which were refreshed."""
    readings: tuple[Reading, ...]
    """Every judged number of the windows after it, but those of too few users."""
    alarms: tuple[Alarm, ...]
    """With null for numbers of too few users."""
    features: tuple[FeatureShift, ...] = ()
    """Those of the last window, largest index first, but those of too few users."""


def show_windows(counts: WindowCounts, *, min_size: int) -> OverTime:
    """Return what may be shown of the windows.

    A segment of too few users is hidden together with the largest one, in the window and wherever
    the window that formed it is compared with.

    >>> import segmentry.lifecycle.alarms as alarms
    >>> show_windows(alarms.WindowCounts(periods=()), min_size=50).alarms
    ()
    """
    periods = counts.periods
    found = tuple(read_periods(periods))
    formed = next((n for n, each in enumerate(periods) if each.model == periods[-1].model), 0)
    hidden = {
        key
        for number in range(formed + 1, len(periods))
        for key in _of_few(periods[formed], periods[number], number, min_size)
    }
    return OverTime(
        windows=tuple(Window(each.start, each.end) for each in periods),
        formed=formed,
        readings=tuple(each for each in found if _key(each) not in hidden),
        alarms=tuple(
            replace(each, expected=None, observed=None, low=None, high=None)
            if _key(each) in hidden
            else each
            for each in find_alarms(periods)
        ),
        features=_shifts(periods[formed:], min_size),
    )


def _shifts(periods: Sequence[PeriodFacts], min_size: int) -> tuple[FeatureShift, ...]:
    """Return the features of the last window; the first is the one that formed the segments."""
    if len(periods) < 2:
        return ()
    places = (0, -2, -1)
    by_name = [{each.name: each for each in periods[place].features} for place in places]
    names = [name for name in by_name[0] if all(name in each for each in by_name)]
    found = [_shift([each[name] for each in by_name], min_size) for name in names]
    return tuple(sorted((each for each in found if each), key=lambda each: -each.index))


def _shift(facts: Sequence[FeatureFacts], min_size: int) -> FeatureShift | None:
    """Compare a feature when formed, before and now; None where it is of too few users."""
    formed = facts[0]
    totals = [sum(each.bins) for each in facts]
    counts = [n for each in facts for n in each.bins] if formed.levels else totals
    if not all(totals) or any(is_small(n, min_size=min_size) for n in counts):
        return None
    index = max(0.0, stability_index(formed.bins, facts[-1].bins)[0])
    level, values = None, [each.unit_value or 0.0 for each in facts]
    if formed.levels:
        shares = [[n / total for n in each.bins] for each, total in zip(facts, totals, strict=True)]
        changes = [abs(now - then) for then, now in zip(shares[0], shares[2], strict=True)]
        place = max(range(len(formed.levels)), key=changes.__getitem__)
        level, values = formed.levels[place], [each[place] for each in shares]
    before, after = values[1:]
    return FeatureShift(formed.name, level, values[0], before, after, index)


_Key = tuple[str, str | None, int]


def _key(found: Reading | Alarm) -> _Key:
    return found.code, found.name, found.period


def _of_few(
    reference: PeriodFacts, current: PeriodFacts, number: int, min_size: int
) -> Iterator[_Key]:
    """Yield what is judged of too few users in a window."""
    for period in (reference, current):
        sizes = [_published_size(each, min_size) for each in period.segments]
        is_hidden = hidden_segments(sizes, min_size=min_size)
        for segment, hides in zip(period.segments, is_hidden, strict=True):
            if hides:
                yield "mix_changed", segment.key, number
    judged = {each.key: each.outcome.n_users for each in current.segments}
    for key, n_users in judged.items():
        if is_small(n_users, min_size=min_size):
            yield "segment_rate_changed", key, number
    if is_small(sum(judged.values()), min_size=min_size):
        yield "level_moved", None, number
    for feature in (*reference.features, *current.features):
        counts = {"feature_shifted": (n_known := sum(feature.bins),),
                  "missing_values_changed": (feature.n_missing, n_known),
                  "unseen_levels": (feature.n_unseen,)}  # fmt: skip
        for code, each in counts.items():
            if any(is_small(n_users, min_size=min_size) for n_users in each):
                yield code, feature.name, number


def _published_size(segment: SegmentFacts, min_size: int) -> int:
    """Return a small size where an end of the interval may come of one."""
    sizes = (segment.n_users, *(segment.n_users_range or ()))
    return min((n for n in sizes if is_small(n, min_size=min_size)), default=segment.n_users)
