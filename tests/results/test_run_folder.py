"""The run folder is whole or absent, whatever goes wrong in between."""

import errno
import json
import os
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from tests.texts import raises_text, says

from segmentry.errors import BundleError, OutputError
from segmentry.results.run_folder import (
    FileFingerprint,
    Manifest,
    check_target,
    read_bundle,
    read_early,
    read_manifest,
    read_user_table,
    render_manifest,
    staged,
    staged_inside,
    write_early,
)
from segmentry.runtime.clock import StepRecord
from segmentry.runtime.temporary import LOCK, written_whole

MANIFEST = Manifest(
    started_at="2026-01-02T03:04:05+00:00",
    seconds=1.5,
    config={"k": 3, "features": ["ctr"]},
    versions={"segmentry": "0.0.9"},
    inputs=(FileFingerprint(path="raw_sample.csv", n_bytes=7, sha256="00ff"),),
    accounts=({"role": "impressions", "n_read": 2},),
    steps=(StepRecord(step="read log", seconds=0.5, peak_memory_mb=100.0),),
)


class BrokenError(Exception):
    """What a step may raise."""


def fill(folder, text):
    (folder / "manifest.json").write_text(text)
    (folder / "model").mkdir()
    (folder / "model" / "bundle.json").write_text(text)


def contents(folder):
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }


def stage_and_fail(run_dir, failure, *, overwrite=False):
    with staged(run_dir, overwrite=overwrite) as staging:
        fill(staging, "new")
        raise failure


def stage_beside_another(run_dir):
    with staged(run_dir, overwrite=False) as staging:
        fill(staging, "new")
        run_dir.mkdir()
        fill(run_dir, "old")


def write_and_fail(context, name, failure):
    with context as place:
        (place / name if name else place).write_text("new")
        raise failure


WHOLE = {"run/manifest.json": "new", "run/model/bundle.json": "new"}
EARLIER = {"run/manifest.json": "old", "run/model/bundle.json": "old"}


@pytest.fixture
def earlier(tmp_path):
    (tmp_path / "run").mkdir()
    fill(tmp_path / "run", "old")
    return tmp_path / "run"


def test_a_folder_appears_when_all_is_written(tmp_path):
    with staged(tmp_path / "run", overwrite=False) as staging:
        fill(staging, "new")
        assert not (tmp_path / "run").exists()
        assert staging.parent == tmp_path
        assert staging.name.startswith(".run.")

    assert contents(tmp_path) == WHOLE
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_an_earlier_run_is_replaced_as_a_whole(tmp_path, earlier):
    (earlier / "extra.txt").write_text("of an earlier version")

    with staged(earlier, overwrite=True) as staging:
        fill(staging, "new")
        assert (earlier / "extra.txt").exists()

    assert contents(tmp_path) == WHOLE
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize("failure", [BrokenError, KeyboardInterrupt, SystemExit])
def test_nothing_is_left_of_a_step_that_fails(tmp_path, failure):
    with pytest.raises(failure):
        stage_and_fail(tmp_path / "a" / "b" / "run", failure)

    assert list(tmp_path.iterdir()) == []


def test_only_the_folders_that_were_made_for_the_run_go_with_it(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(BrokenError), staged(tmp_path / "a" / "b" / "run", overwrite=False):
        raise BrokenError

    assert [path.name for path in tmp_path.rglob("*")] == ["a"]


@pytest.mark.parametrize("failure", [BrokenError, KeyboardInterrupt])
def test_an_earlier_run_survives_a_step_that_fails(tmp_path, earlier, failure):
    with pytest.raises(failure):
        stage_and_fail(earlier, failure, overwrite=True)

    assert contents(tmp_path) == EARLIER


@pytest.mark.parametrize("failure", [OSError(errno.EIO, "Input/output error"), KeyboardInterrupt()])
def test_an_earlier_run_survives_a_failure_between_the_two_renames(
    tmp_path, earlier, monkeypatch, failure
):
    rename = Path.rename

    def fail_once(path, target):
        if path.name.endswith(".partial"):
            raise failure
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fail_once)
    expected = OutputError if isinstance(failure, OSError) else KeyboardInterrupt
    with pytest.raises(expected), staged(earlier, overwrite=True) as staging:
        fill(staging, "new")

    assert contents(tmp_path) == EARLIER
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_run_that_ended_meanwhile_is_not_replaced(tmp_path):
    with raises_text(OutputError):
        stage_beside_another(tmp_path / "run")

    assert contents(tmp_path) == EARLIER


def test_two_runs_to_one_place_do_not_write_into_each_other(tmp_path):
    with (
        staged(tmp_path / "run", overwrite=True) as one,
        staged(tmp_path / "run", overwrite=True) as two,
    ):
        fill(one, "new")
        assert [path.name for path in two.iterdir()] == [LOCK]
        fill(two, "old")

    assert contents(tmp_path) == WHOLE


def test_a_full_disk_is_told_in_one_line(tmp_path):
    with pytest.raises(OutputError) as caught, staged(tmp_path / "run", overwrite=False):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    says(str(caught.value))
    assert list(tmp_path.iterdir()) == []


