from itertools import combinations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans
from tests.texts import raises_text
from threadpoolctl import threadpool_limits

from segmentry.errors import SelectionError
from segmentry.segments.clustering import (
    ALGORITHMS,
    DistinctRows,
    assign,
    distinct_rows,
    fit_clusterings,
)
from segmentry.segments.clustering._assignment import settle


def same_bits(first, second):
    return (
        first.centers.tobytes() == second.centers.tobytes()
        and first.labels.tobytes() == second.labels.tobytes()
        and (first.inertia, first.n_iterations) == (second.inertia, second.n_iterations)
    )


@pytest.fixture(scope="module")
def large():
    """9,000 distinct rows of uneven weights: more than either sample holds."""
    rng = np.random.default_rng(7)
    X = rng.normal(size=(9000, 3)) * [1, 2, 0.5] + 3 * rng.integers(0, 3, (9000, 1))
    return distinct_rows(X, weights=np.ceil(rng.pareto(1.5, 9000) + 0.5))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_three_blobs_are_recovered_in_the_order_of_their_sizes(blobs, algorithm):
    X, blob = blobs
    distinct = distinct_rows(X)

    (clustering,) = fit_clusterings(distinct, n_clusters=[3], algorithm=algorithm, seed=0)

    np.testing.assert_array_equal(clustering.labels[distinct.inverse], blob)
    np.testing.assert_allclose(clustering.centers, [[10, 0], [0, 0], [0, 10]], atol=0.25)
    assert clustering.algorithm == algorithm


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_labels_centres_and_inertia_agree(large, algorithm):
    for k, clustering in zip(
        [1, 4, 7],
        fit_clusterings(large, n_clusters=[1, 4, 7], algorithm=algorithm, seed=3),
        strict=True,
    ):
        labels, _ = assign(large.rows, clustering.centers)
        np.testing.assert_array_equal(labels, clustering.labels)
        sizes = [large.weights[labels == label].sum() for label in range(k)]
        assert min(sizes) > 0
        assert sizes == sorted(sizes, reverse=True)
        squares = np.sum((large.rows - clustering.centers[labels]) ** 2, axis=1)
        assert clustering.inertia == pytest.approx(np.dot(squares, large.weights), rel=1e-12)


def test_centres_of_k_means_are_the_means_of_their_users(large):
    (clustering,) = fit_clusterings(large, n_clusters=[5], seed=0)

    for label, center in enumerate(clustering.centers):
        own = clustering.labels == label
        mean = np.average(large.rows[own], axis=0, weights=large.weights[own])
        np.testing.assert_allclose(center, mean, atol=1e-12)


def median_inertia_of_scikit_learn(k, X, weights=None, *, n_seeds):
    """Ten starts end where luck takes them, so one seed of theirs is no yardstick."""
    with threadpool_limits(1):
        return np.median(
            [
                KMeans(k, n_init=10, random_state=seed).fit(X, sample_weight=weights).inertia_
                for seed in range(n_seeds)
            ]
        )


def test_inertia_is_no_worse_than_that_of_scikit_learn_on_all_users(repeated):
    for clustering in fit_clusterings(distinct_rows(repeated), n_clusters=[2, 4, 6, 8], seed=1):
        k = len(clustering.centers)
        theirs = median_inertia_of_scikit_learn(k, repeated, n_seeds=5)
        assert clustering.inertia <= theirs * 1.001


def test_inertia_through_samples_is_no_worse_than_that_of_scikit_learn(large):
    for clustering in fit_clusterings(large, n_clusters=[3, 6], seed=1):
        k = len(clustering.centers)
        theirs = median_inertia_of_scikit_learn(k, large.rows, large.weights, n_seeds=3)
        assert clustering.inertia <= theirs * 1.001


def smallest_inertia(values, k):
    """Optimum in one dimension by trying every division into intervals."""

    def scatter(part):
        return float(np.sum((part - np.mean(part)) ** 2))

    return min(
        sum(scatter(part) for part in np.split(values, cuts))
        for cuts in combinations(range(1, len(values)), k - 1)
    )


