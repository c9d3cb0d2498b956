"""The other commands: data, demo, report, help."""

import csv
import json
import shutil
import struct
from collections import Counter

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from tests.pipeline.runs import RUN_FILES, leave_undrawn, segmentry
from tests.reads import LOG_HEADER, csv_text, write_taobao
from tests.texts import says, shows

from segmentry import __version__
from segmentry.ingest.engines import ENGINES
from segmentry.results.summary import read_summary

SATURDAY = 1494000000
DAY = 86_400


def rows_of(file):
    with file.open(newline="") as lines:
        return list(csv.DictReader(lines))


def checked(data_dir, *words):
    """Return the figures of ``data check`` and its findings by code."""
    answer = segmentry("data", "check", data_dir, "--json", *words)
    assert (answer.code, answer.err) == (0, "")
    document = json.loads(answer.out)
    findings = {each["code"]: (each["count"], each["of"]) for each in document["findings"]}
    return document, findings


@pytest.fixture
def odd_data(tmp_path):
    """A log with every oddity, each in another number."""
    log = [
        (1, SATURDAY, 10, "p", 1, 0),
        (1, SATURDAY, 10, "p", 1, 0),
        (1, SATURDAY, 10, "p", 1, 0),
        (1, SATURDAY + 5, 11, None, 0, 1),
        (2, SATURDAY + 3 * DAY, 12, "p", 1, 0),
        (3, SATURDAY + 3 * DAY, 99, "p", 1, 0),
        (None, SATURDAY, 10, "p", 1, 0),
        (4, -5, 10, "p", 1, 0),
        (4, SATURDAY * 1000, 10, "p", 1, 0),
        (4, SATURDAY, 10, "p", 1, 1),
    ]
    profiles = [
        (1, 0, 0, 1, 3, "", 1, 0, 2),
        (2, 0, 0, 2, -1, 2, 1, 0, ""),
        (2, 0, 0, 2, -1, 2, 1, 0, ""),
        (8, 0, 0, 1, 4, 2, 1, 0, ""),
        (9, 0, 0, 1, 4, 2, 1, 0, 1),
        (9, 0, 0, 1, 5, 2, 1, 0, 1),
    ]
    ads = [
        (10, 1, 1, 1, 1, 5.0),
        (11, 1, 1, 1, "NULL", -2.0),
        (12, "", 1, 1, "NULL", 3.0),
        (13, 1, 1, 1, 1, 3.0),
    ]
    return write_taobao(tmp_path / "odd", log=log, profiles=profiles, ads=ads)


@pytest.mark.parametrize("engine", ENGINES)
def test_every_oddity_is_counted(odd_data, engine):
    document, findings = checked(odd_data, "--engine", engine)

    assert document["accounts"] == [
        {
            "role": "impressions",
            "n_read": 10,
            "n_used": 6,
            "rejected": {
                "user_id missing or unreadable": 1,
                "impossible time": 2,
                "is_click contradicts is_not_click": 1,
            },
            "excluded": {},
        },
        {
            "role": "profiles",
            "n_read": 6,
            "n_used": 3,
            "rejected": {
                "exact duplicate": 1,
                "contradicts another row of the same id": 2,
            },
            "excluded": {},
        },
        {"role": "ads", "n_read": 4, "n_used": 4, "rejected": {}, "excluded": {}},
    ]
    assert (document["n_users"], document["n_impressions"], document["n_clicks"]) == (4, 6, 1)
    assert findings == {
        "users-without-profile": (1, 3),
        "profiles-without-impression": (1, 3),
        "unknown-category": (2, 6),
        "unknown-price": (2, 6),
        "unknown-placement": (1, 6),
        "busiest-user": (4, 6),
        "impossible-price": (1, 4),
        "ads-unknown-category": (1, 4),
        "ads-unknown-brand": (2, 4),
        "ads-unknown-price": (1, 4),
        "impossible-level": (2, 18),
        "unknown-gender": (0, 3),
        "unknown-age_level": (1, 3),
        "unknown-consumption_level": (1, 3),
        "unknown-shopping_depth": (0, 3),
        "unknown-city_tier": (2, 3),
        "unknown-occupation": (0, 3),
        "exact-duplicate": (2, 6),
        "ads-without-features": (1, 4),
        "empty-day": (2, 4),
    }


def test_the_figures_of_a_large_log_are_those_of_an_independent_count(log):
    document, findings = checked(log)
    rows, profiles = rows_of(log / "raw_sample.csv"), rows_of(log / "user_profile.csv")
    ads = rows_of(log / "ad_feature.csv")
    users = {row["user"] for row in rows}

    assert document["n_users"] == len(users | {row["userid"] for row in profiles})
    assert document["n_impressions"] == len(rows)
    assert document["n_clicks"] == sum(row["clk"] == "1" for row in rows)
    assert document["window"] == {
        "start": SATURDAY,
        "end": SATURDAY + 8 * DAY,
        "utc_offset_hours": 8,
    }
    n_joined = len(users & {row["userid"] for row in profiles})
    assert findings["users-without-profile"] == (len(users) - n_joined, len(users))
    shown = {row["adgroup_id"] for row in rows}
    n_unknown = len(shown - {row["adgroup_id"] for row in ads})
    assert findings["ads-without-features"] == (n_unknown, len(shown))
    busiest = max(Counter(row["user"] for row in rows).values())
    assert findings["busiest-user"] == (busiest, len(rows))
    n_distinct = len({tuple(row.values()) for row in rows})
    assert findings["exact-duplicate"] == (len(rows) - n_distinct, len(rows))
    n_cities = sum(row["new_user_class_level "] == "" for row in profiles)
    assert findings["unknown-city_tier"] == (n_cities, len(profiles))


