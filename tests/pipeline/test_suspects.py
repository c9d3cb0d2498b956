"""Data that would fool a reader: a herd of bots, users twice, all clicks on one day."""

import random

import polars as pl
import pytest
from tests.pipeline.runs import outcome_of
from tests.reads import write_taobao
from tests.texts import says, shows

from segmentry.describe.data_warnings import warn_of_suspects
from segmentry.results.summary import render_summary_json
from segmentry.schema import Outcome

MIDNIGHT, DAY = 1_494_000_000, 86_400
UNDECIDED = {"no difference", "not checked"}


def rows_of(user, days, *, per_day, rate, chance):
    return [
        (user, MIDNIGHT + day * DAY + chance.randrange(DAY), 1, "p", 1 - clicked, clicked)
        for day in days
        for _ in range(chance.randint(0, per_day))
        for clicked in [int(chance.random() < rate)]
    ]


def outcome(tmp_path, rows, **options):
    data_dir = write_taobao(tmp_path / "log", log=rows)
    return outcome_of(data_dir, **{"k": 2, "k_range": "2:2"} | options)


@pytest.fixture
def people():
    """300 users, all of whom click at 10 %."""
    chance = random.Random(0)  # noqa: S311  # not for secrets
    return [rows_of(user, range(8), per_day=14, rate=0.1, chance=chance) for user in range(1, 301)]


def test_a_herd_of_bots_with_most_of_the_clicks_is_told():
    clicks, shown = [1] * 2_990 + [100] * 10, [20] * 2_990 + [200] * 10
    table = pl.DataFrame({"n_clicks": clicks, "n_impressions": shown})

    assert list(warn_of_suspects(table, None)) == []
    (text,) = warn_of_suspects(
        table.with_columns(n_clicks=pl.col("n_clicks").replace(100, 600)), None
    )

    # 3 of 3,000 users: 1,800 of 2,990 + 6,000 clicks.
    shows(text)


def test_one_buyer_with_much_of_the_value_is_reported_where_value_is_the_outcome():
    table = pl.DataFrame({"value_sum": [10.0] * 9 + [90.0, -50.0, None]})
    of_value = Outcome.of_events("value", "order", "orders", value_unit="EUR", n_days=90)

    (text,) = warn_of_suspects(table, None, outcome=of_value)

    # 90 of 9 * 10 + 90: what was given back counts for nobody.
    says(text)
    small = table.with_columns(value_sum=pl.col("value_sum").replace(90.0, 20.0))
    assert list(warn_of_suspects(small, None, outcome=of_value)) == []
    assert list(warn_of_suspects(table.clear(), None, outcome=of_value)) == []
    assert list(warn_of_suspects(table, None)) == []


def test_users_that_come_twice_under_other_ids_are_told(people, tmp_path):
    rows = [row for user in people for row in user]
    twice = [(row[0] + 1_000 * copy, *row[1:]) for copy in (0, 1) for row in rows]

    (tmp_path / "once").mkdir()
    once = outcome(tmp_path / "once", rows).summary.warnings
    parts = [text for text in outcome(tmp_path, twice).summary.warnings if "several ids" in text]

    assert not [text for text in once if "several ids" in text]
    assert len(parts) == 1
    shows(parts[0])


@pytest.mark.parametrize("day", [2, 7])
def test_clicks_of_one_day_alone_confirm_nothing(people, tmp_path, day):
    """As if clicks had been counted on one day only, a forming or a checking one."""
    rows = [
        row if (row[1] - MIDNIGHT) // DAY == day else (*row[:4], 1, 0)
        for user in people
        for row in user
    ]

    found = outcome(tmp_path, rows, k=None, k_min=2, k_range="2:4").summary

    assert {segment.verdict for segment in found.segments} <= UNDECIDED
    assert found.validation.kept_gain.by_forecast.value is None
    render_summary_json(found)  # refuses what is not finite


def test_users_who_come_on_days_when_all_click_more_are_not_confirmed(tmp_path):
    """Saturdays and Sundays at 30 %, other days at 5 %; odd users mostly come at weekends."""
    chance = random.Random(1)  # noqa: S311  # not for secrets
    rows = []
    for user in range(1, 601):
        for day in range(8):
            is_weekend = day in (0, 1, 7)
            per_day = 20 if is_weekend == bool(user % 2) else 2
            rate = 0.3 if is_weekend else 0.05
            rows += rows_of(user, (day,), per_day=per_day, rate=rate, chance=chance)

    found = outcome(tmp_path, rows)

    assert {segment.verdict for segment in found.summary.segments} <= UNDECIDED
    rates = sorted(segment.ctr_outcome.value for segment in found.summary.segments)
    assert rates[1] > 1.5 * rates[0]


@pytest.mark.parametrize("n_users", [2, 12])
def test_a_handful_of_users_is_refused_or_told_in_clear_words(people, tmp_path, n_users):
    rows = [row for user in people[:n_users] for row in user]

    found = outcome(tmp_path, rows, k=None, min_size=1, k_range="2:3").summary

    assert {segment.verdict for segment in found.segments} <= UNDECIDED
    render_summary_json(found)
