"""The run folder: whole or absent, versioned, read lazily."""

import contextlib
import hashlib
import os
import secrets
import shutil
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import polars as pl

from segmentry.errors import BundleError, DataError, OutputError
from segmentry.features.users import SHOP_COUNTS, BehaviourData
from segmentry.ingest.remote import place_of, put_folder, require_free
from segmentry.ingest.room import scratch_folder
from segmentry.ingest.store.prepared import recorded
from segmentry.lifecycle.alarms import WindowCounts
from segmentry.results.scoring import Bundle, read_bundle_file
from segmentry.runtime.clock import StepRecord
from segmentry.runtime.codec import Codec
from segmentry.runtime.temporary import LOCK, claimed, put_in_place, written_whole
from segmentry.schema import PreparedFile, Source
from segmentry.schema.arrays import IntMatrix
from segmentry.settings import MIN_SIZE


@dataclass(frozen=True, slots=True)
class FileFingerprint:
    """An input file by its content."""

    path: str
    n_bytes: int
    sha256: str
    """Empty of a file that was fetched from elsewhere, as far as it was needed."""
    version: str = ""
    """Of such a file: what its store calls its content."""
    n_bytes_read: int | None = None
    """Of such a file: bytes that were fetched."""

    @property
    def content(self) -> str:
        """What is another of another content."""
        return self.sha256[:16] or self.version


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """How a run folder came about; everything that may differ between equal runs is here."""

    started_at: str
    seconds: float
    config: Mapping[str, object]
    versions: Mapping[str, str]
    inputs: tuple[FileFingerprint, ...]
    accounts: tuple[Mapping[str, object], ...]
    steps: tuple[StepRecord, ...]


_MANIFEST = Codec(
    Manifest,
    what="manifest",
    version=1,
    version_key="manifest_version",
    remedy="run it again",
    expected="a run folder of segmentry run",
    written_by=("versions", "segmentry"),
)
render_manifest = _MANIFEST.render


LAST = "manifest.json"
"""What is written last, so that a folder is a run by it."""


def check_target(run_dir: Path, *, overwrite: bool) -> None:
    """Refuse a target that is in the way before any work is done.

    Raises OutputError if the folder exists and may not be replaced, or its parent cannot be
    written.

    >>> check_target(Path("."), overwrite=True)
    Traceback (most recent call last):
    ...
    segmentry.errors.OutputError: .: exists and is not a run folder (no manifest.json), so it is \
not replaced; choose another --out
    """
    place = place_of(run_dir)
    if place is not None:
        require_free(place, last=LAST, overwrite=overwrite)
        return
    if os.path.lexists(run_dir):  # a link to nothing is in the way too
        if not (run_dir / "manifest.json").is_file():
            raise OutputError(
                f"{run_dir}: exists and is not a run folder (no manifest.json), so it is not "
                "replaced; choose another --out"
            )
        if not overwrite:
            raise OutputError(
                f"{run_dir}: a run folder exists; choose another --out or add --overwrite"
            )
    parent = run_dir.absolute().parent
    while not os.path.lexists(parent):  # which is False of a name too long to be one
        parent = parent.parent
    if not parent.is_dir():
        raise OutputError(f"{parent}: is a file, not a folder; choose another --out")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise OutputError(f"{parent}: no right to write there; choose another --out")


