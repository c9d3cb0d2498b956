"""All starts at once give what scikit-learn's `KMeans` gives, to the bit."""

import numpy as np
import pytest
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from segmentry.segments.clustering._lloyd import continue_starts, fit_starts


def grid() -> np.ndarray:
    return np.array([[i, j] for i in range(6) for j in range(6)], dtype=np.float64)


def blobs(n_columns: int) -> np.ndarray:
    rng = np.random.default_rng(n_columns)
    return rng.standard_normal((400, n_columns)) + 3 * rng.integers(3, size=(400, 1))


ROWS = {"grid": grid(), **{f"{n} columns": blobs(n) for n in (1, 3, 4, 9)}}


@pytest.fixture(autouse=True)
def one_thread():
    with threadpool_limits(1):
        yield


@pytest.fixture(params=list(ROWS))
def weighted(request):
    rows = ROWS[request.param]
    return rows, np.random.default_rng(1).integers(1, 9, len(rows)).astype(np.float64)


@pytest.mark.parametrize("k", [1, 2, 5, 9])
def test_each_start_is_that_of_kmeans_with_its_seed(weighted, k):
    rows, weights = weighted
    seeds = [3, 11, 2**31 - 1, 0, 42, 7]

    runs = fit_starts(rows, weights, k, seeds)

    for start, seed in enumerate(seeds):
        fitted = KMeans(k, n_init=1, random_state=seed).fit(rows, sample_weight=weights)
        np.testing.assert_array_equal(runs.centers[start], fitted.cluster_centers_)
        np.testing.assert_array_equal(runs.labels[start], fitted.labels_)
        assert runs.inertias[start] == fitted.inertia_
        assert runs.n_iterations[start] == fitted.n_iter_


@pytest.mark.parametrize("k", [2, 3, 8])
def test_the_best_of_several_starts_is_that_of_kmeans(weighted, k):
    rows, weights = weighted
    fitted = KMeans(k, n_init=4, random_state=5).fit(rows, sample_weight=weights)

    runs = fit_starts(rows, weights, k, [5], n_per_seed=4)

    np.testing.assert_array_equal(runs.centers[runs.best(per_set=4)[0]], fitted.cluster_centers_)
    assert runs.inertias[runs.best(per_set=4)[0]] == fitted.inertia_


@pytest.mark.parametrize(("tol", "n_steps"), [(0.0, 300), (1e-4, 300), (0.0, 2)])
def test_given_centers_are_carried_on_as_by_kmeans(weighted, tol, n_steps):
    rows, weights = weighted
    centers = rows[::40][:6]
    model = KMeans(len(centers), init=centers, n_init=1, tol=tol, max_iter=n_steps)
    fitted = model.fit(rows, sample_weight=weights)

    runs = continue_starts(rows, weights, centers[np.newaxis], tol=tol, n_steps=n_steps)

    np.testing.assert_array_equal(runs.centers[0], fitted.cluster_centers_)
    np.testing.assert_array_equal(runs.labels[0], fitted.labels_)
    assert runs.n_iterations[0] == fitted.n_iter_


@pytest.mark.filterwarnings("ignore:Number of distinct clusters")
@pytest.mark.parametrize(
    "centers",
    [[[0.0], [0.0], [50.0]], [[-9.0], [-8.0], [2.0], [90.0]], [[1.0], [1.0], [1.0]]],
)
def test_an_empty_cluster_takes_the_farthest_row_as_in_kmeans(centers):
    rows, weights = np.array([[0.0], [1.0], [2.0], [7.0]]), np.array([1.0, 3.0, 2.0, 1.0])
    given = np.array(centers)
    fitted = KMeans(len(given), init=given, n_init=1, tol=0.0).fit(rows, sample_weight=weights)

    runs = continue_starts(rows, weights, given[np.newaxis], tol=0.0)

    np.testing.assert_array_equal(runs.centers[0], fitted.cluster_centers_)
    np.testing.assert_array_equal(runs.labels[0], fitted.labels_)


@pytest.mark.filterwarnings("ignore:Number of distinct clusters")
def test_more_clusters_than_different_rows_end_as_in_kmeans():
    rows = np.array([[2.0], [2.0], [2.0], [0.0]])
    fitted = KMeans(3, n_init=1, random_state=1).fit(rows, sample_weight=np.ones(4))

    runs = fit_starts(rows, np.ones(4), 3, [1])

    np.testing.assert_array_equal(runs.centers[0], fitted.cluster_centers_)


def test_starts_do_not_depend_on_their_company(weighted):
    together = fit_starts(*weighted, 4, [1, 2, 3])

    alone = fit_starts(*weighted, 4, [2])

    np.testing.assert_array_equal(together.centers[1], alone.centers[0])
    np.testing.assert_array_equal(together.labels[1], alone.labels[0])


@pytest.mark.parametrize("k", [1, 4, 9])
def test_each_of_several_sets_of_rows_is_fitted_as_if_it_were_alone(k):
    sets = np.array([blobs(3), blobs(3)[::-1] ** 2, np.round(blobs(3))])
    weights = np.random.default_rng(2).integers(1, 9, 400).astype(np.float64)

    together = fit_starts(sets, weights, k, [5, 6, 5], n_per_seed=2)

    for place, seed in enumerate([5, 6, 5]):
        alone = fit_starts(sets[place], weights, k, [seed], n_per_seed=2)
        mine = slice(2 * place, 2 * place + 2)
        np.testing.assert_array_equal(together.centers[mine], alone.centers)
        np.testing.assert_array_equal(together.labels[mine], alone.labels)
        np.testing.assert_array_equal(together.inertias[mine], alone.inertias)
        np.testing.assert_array_equal(together.n_iterations[mine], alone.n_iterations)
        assert together.best(per_set=2)[place] == 2 * place + alone.best(per_set=2)[0]
