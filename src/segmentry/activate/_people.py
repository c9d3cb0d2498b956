"""Who is in an audience: users of segments, less those without consent and those held out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import polars as pl

from segmentry.activate._members import (
    ContactFile,
    Findings,
    lines_of,
    persons,
    read_contacts,
)
from segmentry.errors import ConfigError, EmptyDataError, SchemaError
from segmentry.ingest.files import FLAGS
from segmentry.ingest.user_files import as_ids, user_file_batches
from segmentry.runtime.sampling import hash_shares
from segmentry.runtime.spreadsheets import FORMULA, without_formulas
from segmentry.schema.arrays import BoolVector

_YES = (*(word for word, flag in FLAGS if flag), "granted", "consent_granted")
_NO = (*(word for word, flag in FLAGS if not flag), "denied", "consent_denied")
_UNSAID = ("", "unspecified", "unknown", "consent_unspecified")
_HARMLESS = r"^[+\-][0-9A-Za-z+/=_.-]*$"
_IS_LEFT = pl.col("has_consent") & ~pl.col("is_held_out")


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Users of the segments, who of them may be reached, and what the contacts brought of each."""

    users: pl.DataFrame
    """``place, user_id, segment_id, segment_name, has_consent, is_held_out``."""
    refused: pl.Series | None
    """Ids of all who said no, in whichever segment they are; null without a list of them."""
    hold_out: float
    salt: str
    has_contact: BoolVector
    """By place; of those who may not be reached as well."""
    is_listed: BoolVector

    @property
    def id_type(self) -> pl.DataType:
        """Kind of the ids."""
        return self.users.schema["user_id"]

    @property
    def left(self) -> pl.DataFrame:
        """Users who may be reached."""
        return self.users.filter(_IS_LEFT)

    @property
    def listed(self) -> pl.DataFrame:
        """Ids of the users who may be reached, with their segment."""
        return self.left.select("user_id", "segment_id", "segment_name")

    def count(self) -> dict[str, int]:
        """Return how many users there are and were left out, each for the first reason."""
        users = self.users
        is_left = users.select(_IS_LEFT).to_series().to_numpy()
        return {
            "n_users": users.height,
            "n_without_consent": int((~users["has_consent"]).sum()),
            "n_held_out": int((users["has_consent"] & users["is_held_out"]).sum()),
            "n_without_contact": int((is_left & ~self.has_contact).sum()),
            "n_shared": int((is_left & self.has_contact & ~self.is_listed).sum()),
            "n_reached": int((is_left & self.is_listed).sum()),
        }


def find_people(
    segments: pl.DataFrame,
    segment_ids: Sequence[int],
    *,
    consent: Path | None,
    hold_out: float,
    salt: str,
    needs_contact: bool,
) -> People:
    """Return the users of segments with their consent and their arm."""
    users = _users_of(segments, segment_ids)
    yes, no = (None, None) if consent is None else _consents(consent, users.schema["user_id"])
    ids = users["user_id"]
    users = users.with_row_index("place").with_columns(
        (pl.lit(value=True) if yes is None else ids.is_in(yes.implode())).alias("has_consent"),
        pl.Series("is_held_out", hash_shares(ids, salt=salt) < hold_out),
    )
    return People(
        users=users,
        refused=no,
        hold_out=hold_out,
        salt=salt,
        has_contact=np.full(users.height, not needs_contact),
        is_listed=np.full(users.height, not needs_contact),
    )


def _users_of(segments: pl.DataFrame, segment_ids: Sequence[int]) -> pl.DataFrame:
    known = segments["segment_id"].unique().sort()
    known_ids = [each for each in known.to_list() if each]
    wrong = [each for each in segment_ids if each not in known_ids]
    if wrong or not segment_ids:
        found = ", ".join(map(str, wrong)) or "none"
        raise ConfigError(
            f"--segment: found {found}, expected of "
            f"{', '.join(map(str, known_ids)) or 'no segment'}"
        )
    columns = ("user_id", "segment_id", "segment_name")
    return segments.filter(pl.col("segment_id").is_in(list(segment_ids))).select(columns)


