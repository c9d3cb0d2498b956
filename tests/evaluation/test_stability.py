"""Stability: what comes back counts, what is lost or fails counts 0."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from segmentry.errors import SelectionError
from segmentry.evaluation.stability import (
    adjusted_rand,
    contingency,
    jaccards,
    stability,
)
from segmentry.segments.clustering import assign, distinct_rows, fit_clusterings, reweighted


def blobs(rng, n=200, gap=8.0):
    return rng.standard_normal((n, 2)) + gap * np.array([[0, 0], [1, 0]])[np.arange(n) % 2]


def two_means(users):
    def fit(weights, seed):
        again = reweighted(users, weights)
        (found,) = fit_clusterings(again, n_clusters=[2], seed=seed, n_starts=3, n_polished=1)
        return assign(users.rows, found.centers)[0]

    return fit


@pytest.mark.parametrize("seed", range(5))
def test_adjusted_rand_equals_scikit_learn_on_the_expanded_rows(seed):
    rng = np.random.default_rng(seed)
    first, second = rng.integers(0, 4, 60), rng.integers(0, 3, 60)
    weights = rng.integers(1, 9, 60)

    table = contingency(first, second, weights=weights.astype(float))

    expected = adjusted_rand_score(np.repeat(first, weights), np.repeat(second, weights))
    assert adjusted_rand(table) == pytest.approx(expected, abs=1e-12)


def test_adjusted_rand_of_trivial_divisions_is_one():
    assert adjusted_rand(np.array([[5.0]])) == 1.0
    assert adjusted_rand(np.eye(4)) == 1.0


def test_jaccards_by_hand():
    table = contingency(np.array([0, 0, 0, 1, 1]), np.array([0, 0, 1, 1, 1]))

    np.testing.assert_allclose(jaccards(table), [[2 / 3, 1 / 5], [0, 2 / 3]])


def test_separated_blobs_come_back_every_time():
    users = distinct_rows(blobs(np.random.default_rng(0)))
    labels = (users.rows[:, 0] > 4).astype(np.int64)

    found = stability(users, labels, two_means(users), n_runs=20)

    assert found.is_stable
    assert found.adjusted_rand == 1.0
    assert [each.jaccard for each in found.segments] == [1.0, 1.0]


def test_cutting_one_round_cloud_in_four_is_not_stable():
    users = distinct_rows(np.random.default_rng(1).standard_normal((150, 2)))

    def fit(weights, seed):
        again = reweighted(users, weights)
        (found,) = fit_clusterings(again, n_clusters=[4], seed=seed, n_starts=3, n_polished=1)
        return assign(users.rows, found.centers)[0]

    labels = fit(users.weights, 0)
    found = stability(users, labels, fit, n_runs=30)

    assert not found.is_stable
    assert found.adjusted_rand < 0.8


def test_weights_are_those_of_resampled_users():
    users = distinct_rows([[0.0]] * 3 + [[1.0]] * 7)
    drawn = []

    def fit(weights, _):
        drawn.append(weights)
        return np.array([0, 1])

    stability(users, np.array([0, 1]), fit, n_runs=400)

    drawn = np.array(drawn)
    assert (drawn.sum(axis=1) == 10).all()
    # Binomial(10, 0.7): mean 7, standard error of the mean 0.072, variance 2.1.
    assert drawn[:, 1].mean() == pytest.approx(7, abs=0.25)
    assert drawn[:, 1].var() == pytest.approx(2.1, rel=0.25)


def test_failures_and_lost_segments_count_nothing():
    users = distinct_rows([[0.0], [1.0], [2.0], [3.0]])
    labels = np.array([0, 0, 1, 2])
    runs = []

    def fit(_weights, _seed):
        runs.append(None)
        kind = len(runs) % 4
        if kind == 0:
            raise SelectionError("too few distinct users")
        if kind == 1:
            return None
        if kind == 2:
            return np.zeros(4, dtype=int)
        return np.array([0, 0, 1, 1])

    found = stability(users, labels, fit, n_runs=8)

    # Only the last kind finds segments: 1 whole, 2 and 3 share a cluster at 1/2 each: 2 has it.
    assert [each.jaccard for each in found.segments] == [0.25, 0.125, 0.0]
    assert [each.n_lost for each in found.segments] == [6, 6, 8]
    assert found.n_failed == 4
    merged = adjusted_rand(contingency(labels, np.array([0, 0, 1, 1])))
    assert found.adjusted_rand == pytest.approx(merged * 2 / 8)


def test_unassigned_users_are_no_cluster():
    users = distinct_rows([[0.0], [1.0], [2.0]])

    found = stability(users, np.array([0, 0, -1]), lambda _w, _s: np.array([-1, -1, 0]), n_runs=2)

    assert found.segments[0].jaccard == 0


def test_same_seed_same_answer():
    users = distinct_rows(blobs(np.random.default_rng(3), gap=2.0))
    labels = (users.rows[:, 0] > 1).astype(np.int64)

    one, other = (stability(users, labels, two_means(users), n_runs=5, seed=4) for _ in range(2))

    assert one == other


def test_threads_change_nothing():
    users = distinct_rows(np.random.default_rng(1).standard_normal((150, 2)))
    labels = (users.rows[:, 0] > 0).astype(np.int64)
    seen = []

    found = stability(
        users,
        labels,
        two_means(users),
        n_runs=8,
        is_threaded=True,
        on_run=lambda done, total: seen.append((done, total)),
    )

    assert found == stability(users, labels, two_means(users), n_runs=8)
    assert seen == [(done, 8) for done in range(1, 9)]