@contextlib.contextmanager
def staged(run_dir: Path, *, overwrite: bool, temp: str | None = None) -> Iterator[Path]:
    """Yield a folder next to `run_dir` that takes its place when all went well.

    Whatever goes wrong, `run_dir` is as it was: absent, or the earlier run, whole. The folder is in
    `temp` where `run_dir` is in an object store.

    >>> import tempfile
    >>> run_dir = Path(tempfile.mkdtemp()) / "run"
    >>> with staged(run_dir, overwrite=False) as staging:
    ...     _ = (staging / "manifest.json").write_text("{}")
    ...     print(run_dir.exists())
    False
    >>> run_dir.exists(), staging.exists()
    (True, False)
    """
    place = place_of(run_dir)
    if place is not None:
        seen = require_free(place, last=LAST, overwrite=overwrite)
        with scratch_folder(temp) as home:
            staging = home / "run"
            staging.mkdir()
            yield staging
            put_folder(staging, place, last=LAST, seen=seen)
        return
    check_target(run_dir, overwrite=overwrite)
    target = run_dir.absolute()
    staging = target.parent / f".{target.name}.{secrets.token_hex(4)}.partial"
    missing = [parent for parent in target.parents if not os.path.lexists(parent)]
    try:
        with claimed(staging, leftovers=f".{target.name}.*.partial"):
            yield staging
            check_target(run_dir, overwrite=overwrite)  # another run may have ended meanwhile
            (staging / LOCK).unlink()
            put_in_place(staging, target)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(
            f"{run_dir}: cannot be written: {reason}; choose another --out"
        ) from error
    finally:
        for parent in missing:
            # One that holds the run folder stays.
            with contextlib.suppress(OSError):
                parent.rmdir()


@contextlib.contextmanager
def alone_in(run_dir: Path) -> Iterator[None]:
    """Wait until no other process changes what a run folder says; the lock ends with the process.

    Two dashboards that rename segments at once would each undo the name of the other.
    """
    from filelock import lock_descriptor

    manifest = run_dir / "manifest.json"
    with contextlib.ExitStack() as stack:
        if manifest.is_file():  # never replaced, so that all lock the same file
            lock_descriptor(stack.enter_context(manifest.open("rb")).fileno())
        yield


@contextlib.contextmanager
def staged_inside(run_dir: Path) -> Iterator[Path]:
    """Yield a folder whose files and folders take their places in `run_dir` when all went well.

    Raises OutputError if the run folder cannot be written.
    """
    staging = run_dir / f".{secrets.token_hex(4)}.partial"
    try:
        staging.mkdir()
        yield staging
        for entry in sorted(staging.iterdir()):
            put_in_place(entry, run_dir / entry.name)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(f"{run_dir}: cannot be written: {reason}; fix that first") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


@contextlib.contextmanager
def written_plan(run_dir: Path, name: str) -> Iterator[Path]:
    """Yield a place for a file that replaces ``plan/NAME`` of a run when all went well.

    Raises OutputError if the run folder cannot be written.
    """
    folder = run_dir / "plan"
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(f"{folder}: cannot be made: {reason}; fix that first") from error
    with written_whole(folder / name) as partial:
        yield partial


def read_bundle(run_dir: Path) -> Bundle:
    """Read the saved model of a run.

    Raises BundleError if there is none, or one of another version.
    """
    return read_bundle_file(run_dir / "model" / "bundle.json")


_WINDOWS = Codec(
    WindowCounts,
    what="counts of windows",
    version=1,
    remedy="refresh the run before it again",
    expected="a run folder of segmentry refresh",
)


def write_windows(run_dir: Path, counts: WindowCounts) -> None:
    """Write next to the model what the next refresh finds alarms from; it is not for people."""
    _WINDOWS.write(counts, run_dir / "model" / "windows.json")


def read_windows(run_dir: Path) -> WindowCounts:
    """Read it back.

    Raises BundleError if there is none, or one of another version.
    """
    return _WINDOWS.read(run_dir / "model" / "windows.json")


def read_user_table(run_dir: Path) -> pl.DataFrame:
    """Read the user table of a run, without its segments.

    Raises BundleError if there is none.
    """
    return read_table(run_dir, "users.parquet").drop("segment_id", "segment_key", strict=False)


def read_user_columns(run_dir: Path) -> tuple[str, ...]:
    """Return the columns of the user table of a run, from the footer of the file alone.

    Raises BundleError if there is none.
    """
    return tuple(read_schema(run_dir, "users.parquet"))


