"""The real excerpt of the Taobao log, as it is, against plain Python on the CSV files."""

import csv
from collections import Counter
from statistics import mean, median

import polars as pl
import pytest
from tests.pipeline.runs import RUN_FILES, segmentry, summary_of
from tests.texts import shows

from segmentry.results.summary import read_summary

pytestmark = pytest.mark.real_data("taobao_excerpt")


@pytest.fixture(scope="module")
def excerpt(real_data):
    return real_data / "taobao_excerpt"


@pytest.fixture(scope="module")
def files(excerpt):
    tables = {}
    for name in ("raw_sample", "user_profile", "ad_feature"):
        with (excerpt / f"{name}.csv").open(newline="") as lines:
            tables[name] = list(csv.DictReader(lines))
    return tables


@pytest.fixture(scope="module")
def run(excerpt, tmp_path_factory):
    folder = tmp_path_factory.mktemp("excerpt") / "run"
    answer = segmentry("run", excerpt, "--out", folder, "--min-size", 1)
    assert (answer.code, answer.err) == (0, "")
    return folder


@pytest.fixture(scope="module")
def summary(run):
    return read_summary(run)


def test_it_runs_as_it_is_and_uses_every_row(run, summary):
    assert {path.name for path in run.iterdir()} == RUN_FILES
    assert {each.role: (each.n_read, each.n_used) for each in summary.data.accounts} == {
        "impressions": (584, 584),
        "profiles": (34, 34),
        "ads": (509, 509),
    }


def test_the_population_is_that_of_the_files(files, summary):
    log = files["raw_sample"]
    n_clicks = sum(int(row["clk"]) for row in log)
    shown = Counter(row["user"] for row in log)

    population = summary.population
    assert (population.n_users, population.n_impressions) == (34, 584)
    assert population.n_clicks == n_clicks
    assert population.ctr_seen.value == pytest.approx(n_clicks / 584)
    impressions = next(each for each in population.numeric if each.feature == "n_impressions")
    assert impressions.mean == pytest.approx(mean(shown.values()))
    assert impressions.median == median(shown.values())
    found = {each.code: each.count for each in summary.data.findings}
    assert found["busiest-user"] == max(shown.values()) == 345
    assert found["users-without-profile"] == 0
    assert found["ads-unknown-brand"] == sum(
        row["brand"] in ("", "NULL") for row in files["ad_feature"]
    )


def test_the_segments_are_sums_over_their_users(files, run, summary):
    segment_of = {
        str(user): segment
        for user, segment in pl.read_parquet(run / "segments.parquet")
        .select("user_id", "segment_id")
        .iter_rows()
    }
    profiles = {row["userid"]: row for row in files["user_profile"]}
    shown, clicked = Counter(), Counter()
    for row in files["raw_sample"]:
        shown[row["user"]] += 1
        clicked[row["user"]] += int(row["clk"])

    assert set(segment_of) == set(profiles) == set(shown)
    for segment in summary.segments:
        users = [user for user, number in segment_of.items() if number == segment.segment_id]
        impressions = sum(shown[user] for user in users)
        clicks = sum(clicked[user] for user in users)
        assert segment.n_users == len(users)
        assert (segment.n_impressions, segment.n_clicks) == (impressions, clicks)
        assert segment.ctr_seen.value == pytest.approx(clicks / impressions)
        ctr = next(each for each in segment.numeric if each.feature == "ctr")
        assert ctr.mean == pytest.approx(mean(clicked[user] / shown[user] for user in users))
        levels = next(each for each in segment.levels if each.feature == "city_tier")
        cities = Counter(profiles[user]["new_user_class_level"][:1] or None for user in users)
        assert {each.level: each.share for each in levels.levels if each.share} == pytest.approx(
            {level: n / len(users) for level, n in cities.items()}
        )


def test_the_answer_for_34_users_is_sensible(summary):
    assert 1 <= len(summary.segments) <= 5
    assert sum(segment.n_users for segment in summary.segments) == 34
    assert all(segment.n_users >= 1 for segment in summary.segments)
    shows(summary.warnings)
    for each in summary.segments:
        assert 0 <= each.ctr_seen.low <= each.ctr_seen.value <= each.ctr_seen.high <= 1


def test_classic_drops_what_is_constant_and_says_so(excerpt):
    summary = summary_of(excerpt, recipe="classic", min_size=1)

    notes = {row.name: row.note for row in summary.features if row.weight is None}
    shows(notes["age_level"])
    shows(summary.warnings)
    assert summary.population.n_users == 34
