"""Segments are formed on early days and checked on later ones, and a run says what came of it."""

import csv
import random
import re
from collections import Counter
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from tests.pipeline import runs
from tests.pipeline.runs import outcome_of, reused, segmented
from tests.reads import write_taobao
from tests.repeats import repeats
from tests.texts import says, shows

from segmentry.formats import decimal_under
from segmentry.present.report import render_report
from segmentry.results.summary import parse_summary, render_summary_json

MIDNIGHT = 1_494_000_000
"""Saturday 2017-05-06, 0 o'clock in Beijing: the first of eight days."""
DAY = 86_400
CUT = MIDNIGHT + 6 * DAY
"""The check takes the last two of eight days."""
VERDICTS = {"confirmed", "weaker", "reversed", "no difference", "not checked"}
UNDECIDED = {"no difference", "not checked"}
NULL_SEEDS = range(repeats(2, 8))
QUICK = {"k_range": "2:3"}


def rows_of(data_dir):
    """Return ``(user, moment, click)`` of every impression."""
    with (data_dir / "raw_sample.csv").open(newline="") as lines:
        return [
            (int(row["user"]), int(row["time_stamp"]), int(row["clk"]))
            for row in csv.DictReader(lines)
        ]


def counts_of(rows, group_of):
    """Return impressions and clicks by the group of each row's user."""
    shown, clicked = Counter(), Counter()
    for user, _, click in rows:
        shown[group_of[user]] += 1
        clicked[group_of[user]] += click
    return shown, clicked


def feature_segment_of(outcome):
    """Return the segment of each user in the feature window."""
    ids = outcome.validation.feature_segment_ids.tolist()
    return dict(zip(outcome.users.table["user_id"], ids, strict=True))


def segment_of(outcome):
    ids = outcome.segmentation.segment_ids.tolist()
    return dict(zip(outcome.users.table["user_id"], ids, strict=True))


def day_row(user, day, second, click):
    return (user, MIDNIGHT + day * DAY + second, 1, "p", 1 - click, click)


def two_kinds(users, days=range(8), *, per_day=4, seed=1):
    """Return a log in which odd users click at 30 % and even ones at 5 %."""
    chance = random.Random(seed)  # noqa: S311  # not for secrets
    return [
        day_row(user, day, chance.randrange(DAY), int(chance.random() < (0.05, 0.3)[user % 2]))
        for user in users
        for day in days
        for _ in range(chance.randint(0, per_day))
    ]


def two_segments(tmp_path, rows, **options):
    """Return what a run of two segments finds in a log made by hand."""
    return outcome_of(write_taobao(tmp_path / "log", log=rows), k=2, k_range="2:2", **options)


def verdicts_of(outcome):
    return [segment.verdict for segment in outcome.summary.segments]


def is_null(estimate):
    return (estimate.value, estimate.low, estimate.high) == (None, None, None)


def is_interval(estimate):
    return estimate.low < estimate.value < estimate.high


@pytest.fixture(scope="module")
def planted_log(tmp_path_factory):
    return runs.generated(tmp_path_factory.getbasetemp(), 8_000)


@pytest.fixture(scope="module")
def planted(planted_log):
    return outcome_of(planted_log, k_range="2:4")


@pytest.fixture(scope="module")
def checked(log):
    return outcome_of(log, **QUICK)


@pytest.fixture(scope="module")
def no_signal(tmp_path_factory):
    """Runs on logs in which all users have the same true CTR."""
    home = tmp_path_factory.getbasetemp()
    return [
        outcome_of(runs.generated(home, 2_000, seed, null=True), k_min=2, **QUICK)
        for seed in NULL_SEEDS
    ]


def test_the_windows_of_eight_days_are_six_and_two(planted):
    validation = planted.summary.validation
    assert (validation.feature_starts_at, validation.feature_ends_at) == (MIDNIGHT, CUT)
    assert (validation.outcome_starts_at, validation.outcome_ends_at) == (CUT, MIDNIGHT + 8 * DAY)
    assert validation.feature_weekdays == (
        *("Saturday", "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday"),
    )
    assert validation.outcome_weekdays == ("Friday", "Saturday")
    assert validation.reason == ""


