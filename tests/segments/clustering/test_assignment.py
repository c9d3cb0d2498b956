import numpy as np
import pytest
from scipy.spatial.distance import cdist
from tests.texts import raises_text

from segmentry.segments.clustering import assign


def test_labels_and_margins_are_those_of_all_distances():
    rng = np.random.default_rng(3)
    X, centers = rng.normal(size=(9000, 4)), rng.normal(size=(6, 4))  # several blocks

    labels, margin = assign(X, centers)

    distances = cdist(X, centers)
    first, second = np.sort(distances, axis=1)[:, :2].T
    np.testing.assert_array_equal(labels, distances.argmin(axis=1))
    np.testing.assert_allclose(margin, (second - first) / second, atol=1e-12)


def test_margin_by_hand():
    # Distances to the centres: 3 and 5, then 4 and 4.
    labels, margin = assign([[3.0, 0.0], [4.0, 0.0]], [[8.0, 0.0], [0.0, 0.0]])

    assert labels.tolist() == [1, 0]
    np.testing.assert_allclose(margin, [0.4, 0.0])


def test_a_tie_goes_to_the_lowest_index():
    labels, margin = assign([[0.0]], [[1.0], [-1.0], [1.0]])

    assert labels.tolist() == [0]
    assert margin.tolist() == [0.0]


def test_the_second_nearest_is_found_whatever_the_order_of_the_centres():
    for centers in ([[1.0], [4.0], [9.0]], [[9.0], [4.0], [1.0]], [[4.0], [1.0], [9.0]]):
        _, margin = assign([[0.0]], centers)
        assert margin.tolist() == [0.75]


def test_margin_is_one_with_one_centre_and_zero_on_two_at_once():
    assert assign([[7.0], [0.0]], [[0.0]])[1].tolist() == [1.0, 1.0]
    assert assign([[2.0]], [[2.0], [2.0]])[1].tolist() == [0.0]


def test_a_row_is_treated_alike_in_any_company():
    rng = np.random.default_rng(4)
    X, centers = rng.normal(size=(5000, 7)), rng.normal(size=(5, 7))

    together = assign(X, centers)
    alone = [assign(X[i : i + 1], centers) for i in range(4090, 4100)]

    assert [int(labels[0]) for labels, _ in alone] == together[0][4090:4100].tolist()
    assert [float(margin[0]) for _, margin in alone] == together[1][4090:4100].tolist()


@pytest.mark.parametrize("centers", [[[0.0, 1.0]], np.empty((0, 1))])
def test_centres_of_another_shape_are_refused(centers):
    with raises_text(ValueError):
        assign([[0.0]], centers)
