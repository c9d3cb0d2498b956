"""Hidden counts stay hidden: by hand, and against an attacker with linear programming."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from segmentry.privacy import (
    hidden_bands,
    hidden_cells,
    hidden_keys,
    hidden_table,
    is_small,
    published_ids,
)

COUNTS = st.one_of(st.integers(0, 12), st.integers(0, 200))
LEAST = 10


def most_possible(table, is_hidden, cell, *, untold=()):
    """Return the largest value of a cell that agrees with totals and shown cells.

    Totals of the columns `untold` are not known.
    """
    n_rows, n_columns = table.shape
    equations, sums = [], []
    for row in range(n_rows):
        line = np.zeros(table.shape)
        line[row] = 1
        equations.append(line.ravel())
        sums.append(table[row].sum())
    for column in set(range(n_columns)) - set(untold):
        line = np.zeros(table.shape)
        line[:, column] = 1
        equations.append(line.ravel())
        sums.append(table[:, column].sum())
    bounds = [
        (0, None) if hidden else (count, count)
        for hidden, count in zip(is_hidden.ravel(), table.ravel(), strict=True)
    ]
    goal = np.zeros(table.shape)
    goal[cell] = -1
    found = linprog(goal.ravel(), A_eq=np.array(equations), b_eq=sums, bounds=bounds)
    assert found.status == 0
    return -found.fun


def test_a_small_count_takes_the_smallest_other_with_it():
    # Total 1,212: without the 300 the 12 would be 1,212 - 1,200.
    assert hidden_cells([900, 12, 0, 300], min_size=50).tolist() == [False, True, False, True]


def test_nothing_is_hidden_without_a_small_count():
    assert not hidden_cells([50, 0, 900], min_size=50).any()
    assert not hidden_cells([1, 2, 3], min_size=1).any()
    assert not hidden_table([[50, 0], [60, 70]], min_size=50).any()


def test_a_line_of_small_counts_is_hidden_with_its_zeros():
    # Fifty ones with a total of 50 would be given away if zeros were shown.
    assert hidden_cells([1] * 50 + [0], min_size=50).all()


def test_on_nobody_there_is_nothing_to_hide():
    assert [is_small(n, min_size=3) for n in range(5)] == [False, True, True, False, False]


@settings(max_examples=300, deadline=None)
@given(st.lists(COUNTS, min_size=1, max_size=8))
def test_no_total_reveals_that_a_hidden_count_of_a_line_is_small(counts):
    line = np.array(counts)
    is_hidden = hidden_cells(line, min_size=LEAST)
    total = line.sum()

    shown = line[~is_hidden]
    assert (shown[shown > 0] >= LEAST).all()
    if is_hidden.any() and total >= LEAST:
        left = total - shown.sum()  # what an attacker knows of the hidden ones together
        min_of_others = 0 if is_hidden.all() else is_hidden.sum() - 1
        assert left - min_of_others >= LEAST
        assert is_hidden.sum() >= 2


@settings(max_examples=150, deadline=None)
@given(st.data(), st.integers(1, 5), st.integers(1, 5))
def test_no_combination_reveals_that_a_hidden_count_of_a_table_is_small(data, n_rows, n_columns):
    rows = st.lists(
        st.lists(COUNTS, min_size=n_columns, max_size=n_columns), min_size=n_rows, max_size=n_rows
    )
    table = np.array(data.draw(rows))
    totals = [*table.sum(axis=0), *table.sum(axis=1)]
    if any(is_small(total, min_size=LEAST) for total in totals):
        with pytest.raises(ValueError, match="a total is below 10"):
            hidden_table(table, min_size=LEAST)
        return

    is_hidden = hidden_table(table, min_size=LEAST)

    small = (table > 0) & (table < LEAST)
    assert (is_hidden >= small).all()
    for cell in np.argwhere(small):
        assert most_possible(table, is_hidden, tuple(cell)) >= LEAST - 1e-6


def test_the_rectangle_that_hides_fewest_users_is_taken():
    found = hidden_table([[400, 9, 91], [300, 80, 70], [900, 60, 500]], min_size=50)

    # Around the 9: 91 of its row, then 60 and 500 (651 users) against 80 and 70 (241 users).
    assert found.tolist() == [[False, True, True], [False, True, True], [False, False, False]]


def test_users_of_small_segments_are_shown_with_those_of_the_largest():
    ids = np.repeat([0, 1, 2, 3, 4], [5, 30, 9, 100, 10])

    published, withheld = published_ids(ids, n_segments=4, min_size=10)

    assert withheld.tolist() == [2]
    assert np.bincount(published).tolist() == [5, 30, 0, 109, 10]


def test_ids_are_as_they_were_where_all_segments_are_large_enough():
    ids = np.repeat([1, 2], [30, 20])

    published, withheld = published_ids(ids, n_segments=2, min_size=10)

    assert published is ids
    assert withheld.size == 0


def is_given_away(table, is_hidden):
    """Tell whether totals by row, and by column where some user is shown, give a few away."""
    small = (table > 0) & (table < LEAST)
    untold = np.flatnonzero((is_hidden | (table == 0)).all(axis=0) & table.any(axis=0))
    return any(
        most_possible(table, is_hidden, tuple(cell), untold=untold) < LEAST - 1e-6
        for cell in np.argwhere(small)
    )


@settings(max_examples=150, deadline=None)
@given(st.data(), st.integers(1, 5), st.integers(1, 6))
def test_no_combination_reveals_that_few_users_of_a_segment_had_a_key(data, n_rows, n_keys):
    line = st.lists(COUNTS, min_size=n_keys, max_size=n_keys)
    table = np.array(data.draw(st.lists(line, min_size=n_rows, max_size=n_rows)))

    is_hidden = hidden_keys(table, min_size=LEAST)

    assert (table[~is_hidden & (table > 0)] >= LEAST).all()
    if not (is_hidden | (table == 0)).all():
        assert not is_given_away(table, is_hidden)


def test_of_many_rare_keys_all_are_hidden_and_few_others():
    rng = np.random.default_rng(0)
    table = rng.poisson(rng.pareto(1, 5_000) * 3, (6, 5_000))

    is_hidden = hidden_keys(table, min_size=50)

    assert is_hidden[(table > 0) & (table < 50)].all()
    assert (is_hidden & (table >= 50)).sum() < 0.5 * (table >= 50).sum()


@settings(max_examples=200, deadline=None)
@given(st.data(), st.integers(1, 5), st.integers(1, 6))
def test_no_curve_reveals_that_few_users_got_so_far(data, n_rows, n_bands):
    line = st.lists(COUNTS, min_size=n_bands, max_size=n_bands)
    rows = [sorted(row, reverse=True) for row in data.draw(st.lists(line, min_size=n_rows,
                                                                    max_size=n_rows))]  # fmt: skip
    table = np.array(rows)

    of_all, *shown = hidden_bands(table, min_size=LEAST)

    bands = np.arange(n_bands)
    is_hidden = bands >= np.array(shown)[:, None]
    assert (table[~is_hidden & (table > 0)] >= LEAST).all()
    small = (table > 0) & (table < LEAST)
    for cell in np.argwhere(small):
        if table[cell[0]].max() >= LEAST:
            found = most_possible(table, is_hidden, tuple(cell), untold=bands[of_all:])
            assert found >= LEAST - 1e-6
