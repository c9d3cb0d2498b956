"""Split a log of plain whole numbers into parts by user in threads, faster than an engine can.

Chunks are read as `_plain` reads them to count, and the placement as a text; the first chunk that
is not plain ends the reading, and the engine reads with care instead.
"""

import itertools
import shutil
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

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

_READ = (*IMPRESSIONS_COLUMNS, "is_not_click")
_IDS = ("user_id", "ad_id")
_PLACEMENT = r"^[A-Za-z0-9_-]+$"
_HELD_FOR_ONE = 4
"""One writer serves all threads, and its rows have a third of the bytes: it may hold back more."""
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

    Ids that need more than four bytes are not written here either. `n_held` rows are held back for
    each part; the others are as for `Engine.split_log`.
    """
    names = {role: source.columns[role].name for role in _READ if role in source.columns}
    if source.role != "impressions" or not all(
        may_be_plain(source, layout, names, texts=("placement",)) for layout in layouts
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
    """What waits to be written to each part, a file for each time that enough of it does."""

    def __init__(self, directory: Path, n_held: int) -> None:
        self._directory, self._n_held = directory, _HELD_FOR_ONE * n_held
        self._lock = threading.Lock()
        self._waiting: dict[int, list[pl.DataFrame]] = defaultdict(list)
        self._n_files = itertools.count()

    def __enter__(self) -> "_Writers":
        return self

    def __exit__(self, *_: object) -> None:
        for part in list(self._waiting):
            self._flush(part)

    def write(self, rows: pl.DataFrame, n_parts: int) -> None:
        """Take the judged rows of a chunk."""
        _require_plain(rows["placement"])
        used = rows.filter(pl.col(REASON) == 0).select(IMPRESSIONS_COLUMNS)
        aside = rows.filter(pl.col(REASON) != 0)
        try:
            used = used.cast(dict.fromkeys(_IDS, pl.Int32))
        except pl.exceptions.PolarsError as error:
            raise NotPlainError from error
        place = (hashes_of(used["user_id"].to_numpy()) % np.uint64(n_parts)).astype(np.uint16)
        # Numbers stand for the placements: so they are put in order in a fifth of the time.
        used = used.cast({"placement": pl.Categorical})
        # Numbers of two bytes are sorted without comparing them.
        table = used[np.argsort(place, kind="stable")]
        ends = np.cumsum(np.bincount(place, minlength=n_parts)).tolist()
        with self._lock:
            for part, (first, end) in enumerate(zip([0, *ends], ends, strict=False)):
                if end > first:
                    self._take(part, table[first:end])
            if aside.height:
                self._take(SET_ASIDE, aside)

    def _take(self, part: int, rows: pl.DataFrame) -> None:
        waiting = self._waiting[part]
        waiting.append(rows)
        if sum(each.height for each in waiting) >= self._n_held:
            self._flush(part)

    def _flush(self, part: int) -> None:
        waiting = self._waiting.pop(part, [])
        if not waiting:
            return
        folder = self._directory / f"{PART}={part}"
        folder.mkdir(parents=True, exist_ok=True)
        pl.concat(waiting).write_parquet(
            folder / f"plain-{next(self._n_files)}.parquet",
            compression="uncompressed",
            statistics=False,
        )


def _require_plain(placements: pl.Series) -> None:
    """Refuse texts that could be read in another way with care."""
    known = placements.drop_nulls().unique()
    if known.is_in(NULL_WORDS).any() or not known.str.contains(_PLACEMENT).all():
        raise NotPlainError
