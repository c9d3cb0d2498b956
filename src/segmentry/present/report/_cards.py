"""Facts of the first screen and of the cards, and where they are drawn."""

from dataclasses import dataclass

from segmentry.describe.profiles import SegmentProfile
from segmentry.results.summary import Summary
from segmentry.schema import RowAccount

_BAR_END = 2.0  # standardised difference at which a bar of a card is full
_ROOM = 1.05  # of the scale of click rates, beyond the largest


@dataclass(frozen=True, slots=True)
class Strip:
    """A click rate with its interval, as shares of the scale that all cards have in common.

    `everybody` is where all users stand, `seen` the rate seen where a forecast is drawn; either may
    be null.
    """

    value: float
    low: float
    width: float
    everybody: float | None
    seen: float | None


def pieces(segments: tuple[SegmentProfile, ...]) -> tuple[tuple[SegmentProfile, float], ...]:
    """Return each segment with the share of all users that stand before it in a bar."""
    starts = [sum(each.share for each in segments[:i]) for i in range(len(segments))]
    return tuple(zip(segments, starts, strict=True))


def main_account(summary: Summary) -> RowAccount | None:
    """Return where the rows of the log went; of the table of users where there is no log."""
    accounts = {account.role: account for account in summary.data.accounts}
    return accounts.get("impressions", accounts.get("users"))


def is_choice_stable(summary: Summary) -> bool:
    """Tell whether every segment comes back on other users, as far as that was measured."""
    stability = None if summary.evidence is None else summary.evidence.stability
    return stability is None or all(each.is_stable for each in stability.segments)


def rate_strip(segment: SegmentProfile, summary: Summary) -> Strip | None:
    """Return where the click rate of a card is drawn: the forecast, else the rate seen."""
    is_forecast = segment.expected_rate.is_known
    rate = segment.expected_rate if is_forecast else segment.ctr_seen
    top = _scale(summary)
    if rate.value is None or top <= 0.0:
        return None
    everybody = _expected_level(segment, summary) if is_forecast else _seen_level(summary)
    seen = segment.ctr_seen.value if is_forecast else None
    low = rate.value if rate.low is None else rate.low
    high = rate.value if rate.high is None else rate.high
    return Strip(
        value=rate.value / top,
        low=low / top,
        width=(high - low) / top,
        everybody=None if everybody is None else everybody / top,
        seen=None if seen is None else seen / top,
    )


def _scale(summary: Summary) -> float:
    everyone = (*summary.segments, summary.population)
    rates = [rate for each in everyone for rate in (each.ctr_seen, each.expected_rate)]
    return max((each.high or each.value or 0.0) for each in rates) * _ROOM


def _seen_level(summary: Summary) -> float | None:
    return summary.population.ctr_seen.value


def _expected_level(segment: SegmentProfile, summary: Summary) -> float | None:
    """Return the forecast of all users: where it is not given, it is what an index of 100 is."""
    level, index = summary.population.expected_rate.value, segment.forecast_index.value
    if level is not None or segment.expected_rate.value is None or not index:
        return level
    return segment.expected_rate.value / index * 100


def bar_span(difference: float) -> tuple[float, float]:
    """Return start and width of the bar of a difference, as shares of its room.

    Examples
    --------
    >>> bar_span(1.0), bar_span(-5.0)
    ((0.5, 0.25), (0.0, 0.5))
    """
    length = min(abs(difference), _BAR_END) / _BAR_END / 2
    return (0.5 if difference > 0 else 0.5 - length), length
