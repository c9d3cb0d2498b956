"""Who was in a segment before leaves it for a clearly nearer one only."""

import numpy as np
import pytest

from segmentry.segments.clustering import assign
from segmentry.segments.forming import place_by_class

CENTERS = [[0.0], [6.0], [12.0]]


@pytest.mark.parametrize(
    ("x", "before", "label"),
    [(3.9, 0, 0), (4.1, 0, 1), (8.1, 0, 1), (10.1, 0, 2), (4.1, 2, 1), (4.1, 1, 1), (4.1, -1, 1)],
)
def test_another_centre_must_be_twice_as_near(x, before, label):
    labels, margins = assign([[x]], CENTERS, before=np.array([[before, before]]))

    assert labels.tolist() == [label]
    assert (margins[0] == 0) == (label != assign([[x]], CENTERS)[0][0])


def test_what_is_nearest_twice_in_a_row_is_clear_too():
    before, classes = np.array([[0, 1], [0, 2]]), np.array([[0.3, 0.4, 0.3]] * 2)

    assert assign([[3.9], [3.9]], CENTERS, before=before)[0].tolist() == [1, 0]
    assert place_by_class(classes, before=before)[0].tolist() == [1, 0]


@pytest.mark.parametrize(("before", "label"), [(0, 1), (2, 2), (1, 1), (-1, 1)])
def test_another_class_must_be_twice_as_likely(before, label):
    labels, margins = place_by_class(
        np.array([[0.2, 0.45, 0.35]]), before=np.array([[before, before]])
    )

    assert labels.tolist() == [label]
    assert margins[0] == pytest.approx(0.0 if label == 2 else 0.1)


def test_rows_without_a_place_before_are_put_as_without_memory():
    rows = np.random.default_rng(0).normal(size=(50, 2))
    nowhere = np.full((50, 2), -1)

    for plain, kept in zip(
        assign(rows, rows[:4]), assign(rows, rows[:4], before=nowhere), strict=True
    ):
        assert np.array_equal(plain, kept)
