"""Tables of lakes and answers of databases: what cannot be read is one line."""

import json

import deltalake
import polars as pl
import psycopg
import pytest
from tests.databases import postgres_server
from tests.ingest.mapping.shapes import DAY, EVENTS, HEADER, T, write_csv
from tests.stores import gate, s3_bucket
from tests.texts import raises_text, says

from segmentry import build_user_table
from segmentry.errors import ConfigError, DataError
from segmentry.ingest.sources import opened_source
from segmentry.pipeline import check_data

LOG = 'user_id = "who"\ntime = "when"\nad_id = "ad"\nclick = "hit"\n'
TABLE = pl.DataFrame(EVENTS, schema=HEADER, orient="row")


def table_of(folder, origin):
    file = folder / "m.toml"
    file.write_text(f'name = "small"\nutc_offset_hours = 8\n[log]\n{origin}\n{LOG}')
    return build_user_table(None, mapping=file)


@pytest.fixture
def expected(tmp_path):
    write_csv(tmp_path / "log.csv", EVENTS)
    return table_of(tmp_path, 'files = "log.csv"')


def test_a_table_of_delta_that_lost_rows_since(expected, tmp_path):
    deltalake.write_deltalake(tmp_path / "log", TABLE.to_arrow(), partition_by=["ad"])
    deltalake.DeltaTable(tmp_path / "log").delete("hit = 1")

    assert table_of(tmp_path, 'files = "delta:log@0"').equals(expected)
    assert table_of(tmp_path, 'files = "delta:log"')["n_clicks"].sum() == 0


@pytest.mark.parametrize("name", ["delta:nothing", "delta:log@9", "iceberg:nothing"])
def test_a_table_that_is_not_there(name, tmp_path):
    deltalake.write_deltalake(tmp_path / "log", TABLE.to_arrow())

    with raises_text(DataError):
        table_of(tmp_path, f'files = "{name}"')


def test_a_table_without_a_mapped_column(tmp_path):
    deltalake.write_deltalake(tmp_path / "log", TABLE.rename({"hit": "hits"}).to_arrow())

    with raises_text(DataError):
        table_of(tmp_path, 'files = "delta:log"')


def test_a_table_of_a_newer_protocol(tmp_path):
    deltalake.write_deltalake(tmp_path / "log", TABLE.to_arrow())
    (log,) = (tmp_path / "log" / "_delta_log").glob("*.json")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    for each in lines:
        if "protocol" in each:
            each["protocol"]["minReaderVersion"] = 9
    log.write_text("\n".join(map(json.dumps, lines)))

    with raises_text(DataError):
        table_of(tmp_path, 'files = "delta:log"')


@pytest.mark.parametrize("content", ['{"format-version": 9}', "{broken"])
def test_an_iceberg_table_of_a_newer_format_or_none(content, tmp_path):
    (tmp_path / "log" / "metadata").mkdir(parents=True)
    (tmp_path / "log" / "metadata" / "v1.metadata.json").write_text(content)

    with pytest.raises(DataError) as caught:
        table_of(tmp_path, 'files = "iceberg:log"')

    assert "\n" not in str(caught.value)
    assert ("newer protocol" in str(caught.value)) == ("9" in content)


@pytest.mark.parametrize("answer", ["ExpiredToken", "AccessDenied", ""])
def test_a_lake_in_a_store_that_refuses(answer, tmp_path, monkeypatch):
    bucket = s3_bucket(monkeypatch)
    name = f"{bucket.address}/log"
    if not answer:
        name = "s3://no-such-bucket-of-a-test/log"

    with gate() as store:
        store.answer_to = lambda _, __: answer
        for kind in ("delta", "iceberg"):
            with pytest.raises(DataError) as caught:
                table_of(tmp_path, f'files = "{kind}:{name}"')
            says(str(caught.value).replace(bucket.name, "logs"))


@pytest.fixture(scope="module")
def database():
    with postgres_server() as server:
        yield f"postgresql:///postgres?host={server.folder}&user=postgres"


def rows_of(zone):
    moments = ", ".join(
        f"('{who}', to_timestamp({at}), {ad}, {hit}, 1.50::numeric)" for who, at, ad, hit in EVENTS
    )
    return (  # of our own texts
        f"SELECT who, at AT TIME ZONE '{zone}' AS \\\"when\\\", ad, hit, paid "  # noqa: S608
        f"FROM (VALUES {moments}) AS log(who, at, ad, hit, paid)"
    )


@pytest.mark.parametrize("zone", ["UTC", "America/Lima"])
def test_moments_of_a_database_are_the_same_in_any_zone(
    zone, database, expected, tmp_path, monkeypatch
):
    monkeypatch.setenv("SHOP_DB", f"{database}&options=-c%20TimeZone%3D{zone}")
    query = rows_of("UTC").replace(" AT TIME ZONE 'UTC'", "")

    found = table_of(tmp_path, f'query = "{query}"\nconnection = "env:SHOP_DB"')

    assert found.equals(expected)


