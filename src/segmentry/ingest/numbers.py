"""How numbers are written: decimal and thousands signs, currency, per cent, other digits."""

import re
import unicodedata
from collections.abc import Sequence

from segmentry.errors import SchemaError
from segmentry.ingest.files import BLANKS
from segmentry.schema import PLAIN_NUMBERS, NumberFormat

_EVERY = [each for each in map(chr, range(0x80, 0x20000)) if unicodedata.category(each) != "Cn"]
_DIGITS = [each for each in _EVERY if unicodedata.category(each) == "Nd"]
_SIGNS = {"٫": ".", "٬": ",", "．": ".", "，": ",", "−": "-", "’": "'", "٪": "%", "％": "%"}
_NARROW_BLANKS = "\u00a0\u2007\u2009\u202f"
TRANSLATED = (
    "".join(_DIGITS) + "".join(_SIGNS) + _NARROW_BLANKS,
    "".join(str(unicodedata.digit(each)) for each in _DIGITS)
    + "".join(_SIGNS.values())
    + " " * len(_NARROW_BLANKS),
)
"""Characters, and what each is read as: digits and signs of other scripts, narrow blanks."""
_TABLE = str.maketrans(*TRANSLATED)
_CURRENCIES = [
    "USD",
    "EUR",
    "GBP",
    "JPY",
    "CNY",
    "RMB",
    "INR",
    "BRL",
    "RUB",
    "CHF",
    "Fr\\.",
    "SFr\\.",
    "SEK",
    "NOK",
    "DKK",
    "PLN",
    "CZK",
    "HUF",
    "TRY",
    "TL",
    "KRW",
    "MXN",
    "CAD",
    "AUD",
    "NZD",
    "ZAR",
    "SGD",
    "HKD",
    "TWD",
    "THB",
    "IDR",
    "MYR",
    "PHP",
    "VND",
    "AED",
    "SAR",
    "ILS",
    "EGP",
    "NGN",
    "KES",
    "ARS",
    "CLP",
    "COP",
    "PEN",
    "UAH",
    "RON",
    "BGN",
    "kr\\.",
    "kr",
    "Rs\\.",
    "Rs",
    "zł",
    "Kč",
    "Ft",
]
_CURRENCY_SIGNS = "$" + "".join(each for each in _EVERY if unicodedata.category(each) == "Sc")
_CURRENCY = rf"(?:[A-Z]{{0,3}}[{_CURRENCY_SIGNS}]|{'|'.join(_CURRENCIES)})?"
_THOUSANDS = {".": ",' ", ",": ".' "}
_ANY_CORE = r"[0-9.,' ]*[0-9][0-9.,' ]*(?:[eE][+-]?[0-9]+)?"
_N_GROUPED, _MIN_GROUPED = 3, 3
"""Digits of a group, and so many different numbers with a point before one prove what it is."""
_MAX_STRANGE = 0.01
"""Share of values in the rarer of two formats up to which they are unreadable values instead."""


def number_pattern(core: str) -> str:
    """Return the regular expression of a number around `core`, its digits.

    The groups are what says that it is below zero (a parenthesis or a sign before or after the
    number), the digits, and the per cent sign.
    """
    return rf"^(\()? ?([+-])? ?{_CURRENCY} ?([+-])? ?({core}) ?(%)? ?{_CURRENCY} ?(-)? ?(\))?$"


GROUPS = ("open", "before", "within", "core", "percent", "behind", "close")
"""The groups of `number_pattern`, in this order."""


def core_pattern(form: NumberFormat) -> str:
    """Return the regular expression of the digits of a number."""
    decimal, whole = re.escape(form.decimal), r"[0-9]+"
    if form.thousands:
        sign = f"[{re.escape(form.thousands)}]"
        whole = rf"(?:[0-9]{{1,3}}(?:{sign}[0-9]{{2,3}})*{sign}[0-9]{{3}}|[0-9]+)"
    return rf"{whole}(?:{decimal}[0-9]*)?(?:[eE][+-]?[0-9]+)?|{decimal}[0-9]+"


def read_number(text: str, form: NumberFormat) -> float | None:
    """Read a number as it is written in a format; nothing where it is not.

    >>> read_number("$84,835.50", NumberFormat(".", ","))
    84835.5
    >>> read_number("1.062,88 €", NumberFormat(",", "."))
    1062.88
    >>> read_number("(12.5)", NumberFormat(".", ",")), read_number("40%", PLAIN_NUMBERS)
    (-12.5, 0.4)
    >>> read_number("n/a", PLAIN_NUMBERS), read_number("1,5", NumberFormat(".", ","))
    (None, None)
    """
    found = re.match(number_pattern(core_pattern(form)), _translated(text))
    if found is None or (found[1] is None) != (found[7] is None):
        return None
    signs = [sign for sign in (found[1], found[2], found[3], found[6]) if sign]
    if len(signs) > 1:
        return None
    digits = found[4].translate(dict.fromkeys(map(ord, form.thousands)))
    number = float(digits.replace(form.decimal, "."))
    number /= 100 if found[5] else 1
    return number if signs in ([], ["+"]) else -number


def _translated(text: str) -> str:
    return text.strip(BLANKS).translate(_TABLE)


