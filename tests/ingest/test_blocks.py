"""Blocks of a text file: whole lines, known by their content."""

import gzip
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.texts import raises_text

from segmentry.errors import DataError
from segmentry.ingest.text_blocks import copy_block, opened_text, skip_block

LINES = [f"{n},{n * 7 % 13}\n" for n in range(200)]
TEXT = "user,clk\n" + "".join(LINES)


def cut(path, directory, n_bytes):
    records, texts = [], []
    with opened_text(path) as text:
        while True:
            target = directory / f"{len(records)}.csv"
            record = copy_block(text, target, n_bytes=n_bytes)
            if record is None:
                return records, texts
            records.append(record)
            texts.append(target.read_text())


@given(n_bytes=st.integers(1, 3000))
def test_blocks_are_whole_lines_and_together_the_file(tmp_path_factory, n_bytes):
    home = tmp_path_factory.mktemp("blocks")
    (home / "log.csv").write_text(TEXT)

    _, texts = cut(home / "log.csv", home, n_bytes)

    assert all(text.startswith("user,clk\n") and text.endswith("\n") for text in texts)
    assert "".join(text.removeprefix("user,clk\n") for text in texts) == "".join(LINES)


def test_a_block_is_known_by_its_content_compressed_or_not(tmp_path):
    (tmp_path / "log.csv").write_text(TEXT)
    (tmp_path / "log.csv.gz").write_bytes(gzip.compress(TEXT.encode()))

    plain, texts = cut(tmp_path / "log.csv", tmp_path, 500)
    packed, _ = cut(tmp_path / "log.csv.gz", tmp_path, 500)

    assert plain == packed
    body = texts[0].removeprefix("user,clk\n").encode()
    assert plain[0].sha256 == hashlib.sha256(body).hexdigest()
    assert plain[0].n_bytes == len(body)


def test_blocks_that_are_as_they_were_are_passed_over(tmp_path):
    (tmp_path / "log.csv").write_text(TEXT)
    records, texts = cut(tmp_path / "log.csv", tmp_path, 500)

    with opened_text(tmp_path / "log.csv") as text:
        for number, record in enumerate(records[:-1]):
            skip_block(text, record, number=number)
        last = copy_block(text, tmp_path / "last.csv", n_bytes=500)

    assert last == records[-1]
    assert (tmp_path / "last.csv").read_text() == texts[-1]


@pytest.mark.parametrize("change", ["a digit", "cut short"])
def test_a_changed_block_is_noticed_although_name_and_size_are_the_same(tmp_path, change):
    path = tmp_path / "log.csv"
    path.write_text(TEXT)
    records, _ = cut(path, tmp_path, 500)
    path.write_text(TEXT.replace("\n20,", "\n21,", 1) if change == "a digit" else TEXT[:200])

    with opened_text(path) as text, raises_text(DataError):
        skip_block(text, records[0], number=0)


def test_a_last_line_without_its_end_is_kept(tmp_path):
    (tmp_path / "log.csv").write_text("user,clk\n1,0\n2,1")

    _, texts = cut(tmp_path / "log.csv", tmp_path, 4)

    assert [text.splitlines()[1:] for text in texts] == [["1,0"], ["2,1"]]


def test_broken_gzip_is_told_in_one_line(tmp_path):
    whole = gzip.compress(TEXT.encode())
    (tmp_path / "log.csv.gz").write_bytes(whole[: len(whole) - 20])

    with raises_text(DataError):
        cut(tmp_path / "log.csv.gz", tmp_path, 10_000_000)
