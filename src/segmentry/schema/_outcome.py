"""What later days are requested: clicks, events of another kind, or their value."""

from dataclasses import dataclass
from typing import Literal

OutcomeKind = Literal["clicks", "events", "value"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What segments are checked on.

    Rates are successes per unit of exposure: clicks per impression, days with an event per user and
    day, value per user and day. The last two are shown for `n_days` days.

    Parameters
    ----------
    kind : {"clicks", "events", "value"}
    event, events : str
        What is counted, one and many: "click", "purchase".
    unit : str
        Of a rate as it is shown.
    n_days : int
        Days that a shown rate is of; 1 for clicks.
    """

    kind: OutcomeKind = "clicks"
    event: str = "click"
    events: str = "clicks"
    unit: str = "clicks per impression"
    n_days: int = 1

    @property
    def trials(self) -> str:
        """What successes are counted against."""
        return "impressions" if self.kind == "clicks" else "user days"

    @classmethod
    def of_events(
        cls, kind: OutcomeKind, event: str, events: str, *, value_unit: str, n_days: float
    ) -> "Outcome":
        """Return the outcome of a log of events that spans so many days.

        >>> Outcome.of_events("events", "visit", "visits", value_unit="", n_days=90).unit
        'days with a visit per user in 30 days'
        >>> Outcome.of_events("value", "order", "orders", value_unit="EUR", n_days=20).unit
        'EUR per user in 7 days'
        """
        per = 30 if n_days >= 60 else 7 if n_days >= 14 else 1
        article = "an" if event[:1].lower() in "aeiou" else "a"
        what = f"days with {article} {event}" if kind == "events" else value_unit or "value"
        time = "a day" if per == 1 else f"in {per} days"
        return cls(kind, event, events, f"{what} per user {time}", per)


OF_CLICKS = Outcome()
"""Clicks per impression."""
