"""Rates that the budget promises, measured over many generated logs with known truth.

python benchmarks/budget.py --seeds 200
python benchmarks/budget.py --weighting --seeds 2 --n-users 400000
python benchmarks/budget.py --wear-out --seeds 200
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.evaluation.simulation import form_segments, simulate
from tests.summaries import make_summary

from segmentry.advise.budget import BudgetRequest, SegmentTraffic, divide_budget
from segmentry.advise.decisions import decide_spending
from segmentry.evaluation.later_days import FoldRates, fold_rates, forecast_ctr, verdicts
from segmentry.evaluation.stability import align_ids

DAYS, FEATURE_DAYS, OUTCOME_DAYS = range(8), range(6), (6, 7)
BUDGET = 100_000


def print_rate(name, hits):
    """Print a rate with its exact 95 % interval (Clopper and Pearson 1934)."""
    from scipy.stats import binomtest

    n_hits, n_runs = int(np.sum(hits)), len(hits)
    bounds = binomtest(n_hits, n_runs).proportion_ci(0.95)
    print(
        f"{name:<66} {n_hits:>5}/{n_runs:<5} {n_hits / n_runs:7.1%}  "
        f"[{bounds.low:.1%}, {bounds.high:.1%}]",
        flush=True,
    )


def judged(counts, seed, k):
    """Form segments on six days, judge them by two, form them again on all; as a run does."""
    first = form_segments(counts, days=FEATURE_DAYS, k=k, seed=seed)
    expected = forecast_ctr(
        counts,
        first.relabelling.labels,
        days=FEATURE_DAYS,
        n_segments=first.n_segments,
        n_outcome_days=len(OUTCOME_DAYS),
    )
    found = verdicts(first.ids, forecast=expected, later=counts.totals(OUTCOME_DAYS))
    again = form_segments(counts, days=DAYS, k=k, seed=seed)
    numbers = align_ids(
        first.ids, again.ids, n_old=first.n_segments, n_new=again.n_segments
    ).new_number
    said = {place + 1: each.verdict for place, each in enumerate(found)}
    return again, [said.get(int(number), "not checked") for number in numbers]


def traffic(ids, counts, words):
    """What the budget is told of each segment."""
    totals = counts.totals()
    n = np.bincount(ids, weights=totals.n_trials)[1:]
    users = np.bincount(ids)[1:]
    return [
        SegmentTraffic(
            segment_id=s + 1,
            name=f"segment {s + 1}",
            verdict=words[s],
            n_users=int(users[s]),
            n_impressions=int(n[s]),
        )
        for s in range(len(words))
    ]


def naive_rates(ids, counts, k, seed, n_draws=400):
    """Rates of the same clicks that formed the segments, users resampled: what is usually done."""
    totals = counts.totals()
    group = np.random.default_rng(seed).integers(500, size=len(ids))
    sums = np.zeros((500, k + 1, 2))
    np.add.at(sums, (group, ids, 0), totals.n_trials)
    np.add.at(sums, (group, ids, 1), totals.n_successes)
    sums = sums[:, 1:]
    rng = np.random.default_rng(seed)
    times = rng.multinomial(500, np.full(500, 1 / 500), size=n_draws).astype(float)
    drawn = np.einsum("dg,gsc->dsc", times, sums)
    whole = sums.sum(axis=0)
    return FoldRates(
        ctr=whole[:, 1] / whole[:, 0],
        draws=drawn[..., 1] / drawn[..., 0],
        n_impressions=whole[:, 0],
        n_clicks=whole[:, 1],
    )


def true_rates(ids, counts, own):
    """Mean true CTR of each segment, users weighted by their past impressions as the plan does."""
    n = counts.totals().n_trials
    return np.bincount(ids, weights=n * own)[1:] / np.bincount(ids, weights=n)[1:]


def parts(plan):
    """Planned and proportional impressions, shape (n_segments,) each."""
    return (
        np.array([each.impressions for each in plan.segments], float),
        np.array([each.proportional for each in plan.segments], float),
    )


def one_log(seed, args, *, null, drift, request):
    """Plan on one log; returns whether it beat proportional, was covered, was said to be better."""
    counts, _, own = simulate(args.n_users, seed=seed, null=null, drift=drift)
    formed, words = judged(counts, seed, args.k)
    segments = traffic(formed.ids, counts, words)
    rates = fold_rates(
        counts,
        formed.relabelling.labels,
        days=DAYS,
        n_segments=formed.n_segments,
        shares=np.random.default_rng([seed, 1]).random(args.n_users),
        horizon=8,
        seed=seed,
    )
    plan = divide_budget(segments, rates, request, n_days_of_log=8)
    truth = true_rates(formed.ids, counts, own)
    x, b = parts(plan)
    worth = b * (x / b) ** request.exponent
    gain = float(truth @ (worth - b))
    against = plan.comparisons[0]
    as_if = [
        SegmentTraffic(
            segment_id=s.segment_id,
            name=s.name,
            verdict="confirmed",
            n_users=s.n_users,
            n_impressions=s.n_impressions,
        )
        for s in segments
    ]
    alone = divide_budget(as_if, rates, request, n_days_of_log=8).comparisons[0]
    seen = naive_rates(formed.ids, counts, formed.n_segments, seed)
    naive = divide_budget(as_if, (seen, seen), request, n_days_of_log=8)
    nx, nb = parts(naive)
    naive_gain = float(truth @ (nb * (nx / nb) ** request.exponent - nb))
    usual = naive.comparisons[0].gain
    return {
        "beats proportional": gain > 0,
        "90 % interval of the gain covers the truth": against.gain.low <= gain <= against.gain.high,
        "'better' is said": against.is_better,
        "'better' by the interval alone, whatever the verdicts": alone.is_better,
        "rates that formed the segments: 'better' is said": naive.comparisons[0].is_better,
        "rates that formed the segments: 90 % interval covers": usual.low
        <= naive_gain
        <= usual.high,
    }


def decided(seed, args, *, null, drift):
    """Decide on one log as a run does, and hold what wear-out leaves of the gain against truth."""
    counts, _, own = simulate(args.n_users, seed=seed, null=null, drift=drift)
    formed, words = judged(counts, seed, args.k)
    labels, k = formed.relabelling.labels, formed.n_segments
    expected = forecast_ctr(counts, labels, days=DAYS, n_segments=k, n_outcome_days=2)
    shares = np.random.default_rng([seed, 1]).random(args.n_users)
    halves = fold_rates(
        counts, labels, days=DAYS, n_segments=k, shares=shares, horizon=8, seed=seed
    )
    plain = make_summary(n_points=2).segments[0]
    segments = [
        replace(
            plain,
            segment_id=each.segment_id,
            n_users=each.n_users,
            n_impressions=each.n_impressions,
            forecast_index=index,
            verdict=each.verdict,
        )
        for each, index in zip(traffic(formed.ids, counts, words), expected.index, strict=True)
    ]
    _, spending = decide_spending(segments, halves, has_clicks=True, n_days=8)
    if spending is None:
        return None
    truth = true_rates(formed.ids, counts, own)
    x, b = (
        spending.n_impressions * np.array([getattr(each, name) for each in spending.segments])
        for name in ("share_proposed", "share_now")
    )
    return [
        (each, float(truth @ (b * (x / b) ** each.power - b)), float(truth @ b))
        for each in spending.wear_out
    ]


def wear_out(args):
    """Print how often moves are proposed, and whether their gain by wear-out is the true one."""
    for name, null, drift in (
        ("planted", False, 0.0),
        ("planted, level varies by 0.1 a day", False, 0.1),
        ("null", True, 0.0),
    ):
        logs = [
            decided(seed, args, null=null, drift=drift)
            for seed in range(args.first, args.first + args.seeds)
        ]
        made = [log for log in logs if log is not None]
        print(f"{name}: {args.seeds} logs of {args.n_users:,} users")
        print_rate("  moves are proposed", [log is not None for log in logs])
        for place in range(len(made[0]) if made else 0):
            each = [log[place] for log in made]
            power = each[0][0].power
            inside = [w.gain.low <= true <= w.gain.high for w, true, _ in each]
            print_rate(f"  power {power}: 90 % interval of the gain holds the true one", inside)
            print_rate(f"  power {power}: the true gain is above 0", [t > 0 for _, t, _ in each])
            ratio = np.mean([w.gain.value for w, _, _ in each]) / np.mean([t for _, t, _ in each])
            share = np.mean([t / base for _, t, base in each])
            print(f"  power {power}: mean gain {ratio:.3f} times the true one ({share:.1%})")


def weighting(args):
    """How far rates are off that weight users by left-out days, where the plan takes all days."""
    errors = []
    for seed in range(args.first, args.first + args.seeds):
        counts, _, own = simulate(args.n_users, seed=seed)
        formed = form_segments(counts, days=DAYS, k=args.k, seed=seed)
        halves = fold_rates(
            counts,
            formed.relabelling.labels,
            days=DAYS,
            n_segments=formed.n_segments,
            shares=np.random.default_rng(seed).random(args.n_users),
            horizon=8,
        )
        truth = true_rates(formed.ids, counts, own)
        found = (halves[0].ctr + halves[1].ctr) / 2
        errors.append(np.log(found / truth)[np.argsort(truth)])
    print("mean relative error % by rising CTR", (100 * np.mean(errors, axis=0)).round(2))


def main():
    """Run on planted and null logs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--n-users", type=int, default=20_000)
    parser.add_argument("--k", type=int, default=5)
    parser.add_argument("--weighting", action="store_true")
    parser.add_argument("--wear-out", action="store_true")
    args = parser.parse_args()
    if args.weighting:
        weighting(args)
        return
    if args.wear_out:
        wear_out(args)
        return
    linear = BudgetRequest(n_impressions=BUDGET, n_days=8)
    concave = BudgetRequest(n_impressions=BUDGET, n_days=8, response="concave", exponent=0.8)
    for name, null, drift, request in (
        ("planted, linear", False, 0.0, linear),
        ("planted, concave 0.8", False, 0.0, concave),
        ("planted, linear, level varies by 0.1 a day", False, 0.1, linear),
        ("null, linear", True, 0.0, linear),
    ):
        logs = [
            one_log(seed, args, null=null, drift=drift, request=request)
            for seed in range(args.first, args.first + args.seeds)
        ]
        print(f"{name}: {args.seeds} logs of {args.n_users:,} users")
        for figure in logs[0]:
            print_rate(f"  {figure}", [log[figure] for log in logs])


if __name__ == "__main__":
    main()
