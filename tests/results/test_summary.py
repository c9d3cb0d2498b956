"""The summary comes back from its JSON, and is never written half-true."""

import dataclasses
import json

import pytest
from tests.summaries import make_summary
from tests.texts import raises_text, says, shows

from segmentry.errors import BundleError
from segmentry.results.summary import (
    Summary,
    parse_summary,
    read_summary,
    render_summary_json,
)
from segmentry.runtime.version import __version__
from segmentry.schema import Estimate


@pytest.fixture(scope="module")
def summary():
    return make_summary()


def refused(text):
    with pytest.raises(BundleError) as caught:
        parse_summary(text, source="x/summary.json")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_summary_comes_back_as_it_was(summary):
    assert parse_summary(render_summary_json(summary), source="x") == summary


def test_the_json_is_plain_indented_and_ends_with_a_line_end(summary):
    text = render_summary_json(summary)
    document = json.loads(text)

    assert text.endswith("}\n")
    names = [field.name for field in dataclasses.fields(Summary)]
    assert list(document) == ["schema_version", *names]
    assert document["schema_version"] == 2
    assert document["headline"] == summary.headline
    assert "\\u" not in text


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_are_none_are_never_written(summary, value):
    broken = dataclasses.replace(summary.segments[0], ctr_seen=Estimate(value, 0.0, 1.0))
    with raises_text(ValueError):
        render_summary_json(dataclasses.replace(summary, segments=(broken,)))


def test_nan_is_not_read_either(summary):
    text = render_summary_json(summary)
    share = f'"share": {summary.segments[0].share}'
    assert share in text
    says(refused(text.replace(share, '"share": NaN', 1)))


def test_another_version_is_refused(summary):
    document = json.loads(render_summary_json(summary)) | {"schema_version": 3}
    document["repeat"]["segmentry_version"] = "1.2.3"
    says(refused(json.dumps(document)))


def test_a_summary_without_a_version_is_refused():
    shows(refused("{}"))


@pytest.mark.parametrize("text", ["", "[]", "null", '{"schema_version": 1'])
def test_what_is_no_summary_is_refused(text):
    shows(refused(text))


def test_a_field_that_is_wrong_is_named(summary):
    document = json.loads(render_summary_json(summary))
    document["repeat"]["segmentry_version"] = __version__
    document["segments"][1]["n_users"] = "many"
    assert refused(json.dumps(document)).startswith("x/summary.json: segments.1.n_users: ")
    del document["selection"]
    assert refused(json.dumps(document)).endswith("; run it again")


@pytest.mark.parametrize(
    ("path", "number"),
    [
        (("data", "utc_offset_hours"), 1e308),
        (("data", "utc_offset_hours"), 30),
        (("data", "starts_at"), -(10**18)),
        (("segments", 1, "segment_id"), 30),
        (("pictures", "blades", 0, "segment_id"), 30),
        (("segments", 0, "share"), 1e308),
        (("validation", "feature_starts_at"), 10**18),
        (("validation", "outcome_ends_at"), -30),
    ],
)
def test_numbers_that_no_run_has_are_refused_when_they_are_read(summary, path, number):
    document = json.loads(render_summary_json(summary))
    place = document
    for each in path[:-1]:
        place = place[each]
    assert path[-1] in place
    place[path[-1]] = number

    says(refused(json.dumps(document)))


def test_a_summary_is_read_from_its_folder(summary, tmp_path):
    (tmp_path / "summary.json").write_text(render_summary_json(summary), encoding="utf-8")
    assert read_summary(tmp_path) == summary


def test_a_folder_without_a_summary_is_refused(tmp_path):
    with pytest.raises(BundleError) as caught:
        read_summary(tmp_path)
    says(str(caught.value))


def test_a_summary_cannot_be_changed(summary):
    with pytest.raises(dataclasses.FrozenInstanceError):
        summary.headline = "better"
