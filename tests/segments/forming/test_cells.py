"""Cells: saved cut points, ties never parted, new users placed without a fit."""

import json

import numpy as np
import polars as pl
import pytest
from tests.texts import raises_text

from segmentry.errors import SchemaError, SelectionError
from segmentry.features import LOG_FEATURES, VALUE_FEATURES
from segmentry.results.scoring import make_bundle, parse_bundle, render_bundle, score_users
from segmentry.schema import Window
from segmentry.segments.forming import find_cells, fit_cells, plan_features, recipe_named

CATALOGUE = (*LOG_FEATURES, *VALUE_FEATURES)
RFM = recipe_named("rfm")
PLANS = plan_features(RFM, CATALOGUE)


def users_of(n=3_000, seed=4):
    """Return users with ties in every feature: whole days, few purchases, rounded values."""
    rng = np.random.default_rng(seed)
    n_events = rng.geometric(0.5, n)
    return pl.DataFrame(
        {
            "user_id": np.arange(n),
            "is_profiled": np.zeros(n, dtype=bool),
            "recency_days": rng.integers(1, 500, n).astype(float),
            "n_impressions": n_events,
            "value_sum": (n_events * rng.lognormal(3, 0.6, n)).round(1),
        }
    )


def cells_of(users, **options):
    return find_cells(users, PLANS, recipe=RFM, **options)


def scores_by_hand(values, *, is_recency):
    """Score the classes of `numpy`'s quantiles by the definition of the inverted distribution."""
    cuts = np.quantile(values, [0.2, 0.4, 0.6, 0.8], method="inverted_cdf")
    classes = np.searchsorted(np.unique(cuts[cuts < values.max()]), values)
    below = np.array([(classes < each).mean() for each in classes])
    within = np.array([(classes == each).mean() for each in classes])
    middle = below + within / 2
    return np.minimum(np.floor(5 * (1 - middle if is_recency else middle) + 1e-9) + 1, 5)


def names_by_hand(users):
    recency = scores_by_hand(users["recency_days"].to_numpy(), is_recency=True)
    others = [
        scores_by_hand(users[name].to_numpy(), is_recency=False)
        for name in ("n_impressions", "value_sum")
    ]
    level = np.where(np.mean(others, axis=0) >= 3.5, "regulars", "occasional users")
    band = np.select([recency >= 4, recency >= 2], ["Recent ", "Slipping "], "Lapsed ")
    return np.char.add(band, level)


def named(segmentation):
    return np.array([segmentation.cells.names[i - 1] for i in segmentation.segment_ids])


def test_every_user_is_in_the_cell_that_quintiles_by_hand_say():
    users = users_of()

    found = cells_of(users)

    np.testing.assert_array_equal(named(found), names_by_hand(users))
    sizes = np.bincount(found.segment_ids)[1:]
    assert sizes.tolist() == sorted(sizes, reverse=True)
    assert found.n_segments == 6
    assert [each.n_segments for each in found.selection.candidates] == [1, 6]
    assert found.selection.candidates[1].silhouette.is_known


def test_users_of_one_value_are_never_parted_and_heavy_zeros_make_fewer_classes():
    values = np.array([0.0] * 57 + [1.0] * 30 + [2.0] * 8 + [9.0] * 5)[:, np.newaxis]
    days = np.arange(100.0)[:, np.newaxis]

    model = fit_cells(np.hstack([days, values]), ["days", "n"], [True, False], np.ones(100))

    recency, column = model.columns
    # 57 % share 0, so that the cuts at 20 and 40 % are both 0; 60 and 80 % are both 1.
    assert column.cuts == (0.0, 1.0)
    assert column.scores == (2, 4, 5)  # the middles of the classes: 28.5, 72 and 93.5 %
    assert recency.cuts == (19.0, 39.0, 59.0, 79.0)
    assert recency.scores == (5, 4, 3, 2, 1)


def test_one_value_of_all_users_is_one_class_in_the_middle():
    values = np.array([[3.0, 7.0], [4.0, 7.0]])

    model = fit_cells(values, ["days", "n"], [True, False], np.ones(2))

    assert (model.columns[1].cuts, model.columns[1].scores) == ((), (3,))


def test_a_weight_is_so_many_users_and_the_order_leaves_no_trace():
    users = users_of(400)
    values = users.select("recency_days", "n_impressions").to_numpy().astype(float)
    weights = np.random.default_rng(1).integers(1, 4, 400)
    asked = (["days", "n"], [True, False])

    by_weight = fit_cells(values, *asked, weights.astype(float))

    repeated = values[np.random.default_rng(2).permutation(np.repeat(np.arange(400), weights))]
    assert by_weight == fit_cells(repeated, *asked, np.ones(len(repeated)))
    shuffled = users.sample(fraction=1, shuffle=True, seed=3)
    assert cells_of(shuffled).cells == cells_of(users).cells


def test_new_users_are_placed_by_the_saved_cuts_without_a_fit():
    users = users_of()
    found = cells_of(users)
    bundle = make_bundle(
        found,
        names=found.cells.names,
        prior=None,
        main_placement=None,
        attributes=(),
        window=Window(0, 86_400),
    )
    saved = parse_bundle(render_bundle(bundle), source="bundle.json")

    again, _ = score_users(saved, users)
    # All of these are away for longer than nine tenths of the first: a fit would cut again.
    late, _ = score_users(saved, users.with_columns(pl.lit(480.0).alias("recency_days")))

    assert saved == bundle
    assert json.loads(render_bundle(bundle))["cells"]["columns"][0]["cuts"]
    np.testing.assert_array_equal(again["segment_id"].to_numpy(), found.segment_ids)
    np.testing.assert_allclose(again["margin"].to_numpy(), found.margins)
    assert set(late["segment_name"]) == {"Lapsed regulars", "Lapsed occasional users"}


def test_a_cell_that_had_no_user_goes_to_the_nearest_that_had():
    values = np.array([[float(day), 1.0 + (day < 3)] for day in range(1, 11)])
    asked = (["days", "n"], [True, False], np.ones(10))

    model = fit_cells(values, *asked)

    assert "Lapsed regulars" not in model.names
    placed = model.names[model.place(np.array([[99.0, 2.0]]))[0]]
    assert placed == "Lapsed occasional users"  # the other level is nearer than another band


def test_what_is_unknown_counts_as_never_and_as_nothing():
    users = users_of(500).with_columns(
        value_sum=pl.when(pl.col("user_id") > 9).then(pl.col("value_sum")),
        recency_days=pl.when(pl.col("user_id") != 3).then(pl.col("recency_days")),
    )

    found = cells_of(users)

    assert named(found)[3].startswith("Lapsed")
    assert (found.segment_ids > 0).all()


def test_margins_say_how_clearly_a_user_lies_with_the_cell():
    found = cells_of(users_of())

    assert 0 <= found.margins.min() < 0.05
    assert 0.5 < found.margins.max() <= 1


@pytest.mark.parametrize(
    "features",
    [
        ["n_impressions", "value_sum"],
        ["recency_days"],
    ],
)
def test_without_recency_or_anything_beside_it_there_are_no_cells(features):
    plans = plan_features(RFM, CATALOGUE, features=features)

    with raises_text(SelectionError):
        find_cells(users_of(50), plans, recipe=RFM)


def test_the_number_of_cells_cannot_be_asked_for():
    with raises_text(SelectionError):
        cells_of(users_of(50), forced=4)


def test_a_table_without_a_feature_of_the_cells_is_refused():
    model = cells_of(users_of(50)).cells

    with raises_text(SchemaError):
        model.labels(users_of(5).drop("value_sum"))
