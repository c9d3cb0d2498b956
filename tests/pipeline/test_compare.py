"""Comparing algorithms on the users of a run."""

import json
import shutil

import polars as pl
import pytest
from tests.pipeline.runs import leave_undrawn, segmentry
from tests.texts import raises_text

from segmentry import pipeline
from segmentry.errors import ConfigError
from segmentry.results.comparisons import read_comparison


@pytest.fixture(scope="module")
def compared(plain_run, tmp_path_factory):
    folder = shutil.copytree(plain_run.folder, tmp_path_factory.mktemp("compared") / "run")
    before = (folder / "summary.json").read_bytes()
    asked = ["kmeans", "dbscan", "classic"]
    with pytest.MonkeyPatch.context() as patch:
        leave_undrawn(patch)
        found = pipeline.compare_algorithms(folder, algorithms=asked, n_runs=1, is_alone=False)
    return folder, found, before


def test_the_runs_own_algorithm_finds_the_segments_of_the_run(compared):
    folder, found, _ = compared
    segments = pl.read_parquet(folder / "segments.parquet")
    sizes = segments.filter(pl.col("feature_segment_id") > 0)["feature_segment_id"].value_counts()

    own = next(each for each in found.results if each.is_chosen)

    assert own.name == found.chosen == "kmeans"
    assert own.agreement == pytest.approx(1.0)
    assert sorted(own.sizes) == sorted(sizes["count"].to_list())
    assert own.inner_gain.value is not None


def test_the_folder_gets_the_comparison_and_the_report_a_section(compared):
    folder, found, before = compared

    assert read_comparison(folder) == found
    table = pl.read_parquet(folder / "comparison.parquet")
    assert table["algorithm"].to_list() == ["kmeans", "dbscan", "classic"]
    page = (folder / "report.html").read_text()
    assert "Algorithms compared" in page
    assert "DBSCAN" in page
    assert (folder / "summary.json").read_bytes() == before


def test_the_command_prints_json_with_seconds_and_memory(plain_run, undrawn, tmp_path):
    folder = shutil.copytree(plain_run.folder, tmp_path / "run")

    answer = segmentry(
        "compare-algorithms", folder, "--algorithms", "kmeans", "--runs", "0", "--json"
    )

    assert answer.code == 0, answer.err
    (found,) = json.loads(answer.out)["results"]
    assert found["name"] == "kmeans"
    assert found["peak_memory_mb"] > 20


def test_what_is_no_run_folder_is_refused_with_what_to_do(tmp_path):
    answer = segmentry("compare-algorithms", tmp_path)

    assert answer.code == 2
    assert "--out RUN_DIR" in answer.err


def test_wrong_settings_are_refused(plain_run):
    with raises_text(ConfigError):
        pipeline.compare_algorithms(plain_run.folder, algorithms=["kmedoids"])
    with raises_text(ConfigError):
        pipeline.compare_algorithms(plain_run.folder, n_runs=-1)
