"""Every file that a run, a plan and an export write, read for figures on too few users."""

import json
import re
import shutil
import zipfile

import numpy as np
import polars as pl
import pytest
from tests.pipeline.runs import generated, segmentry
from tests.texts import shows

from segmentry.results.summary import read_summary

LEAST = 120
# Of single users: these two tell a robot, the other two how sound the files are (see the guide).
NOT_OF_PEOPLE = ("largest_user_share", "findings", "accounts", "unassigned")
# Tables of single users, for whoever holds the log, and the model.
OF_USERS = {
    "users.parquet",
    "segments.parquet",
    "assignment.parquet",
    "bundle.json",
    "fact_user_segment.parquet",
    "fact_user_segment.csv",
    "days.parquet",
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run with a segment of few users, its plans, a test's result and its exports."""
    home = tmp_path_factory.mktemp("few")
    data_dir, run_dir = generated(tmp_path_factory.getbasetemp(), 2_000), home / "run"
    words = ("--k", 9, "--k-range", "9:9", "--min-size", LEAST, "--min-share", 0)
    parts = [segmentry("run", data_dir, "--out", run_dir, *words)]
    parts.append(segmentry("plan", "budget", run_dir, "--impressions", 20_000))
    parts.append(segmentry("plan", "test", run_dir, "--mde", "90%"))
    arms = pl.read_parquet(run_dir / "plan" / "assignment.parquet")
    is_few_of = pl.col("segment_id").is_in([3, 4]) & (
        pl.int_range(pl.len()).over("segment_id") > 70
    )
    arms.filter(~is_few_of).write_csv(home / "arms.csv")
    users = pl.read_parquet(run_dir / "users.parquet")
    users.select("user_id", "n_impressions", "n_clicks").write_csv(home / "results.csv")
    parts.append(
        segmentry("analyse", "test", run_dir, "--results", home / "results.csv",
                  "--assignment", home / "arms.csv")
    )  # fmt: skip
    parts.append(segmentry("export", "powerbi", run_dir, "--out", home / "powerbi"))
    parts.append(segmentry("export", "excel", run_dir, "--out", home / "run.xlsx"))
    assert {answer.code for answer in parts} == {0}, parts
    return home, run_dir, "\n".join(answer.out for answer in parts)


@pytest.fixture(scope="module")
def true(made):
    """The true counts of the segments, and the ids of the small ones."""
    _, run_dir, _ = made
    users = pl.read_parquet(run_dir / "users.parquet")
    counts = (
        users.group_by("segment_id")
        .agg(pl.len().alias("n_users"), pl.col("n_impressions", "n_clicks").sum())
        .sort("segment_id")
    )
    small = counts.filter(pl.col("n_users") < LEAST)["segment_id"].to_list()
    assert small
    return counts, small


def leaves(value, path=()):
    """Return every number of a document with the names that lead to it."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from leaves(each, (*path, key))
    elif isinstance(value, list):
        for place, each in enumerate(value):
            yield from leaves(each, (*path, place))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield path, value


def objects(value):
    """Return every object of a document."""
    if isinstance(value, dict):
        yield value
        for each in value.values():
            yield from objects(each)
    elif isinstance(value, list):
        for each in value:
            yield from objects(each)


def is_few(n_users):
    return 0 < n_users < LEAST


def test_no_count_of_users_in_any_document_is_small(made):
    _, run_dir, _ = made
    documents = [run_dir / "summary.json", *sorted((run_dir / "plan").glob("*.json"))]
    assert len(documents) == 4
    names = {"n_users", "n_present", "n_absent", "n_new", "n_users_later", "n_shown"}
    for file in documents:
        for path, value in leaves(json.loads(file.read_text())):
            if path[-1] in names and not set(path) & set(NOT_OF_PEOPLE):
                assert not is_few(value), (file.name, path, value)


def test_of_a_small_segment_no_document_holds_a_number(made, true):
    _, run_dir, _ = made
    for file in (run_dir / "summary.json", *(run_dir / "plan").glob("*.json")):
        for each in objects(json.loads(file.read_text())):
            if each.get("segment_id") in true[1]:
                parts = {
                    path: value
                    for path, value in leaves(each)
                    if value and path not in {("segment_id",), ("user_share",)}
                    and "numeric" not in path and "levels" not in path
                }  # fmt: skip
                assert parts == {}, file.name
                assert all(
                    level["share"] in (None, 0.0) and not level["index"]
                    for levels in each.get("levels", ())
                    for level in levels["levels"]
                )


def test_shares_of_shown_segments_are_of_enough_users(made):
    summary = read_summary(made[1])
    for segment in (summary.population, *summary.segments):
        for levels in segment.levels:
            for level in levels.levels:
                assert not is_few(round((level.share or 0.0) * segment.n_users))
        for each in segment.numeric:
            n_unknown = round((each.missing_share or 0.0) * segment.n_users)
            assert not is_few(n_unknown)
            if each.mean is not None:
                assert not is_few(segment.n_users - n_unknown)


def test_a_segment_is_forecast_with_the_small_ones_that_are_counted_with_it(made):
    _, run_dir, _ = made
    summary = read_summary(run_dir)
    shown = [each for each in summary.segments if not each.is_withheld]

    clicks = sum(each.n_impressions * each.expected_rate.value for each in shown)

    # Forecast alone, the largest gave 12 % more clicks than there are.
    expected = summary.population.expected_rate.value * summary.population.n_impressions
    assert clicks == pytest.approx(expected, rel=0.03)


def test_what_is_left_over_of_a_total_is_of_enough_users(made, true):
    """Shown cells taken from a segment's total must not leave a few users' impressions."""
    _, run_dir, _ = made
    summary = read_summary(run_dir)
    cells = pl.read_parquet(run_dir / "affinity.parquet")
    assert cells["n_users"].min() >= LEAST
    assert not set(cells["segment_id"]) & set(true[1])
    hours = cells.filter(kind="hour")
    largest = max(summary.segments, key=lambda each: each.n_users)
    for segment in summary.segments:
        own = hours.filter(segment_id=segment.segment_id)
        left = segment.n_impressions - own["n_impressions"].sum()
        # More impressions than few users have at the pace of the segment, or none at all.
        assert left == 0 or left > segment.n_impressions / segment.n_users, largest
    for curve in summary.log.curves:
        assert all(point.n_users >= LEAST for point in curve.points)
        assert all(cap.n_users >= LEAST for cap in curve.caps)
    by_kind = {}
    for curve in summary.log.curves:
        by_kind.setdefault(curve.kind, []).append([p.n_users for p in curve.points])
    for of_all, *of_segments in by_kind.values():
        for band, n_users in enumerate(of_all):
            parts = [points[band] for points in of_segments if band < len(points)]
            assert not is_few(n_users - sum(parts))


def numbers_in(text):
    """Return the whole numbers that a text shows, thousands apart by commas or not."""
    plain = re.sub(r"<(script|style|svg).*?</\1>", " ", text, flags=re.DOTALL)
    plain = re.sub(r"<[^>]+>", " ", plain)
    found = re.findall(r"(?<![\w.,])(?:\d{1,3}(?:,\d{3})+|\d+)(?![\w.])", plain)
    return {int(each.replace(",", "")) for each in found}


def texts_of(file):
    """Return what a file says, the parts of a workbook put together."""
    if file.suffix == ".xlsx":
        with zipfile.ZipFile(file) as parts:
            sheets = {
                name: parts.read(name).decode()
                for name in parts.namelist()
                if name.endswith(".xml") and "worksheets" in name
            }
            users = parts.read("xl/workbook.xml").decode().index("fact_user_segment")
            assert users > 0
            return " ".join(text for name, text in sheets.items() if "sheet1.xml" not in name)
    if file.suffix == ".parquet":
        return pl.read_parquet(file).write_csv()
    return file.read_text(errors="replace")


def test_no_file_tells_the_counts_of_a_small_segment_or_of_the_largest_without_it(made, true):
    home, _, printed = made
    counts, small = true
    hidden = counts.filter(pl.col("segment_id").is_in(small))
    largest = counts.sort("n_users").tail(1)
    secret = set(hidden["n_impressions"]) | set(largest["n_impressions"]) | set(largest["n_users"])
    secret = {number for number in secret if number > LEAST}
    assert len(secret) >= 3

    kinds = {".json", ".parquet", ".csv", ".html", ".sql", ".toml", ".xlsx", ".tmdl", ".svg"}
    files = [file for file in home.rglob("*") if file.is_file() and file.suffix in kinds]
    ours = {"arms.csv", "results.csv"}  # what the test itself brought
    files = [file for file in files if file.name not in OF_USERS | ours]
    names = {file.name for file in files}
    assert {"summary.json", "report.html", "profiles.parquet", "run.xlsx"} <= names
    assert any(file.is_relative_to(home / "powerbi") for file in files)
    for file in files:
        assert not numbers_in(texts_of(file)) & secret, file.relative_to(home)
    assert not numbers_in(printed) & secret


def test_tables_of_segments_for_other_tools_count_no_few_users(made):
    home, run_dir, _ = made
    tables = [*(home / "powerbi").rglob("*.parquet"), *run_dir.glob("*.parquet")]
    n_counted = 0
    for file in tables:
        table = pl.read_parquet(file)
        if "n_users" in table.columns:
            n_counted += 1
            assert not any(is_few(n) for n in table["n_users"].drop_nulls()), file.name
    assert n_counted >= 2


def test_a_small_segment_is_no_audience_by_itself(made, true):
    home, run_dir, _ = made
    (first, *_) = true[1]

    answer = segmentry("export", "audience", run_dir, "--segment", first, "--out", home / "a.csv")

    assert (answer.code, answer.out) == (2, "")
    shows(answer.err)
    assert answer.err.count("\n") == 1
    assert not (home / "a.csv").exists()


def test_a_segment_with_few_users_in_an_arm_is_hidden_with_another(made):
    document = json.loads((made[1] / "plan" / "test_result.json").read_text())

    hidden = [each["segment_id"] for each in document["segments"] if not each["n_users"]]
    assert {3, 4} <= set(hidden)
    assert all(
        each["effect"]["p"] is None and each["p_holm"] is None
        for each in document["segments"]
        if each["segment_id"] in hidden
    )


def test_an_arm_of_few_users_is_not_analysed(made, tmp_path):
    home, run_dir, _ = made
    copy = tmp_path / "run"
    shutil.copytree(run_dir, copy)
    arms = pl.read_parquet(copy / "plan" / "assignment.parquet")
    is_few_treated = (pl.col("arm") == "control") | (pl.int_range(pl.len()) < LEAST)
    arms.filter(is_few_treated).write_csv(tmp_path / "arms.csv")

    answer = segmentry("analyse", "test", copy, "--results", home / "results.csv",
                       "--assignment", tmp_path / "arms.csv")  # fmt: skip

    assert (answer.code, answer.out) == (2, "")
    shows(answer.err)
    assert np.count_nonzero(arms["arm"] == "treatment") > LEAST
