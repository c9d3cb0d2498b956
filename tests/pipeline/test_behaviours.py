"""Runs with the behaviour log: what it adds, what is refused, what can be reused."""

import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.pipeline import runs
from tests.pipeline.runs import outcome_of, read_by_run, reused, segmentry, summary_of
from tests.texts import says, shows

from segmentry.results.run_folder import read_bundle
from segmentry.results.summary import read_summary, render_summary_json

GOLDEN = Path(__file__).parent / "golden_behaviours.json"
N_USERS = 600
ASKED = {"with": ("behaviours",), "k_range": "2:4", "k": 4, "min_size": 10}
FORMING = ("ctr_shrunk", "n_impressions", "n_active_days", "n_views", "n_purchases")


@pytest.fixture(scope="session")
def shop(tmp_path_factory):
    """A generated log of 600 users with a behaviour log."""
    home = tmp_path_factory.getbasetemp()
    return runs.generated(home, N_USERS, behaviours=True, behaviour_rows_per_user=60.0)


@pytest.fixture(scope="session")
def shop_run(tmp_path_factory):
    """A run on it, by the command line."""
    return runs.shop_run(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="session")
def outcome(shop):
    return outcome_of(shop, **ASKED)


def behaviours_in(folder):
    return pl.read_csv(folder / "behavior_log.csv")


def copied(shop, folder, behaviours):
    """Copy a log with another behaviour log."""
    folder.mkdir()
    for file in shop.glob("*.csv"):
        if file.name != "behavior_log.csv":
            (folder / file.name).write_bytes(file.read_bytes())
    if behaviours is not None:
        behaviours.write_csv(folder / "behavior_log.csv")
    return folder


# --- what is there


def test_views_and_purchases_form_segments_and_the_others_describe(outcome):
    summary = outcome.summary
    rows = {row.name: row for row in summary.features}

    assert outcome.segmentation.preprocessing.features == FORMING
    assert summary.conversions.features == ("n_views", "n_purchases")
    assert rows["n_views"].weight == rows["n_purchases"].weight == 1.0
    assert rows["days_to_purchase"].family == "behaviour"
    assert rows["days_to_purchase"].weight is None


def test_the_order_of_the_behaviours_changes_nothing(shop, outcome, tmp_path):
    shuffled = behaviours_in(shop).sample(fraction=1.0, shuffle=True, seed=3)
    other = copied(shop, tmp_path / shop.name, shuffled)

    assert render_summary_json(summary_of(other, **ASKED)) == render_summary_json(outcome.summary)


def test_counts_in_the_user_table_are_those_of_the_file(shop, outcome):
    rows = behaviours_in(shop).unique()
    window = outcome.users.window
    inside = rows.filter(pl.col("time_stamp") > 0, pl.col("time_stamp") < window.end)
    expected = inside.group_by("user").agg(
        (pl.col("btag") == "pv").sum().alias("views"), (pl.col("btag") == "buy").sum().alias("buys")
    )

    table = outcome.users.table.join(expected, left_on="user_id", right_on="user", how="left")
    assert (table["n_views"] == table["views"].fill_null(0)).all()
    assert (table["n_purchases"] == table["buys"].fill_null(0)).all()
    assert table["n_views"].sum() > 10_000


def test_nothing_after_the_feature_window_is_in_its_features(shop, outcome, tmp_path):
    cut = outcome.users.early.split.feature.end
    rows = behaviours_in(shop)
    later = rows.filter(pl.col("time_stamp") >= cut)
    changed = pl.concat([rows.filter(pl.col("time_stamp") < cut), later.head(1)])
    assert later.height > 100

    other = read_by_run(copied(shop, tmp_path / shop.name, changed), **ASKED)

    assert other.early.table.equals(outcome.users.early.table)
    assert not other.table["n_views"].equals(outcome.users.table["n_views"])


def test_features_of_kept_days_are_those_of_a_log_without_the_others(outcome):
    counts = outcome.users.early.counts()
    behaviours = counts.behaviours
    days = sorted(set(behaviours.day.tolist()))
    frame = outcome.users.behaviours.days
    kept = frame.filter(~pl.col("day").is_in([days[1], days[3]]))
    expected = (
        outcome.users.table.select("user_id")
        .join(kept.group_by("user_id").agg(pl.col("n_views").sum()), on="user_id", how="left")
        .fill_null(0)
    )

    found = behaviours.total("n_views", set(days) - {days[1], days[3]}, is_before_in=True)
    assert (found == expected["n_views"].to_numpy()).all()
    everything = behaviours.total("n_views", days, is_before_in=True)
    assert (everything == outcome.users.table["n_views"].to_numpy()).all()


