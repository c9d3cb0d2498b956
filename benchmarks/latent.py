"""How much of users' own signal latent classes keep on later days, over many generated logs.

python benchmarks/latent.py --seeds 200
"""

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from later_days import FEATURE_DAYS, OUTCOME_DAYS, print_rate
from tests.evaluation.simulation import simulate

from segmentry.evaluation.later_days import kept_gain
from segmentry.segments.clustering import distinct_rows
from segmentry.segments.latent import Part, fit_latent, posterior, soft_rates

PARTS = (
    Part(kind="clicks", feature="ctr_shrunk"),
    Part(kind="count", feature="n_impressions", offset=1),
)


def chosen_model(rows, weights, *, most, seed):
    """Fit 1 to `most` classes and take the smallest BIC of those that lost none."""
    fits = [
        fit_latent(rows, PARTS, n_classes=k, weights=weights, n_starts=4, seed=seed)
        for k in range(1, most + 1)
    ]
    return min((fit for fit in fits if not fit.n_empty), key=lambda fit: fit.bic).model


def kept_of(seed, *, n_users, most):
    """Kept gain by memberships, by class rates and by best rates; classes; nats of users."""
    counts, _, _ = simulate(n_users, seed=seed)
    seen, later = counts.totals(FEATURE_DAYS), counts.totals(OUTCOME_DAYS)
    shown = seen.n_trials > 0
    n, c = seen.n_trials[shown], seen.n_successes[shown]
    distinct = distinct_rows(np.stack([n, c, n], axis=1))
    rows = distinct.rows.astype(np.int64)
    model = chosen_model(rows, distinct.weights, most=most, seed=seed)
    memberships = posterior(model, rows)
    ids = np.zeros(n_users, dtype=np.int64)
    ids[shown] = memberships.argmax(axis=1)[distinct.inverse] + 1
    soft = np.zeros(n_users)
    soft[shown] = soft_rates(model, rows, memberships)[distinct.inverse]
    rates = np.array([0.0, *model.class_rates])[ids]
    found = [
        kept_gain(ids, seen=seen, later=later, forecast=each, n_draws=40, seed=seed)
        for each in (soft, rates)
    ]
    users = found[0].nats_of_users.value
    nats = [each.nats_by_forecast.value for each in found]
    return nats[0], nats[1], found[0].nats_by_best_rate.value, users, model.n_classes


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--n-users", type=int, default=10_000)
    parser.add_argument("--most", type=int, default=4)
    args = parser.parse_args()
    seeds = range(args.first, args.first + args.seeds)
    found = np.array([kept_of(s, n_users=args.n_users, most=args.most) for s in seeds])
    soft, rates, best, users, n_classes = found.T
    print(f"{args.seeds} logs of {args.n_users:,} users, 1 to {args.most} classes by BIC")
    print("classes chosen", dict(zip(*np.unique(n_classes, return_counts=True), strict=True)))
    for name, nats in (("memberships", soft), ("class rates alone", rates), ("best rates", best)):
        kept = nats / users
        error = kept.std(ddof=1) / np.sqrt(len(kept))
        pooled, quartiles = nats.sum() / users.sum(), np.quantile(kept, [0.25, 0.5, 0.75])
        print(
            f"kept gain by {name:<18} pooled {pooled:.3f}, mean {kept.mean():.3f} "
            f"± {1.645 * error:.3f} (90 %), quartiles {quartiles.round(3)}"
        )
    print_rate("logs with kept gain by memberships of at least 0.95", soft >= 0.95 * users)


if __name__ == "__main__":
    main()
