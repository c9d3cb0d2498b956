"""Tables and pages of a run folder that are views of the summary."""

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from segmentry.describe.number import EVIDENCE_COLUMNS, NO_EVIDENCE, evidence_by_number
from segmentry.describe.profiles import NumericStatistics, SegmentProfile
from segmentry.evaluation.algorithms import AlgorithmComparison
from segmentry.results.comparisons import read_comparison
from segmentry.results.names import NAMES_FILE, read_names, with_names, write_renamed
from segmentry.results.run_folder import staged_inside
from segmentry.results.summary import Summary, read_summary
from segmentry.schema import DataTraits, Estimate

if TYPE_CHECKING:
    from segmentry.present.figures import Draw


_LONG = {
    "segment_id": pl.Int64(),
    "feature": pl.String(),
    "statistic": pl.String(),
    "value": pl.Float64(),
    "low": pl.Float64(),
    "high": pl.Float64(),
}
_OF_EVENTS = ("n_impressions", "impressions_share")
_Row = tuple[int, str, str, float | None, float | None, float | None]


def profiles_table(summary: Summary) -> pl.DataFrame:
    """Return the profiles in long form, the population as segment 0.

    Rows about a level of a feature have the statistic ``share[LEVEL]``, unknown being a level.
    """
    profiles = (summary.population, *summary.segments)
    left_out = _not_there(summary.traits)
    rows = [
        row for profile in profiles for row in _rows_of(profile) if row[1] or row[2] not in left_out
    ]
    return pl.DataFrame(rows, schema=_LONG, orient="row")


def _not_there(traits: DataTraits) -> frozenset[str]:
    """Name the statistics that the data do not allow."""
    of_clicks = {field.name for field in fields(SegmentProfile) if "ctr" in field.name}
    of_clicks |= {"n_clicks", "clicks_share", "forecast_early", "forecast_index", "survival"}
    left_out = set() if traits.has_clicks else of_clicks
    return frozenset(left_out if traits.has_log else {*left_out, *_OF_EVENTS})


def _rows_of(profile: SegmentProfile) -> Iterator[_Row]:
    plain = {
        "n_users": profile.n_users,
        "share": profile.share,
        "n_impressions": profile.n_impressions,
        "n_clicks": profile.n_clicks,
        "impressions_share": profile.impressions_share,
        "clicks_share": profile.clicks_share,
        "ctr_index": profile.ctr_index,
        "mean_silhouette": profile.mean_silhouette,
    }
    for statistic, value in plain.items():
        yield (profile.segment_id, "", statistic, value, None, None)
    estimates = {
        "ctr_seen": profile.ctr_seen,
        "forecast_ctr": profile.forecast_ctr,
        "forecast_index": profile.forecast_index,
        "ctr_early": profile.ctr_early,
        "forecast_early": profile.forecast_early,
        "ctr_outcome": profile.ctr_outcome,
        "survival": profile.survival,
    }
    for statistic, estimate in estimates.items():
        yield _estimated(profile.segment_id, "", statistic, estimate)
    for numeric in profile.numeric:
        yield from _numeric_rows(profile.segment_id, numeric)
    for composition in profile.levels:
        for level in composition.levels:
            told = f"[{level.level if level.level is not None else 'unknown'}]"
            yield (profile.segment_id, composition.feature, f"share{told}", level.share, None, None)
            index = Estimate(value=level.index, low=level.index_low, high=level.index_high)
            yield _estimated(profile.segment_id, composition.feature, f"index{told}", index)
    for test in profile.tests:
        yield (profile.segment_id, test.feature, "p_value", test.p_value, None, None)
        yield (profile.segment_id, test.feature, "q_value", test.q_value, None, None)


def _numeric_rows(segment_id: int, numeric: NumericStatistics) -> Iterator[_Row]:
    plain = {
        "mean": numeric.mean,
        "lower_quartile": numeric.lower_quartile,
        "median": numeric.median,
        "upper_quartile": numeric.upper_quartile,
        "missing_share": numeric.missing_share,
        "index": numeric.index,
        "standing": numeric.standing,
    }
    for statistic, value in plain.items():
        yield (segment_id, numeric.feature, statistic, value, None, None)
    difference = numeric.standardised_difference
    yield _estimated(segment_id, numeric.feature, "standardised_difference", difference)


def _estimated(segment_id: int, feature: str, statistic: str, estimate: Estimate) -> _Row:
    return (segment_id, feature, statistic, estimate.value, estimate.low, estimate.high)


def selection_table(summary: Summary) -> pl.DataFrame:
    """Return one row per candidate, with all evidence on its number of segments."""
    evidence = evidence_by_number(summary.evidence)
    rows = [
        {
            "algorithm": each.algorithm,
            "n_segments": each.n_segments,
            "inertia": each.inertia,
            "silhouette": each.silhouette.value,
            "silhouette_low": each.silhouette.low,
            "silhouette_high": each.silhouette.high,
            "squared_silhouette": each.squared_silhouette,
            "calinski_harabasz": each.calinski_harabasz,
            "davies_bouldin": each.davies_bouldin,
            "smallest_share": each.smallest_share,
            "is_selected": each.is_selected,
            "is_knee": each.is_knee,
            "reason": each.reason,
            **evidence.get(each.n_segments, NO_EVIDENCE),
        }
        for each in summary.selection.candidates
    ]
    return pl.DataFrame(rows, schema_overrides=dict(EVIDENCE_COLUMNS))


def write_report(
    summary: Summary,
    directory: Path,
    *,
    comparison: AlgorithmComparison | None = None,
    draw: "Draw | None" = None,
) -> None:
    """Write ``figures/`` and ``report.html`` into a folder; `draw` as for `write_figures`."""
    from segmentry.present.figures import write_figures
    from segmentry.present.report import render_report

    figures = write_figures(summary, directory / "figures", draw=draw)
    page = render_report(summary, figures=figures, comparison=comparison)
    (directory / "report.html").write_text(page, encoding="utf-8")


def rewrite_report(run_dir: Path, *, names: Path | None = None) -> None:
    """Draw figures and page of a run again, from its summary; the old ones stay if that fails.

    Segments take the names in `names`, else those in the run's ``names.toml``: where they differ
    from the summary's, everything in the run folder that holds names is written anew.

    Raises
    ------
    BundleError
        If the summary cannot be read.
    ConfigError
        If the names cannot be used.
    OutputError
        If the run folder cannot be written.
    """
    summary = read_summary(run_dir)
    file = names if names is not None else run_dir / NAMES_FILE
    renamed = summary
    if names is not None or file.is_file():
        renamed = with_names(summary, read_names(file), source=str(file))
    with staged_inside(run_dir) as staging:
        if renamed != summary or names is not None:
            write_renamed(run_dir, renamed, staging)
        write_report(renamed, staging, comparison=read_comparison(run_dir))


def rename_segment(run_dir: Path, segment_id: int, name: str) -> None:
    """Give a segment of a run another name and keep it, as ``names.toml`` would.

    Raises
    ------
    BundleError
        If the run cannot be read.
    ConfigError
        If the name is empty, too long or that of another segment, or there is no such segment.
    OutputError
        If the run folder cannot be written.
    """
    import json
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / NAMES_FILE
        quoted = json.dumps(name, ensure_ascii=False)
        file.write_text(f"[names]\n{segment_id} = {quoted}\n", encoding="utf-8")
        rewrite_report(run_dir, names=file)