def test_every_behaviour_is_accounted_for_strangers_too(shop, outcome, tmp_path):
    rows = behaviours_in(shop)
    stranger = rows.head(7).with_columns(user=pl.lit(999_999_999, dtype=pl.Int64))
    other = read_by_run(
        copied(shop, tmp_path / shop.name, pl.concat([rows, stranger.unique()])), **ASKED
    )

    account = other.accounts[-1]
    before = outcome.summary.data.accounts[-1]
    assert account.role == "behaviours"
    assert account.n_used == before.n_used
    reason = "of users in neither the ad log nor the profiles"
    assert account.excluded[reason] == stranger.unique().height
    assert other.table.height == outcome.users.table.height


def digest(report):
    """Return what must not change unnoticed, rounded so that no library's last bit matters."""
    return {
        "features": list(report.features),
        "users": [report.n_users_with, report.n_users],
        "added": {
            each.outcome: [
                each.n_users,
                each.n_trials,
                each.n_events,
                each.verdict,
                None if each.nats_added.value is None else round(each.nats_added.value, 6),
            ]
            for each in report.added
        },
        "segments": [
            {
                "id": each.segment_id,
                "users": each.n_users,
                "steps": [step.n for step in each.steps],
                "purchases": [one.n_purchases for one in each.attributions],
                "shop": {one.name: _rounded(one.value.value) for one in each.shop},
                "buys": None if each.purchases is None else each.purchases.verdict,
            }
            for each in report.segments
        ],
    }


def _rounded(value):
    return None if value is None else round(value, 6)


def test_a_small_run_says_what_it_said_before(outcome):
    expected = json.loads(GOLDEN.read_text())

    assert digest(outcome.summary.conversions) == expected


# --- what it says


def test_the_funnel_only_falls_and_ends_in_what_was_counted(outcome):
    counts = outcome.users.behaviours.counts
    everyone = outcome.summary.conversions.segments[0]
    shown = [step.n for step in everyone.steps if step.n is not None]

    assert shown == sorted(shown, reverse=True)
    assert everyone.steps[0].n == counts["n_placed_impressions"].sum()
    assert everyone.steps[1].of_before.value == pytest.approx(
        counts["n_placed_clicks"].sum() / counts["n_placed_impressions"].sum()
    )
    parts = outcome.summary.conversions.segments[1:]
    assert sum(each.steps[0].n for each in parts) == everyone.steps[0].n


def test_no_step_stands_on_fewer_users_than_may_be_shown(outcome):
    counts = outcome.users.behaviours.counts
    ids = outcome.segmentation.segment_ids
    columns = ("n_placed_impressions", "n_placed_clicks", "n_viewed_clicks", "n_carted_clicks")
    hidden = 0
    for each in outcome.summary.conversions.segments:
        is_in = ids > 0 if each.segment_id == 0 else ids == each.segment_id
        for step, name in zip(each.steps, columns, strict=False):
            n_users = int(((counts[name] > 0).to_numpy() & is_in).sum())
            hidden += step.n is None
            if 0 < n_users < ASKED["min_size"]:
                assert step.n is None
                assert step.of_before.value is None
    assert hidden


def test_no_share_gives_a_few_users_away(outcome):
    counts = outcome.users.behaviours.counts
    assert 0 < (counts["n_click_through_7d"] > 0).sum() < ASKED["min_size"]

    for each in outcome.summary.conversions.segments:
        (alone,) = [one for one in each.shop if one.name == "purchases without a click"]
        clicked = next(a for a in each.attributions if (a.kind, a.days) == ("click", 7))
        assert alone.value.value in (None, 1.0)
        assert clicked.n_purchases in (None, 0)


def test_the_value_proxy_is_called_one_and_explained_or_said_to_be_absent(outcome):
    report = outcome.summary.conversions
    is_there = any(each.value_proxy.is_known for each in report.segments)
    said = " ".join(report.notes)

    assert ("The value proxy takes the price of an ad" in said) is is_there
    assert ("There is no value proxy" in said) is not is_there


