"""The budget on generated logs with known truth; over 200 logs: benchmarks/budget.py."""

import numpy as np
import pytest
from tests.evaluation.simulation import form_segments, simulate

from segmentry.advise.budget import BudgetRequest, SegmentTraffic, divide_budget
from segmentry.evaluation.later_days import fold_rates

N_USERS = 4_000


@pytest.mark.parametrize("seed", range(4))
def test_the_plan_beats_proportional_where_users_differ(seed):
    counts, _, own = simulate(N_USERS, seed=seed)
    formed = form_segments(counts, days=range(8), k=3, seed=seed)
    rates = fold_rates(
        counts,
        formed.relabelling.labels,
        days=range(8),
        n_segments=3,
        shares=np.random.default_rng(seed).random(N_USERS),
        horizon=8,
        n_draws=200,
    )
    n = counts.totals().n_trials
    segments = [
        SegmentTraffic(
            segment_id=s,
            name=str(s),
            verdict="confirmed",
            n_users=int((formed.ids == s).sum()),
            n_impressions=int(n[formed.ids == s].sum()),
        )
        for s in (1, 2, 3)
    ]

    plan = divide_budget(
        segments, rates, BudgetRequest(n_impressions=10_000, n_days=8), n_days_of_log=8
    )

    truth = [float((n * own)[formed.ids == s].sum() / n[formed.ids == s].sum()) for s in (1, 2, 3)]
    gain = sum(
        rate * (each.impressions - each.proportional)
        for rate, each in zip(truth, plan.segments, strict=True)
    )
    assert gain > 0
    assert plan.comparisons[0].gain.value == pytest.approx(gain, rel=0.6)