def test_people_get_the_check_as_tables_with_shares(odd_data):
    answer = segmentry("data", "check", odd_data)

    lines = [" ".join(line.split()) for line in answer.out.splitlines()]
    assert (answer.code, answer.err) == (0, "")
    assert "impressions 10 6 4 0" in lines
    assert "impressions: 2 impossible time" in lines
    assert "Window: 2017-05-06 00:00+08:00 to 2017-05-10 00:00+08:00 (4 days)" in lines
    shows(lines)
    assert "users without profile 1 3 33.33 %" in lines


def test_the_check_reads_behaviours_where_it_is_asked_to(tmp_path):
    words = ("--users", 200, "--behaviours", "--behaviours-per-user", 5)
    segmentry("data", "generate", tmp_path / "shop", *words)
    log = tmp_path / "shop" / "behavior_log.csv"
    log.write_text(log.read_text() + "1,1494000000,share,1,1\n1,1494000000,share,1,1\n")
    n_rows = len(rows_of(log))

    asked = segmentry("data", "check", tmp_path / "shop", "--with", "behaviours")
    plain = segmentry("data", "check", tmp_path / "shop")

    assert "behaviours: 2 unknown action" in " ".join(asked.out.split())
    assert f"behaviours {n_rows:,} " in " ".join(asked.out.split())
    shows(plain.out)


def test_text_in_brackets_is_printed_as_it_is(tmp_path):
    # Rich reads [bold] as an order unless it is told otherwise.
    (tmp_path / "[bold]").mkdir()
    answer = segmentry("data", "check", tmp_path / "[bold]")
    assert "[bold]: no log" in answer.err


def test_generated_data_are_as_asked(tmp_path):
    words = ("--users", 300, "--seed", 3, "--behaviours", "--behaviours-per-user", 4, "--json")
    answer = segmentry("data", "generate", tmp_path / "new", *words)

    document = json.loads(answer.out)
    log = rows_of(tmp_path / "new" / "raw_sample.csv")
    assert (answer.code, answer.err) == (0, "")
    assert (document["n_users"], document["n_profiled_users"]) == (300, 279)
    assert document["n_impressions"] == len(log)
    assert document["n_clicks"] == sum(row["clk"] == "1" for row in log)
    assert document["n_behaviours"] == len(rows_of(tmp_path / "new" / "behavior_log.csv"))
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [
        "ad_feature.csv",
        "behavior_log.csv",
        "planted_truth.parquet",
        "raw_sample.csv",
        "user_profile.csv",
    ]


def test_generated_months_are_named_one_by_one(tmp_path):
    answer = segmentry("data", "generate", tmp_path / "year", "--users", 30, "--months", 2)

    first, second, last = answer.out.splitlines()
    assert (answer.code, answer.err) == (0, "")
    assert first.startswith(f"{tmp_path}/year/2017-05: ")
    assert second.startswith(f"{tmp_path}/year/2017-06: ")
    assert last.endswith("planted_life.json and planted_life.parquet")


def test_no_life_needs_months(tmp_path):
    answer = segmentry("data", "generate", tmp_path / "log", "--users", 30, "--no-life")

    assert (answer.code, answer.out) == (2, "")
    assert "add --months 12" in answer.err


def test_generated_behaviours_are_told_with_what_reads_them(tmp_path):
    words = ("data", "generate", tmp_path / "new", "--users", 300)
    with_them = segmentry(*words, "--behaviours", "--behaviours-per-user", 4)
    n_rows = len(rows_of(tmp_path / "new" / "behavior_log.csv"))
    without = segmentry("data", "generate", tmp_path / "other", "--users", 300)

    shows(with_them.out)
    assert f"{n_rows:,} behaviours" in with_them.out
    assert f"segmentry run {tmp_path / 'new'} --with behaviours" in with_them.out
    assert "behavior_log" not in without.out


def test_generated_data_follow_seed_and_null(tmp_path):
    def generated(name, *words):
        segmentry("data", "generate", tmp_path / name, "--users", 200, *words)
        return (tmp_path / name / "raw_sample.csv").read_bytes()

    assert generated("a", "--seed", 1) == generated("b", "--seed", 1)
    assert generated("a", "--seed", 1) != generated("c", "--seed", 2)
    generated("null", "--null")
    truth = pl.read_parquet(tmp_path / "null" / "planted_truth.parquet")
    assert truth["true_ctr"].n_unique() == 1


