import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom
from sklearn.metrics import silhouette_samples
from tests.texts import raises_text

from segmentry.segments.clustering import (
    distinct_rows,
    exact_silhouette,
    sampled_silhouette,
    silhouettes_of_sample,
)


@pytest.fixture(scope="module")
def labelled(repeated):
    """The repeated users with labellings of two, three and seven clusters."""
    distinct = distinct_rows(repeated)
    x, y, z = distinct.rows.T
    two = (x > 2).astype(int)
    three = np.where(y > 3, 2, two)
    seven = np.unique(np.clip(x + 2 * z, -3, 3).astype(int), return_inverse=True)[1]
    return distinct, [two, three, seven]


def by_scikit_learn(distinct, labels):
    return silhouette_samples(distinct.rows[distinct.inverse], labels[distinct.inverse])


def test_exact_scores_are_those_of_scikit_learn_on_all_users(labelled):
    distinct, labellings = labelled

    scores = exact_silhouette(distinct, labellings)

    for labels, score in zip(labellings, scores, strict=True):
        values, each = by_scikit_learn(distinct, labels), labels[distinct.inverse]
        assert score.mean.value == pytest.approx(values.mean(), abs=1e-10)
        assert score.mean.low == score.mean.high == score.mean.value
        assert score.n_sampled == score.n_users == 600
        np.testing.assert_allclose(
            score.cluster_means,
            [values[each == label].mean() for label in range(labels.max() + 1)],
            atol=1e-10,
        )


def test_each_sampled_user_has_the_value_of_scikit_learn(labelled):
    distinct, labellings = labelled

    samples = silhouettes_of_sample(distinct, labellings, n_sampled=150, seed=8)

    for labels, sample in zip(labellings, samples, strict=True):
        of_row = np.zeros(len(distinct.rows))
        of_row[distinct.inverse] = by_scikit_learn(distinct, labels)
        np.testing.assert_allclose(sample.values, of_row[sample.rows], atol=1e-10)
        np.testing.assert_array_equal(sample.labels, labels[sample.rows])
        assert len(sample.values) == 150


def test_several_tiles_and_blocks_give_the_values_of_scikit_learn():
    rng = np.random.default_rng(2)
    X = np.round(rng.normal(size=(5000, 2)) * 32) / 32
    distinct = distinct_rows(X)  # over 4,000 rows: three tiles, many blocks
    labels = (distinct.rows[:, 0] > 0.25).astype(int) + 2 * (distinct.rows[:, 1] > 0)

    (score,) = exact_silhouette(distinct, [labels])

    assert score.mean.value == pytest.approx(by_scikit_learn(distinct, labels).mean(), abs=1e-10)


def test_a_labelling_has_the_same_values_alone_and_among_others(labelled):
    distinct, labellings = labelled

    together = exact_silhouette(distinct, labellings)
    alone = [exact_silhouette(distinct, [labels])[0] for labels in labellings]

    for first, second in zip(together, alone, strict=True):
        assert first.mean.value == pytest.approx(second.mean.value, abs=1e-14)


def test_the_sampled_mean_is_unbiased_and_its_interval_covers_as_promised(labelled):
    distinct, labellings = labelled
    truth = exact_silhouette(distinct, labellings)[1].mean.value
    n_seeds = 500

    means = [
        sampled_silhouette(distinct, labellings[1:2], n_sampled=120, seed=seed)[0].mean
        for seed in range(n_seeds)
    ]

    values = np.array([mean.value for mean in means])
    assert abs(values.mean() - truth) < 4 * values.std(ddof=1) / np.sqrt(n_seeds)
    n_covered = sum(mean.low <= truth <= mean.high for mean in means)
    low, high = binom.ppf([0.0005, 0.9995], n_seeds, 0.95)
    assert low <= n_covered <= high


def test_a_sample_of_all_users_is_exact(labelled):
    distinct, labellings = labelled

    sampled = sampled_silhouette(distinct, labellings, n_sampled=600, seed=0)
    more = sampled_silhouette(distinct, labellings, n_sampled=10_000, seed=9)

    for score, other, exact in zip(
        sampled, more, exact_silhouette(distinct, labellings), strict=True
    ):
        assert score == other
        assert score.mean == pytest.approx(exact.mean, abs=1e-13)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.integers(1, 4), min_size=3, max_size=8), st.integers(2, 3), st.integers(0, 2**16)
)
def test_weights_are_the_same_as_repeated_users(counts, k, seed):
    rows = np.random.default_rng(seed).integers(0, 1000, (len(counts), 2)) / 8.0
    expanded = np.repeat(rows, counts, axis=0)
    weighted = distinct_rows(rows, weights=counts)
    labels = np.arange(len(weighted.rows)) % k

    (score,) = exact_silhouette(weighted, [labels])

    assert score == exact_silhouette(distinct_rows(expanded), [labels])[0]
    each = np.repeat(labels[weighted.inverse], counts)
    if k < len(expanded):
        expected = silhouette_samples(expanded, each).mean()
        assert score.mean.value == pytest.approx(expected, abs=1e-10)


def test_the_sample_does_not_depend_on_the_order_of_users(repeated, labelled):
    distinct, labellings = labelled
    other = distinct_rows(repeated[::-1])

    first = sampled_silhouette(distinct, labellings, n_sampled=99, seed=3)

    assert first == sampled_silhouette(other, labellings, n_sampled=99, seed=3)
    assert first != sampled_silhouette(other, labellings, n_sampled=99, seed=4)


def test_a_cluster_without_sampled_users_has_no_mean():
    distinct = distinct_rows([[0.0]] * 5000 + [[1.0]] * 5000 + [[9.0]])

    (score,) = sampled_silhouette(distinct, [np.array([0, 1, 2])], n_sampled=10, seed=0)

    assert score.cluster_means == (1.0, 1.0, None)


def test_users_alone_and_users_all_alike_have_silhouette_zero():
    alone = distinct_rows([[0.0], [1.0]])
    assert exact_silhouette(alone, [np.array([0, 1])])[0].mean.value == 0.0

    # 0 and 0 + the smallest number: mean distances within and between are both 0.
    alike = distinct_rows([[0.0], [0.0], [5e-324], [5e-324]])
    assert exact_silhouette(alike, [np.array([0, 1])])[0].mean.value == 0.0


def test_progress_ends_at_all_rows(labelled):
    distinct, labellings = labelled
    seen = []

    exact_silhouette(distinct, labellings, on_block=lambda done, total: seen.append((done, total)))

    n = len(distinct.rows)
    assert seen[-1] == (n, n)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


@pytest.mark.parametrize(
    "arguments",
    [
        {"n_sampled": 1},
        {"labellings": []},
        {"labellings": [np.array([0, 0])]},
    ],
)
def test_wrong_arguments_are_refused(arguments):
    arguments = {"labellings": [np.array([0, 1])], "seed": 0} | arguments

    with raises_text(ValueError):
        sampled_silhouette(distinct_rows([[0.0], [1.0]]), **arguments)


def test_fractions_of_users_are_refused():
    distinct = distinct_rows([[0.0], [1.0]], weights=[0.5, 2.0])

    with raises_text(ValueError):
        exact_silhouette(distinct, [np.array([0, 1])])
