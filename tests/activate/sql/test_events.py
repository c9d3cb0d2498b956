"""The query on raw events gives each user the segment that `score` gives on the same rows."""

import datetime as dt
import itertools
from dataclasses import replace

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.activate.sql.logs import WINDOW, logs, models, write_taobao
from tests.activate.sql.models import PLAIN, SCORED, bundle_of
from tests.repeats import examples
from tests.texts import raises_text

from segmentry.activate.sql.scorer import Requested, export_sql, score_sql
from segmentry.errors import SelectionError
from segmentry.pipeline import score
from segmentry.results.run_folder import read_segments
from segmentry.results.scoring import render_bundle
from segmentry.schema import OF_IMPRESSIONS, DataTraits
from segmentry.segments.preprocessing import Preprocessing

_number = itertools.count()


def types_of(bundle):
    """Return the types that the features have in a run of Taobao's files."""
    attributes = {each.name for each in bundle.attributes}
    return {
        name: pl.Int64() if name in attributes or name.startswith("n_") else pl.Float64()
        for name in bundle.columns
    }


def check_agrees(database, folder, log, bundle):
    """Score a log by files and by a query on its tables."""
    write_taobao(folder / "log", *log)
    (folder / "run" / "model").mkdir(parents=True)
    (folder / "run" / "model" / "bundle.json").write_text(render_bundle(bundle))
    of_window = {"since": "2017-05-06", "until": "2017-05-14"}
    expected = score(folder / "run", folder / "log", **of_window).segments
    both = {"is_not_click": "is_not_click"}
    asked = Requested(dialect=database.dialect, start="events", columns=both)
    query = score_sql(bundle, asked, types=types_of(bundle), rates={}, traits=OF_IMPRESSIONS)

    rows = database.answer(query, **dict(zip(("events", "ads", "profiles"), log, strict=True)))

    found = {row[0]: row[1:] for row in rows}
    assert len(found) == len(rows)
    assert set(found) <= set(expected["user_id"])
    for user, segment_id, segment_name, margin in expected.select(SCORED).iter_rows():
        # A profile without events is of no segment, and not asked for unless the model takes it.
        assert found.get(user, (0, None, None))[:3:2] == (segment_id, segment_name)
        if segment_id:
            assert found[user][3] == pytest.approx(margin, abs=1e-9)


@examples(3, 200)
@given(log=logs(), bundle=models())
def test_any_model_agrees_on_any_log(database, tmp_path, log, bundle):
    check_agrees(database, tmp_path / str(next(_number)), log, bundle)


NAMES = {"user_id": "user", "shown_at": "when", "is_click": "clk", "is_not_click": "nonclk"}


def log_of(run):
    log = pl.read_csv(run.data_dir / "raw_sample.csv").rename({"time_stamp": "when"})
    return log.select(NAMES.values())


def test_events_of_a_run_have_the_segments_of_the_run(plain_run, database):
    asked = Requested(
        dialect=database.dialect, start="events", tables={"events": "Ad log"}, columns=NAMES
    )

    rows = database.answer(export_sql(plain_run.folder, asked), **{"Ad log": log_of(plain_run)})

    segments = read_segments(plain_run.folder).filter(pl.col("segment_id") > 0)
    expected = segments.select("user_id", "segment_id").rows()
    assert sorted(row[:2] for row in rows) == sorted(expected)


BOUGHT = st.lists(
    st.tuples(
        st.integers(1, 4),
        st.integers(WINDOW.start - 5, WINDOW.end + 5),
        st.none() | st.sampled_from([0.0, 0.01, 19.99, 1e6, -5.0, 2e9]),
        st.none() | st.sampled_from([1.0, 3.0, -1.0]),
    ),
    min_size=1,
    max_size=30,
)


def check_purchases_agree(database, folder, rows):
    """Hold the answer of a database against `score`, of purchases some of which are returns."""
    names = ("n_impressions", "value_sum", "value_mean", "quantity_sum")
    fitted = tuple(replace(PLAIN, feature=each) for each in names)
    centers = [[1.0, 20.0, 20.0, 1.0], [4.0, 90.0, 9.0, 6.0]]
    bundle = bundle_of(Preprocessing(fitted, ()), centers, "default", window=WINDOW)
    columns = ("user_id", "shown_at", "value", "quantity")
    rows = [*rows, (1, WINDOW.start, 5.0, 1.0)]  # some row is sound
    types = {"value": pl.Float64, "quantity": pl.Float64}
    events = pl.DataFrame(rows, schema=columns, schema_overrides=types, orient="row")
    (folder / "run" / "model").mkdir(parents=True)
    (folder / "run" / "model" / "bundle.json").write_text(render_bundle(bundle))
    events.write_csv(folder / "purchases.csv")
    (folder / "shop.toml").write_text(
        'name = "shop"\nevent = "purchase"\nutc_offset_hours = 8\n[log]\nfiles = "purchases.csv"\n'
        'user_id = "user_id"\ntime = "shown_at"\nvalue = "value"\nquantity = "quantity"\n'
    )
    of_window = {"since": "2017-05-06", "until": "2017-05-14", "mapping": folder / "shop.toml"}
    expected = score(folder / "run", folder, **of_window).segments
    asked = Requested(dialect=database.dialect, start="events")
    traits = DataTraits(has_clicks=False)
    known = {each: pl.Float64() for each in names} | {"n_impressions": pl.Int64()}

    found = database.answer(
        score_sql(bundle, asked, types=known, rates={}, traits=traits), events=events
    )

    segments = expected.filter(pl.col("segment_id") > 0)
    assert sorted(row[:2] for row in found) == segments.select("user_id", "segment_id").rows()
    margins = dict(segments.select("user_id", "margin").iter_rows())
    assert {row[0]: row[4] for row in found} == pytest.approx(margins, abs=1e-9)


@examples(5, 100)
@given(rows=BOUGHT)
def test_purchases_with_returns_agree_on_any_log(database, tmp_path, rows):
    """Value and quantity add up as `score` adds them, and returns are no purchases."""
    check_purchases_agree(database, tmp_path / str(next(_number)), rows)


def test_timestamps_are_read_in_utc(database):
    model = bundle_of(Preprocessing((replace(PLAIN, feature="n_impressions"),), ()), [[1.0], [9.0]])
    model = replace(model, recipe="default", window=WINDOW)
    asked = Requested(dialect=database.dialect, start="events", are_timestamps=True)
    query = score_sql(
        model, asked, types={"n_impressions": pl.Int64()}, rates={}, traits=OF_IMPRESSIONS
    )
    moments = [dt.datetime(2017, 5, 5, 15, 59, 59), dt.datetime(2017, 5, 5, 16)]
    events = pl.DataFrame({"user_id": [1, 2], "shown_at": moments, "is_click": [0, 0]})

    assert [row[:2] for row in database.answer(query, events=events)] == [(2, 1)]


def test_what_does_not_follow_of_events_is_refused():
    ready = bundle_of(Preprocessing((replace(PLAIN, feature="spent"),), ()), [[1.0]])

    for recipe in ("table", "default"):
        with raises_text(SelectionError):
            score_sql(
                replace(ready, recipe=recipe), Requested(dialect="duckdb", start="events"),
                types={}, rates={}, traits=OF_IMPRESSIONS,
            )  # fmt: skip
