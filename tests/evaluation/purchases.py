"""Purchase logs: the CDNOW sample, and generated ones with heavy tails."""

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import polars as pl

from segmentry.evaluation.later_days import Relabelling
from segmentry.features import EVERY_LOG_FEATURE, BetaPrior
from segmentry.features.user_days import UserDays
from segmentry.features.windows import local_days, periods_of, split_window
from segmentry.schema import Outcome, Window
from segmentry.segments.clustering import NEAR_BEST, distinct_rows, fit_clusterings
from segmentry.segments.forming import recipe_named
from segmentry.segments.preprocessing import fit_preprocessing, plan_column

WEIGHTS = recipe_named("events").weights


def cdnow_users(folder, *, until=dt.date(1997, 9, 30)):
    """Return of each user the repeats, weeks to the last, weeks in all, and their mean value.

    Purchases of one day are one, as in Fader, Hardie and Lee (2005).
    """
    spent = defaultdict(lambda: defaultdict(float))
    for line in (folder / "cdnow/CDNOW_sample.txt").read_text().splitlines():
        user, _, day, _, amount = line.split()
        spent[user][dt.datetime.strptime(day, "%Y%m%d").date()] += float(amount)
    rows = []
    for days in spent.values():
        first = min(days)
        repeats = [day for day in days if first < day <= until]
        last = max(repeats, default=first)
        values = [days[day] for day in repeats]
        mean = float(np.mean(values)) if values else 0.0
        rows.append((len(repeats), (last - first).days / 7, (until - first).days / 7, mean))
    return (np.array(column) for column in zip(*rows, strict=True))


def cdnow_days(folder):
    """Return the CDNOW sample as a frame of users and days, counted from the first."""
    rows = [
        (int(user), dt.datetime.strptime(day, "%Y%m%d").date(), round(float(amount) * 1e6))
        for user, _, day, _, amount in (
            line.split() for line in (folder / "cdnow/CDNOW_sample.txt").read_text().splitlines()
        )
    ]
    frame = pl.DataFrame(rows, orient="row", schema=["user_id", "date", "value"])
    return (
        frame.with_columns(
            user_id=pl.col("user_id").rank("dense").cast(pl.Int64) - 1,
            day=(pl.col("date") - pl.col("date").min()).dt.total_days(),
        )
        .group_by("user_id", "day")
        .agg(pl.col("value").sum(), n_impressions=pl.len(), n_clicks=pl.lit(0))
    )


@dataclass(frozen=True)
class FormedShoppers:
    """Segments of the forming days by frequency and recency."""

    ids: np.ndarray
    n_segments: int
    relabelling: Relabelling


def simulate_purchases(n_users, *, seed, n_days=364, alike=False, drift=0.0):
    """Draw days with a purchase and their value: heavy tails, users who come late and who leave.

    Rates are log-normal (the top tenth buys about half), a user leaves after any purchase with a
    probability of its own (0.15 on average), values are log-normal around a log-normal mean of each
    user. `drift` moves all rates from week to week. `alike` gives all users one rate and one mean,
    and nobody leaves. Returned is a frame of ``user_id, day, n_impressions, n_clicks, value``.
    """
    rng = np.random.default_rng(seed)
    start = (0.9 * n_days * rng.random(n_users) ** 2).astype(np.int64)
    mean = 6 / n_days
    rate = mean * np.exp(1.3 * rng.standard_normal(n_users) - 0.85)
    leave = rng.beta(0.6, 3.4, n_users)
    own = np.exp(3 + 0.6 * rng.standard_normal(n_users))
    if alike:
        rate, leave, own = np.full(n_users, mean), np.zeros(n_users), np.full(n_users, 20.0)
    level = np.exp(drift * np.repeat(rng.standard_normal(n_days // 7 + 1), 7)[:n_days])
    day = np.arange(n_days)
    buys = rng.random((n_users, n_days)) < 1 - np.exp(-rate[:, np.newaxis] * level)
    buys &= day > start[:, np.newaxis]
    buys[np.arange(n_users), start] = True
    gone = np.cumsum(buys & (rng.random(buys.shape) < leave[:, np.newaxis]), axis=1)
    buys[:, 1:] &= gone[:, :-1] == 0
    user, day = np.nonzero(buys)
    value = own[user] * np.exp(0.9 * rng.standard_normal(user.size))
    return pl.DataFrame(
        {
            "user_id": user,
            "day": day,
            "n_impressions": 1,
            "n_clicks": 0,
            "value": np.round(value * 1e6).astype(np.int64),
        }
    )


def counted_purchases(frame, *, kind="events"):
    """Return `UserDays` of a frame of purchases, of users 0, 1, ..."""
    users = pl.Series(np.arange(frame["user_id"].max() + 1))
    outcome = Outcome(kind=kind, event="purchase", events="purchases")
    return UserDays.from_frame(frame, users=users, outcome=outcome)


def windows_of(n_days):
    """Return the forming periods and the later days of a log of so many days."""
    window = Window(start=0, end=n_days * 86400)
    periods = periods_of(window)
    split = split_window(window, periods)
    end = local_days(split.feature).stop
    return [each for each in periods if each.stop <= end], local_days(split.outcome)


def form_shoppers(counts, *, days, k, seed):
    """Form K segments as `segmentry run` does of a log of events."""
    table = pl.DataFrame(
        {"n_active_days": counts.active_days(days)[0], "recency_days": counts.days_since(days)}
    )
    plans = [
        plan_column(feature, weight=WEIGHTS[feature.name])
        for feature in EVERY_LOG_FEATURE
        if feature.name in WEIGHTS
    ]
    is_known = (table["n_active_days"] > 0).to_numpy()
    steps = fit_preprocessing(table.filter(is_known), plans)
    rows = distinct_rows(steps.transform(table.filter(is_known)))
    (found,) = fit_clusterings(rows, n_clusters=[k], seed=seed, near=NEAR_BEST)
    relabelling = Relabelling(
        table=table,
        counts=counts,
        days=tuple(days),
        preprocessing=steps,
        centers=found.centers,
        prior=BetaPrior(0.0, 1.0),
        is_member=is_known,
    )
    return FormedShoppers(relabelling.labels(days), k, relabelling)
