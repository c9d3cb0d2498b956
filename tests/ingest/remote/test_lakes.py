"""Tables of lakes in an object store: the same rows, and of their files no more than is needed."""

import deltalake
import polars as pl
import pyarrow.parquet as pq
import pytest
from pyiceberg.catalog import load_catalog
from tests.ingest.mapping.shapes import DAY, T
from tests.ingest.remote.test_places import days_of_events, mapping_in
from tests.stores import gate

from segmentry import build_user_table
from segmentry.ingest.remote import lake_options
from segmentry.ingest.sources import opened_source

WANTED = {"since": "2017-05-08", "until": "2017-05-10"}


def delta(bucket, *tables, **options):
    name = f"{bucket.address}/log"
    for table in tables:
        deltalake.write_deltalake(
            name, table.to_arrow(), mode="append", storage_options=lake_options(name), **options
        )
    return f"delta:{name}"


def iceberg(bucket, *tables):
    settings = {"warehouse": f"{bucket.address}/warehouse", "s3.endpoint": bucket.endpoint}
    settings["s3.region"] = "us-east-1"  # else it is looked for
    catalog = load_catalog("tests", type="in-memory", **settings)
    catalog.create_namespace("shop")
    log = catalog.create_table("shop.log", schema=tables[0].to_arrow().schema)
    for table in tables:
        log.append(table.to_arrow().cast(log.schema().as_arrow()))
    return f"iceberg:{log.location()}", log


def by_day(table):
    days = table.with_columns(day=(pl.col("when") - T) // DAY).partition_by(
        "day", maintain_order=True
    )
    return [each.drop("day") for each in days]


def table_of(folder, name, **options):
    return build_user_table(None, mapping=mapping_in(folder, [name]), **options)


@pytest.fixture
def expected(tmp_path):
    days_of_events(10).write_parquet(tmp_path / "log.parquet")
    return table_of(tmp_path, str(tmp_path / "log.parquet"), **WANTED)


def needed_of(bucket, address):
    """Return the bytes of the mapped columns of a file."""
    metadata = pq.read_metadata(address.removeprefix("s3://"), filesystem=bucket.files)
    group = metadata.row_group(0)
    return sum(group.column(column).total_compressed_size for column in range(4))


@pytest.mark.parametrize("kind", ["delta", "iceberg"])
def test_of_a_lake_only_mapped_columns_and_wanted_days_are_fetched(kind, bucket, tmp_path):
    """That is measured at the store: all that it sends, the log of the table apart."""
    days = by_day(days_of_events(4, per_day=150_000))
    name = delta(bucket, *days) if kind == "delta" else iceberg(bucket, *days)[0]
    mapping = mapping_in(tmp_path, [name])

    with gate() as store:
        wanted = (T + DAY, T + 3 * DAY)
        with opened_source(None, mapping, moments=lambda _: wanted) as source:
            brought, left_out = source.brought, dict(source.impressions.left_out)
        n_sent = sum(n for path, n in store.sent if path.partition("?")[0].endswith(".parquet"))

    is_wanted = {each.name: each.n_bytes_read > 64_000 for each in brought}
    needed = sum(needed_of(bucket, name) for name, wanted in is_wanted.items() if wanted)
    assert sorted(is_wanted.values()) == [False, False, True, True]
    assert left_out == {"before --since": 150_000, "from --until on": 150_000}
    assert needed <= n_sent <= 1.1 * needed
    assert n_sent == sum(each.n_bytes_read for each in brought)
    assert all(each.version.startswith(("version ", "snapshot ")) for each in brought)


def test_days_of_a_partitioned_delta_table_are_its_folders(bucket, expected, tmp_path):
    table = days_of_events(10).with_columns(day=pl.from_epoch(pl.col("when") + 8 * 3600).dt.date())

    name = delta(bucket, table, partition_by=["day"])

    assert table_of(tmp_path, name, **WANTED).equals(expected)


def test_files_of_before_a_column_was_added_are_read_by_the_library(bucket, tmp_path):
    table = days_of_events(2)
    name = delta(bucket, table.drop("ad"), table, schema_mode="merge")

    found = table_of(tmp_path, name)

    assert found["n_impressions"].sum() == 2 * table.height


def test_an_iceberg_column_that_was_renamed_is_found_by_its_number(bucket, tmp_path):
    table = days_of_events(1)
    name, log = iceberg(bucket, table.rename({"hit": "notes", "notes": "hit"}))
    with log.update_schema() as update:
        update.rename_column("hit", "other")
    with log.update_schema() as update:
        update.rename_column("notes", "hit")
    with log.update_schema() as update:
        update.rename_column("other", "notes")

    found = table_of(tmp_path, name)

    assert found["n_clicks"].sum() == table["hit"].sum()
