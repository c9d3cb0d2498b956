"""Files of known tools and data sets are recognised, and no column goes unsaid."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.ingest.mapping.shapes import DAY, T, users_from, write_csv

from segmentry.ingest.mapping import parse_mapping, render_mapping
from segmentry.ingest.mapping._schemas import KNOWN_SCHEMAS

VALUES = {
    "user_id": lambda n: f"u{n % 9}",
    "time": lambda n: T + n,
    "event_type": lambda n: ("view", "click")[n % 4 == 0],
    "click": lambda n: int(n % 5 == 0),
    "value": lambda n: 1.5 * (n % 7),
}


def write_known(schema, folder):
    """Write a log with the columns of a schema, and two of nobody."""
    first = {names[0]: role for role, names in schema.roles.items()}
    names = list(dict.fromkeys([*schema.needed, *first, "noise", "one more"]))
    rows = [
        [VALUES.get(first.get(name, ""), lambda n: n % 4 + 1)(place) for name in names]
        for place in range(60)
    ]
    write_csv(folder / "log.csv", rows, header=names)
    return names


@pytest.mark.parametrize("schema", KNOWN_SCHEMAS, ids=lambda each: each.title)
def test_a_known_schema_is_recognised_with_its_roles_and_runs(schema, tmp_path):
    write_known(schema, tmp_path)

    text = render_mapping(["log.csv"], base=tmp_path)

    assert f"recognised: {schema.title}" in text
    log = parse_mapping(text, origin="m.toml").log
    assert log.user_id == schema.roles["user_id"][0]
    assert log.time == schema.roles["time"][0]
    assert users_from(tmp_path, text).table.height == 9


@pytest.mark.parametrize("schema", KNOWN_SCHEMAS, ids=lambda each: each.title)
def test_every_column_is_named_with_its_role_or_the_reason_why_it_is_left_out(schema, tmp_path):
    names = write_known(schema, tmp_path)

    text = render_mapping(["log.csv"], base=tmp_path)

    assert [name for name in names if json.dumps(name) not in text] == []


def test_columns_of_ads_and_behaviours_without_a_role_are_named_too(tmp_path):
    log = [(f"u{n % 9}", T + n, n % 5, n % 3 == 0, n % 2) for n in range(60)]
    write_csv(tmp_path / "log.csv", log, header=("user", "ts", "ad_id", "clk", "price"))
    write_csv(
        tmp_path / "ads.csv", [(n, "x", n) for n in range(5)], header=("ad_id", "hue", "price")
    )
    acts = [(f"u{n % 9}", T + n, "buy", "y") for n in range(60)]
    write_csv(tmp_path / "acts.csv", acts, header=("user", "ts", "action", "shop"))

    text = render_mapping(["log.csv", "ads.csv", "acts.csv"], base=tmp_path)

    assert '# left out: "hue": no role in [ads]' in text
    assert '# left out: "shop": no role in [behaviours]' in text
    assert '# left out: "price": [ads] has a table of its own' in text
    parse_mapping(text, origin="m.toml")


def test_nested_columns_are_named_as_left_out(tmp_path):
    table = {"user_id": [1, 2] * 9, "ts": range(T, T + 18), "clk": [0, 1] * 9, "tags": [[1]] * 18}
    pq.write_table(pa.table(table), tmp_path / "log.parquet")

    text = render_mapping(["log.parquet"], base=tmp_path)

    assert '# left out: "tags": holds lists or records' in text
    assert users_from(tmp_path, text).table.height == 2


@pytest.mark.parametrize(
    ("unit", "times", "seconds"),
    [
        ("days", (1, 2, 91), (DAY, 2 * DAY, 91 * DAY)),
        ("hours", (0, 1.5, 30), (0, 5400, 108_000)),
        ("minutes", (0, 1, 61), (0, 60, 3660)),
    ],
)
def test_times_may_count_days_hours_or_minutes_from_an_origin(unit, times, seconds, tmp_path):
    write_csv(tmp_path / "log.csv", [(f"u{at}", at) for at in times], header=("who", "when"))
    keys = f'files = "log.csv"\nuser_id = "who"\ntime = "when"\ntime_format = "{unit}"'

    for zone in ('timezone = "Europe/Berlin"', "utc_offset_hours = 1"):
        text = f'name = "x"\n{zone}\n[log]\n{keys}\norigin = "2017-01-05"'
        first = users_from(tmp_path, text).table.sort("first_seen_at")["first_seen_at"]
        days = [at - 1483570800 for at in first]
        assert days == list(seconds), zone