def test_shares_end_at_one_and_all_users_are_not_set_against_themselves(outcome):
    everyone, *others = outcome.summary.conversions.segments
    shares = [e for e in (*everyone.shop, *(s for o in others for s in o.shop)) if e.n_users]
    shares = [e for e in shares if e.name not in ("views", "purchases")]

    assert {each.name for each in shares} >= {"carts abandoned", "same brand"}
    assert all(0 <= each.value.low <= each.value.value <= each.value.high <= 1 for each in shares)
    assert all(each.index.value is None for each in everyone.shop)
    assert any(each.index.value is not None for each in others[0].shop)


def test_what_the_family_adds_is_told_for_clicks_and_purchases(outcome):
    clicks, purchases = outcome.summary.conversions.added

    assert (clicks.outcome, purchases.outcome) == ("clicks", "purchases")
    n_days = len(set(outcome.users.behaviours.days["day"]))
    assert purchases.n_trials % N_USERS == 0 < n_days
    assert clicks.n_events <= clicks.n_trials


def test_without_behaviours_the_log_is_said_to_be_unread(shop):
    summary = summary_of(shop, k_range="2:3")

    assert summary.conversions is None
    assert any("--with behaviours" in warning for warning in summary.warnings)
    assert "n_views" not in {row.name for row in summary.features}


# --- what is refused


def test_a_folder_without_a_behaviour_log_is_one_clear_line(log, tmp_path):
    answer = segmentry("run", log, "--with", "behaviours", "--out", tmp_path / "run")

    assert answer.code == 2
    shows(answer.err)
    assert "behavior_log.csv" in answer.err
    assert answer.err.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_the_classic_recipe_takes_no_behaviours(shop, tmp_path):
    answer = segmentry(
        "run", shop, "--with", "behaviours", "--recipe", "classic", "--out", tmp_path / "run"
    )

    assert (answer.code, answer.err.count("\n")) == (2, 1)
    assert "recipe classic" in answer.err


def test_only_known_logs_can_be_asked_for(shop, tmp_path):
    answer = segmentry("run", shop, "--with", "purchases", "--out", tmp_path / "run")

    assert answer.code == 2
    assert "--with" in answer.err
    assert "behaviours" in answer.err


def test_a_behaviour_log_that_begins_too_late_is_refused(shop, outcome, tmp_path):
    cut = outcome.users.early.split.feature.end
    late = behaviours_in(shop).filter(pl.col("time_stamp") >= cut)
    other = copied(shop, tmp_path / "late", late)

    answer = segmentry("run", other, "--with", "behaviours", "--out", tmp_path / "run")

    assert answer.code == 2
    shows(answer.err)


def test_behaviours_of_other_users_alone_are_refused(shop, tmp_path):
    rows = behaviours_in(shop).unique()
    strangers = rows.with_columns(pl.col("user") + 900_000_000)
    other = copied(shop, tmp_path / "others", strangers)

    answer = segmentry("run", other, "--with", "behaviours", "--out", tmp_path / "run")

    assert answer.code == 2
    assert f"{rows.height:,} rows" in answer.err
    shows(answer.err)
    shows(answer.err)
    assert not (tmp_path / "run").exists()


def test_strict_refuses_rejected_behaviours_too(shop, tmp_path):
    unknown = behaviours_in(shop).head(1).with_columns(btag=pl.lit("share"))
    rows = pl.concat([behaviours_in(shop).filter(pl.col("time_stamp") > 0), unknown])
    possible = rows.filter(pl.col("time_stamp") < 1_494_691_200)
    other = copied(shop, tmp_path / "strict", possible)

    answer = segmentry("run", other, "--with", "behaviours", "--strict", "--out", tmp_path / "run")

    assert answer.code == 2
    says(answer.err)
    assert not (tmp_path / "run").exists()


# --- what can be done with the run


def test_the_run_folder_holds_what_followed_each_users_impressions(shop_run):
    assert shop_run.answer.code == 0
    counts = pl.read_parquet(shop_run.folder / "conversions.parquet")
    users = pl.read_parquet(shop_run.folder / "users.parquet")

    assert counts["user_id"].equals(users["user_id"])
    assert (counts["n_converted_clicks"] <= counts["n_placed_clicks"]).all()
    shows((shop_run.folder / "report.html").read_text())
    assert "later purchases" in shop_run.answer.out.replace("\n", " ")


