"""What columns are taken for, and why some are left out."""

import datetime as dt
from decimal import Decimal

import numpy as np
import polars as pl
import pytest
from tests.texts import raises_text, says

from segmentry.errors import ConfigError, SchemaError
from segmentry.estimator import LeftOut, infer_features
from segmentry.segments.preprocessing import fit_preprocessing, plan_column

MOMENT = "a date or time: turn it into days before some day"
NUMBERING = "an id: whole numbers with hardly a gap, no two users share one"


def kinds_of(table, **settings):
    return {each.name: each.kind for each in infer_features(table, **settings).features}


def judged(values, name="x", **settings):
    """Return the kind of one column, or the reason why it is left out."""
    inferred = infer_features(pl.DataFrame({name: values}), **settings)
    return inferred.features[0].kind if inferred.features else inferred.left_out[0].reason


# --- kinds


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([True, False, None], "categorical"),
        (["de", "fr", "de"], "categorical"),
        (pl.Series(["b", "a", "b"], dtype=pl.Categorical), "categorical"),
        ([0, 1, 1], "categorical"),
        ([7, 9, 9, None], "categorical"),
        ([0.0, 1.0, np.nan, 1.0], "categorical"),
        ([5, None, 5], "categorical"),
        ([0, 1, 2], "rate"),
        ([-40, 0, 1, 2, 2], "rate"),
        ([0, 1, 2, 1, 90], "count"),
        ([0.0, 1.0, 2.0, 1.0, 90.0, np.inf], "count"),
        ([0, -1, 2, 1, 90], "rate"),
        ([0.5, 1.0, 2.0, 1.0, 90.0], "money"),
        ([Decimal(each) for each in ("0.5", "1", "2", "1", "90")], "money"),
        ([0.5, 0.25, 0.75], "rate"),
        ([-0.5, 1.0, 2.0, 1.0, 90.0], "rate"),
    ],
)
def test_a_column_is_taken_for_what_its_values_look_like(values, expected):
    assert judged(values) == expected


def test_whole_numbers_are_the_same_as_floats_with_gaps():
    with_nulls = pl.DataFrame({"x": [0, 1, None, 1, 90, 2]})
    with_nans = pl.DataFrame({"x": [0.0, 1.0, np.nan, 1.0, 90.0, 2.0]})

    assert infer_features(with_nulls) == infer_features(with_nans)


def test_a_tail_that_a_logarithm_only_turns_round_is_left_alone():
    # Skewness 3.4 by the one at 30, but -4.2 after log1p, by the one at 0.
    values = [0.0, *[10.5] * 30, 30.0]

    assert judged(values) == "rate"
    assert judged(values[1:]) == "money"


def test_a_feature_says_how_it_is_filled_named_and_described():
    table = pl.DataFrame({"n_web_visits": [0, 1, 2, 1, 90], "MntWines": [0.5, 1, 2, 1, 90]})

    visits, wines = infer_features(table.with_columns(pl.lit(None).alias("empty"))).features

    assert (visits.label, visits.fill, visits.family) == ("n web visits", "median", "activity")
    assert (wines.label, wines.unit, wines.family) == ("MntWines", "amount", "affinity")
    says(visits.description)
    (country,) = infer_features(pl.DataFrame({"country": ["de", "de", "fr"]})).features
    assert (country.fill, country.unit, country.family) == ("own level", "level", "demographics")


# --- left out


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([3, 3, 3], "constant: 3 for all users"),
        (["de", "de"], "constant: de for all users"),
        ([None, None], "unknown for all users"),
        ([np.nan, np.inf], "unknown for all users"),
        (["a", "b", "c", None], "an id: no two users share a value"),
        ([f"level {i // 2}" for i in range(102)], "51 different texts, more than 50: group them"),
        ([dt.date(2026, 7, 4), dt.date(2026, 7, 5)], MOMENT),
        ([dt.datetime(2026, 7, 4), None], MOMENT),
        ([dt.timedelta(days=3), None], MOMENT),
        (["2026-07-04", "2026-07-05", "2026-07-04", None], MOMENT),
        (["2026-07-04T10:00:00Z", "2026-07-04 10:00", "2026-07-04 10:00"], MOMENT),
        (["04.07.2026", "05.07.2026", "04.07.2026"], MOMENT),
        (["07/04/2026", "07/31/2026", "07/04/2026"], MOMENT),
        ([[1], [2]], "of type List(Int64)"),
    ],
)
def test_columns_that_tell_nothing_are_left_out_with_their_reason(values, reason):
    assert judged(values) == reason


def test_fifty_texts_are_levels_and_text_that_only_begins_like_a_date_is_too():
    assert judged([f"level {i // 2}" for i in range(100)]) == "categorical"
    assert judged(["2026-07-04", "never", "2026-07-04"]) == "categorical"


