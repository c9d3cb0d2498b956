"""The Taobao files are recognised as they are, and what is amiss is told."""

import gzip

import polars as pl
import pytest
from tests.reads import (
    ADS_HEADER,
    LOG_HEADER,
    PROFILE_HEADER,
    csv_text,
    split,
    used_rows,
    write_taobao,
)
from tests.texts import says, shows

from segmentry.errors import DataError, EmptyDataError, SchemaError
from segmentry.ingest.clean_tables import clean_ads, clean_profiles
from segmentry.ingest.taobao import TAOBAO_ATTRIBUTES, find_taobao
from segmentry.schema import ColumnSource

T = 1_494_000_000
LOG = [(1, T, 5, "430548_1007", 1, 0), (2, T + 1, 6, "430539_1007", 0, 1)]
PROFILES = [(1, 0, 1, 2, 3, None, 3, 0, "4.0"), (3, 0, 1, 1, 0, 2, 1, 1, None)]
ADS = [(5, 10, 100, 1000, "NULL", 170.0), (6, 11, 101, 1001, "95471.0", 0.01)]
NAMES = [feature.name for feature in TAOBAO_ATTRIBUTES]


def message_of(folder, error=SchemaError):
    with pytest.raises(error) as text:
        find_taobao(folder)
    assert type(text.value) is error
    assert "\n" not in str(text.value)
    return str(text.value)


def write_log(folder, header, rows):
    (folder / "raw_sample.csv").write_text(csv_text(header, rows))
    return folder


def test_all_three_files_are_found_by_name(tmp_path):
    source = find_taobao(write_taobao(tmp_path, log=LOG, profiles=PROFILES, ads=ADS))

    assert (source.name, source.utc_offset_hours) == ("taobao", 8)
    assert source.impressions.files == (tmp_path / "raw_sample.csv",)
    assert source.profiles.files == (tmp_path / "user_profile.csv",)
    assert source.ads.files == (tmp_path / "ad_feature.csv",)
    assert [source.impressions.role, source.profiles.role, source.ads.role] == [
        "impressions",
        "profiles",
        "ads",
    ]
    assert source.attributes == TAOBAO_ATTRIBUTES
    assert source.impressions.columns["shown_at"] == ColumnSource("time_stamp", "integer")
    assert source.profiles.columns["city_tier"].name == "new_user_class_level"
    assert source.ads.columns["price"].type == "number"


def test_log_alone_is_enough(tmp_path):
    source = find_taobao(write_taobao(tmp_path, log=LOG))

    assert (source.profiles, source.ads, source.attributes) == (None, None, ())


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet"])
def test_every_format_is_found_and_read(suffix, engine, tmp_path):
    tables = {
        "raw_sample": (LOG_HEADER, LOG),
        "user_profile": (PROFILE_HEADER, PROFILES),
        "ad_feature": (ADS_HEADER, ADS),
    }
    for name, (header, rows) in tables.items():
        file = tmp_path / f"{name}{suffix}"
        if suffix == ".parquet":
            pl.DataFrame(rows, schema=header.split(","), orient="row").write_parquet(file)
        else:
            text = csv_text(header, rows).encode()
            file.write_bytes(gzip.compress(text) if suffix == ".csv.gz" else text)

    source = find_taobao(tmp_path)

    assert used_rows(engine, split(engine, source.impressions, tmp_path / "parts")) == [
        (1, T, 5, "430548_1007", 0),
        (2, T + 1, 6, "430539_1007", 1),
    ]
    profiles, _ = engine.read_table(source.profiles)
    assert sorted(profiles.select("user_id", *NAMES).rows()) == [
        (1, 2, 3, None, 3, 4, 0),
        (3, 1, 0, 2, 1, None, 1),
    ]
    ads, _ = engine.read_table(source.ads)
    assert sorted(ads.rows()) == [(5, 10, 100, 1000, None, 170.0), (6, 11, 101, 1001, 95471, 0.01)]


def test_two_versions_of_one_file_are_refused(tmp_path):
    write_taobao(tmp_path, log=LOG)
    (tmp_path / "raw_sample.csv.gz").write_bytes(b"")
    (tmp_path / "raw_sample.parquet").write_bytes(b"")

    says(message_of(tmp_path, DataError))


def test_folder_that_is_absent_or_none(tmp_path):
    file = tmp_path / "file"
    file.write_text("x")

    says(message_of(tmp_path / "no", DataError))
    says(message_of(file, DataError))


