"""Commands that hand segments on: export powerbi, excel, audience and sql."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from segmentry.activate import HOLD_OUT_SALT
from segmentry.cli._options import (
    Json,
    Overwrite,
    RunDir,
    parse_ids,
    parse_names,
    parse_share,
)

if TYPE_CHECKING:
    from segmentry.activate.audience import Audience

Contacts = Annotated[
    Path | None,
    typer.Option(help="CSV or Parquet for the platforms: user_id, email, phone and more."),
]
Country = Annotated[
    str | None,
    typer.Option(help="Country of phone numbers without +: DE, or its dialling code 49."),
]
Value = Annotated[
    str | None,
    typer.Option(help="Column of the contacts with a user's value.", metavar="COLUMN"),
]
Consent = Annotated[
    Path | None, typer.Option(help="CSV or Parquet of user_id and consent, yes or no.")
]
Previous = Annotated[
    Path | None,
    typer.Option(
        help="The list that was exported before: also write what came and went.",
    ),
]


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
    where = _console.shown(out / "data")
    typer.echo(f"Open {_console.shown(result.project)} and set the parameter DataFolder to {where}")


def excel(
    run_dir: RunDir,
    out: Annotated[Path, typer.Option(help="File to write: .xlsx.", metavar="FILE")],
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Write an Excel workbook with charts.

    One sheet per table.
    """
    from segmentry.cli import _console
    from segmentry.present.exports import export_excel

    rows = export_excel(run_dir, out, overwrite=overwrite)
    if json:
        _console.print_json({"out": out, "n_rows": rows})
        return
    for name, n_rows in rows.items():
        typer.echo(f"  {name}: {n_rows:,} rows")
    typer.echo(f"Workbook: {_console.shown(out)}")


def audience(
    run_dir: RunDir,
    segment: Annotated[str, typer.Option(help="Segment or segments, as 1 or 1,3.", metavar="IDS")],
    out: Annotated[
        Path,
        typer.Option(help="File to write; a folder for google-api.", metavar="FILE"),
    ],
    to: Annotated[
        str,
        typer.Option(
            help="csv, parquet, openrtb, google, google-api, meta, tiktok, linkedin or amazon."
        ),
    ] = "csv",
    scores: Annotated[
        Path | None,
        typer.Option(help="Users that score placed, Parquet or a folder of parts.", metavar="FILE"),
    ] = None,
    contacts: Contacts = None,
    country: Country = None,
    value: Value = None,
    consent: Consent = None,
    previous: Previous = None,
    hold_out: Annotated[
        str, typer.Option(help="Share of the users to leave out by hash, as 10%.")
    ] = "0",
    salt: Annotated[
        str, typer.Option(help="Salt of the hash; another one holds others out.")
    ] = HOLD_OUT_SALT,
    min_size: Annotated[
        int | None,
        typer.Option(help="Smallest audience that is written; that of the run if absent."),
    ] = None,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Write the users of segments for a platform.

    As ids, or as hashed contacts.
    """
    from segmentry.activate.audience import export_audience
    from segmentry.cli import _console

    result = export_audience(
        run_dir,
        out,
        segment_ids=parse_ids(segment, option="--segment"),
        to=to,
        scores=scores,
        contacts=contacts,
        country=country,
        value=value,
        consent=consent,
        previous=previous,
        hold_out=parse_share(hold_out, option="--hold-out"),
        salt=salt,
        min_size=min_size,
        overwrite=overwrite,
    )
    if json:
        _console.print_json(result)
        return
    _print_audience(result)


def _print_audience(audience: "Audience") -> None:
    """Say who is in the list, who was left out and why."""
    from segmentry.cli._console import shown

    segments = ", ".join(map(str, audience.segment_ids))
    typer.echo(f"Segment {segments}: {audience.n_users:,} users")
    held_out = f"held out, to compare with later (salt {audience.salt!r})"
    for n_users, why in (
        (audience.n_without_consent, "without consent"),
        (audience.n_held_out, held_out),
        (audience.n_without_contact, "without a valid contact"),
        (audience.n_shared, "share a contact with users who are held out or said no"),
    ):
        if n_users:
            typer.echo(f"  {n_users:,} {why}")
    if audience.n_invalid:
        cells = ", ".join(f"{n:,} {kind}" for kind, n in audience.n_invalid.items())
        typer.echo(f"  not valid, so not hashed: {cells}")
    if 2 * max(audience.n_without_contact, *audience.n_invalid.values(), 0) > audience.n_users:
        typer.echo("  more than half have no valid contact: check --country and the columns")
    if audience.unused:
        typer.echo(f"  not taken by {audience.to}: {', '.join(audience.unused)}")
    typer.echo(f"  {audience.n_written:,} rows in {shown(audience.out)}")
    if audience.n_added is not None:
        typer.echo(
            f"  since the previous list {audience.n_added:,} came, {audience.n_removed:,} went"
        )


def sql(
    run_dir: RunDir,
    dialect: Annotated[
        str,
        typer.Option(
            help="duckdb, postgres, bigquery, snowflake, spark, databricks, redshift, trino, "
            "clickhouse or mysql."
        ),
    ],
    start: Annotated[
        str,
        typer.Option("--from", help="What the query reads: users (a user table) or events."),
    ] = "users",
    timestamps: Annotated[
        bool,
        typer.Option("--timestamps", help="shown_at is a timestamp, not epoch seconds."),
    ] = False,
    rules: Annotated[
        bool, typer.Option("--rules", help="Write the readable rules instead of the model.")
    ] = False,
    table: Annotated[
        list[str] | None,
        typer.Option(help="Name of a table, as users=shop.users.", metavar="ROLE=TABLE"),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(help="Name of a column where it is another.", metavar="OURS=YOURS"),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="File to write; printed if absent.", metavar="FILE"),
    ] = None,
    dbt: Annotated[
        Path | None,
        typer.Option(help="Folder of models: write a dbt model too.", metavar="FOLDER"),
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Write a query that scores users in a database.

    It gives the segments that `score` gives.
    """
    from segmentry.activate.sql.scorer import Requested, export_sql
    from segmentry.cli._console import shown

    requested = Requested(
        dialect=dialect,
        start=start,
        tables=parse_names(table or (), option="--table"),
        columns=parse_names(column or (), option="--column"),
        are_timestamps=timestamps,
    )
    query = export_sql(run_dir, requested, is_of_rules=rules, out=out, dbt=dbt, overwrite=overwrite)
    if out is None and dbt is None:
        typer.echo(query, nl=False)
    else:
        typer.echo(f"Query: {shown(out or dbt or Path())}")
