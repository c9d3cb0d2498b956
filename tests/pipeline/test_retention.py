"""Who came back on the later days, counted by hand; and users that outweigh a segment."""

import random
from collections import Counter

import pytest
from tests.pipeline.runs import outcome_of
from tests.reads import write_taobao
from tests.texts import shows

MIDNIGHT, DAY = 1_494_000_000, 86_400


def rows_of(user, days, *, n, share, chance):
    """Return rows of one user: n impressions a day, a share of them clicked."""
    return [
        (user, MIDNIGHT + day * DAY + i * 60, 1, "p", 1 - clicked, clicked)
        for day in days
        for i in range(n)
        for clicked in [int(chance.random() < share)]
    ]


@pytest.fixture(scope="module")
def log():
    """60 users on all days, 60 on the first six only, 60 on the last two only."""
    chance = random.Random(0)  # noqa: S311  # not for secrets
    rows = []
    for user in range(1, 61):
        rows += rows_of(user, range(8), n=6, share=0.1, chance=chance)
        rows += rows_of(100 + user, range(6), n=2, share=0.3, chance=chance)
        rows += rows_of(200 + user, (6, 7), n=3, share=0.2, chance=chance)
    return rows


def ctr_of(log, users, days):
    clicks = [clk for user, at, *_, clk in log if user in users and (at - MIDNIGHT) // DAY in days]
    return sum(clicks) / len(clicks)


def test_users_absent_later_stand_beside_those_present(log, tmp_path):
    data_dir = write_taobao(tmp_path / "log", log=log)

    summary = outcome_of(data_dir, k=1, k_range="2:2").summary

    (row,) = summary.retention.segments
    assert (row.segment_id, row.n_present, row.n_absent) == (1, 60, 60)
    assert (row.impressions_present, row.impressions_absent) == (36.0, 12.0)
    assert row.ctr_present == pytest.approx(ctr_of(log, range(1, 61), range(6)))
    assert row.ctr_absent == pytest.approx(ctr_of(log, range(101, 161), range(6)))
    assert row.largest_user_share == pytest.approx(48 / len(log))
    parts = {each.feature: each for each in row.features}
    shown = parts["n_impressions"]
    # 60 users of 36 and 60 of 12 impressions: a standard deviation of 12.
    assert (shown.present, shown.absent, shown.difference) == (36.0, 12.0, pytest.approx(-2.0))
    days = parts["n_active_days"]
    assert (days.present, days.absent, days.difference) == (6.0, 6.0, None)
    assert row.features[0].feature == "n_impressions"
    assert summary.retention.n_new == 60
    assert summary.retention.new_ctr.value == pytest.approx(ctr_of(log, range(201, 261), (6, 7)))
    everybody = summary.population.ctr_outcome
    assert everybody.value == pytest.approx(ctr_of(log, range(1, 61), (6, 7)))
    assert everybody.low < everybody.value < everybody.high


def test_too_few_users_are_not_told_apart(log, tmp_path):
    few = [row for row in log if row[0] not in range(120, 161) and row[0] not in range(220, 261)]
    data_dir = write_taobao(tmp_path / "log", log=few)

    retention = outcome_of(data_dir, k=1, k_range="2:2").summary.retention

    assert retention.segments[0].n_present is None
    assert retention.segments[0].ctr_absent is None
    assert retention.segments[0].features == ()
    assert (retention.n_new, retention.new_ctr.value) == (None, None)


def test_a_user_that_outweighs_its_segment_is_told(log, tmp_path):
    chance = random.Random(1)  # noqa: S311  # not for secrets
    bot = rows_of(999, range(8), n=len(log) // 8, share=0.5, chance=chance)
    data_dir = write_taobao(tmp_path / "log", log=log + bot)

    summary = outcome_of(data_dir, k=1, k_range="2:2").summary

    share = max(Counter(user for user, *_ in log + bot).values()) / len(log + bot)
    assert summary.retention.segments[0].largest_user_share == pytest.approx(share)
    shows(summary.warnings)


def test_a_log_of_one_day_has_nobody_to_compare(log, tmp_path):
    one_day = [row for row in log if row[1] < MIDNIGHT + DAY]
    data_dir = write_taobao(tmp_path / "log", log=one_day)

    summary = outcome_of(data_dir, k=1, k_range="2:2").summary

    (row,) = summary.retention.segments
    assert (row.n_present, row.ctr_absent, summary.retention.n_new) == (None, None, None)
    assert row.largest_user_share is not None
    assert summary.evidence.n_blocks == 0
    shows(summary.evidence.caveats[0])


def test_what_a_few_users_alone_have_known_is_not_compared(log, tmp_path):
    profiles = [(user, 0, 0, 1 + user % 2, 3, "", 1, 0, "") for user in (*range(1, 61), 101, 102)]
    data_dir = write_taobao(tmp_path / "log", log=log, profiles=profiles)

    (row,) = outcome_of(data_dir, k=1, k_range="2:2").summary.retention.segments

    assert row.n_absent == 60
    assert "age_level" not in {each.feature for each in row.features}
    assert "n_impressions" in {each.feature for each in row.features}
