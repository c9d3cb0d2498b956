"""A weight of 2 is the user twice, bit for bit, in every statistic and every step."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmentry.schema import Feature
from segmentry.segments.preprocessing import ColumnPlan, fit_preprocessing
from segmentry.segments.preprocessing._values import weigh_values

weighted = st.lists(
    st.tuples(
        st.floats(-1e9, 1e9, allow_nan=False) | st.integers(-3, 3).map(float), st.integers(1, 9)
    ),
    min_size=1,
    max_size=40,
)


@given(weighted)
def test_statistics_are_those_of_numpy_on_repeated_values(pairs):
    values = np.array([value for value, _ in pairs])
    weights = np.array([weight for _, weight in pairs], dtype=float)
    repeated = np.repeat(values, weights.astype(int)) + 0.0
    shares = np.linspace(0, 1, 17)

    found = weigh_values(values, weights)

    assert found.n_users == repeated.size
    np.testing.assert_array_equal(found.quantiles(shares), np.quantile(repeated, shares))
    assert found.median() == np.median(repeated)
    np.testing.assert_allclose(found.mean(), repeated.mean(), rtol=1e-12, atol=1e-6)
    np.testing.assert_allclose(found.deviation(), repeated.std(), rtol=1e-6, atol=1e-6)
    distinct, counts = np.unique(repeated, return_counts=True)
    assert found.mode() == distinct[np.argmax(counts)]


@given(weighted)
def test_repeated_and_weighted_values_are_the_same_bit_for_bit(pairs):
    values = np.array([value for value, _ in pairs])
    weights = np.array([weight for _, weight in pairs], dtype=float)

    one, other = weigh_values(values, weights), weigh_values(np.repeat(values, weights.astype(int)))

    np.testing.assert_array_equal(one.values, other.values)
    np.testing.assert_array_equal(one.weights, other.weights)
    assert (one.mean(), one.deviation()) == (other.mean(), other.deviation())


def test_fractions_of_users_count_by_their_share():
    # Ranks 0 to 1 of two users in all: half a user at 1, one at 2, half a one at 4.
    found = weigh_values(np.array([4.0, 1.0, 2.0, 2.0]), np.array([0.5, 0.5, 0.25, 0.75]))

    assert found.n_users == 2.0
    assert found.mean() == (0.5 * 1 + 1.0 * 2 + 0.5 * 4) / 2
    assert found.mode() == 2.0


@pytest.mark.parametrize("scale", ["robust", "standard", "quantile", "none"])
@pytest.mark.parametrize("fill", ["median", "mode", "own level", "none"])
def test_weighted_users_give_the_steps_of_repeated_ones(scale, fill):
    rng = np.random.default_rng(3)
    n_users = 200
    is_known = rng.random(n_users) < 0.8
    weights = rng.integers(1, 6, n_users)
    table = pl.DataFrame(
        {
            "spend": rng.lognormal(3, 1, n_users),
            "visits": pl.Series(np.where(is_known, rng.poisson(1, n_users), np.nan)),
            "flat": (rng.random(n_users) < 0.02).astype(float),
            "country": pl.Series(rng.choice(["de", "fr", "it"], n_users)).set(
                pl.Series(rng.random(n_users) < 0.2), None
            ),
        }
    )
    plans = [
        ColumnPlan(
            feature=Feature(
                name=name,
                family="activity",
                label=name,
                unit="u",
                kind="categorical" if name == "country" else "money",
                fill=fill,
                description="",
            ),
            fill=fill,
            transform="log1p",
            clip=None if name == "flat" else (0.01, 0.99),
            scale=scale,
        )
        for name in table.columns
    ]
    repeated = table[np.repeat(np.arange(n_users), weights)]
    shuffled = repeated[rng.permutation(repeated.height)]

    found = fit_preprocessing(table, plans, weights=weights.astype(float))

    assert found == fit_preprocessing(shuffled, plans)
    assert found.features == ("spend", "visits", "flat", "country")
