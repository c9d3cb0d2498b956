"""Where the numbers of the first screen and of the cards are drawn, as shares of their room."""

from collections.abc import Sequence
from dataclasses import dataclass

from segmentry.present.first_screen import FirstScreen, ScreenRow
from segmentry.results.summary import Summary
from segmentry.schema import Estimate, RowAccount

_ROOM = 1.04  # of the scale, beyond the largest


@dataclass(frozen=True, slots=True)
class Strip:
    """A click rate with its interval on the scale that all rows share; `average` may be null."""

    value: float
    low: float
    width: float
    average: float | None


def main_account(summary: Summary) -> RowAccount | None:
    """Return where the rows of the log went; of the table of users where there is no log."""
    accounts = {account.role: account for account in summary.data.accounts}
    return accounts.get("impressions", accounts.get("users"))


def is_choice_stable(summary: Summary) -> bool:
    """Tell whether every segment comes back on other users, as far as that was measured."""
    stability = None if summary.evidence is None else summary.evidence.stability
    return stability is None or all(each.is_stable for each in stability.segments)


def strip_of(row: ScreenRow, screen: FirstScreen) -> Strip | None:
    """Return where the expected click rate of a row is drawn."""
    value, top = row.expected.value, _top([each.expected for each in screen.rows])
    if value is None or top <= 0.0:
        return None
    low = value if row.expected.low is None else row.expected.low
    high = value if row.expected.high is None else row.expected.high
    average = screen.average.value
    return Strip(
        value=value / top,
        low=low / top,
        width=(high - low) / top,
        average=None if average is None else average / top,
    )


def ads_of(row: ScreenRow, screen: FirstScreen) -> tuple[float, float] | None:
    """Return the lengths of the bars of its ads, now and proposed."""
    shares = [s for each in screen.rows for s in (each.share_now, each.share_proposed) if s]
    if row.share_now is None or row.share_proposed is None or not shares:
        return None
    top = max(shares) * _ROOM
    return row.share_now / top, row.share_proposed / top


def _top(estimates: Sequence[Estimate]) -> float:
    return max((each.high or each.value or 0.0) for each in estimates) * _ROOM
