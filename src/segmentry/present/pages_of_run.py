"""Figures and page of a run folder, and the names in them."""

from pathlib import Path
from typing import TYPE_CHECKING

from segmentry.evaluation.algorithms import AlgorithmComparison
from segmentry.results.comparisons import read_comparison
from segmentry.results.elsewhere import takes_places
from segmentry.results.names import (
    NAMES_FILE,
    checked_name,
    read_names,
    with_names,
    write_renamed,
)
from segmentry.results.run_folder import alone_in, staged_inside
from segmentry.results.summary import Summary, read_summary

if TYPE_CHECKING:
    from segmentry.present.figures import Draw

_PNG_SCALE = 2.0
"""Pixels per unit: sharp on a screen of many pixels."""


def write_report(
    summary: Summary,
    directory: Path,
    *,
    comparison: AlgorithmComparison | None = None,
    png_scale: float | None = None,
    draw: "Draw | None" = None,
) -> None:
    """Write ``figures/`` and ``report.html`` into a folder, as `write_figures` takes the others."""
    from segmentry.present.figures import write_figures
    from segmentry.present.report import render_report

    figures = write_figures(summary, directory / "figures", png_scale=png_scale, draw=draw)
    page = render_report(summary, figures=figures, comparison=comparison)
    (directory / "report.html").write_text(page, encoding="utf-8")


@takes_places(runs=("run_dir",), files=("names",))
def rewrite_report(run_dir: Path, *, names: Path | None = None, is_png: bool = False) -> None:
    """Draw figures and page of a run again, from its summary; the old ones stay if that fails.

    With `is_png` there is a PNG of each figure too; without, those of an earlier call go.

    Segments take the names in `names`, else those in the run's ``names.toml``: where they differ
    from the summary's, everything in the run folder that holds names is written again.

    Raises
    ------
    BundleError
        If the summary cannot be read.
    ConfigError
        If the names cannot be used.
    OutputError
        If the run folder cannot be written.
    """
    with alone_in(run_dir):
        summary = read_summary(run_dir)
        file = names if names is not None else run_dir / NAMES_FILE
        renamed = summary
        if names is not None or file.is_file():
            renamed = with_names(summary, read_names(file), source=str(file))
        with staged_inside(run_dir) as staging:
            if renamed != summary or names is not None:
                write_renamed(run_dir, renamed, staging)
            write_report(
                renamed,
                staging,
                comparison=read_comparison(run_dir),
                png_scale=_PNG_SCALE if is_png else None,
            )


def redraw_report(run_dir: Path) -> None:
    """Draw figures and page of a run again, from its summary; nothing else is written.

    Where there are figures as PNG, they are drawn again too.

    Raises
    ------
    BundleError
        If the summary cannot be read.
    OutputError
        If the run folder cannot be written.
    """
    drawn = None
    # Somebody else may rename a segment while this draws.
    while drawn != (summary := read_summary(run_dir)):
        with staged_inside(run_dir) as staging:
            has_png = any((run_dir / "figures").glob("*.png"))
            write_report(
                summary,
                staging,
                comparison=read_comparison(run_dir),
                png_scale=_PNG_SCALE if has_png else None,
            )
        drawn = summary


def rename_segment(run_dir: Path, segment_id: int, name: str) -> None:
    """Give a segment of a run another name and keep it, as ``names.toml`` would.

    Everything that holds names is written but figures and report, which take seconds:
    `redraw_report`.

    Raises
    ------
    BundleError
        If the run cannot be read.
    ConfigError
        If the name is empty, too long or that of another segment, or the number is unknown.
    OutputError
        If the run folder cannot be written.
    """
    with alone_in(run_dir):
        summary = read_summary(run_dir)
        names = {segment_id: checked_name(name, source=f"segment {segment_id}")}
        renamed = with_names(summary, names, source=run_dir.name)
        with staged_inside(run_dir) as staging:
            write_renamed(run_dir, renamed, staging)
