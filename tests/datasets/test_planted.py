"""Planted effects are found again in size, and a null log has none."""

import math

import numpy as np
import polars as pl
import pytest
from tests.repeats import repeats


def log_odds(rate):
    return np.log(rate / (1 - rate))


def tarone_z(n: np.ndarray, k: np.ndarray) -> float:
    """Tarone's score statistic of binomial against beta-binomial; normal(0, 1) if binomial."""
    p = k.sum() / n.sum()
    dispersion = ((k - n * p) ** 2 / (p * (1 - p))).sum()
    return float((dispersion - n.sum()) / math.sqrt(2 * (n * (n - 1)).sum()))


@pytest.mark.parametrize("seed", range(repeats(2, 4)))
def test_null_log_shows_no_overdispersion(generate, seed):
    files = generate(n_users=15_000, seed=seed, null=True)
    n, k = files.users["n"].to_numpy(), files.users["k"].to_numpy()

    assert abs(tarone_z(n, k)) < 4
    assert abs(k.sum() - 0.05144 * n.sum()) < 4 * math.sqrt(0.05144 * 0.94856 * n.sum())
    assert files.truth["true_ctr"].unique().to_list() == pytest.approx([0.05144])
    assert files.truth["behaviour"].unique().to_list() == ["identical"]