def test_each_segment_has_its_days_with_rates_around_the_expected_one(planted):
    validation, segments = planted.summary.validation, planted.summary.segments
    for segment, found in zip(segments, validation.by_segment, strict=True):
        rates = [each.ctr.value for each in found.levels.days]
        assert len(rates) == 8
        assert min(rates) <= segment.expected_rate.value <= max(rates)
    for place, day in enumerate(validation.levels.days):
        users = [found.levels.days[place].n_users for found in validation.by_segment]
        assert sum(users) <= day.n_users


def test_users_who_were_shown_nothing_early_have_no_feature_segment(planted, planted_log):
    early = {user for user, moment, _ in rows_of(planted_log) if moment < CUT}
    assigned = {user for user, segment in feature_segment_of(planted).items() if segment}
    assert assigned == early
    assert planted.summary.validation.n_users == len(early) < 8_000


def test_what_is_said_of_later_days_is_what_the_log_says_of_the_feature_segments(
    planted, planted_log
):
    of_user = feature_segment_of(planted)
    later = [row for row in rows_of(planted_log) if row[1] >= CUT]
    shown, clicked = counts_of(later, of_user)
    came_back = Counter(of_user[user] for user in {user for user, _, _ in later})
    members = Counter(of_user.values())

    for segment in planted.summary.segments:
        i = segment.segment_id
        assert segment.ctr_outcome.value == pytest.approx(clicked[i] / shown[i])
        assert segment.absent_share == pytest.approx(1 - came_back[i] / members[i])
    assert planted.summary.validation.n_users_later == came_back.total() - came_back[0]


