"""Spark reads, counts and prepares what DuckDB does, to the byte: one session for all tests."""

import gzip
import os
import random
import re
import shutil
import signal
import sys
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

import polars as pl
import pytest
from tests.pipeline.runs import generated
from tests.reads import (
    DAILY_PURCHASES,
    LOG_HEADER,
    ads_of,
    csv_text,
    source_of,
    split,
    used_rows,
)
from tests.stores import gate, s3_bucket
from tests.texts import raises_text, says

import segmentry
from segmentry.cli._console import print_room
from segmentry.datasets import GeneratorOptions, generate_taobao
from segmentry.errors import ConfigError, DataError, EngineError
from segmentry.features import LOG_FEATURES, count_users
from segmentry.features._behaviour_table import _rows_by_user
from segmentry.ingest.engines import open_engine, spark
from segmentry.ingest.engines.spark import ClusterEngine, _tasks, opened_cluster
from segmentry.ingest.engines.spark._session import _started, cause_of
from segmentry.ingest.engines.spark._tasks import Row, refuse, see_folder
from segmentry.ingest.engines.spark._units import units_of
from segmentry.ingest.remote import _places
from segmentry.pipeline import build_user_table, check_data, prepare, run, score
from segmentry.runtime import memory
from segmentry.schema import Window
from segmentry.settings import SparkEngine

