"""The same bytes of ``summary.json``, wherever the rows of a log come from and in any order."""

import polars as pl
import psycopg
import pytest
from tests.databases import _fill, postgres_server
from tests.ingest.remote.test_lakes import delta, iceberg
from tests.pipeline.runs import generated
from tests.stores import s3_bucket

import segmentry
from segmentry.results.run_folder import read_manifest

MAPPING = """
name = "shop"
utc_offset_hours = 8

[log]
{origin}
user_id = "user"
time = "time_stamp"
ad_id = "adgroup_id"
placement = "pid"
click = "clk"
no_click = "nonclk"
"""


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    return pl.read_csv(generated(tmp_path_factory.getbasetemp(), 300) / "raw_sample.csv")


@pytest.fixture(scope="module")
def shuffled(log):
    return log.sample(fraction=1, shuffle=True, seed=1)


@pytest.fixture(scope="module")
def run_of(tmp_path_factory):
    """Run on what a mapping names, and return the folder."""

    def run(origin):
        home = tmp_path_factory.mktemp("source")
        mapping = home / "shop.toml"
        mapping.write_text(MAPPING.format(origin=origin))
        with pytest.MonkeyPatch.context() as patch:
            from tests.pipeline.runs import leave_undrawn

            leave_undrawn(patch)
            segmentry.run(None, home / "run", mapping=mapping, k=3, k_range="3:3", bootstraps=2)
        return home / "run"

    return run


@pytest.fixture(scope="module")
def expected(log, run_of, tmp_path_factory):
    file = tmp_path_factory.mktemp("csv") / "log.csv"
    log.write_csv(file)
    return (run_of(f'files = "{file}"') / "summary.json").read_bytes()


def test_local_parquet(shuffled, run_of, expected, tmp_path):
    shuffled.write_parquet(tmp_path / "log.parquet")

    found = run_of(f'files = "{tmp_path}/log.parquet"')

    assert (found / "summary.json").read_bytes() == expected


def test_json_lines(shuffled, run_of, expected, tmp_path):
    shuffled.write_ndjson(tmp_path / "log.jsonl")

    found = run_of(f'files = "{tmp_path}/log.jsonl"')

    assert (found / "summary.json").read_bytes() == expected


def test_an_object_store(shuffled, run_of, expected, tmp_path, monkeypatch):
    bucket = s3_bucket(monkeypatch)
    half = shuffled.height // 2
    for number, rows in enumerate((shuffled[:half], shuffled[half:])):
        rows.write_parquet(tmp_path / "part.parquet")
        bucket.put(f"log/part-{number}.parquet", tmp_path / "part.parquet")

    found = run_of(f'files = "{bucket.address}/log"')

    assert (found / "summary.json").read_bytes() == expected
    inputs = read_manifest(found).inputs
    assert [each.path for each in inputs] == ["part-0.parquet", "part-1.parquet"]
    assert all(each.version and each.n_bytes_read <= each.n_bytes for each in inputs)
    assert "key-of-a-test" not in (found / "manifest.json").read_text()


def test_a_delta_table_at_a_version(shuffled, run_of, expected, tmp_path):
    import deltalake

    deltalake.write_deltalake(tmp_path / "log", shuffled.to_arrow())
    deltalake.write_deltalake(tmp_path / "log", shuffled[:9].to_arrow(), mode="append")

    found = run_of(f'files = "delta:{tmp_path}/log@0"')

    assert (found / "summary.json").read_bytes() == expected
    assert [each.version for each in read_manifest(found).inputs] == ["version 0"]


def test_an_iceberg_table(shuffled, run_of, expected, tmp_path):
    from pyiceberg.catalog import load_catalog

    catalog = load_catalog("tests", type="in-memory", warehouse=f"file://{tmp_path}")
    catalog.create_namespace("shop")
    rows = shuffled.to_arrow()
    table = catalog.create_table("shop.log", schema=rows.schema)
    table.append(rows.cast(table.schema().as_arrow()))

    found = run_of(f'files = "iceberg:{table.location().removeprefix("file://")}"')

    assert (found / "summary.json").read_bytes() == expected
    snapshot = f"snapshot {table.current_snapshot().snapshot_id}"
    assert [each.version for each in read_manifest(found).inputs] == [snapshot]


@pytest.mark.parametrize("kind", ["delta", "iceberg"])
def test_a_table_of_a_lake_in_an_object_store(kind, shuffled, run_of, expected, monkeypatch):
    bucket = s3_bucket(monkeypatch)
    halves = shuffled[:3_000], shuffled[3_000:]
    name = delta(bucket, *halves) if kind == "delta" else iceberg(bucket, *halves)[0]

    found = run_of(f'files = "{name}"')

    assert (found / "summary.json").read_bytes() == expected
    assert len(read_manifest(found).inputs) == 2


def test_a_query_of_postgresql(shuffled, run_of, expected, monkeypatch):
    with postgres_server() as server:
        address = f"host={server.folder} user=postgres dbname=postgres"
        with psycopg.connect(address) as client:
            _fill(client, "log", shuffled)
            client.execute("CREATE TABLE kept AS SELECT * FROM log")
        monkeypatch.setenv("SHOP_DB", f"postgresql:///postgres?host={server.folder}&user=postgres")
        found = run_of('query = "SELECT * FROM kept ORDER BY clk"\nconnection = "env:SHOP_DB"')

    assert (found / "summary.json").read_bytes() == expected
    assert str(server.folder) not in (found / "manifest.json").read_text()
