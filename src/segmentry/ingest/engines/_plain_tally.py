"""Count the users of a plain log without an engine: a table of counters by user id."""

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import narwhals.stable.v2 as nw
import numpy as np
import polars as pl

from segmentry.ingest.engines._plain_numbers import read_plain_numbers
from segmentry.ingest.engines._split import judged, tally_of
from segmentry.ingest.engines._validity import REASON
from segmentry.ingest.files import FileLayout
from segmentry.schema import EVENT_COLUMNS, TableSource, UserTally
from segmentry.schema.arrays import IntVector

_READ = ("user_id", "shown_at", "is_click", "is_not_click")
_MOST_IDS = 1 << 22
"""Counters take 24 bytes for each id up to the largest: 100 MB for these."""
_CLICK = 1 << 32  # clicks are counted in the upper half of a counter of impressions
_NEVER = np.iinfo(np.int64).max


class _TooManyIdsError(Exception):
    """Ids are too large to be places in a table."""


def tally_plainly(
    source: TableSource,
    layouts: Sequence[FileLayout],
    *,
    exclude: Mapping[str, nw.Expr],
    on_progress: Callable[[int, int], None],
) -> UserTally | None:
    """Count the users of a log; None where it is not plain, or has ids of 4,194,304 and more.

    Parameters
    ----------
    source : TableSource
        A log of impressions.
    layouts : sequence of FileLayout
        Of its files.
    exclude : mapping of str to expression
        As for `Engine.tally_users`.
    on_progress : callable
        Called with (bytes read, bytes in all).
    """
    if any(name in source.columns for name in EVENT_COLUMNS):
        return None
    counters = _Counters()
    texts: list[str] = []
    n_rejections = 0

    def count(rows: pl.DataFrame) -> None:
        nonlocal texts, n_rejections
        absent = [name for name in _READ if name not in rows.columns]
        lacking = rows.with_columns(pl.lit(None, pl.Int64).alias(name) for name in absent)
        raw = nw.from_native(lacking.lazy())
        told, texts, n_rejections = judged(raw, source, exclude=exclude, keep_users=None)
        native: pl.LazyFrame = nw.to_native(told)
        found = native.select("user_id", "shown_at", "is_click", REASON).collect()
        reasons = found[REASON].to_numpy()
        counters.add(found.filter(pl.col(REASON) == 0) if reasons.any() else found, reasons)

    try:
        done = read_plain_numbers(source, layouts, _READ, count, on_progress=on_progress)
    except _TooManyIdsError:
        return None
    if not done:
        return None
    return tally_of(
        counters.table(),
        source,
        reasons=texts,
        n_rejections=n_rejections,
        unreadable_rows={},
    )


class _Counters:
    """What is counted of each id, at its place; and rows that are not used, by reason."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reasons = Counter[int]()
        self._counts: IntVector = np.zeros(0, dtype=np.int64)
        self._first: IntVector = np.zeros(0, dtype=np.int64)
        self._last: IntVector = np.zeros(0, dtype=np.int64)

    def add(self, used: pl.DataFrame, reasons: IntVector) -> None:
        """Count the rows that are used, and all rows by reason."""
        ids, at, clicks = (used[name].to_numpy() for name in ("user_id", "shown_at", "is_click"))
        if ids.size and not 0 <= int(ids.min()) <= int(ids.max()) < _MOST_IDS:
            raise _TooManyIdsError
        with self._lock:
            if used.height < reasons.size:
                codes, numbers = np.unique(reasons[reasons != 0], return_counts=True)
                self._reasons.update(dict(zip(codes.tolist(), numbers.tolist(), strict=True)))
            self._make_room(int(ids.max(initial=-1)) + 1)
            np.add.at(self._counts, ids, clicks * _CLICK + 1)
            np.minimum.at(self._first, ids, at)
            np.maximum.at(self._last, ids, at)

    def _make_room(self, n_ids: int) -> None:
        n_more = n_ids - self._counts.size
        if n_more > 0:
            n_more = max(n_more, self._counts.size // 4)
            self._counts = np.append(self._counts, np.zeros(n_more, dtype=np.int64))
            self._first = np.append(self._first, np.full(n_more, _NEVER))
            self._last = np.append(self._last, np.full(n_more, -_NEVER))

    def table(self) -> pl.DataFrame:
        """Return the columns that `plan_tally` gives."""
        ids = np.flatnonzero(self._counts)
        users = pl.DataFrame(
            {
                "user_id": ids,
                REASON: np.zeros_like(ids),
                "n_impressions": self._counts[ids] % _CLICK,
                "n_clicks": self._counts[ids] // _CLICK,
                "first_seen_at": self._first[ids],
                "last_seen_at": self._last[ids],
            }
        )
        aside = {REASON: list(self._reasons), "n_impressions": list(self._reasons.values())}
        rejected = pl.DataFrame(aside, schema={REASON: pl.Int64, "n_impressions": pl.Int64})
        return pl.concat([users, rejected], how="diagonal")
