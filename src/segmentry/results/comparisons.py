"""The comparison of a run folder: written whole, read back."""

import dataclasses
import json
from pathlib import Path

import polars as pl

from segmentry.errors import BundleError
from segmentry.evaluation.algorithms import AlgorithmComparison, MethodResult
from segmentry.runtime.whole_files import written_whole

__all__ = ["COMPARISON_FILE", "comparison_table", "read_comparison", "write_comparison"]

COMPARISON_FILE = "comparison.json"


def write_comparison(run_dir: Path, comparison: AlgorithmComparison) -> None:
    """Write ``comparison.json`` and ``comparison.parquet`` into a run folder."""
    text = json.dumps(dataclasses.asdict(comparison), indent=1, ensure_ascii=False, allow_nan=False)
    with written_whole(run_dir / COMPARISON_FILE) as partial:
        partial.write_text(text + "\n", encoding="utf-8")
    with written_whole(run_dir / "comparison.parquet") as partial:
        comparison_table(comparison).write_parquet(partial)


def read_comparison(run_dir: Path) -> AlgorithmComparison | None:
    """Read it back; null where algorithms were not compared.

    Raises
    ------
    BundleError
        If the file cannot be read.
    """
    from pydantic import TypeAdapter, ValidationError

    path = run_dir / COMPARISON_FILE
    if not path.is_file():
        return None
    try:
        return TypeAdapter(AlgorithmComparison).validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise BundleError(
            f"{path}: not a comparison of this version; run segmentry compare-algorithms again"
        ) from error


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
