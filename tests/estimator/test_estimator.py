"""`UserSegmenter`: scikit-learn's contract, mixed columns, weights, any container, saved files."""

import json
import subprocess
import sys
from dataclasses import asdict
from unittest import SkipTest

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy.spatial.distance import cdist
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import adjusted_rand_score, silhouette_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks
from tests.texts import raises_text, says

from segmentry import UserSegmenter
from segmentry.errors import BundleError, OutputError
from segmentry.estimator import LeftOut

SKIPPED = {
    "check_array_api_input": "runs only with SCIPY_ARRAY_API=1; tables become Polars, then NumPy",
}


@parametrize_with_checks(
    [
        UserSegmenter(n_segments=2),
        UserSegmenter(k_range=(2, 3), algorithm="bisecting", scale="standard"),
    ]
)
def test_the_contract_of_scikit_learn_holds(estimator, check):
    name = check.func.__name__
    try:
        check(estimator)
    except SkipTest:
        assert name in SKIPPED, f"{name} was skipped, and nobody says why"


@pytest.mark.parametrize(
    "name",
    [
        "check_set_output_transform",
        "check_set_output_transform_pandas",
        "check_set_output_transform_polars",
        "check_global_output_transform_pandas",
        "check_global_set_output_transform_polars",
        "check_transformer_get_feature_names_out",
        "check_transformer_get_feature_names_out_pandas",
    ],
)
# The checks themselves fit on names and go on without them, and the other way round.
@pytest.mark.filterwarnings("ignore:X does not have valid feature names:UserWarning")
@pytest.mark.filterwarnings("ignore:X has feature names, but UserSegmenter was:UserWarning")
def test_checks_that_scikit_learn_keeps_for_its_own_hold_too(name):
    getattr(estimator_checks, name)("UserSegmenter", UserSegmenter(n_segments=2))


def test_names_in_another_order_are_the_one_thing_that_is_not_refused():
    check = estimator_checks.check_dataframe_column_names_consistency

    with raises_text(AssertionError):
        check("UserSegmenter", UserSegmenter(n_segments=2))


# --- a user table of mixed columns


