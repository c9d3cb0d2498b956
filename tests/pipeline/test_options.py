"""What each option changes, and what it leaves."""

import csv
import datetime as dt
import shlex

import numpy as np
import polars as pl
import pytest
from tests.pipeline.runs import outcome_of, summary_of, users_of
from tests.reads import write_taobao
from tests.texts import raises_text, says, shows

from segmentry.errors import ConfigError, DataError, SelectionError
from segmentry.features import LOG_FEATURES
from segmentry.ingest.taobao import TAOBAO_ATTRIBUTES
from segmentry.results.run_folder import read_manifest
from segmentry.results.summary import read_summary, render_summary_json

BEIJING = dt.timezone(dt.timedelta(hours=8))


def forming(summary):
    return {row.name for row in summary.features if row.weight is not None}


def impressions_account(users):
    return next(account for account in users.accounts if account.role == "impressions")


@pytest.fixture(scope="module")
def times(log):
    with (log / "raw_sample.csv").open(newline="") as lines:
        return [int(row["time_stamp"]) for row in csv.DictReader(lines)]


@pytest.fixture(scope="module")
def three(log):
    """What a run says of three segments."""
    return summary_of(log, k=3, k_range="3:3")


def test_the_number_of_segments_can_be_forced_outside_the_range(log):
    summary = summary_of(log, k=5, k_range="2:3")

    assert len(summary.segments) == summary.selection.n_segments == 5
    assert summary.selection.is_forced
    shows(summary.selection.reason)
    assert [each.n_segments for each in summary.selection.candidates] == [1, 2, 3, 5]


def test_one_segment_can_be_forced(log):
    summary = summary_of(log, k=1, k_range="2:2")

    assert [segment.share for segment in summary.segments] == [1.0]
    assert summary.segments[0].n_users == summary.population.n_users


def test_only_the_numbers_of_the_range_and_one_are_tried(log):
    summary = summary_of(log, k_range="4:5")

    assert [each.n_segments for each in summary.selection.candidates] == [1, 4, 5]


def test_the_named_features_form_the_segments_and_all_are_described(log):
    summary = summary_of(log, features=("n_impressions", "evening_share"), k=2, k_range="2:2")

    assert forming(summary) == {"n_impressions", "evening_share"}
    assert summary.map.columns == ("n_impressions", "evening_share")
    described = {row.name for row in summary.features}
    assert described == {feature.name for feature in (*LOG_FEATURES, *TAOBAO_ATTRIBUTES)}


@pytest.mark.parametrize("recipe", ["default", "classic"])
def test_an_excluded_feature_forms_nothing_and_is_still_described(log, recipe):
    sensitive = {"default": "ctr_shrunk", "classic": "age_level"}[recipe]

    summary = summary_of(log, recipe=recipe, exclude=(sensitive,), k=3, k_range="3:3")

    assert sensitive not in forming(summary)
    assert not any(name.startswith(sensitive) for name in summary.map.columns)
    row = next(row for row in summary.features if row.name == sensitive)
    says(row.note)
    first = summary.segments[0]
    described = {each.feature for each in (*first.numeric, *first.levels)}
    assert sensitive in described
    assert f"--exclude {sensitive}" in summary.repeat.command


def test_an_excluded_feature_changes_no_label_when_its_values_change(tmp_path):
    log = [(user, 1494000000 + n, 1, "p", 1, 0) for user in range(1, 41) for n in range(user)]
    profiles = [(user, 0, 0, 1, user % 7, 1, 1, 0, 1) for user in range(1, 41)]
    other = [(user, 0, 0, 1, (user * 3) % 5, 1, 1, 0, 1) for user in range(1, 41)]
    asked = {
        "recipe": "classic",
        "exclude": ("age_level",),
        "k": 2,
        "k_range": "2:2",
        "min_size": 1,
    }

    one = summary_of(write_taobao(tmp_path / "one", log=log, profiles=profiles), **asked)
    two = summary_of(write_taobao(tmp_path / "two", log=log, profiles=other), **asked)

    def sizes(summary):
        return [(each.n_users, each.n_impressions) for each in summary.segments]

    assert sizes(one) == sizes(two)


