"""Outputs that cannot hold what is written: other encodings, and a device that is full."""

import csv
import json
import os
import shutil
import subprocess
import sys

import pytest
from tests.pipeline.runs import segmentry


def written(*words, encoding="utf-8", out=subprocess.PIPE):
    command = [sys.executable, "-m", "segmentry", *map(str, words)]
    surroundings = {**os.environ, "PYTHONIOENCODING": encoding}
    return subprocess.run(
        command, stdout=out, stderr=subprocess.PIPE, env=surroundings, check=False
    )


def test_text_in_another_encoding_is_written_in_plain_characters(plain_run, tmp_path):
    shutil.copytree(plain_run.folder, tmp_path / "run")

    done = written("plan", "budget", tmp_path / "run", "--impressions", "1000", encoding="ascii")

    assert (done.returncode, done.stderr) == (0, b"")
    assert "Plan: " in done.stdout.decode("ascii")
    assert "?" not in done.stdout.decode("ascii")


def test_json_in_another_encoding_is_escaped(plain_run, tmp_path):
    words = ("data", "check", plain_run.data_dir, "--json")

    plain = written(*words, encoding="ascii")

    assert json.loads(plain.stdout.decode("ascii")) == json.loads(segmentry(*words).out)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")  # noqa: PTH110
@pytest.mark.parametrize("words", [("--version",), ("card", "nowhere", "--json")])
def test_an_output_that_is_full_is_one_line(words):
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        done = written(*words, out=full)

    assert done.returncode == 2
    assert done.stderr.decode().count("\n") == 1
    assert "Traceback" not in done.stderr.decode()


@pytest.mark.parametrize(("words", "code"), [("--version", 0), ("card nowhere --segment 1", 2)])
def test_an_output_that_is_closed_changes_nothing(words, code):
    command = f'"{sys.executable}" -m segmentry {words} >&-'

    done = subprocess.run(["/bin/sh", "-c", command], stderr=subprocess.PIPE, check=False)

    assert done.returncode == code
    assert done.stderr.count(b"\n") == (code > 0)


def test_a_name_that_is_a_formula_is_text_in_every_csv(plain_run, undrawn, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(plain_run.folder, run)
    (run / "names.toml").write_text('[names]\n1 = "=HYPERLINK(1)"\n')
    segmentry("report", run)

    segmentry("score", run, plain_run.data_dir, "--out", tmp_path / "scores.csv")
    segmentry("export", "powerbi", run, "--out", tmp_path / "powerbi")

    tables = [tmp_path / "scores.csv", *(tmp_path / "powerbi" / "data").glob("*.csv")]
    cells = {
        cell
        for table in tables
        for row in csv.reader(table.read_text().splitlines())
        for cell in row
        if "HYPERLINK" in cell
    }
    assert cells == {"'=HYPERLINK(1)"}
