"""The query on a user table, run by databases, gives each user the segment that `score` gives."""

from dataclasses import replace

import polars as pl
import pytest
from hypothesis import given
from tests.activate.sql.models import PLAIN, SCORED, bundle_of, cell_tables, scored_tables
from tests.repeats import examples

from segmentry.activate.sql.scorer import Requested, score_sql
from segmentry.results.scoring import score_users
from segmentry.schema import OF_IMPRESSIONS
from segmentry.segments.preprocessing import Preprocessing


def scored(bundle, table, database):
    """Return what the query gives for each user."""
    types = dict(table.schema)
    asked = Requested(dialect=database.dialect)
    query = score_sql(bundle, asked, types=types, rates={1: 0.25}, traits=OF_IMPRESSIONS)
    return {row[0]: row[1:] for row in database.answer(query, users=table)}


def check_agrees(bundle, table, found):
    expected, _ = score_users(bundle, table)

    assert len(found) == table.height
    for user, segment_id, segment_name, margin in expected.select(SCORED).iter_rows():
        assert found[user][:3:2] == (segment_id, segment_name), user
        assert found[user][3] == pytest.approx(margin, abs=1e-9)
        assert found[user][4] == (0.25 if segment_id == 1 else None)


@examples(15, 200)
@given(drawn=scored_tables())
def test_any_model_agrees_on_any_table(database, drawn):
    bundle, table = drawn

    check_agrees(bundle, table, scored(bundle, table, database))


@examples(15, 200)
@given(drawn=cell_tables())
def test_cells_agree_on_any_table(database, drawn):
    bundle, table = drawn

    check_agrees(bundle, table, scored(bundle, table, database))


def test_counts_of_a_kept_model_are_scaled_to_its_window(database):
    fitted = replace(PLAIN, feature="n_ads", factor=4.0)
    bundle = bundle_of(Preprocessing((fitted,), ()), [[2.0], [20.0]])
    table = pl.DataFrame({"user_id": [1, 2, 3], "is_profiled": True, "n_ads": [1, 4, None]})

    found = scored(bundle, table, database)

    check_agrees(bundle, table, found)
    assert [found[user][0] for user in (1, 2, 3)] == [1, 2, 1]
