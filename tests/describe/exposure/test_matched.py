"""The conditional logit on matched sets."""

import numpy as np
import pytest

from segmentry.describe.exposure._matched import MatchedSets, fit_matched

# The likelihood of ConditionalLogit of statsmodels 0.15.0 on the same sets, at its maximum: the
# gradient there is below 1e-12. Its own `fit` stops at 0.01.
STATSMODELS = (-0.6043113652135794, 0.6897676723129639)


def drawn_sets():
    """300 sets of a click and three others, by two factors."""
    rng = np.random.default_rng(7)
    codes = rng.integers(0, [3, 2], size=(300, 4, 2))
    chance = np.exp(np.array([0.0, -0.5, 0.7])[codes[..., 0]] + 0.4 * codes[..., 1])
    case = (chance.cumsum(1) / chance.sum(1, keepdims=True) > rng.random((300, 1))).argmax(1)
    order = np.argsort(np.arange(4) != case[:, None], axis=1, kind="stable")
    ordered = np.take_along_axis(codes, order[:, :, None], axis=1)
    return MatchedSets(np.arange(300), ordered.astype(np.int16), np.ones((300, 4), dtype=bool))


def test_odds_ratios_are_those_of_statsmodels():
    fit = fit_matched(drawn_sets(), n_levels=(3, 2))

    assert fit.log_odds[0] == 0
    assert fit.log_odds[1:] == pytest.approx(STATSMODELS, abs=1e-6)
    assert fit.n_users == fit.n_sets == 300


def test_the_order_of_the_others_in_a_set_changes_nothing():
    sets = drawn_sets()
    turned = MatchedSets(sets.user, sets.codes[:, [0, 3, 1, 2]], sets.is_member)

    expected, found = (fit_matched(each, n_levels=(3, 2)) for each in (sets, turned))
    assert found.log_odds == pytest.approx(expected.log_odds, rel=1e-9)
    assert found.covariance == pytest.approx(expected.covariance, rel=1e-9)


def test_sets_of_one_user_are_not_independent():
    """Each set four times says no more than once, if the four are of one user."""
    sets = drawn_sets()
    repeated = MatchedSets(
        np.repeat(sets.user, 4), np.repeat(sets.codes, 4, axis=0), np.repeat(sets.is_member, 4, 0)
    )

    once, four_times = (fit_matched(each, n_levels=(3, 2)) for each in (sets, repeated))
    assert four_times.log_odds == pytest.approx(once.log_odds, abs=1e-9)
    assert four_times.covariance == pytest.approx(once.covariance, rel=1e-6)


def test_a_level_of_few_clicks_is_left_out_and_told_as_unknown():
    sets = drawn_sets()
    codes = sets.codes.copy()
    codes[:5, 0, 0] = 3
    codes[:60, 1, 0] = 3
    rare = MatchedSets(sets.user, codes, sets.is_member)
    without = rare.is_member & (codes[:, :, 0] != 3)
    kept = without[:, 0]

    fit = fit_matched(rare, n_levels=(4, 2))
    left = MatchedSets(sets.user[kept], codes[kept], without[kept])
    expected = fit_matched(left, n_levels=(4, 2))
    assert np.isnan(fit.log_odds[3])
    assert fit.n_sets == 295
    assert fit.log_odds[:3] == pytest.approx(expected.log_odds[:3], rel=1e-9)


def test_there_is_no_fit_without_clicks():
    nothing = MatchedSets(
        np.zeros(0, dtype=np.int64), np.zeros((0, 4, 2), dtype=np.int16), np.zeros((0, 4), bool)
    )

    assert fit_matched(nothing, n_levels=(3, 2)) is None
