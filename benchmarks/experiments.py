"""Tests of what matters: false alarms where there is nothing, the promised power where there is.

python benchmarks/experiments.py aa --seeds 1000 --n-users 600
python benchmarks/experiments.py power --seeds 1000 --n-users 40000 --mde 0.12

Users buy as in a shop: half of them never, the others by a gamma-Poisson law (a user keeps a rate),
each purchase worth a lognormal amount with a long tail; clicks come from every user, by its own
rate, and an event that few users ever have. Tests are planned on eight days of each log, as
`segmentry plan test` does it, and analysed as `segmentry analyse test` does it.
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.ab_tests import print_rate

from segmentry.advise.experiments import (
    ExperimentRequest,
    analyse_metric,
    assign_arms,
    critical_values,
    plan_experiment,
)
from segmentry.advise.experiments._files import metric_rows
from segmentry.advise.experiments._power import look_days
from segmentry.errors import ConfigError

DAYS = 8
METRICS = ("clicks", "purchases", "value", "rare event")
LOOKS = (1 / 3, 2 / 3, 1.0)


@dataclass(frozen=True)
class Shop:
    """Rates of users by day; days are drawn when they are asked for."""

    rates: dict[str, np.ndarray]
    segments: np.ndarray
    rng: np.random.Generator

    @classmethod
    def of(cls, n_users, seed):
        """Draw the users."""
        rng = np.random.default_rng([seed, 4])
        buys = rng.random(n_users) < 0.5
        rates = {
            "clicks": rng.gamma(0.8, 0.5, n_users),
            "purchases": buys * rng.gamma(0.7, 0.12, n_users),
            "rare event": (rng.random(n_users) < 0.2) * rng.gamma(0.5, 0.3, n_users),
        }
        rates["value"] = rates["purchases"]
        return cls(rates, np.digitize(rates["clicks"], [0.2, 0.8]) + 1, rng)

    def draw(self, metric, n_days, lift=0.0, treated=None, *, is_dearer=False):
        """Return what each user did on each of some days, shape (n_days, n_users).

        The treated do more of it; or, of value, as much of what is worth more.
        """
        rates, factor = self.rates[metric], 1.0 if treated is None else 1 + lift * treated
        more = 1.0 if is_dearer else factor
        counts = self.rng.poisson(rates * more, (n_days, rates.size)).astype(float)
        if metric != "value":
            return counts
        worth = np.exp(self.rng.normal(3.0, 1.2, counts.shape))  # a few orders are worth most
        return counts * worth * (factor if is_dearer else 1.0)


def analysed(shop, metric, before, during, arms, *, alpha=0.05, look=None):
    """Analyse what the users did in the test."""
    n_arms = int(arms.max()) + 1
    return analyse_metric(
        arms,
        during,
        metric=metric,
        names=[f"arm {arm}" for arm in range(n_arms)],
        segment_ids=shop.segments,
        before=before[:, np.newaxis],
        ratio=(1.0,) * n_arms,
        is_winsorised=metric == "value",
        alpha=alpha,
        look=look,
    )


def arms_of(shop, n_arms, salt):
    """Assign the users within segments."""
    users = pl.Series(range(shop.segments.size))
    return assign_arms(users, shop.segments, ratio=(1.0,) * n_arms, salt=f"test {salt}")


def aa(args):
    """Share of A/A tests in which something is found, where there is nothing."""
    looks = {
        spending: critical_values(LOOKS, alpha=0.05, spending=spending)
        for spending in ("obrien-fleming", "pocock")
    }
    from scipy.special import ndtr

    print(f"A/A: {args.seeds} tests of {args.n_users:,} users, {DAYS} days before, 6 days of test")
    for metric in args.metrics:
        hits = {}
        for seed in range(args.first, args.first + args.seeds):
            shop = Shop.of(args.n_users, seed)
            before = shop.draw(metric, DAYS).sum(axis=0)
            during = shop.draw(metric, 6)
            total = during.sum(axis=0)
            four, two = (arms_of(shop, n_arms, seed) for n_arms in (4, 2))
            several = analysed(shop, metric, before, total, four)
            is_any = any(each.is_found for each in several.contrasts)
            hits.setdefault(f"{metric}, three treatments", []).append(is_any)
            # p does not depend on the level, so that one analysis of a look serves all of them.
            ps = [
                analysed(shop, metric, before, during[: 2 * look].sum(axis=0), two)
                .contrasts[0]
                .effect.p
                for look in (1, 2, 3)
            ]
            hits.setdefault(f"{metric}, one treatment", []).append(ps[-1] <= 0.05)
            for spending, values in looks.items():
                is_any = any(p <= 2 * ndtr(-z) for p, z in zip(ps, values, strict=True))
                hits.setdefault(f"{metric}, 3 looks, {spending}", []).append(is_any)
            unguarded = any(p <= 0.05 for p in ps)
            hits.setdefault(f"{metric}, 3 looks at 0.05 each: the usual way", []).append(unguarded)
        for name, each in hits.items():
            print_rate(name, each)


def power(args):
    """Share of tests that find a lift of the size they were planned for."""
    for metric in args.metrics:
        hits, lengths = {}, {}
        for seed in range(args.first, args.first + args.seeds):
            shop = Shop.of(args.n_users, seed)
            seen = shop.draw(metric, DAYS)
            for n_arms in (2, 3):
                arms = arms_of(shop, n_arms, seed)
                plans = planned(shop, metric, seen, mde=args.mde, n_arms=n_arms)
                longest = max((n_days for *_, n_days in plans), default=0)
                during = shop.draw(metric, longest, args.mde, arms == 1, is_dearer=args.dearer)
                for request, name, n_days in plans:
                    before = seen.sum(axis=0) if "pre-period" in name else np.zeros(args.n_users)
                    hit = is_found(shop, metric, before, during[:n_days], arms, request=request)
                    hits.setdefault(name, []).append(hit)
                    lengths.setdefault(name, []).append(n_days)
        print(f"{metric}: lift {args.mde:.0%}, {args.n_users:,} users, power 80 %")
        for name, each in hits.items():
            print_rate(f"{name}, {np.mean(lengths[name]):.1f} days", each)


def planned(shop, metric, seen, *, mde, n_arms):
    """Return request, name and days of each test; none where the plan refuses the lift."""
    day, user = np.nonzero(seen)
    rows, _ = metric_rows(
        pl.DataFrame({"user_id": user, "day": day, "y": seen[day, user]}),
        DAYS,
        pl.DataFrame({"user_id": range(shop.segments.size), "segment_id": shop.segments}),
        [(None, "all")],
        winsorised_for=mde if metric == "value" else None,
    )
    found = []
    for n_looks in (1, 3):
        request = ExperimentRequest(mde=mde, ratio=(1.0,) * n_arms, n_looks=n_looks, max_days=90)
        try:
            plan = plan_experiment(
                rows, request, measured_days=DAYS / 2, salt="", n_control=1, n_treatment=1
            )
        except ConfigError:
            continue
        name = f"{n_arms} arms, {n_looks} looks"
        for what, n_days in (
            ("with the pre-period", plan.everyone.n_days_adjusted),
            ("without", plan.everyone.n_days),
        ):
            if n_days is not None:
                found.append((request, f"{name}, {what}", n_days))
    return found


def is_found(shop, metric, before, during, arms, *, request):
    """Run one test of the planned length; of several treatments one works."""
    from scipy.special import ndtr

    alphas, looks = [request.alpha], [None]
    if request.n_looks > 1:
        fractions = tuple((look + 1) / request.n_looks for look in range(request.n_looks))
        values = critical_values(fractions, alpha=request.alpha_of_each, spending=request.spending)
        alphas, looks = [float(2 * ndtr(-z)) for z in values], range(1, request.n_looks + 1)
    for alpha, look, n_days in zip(alphas, looks, look_days(len(during), len(alphas)), strict=True):
        some = during[:n_days].sum(axis=0)
        found = analysed(shop, metric, before, some, arms, alpha=alpha, look=look)
        first = found.contrasts[0]
        if first.is_found and first.effect.difference.value > 0:
            return True
    return False


COMMANDS = {"aa": aa, "power": power}


def main():
    """Parse and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("--metrics", nargs="+", choices=METRICS, default=METRICS)
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--n-users", type=int, default=600)
    parser.add_argument("--mde", type=float, default=0.15)
    parser.add_argument("--dearer", action="store_true", help="purchases are dearer, not more")
    args = parser.parse_args()
    COMMANDS[args.command](args)


if __name__ == "__main__":
    main()
