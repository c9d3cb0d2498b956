"""Profiles and ads with one row per id: duplicates, contradictions and impossible values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl

from segmentry.schema import ADS_COLUMNS, MICRO, UNREADABLE_WHOLE, RowAccount

DUPLICATE = "exact duplicate"
CONTRADICTION = "contradicts another row of the same id"


@dataclass(frozen=True, slots=True)
class CleanTable:
    """A table with one row per id, sorted by it, the account of its rows, and what was odd."""

    rows: pl.DataFrame
    account: RowAccount
    n_impossible: int
    n_unreadable: Mapping[str, int] = field(default_factory=dict)
    """Values that are there and are no numbers, by column."""


def clean_profiles(rows: pl.DataFrame, *, unreadable: int, attributes: Sequence[str]) -> CleanTable:
    """Keep one row per user.

    Exact duplicates are collapsed. Where rows of one user contradict each other, all of them are
    rejected and the user counts as unprofiled: whichever was kept would depend on their order.

    Levels below 0, in the columns named by `attributes`, are impossible and become unknown, as
    infinite numbers do in any column. Texts that are no numbers, read as not-a-number, are counted
    by column.

    >>> rows = pl.DataFrame({"user_id": [2, 1, 1, 2, None], "city": [3, 1, 1, 4, 1]})
    >>> clean = clean_profiles(rows, unreadable=0, attributes=["city"])
    >>> clean.rows.rows(), dict(clean.account.rejected)
    ([(1, 1)], {'user_id missing or unreadable': 1, 'exact duplicate': 1, \
'contradicts another row of the same id': 2})
    """
    rows, unreadable_values = _without_unreadable(rows)
    is_bad: dict[str, pl.Expr] = {}
    for name, dtype in rows.schema.items():
        if name in attributes and dtype.is_numeric():
            is_bad[name] = pl.col(name) < 0
        if dtype.is_float():
            is_bad[name] = is_bad.get(name, pl.lit(value=False)) | ~pl.col(name).is_finite()
    n_bad = rows.select(each.sum().alias(name) for name, each in is_bad.items())
    odd = {name: n for name, n in n_bad.row(0, named=True).items() if n} if is_bad else {}
    sound = rows.with_columns(pl.when(~is_bad[name]).then(name).alias(name) for name in odd)
    odd_values = sum(odd.values())
    found = _unique(sound, key="user_id", role="profiles", unreadable=unreadable, odd=odd_values)
    return replace(found, n_unreadable=unreadable_values)


def _without_unreadable(rows: pl.DataFrame) -> tuple[pl.DataFrame, Mapping[str, int]]:
    """Make what is there and cannot be read unknown; count it by column."""
    is_strange = {
        name: pl.col(name).is_nan() if dtype.is_float() else pl.col(name) == UNREADABLE_WHOLE
        for name, dtype in rows.schema.items()
        if dtype.is_float() or dtype == pl.Int64
    }
    if not is_strange:
        return rows, {}
    counts = rows.select(each.sum().alias(name) for name, each in is_strange.items())
    found = {name: n for name, n in counts.row(0, named=True).items() if n}
    known = (pl.when(~is_strange[name]).then(name).alias(name) for name in found)
    return rows.with_columns(known), found


def clean_ads(rows: pl.DataFrame, *, unreadable: int) -> CleanTable:
    """Keep one row per ad and put ``log_price``, ln(1 + price) in fixed point, next to the price.

    A price that is not a finite number above 0 is impossible and becomes unknown.

    >>> rows = pl.DataFrame({"ad_id": [7, 8], "price": [1.0, -3.0]})
    >>> clean = clean_ads(rows, unreadable=0)
    >>> clean.rows["log_price"].to_list(), clean.n_impossible
    ([693147, None], 1)
    """
    rows, unreadable_values = _without_unreadable(rows)
    absent = [name for name in ADS_COLUMNS if name not in rows.columns]
    full = rows.with_columns(
        pl.lit(None, dtype=pl.Float64 if name == "price" else pl.Int64).alias(name)
        for name in absent
    )
    price = pl.col("price")
    is_bad = price.is_not_null() & ~(price.is_finite() & (price > 0))
    n_impossible: int = full.select(is_bad.sum()).item()
    sound = full.with_columns(pl.when(~is_bad).then(price).alias("price"))
    logs = np.round(np.log1p(sound["price"].to_numpy()) * MICRO)
    log_price = pl.Series("log_price", logs).fill_nan(None).cast(pl.Int64)
    found = _unique(
        sound.with_columns(log_price),
        key="ad_id",
        role="ads",
        unreadable=unreadable,
        odd=n_impossible,
    )
    return replace(found, n_unreadable=unreadable_values)


def no_profiles(user_type: pl.DataType, attributes: Sequence[str]) -> pl.DataFrame:
    """Return the profile table of a log without profiles."""
    return pl.DataFrame(schema={"user_id": user_type, **dict.fromkeys(attributes, pl.Int64())})


def no_ads(ad_type: pl.DataType) -> pl.DataFrame:
    """Return the ad table of a log without ads."""
    types: dict[str, pl.DataType] = dict.fromkeys(ADS_COLUMNS, pl.Int64())
    return pl.DataFrame(
        schema=types | {"ad_id": ad_type, "price": pl.Float64(), "log_price": pl.Int64()}
    )


def _unique(rows: pl.DataFrame, *, key: str, role: str, unreadable: int, odd: int) -> CleanTable:
    known = rows.filter(pl.col(key).is_not_null()) if rows[key].null_count() else rows
    distinct = single = known.sort(key)
    if (single[key] == single[key].shift(1)).any():
        # A million rows take 0.6 s: looked for where an id occurs twice at all.
        distinct = known.unique()
        single = distinct.filter(pl.len().over(key) == 1).sort(key)
    rejected = {
        f"{key} missing or unreadable": rows.height - known.height,
        "wrong number of fields": unreadable,
        DUPLICATE: known.height - distinct.height,
        CONTRADICTION: distinct.height - single.height,
    }
    account = RowAccount(
        role=role,
        n_read=rows.height + unreadable,
        n_used=single.height,
        rejected={reason: n for reason, n in rejected.items() if n},
        excluded={},
    )
    return CleanTable(rows=single, account=account, n_impossible=odd)
