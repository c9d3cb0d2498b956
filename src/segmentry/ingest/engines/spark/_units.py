"""The files of a log, cut into units that tasks read: ranges of lines, and bins of small files."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from segmentry.ingest.files import inspect_file
from segmentry.ingest.text_blocks import BlockRecord, copy_block, is_cut, opened_text, record_of
from segmentry.schema import TableSource

_MAX_FILES = 200


@dataclass(frozen=True, slots=True)
class Piece:
    """Lines of a file, or all of it."""

    place: int
    """Of the file in its table."""
    block: int = 0
    """Number of the piece in its file."""
    start: int = 0
    n_bytes: int = 0
    """`start`, `n_bytes`: 0 of a file that is read whole."""


Unit = tuple[Piece, ...]
"""Pieces of one task: lines of one long file, or whole files."""


@dataclass(frozen=True, slots=True)
class FoundBlock:
    """A block that a task has read."""

    place: int
    block: int
    record: BlockRecord


def units_of(table: TableSource, *, n_bytes: int) -> list[Unit]:
    """Cut the files of a table into units of about `n_bytes` of text each.

    A long text is cut where `copy_block` would cut it; what is compressed is cut in its task.
    """
    units: list[Unit] = []
    small: list[Piece] = []
    n_held = 0
    for place, file in enumerate(table.files):
        size = file.stat().st_size
        if size > n_bytes and file.suffix != ".gz":
            layout = inspect_file(file, table.shape, columns=table.column_names)
            if is_cut(layout):
                spans = _spans(file, layout.skip_lines, n_bytes=n_bytes)
                units += [(Piece(place, n, *span),) for n, span in enumerate(spans)]
                continue
        if small and (n_held + size > n_bytes or len(small) == _MAX_FILES):
            units.append(tuple(small))
            small, n_held = [], 0
        small.append(Piece(place))
        n_held += size
    return [*units, tuple(small)] if small else units


def _spans(file: Path, skip_lines: int, *, n_bytes: int) -> Iterator[tuple[int, int]]:
    """Yield start and length of pieces that end with the first line end at or after `n_bytes`."""
    size = file.stat().st_size
    with opened_text(file, skip_lines=skip_lines) as text:
        start = len(text.header)
        while start < size:
            text.stream.seek(start + n_bytes - 1)
            if not text.stream.readline().endswith(b"\n"):
                yield start, size - start
                return
            end = text.stream.tell()
            yield start, end - start
            start = end


@dataclass(frozen=True, slots=True)
class Text:
    """What is read at once: a table of some files, and the blocks that they are."""

    table: TableSource
    blocks: tuple[FoundBlock, ...]


def texts_of(table: TableSource, unit: Unit, scratch: Path, *, n_bytes: int) -> Iterator[Text]:
    """Yield the text of a unit; what is copied lies in `scratch` until the next is taken."""
    whole: list[Piece] = []
    for piece in unit:
        file = table.files[piece.place]
        layout = inspect_file(file, table.shape, columns=table.column_names)
        if not is_cut(layout) or not (piece.n_bytes or file.suffix == ".gz"):
            whole.append(piece)
            continue
        block = scratch / "block.csv"
        with opened_text(file, skip_lines=layout.skip_lines) as text:
            if piece.n_bytes:
                text.stream.seek(piece.start)
            number = piece.block
            while record := copy_block(text, block, n_bytes=piece.n_bytes or n_bytes):
                found = FoundBlock(piece.place, number, record)
                yield Text(replace(table, files=(block,), laid_out_as=file), (found,))
                number += 1
                if piece.n_bytes:
                    break
    if whole:
        files = tuple(table.files[piece.place] for piece in whole)
        blocks = tuple(FoundBlock(each.place, 0, _record(table, each)) for each in whole)
        yield Text(replace(table, files=files), blocks)


def _record(table: TableSource, piece: Piece) -> BlockRecord:
    """Return the record of a whole file: of its rows alone where it is a text with a header."""
    import hashlib

    file = table.files[piece.place]
    layout = inspect_file(file, table.shape, columns=table.column_names)
    if not is_cut(layout):
        return record_of(file)
    with opened_text(file, skip_lines=layout.skip_lines) as text:
        digest = hashlib.file_digest(text.stream, "sha256")  # type: ignore[arg-type]  # from here on
        return BlockRecord(text.stream.tell() - len(text.header), digest.hexdigest())


def inputs_of(
    table: TableSource, blocks: Sequence[FoundBlock]
) -> tuple[tuple[BlockRecord, ...], ...]:
    """Return the blocks by file, in their order."""
    by_file: list[dict[int, BlockRecord]] = [{} for _ in table.files]
    for each in blocks:
        by_file[each.place][each.block] = each.record
    return tuple(tuple(found[number] for number in sorted(found)) for found in by_file)
