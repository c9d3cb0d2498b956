"""Which features a recipe uses and how; the classic line against pandas and scikit-learn."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.cluster import KMeans
from sklearn.preprocessing import RobustScaler
from tests.texts import raises_text

from segmentry.errors import ConfigError
from segmentry.features import LOG_FEATURES
from segmentry.ingest.taobao import TAOBAO_ATTRIBUTES
from segmentry.segments.forming import RECIPES, find_segments, plan_features, recipe_named
from segmentry.segments.preprocessing import fit_preprocessing

CATALOGUE = (*LOG_FEATURES, *TAOBAO_ATTRIBUTES)
CLASSIC = recipe_named("classic")
CLASSIC_FEATURES = (
    *("n_impressions", "n_clicks", "ctr"),
    *("age_level", "consumption_level", "shopping_depth", "city_tier"),
)


def names_of(plans):
    return [plan.feature.name for plan in plans]


# --- the classic line


def raw_files(n_users=400, seed=12):
    """An impression log and a profile table, as the recipe's authors read them with pandas."""
    rng = np.random.default_rng(seed)
    shown = np.minimum(np.ceil(np.exp(rng.normal(1.9, 1.55, n_users))), 300).astype(int)
    log = pd.DataFrame({"user": np.repeat(np.arange(n_users), shown)})
    log["clk"] = (rng.random(len(log)) < 0.08).astype(int)
    users = np.arange(50, n_users + 30)  # 50 users without profile, 30 without impression
    profiles = pd.DataFrame({"user": users})
    for name, levels, shares, missing in (
        ("age_level", range(7), (0.02, 0.06, 0.18, 0.29, 0.24, 0.19, 0.02), 0.0),
        ("consumption_level", (1, 2, 3), (0.32, 0.60, 0.08), 0.54),
        ("shopping_depth", (1, 2, 3), (0.07, 0.14, 0.79), 0.0),
        ("city_tier", (1, 2, 3, 4), (0.11, 0.45, 0.24, 0.20), 0.33),
    ):
        values = rng.choice(list(levels), len(users), p=shares).astype(float)
        values[rng.random(len(users)) < missing] = np.nan
        profiles[name] = values
    return log, profiles


def classic_by_hand(log, profiles):
    """The published steps: all profiled users, left join, and so on; returns `X`."""
    counts = log.groupby("user")["clk"].agg(n_impressions="size", n_clicks="sum").reset_index()
    users = profiles.merge(counts, on="user", how="left").sort_values("user")
    users[["n_impressions", "n_clicks"]] = users[["n_impressions", "n_clicks"]].fillna(0)
    users["ctr"] = users["n_clicks"] / users["n_impressions"].clip(lower=1)
    frame = users[list(CLASSIC_FEATURES)]
    frame = frame.fillna(frame.median())
    behaviour = ["n_impressions", "n_clicks", "ctr"]
    frame = frame.assign(**np.log1p(frame[behaviour]))
    frame = frame.clip(frame.quantile(0.01), frame.quantile(0.99), axis=1)
    return RobustScaler().fit_transform(frame)


def user_table(log, profiles):
    """The same users as a user table: unknown values stay null, unprofiled users are there."""
    counts = log.groupby("user")["clk"].agg(n_impressions="size", n_clicks="sum").reset_index()
    users = profiles.assign(is_profiled=True).merge(counts, on="user", how="outer")
    users["is_profiled"] = users["is_profiled"].notna()
    users[["n_impressions", "n_clicks"]] = users[["n_impressions", "n_clicks"]].fillna(0)
    users["ctr"] = users["n_clicks"] / users["n_impressions"].where(users["n_impressions"] > 0)
    table = pl.from_pandas(users.rename(columns={"user": "user_id"}), nan_to_null=True)
    return table.sort("user_id")


@pytest.fixture(scope="module")
def classic():
    log, profiles = raw_files()
    return user_table(log, profiles), classic_by_hand(log, profiles)


def test_the_classic_matrix_is_the_pandas_and_scikit_learn_one(classic):
    table, expected = classic
    profiled = table.filter("is_profiled")
    plans = plan_features(CLASSIC, CATALOGUE)

    X = fit_preprocessing(profiled, plans).transform(profiled)

    assert names_of(plans) == list(CLASSIC_FEATURES)
    assert X.shape == expected.shape == (380, 7)
    np.testing.assert_allclose(X, expected, rtol=0, atol=1e-9)


