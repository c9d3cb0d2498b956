"""Saved models: the run's own users get the run's own labels, and what is odd is told."""

import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from tests.texts import raises_text, shows

from segmentry.errors import BundleError, DataError, SchemaError
from segmentry.features import LOG_FEATURES, SCALES_WITH_WINDOW, BetaPrior
from segmentry.ingest.taobao import TAOBAO_ATTRIBUTES
from segmentry.results.scoring import (
    make_bundle,
    parse_bundle,
    render_bundle,
    score_users,
    segments_table,
)
from segmentry.schema import Feature, Window
from segmentry.segments.forming import find_segments, plan_features, recipe_named

CATALOGUE = (*LOG_FEATURES, *TAOBAO_ATTRIBUTES)
FEATURES = ("n_impressions", "ctr_shrunk", "city_tier", "gender")
NAMES = ("Rarely shown", "Heavily shown", "Clicks well")


def users_of(n_users=240, seed=21):
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 3, n_users)
    city = rng.integers(1, 5, n_users)
    return pl.DataFrame(
        {
            "user_id": range(1000, 1000 + n_users),
            "is_profiled": rng.random(n_users) < 0.9,
            "n_impressions": rng.poisson(np.array([2, 60, 15])[kind]),
            "ctr_shrunk": rng.beta(np.array([5, 5, 40])[kind], 95),
            "city_tier": pl.Series([None if one == 4 else one for one in city.tolist()]),
            "gender": pl.Series(rng.integers(1, 3, n_users)),
        }
    )


@pytest.fixture(scope="module")
def users():
    return users_of()


@pytest.fixture(scope="module")
def segmentation(users):
    recipe = recipe_named("default")
    plans = plan_features(recipe, CATALOGUE, features=FEATURES)
    return find_segments(users, plans, recipe=recipe, n_segments=(2, 3), forced=3)


def bundle_of(segmentation):
    made = make_bundle(
        segmentation,
        names=NAMES,
        prior=BetaPrior(mean=0.05, precision=20.5),
        main_placement="430548_1007",
        attributes=TAOBAO_ATTRIBUTES,
        window=Window(start=0, end=86_400, utc_offset_hours=8),
    )
    return parse_bundle(render_bundle(made), source="test")


@pytest.fixture(scope="module")
def bundle(segmentation):
    return bundle_of(segmentation)


def test_the_training_users_get_the_runs_own_labels_and_margins(users, segmentation, bundle):
    own = segments_table(users, segmentation.segment_ids, segmentation.margins, NAMES, None)

    scores, unseen = score_users(bundle, users)

    assert scores.equals(own)
    assert unseen == {}
    assert set(scores["segment_id"]) == {0, 1, 2, 3}  # some were never shown an ad


def test_one_user_scores_alone_as_in_company(users, bundle):
    together, _ = score_users(bundle, users)

    alone = pl.concat([score_users(bundle, users[row])[0] for row in range(0, 240, 40)])

    assert alone.equals(together[range(0, 240, 40)])


def test_new_users_go_to_the_nearest_centre(users, bundle):
    from scipy.spatial.distance import cdist

    new = users_of(seed=22).filter(pl.col("n_impressions") > 0)

    scores, _ = score_users(bundle, new)

    distances = cdist(bundle.preprocessing.transform(new), np.array(bundle.centers))
    assert scores["user_id"].to_list() == new["user_id"].to_list()
    assert scores["segment_id"].to_list() == (distances.argmin(axis=1) + 1).tolist()
    first, second = np.sort(distances, axis=1)[:, :2].T
    np.testing.assert_allclose(scores["margin"], 1 - first / second, atol=1e-12)
    assert scores["segment_name"].to_list() == [NAMES[i] for i in distances.argmin(axis=1)]


def test_users_that_belong_to_no_segment_have_neither_name_nor_margin(users, bundle):
    scores, _ = score_users(bundle, users.with_columns(n_impressions=0)[:2])

    assert scores.drop("is_profiled").rows() == [(1000, 0, *[None] * 3), (1001, 0, *[None] * 3)]
    assert scores.schema == {
        "user_id": pl.Int64,
        "segment_id": pl.Int64,
        "segment_key": pl.String,
        "segment_name": pl.String,
        "margin": pl.Float64,
        "is_profiled": pl.Boolean,
    }


def test_no_user_at_all_scores_to_an_empty_table(users, bundle):
    scores, unseen = score_users(bundle, users[:0])

    assert scores.height == 0
    assert scores.columns == [
        *("user_id", "segment_id", "segment_key", "segment_name", "margin", "is_profiled")
    ]
    assert unseen == {}


def test_what_was_never_missing_may_be_missing_in_new_data(users, bundle):
    unknown = users[:5].with_columns(
        gender=pl.lit(None, pl.Int64), ctr_shrunk=pl.lit(None, pl.Float64), n_impressions=3
    )

    scores, unseen = score_users(bundle, unknown)

    assert scores["segment_id"].is_between(1, 3).all()
    assert scores["margin"].is_between(0, 1).all()
    assert unseen == {}


def test_unseen_levels_are_counted_among_those_who_are_scored(users, bundle):
    new = users[:10].with_columns(
        n_impressions=pl.Series([0, 0, *[5] * 8]), gender=pl.Series([7] * 6 + [1] * 4)
    )

    scores, unseen = score_users(bundle, new)

    assert unseen == {"gender": 4}
    assert (scores["segment_id"] > 0).sum() == 8


