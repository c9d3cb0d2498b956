"""Parts of a log by user: folders of Parquet, and one of the rows that are set aside."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import narwhals.stable.v2 as nw
import polars as pl

from segmentry.ingest.engines._validity import REASON, TIME_OF, Judged, with_prepared
from segmentry.ingest.files import count_rows
from segmentry.schema import LogParts, RowAccount, TableSource

_MIN_HELD, _MAX_HELD, _MAX_HELD_IN_ALL = 2_048, 65_536, 1 << 20

PART = "part"
SET_ASIDE = -1
"""Part number of the rows that are not used; it has their reasons."""


def rows_held(n_writers: int, *, in_all: int = _MAX_HELD_IN_ALL) -> int:
    """Return how many rows each writer of a part may hold back before it writes them.

    In all they are a million at most, so that memory does not grow with the parts.

    >>> rows_held(8), rows_held(64), rows_held(64, in_all=1 << 16)
    (65536, 16384, 2048)
    """
    return max(_MIN_HELD, min(_MAX_HELD, min(in_all, _MAX_HELD_IN_ALL) // n_writers))


def files_of(part: Path) -> list[Path]:
    """Return the files of a part.

    Raises FileNotFoundError if somebody has removed them.
    """
    files = sorted(part.glob("*.parquet"))
    if not files:
        raise FileNotFoundError(
            f"{part}: the temporary files are gone; leave the folder of --out alone until the run "
            "has ended"
        )
    return files


def parts_of(directory: Path) -> list[Path]:
    """Return the parts that hold rows to use."""
    aside = f"{PART}={SET_ASIDE}"
    return [part for part in sorted(directory.glob(f"{PART}=*")) if part.name != aside]


def n_rows_of(part: Path) -> int:
    """Return how many rows a part has."""
    files = list(part.glob("*.parquet"))
    return count_rows(files) if files else 0


def collapse(
    directory: Path,
    write_distinct: Callable[[Sequence[Path], Path], None],
    on_part: Callable[[int, int], None] | None = None,
) -> int:
    """Keep one of the rows of each part that are equal; return how many were dropped.

    `write_distinct` writes the distinct rows of some files to another one; `on_part` is called
    with (rows looked at, rows in all).
    """
    n_repeated = n_done = 0
    sizes = {part: n_rows_of(part) for part in parts_of(directory)}
    for part, n_before in sizes.items():
        files = files_of(part)
        target = part / "distinct.parquet"
        write_distinct(files, target)
        for file in files:
            file.unlink()
        n_repeated += n_before - n_rows_of(part)
        n_done += n_before
        if on_part is not None:
            on_part(n_done, sum(sizes.values()))
    return n_repeated


def written_log(
    directory: Path, judged: Judged, *, unreadable: Mapping[str, int], n_repeated: int
) -> LogParts:
    """Count the rows that were written and check that none was lost; else as `Judged.account`."""
    parts = parts_of(directory)
    n_by_code = Counter({0: sum(map(n_rows_of, parts))})
    if aside := list((directory / f"{PART}={SET_ASIDE}").glob("*.parquet")):
        codes = pl.read_parquet(aside, columns=[REASON], hive_partitioning=False)
        n_by_code.update(dict(codes.group_by(REASON).len().iter_rows()))
    account = judged.account(n_by_code, unreadable=unreadable, n_repeated=n_repeated)
    return LogParts(tuple(parts), account)


class Split(Protocol):
    """How an engine splits files."""

    def __call__(self, source: TableSource, directory: Path, *, n_parts: int) -> LogParts:
        """As `Engine.split_log`."""
        ...


def split_prepared(
    split: Split,
    source: TableSource,
    directory: Path,
    *,
    exclude: Mapping[str, nw.Expr],
    are_all_users_kept: bool,
    on_progress: Callable[[int, int], None],
) -> LogParts:
    """Link to the files of a prepared log; split again only those of which something is left out.

    `directory` then has a folder for each part that has rows. `exclude` looks at moments alone, and
    leaves out all before one or all from one on.
    """
    by_part: dict[str, list[Path]] = {}
    for file in source.files:
        by_part.setdefault(file.parent.name, []).append(file)
    is_whole = are_all_users_kept and not source.is_distinct
    accounts, kept = [], []
    for number, (name, files) in enumerate(sorted(by_part.items())):
        on_progress(number, len(by_part))
        part = directory / name
        part.mkdir(parents=True)
        whole = [file for file in files if is_whole and not _has_excluded(file, source, exclude)]
        for file in whole:
            _link(file, part / file.name)
        n_rows = sum(source.written[file].n_rows for file in whole)
        accounts.append(RowAccount(source.role, n_rows, n_rows, {}, {}))
        if cut := tuple(file for file in files if file not in whole):
            target = directory / f"of {name}"
            target.mkdir()
            log = split(replace(source, files=cut), target, n_parts=1)
            accounts.append(log.account)
            for file in (file for each in log.parts for file in files_of(each)):
                file.rename(part / f"of {file.name}")
        if any(part.iterdir()):
            kept.append(part)
    account = RowAccount.total(source.role, accounts)
    return LogParts(tuple(kept), with_prepared(account, source))


def _link(file: Path, target: Path) -> None:
    """Give a file another name, under which it stays when the prepared folder is changed."""
    try:
        target.hardlink_to(file)
    except OSError:  # another disk
        target.symlink_to(file.resolve())


def _has_excluded(file: Path, source: TableSource, exclude: Mapping[str, nw.Expr]) -> bool:
    """Whether the first or the last row of a file is left out: by moments, all between are not."""
    if not exclude:
        return False
    written = source.written[file]
    ends = {TIME_OF[source.role]: [written.first_at, written.last_at]}
    is_out = nw.any_horizontal(*exclude.values(), ignore_nulls=True)
    found = nw.from_native(pl.DataFrame(ends)).select(is_out=is_out)
    return bool(found["is_out"].any())