@pytest.mark.parametrize(
    "name", ["id", "ID", "user_id", "User ID", "userId", "CustomerID", "userid", "shop-uuid"]
)
def test_an_id_is_known_by_its_name(name):
    says(judged([5524, 2174, 4141, 6182], name))


def test_ids_that_users_share_are_levels_if_they_are_few():
    assert judged([11, 17, 11, 23], "shop_id") == "categorical"
    says(judged(list(range(51)) * 2, "shop_id"))


@pytest.mark.parametrize("name", ["paid", "valid", "grid", "Android", "acid_level"])
def test_a_name_that_only_ends_in_the_letters_of_id_is_none(name):
    assert judged([5524, 2174, 4141, 6182], name) == "rate"


def test_numbers_without_gaps_are_ids_in_any_order():
    numbers = np.random.default_rng(1).permutation(np.arange(100, 140))

    assert judged(numbers) == NUMBERING
    assert judged(np.sort(numbers)) == NUMBERING
    assert judged(numbers[:19]) == "rate"  # so few may be all different by chance
    assert judged(np.append(numbers, 100)) == "rate"  # two users share one
    assert judged(numbers * 3) == "rate"  # two thirds of the numbers are missing


# --- what is asked for


def test_columns_are_what_they_are_declared():
    table = pl.DataFrame(
        {"level": [1, 2, 3], "shop_id": [7, 8, 9], "when": ["a", "b", "c"], "note": [1, 2, 4]}
    )

    inferred = infer_features(
        table, ordinal=["level"], categorical=["shop_id", "when"], ignore=["note"]
    )

    assert [(each.name, each.kind, each.fill) for each in inferred.features] == [
        ("level", "ordinal", "median"),
        ("shop_id", "categorical", "own level"),
        ("when", "categorical", "own level"),
    ]
    assert inferred.left_out == (LeftOut("note", "requested"),)


def test_what_is_constant_is_left_out_whatever_it_is_declared():
    says(judged([2, 2], ordinal=["x"]))
    says(judged([None, None], categorical=["x"]))


def test_a_column_that_is_not_there_is_told_with_the_nearest_one():
    table = pl.DataFrame({"education": ["PhD"], "age": [3]})

    with raises_text(SchemaError):
        infer_features(table, ordinal=["Education"])
    with raises_text(SchemaError):
        infer_features(table, ignore=["zip"])


def test_a_column_cannot_be_both_ordinal_and_categorical():
    with raises_text(ConfigError):
        judged([1, 2], ordinal=["x"], categorical=["x"])


# --- weights and order


def tricky_table():
    rng = np.random.default_rng(2)
    return pl.DataFrame(
        {
            "code": [f"code {i}" for i in range(40)],
            "number": rng.permutation(40),
            "skewed": rng.poisson(3, 40),
            "spend": np.where(np.arange(40) == 7, 40.5, rng.random(40)),
            "country": rng.choice(["de", "fr"], 40),
        }
    )


def test_the_order_of_users_changes_nothing():
    table = tricky_table()

    shuffled = table[np.random.default_rng(3).permutation(table.height)]

    assert infer_features(shuffled) == infer_features(table)


@pytest.mark.parametrize("seed", range(5))
def test_a_weight_of_two_is_the_user_twice(seed):
    table, weights = tricky_table(), np.random.default_rng(seed).integers(1, 5, 40)

    found = infer_features(table, weights=weights.astype(float))

    assert found == infer_features(table[np.repeat(np.arange(40), weights)])


def test_weights_can_make_a_tail_and_share_an_id():
    table = pl.DataFrame({"x": [0, 1, 2, 3, 20], "y": ["a", "b", "c", "d", "e"]})

    alone = infer_features(table)
    heavy = infer_features(table, weights=np.array([1.0, 1.0, 1.0, 1.0, 50.0]))

    assert [(each.name, each.kind) for each in alone.features] == [("x", "count")]
    assert [(each.name, each.kind) for each in heavy.features] == [
        ("x", "rate"),
        ("y", "categorical"),
    ]


# --- real data


@pytest.mark.real_data("ifood")
def test_a_real_user_table_is_understood(real_data):
    table = pl.read_csv(real_data / "ifood" / "ml_project1_data.csv")

    inferred = infer_features(table)

    says(inferred.left_out)
    kinds = kinds_of(table)
    assert {name for name, kind in kinds.items() if kind == "categorical"} == {
        *("Education", "Marital_Status", "Complain", "Response"),
        *(f"AcceptedCmp{i}" for i in range(1, 6)),
    }
    assert {name for name, kind in kinds.items() if kind == "rate"} == {
        *("Year_Birth", "Kidhome", "Teenhome", "Recency"),
        *("NumStorePurchases", "NumWebVisitsMonth"),
    }
    assert kinds["Income"] == kinds["MntWines"] == kinds["NumWebPurchases"] == "count"
    steps = fit_preprocessing(table, [plan_column(each) for each in inferred.features])
    assert np.isfinite(steps.transform(table)).all()
    assert steps.dropped == ()