def test_classic_segments_the_profiled_users_by_the_seven_columns(log):
    summary = summary_of(log, recipe="classic", k_range="2:3")

    assert forming(summary) == {
        "n_impressions",
        "n_clicks",
        "ctr",
        "age_level",
        "consumption_level",
        "shopping_depth",
        "city_tier",
    }
    assert summary.population.n_users == 1_860
    assert [(each.text, each.count) for each in summary.unassigned] == [("no profile", 140)]
    steps = {row.name: row for row in summary.features if row.weight is not None}
    assert all(row.weight == 1.0 for row in steps.values())
    assert {name: steps[name].transform for name in ("n_impressions", "n_clicks", "ctr")} == {
        "n_impressions": "log1p",
        "n_clicks": "log1p",
        "ctr": "log1p",
    }
    assert {steps[name].fill for name in ("n_impressions", "n_clicks", "ctr")} == {"zero"}
    assert {steps[name].fill for name in ("age_level", "city_tier", "shopping_depth")} == {"median"}
    assert steps["shopping_depth"].scale == 1.0
    best = max(
        (each for each in summary.selection.candidates if each.silhouette.is_known),
        key=lambda each: each.silhouette.value,
    )
    assert summary.selection.n_segments == best.n_segments


def test_the_classic_steps_are_those_of_scikit_learn(log):
    from sklearn.preprocessing import RobustScaler

    users = users_of(log).table.filter("is_profiled")
    summary = summary_of(log, recipe="classic", k=3, k_range="3:3")
    steps = {row.name: row for row in summary.features}
    values = np.log1p(users["n_impressions"].to_numpy())
    low, high = np.quantile(values, [0.01, 0.99])

    scaler = RobustScaler().fit(np.clip(values, low, high).reshape(-1, 1))

    assert steps["n_impressions"].scale == pytest.approx(scaler.scale_[0])
    assert np.log1p(steps["n_impressions"].clip_high) == pytest.approx(high)
    assert steps["consumption_level"].clip_low == 1.0


CHOSEN = {
    "features": ("n_impressions", "consumption_level", "ctr_shrunk"),
    "weights": {"ctr_shrunk": 1, "n_impressions": 0.5},
    "fill": {"consumption_level": "zero"},
    "transforms": {"n_impressions": "none"},
    "clip": {"n_impressions": (0.05, 0.95), "ctr_shrunk": "none"},
    "scale": "standard",
    "k": 3,
    "k_range": "3:3",
}


@pytest.fixture(scope="module")
def chosen(log):
    """What a run finds whose features enter otherwise than by default."""
    return outcome_of(log, **CHOSEN)


def test_features_enter_as_they_are_chosen_to(log, chosen):
    table = chosen.users.table.filter(pl.col("n_impressions") > 0)
    fitted = chosen.segmentation.preprocessing

    X = dict(zip(fitted.columns, fitted.transform(table).T, strict=True))

    shown = table["n_impressions"].to_numpy()
    shown = np.clip(shown, *np.quantile(shown, [0.05, 0.95]))
    level = table["consumption_level"].cast(pl.Float64).fill_null(0).to_numpy()
    level = np.clip(level, *np.quantile(level, [0.01, 0.99]))
    rate = table["ctr_shrunk"].to_numpy()
    for name, values, weight in (
        ("n_impressions", shown, 0.5),
        ("consumption_level", level, 1),
        ("ctr_shrunk", np.log(rate / (1 - rate)), 1),
    ):
        expected = weight * (values - values.mean()) / values.std()
        np.testing.assert_allclose(X[name], expected, rtol=1e-9, atol=1e-9)
    other = outcome_of(log, features=CHOSEN["features"], k=3, k_range="3:3")
    assert (other.segmentation.segment_ids != chosen.segmentation.segment_ids).any()


