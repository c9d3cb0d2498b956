"""Valleys between clusters: the two tests, and the number of groups, on data of a known answer."""

import numpy as np
import pytest

from segmentry.evaluation.number import separate
from segmentry.evaluation.number._valleys import critical_dip, dip, shortfall, spread_ties
from segmentry.segments.clustering import distinct_rows


def groups_of(X, **options):
    return separate(distinct_rows(X / X.std(axis=0)), most=6, **options).n_groups


def planted(rng, n=2000):
    """Three groups that do not overlap, with lattices of counts and unequal spread."""
    kind = np.arange(n) % 3
    spend = rng.normal(np.array([10, 60, 200])[kind], 4)
    return np.column_stack([spend, rng.poisson(np.array([1, 8, 30])[kind])])


def dip_by_hand(x):
    """The smallest d for which a distribution of one mode fits between the sample's -d and +d.

    By linear programming: values at the points and densities between them, for every place of the
    mode; a jump at the mode is allowed.
    """
    from scipy.optimize import linprog

    x = np.sort(x)
    n = x.size
    best = 1.0
    for mode in range(n):
        # Unknowns: the function just before and at each point, then d.
        size = 2 * n + 1
        rows, limits = [], []

        def at_most(limit, rows=rows, limits=limits, size=size, **parts):
            row = np.zeros(size)
            for place, factor in parts["of"]:
                row[place] += factor
            rows.append(row)
            limits.append(limit)

        for i in range(n):
            for place, value in ((i, i / n), (n + i, (i + 1) / n)):
                at_most(value, of=[(place, 1), (2 * n, -1)])
                at_most(-value, of=[(place, -1), (2 * n, -1)])
            at_most(0, of=[(i, 1), (n + i, -1)])
            if i != mode:
                at_most(0, of=[(n + i, 1), (i, -1)])
        widths = np.diff(x)
        slopes = [[(i + 1, 1 / w), (n + i, -1 / w)] for i, w in enumerate(widths)]
        for slope in slopes:
            at_most(0, of=[(place, -factor) for place, factor in slope])
        for i in range(n - 2):
            rising = 1 if i + 1 <= mode - 0 and i + 1 < mode + 0 else -1
            if i + 1 == mode:
                continue
            pairs = slopes[i] + [(place, -factor) for place, factor in slopes[i + 1]]
            at_most(0, of=[(place, rising * factor) for place, factor in pairs])
        found = linprog(np.eye(size)[-1], A_ub=np.array(rows), b_ub=limits, bounds=(None, None))
        best = min(best, found.fun)
    return max(best, 1 / (2 * n))


@pytest.mark.parametrize("seed", range(6))
def test_the_dip_is_the_distance_from_the_nearest_distribution_of_one_mode(seed):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(12) + (seed % 2) * 4 * (np.arange(12) % 2)

    assert dip(x) == pytest.approx(dip_by_hand(x), abs=1e-7)


@pytest.mark.parametrize(("n", "value"), [(50, 0.0702), (100, 0.0514), (200, 0.0368)])
def test_critical_values_are_near_the_published_ones(n, value):
    # Hartigan and Hartigan (1985), table 1, probability 0.95.
    assert critical_dip(n) == pytest.approx(value, rel=0.02)


def test_uniform_users_are_rejected_in_one_sample_of_twenty():
    rng = np.random.default_rng(1)
    samples = [rng.random(100) for _ in range(1000)]

    of_dip = np.mean([dip(x) > critical_dip(100) for x in samples])
    of_fall = np.mean([100**0.5 * shortfall(x) > 1.46 for x in samples])

    # 1,000 times 5 %: standard error 0.7 %.
    assert of_dip == pytest.approx(0.05, abs=0.02)
    assert of_fall == pytest.approx(0.05, abs=0.02)


def test_a_falling_density_falls_short_of_nothing_and_a_rising_one_does():
    rng = np.random.default_rng(0)

    assert 300**0.5 * shortfall(rng.exponential(size=300)) < 1.0
    assert 300**0.5 * shortfall(rng.random(300) ** 0.5) > 2.0


