"""Rates that the check on later events and value promises, over many generated purchase logs.

python benchmarks/outcomes.py coverage --seeds 200
python benchmarks/outcomes.py alike --seeds 200
python benchmarks/outcomes.py cdnow --data FOLDER_WITH_CDNOW
"""

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.evaluation.purchases import (
    cdnow_days,
    counted_purchases,
    form_shoppers,
    simulate_purchases,
    windows_of,
)

from segmentry.evaluation.later_days import forecast_events, outcome_gain, verdicts


def print_rate(name, hits):
    """Print a rate with its exact 95 % interval (Clopper and Pearson 1934)."""
    from scipy.stats import binomtest

    n_hits = int(np.sum(hits))
    bounds = binomtest(n_hits, len(hits)).proportion_ci(0.95)
    share = f"{n_hits}/{len(hits)} {n_hits / len(hits):.1%} [{bounds.low:.1%}, {bounds.high:.1%}]"
    print(f"{name:<60} {share}", flush=True)


def checked(frame, n_days, *, kind, k, seed):
    """Form segments, forecast them, and count the later days."""
    counts = counted_purchases(frame, kind=kind)
    periods, later = windows_of(n_days)
    days = range(periods[0].start, periods[-1].stop)
    formed = form_shoppers(counts, days=days, k=k, seed=seed)
    horizon = max(1, round(len(later) / len(periods[-1])))
    forecast = forecast_events(
        counts, formed.relabelling, periods=periods, n_segments=k, horizon=horizon
    )
    return counts, days, later, formed, forecast


def coverage(args):
    """Coverage of the 90 % intervals of rates, index and level, with heavy tails."""
    for kind, drift in (("events", 0.0), ("events", 0.2), ("value", 0.0)):
        hits = {"rate": [], "index": [], "level": []}
        for seed in range(args.first, args.first + args.seeds):
            frame = simulate_purchases(args.n_users, seed=seed, n_days=args.n_days, drift=drift)
            counts, _, later, formed, found = checked(
                frame, args.n_days, kind=kind, k=args.k, seed=seed
            )
            outcome = counts.outcomes(later)
            n, y = (
                np.bincount(formed.ids, weights=each, minlength=args.k + 1)[1:]
                for each in (outcome.n_trials, outcome.n_successes)
            )
            level = y.sum() / n.sum()
            hits["level"].append(found.level.low <= level <= found.level.high)
            for rate, index, later_rate in zip(found.ctr, found.index, y / n, strict=True):
                if rate.low is not None:
                    hits["rate"].append(rate.low <= later_rate <= rate.high)
                if index.low is not None:
                    hits["index"].append(index.low <= 100 * later_rate / level <= index.high)
        for name, each in hits.items():
            print_rate(f"{kind}, drift {drift}: 90 % interval of the {name}", each)


def alike(args):
    """Share of logs of users who are all alike with any verdict of a difference."""
    for kind in ("events", "value"):
        hits = []
        for seed in range(args.first, args.first + args.seeds):
            frame = simulate_purchases(args.n_users, seed=seed, n_days=args.n_days, alike=True)
            counts, _, later, formed, found = checked(
                frame, args.n_days, kind=kind, k=args.k, seed=seed
            )
            judged = verdicts(formed.ids, forecast=found, later=counts.outcomes(later))
            hits.append(any(e.verdict not in ("no difference", "not checked") for e in judged))
        print_rate(f"{kind}: logs of alike users with a difference claimed", hits)


def cdnow(args):
    """Predictive share on the CDNOW sample: 39 weeks form, 39 weeks judge."""
    frame = cdnow_days(args.data)
    week = 7
    periods = [range(week * 3 * i, week * 3 * (i + 1)) for i in range(13)]
    days, later = range(39 * week), range(39 * week, 78 * week)
    for kind in ("events", "value"):
        counts = counted_purchases(frame, kind=kind)
        for k in (4, 5, 6, 8):
            formed = form_shoppers(counts, days=days, k=k, seed=0)
            found = forecast_events(
                counts, formed.relabelling, periods=periods, n_segments=k, horizon=13
            )
            rates = np.array([0.0, *(each.value for each in found.ctr)])
            gain = outcome_gain(formed.ids, counts, days=(days, later), forecast=rates[formed.ids])
            kept, by_nb = gain.by_forecast, gain.by_negative_binomial
            shown = " to ".join(
                "unknown" if each is None else f"{each:.3f}" for each in (kept.low, kept.high)
            )
            value = "unknown" if kept.value is None else f"{kept.value:.3f}"
            also = "" if by_nb is None else f"; by negative-binomial likelihood {by_nb:.2f}"
            print(f"{kind}, K = {k}: {value} of {gain.model} ({shown}){also}")


COMMANDS = {"coverage": coverage, "alike": alike, "cdnow": cdnow}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=list(COMMANDS))
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--n-users", type=int, default=2000)
    parser.add_argument("--n-days", type=int, default=364)
    parser.add_argument("--k", type=int, default=4)
    parser.add_argument("--data", type=Path, help="cdnow: the folder that holds its files")
    args = parser.parse_args()
    COMMANDS[args.what](args)


if __name__ == "__main__":
    main()
