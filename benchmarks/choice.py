"""What the choice of K promises, measured over many generated sets.

python benchmarks/choice.py planted --seeds 200 --n-users 20000
python benchmarks/choice.py halves --seeds 60 --n-users 20000
python benchmarks/choice.py stable --seeds 50 --first 1
python benchmarks/choice.py null --seeds 200 --n-users 3000
python benchmarks/choice.py weights --seeds 5 --n-users 20000
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).parents[1]))

from later_days import print_rate
from tests.evaluation.simulation import form_segments, simulate

from segmentry.datasets import GeneratorOptions, generate_taobao
from segmentry.datasets.levels import draw_behaviours, draw_demography
from segmentry.evaluation.later_days import forecast_ctr, kept_gain, verdicts
from segmentry.evaluation.number import (
    GAIN_SHARE,
    InnerSplit,
    choose_number,
    inner_gains,
    number_range,
    repeat_segments,
    thirds,
)
from segmentry.evaluation.number._inner_split import draw_users
from segmentry.evaluation.stability import STABLE, adjusted_rand, contingency
from segmentry.features import LOG_FEATURES, fit_beta_prior, shrink
from segmentry.features.user_days import UserDays
from segmentry.segments.clustering import NEAR_BEST, assign, fit_clusterings
from segmentry.segments.forming import recipe_named
from segmentry.segments.preprocessing import plan_column

FEATURE_DAYS, OUTCOME_DAYS = range(6), (6, 7)
NUMBERS = range(1, 11)
REPORT_EVERY = 25
TRIED = [(1, 1, 0), (1, 1, 0.5), (2, 1, 0), (2, 1, 0.5), (2, 0.5, 0), (3, 1, 0.5), (4, 1, 0.5)]
BLOCKS = {
    "thirds": None,
    "last": ((4, 5),),
    "later": ((2, 3), (4, 5)),
    "days": tuple((day,) for day in FEATURE_DAYS),
}
DEFAULT = dict(recipe_named("default").weights)


def split_of(counts, weights, *, blocks=None):
    """Hold out days of the feature window as a run does, or other blocks of them."""
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
    days = tuple(FEATURE_DAYS)
    held_out = thirds(days) if blocks is None else blocks
    return InnerSplit(table=table, counts=counts, days=days, held_out=held_out, plans=plans)


def choose(split, *, numbers=NUMBERS, seed, gain_share=GAIN_SHARE):
    """Choose the number of segments by the gain alone."""
    gains = inner_gains(split, numbers, seed=seed)
    found = () if gains is None else gains.summed()
    return gains, choose_number(found, gain_share=gain_share)


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


def print_mean(name, values):
    """Print a mean with its standard error and the extreme deciles."""
    values = np.array(values, dtype=float)
    error = values.std(ddof=1) / np.sqrt(values.size) if values.size > 1 else np.nan
    low, high = np.quantile(values, (0.1, 0.9))
    print(f"{name:<58} {values.mean():.3f} +- {error:.3f}  (10 %: {low:.3f}, 90 %: {high:.3f})")


def judged(counts, kind, weights, *, numbers, seed):
    """Choose K, form the segments and hold them against the outcome window."""
    _, choice = choose(split_of(counts, weights), numbers=numbers, seed=seed)
    k = choice.n_segments
    inner = next((each.gain.value for each in choice.gains if each.n_segments == k), 0.0)
    return {
        "K": k,
        "inner gain, nats per 1,000 impressions": 1000 * inner,
        **kept(counts, kind, k, weights, seed=seed),
    }


def kept(counts, kind, k, weights, *, seed):
    """Form K segments and hold them against the outcome window."""
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
    for seed in range(args.first, args.first + args.seeds):
        counts, kind, _ = simulate(args.n_users, seed=seed)
        rows.append(judged(counts, kind, DEFAULT, numbers=range(1, args.most + 1), seed=seed))
        if len(rows) % REPORT_EVERY == 0 or len(rows) == args.seeds:
            report_planted(rows, args)


def report_planted(rows, args):
    """Print what the logs so far have shown."""
    print(f"planted behaviours, {args.n_users} users, K up to {args.most}, {len(rows)} logs")
    found = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    print("K chosen:", dict(zip(*np.unique(found["K"], return_counts=True), strict=True)))
    for name, values in found.items():
        print_mean(name, values)
    best, published = found["kept gain by best rate"], found["kept gain by forecast"]
    print_rate("kept gain by best rate >= 0.80", best >= 0.80)
    print_rate("kept gain by forecast >= best - 0.02", published >= best - 0.02)
    print_rate("eta squared >= 0.50", found["eta squared of log impressions"] >= 0.50)


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
        text = ", ".join(f"{name} {value:.3f}" for name, value in means.items())
        print(f"weights {each}: {text}", flush=True)


def restricted(counts, users):
    """Return the log of some users."""
    place = np.full(counts.n_users, -1)
    place[users] = np.arange(users.size)
    of_row = place[counts.user_index]
    day = np.repeat(counts.days, np.diff(counts.starts))
    rows = pl.DataFrame(
        {
            "user_id": of_row,
            "day": day,
            "n_impressions": counts.n_impressions,
            "n_clicks": counts.n_clicks,
        }
    ).filter(pl.Series(of_row >= 0))
    return UserDays.from_frame(rows, users=pl.Series(np.arange(users.size)))


def demo_log(n_users, seed):
    """Return the counts per day of the log that `segmentry data generate` writes."""
    with tempfile.TemporaryDirectory() as folder:
        generate_taobao(Path(folder), GeneratorOptions(n_users=n_users, seed=seed))
        log = pl.read_csv(Path(folder) / "raw_sample.csv")
    log = log.with_columns(day=(pl.col("time_stamp") + 8 * 3600) // 86400)
    log = log.with_columns(day=pl.col("day") - pl.col("day").min()).group_by("user", "day")
    rows = log.agg(n_impressions=pl.len(), n_clicks=pl.col("clk").sum())
    users = rows["user"].unique().sort()
    return UserDays.from_frame(rows.rename({"user": "user_id"}), users=users)


def halves(args):
    """Do two halves of the users give the same number and the same segments."""
    blocks = BLOCKS[args.blocks]
    ks, aris, wholes, repeats = [], [], [], []
    for seed in range(args.first, args.first + args.seeds):
        if args.demo:
            counts, kind = demo_log(args.n_users, seed), None
        else:
            counts, kind, _ = simulate(
                args.n_users, seed=seed, drift=args.drift, fatigue=args.fatigue, wander=args.wander
            )
        order = np.random.default_rng(seed).permutation(counts.n_users)
        labels, own = [], []
        for part in np.array_split(order, 2):
            half = restricted(counts, np.sort(part))
            split = split_of(half, DEFAULT, blocks=blocks)
            gains, choice = choose(split, seed=seed, gain_share=args.share)
            own.append(choice.n_segments)
            again = number_range(gains, choice, seed=seed)
            repeats.append((again.chosen_share, again.range_low, again.range_high))
            formed = form_segments(half, days=FEATURE_DAYS, k=own[-1], seed=seed)
            formed = formed.relabelling
            steps, table = formed.preprocessing, split_of(counts, DEFAULT).table
            labels.append(assign(steps.transform(table), formed.centers)[0])
        ks.append(own)
        shown = counts.totals(FEATURE_DAYS).n_trials > 0
        aris.append(adjusted_rand(contingency(labels[0][shown], labels[1][shown])))
        split = split_of(counts, DEFAULT, blocks=blocks)
        k = choose(split, seed=seed, gain_share=args.share)[1].n_segments
        wholes.append({"K": k, **({} if args.demo else kept(counts, kind, k, DEFAULT, seed=seed))})
        if len(ks) % REPORT_EVERY == 0 or len(ks) == args.seeds:
            report_halves(np.array(ks), aris, wholes, np.array(repeats), args)


def report_halves(ks, aris, wholes, repeats, args):
    """Print what the logs so far have shown."""
    print(f"halves of {args.n_users} users, seeds {args.first} and on, {len(ks)} logs")
    print("K of the halves:", dict(zip(*np.unique(ks, return_counts=True), strict=True)))
    whole = np.array([row["K"] for row in wholes])
    print("K of all users:", dict(zip(*np.unique(whole, return_counts=True), strict=True)))
    print_rate("halves choose the same K", ks[:, 0] == ks[:, 1])
    print_rate("halves within one", np.abs(ks[:, 0] - ks[:, 1]) <= 1)
    print_mean("adjusted Rand index of the halves", aris)
    print_mean("share of draws that give the chosen K", repeats[:, 0])
    others = ks[:, ::-1].ravel()
    inside = (others >= repeats[:, 1]) & (others <= repeats[:, 2])
    print_rate("K of the other half is in the range", inside)
    if len(wholes[0]) > 1:
        best = np.array([row["kept gain by best rate"] for row in wholes])
        eta = np.array([row["eta squared of log impressions"] for row in wholes])
        print_mean("kept gain by best rate", best)
        print_mean("eta squared of log impressions", eta)
        print_rate("kept gain by best rate >= 0.80", best >= 0.80)
        print_rate("eta squared >= 0.50", eta >= 0.50)


def stable(args):
    """Generated logs, as `segmentry demo` writes them: segments unstable at the chosen number."""
    worst = []
    for seed in range(args.first, args.first + args.seeds):
        counts = demo_log(args.n_users, seed)
        split = split_of(counts, DEFAULT)
        gains, choice = choose(split, seed=seed)
        number = number_range(gains, choice, seed=seed)
        drawn = draw_users(split, np.ones(counts.n_users))
        (fitted,) = fit_clusterings(
            drawn.rows, n_clusters=[choice.n_segments], near=NEAR_BEST, seed=seed
        )
        labels = np.full(counts.n_users, -1)
        labels[drawn.is_member] = fitted.labels[drawn.rows.inverse]
        found = repeat_segments(split, labels, choice.n_segments, seed=seed)
        worst.append(min(each.jaccard for each in found.segments))
        print(
            f"seed {seed}: K = {choice.n_segments}, {number.range_low} to {number.range_high}, "
            f"{number.chosen_share:.2f}; worst {worst[-1]:.3f}",
            flush=True,
        )
    print_rate("no segment unstable at its K", np.array(worst) >= STABLE)


def null(args):
    """Users that are all alike: what K, and does any run find a difference."""
    numbers, hits = [], []
    for seed in range(args.first, args.first + args.seeds):
        counts, _, _ = simulate(
            args.n_users, seed=seed, null=True, drift=args.drift, fatigue=args.fatigue
        )
        split = split_of(counts, DEFAULT, blocks=BLOCKS[args.blocks])
        _, choice = choose(split, seed=seed)
        numbers.append(choice.n_segments)
        formed = form_segments(counts, days=FEATURE_DAYS, k=choice.n_segments, seed=seed)
        expected = forecast_ctr(
            counts,
            formed.relabelling.labels,
            days=FEATURE_DAYS,
            n_segments=formed.n_segments,
            n_outcome_days=len(OUTCOME_DAYS),
        )
        found = verdicts(formed.ids, forecast=expected, later=counts.totals(OUTCOME_DAYS))
        hits.append(any(e.verdict not in ("no difference", "not checked") for e in found))
        if len(hits) % REPORT_EVERY == 0 or len(hits) == args.seeds:
            print_rate("null logs: no useful division claimed", np.array(numbers) == 1)
            print_rate("null logs with any difference found, K by the rule", hits)


COMMANDS = {
    "halves": halves,
    "planted": planted,
    "stable": stable,
    "null": null,
    "weights": weights,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=list(COMMANDS))
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--demo", action="store_true", help="halves: logs of `data generate`")
    parser.add_argument("--blocks", choices=list(BLOCKS), default="thirds", help="days held out")
    parser.add_argument("--share", type=float, default=GAIN_SHARE, help="of the largest gain")
    for name in ("drift", "fatigue", "wander"):
        parser.add_argument(
            f"--{name}", type=float, default=0.0, help="halves, null: see `simulate`"
        )
    parser.add_argument("--n-users", type=int, default=20_000)
    parser.add_argument("--most", type=int, default=10)
    parser.add_argument(
        "--tried",
        type=lambda text: tuple(float(each) for each in text.split(":")),
        nargs="+",
        default=TRIED,
        help="weights: shrunk CTR, impressions, active days, as 2:1:0.5",
    )
    args = parser.parse_args()
    COMMANDS[args.what](args)


if __name__ == "__main__":
    main()
