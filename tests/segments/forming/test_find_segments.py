"""From users to segments: what is found, what is not, and who is left out."""

import json
from dataclasses import asdict

import numpy as np
import polars as pl
import pytest
from scipy.spatial.distance import cdist
from sklearn.metrics import silhouette_score
from tests.plans import plan_of
from tests.texts import raises_text, says, shows

from segmentry.errors import EmptyDataError, SchemaError, SelectionError
from segmentry.evaluation.number import decide_by_groups
from segmentry.segments.forming import _selection, find_segments, recipe_named

DEFAULT = recipe_named("default")
MIDDLES = np.array([[0.0, 0.0], [8.0, 0.0], [0.0, 8.0]])


AS_IT_IS = {"clip": None, "scale": "none"}


def plans_of(n_columns, *, fill="median"):
    return [plan_of(f"x{column}", fill=fill, **AS_IT_IS) for column in range(n_columns)]


def table_of(X):
    X = np.asarray(X, dtype=np.float64)
    columns = {f"x{column}": values for column, values in enumerate(X.T)}
    users = {"user_id": range(len(X)), "is_profiled": True, "n_impressions": 1}
    return pl.DataFrame(users | columns)


def segments_of(table, n_columns=2, **settings):
    settings = {"recipe": DEFAULT, "n_segments": (2, 3, 4), "decide": decide_by_groups} | settings
    return find_segments(table, plans_of(n_columns), **settings)


@pytest.fixture(scope="module")
def blobs():
    """60 + 90 + 50 users around three far middles, mixed, and the blob of each."""
    rng = np.random.default_rng(8)
    blob = np.repeat([0, 1, 2], [60, 90, 50])
    order = rng.permutation(200)
    return table_of((MIDDLES[blob] + rng.normal(0, 0.6, (200, 2)))[order]), blob[order]


@pytest.fixture(scope="module")
def found(blobs):
    return segments_of(blobs[0])


# --- structure


def test_three_blobs_are_three_segments_by_falling_size(blobs, found):
    assert found.n_segments == 3
    # The blob of 90 is segment 1, that of 60 is 2, that of 50 is 3.
    assert found.segment_ids.tolist() == np.array([2, 1, 3])[blobs[1]].tolist()
    assert found.unassigned == ()


def test_centres_are_the_means_of_their_users(blobs, found):
    X = blobs[0].select("x0", "x1").to_numpy()
    means = [X[found.segment_ids == segment_id].mean(axis=0) for segment_id in (1, 2, 3)]

    np.testing.assert_allclose(found.centers, means, rtol=0, atol=1e-9)


def test_margins_tell_how_much_nearer_the_own_centre_is(blobs, found):
    distances = np.sort(cdist(blobs[0].select("x0", "x1").to_numpy(), found.centers), axis=1)

    np.testing.assert_allclose(found.margins, 1 - distances[:, 0] / distances[:, 1], atol=1e-9)
    assert 0 <= found.margins.min() <= found.margins.max() <= 1


def test_candidates_are_described_by_their_own_users(blobs, found):
    from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score, silhouette_samples

    X, three = blobs[0].select("x0", "x1").to_numpy(), found.selection.candidates[2]

    assert [each.n_segments for each in found.selection.candidates] == [1, 2, 3, 4]
    silhouettes = silhouette_samples(X, blobs[1])
    assert three.silhouette.value == pytest.approx(silhouettes.mean(), abs=1e-9)
    assert three.silhouette.low == three.silhouette.high == three.silhouette.value  # all measured
    assert three.squared_silhouette == pytest.approx(
        silhouette_samples(X, blobs[1], metric="sqeuclidean").mean(), abs=1e-9
    )
    assert three.calinski_harabasz == pytest.approx(calinski_harabasz_score(X, blobs[1]), rel=1e-9)
    assert three.davies_bouldin == pytest.approx(davies_bouldin_score(X, blobs[1]), rel=1e-9)
    assert three.smallest_share == 0.25
    of_blobs = [silhouettes[blobs[1] == blob].mean() for blob in (1, 0, 2)]
    assert found.segment_silhouettes == pytest.approx(of_blobs, abs=1e-9)
    one = found.selection.candidates[0]
    assert (one.silhouette.value, one.squared_silhouette, one.davies_bouldin) == (None, None, None)
    assert one.inertia == pytest.approx(((X - X.mean(axis=0)) ** 2).sum(), rel=1e-9)


def test_a_gaussian_ball_of_many_features_is_one_segment():
    X = np.random.default_rng(2).normal(size=(300, 6))

    segmentation = segments_of(table_of(X), n_columns=6)

    assert segmentation.n_segments == 1
    assert segmentation.segment_ids.tolist() == [1] * 300
    assert segmentation.margins.tolist() == [1.0] * 300
    assert segmentation.segment_silhouettes == (None,)
    shows(segmentation.selection.reason)


@pytest.mark.parametrize("n_columns", [1, 2])
def test_a_gaussian_ball_of_few_features_is_one_segment(n_columns):
    X = np.random.default_rng(2).normal(size=(300, n_columns))

    assert segments_of(table_of(X), n_columns=n_columns).n_segments == 1


