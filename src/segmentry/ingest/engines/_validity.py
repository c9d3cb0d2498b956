"""When a row of the log cannot be used: one rule, one reason, one account on every engine."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import narwhals.stable.v2 as nw
import polars as pl

from segmentry.ingest.moments import EARLIEST, LATEST
from segmentry.schema import (
    BEHAVIOURS_COLUMNS,
    COUNT_COLUMNS,
    EVENT_COLUMNS,
    IMPRESSIONS_COLUMNS,
    MICRO,
    OTHER_CODE,
    UNKNOWN_CODE,
    RowAccount,
    TableSource,
    UserTally,
)

TIME_OF = {"impressions": "shown_at", "behaviours": "happened_at"}
"""The moment of a row, by the role of its log."""
_RAW_COLUMNS = {
    "impressions": ("user_id", "shown_at", "ad_id", "placement", "is_click", "is_not_click"),
    "behaviours": BEHAVIOURS_COLUMNS,
}
WHOLE = r"^([+-]?\d+)\.0*$"
"""A whole number with decimals, where it is to be the text that it is without."""
REASON = "reason"
WRONG_FIELDS = "wrong number of fields"
NOT_TEXT = "not UTF-8 text"
IMPOSSIBLE_TIME = "impossible time"
OTHER_EVENT = "of another event type"
OTHER_ACTION = "of another action"
RETURNED = "returns: a value or quantity below zero"
REPEATED = "equal in every column to another row"
NOT_SAMPLED = "outside --sample"
LARGEST_COUNT = 1_000_000
"""A row that stands for more impressions is a total, not one user's."""
NOTHING_SHOWN = "rows with 0 impressions"
LARGEST_AMOUNT = 1e9
"""An amount beyond it, or not finite, is impossible; 9,000 of them add up in fixed point."""


def unreadable(name: str) -> str:
    """Reason of a value that is missing where it is needed, or is not of its type."""
    return f"{name} missing or unreadable"


def unreadable_amount(name: str) -> str:
    """Reason of an amount that is there and is not a number."""
    return f"unreadable {name}"


def raw_columns_of(source: TableSource) -> tuple[str, ...]:
    """Return what is read of a log: always the same columns, and amounts where it has any."""
    own = tuple(name for name in (*EVENT_COLUMNS, *COUNT_COLUMNS) if name in source.columns)
    return _RAW_COLUMNS[source.role] + own


def _left_out(source: TableSource) -> dict[str, nw.Expr]:
    """Return sound rows that the source itself leaves out, by what they are."""
    if source.prepared is not None:
        return {}
    if "n_impressions" in source.columns:
        return {NOTHING_SHOWN: nw.col("n_impressions") == 0}
    click, action = source.columns.get("is_click"), source.columns.get("action")
    amounts = [nw.col(name) < 0 for name in EVENT_COLUMNS if name in source.columns]
    if click is None and amounts:
        return {RETURNED: nw.any_horizontal(*amounts, ignore_nulls=True)}
    if click is not None and click.other == OTHER_CODE:
        return {OTHER_EVENT: nw.col("is_click") == OTHER_CODE}
    if action is not None and OTHER_CODE in dict(action.codes).values():
        return {OTHER_ACTION: nw.col("action") == OTHER_CODE}
    return {}


def _rules(source: TableSource) -> dict[str, nw.Expr]:
    """Rejections in the order in which they are looked for; the first that applies is reported."""
    if source.prepared is not None:
        return {}
    at = TIME_OF[source.role]
    time = nw.col(at)
    first, end = source.possible or (EARLIEST, LATEST)
    rules = {unreadable("user_id"): nw.col("user_id").is_null()}
    if at in source.columns:
        rules[unreadable(at)] = time.is_null()
        rules[IMPOSSIBLE_TIME] = (time < first) | (time >= end)
    if source.role == "behaviours":
        action = nw.col("action")
        rules[unreadable("action")] = action.is_null()
        rules["unknown action"] = action == UNKNOWN_CODE
        return rules
    return rules | _rules_of_impressions(source)