def read_schema(run_dir: Path, name: str) -> Mapping[str, pl.DataType]:
    """Read the types of a table that every run has, from the footer of the file alone.

    Raises BundleError if it cannot be read.
    """
    path = run_dir / name
    with _explained(path, "expected a run folder"):
        return pl.read_parquet_schema(path)


def read_segments(run_dir: Path, scores: Path | None = None) -> pl.DataFrame:
    """Read who is in which segment: ``segments.parquet``, or the `scores` of other users.

    Scores are a Parquet file or a folder of them, in any order.

    Raises BundleError if there is none, or the scores are of another run.
    """
    if scores is None:
        return read_table(run_dir, "segments.parquet")
    with _explained(scores, "expected Parquet that segmentry score wrote"):
        found = pl.read_parquet(scores, hive_partitioning=False).sort("user_id")
        own = read_table(run_dir, "segments.parquet").select("segment_id", "segment_key").unique()
        strange = found.select("segment_id", "segment_key").unique().join(
            own, on=["segment_id", "segment_key"], how="anti", nulls_equal=True
        )  # fmt: skip
    if strange.drop_nulls().height:
        raise BundleError(
            f"{scores}: holds segments that {run_dir} has not; expected users scored with this run"
        )
    return found


def read_table(run_dir: Path, name: str) -> pl.DataFrame:
    """Read a table that every run has, by the name of its file.

    Raises BundleError if it cannot be read.
    """
    path = run_dir / name
    with _explained(path, "expected a run folder"):
        return pl.read_parquet(path)


def write_early(
    run_dir: Path, table: pl.DataFrame, days: pl.DataFrame, *, before: pl.DataFrame | None = None
) -> None:
    """Write what the check on later days takes, for runs that reuse this one.

    `before` is the memory of the window before, as of `read_memory`, where its segments were kept.
    """
    (run_dir / "validation").mkdir()
    if before is not None:
        before.write_parquet(run_dir / "validation" / _BEFORE_FILE)
    table.write_parquet(run_dir / "validation" / "users.parquet")
    days.write_parquet(run_dir / "validation" / "days.parquet")


def read_early(run_dir: Path) -> tuple[pl.DataFrame, pl.DataFrame] | None:
    """Read it back; none where the run did not check its segments on later days.

    Raises BundleError if a file cannot be read.
    """
    folder = run_dir / "validation"
    if not folder.exists():
        return None
    with _explained(folder, "run it again"):
        return pl.read_parquet(folder / "users.parquet"), pl.read_parquet(folder / "days.parquet")


def read_before(run_dir: Path) -> IntMatrix | None:
    """Read the memory that a run was placed with, shape (n_users, 2); None without.

    Raises BundleError if the file cannot be read.
    """
    table = read_if_there(run_dir / "validation" / _BEFORE_FILE)
    return None if table is None else table.select("segment_id", "nearest_id").to_numpy()


def read_memory(run_dir: Path) -> pl.DataFrame:
    """Return where the users of a run are, and which segment was nearest.

    That is what the next refresh knows of them: ``user_id, segment_id, nearest_id``.

    Raises BundleError if the run cannot be read.
    """
    users = read_segments(run_dir).select("user_id", "segment_id")
    if not (run_dir / "validation" / _BEFORE_FILE).exists():
        return users.with_columns(nearest_id="segment_id")
    table = read_user_table(run_dir)
    ids, _ = read_bundle(run_dir).frozen.place(table)
    nearest = table.select("user_id", nearest_id=pl.Series(ids))
    return users.join(nearest, on="user_id", how="left", maintain_order="left")


def read_if_there(path: Path) -> pl.DataFrame | None:
    """Read a table that not every run has.

    Raises BundleError if it is there and cannot be read.
    """
    if not path.exists():
        return None
    with _explained(path, "run it again"):
        return pl.read_parquet(path)


