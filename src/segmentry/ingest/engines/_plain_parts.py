"""Split a log of plain whole numbers into parts by user in threads, faster than an engine can.

Chunks are read as `_plain` reads them to count, and the placement as a text; the first chunk that
is not plain ends the reading, and the engine reads with care instead.
"""

import importlib.util
import shutil
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw
import numpy as np
import numpy.typing as npt
import polars as pl

from segmentry.ingest.engines._parts import PART, SET_ASIDE
from segmentry.ingest.engines._plain import (
    NotPlainError,
    judged_chunk,
    may_be_plain,
    read_chunks,
)
from segmentry.ingest.engines._rejects import Ask
from segmentry.ingest.engines._validity import REASON, Judged
from segmentry.ingest.files import NULL_WORDS, FileLayout
from segmentry.schema import IMPRESSIONS_COLUMNS, TableSource
from segmentry.schema.arrays import IntVector

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

_READ = (*IMPRESSIONS_COLUMNS, "is_not_click")
_IDS = ("user_id", "ad_id")
_PLACEMENT = r"^[A-Za-z0-9_-]+$"
_FACTOR, _SHIFT = np.uint64(0xD6E8FEB86659FD93), np.uint64(32)


def split_if_plain(
    source: TableSource,
    layouts: Sequence[FileLayout],
    directory: Path,
    *,
    n_parts: int,
    n_held: int,
    exclude: Mapping[str, nw.Expr],
    on_progress: Callable[[int, int], None],
) -> Judged | None:
    """Write the parts of a log here if all its files are plain, else leave nothing and return None.

    Ids that need more than four bytes are not written here either, and nothing is where pyarrow
    is not installed: no other writes a file piece by piece. `n_held` rows are held back for each
    part; the others are as for `Engine.split_log`.
    """
    names = {role: source.columns[role].name for role in _READ if role in source.columns}
    has_writer = importlib.util.find_spec("pyarrow") is not None
    if (
        not has_writer
        or source.role != "impressions"
        or not all(may_be_plain(source, layout, names, texts=("placement",)) for layout in layouts)
    ):
        return None
    found: list[Judged] = []
    with _Writers(directory, n_held) as writers:

        def write(chunk: pl.DataFrame) -> None:
            judged = judged_chunk(chunk, source, exclude, _READ)
            writers.write(nw.to_native(judged.to_write()).collect(), n_parts)
            found[:] = [judged]

        is_plain = read_chunks(layouts, names, write, on_progress=on_progress)
    if is_plain and found:
        return found[0]
    for part in directory.glob(f"{PART}=*"):
        shutil.rmtree(part)
    return None


def hashes_alike(ask: Ask) -> bool:
    """Whether parts that are written here hold the users of those that DuckDB writes."""
    ids = [0, 7, -3, 1 << 40]
    query = "SELECT " + ", ".join(f"hash({each}::BIGINT)" for each in ids)
    return ask(query) == [tuple(hashes_of(np.array(ids)).tolist())]


def hashes_of(ids: IntVector) -> npt.NDArray[np.uint64]:
    """Return what DuckDB's ``hash`` gives for whole numbers, by which it writes its own parts."""
    found: npt.NDArray[np.uint64] = ids.astype(np.int64).view(np.uint64)
    for _ in range(2):
        found = (found ^ (found >> _SHIFT)) * _FACTOR
    return found ^ (found >> _SHIFT)


class _Writers:
    """One file for each part, and what waits to be written to it."""

    def __init__(self, directory: Path, n_held: int) -> None:
        self._directory, self._n_held = directory, n_held
        self._lock = threading.Lock()
        self._waiting: dict[int, list[pa.Table]] = defaultdict(list)
        self._files: dict[int, pq.ParquetWriter] = {}

    def __enter__(self) -> "_Writers":
        return self

    def __exit__(self, *_: object) -> None:
        for part in list(self._waiting):
            self._flush(part)
        for file in self._files.values():
            file.close()

    def write(self, rows: pl.DataFrame, n_parts: int) -> None:
        """Take the judged rows of a chunk."""
        placements = _placements(rows["placement"])
        used = rows.filter(pl.col(REASON) == 0).select(IMPRESSIONS_COLUMNS)
        aside = rows.filter(pl.col(REASON) != 0)
        try:
            used = used.cast(dict.fromkeys(_IDS, pl.Int32))
        except pl.exceptions.PolarsError as error:
            raise NotPlainError from error
        place = (hashes_of(used["user_id"].to_numpy()) % np.uint64(n_parts)).astype(np.uint16)
        # Numbers of two bytes are sorted without comparing them.
        table = _with_numbers(used, "placement", placements).take(np.argsort(place, kind="stable"))
        ends = np.cumsum(np.bincount(place, minlength=n_parts)).tolist()
        with self._lock:
            for part, (first, end) in enumerate(zip([0, *ends], ends, strict=False)):
                if end > first:
                    self._take(part, table.slice(first, end - first))
            if aside.height:
                self._take(SET_ASIDE, aside.to_arrow())

    def _take(self, part: int, rows: "pa.Table") -> None:
        waiting = self._waiting[part]
        waiting.append(rows)
        if sum(each.num_rows for each in waiting) >= self._n_held:
            self._flush(part)

    def _flush(self, part: int) -> None:
        waiting = self._waiting.pop(part, [])
        if not waiting:
            return
        import pyarrow as pa
        import pyarrow.parquet as pq

        table = pa.concat_tables(waiting).unify_dictionaries()
        if part not in self._files:
            folder = self._directory / f"{PART}={part}"
            folder.mkdir(parents=True)
            # Times as differences of a few bits; nothing to compress.
            self._files[part] = pq.ParquetWriter(
                folder / "plain.parquet",
                table.schema,
                compression="none",
                use_dictionary=["placement", "is_click"],
                column_encoding={"shown_at": "DELTA_BINARY_PACKED"},
                write_statistics=False,
                store_schema=False,
            )
        self._files[part].write_table(table)


def _placements(placements: pl.Series) -> pl.Series:
    """Return the texts that there are; refuse those that could be read in another way with care."""
    known = placements.drop_nulls().unique()
    if known.is_in(NULL_WORDS).any() or not known.str.contains(_PLACEMENT).all():
        raise NotPlainError
    return known


def _with_numbers(rows: pl.DataFrame, name: str, known: pl.Series) -> "pa.Table":
    """Number the texts of a column: so they are put in order in a fifth of the time."""
    import pyarrow as pa

    numbers = rows[name].cast(pl.Enum(known)).to_physical().cast(pl.Int32).to_arrow()
    texts = pa.DictionaryArray.from_arrays(numbers, known.to_arrow().cast(pa.string()))
    return rows.to_arrow().set_column(rows.get_column_index(name), name, texts)
