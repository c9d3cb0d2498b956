"""Users that are alike are worked on together: the same to the last bit, and never lost."""

import numpy as np
import polars as pl
import pytest
from tests.plans import plan_of

from segmentry.segments.forming import _users, recipe_named

DEFAULT = recipe_named("default")


CLIP = (0.02, 0.9)

PLANS = [
    plan_of("count", kind="count", transform="log1p", fill="zero", clip=CLIP),
    plan_of("rate", scale="standard", clip=CLIP),
    plan_of("rank", kind="ordinal", fill="own level", scale="quantile", clip=CLIP),
    plan_of("city", kind="categorical", fill="own level", clip=None, scale="none"),
    plan_of("must", kind="count", fill="none", clip=CLIP),
]


@pytest.fixture
def table():
    """500 users of less than two hundred kinds, with all sorts of missing values."""
    rng = np.random.default_rng(3)
    n = 500
    rank = rng.integers(1, 3, n).astype(float)
    rank[rng.random(n) < 0.1] = np.nan
    must = pl.Series(rng.integers(0, 2, n)).set(pl.Series(rng.random(n) < 0.1), None)
    return pl.DataFrame(
        {
            "user_id": rng.permutation(n),
            "is_profiled": True,
            "n_impressions": rng.integers(0, 3, n),
            "count": rng.integers(0, 3, n),
            "rate": rng.choice([0.0, -0.0, 0.25, np.inf], n, p=[0.4, 0.3, 0.29, 0.01]),
            "rank": rank,
            "city": pl.Series(rng.choice(["x", "y"], n)).set(pl.Series(rng.random(n) < 0.1), None),
            "must": must,
        }
    )


def prepared(table, monkeypatch, *, many_users):
    with monkeypatch.context() as patch:
        patch.setattr(_users, "_MANY_USERS", many_users)
        return _users.prepare_users(table, PLANS, recipe=DEFAULT)


def test_users_that_are_alike_are_prepared_as_each_by_itself(table, monkeypatch):
    together = prepared(table, monkeypatch, many_users=400)
    apart = prepared(table, monkeypatch, many_users=1 << 40)

    assert together.preprocessing == apart.preprocessing
    assert together.unassigned == apart.unassigned
    assert together.unassigned
    np.testing.assert_array_equal(together.is_member, apart.is_member)
    for name in ("rows", "weights", "inverse"):
        ours, theirs = getattr(together.distinct, name), getattr(apart.distinct, name)
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)


def test_users_are_put_together_where_many_are_alike(table, monkeypatch):
    monkeypatch.setattr(_users, "_MANY_USERS", 400)
    unlike = table.with_columns(rate=pl.Series(np.random.default_rng(1).random(500)))

    alike = _users._alike(table, PLANS, None)

    assert alike.rows.height < 250
    assert alike.weights.sum() == 500
    assert alike.rows[alike.place]["city"].to_list() == table["city"].to_list()
    assert _users._alike(unlike, PLANS, None).rows is unlike
    assert _users._alike(table, PLANS, np.ones(500)).rows is table