def test_targets_that_are_in_the_way_are_refused(tmp_path, earlier):
    with raises_text(OutputError):
        check_target(earlier, overwrite=False)
    check_target(earlier, overwrite=True)
    (earlier / "manifest.json").unlink()
    with raises_text(OutputError):
        check_target(earlier, overwrite=True)
    (tmp_path / "file").write_text("")
    with raises_text(OutputError):
        check_target(tmp_path / "file" / "deep" / "run", overwrite=False)


def test_parts_of_a_run_folder_are_replaced_when_all_are_written(tmp_path, earlier):
    (earlier / "page.html").write_text("old")
    with staged_inside(earlier) as staging:
        (staging / "page.html").write_text("new")
        (staging / "model").mkdir()
        (staging / "model" / "other.json").write_text("new")
        assert (earlier / "page.html").read_text() == "old"

    assert contents(tmp_path) == {
        "run/manifest.json": "old",
        "run/page.html": "new",
        "run/model/other.json": "new",
    }


def test_parts_of_a_run_folder_stay_when_a_step_fails(tmp_path, earlier):
    with pytest.raises(BrokenError):
        write_and_fail(staged_inside(earlier), "manifest.json", BrokenError)

    assert contents(tmp_path) == EARLIER
    assert sorted(path.name for path in earlier.iterdir()) == ["manifest.json", "model"]


def test_a_file_is_replaced_when_it_is_written(tmp_path):
    file = tmp_path / "scores.csv"
    file.write_text("old")
    with written_whole(file) as partial:
        partial.write_text("new")
        assert file.read_text() == "old"

    assert contents(tmp_path) == {"scores.csv": "new"}


@pytest.mark.parametrize("failure", [BrokenError, KeyboardInterrupt])
def test_a_file_stays_when_writing_fails(tmp_path, failure):
    file = tmp_path / "scores.csv"
    file.write_text("old")
    with pytest.raises(failure):
        write_and_fail(written_whole(file), "", failure)

    assert contents(tmp_path) == {"scores.csv": "old"}


def test_a_file_that_cannot_be_written_is_told_in_one_line(tmp_path):
    file = tmp_path / "absent" / "scores.csv"
    with pytest.raises(OutputError) as caught, written_whole(file) as partial:
        partial.write_text("x")

    says(str(caught.value))


def test_a_manifest_comes_back_as_it_was(tmp_path):
    (tmp_path / "manifest.json").write_text(render_manifest(MANIFEST))
    assert read_manifest(tmp_path) == MANIFEST


def test_a_manifest_of_another_version_is_refused(tmp_path):
    file = tmp_path / "manifest.json"
    file.write_text(json.dumps(json.loads(render_manifest(MANIFEST)) | {"manifest_version": 2}))

    with pytest.raises(BundleError) as caught:
        read_manifest(tmp_path)

    says(str(caught.value))


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"manifest_version": "x"}'])
def test_what_is_no_manifest_is_refused(tmp_path, text):
    file = tmp_path / "manifest.json"
    file.write_text(text)
    with pytest.raises(BundleError) as caught:
        read_manifest(tmp_path)
    assert str(caught.value).startswith(f"{file}: ")
    assert str(caught.value).endswith("; run it again")


@pytest.mark.parametrize("read", [read_manifest, read_bundle, read_user_table])
def test_a_folder_without_a_run_is_refused_in_one_line(tmp_path, read):
    with raises_text(BundleError):
        read(tmp_path)


def test_a_user_table_that_is_broken_is_refused_in_one_line(tmp_path):
    (tmp_path / "users.parquet").write_bytes(b"PAR1 is how it begins")
    with pytest.raises(BundleError) as caught:
        read_user_table(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path / 'users.parquet'}: cannot be read: ")
    assert "\n" not in str(caught.value)


def test_what_the_check_takes_comes_back_as_it_was_written(tmp_path):
    table = pl.DataFrame({"user_id": ["a", "b"], "ctr": [0.1, None]})
    days = pl.DataFrame({"user_id": ["a"], "day": [17_292], "n_impressions": [3], "n_clicks": [0]})

    write_early(tmp_path, table, days)

    found_table, found_days = read_early(tmp_path)
    assert_frame_equal(found_table, table)
    assert_frame_equal(found_days, days)


def test_a_run_that_checked_nothing_has_nothing_to_take(tmp_path):
    assert read_early(tmp_path) is None


@pytest.mark.parametrize("name", ["users.parquet", "days.parquet"])
@pytest.mark.parametrize(
    "damage", [Path.unlink, lambda path: path.write_bytes(b"PAR1 and no more")]
)
def test_a_check_that_cannot_be_read_is_refused_in_one_line(tmp_path, name, damage):
    table = pl.DataFrame({"user_id": [1]})
    write_early(tmp_path, table, table)
    damage(tmp_path / "validation" / name)

    with pytest.raises(BundleError) as caught:
        read_early(tmp_path)

    assert str(caught.value).startswith(f"{tmp_path / 'validation'}: cannot be read: ")
    assert str(caught.value).endswith("; run it again")
    assert "\n" not in str(caught.value)