@settings(deadline=None, max_examples=25)
@given(st.sets(st.integers(-50, 50), min_size=4, max_size=9), st.integers(1, 4))
@example({-17, 0, 1, 7, 15, 23, 26, 30, 37}, 4)  # 30 starts stop short of it
def test_the_optimum_is_found_on_a_line(values, k):
    line = np.array(sorted(values), dtype=float)

    (clustering,) = fit_clusterings(
        distinct_rows(line[:, np.newaxis]), n_clusters=[k], seed=0, n_starts=300
    )

    assert clustering.inertia == pytest.approx(smallest_inertia(line, k), abs=1e-9)


@settings(deadline=None, max_examples=15)
@given(st.lists(st.integers(1, 4), min_size=5, max_size=12), st.sampled_from(ALGORITHMS))
def test_weights_are_the_same_as_repeated_users(counts, algorithm):
    rows = np.random.default_rng(len(counts)).normal(size=(len(counts), 2))
    options = {"n_clusters": [2, 3], "algorithm": algorithm, "seed": 4, "n_starts": 5}

    weighted = fit_clusterings(distinct_rows(rows, weights=counts), **options)
    repeated = fit_clusterings(distinct_rows(np.repeat(rows, counts, axis=0)), **options)

    assert all(map(same_bits, weighted, repeated))


@pytest.mark.parametrize(
    ("within", "near", "sizes"),
    [
        (24.5, 0.0, [100, 50, 50]),  # the smallest inertia: what is left of the uneven pair
        (24.5, 0.03, [100, 90, 10]),  # 25 is left of the even pair, which is 2 % more
        (24.0, 0.03, [100, 50, 50]),  # 4 % more is not as good
    ],
)
def test_of_divisions_as_good_as_the_best_the_most_uneven_is_taken(within, near, sizes):
    apart = (within / 9) ** 0.5
    distinct = distinct_rows(
        [[0.0], [1.0], [100.0], [100 + apart]], weights=np.array([50, 50, 90, 10])
    )

    (clustering,) = fit_clusterings(distinct, n_clusters=[3], seed=0, near=near)

    found = np.bincount(clustering.labels, weights=distinct.weights)
    assert found.tolist() == sizes


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_same_seed_gives_the_same_bits_whatever_the_order_of_users(algorithm, monkeypatch):
    rng = np.random.default_rng(12)
    X = np.round(rng.normal(size=(20_000, 2)), 2)
    options = {"n_clusters": [2, 5], "algorithm": algorithm, "seed": 6, "n_starts": 10}

    with threadpool_limits(2):
        first = fit_clusterings(distinct_rows(X), **options)
        again = fit_clusterings(distinct_rows(rng.permutation(X)), **options)
    monkeypatch.setattr("segmentry.runtime.threads._MAX_THREADS", 1)
    with threadpool_limits(1):
        on_one_thread = fit_clusterings(distinct_rows(X), **options)

    assert all(map(same_bits, first, again))
    assert all(map(same_bits, first, on_one_thread))


