"""What ``compare-algorithms`` does."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from segmentry import pipeline
from segmentry.cli import _console
from segmentry.cli._console import OUT
from segmentry.errors import ConfigError
from segmentry.evaluation.algorithms import AlgorithmComparison, MethodResult

_LEAST_WIDTH = 120
_MOST_SIZES = 5


def compare_algorithms(
    folder: Path,
    *,
    out: Path | None,
    algorithms: Sequence[str] | None,
    n_runs: int,
    seed: int,
    is_json: bool,
) -> None:
    """Compare and print a line per algorithm."""
    is_run = (folder / "manifest.json").is_file()
    if is_run and out is not None:
        raise ConfigError("--out makes a run folder of DATA_DIR; leave it out with a run folder")
    if not is_run and out is None:
        raise ConfigError(
            f"{folder}: not a run folder (no manifest.json); to run data first, say where with "
            "--out RUN_DIR"
        )
    with _console.told_progress() as progress:
        if not is_run and out is not None:
            pipeline.run(folder, out, progress=progress, seed=seed)
        comparison = pipeline.compare_algorithms(
            folder if out is None else out,
            algorithms=algorithms,
            n_runs=n_runs,
            seed=seed,
            progress=progress,
        )
    if is_json:
        _console.print_json(comparison)
        return
    wide = Console(highlight=False, soft_wrap=True, width=max(OUT.width, _LEAST_WIDTH))
    wide.print(_table(comparison))
    for each in comparison.results:
        if each.problem:
            OUT.print(f"[yellow]note[/yellow] {escape(each.label)}: {escape(each.problem)}")
    for note in comparison.notes:
        OUT.print(f"[yellow]note[/yellow] {escape(note)}")
    OUT.print(f"\nReport: {(folder if out is None else out) / 'report.html'}")


def _table(comparison: AlgorithmComparison) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("algorithm", no_wrap=True)
    names = ("K", "unassigned", "silhouette", "inner gain", "stability", "agreement", "s", "MB")
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("users of the segments")
    for each in comparison.results:
        table.add_row(*_cells(each), style="bold" if each.is_chosen else None)
    return table


def _cells(each: MethodResult) -> list[str]:
    gain, memory = each.inner_gain.value, each.peak_memory_mb
    sizes = ", ".join(f"{size:,}" for size in each.sizes[:_MOST_SIZES])
    return [
        f"{each.label}{' (chosen)' if each.is_chosen else ''}",
        str(each.n_segments),
        f"{each.n_unassigned:,}",
        _decimal(each.silhouette.value),
        "–" if gain is None else f"{gain * 1000:.2f}",
        _decimal(each.stability),
        _decimal(each.agreement),
        f"{each.seconds:.1f}",
        "–" if memory is None else f"{memory:,.0f}",
        f"{sizes}, …" if len(each.sizes) > _MOST_SIZES else sizes or "–",
    ]


def _decimal(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
