"""The commands that make something of a run: plans, tests, audiences."""

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["export_app"]

export_app = typer.Typer(help="Hand segments on to other tools.")

RunDir = Annotated[Path, typer.Argument(help="A run folder.", metavar="RUN_DIR")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


@export_app.callback(invoke_without_command=True)
def _root(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)


@export_app.command("audience")
def export_audience(
    run_dir: RunDir,
    segment: Annotated[str, typer.Option(help="Segment or segments, as 1 or 1,3.", metavar="IDS")],
    out: Annotated[Path, typer.Option(help="File to write.", metavar="FILE")],
    to: Annotated[str, typer.Option(help="csv, parquet, google or meta.")] = "csv",
    contacts: Annotated[
        Path | None,
        typer.Option(help="CSV or Parquet: user_id, email, phone; for google and meta."),
    ] = None,
    country_code: Annotated[
        str | None, typer.Option(help="Country code of national phone numbers, as 49.")
    ] = None,
    hold_out: Annotated[
        str, typer.Option(help="Share of the users to leave out by hash, as 10%.")
    ] = "0",
    salt: Annotated[
        str, typer.Option(help="Salt of the hash; another one holds others out.")
    ] = "hold-out",
    min_size: Annotated[int, typer.Option(help="Smallest audience that is written.")] = 50,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Write the users of segments as ids, or as hashed contacts for an advertising platform."""
    from segmentry.cli import _export

    _export.audience(
        run_dir,
        out,
        segments=segment,
        to=to,
        hold_out=hold_out,
        is_json=json,
        options={
            "contacts": contacts,
            "country_code": country_code,
            "salt": salt,
            "min_size": min_size,
            "overwrite": overwrite,
        },
    )
