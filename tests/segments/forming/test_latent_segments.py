"""Latent classes as segments: their number, their order, and what cannot be had."""

import numpy as np
import polars as pl
import pytest
from tests.texts import raises_text

from segmentry.errors import SelectionError
from segmentry.features import LOG_FEATURES
from segmentry.segments.forming import find_segments, plan_features, recipe_named

DEFAULT = recipe_named("default")


def segments_of(table, *, features, **settings):
    plans = plan_features(DEFAULT, LOG_FEATURES, features=features)
    return find_segments(table, plans, recipe=DEFAULT, algorithm="latent", **settings)


def table_of(n, c):
    users = {"user_id": range(len(n)), "is_profiled": True, "n_impressions": n, "n_clicks": c}
    return pl.DataFrame(users | {"ctr_shrunk": (c + 1.0) / (n + 20.0)})


@pytest.fixture(scope="module")
def keen_and_not():
    """1,200 users of 2 % CTR, 800 of 30 %, 40 impressions or so each; and who is keen."""
    rng = np.random.default_rng(4)
    is_keen = np.arange(2000) % 5 < 2
    n = 1 + rng.poisson(40, 2000)
    return table_of(n, rng.binomial(n, np.where(is_keen, 0.3, 0.02))), is_keen


def test_two_kinds_of_users_are_two_segments_by_both_criteria(keen_and_not):
    table, is_keen = keen_and_not

    found = segments_of(table, features=["ctr_shrunk", "n_impressions"], n_segments=(2, 3, 4))

    assert found.n_segments == found.latent.by_icl == 2
    assert found.selection.reason.endswith("the ICL agrees.")
    assert (found.segment_ids == np.where(is_keen, 2, 1)).mean() > 0.99
    assert found.latent.model.class_rates == pytest.approx((0.02, 0.3), abs=0.01)
    assert found.centers.shape == (2, 2)
    silhouette = next(each for each in found.selection.candidates if each.is_selected).silhouette
    assert silhouette.is_known


def test_a_row_of_weight_three_is_three_users(keen_and_not):
    table, _ = keen_and_not
    weights = np.where(np.arange(2000) % 2 == 0, 3.0, 1.0)
    repeated = table[np.repeat(np.arange(2000), weights.astype(int))]
    asked = {"features": ["ctr_shrunk", "n_impressions"], "forced": 2, "n_segments": (2,)}

    weighted, expanded = (
        segments_of(table, weights=weights, **asked),
        segments_of(repeated, **asked),
    )

    assert weighted.latent.model == expanded.latent.model


def test_the_order_of_users_leaves_no_trace(keen_and_not):
    table, _ = keen_and_not
    order = np.random.default_rng(0).permutation(2000)
    asked = {"features": ["ctr_shrunk", "n_impressions"], "forced": 2, "n_segments": (2,)}

    there, mixed = segments_of(table, **asked), segments_of(table[order], **asked)

    assert there.latent.model == mixed.latent.model
    np.testing.assert_array_equal(there.segment_ids[order], mixed.segment_ids)


def test_a_number_that_loses_a_class_is_not_chosen_and_refused_if_asked_for():
    n = np.repeat([3, 4, 5, 6, 7], 40)
    table = table_of(n, np.zeros(200, dtype=int))

    found = segments_of(table, features=["n_impressions"], n_segments=(2, 3, 4, 5))

    lost = [fit.model.n_classes for fit in found.latent.fits if fit.n_empty]
    assert lost
    assert found.n_segments not in lost
    assert [each.n_segments for each in found.selection.candidates if each.n_segments in lost] == []
    with raises_text(SelectionError):
        segments_of(table, features=["n_impressions"], forced=lost[0])
