"""JSON lines, and records of Parquet: columns are named by their paths."""

import gzip
import json

import polars as pl
import pytest
from tests.ingest.mapping.shapes import EVENTS, write_csv
from tests.texts import raises_text

from segmentry import build_user_table
from segmentry.errors import DataError
from segmentry.pipeline import check_data

LOG = """name = "small"
utc_offset_hours = 8
[log]
files = "{file}"
user_id = "{user}"
time = "when"
ad_id = "{ad}"
click = "hit"
"""


def table_of(folder, file, *, user="user.id", ad="event_params.ad"):
    mapping = folder / "m.toml"
    mapping.write_text(LOG.format(file=file, user=user, ad=ad))
    return mapping


def record_of(who, when, ad, hit):
    return {"user": {"id": who}, "when": when, "event_params": {"ad": ad, "of": [1]}, "hit": hit}


@pytest.fixture
def expected(tmp_path):
    write_csv(tmp_path / "log.csv", EVENTS)
    return build_user_table(None, mapping=table_of(tmp_path, "log.csv", user="who", ad="ad"))


def lines_of(events):
    return [json.dumps(record_of(*each)) for each in events]


@pytest.mark.parametrize("name", ["log.jsonl", "log.ndjson", "log.jsonl.gz"])
def test_fields_of_json_lines_are_named_by_their_paths(name, expected, tmp_path):
    text = ("\n".join(lines_of(EVENTS)) + "\n\n").encode()
    (tmp_path / name).write_bytes(gzip.compress(text) if name.endswith(".gz") else text)

    assert build_user_table(None, mapping=table_of(tmp_path, name)).equals(expected)


def test_fields_of_records_of_parquet_are_named_by_their_paths(expected, tmp_path):
    pl.DataFrame([record_of(*each) for each in EVENTS]).write_parquet(tmp_path / "log.parquet")

    assert build_user_table(None, mapping=table_of(tmp_path, "log.parquet")).equals(expected)


def test_a_name_with_a_dot_is_a_name(expected, tmp_path):
    rows = [{"user.id": u, "when": t, "ad.id": a, "hit": h} for u, t, a, h in EVENTS]
    (tmp_path / "log.jsonl").write_text("\n".join(map(json.dumps, rows)))

    found = build_user_table(None, mapping=table_of(tmp_path, "log.jsonl", ad="ad.id"))

    assert found.equals(expected)


def test_a_broken_line_of_json_is_set_aside_with_a_reason(tmp_path):
    lines = [
        *lines_of(EVENTS),
        '{"user": {"id": "a"',
        '{"user": null, "when": 1494000000}',
        '"text"',
    ]
    (tmp_path / "log.jsonl").write_text("\n".join(lines))

    (account,) = check_data(None, mapping=table_of(tmp_path, "log.jsonl")).accounts

    assert (account.n_read, account.n_used) == (len(EVENTS) + 3, len(EVENTS))
    assert dict(account.rejected) == {"user_id missing or unreadable": 3}


@pytest.mark.parametrize("text", ["1\n2\n", "[]\n", ""])
def test_a_file_without_objects_is_refused(text, tmp_path):
    (tmp_path / "log.jsonl").write_text(text)

    with raises_text(DataError):
        build_user_table(None, mapping=table_of(tmp_path, "log.jsonl"))


@pytest.mark.parametrize("ad", ["event_params", "event_params.of", "event_params.add"])
def test_a_path_that_leads_to_no_plain_value_is_refused(ad, tmp_path):
    pl.DataFrame([record_of(*each) for each in EVENTS]).write_parquet(tmp_path / "log.parquet")
    mapping = table_of(tmp_path, "log.parquet", ad=ad)

    with raises_text(DataError):
        build_user_table(None, mapping=mapping)