def test_what_was_chosen_is_told_and_the_same_by_the_command(log, chosen):
    words = shlex.split(chosen.summary.repeat.command)
    flags = {
        name: words[words.index(f"--{name}") + 1]
        for name in ("weights", "fill", "transforms", "clip", "scale")
    }

    again = summary_of(log, **(CHOSEN | flags))

    assert flags == {
        "weights": "ctr_shrunk=1,n_impressions=0.5",
        "fill": "consumption_level=zero",
        "transforms": "n_impressions=none",
        "clip": "n_impressions=0.05:0.95,ctr_shrunk=none",
        "scale": "standard",
    }
    assert render_summary_json(again) == render_summary_json(chosen.summary)
    shows(chosen.summary.method[1])


def test_users_without_a_value_that_is_not_filled_are_left_out(log):
    found = outcome_of(
        log, features=("consumption_level", "n_impressions"), fill="none", k=2, k_range="2:2"
    )

    table = found.users.table
    is_shown = pl.Series(table["n_impressions"] > 0)
    is_unknown = table["consumption_level"].is_null()
    left_out = {each.text: each.count for each in found.summary.unassigned}
    assert left_out["a feature is unknown"] == (is_shown & is_unknown).sum() > 0
    is_placed = pl.Series(found.segmentation.segment_ids > 0)
    assert (is_placed == (is_shown & ~is_unknown)).all()


def test_the_window_starts_at_since_and_ends_before_until(log, times):
    since = int(dt.datetime(2017, 5, 8, tzinfo=BEIJING).timestamp())
    until = int(dt.datetime(2017, 5, 10, 12, tzinfo=BEIJING).timestamp())

    users = users_of(log, since="2017-05-08", until="2017-05-10T12:00")

    inside = [time for time in times if since <= time < until]
    account = impressions_account(users)
    assert (users.window.start, users.window.end) == (since, until)
    assert (account.n_read, account.n_used) == (len(times), len(inside))
    assert account.excluded == {
        "before --since": sum(time < since for time in times),
        "from --until on": sum(time >= until for time in times),
    }
    assert users.table["n_impressions"].sum() == len(inside)
    assert users.table["first_seen_at"].min() == min(inside)
    assert users.table["last_seen_at"].max() == max(inside)


def test_epoch_seconds_and_a_time_with_a_zone_are_the_same_moment(log):
    local = users_of(log, since="2017-05-09")
    epoch = users_of(log, since="1494259200")
    zoned = users_of(log, since="2017-05-08T16:00:00+00:00")

    assert local.window == epoch.window == zoned.window
    assert local.table.equals(epoch.table)


def test_a_moment_on_the_edge_is_inside_at_since_and_outside_at_until(tmp_path):
    edge = 1494259200
    log = [(1, edge - 1, 1, "p", 1, 0), (2, edge, 1, "p", 1, 0), (3, edge + 1, 1, "p", 1, 0)]
    data_dir = write_taobao(tmp_path / "log", log=log)

    assert users_of(data_dir, since=str(edge)).table["user_id"].to_list() == [2, 3]
    assert users_of(data_dir, until=str(edge)).table["user_id"].to_list() == [1]


def test_a_window_that_is_none_is_refused(log):
    with raises_text(ConfigError):
        users_of(log, since="2017-05-09", until="2017-05-08")


def test_a_sample_is_near_its_share_and_nested(log):
    whole = set(users_of(log).table["user_id"])
    tenth, third = users_of(log, sample=0.1), users_of(log, sample=0.3)

    # Four standard deviations of a binomial draw around 200 and 600 of 2,000.
    assert 146 < tenth.table.height < 254
    assert 518 < third.table.height < 682
    assert set(tenth.table["user_id"]) < set(third.table["user_id"]) < whole


