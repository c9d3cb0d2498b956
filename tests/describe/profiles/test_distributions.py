"""Bins of features: every known user is counted once, in raw units."""

from itertools import pairwise

import numpy as np
import polars as pl
import pytest

from segmentry.describe.profiles import bin_edges, bin_features, count_values
from segmentry.schema import Feature


def feature(name, kind="count"):
    return Feature(
        name=name, family="activity", label=name, unit="", kind=kind, fill="zero", description=""
    )


def binned(values):
    """Bin the values of one segment."""
    users, ids = pl.DataFrame({"v": values}), np.ones(len(values), dtype=int)
    return bin_features(count_values(users, ids, [feature("v")], n_segments=1))


def test_few_whole_numbers_get_a_bin_each_and_unknown_or_unassigned_users_none():
    users = pl.DataFrame({"n": [0, 0, 1, 3, None, 3]})
    ids = np.array([1, 2, 1, 2, 2, 0])

    (found,) = bin_features(count_values(users, ids, [feature("n")], n_segments=2))

    assert found.edges == (-0.5, 0.5, 1.5, 2.5, 3.5)
    assert found.segments == ((1, 1, 0, 0), (1, 0, 0, 1))
    assert found.population == (2, 1, 0, 1)
    assert found.n_above == 0


def test_the_last_bin_holds_what_lies_above_the_99th_percentile():
    values = np.concatenate([np.linspace(0, 10, 990), np.full(10, 500.0)])

    (found,) = binned(values)

    assert sum(found.population) == 1000
    assert found.edges[-1] == pytest.approx(500.0) or found.n_above == 10


@pytest.mark.parametrize("seed", range(5))
def test_every_value_is_counted_in_the_bin_that_holds_it(seed):
    values = np.floor(np.random.default_rng(seed).lognormal(2, 2, 3000))

    (found,) = binned(values)

    edges = np.array(found.edges)
    assert np.all(np.diff(edges) > 0)
    assert len(found.population) <= 24
    by_hand = [int(((values >= a) & (values < b)).sum()) for a, b in pairwise(edges)]
    by_hand[-1] += int((values >= edges[-1]).sum())
    assert list(found.population) == by_hand
    assert found.n_above == int((values > edges[-1]).sum())


def test_a_constant_feature_has_one_bin_and_moments_and_categories_have_none():
    users = pl.DataFrame({"c": [0.3, 0.3], "t": [1, 2], "g": ["a", "b"], "u": [None, None]})
    features = [feature("c"), feature("t", "time"), feature("g", "categorical"), feature("u")]

    known = users.cast({"u": pl.Float64})
    found = bin_features(count_values(known, np.array([1, 1]), features, n_segments=1))

    assert [each.feature for each in found] == ["c"]
    assert found[0].population == (2,)
    assert bin_edges(np.array([4.0]), np.array([1])).tolist() == [3.5, 4.5]
