"""Find the files that a mapping names: paths, globs, folders."""

import difflib
import hashlib
import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from segmentry.errors import DataError, EmptyDataError
from segmentry.ingest.files import FileLayout, opened
from segmentry.ingest.remote import Places, is_table, place_of

_MAGIC = frozenset("*?[")
_MIN_ROWS_OF_A_COPY = 10
_HIDDEN = (".", "_", "~$")
_SUFFIXES = (
    *(".csv", ".tsv", ".txt", ".parquet", ".csv.gz", ".tsv.gz", ".txt.gz"),
    *(".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz"),
)


def find_files(
    patterns: Sequence[str], *, base: Path, role: str, places: Places | None = None
) -> tuple[Path, ...]:
    """Return the files that patterns name, each once, in the order of their paths.

    A pattern is a path, a glob (``logs/day=*/*.parquet``, ``**`` for any depth), or a folder, whose
    data files are taken however deep; absolute, or from `base`. The `role` is the table, for
    messages; `places` are where files elsewhere are looked for.

    Raises DataError if a pattern names no file, or one file twice: as ``log.csv`` and
    ``log.csv.gz``.

    >>> find_files(["no*.csv"], base=Path("nowhere"), role="log")
    Traceback (most recent call last):
    ...
    segmentry.errors.DataError: [log] files 'no*.csv': no such file in nowhere
    """
    found: dict[Path, None] = {}
    for name in patterns:
        if places is not None and is_table(name):
            found[places.table(name, base=base)] = None
            continue
        pattern, shown, folder = name, name, base
        place = place_of(name) or place_of(base / name)
        if place is not None and places is None:
            raise DataError(f"{place}: not on this machine, where this command looks; download it")
        if places is not None and place is not None:
            found_at = places.stand_in(place)
            pattern, shown = str(found_at), str(place)
            folder = next(each for each in found_at.parents if each.is_dir())
        files = _matches(pattern, base)
        if not files:
            raise DataError(f"[{role}] files {shown!r}: {_why_none(pattern, folder)}")
        _refuse_copies(files, text=f"[{role}] files {shown!r}")
        found.update(dict.fromkeys(files))
    return tuple(sorted(found))


def inspect_parts(
    files: Sequence[Path], inspect: Callable[[Path], FileLayout]
) -> tuple[FileLayout, ...]:
    """Look at the files of a table; those without rows, as many writers leave them, are left out.

    Raises EmptyDataError if none has rows; DataError if two are the same, such as ``log.csv`` and
    ``log (1).csv`` or ``log (1).csv.gz``.
    """
    layouts: list[FileLayout] = []
    empty = None
    for file in files:
        try:
            layouts.append(inspect(file))
        except EmptyDataError as error:
            empty = empty or error
    if empty is not None and not layouts:
        raise empty
    _refuse_equal(layouts)
    return tuple(layouts)


def _refuse_equal(layouts: Sequence[FileLayout]) -> None:
    """Refuse two files of the same bytes, unless their folders name other values.

    A few rows, as streams leave them in a file, may be the same by chance.
    """
    alike: dict[object, list[Path]] = {}
    for each in (layout for layout in layouts if len(layout.sample) >= _MIN_ROWS_OF_A_COPY):
        begin = each.sample[:_MIN_ROWS_OF_A_COPY]
        alike.setdefault((each.partitions, begin), []).append(each.path)
    for files in alike.values():
        sizes = Counter(file.stat().st_size for file in files)
        is_packed = any(file.suffix == ".gz" for file in files)
        digests: dict[bytes, Path] = {}
        for file in files if len(files) > 1 else ():
            if not is_packed and sizes[file.stat().st_size] == 1:
                continue
            with opened(file) as stream:
                digest = hashlib.file_digest(stream, "sha256").digest()  # type: ignore[arg-type]  # it has readinto
            other = digests.setdefault(digest, file)
            if other is not file:
                raise DataError(
                    f"{file}: holds the same bytes as {other}, so that each row would count twice; "
                    "remove one of them, or name the files that are wanted"
                )


def _refuse_copies(files: Sequence[Path], *, text: str) -> None:
    """Refuse a file next to its own compressed or converted copy: each row would count twice."""
    seen: dict[Path, Path] = {}
    for file in sorted(files):
        name = file.name.removesuffix(".gz")
        for suffix in _SUFFIXES[:4]:
            name = name.removesuffix(suffix)
        other = seen.setdefault(file.with_name(name), file)
        if other is not file:
            raise DataError(
                f"{text}: found {other.name} and {file.name} in {file.parent}, which look like "
                "copies of one another; name one of them, or rename one if both are wanted"
            )


def _matches(pattern: str, base: Path) -> list[Path]:
    path = base / pattern
    if path.is_dir():
        return _within(path, _data_files(path))
    if path.exists() or not _MAGIC & set(pattern):
        return [path] if path.exists() else []
    root = Path(path.anchor) if path.is_absolute() else Path()
    names = path.relative_to(root)
    fixed = root.joinpath(*itertools.takewhile(lambda part: not _MAGIC & set(part), names.parts))
    is_hidden_wanted = names.name.startswith(_HIDDEN)
    found = [
        each
        for each in root.glob(str(names))
        if each.is_file() and (is_hidden_wanted or not _is_hidden(each.relative_to(fixed)))
    ]
    return _within(fixed, found)


def _within(folder: Path, files: list[Path]) -> list[Path]:
    """Refuse files that a folder only links to: nobody named them."""
    home = folder.resolve()
    for file in files:
        if not file.resolve().is_relative_to(home):
            raise DataError(
                f"{file}: a link that leads out of {folder}, to {file.resolve()}; expected files "
                "that are there; name this file itself, or copy it"
            )
    return files


def _is_hidden(file: Path) -> bool:
    """Whether a file is not data by its name: of another program, unfinished, or a checkpoint."""
    return any(part.startswith(_HIDDEN) for part in file.parts)


def _data_files(folder: Path) -> list[Path]:
    """Return the data files below a folder.

    What begins with a dot, an underscore or ``~$`` is not data, nor is a run folder.
    """
    runs = {
        path.parent
        for path in folder.rglob("manifest.json")
        if (path.parent / "segments.parquet").exists()
    }
    return [
        path
        for path in folder.rglob("*")
        if path.is_file()
        and path.name.endswith(_SUFFIXES)
        and not _is_hidden(path.relative_to(folder))
        and runs.isdisjoint(path.parents)
    ]


def _why_none(pattern: str, base: Path) -> str:
    path = base / pattern
    if path.is_dir():
        return f"no data file ({', '.join(_SUFFIXES[:4])}) in that folder"
    if path.is_symlink():
        return f"a link to {path.readlink()}, which is not there"
    folder = path.parent if path.parent.is_dir() else base
    if not folder.is_dir():
        return f"no such file in {base}"
    names = sorted(each.name for each in folder.iterdir())
    near = difflib.get_close_matches(path.name, names, n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    text = ", ".join(names[:8]) or "nothing"
    return f"no such file in {base}{hint}; found {text}"