def test_null_log_has_no_ad_hour_or_exposure_effect(generate):
    files = generate(n_users=30_000, seed=9, null=True)
    hourly = files.shown.with_columns(hour=pl.col("time_stamp") // 3600 % 24)
    few = pl.col("user").is_in(files.users.filter(pl.col("n") <= 7)["user"].implode())
    groupings = [
        pl.col("pid"),
        pl.col("brand").is_null(),
        pl.col("price") < 100,
        pl.col("hour") < 9,
        few,
    ]

    for grouping in groupings:
        table = hourly.group_by(grouping.alias("level")).agg(n=pl.len(), k=pl.col("clk").sum())
        z = (table["k"] - 0.05144 * table["n"]) / (0.05144 * 0.94856 * table["n"]).sqrt()
        assert z.abs().max() < 4


def test_default_log_is_overdispersed_by_the_same_measure(generate):
    files = generate(n_users=15_000, seed=0)

    assert tarone_z(files.users["n"].to_numpy(), files.users["k"].to_numpy()) > 20


def test_true_ctr_is_what_users_click_at(files):
    joined = files.truth.join(files.users, left_on="user_id", right_on="user").with_columns(
        band=pl.col("true_ctr").rank("ordinal").cast(pl.Int64) * 10 // 100_001
    )
    table = joined.group_by("band").agg(
        expected=(pl.col("true_ctr") * pl.col("n")).sum(), clicks=pl.col("k").sum()
    )

    z = (table["clicks"] - table["expected"]) / table["expected"].sqrt()
    assert len(table) == 10
    assert z.abs().max() < 4


def test_behaviours_differ_in_exposure_and_ctr(files):
    joined = files.truth.join(files.users, left_on="user_id", right_on="user")
    table = {
        name: (exposure, rate)
        for name, exposure, rate in joined.group_by("behaviour")
        .agg(pl.col("n").mean(), k=pl.col("k").sum() / pl.col("n").sum())
        .iter_rows()
    }

    assert set(table) == {"casual", "steady", "keen", "indifferent", "saturated", "devoted"}
    assert table["keen"][1] > 2 * max(rate for name, (_, rate) in table.items() if name != "keen")
    assert table["indifferent"][1] < 0.6 * 0.05144
    assert table["saturated"][0] > 3 * 23.3
    assert table["saturated"][1] < 0.8 * 0.05144
    assert table["casual"][0] < 0.5 * 23.3


def test_behaviours_lean_slightly_on_demography(files):
    women = (
        files.truth.join(files.profiles, left_on="user_id", right_on="userid")
        .group_by("behaviour")
        .agg(women=(pl.col("final_gender_code") == 2).mean())
    )

    assert 0.05 < women["women"].max() - women["women"].min() < 0.25


def fatigue_slope(files) -> float:
    """Slope of the log odds on ln(position), positions 9..128 of users who have them all.

    The same users stand at every position, so that no difference between users enters. Seconds
    shared by a burst blur the first positions, so they are left out.
    """
    position = pl.struct("time_stamp", "adgroup_id").rank("ordinal").over("user")
    rows = (
        files.log.join(files.users.filter(pl.col("n") >= 128), on="user")
        .with_columns(position=position)
        .filter(pl.col("position").is_between(9, 128))
        .with_columns(band=((pl.col("position") - 1).log(2) * 2).floor())
    )
    table = rows.group_by("band").agg(
        x=pl.col("position").log().mean(), n=pl.len(), k=pl.col("clk").sum()
    )
    rates = (table["k"] / table["n"]).to_numpy()
    return float(np.polyfit(table["x"], log_odds(rates), 1, w=np.sqrt(table["k"]))[0])


def test_fatigue_is_recovered_and_keeps_the_ctr(generate):
    plain, tired = (generate(n_users=60_000, seed=4, fatigue=f) for f in (0.0, 0.6))

    assert fatigue_slope(tired) - fatigue_slope(plain) == pytest.approx(-0.6, rel=0.15)
    assert tired.log["clk"].mean() == pytest.approx(plain.log["clk"].mean(), rel=0.04)


def day_log_odds(files) -> np.ndarray:
    day = (pl.col("time_stamp") - 1_494_000_000) // 86_400
    table = files.log.group_by(day.alias("day")).agg(pl.col("clk").mean()).sort("day")
    return log_odds(table["clk"].to_numpy())


def test_drift_between_days_is_recovered(generate):
    shifts = np.array([day_log_odds(generate(n_users=5_000, seed=s, drift=0.4)) for s in range(6)])
    pooled = math.sqrt((shifts - shifts.mean(axis=1, keepdims=True)).var(axis=1, ddof=1).mean())

    # 42 degrees of freedom: the standard error of a standard deviation is 11 %.
    assert pooled == pytest.approx(0.4, rel=0.3)


def test_days_are_level_without_drift(files):
    assert day_log_odds(files).std(ddof=1) < 0.03


def test_drift_keeps_the_ctr(generate):
    assert generate(n_users=20_000, seed=3, drift=0.5).log["clk"].mean() == pytest.approx(
        0.05144, rel=0.05
    )


def test_tastes_are_recovered_in_what_is_shown_and_clicked(generate):
    plain, keen = (generate(n_users=30_000, seed=6, tastes=t) for t in (0.0, 0.7))
    groups = keen.truth.select(user="user_id", group="taste_group")
    rows = keen.shown.join(groups, on="user")
    favourite = (
        rows.group_by("cate_id", "group")
        .len()
        .sort("len")
        .group_by("cate_id")
        .agg(favourite=pl.col("group").last(), total=pl.col("len").sum())
        .filter(pl.col("total") >= 500)
    )
    own = pl.col("group") == pl.col("favourite")
    tasted = rows.join(favourite, on="cate_id").with_columns(own=own)
    untasted = (
        plain.shown.join(groups, on="user").join(favourite, on="cate_id").with_columns(own=own)
    )

    shown = log_odds(tasted["own"].mean()) - log_odds(untasted["own"].mean())
    rates = tasted.group_by("own").agg(pl.col("clk").mean()).sort("own")["clk"].to_numpy()
    assert shown == pytest.approx(0.7, rel=0.1)
    assert np.diff(log_odds(rates))[0] == pytest.approx(0.7, rel=0.1)
    assert keen.log["clk"].mean() == pytest.approx(plain.log["clk"].mean(), rel=0.04)


def test_taste_group_is_unknown_without_tastes(files):
    assert files.truth["taste_group"].null_count() == 100_000


def test_after_a_click_the_next_ad_comes_sooner_and_nothing_else_changes(generate):
    plain, reacting = (generate(n_users=3_000, seed=4, reaction=r) for r in (0.0, 0.5))

    def gaps(files):
        moments = files.log.group_by("user", "time_stamp").agg(pl.col("clk").max())
        moments = moments.sort("user", "time_stamp").with_columns(
            gap=pl.col("time_stamp").diff().shift(-1).over("user")
        )
        after = moments.drop_nulls().group_by("clk").agg(pl.col("gap").mean()).sort("clk")
        return after["gap"].to_list()

    calm, clicked = gaps(plain)
    calm_reacting, clicked_reacting = gaps(reacting)
    assert calm_reacting == pytest.approx(calm, rel=0.01)
    assert clicked_reacting == pytest.approx(clicked / 2, rel=0.05)
    for column in ("clk", "adgroup_id", "pid"):
        counts = [files.log[column].value_counts().sort(column) for files in (plain, reacting)]
        assert counts[0].equals(counts[1]), column
