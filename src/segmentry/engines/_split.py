"""How a log becomes parts, on any engine: which rows, which part, and the account of rows."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import polars as pl

from segmentry.engines._validity import (
    REASON,
    disposition,
    reason_texts,
)
from segmentry.schema import IMPRESSIONS_COLUMNS, LogParts, RowAccount, TableSource

__all__ = ["NOT_SAMPLED", "PART", "SET_ASIDE", "account_of", "plan_split"]

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
    conditions = dict(exclude)
    if keep_users is not None:
        raw = raw.join(keep_users.with_columns(is_kept=nw.lit(1)), on="user_id", how="left")
        conditions[NOT_SAMPLED] = nw.col("is_kept").is_null()
    rejections, exclusions = reason_texts(source, list(conditions))
    rows = raw.with_columns(disposition(source, conditions).alias(REASON))
    return rows.select(*IMPRESSIONS_COLUMNS, REASON), rejections + exclusions, len(rejections)


def account_of(
    directory: Path,
    source: TableSource,
    *,
    reasons: list[str],
    n_rejections: int,
    unreadable_rows: Mapping[str, int],
) -> LogParts:
    """Count what was written and check that nothing was lost.

    `unreadable_rows` are the lines that the engine itself could not read, by reason.
    """
    import pyarrow.parquet as pq

    n_used, parts = 0, []
    for part in sorted(directory.glob(f"{PART}=*")):
        if part.name == f"{PART}={SET_ASIDE}":
            continue
        n_used += sum(pq.read_metadata(file).num_rows for file in part.glob("*.parquet"))
        parts.append(part)
    set_aside = sorted((directory / f"{PART}={SET_ASIDE}").glob("*.parquet"))
    counts = Counter[str]()
    if set_aside:
        codes = pl.read_parquet(set_aside, columns=[REASON], hive_partitioning=False)
        for code, n_rows in codes.group_by(REASON).len().iter_rows():
            counts[reasons[code - 1]] += n_rows
    rejected = Counter({reason: counts[reason] for reason in reasons[:n_rejections]})
    rejected.update(unreadable_rows)
    excluded = {reason: counts[reason] for reason in reasons[n_rejections:]}
    n_read = n_used + sum(counts.values()) + sum(unreadable_rows.values())
    account = RowAccount(
        role=source.role,
        n_read=n_read,
        n_used=n_used,
        rejected={reason: n for reason, n in rejected.items() if n},
        excluded={reason: n for reason, n in excluded.items() if n},
    )
    return LogParts(parts=tuple(parts), account=account)