def test_the_rows_outside_a_sample_are_counted_and_those_inside_are_whole(log):
    whole, sample = users_of(log), users_of(log, sample=0.3)

    account = impressions_account(sample)
    assert set(account.excluded) == {"outside --sample"}
    assert account.n_used == sample.table["n_impressions"].sum()
    kept = whole.table.filter(whole.table["user_id"].is_in(sample.table["user_id"].implode()))
    assert kept["n_impressions"].equals(sample.table["n_impressions"])
    assert kept["is_profiled"].equals(sample.table["is_profiled"])


def test_a_sample_is_told_in_the_method(log):
    summary = summary_of(log, sample=0.3, k=2, k_range="2:2")
    shows(summary.method[0])


def test_strict_makes_any_rejected_row_an_error(tmp_path):
    log = [(user, 1494000000 + n, 1, "p", 1, 0) for user in (1, 2, 3) for n in range(user)]
    data_dir = write_taobao(tmp_path / "log", log=[*log, (None, 1494000000, 1, "p", 1, 0)])

    users = users_of(data_dir)
    assert impressions_account(users).rejected == {"user_id missing or unreadable": 1}
    with raises_text(DataError):
        users_of(data_dir, strict=True)


@pytest.mark.parametrize("algorithm", ["minibatch", "bisecting"])
def test_other_algorithms_answer_and_say_their_name(log, three, algorithm):
    summary = summary_of(log, algorithm=algorithm, k=3, k_range="3:3")

    chosen, best = summary.selection.candidates[-1], three.selection.candidates[-1]
    assert chosen.algorithm == algorithm
    assert f"Clusterings ({algorithm})" in "".join(summary.method)
    assert sum(segment.n_users for segment in summary.segments) == 2_000
    assert best.inertia * 0.999 <= chosen.inertia < best.inertia * 1.5


def test_a_segment_below_the_least_share_rules_a_number_out(log):
    summary = summary_of(log, min_share=0.2, k_range="2:3")

    ruled_out = [each for each in summary.selection.candidates if each.smallest_share < 0.2]
    assert [each.n_segments for each in ruled_out] == [3]
    says(ruled_out[0].reason)
    assert summary.selection.n_segments == 2


def test_more_segments_than_distinct_users_are_refused(tmp_path):
    log = [(user, 1494000000, 1, "p", 1, 0) for user in range(5) for _ in range(1 + user % 2)]
    data_dir = write_taobao(tmp_path / "log", log=log)

    with raises_text(SelectionError):
        summary_of(data_dir, k=3)


def test_a_run_from_toml_tells_the_whole_command_and_keeps_its_settings(attribute_run):
    assert attribute_run.answer.code == 0
    assert read_summary(attribute_run.folder).repeat.command == (
        "segmentry run log --out RUN_DIR --bootstraps 2 "
        "--features gender,age_level,n_impressions --k 3 --k-range 3:3 --seed 2 --since 2017-05-07"
    )
    config = read_manifest(attribute_run.folder).config
    assert config["features"] == ["gender", "age_level", "n_impressions"]
    assert (config["k"], config["seed"], config["since"]) == (3, 2, "2017-05-07")


def test_the_silhouette_of_all_users_can_be_asked_for(log, three):
    exact = summary_of(log, k=3, k_range="3:3", exact_silhouette=True)

    (of_all,) = [each.silhouette for each in exact.selection.candidates if each.n_segments == 3]
    (of_some,) = [each.silhouette for each in three.selection.candidates if each.n_segments == 3]
    assert of_all.low == of_all.value == of_all.high
    assert of_all.value == pytest.approx(of_some.value, abs=1e-12)  # fewer users than are sampled
    assert "exactly" in exact.method[3]
    assert "sample" in three.method[3]


def test_a_forced_number_of_segments_that_do_not_come_back_is_told(log):
    summary = summary_of(log, k=9, k_range="2:3")
    stability = summary.evidence.stability

    lost = [each.segment_id for each in stability.segments if not each.is_stable]
    assert lost
    assert summary.selection.is_forced
    (shown,) = [text for text in summary.warnings if "not stable" in text]
    assert shown.startswith(f"Segment{'s' * (len(lost) > 1)} {', '.join(map(str, lost))} ")
