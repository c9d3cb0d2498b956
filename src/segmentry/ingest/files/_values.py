"""What values in files look like: missing, yes or no, a number, a code."""

import re
from collections.abc import Sequence

NULL_WORDS = (
    *("", "NULL", "null", "Null", "(null)", "NA", "<NA>", "N/A", "#N/A", "NaN", "nan"),
    *("None", "NONE", r"\N"),
)
"""How a missing value is written: by databases, spreadsheets, R, pandas and Hive."""
NO_IDS = frozenset(
    (
        *(word.lower() for word in NULL_WORDS),
        *("n/a", "#na", "nil", "<null>", "<nil>", "[null]", "undefined", "(not set)", "-nan"),
        *("n.a.", "(blank)", "(none)", "[none]", "nat", "''", '""'),
        *("#null!", "#ref!", "#value!", "#name?", "#num!", "#div/0!", "1.#qnan", "-1.#ind"),
        "00000000-0000-0000-0000-000000000000",
    )
)
"""What is nobody's id, in lower case: errors of spreadsheets, and devices that give none."""
_YES = "1 1.0 true t yes y ja wahr oui vrai sí si verdadero sì vero sim verdadeiro"
_NO = "0 0.0 false f no n nein falsch nee non faux falso não nao"
FLAGS = (*((word, 1) for word in _YES.split()), *((word, 0) for word in _NO.split()))
"""How yes and no are written, in lower case, also by programs that speak other languages."""
_UNSEEN = (0xAD, 0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F), 0x2060, *range(0x2066, 0x206A))
BLANKS = "".join((*filter(str.isspace, map(chr, range(0x3001))), *map(chr, _UNSEEN), "\ufeff"))
"""All that `str.strip` takes away, and what is not seen at the ends of copied text."""

_INTEGER = re.compile(r"[+-]?[0-9]{1,18}(\.0*)?")
_SHORTENED = re.compile(r"[0-9](\.[0-9]+)?e\+(0[0-9]|1[0-4])")
"""How R writes 100000: ``1e+05``."""
_PADDED = re.compile(r"[+-]?0[0-9]")


def has_integers_only(values: Sequence[str]) -> bool:
    """Whether all values are whole numbers of at most 18 digits, such as ``4``, ``4.0``, ``1e+05``.

    >>> has_integers_only(["4", "-1", "4.0"]), has_integers_only(["4", "u7"])
    (True, False)
    """
    return all(map(_is_integer, set(values)))  # most stand there many times


def _is_integer(text: str) -> bool:
    is_short = _SHORTENED.fullmatch(text) is not None and float(text) % 1 == 0
    return is_short or _INTEGER.fullmatch(text) is not None


def is_padded(text: str) -> bool:
    """Whether digits begin with a zero, as those of a code do: 007 is not to become 7.

    >>> is_padded("007"), is_padded("0"), is_padded("0.5")
    (True, False, False)
    """
    return _PADDED.match(text) is not None


def is_number(text: str) -> bool:
    """Whether a text can be read as a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True
