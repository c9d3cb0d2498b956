"""Files elsewhere: found, fetched as far as they are needed, and each failure in one line."""

from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.ingest.mapping.shapes import DAY, EVENTS, HEADER, HOUR, T, write_csv
from tests.stores import certificates, gate, listing, web_server
from tests.texts import raises_text, says

from segmentry import build_user_table
from segmentry.errors import ConfigError, DataError, OutputError, SegmentryError
from segmentry.ingest.mapping import find_files, render_mapping
from segmentry.ingest.remote import _failures, _stores, place_of
from segmentry.ingest.sources import opened_source
from segmentry.results.follows import checked_folder
from segmentry.results.run_folder import check_target

pytestmark = pytest.mark.usefixtures("hurried")

LOG = 'user_id = "who"\ntime = "when"\nad_id = "ad"\nclick = "hit"\n'


def mapping_in(folder, files, *, form=""):
    file = folder / "m.toml"
    listed = ", ".join(f'"{each}"' for each in files)
    file.write_text(
        f'name = "small"\nutc_offset_hours = 8\n[log]\nfiles = [{listed}]\n{form}\n{LOG}'
    )
    return file


def table_of(folder, *files, **options):
    return build_user_table(None, mapping=mapping_in(folder, files), **options)


def days_of_events(n_days, *, per_day=2_000):
    """Return events of some days with a column that nobody maps."""
    n = n_days * per_day
    return pl.DataFrame(
        {
            "who": [f"u{i % 97}" for i in range(n)],
            "when": [T + i * DAY // per_day for i in range(n)],
            "ad": [i % 13 for i in range(n)],
            "hit": [int(i % 7 == 0) for i in range(n)],
            "notes": [f"nobody reads this text {i * 7919}" for i in range(n)],
        }
    )


@pytest.fixture
def small(tmp_path):
    return write_csv(tmp_path / "log.csv", EVENTS)


@pytest.mark.parametrize("name", ["log.csv", "log.csv.gz", "log.parquet"])
def test_a_file_of_an_object_store_is_read_as_a_local_one(name, bucket, tmp_path):
    local = tmp_path / name
    if name.endswith(".parquet"):
        pl.DataFrame(EVENTS, schema=HEADER, orient="row").write_parquet(local)
    else:
        write_csv(local, EVENTS)

    found = table_of(tmp_path, bucket.put(f"deep/{name}", local))

    assert found.equals(table_of(tmp_path, str(local)))


@pytest.mark.parametrize("pattern", ["", "/day=*/part-*.csv", "/**/*.csv"])
def test_folders_globs_and_partitions_are_found(pattern, bucket, tmp_path):
    for day, events in enumerate((EVENTS[:3], EVENTS[3:])):
        file = write_csv(tmp_path / f"day={day}" / "part-0.csv", events)
        bucket.put(f"log/day={day}/part-0.csv", file)
    bucket.put("log/_SUCCESS", b"")

    found = table_of(tmp_path, f"{bucket.address}/log{pattern}")

    assert found["n_impressions"].to_list() == [3, 1, 2]


def test_a_taobao_folder_is_found_in_an_object_store(bucket, tmp_path):
    lines = [
        f"{u},{T + i * HOUR},{i},430548_1007,{1 - c},{c}" for u, i, c in ((1, 0, 0), (2, 1, 1))
    ]
    text = "user,time_stamp,adgroup_id,pid,nonclk,clk\n" + "\n".join(lines) + "\n"
    bucket.put("data/raw_sample.csv", text.encode())

    assert build_user_table(f"{bucket.address}/data")["user_id"].to_list() == [1, 2]


def test_only_mapped_columns_and_wanted_days_are_read(bucket, tmp_path):
    events = days_of_events(10)
    local = tmp_path / "log.parquet"
    events.write_parquet(local, row_group_size=2_000)
    wanted = {"since": "2017-05-08", "until": "2017-05-10"}
    mapping = mapping_in(tmp_path, [bucket.put("log.parquet", local)])

    offset = lambda _: (T + 2 * DAY, T + 4 * DAY)  # noqa: E731
    with opened_source(None, mapping, moments=offset) as source:
        (brought,) = source.brought
        left_out = dict(source.impressions.left_out)
    metadata = pq.read_metadata(local)
    needed = sum(
        metadata.row_group(day).column(column).total_compressed_size
        for day in (2, 3)
        for column in range(4)
    )

    assert left_out == {"before --since": 4_000, "from --until on": 12_000}
    assert needed <= brought.n_bytes_read
    assert brought.n_bytes_read - metadata.serialized_size <= 1.1 * needed + 64_000
    assert brought.version
    assert build_user_table(None, mapping=mapping, **wanted).equals(
        table_of(tmp_path, str(local), **wanted)
    )


def test_days_are_told_from_folders_without_reading_them(bucket, tmp_path):
    for day in (6, 7, 8):
        file = tmp_path / f"day=2017-05-0{day}" / "part.parquet"
        file.parent.mkdir()
        pq.write_table(pa.table({"who": ["a", "b"], "ad": [1, 2], "hit": [0, 1]}), file)
        bucket.put(f"log/day=2017-05-0{day}/part.parquet", file)
    mapping = mapping_in(tmp_path, [f"{bucket.address}/log"])
    mapping.write_text(mapping.read_text().replace('"when"', '"day"'))

    with opened_source(None, mapping, moments=lambda _: (T + DAY, T + 2 * DAY)) as source:
        names = [file.parent.name for file in source.impressions.files]

    assert names == ["day=2017-05-07"]


def test_a_window_without_any_row_says_where_all_went(bucket, tmp_path):
    local = tmp_path / "log.parquet"
    days_of_events(2, per_day=100).write_parquet(local)

    with raises_text(DataError):
        table_of(tmp_path, bucket.put("log.parquet", local), since="2018-01-01")


@pytest.mark.parametrize(
    "name",
    [
        "{bucket}/nothing.csv",
        "s3://no-such-bucket-of-a-test/log.csv",
        "{bucket}/log/*.parquet",
        "http://someone:secret@host/log.csv",
        "{bucket}//log.csv/../x",
    ],
)
def test_what_is_not_there_is_one_line(name, bucket, tmp_path, small):
    bucket.put("log/lag.csv", small)
    bucket.put("lug.csv", small)
    full = name.format(bucket=bucket.address)

    with pytest.raises((DataError, ConfigError)) as caught:
        table_of(tmp_path, full)

    message = str(caught.value).replace(bucket.name, "logs")
    assert "\n" not in message
    assert "secret" not in message
    assert str(tmp_path.parent) not in message
    assert ".temporary" not in message
    says(message)


def test_a_store_that_cannot_be_reached_is_tried_again_and_reported(bucket, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")

    with raises_text(DataError):
        table_of(tmp_path, "s3://logs/log.csv")


@pytest.mark.parametrize(
    "answer",
    [
        "AWS Error EXPIRED_TOKEN during ListObjectsV2 operation: The token has expired",
        "AWS Error ACCESS_DENIED during HeadObject operation: No response body.",
        "AWS Error INVALID_ACCESS_KEY_ID during ListObjectsV2 operation",
        "AWS Error NO_SUCH_BUCKET during ListObjectsV2 operation",
        "AWS Error RESOURCE_NOT_FOUND during GetObject operation:",
        "https://host/x?sig=secret is odd",
    ],
)
def test_answers_of_stores_become_one_line(answer):
    def fail():
        raise OSError(answer)

    with raises_text(DataError):
        _failures.patiently(fail, place_of("s3://logs/log.csv"))


@pytest.mark.parametrize("has_ranges", [True, False])
def test_a_file_of_a_web_server_is_read(has_ranges, small, tmp_path):
    with web_server(tmp_path) as server:
        server.has_ranges = has_ranges
        found = table_of(tmp_path, f"{server.address}/log.csv?signature=secret")

    assert found.equals(table_of(tmp_path, str(small)))


@pytest.mark.parametrize("is_known", [True, False])
def test_a_certificate_is_trusted_only_by_its_authority(
    is_known, bucket, small, tmp_path, monkeypatch
):
    authority, certificate = certificates(tmp_path)
    stored = bucket.put("log.csv", small)
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
    if is_known:
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))

    with web_server(tmp_path, certificate) as web, gate(certificate):
        for name in (f"{web.address.replace('http:', 'https:')}/log.csv", stored):
            if is_known:
                assert table_of(tmp_path, name)["n_impressions"].to_list() == [3, 1, 2]
            else:
                with pytest.raises(DataError, match="its certificate is not trusted here"):
                    table_of(tmp_path, name)


