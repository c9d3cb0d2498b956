"""Alarms in words, and the numbers of the figures of windows."""

from dataclasses import replace

import pytest
from tests.summaries import make_summary
from tests.texts import says
from tests.windows import KEYS, LIFTS, window, with_windows

from segmentry.lifecycle.alarms import FeatureFacts, WindowCounts, show_windows
from segmentry.lifecycle.alarms.shares import stability_index
from segmentry.present.changes import changed_since
from segmentry.present.figures import FIGURES
from segmentry.present.over_time import alarms_of, shift_table, shifts_sentence


@pytest.fixture(scope="module")
def summary():
    return with_windows(make_summary(n_segments=3, n_points=12))


def shown(*periods):
    return show_windows(WindowCounts(periods=periods), min_size=50)


def table_of(summary, name):
    (table,) = FIGURES[name].tables(summary)
    return [row.cells for row in table.rows]


def test_open_alarms_come_first_with_what_to_do(summary):
    lifted, split, grown = alarms_of(summary)

    says((lifted, split, grown))
    says(lifted.line)
    assert lifted.since == "31 May 2017"
    assert split.since == grown.since == "30 June 2017"
    assert not lifted.is_over


def test_an_alarm_that_is_over_is_shown_last(summary):
    calm = replace(window(1), start=1_498_752_000, end=1_501_344_000)
    over_time = shown(window(0), window(1, lifts=LIFTS), calm)
    (over,) = alarms_of(replace(summary, over_time=over_time))

    assert over.is_over


def test_an_alarm_of_too_few_users_has_no_numbers(summary):
    few = window(2, lifts=LIFTS)
    segments = [
        replace(each, n_users=n) for each, n in zip(few.segments, (7_000, 20, 2_980), strict=True)
    ]
    over_time = shown(window(0), replace(few, segments=tuple(segments)))
    alarms = alarms_of(replace(summary, over_time=over_time))
    hidden = [each.name for each in over_time.alarms if each.observed is None]

    assert hidden == ["k2aa", "k3bb"]
    says(alarms)
    rows = table_of(replace(summary, over_time=over_time), "over_time")
    assert {cells[0][0] for cells in rows if cells[2].value is not None} == {"3"}


def test_the_table_has_a_line_for_each_segment_and_window(summary):
    rows = table_of(summary, "over_time")

    assert len(rows) == 9
    _, start, share, ctr, expected = rows[-1]
    assert (start, share.value, expected) == ("30 June 2017", 0.2, pytest.approx(0.12))
    assert ctr.value == pytest.approx(0.156)
    assert ctr.low > 0.12 * 1.05
    assert rows[0][2].low is None


def test_features_shift_in_plain_units_largest_first_without_few_users(summary):
    def facts(name, bins, middle=None, levels=()):
        return FeatureFacts(name=name, bins=bins, n_missing=0, unit_value=middle, levels=levels)

    periods = [
        replace(
            window(number),
            features=(
                facts("n_impressions", (5_000, 5_000 - 9 * number), 23.0 + number),
                facts(
                    "gender", (6_000 - n, 3_000 + n // 2, 1_000 + n // 2), levels=("1", "2", "3")
                ),
                facts("age_level", (9_980, 20), levels=("1", "2")),
            ),
        )
        for number, n in enumerate((0, 100, 500))
    ]
    over_time = shown(*periods)
    gender, impressions = over_time.features

    assert (gender.name, gender.level) == ("gender", "1")
    assert (gender.formed, gender.before, gender.now) == (0.6, 0.59, 0.55)
    assert gender.index == pytest.approx(
        stability_index((6_000, 3_000, 1_000), (5_500, 3_250, 1_250))[0]
    )
    assert (impressions.formed, impressions.before, impressions.now) == (23, 24, 25)
    assert impressions.index == 0
    changed = replace(summary, over_time=over_time)
    says(shifts_sentence(changed))
    assert [row.cells[-1] for row in shift_table(changed).rows] == [gender.index, 0]


def test_a_shift_that_cannot_be_seen_is_not_named(summary):
    def of(number, middle):
        facts = FeatureFacts(
            name="n_impressions", bins=(5_000, 5_000 - number), n_missing=0, unit_value=middle,
            levels=(),
        )  # fmt: skip
        return replace(window(number), features=(facts,))

    same, other = (
        replace(summary, over_time=shown(of(0, 23.0), of(1, middle))) for middle in (23.0001, 24.0)
    )

    assert shifts_sentence(same) == ""
    assert "24" in shifts_sentence(other)
    assert shift_table(same).rows


def test_flows_that_are_too_small_are_not_drawn(summary):
    rows = table_of(summary, "flows")
    names = {key: segment.name for key, segment in zip(KEYS, summary.segments, strict=True)}

    assert [n for _, _, n in rows] == [3_900, 900, 2_700, 1_900]
    assert rows[1][:2] == (names["k2aa"], names["k3bb"])
    says(FIGURES["flows"].caption(summary))


def test_a_run_that_refreshes_none_has_no_windows(summary):
    first = replace(summary, over_time=None, changes=None)

    assert alarms_of(first) == ()
    assert shifts_sentence(first) == ""
    assert not FIGURES["over_time"].needs(first)
    assert not FIGURES["flows"].needs(first)


def test_who_moved_stands_next_to_what_luck_moves(summary):
    says(changed_since(summary).sentences)