@contextlib.contextmanager
def _explained(path: Path, what_to_do: str) -> Iterator[None]:
    """Say in one line that a table cannot be read, and why."""
    try:
        yield
    except (OSError, pl.exceptions.PolarsError) as error:
        is_absent = isinstance(error, FileNotFoundError)
        cause = "no such file" if is_absent else " ".join(str(error).split())
        raise BundleError(f"{path}: cannot be read: {cause}; {what_to_do}") from error


def read_manifest(run_dir: Path) -> Manifest:
    """Read how a run came about.

    Raises BundleError if there is no manifest, or one of another version.
    """
    return _MANIFEST.read(run_dir / "manifest.json")


def read_min_size(run_dir: Path) -> int:
    """Return the fewest users for which the run shows a figure; else the usual number.

    Raises BundleError if there is a manifest that cannot be read.
    """
    if not (run_dir / "manifest.json").is_file():
        return MIN_SIZE
    found = read_manifest(run_dir).config.get("min_size", MIN_SIZE)
    return found if isinstance(found, int) else MIN_SIZE


_COUNTS_FILE = "conversions.parquet"


_BEFORE_FILE = "before.parquet"
_DAYS_FILE = "behaviour_days.parquet"


def write_behaviours(run_dir: Path, data: BehaviourData) -> None:
    """Write what followed the impressions of each user, and the days for runs that reuse this."""
    data.counts.write_parquet(run_dir / _COUNTS_FILE)
    if data.days is not None and (run_dir / "validation").is_dir():
        data.days.write_parquet(run_dir / "validation" / _DAYS_FILE)


def reuse_behaviours(run_dir: Path, bundle: Bundle) -> BehaviourData | None:
    """Read it back; nothing where the run did not read the behaviour log.

    Raises BundleError if a file cannot be read, or is of an earlier version.
    """
    counts = read_if_there(run_dir / _COUNTS_FILE)
    if bundle.behaviour_window is None or counts is None:
        return None
    absent = [name for name in SHOP_COUNTS if name not in counts.columns]
    if absent:
        raise BundleError(
            f"{run_dir / _COUNTS_FILE}: no column {', '.join(absent)}, as in runs of an earlier "
            "version; run the data again"
        )
    return BehaviourData(
        window=bundle.behaviour_window,
        priors=bundle.behaviour_priors,
        counts=counts,
        days=read_if_there(run_dir / "validation" / _DAYS_FILE),
        provides=frozenset(bundle.behaviour_provides),
    )


_CHUNK = 1 << 22


def fetched(source: Source) -> tuple[FileFingerprint, ...]:
    """Return what a manifest says of files that were fetched from elsewhere."""
    return tuple(
        FileFingerprint(
            path=PurePosixPath(each.name).name,
            n_bytes=each.n_bytes,
            sha256="",
            version=each.version,
            n_bytes_read=each.n_bytes_read,
        )
        for each in source.brought
    )


class Fingerprinting:
    """Hashes files in one thread of its own; leave the context to join it.

    Of prepared files what is written down is taken: those that were read were compared with it.
    """

    def __init__(self, files: Collection[Path]) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1)
        known = recorded(files)
        self._found: list[Future[FileFingerprint]] = [
            self._pool.submit(_fingerprint, file, known.get(file)) for file in sorted(files)
        ]

    def __enter__(self) -> "Fingerprinting":
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def results(self) -> tuple[FileFingerprint, ...]:
        """Wait for the hashes."""
        return tuple(future.result() for future in self._found)


def _fingerprint(file: Path, known: PreparedFile | None) -> FileFingerprint:
    if known is not None:
        return FileFingerprint(path=file.name, n_bytes=known.n_bytes, sha256=known.sha256)
    digest, n_bytes = hashlib.sha256(), 0
    try:
        with file.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
                n_bytes += len(chunk)
    except OSError as error:
        raise DataError(
            f"{file}: {error.strerror or error}, though it was there when the run began; leave "
            "the files in place until it ends"
        ) from error
    return FileFingerprint(path=file.name, n_bytes=n_bytes, sha256=digest.hexdigest())
