"""A test planned on a run folder and analysed from files."""

import json
import shutil

import numpy as np
import polars as pl
import pytest
from tests.pipeline.runs import plain_run, segmentry
from tests.texts import says, shows

from segmentry.advise.experiments import analyse_test
from segmentry.advise.experiments._files import read_results


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
    assert "\nall " not in answer.out  # one segment: it alone is all who take part
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


@pytest.mark.parametrize("row", ['7,"1,250",3', " 7 , 1250 , 3 ", '7,"1,250.00", 3.0'])
def test_counts_of_results_are_read_as_those_of_a_log(row, tmp_path):
    file = tmp_path / "results.csv"
    file.write_text(f"user_id,n_impressions,n_clicks\n{row}\n8,0,0\n")

    found = read_results(file, pl.Int64())

    assert found.rows() == [(7, 1250, 3), (8, 0, 0)]


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
        "user_id,clk\n1,1\n2,\n",
        "user_id,Is_Click\n1,1\n",
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


# --- what is counted per user, several treatments, looks


@pytest.fixture(scope="module")
def looked_at(run_dir, tmp_path_factory):
    """A test of clicks per user: two treatments, three looks."""
    folder = tmp_path_factory.mktemp("metric") / "run"
    shutil.copytree(run_dir, folder)
    words = ("--metric", "clicks", "--mde", "60%", "--ratio", "2:1:1", "--looks", "3")
    answer = segmentry("plan", "test", folder, *words, "--max-days", "365")
    assert (answer.code, answer.err) == (0, "")
    assert " in 2 treatments (salt" in answer.out
    return folder


def test_looks_are_planned_and_rise_to_the_last_day(looked_at):
    plan = json.loads((looked_at / "plan" / "test.json").read_text())
    looks, everyone = plan["looks"], plan["everyone"]

    # What users keep makes the plain test endless; what they did before takes it away.
    assert looks[-1]["day"] == everyone["n_days"] or everyone["n_days_adjusted"]
    assert looks[-1]["fraction"] == 1.0
    assert [each["alpha"] for each in looks] == sorted(each["alpha"] for each in looks)
    assert sum(each["alpha"] for each in looks) >= 0.025 > looks[-1]["alpha"]  # two treatments
    users = pl.read_parquet(looked_at / "users.parquet")
    per_day = users["n_clicks"].sum() / users.height / 8
    assert everyone["rate"] == pytest.approx(per_day, rel=0.05)
    sizes = dict(
        pl.read_parquet(looked_at / "plan" / "assignment.parquet")["arm"].value_counts().rows()
    )
    assert set(sizes) == {"control", "treatment-1", "treatment-2"}
    assert abs(sizes["control"] - 2 * sizes["treatment-1"]) <= 6


def test_a_look_is_analysed_at_its_own_level(looked_at, tmp_path):
    arms = pl.read_parquet(looked_at / "plan" / "assignment.parquet")
    works = np.where(arms["arm"] == "treatment-2", 2.0, 1.0)
    clicks = np.random.default_rng(2).poisson(1.0 * works)
    arms.select("user_id", clicks=pl.Series(clicks)).write_csv(tmp_path / "clicks.csv")
    words = ("analyse", "test", looked_at, "--results", tmp_path / "clicks.csv")

    last = json.loads(segmentry(*words, "--look", "3", "--json").out)
    plan = json.loads((looked_at / "plan" / "test.json").read_text())

    assert (last["look"], last["alpha"]) == (3, plan["looks"][2]["alpha"])
    assert [each["is_found"] for each in last["contrasts"]] == [False, True]
    assert [each["arm"] for each in last["arms"]] == ["control", "treatment-1", "treatment-2"]
    assert last["arms"][2]["mean"] == pytest.approx(clicks[arms["arm"] == "treatment-2"].mean())
    printed = segmentry(*words, "--look", "3")
    assert (printed.code, printed.err) == (0, "")
    shows(printed.out)
    for wrong in ((), ("--look", "4"), ("--look", "1", "--alpha", "0.1")):
        answer = segmentry(*words, *wrong)
        assert answer.code == 2
        says(answer.err)


def test_an_event_that_the_run_does_not_know_takes_a_history(looked_at, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(looked_at, copy)
    users = pl.read_parquet(copy / "segments.parquet")["user_id"]
    rng = np.random.default_rng(1)
    days = pl.DataFrame({"user_id": np.repeat(users, 4), "day": [1, 2, 3, 4] * users.len()})
    days.with_columns(signups=pl.Series(rng.poisson(0.2, days.height))).write_csv(
        tmp_path / "h.csv"
    )
    words = ("plan", "test", copy, "--metric", "signups", "--mde", "30%")

    refused = segmentry(*words)
    planned = json.loads(segmentry(*words, "--history", tmp_path / "h.csv", "--json").out)

    assert refused.code == 2
    says(refused.err.replace(str(copy), "RUN_DIR"))
    assert planned["everyone"]["rate"] == pytest.approx(0.2, rel=0.1)


@pytest.mark.parametrize("words", [("False", "True"), ("no", "yes"), ("0.0", "1"), (" N ", " Y ")])
def test_clicks_of_results_are_read_as_those_of_a_log(words, tmp_path):
    file = tmp_path / "results.csv"
    file.write_text("user_id,clk\n" + "".join(f"{i},{words[i % 3 == 0]}\n" for i in range(6)))

    found = read_results(file, pl.Int64()).sort("user_id")

    assert found["n_clicks"].to_list() == [1, 0, 0, 1, 0, 0]
    assert found["n_impressions"].to_list() == [1] * 6
