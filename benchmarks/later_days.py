"""Rates that the checks promise, measured over many generated logs.

python benchmarks/later_days.py forecast --seeds 400
python benchmarks/later_days.py verdicts --seeds 200
python benchmarks/later_days.py verdicts --seeds 200 --n-users 3000
python benchmarks/later_days.py no-signal --seeds 400
python benchmarks/later_days.py levels --seeds 400 --n-users 5000
python benchmarks/later_days.py references --seeds 600 --n-users 1500
python benchmarks/later_days.py cost --n-users 1100000
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.evaluation.simulation import form_segments, simulate

from segmentry.evaluation.later_days import day_levels, forecast_ctr, kept_gain, verdicts
from segmentry.evaluation.number import (
    gap_statistic,
    inner_gain,
    prediction_strength,
    separate,
)
from segmentry.evaluation.stability import stability
from segmentry.segments.clustering import (
    assign,
    distinct_rows,
    fit_clusterings,
    reweighted,
)

FEATURE_DAYS, OUTCOME_DAYS = range(6), (6, 7)


def binomial_bounds(n_hits, n_runs):
    """Exact 95 % interval of a rate (Clopper and Pearson 1934)."""
    from scipy.stats import binomtest

    interval = binomtest(n_hits, n_runs).proportion_ci(0.95)
    return interval.low, interval.high


def print_rate(name, hits):
    """Print a rate with its exact 95 % interval."""
    n_hits, n_runs = int(np.sum(hits)), len(hits)
    low, high = binomial_bounds(n_hits, n_runs)
    rate = f"{n_hits:>6}/{n_runs:<6} {n_hits / n_runs:7.1%}  [{low:.1%}, {high:.1%}]"
    print(f"{name:<58} {rate}", flush=True)


def forecast(args):
    """Coverage of the 90 % intervals of CTR, index and level in the outcome window."""
    for drift in (0.0, 0.1, 0.3):
        hits = {"ctr": [], "index": [], "level": [], "extreme ctr": []}
        errors = []
        for seed in range(args.seeds):
            counts, _, _ = simulate(args.n_users, seed=seed, drift=drift)
            formed = form_segments(counts, days=FEATURE_DAYS, k=args.k, seed=seed)
            found = forecast_ctr(
                counts,
                formed.relabelling.labels,
                days=FEATURE_DAYS,
                n_segments=formed.n_segments,
                n_outcome_days=len(OUTCOME_DAYS),
            )
            later = counts.totals(OUTCOME_DAYS)
            n = np.bincount(formed.ids, weights=later.n_trials)
            c = np.bincount(formed.ids, weights=later.n_successes)
            level = c[1:].sum() / n[1:].sum()
            rates = c[1:] / n[1:]
            hits["level"].append(found.level.low <= level <= found.level.high)
            inside = [e.low <= r <= e.high for e, r in zip(found.ctr, rates, strict=True)]
            hits["ctr"].extend(inside)
            order = np.argsort([e.value for e in found.ctr])
            hits["extreme ctr"].extend([inside[order[0]], inside[order[-1]]])
            hits["index"].extend(
                e.low <= 100 * r / level <= e.high for e, r in zip(found.index, rates, strict=True)
            )
            errors.append([np.log(found.ctr[j].value / rates[j]) for j in order])
        for name, each in hits.items():
            print_rate(f"90 % interval of {name}, drift {drift}, {args.n_users} users", each)
        print("  mean relative error % by rising CTR", (100 * np.mean(errors, axis=0)).round(2))


SCENARIOS = {"planted": 1.0, "half kept": 0.5, "gone": 0.0, "turned": -0.5}


def judged(args, seed, **options):
    """Form segments on six days, forecast the next two, and judge them by what came."""
    counts, _, _ = simulate(args.n_users, seed=seed, drift=args.drift, **options)
    formed = form_segments(counts, days=FEATURE_DAYS, k=args.k, seed=seed)
    found = forecast_ctr(
        counts,
        formed.relabelling.labels,
        days=FEATURE_DAYS,
        n_segments=formed.n_segments,
        n_outcome_days=len(OUTCOME_DAYS),
    )
    by_days = counts.clicks_by_days(OUTCOME_DAYS, is_in=formed.ids > 0)
    later = counts.totals(OUTCOME_DAYS)
    return verdicts(formed.ids, forecast=found, later=later, by_days=by_days), formed, counts


def all_verdicts(args):
    """Verdicts where differences last, are halved, are gone or turned round, and never were."""
    for name in (*SCENARIOS, "null"):
        if args.only not in name:
            continue
        kinds, kept, any_found, any_reversed, unguarded = [], [], [], [], []
        for seed in range(args.first_seed, args.first_seed + args.seeds):
            options = {"null": True} if name == "null" else {"kept": SCENARIOS[name]}
            found, _, _ = judged(args, seed, **options)
            of_log = [each.verdict for each in found]
            kinds += of_log
            kept += [e.survival.value for e in found if e.survival.is_known]
            any_found.append(bool(set(of_log) & {"confirmed", "weaker", "reversed"}))
            any_reversed.append("reversed" in of_log)
            unguarded.append(any(e.p_holm is not None and e.p_holm <= 0.05 for e in found))
        print(f"{name}: {args.n_users} users, K = {args.k}, seeds {args.first_seed} and on")
        for kind in ("confirmed", "weaker", "reversed", "no difference", "not checked"):
            print_rate(f"  segments {kind}", [each == kind for each in kinds])
        print_rate("  logs with any verdict of a difference", any_found)
        print_rate("  logs with any later difference, forecast or not", unguarded)
        print_rate("  logs with any reversed", any_reversed)
        if kept:
            print("  later / forecast, 5, 50, 95 %:", np.quantile(kept, (0.05, 0.5, 0.95)).round(2))


def no_signal(args):
    """Share of null logs that are said to have no user-level signal."""
    hits = []
    for seed in range(args.first_seed, args.first_seed + args.seeds):
        counts, _, _ = simulate(args.n_users, seed=seed, null=True, drift=args.drift)
        formed = form_segments(counts, days=FEATURE_DAYS, k=args.k, seed=seed)
        seen, later = counts.totals(FEATURE_DAYS), counts.totals(OUTCOME_DAYS)
        gain = kept_gain(formed.ids, seen=seen, later=later, n_draws=200, seed=seed)
        hits.append(gain.reason != "")
    print_rate("null logs with 'no user-level signal'", hits)


def levels(args):
    """How often days are said to move, where they do not and where they do."""
    for drift in (0.0, 0.05, 0.1, 0.3):
        found = [
            day_levels(simulate(args.n_users, seed=seed, drift=drift)[0], range(8))
            for seed in range(args.seeds)
        ]
        print_rate(f"drift {drift}: p at most 0.05", [each.p_value <= 0.05 for each in found])
        print_rate(f"drift {drift}: said to move", [each.has_moved for each in found])
        print(f"  spread found, root mean square {np.mean([e.sd**2 for e in found]) ** 0.5:.3f}")


def p_values(ids, n, c):
    """P-values of each segment against the rest by four references; ids from 1, all shown."""
    from scipy.stats import norm, t

    n, c = n.astype(float), c.astype(float)
    level, found = c.sum() / n.sum(), {}
    for segment in np.unique(ids):
        sides = [ids == segment, ids != segment]
        totals = [n[side].sum() for side in sides]
        if min(totals) * level < 20:
            continue
        squares = [
            (c[side] - level * n[side]) ** 2 / total**2
            for side, total in zip(sides, totals, strict=True)
        ]
        own = sum(each.sum() for each in squares)
        least = level * (1 - level) / np.array(totals)
        floored = sum(np.maximum([each.sum() for each in squares], least))
        df = own**2 / sum(each @ each for each in squares)
        difference = abs(c[sides[0]].sum() / totals[0] - c[sides[1]].sum() / totals[1])
        for name, variance in (("own variance", own), ("variance floor", floored)):
            found.setdefault(f"{name}, normal", []).append(2 * norm.sf(difference / variance**0.5))
            found.setdefault(f"{name}, t", []).append(2 * t.sf(difference / variance**0.5, df))
    return found


def no_difference(n_users, *, seed, concentration, spread):
    """Later counts of users with own CTRs, in segments of exposure that has no part in them."""
    rng = np.random.default_rng(seed)
    mean = np.minimum(np.exp(1.92 + spread * rng.standard_normal(n_users)), 20_000)
    seen = rng.poisson(0.75 * mean)
    later = rng.poisson(0.25 * mean * rng.gamma(2, 0.5, n_users))
    own = rng.beta(concentration * 0.0514, concentration * 0.9486, n_users)
    clicks = rng.binomial(later, own)
    exposure = np.log1p(seen) + 0.3 * rng.standard_normal(n_users)
    ids = 1 + np.searchsorted(np.quantile(exposure, [0.3, 0.6, 0.8, 0.95]), exposure)
    shown = later > 0
    return ids[shown], later[shown], clicks[shown]


def references(args):
    """Share of logs without a difference in which each reference finds one."""
    for concentration, spread in ((60, 1.555), (10, 1.555), (10, 2.2)):
        hits = {}
        for seed in range(args.seeds):
            drawn = no_difference(
                args.n_users, seed=seed, concentration=concentration, spread=spread
            )
            for name, each in p_values(*drawn).items():
                # Holm rejects any at all if and only if Bonferroni does.
                hits.setdefault(name, []).append(min(each) * len(each) <= 0.05)
        for name, each in hits.items():
            print_rate(f"a + b = {concentration}, spread {spread}: {name}", each)


def cost(args):
    """Seconds of each check at full scale."""

    def timed(name, work):
        began = time.perf_counter()
        result = work()
        print(f"{name:<40} {time.perf_counter() - began:7.2f} s")
        return result

    counts, _, _ = timed("simulate", lambda: simulate(args.n_users, seed=0))
    formed = timed("form", lambda: form_segments(counts, days=FEATURE_DAYS, k=args.k, seed=0))
    seen = timed("totals of 6 days", lambda: counts.totals(FEATURE_DAYS))
    later = counts.totals(OUTCOME_DAYS)
    timed("relabel once", lambda: formed.relabelling.labels(range(5)))
    found = timed(
        "forecast_ctr",
        lambda: forecast_ctr(
            counts,
            formed.relabelling.labels,
            days=FEATURE_DAYS,
            n_segments=formed.n_segments,
            n_outcome_days=2,
        ),
    )
    rates = np.array([0.0, *(e.value for e in found.ctr)])[formed.ids]
    gain = timed("kept_gain", lambda: kept_gain(formed.ids, seen=seen, later=later, forecast=rates))
    print(gain)
    decided = timed("verdicts", lambda: verdicts(formed.ids, forecast=found, later=later))
    for each, rate in zip(decided, found.ctr, strict=True):
        print(each.verdict, each.reason, rate)
    timed("inner_gain, one K", lambda: inner_gain(formed.ids, later=later))
    shown = seen.n_trials > 0
    steps = formed.relabelling.preprocessing
    users = distinct_rows(steps.transform(formed.relabelling.table.filter(shown)))
    print(f"{len(users.rows)} distinct rows")
    timed("gap_statistic, K = 1..10", lambda: gap_statistic(users))
    timed("prediction_strength, K = 1..10", lambda: prediction_strength(users))
    print(timed("separate, K = 1..10", lambda: separate(users)))

    def refit(weights, seed):
        again = reweighted(users, weights)
        (fitted,) = fit_clusterings(again, n_clusters=[args.k], seed=seed, n_starts=8, n_polished=1)
        return assign(users.rows, fitted.centers)[0]

    labels = assign(users.rows, formed.relabelling.centers)[0]
    print(timed("stability, 50 runs of one K", lambda: stability(users, labels, refit)))


COMMANDS = {
    "forecast": forecast,
    "verdicts": all_verdicts,
    "no-signal": no_signal,
    "levels": levels,
    "references": references,
    "cost": cost,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=list(COMMANDS))
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--n-users", type=int, default=20_000)
    parser.add_argument("--only", default="", help="verdicts: kinds of logs whose name holds this")
    parser.add_argument("--first-seed", type=int, default=0, help="verdicts, no-signal")
    parser.add_argument("--k", type=int, default=5)
    parser.add_argument("--drift", type=float, default=0.0, help="days vary by so much")
    args = parser.parse_args()
    COMMANDS[args.what](args)


if __name__ == "__main__":
    main()
