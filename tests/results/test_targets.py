"""Results written elsewhere: whole or absent, replaced or added to when that is wanted."""

import deltalake
import polars as pl
import psycopg
import pyarrow.parquet as pq
import pytest
from pyarrow import fs
from tests.databases import postgres_server
from tests.stores import s3_bucket
from tests.texts import raises_text

from segmentry.errors import ConfigError, OutputError, SegmentryError
from segmentry.results.targets import target_of

SCORES = pl.DataFrame({"user_id": ["a", "b"], "segment_id": [1, 2], "margin": [0.5, None]})
MORE = pl.DataFrame({"user_id": ["c"], "segment_id": [1], "margin": [0.25]})


def write(rows, out, *, overwrite=False, append=False):
    target_of(out, overwrite=overwrite, append=append)(rows)


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


def test_a_table_of_postgresql_is_added_to_and_replaced(monkeypatch):
    with postgres_server() as server:
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