def test_folder_without_the_log(tmp_path):

    says(message_of(tmp_path, DataError))
    (tmp_path / "b.txt").write_text("")
    (tmp_path / "a.txt").write_text("")
    says(message_of(tmp_path, DataError))


def test_a_folder_or_a_link_in_the_place_of_the_log_is_reported(tmp_path):
    (tmp_path / "folder" / "raw_sample.csv").mkdir(parents=True)
    (tmp_path / "link").mkdir()
    (tmp_path / "link" / "raw_sample.csv").symlink_to("raw_sample.csv")

    shows(message_of(tmp_path / "folder", DataError))
    says(message_of(tmp_path / "link", DataError))


def test_empty_log_is_refused(tmp_path):
    write_taobao(tmp_path, log=[])

    says(message_of(tmp_path, EmptyDataError))


def test_missing_required_columns_are_told_with_what_was_found(tmp_path):
    write_log(tmp_path, "userid,timestamp,clk", [(1, T, 0)])

    says(message_of(tmp_path))


def test_profiles_without_user_are_refused(tmp_path):
    write_taobao(tmp_path, log=LOG)
    (tmp_path / "user_profile.csv").write_text("id,age_level\n1,3\n")

    says(message_of(tmp_path))


def test_optional_columns_may_be_absent(tmp_path):
    write_log(tmp_path, "user,time_stamp,clk", [(1, T, 0)])
    (tmp_path / "user_profile.csv").write_text("userid,age_level\n1,3\n")
    (tmp_path / "ad_feature.csv").write_text("adgroup_id,price\n1,3.5\n")

    source = find_taobao(tmp_path)

    assert list(source.impressions.columns) == ["user_id", "shown_at", "is_click"]
    assert source.ads is None  # nothing joins them to the log
    assert [feature.name for feature in source.attributes] == ["age_level"]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_column_of_another_content_is_refused(suffix, tmp_path):
    rows = [(1, "2017-05-06", 5, "a", 1, 0), (2, "2017-05-07", 6, "a", 0, 1)]
    if suffix == ".csv":
        write_log(tmp_path, LOG_HEADER, rows)
    else:
        frame = pl.DataFrame(rows, schema=LOG_HEADER.split(","), orient="row")
        frame = frame.with_columns(pl.col("time_stamp").str.to_date())
        frame.write_parquet(tmp_path / "raw_sample.parquet")

    says(message_of(tmp_path))


def test_some_unreadable_values_do_not_make_another_column(tmp_path):
    write_log(tmp_path, LOG_HEADER, [LOG[0], (2, "x", 6, "a", 0, 1)])

    assert find_taobao(tmp_path).impressions.columns["shown_at"].type == "integer"


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_text_ids_are_text_in_every_table_that_is_joined_on_them(suffix, engine, tmp_path):
    write_taobao(tmp_path, log=LOG, profiles=PROFILES, ads=ADS)
    rows = [*LOG, ("u3", T, "ad7", "a", 1, 0)]
    if suffix == ".csv":
        write_log(tmp_path, LOG_HEADER, rows)
    else:
        (tmp_path / "raw_sample.csv").unlink()
        columns = [
            [value if isinstance(value, int | None) else str(value) for value in column]
            for column in zip(*rows, strict=True)
        ]
        frame = pl.DataFrame(
            {
                name: [str(value) for value in column] if name in {"user", "adgroup_id"} else column
                for name, column in zip(LOG_HEADER.split(","), columns, strict=True)
            }
        )
        frame.write_parquet(tmp_path / "raw_sample.parquet")

    source = find_taobao(tmp_path)

    assert [
        row[:3] for row in used_rows(engine, split(engine, source.impressions, tmp_path / "p"))
    ] == [
        ("1", T, "5"),
        ("2", T + 1, "6"),
        ("u3", T, "ad7"),
    ]
    profiles, _ = engine.read_table(source.profiles)
    ads, _ = engine.read_table(source.ads)
    assert sorted(profiles["user_id"]) == ["1", "3"]
    assert sorted(ads["ad_id"]) == ["5", "6"]
    assert ads.schema["category_id"] == pl.Int64


