"""Membership over time: who was in which segment, from when to when, and why it changed."""

import contextlib
import datetime as dt
import hashlib
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from segmentry.errors import BundleError, OutputError
from segmentry.lifecycle.keys import SegmentKeys
from segmentry.lifecycle.records import Choice
from segmentry.runtime.codec import Codec
from segmentry.runtime.temporary import LOCK, claimed, locked, put_in_place
from segmentry.schema import Window

MEMBERSHIP_FILE = "membership.parquet"
REFRESHES_FILE = "refreshes.json"
_REMEDY = "bring back a copy of the folder, or begin another --history"
_MOMENT = pl.Datetime("us", "UTC")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refreshed:
    """One run of the history; the first is the run that it began with."""

    run: str
    """Name of the run folder."""
    start: int
    end: int
    utc_offset_hours: float
    """`start`, `end`, `utc_offset_hours`: its window."""
    choice: Choice | None
    """What was decided; null for the first."""
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refreshes:
    """What a history knows besides its users."""

    segmentation: str
    membership_sha256: str
    """Of ``membership.parquet``: the two files are of one refresh."""
    runs: tuple[Refreshed, ...]


_CODEC = Codec(
    Refreshes,
    what="history",
    version=1,
    version_key="history_version",
    remedy=_REMEDY,
    expected="a folder of segmentry refresh --history",
)


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """A folder of membership over time; empty where nothing was written yet.

    ``membership`` has ``user_id, segment_key, valid_from, valid_to, reason``, a row for each
    stretch of time in which nothing changed for a user: a slowly changing dimension of type 2. It
    begins at the end of the window that it was seen in, when it could be known, and is open
    (`valid_to` null) until something changes. Where a user was not seen, or belongs to no segment,
    `segment_key` is null and `reason` "absent".
    """

    refreshes: Refreshes | None
    membership: pl.DataFrame | None


def read_history(folder: Path) -> History:
    """Read a history; an absent or empty folder is an empty one.

    Raises BundleError if a file is damaged, of another version or of another refresh, or the
    folder holds something else.
    """
    _bring_back(folder)
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return History(None, None)
    refreshes = _CODEC.read(folder / REFRESHES_FILE)
    file = folder / MEMBERSHIP_FILE
    try:
        content = file.read_bytes()
    except OSError as error:
        raise BundleError(f"{file}: {error.strerror or error}; {_REMEDY}") from error
    if hashlib.sha256(content).hexdigest() != refreshes.membership_sha256:
        raise BundleError(
            f"{file}: damaged, or not of the last refresh; expected the file that {REFRESHES_FILE} "
            f"was written with; {_REMEDY}"
        )
    return History(refreshes, pl.read_parquet(file))


@contextlib.contextmanager
def alone_with(folder: Path | None) -> Iterator[History]:
    """Yield a history, or an empty one, that no other process changes meanwhile.

    Raises BundleError as `read_history`, OutputError if another process is at it.
    """
    if folder is None:
        yield History(None, None)
        return
    target = folder.absolute()
    lock = target.with_name(f".{target.name}.lock")
    target.parent.mkdir(parents=True, exist_ok=True)
    with locked(lock, busy=f"{folder}: another process changes it; wait until that has ended"):
        try:
            yield read_history(folder)
        finally:
            lock.unlink()


def _bring_back(folder: Path) -> None:
    """Undo what a process left that was killed while one folder took the place of the other."""
    if not folder.exists():
        for old in folder.absolute().parent.glob(f".{folder.name}.*.old"):
            old.rename(folder)
            return


def begun(
    keys: SegmentKeys, segments: pl.DataFrame, *, run: str, window: Window
) -> tuple[Refreshes, pl.DataFrame]:
    """Return the history of a first run; `segments` has ``user_id, segment_key``."""
    first = Refreshed(
        run=run,
        start=window.start,
        end=window.end,
        utc_offset_hours=window.utc_offset_hours,
        choice=None,
        keys=keys.keys,
    )
    membership = segments.filter(pl.col("segment_key").is_not_null()).select(
        "user_id",
        "segment_key",
        _moment(window.end).alias("valid_from"),
        pl.lit(None, dtype=_MOMENT).alias("valid_to"),
        pl.lit("new").alias("reason"),
    )
    refreshes = Refreshes(segmentation=keys.segmentation, membership_sha256="", runs=(first,))
    return refreshes, _sorted(membership)


