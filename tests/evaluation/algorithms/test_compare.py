"""Algorithms side by side: what is found, what is not, and what is measured."""

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import adjusted_rand_score, silhouette_score
from tests.texts import raises_text, says, shows

from segmentry.errors import ConfigError, SelectionError
from segmentry.evaluation.algorithms import (
    METHODS,
    Rows,
    UserLabels,
    compare_methods,
    method_named,
    prepare_rows,
)
from segmentry.evaluation.algorithms._process import fit_alone
from segmentry.features import LOG_FEATURES
from segmentry.features.user_days import UserCounts
from segmentry.schema import Estimate
from segmentry.segments.forming import plan_features, recipe_named

DEFAULT = recipe_named("default")
UNKNOWN = Estimate(value=None, low=None, high=None)
FEATURES = ["ctr_shrunk", "n_impressions"]


def rows_of(table, features=FEATURES):
    plans = plan_features(DEFAULT, LOG_FEATURES, features=features)
    return prepare_rows(table, plans, recipe=DEFAULT)


@pytest.fixture(scope="module")
def kinds():
    """600 users of three kinds far apart, 60 who were shown nothing; and each one's kind."""
    rng = np.random.default_rng(3)
    kind = np.repeat([0, 1, 2, 3], [300, 180, 120, 60])
    n = np.array([4, 150, 150, 0])[kind] + rng.integers(0, 3, 660) * (kind < 3)
    c = rng.binomial(n, np.array([0.0, 0.0, 0.4, 0.0])[kind])
    users = {"user_id": range(660), "n_impressions": n, "n_clicks": c}
    shrunk = (c + 2.0) / (n + 40.0)
    return pl.DataFrame(users | {"ctr_shrunk": shrunk, "is_profiled": True}), kind


@pytest.fixture(scope="module")
def results(kinds):
    table, kind = kinds
    rows = rows_of(table)
    ids = np.where(kind < 3, kind + 1, 0)
    later = UserCounts(table["n_impressions"].to_numpy(), table["n_clicks"].to_numpy())
    asked = [each for each in METHODS if not each.recipe]
    found = compare_methods(
        asked,
        lambda _: rows,
        lambda _: rows,
        chosen=UserLabels("kmeans", ids, Estimate(value=0.1, low=0.0, high=0.2)),
        n_segments=3,
        later=later,
        n_runs=3,
        is_alone=False,
    )
    return {each.name: each for each in found}, rows, ids


@pytest.mark.parametrize("name", ["kmeans", "minibatch", "bisecting", "latent"])
def test_kinds_that_are_far_apart_are_found_by_every_method_that_is_told_their_number(
    results, name
):
    found = results[0][name]

    assert found.sizes == (300, 180, 120)
    assert found.n_unassigned == 0
    assert found.agreement == found.stability == 1.0
    assert found.inner_gain.low > 0.01
    assert found.problem == ""


@pytest.mark.parametrize("name", [each.name for each in METHODS if not each.recipe])
def test_every_user_has_a_segment_or_is_counted_as_unassigned(results, name):
    found = results[0][name]

    assert sum(found.sizes) + found.n_unassigned == 600
    assert len(found.sizes) == found.n_segments
    assert list(found.sizes) == sorted(found.sizes, reverse=True)
    assert found.how
    assert found.new_users
    assert found.seconds >= 0
    assert found.peak_memory_mb is None


def test_only_the_chosen_one_is_asked_about_the_outcome_window(results):
    asked = [name for name, each in results[0].items() if each.outcome_gain.value is not None]

    assert asked == ["kmeans"] == [name for name, each in results[0].items() if each.is_chosen]


def test_silhouette_and_agreement_are_those_of_scikit_learn(results):
    found, rows, ids = results
    fitted = method_named("gaussian-mixture").fit(rows, rows.distinct.weights, 3, 0)
    labels = fitted.labels[rows.distinct.inverse]

    X = rows.distinct.rows[rows.distinct.inverse]
    mixture = found["gaussian-mixture"]
    assert mixture.silhouette.value == pytest.approx(silhouette_score(X, labels), abs=1e-10)
    assert mixture.agreement == pytest.approx(adjusted_rand_score(ids[ids > 0], labels))
    assert "covariance" in mixture.number_rule


def test_density_methods_on_a_sample_place_the_others_and_say_so(monkeypatch, kinds):
    from segmentry.evaluation.algorithms import _density

    monkeypatch.setattr(_density, "N_SAMPLED", 200)
    rows = rows_of(kinds[0])

    for name in ("dbscan", "hdbscan"):
        found = method_named(name).fit(rows, rows.distinct.weights, 3, 0)
        assert found.labels.shape == (len(rows.distinct.rows),)
        shows(found.how)


def users_at(rows):
    from segmentry.segments.clustering import distinct_rows

    users = distinct_rows(rows)
    return Rows(users, np.ones(len(rows), bool), np.zeros((len(users.rows), 0), np.int64), (), "")


def compared(name, rows):
    ids = np.ones(rows.is_member.size, dtype=np.int64)
    (found,) = compare_methods(
        [method_named(name)],
        lambda _: rows,
        None,
        chosen=UserLabels("kmeans", ids, UNKNOWN),
        n_segments=2,
        n_runs=2,
        is_alone=False,
    )
    return found


def test_one_dense_cluster_is_told_and_measured_as_no_division(monkeypatch):
    monkeypatch.setattr("segmentry.evaluation.algorithms._density._bend", lambda *_: 0.1)

    found = compared("dbscan", users_at(np.linspace(0, 1, 400)[:, np.newaxis]))

    says(found.problem)
    assert found.n_segments == 1
    assert found.silhouette == UNKNOWN
    assert found.stability is None


def test_nothing_but_noise_leaves_every_user_unassigned():
    points = np.array([[0.0], [1.0], [3.0], [7.0], [15.0], [31.0]])

    found = compared("hdbscan", users_at(points))

    assert found.problem.startswith("only noise")
    assert (found.n_segments, found.n_unassigned) == (0, 6)
    assert found.agreement is None


def test_features_that_latent_classes_cannot_take_are_told(kinds):
    table = kinds[0].with_columns(evening_share=pl.lit(0.2) + pl.col("user_id") % 5 / 10)
    rows = rows_of(table, ["n_impressions", "evening_share"])

    with raises_text(SelectionError):
        method_named("latent").fit(rows, rows.distinct.weights, 2, 0)


def test_an_unknown_method_is_refused_with_the_known_ones():
    with raises_text(ConfigError):
        method_named("kmedoids")


def test_a_process_of_its_own_finds_the_same_and_tells_its_memory(kinds):
    rows = rows_of(kinds[0])

    alone = fit_alone("kmeans", rows, 3, 0)

    here = method_named("kmeans").fit(rows, rows.distinct.weights, 3, 0)
    np.testing.assert_array_equal(alone.found.labels, here.labels)
    assert 20 < alone.peak_memory_mb < 2000


def test_a_method_whose_process_dies_is_told_as_such():
    no_rows = None

    timed = fit_alone("kmeans", no_rows, 3, 0)

    assert timed.found is None
    says(timed.problem)