def test_classic_segments_are_those_of_k_means_on_that_matrix(classic):
    table, expected = classic

    segmentation = find_segments(
        table,
        plan_features(CLASSIC, CATALOGUE),
        recipe=CLASSIC,
        n_segments=(2, 3, 4),
        forced=4,
        seed=1,
    )

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        best = KMeans(n_clusters=4, n_init=40, random_state=0).fit(expected)
    is_profiled = table["is_profiled"].to_numpy()
    candidate = next(c for c in segmentation.selection.candidates if c.n_segments == 4)
    assert candidate.inertia == pytest.approx(best.inertia_, rel=1e-9)
    pairs = set(zip(segmentation.segment_ids[is_profiled], best.labels_, strict=True))
    assert len(pairs) == 4  # the same groups by other numbers
    assert (segmentation.segment_ids[~is_profiled] == 0).all()
    assert segmentation.unassigned == (("no profile", 50),)


def test_the_classic_rule_takes_the_largest_silhouette_of_k_means(classic):
    from sklearn.metrics import silhouette_score

    table, expected = classic

    segmentation = find_segments(
        table, plan_features(CLASSIC, CATALOGUE), recipe=CLASSIC, n_segments=(2, 3, 4)
    )

    by_k = {
        k: silhouette_score(
            expected, KMeans(n_clusters=k, n_init=40, random_state=0).fit_predict(expected)
        )
        for k in (2, 3, 4)
    }
    found = {c.n_segments: c.silhouette.value for c in segmentation.selection.candidates}
    assert {k: found[k] for k in by_k} == pytest.approx(by_k, abs=1e-9)
    assert segmentation.n_segments == max(by_k, key=by_k.get)


# --- choosing features


def test_the_default_recipe_takes_shrunk_ctr_impressions_and_days():
    plans = plan_features(RECIPES["default"], CATALOGUE)

    assert [(p.feature.name, p.weight, p.transform, p.scale) for p in plans] == [
        ("ctr_shrunk", 2.0, "logit", "robust"),
        ("n_impressions", 1.2, "log1p", "robust"),
        ("n_active_days", 0.5, "log1p", "robust"),
    ]


def test_asked_for_features_replace_the_recipes_and_keep_its_weights():
    plans = plan_features(
        recipe_named("default"), CATALOGUE, features=["gender", "ctr_shrunk", "n_ads", "gender"]
    )

    assert [(p.feature.name, p.weight) for p in plans] == [
        ("gender", 1.0),
        ("ctr_shrunk", 2.0),
        ("n_ads", 1.0),
    ]


def test_excluded_features_do_not_form_segments():
    assert names_of(plan_features(CLASSIC, CATALOGUE, exclude=["age_level", "gender"])) == [
        name for name in CLASSIC_FEATURES if name != "age_level"
    ]
    asked = plan_features(CLASSIC, CATALOGUE, features=["n_ads", "gender"], exclude=["gender"])
    assert names_of(asked) == ["n_ads"]


def test_a_recipe_goes_without_the_attributes_that_the_data_lack():
    plans = plan_features(CLASSIC, LOG_FEATURES)

    assert names_of(plans) == ["n_impressions", "n_clicks", "ctr"]


def test_the_table_recipe_takes_every_feature_but_moments_at_weight_one():
    plans = plan_features(recipe_named("table"), CATALOGUE, exclude=["gender"])

    assert names_of(plans) == [
        each.name for each in CATALOGUE if each.kind != "time" and each.name != "gender"
    ]
    assert {plan.weight for plan in plans} == {1.0}


@pytest.mark.parametrize("given", [{"features": ["n_clicks", "clicks"]}, {"exclude": ["clicks"]}])
def test_an_unknown_feature_is_named_beside_those_that_there_are(given):
    with pytest.raises(ConfigError) as caught:
        plan_features(CLASSIC, CATALOGUE, **given)

    assert str(caught.value) == (
        "feature 'clicks' is unknown; expected some of "
        + ", ".join(sorted(feature.name for feature in CATALOGUE))
    )


def test_moments_cannot_form_segments():
    for name in ("first_seen_at", "last_seen_at"):
        with raises_text(ConfigError):
            plan_features(CLASSIC, CATALOGUE, features=["n_ads", name])


@pytest.mark.parametrize("given", [{"features": []}, {"features": ["ctr"], "exclude": ["ctr"]}])
def test_no_feature_at_all_is_refused(given):
    with pytest.raises(ConfigError, match="no feature is left to form segments"):
        plan_features(CLASSIC, CATALOGUE, **given)


def test_an_unknown_recipe_is_refused_with_those_that_there_are():
    with raises_text(ConfigError):
        recipe_named("modern")
