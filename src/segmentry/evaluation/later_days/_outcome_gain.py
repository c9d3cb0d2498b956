"""Predictive share for events and value: segments against each user's own model."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from segmentry.evaluation.later_days._kept_gain import NO_SIGNAL, KeptGain, with_gains
from segmentry.evaluation.later_days._own_history import own_history
from segmentry.features.user_days import UserDays
from segmentry.schema import UNASSIGNED, OutcomeKind
from segmentry.schema.arrays import FloatMatrix, FloatVector, IntVector
from segmentry.segments.clustering import distinct_rows

_N_GROUPS = 1000
_SMALLEST = 1e-3  # of the mean: no user is given less, so that a surprise costs a finite number
_ALIKE = 1e-3  # deviation of users' own predictions, of their mean: what they gain is rounding
_SIZES = (-5.0, 8.0)  # logarithms between which the size of the negative binomial is looked for


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeGain(KeptGain):
    """Predictive share for events or value; `n_impressions` are later events, nats are per user."""

    model: str = ""
    """What each user's own history predicts by: "BG/NBD" or "gamma-Poisson", for value with
    "gamma-gamma"."""
    by_negative_binomial: float | None = None
    """`by_forecast` by the negative-binomial likelihood, in which a few heavy users weigh less;
    null for value."""


def outcome_gain(
    segment_ids: IntVector,
    counts: UserDays,
    *,
    days: tuple[range, range],
    forecast: FloatVector | None,
    n_draws: int = 200,
    seed: int = 0,
) -> OutcomeGain:
    """Measure how much of what users' own histories predict the segments predict.

    Parameters
    ----------
    segment_ids : ndarray of int, shape (n_users,)
        0 for users that belong to none: they are given the common rate.
    days : tuple of range
        Local days that formed the segments, and later ones.
    forecast : ndarray of float, shape (n_users,), or None
        Of each user's segment, from the forming days alone.

    Notes
    -----
    Users known before the later days take part. The gain of a prediction mu over one rate for all
    is the difference in sum(y ln mu - mu), half the Poisson deviance; for value in the
    quasi-likelihood of Tweedie's family at power 1.5 (Jorgensen 1987, J. R. Statist. Soc. B 49,
    127-162). All predictions are moved by one factor each so that they add up to what came. The
    benchmark is BG/NBD or gamma-Poisson by `fit_events`, for value times gamma-gamma. Draws
    resample users in at most 1,000 random groups (Wolter 2007, ch. 2).
    """
    forming, later = days
    known = np.flatnonzero(counts.first_days() < later.start)
    later_counts = counts.outcomes(later)
    y = later_counts.n_successes[known].astype(np.float64)
    events = later_counts.n_events
    n_events = int((y if events is None else events[known]).sum())
    blank = OutcomeGain(n_users=known.size, n_impressions=n_events, reason="")
    if not known.size:
        return replace(blank, reason="no user was known before the outcome window")
    if y.sum() <= 0:
        what = "with a value above zero " if n_events else ""
        return replace(blank, reason=f"no {counts.outcome.event} {what}in the outcome window")
    kind = counts.outcome.kind
    history = own_history(counts, forming)
    if history is None:
        return replace(blank, reason=NO_SIGNAL)
    own = _floored(history.predict(counts, forming, horizon=len(later))[known])
    if own.std() < _ALIKE * own.mean():
        return replace(blank, reason=NO_SIGNAL, model=history.name)
    predictions = [own]
    if forecast is not None:
        level = float(y.mean())
        given = np.where(segment_ids[known] == UNASSIGNED, level, forecast[known] * len(later))
        predictions.append(_floored(given))
    gains, drawn = _gains(segment_ids[known], y, predictions, kind, n_draws=n_draws, seed=seed)
    found = with_gains(blank, gains, drawn, has_forecast=forecast is not None)
    share = None
    if kind == "events" and forecast is not None and not found.reason:
        share = _by_negative_binomial(y, *predictions)
    return replace(found, model=history.name, by_negative_binomial=share)


def _floored(predictions: FloatVector) -> FloatVector:
    mean = float(predictions.mean())
    return np.maximum(predictions, _SMALLEST * mean) if mean > 0 else np.ones(predictions.size)


def _parts(y: FloatVector, mu: FloatVector, kind: OutcomeKind) -> FloatMatrix:
    """Return what adds up over users of a prediction, shape (n_users, 3)."""
    if kind == "events":
        return np.column_stack([mu, y * np.log(mu), np.zeros(y.size)])
    return np.column_stack([mu, y / np.sqrt(mu), np.sqrt(mu)])


def _shifted(sums: FloatMatrix, total: FloatVector, kind: OutcomeKind) -> FloatVector:
    """Likelihood of a prediction moved by one factor to the total, draw by draw."""
    factor = total / sums[:, 0]
    if kind == "events":
        return sums[:, 1] + total * np.log(factor) - total
    found: FloatVector = -2 * sums[:, 1] / np.sqrt(factor) - 2 * sums[:, 2] * np.sqrt(factor)
    return found


def _at_own_mean(n: FloatVector, total: FloatVector, kind: OutcomeKind) -> FloatVector:
    """Likelihood of groups at the mean of each."""
    from scipy.special import xlogy

    total = np.maximum(total, 0.0)
    if kind == "events":
        found: FloatVector = xlogy(total, total) - xlogy(total, n) - total
        return found
    return -4 * np.sqrt(total * n)


def _gains(
    ids: IntVector,
    y: FloatVector,
    predictions: Sequence[FloatVector],
    kind: OutcomeKind,
    *,
    n_draws: int,
    seed: int,
) -> tuple[FloatVector, FloatMatrix]:
    """Gains per user of users, best rates and forecasts, shape (3,), and their draws."""
    rng = np.random.default_rng(seed)
    n_groups, n_ids = min(_N_GROUPS, y.size), int(ids.max(initial=0)) + 1
    group = rng.permutation(y.size) % n_groups
    cells = group * n_ids + ids
    by_segment = np.stack(
        [np.bincount(cells, w, minlength=n_groups * n_ids) for w in (np.ones(y.size), y)]
    ).reshape(2, n_groups, n_ids)
    parts = np.concatenate([_parts(y, mu, kind) for mu in predictions], axis=1)
    summed = np.stack([np.bincount(group, w, minlength=n_groups) for w in parts.T], axis=1)
    times = rng.multinomial(n_groups, np.full(n_groups, 1 / n_groups), size=n_draws)
    weights = np.concatenate([np.ones((1, n_groups)), times])
    n: FloatMatrix = weights @ by_segment[0]
    total: FloatMatrix = weights @ by_segment[1]
    sums: FloatMatrix = weights @ summed
    everyone: FloatVector = n.sum(axis=1)
    whole: FloatVector = np.maximum(total.sum(axis=1), 1e-300)
    base = _at_own_mean(everyone, whole, kind)
    best = _at_own_mean(n[:, 1:], total[:, 1:], kind).sum(axis=1)
    # Users without a segment are given the common rate.
    rate = whole / everyone
    outside = np.column_stack([n[:, 0] * rate, total[:, 0]])
    best += _at_rate(outside[:, 0], outside[:, 1], rate, kind)
    gains = [_shifted(sums[:, :3], whole, kind) - base, best - base]
    if len(predictions) > 1:
        gains.append(_shifted(sums[:, 3:], whole, kind) - base)
    else:
        gains.append(np.zeros(len(base)))
    per_user = np.stack(gains) / everyone
    return per_user[:, 0], per_user[:, 1:]


def _at_rate(
    expected: FloatVector, total: FloatVector, rate: FloatVector, kind: OutcomeKind
) -> FloatVector:
    """Likelihood of users who are all given one rate."""
    if kind == "events":
        return total * np.log(rate) - expected
    found: FloatVector = -2 * total / np.sqrt(rate) - 2 * expected / np.sqrt(rate)
    return found


def _by_negative_binomial(y: FloatVector, own: FloatVector, given: FloatVector) -> float | None:
    """Gain of a prediction over that of the users' own, each with its best common size."""
    base, mine, theirs = (
        _negative_binomial(y, mu * y.sum() / mu.sum()) for mu in (np.ones(y.size), own, given)
    )
    return (theirs - base) / (mine - base) if mine > base else None


def _negative_binomial(y: FloatVector, mu: FloatVector) -> float:
    """Log likelihood at the common size that is best for it."""
    from scipy.optimize import minimize_scalar
    from scipy.special import gammaln, xlog1py, xlogy

    cells = distinct_rows(np.column_stack([y, mu]))
    y, mu, weights = cells.rows[:, 0], cells.rows[:, 1], cells.weights

    def loss(log_size: float) -> float:
        size = np.exp(log_size)
        shape = gammaln(y + size) - gammaln(size) - xlog1py(size + y, mu / size)
        return -float(weights @ (shape + xlogy(y, mu / size)))

    return -float(minimize_scalar(loss, bounds=_SIZES, method="bounded").fun)
