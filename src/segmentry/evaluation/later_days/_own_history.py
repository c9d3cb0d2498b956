"""What each user's own history predicts of events and their value, at any moment."""

from dataclasses import dataclass, replace

import numpy as np

from segmentry.evaluation.later_days._user_models import (
    BetaGeometric,
    GammaGamma,
    GammaPoisson,
    fit_events,
    fit_gamma_gamma,
)
from segmentry.features.user_days import UserDays
from segmentry.schema.arrays import FloatVector


@dataclass(frozen=True, slots=True)
class OwnHistory:
    """Models of users fitted to the forming days; `money` is null where events are counted."""

    events: GammaPoisson | BetaGeometric
    money: GammaGamma | None

    @property
    def name(self) -> str:
        """Names of the models."""
        name = "BG/NBD" if isinstance(self.events, BetaGeometric) else "gamma-Poisson"
        return name if self.money is None else f"{name} and gamma-gamma"

    def predict(self, counts: UserDays, days: range, *, horizon: int) -> FloatVector:
        """Predict the outcome of each user over so many days after some first days.

        Shape (n_users,); 0 for a user who was not known then.
        """
        x, last, T, mean = _history(counts, days)
        is_known = T >= 0
        expected = self.events.expected(x, last, np.maximum(T, 0.0), horizon=horizon)
        if self.money is not None:
            expected = expected * self.money.expected(x, mean)
        return np.where(is_known, expected, 0.0)


def own_history(counts: UserDays, days: range) -> OwnHistory | None:
    """Fit models of single users to the forming days; null where nobody came twice."""
    x, last, T, mean = _history(counts, days)
    is_known = T >= 0
    events = fit_events(x[is_known], last[is_known], T[is_known])
    if events is None or counts.outcome.kind == "events":
        return None if events is None else OwnHistory(events, None)
    money = fit_gamma_gamma(x[is_known], mean[is_known])
    return None if money is None else OwnHistory(events, money)


def _history(
    counts: UserDays, days: range
) -> tuple[FloatVector, FloatVector, FloatVector, FloatVector]:
    """Repeats, days to the last, days in all, and mean value; days in all below 0 if unknown."""
    first = counts.first_days()
    of_events = replace(counts, outcome=replace(counts.outcome, kind="events"))
    seen = of_events.outcomes(days)
    x = seen.n_successes.astype(np.float64)
    T = np.where(first < days.stop, seen.n_trials, -1).astype(np.float64)
    since = counts.days_since(days).fill_null(0).to_numpy()
    last = np.where(x > 0, days.stop - since - first, 0.0)
    mean = np.zeros(x.size)
    if counts.outcome.kind == "value":
        amounts = counts.outcomes(days).n_successes.astype(np.float64)
        mean = np.divide(amounts, x, out=mean, where=x > 0)
    return x, last, T, mean
