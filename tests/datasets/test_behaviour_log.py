"""The behaviour log against the published facts."""

import polars as pl
import pytest

from segmentry.datasets import GeneratorOptions, generate_taobao


@pytest.fixture(scope="module")
def behaviours(tmp_path_factory):
    options = GeneratorOptions(
        n_users=20_000, seed=2, behaviours=True, behaviour_rows_per_user=100.0
    )
    data = generate_taobao(tmp_path_factory.mktemp("behaviours"), options)
    return data, pl.read_csv(data.behaviours)


def is_possible() -> pl.Expr:
    return pl.col("time_stamp").is_between(1_492_790_400, 1_494_691_199)


def test_rows_per_user_are_as_asked(behaviours):
    data, rows = behaviours

    assert data.n_behaviours == len(rows)
    assert len(rows) / 20_000 == pytest.approx(100, rel=0.02)
    assert rows["user"].n_unique() == 19_900  # 99.5 %


def test_shares_of_the_tags(behaviours):
    _, rows = behaviours
    shares = dict(rows["btag"].value_counts(normalize=True).iter_rows())

    assert shares == pytest.approx(
        {"pv": 0.9525, "cart": 0.0220, "fav": 0.0129, "buy": 0.0126}, rel=0.03
    )


def test_seven_per_cent_exact_duplicates_nearly_all_views(behaviours):
    _, rows = behaviours
    surplus = rows.group_by(rows.columns).agg(more=pl.len() - 1).filter(pl.col("more") > 0)

    assert surplus["more"].sum() / len(rows) == pytest.approx(0.0706, rel=0.05)
    views = surplus.filter(pl.col("btag") == "pv")["more"].sum()
    assert views / surplus["more"].sum() > 0.98


def test_impossible_timestamps_are_rare_and_of_both_kinds(behaviours):
    _, rows = behaviours
    wrong = rows.filter(~is_possible())["time_stamp"]

    # 73 expected in two million rows; a doubled row doubles its timestamp too.
    assert 40 < len(wrong) < 115
    assert (wrong < 0).any()
    assert (wrong > 1_500_000_000).any()


def test_window_is_22_local_days(behaviours):
    _, rows = behaviours
    days = rows.filter(is_possible()).select((pl.col("time_stamp") - 1_492_790_400) // 86_400)

    assert days["time_stamp"].unique().sort().to_list() == list(range(22))


def test_active_users_click_more(behaviours):
    data, rows = behaviours
    clicks = pl.read_csv(data.impressions).group_by("user").agg(n=pl.len(), k=pl.col("clk").sum())
    activity = rows.group_by("user").len().sort("len").with_row_index("place")
    quintiles = (
        activity.with_columns(quintile=pl.col("place") * 5 // len(activity))
        .join(clicks, on="user")
        .group_by("quintile")
        .agg(ctr=pl.col("k").sum() / pl.col("n").sum() * 100)
        .sort("quintile")["ctr"]
    )

    assert quintiles.to_list() == pytest.approx([4.22, 4.83, 5.14, 5.52, 6.03], rel=0.15)


def test_rows_of_a_user_are_scattered(behaviours):
    _, rows = behaviours

    assert (rows["user"].diff() == 0).mean() < 0.01
