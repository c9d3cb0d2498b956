"""What ``score`` does."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from segmentry import pipeline
from segmentry.cli import _console


def score(
    run_dir: Path,
    data_dir: Path | None,
    out: Path,
    *,
    mapping: Path | None,
    overwrite: bool,
    is_json: bool,
    options: Mapping[str, Any],
) -> None:
    """Score and print how many users went where."""
    with _console.told_progress() as progress:
        result = pipeline.score(
            run_dir,
            data_dir,
            mapping=mapping,
            out=out,
            overwrite=overwrite,
            progress=progress,
            **options,
        )
    sizes = result.segments.group_by("segment_id", "segment_name").len().sort("segment_id")
    rows = sizes.rows()
    if is_json:
        segments = [
            {"segment_id": segment_id, "name": name, "n_users": n_users}
            for segment_id, name, n_users in rows
        ]
        _console.print_json({"out": str(out), "segments": segments, "notes": result.notes})
        return
    for segment_id, name, n_users in rows:
        typer.echo(f"{segment_id:>3}  {name or 'unassigned':<40} {n_users:>12,} users")
    for note in result.notes:
        typer.echo(f"note {note}")
    typer.echo(f"Scores: {out}")
