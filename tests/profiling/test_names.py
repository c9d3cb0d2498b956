"""Names of segments: from ranks, distinct, and claiming no more than the numbers do."""

import numpy as np
import polars as pl
import pytest
from scipy.stats import rankdata

from segmentry.datasets import TAOBAO_ATTRIBUTES
from segmentry.features import LOG_FEATURES
from segmentry.profiling import name_segments

CATALOGUE = {feature.name: feature for feature in (*LOG_FEATURES, *TAOBAO_ATTRIBUTES)}
DEFAULT = [CATALOGUE["ctr_shrunk"], CATALOGUE["n_impressions"]]


def groups_of(ids):
    ids = np.asarray(ids)
    return [np.flatnonzero(ids == segment_id) for segment_id in range(1, ids.max() + 1)]


def test_a_segment_is_named_by_what_stands_out_most():
    users = pl.DataFrame(
        {"ctr_shrunk": [0.04, 0.05, 0.06, 0.05, 0.05, 0.05], "n_impressions": [1, 2, 2, 50, 60, 70]}
    )

    names = name_segments(users, [np.arange(3), np.arange(3, 6)], DEFAULT)

    # Mean rank of impressions is 2 of 6, twice of it relative to the middle is -0.5; CTR is even.
    assert names == ["Rarely shown", "Heavily shown"]


@pytest.mark.parametrize(
    ("n_low", "name"), [(10, "Very rarely shown"), (50, "Rarely shown"), (90, "Average")]
)
def test_the_word_follows_the_mean_rank(n_low, name):
    # All lowest n of 100 stand at n / 100 - 1: -0.9, -0.5 and -0.1.
    users = pl.DataFrame({"n_impressions": range(100)})
    standing = (2 * rankdata(range(100))[:n_low] - 1).mean() / 100 - 1
    assert standing == pytest.approx(n_low / 100 - 1)

    assert name_segments(users, [np.arange(n_low)], [CATALOGUE["n_impressions"]]) == [name]


def test_a_few_extreme_users_do_not_name_a_segment():
    # The means differ by 500; nine users of ten do not.
    users = pl.DataFrame({"n_impressions": [*range(9), 10_000, *range(9), 10]})

    assert name_segments(users, groups_of([1] * 10 + [2] * 10), DEFAULT[1:]) == [
        "Average",
        "Average (2)",
    ]


def test_unknown_values_stand_in_the_middle():
    users = pl.DataFrame({"age_level": [1.0, 2.0, *[None] * 4, 5.0, 6.0, None, float("inf")]})
    ids = [1, 1, 2, 2, 2, 2, 3, 3, 2, 2]

    names = name_segments(users, groups_of(ids), [CATALOGUE["age_level"]])

    assert names == ["Younger", "Average", "Older"]


def test_a_third_word_tells_two_segments_apart():
    levels = pl.DataFrame(
        {
            "ctr_shrunk": [0.1] * 4 + [0.5] * 4,
            "n_impressions": [1] * 4 + [9] * 4,
            "age_level": [3, 3, 5, 5, 3, 3, 1, 1],
        }
    )

    names = name_segments(
        levels, groups_of([1, 1, 2, 2, 3, 3, 4, 4]), [*DEFAULT, CATALOGUE["age_level"]]
    )

    assert len(set(names)) == 4
    assert names[0] == "Seldom clicks, rarely shown"
    assert names[1] == "Older, seldom clicks"


@pytest.mark.parametrize("n_segments", range(2, 13))
@pytest.mark.parametrize("forming", [DEFAULT, list(CATALOGUE.values()), []])
def test_names_are_distinct_and_claim_nothing(n_segments, forming):
    rng = np.random.default_rng(n_segments)
    users = pl.DataFrame({name: rng.integers(0, 6, 120) for name in CATALOGUE})
    ids = rng.permutation(np.arange(120) % n_segments + 1)

    names = name_segments(users, groups_of(ids), forming)

    assert len(set(names)) == n_segments
    for name in names:
        assert name[0].isupper()
        for claim in ("silent", "churn", "lost", "loyal", "lover", "hater", "bot", "dead"):
            assert claim not in name.lower()


def test_every_name_of_one_feature_says_low_or_high():
    users = pl.DataFrame({name: range(20) for name in CATALOGUE})
    groups = [np.arange(10), np.arange(10, 20)]

    for feature in CATALOGUE.values():
        if feature.kind != "categorical":
            low, high = name_segments(users, groups, [feature])
            assert low != high, feature.name
            assert "(" not in low + high, feature.name


def test_the_order_of_users_changes_no_name():
    rng = np.random.default_rng(17)
    users = pl.DataFrame({f.name: rng.integers(0, 50, 300) for f in DEFAULT})
    ids = 1 + (users["n_impressions"].to_numpy() > 20) + (users["ctr_shrunk"].to_numpy() > 40)
    order = rng.permutation(300)

    assert name_segments(users, groups_of(ids), DEFAULT) == name_segments(
        users[order], groups_of(ids[order]), DEFAULT
    )


def test_a_segment_without_users_is_average():
    users = pl.DataFrame({"n_impressions": range(6)})

    assert name_segments(users, [np.arange(6), np.arange(0)], DEFAULT[1:]) == [
        "Average",
        "Average (2)",
    ]
