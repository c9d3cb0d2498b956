"""Gap statistic and prediction strength on data whose answer is known."""

import numpy as np
import pytest
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from segmentry.evaluation.number import (
    gap_statistic,
    prediction_strength,
)
from segmentry.evaluation.number._groups import _strength, sample_users, usable_numbers
from segmentry.segments.clustering import DistinctRows, distinct_rows


def blobs(rng, n=300, gap=6.0):
    corners = gap * np.array([[0, 0], [1, 0], [0.5, 0.75**0.5]])
    return rng.standard_normal((n, 2)) + corners[np.arange(n) % 3]


def gaps_of(X, **options):
    settings = {"most": 5, "n_references": 8, "n_users": 300} | options
    return gap_statistic(distinct_rows(X), **settings)


@pytest.mark.parametrize("seed", range(4))
def test_three_blobs_are_three_groups_by_every_measure(seed):
    X = blobs(np.random.default_rng(seed))

    assert [curve.n_groups for curve in gaps_of(X, seed=seed)] == [3, 3]
    assert prediction_strength(distinct_rows(X), most=5, seed=seed).n_groups == 3


@pytest.mark.parametrize("seed", range(4))
def test_one_gaussian_and_a_uniform_square_are_one_group(seed):
    rng = np.random.default_rng(100 + seed)

    for X in (rng.standard_normal((300, 3)), rng.random((300, 2))):
        assert [curve.n_groups for curve in gaps_of(X, seed=seed)] == [1, 1]
    # Hardly more pairs stay together than chance gives: no strength.
    assert prediction_strength(distinct_rows(rng.standard_normal((300, 3))), most=5).n_groups == 1


def test_one_correlated_gaussian_is_one_group_by_its_own_axes_only():
    rng = np.random.default_rng(0)
    X = rng.multivariate_normal([0, 0, 0], 0.1 * np.eye(3) + 0.9, size=300)

    uniform, pca = gaps_of(X)

    assert uniform.n_groups > 1
    assert pca.n_groups == 1


def test_gap_equals_the_definition_within_its_error():
    X = blobs(np.random.default_rng(7), gap=3.0)
    rng = np.random.default_rng(8)

    def log_w(matrix, k):
        # On a busy machine the threads of scikit-learn wait for each other for a minute.
        with threadpool_limits(1):
            return np.log(KMeans(k, n_init=5, random_state=0).fit(matrix).inertia_)

    uniform, _ = gaps_of(X, n_references=20, most=4)
    for k, gap, error in zip(uniform.numbers, uniform.gaps, uniform.errors, strict=True):
        drawn = [log_w(rng.uniform(X.min(0), X.max(0), X.shape), k) for _ in range(20)]
        # Each mean of 20 has the error s / sqrt(21).
        assert gap == pytest.approx(np.mean(drawn) - log_w(X, k), abs=4 * error / 21**0.5 * 2**0.5)
        assert error == pytest.approx(np.std(drawn) * (1 + 1 / 20) ** 0.5, rel=0.8)


def test_gap_rules_by_hand():
    from segmentry.evaluation.number._groups import _curve

    references = np.array([[1.0, 2.0, 3.0, 3.5], [1.2, 2.2, 3.2, 3.7]])
    curve = _curve("uniform", (1, 2, 3, 4), np.array([0.5, 1.5, 1.0, 1.6]), references, n_users=9)

    # Gaps 0.6, 0.6, 2.1, 2.0; every s is 0.1 x sqrt(1.5).
    assert curve.gaps == pytest.approx((0.6, 0.6, 2.1, 2.0))
    assert curve.errors == pytest.approx((0.1 * 1.5**0.5,) * 4)
    assert curve.n_groups == 3


def test_few_distinct_rows_are_no_failure():
    curve, _ = gaps_of(np.repeat([[0.0, 1.0], [1.0, 0.0]], 50, axis=0))

    assert (curve.numbers, curve.n_groups, curve.gaps) == ((1,), 1, (0.0,))
    assert prediction_strength(distinct_rows(np.ones((9, 1)))).n_groups == 1


def test_sample_holds_users_not_rows():
    users = DistinctRows(np.array([[0.0], [1.0]]), np.array([9000.0, 1000.0]), np.zeros(0, int))

    sample = sample_users(users, n_users=1000, seed=0)

    assert sample.weights.sum() == 1000
    # Hypergeometric: mean 900, standard deviation 9.
    assert sample.weights[0] == pytest.approx(900, abs=45)
    assert sample_users(users, n_users=20_000, seed=0).weights.tolist() == [9000, 1000]
    assert usable_numbers(sample, 10) == (1,)


def test_prediction_strength_equals_pairs_counted_one_by_one():
    rng = np.random.default_rng(3)
    first, second = rng.standard_normal((25, 2)), rng.standard_normal((25, 2))
    ones = np.ones(25, dtype=int)

    found = _strength([(first, ones), (second, ones)], 3, seed=0)

    centers = KMeans(3, n_init=4, random_state=0).fit(first).cluster_centers_
    labels = KMeans(3, n_init=4, random_state=0).fit(second).labels_
    predicted = np.argmin(((second[:, None] - centers) ** 2).sum(axis=2), axis=1)
    strengths = []
    for j in range(3):
        members = np.flatnonzero(labels == j)
        pairs = [predicted[a] == predicted[b] for a in members for b in members if a != b]
        strengths.append(np.mean(pairs) if pairs else 0.0)
    assert found == pytest.approx(min(strengths))
