"""Hostile files, as the whole run meets them: an answer with every row counted, or one clear line.

Every engine; what a reader alone can show is in tests/ingest/engines/test_split_log.py.
"""

import errno
import gzip
import json
import os

import polars as pl
import pytest
from tests.pipeline.runs import segmentry
from tests.reads import LOG_HEADER, PROFILE_HEADER, csv_text, write_taobao
from tests.texts import says, shows

from segmentry.ingest.engines import ENGINES

T = 1_494_000_000
DAY = 86_400
ROWS = [
    (user, T + day * DAY + user, 1 + user % 5, "p", 1 - (user % 7 == 0), int(user % 7 == 0))
    for user in range(1, 61)
    for day in range(1 + user % 4)
]
N = len(ROWS)


@pytest.fixture
def home(tmp_path, monkeypatch, undrawn):
    """The working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(engine, *words):
    """Run as quickly as can be: fixed cells, unless another way is asked for."""
    way = () if "--k" in words else ("--recipe", "rfm", "--algorithm", "cells")
    return segmentry(
        *("run", "data", "--out", "run", "--engine", engine, "--min-size", 1),
        *("--k-range", "2:2", "--json", *way, *words),
    )


def rejected(engine, *words):
    """Return what a run that answers says it rejected, by table."""
    answer = run(engine, *words)
    assert (answer.code, answer.err) == (0, "")
    accounts = json.loads(answer.out)["accounts"]
    for each in accounts:
        excluded = sum(each["excluded"].values())
        assert each["n_read"] == each["n_used"] + sum(each["rejected"].values()) + excluded
    return {each["role"]: each["rejected"] for each in accounts if each["rejected"]}


def refusal(home, engine, *words):
    """Return the one line of a run that refuses and leaves nothing."""
    answer = run(engine, *words)
    assert (answer.code, answer.err) == (2, "")
    assert not (home / "run").exists()
    assert not list(home.glob(".run*"))
    text = json.loads(answer.out)["error"]
    assert "\n" not in text
    return text


def log_of(home, text):
    (home / "data").mkdir()
    file = home / "data" / "raw_sample.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def text_of(rows=ROWS, **options):
    return csv_text(LOG_HEADER, rows, **options)


@pytest.mark.parametrize("engine", ENGINES)
def test_truncated_last_line(engine, home):
    log_of(home, text_of() + "61,14940")

    assert rejected(engine) == {"impressions": {"impossible time": 1}}


@pytest.mark.parametrize("engine", ENGINES)
def test_broken_gzip(engine, home):
    packed = gzip.compress(text_of().encode())
    (home / "data").mkdir()
    (home / "data" / "raw_sample.csv.gz").write_bytes(packed[:-20])

    assert "broken gzip" in refusal(home, engine)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("damage", ["checksum", "cut off", "a byte"])
def test_gzip_damaged_beyond_its_beginning(damage, engine, home):
    """What stands in the first 256 kB is looked at before; this does not."""
    rows = [(user, T + user % DAY, 1 + user % 5, "p", 1, 0) for user in range(1, 40_001)]
    packed = bytearray(gzip.compress(text_of(rows).encode()))
    if damage == "checksum":
        packed[-6] ^= 1
    elif damage == "cut off":
        del packed[-2_000:]
    else:
        packed[-50_000] ^= 1
    (home / "data").mkdir()
    (home / "data" / "raw_sample.csv.gz").write_bytes(bytes(packed))

    assert "raw_sample.csv.gz: broken gzip" in refusal(home, engine)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_wrong_encoding(encoding, engine, home):
    log_of(home, text_of([(*ROWS[0][:3], "Größe", 1, 0), *ROWS]).encode(encoding))

    assert "UTF-8" in refusal(home, engine)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("mark", "options"),
    [
        ("\ufeff", {}),
        ("", {"line_end": "\r\n"}),
        ("", {"delimiter": ";"}),
        ("", {"delimiter": "\t"}),
    ],
    ids=["byte-order mark", "CRLF", "semicolon", "tab"],
)
def test_byte_order_mark_line_ends_and_delimiters(mark, options, engine, home):
    log_of(home, mark + text_of(**options))

    assert rejected(engine) == {}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_quoted_field_with_a_newline(engine, home):
    log_of(home, text_of([*ROWS, (1, T, 1, '"first\nsecond"', 1, 0)]))

    assert rejected(engine) == {}
    assert (
        json.loads((home / "run" / "manifest.json").read_text())["accounts"][0]["n_used"] == N + 1
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_columns_in_another_order(engine, home):
    order = [5, 4, 2, 3, 1, 0]
    names = LOG_HEADER.split(",")
    log_of(
        home,
        csv_text(",".join(names[i] for i in order), [tuple(r[i] for i in order) for r in ROWS]),
    )

    assert rejected(engine) == {}


@pytest.mark.parametrize("engine", ENGINES)
def test_duplicate_columns(engine, home):
    log_of(home, text_of().replace("nonclk,clk", "clk,clk", 1))

    says(refusal(home, engine))


@pytest.mark.parametrize("engine", ENGINES)
def test_negative_and_absurd_times_and_clicks(engine, home):
    bad = [
        (1, -T, 1, "p", 1, 0),
        (1, 10**17, 1, "p", 1, 0),
        (1, 10**30, 1, "p", 1, 0),
        (1, T, 1, "p", -1, 2),
        (1, T, 1, "p", 1, 1),
        (1, T, 1, "p", 0, 0),
    ]
    log_of(home, text_of([*ROWS, *bad]))

    assert rejected(engine) == {
        "impressions": {
            "shown_at missing or unreadable": 1,
            "impossible time": 2,
            "is_click not 0 or 1": 1,
            "is_click contradicts is_not_click": 2,
        }
    }


@pytest.mark.parametrize("engine", ENGINES)
def test_duplicated_and_contradicting_profile_rows(engine, home):
    sound = [(user, 1, 1, 1 + user % 2, 3, 2, 3, 0, 2) for user in range(1, 61)]
    rows = [*sound, sound[0], (2, 1, 1, 1, 5, 2, 3, 0, 2)]
    write_taobao(home / "data", log=ROWS, profiles=rows)

    found = rejected(engine)["profiles"]

    assert found == {"exact duplicate": 1, "contradicts another row of the same id": 2}


@pytest.mark.parametrize("engine", ENGINES)
def test_one_user(engine, home):
    log_of(home, text_of([(7, T + n * DAY, 1, "p", 1, 0) for n in range(9)]))

    shows(refusal(home, engine))


@pytest.mark.parametrize("engine", ENGINES)
def test_all_users_equal(engine, home):
    log_of(home, text_of([(user, T, 1, "p", 1, 0) for user in range(60)]))

    shows(refusal(home, engine))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_feature_that_is_all_null(engine, home):
    names = PROFILE_HEADER.split(",")
    rows = [(user, *[1 + user % 2] * (len(names) - 2), "") for user in range(1, 61)]
    write_taobao(home / "data", log=ROWS, profiles=rows)

    assert rejected(engine, "--features", "recency_days,n_impressions,city_tier") == {}
    warnings = json.loads((home / "run" / "summary.json").read_text())["warnings"]
    shows(warnings)


@pytest.mark.parametrize("engine", ENGINES)
def test_not_a_number_and_infinity(engine, home):
    log_of(home, text_of([*ROWS, ("inf", T, 1, "p", 1, 0), (1, "nan", 1, "p", 1, 0),
                          (1, T, "-inf", "p", 1, 0)]))  # fmt: skip

    # A user that is called inf is one, as among ids that are text.
    assert rejected(engine) == {"impressions": {"shown_at missing or unreadable": 1}}
    users = pl.read_parquet(home / "run" / "users.parquet")
    assert users.filter(pl.col("user_id") == "inf")["n_impressions"].to_list() == [1]


@pytest.mark.parametrize("engine", ENGINES)
def test_ids_beyond_64_bits_are_text(engine, home):
    log_of(home, text_of([(10**30 + user, *rest) for user, *rest in ROWS]))

    assert rejected(engine) == {}
    ids = pl.read_parquet(home / "run" / "segments.parquet")["user_id"]
    assert sorted(ids) == sorted({str(10**30 + row[0]) for row in ROWS})


@pytest.mark.parametrize("engine", ENGINES)
def test_ids_that_are_numbers_in_one_file_and_text_in_another(engine, home):
    rows = [(f"u{user}" if user == 60 else user, 1, 1, 1 + user % 2, 3, 2, 3, 0, 2)
            for user in range(1, 61)]  # fmt: skip
    write_taobao(home / "data", log=ROWS, profiles=rows)

    assert rejected(engine) == {}
    segments = pl.read_parquet(home / "run" / "segments.parquet")
    assert segments["user_id"].dtype == pl.String
    assert segments["is_profiled"].sum() == 60  # "1" of the log is 1 of the profiles
    assert segments.filter(pl.col("user_id") == "1")["is_profiled"].item()


@pytest.mark.parametrize("engine", ENGINES)
def test_one_segment_and_more_than_the_distinct_rows(engine, home):
    log_of(home, text_of())

    assert rejected(engine, "--k", 1) == {}
    assert set(pl.read_parquet(home / "run" / "segments.parquet")["segment_id"]) == {1}
    again = run(engine, "--k", 60, "--overwrite")
    text = json.loads(again.out)["error"]
    assert (again.code, again.err) == (2, "")
    assert text.startswith("K = 60: found ")
    shows(text)
    assert set(pl.read_parquet(home / "run" / "segments.parquet")["segment_id"]) == {1}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_full_disk(engine, home, monkeypatch):
    log_of(home, text_of())
    write_bytes = pl.DataFrame.write_parquet

    def write(frame, file, **options):
        if getattr(file, "name", "") == "segments.parquet":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(file))
        return write_bytes(frame, file, **options)

    monkeypatch.setattr(pl.DataFrame, "write_parquet", write)

    shows(refusal(home, engine))
