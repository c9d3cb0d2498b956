"""E-mail addresses, phone numbers and names: read, proved, and written as a platform asks.

Every function takes texts and returns them normalised; what is not valid becomes null, so that
nothing is hashed that cannot exist.
"""

import functools
import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterable

import polars as pl

from segmentry.errors import ConfigError
from segmentry.runtime.preload import require

Reading = Callable[[pl.Expr], pl.Expr]
"""Texts to normalised texts; null where there is none."""

IS_HASH = r"^[0-9a-fA-F]{64}$"
"""SHA-256 in hexadecimal."""

_ATOM = r"[\p{L}\p{N}!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[\p{L}\p{N}](?:[\p{L}\p{M}\p{N}-]*[\p{L}\p{M}\p{N}])?"
_ADDRESS = rf"^{_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+(?:\p{{L}}[\p{{L}}\p{{M}}]+|xn--[a-z0-9-]+)$"
_NOBODY = (
    r"^(?:unknown@unknown|none@none|null@null|test@test|na@na|noemail@noemail|nomail@nomail)\."
)
_AROUND = " '\"<>,;.="
_UUID = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
_ZIP_EXTENSION = r"^(\d{5})-\d{4}$"


def as_texts(values: pl.Series) -> pl.Series:
    r"""Return values as clean text: one form of each letter and digit, nothing that is invisible.

    >>> as_texts(pl.Series([" ０１７０\u200b ", "a\tb", ""])).to_list()
    ['0170', 'a b', None]
    >>> as_texts(pl.Series([491701234501.0, None])).to_list()
    ['491701234501', None]
    """
    if values.dtype.is_float():  # as pandas keeps whole numbers of which some are missing
        whole = values.cast(pl.Int64, strict=False)
        values = whole if bool((whole == values).all()) else values
    text = values.cast(pl.String).str.normalize("NFKC")
    text = text.str.replace_all(r"\p{Cf}", "").str.replace_all(r"\p{Cc}", " ").str.strip_chars()
    return text.set(text == "", None)


def sha256(texts: pl.Series) -> pl.Series:
    """Return SHA-256 in lower-case hexadecimal of the UTF-8 bytes."""
    hashed = [None if t is None else hashlib.sha256(t.encode()).hexdigest() for t in texts]
    return pl.Series(texts.name, hashed, dtype=pl.String)


def _kept(text: pl.Expr, pattern: str) -> pl.Expr:
    return pl.when(text.str.contains(pattern)).then(text)


def email(text: pl.Expr) -> pl.Expr:
    """Return addresses in lower case, out of what people write around them; none for fillers.

    >>> given = ["Ann <Ann.C@example.org>", "mailto:d@example.org,", "n/a@n/a.n/a", "q@a..org"]
    >>> given.append("Unknown@unknown.com")
    >>> pl.DataFrame({"a": given}).select(email(pl.col("a")))["a"].to_list()
    ['ann.c@example.org', 'd@example.org', None, None, None]
    """
    inner = pl.coalesce(text.str.extract(r"<([^<>]*)>[\s,;.]*$"), text)
    bare = inner.str.strip_chars(_AROUND).str.replace(r"^(?i)mailto:", "").str.strip_chars(_AROUND)
    plain = bare.str.replace_all(r"\s", "").str.to_lowercase()
    return pl.when(plain.str.contains(_ADDRESS) & ~plain.str.contains(_NOBODY)).then(plain)


def gmail_folded(text: pl.Expr) -> pl.Expr:
    """Return addresses; those of Google mail without full stops and what follows a ``+``."""
    plain = email(text)
    local, domain = plain.str.extract("^(.*)@"), plain.str.extract("@(.*)$")
    short = local.str.replace(r"\+.*$", "").str.replace_all(".", "", literal=True)
    folded = pl.when(short != "").then(short + "@" + domain)
    return pl.when(domain.is_in(["gmail.com", "googlemail.com"])).then(folded).otherwise(plain)


def email_without_signs(text: pl.Expr) -> pl.Expr:
    """Return addresses of ``a-z``, ``0-9``, full stop, hyphen and ``@`` alone.

    One with a letter of another alphabet is none: without the letter it would be another's.
    """
    ascii_only = _kept(email(text), r"^[ -~]+$")
    return _kept(ascii_only.str.replace_all(r"[^a-z0-9.@-]", ""), _ADDRESS)


def with_plus(text: pl.Expr) -> pl.Expr:
    """Return E.164 numbers as they are."""
    return text


def without_plus(text: pl.Expr) -> pl.Expr:
    """Return E.164 numbers as digits."""
    return text.str.strip_chars_start("+")


def name(text: pl.Expr) -> pl.Expr:
    """Return names in lower case, without punctuation."""
    bare = text.str.to_lowercase().str.replace_all(r"[^\p{L}\p{M}\p{N} ]", "")
    return _kept(bare.str.replace_all(r"\s+", " ").str.strip_chars(), r"\p{L}")


def given_name(text: pl.Expr) -> pl.Expr:
    """Return first names without such as ``Mrs.``."""
    return name(text.str.replace(r"^(?i)(mrs|mr|ms|dr)(\.\s*|\s+)", ""))


def family_name(text: pl.Expr) -> pl.Expr:
    """Return last names without such as ``Jr.``."""
    return name(text.str.replace(r"(?i),?\s+(jr|sr|2nd|3rd|ii|iii|iv|v|vi|md|phd)\.?$", ""))