def test_text_in_the_last_row_of_a_small_file_is_seen(tmp_path):
    write_taobao(tmp_path, log=LOG, profiles=[*PROFILES, ("u9", 0, 1, 1, 1, 1, 1, 1, 1)])

    source = find_taobao(tmp_path)

    assert source.profiles.columns["user_id"].type == "text"
    assert source.impressions.columns["user_id"].type == "text"


@pytest.mark.real_data("taobao_excerpt")
def test_real_excerpt_is_read_whole(engine, real_data, tmp_path):
    source = find_taobao(real_data / "taobao_excerpt")

    log = split(engine, source.impressions, tmp_path / "parts")
    profiles, n_broken_profiles = engine.read_table(source.profiles)
    ads, n_broken_ads = engine.read_table(source.ads)

    assert (log.account.n_read, log.account.n_used, n_broken_profiles, n_broken_ads) == (
        584,
        584,
        0,
        0,
    )
    rows = used_rows(engine, log)
    users = {row[0] for row in rows}
    clean = clean_profiles(profiles, unreadable=0, attributes=NAMES)
    assert set(clean.rows["user_id"]) == users
    assert clean.account.n_used == 34
    assert clean.rows["city_tier"].drop_nulls().is_in([1, 2, 3, 4]).all()
    assert {row[2] for row in rows} <= set(clean_ads(ads, unreadable=0).rows["ad_id"])
    assert ads.height == 509


BEHAVIOURS_HEADER = "user,time_stamp,btag,cate,brand"
BEHAVIOURS = [(1, T, "pv", 10, 7), (2, T + 1, "buy", 11, 8), (2, 1_900_000_000, "pv", 11, 8)]


def test_behaviour_log_is_found_and_its_days_are_known(tmp_path):
    write_taobao(tmp_path, log=LOG)
    file = tmp_path / "behavior_log.csv"
    file.write_text(csv_text(BEHAVIOURS_HEADER, BEHAVIOURS))

    behaviours = find_taobao(tmp_path).behaviours

    assert (behaviours.role, behaviours.files, behaviours.is_distinct) == (
        "behaviours",
        (file,),
        True,
    )
    assert behaviours.columns["happened_at"] == ColumnSource("time_stamp", "integer")
    assert dict(behaviours.columns["action"].codes).items() >= {"pv": 0, "buy": 3}.items()
    # 2017-04-22 00:00 and 2017-05-14 00:00, UTC+8
    assert behaviours.possible == (1_492_790_400, 1_494_691_200)


def test_no_behaviour_log_is_no_error(tmp_path):
    assert find_taobao(write_taobao(tmp_path, log=LOG)).behaviours is None


def test_behaviour_log_may_be_a_folder_of_files(tmp_path):
    write_taobao(tmp_path, log=LOG)
    folder = tmp_path / "behavior_log" / "day=2017-05-06"
    folder.mkdir(parents=True)
    rows = pl.DataFrame(BEHAVIOURS, schema=BEHAVIOURS_HEADER.split(","), orient="row")
    rows.write_parquet(folder / "part-0.parquet")

    assert find_taobao(tmp_path).behaviours.files == (folder / "part-0.parquet",)


def test_behaviour_log_of_other_days_has_no_limits_but_the_usual(tmp_path):
    write_taobao(tmp_path, log=LOG)
    rows = [(1, 1_700_000_000, "pv", 10, 7)]
    (tmp_path / "behavior_log.csv").write_text(csv_text(BEHAVIOURS_HEADER, rows))

    assert find_taobao(tmp_path).behaviours.possible is None


def test_behaviour_log_in_milliseconds_is_recognised(tmp_path):
    write_taobao(tmp_path, log=LOG)
    rows = [(user, at * 1000, *rest) for user, at, *rest in BEHAVIOURS]
    (tmp_path / "behavior_log.csv").write_text(csv_text(BEHAVIOURS_HEADER, rows))

    behaviours = find_taobao(tmp_path).behaviours
    time = behaviours.columns["happened_at"]

    assert (time.type, time.time_format) == ("moment", "milliseconds")
    assert behaviours.possible == (1_492_790_400, 1_494_691_200)  # its 22 days, as in seconds


def test_behaviour_log_without_its_columns_is_refused(tmp_path):
    write_taobao(tmp_path, log=LOG)
    (tmp_path / "behavior_log.csv").write_text(f"user,time_stamp,tag,cate,brand\n1,{T},pv,1,1\n")

    shows(message_of(tmp_path))
