"""What ``run``, ``demo`` and ``report`` do."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from segmentry import pipeline
from segmentry.cli import _console
from segmentry.errors import OutputError
from segmentry.results.run_folder import check_target


def run(
    data_dir: Path | None,
    out: Path,
    *,
    mapping: Path | None,
    from_run: Path | None,
    names: Path | None = None,
    config: Path | None,
    overwrite: bool,
    is_json: bool,
    options: Mapping[str, Any],
) -> None:
    """Segment and print what was found."""
    with _console.told_progress() as progress:
        result = pipeline.run(
            data_dir,
            out,
            mapping=mapping,
            from_run=from_run,
            names=names,
            config=config,
            overwrite=overwrite,
            progress=progress,
            **options,
        )
    summary = result.summary
    if is_json:
        _console.print_json(
            {
                "run_dir": str(out),
                "headline": summary.headline,
                "n_segments": len(summary.segments),
                "warnings": summary.warnings,
                "insights": () if summary.decisions is None else summary.decisions.insights,
                "accounts": summary.data.accounts,
                "segments": [
                    {
                        "segment_id": segment.segment_id,
                        "name": segment.name,
                        "n_users": segment.n_users,
                        "share": segment.share,
                        "verdict": segment.verdict,
                        "forecast_ctr": segment.forecast_ctr,
                        "ctr_seen": segment.ctr_seen,
                        "ctr_outcome": segment.ctr_outcome,
                    }
                    for segment in summary.segments
                ],
            }
        )
        return
    _console.print_accounts(summary.data.accounts, summary.traits)
    typer.echo()
    _console.print_summary(summary)
    typer.echo(f"\nReport: {out / 'report.html'}")


def demo(out: Path, *, n_users: int, seed: int, is_json: bool) -> None:
    """Generate data, unless the same are there, and segment them."""
    from segmentry.datasets import GeneratorOptions, generate_taobao

    run_dir = out / "run"
    check_target(run_dir, overwrite=True)
    data_dir = out / "data"
    if data_dir.exists() and not (data_dir / "planted_truth.parquet").is_file():
        raise OutputError(f"{data_dir}: exists and holds no generated data; choose another --out")
    data = generate_taobao(data_dir, GeneratorOptions(n_users=n_users, seed=seed))
    if not is_json:
        typer.echo(
            f"Generated {data.n_impressions:,} impressions of {data.n_users:,} users in {data_dir}"
        )
    run(
        data_dir,
        run_dir,
        mapping=None,
        from_run=None,
        config=None,
        overwrite=True,
        is_json=is_json,
        options={"seed": seed},
    )


def report(run_dir: Path, *, names: Path | None) -> None:
    """Draw figures and page again."""
    pipeline.rewrite_report(run_dir, names=names)
    typer.echo(f"Report: {run_dir / 'report.html'}")
