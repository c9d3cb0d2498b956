"""Places of impressions in the life of a user, held against sorting by all columns at once."""

import numpy as np
import polars as pl
import pytest

from segmentry.describe.exposure._positions import order_by_time
from segmentry.features.events import Events


@pytest.mark.parametrize("n_seconds", [1, 3, 1 << 21])
@pytest.mark.parametrize("has_ads", [True, False])
def test_impressions_are_numbered_as_by_sorting_all_columns(n_seconds, has_ads):
    rng = np.random.default_rng(1)
    user = np.sort(rng.integers(0, 20, 600).astype(np.int32))
    second, ad = rng.integers(0, n_seconds, 600), rng.integers(-1, 6, 600)
    click = rng.integers(0, 2, 600).astype(np.int8)

    line = order_by_time(
        Events(
            user_id=pl.Series(np.arange(20)),
            user=user,
            second=second,
            is_click=click,
            ad=ad if has_ads else None,
            ad_place=None,
            placement=None,
            amounts={},
            midnight=0,
            first_day=0,
        )
    )

    position = [1 + np.sum((user == u) & (second < s)) for u, s in zip(user, second, strict=True)]
    rows = zip(user, second, ad, strict=True)
    showing = [
        1 + np.sum((user == u) & (ad == a) & (second < s)) if a >= 0 and has_ads else 0
        for u, s, a in rows
    ]
    order = np.lexsort((click, showing, second, user))
    expected = (user, second, np.array(showing), click, np.array(position))
    found = (line.user, line.second, line.showing, line.is_click, line.position)
    for found_column, column in zip(found, expected, strict=True):
        assert found_column.tolist() == column[order].tolist()
