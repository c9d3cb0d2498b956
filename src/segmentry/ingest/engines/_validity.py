"""When a row of the log cannot be used: one rule, one reason, on every engine."""

from collections.abc import Mapping, Sequence

import narwhals.stable.v2 as nw

from segmentry.schema import (
    BEHAVIOURS_COLUMNS,
    EVENT_COLUMNS,
    OTHER_CODE,
    UNKNOWN_CODE,
    TableSource,
)

EARLIEST = 631_152_000
"""1990-01-01: an impression before the web is a broken clock."""
LATEST = 4_102_444_800
"""2100-01-01."""

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
REPEATED = "equal in every column to another row"
LARGEST_AMOUNT = 1e9
"""An amount beyond it, or not finite, is impossible; 9,000 of them add up in fixed point."""


def unreadable(name: str) -> str:
    """Reason of a value that is missing where it is needed, or is not of its type."""
    return f"{name} missing or unreadable"


def raw_columns_of(source: TableSource) -> tuple[str, ...]:
    """Return what is read of a log: always the same columns, and amounts where it has any."""
    amounts = tuple(name for name in EVENT_COLUMNS if name in source.columns)
    return _RAW_COLUMNS[source.role] + amounts


def set_apart(source: TableSource) -> dict[str, nw.Expr]:
    """Return sound rows that the source itself leaves out, by what they are."""
    if source.prepared is not None:
        return {}
    click, action = source.columns.get("is_click"), source.columns.get("action")
    if click is not None and click.other == OTHER_CODE:
        return {OTHER_EVENT: nw.col("is_click") == OTHER_CODE}
    if action is not None and OTHER_CODE in dict(action.codes).values():
        return {OTHER_ACTION: nw.col("action") == OTHER_CODE}
    return {}


def _rules(source: TableSource) -> dict[str, nw.Expr]:
    """Rejections in the order in which they are looked for; the first that applies is told."""
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
    for name in EVENT_COLUMNS:
        if name in source.columns:
            amount = nw.col(name)
            rules[f"impossible {name}"] = ~amount.is_null() & ~(amount.abs() <= LARGEST_AMOUNT)
    if "is_not_click" in source.columns:
        other = nw.col("is_not_click")
        rules["is_click contradicts is_not_click"] = other.is_null() | (click + other != 1)
    return rules


def reason_texts(source: TableSource, exclude: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the texts of rejections and exclusions; a row's code is the position + 1."""
    return list(_rules(source)), list(exclude)


def disposition(source: TableSource, exclude: Mapping[str, nw.Expr]) -> nw.Expr:
    """Return the code of why a row is set aside, 0 for a row that is used."""
    conditions = [*_rules(source).values(), *exclude.values()]
    code = nw.lit(0)
    for position in range(len(conditions), 0, -1):
        code = nw.when(conditions[position - 1]).then(nw.lit(position)).otherwise(code)
    return code.cast(nw.Int64)
