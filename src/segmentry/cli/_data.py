"""What ``data generate``, ``data prepare`` and ``data check`` do."""

import dataclasses
import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from segmentry import pipeline
from segmentry.cli import _console
from segmentry.datasets import GeneratorOptions, generate_taobao
from segmentry.schema import OF_IMPRESSIONS, Window


def generate(directory: Path, *, is_json: bool, options: Mapping[str, Any]) -> None:
    """Generate and print what was written."""
    given = {name: value for name, value in options.items() if value is not None}
    with _console.told_progress() as progress:
        told = None
        if progress is not None:
            tell = progress  # the name is bound for the closure

            def told(done: int, total: int) -> None:
                tell("generating", done, total)

        data = generate_taobao(directory, GeneratorOptions(**given), progress=told)
    if is_json:
        _console.print_json(dataclasses.asdict(data))
        return
    typer.echo(
        f"{data.n_users:,} users, {data.n_impressions:,} impressions, {data.n_clicks:,} clicks "
        f"(CTR {data.n_clicks / max(1, data.n_impressions):.3%}), {data.n_ads:,} ads in {directory}"
    )
    if data.behaviours is not None:
        typer.echo(
            f"{data.n_behaviours:,} behaviours in {data.behaviours.name}; read them with: "
            f"segmentry run {directory} --with behaviours"
        )
    typer.echo(f"The planted truth is in {data.truth}")


def prepare(
    data_dir: Path | None,
    out: Path,
    *,
    mapping: Path | None,
    overwrite: bool,
    is_json: bool,
    options: Mapping[str, Any],
) -> None:
    """Prepare and print what became of the rows and bytes."""
    with _console.told_progress() as progress:
        made = pipeline.prepare(
            data_dir, out=out, mapping=mapping, overwrite=overwrite, progress=progress, **options
        )
    if is_json:
        _console.print_json(made)
        return
    _console.print_accounts(made.accounts, OF_IMPRESSIONS)
    typer.echo()
    if not made.is_new:
        typer.echo(f"{out}: was prepared from these files before; nothing was to be done")
        return
    typer.echo(
        f"{made.n_bytes_read / 1e6:,.0f} MB became {made.n_bytes / 1e6:,.0f} MB; "
        f"run on them with: segmentry run {out}"
    )


def check(
    data_dir: Path | None, *, mapping: Path | None, is_json: bool, options: Mapping[str, Any]
) -> None:
    """Print the data-quality report."""
    with _console.told_progress() as progress:
        users = pipeline.check_data(data_dir, mapping=mapping, progress=progress, **options)
    table, traits = users.table, users.traits
    n_impressions = int(table["n_impressions"].sum()) if traits.has_log else None
    n_clicks = int(table["n_clicks"].sum()) if traits.has_clicks else None
    if is_json:
        _console.print_json(
            {
                "source": users.source,
                "window": users.window if traits.has_time else None,
                "n_users": table.height,
                "n_impressions": n_impressions,
                "n_clicks": n_clicks,
                "accounts": users.accounts,
                "findings": users.findings,
                "traits": traits,
            }
        )
        return
    _console.print_accounts(users.accounts, traits)
    if users.has_unread_behaviours:
        typer.echo("  behaviours: not read; add --with behaviours")
    typer.echo()
    if traits.has_time:
        typer.echo(
            f"Window: {_moment(users.window, users.window.start)} to "
            f"{_moment(users.window, users.window.end)} ({users.window.n_days:g} days)"
        )
    told = [f"{table.height:,} users"]
    if n_impressions is not None:
        told.append(f"{n_impressions:,} {traits.events}")
    if n_impressions is not None and n_clicks is not None:
        told.append(f"{n_clicks:,} clicks (CTR {n_clicks / max(1, n_impressions):.3%})")
    typer.echo(", ".join(told) + "\n")
    _console.print_findings(users.findings)
    _console.print_absent(traits)


def _moment(window: Window, seconds: int) -> str:
    zone = dt.timezone(dt.timedelta(hours=window.utc_offset_hours))
    return dt.datetime.fromtimestamp(seconds, tz=zone).isoformat(sep=" ", timespec="minutes")
