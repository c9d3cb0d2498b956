"""Alarms ring for what changed, and for nothing else."""

import math
from dataclasses import replace

import numpy as np
import pytest

from segmentry.lifecycle.alarms import (
    DayFacts,
    FeatureFacts,
    OutcomeFacts,
    PeriodFacts,
    RowFacts,
    SegmentFacts,
    find_alarms,
    read_periods,
)
from segmentry.lifecycle.alarms.sequence import (
    FAMILY_SHARES,
    half_width,
    look_weight,
    spread_of_days,
)
from segmentry.lifecycle.alarms.shares import stability_index

MONTH = 30 * 86_400
RATES = {"a": 0.08, "b": 0.05, "c": 0.03}
SHARES = {"a": 3_000, "b": 5_000, "c": 12_000}


def outcome(n_users: int, rate: float) -> OutcomeFacts:
    """Users with 100 impressions each, half of them with 0.8 and half with 1.2 times the rate."""
    trials = np.full(n_users, 100)
    successes = np.where(np.arange(n_users) % 2 == 0, 0.8, 1.2) * rate * trials
    return OutcomeFacts.of(successes=successes, trials=trials)


def period(
    number: int,
    *,
    level: float = 1.0,
    lift: dict[str, float] | None = None,
    sizes: dict[str, int] | None = None,
    bins: tuple[int, ...] = (5_000, 5_000, 5_000, 5_000),
    n_missing: int = 0,
    n_unseen: int = 0,
    rows: tuple[int, int] = (2_000_000, 0),
) -> PeriodFacts:
    sizes = sizes or SHARES
    daily = [0.05 * level * factor for factor in (0.97, 1.0, 1.03) * 10]
    return PeriodFacts(
        start=number * MONTH,
        end=(number + 1) * MONTH,
        model="first",
        n_users=sum(sizes.values()),
        segments=tuple(
            SegmentFacts(
                key=key,
                n_users=sizes[key],
                outcome=outcome(SHARES[key], rate * level * (lift or {}).get(key, 1.0)),
                expected_rate=rate,
                expected_error=0.01 * rate,
            )
            for key, rate in RATES.items()
        ),
        days=tuple(DayFacts(n_trials=1e5, n_successes=1e5 * rate) for rate in daily),
        features=(FeatureFacts(name="age", bins=bins, n_missing=n_missing, n_unseen=n_unseen),),
        rows=RowFacts(n_rows=rows[0], n_rejected=rows[1]),
    )


def codes(*later: PeriodFacts) -> list[tuple[str, str | None]]:
    return [(alarm.code, alarm.name) for alarm in find_alarms([period(0), *later])]


def test_twelve_equal_months_raise_no_alarm():
    assert codes(*(period(number) for number in range(1, 13))) == []


def test_a_move_of_the_level_is_one_alarm():
    assert codes(period(1, level=1.5)) == [("level_moved", None)]


def test_a_lifted_segment_is_an_alarm_of_that_segment_only():
    (alarm,) = find_alarms([period(0), period(1, level=1.02, lift={"b": 1.2})])

    assert (alarm.code, alarm.name, alarm.since) == ("segment_rate_changed", "b", 1)
    assert alarm.expected == pytest.approx(0.05 * 1.02)
    assert alarm.observed == pytest.approx(0.05 * 1.02 * 1.2)
    assert alarm.low > alarm.expected
    assert not alarm.is_over


def test_an_alarm_that_is_over_says_so():
    (alarm,) = find_alarms([period(0), period(1, lift={"a": 0.7}), period(2)])

    assert (alarm.name, alarm.since, alarm.period, alarm.is_over) == ("a", 1, 2, True)


def test_users_who_change_segment_change_the_mix():
    sizes = {"a": 3_000, "b": 7_000, "c": 10_000}

    assert codes(period(1, sizes=sizes)) == [("mix_changed", "b"), ("mix_changed", "c")]


def test_a_move_that_the_level_may_explain_is_no_change_of_the_mix():
    sizes = {"a": 5_000, "b": 5_000, "c": 10_000}
    month = period(1, level=1.5, sizes=sizes)
    ranges = {"a": (2_800, 5_000), "b": (4_900, 5_200), "c": (10_000, 12_100)}
    segments = tuple(replace(s, n_users_range=ranges[s.key]) for s in month.segments)

    assert codes(replace(month, segments=segments)) == [("level_moved", None)]
    assert ("mix_changed", "a") in codes(month)


def test_segments_are_judged_more_widely_the_further_the_level_moves():
    lift = {"b": 1.13}

    assert ("segment_rate_changed", "b") in codes(period(1, lift=lift))
    assert ("segment_rate_changed", "b") not in codes(period(1, level=2.0, lift=lift))


