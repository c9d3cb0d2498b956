import pytest
from tests.texts import raises_text

from segmentry.segments.clustering import find_knee


def test_knee_by_hand():
    # Normalised, below the chord: 0, 3/4 - 1/2, 1/2 - 1/10, 1/4 - 1/20, 0.
    assert find_knee([2, 3, 4, 5, 6], [110.0, 60.0, 20.0, 15.0, 10.0]) == 4


def test_the_order_of_the_points_does_not_matter():
    assert find_knee([6, 4, 2, 5, 3], [10.0, 20.0, 110.0, 15.0, 60.0]) == 4


def test_of_two_points_equally_far_the_smaller_number_is_taken():
    # Below the chord: 0, 2/3 - 4/9 = 2/9, 1/3 - 1/9 = 2/9, 0.
    assert find_knee([1, 2, 3, 4], [9.0, 4.0, 1.0, 0.0]) == 2


@pytest.mark.parametrize(
    ("n_clusters", "inertia"),
    [
        ([], []),
        ([2, 3], [10.0, 1.0]),
        ([2, 3, 4, 5], [0.7, 0.6, 0.5, 0.4]),
        ([2, 3, 4], [10.0, 9.0, 1.0]),
        ([2, 3, 4], [5.0, 5.0, 5.0]),
        ([2, 3, 4], [1.0, 2.0, 9.0]),
    ],
    ids=["none", "two points", "straight", "concave", "flat", "rising"],
)
def test_there_is_no_knee(n_clusters, inertia):
    assert find_knee(n_clusters, inertia) is None


@pytest.mark.parametrize("n_clusters", [[2, 3], [2, 3, 3]])
def test_each_number_needs_one_inertia(n_clusters):
    with raises_text(ValueError):
        find_knee(n_clusters, [3.0, 2.0, 1.0])
