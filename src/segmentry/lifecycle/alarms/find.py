"""Alarms: what has changed since the segments were formed, from the counts of every refresh."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from segmentry.lifecycle.alarms.facts import PeriodFacts
from segmentry.lifecycle.alarms.outcomes import read_outcomes
from segmentry.lifecycle.alarms.readings import Code, Reading
from segmentry.lifecycle.alarms.shares import read_features, read_mix
from segmentry.schema import SECONDS_PER_DAY

REJECTED_MARGIN = 0.01
"""Share of the rows that may be rejected on top of the usual before an alarm rings."""
VOLUME_FACTOR = 2.0
"""Rows per day may double or halve before an alarm rings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """A number that left its expectation.

    `since` is the number of the first period in which the alarm rings, `period` that of the last
    reading, whose numbers follow. `low` and `high` are None for counts of rows, which have no
    chance in them; all numbers are None where they are of too few users to be shown. `is_over`
    where the last reading is as expected again.
    """

    code: Code
    name: str | None
    since: int
    period: int
    expected: float | None
    observed: float | None
    low: float | None = None
    high: float | None = None
    is_over: bool = False


def find_alarms(periods: Sequence[PeriodFacts]) -> tuple[Alarm, ...]:
    """Find what has changed between the forming window and any later one, up to the last period.

    Parameters
    ----------
    periods : sequence of PeriodFacts
        In order of time. The first one of the last `model` is the reference; earlier models count
        as looks, so that the false-alarm rate holds over the whole life of a segmentation.

    Returns
    -------
    tuple of Alarm
        In order of codes as below: level, segments, mix, features, missing values, rows.

    Examples
    --------
    >>> find_alarms([])
    ()
    """
    since: dict[tuple[Code, str | None], int] = {}
    last: dict[tuple[Code, str | None], Reading] = {}
    for reading in read_periods(periods):
        key = (reading.code, reading.name)
        last[key] = reading
        if not reading.is_expected:
            since.setdefault(key, reading.period)
    found = [_alarm(last[key], period) for key, period in since.items()]
    return (*sorted(found, key=_order), *_row_alarms(periods))


def _alarm(reading: Reading, since: int) -> Alarm:
    return Alarm(
        code=reading.code,
        name=reading.name,
        since=since,
        period=reading.period,
        expected=reading.expected,
        observed=reading.observed,
        low=reading.low,
        high=reading.high,
        is_over=reading.is_expected,
    )


_CODES: tuple[Code, ...] = (
    "level_moved",
    "segment_rate_changed",
    "mix_changed",
    "feature_shifted",
    "missing_values_changed",
    "unseen_levels",
)


def _order(alarm: Alarm) -> tuple[int, str]:
    return _CODES.index(alarm.code), alarm.name or ""


def read_periods(periods: Sequence[PeriodFacts]) -> Iterator[Reading]:
    """Yield every judged number of every period of the last model, period by period."""
    if not periods:
        return
    first = _first_of_model(periods)
    reference = periods[first]
    for number in range(first + 1, len(periods)):
        where = {"period": number, "look": number}
        yield from read_outcomes(reference, periods[number], **where)
        yield from read_mix(reference, periods[number], **where)
        yield from read_features(reference, periods[number], **where)


def _first_of_model(periods: Sequence[PeriodFacts]) -> int:
    return next(n for n, period in enumerate(periods) if period.model == periods[-1].model)


def _row_alarms(periods: Sequence[PeriodFacts]) -> Iterator[Alarm]:
    """Compare the rows of the last period with the reference; exact, so without evidence."""
    if not periods:
        return
    number = len(periods) - 1
    reference, current = periods[_first_of_model(periods)], periods[-1]
    then, now = reference.rows, current.rows
    if then is None or now is None or not then.n_rows or not now.n_rows or reference is current:
        return
    before, after = then.n_rejected / then.n_rows, now.n_rejected / now.n_rows
    if after - before > REJECTED_MARGIN:
        yield _row_alarm("rows_rejected", number, before, after)
    before, after = (
        period.rows.n_rows * SECONDS_PER_DAY / (period.end - period.start)
        for period in (reference, current)
        if period.rows is not None
    )
    if not 1 / VOLUME_FACTOR <= after / before <= VOLUME_FACTOR:
        yield _row_alarm("rows_per_day_changed", number, before, after)


def _row_alarm(code: Code, number: int, expected: float, observed: float) -> Alarm:
    return Alarm(
        code=code, name=None, since=number, period=number, expected=expected, observed=observed
    )
