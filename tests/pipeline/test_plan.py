"""Plans made from a run folder, by command and by function."""

import json
import shutil

import pytest
from tests.pipeline.runs import generated, plain_run, segmentry
from tests.texts import shows

from segmentry.advise.budget import plan_budget
from segmentry.advise.traffic import read_traffic
from segmentry.results.summary import read_summary
from segmentry.runtime.version import __version__


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    """A copy of a run on 2,000 users: plans are written into it."""
    made = plain_run(tmp_path_factory.getbasetemp()).folder
    folder = tmp_path_factory.mktemp("plans") / "run"
    shutil.copytree(made, folder)
    return folder


def text(*words):
    """Return what a command tells machines."""
    answer = segmentry(*words, "--json")
    assert (answer.code, answer.err) == (0, "")
    return json.loads(answer.out)


def test_a_budget_is_divided_written_and_printed(run_dir):
    document = text("plan", "budget", run_dir, "--impressions", 20_000)

    written = json.loads((run_dir / "plan" / "budget.json").read_text())
    assert written == {"version": 1, "segmentry_version": __version__} | document
    summary = read_summary(run_dir)
    assert [each["name"] for each in document["segments"]] == [s.name for s in summary.segments]
    assert sum(each["impressions"] for each in document["segments"]) == 20_000
    past = [s.n_impressions for s in summary.segments]
    proportional = [each["proportional"] for each in document["segments"]]
    assert proportional == pytest.approx([20_000 * n / sum(past) for n in past], abs=1)
    for each, segment in zip(document["segments"], summary.segments, strict=True):
        # Half of the users against all of them, 2,000 in number.
        assert each["rate"]["value"] == pytest.approx(segment.expected_rate.value, rel=0.5)
    answer = segmentry("plan", "budget", run_dir, "--impressions", 20_000)
    assert document["conclusion"] in answer.out
    assert "Observational" in answer.out


def test_the_ads_of_the_log_are_divided_if_nothing_else_is_asked(run_dir):
    summary = read_summary(run_dir)
    past = sum(segment.n_impressions for segment in summary.segments)
    n_days = text("plan", "budget", run_dir)["n_days"]

    assert text("plan", "budget", run_dir)["n_impressions"] == past
    assert text("plan", "budget", run_dir, "--days", 2 * n_days)["n_impressions"] == 2 * past


def test_the_same_seed_gives_the_same_bytes(run_dir):
    texts = []
    for _ in range(2):
        plan_budget(run_dir, impressions=20_000)
        texts.append((run_dir / "plan" / "budget.json").read_bytes())
    assert texts[0] == texts[1]


def test_money_buys_impressions(run_dir):
    words = ("plan", "budget", run_dir, "--money", 100, "--cost-per-impression", 0.01)
    document = text(*words, "--floor", "1=5%", "--cap", "1=0.9,2=0.9")
    assert (document["n_impressions"], document["money"]) == (10_000, 100.0)
    assert document["segments"][0]["floor"] == pytest.approx(500)
    answer = segmentry(*words)
    assert "money" in answer.out


@pytest.mark.parametrize(
    "words",
    [
        ["--days", "nan"],
        ["--impressions", 0],
        ["--impressions", 9, "--money", 9],
        ["--money", 9],
        ["--money", 0, "--cost-per-impression", 1],
        ["--money", 9, "--cost-per-impression", 0],
        ["--impressions", 99_999_999],
        ["--impressions", 9, "--floor", "1"],
        ["--impressions", 9, "--floor", "1=x"],
    ],
)
def test_a_budget_that_makes_no_sense_is_refused_in_one_line(run_dir, words):
    answer = segmentry("plan", "budget", run_dir, *words)
    assert (answer.code, answer.out) == (2, "")
    shows(answer.err)
    assert answer.err.count("\n") == 1


def test_a_run_that_was_not_checked_has_nothing_to_plan_with(run_dir, tmp_path):
    unchecked = tmp_path / "unchecked"
    shutil.copytree(run_dir, unchecked, ignore=shutil.ignore_patterns("validation"))
    answer = segmentry("plan", "budget", unchecked, "--impressions", 9)
    assert answer.code == 2
    shows(answer.err)
    answer = segmentry("plan", "budget", tmp_path, "--impressions", 9)
    assert answer.code == 2
    assert "expected a run folder" in answer.err


def test_by_all_days_users_are_labelled_as_the_run_did(run_dir):
    traffic = read_traffic(run_dir)
    labelled = traffic.relabel(traffic.days)
    assert (labelled == traffic.users["segment_id"].to_numpy()).mean() > 0.99


def test_segments_too_small_to_be_shown_are_planned_with_the_largest(run_dir, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(run_dir, copy)
    sizes = {s.segment_id: s.n_users for s in read_summary(run_dir).segments}
    smallest, largest = min(sizes, key=sizes.get), max(sizes, key=sizes.get)
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["config"]["min_size"] = sizes[smallest] + 1
    (copy / "manifest.json").write_text(json.dumps(manifest))

    document = text("plan", "budget", copy, "--impressions", 2_000)

    found = {each["segment_id"]: each["n_users"] for each in document["segments"]}
    assert smallest not in found
    assert found[largest] == sizes[largest] + sizes[smallest]
    assert sum(each["impressions"] for each in document["segments"]) == 2_000
    test = text("plan", "test", copy, "--mde", "60%")
    assert {each["segment_id"] for each in test["segments"]} == set(found)


def test_latent_classes_are_planned_with_too(undrawn, tmp_path):
    data_dir, folder = generated(tmp_path, 300, seed=1), tmp_path / "run"
    answer = segmentry(
        "run", data_dir, "--algorithm", "latent", "--k", "2", "--k-range", "2:2", "--out", folder
    )
    assert answer.code == 0
    traffic = read_traffic(folder)
    labelled = traffic.relabel(traffic.days)
    assert (labelled == traffic.users["segment_id"].to_numpy()).mean() > 0.99
    document = text("plan", "budget", folder, "--impressions", 2_000)
    assert len(document["segments"]) == 2