def test_times_of_a_database_without_a_zone_are_of_the_local_clock(
    database, expected, tmp_path, monkeypatch
):
    monkeypatch.setenv("SHOP_DB", database)
    query = rows_of("Asia/Shanghai")

    found = table_of(tmp_path, f'query = "{query}"\nconnection = "env:SHOP_DB"')

    assert found.equals(expected)


KINDS = {
    "timestamptz": "to_timestamp(at)",
    "timestamp": "to_timestamp(at) AT TIME ZONE 'Asia/Shanghai'",
    "date": "(to_timestamp(at) AT TIME ZONE 'Asia/Shanghai')::date",
    "seconds": "at",
    "milliseconds": "at * 1000",
    "text": "at::text",
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("clock", ["utc_offset_hours = 8", 'timezone = "Asia/Shanghai"'])
def test_only_wanted_moments_and_columns_of_a_query_are_read(
    kind, clock, database, tmp_path, monkeypatch
):
    monkeypatch.setenv("SHOP_DB", database)
    rows = (  # a day each, some of them not sound
        f"SELECT CASE n WHEN 7 THEN ' NULL' ELSE 'u' || n % 5 END AS who, {KINDS[kind]} AS moment, "  # noqa: S608
        "n AS ad, CASE n WHEN 9 THEN 7 WHEN 11 THEN NULL ELSE n % 2 END::numeric AS hit, "
        "repeat('x', 1000) AS notes "
        f"FROM (SELECT n, {T} + n * {DAY}::bigint AS at FROM generate_series(0, 29) AS n) AS days"
    )
    file = tmp_path / "m.toml"
    mapping = (
        f'name = "small"\n{clock}\n[log]\n{{}}\nuser_id = "who"\ntime = "moment"\nad_id = "ad"\n'
        'click = "hit"\n'
    )
    days = {"since": "2017-05-21", "until": "2017-05-24"}
    with psycopg.connect(database) as client, (tmp_path / "log.csv").open("wb") as log:
        client.execute("SET TimeZone = 'UTC'")
        with client.cursor().copy(f"COPY ({rows}) TO STDOUT (FORMAT csv, HEADER)") as answer:
            for piece in answer:
                log.write(piece)
    file.write_text(mapping.format('files = "log.csv"'))
    expected = check_data(None, mapping=file, **days)
    file.write_text(mapping.format(f'query = """{rows}; """\nconnection = \'env:SHOP_DB\''))

    found = check_data(None, mapping=file, **days)
    with opened_source(None, file, moments=lambda _: (T + 15 * DAY, T + 18 * DAY)) as source:
        (brought,) = source.brought
        n_left_out = sum(source.impressions.left_out.values())

    assert found.table.equals(expected.table)
    assert found.accounts == expected.accounts
    assert brought.n_bytes < 3_000
    assert n_left_out == (0 if kind == "text" else 21 if "zone" in clock else 24)


@pytest.mark.parametrize(
    "query",
    [
        "SELEC 1",
        "SELECT 1 AS who",
        "SELECT 1; SELECT 2",
        "CREATE TABLE x (y int)",
        "SELECT 'a' AS who, now() - now() AS \\\"when\\\", 1 AS ad, 0 AS hit",
    ],
)
def test_a_query_that_fails_is_one_line(query, database, tmp_path, monkeypatch):
    monkeypatch.setenv("SHOP_DB", database)

    with pytest.raises(DataError) as caught:
        table_of(tmp_path, f'query = "{query}"\nconnection = "env:SHOP_DB"')

    assert "\n" not in str(caught.value)
    says(str(caught.value))


def test_a_database_that_cannot_be_reached(tmp_path, monkeypatch):
    monkeypatch.setenv("SHOP_DB", "postgresql://someone:secret@127.0.0.1:1/shop")

    with raises_text(DataError):
        table_of(tmp_path, 'query = "SELECT 1"\nconnection = "env:SHOP_DB"')


@pytest.mark.parametrize(
    "origin",
    [
        'query = "SELECT 1"',
        'query = "SELECT 1"\nconnection = "env:NO_SUCH_VARIABLE"',
        'query = "SELECT 1"\nconnection = "postgresql://someone:secret@host/shop"',
        'query = "SELECT 1"\nconnection = "env:X"\nfiles = "log.csv"',
    ],
)
def test_a_query_needs_the_name_of_a_variable(origin, tmp_path):
    with raises_text(ConfigError) as caught:
        table_of(tmp_path, origin)

    assert "secret" not in str(caught.value)
