"""The parts of a prepared log, cut by day: a window reads and a new day writes few of the files."""

import datetime as dt
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from segmentry.ingest.store.journal import Step, Work, done_accounts
from segmentry.ingest.store.prepared import check_content
from segmentry.ingest.text_blocks import record_of
from segmentry.runtime.progress import step_reporter
from segmentry.runtime.temporary import put_whole
from segmentry.schema import SECONDS_PER_DAY, Engine, PreparedFile, TableSource

MIN_ROWS = 20_000
"""Days of a part share a file until it has so many rows: a file costs about 2 KB and 0.2 ms."""


@dataclass(frozen=True, slots=True)
class Slice:
    """A file of a part, with the local days from its first row to its last."""

    file: Path
    written: PreparedFile
    days: range


def slices_of(written: Mapping[Path, PreparedFile], part: int, *, offset: int) -> list[Slice]:
    """Return the slices of one part; `offset` is the clock's, in seconds."""
    return [
        Slice(file, found, range(_day(found.first_at, offset), _day(found.last_at, offset) + 1))
        for file, found in written.items()
        if file.parent.name == f"part={part}"
    ]


def _day(moment: int, offset: int) -> int:
    return (moment + offset) // SECONDS_PER_DAY


def cut_days(
    n_rows: Mapping[int, int], kept: Collection[range], *, min_rows: int = MIN_ROWS
) -> list[range]:
    """Group days, so that each group has at least so many rows and none reaches over days `kept`.

    >>> cut_days({1: 6, 2: 6, 3: 1, 7: 3, 9: 9}, [range(4, 7)], min_rows=10)
    [range(1, 3), range(3, 4), range(7, 10)]
    """
    groups: list[range] = []
    days: list[int] = []
    for day in sorted(n_rows):
        if days and any(days[-1] < each.start < day for each in kept):
            groups.append(range(days[0], days[-1] + 1))
            days = []
        days.append(day)
        if sum(n_rows[each] for each in days) >= min_rows:
            groups.append(range(days[0], day + 1))
            days = []
    return [*groups, range(days[0], days[-1] + 1)] if days else groups


@dataclass(frozen=True, slots=True)
class Merged:
    """A log whose parts took up rows: the files now, by their place in the prepared folder."""

    files: Mapping[str, PreparedFile]
    n_repeated: int
    """New rows that were dropped as equal to others."""


def merge_parts(
    work: Work,
    table: TableSource,
    *,
    n_parts: int,
    offset: int,
    old: TableSource | None = None,
) -> Merged:
    """Put the new pieces of each part together, and with the days of `old` where they meet.

    What is written lies in ``whole``; files of `old` that are named no more were taken up.
    """
    report = step_reporter(work.progress, f"merging the {table.role}")
    before = {} if old is None else old.written
    files = {str(file.relative_to(work.target)): each for file, each in before.items()}
    n_new = sum(each.n_used for each in done_accounts(work, table))
    n_old = sum(each.n_rows for each in before.values())
    for part in range(n_parts):
        report(n_new * part // n_parts, n_new)  # parts are by hash, so about equal
        step = work.journal.found(f"part {table.role} {part}")
        pieces = sorted(work.folder.glob(f"block-{table.role}-*/part={part}/*.parquet"))
        if step is None:
            slices = slices_of(before, part, offset=offset)
            taken, made = _merge(work, table, part, pieces, slices, offset=offset)
            for each in taken:
                del files[str(each.file.relative_to(work.target))]
            step = work.journal.write(Step(f"part {table.role} {part}", files=made))
        for piece in pieces:
            piece.unlink()
        files |= step.files
    report(n_new, n_new)
    n_now = sum(each.n_rows for each in files.values())
    return Merged(files, n_old + n_new - n_now)


def _merge(
    work: Work,
    table: TableSource,
    part: int,
    pieces: list[Path],
    slices: list[Slice],
    *,
    offset: int,
) -> tuple[list[Slice], dict[str, PreparedFile]]:
    """Write the days of new pieces; return the slices that were taken up, and what was written."""
    if not pieces:
        return [], {}
    engine, role = work.engine, table.role
    n_rows = Counter(engine.count_days(role, pieces, offset=offset))
    taken = [
        each
        for each in slices
        if each.written.n_rows < MIN_ROWS or any(day in each.days for day in n_rows)
    ]
    sources = [*pieces, *(each.file for each in taken)]
    if taken:
        written = {each.file: each.written for each in taken}
        check_content([TableSource(role, tuple(written), {}, written=written)])
        n_rows = Counter(engine.count_days(role, sources, offset=offset))
    kept = [each.days for each in slices if each not in taken]
    return taken, write_days(
        engine,
        part,
        sources,
        cut_days(n_rows, kept, min_rows=MIN_ROWS),
        table=table,
        whole=work.whole,
        scratch=work.fresh("merge"),
        offset=offset,
    )


def write_days(
    engine: Engine,
    part: int,
    sources: Sequence[Path],
    groups: Sequence[range],
    *,
    table: TableSource,
    whole: Path,
    scratch: Path,
    offset: int,
) -> dict[str, PreparedFile]:
    """Write the rows of a part, sorted, to one file for each group of days."""
    made: dict[str, PreparedFile] = {}
    for days in groups:
        rows = scratch / "rows.parquet"
        ends = (days.start * SECONDS_PER_DAY - offset, days.stop * SECONDS_PER_DAY - offset)
        engine.write_part(
            table.role, sources, rows, is_distinct=table.is_distinct, is_sorted=True, within=ends
        )
        made |= place_slice(engine, whole, table.role, part, rows, offset=offset)
    return made


def place_slice(
    engine: Engine, whole: Path, role: str, part: int, rows: Path, *, offset: int
) -> dict[str, PreparedFile]:
    """Move a file of a part under its name in ``whole``: its days, and its content."""
    record = record_of(rows)
    n_rows, first_at, last_at = engine.extent_of(role, rows)
    days = [dt.date(1970, 1, 1) + dt.timedelta(_day(at, offset)) for at in (first_at, last_at)]
    name = f"{role}/part={part}/{days[0]}-to-{days[1]}-{record.sha256[:12]}.parquet"
    put_whole(rows, whole / name)
    return {name: PreparedFile(record.n_bytes, record.sha256, n_rows, first_at, last_at)}
