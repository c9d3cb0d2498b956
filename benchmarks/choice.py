"""What the choice of K promises, measured over many generated sets.

python benchmarks/choice.py claims --seeds 200
python benchmarks/choice.py planted --seeds 200 --n-users 20000
python benchmarks/choice.py null --seeds 200 --n-users 3000
python benchmarks/choice.py null-groups --seeds 200 --n-users 3000
python benchmarks/choice.py weights --seeds 5 --n-users 20000
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.evaluation.simulation import form_segments, simulate
from truth import structures, told_rate

from segmentry.datasets.levels import draw_demography
from segmentry.datasets.planted import draw_behaviours
from segmentry.evaluation.later_days import forecast_ctr, kept_gain, verdicts
from segmentry.evaluation.number import (
    InnerSplit,
    choose_number,
    click_twins,
    column_twins,
    gap_statistic,
    group_twins,
    inner_gains,
    prediction_strength,
    recounted_rows,
    weigh_groups,
)
from segmentry.evaluation.stability import adjusted_rand, contingency
from segmentry.features import LOG_FEATURES, fit_beta_prior, shrink
from segmentry.segments.clustering import distinct_rows
from segmentry.segments.forming import recipe_named
from segmentry.segments.preprocessing import plan_column

FEATURE_DAYS, OUTCOME_DAYS = range(6), (6, 7)
NUMBERS = range(1, 11)
TOLD_EVERY = 25
TRIED = [(1, 1, 0), (1, 1, 0.5), (2, 1, 0), (2, 1, 0.5), (2, 0.5, 0), (3, 1, 0.5), (4, 1, 0.5)]
DEFAULT = dict(recipe_named("default").weights)


def split_of(counts, weights):
    """Cut the feature window as a run does."""
    totals = counts.totals(FEATURE_DAYS)
    n, c = totals.n_trials, totals.n_successes
    table = pl.DataFrame(
        {
            "user_id": np.arange(counts.n_users),
            "n_impressions": n,
            "n_active_days": counts.active_days(FEATURE_DAYS)[0],
            "ctr_shrunk": shrink(c, n, fit_beta_prior(c, n)),
        }
    )
    known = {feature.name: feature for feature in LOG_FEATURES}
    plans = tuple(plan_column(known[name], weight=weight) for name, weight in weights.items())
    return InnerSplit(
        table=table, counts=counts, first_days=(0, 1, 2, 3), last_days=(4, 5), plans=plans
    )


def eta_squared(values, ids):
    """Share of the variance that lies between segments."""
    sums, sizes = np.bincount(ids, weights=values), np.bincount(ids)
    used = sizes > 0
    means = sums[used] / sizes[used]
    between = np.sum(sizes[used] * (means - values.mean()) ** 2)
    return between / np.sum((values - values.mean()) ** 2)


def demography_of(kind, seed):
    """Give each user the levels of a random user of the same behaviour of the full generator."""
    rng = np.random.default_rng(seed)
    pool = draw_demography(kind.size, rng)
    behaviour = draw_behaviours(pool, 0, rng)
    drawn = np.zeros(kind.size, dtype=np.int64)
    for each in np.unique(kind):
        is_kind = kind == each
        drawn[is_kind] = rng.choice(np.flatnonzero(behaviour == each), is_kind.sum())
    fields = ("gender", "age", "consumption", "city", "shopping", "is_student")
    return {name: getattr(pool, name)[drawn] for name in fields}


def eta_squared_of_levels(fields, ids):
    """Mean over all levels of all fields of the share of variance between segments."""
    shares = []
    for codes in fields.values():
        levels = np.unique(codes)
        shares += [eta_squared((codes == level).astype(float), ids) for level in levels]
    return np.mean(shares)


def told_mean(name, values):
    """Print a mean with its standard error and the extreme deciles."""
    values = np.array(values, dtype=float)
    error = values.std(ddof=1) / np.sqrt(values.size) if values.size > 1 else np.nan
    low, high = np.quantile(values, (0.1, 0.9))
    print(f"{name:<58} {values.mean():.3f} +- {error:.3f}  (10 %: {low:.3f}, 90 %: {high:.3f})")


def judged(counts, kind, weights, *, numbers, seed):
    """Choose K, form the segments and hold them against the outcome window."""
    gains = inner_gains(split_of(counts, weights), numbers, seed=seed)
    k = choose_number(gains, ()).n_segments
    inner = next((each.gain.value for each in gains if each.n_segments == k), 0.0)
    formed = form_segments(counts, days=FEATURE_DAYS, k=k, seed=seed, weights=weights)
    found = forecast_ctr(
        counts,
        formed.relabelling.labels,
        days=FEATURE_DAYS,
        n_segments=formed.n_segments,
        n_outcome_days=len(OUTCOME_DAYS),
    )
    rates = np.array([found.level.value, *(e.value for e in found.ctr)])[formed.ids]
    seen, later = counts.totals(FEATURE_DAYS), counts.totals(OUTCOME_DAYS)
    gain = kept_gain(formed.ids, seen=seen, later=later, forecast=rates, n_draws=20, seed=seed)
    nats = [each.value for each in (gain.nats_of_users, gain.nats_by_best_rate)]
    shown = formed.ids > 0
    exposure = np.log1p(seen.n_trials[shown])
    return {
        "K": k,
        "inner gain, nats per 1,000 impressions": 1000 * inner,
        "kept gain by best rate": nats[1] / nats[0],
        "kept gain by forecast": gain.nats_by_forecast.value / nats[0],
        "eta squared of log impressions": eta_squared(exposure, formed.ids[shown]),
        "eta squared of demography": eta_squared_of_levels(
            {name: codes[shown] for name, codes in demography_of(kind, seed).items()},
            formed.ids[shown],
        ),
        "ARI with the plant": adjusted_rand(contingency(formed.ids[shown], kind[shown])),
    }


def planted(args):
    """Planted behaviours by the default features, weights and rule."""
    rows = []
    for seed in range(args.seeds):
        counts, kind, _ = simulate(args.n_users, seed=seed)
        rows.append(judged(counts, kind, DEFAULT, numbers=range(1, args.most + 1), seed=seed))
        if len(rows) % TOLD_EVERY == 0 or len(rows) == args.seeds:
            tell_planted(rows, args)


def tell_planted(rows, args):
    """Print what the logs so far have shown."""
    print(f"planted behaviours, {args.n_users} users, K up to {args.most}, {len(rows)} logs")
    found = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    print("K chosen:", dict(zip(*np.unique(found["K"], return_counts=True), strict=True)))
    for name, values in found.items():
        told_mean(name, values)
    best, published = found["kept gain by best rate"], found["kept gain by forecast"]
    told_rate("kept gain by best rate >= 0.80", best >= 0.80)
    told_rate("kept gain by forecast >= best - 0.02", published >= best - 0.02)
    told_rate("eta squared >= 0.50", found["eta squared of log impressions"] >= 0.50)


def weights(args):
    """Weights tried: what they keep, and what they still explain."""
    names = ("ctr_shrunk", "n_impressions", "n_active_days")
    for each in args.tried:
        asked = {name: w for name, w in zip(names, each, strict=True) if w}
        rows = []
        for seed in range(args.seeds):
            counts, kind, _ = simulate(args.n_users, seed=seed)
            numbers = range(1, args.most + 1)
            rows.append(judged(counts, kind, asked, numbers=numbers, seed=seed))
        means = {name: np.mean([row[name] for row in rows]) for name in rows[0]}
        told = ", ".join(f"{name} {value:.3f}" for name, value in means.items())
        print(f"weights {each}: {told}", flush=True)


def null(args):
    """Users that are all alike: what K, and does any run find a difference."""
    numbers, hits = [], []
    for seed in range(args.seeds):
        counts, _, _ = simulate(args.n_users, seed=seed, null=True)
        split = split_of(counts, DEFAULT)
        gains = inner_gains(split, NUMBERS, seed=seed)
        choice = choose_number(gains, ())
        if choice.n_segments > 1:
            clicks = click_twins(split, NUMBERS, gains, seed=seed)
            choice = choose_number(gains, (), clicks=clicks)
        numbers.append(choice.n_segments)
        formed = form_segments(
            counts, days=FEATURE_DAYS, k=choice.n_segments, seed=seed, weights=DEFAULT
        )
        expected = forecast_ctr(
            counts,
            formed.relabelling.labels,
            days=FEATURE_DAYS,
            n_segments=formed.n_segments,
            n_outcome_days=len(OUTCOME_DAYS),
        )
        found = verdicts(formed.ids, forecast=expected, later=counts.totals(OUTCOME_DAYS))
        hits.append(any(e.verdict not in ("no difference", "not checked") for e in found))
        if len(hits) % TOLD_EVERY == 0 or len(hits) == args.seeds:
            told_rate("null logs: no useful division claimed", np.array(numbers) == 1)
            told_rate("null logs with any difference found, K by the rule", hits)


def null_groups(args):
    """Users that are all alike: are natural groups claimed, without and with redrawn clicks."""
    by_gap, by_all = [], []
    for seed in range(args.seeds):
        counts, _, _ = simulate(args.n_users, seed=seed, null=True)
        split = split_of(counts, DEFAULT)
        rows = recounted_rows(split, counts)
        found = weigh_groups(rows, most=args.most, seed=seed)
        evidence = {"strength": found.strength, "columns": found.columns}
        alone = choose_number((), found.gaps, **evidence)
        by_gap.append(alone.n_groups == 1)
        by_all.append(True)
        if alone.n_groups > 1:
            redrawn = group_twins(split, alone.n_groups, seed=seed)
            choice = choose_number((), found.gaps, group_clicks=redrawn, **evidence)
            by_all[-1] = choice.n_groups == 1
        if len(by_all) % TOLD_EVERY == 0 or len(by_all) == args.seeds:
            told_rate("null logs: no groups claimed, clicks not redrawn", by_gap)
            told_rate("null logs: no groups claimed", by_all)


def claims(args):
    """How often groups are claimed. The gap is asked only where prediction strength leaves room."""
    names = ("independent Gaussian", "skewed, discrete, zero-inflated", "one correlated Gaussian")
    for name in (*names, "three blobs 4 sigma apart"):
        if args.only not in name:
            continue
        wanted, hits = (3 if name.startswith("three") else 1), []
        for seed in range(args.seeds):
            X = structures(name, np.random.default_rng(10_000 + seed), 500)
            users = distinct_rows(X / X.std(axis=0))
            strength = prediction_strength(users, most=6, seed=seed)
            n_groups = 1
            if strength.n_groups > 1:
                gaps = gap_statistic(users, most=6, seed=seed)
                k = min(curve.n_groups for curve in gaps)
                columns = column_twins(users, k=k, seed=seed) if k > 1 else None
                choice = choose_number([], gaps, strength=strength, columns=columns)
                n_groups = choice.n_segments
            hits.append(n_groups == wanted)
            if len(hits) % TOLD_EVERY == 0 or len(hits) == args.seeds:
                told_rate(f"{name}: {wanted}", hits)


COMMANDS = {
    "claims": claims,
    "planted": planted,
    "null": null,
    "null-groups": null_groups,
    "weights": weights,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=list(COMMANDS))
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--n-users", type=int, default=20_000)
    parser.add_argument("--most", type=int, default=10)
    parser.add_argument(
        "--tried",
        type=lambda text: tuple(float(each) for each in text.split(":")),
        nargs="+",
        default=TRIED,
        help="weights: shrunk CTR, impressions, active days, as 2:1:0.5",
    )
    parser.add_argument("--only", default="", help="claims: the sets whose name holds this")
    args = parser.parse_args()
    COMMANDS[args.what](args)


if __name__ == "__main__":
    main()