def test_the_demo_makes_data_and_a_run_and_can_be_repeated(tmp_path, monkeypatch):
    words = ("demo", "--out", tmp_path / "demo", "--users", 300, "--seed", 2)
    answer = segmentry(*words)

    assert (answer.code, answer.err) == (0, "")
    assert sorted(path.name for path in (tmp_path / "demo").iterdir()) == ["data", "run"]
    assert {path.name for path in (tmp_path / "demo" / "run").iterdir()} == RUN_FILES
    log = rows_of(tmp_path / "demo" / "data" / "raw_sample.csv")
    shows(answer.out)
    assert f"{len(log):,} impressions of 300 users" in answer.out
    assert read_summary(tmp_path / "demo" / "run").repeat.seed == 2

    (tmp_path / "demo" / "run" / "old.txt").write_text("of an earlier version")
    leave_undrawn(monkeypatch)
    again = segmentry(*words, "--json")

    assert (again.code, again.err) == (0, "")
    found = {path.name for path in (tmp_path / "demo" / "run").iterdir()}
    assert found == RUN_FILES - {"figures", "report.html"}
    segments = pl.read_parquet(tmp_path / "demo" / "run" / "segments.parquet")
    assert sum(each["n_users"] for each in json.loads(again.out)["segments"]) == segments.height


def test_a_report_is_written_again_from_the_summary(plain_run, tmp_path):
    folder = shutil.copytree(plain_run.folder, tmp_path / "run")
    page = folder / "report.html"
    before = page.read_bytes()
    figure = folder / "figures" / "sizes.svg"
    drawn = figure.read_bytes()
    page.write_text("lost")
    figure.unlink()

    answer = segmentry("report", folder, "--png")

    assert (answer.code, answer.err) == (0, "")
    assert answer.out == f"Report: {page}\n"
    assert page.read_bytes() == before
    assert figure.read_bytes() == drawn
    kinds = Counter(file.suffix for file in figure.parent.iterdir())
    assert kinds[".png"] == kinds[".svg"] == kinds.total() / 2
    head = figure.with_suffix(".png").read_bytes()[:24]
    assert head.startswith(b"\x89PNG")
    assert min(struct.unpack(">II", head[16:24])) > 100
    assert {path.name for path in folder.iterdir()} == RUN_FILES


def test_scores_for_machines_are_one_document(plain_run, tmp_path):
    file = tmp_path / "scores.parquet"
    words = ("--out", file, "--json")

    answer = segmentry("score", plain_run.folder, plain_run.data_dir, *words)

    assert (answer.code, answer.err) == (0, "")
    document = json.loads(answer.out)
    run = pl.read_parquet(plain_run.folder / "segments.parquet")
    assert_frame_equal(pl.read_parquet(file), run.drop("feature_segment_id"))
    assert document["out"] == str(file)
    assert [segment["n_users"] for segment in document["segments"]] == (
        run["segment_id"].value_counts().sort("segment_id")["count"].to_list()
    )


def test_ids_that_are_texts_stay_texts(undrawn, tmp_path):
    log = [
        (f"u{n:02}", SATURDAY + i, 1, "p", 1 - i % 2, i % 2) for n in range(20) for i in range(n)
    ]
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    (data_dir / "raw_sample.csv").write_text(csv_text(LOG_HEADER, log))

    answer = segmentry(
        "run",
        data_dir,
        "--out",
        tmp_path / "run",
        "--k",
        2,
        "--k-range",
        "2:2",
        "--sample",
        0.9,
        "--min-size",
        1,
    )

    assert answer.code == 0
    users = pl.read_parquet(tmp_path / "run" / "segments.parquet")["user_id"]
    assert set(users) <= {f"u{n:02}" for n in range(1, 20)}


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["run", "--help"],
        ["score", "--help"],
        ["report", "--help"],
        ["demo", "--help"],
        ["data", "--help"],
        ["data", "generate", "--help"],
        ["data", "check", "--help"],
    ],
)
def test_help_is_given(words):
    answer = segmentry(*words)
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith(f"Usage: {' '.join(['segmentry', *words[:-1]])} ")


@pytest.mark.parametrize("words", [[], ["data"]])
def test_a_command_without_words_shows_its_help(words):
    answer = segmentry(*words)
    assert answer.out == segmentry(*words, "--help").out
    assert (answer.code, answer.err) == (2, "")


def test_the_version_is_told():
    assert segmentry("--version").out == f"segmentry {__version__}\n"


def test_a_card_is_printed_as_text_page_or_json(plain_run):
    words = ("card", plain_run.folder, "--segment", 1)

    assert segmentry(*words).out.startswith("# ")
    assert segmentry(*words, "--format", "html").out.startswith("<!doctype html>")
    assert json.loads(segmentry(*words, "--format", "json").out)["data_label"]
    answer = segmentry(*words, "--format", "pdf")
    assert answer.code == 2
    says(answer.out or answer.err)
