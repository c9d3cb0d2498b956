"""``run --from``: another answer from the same user table, without reading the log."""

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from tests.pipeline.runs import RUN_FILES, reused_run, segmentry, summary_of
from tests.texts import says, shows

from segmentry.config import RunConfig, command_of
from segmentry.pipeline._run import _reuse
from segmentry.results.run_folder import read_bundle, read_manifest
from segmentry.results.summary import read_summary


@pytest.fixture(scope="module")
def reused(plain_run, tmp_path_factory):
    made = reused_run(tmp_path_factory.getbasetemp())
    assert (made.data_dir, made.answer.code) == (plain_run.folder, 0)
    return made.folder


def test_another_k_gives_what_a_run_on_the_log_gives(plain_run, reused):
    found, direct = read_summary(reused), summary_of(plain_run.data_dir, k=5, k_range="4:5")

    assert direct.validation is not None
    assert found.validation == direct.validation
    assert found.segments == direct.segments
    assert found.selection == direct.selection
    assert found.map == direct.map
    assert found.data == direct.data
    assert found.method == direct.method


def test_the_new_folder_is_whole_and_tells_where_the_users_came_from(plain_run, reused):
    before, manifest = read_manifest(plain_run.folder), read_manifest(reused)

    absent = {"affinity.parquet", "figures", "report.html"}  # it is not drawn
    assert {path.name for path in reused.iterdir()} == RUN_FILES - absent
    assert manifest.inputs == before.inputs
    assert manifest.accounts == before.accounts
    assert "read log" not in {step.step for step in manifest.steps}
    assert read_summary(reused).repeat.command == (
        "segmentry run --from run --out RUN_DIR --bootstraps 2 --k 5 --k-range 4:5"
    )
    users = [pl.read_parquet(run / "users.parquet") for run in (plain_run.folder, reused)]
    assert_frame_equal(*(table.drop("segment_id", "segment_key") for table in users))


def test_how_the_log_was_read_is_carried_over(attribute_run):
    users, inputs, settings = _reuse(attribute_run.folder, RunConfig(k=2))

    assert (settings.k, settings.since) == (2, "2017-05-07")
    assert users.window == read_bundle(attribute_run.folder).window
    assert inputs == read_manifest(attribute_run.folder).inputs
    assert command_of(None, attribute_run.folder, settings) == (
        "segmentry run --from run --out RUN_DIR --k 2"
    )


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--since", "2017-05-08"),
        ("--until", "2017-05-08"),
        ("--sample", "0.5"),
        ("--memory", "1GB"),
    ],
)
def test_options_of_reading_are_refused(plain_run, tmp_path, option, value):
    words = ("--from", plain_run.folder, "--out", tmp_path / "other", option, value)

    answer = segmentry("run", *words)

    assert (answer.code, answer.out) == (2, "")
    says(answer.err)
    assert list(tmp_path.iterdir()) == []


def test_options_of_reading_are_refused_together_and_from_toml_too(plain_run, tmp_path):
    file = tmp_path / "run.toml"
    file.write_text('since = "2017-05-08"\n')
    words = ("--out", tmp_path / "other", "--config", file, "--strict")

    answer = segmentry("run", "--from", plain_run.folder, *words)

    assert answer.code == 2
    shows(answer.err)


def test_data_and_an_earlier_run_cannot_both_be_given(plain_run, tmp_path):
    words = (plain_run.data_dir, "--from", plain_run.folder, "--out", tmp_path / "other")

    answer = segmentry("run", *words)

    assert answer.code == 2
    says(answer.err)


def test_a_folder_that_is_no_run_cannot_be_reused(log, tmp_path):
    answer = segmentry("run", "--from", log, "--out", tmp_path / "other")

    assert answer.code == 2
    says(answer.err)
