"""E-mail addresses and phone numbers as the advertising platforms want them hashed."""

import hashlib
from typing import Literal

import polars as pl

Platform = Literal["google", "meta"]

_ADDRESS = r"^[^@\s]+@[^@\s]+\.[^@\s]+$"
_GOOGLE_MAIL = ["gmail.com", "googlemail.com"]
_KEEPS_ITS_ZERO = ("39", "378")  # Italy, San Marino: the first 0 belongs to the number


def hashed_emails(emails: pl.Series, *, platform: Platform) -> pl.Series:
    """Normalise e-mail addresses and hash them with SHA-256, in lower-case hexadecimal.

    The platform is "google" or "meta". What is no address is null.

    Notes
    -----
    Both: no white space, lower case. Google: for gmail.com and googlemail.com also without full
    stops before the ``@`` and without what follows a ``+`` (developers.google.com/data-manager/api,
    "Format user data"). Meta: no more than that (facebook.com/business/help/2082575038703844).

    Examples
    --------
    >>> given = pl.Series([" Jane.Doe+Shop@GMail.com", "nobody"])
    >>> import hashlib
    >>> as_google = hashlib.sha256(b"janedoe@gmail.com").hexdigest()
    >>> hashed_emails(given, platform="google").to_list() == [as_google, None]
    True
    >>> as_meta = hashlib.sha256(b"jane.doe+shop@gmail.com").hexdigest()
    >>> hashed_emails(given, platform="meta")[0] == as_meta
    True
    """
    plain = emails.cast(pl.String).str.replace_all(r"\s", "").str.to_lowercase()
    frame = pl.DataFrame({"email": plain}).with_columns(
        pl.when(pl.col("email").str.contains(_ADDRESS)).then(pl.col("email"))
    )
    if platform == "google":
        local = pl.col("email").str.extract(r"^(.*)@")
        domain = pl.col("email").str.extract(r"@([^@]*)$")
        short = local.str.replace(r"\+.*$", "").str.replace_all(".", "", literal=True)
        frame = frame.with_columns(
            pl.when(domain.is_in(_GOOGLE_MAIL) & (short != ""))
            .then(short + "@" + domain)
            .otherwise(pl.col("email"))
            .alias("email")
        )
    return _sha256(frame["email"])


def hashed_phones(
    phones: pl.Series, *, platform: Platform, country_code: str | None = None
) -> pl.Series:
    """Normalise phone numbers and hash them with SHA-256, in lower-case hexadecimal.

    Numbers have ``+`` or ``00`` and a country code, or are national: then the digits of
    `country_code` are put before them, without which they cannot be used. The platform is "google"
    or "meta". What is no number of 8 to 15 digits with a country code is null.

    Notes
    -----
    Google: E.164, ``+`` and digits only (developers.google.com/data-manager/api, "Format user
    data"). Meta: the digits with the country code, without ``+`` and leading zeros
    (facebook.com/business/help/2082575038703844). The 0 that is dialled before a national number,
    also as ``(0)``, is no part of either; in Italy and San Marino it is, and stays.

    Examples
    --------
    >>> given = pl.Series(["+1 (800) 555-0100", "0800 555 01 00", "none"])
    >>> digits = hashlib.sha256(b"18005550100").hexdigest()
    >>> found = hashed_phones(given, platform="meta", country_code="1")
    >>> found.to_list() == [digits, digits, None]
    True
    >>> hashed_phones(given, platform="google").null_count()
    2
    """
    given = phones.cast(pl.String).str.strip_chars()
    text = pl.DataFrame({"phone": given}).lazy()
    phone = pl.col("phone")
    is_full = phone.str.contains(r"^(\+|00)")
    full = phone.str.replace(r"^(\+|00)", "").str.replace("(0)", "", literal=True)
    digits = full.str.replace_all(r"\D", "").str.replace(r"^0+", "")
    national = phone.str.replace_all(r"\D", "")
    if country_code not in _KEEPS_ITS_ZERO:
        national = national.str.replace(r"^0+", "")
    home = pl.lit(None, dtype=pl.String) if country_code is None else country_code + national
    has_letters = phone.str.contains(r"[[:alpha:]]")
    number = pl.when(has_letters).then(None).when(is_full).then(digits).otherwise(home)
    found = text.select(number.alias("phone")).with_columns(
        pl.when(phone.str.contains(r"^[1-9]\d{7,14}$")).then(phone)
    )
    numbers = found.collect()["phone"]
    return _sha256("+" + numbers if platform == "google" else numbers)


def _sha256(texts: pl.Series) -> pl.Series:
    hashed = [None if t is None else hashlib.sha256(t.encode()).hexdigest() for t in texts]
    return pl.Series(texts.name, hashed, dtype=pl.String)