def _rules_of_impressions(source: TableSource) -> dict[str, nw.Expr]:
    click, rules = nw.col("is_click"), {}
    if "is_click" in source.columns:
        rules[unreadable("is_click")] = click.is_null()
        if source.columns["is_click"].other is None:
            rules["is_click not 0 or 1"] = (click != 0) & (click != 1)
    rules |= _rules_of_counts(source)
    for name in EVENT_COLUMNS:
        if name in source.columns:
            amount = nw.col(name)
            rules[unreadable_amount(name)] = amount.is_nan()
            rules[f"impossible {name}"] = ~amount.is_null() & ~(amount.abs() <= LARGEST_AMOUNT)
            # In fixed point it would be 0 or twice what it is; a larger one is off by less.
            is_lost = (amount != 0) & (amount.abs() < 1 / MICRO)
            rules[f"{name} too small: below 0.000001, give it in a smaller unit"] = is_lost
    if "is_not_click" in source.columns:
        other = nw.col("is_not_click")
        rules["is_click contradicts is_not_click"] = other.is_null() | (click + other != 1)
    return rules


def _rules_of_counts(source: TableSource) -> dict[str, nw.Expr]:
    """Counts are whole numbers, and no more is clicked than shown."""
    rules = {}
    for name in COUNT_COLUMNS:
        if name in source.columns:
            count = nw.col(name)
            is_whole = (count >= 0) & (count == count.floor())
            rules[unreadable_amount(name)] = count.is_nan()
            rules[unreadable(name)] = count.is_null()
            rules[f"impossible {name}"] = ~(is_whole & (count <= LARGEST_COUNT))
    if "n_clicks" in source.columns:
        rules["n_clicks above n_impressions"] = nw.col("n_clicks") > nw.col("n_impressions")
    return rules


def reasons_of(source: TableSource) -> Mapping[str, int]:
    """Return the reasons why rows of a log are not used, with their places in its account."""
    reasons = (*_rules(source), WRONG_FIELDS, NOT_TEXT, *_left_out(source), REPEATED)
    return {reason: place for place, reason in enumerate(reasons)}


def total_account(
    source: TableSource,
    accounts: Sequence[RowAccount],
    *,
    n_repeated: int,
    exclude: Sequence[str] = (),
) -> RowAccount:
    """Add up the accounts of pieces of a log, in any order, of whose rows some are repeated.

    The reasons are in the order of `Judged.account`; `exclude` are those that options gave.
    """
    total = RowAccount.total(source.role, accounts)
    excluded = {**total.excluded, REPEATED: total.excluded.get(REPEATED, 0) + n_repeated}
    known = [each for each in reasons_of(source) if each != REPEATED]
    order = [*known, *exclude, NOT_SAMPLED, REPEATED]
    rejected, excluded = (
        {
            each: found[each]
            for each in sorted(found, key=lambda each: _place(each, order))
            if found[each]
        }
        for found in (total.rejected, excluded)
    )
    n_used = total.n_used - n_repeated
    return replace(total, n_used=n_used, rejected=rejected, excluded=excluded)


def _place(reason: str, order: Sequence[str]) -> int:
    return order.index(reason) if reason in order else len(order)