def test_a_clustering_does_not_depend_on_the_others_asked_for(large):
    three, five = fit_clusterings(large, n_clusters=[3, 5], seed=2, n_starts=10)

    (alone,) = fit_clusterings(large, n_clusters=[5], seed=2, n_starts=10)

    assert (len(three.centers), len(five.centers)) == (3, 5)
    assert same_bits(five, alone)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_as_many_clusters_as_distinct_rows_leave_no_inertia(algorithm):
    distinct = distinct_rows([[0.0, 1.0], [2.0, 0.0], [2.0, 0.0], [5.0, 5.0], [6.0, 5.0]])

    (clustering,) = fit_clusterings(distinct, n_clusters=[4], algorithm=algorithm, seed=0)

    assert clustering.inertia == 0.0
    # The row of two users first, then by centre.
    assert clustering.centers.tolist() == [[2.0, 0.0], [0.0, 1.0], [5.0, 5.0], [6.0, 5.0]]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_one_cluster_is_the_mean(algorithm):
    distinct = distinct_rows([[0.0, 7.0], [0.0, 7.0], [3.0, 7.0]])  # a constant column

    (clustering,) = fit_clusterings(distinct, n_clusters=[1], algorithm=algorithm, seed=0)

    np.testing.assert_allclose(clustering.centers, [[1.0, 7.0]], rtol=1e-12)
    assert clustering.labels.tolist() == [0, 0]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_single_user_is_one_cluster(algorithm):
    (clustering,) = fit_clusterings(
        distinct_rows([[3.0, 4.0]]), n_clusters=[1], algorithm=algorithm, seed=0
    )

    assert clustering.centers.tolist() == [[3.0, 4.0]]
    assert clustering.inertia == 0.0


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_rows_of_very_different_scales_leave_no_cluster_empty(algorithm):
    distinct = distinct_rows([[0.0], [1e-7], [2e-7], [1e9], [1e9 + 1]])

    for clustering in fit_clusterings(
        distinct, n_clusters=[2, 3, 4, 5], algorithm=algorithm, seed=0
    ):
        assert set(clustering.labels) == set(range(len(clustering.centers)))
    assert clustering.inertia == 0.0


def test_an_empty_centre_moves_to_the_row_that_costs_most():
    distinct = distinct_rows([[0.0], [1.0], [9.0]])

    settled = settle(distinct, np.array([[0.0], [100.0]]), n_steps=0)

    assert settled.centers.tolist() == [[0.0], [9.0]]
    assert settled.labels.tolist() == [0, 0, 1]


def test_labels_and_centres_agree_where_rows_are_too_many_to_converge(large, monkeypatch):
    monkeypatch.setattr("segmentry.segments.clustering._fitting._N_POLISHING", 3000)
    monkeypatch.setattr("segmentry.segments.clustering._fitting._MAX_ROW_STEPS", 9000)
    monkeypatch.setattr("segmentry.segments.clustering._fitting._MAX_ROW_STEPS", 0)

    (clustering,) = fit_clusterings(large, n_clusters=[6], seed=1)

    np.testing.assert_array_equal(
        assign(large.rows, clustering.centers)[0], clustering.labels, strict=True
    )
    sizes = np.bincount(clustering.labels, weights=large.weights)
    assert sizes.tolist() == sorted(sizes, reverse=True)
    theirs = median_inertia_of_scikit_learn(6, large.rows, large.weights, n_seeds=3)
    assert clustering.inertia <= theirs * 1.01


def test_each_clustering_is_reported_once(large):
    reported = []

    clusterings = fit_clusterings(
        large, n_clusters=[2, 3, 4], seed=0, n_starts=3, on_fitted=reported.append
    )

    assert sorted(map(id, reported)) == sorted(map(id, clusterings))


def test_an_error_of_the_caller_reaches_the_caller(large):
    def refuse(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_clusterings(large, n_clusters=[2, 3, 4], seed=0, n_starts=3, on_fitted=refuse)


@pytest.mark.parametrize(
    "n_clusters",
    [
        [2, 5],
        [0],
    ],
)
def test_numbers_that_cannot_be_formed_are_refused_in_one_line(n_clusters):
    distinct = distinct_rows([[0.0], [0.0], [1.0]])

    with raises_text(SelectionError):
        fit_clusterings(distinct, n_clusters=n_clusters, seed=0)


def test_unknown_algorithms_and_no_starts_are_refused():
    distinct = distinct_rows([[0.0], [1.0]])
    with raises_text(ValueError):
        fit_clusterings(distinct, n_clusters=[2], algorithm="kmean", seed=0)
    with raises_text(ValueError):
        fit_clusterings(distinct, n_clusters=[2], seed=0, n_starts=0)


def test_the_callers_rows_stay_as_they_were(large):
    before = DistinctRows(large.rows.copy(), large.weights.copy(), large.inverse.copy())

    fit_clusterings(large, n_clusters=[3], seed=0, n_starts=2)

    assert large.rows.tobytes() == before.rows.tobytes()
    assert large.weights.tobytes() == before.weights.tobytes()
