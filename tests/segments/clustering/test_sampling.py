import numpy as np

from segmentry.segments.clustering import distinct_rows
from segmentry.segments.clustering._rows import sample_rows


def weighted(weights):
    return distinct_rows(np.arange(len(weights), dtype=float)[:, np.newaxis], weights=weights)


def test_a_heavy_row_is_certain_and_keeps_its_weight():
    distinct = weighted([1.0] * 50 + [1000.0] + [1.0] * 49)

    for seed in range(20):
        sample = sample_rows(distinct, n_rows=10, rng=np.random.default_rng(seed))
        assert len(sample.rows) == 10
        assert sample.weights[sample.rows.ravel() == 50].tolist() == [1000.0]


def test_weights_of_the_sample_add_up_to_the_population():
    weights = np.random.default_rng(1).pareto(1.2, 400) + 0.1
    sample = sample_rows(weighted(weights), n_rows=60, rng=np.random.default_rng(2))

    np.testing.assert_allclose(sample.weights.sum(), weights.sum(), rtol=1e-9)


def test_each_row_is_drawn_as_often_as_its_weight_asks_for():
    # Of 3 places row 3 takes one for sure; the others share 2 in proportion to 1, 2 and 3.
    distinct = weighted([1.0, 2.0, 3.0, 60.0])
    drawn = np.zeros(4)
    for seed in range(3000):
        sample = sample_rows(distinct, n_rows=3, rng=np.random.default_rng(seed))
        drawn[sample.rows.ravel().astype(int)] += 1

    # Four standard errors of a share of 3,000 draws are at most 0.037.
    np.testing.assert_allclose(drawn / 3000, [1 / 3, 2 / 3, 1.0, 1.0], atol=0.037)


def test_a_small_population_is_taken_whole():
    distinct = weighted([1.0, 2.0])

    assert sample_rows(distinct, n_rows=2, rng=np.random.default_rng(0)) is distinct
