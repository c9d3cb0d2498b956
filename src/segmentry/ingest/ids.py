"""Ids that were damaged on their way, and ids that two tables write in two ways."""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import polars as pl

from segmentry.errors import SchemaError

_EXPONENT = r"^[+-]?[0-9](\.[0-9]+)?[eE]\+?[0-9]{2}$"
_EXACT = 1 << 53
_MIN_IDS = 20
"""Of fewer ids nothing is concluded: by chance all of 20 are even once in a million files."""
_KEPT_DIGITS = 15

_SPELLINGS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "upper and lower case": ("", ""),
        "zeros in front": (r"^0+(.)", "${1}"),
        "decimals, as 7.0 for 7": (r"\.0*$", ""),
        "blanks or characters that cannot be seen": (r"[\s\p{Cf}]", ""),
        "quotes": (r"[\"'`]", ""),
        "dashes and braces, as of UUIDs": (r"[-{}]", ""),
    }
)


def refuse_exponents(values: Sequence[str], *, where: str) -> None:
    """Refuse a column of ids of which half have lost digits to an exponent.

    Raises SchemaError that begins with `where`.

    >>> refuse_exponents(["1.23E+15", "4.56E+15"], where="log.csv: column 'user'")
    Traceback (most recent call last):
    ...
    segmentry.errors.SchemaError: log.csv: column 'user' holds '1.23E+15': a spreadsheet or a \
floating-point number has rounded the ids, and different ones became the same; export the column \
again, as text
    """
    is_rounded = {each: re.match(_EXPONENT, each) and not is_exact(each) for each in set(values)}
    rounded = [value for value in values if is_rounded[value]]
    if rounded and 2 * len(rounded) > len(values):
        raise SchemaError(
            f"{where} holds {rounded[0]!r}: a spreadsheet or a floating-point number has rounded "
            "the ids, and different ones became the same; export the column again, as text"
        )


def is_exact(text: str) -> bool:
    """Whether a number with an exponent is the id that it was, as R writes ``1e+05``.

    Spreadsheets write a large E; beyond 2^53 whole numbers are no longer exact.

    >>> is_exact("1e+05"), is_exact("1.23E+15"), is_exact("1.2e+17")
    (True, False, False)
    """
    return "E" not in text and float(text) % 1 == 0 and abs(float(text)) < _EXACT


def damage_of(ids: pl.Series) -> tuple[int, str]:
    """Count the ids that have lost digits, and say how; none and nothing where they are sound.

    >>> damage_of(pl.Series(["u1", "1.23E+15"]))
    (1, 'written with an exponent')
    >>> damage_of(pl.Series([2**60 + 256 * place for place in range(20)]))
    (20, 'beyond 2^53 and rounded as by a floating-point number')
    >>> damage_of(pl.Series(range(20)))
    (0, '')
    """
    known = ids.drop_nulls()
    if known.dtype == pl.String:
        n_written = int(known.str.contains(_EXPONENT).sum())
        if n_written:
            return n_written, "written with an exponent"
        known = known.filter(known.str.contains(r"^[0-9]{16,19}(\.0*)?$"))
        known = known.str.replace(r"\..*$", "").cast(pl.Int64, strict=False).drop_nulls()
    elif not known.dtype.is_integer():
        return 0, ""
    large = known.filter(known.abs() > _EXACT).abs()
    if large.len() < _MIN_IDS:
        return 0, ""
    if large.cast(pl.String).str.slice(_KEPT_DIGITS).str.contains("^0+$").all():
        return large.len(), "beyond 15 digits and rounded to as many, as by a spreadsheet"
    if (large % 2 == 0).all():
        return large.len(), "beyond 2^53 and rounded as by a floating-point number"
    return 0, ""


def other_spelling(ids: pl.Series, others: pl.Series) -> tuple[int, str]:
    """Count ids that are in another table but for how they are written, and say the difference.

    >>> other_spelling(pl.Series(["AB", "C"]), pl.Series(["ab", "d"]))
    (1, 'upper and lower case')
    >>> other_spelling(pl.Series(["007"]), pl.Series(["7"]))
    (1, 'zeros in front')
    >>> other_spelling(pl.Series(["x"]), pl.Series(["y"]))
    (0, '')
    """
    if ids.dtype != pl.String or not ids.len() or not others.len():
        return 0, ""
    found: dict[str, int] = {}
    all_of_them = [ids, others]
    for name, (pattern, by) in _SPELLINGS.items():
        alike = [_alike(each, pattern, by) for each in (ids, others)]
        found[name] = int(alike[0].is_in(alike[1].unique().implode()).sum())
        all_of_them = [_alike(each, pattern, by) for each in all_of_them]
    both = int(all_of_them[0].is_in(all_of_them[1].unique().implode()).sum())
    cause = max(found, key=lambda name: found[name])
    if both > found[cause]:
        return both, "several of case, dashes, blanks and zeros in front"
    return found[cause], cause if found[cause] else ""


def _alike(ids: pl.Series, pattern: str, by: str) -> pl.Series:
    return ids.str.replace_all(pattern, by) if pattern else ids.str.to_lowercase()