def test_users_that_are_all_alike_leave_no_feature_to_form_segments():
    with raises_text(SelectionError):
        segments_of(table_of(np.full((20, 2), 5.0)))


# --- the number of segments


def test_one_segment_can_be_forced(blobs):
    segmentation = segments_of(blobs[0], forced=1)

    assert segmentation.n_segments == 1
    assert set(segmentation.segment_ids) == {1}
    assert segmentation.selection.is_forced
    np.testing.assert_allclose(
        segmentation.centers, [blobs[0].select("x0", "x1").to_numpy().mean(axis=0)], atol=1e-9
    )


def test_a_forced_number_need_not_be_among_those_to_try(blobs):
    segmentation = segments_of(blobs[0], n_segments=(2, 3), forced=5)

    assert segmentation.n_segments == 5
    assert [each.n_segments for each in segmentation.selection.candidates] == [1, 2, 3, 5]


def test_one_segment_alone_can_be_tried(blobs):
    segmentation = segments_of(blobs[0], n_segments=(1,), decide=None)

    says(segmentation.selection.reason)


def test_numbers_above_the_distinct_users_are_not_tried():
    three = table_of([[0.0, 0.0], [0.0, 9.0], [9.0, 0.0]] * 10)

    segmentation = segments_of(three, n_segments=range(2, 11), decide=None)

    assert [each.n_segments for each in segmentation.selection.candidates] == [1, 2, 3]
    assert segmentation.n_segments == 3


@pytest.mark.parametrize("settings", [{"forced": 4}, {"n_segments": (4, 5)}])
def test_fewer_distinct_users_than_segments_is_one_clear_error(settings):
    with pytest.raises(SelectionError) as caught:
        segments_of(table_of([[0.0, 0.0], [0.0, 9.0], [9.0, 0.0]] * 10), **settings)

    says(str(caught.value))


@pytest.mark.parametrize("settings", [{"forced": 0}, {"n_segments": (0, 2)}])
def test_less_than_one_segment_is_refused(blobs, settings):
    with raises_text(SelectionError):
        segments_of(blobs[0], **settings)


def test_no_number_to_try_is_refused(blobs):
    with raises_text(SelectionError):
        segments_of(blobs[0], n_segments=())


def test_a_small_segment_rules_a_number_out(blobs):
    rest = pl.DataFrame({"x0": [80.0], "x1": [80.0]})
    far = pl.concat([blobs[0].select("x0", "x1"), rest]).to_numpy()

    says(segments_of(table_of(far), min_share=0.01).selection.candidates[2].reason)
    tolerant = segments_of(table_of(far), min_share=0.0).selection.candidates[2]
    assert tolerant.smallest_share == 1 / 201  # the far one
    assert "smallest segment" not in tolerant.reason


# --- repeatable


def test_the_order_of_users_leaves_no_trace(blobs, found):
    order = np.random.default_rng(9).permutation(200)

    again = segments_of(blobs[0][order])

    np.testing.assert_array_equal(again.segment_ids, found.segment_ids[order])
    np.testing.assert_array_equal(again.margins, found.margins[order])
    np.testing.assert_array_equal(again.centers, found.centers)


def test_the_same_seed_gives_the_same_segments_bit_for_bit():
    table = table_of(np.random.default_rng(3).normal(size=(200, 2)))

    def numbers(seed):
        segmentation = segments_of(table, seed=seed, forced=4, algorithm="minibatch")
        rows = [asdict(each) for each in segmentation.selection.candidates]
        return json.dumps(rows), segmentation.centers.tobytes(), segmentation.segment_ids.tolist()

    assert numbers(1) == numbers(1)
    assert numbers(1) != numbers(2)  # mini-batches do depend on the seed


@pytest.mark.parametrize("algorithm", ["minibatch", "bisecting"])
def test_other_algorithms_find_the_same_blobs(blobs, found, algorithm):
    segmentation = segments_of(blobs[0], algorithm=algorithm)

    assert segmentation.algorithm == algorithm
    assert {each.algorithm for each in segmentation.selection.candidates} == {algorithm}
    np.testing.assert_array_equal(segmentation.segment_ids, found.segment_ids)


def test_every_fit_is_told(blobs):
    parts = []

    segments_of(blobs[0], on_fitted=lambda done, total: parts.append((done, total)))

    assert parts == [(1, 4), (2, 4), (3, 4), (4, 4)]


# --- who is segmented


def test_users_are_left_out_by_reason(blobs):
    table = blobs[0].with_columns(
        n_impressions=pl.when(pl.col("user_id") < 7).then(0).otherwise(1),
        x0=pl.when(pl.col("user_id").is_in([3, 10, 11])).then(None).otherwise("x0"),
        x1=pl.when(pl.col("user_id") == 12).then(float("nan")).otherwise("x1"),
    )
    plans = plans_of(2, fill="none")

    segmentation = find_segments(table, plans, recipe=DEFAULT, n_segments=(2, 3))

    is_out = np.isin(np.arange(200), [*range(7), 10, 11, 12])
    says(segmentation.unassigned)
    np.testing.assert_array_equal(segmentation.segment_ids == 0, is_out)
    np.testing.assert_array_equal(np.isnan(segmentation.margins), is_out)


