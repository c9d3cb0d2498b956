import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from tests.texts import raises_text

from segmentry.errors import EmptyDataError
from segmentry.segments.clustering import distinct_rows

matrices = st.tuples(st.integers(1, 30), st.integers(1, 4)).flatmap(
    lambda shape: arrays(np.float64, shape, elements=st.sampled_from([-1.5, -0.0, 0.0, 2.0, 1e9]))
)


@settings(deadline=None)
@given(matrices)
def test_rows_are_those_that_a_counter_finds_in_sorted_order(X):
    distinct = distinct_rows(X)

    counted = Counter(tuple(row) for row in (X + 0.0).tolist())
    assert [tuple(row) for row in distinct.rows.tolist()] == sorted(counted)
    assert distinct.weights.tolist() == [counted[row] for row in sorted(counted)]
    np.testing.assert_array_equal(distinct.rows[distinct.inverse], X)


@settings(deadline=None)
@given(matrices, st.randoms(use_true_random=False))
def test_rows_and_weights_do_not_depend_on_the_order_of_the_input(X, random):
    order = random.sample(range(len(X)), len(X))
    each = np.array([0.1, 0.2, 0.3, 1 / 3, 7.7])[np.arange(len(X)) % 5]

    first, second = distinct_rows(X, weights=each), distinct_rows(X[order], weights=each[order])

    assert first.rows.tobytes() == second.rows.tobytes()
    assert first.weights.tobytes() == second.weights.tobytes()


def test_negative_zero_is_zero():
    distinct = distinct_rows([[0.0, 1.0], [-0.0, 1.0]])

    assert distinct.weights.tolist() == [2.0]
    assert not np.signbit(distinct.rows).any()


def test_weights_are_summed_per_distinct_row():
    distinct = distinct_rows([[3.0], [1.0], [3.0]], weights=[2.0, 0.5, 0.25])

    assert distinct.weights.tolist() == [0.5, 2.25]


def test_many_columns_of_many_values_do_not_overflow_the_keys():
    X = np.random.default_rng(0).normal(size=(500, 12))  # 500 ** 12 combinations
    X = np.vstack([X, X[:100]])

    distinct = distinct_rows(X)

    expected, counts = np.unique(X, axis=0, return_counts=True)
    np.testing.assert_array_equal(distinct.rows, expected)
    np.testing.assert_array_equal(distinct.weights, counts)


def test_the_caller_keeps_the_matrix_as_it_was():
    X = np.array([[-0.0], [1.0]])

    distinct_rows(X)

    assert np.signbit(X[0, 0])


@pytest.mark.parametrize(
    "X",
    [
        [[1.0, np.nan], [np.inf, 2.0]],
        [1.0, 2.0],
        np.empty((3, 0)),
    ],
)
def test_what_is_no_matrix_of_numbers_is_refused(X):
    with raises_text(ValueError):
        distinct_rows(X)


@pytest.mark.parametrize("weights", [[1.0], [1.0, 0.0], [1.0, -2.0], [1.0, np.nan]])
def test_weights_must_be_positive_and_one_per_row(weights):
    with raises_text(ValueError):
        distinct_rows([[1.0], [2.0]], weights=weights)


def test_no_rows_are_refused():
    with raises_text(EmptyDataError):
        distinct_rows(np.empty((0, 2)))


def test_importing_the_package_loads_neither_scikit_learn_nor_scipy():
    code = (
        "import sys, segmentry.segments.clustering; print({'sklearn', 'scipy'} & set(sys.modules))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "set()"
