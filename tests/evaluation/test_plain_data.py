"""Every result can be written as JSON: plain numbers, never a NaN."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from tests.evaluation.simulation import form_segments, simulate

from segmentry.evaluation.later_days import forecast_ctr, kept_gain, verdicts
from segmentry.evaluation.number import (
    choose_number,
    gap_statistic,
    inner_gain,
    prediction_strength,
    separate,
)
from segmentry.evaluation.stability import align_ids, stability
from segmentry.segments.clustering import assign, distinct_rows


@pytest.fixture(scope="module", params=["planted", "null", "tiny"])
def results(request):
    n_users = 20 if request.param == "tiny" else 1500
    counts, _, _ = simulate(n_users, seed=0, null=request.param == "null")
    formed = form_segments(counts, days=range(6), k=3, seed=0)
    ids, k = formed.ids, formed.n_segments
    seen, later = counts.totals(range(6)), counts.totals((6, 7))
    forecast = forecast_ctr(
        counts, formed.relabelling.labels, days=range(6), n_segments=k, n_outcome_days=2
    )
    rates = np.array([0.0, *(each.value or 0.05 for each in forecast.ctr)])[ids]
    steps = formed.relabelling.preprocessing
    users = distinct_rows(steps.transform(formed.relabelling.table.filter(ids > 0)))
    labels = assign(users.rows, formed.relabelling.centers)[0]
    gaps = gap_statistic(users, most=3, n_references=3, n_users=200)
    strength = prediction_strength(users, most=3, n_splits=3, n_users=200)
    gains = [inner_gain(ids, later=later)]
    return [
        replace(forecast, covariance=None),
        kept_gain(ids, seen=seen, later=later, forecast=rates, n_draws=50),
        *verdicts(ids, forecast=forecast, later=later),
        *verdicts(ids, forecast=forecast, later=None),
        choose_number(gains, separate(users, most=3)),
        *gaps,
        strength,
        stability(users, labels, lambda _w, _s: labels, n_runs=3),
        align_ids(ids, ids),
    ]


def test_results_are_json(results):
    for each in results:
        text = json.dumps(asdict(each), allow_nan=False)
        assert text.startswith("{")
