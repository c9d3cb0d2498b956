"""What ``export`` does."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from segmentry.activate.audience import TARGETS, export_audience
from segmentry.cli import _console
from segmentry.cli._numbers import parse_ids, parse_share
from segmentry.present.exports import export_excel, export_powerbi


def audience(
    run_dir: Path,
    out: Path,
    *,
    segments: str,
    to: str,
    hold_out: str,
    is_json: bool,
    options: Mapping[str, Any],
) -> None:
    """Write an audience and print who is in it and who was left out."""
    target = next((each for each in TARGETS if each == to), to)
    result = export_audience(
        run_dir,
        out,
        segment_ids=parse_ids(segments, option="--segment"),
        to=target,  # type: ignore[arg-type]  # checked where it is used
        hold_out=parse_share(hold_out, option="--hold-out"),
        **options,
    )
    if is_json:
        _console.print_json(result)
        return
    told = ", ".join(map(str, result.segment_ids))
    typer.echo(f"Segment {told}: {result.n_users:,} users")
    if result.n_held_out:
        typer.echo(
            f"  {result.n_held_out:,} held out, to compare with later (salt {result.salt!r})"
        )
    if result.n_without_contact:
        typer.echo(f"  {result.n_without_contact:,} without a usable contact of their own")
    what = "hashed contacts" if to in ("google", "meta") else "users"
    typer.echo(f"  {result.n_written:,} {what} in {result.out}")


def powerbi(run_dir: Path, out: Path, *, overwrite: bool, is_json: bool) -> None:
    """Write a Power BI project and print what is in it and what to do next."""
    result = export_powerbi(run_dir, out, overwrite=overwrite)
    if is_json:
        _console.print_json(result)
        return
    for name, n_rows in result.n_rows.items():
        typer.echo(f"  {name}: {n_rows:,} rows")
    typer.echo(f"Open {result.project} and set the parameter DataFolder to {out / 'data'}")


def excel(run_dir: Path, out: Path, *, overwrite: bool, is_json: bool) -> None:
    """Write a workbook and print what is in it."""
    rows = export_excel(run_dir, out, overwrite=overwrite)
    if is_json:
        _console.print_json({"out": out, "n_rows": rows})
        return
    for name, n_rows in rows.items():
        typer.echo(f"  {name}: {n_rows:,} rows")
    typer.echo(f"Workbook: {out}")