def test_later_differences_are_held_against_the_forecast_ones(planted, planted_log):
    of_user, rows = feature_segment_of(planted), rows_of(planted_log)
    rows = [(user, (moment - MIDNIGHT) // DAY, click) for user, moment, click in rows]
    rows = [row for row in rows if of_user[row[0]]]
    by_day = {day: [click for _, other, click in rows if other == day] for day in (6, 7)}
    level = {day: sum(clicks) / len(clicks) for day, clicks in by_day.items()}

    def difference(rows, i):
        """The mean of the segment's rows minus that of all others."""
        own = [value for user, value in rows if of_user[user] == i]
        rest = [value for user, value in rows if of_user[user] != i]
        return sum(own) / len(own) - sum(rest) / len(rest)

    later = [(user, click - level[day]) for user, day, click in rows if day >= 6]
    shown, _ = counts_of([row for row in rows_of(planted_log) if row[1] >= CUT], of_user)
    forecast = {s.segment_id: s.forecast_early.value for s in planted.summary.segments}
    for segment in planted.summary.segments:
        i = segment.segment_id
        others = [each for each in forecast if each != i]
        rest = sum(forecast[j] * shown[j] for j in others) / sum(shown[j] for j in others)
        early, late = forecast[i] - rest, difference(later, i)
        assert segment.forecast_difference.value == pytest.approx(early)
        assert segment.later_difference.value == pytest.approx(late)
        assert segment.survival.value == pytest.approx(late / early)
        for estimate in (segment.forecast_difference, segment.later_difference, segment.survival):
            assert is_interval(estimate)
        sides = ["below" if each < 0 else "above" for each in (early, late)]
        text = (
            f"CTR forecast {abs(100 * early):.2f} points {sides[0]} that of all others, "
            f"{abs(100 * late):.2f} points {sides[1]} it later, day for day"
        )
        assert text in segment.verdict_reason
        if segment.verdict == "confirmed":
            assert segment.survival.low >= 0.5
        assert segment.verdict != "reversed"


def test_luck_is_said_once_for_the_run(planted, planted_log):
    of_user = feature_segment_of(planted)
    early = [row for row in rows_of(planted_log) if row[1] < CUT]
    shown, clicked = counts_of(early, of_user)
    numbers = [segment.segment_id for segment in planted.summary.segments]
    seen = np.array([clicked[i] / shown[i] for i in numbers])
    expected = np.array([s.forecast_early.value for s in planted.summary.segments])

    luck = planted.summary.validation.luck

    assert (luck.seen_low, luck.seen_high) == pytest.approx((seen.min(), seen.max()))
    assert (luck.forecast_low, luck.forecast_high) == (expected.min(), expected.max())
    slope = np.polyfit(seen, expected, 1, w=np.sqrt([shown[i] for i in numbers]))[0]
    assert luck.share.value == pytest.approx(1 - slope)
    assert luck.share.low < luck.share.value < luck.share.high
    assert luck.forecast_high - luck.forecast_low < luck.seen_high - luck.seen_low
    (text,) = (each for each in planted.summary.warnings if "was luck" in each)
    shows(text)


def test_every_segment_of_planted_data_has_forecast_intervals_and_a_verdict(planted):
    for segment in planted.summary.segments:
        assert segment.verdict in VERDICTS
        assert segment.verdict_reason
        for estimate in (segment.expected_rate, segment.forecast_index, segment.ctr_outcome):
            assert is_interval(estimate)
        assert segment.expected_rate.low > 0
        assert segment.expected_rate.high < 1
        assert segment.minimal_detectable_difference > 0
    n_confirmed = verdicts_of(planted).count("confirmed")
    parts = {
        0: "none of them is",
        1: "one of them is",
        len(verdicts_of(planted)): "all of them are",
    }
    assert parts.get(n_confirmed, f"{n_confirmed} are") in planted.summary.headline
    shows(planted.summary.headline)


def test_a_verdict_stands_with_its_segment_and_not_among_the_warnings(planted):
    for segment in planted.summary.segments:
        assert segment.verdict_reason
    assert not [each for each in planted.summary.warnings if "later days:" in each.lower()]


def test_forecasts_lie_nearer_to_days_that_were_never_read_than_the_ctr_seen(planted_log):
    """The run sees six days; the CTRs of its segments on the last two come from the log."""
    first_six = outcome_of(planted_log, until="2017-05-12", k_range="2:4")
    of_user = segment_of(first_six)
    later = [row for row in rows_of(planted_log) if row[1] >= CUT and row[0] in of_user]
    shown, clicked = counts_of(later, of_user)

    for segment in first_six.summary.segments:
        true_rate = clicked[segment.segment_id] / shown[segment.segment_id]
        error = abs(segment.expected_rate.value - true_rate)
        assert error < abs(segment.ctr_seen.value - true_rate)


def test_the_kept_gain_of_planted_data_is_most_of_a_whole(planted):
    gain = planted.summary.validation.kept_gain
    # Segments that are true kinds could tell more than users' own CTRs, hence above 1.
    assert 0 < gain.by_forecast.low < gain.by_forecast.value < gain.by_forecast.high < 1.2
    assert gain.by_forecast.value <= gain.by_best_rate.value < 1.2
    assert gain.nats_of_users.low > 0
    assert gain.reason == ""


def test_segments_of_all_days_keep_the_numbers_of_the_early_ones(planted):
    early, all_days = feature_segment_of(planted), segment_of(planted)
    numbers = range(1, planted.segmentation.n_segments + 1)
    for i in numbers:
        members = [user for user, segment in early.items() if segment == i]
        refitted = Counter(all_days[user] for user in members)
        assert refitted.most_common(1)[0][0] == i
    assert len(planted.summary.validation.refit_events) == len(numbers)
    for i, event in zip(numbers, planted.summary.validation.refit_events, strict=True):
        before = {user for user, segment in early.items() if segment == i}
        # Users without a place in the first fit say nothing about its segments.
        after = {user for user, segment in all_days.items() if segment == i and early[user]}
        jaccard = len(before & after) / len(before | after)
        assert f"{jaccard:.2f}" in event
        says(event)


def test_centres_and_silhouettes_are_renumbered_with_the_labels(planted):
    X = planted.segmentation.preprocessing.transform(planted.users.table)
    for i, center in enumerate(planted.segmentation.centers, start=1):
        members = X[planted.segmentation.segment_ids == i]
        assert members.mean(axis=0).tolist() == pytest.approx(center.tolist())


def test_data_without_any_signal_confirm_nothing(no_signal):
    """At a family-wise 5 %, two of two runs with a verdict have a chance of 0.3 %."""
    decided = [set(verdicts_of(outcome)) - UNDECIDED for outcome in no_signal]
    assert sum(map(bool, decided)) <= 1
    for outcome in no_signal:
        assert outcome.segmentation.n_segments >= 2
        for segment in outcome.summary.segments:
            if "would have been" in segment.verdict_reason:
                text = f"{100 * segment.minimal_detectable_difference:.2f} points would have been"
                assert text in segment.verdict_reason


def test_data_without_any_signal_have_no_natural_groups(no_signal):
    assert [each.summary.evidence.n_by_evidence for each in no_signal] == [1] * len(NULL_SEEDS)


def test_data_without_any_signal_have_no_kept_gain_and_say_why(no_signal):
    """The lower 90 % bound of nothing is above 0 in 5 % of runs: two are too many."""
    without = [outcome for outcome in no_signal if outcome.summary.validation.kept_gain.reason]
    assert len(without) >= len(NULL_SEEDS) - 1
    for outcome in without:
        gain = outcome.summary.validation.kept_gain
        assert gain.reason == "no user-level signal"
        assert is_null(gain.by_forecast)
        assert is_null(gain.by_best_rate)
        assert gain.nats_of_users.low <= 0
        assert gain.nats_of_users.value < 0.001
        shows(outcome.summary.warnings)


def test_days_that_differ_widen_the_forecast_of_the_ctr(checked, tmp_path_factory):
    drifting = outcome_of(
        runs.generated(tmp_path_factory.getbasetemp(), 2_000, drift=0.6), k=2, **QUICK
    )
    calm = segmented(checked.users, k=2, **QUICK)

    def widths(outcome, name):
        found = [getattr(segment, name) for segment in outcome.summary.segments]
        return [each.high / each.low for each in found]

    for calm_width, width in zip(
        widths(calm, "expected_rate"), widths(drifting, "expected_rate"), strict=True
    ):
        assert width > 1.5 * calm_width
    for ctr, index in zip(
        widths(drifting, "expected_rate"), widths(drifting, "forecast_index"), strict=True
    ):
        assert index < ctr
    assert set(verdicts_of(drifting)) <= VERDICTS
    assert [len(warnings_of_level(each)) for each in (drifting, calm)] == [1, 0]
    by_rate = sorted(drifting.summary.validation.levels.days, key=lambda each: each.ctr.value)
    dates = [date(1970, 1, 1) + timedelta(each.day) for each in (by_rate[0], by_rate[-1])]
    parts = [f"({each.day} May 2017)" for each in dates]
    assert all(each in warnings_of_level(drifting)[0] for each in parts)
    whole = drifting.summary.population
    n_clicks = sum(
        round(each.ctr.value * n)
        for each, n in zip(
            drifting.summary.validation.levels.days, shown_by_day(drifting), strict=True
        )
    )
    assert n_clicks == whole.n_clicks


def warnings_of_level(outcome):
    text = "The click rate changed from day to day"
    return [each for each in outcome.summary.warnings if each.startswith(text)]


def shown_by_day(outcome):
    days = outcome.users.early.days.group_by("day").agg(pl.col("n_impressions").sum()).sort("day")
    return days["n_impressions"].to_list()


def test_a_log_of_one_day_goes_on_and_says_that_nothing_was_checked(log):
    outcome = outcome_of(log, since="2017-05-08", until="2017-05-09", k_min=2, **QUICK)

    validation = outcome.summary.validation
    says(validation.reason)
    assert (
        validation.outcome_starts_at,
        validation.outcome_ends_at,
        validation.outcome_weekdays,
    ) == (
        *(None, None),
        (),
    )
    assert validation.feature_weekdays == ("Monday",)
    assert (validation.n_users_later, validation.kept_gain) == (0, None)
    assert set(verdicts_of(outcome)) == {"not checked"}
    assert len(outcome.summary.segments) >= 2
    for segment in outcome.summary.segments:
        says(segment.verdict_reason)
        assert is_null(segment.expected_rate)
        assert is_null(segment.ctr_outcome)
        assert segment.absent_share is None
    says(outcome.summary.warnings[0])
    says(validation.caveats)
    assert (
        outcome.validation.feature_segment_ids.tolist() == outcome.segmentation.segment_ids.tolist()
    )


def test_a_window_cut_in_the_middle_of_a_day_is_not_checked_and_says_so(log):
    outcome = outcome_of(log, since="2017-05-08T12:00", **QUICK)

    assert outcome.validation is None
    assert outcome.summary.validation is None
    assert outcome.users.early is None
    shows(outcome.summary.warnings[0])
    assert set(verdicts_of(outcome)) == {"not checked"}
    assert "confirmed" not in outcome.summary.headline


def test_classic_is_not_checked_and_says_so(log):
    outcome = outcome_of(log, recipe="classic", k=2, k_range="2:2")

    assert outcome.validation is None
    assert outcome.users.early is None
    shows(outcome.summary.warnings[0])


def test_later_days_without_clicks_are_told_in_clear_words(tmp_path):
    rows = [(*row[:4], 1, 0) if row[1] >= CUT else row for row in two_kinds(range(1, 201))]

    outcome = two_segments(tmp_path, rows)

    assert verdicts_of(outcome) == ["not checked", "not checked"]
    for segment in outcome.summary.segments:
        says(segment.verdict_reason)
        assert segment.ctr_outcome.value == 0
        assert is_null(segment.survival)
    says(outcome.summary.validation.kept_gain.reason)
    assert is_null(outcome.summary.validation.kept_gain.by_forecast)
    assert_is_plain_json(outcome)


def test_users_of_one_window_alone_are_formed_or_judged_but_not_both(tmp_path):
    both = two_kinds(range(1, 101))
    early_only = two_kinds(range(101, 201), range(6))
    late_only = two_kinds(range(201, 301), (6, 7), per_day=8)

    outcome = two_segments(tmp_path, [*both, *early_only, *late_only], min_size=1)

    early, all_days = feature_segment_of(outcome), segment_of(outcome)
    assert {early[user] for user in early if user > 200} == {0}
    assert all(all_days[user] for user in all_days)
    came_back = {row[0] for row in both if row[1] >= CUT}
    validation = outcome.summary.validation
    assert validation.n_users == sum(user <= 200 for user in early)
    assert validation.n_users_later == validation.kept_gain.n_users == len(came_back)
    assert validation.kept_gain.n_impressions == sum(row[1] >= CUT for row in both)
    for segment in outcome.summary.segments:
        members = {user for user, number in early.items() if number == segment.segment_id}
        assert segment.absent_share == pytest.approx(1 - len(members & came_back) / len(members))
        later = [row for row in both if row[0] in members and row[1] >= CUT]
        assert segment.ctr_outcome.value == pytest.approx(sum(row[5] for row in later) / len(later))
    assert_is_plain_json(outcome)


def test_nothing_is_said_of_few_users_that_were_there_before_and_later(tmp_path):
    both = two_kinds(range(1, 101))
    early_only = two_kinds(range(101, 201), range(6))

    outcome = two_segments(tmp_path, [*both, *early_only], min_size=70)

    for segment in outcome.summary.segments:
        assert not segment.is_withheld
        assert segment.n_users >= 70
        assert segment.verdict == "not checked"
        assert segment.absent_share is None
        assert is_null(segment.ctr_outcome)
        assert is_null(segment.survival)


def test_a_segment_that_is_shown_nothing_later_is_not_checked(tmp_path):
    gone = [
        day_row(user, day, i, 1)
        for user in range(1001, 1061)
        for day in range(6)
        for i in range(12)
    ]

    outcome = two_segments(tmp_path, [*two_kinds(range(1, 301)), *gone])

    stayed, left = outcome.summary.segments
    assert left.n_users == 60
    assert (left.verdict, left.absent_share) == ("not checked", 1.0)
    says(left.verdict_reason)
    assert is_null(left.ctr_outcome)
    assert stayed.verdict == "not checked"
    says(stayed.verdict_reason)
    assert_is_plain_json(outcome)


def test_a_log_of_three_days_is_forecast_from_two_and_judged_by_one(tmp_path):
    rows = [*two_kinds(range(1, 401), range(3)), *two_kinds(range(1001, 1101), (2,), per_day=8)]
    early = {row[0] for row in rows if row[1] < MIDNIGHT + 2 * DAY}

    outcome = two_segments(tmp_path, rows)

    validation = outcome.summary.validation
    assert (len(validation.feature_weekdays), len(validation.outcome_weekdays)) == (2, 1)
    newcomers = {user for user, each in feature_segment_of(outcome).items() if not each}
    assert newcomers == {row[0] for row in rows} - early
    assert outcome.summary.retention.n_new == len(newcomers)
    assert set(verdicts_of(outcome)) <= VERDICTS - {"not checked"}
    assert validation.luck.share.low < validation.luck.share.high
    assert_is_plain_json(outcome)


def test_later_days_without_any_impression_are_told(tmp_path):
    outcome = two_segments(tmp_path, two_kinds(range(1, 201), (0, 1)), until="2017-05-14")

    assert verdicts_of(outcome) == ["not checked", "not checked"]
    validation = outcome.summary.validation
    assert (validation.n_users_later, validation.kept_gain.n_users) == (0, 0)
    says(validation.kept_gain.reason)
    assert_is_plain_json(outcome)


def test_one_segment_has_nothing_to_differ_from(tmp_path):
    data_dir = write_taobao(tmp_path / "log", log=two_kinds(range(1, 201)))

    outcome = outcome_of(data_dir, k=1, k_range="2:2")

    (segment,) = outcome.summary.segments
    assert segment.verdict == "not checked"
    shows(segment.verdict_reason)
    assert is_null(segment.survival)
    assert segment.forecast_index.value == pytest.approx(100)
    gain = outcome.summary.validation.kept_gain
    assert gain.by_forecast.value == pytest.approx(0, abs=1e-9)
    assert gain.nats_of_users.low > 0
    assert_is_plain_json(outcome)


def test_one_user_with_half_of_all_impressions_is_told_and_decides_nothing(tmp_path):
    """All users click at 10 %; one of them, with as many impressions as all others, at 50 %."""
    chance = random.Random(3)  # noqa: S311  # not for secrets
    others = [
        day_row(user, day, chance.randrange(DAY), int(chance.random() < 0.1))
        for user in range(1, 301)
        for day in range(8)
        for _ in range(chance.randint(0, 5))
    ]
    n_of_bot = len(others)
    bot = [day_row(9_999, i * 8 // n_of_bot, i * 7 % DAY, i % 2) for i in range(n_of_bot)]

    outcome = two_segments(tmp_path, [*others, *bot])

    shows(outcome.summary.warnings)
    assert set(verdicts_of(outcome)) <= UNDECIDED
    of_bot = feature_segment_of(outcome)[9_999]
    with_bot = next(each for each in outcome.summary.segments if each.segment_id == of_bot)
    assert with_bot.ctr_outcome.value > 0.3
    assert_is_plain_json(outcome)


def test_clicks_of_later_days_change_no_early_segment_and_no_choice(checked, log, tmp_path):
    """The clicks of the outcome window are dealt again among all its impressions."""
    other = tmp_path / "log"
    other.mkdir()
    for name in ("user_profile.csv", "ad_feature.csv"):
        (other / name).write_bytes((log / name).read_bytes())
    rows = pl.read_csv(log / "raw_sample.csv")
    late = (rows["time_stamp"] >= CUT).to_numpy()
    clicks = rows["clk"].to_numpy().copy()
    clicks[late] = np.random.default_rng(5).permutation(clicks[late])
    rows = rows.with_columns(clk=pl.Series(clicks), nonclk=pl.Series(1 - clicks))
    rows.write_csv(other / "raw_sample.csv")

    dealt = outcome_of(other, **QUICK)

    assert (
        dealt.validation.feature_segment_ids.tolist()
        == checked.validation.feature_segment_ids.tolist()
    )
    assert dealt.summary.selection == checked.summary.selection
    before, after = checked.summary.validation.kept_gain, dealt.summary.validation.kept_gain
    assert after.n_users == before.n_users
    assert after.nats_by_best_rate != before.nats_by_best_rate
    assert [each.ctr_outcome for each in dealt.summary.segments] != [
        each.ctr_outcome for each in checked.summary.segments
    ]


def test_a_run_from_a_run_finds_the_same_truth(plain_run, checked):
    again = reused(plain_run.folder, **QUICK)

    assert checked.summary.validation is not None
    assert again.summary.validation == checked.summary.validation
    assert again.summary.segments == checked.summary.segments
    assert again.summary.selection == checked.summary.selection
    assert again.summary.warnings == checked.summary.warnings
    ids = checked.validation.feature_segment_ids.tolist()
    assert again.validation.feature_segment_ids.tolist() == ids


def test_a_run_from_a_run_with_a_feature_that_was_not_kept_early_is_not_checked(plain_run):
    again = reused(plain_run.folder, features=("evening_share", "n_impressions"), k=2, **QUICK)

    assert again.validation is None
    shows(again.summary.warnings[0])
    assert set(verdicts_of(again)) == {"not checked"}
    assert len(again.summary.segments) == 2


def test_what_a_later_run_takes_is_what_the_log_says(plain_run):
    rows = rows_of(plain_run.data_dir)
    folder = plain_run.folder / "validation"
    days, early = (
        pl.read_parquet(folder / "days.parquet"),
        pl.read_parquet(folder / "users.parquet"),
    )
    shown, clicked = Counter(), Counter()
    for user, moment, click in rows:
        day = (moment + 8 * 3_600) // DAY
        shown[user, day] += 1
        clicked[user, day] += click

    assert days.columns == ["user_id", "day", "n_impressions", "n_clicks"]
    found = {(row[0], row[1]): row[2:] for row in days.iter_rows()}
    assert found == {key: (n, clicked[key]) for key, n in shown.items()}
    seen = Counter(user for user, moment, _ in rows if moment < CUT)
    users = pl.read_parquet(plain_run.folder / "users.parquet")["user_id"]
    assert early["user_id"].equals(users)
    assert early["n_impressions"].to_list() == [seen[user] for user in users]


def assert_is_plain_json(outcome):
    """No NaN, no infinity, and all of it comes back."""
    text = render_summary_json(outcome.summary)  # refuses what is not finite
    assert parse_summary(text, source="summary.json") == outcome.summary
    words = (*outcome.summary.warnings, *outcome.summary.validation.caveats)
    for shown in (*words, *(segment.verdict_reason for segment in outcome.summary.segments)):
        assert "nan" not in shown.split()
        assert "None" not in shown


def test_first_days_without_impressions_leave_a_run_unchecked(planted_log):
    outcome = outcome_of(planted_log, since="2017-04-01", **QUICK)

    assert outcome.validation is None
    shows(outcome.summary.warnings[0])
    assert set(verdicts_of(outcome)) == {"not checked"}


def test_a_forced_number_that_is_not_stable_is_told_in_warnings_and_report(tmp_path_factory):
    alike = runs.generated(tmp_path_factory.getbasetemp(), 2_000, 0, null=True)

    summary = outcome_of(alike, k=9, k_range="9:9", bootstraps=20).summary

    shaky = [each for each in summary.evidence.stability.segments if not each.is_stable]
    assert shaky
    (text,) = (each for each in summary.warnings if "not stable: when" in each)
    assert all(str(each.segment_id) in text for each in shaky)
    assert decimal_under(min(each.jaccard for each in shaky), 0.75) in text
    shows(summary.warnings)
    page = render_report(summary, figures={})
    assert text in page
    rows = re.findall(r"<t[hd][^>]*>.*?(yes|no)</td>\s*</tr>", page)
    assert rows.count("no") == len(shaky)
    assert "nan" not in re.sub(r"<[^>]+>|[a-z]+nan|nan[a-z]+", " ", page.lower()).split()