def users_of(n_users=240, seed=5):
    """Return users of three kinds, with gaps of every sort, and the kind of each."""
    rng = np.random.default_rng(seed)
    kind = np.repeat([0, 1, 2], [n_users // 2, n_users // 3, n_users // 6])
    rng.shuffle(kind)
    is_known = rng.random((4, n_users)) < 0.95
    spend = np.where(is_known[0], rng.lognormal(np.array([1, 5, 9])[kind], 0.3), np.nan)
    country = np.where(rng.random(n_users) < 0.9, np.array(["de", "fr", "it"])[kind], "at")
    table = pl.DataFrame(
        {
            "user_id": [f"user {i}" for i in range(n_users)],
            "spend": np.where(rng.random(n_users) < 0.02, np.inf, spend),
            "n_visits": pl.Series(rng.poisson(np.array([2, 20, 90])[kind])),
            "country": pl.Series(np.where(is_known[1], country, None), dtype=pl.String),
            "level": pl.Series(np.array([1, 3, 5])[kind] + rng.integers(0, 2, n_users)),
            "is_member": pl.Series(rng.random(n_users) < np.array([0.1, 0.5, 0.9])[kind]),
            "plan": "free",
        }
    )
    gaps = [pl.when(pl.Series(is_known[2])).then(pl.col("n_visits")).alias("n_visits")]
    gaps += [pl.when(pl.Series(is_known[3])).then(pl.col("is_member")).alias("is_member")]
    return table.with_columns(gaps), kind


SETTINGS = {"ordinal": ("level",), "k_range": (2, 5)}


@pytest.fixture(scope="module")
def users():
    return users_of()


@pytest.fixture(scope="module")
def fitted(users):
    return UserSegmenter(**SETTINGS).fit(users[0])


THREE = {"ordinal": ("level",), "n_segments": 3}


@pytest.fixture(scope="module")
def three(users):
    return UserSegmenter(**THREE).fit(users[0])


def facts_of(segmenter):
    """Return all that is fitted, to compare it bit for bit."""
    selection = asdict(segmenter.selection_)
    return (
        segmenter.centers_.tolist(),
        segmenter.inertia_,
        selection,
        segmenter.preprocessing_,
        segmenter.features_,
    )


def test_planted_kinds_are_found_and_their_number_too(users, fitted):
    _, kind = users

    assert fitted.n_segments_ == 3
    assert adjusted_rand_score(kind, fitted.labels_) > 0.95
    assert fitted.selection_.reason == "3 natural groups."


def test_each_column_is_taken_for_what_it_is(fitted):
    assert {each.name: each.kind for each in fitted.features_} == {
        "spend": "money",
        "n_visits": "count",
        "country": "categorical",
        "level": "ordinal",
        "is_member": "categorical",
    }
    says(fitted.left_out_)
    assert fitted.preprocessing_.columns == (
        *("country=at", "country=de", "country=fr", "country=it", "country=unknown"),
        *("is_member=false", "is_member=true", "is_member=unknown", "level", "n_visits", "spend"),
    )


def test_labels_are_counted_from_0_by_falling_size_and_segment_ids_from_1(fitted):
    sizes = np.bincount(fitted.labels_)

    assert sizes.tolist() == sorted(sizes, reverse=True)
    assert len(sizes) == fitted.n_segments_ == len(fitted.centers_)
    np.testing.assert_array_equal(fitted.segment_ids_, fitted.labels_ + 1)


def test_predict_transform_and_inertia_belong_together(users, fitted):
    table, _ = users
    matrix = fitted.preprocessing_.transform(table)

    distances = fitted.transform(table)

    np.testing.assert_allclose(distances, cdist(matrix, fitted.centers_), rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(fitted.predict(table), fitted.labels_)
    np.testing.assert_array_equal(distances.argmin(axis=1), fitted.labels_)
    assert fitted.inertia_ == pytest.approx((distances.min(axis=1) ** 2).sum(), rel=1e-12)
    again = clone(fitted)
    np.testing.assert_array_equal(again.fit_predict(table), fitted.labels_)
    np.testing.assert_array_equal(again.fit_transform(table), distances)


def test_the_score_is_the_silhouette_of_scikit_learn(users, fitted):
    table, _ = users
    new = table[:90]
    matrix = fitted.preprocessing_.transform(new)

    assert fitted.score(new) == pytest.approx(
        silhouette_score(matrix, fitted.predict(new)), rel=1e-9
    )
    weights = np.random.default_rng(1).integers(0, 4, 90)
    assert fitted.score(new, sample_weight=weights) == fitted.score(
        new[np.repeat(range(90), weights)]
    )
    assert fitted.score(new[:1]) == 0.0


def test_one_segment_scores_nothing(users):
    table, _ = users

    assert UserSegmenter(n_segments=1).fit(table).score(table) == 0.0


def test_users_without_structure_are_one_segment():
    ball = pl.DataFrame(np.random.default_rng(4).normal(size=(300, 6)))

    segmenter = UserSegmenter().fit(ball)

    assert segmenter.n_segments_ == 1
    assert not segmenter.labels_.any()
    assert segmenter.transform(ball).shape == (300, 1)


@pytest.mark.filterwarnings("ignore:1 user has a level of")
@pytest.mark.parametrize("unknown", [None, np.nan, np.inf, -np.inf])
def test_new_users_may_lack_values_and_have_unseen_levels(fitted, unknown):
    new = pl.DataFrame(
        {
            "user_id": ["new", "newer"],
            "spend": pl.Series([unknown, 8000.0], dtype=pl.Float64),
            "n_visits": [2, None],
            "country": [None, "nl"],
            "level": [None, 6],
            "is_member": [False, None],
            "plan": ["gold", None],
        }
    )

    labels, distances = fitted.predict(new), fitted.transform(new)

    assert labels[1] == fitted.n_segments_ - 1  # the few with the largest spend
    assert labels[0] != labels[1]
    assert np.isfinite(distances).all()


def test_the_settings_decide_what_forms_the_segments(users):
    table, _ = users

    segmenter = UserSegmenter(
        n_segments=2,
        features=("level", "spend", "country"),
        categorical=("level",),
        exclude=("country_of_birth",),
        weights={"spend": 3.0},
        scale="standard",
    ).fit(table.with_columns(pl.col("country").alias("country_of_birth")))

    kinds = {each.name: each.kind for each in segmenter.features_}
    assert kinds == {"country": "categorical", "level": "categorical", "spend": "money"}
    *_, spend = segmenter.preprocessing_.fitted
    assert (spend.feature, spend.weight, spend.scale_by) == ("spend", 3.0, "standard")
    assert LeftOut("country_of_birth", "requested") in segmenter.left_out_


def test_columns_are_filled_and_scaled_as_they_are_chosen_to_be(users):
    table, _ = users

    segmenter = UserSegmenter(
        n_segments=2,
        features=("n_visits", "spend", "country"),
        fill={"n_visits": "own level", "country": "mode"},
        transforms="none",
        clip={"spend": (0.25, 0.75)},
        scale={"spend": "none"},
    ).fit(table)

    spends = table["spend"].fill_nan(None).to_numpy()
    is_known = np.isfinite(spends)
    known = np.where(is_known, spends, np.median(spends[is_known]))
    low, high = np.quantile(known, [0.25, 0.75])
    matrix = segmenter.preprocessing_.transform(table)
    columns = segmenter.preprocessing_.columns
    np.testing.assert_allclose(matrix[:, columns.index("spend")], np.clip(known, low, high))
    is_unknown = matrix[:, columns.index("n_visits=unknown")]
    np.testing.assert_array_equal(is_unknown, table["n_visits"].is_null().to_numpy())
    visits = next(each for each in segmenter.preprocessing_.fitted if each.feature == "n_visits")
    assert (visits.transform, visits.scale_by, visits.clip_low is None) == ("none", "robust", False)
    assert columns[:4] == ("country=at", "country=de", "country=fr", "country=it")
    assert "country=unknown" not in columns


def test_what_was_chosen_by_column_is_saved_cloned_and_searched(users, tmp_path):
    table, _ = users
    chosen = {"fill": {"n_visits": "zero"}, "clip": {"spend": (0.05, 0.9), "level": "none"}}
    segmenter = UserSegmenter(n_segments=2, scale={"spend": "quantile"}, **chosen).fit(table)

    segmenter.save(tmp_path / "segmenter.json")
    loaded = UserSegmenter.load(tmp_path / "segmenter.json")

    assert loaded.get_params() == segmenter.get_params() == clone(loaded).get_params()
    np.testing.assert_array_equal(loaded.transform(table), segmenter.transform(table))
    np.testing.assert_array_equal(clone(loaded).fit(table).labels_, segmenter.labels_)
    grid = {"scale": ["robust", {"spend": "none"}]}
    search = GridSearchCV(UserSegmenter(n_segments=2), grid, cv=2).fit(table)
    assert len(search.cv_results_["params"]) == 2


def test_features_that_the_steps_drop_are_left_out_with_their_reason():
    table = pl.DataFrame({"x": [1.5, 2.5, 9.0, 9.5], "same": [2.5, None, 2.5, 2.5]})

    segmenter = UserSegmenter(n_segments=2).fit(table)

    reason = "constant (2.5 for all users whose value is known)"
    assert segmenter.left_out_ == (LeftOut("same", reason),)
    assert [each.name for each in segmenter.features_] == ["x"]


# --- weights


@pytest.mark.parametrize("scale", ["robust", "standard", "quantile"])
def test_a_weight_of_two_is_the_row_twice_bit_for_bit(users, scale):
    table, _ = users
    rng = np.random.default_rng(6)
    weights = rng.integers(0, 4, table.height)
    repeated = table[np.repeat(np.arange(table.height), weights)]
    shuffled = repeated[rng.permutation(repeated.height)]
    settings = SETTINGS | {"scale": scale, "exclude": ("user_id",)}

    by_weight = UserSegmenter(**settings).fit(table, sample_weight=weights)
    by_rows = UserSegmenter(**settings).fit(shuffled)

    assert facts_of(by_weight) == facts_of(by_rows)
    np.testing.assert_array_equal(by_weight.labels_, by_rows.predict(table))
    np.testing.assert_array_equal(by_weight.transform(table), by_rows.transform(table))


def test_fractions_need_a_number_of_segments(users):
    table, _ = users
    weights = np.where(np.arange(table.height) % 2, 0.5, 1.5)

    with raises_text(ValueError):
        UserSegmenter(**SETTINGS).fit(table, sample_weight=weights)

    segmenter = UserSegmenter(n_segments=3).fit(table, sample_weight=weights)
    squared = segmenter.transform(table).min(axis=1) ** 2
    assert segmenter.inertia_ == pytest.approx(float(weights @ squared), rel=1e-12)


@pytest.mark.parametrize(
    "weights",
    [
        [1.0],
        np.full(240, -1.0),
        np.full(240, np.nan),
        np.zeros(240),
    ],
)
def test_weights_that_make_no_sense_are_refused(users, weights):
    with raises_text(ValueError):
        UserSegmenter(n_segments=2).fit(users[0], sample_weight=weights)


# --- order and containers


def test_the_order_of_users_and_columns_leaves_no_trace(users, fitted):
    table, _ = users
    order = np.random.default_rng(7).permutation(table.height)
    shuffled = table[order].select(reversed(table.columns))

    again = UserSegmenter(**SETTINGS).fit(shuffled)

    assert facts_of(again) == facts_of(fitted)
    np.testing.assert_array_equal(again.labels_, fitted.labels_[order])
    np.testing.assert_array_equal(fitted.predict(shuffled), fitted.labels_[order])


def containers_of(table):
    """Return the same users as every container that can hold them."""
    frame = table.to_pandas()
    values = np.array(table.with_columns(pl.col("spend").fill_nan(None)).rows(), dtype=object)
    with np.errstate(invalid="ignore"):  # pandas before 3 casts unknown values on the way
        nullable = frame.convert_dtypes()
    return {
        "pandas": frame,
        "pandas, nullable": nullable,
        "pandas, pyarrow": table.to_pandas(use_pyarrow_extension_array=True),
        "pandas, objects": frame.astype(object),
        "pandas, categories": frame.astype({"country": "category", "is_member": object}),
        "pandas, another index": frame.set_index(np.arange(240) * 7),
        "polars, categories": table.with_columns(pl.col("country").cast(pl.Categorical)),
        "pyarrow": table.to_arrow(),
        "pandas, from objects": pd.DataFrame(values, columns=table.columns),
    }


@pytest.mark.parametrize("kind", list(containers_of(users_of()[0])))
def test_every_container_gives_the_same_segments(users, fitted, three, kind):
    table, _ = users
    given = containers_of(table)[kind]

    again = UserSegmenter(**THREE).fit(given)

    assert facts_of(again) == facts_of(three)
    np.testing.assert_array_equal(again.labels_, fitted.labels_)
    np.testing.assert_array_equal(fitted.predict(given), fitted.labels_)
    assert again.feature_names_in_.tolist() == table.columns


def test_an_array_of_objects_is_read_column_by_column(users):
    table, _ = users
    values = np.array(table.rows(), dtype=object)
    settings = {"ordinal": ("x4",), "k_range": (2, 5)}

    segmenter = UserSegmenter(**settings).fit(values)

    kinds = {each.name: each.kind for each in segmenter.features_}
    assert kinds == {
        "x1": "money",
        "x2": "count",
        "x3": "categorical",
        "x4": "ordinal",
        "x5": "categorical",
    }
    assert not hasattr(segmenter, "feature_names_in_")
    by_position = pd.DataFrame(values)
    np.testing.assert_array_equal(segmenter.predict(by_position), segmenter.labels_)


def test_categories_that_are_numbers_stay_levels():
    codes = pd.DataFrame({"shop": pd.Categorical([3, 4, 5, 3]), "x": [0.5, 1.5, 2.5, 2.0]})

    segmenter = UserSegmenter(n_segments=2).fit(codes)

    assert segmenter.preprocessing_.columns == ("shop=3", "shop=4", "shop=5", "x")


@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_the_output_follows_set_output(users, fitted, three, container):
    table, _ = users
    given = table.to_pandas().set_index(np.arange(table.height) * 7)
    segmenter = clone(three).fit(given).set_output(transform=container)

    distances = segmenter.transform(given)

    names = ["distance_to_segment_1", "distance_to_segment_2", "distance_to_segment_3"]
    assert segmenter.get_feature_names_out().tolist() == names
    assert list(distances.columns) == names
    np.testing.assert_array_equal(distances.to_numpy(), fitted.transform(table))
    if container == "pandas":
        assert distances.index.equals(given.index)
    else:
        assert isinstance(distances, pl.DataFrame)


def test_pyarrow_goes_in_and_comes_out(users, fitted):
    table, _ = users
    segmenter = clone(clone(fitted).set_output(transform="pyarrow"))

    distances = segmenter.fit_transform(table.to_arrow())

    assert isinstance(distances, pa.Table)
    assert distances.column_names == segmenter.get_feature_names_out().tolist()
    np.testing.assert_array_equal(
        np.column_stack(distances.columns), fitted.transform(table.to_arrow())
    )
    assert segmenter.set_output().transform(table).equals(distances)  # unchanged
    assert isinstance(segmenter.set_output(transform="polars").transform(table), pl.DataFrame)
    assert isinstance(segmenter.set_output(transform="default").transform(table), np.ndarray)
    with raises_text(ValueError):
        segmenter.set_output(transform="spreadsheet").transform(table)


def test_the_callers_table_and_weights_are_not_changed(users):
    table, _ = users
    frame, weights = table.to_pandas(), np.full(table.height, 2.0)
    before = frame.copy(deep=True)

    UserSegmenter(n_segments=2).fit(frame, sample_weight=weights).predict(frame)

    pd.testing.assert_frame_equal(frame, before)
    assert set(weights) == {2.0}


# --- refused


@pytest.mark.parametrize(
    "change",
    [
        lambda table: table.drop("level"),
        lambda table: table.rename({"level": "grade"}),
        lambda table: table.with_columns(extra=1),
        lambda table: table.with_columns(spend=pl.lit("much")),
        lambda table: table.clear(),
    ],
)
def test_another_table_than_that_of_the_fit_is_refused(users, fitted, change):
    with raises_text(ValueError):
        fitted.predict(change(users[0]))


@pytest.mark.parametrize(
    "settings",
    [
        {"k_range": (5, 2)},
        {"k_range": range(2, 6)},
        {"n_segments": 0},
        {"n_segments": 2.7},
        {"n_segments": True},
        {"features": "spend"},
        {"exclude": "plan"},
        {"n_segments": 999},
        {"algorithm": "ward"},
        {"scale": "max"},
        {"min_share": 1.0},
        {"features": ("spends",)},
        {"features": ("user_id",)},
        {"features": ()},
        {"weights": {"plan": 2.0}},
        {"weights": {"spend": 0.0}},
        {"fill": {"spend": "none"}},
        {"fill": "mean"},
        {"fill": {"country": "zero"}},
        {"clip": (0.9, 0.1)},
        {"scale": {"spends": "none"}},
        {"scale": {"plan": "none"}},
        {"scale": {"country": "none"}},
        {"features": ("level",), "transforms": {"spend": "none"}},
        {"random_state": -1},
        {"random_state": 2**32},
        {"ordinal": ("Level",)},
        {"ordinal": ("country",)},
        {"ordinal": ("level",), "categorical": ("level",)},
    ],
)
def test_settings_that_make_no_sense_are_refused_with_what_was_expected(users, settings):
    with raises_text(ValueError):
        UserSegmenter(**settings).fit(users[0])


@pytest.mark.parametrize(
    "table",
    [
        pl.DataFrame({"x": [1.5]}),
        pl.DataFrame({"x": [2, 2, 2]}),
        pd.DataFrame({"x": [1, "a", None]}),
        np.array([[1, "a"], ["b", 2]], dtype=object),
        pd.DataFrame([[1, 2], [3, 4]], columns=["a", "a"]),
    ],
)
def test_tables_that_make_no_sense_are_refused(table):
    with raises_text(ValueError):
        UserSegmenter(n_segments=2).fit(table)


def test_a_lazy_frame_is_asked_to_be_collected():
    with raises_text(TypeError):
        UserSegmenter(n_segments=2).fit(pl.LazyFrame({"x": [1.5, 2.5]}))


# --- within scikit-learn


def test_a_search_finds_the_planted_number(users):
    table, _ = users
    search = GridSearchCV(
        UserSegmenter(ordinal=("level",)), {"n_segments": np.arange(2, 6)}, cv=3
    ).fit(table.to_pandas())

    assert search.best_params_ == {"n_segments": 3}
    assert search.best_estimator_.n_segments_ == 3


@pytest.mark.parametrize("kind", ["polars", "pyarrow"])
def test_a_search_within_a_pipeline_takes_any_container(users, kind):
    table, of_kind = users
    given = {"polars": table, "pyarrow": table.to_arrow()}[kind]
    pipeline = make_pipeline(UserSegmenter(ordinal=("level",)), LogisticRegression())

    search = GridSearchCV(pipeline, {"usersegmenter__n_segments": [1, 3]}, cv=3).fit(given, of_kind)

    assert search.best_params_ == {"usersegmenter__n_segments": 3}
    assert search.predict(given).shape == (240,)


def test_distances_feed_a_model_in_a_pipeline(users):
    table, kind = users
    pipeline = make_pipeline(UserSegmenter(n_segments=3), LogisticRegression())

    pipeline.fit(table, kind, usersegmenter__sample_weight=np.full(table.height, 2))

    assert pipeline.score(table, kind) > 0.95
    assert pipeline[:-1].get_feature_names_out().tolist()[0] == "distance_to_segment_1"
    columns = make_column_transformer((UserSegmenter(n_segments=2), ["spend", "level"]))
    assert columns.fit_transform(table.to_pandas()).shape == (240, 2)


@pytest.mark.parametrize(
    "state", [3, np.int64(3), np.random.RandomState(3)], ids=["int", "numpy", "RandomState"]
)
def test_the_same_random_state_gives_the_same_segments(users, state):
    table, _ = users
    first = UserSegmenter(n_segments=3, random_state=state)

    same = clone(first).fit(table)

    assert facts_of(first.fit(table)) == facts_of(same)
    assert first.seed_ == same.seed_


def test_importing_the_package_loads_no_estimator():
    code = "import segmentry, sys; print('sklearn' in sys.modules, 'polars' in sys.modules)"

    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert answer.stdout == "False False\n"


# --- saved


def test_a_saved_segmenter_places_users_bit_for_bit_as_before(users, fitted, tmp_path):
    table, _ = users
    path = tmp_path / "segmenter.json"

    fitted.save(path)
    loaded = UserSegmenter.load(path)

    np.testing.assert_array_equal(loaded.transform(table), fitted.transform(table))
    np.testing.assert_array_equal(loaded.predict(table.to_pandas()), fitted.labels_)
    assert facts_of(loaded) == facts_of(fitted)
    assert loaded.get_params() == fitted.get_params()
    assert loaded.score(table) == fitted.score(table)
    assert loaded.left_out_ == fitted.left_out_
    assert loaded.feature_names_in_.tolist() == table.columns
    assert not hasattr(loaded, "labels_")
    assert [each.name for each in tmp_path.iterdir()] == ["segmenter.json"]
    assert "user 17" not in path.read_text()  # no user is in it


def test_numpys_own_numbers_and_arrays_without_names_are_saved(users, tmp_path):
    table, _ = users
    X = table.select("spend", "n_visits", "level").to_numpy()
    segmenter = UserSegmenter(
        n_segments=np.int64(2),
        weights={"x0": np.float32(2.0)},
        min_share=np.float32(0.25),
        random_state=np.random.RandomState(1),
        ordinal=["x2"],
    ).fit(X)

    segmenter.save(tmp_path / "segmenter.json")
    loaded = UserSegmenter.load(tmp_path / "segmenter.json")

    np.testing.assert_array_equal(loaded.transform(X), segmenter.transform(X))
    assert loaded.get_params()["random_state"] is None
    assert loaded.get_params()["ordinal"] == ("x2",)
    assert not hasattr(loaded, "feature_names_in_")


@pytest.mark.parametrize(
    "text",
    [
        '{"segmenter_version": 7}',
        '{"segmenter_version": 1}',
        '{"bundle_version": 1}',
        "[1]",
        "",
        "\x80\x04pickle",
        None,
    ],
)
def test_another_file_is_refused_in_one_line(tmp_path, text):
    path = tmp_path / "segmenter.json"
    if text is not None:
        path.write_bytes(text.encode("latin-1"))

    with raises_text(BundleError) as caught:
        UserSegmenter.load(path)

    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_file_that_was_changed_is_refused_where_it_was(fitted, tmp_path):
    path = tmp_path / "segmenter.json"
    fitted.save(path)
    saved = json.loads(path.read_text())
    saved["settings"]["scale"] = "max"
    path.write_text(json.dumps(saved))

    with raises_text(BundleError):
        UserSegmenter.load(path)


def test_a_place_that_is_not_there_is_told_and_leaves_nothing(fitted, tmp_path):
    with raises_text(OutputError):
        fitted.save(tmp_path / "absent" / "segmenter.json")

    (tmp_path / "taken").mkdir()
    with raises_text(OutputError):
        fitted.save(tmp_path / "taken")
    assert [each.name for each in tmp_path.iterdir()] == ["taken"]


# --- real data


def customers(real_data):
    table = pl.read_csv(real_data / "ifood" / "ml_project1_data.csv")
    return table, [name for name in table.columns if name.startswith("Mnt")]


@pytest.mark.slow  # 27 s; users without structure are tested above
@pytest.mark.real_data("ifood")
def test_real_customers_have_no_natural_groups(real_data):
    table, spends = customers(real_data)

    for features in (None, ("Income", *spends)):
        assert UserSegmenter(features=features).fit(table).n_segments_ == 1


@pytest.mark.real_data("ifood")
def test_real_customers_fall_into_segments_by_what_they_spend(real_data):
    table, spends = customers(real_data)
    segmenter = UserSegmenter(features=("Income", *spends), n_segments=2).fit(table)

    answered = (
        table.with_columns(segment=segmenter.segment_ids_)
        .group_by("segment")
        .agg(pl.median("Income"), pl.mean("Response"))
    )
    poor, rich = answered.sort("Income").rows(named=True)
    assert rich["Income"] > 1.5 * poor["Income"]
    assert rich["Response"] > 1.5 * poor["Response"]  # which formed nothing
    assert segmenter.score(table) > 0.35
