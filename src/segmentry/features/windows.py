"""Feature window and outcome window: the last days are kept to check what the first ones said."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from segmentry.formats import listed
from segmentry.schema import SECONDS_PER_DAY, Window

_WEEKDAYS = ("Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday")
_OUTCOME_SHARE = 0.25
_MAX_DAYS = 62  # of a log whose periods are days
_DAYS_PER_WEEK = 7
_EPOCH = date(1970, 1, 1).toordinal()
_N_BLOCKS = range(12, 7, -1)


@dataclass(frozen=True, slots=True)
class WindowSplit:
    """The days that form segments and the later days that check them."""

    feature: Window
    """Where features are measured."""
    outcome: Window | None
    """Later days; null where the log has one day only."""

    @property
    def reason(self) -> str:
        """Why there is no outcome window, or nothing."""
        return "" if self.outcome is not None else "the log has one day: no later day to check"


def local_days(window: Window) -> range:
    """Return the numbers of a window's local days, counted from 1970-01-01.

    Raises ValueError if the window does not consist of whole local days.

    >>> local_days(Window(start=1494000000, end=1494691200, utc_offset_hours=8))
    range(17292, 17300)
    """
    offset = round(window.utc_offset_hours * 3600)
    first, at_start = divmod(window.start + offset, SECONDS_PER_DAY)
    end, at_end = divmod(window.end + offset, SECONDS_PER_DAY)
    if at_start or at_end:
        raise ValueError(
            f"window {window.start}..{window.end} at UTC{window.utc_offset_hours:+g}: found part "
            "of a local day, expected whole ones; use Window.around"
        )
    return range(first, end)


def weekdays(window: Window) -> tuple[str, ...]:
    """Return the weekday of each local day of a window, in order.

    >>> weekdays(Window(start=1494000000, end=1494172800, utc_offset_hours=8))
    ('Saturday', 'Sunday')
    """
    return tuple(_WEEKDAYS[day % 7] for day in local_days(window))


def unlike_days(forming: Window, later: Window) -> tuple[str, ...]:
    """Return what weekdays or months of two neighbouring windows leave unchecked, in sentences.

    Months are compared where the windows are cut into blocks of weeks; a year of forming days holds
    all of them.

    >>> day = 86400
    >>> unlike_days(Window(start=0, end=5 * day), Window(start=5 * day, end=7 * day))[0][:47]
    'No later Thursday, Friday, Saturday, Sunday or '
    >>> unlike_days(Window(start=0, end=300 * day), Window(start=300 * day, end=400 * day))[0][:41]
    'The later days include November and Decem'
    """
    sentences = []
    of_forming, of_later = (dict.fromkeys(weekdays(each)) for each in (forming, later))
    if missing := [name for name in of_forming if name not in of_later]:
        sentences.append(f"No later {listed(missing, last='or')} was checked.")
    if new := [name for name in of_later if name not in of_forming]:
        sentences.append(f"No {listed(new, last='or')} helped to form the segments.")
    if len(local_days(forming)) + len(local_days(later)) > _MAX_DAYS:
        known, others = (dict.fromkeys(map(_month, local_days(each))) for each in (forming, later))
        if new := [name for name in others if name not in known]:
            sentences.append(
                f"The later days include {listed(new)}, the forming days do not: a season and a "
                "lasting change look alike."
            )
    return tuple(sentences)


def _month(local_day: int) -> str:
    return f"{date.fromordinal(_EPOCH + local_day):%B}"


def periods_of(window: Window) -> tuple[range, ...]:
    """Cut a window into the periods of a log of events: days, or blocks of whole weeks.

    Up to 62 days each local day is one; a longer log has 8 to 12 blocks of equal length, as many as
    leave the fewest weeks over. What is left over belongs to the first block, which only forms.

    Parameters
    ----------
    window : Window
        Whole local days.

    Examples
    --------
    >>> day = 86400
    >>> len(periods_of(Window(start=0, end=30 * day)))
    30
    >>> [len(each) for each in periods_of(Window(start=0, end=546 * day))]  # 78 weeks
    [56, 49, 49, 49, 49, 49, 49, 49, 49, 49, 49]
    """
    days = local_days(window)
    if len(days) <= _MAX_DAYS:
        return tuple(range(day, day + 1) for day in days)
    n_weeks = len(days) // _DAYS_PER_WEEK
    n_blocks = min(_N_BLOCKS, key=lambda n: (n_weeks % n, -n))
    length = n_weeks // n_blocks * _DAYS_PER_WEEK
    second = days.stop - length * (n_blocks - 1)
    later = (range(start, start + length) for start in range(second, days.stop, length))
    return (range(days.start, second), *later)


def split_window(window: Window, periods: Sequence[range] | None = None) -> WindowSplit:
    """Set the last whole local days aside: at least one, nearest to a quarter of the span.

    Of two numbers of days that are equally near the larger is taken: twice the outcome days halve
    the variance of the check, while the features lose less than half of theirs. The inner split, on
    which the number of segments is chosen, is the same rule applied to the feature window.

    `periods`, as `periods_of` gives them, are set aside whole; days by default.

    Raises ValueError if the window does not consist of whole local days.

    Eight days of Taobao: six form segments, two check them; inside the six, four and two.

    >>> split = split_window(Window(start=1494000000, end=1494691200, utc_offset_hours=8))
    >>> split.feature.n_days, split.outcome.n_days
    (6.0, 2.0)
    >>> split_window(split.feature).outcome.n_days
    2.0
    >>> split_window(Window(start=0, end=86400)).reason
    'the log has one day: no later day to check'
    """
    cuts = list(local_days(window)) if periods is None else [each.start for each in periods]
    n_periods = len(cuts)
    if n_periods < 2:
        return WindowSplit(feature=window, outcome=None)
    wanted = n_periods * _OUTCOME_SHARE
    n_outcome = min(range(1, n_periods), key=lambda n: (abs(n - wanted), -n))
    cut = window.start + (cuts[-n_outcome] - cuts[0]) * SECONDS_PER_DAY
    offset = window.utc_offset_hours
    return WindowSplit(
        feature=Window(start=window.start, end=cut, utc_offset_hours=offset),
        outcome=Window(start=cut, end=window.end, utc_offset_hours=offset),
    )
