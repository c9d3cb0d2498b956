"""A test planned on a run folder and analysed from files."""

import json
import shutil

import numpy as np
import polars as pl
import pytest
from tests.pipeline.runs import plain_run, segmentry
from tests.texts import shows

from segmentry.advise.experiments import analyse_test


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    """A copy of a run on 2,000 users with a test planned on it."""
    made = plain_run(tmp_path_factory.getbasetemp()).folder
    folder = tmp_path_factory.mktemp("tests") / "run"
    shutil.copytree(made, folder)
    answer = segmentry("plan", "test", folder, "--mde", "40%", "--salt", "one")
    assert (answer.code, answer.err) == (0, "")
    return folder


@pytest.fixture(scope="module")
def assignment(run_dir):
    return pl.read_parquet(run_dir / "plan" / "assignment.parquet")


@pytest.fixture(scope="module")
def outcome(assignment):
    """Counts of the users of a test in which the treated click twice as much."""
    rng = np.random.default_rng(0)
    n = rng.poisson(6, assignment.height)
    rate = np.where(assignment["arm"] == "treatment", 0.2, 0.1)
    counts = pl.DataFrame({"n_impressions": n, "n_clicks": rng.binomial(n, rate)})
    return assignment.select("user_id").hstack(counts).filter(pl.col("n_impressions") > 0)


def test_a_plan_assigns_every_user_of_its_segments_once(run_dir, assignment):
    segments = pl.read_parquet(run_dir / "segments.parquet").filter(pl.col("segment_id") > 0)
    plan = json.loads((run_dir / "plan" / "test.json").read_text())

    assert assignment.columns == ["user_id", "segment_id", "arm"]
    assert (
        assignment.select("user_id", "segment_id")
        .sort("user_id")
        .equals(segments.select("user_id", "segment_id").sort("user_id"))
    )
    sizes = dict(assignment["arm"].value_counts().rows())
    assert sizes == {"control": plan["n_control"], "treatment": plan["n_treatment"]}
    is_treated = (pl.col("arm") == "treatment").mean()
    shares = assignment.group_by("segment_id").agg(is_treated.alias("share"), pl.len())
    assert ((shares["share"] - 0.5).abs() * shares["len"]).max() <= 0.5 + 1e-9
    assert plan["everyone"]["n_users"] == assignment.height
    assert [each["segment_id"] for each in plan["segments"]] == sorted(
        assignment["segment_id"].unique()
    )


