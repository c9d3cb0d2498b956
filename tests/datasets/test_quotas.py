"""Systematic draws: exact to less than one user, unbiased for a single one."""

import numpy as np
import pytest

from segmentry.datasets.quotas import (
    fill_urn,
    quota,
    quota_within,
    systematic_counts,
    systematic_uniforms,
)


@pytest.mark.parametrize("seed", range(20))
def test_counts_are_the_expectation_rounded_down_or_up(seed):
    counts = systematic_counts([0.05, 6.2, 93.75], 1_001, np.random.default_rng(seed))

    assert counts.sum() == 1_001
    assert (np.abs(counts - [0.5005, 62.062, 938.4375]) < 1).all()


def test_one_draw_has_the_asked_chances():
    draws = [int(quota([0.2, 0.8], 1, np.random.default_rng(seed))[0]) for seed in range(2_000)]

    assert np.mean(draws) == pytest.approx(0.8, abs=0.04)


def test_levels_hold_their_quota_within_each_cell():
    cells = np.repeat(np.array([0, 1], dtype=np.int8), [100, 50])
    levels = quota_within(cells, np.array([[0.5, 0.5], [1.0, 0.0]]), np.random.default_rng(0))

    assert np.bincount(levels[:100]).tolist() == [50, 50]
    assert levels[100:].tolist() == [0] * 50


def test_uniforms_fall_one_in_each_interval():
    uniforms = systematic_uniforms(10, np.random.default_rng(0))

    assert np.floor(uniforms * 10).tolist() == list(range(10))


def test_urn_repeats_by_weight_and_forgets_nothing():
    urn = fill_urn(np.array([0.0, 1.0, 3.0]), 40, np.random.default_rng(0))

    assert np.bincount(urn).tolist() == [1, 10, 30]