def ascii_name(text: pl.Expr) -> pl.Expr:
    """Return names of ``a-z`` and ``0-9`` alone; accents are taken off."""
    letters = text.str.normalize("NFKD").str.to_lowercase().str.replace_all(r"[^a-z0-9]", "")
    return _kept(letters, "[a-z]")


def plain_name(text: pl.Expr) -> pl.Expr:
    """Return names as people write them, of letters, blanks and ``.'’-``, at most 35 long."""
    return _kept(text, r"^\p{L}[\p{L}\p{M} .'’-]*$").str.slice(0, 35)


def postal_code(text: pl.Expr) -> pl.Expr:
    """Return postal codes of letters, digits, blanks and hyphens."""
    return _kept(text.str.replace(r"\.0+$", ""), r"^[A-Za-z0-9][A-Za-z0-9 -]{1,11}$")


def squeezed_postal_code(text: pl.Expr) -> pl.Expr:
    """Return postal codes in lower case without blanks and hyphens; five digits of a ZIP+4."""
    short = postal_code(text).str.replace(_ZIP_EXTENSION, "$1")
    return short.str.to_lowercase().str.replace_all("[ -]", "")


def country(text: pl.Expr) -> pl.Expr:
    """Return codes of ISO 3166-1, as ``DE``."""
    return _kept(text.str.to_uppercase(), "^[A-Z]{2}$")


def mobile_id(text: pl.Expr) -> pl.Expr:
    """Return advertising ids of Apple and Android in lower case; all zeros is nobody's."""
    found = _kept(text.str.to_lowercase(), _UUID)
    return _kept(found, "[1-9a-f]")


def external_id(text: pl.Expr) -> pl.Expr:
    """Return ids of one's own that no spreadsheet and no CSV reader can mistake."""
    return _kept(text.str.replace(r"^(\d+)\.0+$", "$1"), r"^[0-9A-Za-z][0-9A-Za-z._:@/=-]{0,127}$")


def money(text: pl.Expr) -> pl.Expr:
    """Return numbers of at least 0."""
    return _kept(text, r"^\d{1,15}(\.\d{1,9})?$")


_LABELLED = re.compile(r"^(?:p|tel|phone)\s*:", re.IGNORECASE)
_EXTENSION = re.compile(r"(?:;?\s*ext(?:ension)?\.?[=:]?|\s*[x#]|,,)\s*\d{1,7}\s*$", re.IGNORECASE)
_SCIENTIFIC = re.compile(r"(\d)(?:\.(\d+))?e\+?(\d+)", re.IGNORECASE)
_WHOLE = re.compile(r"(\+?\d+)\.0+")


def phones(texts: pl.Series, *, regions: Iterable[str | None]) -> pl.Series:
    """Return valid phone numbers in E.164, as ``+491701234567``, by libphonenumber.

    `regions` are the countries of numbers that are written without ``+``: ISO 3166-1, as ``DE``;
    unknown is null. Raises MissingExtraError without phonenumbers.

    Digits that begin with the country's dialling code and are valid after it are read so, before
    they are tried as a national number; a number that a spreadsheet has rounded, as ``4.9E+11``,
    two numbers in one cell and words are no number.

    >>> given = pl.Series(["(0)170 / 123 45 67", "491701234567", "4.91701E+11", "1-234-567-8910"])
    >>> phones(given, regions=["DE", "DE", "DE", "US"]).to_list()
    ['+491701234567', '+491701234567', None, '+12345678910']
    """
    found = [
        None if t is None else _phone(t, region) for t, region in zip(texts, regions, strict=True)
    ]
    return pl.Series(texts.name, found, dtype=pl.String)


@functools.lru_cache(maxsize=1 << 16)
def _phone(text: str, region: str | None) -> str | None:
    text = _EXTENSION.sub("", _LABELLED.sub("", unicodedata.normalize("NFKC", text))).strip()
    if rounded := _SCIENTIFIC.fullmatch(text):
        first, rest, exponent = rounded[1], rounded[2] or "", int(rounded[3])
        text = first + rest if len(rest) == exponent else ""
    elif whole := _WHOLE.fullmatch(text):
        text = whole[1]
    if not text or any(letter.isalpha() for letter in text):
        return None
    if "+" in text:
        return _valid(text, None)
    digits = "".join(str(unicodedata.digit(each)) for each in text if each.isdigit())
    if region is None:
        return _valid("+" + digits[2:], None) if digits.startswith("00") else None
    code = str(require("phonenumbers", extra="audience").country_code_for_region(region))
    international = _valid("+" + digits, None) if digits.startswith(code) else None
    return international or _valid(text, region)


def _valid(text: str, region: str | None) -> str | None:
    library = require("phonenumbers", extra="audience")
    try:
        number = library.parse(text, region)
    except library.NumberParseException:
        return None
    if not library.is_valid_number(number):
        return None
    return str(library.format_number(number, library.PhoneNumberFormat.E164))


def region_of(country: str) -> str:
    """Return the country of ``DE`` or of a dialling code, as ``49`` or ``+49``.

    Raises ConfigError if there is none.

    >>> region_of("de"), region_of("+49"), region_of("1")
    ('DE', 'DE', 'US')
    """
    library = require("phonenumbers", extra="audience")
    text = country.strip().upper()
    digits = text.removeprefix("+")
    if digits.isascii() and digits.isdigit():
        text = library.region_code_for_country_code(int(digits))
    if text in library.SUPPORTED_REGIONS:
        return str(text)
    raise ConfigError(
        f"--country {country}: unknown country; expected two letters or a dialling code, as DE "
        "or 49"
    )
