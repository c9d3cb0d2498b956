"""Rates that the A/B tests promise: nominal in A/A tests, the promised power where users differ.

python benchmarks/ab_tests.py aa --seeds 1000 --n-users 600
python benchmarks/ab_tests.py power --seeds 200 --n-users 2000 --mde 0.4
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.evaluation.simulation import form_segments, simulate

from segmentry.advise.experiments import (
    RATIO_ALARM,
    ExperimentRequest,
    analyse_experiment,
    assign_arms,
    days_needed,
    explained_share,
)
from segmentry.evaluation.later_days import daily_traffic

LOG_DAYS, FEATURE_DAYS, OUTCOME_DAYS = range(8), range(6), (6, 7)


def print_rate(name, hits):
    """Print a rate with its exact 95 % interval (Clopper and Pearson 1934)."""
    from scipy.stats import binomtest

    n_hits, n_runs = int(np.sum(hits)), len(hits)
    bounds = binomtest(n_hits, n_runs).proportion_ci(0.95)
    print(
        f"  {name:<58} {n_hits:>5}/{n_runs:<5} {n_hits / n_runs:7.1%}  "
        f"[{bounds.low:.1%}, {bounds.high:.1%}]",
        flush=True,
    )


def analysed(counts, ids, n_days, seed, *, share=0.5, own=None, effect=0.0):
    """Assign the users of some segments, run the test on the days after the log, analyse it."""
    users = np.flatnonzero(ids > 0)
    arms = assign_arms(pl.Series(users), ids[users], ratio=(1 - share, share), salt=f"seed {seed}")
    later = counts.totals(range(8, 8 + n_days))
    n, c = later.n_trials[users], later.n_successes[users]
    if effect:
        rate = np.clip(effect * own[users] / (1 - own[users]), 0, 1)
        c = c + np.random.default_rng([seed, 9]).binomial(n - c, rate) * arms
    before = counts.totals(LOG_DAYS)
    return analyse_experiment(
        arms,
        n,
        c,
        segment_ids=ids[users],
        before=(before.n_trials[users], before.n_successes[users]),
        treatment_share=share,
    )


def aa(args):
    """Share of A/A tests in which something is found, where there is nothing."""
    for share in args.shares:
        hits = {}
        for seed in range(args.seeds):
            counts, _, _ = simulate(args.n_users, seed=seed, n_days=12)
            ids = form_segments(counts, days=LOG_DAYS, k=3, seed=seed).ids
            found = analysed(counts, ids, 4, seed, share=share)
            holm = [each.p_holm for each in found.segments if each.p_holm is not None]
            for name, is_hit in (
                ("CTR, adjusted by the pre-period: p ≤ 0.05", found.effect.p <= 0.05),
                ("CTR, plain: p ≤ 0.05", found.plain.p <= 0.05),
                ("CTR, adjusted: p ≤ 0.01", found.effect.p <= 0.01),
                ("any segment: Holm p ≤ 0.05", min(holm) <= 0.05),
                ("impressions per user: p ≤ 0.05", found.guardrails[0].p <= 0.05),
                ("clicks per user: p ≤ 0.05", found.guardrails[1].p <= 0.05),
                ("sample-ratio alarm", found.ratio_p < RATIO_ALARM),
                ("alarm on users shown an ad", found.shown_ratio_p < RATIO_ALARM),
            ):
                hits.setdefault(name, []).append(is_hit)
        print(f"A/A, treatment {share:.0%}: {args.seeds} tests of {args.n_users:,} users, 4 days")
        for name, each in hits.items():
            print_rate(name, each)


def planned(counts, formed, request, seed):
    """Days that are promised to be enough, without and with the pre-period, and the traffic."""
    (traffic,) = daily_traffic(
        counts,
        formed.relabelling.labels,
        days=LOG_DAYS,
        segment_ids=formed.ids,
        groups=[range(1, formed.n_segments + 1)],
    )
    early = form_segments(counts, days=FEATURE_DAYS, k=3, seed=seed).ids
    seen, later = counts.totals(FEATURE_DAYS), counts.totals(OUTCOME_DAYS)
    is_in = early > 0
    share = explained_share(
        later.n_successes[is_in],
        later.n_trials[is_in],
        before=(seen.n_trials[is_in], seen.n_successes[is_in]),
        strata=early[is_in],
    )
    explained = share * (traffic.within / len(OUTCOME_DAYS) + traffic.between)
    return (
        days_needed(traffic, request),
        days_needed(traffic, request, explained=explained),
        traffic,
    )


def power(args):
    """Share of tests that find a planted lift of the size they were planned for."""
    for ratio in ((1.0, 1.0), (3.0, 1.0)):
        request = ExperimentRequest(mde=args.mde, ratio=ratio, max_days=args.max_days)
        hits, reached = {"plain": [], "adjusted": []}, []
        lengths = {"plain": [], "adjusted": []}
        for seed in range(args.seeds):
            counts, _, own = simulate(args.n_users, seed=seed, n_days=8 + args.max_days)
            formed = form_segments(counts, days=LOG_DAYS, k=3, seed=seed)
            *days, traffic = planned(counts, formed, request, seed)
            for name, n_days in zip(hits, days, strict=True):
                if n_days is None:
                    continue
                found = analysed(
                    counts,
                    formed.ids,
                    n_days,
                    seed,
                    share=request.treatment_share,
                    own=own,
                    effect=args.mde,
                )
                effect = found.plain if name == "plain" else found.effect
                hits[name].append(effect.p < request.alpha and effect.difference.value > 0)
                lengths[name].append(n_days)
                if name == "plain":
                    shown = sum(arm.n_shown for arm in found.arms)
                    reached.append(shown / traffic.users_reached(n_days))
        print(
            f"Lift {args.mde:.0%} as planned for, power 80 %, ratio {ratio[0]:g}:{ratio[1]:g}, "
            f"{args.n_users:,} users"
        )
        for name, each in hits.items():
            print_rate(f"found, {name}, {np.mean(lengths[name]):.1f} days on average", each)
        print(f"  users shown an ad / predicted: {np.mean(reached):.3f}")


COMMANDS = {"aa": aa, "power": power}


def main():
    """Parse and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--n-users", type=int, default=3_000)
    parser.add_argument("--shares", type=float, nargs="+", default=[0.5, 0.1])
    parser.add_argument("--mde", type=float, default=0.25)
    parser.add_argument("--max-days", type=int, default=30)
    args = parser.parse_args()
    COMMANDS[args.command](args)


if __name__ == "__main__":
    main()
