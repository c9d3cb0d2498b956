"""The counts of a refresh, from tables of a few users."""

import numpy as np
import polars as pl
import pytest

from segmentry.lifecycle.alarms import DayFacts, OutcomeFacts, RowFacts, count_period, with_ranges
from segmentry.lifecycle.alarms.count import count_feature
from segmentry.schema import Estimate, Feature, RowAccount, Window


def feature(name, kind):
    return Feature(
        name=name,
        family="profile",
        label=name,
        unit=name,
        kind=kind,
        fill="zero",
        description=f"The {name}.",
    )


COUNTRY, VISITS = feature("country", "categorical"), feature("visits", "count")
DAYS = pl.DataFrame(
    {
        "user_id": ["a", "a", "b", "c"],
        "day": [1, 2, 2, 2],
        "n_impressions": [4, 6, 5, 1],
        "n_clicks": [1, 1, 0, 1],
    }
)


def counted(**changes):
    asked = {
        "table": pl.DataFrame(
            {"user_id": ["a", "b", "c"], "country": ["de", None, "fr"], "visits": [1, 2, 3]}
        ),
        "segment_ids": np.array([1, 2, 0]),
        "keys": ("k1", "k2"),
        "model": "first",
        "window": Window(start=0, end=172_800, utc_offset_hours=0),
        "features": (COUNTRY, VISITS),
        "days": DAYS,
        "accounts": (RowAccount("impressions", 17, 16, {"no user_id": 1}, {}),),
        **changes,
    }
    return count_period(asked.pop("table"), asked.pop("segment_ids"), **asked)


def test_users_days_and_rows_are_counted():
    facts = counted()

    assert (facts.n_users, [segment.n_users for segment in facts.segments]) == (2, [1, 1])
    assert facts.days == (
        DayFacts(n_trials=4, n_successes=1),
        DayFacts(n_trials=12, n_successes=2),
    )
    assert facts.rows == RowFacts(n_rows=17, n_rejected=1)


def test_rates_are_of_those_who_were_in_the_segment_before():
    before = pl.DataFrame(
        {"user_id": ["a", "c", "d", "b"], "segment_key": ["k2", "k2", "k1", None]}
    )
    expected = {"k2": Estimate(value=0.1, low=0.1 - 0.01645, high=0.1 + 0.01645)}

    first, second = counted(before=before, expected=expected).segments

    assert (first.outcome.n_users, first.expected_rate) == (0, None)
    assert second.outcome == OutcomeFacts.of(successes=np.array([2, 1]), trials=np.array([10, 1]))
    assert second.expected_rate == 0.1
    assert second.expected_error == pytest.approx(0.01, rel=1e-3)


def test_bins_and_forecasts_are_those_of_the_forming_window():
    expected = {"k1": Estimate(value=0.2, low=0.1, high=0.3)}
    later = pl.DataFrame(
        {"user_id": ["a", "b", "e"], "country": ["fr", "it", "de"], "visits": [9, None, 1]}
    )

    reference = counted(expected=expected)
    facts = counted(table=later, reference=reference)
    country, visits = facts.features

    assert (country.bins, country.n_missing, country.n_unseen) == ((1, 1), 0, 1)
    assert (visits.bins, visits.n_missing) == ((1, 0, 1), 1)
    assert reference.features[1].bins == (1, 1, 1)
    assert facts.segments[0].expected_rate == 0.2


@pytest.mark.parametrize("n_days", [89, 90, 92, 93])
def test_counts_of_windows_a_few_days_longer_keep_their_bins(n_days):
    counts = pl.Series("visits", np.random.default_rng(0).geometric(0.4, 1_000))
    formed = count_feature(counts, VISITS)

    scaled = count_feature(counts * (90 / n_days), VISITS, like=formed)

    assert scaled.bins == formed.bins
    assert sum(each > 0 for each in formed.bins) > 3


def test_ranges_hold_the_fewest_and_the_most_users_of_some_placements():
    facts = with_ranges(counted(), [np.array([1, 1, 2]), np.array([0, 1, 0])])

    assert [segment.n_users_range for segment in facts.segments] == [(1, 2), (0, 1)]


def test_a_log_without_clicks_has_no_rates():
    facts = counted(days=None)

    assert facts.days == ()
    assert {segment.outcome.n_users for segment in facts.segments} == {0}