def test_the_plan_is_printed_with_its_days(run_dir, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(run_dir, copy)
    words = ("plan", "test", copy, "--mde", "50%", "--segments", "1", "--ratio", "3:1")
    document = json.loads(segmentry(*words, "--json").out)
    answer = segmentry(*words)

    assert answer.out.startswith(f"{document['everyone']['n_days']} day")
    arrived = document["users_by_day"]
    assert len(arrived) == document["everyone"]["n_days"]
    assert arrived == sorted(arrived)
    assert arrived[-1] == document["everyone"]["n_users_reached"] <= document["everyone"]["n_users"]
    assert "assignment.parquet" in answer.out
    written = pl.read_parquet(copy / "plan" / "assignment.parquet")
    assert set(written["segment_id"]) == {1}
    assert (written["arm"] == "treatment").mean() == pytest.approx(0.25, abs=0.01)


def test_results_are_analysed_from_counts_and_from_a_log_alike(run_dir, outcome, tmp_path):
    counts, log = tmp_path / "counts.parquet", tmp_path / "log.csv"
    outcome.write_parquet(counts)
    rows = []
    for user, n, c in outcome.iter_rows():
        rows += [(user, 1)] * c + [(user, 0)] * (n - c)
    pl.DataFrame(rows, schema=["user", "clk"], orient="row").write_csv(log)

    first = analyse_test(run_dir, results=counts)
    second = analyse_test(run_dir, results=log)

    assert first == second
    assert first.effect.p < 0.01
    assert first.plain.lift.low < 1.0 < first.plain.lift.high
    treated = pl.read_parquet(run_dir / "plan" / "assignment.parquet")
    together = (
        outcome.join(treated, on="user_id")
        .group_by("arm")
        .agg(pl.col("n_clicks").sum() / pl.col("n_impressions").sum())
    )
    ctr = dict(together.rows())
    assert first.plain.difference.value == pytest.approx(ctr["treatment"] - ctr["control"])


def test_users_outside_are_left_out_and_absent_ones_are_counted(run_dir, outcome, tmp_path):
    file = tmp_path / "results.csv"
    extra = pl.DataFrame(
        {"user_id": [10**9, 10**9 + 1], "n_impressions": [9, 9], "n_clicks": [9, 9]}
    )
    pl.concat([outcome, extra.cast(outcome.schema)]).write_csv(file)

    answer = segmentry("analyse", "test", run_dir, "--results", file)

    assert (answer.code, answer.err) == (0, "")
    assert f"2 of {outcome.height + 2:,} users" in answer.out
    shows(answer.out)
    shows(answer.out)
    shows(answer.out)
    assert answer.out.startswith("Treatment clicks more")
    written = json.loads((run_dir / "plan" / "test_result.json").read_text())
    assert (
        sum(arm["n_users"] for arm in written["arms"])
        == pl.read_parquet(run_dir / "plan" / "assignment.parquet").height
    )


@pytest.mark.parametrize(
    "text",
    [
        "user_id,n_impressions,n_clicks\n1000000001,5,1\n",
        "user_id,n_impressions,n_clicks\n1,5,6\n",
        "user_id,n_impressions,n_clicks\n1,5,1\n1,5,1\n",
        "user_id,n_impressions,n_clicks\n1,x,1\n",
        "user_id,n_impressions,n_clicks\n1,-5,0\n",
        "user_id,clk\n1,2\n",
        "user_id,n_impressions\n1,2\n",
        "user,clicks\n,2\n",
        "id,clicks\n1,2\n",
    ],
)
def test_odd_results_are_refused_in_one_line(run_dir, tmp_path, text):
    file = tmp_path / "results.csv"
    file.write_text(text)
    answer = segmentry("analyse", "test", run_dir, "--results", file)
    assert (answer.code, answer.out) == (2, "")
    shows(answer.err)
    assert answer.err.count("\n") == 1


def test_odd_assignments_are_refused_in_one_line(run_dir, outcome, tmp_path):
    results, file = tmp_path / "results.csv", tmp_path / "assignment.csv"
    outcome.write_csv(results)
    words = ("analyse", "test", run_dir, "--results", results)
    file.write_text("user_id,segment_id,arm\n1,1,blue\n")
    answer = segmentry(*words, "--assignment", file)
    assert (answer.code, "found arm 'blue', expected control or treatment" in answer.err) == (
        2,
        True,
    )
    shutil.copytree(run_dir, tmp_path / "run", ignore=shutil.ignore_patterns("plan"))
    answer = segmentry("analyse", "test", tmp_path / "run", "--results", results)
    assert answer.code == 2
    shows(answer.err)


@pytest.mark.parametrize(
    "words",
    [
        ["--mde", "0.01%"],
        ["--mde", "x"],
        ["--mde", "5%", "--metric", "sales"],
        ["--mde", "5%", "--segments", "99"],
        ["--mde", "5%", "--ratio", "1"],
        ["--mde", "5%", "--alpha", "0.7"],
    ],
)
def test_a_test_that_makes_no_sense_is_refused_in_one_line(run_dir, words):
    before = (run_dir / "plan" / "test.json").read_bytes()
    answer = segmentry("plan", "test", run_dir, *words)
    assert (answer.code, answer.out) == (2, "")
    shows(answer.err)
    assert answer.err.count("\n") == 1
    assert (run_dir / "plan" / "test.json").read_bytes() == before