FEW_THREADS = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""Of Java, which compiles what runs often: a small log ends before it pays."""
QUICK_JAVA = {"spark.driver.extraJavaOptions": FEW_THREADS}
T = 1_494_000_000
CODE = Path(spark.__file__).parent


@pytest.fixture(scope="module")
def session():
    if shutil.which("java") is None:
        pytest.skip("no Java here: make java")
    opened = _started(
        "local[2]", {"spark.driver.memory": "1g", "spark.driver.host": "127.0.0.1", **QUICK_JAVA}
    )
    yield opened
    opened.stop()


@pytest.fixture(scope="module")
def cluster(session, tmp_path_factory):
    folder = tmp_path_factory.mktemp("shared")
    with opened_cluster(SparkEngine(session), folder=folder, max_bytes=10**9) as found:
        yield found


@pytest.fixture
def engine_of(cluster, tmp_path):
    """Make engines on the one cluster."""

    def make(**limits):
        asked = {"max_users": 10**6, "n_bytes": 10**8, "task_bytes": 10**8} | limits
        return ClusterEngine(cluster, scratch=tmp_path, stack=ExitStack(), **asked)

    return make


@pytest.fixture
def on_spark(session, monkeypatch):
    """Read in many small units and parts."""
    monkeypatch.setattr(spark._engine, "UNIT_BYTES", 200_000)
    monkeypatch.setattr(memory, "_FEWEST_ROWS", 5_000)
    return SparkEngine(session)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop") / "shop"
    options = GeneratorOptions(n_users=200, seed=3, behaviours=True, behaviour_rows_per_user=40)
    return generate_taobao(folder, options).directory


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    return generated(tmp_path_factory.getbasetemp(), 600)


BAD = (f",{T},5,a,1,0", "8,-5,5,a,1,0", f"9,{T},5,a,1,1", "1,2", "1,2,3,4,5,6,7,8")


def dirty_rows(n_rows, *, seed=7, bad=BAD):
    sound = [
        f"{n * 37 % 91},{T + 900 * n},{n % 7},a_{n % 2},{int(n % 5 < 4)},{n % 5 // 4}"
        for n in range(n_rows)
    ]
    rows = [*sound, *bad * 3]
    random.Random(seed).shuffle(rows)  # noqa: S311  # not for secrets
    return rows


def write_rows(file, rows):
    file.write_text(csv_text(LOG_HEADER, rows))
    return source_of(file)


WINDOW = Window(start=T - T % 86_400, end=T + 800_000)


def counts_of(engine, log):
    """Count users, those of the days before some moment, and days."""
    found = count_users(
        engine, log.parts, ads_of(None), window=WINDOW, main_placement="a_0",
        early=(T + 300_000, LOG_FEATURES),
    )  # fmt: skip
    return found.users, found.early_users, found.days


@pytest.mark.parametrize(
    "bad", [pytest.param((), id="clean", marks=pytest.mark.slow), pytest.param(BAD, id="dirty")]
)
@pytest.mark.parametrize("n_parts", [1, 3, 8])
def test_rows_counts_and_accounts_are_those_of_one_machine(n_parts, bad, engine_of, tmp_path):
    here = open_engine("duckdb", scratch=tmp_path)
    in_order = write_rows(tmp_path / "log.csv", sorted(dirty_rows(600, bad=bad)))
    expected = split(here, in_order, tmp_path / "here", n_parts=n_parts)
    counts = counts_of(here, expected)

    for n_units in (1, 5, 17):
        file = tmp_path / f"shuffled {n_units}.csv"
        source = write_rows(file, dirty_rows(600, bad=bad, seed=n_units))
        n_bytes = file.stat().st_size // n_units + 1
        assert len(units_of(source, n_bytes=n_bytes)) == n_units
        there = engine_of(unit_bytes=n_bytes)

        found = split(there, source, tmp_path / f"there {n_units}", n_parts=n_parts)

        assert used_rows(here, found) == used_rows(here, expected)
        assert [part.name for part in found.parts] == [part.name for part in expected.parts]
        assert list(found.account.rejected.items()) == list(expected.account.rejected.items())
        assert found.account == expected.account
        assert len(found.account.rejected) == (4 if bad else 0)
        for table, counted in zip(counts, counts_of(there, found), strict=True):
            assert counted.equals(table)
        there.close()
    here.close()


@pytest.mark.parametrize("packed", ["", ".gz"])
def test_a_prepared_folder_is_equal_byte_for_byte(packed, shop, session, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(shop, data)
    for file in data.glob("*.csv") if packed else ():
        (data / f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes(), 1))
        file.unlink()

    here = prepare(data, out=tmp_path / "here", block_bytes=150_000)
    there = prepare(data, out=tmp_path / "there", block_bytes=150_000, engine=SparkEngine(session))

    assert there.accounts == here.accounts
    assert contents(tmp_path / "there") == contents(tmp_path / "here")


def contents(folder):
    files = (each for each in folder.rglob("*") if each.is_file())
    return {str(each.relative_to(folder)): each.read_bytes() for each in files}


def test_a_run_is_equal_byte_for_byte(log, on_spark, undrawn, tmp_path):
    asked = {"k": 3, "bootstraps": 2, "min_size": 1}
    run(log, tmp_path / "here", **asked)
    run(log, tmp_path / "there", **asked, engine=on_spark)

    for name in ("summary.json", "segments.parquet", "users.parquet"):
        assert (tmp_path / "there" / name).read_bytes() == (tmp_path / "here" / name).read_bytes()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["here", "there"]
    expected = score(tmp_path / "here", log)
    found = score(tmp_path / "here", log, engine=on_spark, out=tmp_path / "scores")
    scores = pl.read_parquet(tmp_path / "scores").sort("user_id")
    assert scores.equals(expected.segments)
    assert found.sizes.equals(expected.sizes)
    assert len(list((tmp_path / "scores").iterdir())) > 2


def test_options_leave_out_the_same_rows(log, on_spark):
    options = {"sample": 0.4, "window": "3d"}
    here = build_user_table(log, **options)

    assert build_user_table(log, **options, engine=on_spark).equals(here)
    assert here.height


def test_any_data_in_folders_by_day_are_counted(on_spark, tmp_path):
    for day in ("2020-01-01", "2020-01-02"):
        (tmp_path / f"day={day}").mkdir()
        lines = [f"u{n % 7},{n}.25,i{n % 3},k{n % 2}" for n in range(30)]
        (tmp_path / f"day={day}" / "log.csv").write_text(csv_text("who,paid,item,kind", lines))
    (tmp_path / "m.toml").write_text(DAILY_PURCHASES)
    expected = build_user_table(None, mapping=tmp_path / "m.toml")

    found = build_user_table(None, mapping=tmp_path / "m.toml", engine=on_spark)

    assert found.equals(expected)


def test_behaviours_are_counted_as_on_one_machine(shop, on_spark):
    here = check_data(shop, with_=["behaviours"])

    there = check_data(shop, with_=["behaviours"], engine=on_spark)

    assert there.table.equals(here.table)
    assert there.accounts == here.accounts
    assert there.findings == here.findings


def test_what_is_wrong_with_a_file_is_one_line(engine_of, tmp_path):
    file = tmp_path / "log.csv"
    file.write_text(csv_text(LOG_HEADER, [f'1,{T},5,"a,1,0'] * 3))

    with raises_text(DataError):
        split(engine_of(), source_of(file), tmp_path / "there")


def test_users_beyond_the_memory_are_refused_before_they_are_counted(engine_of, tmp_path):
    source = write_rows(tmp_path / "log.csv", dirty_rows(300))

    with raises_text(EngineError):
        split(engine_of(max_users=10), source, tmp_path / "there")


@pytest.mark.parametrize(
    "text",
    [
        "Job aborted\nModuleNotFoundError: No module named 'segmentry'\n at org.apache",
        "RuntimeError: segmentry on a worker: duckdb 2.0, not 2.1: install the driver's there\n at",
        "ExecutorLostFailure: Remote RPC client disassociated. Container exited with code 137",
        "Lost task 0.1: java.util.concurrent.RejectedExecutionException: Task rejected from pool",
        ": java.lang.IllegalStateException: Cannot call methods on a stopped SparkContext.",
        "at java\npyspark.errors.AnalysisException: [PATH] no room left on the device\nmore",
    ],
    ids=["absent", "other version", "killed", "ending", "no master", "other"],
)
def test_a_failure_of_spark_is_one_line(text):
    says(cause_of(text))


def killed_by_the_system(rows, scratch):
    yield from rows
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_worker_that_is_killed_each_time_is_one_line(cluster):
    from pyspark import cloudpickle

    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    with raises_text(EngineError):
        cluster.rows_of("counting", (1, killed_by_the_system))
    cloudpickle.unregister_pickle_by_value(sys.modules[__name__])


def test_a_worker_with_another_version_is_refused(cluster, monkeypatch):
    monkeypatch.setattr(spark._session, "versions", lambda: {"polars": "0.1"})

    with pytest.raises(EngineError, match=r"a worker has polars [0-9.]+, not 0.1: install"):
        cluster.look()


@pytest.mark.parametrize("library", ["segmentry", "pyarrow"])
def test_a_worker_without_a_library_is_refused(library, session, cluster, tmp_path, monkeypatch):
    (tmp_path / f"{library}.py").write_text(
        f"raise ModuleNotFoundError(\"No module named '{library}'\")"
    )
    python = tmp_path / "python"
    path = f"PYTHONPATH={tmp_path}:$PYTHONPATH"
    python.write_text(f'#!/bin/sh\n{path} exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    monkeypatch.setattr(session.sparkContext, "pythonExec", str(python))

    with raises_text(EngineError):
        cluster.look()


def test_a_worker_that_does_not_see_the_folder_is_refused(cluster, tmp_path):
    absent = tmp_path / "of another machine" / "seen by the driver"

    with pytest.raises(EngineError, match=r"does not see .*of another machine: name a folder"):
        cluster.rows_of("looking", (1, partial(see_folder, file=absent)))


def test_tables_beyond_the_bound_are_refused(cluster, tmp_path):
    small = replace(cluster, max_bytes=10)
    users = tmp_path / "part=0" / "rows.parquet"
    users.parent.mkdir()
    pl.DataFrame({"user_id": range(1000)}).write_parquet(users)
    engine = ClusterEngine(
        small, scratch=tmp_path, n_bytes=10**8, task_bytes=10**8, max_users=1, stack=ExitStack()
    )

    with raises_text(EngineError):
        list(engine.map_parts(_rows_by_user, [users.parent], tuple))
    engine.close()


def test_a_part_that_no_worker_holds_is_refused_before_it_is_counted(
    engine_of, tmp_path, monkeypatch
):
    rows = [*dirty_rows(200, bad=()), *(f"5,{T + n},1,a,1,0" for n in range(300))]
    found = split(
        engine_of(), write_rows(tmp_path / "log.csv", rows), tmp_path / "parts", n_parts=1
    )
    monkeypatch.setattr(_tasks, "machine_memory", lambda: 40_000)
    tell = partial(_tasks.use_items, items=found.parts, read=facts, use=tuple, n_bytes=10**8)

    with raises_text(EngineError):
        refuse(tell(iter([Row(0, "", 0, 0, b"")]), tmp_path))


def facts(engine, part):
    return engine.collect(engine.scan_part(part).select("user_id"))


def test_a_run_says_before_it_begins_how_many_users_fit(capsys):
    print_room(None, {"engine": "duckdb"})
    print_room(None, {"engine": "spark", "memory": "2GB"})

    says(capsys.readouterr().out)


def test_rows_come_to_the_driver_by_one_bounded_way():
    code = {file.name: file.read_text() for file in CODE.glob("*.py")}

    for name, text in code.items():
        assert not re.search(r"\.(collect|first|head|take|tail)\(\d*\)", text), name
    for file in Path(segmentry.__file__).parent.rglob("*.py"):
        assert not re.search(r"\.(toPandas|toArrow|toLocalIterator)\(", file.read_text()), file
    assert sum(text.count("pq.read_table(file, columns=columns)") for text in code.values()) == 1


def test_a_second_session_of_a_process_is_refused(session, log, tmp_path):
    with raises_text(ConfigError):
        prepare(log, out=tmp_path / "p", engine="spark", master="local[1]")


SHOP = """
name = "shop"
utc_offset_hours = 8
[log]
files = "{files}"
user_id = "user"
time = "at"
ad_id = "adgroup_id"
click = "clk"
no_click = "nonclk"
"""


@pytest.fixture
def shop_of(tmp_path):
    """Write a mapping of a log."""

    def write(files):
        (tmp_path / "shop.toml").write_text(SHOP.format(files=files))
        return tmp_path / "shop.toml"

    return write


def served_by_python(session, file):
    """Return rows that a connector brings, as one of Delta or Iceberg does: a reader of its own."""
    from pyspark.sql.datasource import DataSource, DataSourceReader, InputPartition

    schema = session.read.parquet(f"file://{file}").schema

    class Reader(DataSourceReader):
        def partitions(self):
            return [InputPartition(number) for number in range(3)]

        def read(self, partition):
            yield from pl.read_parquet(file)[partition.value :: 3].iter_rows()

    class Log(DataSource):
        @classmethod
        def name(cls):
            return "served log"

        def schema(self):
            return schema

        def reader(self, **_schema):
            return Reader()

    session.dataSource.register(Log)
    return session.read.format("served log").load()


def test_tables_of_a_session_are_read_as_files_are(log, on_spark, shop_of, tmp_path):
    rows = pl.read_csv(log / "raw_sample.csv").with_columns(
        at=pl.from_epoch("time_stamp").dt.replace_time_zone("UTC")
    )
    rows.write_parquet(tmp_path / "log.parquet")
    session = on_spark.session
    table = session.read.parquet(f"file://{tmp_path}/log.parquet").repartition(3)
    warehouse = f"file://{tmp_path}/warehouse"
    session.sql("CREATE DATABASE shop LOCATION '" + warehouse + "'")
    table.write.mode("overwrite").saveAsTable("shop.log", path=f"{warehouse}/log")
    expected = build_user_table(None, mapping=shop_of(f"{tmp_path}/log.parquet"))

    found = build_user_table(None, mapping=shop_of("table:shop.log"), engine=on_spark)

    assert found.equals(expected)
    with raises_text(DataError):
        build_user_table(None, mapping=shop_of("table:shop.lag"), engine=on_spark)
    with raises_text(ConfigError):
        build_user_table(None, mapping=shop_of("table:shop.log"))
    served = served_by_python(session, tmp_path / "log.parquet")
    served.createOrReplaceTempView("served")
    found = build_user_table(None, mapping=shop_of("table:served"), engine=on_spark)
    assert found.equals(expected)
    session.conf.set("spark.sql.files.ignoreMissingFiles", "true")
    with raises_text(ConfigError):
        build_user_table(None, mapping=shop_of("table:shop.log"), engine=on_spark)
    session.conf.unset("spark.sql.files.ignoreMissingFiles")
    session.sql("DROP DATABASE shop CASCADE")


def test_half_a_log_of_one_user_in_many_small_files(on_spark, tmp_path, monkeypatch):
    monkeypatch.setattr(spark._units, "_MAX_FILES", 9)
    monkeypatch.setattr(memory, "_FEWEST_ROWS", 400)
    (tmp_path / "files").mkdir()
    for number in range(40):
        rows = [
            f"{1 if n % 2 else n * number % 97},{T + 60 * n + number},{n % 7},{n % 3 // 2}"
            for n in range(0 if number % 10 == 0 else 50)
        ]
        (tmp_path / "files" / f"{number:02}.csv").write_text(csv_text("who,at,ad,hit", rows))
    (tmp_path / "m.toml").write_text(
        'name = "x"\n[log]\nfiles = "files"\nuser_id = "who"\ntime = "at"\nad_id = "ad"\n'
        'click = "hit"\n'
    )
    expected = build_user_table(None, mapping=tmp_path / "m.toml")
    session = on_spark.session
    session.conf.set("spark.sql.parquet.compression.codec", "lzo")  # which no machine here has

    found = build_user_table(None, mapping=tmp_path / "m.toml", engine=on_spark)

    session.conf.unset("spark.sql.parquet.compression.codec")
    assert found.equals(expected)
    assert 2 * expected.filter(user_id=1)["n_impressions"].item() >= expected["n_impressions"].sum()


def test_tasks_fetch_objects_with_the_credentials_of_their_machine(
    log, on_spark, shop_of, tmp_path, monkeypatch
):
    monkeypatch.setattr(_places, "_FOOTER", 1_000)  # else all of a small file is fetched here
    bucket = s3_bucket(monkeypatch)
    rows = pl.read_csv(log / "raw_sample.csv").rename({"time_stamp": "at"})
    for number, name in enumerate(("a.parquet", "b.parquet", "c.parquet")):
        rows[number::3].write_parquet(tmp_path / name)
        bucket.put(f"log/{name}", tmp_path / name)
    expected = build_user_table(None, mapping=shop_of(f"{tmp_path}/*.parquet"))
    of_tasks = on_spark.session.sparkContext.environment

    with gate() as denied, monkeypatch.context() as without, raises_text(DataError):
        denied.answer_to = lambda *_: "AccessDenied"
        without.setenv("AWS_ENDPOINT_URL", bucket.endpoint)
        without.setitem(of_tasks, "AWS_ENDPOINT_URL", denied.address)
        one = shop_of(f"{bucket.address}/log/a.parquet")
        build_user_table(None, mapping=one, engine=on_spark)
    for name, value in os.environ.items():
        if name.startswith("AWS_"):
            monkeypatch.setitem(of_tasks, name, value)

    found = build_user_table(None, mapping=shop_of(f"{bucket.address}/log"), engine=on_spark)
    assert found.equals(expected)
