"""Prove that numbers of a text file are nothing but digits, so that none can be misread.

DuckDB reads 5 in ``4.5``, 4305481007 in ``430548_1007`` and 31 in ``0x1F``. Looking at every value
for that costs as much as reading it; looking at the bytes of the file costs an eighth.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from segmentry.ingest.files import FileLayout
from segmentry.schema import ColumnSource, TableSource

LEAST_BYTES = 4 << 20
"""Of smaller files nothing is to be gained."""
_HEAD = 1 << 20
_BLOCK = 1 << 18
_ZERO, _UNDERSCORE, _NEWLINE, _A, _MINUS = b"0_\na-"
_WORD, _LETTER = re.compile(r"[a-z]+"), re.compile(r"[a-z]")
_Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a text holds: lines, and letters of the words that stand for codes."""

    n_lines: int
    n_letters: int = 0


@dataclass(frozen=True, slots=True)
class PlainText:
    """Files that seem to hold nothing but digits, and letters in one column of text or of words.

    Parameters
    ----------
    files : tuple of Path
    delimiter : str
    has_header : bool
    underscored : str
        The column of text that may hold one underscore in each row; empty where there is none.
    words : mapping of int to str
        The words of the column that may hold some, by their code; empty where there is none.
    """

    files: tuple[Path, ...]
    delimiter: str
    has_header: bool
    underscored: str = ""
    words: Mapping[int, str] = field(default_factory=dict)

    def seen(self) -> Seen | None:
        """Look at every byte; None where the text is not plain.

        As many rows with an underscore in the column of text as there are lines and underscores
        say that no other column holds one. As many letters as the words of the rows have say that
        there are none but in these words.
        """
        n_lines = n_letters = 0
        for file in self.files:
            found = _counts_of(file, self)
            if found is None or (self.underscored and found.n_lines != found.n_underscores):
                return None
            n_lines += found.n_lines
            n_letters += found.n_letters
        return Seen(n_lines, n_letters)

    def seen_in(self, n_by_code: Mapping[int | None, int]) -> Seen:
        """Return what the text has to hold for rows that were read from it, counted by code."""
        n_letters = sum(len(word) * n_by_code.get(code, 0) for code, word in self.words.items())
        return Seen(sum(n_by_code.values()), n_letters)


def plain_text(source: TableSource, layouts: Sequence[FileLayout]) -> PlainText | None:
    """Look at the first bytes of files and tell whether it pays to prove more.

    Parameters
    ----------
    source : TableSource
    layouts : sequence of FileLayout
        Of its files.
    """
    first = layouts[0]
    shape = (first.format, first.delimiter, first.columns, first.has_header)
    words = _words_of(source, first)
    if first.format != "csv" or words is None:
        return None
    for each in layouts:
        is_alike = (each.format, each.delimiter, each.columns, each.has_header) == shape
        if not is_alike or each.partitions or each.path.stat().st_size < LEAST_BYTES:
            return None
    numbers = {each.name for each in source.columns.values() if each.type != "text"}
    held = {
        name
        for row in first.sample
        for name, value in zip(first.names, row, strict=False)
        if "_" in value
    }
    if len(held) > 1 or held & numbers:
        return None
    found = PlainText(
        files=tuple(each.path for each in layouts),
        delimiter=first.delimiter,
        has_header=first.has_header,
        underscored="".join(held),
        words=words,
    )
    if any(_counts_of(file, found, n_bytes=_HEAD) is None for file in found.files):
        return None
    return found


def _words_of(source: TableSource, layout: FileLayout) -> Mapping[int, str] | None:
    """Return the word of each action; None where a column cannot be read plainly."""
    others = [name for name, each in source.columns.items() if each.type in ("moment", "code")]
    if not others:
        return {}
    action = source.columns.get("action")
    if others != ["action"] or action is None or action.type != "code":
        return None
    return _words_in(layout, action)


def _words_in(layout: FileLayout, action: ColumnSource) -> Mapping[int, str] | None:
    """Return the one word of each code in the first rows, where other columns hold no letter."""
    code_of, words = dict(action.codes), dict[int, str]()
    for row in layout.sample:
        for name, value in zip(layout.names, row, strict=False):
            if name != action.name:
                if _LETTER.search(value):
                    return None
            elif value:
                code = code_of.get(value)
                if code is None or not _WORD.fullmatch(value):
                    return None
                if words.setdefault(code, value) != value:
                    return None
    # Those that the first rows lack; a word that turns out to be another fails the proof.
    for word, code in action.codes:
        if _WORD.fullmatch(word):
            words.setdefault(code, word)
    return words


@dataclass(frozen=True, slots=True)
class _Counts:
    n_lines: int
    n_underscores: int
    n_letters: int


def _counts_of(file: Path, plain: PlainText, *, n_bytes: int | None = None) -> _Counts | None:
    """Count lines, underscores and letters; None where a byte or a line is none of plain text.

    Each line begins with a digit or a letter, so that none is empty.
    """
    left = file.stat().st_size if n_bytes is None else n_bytes
    block = np.empty(_BLOCK + 1, dtype=np.uint8)
    n_lines = n_underscores = n_letters = 0
    with file.open("rb") as stream:
        if plain.has_header:
            left -= len(stream.readline())
        block[0] = _NEWLINE  # stands before the first line
        while left > 0 and (n := stream.readinto(block.data[1 : 1 + min(_BLOCK, left)])):
            found = _counts_in(block[: n + 1], plain)
            if found is None:
                return None
            n_lines += found.n_lines
            n_underscores += found.n_underscores
            n_letters += found.n_letters
            left -= n
            block[0] = block[n]
    return _Counts(n_lines + int(block[0] != _NEWLINE), n_underscores, n_letters)


def _counts_in(block: _Bytes, plain: PlainText) -> _Counts | None:
    """Count in a block after its first byte, which is the last of the block before."""
    part = block[1:]
    n_ends = int(np.count_nonzero(part == _NEWLINE))
    n_under = int(np.count_nonzero(part == _UNDERSCORE)) if plain.underscored else 0
    n_letters = _n_within(part, _A, 26) if plain.words else 0
    n_known = _n_within(part, _ZERO, 10) + int(np.count_nonzero(part == ord(plain.delimiter)))
    n_other = len(part) - n_known - n_ends - n_under - n_letters
    # A sign is rare, and no number is misread for it.
    if n_other and n_other != np.count_nonzero(part == _MINUS):
        return None
    return None if _has_odd_line(block, plain) else _Counts(n_ends, n_under, n_letters)


def _n_within(part: _Bytes, first: int, n: int) -> int:
    """Count the bytes among `n` that follow each other."""
    return int(np.count_nonzero(part - np.uint8(first) < n))


def _has_odd_line(block: _Bytes, plain: PlainText) -> bool:
    """Whether a line begins with neither digit nor letter: it may be empty."""
    first, delimiter = block[1:], ord(plain.delimiter)
    is_odd = first < _ZERO
    if delimiter > _ZERO:
        is_odd |= first == delimiter
    return bool((is_odd & (block[:-1] == _NEWLINE)).any())