def test_a_connection_that_breaks_is_taken_up_again(small, tmp_path):
    with web_server(tmp_path) as server:
        server.n_breaks = 2
        found = table_of(tmp_path, f"{server.address}/log.csv")

    assert found.equals(table_of(tmp_path, str(small)))
    assert server.n_breaks == 0


def test_a_connection_that_always_breaks_is_one_line(small, tmp_path):
    with web_server(tmp_path) as server:
        server.n_breaks = 1_000
        with pytest.raises(DataError, match=r"http://127.0.0.1:\d+/log.csv: .*tried 4 times"):
            table_of(tmp_path, f"{server.address}/log.csv")


@pytest.mark.parametrize("status", [403, 404, 500])
def test_a_web_server_that_refuses_is_one_line(status, small, tmp_path):
    with web_server(tmp_path) as server:
        server.status = status
        with pytest.raises(DataError) as caught:
            table_of(tmp_path, f"{server.address}/log.csv?signature=secret")

    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_changes_while_it_is_read_is_refused(small, tmp_path, monkeypatch):
    mapping = tmp_path / "m.toml"
    with web_server(tmp_path) as server:
        mapping_in(tmp_path, [f"{server.address}/log.csv"])
        look = "segmentry.ingest.mapping._tables.inspect_parts"

        def meanwhile(*args):
            from segmentry.ingest.mapping._files import inspect_parts

            small.write_text(small.read_text().replace("a,", "z,"))
            return inspect_parts(*args)

        monkeypatch.setattr(look, meanwhile)
        with pytest.raises(DataError, match=r"log.csv: changed while it was read"):
            build_user_table(None, mapping=mapping)


