"""Parts of Parquet files whose statistics prove that no row is wanted."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from segmentry.errors import DataError
from segmentry.ingest.clocks import Clock
from segmentry.ingest.files import partitions_of
from segmentry.ingest.moments import EARLIEST, LATEST, UNITS_PER_SECOND, find_time_format, midnight
from segmentry.runtime.preload import require

BEFORE, AFTER = "before --since", "from --until on"
_CHANGE = 2 * 3600
_ROWS = 1 << 16


@dataclass(frozen=True, slots=True)
class TimeBounds:
    """Which moments of a log are wanted, and which rows of it are surely sound.

    Rows that may be rejected are read wherever they are, so that an account is the same whatever
    the files are. That a text or a number is one of those that mean "missing" is not seen here.
    """

    column: str
    clock: Clock
    since: int | None
    until: int | None
    time_format: str = "auto"
    origin: int | None = None
    """Epoch seconds from which numbers count."""
    present: tuple[str, ...] = ()
    """Columns without which a row is rejected."""
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """What the numbers of a column must be for its rows to be used."""

    def reason(self, low: Any, high: Any) -> str:
        """Return why all from a lowest to a highest value are left out; empty if some are not."""
        first, last = self._epoch(low, low, high), self._epoch(high, low, high)
        if first is not None and last is not None and self.clock.timezone:
            # Where the clock is set back, the last moment is not the latest on it.
            first, last = first - _CHANGE, last + _CHANGE
        if first is None or last is None or not EARLIEST <= first <= last < LATEST:
            return ""
        if self.since is not None and last < self.since:
            return BEFORE
        return AFTER if self.until is not None and first >= self.until else ""

    def _epoch(self, value: Any, low: Any, high: Any) -> int | None:
        """Return a moment in epoch seconds; none where that is not plain to see."""
        offset = self.clock.utc_offset_hours
        if isinstance(value, dt.datetime):
            if value.tzinfo is not None:
                return self.clock.shown(int(value.timestamp() // 1))
            zone = dt.timezone(dt.timedelta(hours=offset))
            return int(value.replace(tzinfo=zone).timestamp() // 1)
        if isinstance(value, dt.date):
            return midnight(value, utc_offset_hours=offset)
        if not isinstance(value, int):
            return None
        written = self.time_format
        if written == "auto":
            found = find_time_format([str(low), str(high)])
            written = "seconds" if self.origin is not None else found
        if written not in UNITS_PER_SECOND:
            return None
        return self.clock.shown(value // int(UNITS_PER_SECOND[written]) + (self.origin or 0))


def reasons_of(metadata: Any, folders: Mapping[str, str], bounds: TimeBounds | None) -> list[str]:
    """Return why each row group is left out; empty where it is needed."""
    groups = (metadata.row_group(place) for place in range(metadata.num_row_groups))
    return ["" if bounds is None else _reason_of(group, folders, bounds) for group in groups]


def _reason_of(group: Any, folders: Mapping[str, str], bounds: TimeBounds) -> str:
    columns = [group.column(place) for place in range(group.num_columns)]
    known = {each.path_in_schema.strip(): each.statistics for each in columns}
    for name in bounds.present:
        found = known.get(name)
        is_full = found is not None and found.has_null_count and found.null_count == 0
        if not is_full and not (name not in known and folders.get(name)):
            return ""
    for name, (least, most) in bounds.ranges.items():
        low, high = _ends(known.get(name))
        if isinstance(low, int | float) and not (low >= least and high <= most):
            return ""
    if bounds.column in known:
        return bounds.reason(*_ends(known[bounds.column]))
    try:
        day = dt.date.fromisoformat(folders.get(bounds.column, ""))
    except ValueError:
        return ""
    return bounds.reason(day, day)


def _ends(statistics: Any) -> tuple[Any, Any]:
    if statistics is None or not statistics.has_min_max:
        return None, None
    try:
        return statistics.min, statistics.max
    except (ValueError, OverflowError):  # nanoseconds, which Python does not have
        return None, None


def spans_of(
    metadata: Any, groups: Sequence[int], wanted: frozenset[str] | None
) -> list[tuple[int, int]]:
    """Return where the wanted columns of some row groups begin and how long they are.

    All columns where none are named.
    """
    found = []
    for place in groups:
        group = metadata.row_group(place)
        for column in (group.column(number) for number in range(group.num_columns)):
            if wanted is None or is_wanted(column.path_in_schema, wanted):
                begins = [column.dictionary_page_offset, column.data_page_offset]
                first = min(each for each in begins if each)
                found.append((first, column.total_compressed_size))
    return found


def is_wanted(path: str, wanted: frozenset[str]) -> bool:
    """Whether a leaf of Parquet belongs to a column that is wanted, as a whole or by its path."""
    parts = path.split(".")
    return any(".".join(parts[:n]).strip() in wanted for n in range(1, len(parts) + 1))


def folders_of(path: Path) -> Mapping[str, str]:
    """Return the columns that the folders of a file name."""
    return dict(partitions_of(path))


def metadata_of(file: Path) -> Any:
    """Read the footer of a file; raises DataError if it is damaged."""
    pa, pq = (require(each, extra="remote") for each in ("pyarrow", "pyarrow.parquet"))
    try:
        return pq.read_metadata(file)
    except (pa.ArrowInvalid, OSError) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{file}: not a sound Parquet file: {reason}; write it again") from error


def keep_groups(file: Path, groups: Sequence[int], wanted: frozenset[str]) -> None:
    """Let only some row groups stay, with the columns that are here."""
    import pyarrow.parquet as pq

    partial = file.with_name(f".{file.name}.kept")
    with pq.ParquetFile(file) as whole:
        leaves = (whole.metadata.schema.column(i).path for i in range(whole.metadata.num_columns))
        names = [each for each in leaves if is_wanted(each, wanted)]
        rows = whole.iter_batches(_ROWS, row_groups=list(groups), columns=names)
        first = next(rows)
        with pq.ParquetWriter(partial, first.schema) as writer:
            writer.write_batch(first)
            for batch in rows:
                writer.write_batch(batch)
    partial.replace(file)
