"""Find the files that a mapping names: paths, globs, folders."""

import difflib
from collections.abc import Callable, Sequence
from pathlib import Path

from segmentry.errors import DataError, EmptyDataError
from segmentry.ingest.files import FileLayout

_MAGIC = frozenset("*?[")
_SUFFIXES = (".csv", ".tsv", ".txt", ".parquet", ".csv.gz", ".tsv.gz", ".txt.gz")


def find_files(patterns: Sequence[str], *, base: Path, role: str) -> tuple[Path, ...]:
    """Return the files that patterns name, each once, in the order of their paths.

    Parameters
    ----------
    patterns : sequence of str
        A path, a glob (``logs/day=*/*.parquet``, ``**`` for any depth), or a folder, whose data
        files are taken however deep; absolute, or from `base`.
    base : Path
    role : str
        The table, for messages.

    Raises
    ------
    DataError
        If a pattern names no file, or one file twice: as ``log.csv`` and ``log.csv.gz``.

    Examples
    --------
    >>> find_files(["no*.csv"], base=Path("nowhere"), role="log")
    Traceback (most recent call last):
    ...
    segmentry.errors.DataError: [log] files 'no*.csv': no such file in nowhere
    """
    found: dict[Path, None] = {}
    for pattern in patterns:
        files = _matches(pattern, base)
        if not files:
            raise DataError(f"[{role}] files {pattern!r}: {_why_none(pattern, base)}")
        _refuse_copies(files, told=f"[{role}] files {pattern!r}")
        found.update(dict.fromkeys(files))
    return tuple(sorted(found))


def inspect_parts(
    files: Sequence[Path], inspect: Callable[[Path], FileLayout]
) -> tuple[FileLayout, ...]:
    """Look at the files of a table; those without rows, as many writers leave them, are left out.

    Raises
    ------
    EmptyDataError
        If none has rows.
    """
    layouts, empty = [], None
    for file in files:
        try:
            layouts.append(inspect(file))
        except EmptyDataError as error:
            empty = empty or error
    if empty is not None and not layouts:
        raise empty
    return tuple(layouts)


def _refuse_copies(files: Sequence[Path], *, told: str) -> None:
    """Refuse a file beside its own compressed or converted copy: each row would count twice."""
    seen: dict[Path, Path] = {}
    for file in sorted(files):
        name = file.name.removesuffix(".gz")
        for suffix in _SUFFIXES[:4]:
            name = name.removesuffix(suffix)
        other = seen.setdefault(file.with_name(name), file)
        if other is not file:
            raise DataError(
                f"{told}: found {other.name} and {file.name} in {file.parent}, which look like "
                "copies of one another; name one of them, or rename one if both are wanted"
            )


def _matches(pattern: str, base: Path) -> list[Path]:
    path = base / pattern
    if path.is_dir():
        return _data_files(path)
    if path.exists() or not _MAGIC & set(pattern):
        return [path] if path.exists() else []
    root = Path(path.anchor) if path.is_absolute() else Path()
    names = path.relative_to(root)
    return [found for found in root.glob(str(names)) if found.is_file()]


def _data_files(folder: Path) -> list[Path]:
    """Return the data files below a folder.

    What begins with a dot or underscore is no data, nor is a run folder that was made there.
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
        and not any(part[0] in "._" for part in path.relative_to(folder).parts)
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
    told = ", ".join(names[:8]) or "nothing"
    return f"no such file in {base}{hint}; found {told}"
