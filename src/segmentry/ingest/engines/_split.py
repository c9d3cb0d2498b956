"""How a log becomes parts or counts, on any engine: which rows are used, and their account."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import narwhals.stable.v2 as nw
import polars as pl

from segmentry.ingest.engines._validity import (
    REASON,
    REPEATED,
    TIME_OF,
    disposition,
    reason_texts,
    set_apart,
)
from segmentry.ingest.files import FileLayout, inspect_file
from segmentry.schema import (
    BEHAVIOURS_COLUMNS,
    EVENT_COLUMNS,
    IMPRESSIONS_COLUMNS,
    MICRO,
    Engine,
    LogParts,
    RowAccount,
    TableSource,
    UserTally,
)

_LEAST_HELD, _MOST_HELD, _MOST_HELD_IN_ALL = 2_048, 65_536, 1 << 20

PART = "part"
SET_ASIDE = -1
"""Part number of the rows that are not used; it has their reasons."""
NOT_SAMPLED = "outside --sample"


def plan_split(
    raw: nw.LazyFrame[Any],
    source: TableSource,
    *,
    exclude: Mapping[str, nw.Expr],
    keep_users: nw.LazyFrame[Any] | None,
) -> tuple[nw.LazyFrame[Any], list[str], int]:
    """Return the rows to write with their `REASON`, the reasons by code, and how many reject.

    `raw` has the canonical names that `source` has, plus null columns for those it lacks.
    """
    rows, reasons, n_rejections = judged(raw, source, exclude=exclude, keep_users=keep_users)
    if source.role == "behaviours":
        small = nw.col("action").cast(nw.Int8)
        chosen = rows.select(*BEHAVIOURS_COLUMNS, REASON).with_columns(small)
        return chosen, reasons, n_rejections
    amounts = [name for name in EVENT_COLUMNS if name in source.columns]
    # A prepared log has them in fixed point already.
    fixed = map(nw.col, amounts) if source.prepared is not None else map(_fixed_point, amounts)
    chosen = rows.select(*IMPRESSIONS_COLUMNS, REASON, *fixed)
    return chosen, reasons, n_rejections


def _fixed_point(name: str) -> nw.Expr:
    """Return an amount as an integer, so that sums do not depend on the order."""
    sound = nw.when(nw.col(REASON) == 0).then(nw.col(name))
    return (sound * MICRO + 0.5).floor().cast(nw.Int64).alias(name)


def plan_tally(
    raw: nw.LazyFrame[Any],
    source: TableSource,
    *,
    exclude: Mapping[str, nw.Expr],
    keep_users: nw.LazyFrame[Any] | None,
) -> tuple[nw.LazyFrame[Any], list[str], int]:
    """Return one row per user with its counts and one per `REASON`, else as `plan_split`.

    Rows that are not used have no user: they are counted by reason alone.
    """
    rows, reasons, n_rejections = judged(raw, source, exclude=exclude, keep_users=keep_users)
    is_used, shown_at = nw.col(REASON) == 0, nw.col("shown_at")
    # Clicks that are not 0 or 1 could add up to more than an integer holds.
    known = (nw.when(is_used).then(nw.col(name)).alias(name) for name in ("user_id", "is_click"))
    tally = (
        rows.select(*known, REASON, "shown_at")
        .group_by("user_id", REASON)
        .agg(
            nw.len().cast(nw.Int64).alias("n_impressions"),
            nw.col("is_click").sum().cast(nw.Int64).alias("n_clicks"),
            shown_at.min().cast(nw.Int64).alias("first_seen_at"),
            shown_at.max().cast(nw.Int64).alias("last_seen_at"),
        )
    )
    return tally, reasons, n_rejections


def judged(
    raw: nw.LazyFrame[Any],
    source: TableSource,
    *,
    exclude: Mapping[str, nw.Expr],
    keep_users: nw.LazyFrame[Any] | None,
) -> tuple[nw.LazyFrame[Any], list[str], int]:
    """Put the code of why it is set aside beside each row, 0 for a row that is used.

    Returned with it are the reasons by code, and how many reject.
    """
    # Without times all events are of one moment, and without clicks nothing was clicked: the
    # steps need no second way, and no feature is made of what is not there.
    always = (TIME_OF[source.role], *(("is_click",) if source.role == "impressions" else ()))
    absent = [name for name in always if name not in source.columns]
    raw = raw.with_columns(nw.lit(0).cast(nw.Int64).alias(name) for name in absent)
    conditions = set_apart(source) | dict(exclude)
    if keep_users is not None:
        raw = raw.join(keep_users.with_columns(is_kept=nw.lit(1)), on="user_id", how="left")
        conditions[NOT_SAMPLED] = nw.col("is_kept").is_null()
    rejections, exclusions = reason_texts(source, list(conditions))
    rows = raw.with_columns(disposition(source, conditions).alias(REASON))
    return rows, rejections + exclusions, len(rejections)


def files_of(part: Path) -> list[Path]:
    """Return the files of a part.

    Raises
    ------
    FileNotFoundError
        If somebody has removed them.
    """
    files = sorted(part.glob("*.parquet"))
    if not files:
        raise FileNotFoundError(
            f"{part}: the temporary files are gone; leave the folder of --out alone until the run "
            "has ended"
        )
    return files


def layouts_of(source: TableSource) -> list[FileLayout]:
    """Look at each file of a table; those of a prepared log are alike, and may be hundreds."""
    if source.prepared is None:
        return [inspect_file(file, source.shape) for file in source.files]
    first = inspect_file(source.files[0], source.shape)
    return [replace(first, path=file) for file in source.files]


def rows_held(n_writers: int, *, in_all: int = _MOST_HELD_IN_ALL) -> int:
    """Return how many rows each writer of a part may hold back before it writes them.

    In all they are a million at most, so that memory does not grow with the parts.

    Examples
    --------
    >>> rows_held(8), rows_held(64), rows_held(64, in_all=1 << 16)
    (65536, 16384, 2048)
    """
    return max(_LEAST_HELD, min(_MOST_HELD, min(in_all, _MOST_HELD_IN_ALL) // n_writers))


def parts_of(directory: Path) -> list[Path]:
    """Return the parts that hold rows to use."""
    aside = f"{PART}={SET_ASIDE}"
    return [part for part in sorted(directory.glob(f"{PART}=*")) if part.name != aside]


def n_rows_of(part: Path) -> int:
    """Return how many rows a part has."""
    import pyarrow.parquet as pq

    return sum(pq.read_metadata(file).num_rows for file in part.glob("*.parquet"))


def _with_prepared(account: RowAccount, source: TableSource) -> RowAccount:
    """Add what became of the rows when they were prepared."""
    before = source.prepared
    if before is None:
        return account
    return RowAccount(
        role=account.role,
        n_read=account.n_read + before.n_read - before.n_used,
        n_used=account.n_used,
        rejected=dict(Counter(before.rejected) + Counter(account.rejected)),
        excluded=dict(Counter(before.excluded) + Counter(account.excluded)),
    )


class Split(Protocol):
    """How an engine splits a log that is not prepared."""

    def __call__(
        self,
        source: TableSource,
        directory: Path,
        *,
        n_parts: int,
        exclude: Mapping[str, nw.Expr],
        keep_users: pl.Series | None,
        on_progress: Callable[[int, int], None],
        on_collapse: Callable[[int, int], None] | None = None,
    ) -> LogParts:
        """As `Engine.split_log`."""
        ...


def split_or_keep(
    engine: Engine,
    split: Split,
    source: TableSource,
    directory: Path,
    *,
    n_parts: int,
    exclude: Mapping[str, nw.Expr],
    keep_users: pl.Series | None,
    on_progress: Callable[[int, int], None],
    on_collapse: Callable[[int, int], None] | None = None,
) -> LogParts:
    """Split a log; the parts of a prepared one stay, whole or without what is left out."""
    if source.prepared is None:
        return split(
            source,
            directory,
            n_parts=n_parts,
            exclude=exclude,
            keep_users=keep_users,
            on_progress=on_progress,
            on_collapse=on_collapse,
        )
    parts = sorted({file.parent for file in source.files})
    is_all_kept = keep_users is None and not source.is_distinct
    accounts, kept = [], []
    for number, part in enumerate(parts):
        on_progress(number, len(parts))
        if is_all_kept and not _has_excluded(engine, part, exclude):
            n_rows = n_rows_of(part)
            accounts.append(RowAccount(source.role, n_rows, n_rows, {}, {}))
            kept.append(part)
            continue
        files = tuple(file for file in source.files if file.parent == part)
        target = directory / f"of {part.name}"
        target.mkdir(parents=True)
        log = split(
            replace(source, files=files),
            target,
            n_parts=1,
            exclude=exclude,
            keep_users=keep_users,
            on_progress=lambda _done, _total: None,
        )
        accounts.append(log.account)
        if log.parts:
            kept.append(log.parts[0].rename(directory / part.name))
    return LogParts(tuple(kept), _with_prepared(_sum_of(accounts, source.role), source))


def _has_excluded(engine: Engine, part: Path, exclude: Mapping[str, nw.Expr]) -> bool:
    if not exclude:
        return False
    is_out = nw.any_horizontal(*exclude.values(), ignore_nulls=True)
    found = engine.collect(engine.scan_part(part).filter(is_out).select(nw.len().alias("n")))
    return bool(found["n"][0])


def _sum_of(accounts: Sequence[RowAccount], role: str) -> RowAccount:
    return RowAccount(
        role=role,
        n_read=sum(each.n_read for each in accounts),
        n_used=sum(each.n_used for each in accounts),
        rejected=dict(sum((Counter(each.rejected) for each in accounts), Counter())),
        excluded=dict(sum((Counter(each.excluded) for each in accounts), Counter())),
    )


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


def written_rows(directory: Path) -> int:
    """Count the rows that were written, used or set aside."""
    return sum(n_rows_of(part) for part in directory.glob(f"{PART}=*"))


def account_of(
    directory: Path,
    source: TableSource,
    *,
    reasons: list[str],
    n_rejections: int,
    unreadable_rows: Mapping[str, int],
    n_repeated: int,
) -> LogParts:
    """Count what was written and check that nothing was lost.

    `unreadable_rows` are the lines that the engine itself could not read, by reason, and
    `n_repeated` the rows that were dropped as equal to others.
    """
    parts = parts_of(directory)
    n_used = sum(n_rows_of(part) for part in parts)
    set_aside = sorted((directory / f"{PART}={SET_ASIDE}").glob("*.parquet"))
    counts = Counter[str]()
    if set_aside:
        codes = pl.read_parquet(set_aside, columns=[REASON], hive_partitioning=False)
        for code, n_rows in codes.group_by(REASON).len().iter_rows():
            counts[reasons[code - 1]] += n_rows
    if n_repeated:
        counts[REPEATED] = n_repeated
    account = _account(
        source,
        n_used,
        counts,
        reasons=[*reasons, REPEATED],
        n_rejections=n_rejections,
        unreadable_rows=unreadable_rows,
    )
    return LogParts(tuple(parts), account)


def tally_of(
    found: pl.DataFrame,
    source: TableSource,
    *,
    reasons: list[str],
    n_rejections: int,
    unreadable_rows: Mapping[str, int],
) -> UserTally:
    """Part the users from the rows that were set aside; the rest is as for `account_of`."""
    is_used = pl.col(REASON) == 0
    counts = found.filter(is_used).drop(REASON).sort("user_id")
    aside = found.filter(~is_used).select(REASON, "n_impressions").iter_rows()
    account = _account(
        source,
        int(counts["n_impressions"].sum()),
        Counter({reasons[code - 1]: n_rows for code, n_rows in aside}),
        reasons=reasons,
        n_rejections=n_rejections,
        unreadable_rows=unreadable_rows,
    )
    return UserTally(counts=counts, account=_with_prepared(account, source))


def _account(
    source: TableSource,
    n_used: int,
    counts: Counter[str],
    *,
    reasons: list[str],
    n_rejections: int,
    unreadable_rows: Mapping[str, int],
) -> RowAccount:
    rejected = Counter({reason: counts[reason] for reason in reasons[:n_rejections]})
    rejected.update(unreadable_rows)
    excluded = {reason: counts[reason] for reason in reasons[n_rejections:]}
    n_read = n_used + sum(counts.values()) + sum(unreadable_rows.values())
    return RowAccount(
        role=source.role,
        n_read=n_read,
        n_used=n_used,
        rejected={reason: n for reason, n in rejected.items() if n},
        excluded={reason: n for reason, n in excluded.items() if n},
    )
