"""Months of one log: the same users come back, and what was planted between them is found."""

import datetime as dt
import json

import numpy as np
import polars as pl
import pytest
from tests.texts import raises_text

from segmentry.datasets import GeneratorOptions, generate_months
from segmentry.errors import ConfigError

N_USERS, N_MONTHS = 1_200, 6


def generate(folder, *, has_life=True, n_months=N_MONTHS, **options):
    options = GeneratorOptions(**{"n_users": N_USERS, "seed": 5, **options})
    return generate_months(folder, options, n_months=n_months, has_life=has_life)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return generate(tmp_path_factory.mktemp("months"))


@pytest.fixture(scope="module")
def life(made):
    return json.loads(made.truth.read_text())


@pytest.fixture(scope="module")
def users(made):
    """One row per user and month: kind, true rate."""
    return pl.concat(
        pl.read_parquet(month.truth).with_columns(
            month=pl.lit(dt.date.fromisoformat(f"{month.directory.name}-01"))
        )
        for month in made.months
    )


def test_each_month_lies_in_its_calendar_month(made):
    for month in made.months:
        times = pl.read_csv(month.impressions)["time_stamp"]
        local = pl.from_epoch(times + 8 * 3600)
        assert local.dt.strftime("%Y-%m").unique().to_list() == [month.directory.name]


def test_every_user_of_a_month_is_in_a_spell_of_the_same_behaviour(made, users):
    spells = pl.read_parquet(made.spells)
    there = users.join(spells, on=["user_id", "behaviour"]).filter(
        (pl.col("valid_from") <= pl.col("month"))
        & (pl.col("valid_to").is_null() | (pl.col("month") < pl.col("valid_to")))
    )

    assert there.height == users.height


def test_moves_are_counted_as_the_spells_have_them(made, life):
    spells = pl.read_parquet(made.spells)
    month = life["months"][2]
    start = dt.date.fromisoformat(f"{month['name']}-01")
    opened = set(spells.filter(pl.col("valid_from") == start)["user_id"])
    closed = set(spells.filter(pl.col("valid_to") == start)["user_id"])

    assert month["n_changed"] == len(opened & closed) > 0
    assert month["n_joined"] == len(opened - closed) == round(0.06 * N_USERS)
    assert month["n_left"] == len(closed - opened) > 0


def test_the_campaign_lifts_one_behaviour_in_one_month(users, life):
    (month,) = [month["name"] for month in life["months"] if month["campaign"]]
    odds = (
        users.filter(behaviour="steady")
        .group_by("month")
        .agg(pl.col("true_ctr").mean())
        .sort("month")
    )
    level = np.array([month["level"] for month in life["months"]])
    rate = odds["true_ctr"].to_numpy()
    logit = np.log(rate / (1 - rate)) - level
    lifted = np.array([day.isoformat()[:7] == month for day in odds["month"]])

    assert logit[lifted][0] - logit[~lifted].mean() == pytest.approx(
        np.log(life["campaign_odds"]), abs=0.06
    )


def test_one_behaviour_splits_in_two_that_differ(users, life):
    (month,) = [month["name"] for month in life["months"] if month["split"]]
    before = users.filter(pl.col("month") < dt.date.fromisoformat(f"{month}-01"))
    after = users.filter(pl.col("month") >= dt.date.fromisoformat(f"{month}-01"))
    rates = dict(after.group_by("behaviour").agg(pl.col("true_ctr").mean()).iter_rows())
    lookers, clickers = life["split_into"]

    assert lookers not in set(before["behaviour"])
    assert "casual" not in set(after["behaviour"])
    assert rates[clickers] > 2 * rates[lookers]


def test_without_life_the_same_users_have_the_same_rates(tmp_path):
    made = generate(tmp_path, has_life=False, n_months=2, n_users=400)
    first, second = (pl.read_parquet(month.truth) for month in made.months)
    both = first.join(second, on="user_id")
    seen = {month.impressions.read_bytes() for month in made.months}

    assert (both["behaviour"] == both["behaviour_right"]).all()
    assert np.corrcoef(both["true_ctr"], both["true_ctr_right"])[0, 1] > 0.95
    assert both["true_ctr"].mean() == pytest.approx(both["true_ctr_right"].mean(), rel=0.03)
    assert len(seen) == 2


def test_same_seed_same_months(tmp_path):
    first, again = (generate(tmp_path / name, n_months=2, n_users=50) for name in "ab")

    for one, other in zip(first.months, again.months, strict=True):
        assert one.impressions.read_bytes() == other.impressions.read_bytes()
    assert first.truth.read_bytes() == again.truth.read_bytes()
    assert first.spells.read_bytes() == again.spells.read_bytes()


def test_fewer_months_leave_none_of_an_earlier_generation(tmp_path):
    generate(tmp_path, n_months=3, n_users=50)
    generate(tmp_path, n_months=2, n_users=50)

    assert [path.name for path in sorted(tmp_path.glob("2*"))] == ["2017-05", "2017-06"]


def test_months_of_a_null_log_have_one_rate(tmp_path):
    made = generate(tmp_path, n_months=3, n_users=50, null=True)

    for month in made.months:
        assert pl.read_parquet(month.truth)["true_ctr"].unique().to_list() == pytest.approx(
            [0.05144]
        )


@pytest.mark.parametrize(
    ("n_months", "options"), [(1, {}), (61, {}), (2.5, {}), (2, {"behaviours": True})]
)
def test_months_that_make_no_sense_are_refused(tmp_path, n_months, options):
    with raises_text(ConfigError):
        generate(tmp_path, n_months=n_months, **options)
