"""The model that is served, and how another one takes its place."""

import hashlib
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import polars as pl

from segmentry.describe.profiles import SegmentProfile
from segmentry.errors import SegmentryError
from segmentry.results.run_folder import read_bundle, read_schema, read_segments
from segmentry.results.scoring import Bundle
from segmentry.results.summary import Summary, read_summary
from segmentry.schema import UNASSIGNED, Window
from segmentry.serve._fields import EventLists, Listed, event_lists, users_list, why_no_events

_SECONDS_BETWEEN_LOOKS = 0.5
_FILES = ("manifest.json", "summary.json", "model/bundle.json", "segments.parquet")
_N_TRIES = 3


class Scores(NamedTuple):
    """Where users belong, as columns."""

    segment_ids: Sequence[int]
    margins: Sequence[float | None]
    unseen: Mapping[str, int]


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """All of a run that the service answers from; never changed, only replaced as a whole."""

    bundle: Bundle
    summary: Summary
    of_users: Listed
    """What a body of users with raw features holds."""
    of_events: EventLists | None
    """What a body of raw events holds; None where the features do not follow of them."""
    has_text_ids: bool
    users: pl.DataFrame | None
    """Who is in which segment; None where nobody may ask."""
    version: str
    """The beginning of the SHA-256 of the saved model."""
    loaded_at: float

    def place(self, table: pl.DataFrame, window: Window | None = None) -> Scores:
        """Put users into segments, as `score` does; the features are of the model's own window.

        Raises DataError if a value is too far off to be placed.
        """
        frozen = self.bundle.frozen
        if window is not None:
            frozen = frozen.in_windows(window, None)
        ids, margins = frozen.place(table)
        unseen: Mapping[str, int] = {}
        if any(field.kind == "level" for field in self.of_users.fields):
            unseen = self.bundle.preprocessing.unseen_levels(table.filter(ids != UNASSIGNED))
        found = [None if margin != margin else margin for margin in margins.tolist()]  # noqa: PLR0124
        return Scores(ids.tolist(), found, unseen)

    def segment(self, key: str) -> SegmentProfile | None:
        """Return the segment of a key, or of an id."""
        for each in self.summary.segments:
            if key in (str(each.segment_id), key_of(each)):
                return each
        return None


def key_of(segment: SegmentProfile) -> str:
    """Return the key that a segment keeps over runs; its id in runs without keys."""
    return str(getattr(segment, "segment_key", None) or segment.segment_id)


def read_model(run_dir: Path, *, has_users: bool) -> Model:
    """Read all that is served of a run.

    Raises BundleError if a file cannot be read.
    """
    bundle, summary = read_bundle(run_dir), read_summary(run_dir)
    users = read_segments(run_dir) if has_users else None
    has_text_ids = not read_schema(run_dir, "segments.parquet")["user_id"].is_integer()
    types = read_schema(run_dir, "users.parquet")
    return Model(
        bundle=bundle,
        summary=summary,
        of_users=users_list(bundle, has_text_ids=has_text_ids),
        of_events=None
        if why_no_events(bundle)
        else event_lists(bundle, summary.traits, types, has_text_ids=has_text_ids),
        has_text_ids=has_text_ids,
        users=users,
        version=hashlib.sha256((run_dir / "model" / "bundle.json").read_bytes()).hexdigest()[:12],
        loaded_at=time.time(),
    )


class LiveRun:
    """A run folder whose model is read again when the folder, or a file of it, is replaced.

    What is being answered keeps the model it began with. A folder that cannot be read, or that is
    replaced just then, leaves the model as it is; `problem` says why.
    """

    def __init__(self, run_dir: Path, *, has_users: bool) -> None:
        self._run_dir, self._has_users = run_dir, has_users
        self._stamp = _stamp_of(run_dir)
        self.model = read_model(run_dir, has_users=has_users)
        self.problem = ""
        self.n_swaps = 0
        self._is_over = threading.Event()
        self._watching = threading.Thread(target=self._watch, name="run folder", daemon=True)

    def __enter__(self) -> "LiveRun":
        self._watching.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._watching.join()

    def look(self) -> None:
        """Take over what has changed, whole or not at all."""
        for _ in range(_N_TRIES):
            stamp = _stamp_of(self._run_dir)
            if stamp == self._stamp:
                return
            try:
                model = read_model(self._run_dir, has_users=self._has_users)
            except (SegmentryError, OSError) as error:
                self.problem = " ".join(str(error).split())
                return
            if stamp == _stamp_of(self._run_dir):  # else it was replaced while it was read
                self._stamp, self.model, self.problem = stamp, model, ""
                self.n_swaps += 1
                return

    def _watch(self) -> None:
        while not self._is_over.wait(_SECONDS_BETWEEN_LOOKS):
            self.look()


def _stamp_of(run_dir: Path) -> tuple[tuple[int, int, int], ...]:
    """Return what differs where a file was replaced: inode, time and size."""
    found = []
    for name in _FILES:
        try:
            status = (run_dir / name).stat()
        except OSError:
            found.append((0, 0, 0))
        else:
            found.append((status.st_ino, status.st_mtime_ns, status.st_size))
    return tuple(found)
