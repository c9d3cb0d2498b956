"""Lists as files: sorted lines, each once, whatever their number; what came and what went.

A list is a header and lines in the order of their bytes, so that the list of before, with the lines
that came and without those that went, is the current list, byte for byte. Its record says what the
next export must know of it.
"""

import contextlib
import hashlib
import heapq
import itertools
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path

import polars as pl

from segmentry.errors import ConfigError, OutputError
from segmentry.runtime.codec import Codec
from segmentry.runtime.temporary import put_in_place, temporary_folder

_PER_REQUEST = 10_000
_LISTS = ("all", "add", "remove")


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How a list is written: a header and lines, or JSON requests of 10,000 members each."""

    header: str | None = None
    is_requests: bool = False
    is_consented: bool = False
    """Whether a request says that all of its members gave their consent."""


@dataclass(frozen=True, slots=True)
class Split:
    """The current lines, those that came and those that went, as files without a header."""

    folder: Path
    n_lines: tuple[int, ...]
    """All, added, removed."""
    sha256: tuple[str, str]
    """Of the current lines and of those of before."""


def sorted_lines(pieces: Iterable[pl.Series], folder: Path) -> Iterator[str]:
    """Yield lines in order, each once; pieces are sorted on disk and then merged.

    >>> import tempfile
    >>> pieces = [pl.Series(["b", "a"]), pl.Series(["c", "a"])]
    >>> list(sorted_lines(pieces, Path(tempfile.mkdtemp())))
    ['a', 'b', 'c']
    """
    files = []
    for place, lines in enumerate(pieces):
        files.append(folder / f"{place}.sorted")
        # Nothing is quoted: the lines are those of the list.
        table = lines.unique().sort().to_frame()
        table.write_csv(files[-1], include_header=False, quote_style="never")
    with contextlib.ExitStack() as stack:
        merged = heapq.merge(*(stack.enter_context(_opened(file)) for file in files))
        yield from (line for line, _ in itertools.groupby(merged))


@contextlib.contextmanager
def _opened(file: Path) -> Iterator[Iterator[str]]:
    # What is not UTF-8 is not a list of ours: its SHA-256 says so.
    with file.open(encoding="utf-8", errors="replace", newline="\n") as lines:
        yield (line.removesuffix("\n") for line in lines)


def split(now: Iterator[str], before: Iterator[str], folder: Path) -> Split:
    """Write the current lines, sorted, to a file, and what came and went to two others."""
    counts = [0, 0, 0]
    digests = hashlib.sha256(), hashlib.sha256()
    tagged = heapq.merge(zip(now, itertools.repeat(0)), zip(before, itertools.repeat(1)))
    with contextlib.ExitStack() as stack:
        files = [
            stack.enter_context((folder / name).open("w", encoding="utf-8", newline="\n"))
            for name in _LISTS
        ]
        for line, group in itertools.groupby(tagged, key=itemgetter(0)):
            where = {tag for _, tag in group}
            text = line + "\n"
            for tag in where:
                digests[tag].update(text.encode())
            changed = () if len(where) == 2 else (1,) if 0 in where else (2,)
            for place in (*((0,) if 0 in where else ()), *changed):
                files[place].write(text)
                counts[place] += 1
    return Split(folder, tuple(counts), (digests[0].hexdigest(), digests[1].hexdigest()))


def render(lists: Split, form: Form, out: Path, *, names: Iterable[str]) -> None:
    """Write the first of the lists into a folder, each as the platform reads it."""
    for source, name in zip(_LISTS, names, strict=False):
        with _opened(lists.folder / source) as lines:
            if form.is_requests:
                _write_requests(lines, form, out, name=name)
            else:
                with (out / name).open("w", encoding="utf-8", newline="\n") as file:
                    file.writelines(f"{form.header}\n" for _ in (1,) if form.header is not None)
                    file.writelines(line + "\n" for line in lines)


def _write_requests(lines: Iterator[str], form: Form, out: Path, *, name: str) -> None:
    """Write bodies of ``audienceMembers:ingest`` and ``:remove``, one member a line."""
    start = '{"destinations": [], "encoding": "HEX",'
    if form.is_consented and name != "remove":
        granted = "CONSENT_GRANTED"
        consent = json.dumps({"adUserData": granted, "adPersonalization": granted})
        start += f' "consent": {consent},'
    for number in itertools.count(1):
        members = list(itertools.islice(lines, _PER_REQUEST))
        if not members:
            return
        body = start + ' "audienceMembers": [\n' + ",\n".join(members) + "\n]}\n"
        (out / f"{name}-{number:04}.json").write_text(body, encoding="utf-8", newline="\n")


def read_lines(path: Path, form: Form) -> Iterator[str]:
    """Yield the lines of a list that was written before.

    Raises ConfigError if it has another header.
    """
    if form.is_requests:
        for file in sorted(path.glob("all-*.json")):
            with _opened(file) as lines:
                yield from (
                    line.removesuffix(",")
                    for line in itertools.islice(lines, 1, None)
                    if line != "]}"
                )
        return
    with _opened(path) as lines:
        header = None if form.header is None else next(lines, "")
        if header != form.header:
            raise ConfigError(
                f"--previous {path}: its columns are {header}, those of this list "
                f"{form.header}; give contacts of the same columns, or leave out --previous"
            )
        yield from lines


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


RECORD_OF_FOLDER = "record.json"


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
        place = Place(("all", "add", "remove"), "hold-out.csv", RECORD_OF_FOLDER, True)
        in_the_way = [out.name] if out.exists() else []
    if in_the_way:
        is_ours = (out / place.record).is_file() if place.is_folder else not out.is_dir()
        if not (overwrite and is_ours):
            remedy = (
                "add --overwrite" if is_ours else "it is not an audience, so it is not replaced"
            )
            raise OutputError(
                f"{out.parent / in_the_way[0]}: exists; {remedy}, or choose another --out"
            )
    if not out.absolute().parent.is_dir():
        raise OutputError(f"{out.absolute().parent}: no such folder; choose another --out")
    return place


def companions_of(out: Path) -> tuple[str, ...]:
    """Return the names of all that may be written next to a list, or was."""
    changes = (f"{out.stem}.{each}{out.suffix}" for each in ("add", "remove"))
    return (*changes, f"{out.name}.hold-out.csv", f"{out.name}.record.json") if out.suffix else ()


def _all_names(place: Place) -> tuple[str, ...]:
    return (*place.lists, place.log, place.record)


def read_record(previous: Path, record: Record) -> Record:
    """Return the record of the previous list, which must be one of the same audience."""
    is_folder = record.to == "google-api"
    name = RECORD_OF_FOLDER if is_folder else f"{previous.name}.record.json"
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
    """Yield a folder next to `out` that is gone at the end, whatever happens."""
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
