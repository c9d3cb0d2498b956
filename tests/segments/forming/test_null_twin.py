"""Users that all have the same true CTR: luck must not make a segment of those who click."""

import numpy as np
import polars as pl
import pytest

from segmentry.features import LOG_FEATURES, fit_beta_prior, shrink
from segmentry.segments.forming import find_segments, plan_features, recipe_named

DEFAULT = recipe_named("default")


def users_of(seed, *, alike, n_users=2000):
    """Users by their impressions as in the Taobao log, with one CTR of 5 % or one of two."""
    rng = np.random.default_rng(seed)
    shown = np.minimum(np.ceil(np.exp(rng.normal(1.9, 1.55, n_users))), 3756).astype(np.int64)
    rates = 0.05 if alike else rng.choice([0.02, 0.20], n_users, p=[0.8, 0.2])
    clicks = rng.binomial(shown, rates)
    days = np.minimum(rng.integers(1, 9, n_users), shown)
    table = {"user_id": range(n_users), "is_profiled": True, "n_impressions": shown}
    table["n_active_days"] = days
    shrunk = shrink(clicks, shown, fit_beta_prior(clicks, shown))
    return pl.DataFrame(table | {"n_clicks": clicks, "ctr_shrunk": shrunk})


def ctr_by_segment(users):
    plans = plan_features(DEFAULT, LOG_FEATURES)
    segmentation = find_segments(users, plans, recipe=DEFAULT, n_segments=(2, 3, 4))
    sums = users.with_columns(segment=segmentation.segment_ids).group_by("segment").sum()
    return (sums["n_clicks"] / sums["n_impressions"]).to_numpy()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_segments_of_users_with_one_true_ctr_have_the_same_ctr(seed):
    ctrs = ctr_by_segment(users_of(seed, alike=True))

    # 2,000 users have 46,000 impressions; a segment of a tenth of them has a deviation of 0.3 %.
    np.testing.assert_allclose(ctrs, 0.05, rtol=0, atol=0.01)


def test_segments_of_users_with_different_true_ctrs_differ():
    ctrs = ctr_by_segment(users_of(3, alike=False))

    assert ctrs.max() > 3 * ctrs.min()