def carried_on(membership: pl.DataFrame, now: pl.DataFrame, *, window: Window) -> pl.DataFrame:
    """Return the membership after another window.

    `now` has ``user_id, segment_key, kept_key``: where the user is by the model that is used from
    now on, and where the user would be by the earlier one. A user who would have left a segment by
    the earlier model moved; where only the new model says so, the model changed.

    >>> from segmentry.schema import Window
    >>> keys = SegmentKeys(segmentation="s", keys=("kaaa", "kbbb"))
    >>> may, june = Window(start=0, end=86400), Window(start=86400, end=2 * 86400)
    >>> first = pl.DataFrame({"user_id": [1, 2, 3], "segment_key": ["kaaa", "kaaa", "kbbb"]})
    >>> _, membership = begun(keys, first, run="may", window=may)
    >>> now = pl.DataFrame({"user_id": [1, 2, 4], "segment_key": ["kbbb", "kccc", "kbbb"],
    ...                     "kept_key": ["kbbb", "kaaa", "kbbb"]})
    >>> carried_on(membership, now, window=june).filter(pl.col("valid_to").is_null()).select(
    ...     "user_id", "segment_key", "reason").rows()
    [(1, 'kbbb', 'moved'), (2, 'kccc', 'model changed'), (3, None, 'absent'), (4, 'kbbb', 'new')]
    """
    at = _moment(window.end)
    is_open = pl.col("valid_to").is_null()
    seen = now.filter(pl.col("segment_key").is_not_null())
    last = membership.filter(is_open).select("user_id", then="segment_key")
    both = last.join(seen, on="user_id", how="full", coalesce=True)
    then, key, kept = (pl.col(name) for name in ("then", "segment_key", "kept_key"))
    changed = both.filter(~then.eq_missing(key)).select(
        "user_id",
        "segment_key",
        at.alias("valid_from"),
        pl.lit(None, dtype=_MOMENT).alias("valid_to"),
        pl.when(key.is_null())
        .then(pl.lit("absent"))
        .when(then.is_null())
        .then(pl.lit("new"))
        .when(kept.eq_missing(then))
        .then(pl.lit("model changed"))
        .otherwise(pl.lit("moved"))
        .alias("reason"),
    )
    ended = membership.with_columns(
        pl.when(is_open & pl.col("user_id").is_in(changed["user_id"].implode()))
        .then(at)
        .otherwise("valid_to")
        .alias("valid_to")
    )
    return _sorted(pl.concat([ended, changed]))


def _moment(seconds: int) -> pl.Expr:
    return pl.lit(dt.datetime.fromtimestamp(seconds, tz=dt.UTC), dtype=_MOMENT)


def _sorted(membership: pl.DataFrame) -> pl.DataFrame:
    return membership.sort("user_id", "valid_from")


def members_at(folder: Path | str, at: dt.datetime | dt.date) -> pl.DataFrame:
    """Return who was in which segment at a moment: ``user_id, segment_key``, by ``user_id``.

    Parameters
    ----------
    folder : Path or str
        A history of ``segmentry refresh --history``.
    at : datetime or date
        Without a time zone it is UTC; a date is its first moment.

    Raises
    ------
    BundleError
        If the history cannot be read.
    """
    moment = at if isinstance(at, dt.datetime) else dt.datetime.combine(at, dt.time())
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=dt.UTC)
    membership = read_history(Path(folder)).membership
    if membership is None:
        raise BundleError(f"{folder}: no history; expected a folder of segmentry refresh --history")
    when = pl.lit(moment.astimezone(dt.UTC), dtype=_MOMENT)
    ends = pl.col("valid_to")
    return membership.filter(
        (pl.col("valid_from") <= when)
        & (ends.is_null() | (when < ends))
        & pl.col("segment_key").is_not_null()
    ).select("user_id", "segment_key")


def forget_members(folder: Path, users: Iterable[str | int]) -> int:
    """Erase users from a history; return how many of them it knew.

    Raises BundleError if it cannot be read, OutputError if it cannot be written.
    """
    with alone_with(folder) as history:
        if history.refreshes is None or history.membership is None:
            return 0
        ids = pl.Series(sorted({str(each) for each in users}), dtype=pl.String)
        is_one = pl.col("user_id").cast(pl.String).is_in(ids.implode())
        known = history.membership.filter(is_one)["user_id"].n_unique()
        with written_history(folder, history.refreshes, history.membership.filter(~is_one)) as put:
            put()
        return known


@contextlib.contextmanager
def written_history(
    folder: Path, refreshes: Refreshes, membership: pl.DataFrame
) -> Iterator["_Put"]:
    """Write a history next to its folder; what is yielded puts it in place of the one before.

    Whatever goes wrong, the folder is as it was.

    Raises OutputError if it cannot be written.
    """
    target = folder.absolute()
    staging = target.parent / f".{target.name}.{secrets.token_hex(4)}.partial"
    try:
        with claimed(staging, leftovers=f".{target.name}.*.partial"):
            file = staging / MEMBERSHIP_FILE
            membership.write_parquet(file)
            digest = hashlib.sha256(file.read_bytes()).hexdigest()
            _CODEC.write(replace(refreshes, membership_sha256=digest), staging / REFRESHES_FILE)
            yield _Put(staging, target)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(
            f"{folder}: cannot be written: {reason}; choose another --history"
        ) from error


@dataclass(frozen=True, slots=True)
class _Put:
    staging: Path
    target: Path

    def __call__(self) -> None:
        (self.staging / LOCK).unlink()
        put_in_place(self.staging, self.target)
