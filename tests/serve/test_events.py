"""Raw events over HTTP: the segments that `score` gives on a log with the same rows."""

import itertools
from dataclasses import replace

import polars as pl
import pytest
from hypothesis import given
from tests.activate.sql.logs import WINDOW, logs, models, write_taobao
from tests.activate.sql.models import PLAIN, bundle_of
from tests.repeats import examples
from tests.serve.test_service import segments_of, served
from tests.texts import says

from segmentry.pipeline import score
from segmentry.results.run_folder import read_user_table
from segmentry.results.scoring import render_bundle
from segmentry.schema import OF_IMPRESSIONS, SECONDS_PER_DAY, UNASSIGNED, DataTraits
from segmentry.segments.preprocessing import Preprocessing
from segmentry.serve._events import event_users
from segmentry.serve._fields import event_lists, users_list
from segmentry.serve._live import Model
from segmentry.serve._problems import Problem

_number = itertools.count()
EVENT = {"user_id": 1, "shown_at": WINDOW.start, "is_click": 0}
BODY = {"window": {"end": WINDOW.end, "n_days": 8}, "events": [EVENT]}


def model_of(bundle, traits=OF_IMPRESSIONS, types=None):
    return Model(
        bundle=bundle,
        summary=None,
        of_users=users_list(bundle, has_text_ids=False),
        of_events=event_lists(bundle, traits, types or {}, has_text_ids=False),
        has_text_ids=False,
        users=None,
        version="",
        loaded_at=0.0,
    )


def body_of(model, **tables):
    """Return the lists that a model asks for, taken from tables by segmentry's own names."""
    return {"window": BODY["window"]} | {
        each.name: tables[each.name].select(field.name for field in each.fields).to_dicts()
        for each in model.of_events.lists
    }


def placed(model, body):
    found = event_users(body, model)
    ids, margins, _ = model.place(found.table, found.window)
    return dict(zip(found.table["user_id"], zip(ids, margins, strict=True), strict=True)), found


@examples(5, 200)
@given(log=logs(), bundle=models())
def test_any_model_agrees_on_any_log(tmp_path, log, bundle):
    events, ads, profiles = log
    folder = tmp_path / str(next(_number))
    write_taobao(folder / "log", *log)
    (folder / "run" / "model").mkdir(parents=True)
    (folder / "run" / "model" / "bundle.json").write_text(render_bundle(bundle))
    of_window = {"since": "2017-05-06", "until": "2017-05-14"}
    expected = score(folder / "run", folder / "log", **of_window).segments
    model = model_of(bundle, types={each.name: pl.Int64() for each in bundle.attributes})
    sound = events.drop_nulls().filter(pl.col("is_click") + pl.col("is_not_click") == 1)
    sound = sound.filter(pl.col("is_click") < 2)

    found, _ = placed(model, body_of(model, events=sound, ads=ads, profiles=profiles))

    assert set(found) <= set(expected["user_id"])
    for user, segment_id, margin in expected.select("user_id", "segment_id", "margin").iter_rows():
        assert found.get(user, (UNASSIGNED, None)) == (segment_id, margin)


NAMES = {"user": "user_id", "time_stamp": "shown_at", "clk": "is_click"}


def log_of(run):
    return pl.read_csv(run.data_dir / "raw_sample.csv").rename(NAMES)


@pytest.mark.parametrize("name", ["plain_run", "attribute_run"])
def test_events_of_a_run_have_the_segments_of_the_run(name, request):
    run = request.getfixturevalue(name)
    client = served(run.folder)
    window = client.live.model.bundle.window
    log = log_of(run).filter(pl.col("shown_at") >= window.start)
    profiles = read_user_table(run.folder).filter("is_profiled")
    body = body_of(client.live.model, events=log, profiles=profiles)
    body["window"] = {"end": window.end, "n_days": int(window.n_days)}

    reply = client.post(body)

    columns = ("user_id", "segment_id", "segment_name", "margin")
    found = pl.DataFrame(reply.json["users"]).sort("user_id").select(columns)
    expected = segments_of(run.folder).filter(pl.col("user_id").is_in(found["user_id"].implode()))
    assert found.equals(expected.select(columns))
    assert set(log["user_id"]) <= set(found["user_id"])
    assert reply.json["left_out"] == {}


def test_counts_of_other_days_are_taken_as_of_the_window_that_formed_the_segments(plain_run):
    """As `score` on a log of these days alone."""
    client, log = served(plain_run.folder), log_of(plain_run)
    end = client.live.model.bundle.window.end - 3 * SECONDS_PER_DAY
    body = body_of(client.live.model, events=log) | {"window": {"end": end, "n_days": 4}}
    of_days = {"since": "2017-05-07", "until": "2017-05-11"}

    reply = client.post(body)

    segments = score(plain_run.folder, plain_run.data_dir, **of_days).segments
    expected = dict(segments.select("user_id", "segment_id").iter_rows())
    assert {each["user_id"]: each["segment_id"] for each in reply.json["users"]} == {
        user: expected.get(user, UNASSIGNED) for user in log["user_id"].unique()
    }
    first = end - 4 * SECONDS_PER_DAY
    n_outside = log.filter(~pl.col("shown_at").is_between(first, end - 1)).height
    assert reply.json["left_out"] == {"events: outside the window": n_outside}


def test_returns_are_left_out_of_a_log_without_clicks():
    """As a run on such a log leaves them out."""
    fitted = replace(PLAIN, feature="n_impressions")
    bundle = bundle_of(Preprocessing((fitted,), ()), [[1.0], [9.0]], "default", window=WINDOW)
    model = model_of(bundle, DataTraits(has_clicks=False), {"value_sum": pl.Float64()})
    bought = {"user_id": 1, "shown_at": WINDOW.start}
    events = [{**bought, "value": value} for value in (5.0, None, -5.0)]

    _, found = placed(model, {**BODY, "events": events})

    assert found.table["n_impressions"].to_list() == [2]
    assert found.left_out == {"events: returns: a value or quantity below zero": 1}


@pytest.mark.parametrize(
    "changed",
    [
        {"window": None},
        {"window": {"end": WINDOW.end, "n_days": 0}},
        {"window": {"end": 3}},
        {"events": []},
        {"events": [{**EVENT, "is_click": 2}]},
        {"events": [{**EVENT, "shown_at": "2017-05-06"}]},
        {"events": [{**EVENT, "shown_at": None}]},
        {"events": [{"user_id": 1}]},
        {"users": []},
        {"profiles": []},
    ],
)
def test_a_wrong_field_is_named(service, changed):
    reply = service.post({**BODY, **changed})

    assert reply.status == 422
    says([reply.json["detail"], reply.pointers])


def test_events_of_a_model_that_takes_no_events_are_refused():
    fitted = replace(PLAIN, feature="n_views")
    bundle = bundle_of(Preprocessing((fitted,), ()), [[1.0]], "default")
    model = replace(model_of(bundle_of(Preprocessing((), ()), [[1.0]])), bundle=bundle)

    with pytest.raises(Problem) as refused:
        event_users(BODY, replace(model, of_events=None))

    says(refused.value.detail)