def test_the_settings_of_the_manifest_repeat_the_run(shop_run):
    summary = read_summary(shop_run.folder)

    assert "--with behaviours" in summary.repeat.command
    manifest = json.loads((shop_run.folder / "manifest.json").read_text())
    assert manifest["config"]["with_"] == ["behaviours"]
    assert any("behavior_log" in each["path"] for each in manifest["inputs"])


def test_a_run_from_it_needs_no_log(shop_run):
    same = reused(shop_run.folder, k_range="2:4", k=4, min_size=10).summary
    before = read_summary(shop_run.folder)

    assert same.conversions == before.conversions
    assert [each.expected_rate for each in same.segments] == [
        each.expected_rate for each in before.segments
    ]


def test_the_family_can_be_left_out_of_a_run_from_it(shop_run):
    summary = reused(
        shop_run.folder, k_range="2:4", k=4, min_size=10, exclude=("n_views", "n_purchases")
    ).summary

    assert summary.conversions.features == ()
    says(summary.conversions.added_reason)


def test_a_run_of_an_earlier_version_is_told(shop_run, tmp_path):
    shutil.copytree(shop_run.folder, tmp_path / "old")
    file = tmp_path / "old" / "conversions.parquet"
    pl.read_parquet(file).drop("n_ad_log_purchases").write_parquet(file)

    answer = segmentry("run", "--from", tmp_path / "old", "--out", tmp_path / "run")

    assert answer.code == 2
    shows(answer.err)
    assert not (tmp_path / "run").exists()


def test_with_cannot_be_given_with_from(shop_run, tmp_path):
    answer = segmentry(
        "run", "--from", shop_run.folder, "--with", "behaviours", "--out", tmp_path / "run"
    )

    assert answer.code == 2
    shows(answer.err)


def test_scoring_the_same_users_gives_their_segments(shop_run, tmp_path):
    file = tmp_path / "scores.parquet"
    answer = segmentry("score", shop_run.folder, shop_run.data_dir, "--out", file)

    assert answer.code == 0
    scores = pl.read_parquet(file)
    segments = pl.read_parquet(shop_run.folder / "segments.parquet")
    assert scores["segment_id"].equals(segments["segment_id"])
    assert set(read_bundle(shop_run.folder).behaviour_priors) == {
        "cart_rate",
        "purchase_rate",
        "cart_to_purchase_rate",
    }


def test_scoring_without_the_behaviour_log_is_one_clear_line(shop_run, tmp_path):
    other = copied(shop_run.data_dir, tmp_path / "bare", None)

    answer = segmentry("score", shop_run.folder, other, "--out", tmp_path / "scores.parquet")

    assert answer.code == 2
    assert "no behaviour log" in answer.err
    assert not (tmp_path / "scores.parquet").exists()


def test_a_budget_by_purchases_is_one_of_association(shop_run, tmp_path):
    folder = shutil.copytree(shop_run.folder, tmp_path / "run")  # the plan is written into it
    words = ("--impressions", 1000, "--by", "purchases", "--json")

    answer = segmentry("plan", "budget", folder, *words)

    assert answer.code == 0
    plan = json.loads(answer.out)
    assert plan["outcome"] == "purchases"
    assert sum(each["impressions"] for each in plan["segments"]) == 1000
    assert any("Association" in note for note in plan["notes"])
    assert not any("click" in plan["conclusion"] for _ in [0])
    days = pl.read_parquet(shop_run.folder / "validation" / "behaviour_days.parquet")
    shown = pl.read_parquet(shop_run.folder / "validation" / "days.parquet")
    level = days["n_view_credits"].sum() / shown["n_impressions"].sum()
    rates = np.array([each["rate"]["value"] for each in plan["segments"]])
    assert level / 5 < rates.mean() < level * 5


def test_a_budget_by_purchases_takes_a_run_with_behaviours(plain_run):
    answer = segmentry(
        "plan", "budget", plain_run.folder, "--impressions", 1000, "--by", "purchases"
    )

    assert (answer.code, answer.err.count("\n")) == (2, 1)
    assert "--with behaviours" in answer.err


def test_the_exports_take_such_a_run(shop_run, tmp_path):
    answer = segmentry("export", "powerbi", shop_run.folder, "--out", tmp_path / "star")

    assert answer.code == 0
    features = pl.read_parquet(next((tmp_path / "star").rglob("dim_feature.parquet")))
    assert "n_views" in features["feature"].to_list()
