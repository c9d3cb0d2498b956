"""`UserSegmenter` warns of users unlike those of the fit, and reads sparse columns."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse

from segmentry import UserSegmenter

DRAW = np.random.default_rng(5)
COUNTS = np.vstack([DRAW.poisson(1, (60, 3)), DRAW.poisson(9, (60, 3))]).astype(float)
USERS = pl.DataFrame(
    {
        "spend": COUNTS[:, 0] * 10,
        "visits": COUNTS[:, 1],
        "plan": ["free" if row[2] < 4 else "paid" for row in COUNTS],
    }
)


@pytest.fixture(scope="module")
def fitted():
    return UserSegmenter(n_segments=2, random_state=0).fit(USERS)


def test_users_like_those_of_the_fit_raise_no_warning(fitted):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted.predict(USERS)
        fitted.transform(USERS[:1].with_columns(spend=pl.lit(1e6)))
        fitted.predict(USERS[:9].with_columns(visits=pl.lit(None, pl.Float64)))
        fitted.predict(
            USERS.with_columns(visits=pl.when(pl.col("spend") == 0).then(pl.col("visits")))
        )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"plan": pl.lit("Paid")}, "120 users have a level of plan that was not there"),
        (
            {"spend": pl.col("spend") * 100 + 5000},
            "100\u00a0% of the known values of spend are outside",
        ),
        ({"visits": pl.col("visits") > 3}, "visits is true or false, and was a number"),
        ({"visits": pl.lit(None, pl.Float64)}, "none of 120 users has a value of visits"),
        ({"visits": pl.lit(float("nan"))}, "none of 120 users has a value of visits"),
        ({"plan": pl.lit(None, pl.String)}, "none of 120 users has a value of plan"),
    ],
)
def test_unseen_levels_units_and_types_are_warned_of(fitted, change, said):
    with pytest.warns(UserWarning, match=said):
        fitted.predict(USERS.with_columns(**change))


@pytest.mark.parametrize(
    "container",
    [
        sparse.csr_matrix,
        sparse.csc_array,
        sparse.coo_matrix,
        lambda X: pd.DataFrame(X).astype(pd.SparseDtype(float, 0.0)),
        lambda X: pd.DataFrame(X, columns=list("abc")).astype(pd.SparseDtype(float, 0.0)),
        lambda X: pd.DataFrame(X, columns=list("abc")).astype({"b": pd.SparseDtype(float, 0.0)}),
    ],
)
def test_sparse_columns_give_the_segments_of_dense_ones(container):
    dense = UserSegmenter(n_segments=2, random_state=0).fit(COUNTS)

    found = UserSegmenter(n_segments=2, random_state=0).fit(container(COUNTS))

    assert found.labels_.tolist() == dense.labels_.tolist()
    assert found.predict(container(COUNTS)).tolist() == dense.labels_.tolist()
