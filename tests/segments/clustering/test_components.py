import numpy as np
import pytest
from sklearn.decomposition import PCA
from tests.texts import raises_text

from segmentry.segments.clustering import distinct_rows, fit_pca, project


def test_components_are_those_of_scikit_learn_on_all_users_up_to_sign(repeated):
    pca = fit_pca(distinct_rows(repeated), n_components=3)

    reference = PCA(n_components=3, svd_solver="full").fit(repeated)
    signs = np.sign(np.sum(pca.components * reference.components_, axis=1))
    np.testing.assert_allclose(pca.mean, reference.mean_, atol=1e-12)
    np.testing.assert_allclose(
        pca.components, reference.components_ * signs[:, np.newaxis], atol=1e-10
    )
    np.testing.assert_allclose(
        pca.explained_variance_ratio, reference.explained_variance_ratio_, atol=1e-12
    )
    np.testing.assert_allclose(
        project(repeated, pca), reference.transform(repeated) * signs, atol=1e-10
    )


def test_the_largest_loading_is_positive():
    line = np.outer(np.arange(5.0), [0.6, -0.8])

    np.testing.assert_allclose(
        fit_pca(distinct_rows(line), n_components=1).components, [[-0.6, 0.8]], atol=1e-12
    )


def test_of_two_equal_loadings_the_first_is_positive():
    line = np.outer(np.arange(5.0), [-1.0, 1.0])

    components = fit_pca(distinct_rows(line), n_components=1).components

    np.testing.assert_allclose(components, [[np.sqrt(0.5), -np.sqrt(0.5)]], atol=1e-12)


def test_there_are_no_more_components_than_columns():
    pca = fit_pca(distinct_rows([[0.0, 1.0], [2.0, 5.0], [1.0, 0.0]]), n_components=3)

    assert pca.components.shape == (2, 2)
    assert pca.explained_variance_ratio.sum() == pytest.approx(1.0)


def test_a_constant_column_takes_no_part():
    pca = fit_pca(distinct_rows([[0.0, 7.0], [2.0, 7.0], [4.0, 7.0]]), n_components=2)

    np.testing.assert_allclose(np.abs(pca.components), np.eye(2), atol=1e-12)
    np.testing.assert_allclose(pca.explained_variance_ratio, [1.0, 0.0], atol=1e-15)


def test_a_single_user_explains_nothing_and_lies_at_the_origin():
    pca = fit_pca(distinct_rows([[3.0, 4.0]]), n_components=2)

    assert pca.explained_variance_ratio.tolist() == [0.0, 0.0]
    assert project([[3.0, 4.0]], pca).tolist() == [[0.0, 0.0]]


def test_components_do_not_depend_on_the_order_of_users(repeated):
    first = fit_pca(distinct_rows(repeated))
    second = fit_pca(distinct_rows(repeated[::-1]))

    assert first.components.tobytes() == second.components.tobytes()


def test_wrong_arguments_are_refused():
    distinct = distinct_rows([[3.0, 4.0]])
    with raises_text(ValueError):
        fit_pca(distinct, n_components=0)
    with raises_text(ValueError):
        project([[1.0]], fit_pca(distinct))
