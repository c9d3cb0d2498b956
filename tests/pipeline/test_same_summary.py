"""The same input and seed give the same bytes, however the log is stored, read or ordered."""

import gzip
import random

import polars as pl
import pytest
from tests.pipeline.runs import generated, segmentry, summary_of

from segmentry.results.run_folder import Fingerprinting
from segmentry.results.summary import render_summary_json

QUICK = {"k_range": "2:4"}


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    return generated(tmp_path_factory.getbasetemp(), 600)


@pytest.fixture(scope="module")
def expected(log):
    return render_summary_json(summary_of(log, **QUICK))


def copy_of(log, tmp_path):
    """Return an empty folder of the same name: the command in the summary tells the name."""
    folder = tmp_path / log.name
    folder.mkdir()
    return folder


def test_a_memory_limit_changes_nothing(log, expected):
    assert render_summary_json(summary_of(log, memory="500MB", **QUICK)) == expected


def test_the_order_of_rows_changes_nothing(log, expected, tmp_path):
    shuffled = copy_of(log, tmp_path)
    for file in log.glob("*.csv"):
        header, *rows = file.read_text().splitlines()
        random.Random(5).shuffle(rows)  # noqa: S311  # not for secrets
        (shuffled / file.name).write_text("\n".join([header, *rows]) + "\n")

    assert render_summary_json(summary_of(shuffled, **QUICK)) == expected


def test_compressed_files_change_nothing(log, expected, tmp_path):
    packed = copy_of(log, tmp_path)
    for file in log.glob("*.csv"):
        (packed / f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes(), 1))

    assert render_summary_json(summary_of(packed, **QUICK)) == expected


def test_parquet_files_change_nothing(log, expected, tmp_path):
    stored = copy_of(log, tmp_path)
    for file in log.glob("*.csv"):
        table = pl.read_csv(file, null_values=["", "NULL"])
        table.write_parquet(stored / f"{file.stem}.parquet")

    assert render_summary_json(summary_of(stored, **QUICK)) == expected


def test_levels_written_as_decimals_and_a_header_without_its_space_change_nothing(
    log, expected, tmp_path
):
    other = copy_of(log, tmp_path)
    for file in log.glob("*.csv"):
        (other / file.name).write_bytes(file.read_bytes())
    header, *rows = (log / "user_profile.csv").read_text().splitlines()
    decimals = [f"{row}.0" if row[-1].isdigit() else row for row in rows]
    (other / "user_profile.csv").write_text("\n".join([header.rstrip(), *decimals]) + "\n")

    assert render_summary_json(summary_of(other, **QUICK)) == expected


def test_another_seed_is_told_and_keeps_what_is_not_random(log, expected):
    other = summary_of(log, seed=5, **QUICK)

    assert other.repeat.seed == 5
    assert "--seed 5" in other.repeat.command
    assert render_summary_json(other) != expected
    assert other.population.n_clicks == sum(segment.n_clicks for segment in other.segments)


def test_two_runs_of_the_command_write_the_same_bytes(attribute_run, tmp_path):
    config = attribute_run.folder.parent / "run.toml"
    words = ("--out", tmp_path / "again", "--config", config, "--seed", "2")

    again = segmentry("run", attribute_run.data_dir, *words)

    assert again.code == 0
    names = ("summary.json", "model/bundle.json", "report.html", "figures/map.svg")
    for name in (*names, "validation/users.parquet", "validation/days.parquet"):
        expected = (attribute_run.folder / name).read_bytes()
        assert (tmp_path / "again" / name).read_bytes() == expected, name


def test_one_changed_byte_changes_the_fingerprint(tmp_path):
    file = tmp_path / "raw_sample.csv"

    def fingerprint(content):
        file.write_bytes(content)
        with Fingerprinting([file]) as fingerprints:
            return fingerprints.results()[0]

    before, after = fingerprint(b"user,clk\n1,0\n"), fingerprint(b"user,clk\n1,1\n")
    assert before.n_bytes == after.n_bytes
    assert before.sha256 != after.sha256
    assert fingerprint(b"user,clk\n1,0\n") == before