def test_tied_values_are_spread_to_the_middle_of_their_neighbours():
    values = np.repeat([0.0, 1.0, 2.0, 10.0, 20.0], [100, 100, 100, 100, 1])

    found = spread_ties(values, np.random.default_rng(0))

    lows, highs = (
        [f(found[values == each]) for each in np.unique(values)] for f in (np.min, np.max)
    )
    # 2 may go to 6 by its neighbour, but only twice as far as to 1.5; 20 is alone and stays.
    assert lows == pytest.approx([-0.5, 0.5, 1.5, 6.0, 20.0], abs=0.2)
    assert highs == pytest.approx([0.5, 1.5, 3.0, 15.0, 20.0], abs=0.2)


@pytest.mark.parametrize("seed", range(3))
def test_groups_of_counts_are_counted_raw_and_on_a_logarithmic_scale(seed):
    X = planted(np.random.default_rng(seed))

    assert groups_of(X, seed=seed) == 3
    assert groups_of(np.log1p(np.maximum(X, 0)), seed=seed) == 3


def test_a_small_group_beside_a_large_one_is_a_group():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((2000, 2)) + np.where(np.arange(2000) < 200, 5.0, 0.0)[:, None] * [1, 0]

    assert groups_of(X) == 2


@pytest.mark.parametrize("seed", range(3))
def test_one_cloud_is_one_group_whatever_its_shape(seed):
    rng = np.random.default_rng(100 + seed)
    long = rng.multivariate_normal([0, 0, 0], 0.1 * np.eye(3) + 0.9, size=500)
    skewed = np.column_stack([rng.lognormal(size=500), rng.integers(1, 4, 500)])

    for X in (rng.standard_normal((500, 4)), long, skewed, rng.poisson([1.0, 8.0], (500, 2)) * 1.0):
        assert groups_of(X, seed=seed) == 1


def test_columns_of_two_values_are_left_out_and_counted():
    rng = np.random.default_rng(0)
    levels = np.eye(3)[rng.integers(0, 3, 600)]
    blobs = rng.standard_normal((600, 1)) + 8 * (np.arange(600) % 2)[:, None]

    alone = separate(distinct_rows(levels), most=4)
    both = separate(distinct_rows(np.hstack([levels, blobs])), most=4)

    assert (alone.n_groups, alone.n_left_out, alone.numbers) == (1, 3, (1,))
    assert (both.n_groups, both.n_left_out) == (2, 3)


def test_few_users_and_few_values_are_no_failure():
    assert separate(distinct_rows(np.array([[1.0], [2.0], [3.0]]))).n_groups == 1
    assert separate(distinct_rows(np.zeros((50, 2)))).n_groups == 1
    apart = np.repeat([0.0, 5.0, 9.0], 40)[:, None]
    assert separate(distinct_rows(apart), most=5).numbers == (1, 2)


def test_equal_users_beside_two_groups_are_a_group():
    rng = np.random.default_rng(0)
    kind = np.repeat([0, 1, 2], [1700, 150, 150])
    noise = rng.standard_normal((2000, 2)) * (kind > 0)[:, None]
    X = 20.0 * np.array([[0, 0], [1, 0], [0, 1]])[kind] + noise

    assert groups_of(X) == 3


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("shares", [(0.85, 0.1, 0.05), (0.85, 0.075, 0.075), (0.85, 0.13, 0.02)])
def test_many_equal_users_are_not_cut_in_two_before_a_small_group(shares, seed):
    """Both small groups are on the same side of the equal users, whose cell reaches half-way."""
    rng = np.random.default_rng(seed)
    kind = rng.choice(3, 4000, p=shares)
    spend = rng.normal(np.array([10, 60, 200])[kind], 4)
    X = np.column_stack([spend, rng.poisson(np.array([1, 8, 30])[kind])])
    X[kind == 0] = [10, 1]
    X = np.log1p(np.maximum(X, 0))

    assert groups_of((X - X.mean(axis=0)) / X.std(axis=0), seed=seed) == 3
