import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import (
    calinski_harabasz_score,
    davies_bouldin_score,
    silhouette_samples,
    silhouette_score,
)
from tests.texts import raises_text

from segmentry.segments.clustering import (
    calinski_harabasz,
    davies_bouldin,
    distinct_rows,
    exact_silhouette,
    squared_silhouette,
)

grids = st.tuples(st.integers(6, 40), st.integers(1, 3)).flatmap(
    lambda shape: arrays(np.float64, shape, elements=st.integers(-4, 4).map(lambda i: i / 4))
)


def labelled(distinct, k):
    """Labels with nothing to do with the rows; all k are used."""
    return np.arange(len(distinct.rows)) * 7 % k


@settings(deadline=None, max_examples=60)
@given(grids, st.integers(2, 3))
def test_scores_of_distinct_rows_are_those_of_scikit_learn_on_all_users(X, k):
    distinct = distinct_rows(X)
    if len(distinct.rows) <= k:
        return
    labels = labelled(distinct, k)
    each = labels[distinct.inverse]

    assert calinski_harabasz(distinct, labels) == pytest.approx(
        calinski_harabasz_score(X, each), rel=1e-10, abs=1e-10
    )
    assert squared_silhouette(distinct, labels) == pytest.approx(
        silhouette_samples(X, each, metric="sqeuclidean").mean(), abs=1e-10
    )
    (score,) = exact_silhouette(distinct, [labels])
    assert score.mean.value == pytest.approx(silhouette_score(X, each), abs=1e-10)


def test_davies_bouldin_is_that_of_scikit_learn_on_all_users(repeated):
    distinct = distinct_rows(repeated)
    for k in (2, 3, 5):
        labels = (distinct.rows[:, 0] * 2 + distinct.rows[:, 1]).astype(int) % k

        assert davies_bouldin(distinct, labels) == pytest.approx(
            davies_bouldin_score(repeated, labels[distinct.inverse]), rel=1e-10
        )


def test_variance_ratio_by_hand():
    # Users 0, 0, 3 and 10: means 1 and 10, scatter 6 within; overall mean 3.25,
    # between 3 · 2.25² + 6.75² = 60.75; 60.75 · (4 - 2) / (6 · 1) = 20.25.
    distinct = distinct_rows([[0.0], [0.0], [3.0], [10.0]])

    assert calinski_harabasz(distinct, np.array([0, 0, 1])) == pytest.approx(20.25)


def test_davies_bouldin_by_hand():
    # Widths (1 + 1 + 2) / 3 and 0, means 9 apart.
    distinct = distinct_rows([[0.0], [0.0], [3.0], [10.0]])

    assert davies_bouldin(distinct, np.array([0, 0, 1])) == pytest.approx(4 / 27)


def test_clusters_of_one_row_each_have_no_scatter():
    distinct = distinct_rows([[0.0], [0.0], [3.0]])
    labels = np.array([0, 1])

    assert calinski_harabasz(distinct, labels) == 1.0
    assert davies_bouldin(distinct, labels) == 0.0
    assert squared_silhouette(distinct, labels) == pytest.approx(2 / 3)  # the lone user's is 0


def test_squared_silhouette_keeps_its_accuracy_far_from_the_origin(repeated):
    near, far = distinct_rows(repeated), distinct_rows(repeated + 2.0**20)
    labels = labelled(near, 3)

    assert squared_silhouette(far, labels) == pytest.approx(
        squared_silhouette(near, labels), abs=1e-10
    )


@pytest.mark.parametrize("score", [calinski_harabasz, davies_bouldin, squared_silhouette])
@pytest.mark.parametrize(
    "labels",
    [
        [0, 0, 0],
        [0, 1],
        [0.0, 1.0, 1.0],
        [0, -1, 1],
        [0, 3, 3],
    ],
)
def test_labels_that_do_not_fit_are_refused(score, labels):
    with raises_text(ValueError):
        score(distinct_rows([[0.0], [1.0], [2.0]]), np.array(labels))


def test_scatter_that_is_rounding_alone_is_none():
    distinct = distinct_rows([[0.1, 0.7], [0.1 + 2e-16, 0.7], [5.3, 9.1]])

    assert len(distinct.rows) == 3
    assert calinski_harabasz(distinct, np.array([0, 0, 1])) == 1.0
