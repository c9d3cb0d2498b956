"""What is written of a run as soon as its segments have names, while the rest is worked out."""

import contextlib
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from segmentry.evaluation.later_days import Validation
from segmentry.features.users import UserData
from segmentry.pipeline._summarise import Named
from segmentry.results.run_folder import FileFingerprint, Fingerprinting
from segmentry.results.scoring import keys_of, segments_table
from segmentry.runtime.clock import StepClock
from segmentry.runtime.preload import FOR_DRAWING, preloading
from segmentry.segments.forming import Segmentation

if TYPE_CHECKING:
    from segmentry.present.figures import Draw


class Background:
    """Writes the tables of users, starts what draws and hashes the input; leave it to join all.

    Parameters
    ----------
    staging : Path
        The run folder that is made.
    users : UserData
    files : iterable of Path
        The input, to be hashed. Not before: until then all cores are busy.
    clock : StepClock
    name : callable
        From the segments as they are named by rule to those that people named.
    on_segments : callable, optional
        Called with them as soon as they are written.
    """

    def __init__(
        self,
        staging: Path,
        users: UserData,
        files: Iterable[Path],
        clock: StepClock,
        name: Callable[[Segmentation, Named], Named],
        *,
        on_segments: Callable[[Named], None] | None = None,
    ) -> None:
        self._staging, self._users, self._files = staging, users, tuple(files)
        self._clock, self._name, self._on_segments = clock, name, on_segments
        self._named: Named = ()
        self._all = contextlib.ExitStack()
        self._users_written: Future[None] | None = None
        self._fingerprints: Fingerprinting | None = None
        self.draw: Draw | None = None
        self.automatic: dict[int, str] = {}

    def __enter__(self) -> "Background":
        return self

    def __exit__(self, *_: object) -> None:
        self._all.close()

    def start(
        self, segmentation: Segmentation, validation: Validation | None, segments: Named
    ) -> Named:
        """Write who is in which segment, and return the segments by the names that people gave.

        Raises ConfigError if people's names do not fit the segments.
        """
        self._named = named = self._name(segmentation, segments)
        self.automatic = {segment.segment_id: segment.name for segment in segments}
        # Before anything else is begun: it is what everybody waits for.
        self._write_segments(segmentation, validation, named)
        if self._on_segments is not None:
            self._on_segments(named)
        return named

    def go_on(self, segmentation: Segmentation) -> None:
        """Write the users, start what draws and hash the input: the log needs no core any more."""
        pool = self._all.enter_context(ThreadPoolExecutor(1))
        self._users_written = pool.submit(self._write_users, segmentation, self._named)
        self._all.enter_context(preloading(FOR_DRAWING))
        from segmentry.present.figures import drawing

        self.draw = self._all.enter_context(drawing())
        self._fingerprints = self._all.enter_context(Fingerprinting(self._files))

    def _write_segments(
        self, segmentation: Segmentation, validation: Validation | None, named: Named
    ) -> None:
        with self._clock.step("write segments"):
            segments = segments_table(
                self._users.table,
                segmentation.segment_ids,
                segmentation.margins,
                tuple(segment.name for segment in named),
                tuple(segment.segment_key for segment in named),
            )
            if validation is not None:
                early_ids = pl.Series("feature_segment_id", validation.feature_segment_ids)
                segments = segments.with_columns(early_ids)
            segments.write_parquet(self._staging / "segments.parquet")

    def _write_users(self, segmentation: Segmentation, named: Named) -> None:
        with self._clock.step("write users"):
            ids = segmentation.segment_ids
            columns = (
                pl.Series("segment_id", ids),
                keys_of(ids, [each.segment_key for each in named]),
            )
            self._users.table.with_columns(columns).write_parquet(self._staging / "users.parquet")

    def segments(self) -> pl.DataFrame:
        """Wait for the tables of users; read that of ``segments.parquet``, which nobody held."""
        assert self._users_written is not None, "started once"  # noqa: S101  # segments have names
        self._users_written.result()
        return pl.read_parquet(self._staging / "segments.parquet")

    def fingerprints(self) -> tuple[FileFingerprint, ...]:
        """Wait for the hashes of the input."""
        assert self._fingerprints is not None, "started once"  # noqa: S101  # as above
        return self._fingerprints.results()
