"""Spark runs the queries too: one session of one core for all tests of this file."""

import itertools
import shutil

import polars as pl
import pytest
from hypothesis import given
from tests.activate.sql import test_events
from tests.activate.sql.logs import logs, models
from tests.activate.sql.models import cell_tables, scored_tables
from tests.activate.sql.test_users import check_agrees, scored
from tests.repeats import examples

from segmentry.activate.sql.scorer import Requested, export_sql
from segmentry.results.run_folder import read_bundle, read_segments

# Spark 4.1 leaves the socket open by which it is given a table.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning"
)

_number = itertools.count()


class Spark:
    """Spark in a process of its own."""

    dialect = "spark"

    def __init__(self, session):
        self.session = session

    def answer(self, query, **tables):
        """Run a query on tables, by their names."""
        for name, frame in tables.items():
            self.session.createDataFrame(frame.to_arrow()).createOrReplaceTempView(f"`{name}`")
        return [tuple(row) for row in self.session.sql(query.rstrip().removesuffix(";")).collect()]


@pytest.fixture(scope="module")
def database():
    if shutil.which("java") is None:
        pytest.skip("no Java here: make java")
    from pyspark.sql import SparkSession

    options = {
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.sql.shuffle.partitions": "1",
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
    }
    builder = SparkSession.builder.master("local[1]")
    for name, value in options.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    yield Spark(session)
    session.stop()


@examples(2, 200)
@given(drawn=scored_tables())
def test_any_model_agrees_on_any_table(database, drawn):
    bundle, table = drawn

    check_agrees(bundle, table, scored(bundle, table, database))


@examples(2, 200)
@given(drawn=cell_tables())
def test_cells_agree_on_any_table(database, drawn):
    bundle, table = drawn

    check_agrees(bundle, table, scored(bundle, table, database))


@examples(1, 200)
@given(log=logs(), bundle=models())
def test_any_model_agrees_on_any_log(database, tmp_path, log, bundle):
    test_events.check_agrees(database, tmp_path / str(next(_number)), log, bundle)


@examples(3, 100)
@given(rows=test_events.BOUGHT)
def test_purchases_with_returns_agree_on_any_log(database, tmp_path, rows):
    folder = tmp_path / str(next(_number))
    test_events.check_purchases_agree(database, folder, rows)


def test_users_and_events_of_a_run_have_the_segments_of_the_run(plain_run, database):
    columns = ["user_id", *read_bundle(plain_run.folder).columns]
    table = pl.read_parquet(plain_run.folder / "users.parquet", columns=columns)
    of_users = export_sql(plain_run.folder, Requested(dialect="spark"))
    asked = Requested(
        dialect="spark", start="events", tables={"events": "ad_log"}, columns=test_events.NAMES
    )
    of_events = export_sql(plain_run.folder, asked)

    from_users = database.answer(of_users, users=table)
    from_events = database.answer(of_events, ad_log=test_events.log_of(plain_run))

    segments = read_segments(plain_run.folder).select("user_id", "segment_id")
    assert sorted(row[:2] for row in from_users) == segments.rows()
    expected = segments.filter(pl.col("segment_id") > 0).rows()
    assert sorted(row[:2] for row in from_events) == expected
