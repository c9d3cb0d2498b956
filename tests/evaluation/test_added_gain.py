"""What a family adds: against kept gain, on planted differences, and where there is none."""

import numpy as np
import pytest
from tests.texts import says

from segmentry.evaluation.later_days import (
    Forming,
    added_gain,
    kept_gain,
    over_placebos,
    segment_rates,
)
from segmentry.features.user_days import UserCounts

N = 3000


def drawn(rng, rates, n=12):
    trials = np.full(rates.size, n)
    return UserCounts(trials, rng.binomial(trials, rates))


def two_ways(rng, kinds, chance):
    """Return segments by the kind and by a coin, with their rates in the feature window."""
    seen, later = drawn(rng, chance[kinds]), drawn(rng, chance[kinds])
    coins = rng.integers(0, 2, size=kinds.size)
    forming = [
        Forming(ids, segment_rates(ids, seen, n_segments=2)) for ids in (kinds + 1, coins + 1)
    ]
    return (*forming, seen, later)


def test_kept_shares_are_those_of_kept_gain():
    rng = np.random.default_rng(0)
    sees, blind, seen, later = two_ways(rng, np.arange(N) % 2, np.array([0.1, 0.3]))

    found = added_gain(sees, blind, outcome="clicks", seen=seen, later=later)

    for way, kept in ((sees, found.kept_with), (blind, found.kept_without)):
        alone = kept_gain(way.segment_ids, seen=seen, later=later, forecast=way.forecast)
        assert kept.value == pytest.approx(alone.by_forecast.value, rel=1e-9)
    assert found.nats_added.value == pytest.approx(
        found.nats_with.value - found.nats_without.value, rel=1e-9
    )


def test_a_planted_difference_adds_and_its_loss_takes_away():
    rng = np.random.default_rng(1)
    sees, blind, seen, later = two_ways(rng, np.arange(N) % 2, np.array([0.1, 0.3]))

    there = added_gain(sees, blind, outcome="purchases", seen=seen, later=later)
    back = added_gain(blind, sees, outcome="purchases", seen=seen, later=later)

    assert (there.verdict, back.verdict) == ("adds", "takes away")
    assert back.nats_added.value == pytest.approx(-there.nats_added.value)


def test_where_users_are_alike_nothing_is_kept():
    rng = np.random.default_rng(2)
    sees, blind, seen, later = two_ways(rng, np.arange(N) % 2, np.array([0.2, 0.2]))

    found = added_gain(sees, blind, outcome="purchases", seen=seen, later=later)

    assert found.verdict == "no signal"
    assert found.kept_with.value is None
    assert found.n_events == later.n_successes.sum()


def test_two_ways_that_see_the_same_cannot_be_told_apart():
    """Of 60 pairs of ways that see nothing, few are said to differ: 10 % by chance."""
    rng = np.random.default_rng(3)
    parts = []
    for _ in range(60):
        rates = rng.beta(2, 8, size=400)
        seen, later = drawn(rng, rates), drawn(rng, rates)
        ways = []
        for _ in range(2):
            ids = rng.integers(1, 3, size=400)
            ways.append(Forming(ids, segment_rates(ids, seen, n_segments=2)))
        found = added_gain(*ways, outcome="purchases", seen=seen, later=later, n_draws=100)
        parts.append(found.verdict in ("adds", "takes away"))

    assert np.mean(parts) < 0.25


def test_no_purchase_later_is_a_reason():
    counts = UserCounts(np.full(9, 3), np.ones(9, int))
    none = UserCounts(np.full(9, 2), np.zeros(9, int))
    way = Forming(np.ones(9, int), np.full(9, 0.3))

    found = added_gain(way, way, outcome="purchases", seen=counts, later=none)

    says(found.reason)
    assert found.nats_added.value is None


def test_what_a_placebo_adds_too_is_no_help():
    rng = np.random.default_rng(4)
    sees, blind, seen, later = two_ways(rng, np.arange(N) % 2, np.array([0.1, 0.3]))
    options = {"outcome": "clicks", "seen": seen, "later": later}
    gain = added_gain(sees, blind, **options)
    as_good = added_gain(sees, sees, **options)
    worse = added_gain(sees, blind, **options)

    assert over_placebos(gain, [worse, worse, worse]).verdict == "adds"
    held = over_placebos(gain, [worse, as_good, worse])
    assert held.verdict == "placebo does too"
    assert held.nats_over_placebo == as_good.nats_added
    assert over_placebos(gain, []) == gain
    lost = added_gain(blind, sees, **options)
    assert over_placebos(lost, [worse]) == lost