def find_number_format(
    values: Sequence[str], *, decimal: str = "", thousands: str = "", where: str
) -> NumberFormat:
    """Return how the numbers of a column are written; `decimal` and `thousands` may be declared.

    Raises SchemaError, which begins with `where`, if the values contradict each other or what is
    declared, or if only a declaration can settle which sign is which.

    >>> find_number_format(["1,062.88", "5"], where="x")
    NumberFormat(decimal='.', thousands=",' ")
    >>> find_number_format(["12,5", "5"], where="x").decimal
    ','
    >>> find_number_format(["1.730", "2.045", "12.900", "87"], where="x").decimal
    ','
    >>> find_number_format(["1,5", "1.5"], where="log.csv: column 'amount'")
    Traceback (most recent call last):
    ...
    segmentry.errors.SchemaError: log.csv: column 'amount' holds '1.5' and '1,5': a point in one \
and a comma in the other is the decimal sign; write them alike, or declare decimal = "." or ","
    """
    cores = {value: core for value in values if (core := _core_of(value))}
    if decimal or thousands:
        sign = decimal or ("," if thousands == "." else ".")
        form = NumberFormat(sign, thousands or _THOUSANDS[sign])
        _refuse_contradicted(form, list(cores), where)
        return form
    by_sign: dict[str, list[str]] = {".": [], ",": []}
    for value, core in cores.items():
        if sign := _decimal_of(core):
            by_sign[sign].append(value)
    rarer, other = sorted(by_sign, key=lambda sign: len(by_sign[sign]))
    if len(by_sign[rarer]) > _MAX_STRANGE * len(cores):
        point, comma = by_sign["."][0], by_sign[","][0]
        raise SchemaError(
            f"{where} holds {point!r} and {comma!r}: a point in one and a comma in the other is "
            'the decimal sign; write them alike, or declare decimal = "." or ","'
        )
    if by_sign[other]:
        return NumberFormat(other, _THOUSANDS[other])
    return _undecided(cores, where)


def unit_of(text: str) -> str:
    """Return the unit after a number, unless it is a currency; else nothing.

    >>> unit_of("172 cm"), unit_of("5 stars"), unit_of("abc")
    ('cm', 'stars', '')
    """
    found = re.match(rf"^[+-]?{_ANY_CORE}\s*([^\W\d_][^\d]*)$", _translated(text))
    return found[1] if found else ""


def _core_of(value: str) -> str:
    found = re.match(number_pattern(_ANY_CORE), _translated(value))
    return found[4].strip() if found else ""


def _decimal_of(core: str) -> str:
    """Return the decimal sign that a number proves, or nothing: 1,234 and 1.234 prove none."""
    signs = [each for each in core if each in ".,"]
    if not signs:
        return ""
    last = signs[-1]
    other = "," if last == "." else "."
    if len(set(signs)) == 2:
        return last if signs.count(last) == 1 else ""
    if len(signs) > 1:
        return other
    whole, _, digits = core.partition(last)
    is_group = len(digits) == 3 and digits.isdigit() and 1 <= len(whole) <= 3
    return "" if is_group and not whole.startswith("0") else last


def _undecided(cores: dict[str, str], where: str) -> NumberFormat:
    """Decide where no number proves its decimal sign: by whether large ones are all grouped."""
    with_comma = [value for value, core in cores.items() if "," in core]
    if not with_comma and _is_grouped_by_points(cores, where):
        return NumberFormat(",", _THOUSANDS[","])
    if not with_comma:
        is_grouped = any(" " in core or "'" in core for core in cores.values())
        return NumberFormat(".", _THOUSANDS["."]) if is_grouped else PLAIN_NUMBERS
    others = [value for value, core in cores.items() if "," not in core]
    if others and not any("." in value or len(cores[value]) > 3 for value in others):
        return NumberFormat(".", _THOUSANDS["."])
    raise SchemaError(
        f"{where} holds {with_comma[0]!r}: the comma may be the decimal or the thousands sign; "
        'declare decimal = "," or thousands = ","'
    )


def _is_grouped_by_points(cores: dict[str, str], where: str) -> bool:
    """Whether points are thousands signs: 87 next to 1.730, as nobody rounds to three digits so."""
    with_point = {core: value for value, core in cores.items() if "." in core}
    others = [core for core in cores.values() if "." not in core]
    if not with_point or not others or max(map(len, others)) > _N_GROUPED:
        return False
    if len(with_point) < _MIN_GROUPED:
        raise SchemaError(
            f"{where} holds {next(iter(with_point.values()))!r}: the point may be the decimal or "
            "the thousands sign; write numbers without thousands signs, or declare "
            'decimal = "." or thousands = "." in a mapping'
        )
    return True


def _refuse_contradicted(form: NumberFormat, numbers: Sequence[str], where: str) -> None:
    """Refuse a declared format in which half of the numbers or more cannot be read."""
    strange = [value for value in numbers if read_number(value, form) is None]
    if strange and 2 * len(strange) >= len(numbers):
        raise SchemaError(
            f"{where} holds {strange[0]!r}, not a number with decimal = {form.decimal!r} and "
            f"thousands = {form.thousands!r}; correct the mapping"
        )
