"""The comparison of a run folder: what of the run it takes, written whole, read back."""

from pathlib import Path

import numpy as np
import polars as pl

from segmentry.evaluation.algorithms import AlgorithmComparison, MethodResult, counted_again
from segmentry.features.user_days import UserDays
from segmentry.features.windows import local_days, split_window
from segmentry.results.run_folder import read_early, read_segments, read_user_table
from segmentry.runtime.codec import Codec
from segmentry.runtime.temporary import written_whole
from segmentry.schema import Window
from segmentry.schema.arrays import IntVector

COMPARISON_FILE = "comparison.json"


_CODEC = Codec(
    AlgorithmComparison,
    what="comparison",
    version=1,
    version_key="comparison_version",
    remedy="run segmentry compare-algorithms again",
)


def days_and_table(home: Path, window: Window) -> tuple[UserDays | None, pl.DataFrame]:
    """Return the users by the feature window, with their days; all days where none were kept."""
    early = read_early(home)
    if early is None:
        return None, read_user_table(home)
    table, frame = early
    days = UserDays.from_frame(frame, users=table["user_id"])
    return days, counted_again(table, days, local_days(split_window(window).feature))


def chosen_ids(home: Path) -> IntVector:
    """Return the run's segments of the feature window, of all days where there are no others."""
    segments = read_segments(home)
    early = "feature_segment_id"
    name = early if early in segments.columns else "segment_id"
    return segments[name].fill_null(0).to_numpy().astype(np.int64)


def write_comparison(run_dir: Path, comparison: AlgorithmComparison) -> None:
    """Write ``comparison.json`` and ``comparison.parquet`` into a run folder."""
    _CODEC.write(comparison, run_dir / COMPARISON_FILE)
    with written_whole(run_dir / "comparison.parquet") as partial:
        comparison_table(comparison).write_parquet(partial)


def read_comparison(run_dir: Path) -> AlgorithmComparison | None:
    """Read it back; null where algorithms were not compared.

    Raises BundleError if the file cannot be read.
    """
    path = run_dir / COMPARISON_FILE
    return _CODEC.read(path) if path.is_file() else None


def comparison_table(comparison: AlgorithmComparison) -> pl.DataFrame:
    """Return one row per algorithm."""
    return pl.DataFrame([_row(each) for each in comparison.results], infer_schema_length=None)


def _row(each: MethodResult) -> dict[str, object]:
    return {
        "algorithm": each.name,
        "is_chosen": each.is_chosen,
        "n_segments": each.n_segments,
        "sizes": list(each.sizes),
        "n_unassigned": each.n_unassigned,
        "silhouette": each.silhouette.value,
        "inner_gain": each.inner_gain.value,
        "inner_gain_low": each.inner_gain.low,
        "inner_gain_high": each.inner_gain.high,
        "outcome_gain": each.outcome_gain.value,
        "stability": each.stability,
        "n_runs": each.n_runs,
        "n_failed": each.n_failed,
        "agreement": each.agreement,
        "seconds": each.seconds,
        "peak_memory_mb": each.peak_memory_mb,
        "number_rule": each.number_rule,
        "how": each.how,
        "new_users": each.new_users,
        "problem": each.problem,
    }
