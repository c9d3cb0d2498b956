"""Prove that a text file holds nothing but digits, so that no number in it can be misread.

DuckDB reads 5 in ``4.5``, 4305481007 in ``430548_1007`` and 31 in ``0x1F``. Looking at every value
for that costs as much as reading it; looking at the bytes of the file costs an eighth.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from segmentry.files import FileLayout
from segmentry.schema import TableSource

__all__ = ["PlainText", "plain_text"]

LEAST_BYTES = 4 << 20
"""Of smaller files nothing is to be gained."""
_HEAD = 1 << 20
_BLOCK = 1 << 18
_ZERO, _UNDERSCORE, _NEWLINE = b"0_\n"
_Counts = tuple[int, int]
_Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class PlainText:
    """Files that seem to hold nothing but digits, and underscores in one column of text.

    Parameters
    ----------
    files : tuple of Path
    delimiter : str
    has_header : bool
    underscored : str
        The column of text that may hold one underscore in each row; empty where there is none.
    """

    files: tuple[Path, ...]
    delimiter: str
    has_header: bool
    underscored: str

    def n_lines(self) -> int | None:
        """Look at every byte and count the lines; None where the text is not plain.

        As many rows with an underscore in the column of text as there are lines and underscores
        say that no other column holds one.
        """
        n_lines = 0
        for file in self.files:
            found = _counts_of(file, self)
            if found is None or (self.underscored and found[0] != found[1]):
                return None
            n_lines += found[0]
        return n_lines


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
    if first.format != "csv" or any(column.type in _OTHERS for column in source.columns.values()):
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
    )
    if any(_counts_of(file, found, n_bytes=_HEAD) is None for file in found.files):
        return None
    return found


_OTHERS = ("moment", "code")


def _counts_of(file: Path, plain: PlainText, *, n_bytes: int | None = None) -> _Counts | None:
    """Count lines and underscores; None where a byte or a line is none of plain text.

    Each line begins with a digit, so that none is empty.
    """
    left = file.stat().st_size if n_bytes is None else n_bytes
    block = np.empty(_BLOCK + 1, dtype=np.uint8)
    delimiter, n_lines, n_underscores = ord(plain.delimiter), 0, 0
    with file.open("rb") as stream:
        if plain.has_header:
            left -= len(stream.readline())
        block[0] = _NEWLINE  # stands before the first line
        while left > 0 and (n := stream.readinto(block.data[1 : 1 + min(_BLOCK, left)])):
            part = block[1 : n + 1]
            n_ends = int(np.count_nonzero(part == _NEWLINE))
            n_under = int(np.count_nonzero(part == _UNDERSCORE)) if plain.underscored else 0
            n_known = _n_digits(part) + int(np.count_nonzero(part == delimiter)) + n_ends + n_under
            if n_known != n or _begins_without_digit(block[: n + 1]):
                return None
            n_lines += n_ends
            n_underscores += n_under
            left -= n
            block[0] = block[n]
    return n_lines + int(block[0] != _NEWLINE), n_underscores


def _n_digits(part: _Bytes) -> int:
    return int(np.count_nonzero(part - np.uint8(_ZERO) <= 9))


def _begins_without_digit(block: _Bytes) -> bool:
    return bool(((block[:-1] == _NEWLINE) & (block[1:] < _ZERO)).any())
