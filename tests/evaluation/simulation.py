"""Small logs in memory, per user and day, with planted behaviours: what the checks are tried on."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from segmentry.evaluation.later_days import Relabelling
from segmentry.features import LOG_FEATURES, fit_beta_prior, shrink
from segmentry.features.user_days import UserDays
from segmentry.segments.clustering import NEAR_BEST, distinct_rows, fit_clusterings
from segmentry.segments.forming import recipe_named
from segmentry.segments.preprocessing import fit_preprocessing, plan_column

# Share of the users, shift of the exposure, CTR at seven impressions: as in segmentry.datasets.
BEHAVIOURS = np.array(
    [
        (0.38, -0.5, 0.0724),
        (0.27, 0.4, 0.066),
        (0.06, -0.2, 0.1625),
        (0.15, 0.0, 0.033),
        (0.09, 1.4, 0.0494),
        (0.05, 1.0, 0.0766),
    ]
)
NULL_CTR = 0.05144
WEIGHTS = recipe_named("default").weights


@dataclass(frozen=True)
class Formed:
    """Segments formed on the feature days, as a run forms them."""

    ids: np.ndarray
    n_segments: int
    relabelling: Relabelling


def simulate(n_users, *, seed, n_days=8, drift=0.0, null=False, fatigue=0.0, wander=0.0, kept=1.0):
    """Draw a log; returns its `UserDays`, the kind of each user and each user's true CTR.

    Days of a user are exchangeable but for `drift`, the standard deviation of a shift of all
    log-odds per day, `fatigue`, by which the log-odds of a user fall with each doubling of 1 + the
    impressions shown before, `wander`, the standard deviation of the daily steps of each user's
    log-odds, and `kept`: from day 6 on each user's difference to the mean CTR is so many times what
    it was. Daily impressions are Poisson with a gamma-distributed mean.
    """
    rng = np.random.default_rng(seed)
    kind = rng.choice(len(BEHAVIOURS), n_users, p=BEHAVIOURS[:, 0])
    exposure = 1.92 + 1.555 * (BEHAVIOURS[kind, 1] + rng.standard_normal(n_users)) / 1.2
    total = np.minimum(np.exp(exposure), 3200.0)
    odds = np.log(BEHAVIOURS[kind, 2] / (1 - BEHAVIOURS[kind, 2])) - 0.1 * np.log(total / 7)
    mean = 1 / (1 + np.exp(-odds))
    own = np.full(n_users, NULL_CTR) if null else rng.beta(60 * mean, 60 * (1 - mean))
    daily = total[:, np.newaxis] / 8 * rng.gamma(0.7, 1 / 0.7, (n_users, n_days))
    n = rng.poisson(daily)
    shift = drift * rng.standard_normal(n_days)
    if fatigue or wander:
        shift = shift - fatigue * np.log2(1 + np.cumsum(n, axis=1) - n)
        shift = shift + wander * np.cumsum(rng.standard_normal(n.shape), axis=1)
    rates = np.repeat(own[:, np.newaxis], n_days, axis=1)
    if kept != 1.0:
        mean = total @ own / total.sum()
        rates[:, 6:] = np.clip(mean + kept * (own - mean), 1e-4, 1 - 1e-4)[:, np.newaxis]
    c = rng.binomial(n, 1 / (1 + np.exp(-np.log(rates / (1 - rates)) - shift)))
    return user_days(n, c), kind, own


def user_days(n, c):
    """`UserDays` from matrices of shape (n_users, n_days); days are 0, 1, ..."""
    n, c = np.asarray(n), np.asarray(c)
    user, day = np.nonzero(n)
    frame = pl.DataFrame(
        {"user_id": user, "day": day, "n_impressions": n[user, day], "n_clicks": c[user, day]}
    )
    return UserDays.from_frame(frame, users=pl.Series(np.arange(len(n))))


def form_segments(counts, *, days, k, seed, weights=WEIGHTS):
    """Form K segments on some days as `segmentry run` does, by its default features and weights."""
    totals = counts.totals(days)
    n, c = totals.n_trials, totals.n_successes
    prior = fit_beta_prior(c, n)
    table = pl.DataFrame(
        {
            "n_impressions": n,
            "n_clicks": c,
            "n_active_days": counts.active_days(days)[0],
            "ctr_shrunk": shrink(c, n, prior),
            "ctr": np.divide(c, n, out=np.full(n.size, np.nan), where=n > 0),
        }
    )
    shown = n > 0
    known = {feature.name: feature for feature in LOG_FEATURES}
    plans = [plan_column(known[name], weight=weight) for name, weight in weights.items()]
    steps = fit_preprocessing(table.filter(shown), plans)
    distinct = distinct_rows(steps.transform(table.filter(shown)))
    (fitted,) = fit_clusterings(
        distinct, n_clusters=[min(k, len(distinct.rows))], seed=seed, near=NEAR_BEST
    )
    ids = np.zeros(counts.n_users, dtype=np.int64)
    ids[shown] = fitted.labels[distinct.inverse] + 1
    relabelling = Relabelling(
        table=table,
        counts=counts,
        days=tuple(days),
        preprocessing=steps,
        centers=fitted.centers,
        prior=prior,
        is_member=np.ones(counts.n_users, dtype=bool),
    )
    return Formed(ids=ids, n_segments=len(fitted.centers), relabelling=relabelling)
