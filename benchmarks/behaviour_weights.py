"""What weights of views and purchases keep of later clicks and purchases.

    python benchmarks/behaviour_weights.py FOLDER --users 10000

    python benchmarks/behaviour_weights.py FOLDER --null 12

FOLDER is made again: a generated log with behaviours. Segments are formed on the feature window, by
each of some weights and numbers of segments, and judged by the outcome window.
"""

import argparse
import itertools
import tempfile
from collections import Counter
from pathlib import Path

from segmentry.config import load_config
from segmentry.datasets import GeneratorOptions, generate_taobao
from segmentry.evaluation.later_days import over_placebos
from segmentry.evaluation.later_days._families import Way, compare_families, permuted_family
from segmentry.ingest.taobao import find_taobao
from segmentry.pipeline._run import read_source
from segmentry.runtime.clock import StepClock
from segmentry.segments.forming import find_segments, recipe_named
from segmentry.segments.preprocessing import plan_column

WEIGHTS = ((0.5, 1.0), (0.0, 2.0), (1.0, 1.0), (1.0, 2.0), (2.0, 0.0), (2.0, 2.0))
NUMBERS = (4, 6, 8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--users", type=int, default=10_000)
    parser.add_argument("--rows", type=float, default=200.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--null", type=int, default=0, help="permutations of the family")
    asked = parser.parse_args()
    options = GeneratorOptions(
        n_users=asked.users,
        seed=asked.seed,
        behaviours=True,
        behaviour_rows_per_user=asked.rows,
    )
    if not asked.folder.exists():
        generate_taobao(asked.folder, options)
    settings = load_config(None, {"with": ("behaviours",)})
    with tempfile.TemporaryDirectory() as home:
        users, _ = read_source(find_taobao(asked.folder), settings, Path(home), StepClock(), None)
    early, recipe = users.early, recipe_named("default")
    features = {feature.name: feature for feature in users.features}
    base = {"ctr_shrunk": 2.0, "n_impressions": 1.0, "n_active_days": 0.5}

    def formed(table, weights, k):
        plans = [plan_column(features[n], weight=w) for n, w in weights.items() if w]
        return find_segments(table, plans, recipe=recipe, n_segments=[k], forced=k, seed=0)

    if asked.null:
        family = {"n_views": 1.0, "n_purchases": 1.0}
        print("A family that tells nothing (behaviours of other users), verdicts on clicks:")
        for k in NUMBERS:
            without, verdicts = Way(formed(early.table, base, k), early), Counter()
            for seed in range(asked.null):
                fake = permuted_family(early, list(family), seed=1000 + seed)
                ways = [Way(formed(fake.table, base | family, k), fake), without]
                gain = compare_families(*ways, seed=0)[0]
                verdicts["without placebos: " + gain.verdict] += 1
                others = [permuted_family(fake, list(family), seed=turn) for turn in range(3)]
                placebos = [Way(formed(e.table, base | family, k), e) for e in others]
                against = [compare_families(ways[0], each, seed=0)[0] for each in placebos]
                verdicts[over_placebos(gain, against).verdict] += 1
            print(f"K = {k}: {dict(verdicts)}", flush=True)
        return
    print(f"{asked.users:,} users, {asked.rows:g} rows each, seed {asked.seed}")
    print("views  purchases  K  clicks kept: with, without, added nats (90 %)  purchases: the same")
    for (views, bought), k in itertools.product(WEIGHTS, NUMBERS):
        with_family = formed(early.table, base | {"n_views": views, "n_purchases": bought}, k)
        found = compare_families(
            Way(with_family, early), Way(formed(early.table, base, k), early), seed=0
        )
        verdicts = [
            f"{_share(each.kept_with)} {_share(each.kept_without)} "
            f"{each.nats_added.value * 1000:+.3f} ({each.nats_added.low * 1000:+.3f} to "
            f"{each.nats_added.high * 1000:+.3f}) {each.verdict}"
            for each in found
        ]
        print(f"{views:5g} {bought:10g} {k:2}  " + "   |   ".join(verdicts), flush=True)


def _share(estimate) -> str:
    return "  – " if estimate.value is None else f"{estimate.value:.2f}"


if __name__ == "__main__":
    main()