def _consents(path: Path, id_type: pl.DataType) -> tuple[pl.Series, pl.Series]:
    """Return the users who said yes, and those who said no; one no of a user is enough."""
    names = {"user_id": ("user", "userid"), "consent": ("has_consent", "Consent")}
    yes, no, n_rows = [], [], 0
    for batch in user_file_batches(path, ["user_id"], optional=["consent"], other_names=names):
        ids = as_ids(batch["user_id"], like=id_type, source=str(path))
        words = pl.Series(["yes"]).new_from_index(0, ids.len())
        if "consent" in batch.columns:
            words = batch["consent"].cast(pl.String).str.strip_chars().str.to_lowercase()
            words = words.fill_null("")
        is_odd = ~words.is_in([*_YES, *_NO, *_UNSAID])
        if bool(is_odd.any()):
            place = is_odd.arg_true()[0]
            raise SchemaError(
                f"{path}: consent of row {n_rows + place + 1} below the header is "
                f"{words[place]!r}, expected yes or no"
            )
        yes.append(ids.filter(words.is_in(_YES)))
        no.append(ids.filter(words.is_in(_NO)))
        n_rows += ids.len()
    if not n_rows:
        raise EmptyDataError(
            f"{path}: no row below the header; expected one for each user requested"
        )
    said_no = pl.concat(no).unique()
    said_yes = pl.concat(yes)
    return said_yes.filter(~said_yes.is_in(said_no.implode())), said_no


def id_lines(users: pl.DataFrame, to: str) -> pl.Series:
    """Return users as lines of CSV, or of ``user`` objects of OpenRTB 2.6 with their ``data``."""
    if to == "openrtb":
        segment = pl.struct(id=pl.col("segment_id").cast(pl.String), name=pl.col("segment_name"))
        data = pl.struct(name=pl.lit("segmentry"), segment=pl.concat_list(segment))
        user = pl.struct(id=pl.col("user_id").cast(pl.String), data=pl.concat_list(data))
        return users.select(user.struct.json_encode().alias("line")).to_series()
    table = users.select(
        _safe_ids(users["user_id"]),
        "segment_id",
        "segment_name",
    )
    text = without_formulas(table).write_csv(include_header=False)
    return pl.Series("line", text.removesuffix("\n").split("\n"), dtype=pl.String)


def _safe_ids(ids: pl.Series) -> pl.Series:
    """Refuse ids that a spreadsheet would run: an id that is changed would be nobody's."""
    if ids.dtype == pl.String:
        odd = ids.filter(
            (ids.str.contains(FORMULA) & ~ids.str.contains(_HARMLESS)) | ids.str.contains(r"[\r\n]")
        )
        if odd.len():
            raise SchemaError(
                f"user_id {odd[0]!r} begins like a formula, which a spreadsheet would run; give "
                "these users other ids, or export --to parquet without --hold-out"
            )
    return ids


def contact_lines(file: ContactFile, people: People) -> Iterator[pl.Series]:
    """Yield the lines of all who may be reached by a contact of their own, piece by piece."""
    taken = _taken(file, people)
    left = people.left.select("user_id", "place")

    def choose(rows: pl.DataFrame) -> pl.DataFrame:
        return rows.join(left, on="user_id", how="inner", maintain_order="left")

    is_taken = pl.any_horizontal(
        each.is_in(taken.implode()).fill_null(value=False) for each in persons(file)
    )
    for rows in read_contacts(file, choose, id_type=people.id_type):
        usable = rows.filter("is_usable")
        listed = usable.filter(~is_taken)
        people.has_contact[usable["place"].to_numpy()] = True
        people.is_listed[listed["place"].to_numpy()] = True
        yield lines_of(file, listed)


def _taken(file: ContactFile, people: People) -> pl.Series:
    """Return the contacts of all who are held out or said no, in whichever segment they are.

    Such a contact in another row would bring its person back in.
    """
    found = [pl.Series([], dtype=pl.UInt64)]
    if not people.hold_out and people.refused is None:
        return found[0]

    def choose(rows: pl.DataFrame) -> pl.DataFrame:
        ids = rows["user_id"]
        is_out = pl.Series(hash_shares(ids, salt=people.salt) < people.hold_out)
        if people.refused is not None:
            is_out |= ids.is_in(people.refused.implode())
        places = people.users.select("user_id", "place")
        return rows.filter(is_out).join(places, on="user_id", how="left", maintain_order="left")

    # Invalid cells are counted of those who may be reached.
    uncounted = replace(file, findings=Findings(first=file.findings.first))
    for rows in read_contacts(uncounted, choose, id_type=people.id_type):
        places = rows.filter("is_usable")["place"].drop_nulls()
        people.has_contact[places.to_numpy()] = True
        found += [rows.select(each.alias("")).to_series().drop_nulls() for each in persons(file)]
    return pl.concat(found).unique()


def write_log(people: People, path: Path, *, today: date | None) -> None:
    """Write who is in which arm: all who consented and have a contact, so that arms are alike."""
    day = datetime.now(UTC).date() if today is None else today
    arm = pl.when("is_held_out").then(pl.lit("control")).otherwise(pl.lit("treatment"))
    users = people.users.filter(pl.Series(people.has_contact) & pl.col("has_consent"))
    table = users.select(
        _safe_ids(users["user_id"]),
        "segment_id",
        arm.alias("arm"),
        pl.lit(day.isoformat()).alias("date"),
        pl.lit(people.salt).alias("salt"),
    )
    without_formulas(table).write_csv(path)