def test_the_classic_recipe_segments_users_with_a_profile(blobs):
    table = blobs[0].with_columns(is_profiled=pl.col("user_id") >= 5, n_impressions=0)

    segmentation = find_segments(
        table, plans_of(2), recipe=recipe_named("classic"), n_segments=(2, 3)
    )

    assert segmentation.unassigned == (("no profile", 5),)
    assert (segmentation.segment_ids > 0).tolist() == [False] * 5 + [True] * 195


def test_users_that_are_left_out_do_not_count_in_the_steps(blobs):
    table = blobs[0].with_columns(n_impressions=pl.when(pl.col("user_id") < 5).then(0).otherwise(1))
    spoiled = table.with_columns(x0=pl.when(pl.col("user_id") < 5).then(1e6).otherwise("x0"))

    kept, others = segments_of(table), segments_of(spoiled)

    assert kept.preprocessing == others.preprocessing
    np.testing.assert_array_equal(kept.centers, others.centers)


def test_an_unknown_number_of_impressions_is_none(blobs):
    table = blobs[0].with_columns(
        n_impressions=pl.when(pl.col("user_id") < 5).then(None).otherwise(1)
    )

    says(segments_of(table).unassigned)


def test_no_user_at_all_is_one_clear_error(blobs):
    nobody = blobs[0].with_columns(n_impressions=0)
    unknown = blobs[0].with_columns(
        x0=pl.when(pl.col("user_id") < 100).then("x0"),
        x1=pl.when(pl.col("user_id") >= 100).then("x1"),
    )
    plans = plans_of(2, fill="none")

    with raises_text(EmptyDataError):
        segments_of(nobody)
    with raises_text(EmptyDataError):
        find_segments(unknown, plans, recipe=DEFAULT)


@pytest.mark.parametrize(
    ("recipe", "column"), [("default", "n_impressions"), ("classic", "is_profiled")]
)
def test_a_table_that_does_not_tell_whom_to_segment_is_refused(blobs, recipe, column):
    with raises_text(SchemaError):
        segments_of(blobs[0].drop(column), recipe=recipe_named(recipe))


def test_the_table_recipe_segments_all_users_and_asks_for_no_other_column(blobs, found):
    table = blobs[0].select("x0", "x1")

    segmentation = segments_of(table, recipe=recipe_named("table"))

    assert segmentation.unassigned == ()
    np.testing.assert_array_equal(segmentation.segment_ids, found.segment_ids)


# --- weights


def test_a_weight_of_two_is_the_user_twice_bit_for_bit(blobs):
    table, _ = blobs
    table = table.with_columns(n_impressions=pl.when(pl.col("user_id") < 9).then(0).otherwise(1))
    weights = np.random.default_rng(9).integers(1, 5, 200)
    repeated = table[np.repeat(np.arange(200), weights)]

    one, other = segments_of(table, weights=weights.astype(float)), segments_of(repeated)

    assert one.preprocessing == other.preprocessing
    np.testing.assert_array_equal(one.centers, other.centers)
    np.testing.assert_array_equal(np.repeat(one.segment_ids, weights), other.segment_ids)
    np.testing.assert_array_equal(np.repeat(one.margins, weights), other.margins)
    without_time = [[asdict(each) for each in found.selection.candidates] for found in (one, other)]
    assert without_time[0] == without_time[1]
    says(one.unassigned)  # rows, not weights


def test_fractions_of_users_have_no_silhouette_and_need_a_number(blobs):
    weights = np.where(np.arange(200) % 2, 0.5, 1.5)

    with raises_text(SelectionError):
        segments_of(blobs[0], weights=weights)

    segmentation = segments_of(blobs[0], weights=weights, forced=3)
    assert segmentation.n_segments == 3
    assert segmentation.segment_silhouettes == (None, None, None)
    assert not any(each.silhouette.is_known for each in segmentation.selection.candidates)


def test_the_exact_silhouette_is_that_of_scikit_learn_and_has_no_interval(blobs):
    table, _ = blobs
    blocks = []

    found = segments_of(table, is_exact=True, on_block=lambda *text: blocks.append(text))

    chosen = next(each for each in found.selection.candidates if each.is_selected)
    expected = silhouette_score(table.select("x0", "x1").to_numpy(), found.segment_ids)
    assert chosen.silhouette.value == pytest.approx(expected, abs=1e-10)
    assert chosen.silhouette.low == chosen.silhouette.high == chosen.silhouette.value
    assert blocks[-1] == (200, 200)


def test_too_many_distinct_rows_for_the_exact_silhouette_are_refused_with_the_time(
    blobs, monkeypatch
):
    monkeypatch.setattr(_selection, "MAX_EXACT_ROWS", 199)

    with raises_text(SelectionError):
        segments_of(blobs[0], is_exact=True)