@dataclass(frozen=True, slots=True)
class Judged:
    """The rows of a log with the code of why each is set aside, 0 for a row that is used."""

    rows: nw.LazyFrame[Any]
    """Canonical columns, null where the source lacks one, and `REASON`."""
    source: TableSource
    rejections: tuple[str, ...]
    exclusions: tuple[str, ...]
    """`rejections`, `exclusions`: what the codes mean, from 1 on: first all rejections, then all
    exclusions."""

    def to_write(self) -> nw.LazyFrame[Any]:
        """Return what a part of the log holds, and `REASON`."""
        if self.source.role == "behaviours":
            chosen = self.rows.select(*BEHAVIOURS_COLUMNS, REASON)
            return chosen.with_columns(nw.col("action").cast(nw.Int8))
        amounts = [name for name in EVENT_COLUMNS if name in self.source.columns]
        # A prepared log has them in fixed point already.
        is_fixed = self.source.prepared is not None
        fixed = map(nw.col if is_fixed else _fixed_point, amounts)
        return self.rows.select(*IMPRESSIONS_COLUMNS, REASON, *fixed)

    def by_user(self) -> nw.LazyFrame[Any]:
        """Return counts by user of the rows that are used, and by `REASON` alone of the others."""
        is_used, shown_at = nw.col(REASON) == 0, nw.col("shown_at")
        # Clicks that are not 0 or 1 could add up to more than an integer holds.
        known = (
            nw.when(is_used).then(nw.col(each)).alias(each) for each in ("user_id", "is_click")
        )
        return (
            self.rows.select(*known, REASON, "shown_at")
            .group_by("user_id", REASON)
            .agg(
                nw.len().cast(nw.Int64).alias("n_impressions"),
                nw.col("is_click").sum().cast(nw.Int64).alias("n_clicks"),
                shown_at.min().cast(nw.Int64).alias("first_seen_at"),
                shown_at.max().cast(nw.Int64).alias("last_seen_at"),
            )
        )

    def account(
        self, n_by_code: Mapping[int, int], *, unreadable: Mapping[str, int], n_repeated: int = 0
    ) -> RowAccount:
        """Count where all rows went.

        `n_by_code` are rows by `REASON`, 0 of those that are used; `unreadable` are lines that the
        engine itself could not read, by reason; `n_repeated` were dropped as equal to others.
        """
        texts = enumerate((*self.rejections, *self.exclusions), start=1)
        found = Counter({text: n_by_code.get(code, 0) for code, text in texts})
        rejected = Counter({reason: found[reason] for reason in self.rejections})
        rejected.update(unreadable)
        excluded = Counter({reason: found[reason] for reason in self.exclusions})
        excluded[REPEATED] = n_repeated
        excluded.update(self.source.left_out)
        n_used = n_by_code.get(0, 0)
        return RowAccount(
            role=self.source.role,
            n_read=n_used + sum(rejected.values()) + sum(excluded.values()),
            n_used=n_used,
            rejected={reason: n for reason, n in rejected.items() if n},
            excluded={reason: n for reason, n in excluded.items() if n},
        )

    def tally(self, found: pl.DataFrame, *, unreadable: Mapping[str, int]) -> UserTally:
        """Part the users from the rows that are not used in the answer to `by_user`."""
        is_used = pl.col(REASON) == 0
        by_code = found.group_by(REASON).agg(pl.col("n_impressions").sum())
        account = self.account(dict(by_code.iter_rows()), unreadable=unreadable)
        counts = found.filter(is_used).drop(REASON).sort("user_id")
        return UserTally(counts=counts, account=with_prepared(account, self.source))


def with_prepared(account: RowAccount, source: TableSource) -> RowAccount:
    """Add what became of the rows when they were prepared, if they were."""
    before = source.prepared
    if before is None:
        return account
    lost = replace(before, n_read=before.n_read - before.n_used, n_used=0)
    return RowAccount.total(source.role, [lost, account])


def judge(
    raw: nw.LazyFrame[Any],
    source: TableSource,
    *,
    exclude: Mapping[str, nw.Expr],
    keep_users: nw.LazyFrame[Any] | None,
) -> Judged:
    """Find out of each row whether it is used; `raw` has the canonical names of the source."""
    # Without times all events are of one moment, and without clicks nothing was clicked: the
    # steps need no second way, and no feature is made of what is not there.
    always = {TIME_OF[source.role]} | ({"is_click"} if source.role == "impressions" else set())
    given = {*source.columns, *(["is_click"] if "n_clicks" in source.columns else [])}
    absent = sorted(always - given)
    raw = raw.with_columns(nw.lit(0).cast(nw.Int64).alias(name) for name in absent)
    rejections, exclusions = _rules(source), _left_out(source) | dict(exclude)
    if keep_users is not None:
        raw = raw.join(keep_users.with_columns(is_kept=nw.lit(1)), on="user_id", how="left")
        exclusions[NOT_SAMPLED] = nw.col("is_kept").is_null()
    conditions = [*rejections.values(), *exclusions.values()]
    code = nw.lit(0)
    for position in range(len(conditions), 0, -1):
        code = nw.when(conditions[position - 1]).then(nw.lit(position)).otherwise(code)
    rows = raw.with_columns(code.cast(nw.Int64).alias(REASON))
    return Judged(rows, source, tuple(rejections), tuple(exclusions))


def _fixed_point(name: str) -> nw.Expr:
    """Return an amount as an integer, so that sums do not depend on the order."""
    sound = nw.when(nw.col(REASON) == 0).then(nw.col(name))
    return (sound * MICRO + 0.5).floor().cast(nw.Int64).alias(name)
