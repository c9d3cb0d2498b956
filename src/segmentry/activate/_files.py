"""Where an audience stands: the names of its files, its record, and all of them or none."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from segmentry.errors import ConfigError, OutputError
from segmentry.runtime.codec import Codec
from segmentry.runtime.temporary import temporary_folder
from segmentry.runtime.whole_files import put_in_place

__all__ = ["RECORD", "Place", "Record", "move", "place_of", "read_record", "staged"]

_ENDINGS = {"parquet": ".parquet", "openrtb": ".jsonl", "google-api": ""}


@dataclass(frozen=True, slots=True)
class Place:
    """Names of the files of an audience."""

    lists: tuple[str, str, str]
    """The list, what came and what went."""
    log: str
    record: str
    is_folder: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What the next export must know of a list."""

    to: str
    segment_names: tuple[str, ...]
    hold_out: float
    salt: str
    n_rows: int
    sha256: str
    """Of the lines after the header."""


RECORD = Codec(
    Record,
    what="record of an audience",
    version=1,
    version_key="record_version",
    remedy="export without --previous",
    expected="the record that export audience writes next to a list; keep them together",
)


def place_of(out: Path, to: str, *, overwrite: bool) -> Place:
    """Return the names of what is to be written, if all of it may be."""
    ending = _ENDINGS.get(to, ".csv")
    if out.suffix != ending:
        expected = f"a name that ends in {ending}" if ending else "the name of a folder"
        raise ConfigError(f"--out {out}: expected {expected} for --to {to}")
    if ending:
        lists = (out.name, f"{out.stem}.add{ending}", f"{out.stem}.remove{ending}")
        place = Place(lists, f"{out.name}.hold-out.csv", f"{out.name}.record.json", False)
        in_the_way = [name for name in _all_names(place) if (out.parent / name).exists()]
    else:
        place = Place(("all", "add", "remove"), "hold-out.csv", "record.json", True)
        in_the_way = [out.name] if out.exists() else []
    if in_the_way:
        is_ours = (out / place.record).is_file() if place.is_folder else not out.is_dir()
        if not (overwrite and is_ours):
            remedy = "add --overwrite" if is_ours else "it is no audience, so it is not replaced"
            raise OutputError(
                f"{out.parent / in_the_way[0]}: exists; {remedy}, or choose another --out"
            )
    if not out.absolute().parent.is_dir():
        raise OutputError(f"{out.absolute().parent}: no such folder; choose another --out")
    return place


def _all_names(place: Place) -> tuple[str, ...]:
    return (*place.lists, place.log, place.record)


def read_record(previous: Path, record: Record) -> Record:
    """Return the record of the previous list, which must be one of the same audience."""
    is_folder = record.to == "google-api"
    name = "record.json" if is_folder else f"{previous.name}.record.json"
    last = RECORD.read((previous if is_folder else previous.parent) / name)
    pairs = {
        "--to": (last.to, record.to),
        "segments": (", ".join(last.segment_names), ", ".join(record.segment_names)),
        "--hold-out": (f"{last.hold_out:.10g}", f"{record.hold_out:.10g}"),
        "--salt": (last.salt, record.salt),
    }
    for what, (was, now) in pairs.items():
        if was != now:
            raise ConfigError(
                f"--previous {previous}: another audience: its {what} {was!r}, now {now!r}; "
                "export it with the same, or leave out --previous"
            )
    return last


@contextlib.contextmanager
def staged(out: Path) -> Iterator[Path]:
    """Yield a folder beside `out` that is gone at the end, whatever happens."""
    try:
        with temporary_folder(out.absolute().parent) as folder:
            yield folder
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(f"{out}: cannot be written: {reason}; choose another place") from error


def move(made: Path, out: Path, place: Place) -> None:
    """Put whole files in their place; what an earlier export left there is gone."""
    if place.is_folder:
        put_in_place(made, out)
        return
    for name in _all_names(place):
        if (made / name).exists():
            (made / name).replace(out.parent / name)
        else:
            (out.parent / name).unlink(missing_ok=True)
