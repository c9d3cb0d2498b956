"""Counts of the behaviour log, against the oracle, on every engine."""

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.reference_behaviours import (
    Behaviour,
    Impression,
    reference_attributions,
    reference_behaviours,
)
from tests.repeats import examples

from segmentry.features._behaviour_counts import count_attributions, count_behaviours
from segmentry.schema import MICRO, Window

START = 1_494_000_000
WINDOW = Window(start=START, end=START + 15 * 86_400, utc_offset_hours=8)
CATEGORIES = {1: 10, 2: 11, 3: None, 4: 10}

moments = st.integers(START - 40_000, START + 16 * 86_400).map(lambda at: at - at % 7200)
# Midnights are the edges of windows and weeks, and what is done at one of them is done at once.
moments |= st.integers(-1, 16).map(lambda day: START + day * 86_400)
behaviours = st.builds(
    Behaviour,
    st.integers(1, 3),
    moments,
    st.sampled_from([0, 0, 0, 1, 2, 3]),
    st.sampled_from([10, 11, None]),
    st.sampled_from([5, 6, None]),
)
impressions = st.builds(
    Impression,
    st.integers(1, 3),
    moments,
    st.sampled_from([1, 2, 3, 4, 9, None]),
    st.integers(0, 1),
)
per_engine = examples(20, 200)
"""Opening a query takes most of the time, so that few examples hold many rows each."""
logs = st.lists(behaviours, min_size=20, max_size=60)
ad_logs = st.lists(impressions, min_size=20, max_size=60)


def behaviours_of(engine, rows):
    schema = dict.fromkeys(Behaviour._fields, pl.Int64)
    return engine.from_polars(pl.DataFrame(rows, schema=schema, orient="row"))


def impressions_of(engine, rows):
    schema = dict.fromkeys(Impression._fields, pl.Int64)
    return engine.from_polars(pl.DataFrame(rows, schema=schema, orient="row"))


def counted(engine, frame):
    rows = engine.collect(frame).sort("user_id").fill_null(0).iter_rows(named=True)
    return {row.pop("user_id"): row for row in rows}


@per_engine
@given(rows=logs)
@example(rows=[])
@example(rows=[Behaviour(1, START, 1, 10, None), Behaviour(1, START, 3, 10, None)])  # kept at once
def test_counts_are_those_of_the_oracle(shared_engine, rows):
    since = START + 8 * 86_400
    counts = count_behaviours(behaviours_of(shared_engine, rows), window=WINDOW, ads_since=since)
    found = counted(shared_engine, counts)

    expected = reference_behaviours(rows, window=WINDOW, ads_since=since)
    assert set(found) == set(expected)
    for user, counts in expected.items():
        assert found[user].pop("n_log_n_views") == pytest.approx(
            counts.pop("n_log_n_views") * MICRO, abs=2
        )
        assert found[user] == {name: value or 0 for name, value in counts.items()}


@per_engine
@given(rows=logs, shown=ad_logs)
@example(rows=[], shown=[])
def test_attributions_are_those_of_the_oracle(shared_engine, rows, shown):
    ads = shared_engine.from_polars(
        pl.DataFrame({"ad_id": list(CATEGORIES), "category_id": list(CATEGORIES.values())})
    )
    found = counted(
        shared_engine,
        count_attributions(
            behaviours_of(shared_engine, rows),
            impressions_of(shared_engine, shown),
            ads,
            window=WINDOW,
        ),
    )

    assert found == reference_attributions(rows, shown, CATEGORIES, window=WINDOW)


def test_a_purchase_before_the_impression_is_no_conversion_of_it(engine):
    rows = [Behaviour(1, START + 50, 3, 10, None), Behaviour(1, START + 100, 3, 10, None)]
    ads = engine.from_polars(pl.DataFrame({"ad_id": [1], "category_id": [10]}))

    at = {}
    for name, moment in {"before": 0, "between": 60, "same second": 100, "after": 200}.items():
        shown = impressions_of(engine, [Impression(1, START + moment, 1, 1)])
        counts = count_attributions(behaviours_of(engine, rows), shown, ads, window=WINDOW)
        at[name] = counted(engine, counts)[1]["n_view_through_1d"]

    assert at == {"before": 2, "between": 1, "same second": 0, "after": 0}
