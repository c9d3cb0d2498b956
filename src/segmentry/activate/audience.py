"""The users of segments as ids or hashed contacts, without those that are held out."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import polars as pl

from segmentry.errors import ConfigError, OutputError
from segmentry.ingest.user_files import as_ids, read_user_file
from segmentry.results.run_folder import read_min_size, read_segments
from segmentry.runtime.sampling import hash_shares
from segmentry.runtime.temporary import written_whole

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


Target = Literal["csv", "parquet", "google", "meta"]
TARGETS: tuple[Target, ...] = ("csv", "parquet", "google", "meta")

_HEADINGS: dict[Platform, tuple[str, str]] = {
    "google": ("Email", "Phone"),
    "meta": ("email", "phone"),
}
_KEYS = ("email", "phone")


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """What was written, and who was left out."""

    out: Path
    to: Target
    segment_ids: tuple[int, ...]
    n_users: int
    """Users of the segments."""
    n_held_out: int
    """Of these, the users that were left out by hash, to be compared with later."""
    n_without_contact: int
    """Users that would be exported but have no e-mail address or phone number that can be used, or
    one that a held-out user or an earlier row has as well."""
    n_written: int
    """Rows of the file."""
    salt: str
    """Of the hash: the same salt holds the same users out."""


def export_audience(
    run_dir: Path,
    out: Path,
    *,
    segment_ids: Sequence[int],
    to: Target,
    contacts: Path | None = None,
    country_code: str | None = None,
    hold_out: float = 0.0,
    salt: str = "hold-out",
    min_size: int | None = None,
    overwrite: bool = False,
) -> Audience:
    """Write the users of some segments to a file.

    Parameters
    ----------
    run_dir : Path
        A run folder.
    out : Path
        File to write: Parquet for ``to="parquet"``, else CSV.
    to : {"csv", "parquet", "google", "meta"}
        Ids with their segment, or hashed contacts under the headings of the platform's template.
    contacts : Path, optional
        ``user_id`` with ``email``, ``phone`` or both; for the platforms.
    country_code : str, optional
        Digits for national phone numbers.
    hold_out : float
        Share of the users, 0..1, that is left out, by hash of id and salt.
    min_size : int, optional
        Fewer rows are not written; by default as the run shows figures.

    Raises
    ------
    ConfigError
        If an option makes no sense, or the audience would be smaller than `min_size`.
    BundleError
        If the run folder cannot be read.
    OutputError
        If the file exists or cannot be written.
    """
    min_size = read_min_size(run_dir) if min_size is None else min_size
    _check(out, to=to, contacts=contacts, hold_out=hold_out, min_size=min_size, overwrite=overwrite)
    _check_country(country_code)
    users = _users_of(read_segments(run_dir), segment_ids)
    is_held = hash_shares(users["user_id"], salt=salt) < hold_out
    users = users.with_columns(pl.Series("is_held_out", is_held))
    n_held_out = int(is_held.sum())
    if to in ("csv", "parquet"):
        rows = users.filter(~pl.col("is_held_out")).drop("is_held_out")
    else:
        assert contacts is not None  # noqa: S101  # checked above
        platform: Platform = "google" if to == "google" else "meta"
        rows = _contact_rows(users, contacts, platform=platform, country_code=country_code)
    audience = Audience(
        out=out,
        to=to,
        segment_ids=tuple(segment_ids),
        n_users=users.height,
        n_held_out=n_held_out,
        n_without_contact=users.height - n_held_out - rows.height,
        n_written=rows.height,
        salt=salt,
    )
    _refuse_small(audience, min_size)
    with written_whole(out) as partial:
        if to == "parquet":
            rows.write_parquet(partial)
        else:
            rows.write_csv(partial)
    return audience


def _check(
    out: Path,
    *,
    to: Target,
    contacts: Path | None,
    hold_out: float,
    min_size: int,
    overwrite: bool,
) -> None:
    if to not in TARGETS:
        raise ConfigError(f"--to {to}: expected one of {', '.join(TARGETS)}")
    ending = ".parquet" if to == "parquet" else ".csv"
    if out.suffix != ending:
        raise ConfigError(f"--out {out}: expected a name that ends in {ending} for --to {to}")
    is_platform = to in ("google", "meta")
    if is_platform and contacts is None:
        raise ConfigError(
            f"--to {to}: no contacts; add --contacts FILE with user_id and email or phone"
        )
    if contacts is not None and not is_platform:
        raise ConfigError(f"--contacts: not used by --to {to}; use --to google or meta, or drop it")
    if not 0 <= hold_out < 1:
        raise ConfigError(f"--hold-out {hold_out:g}: expected a share from 0 % to below 100 %")
    if min_size < 1:
        raise ConfigError(f"--min-size {min_size}: expected at least 1")
    if out.exists() and not overwrite:
        raise OutputError(f"{out}: exists; choose another --out or add --overwrite")


def _check_country(country_code: str | None) -> None:
    if country_code is not None and not (country_code.isdigit() and 1 <= len(country_code) <= 3):
        raise ConfigError(
            f"--country-code {country_code}: expected 1 to 3 digits without +, as 49 for Germany"
        )


def _users_of(segments: pl.DataFrame, segment_ids: Sequence[int]) -> pl.DataFrame:
    known = segments["segment_id"].unique().sort()
    known_ids = [each for each in known.to_list() if each]
    wrong = [each for each in segment_ids if each not in known_ids]
    if wrong or not segment_ids:
        told = ", ".join(map(str, wrong)) or "none"
        raise ConfigError(
            f"--segment: found {told}, expected of {', '.join(map(str, known_ids)) or 'no segment'}"
        )
    columns = ("user_id", "segment_id", "segment_name")
    return segments.filter(pl.col("segment_id").is_in(list(segment_ids))).select(columns)


def _contact_rows(
    users: pl.DataFrame, contacts: Path, *, platform: Platform, country_code: str | None
) -> pl.DataFrame:
    """Return one row per distinct contact of the users that are not held out."""
    names = {"user_id": ["user", "userid"], "email": ["Email", "e-mail"], "phone": ["Phone"]}
    given = read_user_file(contacts, ["user_id"], optional=_KEYS, other_names=names)
    keys = [name for name in _KEYS if name in given.columns]
    if not keys:
        raise ConfigError(f"{contacts}: no column 'email' or 'phone'; expected at least one")
    ids = as_ids(given["user_id"], like=users.schema["user_id"], source=str(contacts))
    hashed: dict[str, pl.Series] = {"user_id": ids}
    if "email" in keys:
        hashed["email"] = hashed_emails(given["email"], platform=platform)
    if "phone" in keys:
        hashed["phone"] = hashed_phones(
            given["phone"], platform=platform, country_code=country_code
        )
    found = users.join(pl.DataFrame(hashed), on="user_id", how="inner", maintain_order="left")
    is_held = pl.col("is_held_out")
    for key in keys:
        # A contact that a held-out user shares would bring that user's person back in.
        taken = found.filter(is_held & pl.col(key).is_not_null())[key].unique()
        found = found.with_columns(pl.when(~pl.col(key).is_in(taken.implode())).then(pl.col(key)))
    rows = found.filter(~is_held & pl.any_horizontal(pl.col(keys).is_not_null()))
    rows = rows.unique(keys, keep="first", maintain_order=True)
    headings = dict(zip(_KEYS, _HEADINGS[platform], strict=True))
    # Sorted by hash: the order of the file says nothing about the ids.
    return rows.select(keys).sort(keys, nulls_last=True).rename({k: headings[k] for k in keys})


def _refuse_small(audience: Audience, min_size: int) -> None:
    if audience.n_written >= min_size:
        return
    told = ", ".join(map(str, audience.segment_ids))
    raise ConfigError(
        f"segment {told}: fewer users than --min-size {min_size} would be exported "
        f"({_left_out(audience)}); nothing was written; export more segments together"
    )


def _left_out(audience: Audience) -> str:
    """Say who is left out, without counts: they would tell of few users."""
    reasons = [
        told
        for told, n_users in (
            ("some are held out", audience.n_held_out),
            ("some have no contact of their own", audience.n_without_contact),
        )
        if n_users
    ]
    return " and ".join(reasons) or "the segment is small"
