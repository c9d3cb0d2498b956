"""What is published of few users: nothing, neither straight nor by taking away."""

import json
from dataclasses import asdict

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog
from tests.repeats import examples
from tests.texts import says

from segmentry.describe.profiles import count_values, profile_segments
from segmentry.privacy import published_ids
from segmentry.schema import Estimate, Feature

LEAST = 10
UNKNOWN = Estimate(value=None, low=None, high=None)


def feature_of(name, kind, family="demographics"):
    return Feature(
        name=name, family=family, label=name, unit="u", kind=kind, fill="median", description=""
    )


CITY = feature_of("city", "ordinal")
PRICE = feature_of("price", "rate", "affinity")
SHOWN = feature_of("n_impressions", "count", "activity")


def profile(ids, *, city=None, price=None, min_size=LEAST):
    n_users = len(ids)
    table = pl.DataFrame(
        {
            "n_impressions": [5] * n_users,
            "n_clicks": [1] * n_users,
            "city": pl.Series(city or [1] * n_users, dtype=pl.Int64),
            "price": pl.Series(price or [1.0] * n_users, dtype=pl.Float64),
        }
    )
    k = max(ids)
    return profile_segments(
        table,
        np.array(ids),
        [SHOWN, CITY, PRICE],
        count_values(
            table,
            published_ids(np.array(ids), n_segments=k, min_size=min_size)[0],
            [SHOWN, CITY, PRICE],
            n_segments=k,
        ),
        n_segments=k,
        forming=["n_impressions"],
        silhouettes=[0.5] * k,
        min_size=min_size,
    )


def test_of_a_small_segment_nothing_is_shown_and_no_total_tells_of_it():
    population, (first, second, third) = profile([1] * 30 + [2] * 4 + [3] * 20)

    assert second.is_withheld
    assert second.name == "Fewer than 10 users"
    assert (second.n_users, second.n_clicks, second.ctr_seen) == (0, 0, UNKNOWN)
    assert second.mean_silhouette is None
    # Its users are with the largest: the total less all others is 0, and says nothing.
    assert [each.n_users for each in (population, first, third)] == [54, 34, 20]
    json.dumps(asdict(second), allow_nan=False)


def test_two_small_segments_have_two_names():
    _, segments = profile([1] * 30 + [2] * 4 + [3] * 5)

    assert [s.name for s in segments[1:]] == ["Fewer than 10 users", "Fewer than 10 users (2)"]


def test_with_a_least_size_of_1_everything_is_shown():
    _, segments = profile([1] * 3 + [2], city=[1, 2, 3, None], min_size=1)

    assert [each.n_users for each in segments] == [3, 1]
    assert all(level.share is not None for each in segments for level in each.levels[0].levels)


def test_a_level_of_few_users_in_all_is_put_with_the_next_rarest():
    city = [1] * 40 + [2] * 12 + [3] * 3

    population, _ = profile([1] * 30 + [2] * 25, city=city)

    says([(each.label, round(each.share * 55)) for each in population.levels[0].levels])
    # 1 * 40 + 2 * a + 3 * b is known from a mean, and a + b = 15: the mean would tell.
    assert next(e for e in population.numeric if e.feature == "city").mean is None


def test_figures_of_few_known_values_are_hidden_with_those_that_would_tell_them():
    price = [1.0] * 30 + [2.0] * 25 + [9.0] * 4 + [None] * 16

    population, segments = profile([1] * 30 + [2] * 25 + [3] * 20, price=price)

    found = [next(e for e in s.numeric if e.feature == "price") for s in segments]
    # The 4 of segment 3, and with them the next fewest, segment 2: mean of all is of 59 known.
    assert [each.mean for each in found] == [1.0, None, None]
    assert [each.missing_share for each in found] == [None] * 3
    assert next(e for e in population.numeric if e.feature == "price").missing_share is None


def published_equations(population, segments):
    """Return what a reader knows of the counts of segments by levels: equations and bounds."""
    levels = [each.levels[0].levels for each in segments]
    sizes = np.array([each.n_users for each in segments], dtype=float)
    shape = (len(segments), len(levels[0]))
    equations, sums = [], []

    def know(cells, total):
        equations.append(cells.ravel())
        sums.append(total)

    for row, own in enumerate(levels):
        cells = np.zeros(shape)
        cells[row] = 1
        know(cells, sizes[row])
        for column, level in enumerate(own):
            if level.share is not None:
                cells = np.zeros(shape)
                cells[row, column] = 1
                know(cells, level.share * sizes[row])
    for column, level in enumerate(population.levels[0].levels):
        cells = np.zeros(shape)
        cells[:, column] = 1
        know(cells, level.share * population.n_users)
    values = [float(x.level) if (x.level or "").isdigit() else None for x in levels[0]]
    if all(v is not None for v in values):
        # Where all levels are numbers and known, a mean is another equation.
        for row, own in enumerate(segments):
            mean = next(e for e in own.numeric if e.feature == "city").mean
            if mean is not None:
                cells = np.zeros(shape)
                cells[row] = values
                know(cells, mean * sizes[row])
    return np.array(equations), np.array(sums), shape


@examples(20, 300)
@given(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 4)), min_size=LEAST, max_size=120))
def test_no_combination_of_published_figures_tells_that_a_cell_is_small(users):
    ids = [segment for segment, _ in users]
    city = [level for _, level in users]

    population, segments = profile(ids, city=city)

    names = [each.level for each in population.levels[0].levels]
    parts = [str(level) if str(level) in names else names[-1] for level in city]
    sizes = np.bincount(ids, minlength=5)
    largest = int(np.argmax(sizes[1:])) + 1
    shown_ids = [i if sizes[i] >= LEAST else largest for i in ids]
    equations, sums, shape = published_equations(population, segments)
    for row, segment in enumerate(segments):
        for column, level in enumerate(segment.levels[0].levels):
            true = sum(i == row + 1 and t == level.level
                       for i, t in zip(shown_ids, parts, strict=True))  # fmt: skip
            if 0 < true < LEAST:
                assert level.share is None
                goal = np.zeros(shape)
                goal[row, column] = -1
                found = linprog(goal.ravel(), A_eq=equations, b_eq=sums)
                assert found.status == 0
                assert -found.fun >= LEAST - 1e-6


@pytest.mark.parametrize("n_few", [3, 9])
def test_few_unknown_values_are_not_counted(n_few):
    price = [None] * n_few + [1.0] * 47 + [2.0] * 30

    population, segments = profile([1] * (n_few + 47) + [2] * 30, price=price)

    for each in (population, *segments):
        found = next(e for e in each.numeric if e.feature == "price")
        assert found.missing_share is None
        assert found.mean is not None
