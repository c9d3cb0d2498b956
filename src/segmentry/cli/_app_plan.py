"""The commands that make something of a run: plans, tests, audiences."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from segmentry.runtime.seeds import LARGEST_SEED

plan_app = typer.Typer(help="Plan what to do with segments.")
analyse_app = typer.Typer(help="Analyse what came of a plan.")
export_app = typer.Typer(help="Hand segments on to other tools.")

RunDir = Annotated[Path, typer.Argument(help="A run folder.", metavar="RUN_DIR")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")]
Seed = Annotated[
    int, typer.Option(min=0, max=LARGEST_SEED, help="Seed of the halves and the draws.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


@plan_app.callback(invoke_without_command=True)
@analyse_app.callback(invoke_without_command=True)
@export_app.callback(invoke_without_command=True)
def _root(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)


@plan_app.command("budget")
def plan_budget(
    run_dir: RunDir,
    impressions: Annotated[int | None, typer.Option(help="Impressions to divide.")] = None,
    money: Annotated[
        float | None, typer.Option(help="Money to divide, with --cost-per-impression.")
    ] = None,
    cost_per_impression: Annotated[float | None, typer.Option(help="Of one impression.")] = None,
    days: Annotated[
        float | None, typer.Option(help="Time to show them in; as long as the log if absent.")
    ] = None,
    floor: Annotated[
        list[str] | None,
        typer.Option(help="Least share of the budget, as 1=10%; may be repeated."),
    ] = None,
    cap: Annotated[
        list[str] | None,
        typer.Option(help="Largest share of the budget, as 2=50%; may be repeated."),
    ] = None,
    max_change: Annotated[
        float,
        typer.Option(help="Factor by which a segment's part and pace may change at most."),
    ] = 2.0,
    response: Annotated[
        str, typer.Option(help="How clicks follow impressions, assumed: linear or concave.")
    ] = "linear",
    exponent: Annotated[
        float | None, typer.Option(help="Of the concave response, 0 to 1 (0.8).")
    ] = None,
    by: Annotated[
        Literal["clicks", "purchases"],
        typer.Option(help="What impressions are to bring; purchases take a run with behaviours."),
    ] = "clicks",
    attribution: Annotated[
        Literal["view", "click"],
        typer.Option(help="Of purchases: to the last impression, or to the last clicked one."),
    ] = "view",
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Divide a budget among segments; chosen on half of the users, judged by the other half."""
    from segmentry.cli import _plan

    _plan.budget(
        run_dir,
        floors=floor or [],
        caps=cap or [],
        is_json=json,
        options={
            "impressions": impressions,
            "money": money,
            "cost_per_impression": cost_per_impression,
            "days": days,
            "max_change": max_change,
            "response": response,
            "exponent": exponent,
            "by": by,
            "attribution": attribution,
            "seed": seed,
        },
    )


@plan_app.command("test")
def plan_test(
    run_dir: RunDir,
    mde: Annotated[str, typer.Option(help="Smallest relative change to find, as 5%.")],
    metric: Annotated[str, typer.Option(help="What is compared: ctr.")] = "ctr",
    power: Annotated[str, typer.Option(help="Chance to find it.")] = "0.8",
    alpha: Annotated[
        str, typer.Option(help="Chance to find something where there is nothing.")
    ] = "0.05",
    ratio: Annotated[str, typer.Option(help="Control to treatment.")] = "1:1",
    segments: Annotated[
        str | None, typer.Option(help="Segments that take part, as 1,2; all if absent.")
    ] = None,
    max_days: Annotated[int, typer.Option(help="Longest test.")] = 60,
    salt: Annotated[
        str, typer.Option(help="Salt of the assignment; a new one for each test.")
    ] = "test",
    json: Json = False,
) -> None:
    """Say how many users and days a test takes, and assign the users to its arms."""
    from segmentry.cli import _experiment

    _experiment.plan(
        run_dir,
        mde=mde,
        power=power,
        alpha=alpha,
        ratio=ratio,
        segments=segments,
        is_json=json,
        options={"metric": metric, "max_days": max_days, "salt": salt},
    )


@analyse_app.command("test")
def analyse_test(
    run_dir: RunDir,
    results: Annotated[
        Path,
        typer.Option(
            help="CSV or Parquet: user_id, n_impressions, n_clicks; or a log with is_click.",
            metavar="FILE",
        ),
    ],
    assignment: Annotated[
        Path | None,
        typer.Option(help="user_id, segment_id, arm; that of the plan if absent.", metavar="FILE"),
    ] = None,
    alpha: Annotated[str | None, typer.Option(help="As planned if absent.")] = None,
    ratio: Annotated[
        str | None, typer.Option(help="Control to treatment; as planned if absent.")
    ] = None,
    json: Json = False,
) -> None:
    """Compare the arms of a test: difference and lift with intervals, overall and per segment."""
    from segmentry.cli import _experiment

    _experiment.analyse(
        run_dir, results, assignment=assignment, alpha=alpha, ratio=ratio, is_json=json
    )


@export_app.command("powerbi")
def export_powerbi(
    run_dir: RunDir,
    out: Annotated[Path, typer.Option(help="Folder to make.", metavar="FOLDER")],
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Write a star schema and a Power BI project that reads it."""
    from segmentry.cli import _export

    _export.powerbi(run_dir, out, overwrite=overwrite, is_json=json)


@export_app.command("excel")
def export_excel(
    run_dir: RunDir,
    out: Annotated[Path, typer.Option(help="File to write: .xlsx.", metavar="FILE")],
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Write an Excel workbook: one sheet per table, with charts."""
    from segmentry.cli import _export

    _export.excel(run_dir, out, overwrite=overwrite, is_json=json)


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
    min_size: Annotated[
        int | None,
        typer.Option(help="Smallest audience that is written; that of the run if absent."),
    ] = None,
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
