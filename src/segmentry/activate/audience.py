"""The users of segments as a list for advertising platforms, without those that are held out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from segmentry.activate import HOLD_OUT_SALT
from segmentry.activate._lists import (
    RECORD,
    RECORD_OF_FOLDER,
    Form,
    Record,
    companions_of,
    move,
    place_of,
    read_lines,
    read_record,
    render,
    sorted_lines,
    split,
    staged,
)
from segmentry.activate._members import ContactFile, find_contacts, header_of
from segmentry.activate._people import People, contact_lines, find_people, id_lines, write_log
from segmentry.activate.contacts import region_of
from segmentry.activate.platforms import PLATFORMS
from segmentry.errors import ConfigError
from segmentry.results.elsewhere import takes_places
from segmentry.results.run_folder import read_min_size, read_segments

TARGETS = ("csv", "parquet", "openrtb", *PLATFORMS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """What was written, and who was left out."""

    out: Path
    to: str
    segment_ids: tuple[int, ...]
    n_users: int
    """Users of the segments."""
    n_without_consent: int
    """Of these, users without consent in the file of consents."""
    n_held_out: int
    """Of the others, users that were left out by hash, to be compared with later."""
    n_without_contact: int
    """Of the others, users without a contact that can be used."""
    n_shared: int
    """Of the others, users whose contacts a user has as well that is held out or said no."""
    n_invalid: Mapping[str, int]
    """Cells of the contacts that hold no valid contact, by key."""
    unused: tuple[str, ...]
    """Columns of the contacts that the platform does not take."""
    n_reached: int
    """Users with a row in the list."""
    n_written: int
    """Rows of the list: equal ones stand once."""
    n_added: int | None
    """Rows that the previous list has not; null without one."""
    n_removed: int | None
    """Rows of the previous list that are no longer there."""
    salt: str
    """Of the hash: the same salt holds the same users out."""


@takes_places(
    runs=("run_dir",),
    files=("scores", "contacts", "consent", "previous"),
    made={"out": RECORD_OF_FOLDER},
    companions={"out": companions_of, "previous": companions_of},
)
def export_audience(
    run_dir: Path,
    out: Path,
    *,
    segment_ids: Sequence[int],
    to: str,
    scores: Path | None = None,
    contacts: Path | None = None,
    country: str | None = None,
    value: str | None = None,
    consent: Path | None = None,
    previous: Path | None = None,
    hold_out: float = 0.0,
    salt: str = HOLD_OUT_SALT,
    min_size: int | None = None,
    overwrite: bool = False,
    today: date | None = None,
) -> Audience:
    """Write the users of some segments to a file.

    Parameters
    ----------
    run_dir : Path
        A run folder.
    out : Path
        File to write: Parquet, JSON lines (``openrtb``) or CSV; a folder for ``google-api``. Next
        to it, or in it, stand its record, the log of a hold-out and what changed.
    to : str
        One of `TARGETS`: ids with their segment, or hashed contacts as the platform takes them.
    scores : Path, optional
        Users that ``segmentry score`` put into the segments, a Parquet file or a folder of parts;
        those of the run if absent.
    contacts : Path, optional
        ``user_id`` and contacts; for the platforms.
    country : str, optional
        Of phone numbers without ``+`` and of addresses: ISO 3166-1 or a dialling code.
    value : str, optional
        Column of the contacts with what a user is worth.
    consent : Path, optional
        ``user_id`` and ``consent``; without the second column all users of the file consented.
    previous : Path, optional
        The list that was exported before: what came and what went is written as well.
    hold_out : float
        Share of the users, 0..1, that is left out, by hash of id and salt.
    min_size : int, optional
        Fewer rows are not written; by default as the run shows figures. A platform's own minimum
        holds in any case.
    today : date, optional
        Of the log; the day in UTC if absent.

    Raises
    ------
    ConfigError
        If an option makes no sense, the audience would be too small, or the previous list is
        another one.
    BundleError
        If the run folder, or the record of the previous list, cannot be read.
    DataError
        If a file cannot be read, or hashed and plain contacts are mixed.
    OutputError
        If the file exists or cannot be written.
    """
    min_size = read_min_size(run_dir) if min_size is None else min_size
    _check(to, contacts=contacts, hold_out=hold_out, min_size=min_size, previous=previous)
    place = place_of(out, to, overwrite=overwrite)
    people = find_people(
        read_segments(run_dir, scores),
        segment_ids,
        consent=consent,
        hold_out=hold_out,
        salt=salt,
        needs_contact=contacts is not None,
    )
    names = tuple(people.users["segment_name"].unique().sort().to_list())
    record = Record(to=to, segment_names=names, hold_out=hold_out, salt=salt, n_rows=0, sha256="")
    last = None if previous is None else read_record(previous, record)
    file = None
    if contacts is not None:
        region = None if country is None else region_of(country)
        file = find_contacts(contacts, PLATFORMS[to], value=value, region=region)
    form = _form_of(to, file, is_consented=consent is not None)
    with staged(out) as folder:
        lines = [id_lines(people.left, to)] if file is None else contact_lines(file, people)
        before = iter(()) if previous is None else read_lines(previous, form)
        lists = split(sorted_lines(lines, folder), before, folder)
        if last is not None and last.sha256 != lists.sha256[1]:
            raise ConfigError(
                f"--previous {previous}: not as it was written, so that what came and went cannot "
                "be found; give the list as it was exported, or leave out --previous"
            )
        audience = _audience(people, file, lists.n_lines, out=out, to=to, is_first=last is None)
        _refuse(audience, min_size)
        made = folder / "made"
        made.mkdir()
        if to == "parquet":
            people.listed.write_parquet(made / out.name)
        else:
            render(lists, form, made, names=place.lists[: 1 if last is None else 3])
        if hold_out:
            write_log(people, made / place.log, today=today)
        record = replace(record, n_rows=audience.n_written, sha256=lists.sha256[0])
        (made / place.record).write_text(RECORD.render(record), encoding="utf-8")
        move(made, out, place)
    return audience


def count_audience(
    run_dir: Path, *, segment_ids: Sequence[int], to: str, hold_out: float = 0.0
) -> Audience:
    """Count the list of ids that `export_audience` would write, without writing it.

    Raises ConfigError for what it would refuse.
    """
    min_size = read_min_size(run_dir)
    _check(to, contacts=None, hold_out=hold_out, min_size=min_size, previous=None)
    people = find_people(
        read_segments(run_dir),
        segment_ids,
        consent=None,
        hold_out=hold_out,
        salt=HOLD_OUT_SALT,
        needs_contact=False,
    )
    n_all = people.left.height
    audience = _audience(people, None, (n_all, n_all, 0), out=Path(), to=to, is_first=True)
    _refuse(audience, min_size)
    return audience


def _audience(
    people: People,
    file: ContactFile | None,
    n_lines: tuple[int, ...],
    *,
    out: Path,
    to: str,
    is_first: bool,
) -> Audience:
    n_all, n_added, n_removed = n_lines
    return Audience(
        out=out,
        to=to,
        segment_ids=tuple(people.users["segment_id"].unique().sort().to_list()),
        **people.count(),
        n_invalid={} if file is None else file.findings.n_invalid,
        unused=() if file is None else file.unused,
        n_written=n_all,
        n_added=None if is_first else n_added,
        n_removed=None if is_first else n_removed,
        salt=people.salt,
    )


def _form_of(to: str, file: ContactFile | None, *, is_consented: bool) -> Form:
    if file is None:
        return Form(header="user_id,segment_id,segment_name" if to == "csv" else None)
    if file.platform.form == "requests":
        return Form(is_requests=True, is_consented=is_consented)
    return Form(header=header_of(file))


def _check(
    to: str, *, contacts: Path | None, hold_out: float, min_size: int, previous: Path | None
) -> None:
    if to not in TARGETS:
        raise ConfigError(f"--to {to}: expected one of {', '.join(TARGETS)}")
    if to in PLATFORMS and contacts is None:
        raise ConfigError(
            f"--to {to}: no contacts; add --contacts FILE with user_id and email or phone"
        )
    if contacts is not None and to not in PLATFORMS:
        raise ConfigError(
            f"--contacts: not used by --to {to}; use --to {' or '.join(PLATFORMS)}, or leave it out"
        )
    if previous is not None and to == "parquet":
        raise ConfigError("--previous: not for --to parquet; use --to csv, or leave it out")
    if previous is not None and not previous.exists():
        raise ConfigError(f"--previous {previous}: not there; name a list that was exported")
    if not 0 <= hold_out < 1:
        raise ConfigError(f"--hold-out {hold_out:g}: expected a share from 0 % to below 100 %")
    if min_size < 1:
        raise ConfigError(f"--min-size {min_size}: expected at least 1")


def _refuse(audience: Audience, min_size: int) -> None:
    """Refuse an audience that is too small or too large, without counts: they may be of few."""
    segments = ", ".join(map(str, audience.segment_ids))
    platform = PLATFORMS.get(audience.to)
    n_min = min(audience.n_written, audience.n_reached)
    if n_min < min_size:
        raise ConfigError(
            f"segment {segments}: fewer users than --min-size {min_size} would be exported "
            f"({_left_out(audience)}); nothing was written; export more segments together"
        )
    if platform is not None and n_min < platform.smallest:
        raise ConfigError(
            f"segment {segments}: fewer users than the {platform.smallest:,} that "
            f"{platform.title} asks for ({platform.smallest_source}) would be exported "
            f"({_left_out(audience)}); nothing was written; export more segments together"
        )
    if platform is not None and platform.largest and audience.n_written > platform.largest:
        raise ConfigError(
            f"segment {segments}: more than the {platform.largest:,} rows that {platform.title} "
            "takes; nothing was written; export fewer segments at a time"
        )


def _left_out(audience: Audience) -> str:
    reasons = {
        "some have not given consent": audience.n_without_consent,
        "some are held out": audience.n_held_out,
        "some have no valid contact": audience.n_without_contact,
        "some share a contact with users who are left out": audience.n_shared,
    }
    return " and ".join(reason for reason, n in reasons.items() if n) or "the segment is small"
