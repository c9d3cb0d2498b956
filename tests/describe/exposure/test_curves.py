"""Curves of exposure on logs with a planted truth; `benchmarks/exposure.py` measures the rates."""

import numpy as np
import pytest
from tests.describe.exposure.simulation import WINDOW, curve_of, simulate_rows
from tests.texts import says

from segmentry.describe.exposure._held_out import Clicks, compare_held_out
from segmentry.describe.exposure._matched import draw_sets
from segmentry.describe.exposure._positions import order_by_time

N_USERS = 8_000


@pytest.mark.parametrize("fatigue", [0.0, 0.4])
def test_a_planted_curve_is_found_within_users(fatigue):
    _, curve, positions = curve_of(simulate_rows(N_USERS, seed=1, fatigue=fatigue))

    known = [
        (np.exp2(-fatigue * positions[place]), point.odds_ratio)
        for place, point in enumerate(curve.points)
        if place and point.odds_ratio.is_known
    ]
    assert len(known) >= 5
    assert np.mean([each.low <= truth <= each.high for truth, each in known]) >= 0.8
    assert curve.per_doubling.low <= np.exp2(-fatigue) <= curve.per_doubling.high


def test_the_naive_curve_falls_although_nobody_tires():
    _, curve, _ = curve_of(simulate_rows(N_USERS, seed=1))

    assert curve.points[-1].naive_ctr.high < 0.7 * curve.points[0].naive_ctr.value
    assert curve.per_doubling.high >= 1
    assert curve.is_identified
    assert curve.caps


def test_where_exposure_reacts_to_clicks_no_cap_is_drawn():
    reaction, curve, _ = curve_of(simulate_rows(N_USERS, seed=1, reaction=0.5))

    assert reaction.is_found
    assert reaction.gap_ratio.high < 1
    assert not curve.is_identified
    assert curve.caps == ()
    assert curve.points


def test_the_order_of_rows_of_a_user_changes_nothing():
    rows = simulate_rows(2_000, seed=2, fatigue=0.3)
    order = np.random.default_rng(0).permutation(rows.user.size)
    turned = rows.taken(order[np.argsort(rows.user[order], kind="stable")])

    assert curve_of(turned)[:2] == curve_of(rows)[:2]


def test_places_of_four_bytes_draw_the_same_controls():
    rows = simulate_rows(3_000, seed=2)
    line, users = order_by_time(rows), rows.user_id.to_numpy()
    everybody = np.ones(users.size, dtype=bool)

    wide, narrow = (
        draw_sets(line, users.astype(kind), everybody, window=WINDOW, seed=0)[0]
        for kind in (np.int64, np.int32)
    )

    assert np.array_equal(wide.codes, narrow.codes)
    assert np.array_equal(wide.is_member, narrow.is_member)


def drawn_clicks(*, taste, n_users=3_000, n_keys=30, seed=3):
    """Draw clicks of users of two segments, whose tastes differ by `taste`."""
    rng = np.random.default_rng(seed)
    segment = rng.integers(1, 3, n_users)
    logits = rng.normal(0, 1, n_keys) + taste * rng.normal(0, 1, (2, n_keys))
    chance = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    user = np.sort(rng.integers(0, n_users, 4 * n_users))
    drawn = rng.random(user.size)[:, None]
    key = (chance.cumsum(axis=1)[segment[user] - 1] < drawn).sum(axis=1)
    return (user, np.minimum(key, n_keys - 1), rng.random(user.size) < 0.3), segment


def held_out(drawn, segment, *, n_segments=2, n_pieces=3):
    """Take the clicks in some pieces, none of which is all of a user's."""
    clicks = Clicks.none(segment, n_segments=n_segments, n_keys=30)
    for piece in range(n_pieces):
        clicks.take(*(each[piece::n_pieces] for each in drawn))
    return compare_held_out(clicks, dimension="category")


def test_affinity_is_said_to_help_where_segments_differ_in_taste():
    use = held_out(*drawn_clicks(taste=1.2, seed=5))

    assert [gain.measure for gain in use.gains] == ["log-likelihood", *["hit rate"] * 3]
    assert use.gains[0].difference.low > 0
    assert use.gains[1].difference.low > 0
    assert "better than popularity" in use.conclusion


def test_affinity_is_not_said_to_help_where_they_do_not():
    use = held_out(*drawn_clicks(taste=0.0))

    assert use.gains[0].difference.low <= 0
    assert "choose by popularity" in use.conclusion


def test_hit_rates_are_those_of_a_slow_loop():
    drawn, segment = drawn_clicks(taste=1.2, seed=5)
    early = np.zeros((2, 30))
    for user, key, is_later in zip(*drawn, strict=True):
        early[segment[user] - 1, key] += not is_later
    popular = set(np.argsort(-early.sum(axis=0), kind="stable")[:5].tolist())
    _, keys, is_later = drawn
    expected = np.mean([int(key) in popular for key in keys[is_later]])

    gain = held_out(drawn, segment).gains[2]

    assert gain.n_chosen == 5
    assert gain.by_popularity == pytest.approx(expected)
    assert gain.by_segment > gain.by_popularity


def test_one_segment_has_no_affinity_of_its_own():
    drawn, segment = drawn_clicks(taste=0.0)

    use = held_out(drawn, np.ones_like(segment), n_segments=1)

    assert use.gains == ()
    says(use.reason)


def test_users_without_a_segment_are_left_out():
    drawn, segment = drawn_clicks(taste=1.2, seed=5)
    segment[::2] = 0
    is_in = segment[drawn[0]] > 0

    use = held_out(drawn, segment)

    assert use == held_out([each[is_in] for each in drawn], segment)
    assert use.n_clicks == np.count_nonzero(drawn[2] & is_in)


def test_the_order_of_clicks_changes_nothing():
    drawn, segment = drawn_clicks(taste=1.2, seed=5)

    assert held_out([each[::-1] for each in drawn], segment, n_pieces=1) == held_out(drawn, segment)
