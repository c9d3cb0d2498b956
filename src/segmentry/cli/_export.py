"""Commands that hand segments on: export powerbi, export excel, export audience."""

from pathlib import Path
from typing import Annotated

import typer

from segmentry.cli._options import Json, Overwrite, RunDir, parse_ids, parse_share


def powerbi(
    run_dir: RunDir,
    out: Annotated[Path, typer.Option(help="Folder to make.", metavar="FOLDER")],
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Write a star schema and a Power BI project that reads it."""
    from segmentry.cli import _console
    from segmentry.present.exports import export_powerbi

    result = export_powerbi(run_dir, out, overwrite=overwrite)
    if json:
        _console.print_json(result)
        return
    for name, n_rows in result.n_rows.items():
        typer.echo(f"  {name}: {n_rows:,} rows")
    typer.echo(f"Open {result.project} and set the parameter DataFolder to {out / 'data'}")


def excel(
    run_dir: RunDir,
    out: Annotated[Path, typer.Option(help="File to write: .xlsx.", metavar="FILE")],
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Write an Excel workbook: one sheet per table, with charts."""
    from segmentry.cli import _console
    from segmentry.present.exports import export_excel

    rows = export_excel(run_dir, out, overwrite=overwrite)
    if json:
        _console.print_json({"out": out, "n_rows": rows})
        return
    for name, n_rows in rows.items():
        typer.echo(f"  {name}: {n_rows:,} rows")
    typer.echo(f"Workbook: {out}")


def audience(
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
    min_size: Annotated[
        int | None,
        typer.Option(help="Smallest audience that is written; that of the run if absent."),
    ] = None,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Write the users of segments as ids, or as hashed contacts for an advertising platform."""
    from segmentry.activate.audience import TARGETS, export_audience
    from segmentry.cli import _console

    target = next((each for each in TARGETS if each == to), to)
    result = export_audience(
        run_dir,
        out,
        segment_ids=parse_ids(segment, option="--segment"),
        to=target,  # type: ignore[arg-type]  # checked where it is used
        hold_out=parse_share(hold_out, option="--hold-out"),
        contacts=contacts,
        country_code=country_code,
        salt=salt,
        min_size=min_size,
        overwrite=overwrite,
    )
    if json:
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
