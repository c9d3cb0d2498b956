"""Where the data are: a folder of the Taobao files, or what a mapping names."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from segmentry.errors import ConfigError, DataError
from segmentry.ingest.clocks import Clock
from segmentry.ingest.engines import REPEATED
from segmentry.ingest.mapping import Moments, load_mapping, resolve_mapping
from segmentry.ingest.remote import Place, Places, Session, at_hand, place_of, store_of
from segmentry.ingest.rules import Rules, outside
from segmentry.ingest.store.prepared import (
    PREPARED_FILE,
    only_needed,
    read_prepared,
    tables_of,
)
from segmentry.ingest.taobao import BEIJING, find_taobao
from segmentry.schema import Progress, Source


@contextlib.contextmanager
def opened_source(
    data_dir: Path | str | None,
    mapping: Path | str | None,
    *,
    temp: str | None = None,
    moments: Callable[[Clock], Moments] = lambda _: (None, None),
    unread: frozenset[str] = frozenset(),
    session: Session | None = None,
    are_files_whole: bool = False,
    progress: Progress | None = None,
) -> Iterator[Source]:
    """Yield the source of `find_source`, whose files may be elsewhere, while it is read.

    What is needed of them is fetched to a folder in `temp`, and removed at the end. `moments`
    returns from which moment on and before which one a log is read, by its local clock; `unread`
    are tables of which no row is needed; `session` is that of Spark, which fetches in its tasks.
    Where `are_files_whole`, so that they are known again by their content wherever they are,
    columns are fetched too that nobody maps.

    Raises DataError if a file changed meanwhile, or else as `find_source`.
    """
    with Places.opened(temp, progress, session) as places:
        places.are_files_whole = are_files_whole
        source = find_source(data_dir, mapping, places=places, moments=moments, unread=unread)
        yield replace(source, brought=places.finish())


def find_source(
    data_dir: Path | str | None,
    mapping: Path | str | None,
    *,
    places: Places | None = None,
    moments: Callable[[Clock], Moments] = lambda _: (None, None),
    unread: frozenset[str] = frozenset(),
) -> Source:
    """Return the source of a folder, or of a mapping and the folder that it is about.

    Parameters
    ----------
    data_dir : Path or str or None
        Folder of the files, or one that `prepare` made; that of the mapping if absent.
    mapping : Path or str or None
        TOML file; the folder holds the Taobao files if absent.

    Raises
    ------
    ConfigError
        If neither is given, or the mapping makes no sense.
    DataError
        If a file is absent or cannot be used.
    """
    if data_dir is not None and _is_prepared(Path(data_dir)):
        if mapping is not None:
            name = place_of(data_dir) or data_dir
            raise ConfigError(f"{name}: is prepared and has its mapping; leave out --mapping")
        if (place := place_of(data_dir)) is None or places is None:
            return read_prepared(Path(data_dir))
        return _prepared_elsewhere(place, places, moments, unread)
    if mapping is not None:
        if data_dir is not None and Path(data_dir).is_file():
            raise DataError(
                f"{data_dir}: a file, expected the folder from which the mapping names its files; "
                "name that, or leave it out"
            )
        file = Path(mapping)
        base = file.parent if data_dir is None else Path(data_dir)
        with at_hand(file) as here:
            content = load_mapping(here)
        wanted = moments(content.clock)
        return resolve_mapping(content, base=base, places=places, moments=wanted, unread=unread)
    if data_dir is None:
        raise ConfigError("no data: give DATA_DIR, --mapping FILE.toml or --from RUN_DIR")
    return find_taobao(
        Path(data_dir), places=places, moments=moments(Clock(BEIJING)), unread=unread
    )


def _is_prepared(folder: Path) -> bool:
    place = place_of(folder / PREPARED_FILE)
    if place is None:
        return (folder / PREPARED_FILE).is_file()
    return not place.is_web and bool(store_of(place).below(place))


def _prepared_elsewhere(
    place: Place,
    places: Places,
    moments: Callable[[Clock], Moments],
    unread: frozenset[str],
) -> Source:
    """Read what a prepared folder holds, and fetch its files but for days that are not wanted."""
    folder = places.stand_in(place)
    places.bring([folder / PREPARED_FILE], frozenset(), None)
    source = read_prepared(folder, are_files_here=False)
    tables = tables_of(source)
    log = tables["impressions"]  # without one nothing is prepared
    since, until = moments(Clock(source.utc_offset_hours, source.timezone))
    wanted = only_needed(log, outside(Rules(since=since, until=until)))
    files = [each for role, table in tables.items() if role not in unread for each in table.files]
    left_out = set(log.files) - set(wanted.files)
    places.bring([each for each in files if each not in left_out], frozenset(), None)
    return source


def with_duplicates(source: Source, duplicates: str) -> Source:
    """Return a source of whose behaviours equal rows are collapsed, or all counted.

    Raises ConfigError if they were collapsed when the folder was prepared, and are to be counted.
    """
    behaviours = source.behaviours
    if behaviours is None or duplicates == "collapse":
        return source
    if behaviours.prepared is not None and behaviours.prepared.excluded.get(REPEATED):
        raise ConfigError(
            f"--duplicates count: {behaviours.prepared.excluded[REPEATED]:,} equal rows were "
            "collapsed when the data were prepared; prepare them with --duplicates count"
        )
    return replace(source, behaviours=replace(behaviours, is_distinct=False))