def test_a_change_within_natural_variation_never_rings_however_many_users():
    sizes = {key: int(1_000 * n * (1.08 if key == "a" else 1.0)) for key, n in SHARES.items()}

    assert codes(*(period(n, sizes=sizes, lift={"b": 1.04}) for n in range(1, 13))) == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"bins": (2_000, 4_000, 6_000, 8_000)}, "feature_shifted"),
        ({"n_missing": 2_000}, "missing_values_changed"),
        ({"n_unseen": 2_000}, "unseen_levels"),
    ],
)
def test_a_feature_that_changes_is_named(change, code):
    assert codes(period(1, **change)) == [(code, "age")]


@pytest.mark.parametrize(
    ("rows", "code"),
    [((2_000_000, 50_000), "rows_rejected"), ((900_000, 0), "rows_per_day_changed")],
)
def test_rows_that_are_lost_ring_without_an_interval(rows, code):
    (alarm,) = find_alarms([period(0), period(1, rows=rows)])

    assert (alarm.code, alarm.low) == (code, None)


def test_a_new_model_starts_from_its_own_first_month():
    months = [period(0), *(replace(period(n, level=1.5), model="second") for n in (1, 2))]
    months[1:] = [
        replace(
            month,
            segments=tuple(
                replace(segment, expected_rate=1.5 * RATES[segment.key])
                for segment in month.segments
            ),
        )
        for month in months[1:]
    ]

    assert find_alarms(months) == ()
    assert {reading.period for reading in read_periods(months)} == {2}


def test_a_segment_without_users_or_clicks_is_not_judged_on_its_rate():
    empty = OutcomeFacts.of(successes=np.array([]), trials=np.array([]))
    month = period(1)
    segments = (replace(month.segments[0], outcome=empty), *month.segments[1:])

    readings = read_periods([period(0), replace(month, segments=segments)])

    judged = {r.name for r in readings if r.code == "segment_rate_changed"}
    assert judged == {"b", "c"}


def test_weights_of_all_looks_add_up_to_one():
    assert sum(look_weight(look) for look in range(1, 100_000)) == pytest.approx(1, abs=1e-4)
    assert sum(FAMILY_SHARES.values()) == pytest.approx(1)


@pytest.mark.parametrize("alike", [0.0, 0.7, 1.0])
def test_intervals_of_all_looks_hold_together_however_alike_the_looks_are(alike):
    """Years of normal looks with variances estimated from 8 days, 95 % of which never miss."""
    rng = np.random.default_rng(3)
    n_years, n_looks, freedom = 20_000, 12, 7
    common, own = rng.normal(size=(n_years, 1)), rng.normal(size=(n_years, n_looks))
    errors = math.sqrt(alike) * common + math.sqrt(1 - alike) * own
    variances = rng.chisquare(freedom, size=n_years) / freedom
    widths = [half_width([(1.0, freedom)], 0.05 * look_weight(n + 1)) for n in range(n_looks)]

    missed = (np.abs(errors) > np.sqrt(variances)[:, None] * np.array(widths)).any(axis=1)

    assert missed.mean() < 0.05


def test_variance_of_a_rate_takes_the_user_as_the_unit():
    rng = np.random.default_rng(1)
    trials = rng.integers(1, 50, size=400)
    successes = rng.binomial(trials, rng.beta(2, 30, size=400))
    picks = rng.integers(400, size=(4_000, 400))
    redrawn = successes[picks].sum(axis=1) / trials[picks].sum(axis=1)

    facts = OutcomeFacts.of(successes=successes, trials=trials)

    assert facts.rate == successes.sum() / trials.sum()
    assert facts.relative_variance == pytest.approx((redrawn.std() / facts.rate) ** 2, rel=0.1)


def test_days_that_follow_each_other_count_less():
    assert spread_of_days([0.0, 0.1, 0.0, 0.1]) == pytest.approx(0.01 / 3)
    assert spread_of_days([0.0, 0.0, 0.1, 0.1]) == pytest.approx(0.01 / 3 * 1.25 / 0.75)
    assert spread_of_days([0.0, 0.1]) is None


def test_stability_index_is_zero_on_average_where_nothing_changed():
    rng = np.random.default_rng(2)
    shares = [0.1, 0.2, 0.3, 0.4]
    draws = [
        stability_index(tuple(rng.multinomial(500, shares)), tuple(rng.multinomial(800, shares)))
        for _ in range(2_000)
    ]
    index, error = np.array(draws).T

    assert abs(index.mean()) < 3 * index.std() / math.sqrt(2_000)
    assert (index.std() < error.mean() * 1.1).all()
