"""Cut a long text file into blocks of whole lines, each known by its content.

A block can be worked on by itself, done again, and compared with a changed one: that lets a
preparation of hundreds of millions of rows go on where it stopped.
"""

import hashlib
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from segmentry.errors import DataError
from segmentry.ingest.files import FileLayout, opened

_STRIDE = 1 << 20


@dataclass(frozen=True, slots=True)
class BlockRecord:
    """A block by its content: its bytes of text, decompressed, and their SHA-256."""

    n_bytes: int
    sha256: str


def is_cut(layout: FileLayout) -> bool:
    """Whether a file is cut into blocks: text whose first line names its columns."""
    return layout.format == "csv" and layout.has_header


def record_of(file: Path) -> BlockRecord:
    """Return the record of a whole file, as its bytes are."""
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return BlockRecord(n_bytes=file.stat().st_size, sha256=digest)


@dataclass(frozen=True, slots=True)
class OpenText:
    """A text file that is being read: its header is read, and is not a part of any block."""

    path: Path
    stream: BinaryIO
    header: bytes


def copy_block(
    text: OpenText, target: Path, *, n_bytes: int, known: AbstractSet[BlockRecord] = frozenset()
) -> BlockRecord | None:
    """Write the header and the next whole lines, `n_bytes` of them or a little more, to a file.

    A block ends sooner where it is one of the `known`: a file that has grown begins with them.
    Returns None at the end of the text; then no file is left.
    """
    digest, length = hashlib.sha256(), 0
    ends = sorted({each.n_bytes for each in known})
    with target.open("wb") as out:
        out.write(text.header)
        for piece in _lines(text, n_bytes, ends):
            out.write(piece)
            digest.update(piece)
            length += len(piece)
            if length in ends and BlockRecord(length, digest.hexdigest()) in known:
                break
    if not length:
        target.unlink()
        return None
    return BlockRecord(n_bytes=length, sha256=digest.hexdigest())


def skip_block(text: OpenText, record: BlockRecord, *, number: int) -> None:
    """Pass over a block that was read before, if it is still what it was.

    Raises DataError if the text is another one.
    """
    digest, left = hashlib.sha256(), record.n_bytes
    while left and (piece := text.stream.read(min(_STRIDE, left))):
        digest.update(piece)
        left -= len(piece)
    if left or digest.hexdigest() != record.sha256:
        raise changed_block(text.path, number)


def changed_block(file: Path, number: int) -> DataError:
    """Return the refusal of a file that is another one than before."""
    return DataError(
        f"{file}: block {number} is not what it was when it was prepared; expected the same file; "
        "prepare it again with --overwrite"
    )


def _lines(text: OpenText, n_bytes: int, ends: Sequence[int]) -> Iterator[bytes]:
    """Yield pieces up to the first line end at or after `n_bytes`; none reaches over an end."""
    done, piece = 0, b"\n"
    while done < n_bytes:
        end = min((each for each in ends if each > done), default=n_bytes)
        piece_now = text.stream.read(min(_STRIDE, n_bytes - done, end - done))
        if not piece_now:
            break
        piece = piece_now
        done += len(piece)
        yield piece
    if not piece.endswith(b"\n"):
        yield text.stream.readline()


@contextmanager
def opened_text(path: Path, *, skip_lines: int = 0) -> Iterator[OpenText]:
    r"""Open a CSV or CSV.gz file to read it block by block; `skip_lines` stand before its header.

    >>> import tempfile
    >>> home = Path(tempfile.mkdtemp())
    >>> _ = (home / "log.csv").write_text("user,clk\n1,0\n2,0\n3,1\n")
    >>> with opened_text(home / "log.csv") as text:
    ...     first = copy_block(text, home / "first.csv", n_bytes=6)
    ...     second = copy_block(text, home / "second.csv", n_bytes=6)
    ...     third = copy_block(text, home / "third.csv", n_bytes=6)
    >>> (home / "first.csv").read_text().split(), (home / "second.csv").read_text().split()
    (['user,clk', '1,0', '2,0'], ['user,clk', '3,1'])
    >>> first.n_bytes, second.n_bytes, third
    (8, 4, None)
    """
    with opened(path) as stream:
        header = b"".join(stream.readline() for _ in range(skip_lines + 1))
        yield OpenText(path, stream, header)
