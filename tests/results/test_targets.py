"""Results written elsewhere: whole or absent, replaced or added to when that is wanted."""

import time
from concurrent.futures import ThreadPoolExecutor

import deltalake
import polars as pl
import psycopg
import pyarrow.parquet as pq
import pytest
from pyarrow import fs
from tests.databases import postgres_server
from tests.stores import gate, s3_bucket
from tests.texts import raises_text

from segmentry.errors import ConfigError, OutputError, SegmentryError
from segmentry.ingest.remote import _failures
from segmentry.results.targets import target_of

SCORES = pl.DataFrame({"user_id": ["a", "b"], "segment_id": [1, 2], "margin": [0.5, None]})
MORE = pl.DataFrame({"user_id": ["c"], "segment_id": [1], "margin": [0.25]})


def write(rows, out, *, overwrite=False, append=False):
    target_of(out, overwrite=overwrite, append=append)(rows)


@pytest.fixture(scope="module")
def server():
    with postgres_server() as found:
        yield found


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_an_object_holds_what_a_file_would_hold(suffix, tmp_path, monkeypatch):
    bucket = s3_bucket(monkeypatch)
    write(SCORES, tmp_path / f"scores.{suffix}")

    write(SCORES, f"{bucket.address}/out/scores.{suffix}")

    with bucket.files.open_input_file(f"{bucket.name}/out/scores.{suffix}") as found:
        assert found.read() == (tmp_path / f"scores.{suffix}").read_bytes()


def test_an_object_is_replaced_only_when_that_is_wanted(monkeypatch):
    bucket = s3_bucket(monkeypatch)
    out = f"{bucket.address}/scores.parquet"
    write(SCORES, out)

    with pytest.raises(OutputError, match="exists; choose another --out or add --overwrite"):
        write(MORE, out)
    write(MORE, out, overwrite=True)

    table = pq.read_table(f"{bucket.name}/scores.parquet", filesystem=bucket.files)
    assert table["user_id"].to_pylist() == ["c"]
    infos = bucket.files.get_file_info(fs.FileSelector(bucket.name, recursive=True))
    assert [each.base_name for each in infos] == ["scores.parquet"]


def test_a_delta_table_is_added_to_and_replaced(tmp_path):
    out = f"delta:{tmp_path}/scores"
    write(SCORES, out)
    write(MORE, out, append=True)
    with raises_text(OutputError):
        write(MORE, out)

    def users(version):
        table = deltalake.DeltaTable(tmp_path / "scores", version=version)
        return sorted(table.to_pyarrow_table()["user_id"].to_pylist())

    write(MORE, out, overwrite=True)

    assert [users(version) for version in (0, 1, 2)] == [["a", "b"], ["a", "b", "c"], ["c"]]


def test_a_table_of_postgresql_is_added_to_and_replaced(server, monkeypatch):
    monkeypatch.setenv("SHOP_DB", f"postgresql:///postgres?host={server.folder}&user=postgres")

    def users():
        with psycopg.connect(f"host={server.folder} user=postgres dbname=postgres") as client:
            return client.execute("SELECT user_id FROM scores ORDER BY 1").fetchall()

    write(SCORES, "env:SHOP_DB/scores")
    assert users() == [("a",), ("b",)]
    write(MORE, "env:SHOP_DB/scores", append=True)
    assert users() == [("a",), ("b",), ("c",)]
    with raises_text(OutputError):
        write(MORE, "env:SHOP_DB/scores")
    # What does not fit is refused, and nothing of it is there.
    with pytest.raises(OutputError):
        write(pl.DataFrame({"other": [1, 2]}), "env:SHOP_DB/scores", append=True)
    assert len(users()) == 3
    write(MORE, "env:SHOP_DB/public.scores", overwrite=True)
    assert users() == [("c",)]


@pytest.mark.parametrize("mode", ["append", "overwrite"])
def test_a_table_of_a_connection_that_is_cut_is_as_it_was(mode, server, monkeypatch):
    """The writer waits for a lock in the middle of its transaction, and is thrown out there."""
    address = f"host={server.folder} user=postgres dbname=postgres"
    monkeypatch.setenv("SHOP_DB", f"postgresql:///postgres?host={server.folder}&user=postgres")
    out = f"env:SHOP_DB/cut_{mode}"
    write(SCORES, out)
    waits = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    with psycopg.connect(address) as holder, psycopg.connect(address, autocommit=True) as judge:
        lock = "SHARE" if mode == "append" else "ACCESS SHARE"
        holder.execute(f"LOCK TABLE cut_{mode} IN {lock} MODE")
        with ThreadPoolExecutor(1) as pool:
            task = pool.submit(write, MORE, out, **{mode: True})
            while not (found := judge.execute(waits).fetchall()):
                time.sleep(0.01)
            judge.execute("SELECT pg_terminate_backend(%s)", found[0])
            error = task.exception()
        users = judge.execute(f"SELECT user_id FROM cut_{mode} ORDER BY 1").fetchall()  # noqa: S608  # ours

    assert isinstance(error, OutputError)
    assert "terminating connection" in str(error)
    assert users == [("a",), ("b",)]


def test_a_schema_that_is_not_there_or_not_ours_is_seen_before_the_work(server, monkeypatch):
    address = f"postgresql:///postgres?host={server.folder}&user="
    with psycopg.connect(f"{address}postgres") as client:
        client.execute("CREATE USER guest")
    for user, table in (("postgres", "nowhere.scores"), ("guest", "guests")):
        monkeypatch.setenv("SHOP_DB", f"{address}{user}")
        with raises_text(OutputError):
            target_of(f"env:SHOP_DB/{table}", overwrite=False, append=False)


@pytest.mark.parametrize("fault", ["ExpiredToken", "break"])
@pytest.mark.parametrize("name", ["delta:{}/scores", "{}/scores.parquet"])
def test_what_a_broken_upload_would_replace_is_as_it_was(name, fault, monkeypatch):
    monkeypatch.setattr(_failures, "WAITS", (0.01, 0.01, 0.01))
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    bucket = s3_bucket(monkeypatch)
    out = name.format(bucket.address)
    # To ask whether a Delta table is there holds the lock that the store of this process needs.
    write(SCORES, out, overwrite=True)
    before = {each: bucket.get(each) for each in bucket.names()}

    with gate() as store:
        writing = target_of(out, overwrite=True, append=False)
        store.answer_to = lambda method, _: fault if method in ("PUT", "POST") else ""
        with pytest.raises(OutputError) as caught:
            writing(MORE)

    assert "\n" not in str(caught.value)
    assert {each: bucket.get(each) for each in bucket.names()} == before


@pytest.mark.parametrize(
    ("out", "kind", "options"),
    [
        ("scores.xlsx", ConfigError, {}),
        ("scores.csv", ConfigError, {"append": True}),
        ("delta:scores", ConfigError, {"append": True, "overwrite": True}),
        ("https://host/scores.csv", OutputError, {}),
        ("env:NO_SUCH_VARIABLE/scores", ConfigError, {}),
    ],
)
def test_a_place_that_cannot_be_written_is_refused_before_the_work(out, kind, options):
    with raises_text(kind):
        target_of(out, **{"overwrite": False, "append": False} | options)


def test_a_bucket_that_is_not_there_is_one_line(monkeypatch):
    s3_bucket(monkeypatch)

    with pytest.raises(SegmentryError) as caught:
        write(SCORES, "s3://no-such-bucket-of-a-test/scores.parquet")

    assert "\n" not in str(caught.value)
