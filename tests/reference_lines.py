"""The oracle of reading: what becomes of lines of the Taobao log, in slow, plain Python.

It shares no code with the package. A line has at most the fields ``user, time_stamp, adgroup_id,
pid, nonclk, clk``, and no line break in them.
"""

import csv
from collections import Counter
from collections.abc import Iterable

NULLS = ("", "NULL", "null", "NA", "NaN", "nan", "None")
EARLIEST, LATEST = 631_152_000, 4_102_444_800
Row = tuple[int, int, int | None, str | None, int]


def reference_log(lines: Iterable[str]) -> tuple[list[Row], dict[str, int]]:
    """Return the rows that are used, sorted, and how many are rejected by reason."""
    used, rejected = [], Counter[str]()
    for line in lines:
        fields = next(csv.reader([line]), [])
        values = [None if each in NULLS else each for each in fields]
        if not fields:
            continue
        user, at, ad, placement, other, click = (*values, *[None] * 6)[:6]
        row = (
            _whole(user),
            _whole(at),
            _whole(ad),
            (placement or "").strip() or None,
            _whole(click),
        )
        reason = _reason(row, _whole(other))
        if reason:
            rejected[reason] += 1
        else:
            used.append(row)
    return sorted(used, key=repr), dict(rejected)


def _reason(row: tuple, other: int | None) -> str:
    user, at, _, _, click = row
    if user is None:
        return "user_id missing or unreadable"
    if at is None:
        return "shown_at missing or unreadable"
    if not EARLIEST <= at < LATEST:
        return "impossible time"
    if click is None:
        return "is_click missing or unreadable"
    if click not in (0, 1):
        return "is_click not 0 or 1"
    if other is None or click + other != 1:
        return "is_click contradicts is_not_click"
    return ""


def _whole(text: str | None) -> int | None:
    """Read ``4``, `` 4``, ``4.0`` and ``1e3`` as whole numbers, and nothing else."""
    if text is None or "_" in text or "x" in text:
        return None
    try:
        number = float(text)
    except ValueError:
        return None
    return int(number) if number.is_integer() else None