def test_text_levels_are_saved_and_new_ones_counted(users):
    country = Feature(
        name="country",
        family="demographics",
        label="country",
        unit="level",
        kind="categorical",
        fill="own level",
        description="",
        levels={"de": "Germany"},
    )
    values = ["de", "fr", "Österreich", None] * 60
    table = users.with_columns(country=pl.Series(values))
    recipe = recipe_named("default")
    plans = plan_features(recipe, (*CATALOGUE, country), features=("n_impressions", "country"))
    segmentation = find_segments(table, plans, recipe=recipe, forced=3)
    made = make_bundle(
        segmentation,
        names=NAMES,
        prior=None,
        main_placement=None,
        attributes=(country,),
        window=Window(start=0, end=86_400),
    )

    bundle = parse_bundle(render_bundle(made), source="test")
    scores, unseen = score_users(bundle, table)

    assert bundle == made
    np.testing.assert_array_equal(scores["segment_id"], segmentation.segment_ids)
    assert unseen == {}
    is_shown = table["n_impressions"] > 0
    _, unseen = score_users(bundle, table.with_columns(country=pl.lit("it")))
    assert unseen == {"country": is_shown.sum()}


def test_a_missing_feature_is_named(users, bundle):
    with raises_text(SchemaError):
        score_users(bundle, users.drop("gender"))
    with raises_text(SchemaError):
        score_users(bundle, users.drop("n_impressions"))


def test_a_bundle_comes_back_from_json_as_it_was(segmentation, bundle):
    again = parse_bundle(render_bundle(bundle), source="test")

    assert again == bundle
    assert np.array(again.centers).tobytes() == segmentation.centers.tobytes()
    assert again.attributes == TAOBAO_ATTRIBUTES  # with the labels of levels
    assert again.preprocessing == segmentation.preprocessing


def test_a_number_that_is_not_finite_is_never_written(bundle):
    with raises_text(ValueError):
        render_bundle(replace(bundle, centers=((float("nan"),),)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[1, 2]",
        "{}",
        '{"bundle_version": 2}',
        '{"bundle_version": 1}',
    ],
)
def test_what_is_no_model_of_this_version_is_refused(text):
    with pytest.raises(BundleError) as caught:
        parse_bundle(text, source="m.json")

    shows(str(caught.value))
    assert "\n" not in str(caught.value)


def test_a_damaged_field_is_named(bundle):
    damaged = json.loads(render_bundle(bundle))
    damaged["preprocessing"]["fitted"][0]["scale"] = "wide"

    with raises_text(BundleError):
        parse_bundle(json.dumps(damaged), source="m.json")


def test_users_of_other_windows_are_placed_by_counts_as_of_the_forming_days(users):
    """Kept from window to window, the segments still compare with the days that formed them."""
    recipe = recipe_named("default")
    plans = plan_features(recipe, CATALOGUE, features=("n_impressions",))
    bundle = bundle_of(find_segments(users, plans, recipe=recipe, n_segments=(3,), forced=3))
    day, frozen = 86_400, bundle.frozen
    first, second = (Window(start=0, end=n * day, utc_offset_hours=8) for n in (3, 2))

    chained = frozen.in_windows(first, None).in_windows(second, None).place(users)[0]

    grown = pl.col([name for name in users.columns if name in SCALES_WITH_WINDOW])
    scaled = users.with_columns(grown * (bundle.window.n_days / second.n_days))
    expected = frozen.place(scaled)[0]
    np.testing.assert_array_equal(chained, expected)
    assert (expected != frozen.place(users)[0]).any()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("centers",), [[1e308]]),
        (("centers", 0), [1e308] * 40),
        (("centers", 0, 0), 1e308),
        (("centers",), []),
        (("names",), ["a"]),
        (("recipe",), "none"),
        (("preprocessing", "fitted"), []),
        *(
            (("preprocessing", "fitted", 0, name), 1e308)
            for name in ("clip_low", "clip_high", "center", "scale", "weight", "factor")
        ),
        (("preprocessing", "fitted", 0, "fill_value"), -1e308),
        (("preprocessing", "fitted", 0, "clip_low"), 1e30),
        (("preprocessing", "fitted", 0, "scale"), 0.0),
        (("prior",), {"mean": 1e308, "precision": 5.0}),
        (("prior",), {"mean": 0.1, "precision": -1.0}),
        (("preprocessing", "fitted", 0, "factor"), -1.0),
        *((("window", "utc_offset_hours"), hours) for hours in (1e308, -1e308, 30)),
        *((("window", moment), 10**18) for moment in ("start", "end")),
    ],
    ids=lambda each: ".".join(map(str, each)) if isinstance(each, tuple) else "",
)
def test_a_model_that_contradicts_itself_is_refused_when_it_is_read(bundle, path, value):
    content = json.loads(render_bundle(bundle))
    *above, last = path
    place = content
    for each in above:
        place = place[each]
    place[last] = value

    with raises_text(BundleError):
        parse_bundle(json.dumps(content), source="bundle.json")


def test_users_beyond_all_distances_are_refused_and_not_placed(bundle, users):
    far = users.with_columns(ctr_shrunk=1e308)
    steps = replace(
        bundle.preprocessing,
        fitted=tuple(
            replace(each, clip_low=None, clip_high=None, transform="none", scale=1.0)
            for each in bundle.preprocessing.fitted
        ),
    )

    with raises_text(DataError):
        score_users(replace(bundle, preprocessing=steps), far)