def test_a_file_that_is_replaced_between_two_pieces_is_refused(bucket, tmp_path):
    events = days_of_events(2)
    local, other = tmp_path / "log.parquet", tmp_path / "other.parquet"
    events.write_parquet(local)
    events.reverse().with_columns(hit=pl.lit(1)).write_parquet(other)
    name = bucket.put("log.parquet", local)

    def replace(method, path):
        if method == "GET" and path.endswith("log.parquet") and other.exists():
            bucket.put("log.parquet", other)
            other.unlink()
        return ""

    with gate() as store:
        store.answer_to = replace
        with pytest.raises(DataError, match=f"^{name}: changed while it was read"):
            table_of(tmp_path, name)


def test_partitions_of_other_types_are_one_line(bucket, tmp_path):
    for day, ids in enumerate(([1, 2], ["x1", "x2"])):
        file = tmp_path / "part.parquet"
        pl.DataFrame({"who": ["a", "b"], "when": [T, T], "ad": ids, "hit": [0, 1]}).write_parquet(
            file
        )
        bucket.put(f"log/day={day}/part.parquet", file)

    with pytest.raises(SegmentryError) as caught:
        table_of(tmp_path, f"{bucket.address}/log")

    assert str(caught.value).endswith(
        f"{bucket.address}/log/day=1/part.parquet: column 'ad' is VARCHAR, and BIGINT in other "
        "files; write them alike"
    )


def test_a_mapping_is_written_for_files_of_a_store_and_read_from_there(bucket, small, tmp_path):
    for suffix in ("csv", "parquet"):
        if suffix == "parquet":
            pl.read_csv(small).write_parquet(tmp_path / "log.parquet")
        names = {"who": "user_id", "when": "time_stamp", "ad": "ad_id", "hit": "clk"}
        file = tmp_path / f"named.{suffix}"
        table = pl.read_csv(small).rename(names)
        table.write_csv(file) if suffix == "csv" else table.write_parquet(file)
        name = bucket.put(f"{suffix}/log.{suffix}", file)

        text = render_mapping([name], base=tmp_path)

        assert f'files = "{name}"' in text
        mapping = bucket.put("shop.toml", text.replace(f"{bucket.address}/", "").encode())
        found = build_user_table(None, mapping=mapping)
        assert found["n_impressions"].to_list() == [3, 1, 2]


def test_a_missing_column_is_reported_before_the_rows_are_fetched(bucket, tmp_path):
    local = tmp_path / "log.parquet"
    days_of_events(1, per_day=10).rename({"hit": "hits"}).write_parquet(local)

    with pytest.raises(DataError) as caught:
        table_of(tmp_path, bucket.put("log.parquet", local))

    assert str(caught.value).startswith(f"{bucket.address}/log.parquet: no column 'hit'")


def test_nothing_is_left_of_what_was_fetched(bucket, small, tmp_path):
    temp = tmp_path / "temp"
    temp.mkdir()

    table_of(tmp_path, bucket.put("log.csv", small), temp=str(temp))

    assert list(temp.iterdir()) == []


def test_places_that_can_hold_no_folder_are_refused(tmp_path):
    with raises_text(OutputError):
        check_target(Path("https://host/run"), overwrite=True)
    with raises_text(ConfigError):
        checked_folder(Path("s3://b/run/past"), Path("s3://b/may"), Path("s3://b/run"))
    with raises_text(DataError):
        find_files(["s3://logs/log.csv"], base=tmp_path, role="init")


def test_a_hundred_thousand_objects_are_listed_and_too_many_refused(monkeypatch):
    with listing(100_000) as name:
        place = place_of(name)
        found = _stores.store_of(place).below(place)
        monkeypatch.setattr(_stores, "_MAX_OBJECTS", 99_999)
        with raises_text(DataError):
            _stores.store_of(place).below(place)

    assert len({each.path for each in found}) == 100_000
