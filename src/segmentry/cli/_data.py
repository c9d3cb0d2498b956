"""Commands on data: data generate, data prepare, data add, data forget, data check."""

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from segmentry import pipeline
from segmentry.cli._options import (
    READING,
    DataDir,
    Json,
    Mapping,
    Overwrite,
    seed_option,
    takes_settings,
)
from segmentry.errors import ConfigError

if TYPE_CHECKING:
    from segmentry.datasets import GeneratorOptions
    from segmentry.schema import Window


def generate(
    directory: Annotated[Path, typer.Argument(help="Folder to make.", metavar="DIR")],
    users: Annotated[int, typer.Option(help="Users of the log.")] = 20_000,
    seed: Annotated[int, seed_option("Seed.")] = 0,
    null: Annotated[bool, typer.Option("--null", help="Every user has the same true CTR.")] = False,
    behaviours: Annotated[
        bool, typer.Option("--behaviours", help="Write the behaviour log too.")
    ] = False,
    behaviours_per_user: Annotated[
        float | None, typer.Option(help="Rows of the behaviour log per user.")
    ] = None,
    fatigue: Annotated[
        float, typer.Option(help="How fast the true CTR falls with exposure.")
    ] = 0.0,
    drift: Annotated[
        float, typer.Option(help="Day-to-day spread of the level, on the logit scale.")
    ] = 0.0,
    tastes: Annotated[float, typer.Option(help="Strength of planted category tastes.")] = 0.0,
    reaction: Annotated[
        float, typer.Option(help="How much sooner the next ad comes after a click, 0 to 0.95.")
    ] = 0.0,
    months: Annotated[
        int | None,
        typer.Option(help="Write one folder per month, in which users join, leave and change."),
    ] = None,
    life: Annotated[
        bool, typer.Option(help="Plant changes between the months; without, only luck differs.")
    ] = True,
    json: Json = False,
) -> None:
    """Write files in the shape of the Taobao data.

    A file of its own holds the true click rates.
    """
    from segmentry.datasets import GeneratorOptions

    rows = {} if behaviours_per_user is None else {"behaviour_rows_per_user": behaviours_per_user}
    options = GeneratorOptions(
        n_users=users,
        seed=seed,
        null=null,
        behaviours=behaviours,
        fatigue=fatigue,
        drift=drift,
        tastes=tastes,
        reaction=reaction,
        **rows,
    )
    if months is not None:
        _generate_months(directory, options, n_months=months, has_life=life, json=json)
    elif not life:
        raise ConfigError("life: found False without months, expected months; add --months 12")
    else:
        _generate_log(directory, options, json=json)


def _generate_log(directory: Path, options: "GeneratorOptions", *, json: bool) -> None:
    from segmentry.cli import _console
    from segmentry.datasets import generate_taobao
    from segmentry.formats import rate
    from segmentry.runtime.progress import step_reporter

    with _console.shown_progress() as progress:
        data = generate_taobao(directory, options, progress=step_reporter(progress, "generating"))
    if json:
        _console.print_json(data)
        return
    typer.echo(
        f"{data.n_users:,} users, {data.n_impressions:,} impressions, {data.n_clicks:,} clicks "
        f"(CTR {rate(data.n_clicks / max(1, data.n_impressions))}), {data.n_ads:,} ads in "
        f"{_console.shown(directory)}"
    )
    if data.behaviours is not None:
        typer.echo(
            f"{data.n_behaviours:,} behaviours in {data.behaviours.name}; read them with: "
            f"segmentry run {_console.shown(directory)} --with behaviours"
        )
    typer.echo(f"The planted truth is in {_console.shown(data.truth)}")


def _generate_months(
    directory: Path, options: "GeneratorOptions", *, n_months: int, has_life: bool, json: bool
) -> None:
    from segmentry.cli import _console
    from segmentry.datasets import generate_months
    from segmentry.formats import rate
    from segmentry.runtime.progress import step_reporter

    with _console.shown_progress() as progress:
        made = generate_months(
            directory,
            options,
            n_months=n_months,
            has_life=has_life,
            progress=step_reporter(progress, "generating"),
        )
    if json:
        _console.print_json(made)
        return
    for month in made.months:
        typer.echo(
            f"{_console.shown(month.directory)}: {month.n_users:,} users, "
            f"{month.n_impressions:,} impressions, "
            f"CTR {rate(month.n_clicks / max(1, month.n_impressions))}"
        )
    typer.echo(f"What was planted is in {_console.shown(made.truth)} and {made.spells.name}")


@takes_settings("engine", "master", "spark_conf", "memory", "duplicates")
def prepare(
    data_dir: DataDir = None,
    mapping: Mapping = None,
    out: Annotated[Path, typer.Option(help="Prepared folder to make.", metavar="DIR")] = Path(
        "prepared"
    ),
    overwrite: Overwrite = False,
    json: Json = False,
    **settings: Any,
) -> None:
    """Turn the files once into compact Parquet.

    Run, score and check read it much faster.

    Interrupted, it goes on where it stopped when it is called again; files that have changed
    meanwhile are noticed by their content.
    """
    from segmentry.cli import _console
    from segmentry.schema import OF_IMPRESSIONS

    with _console.shown_progress() as progress:
        made = pipeline.prepare(
            data_dir, out=out, mapping=mapping, overwrite=overwrite, progress=progress, **settings
        )
    if json:
        _console.print_json(made)
        return
    _console.print_accounts(made.accounts, OF_IMPRESSIONS)
    typer.echo()
    if not made.is_new:
        typer.echo(
            f"{_console.shown(out)}: was prepared from these files before; nothing was to be done"
        )
        return
    typer.echo(
        f"{made.n_bytes_read / 1e6:,.0f} MB became {made.n_bytes / 1e6:,.0f} MB; "
        f"run on them with: segmentry run {_console.shown(out)}"
    )


Prepared = Annotated[
    Path,
    typer.Argument(help="Folder of segmentry data prepare.", metavar="PREPARED"),
]


@takes_settings("memory")
def add(
    prepared: Prepared,
    files: Annotated[
        list[Path], typer.Argument(help="Files with new days or late rows.", metavar="FILES...")
    ],
    json: Json = False,
    **settings: Any,
) -> None:
    """Add new days or late rows to prepared data.

    Each block of a file is added once. The table of each file is found by its columns. If anything
    goes wrong, the data are as they were.
    """
    from segmentry.cli import _console
    from segmentry.schema import OF_IMPRESSIONS

    with _console.shown_progress() as progress:
        accounts = pipeline.add_data(prepared, files, progress=progress, **settings)
    if json:
        _console.print_json({"added": accounts})
        return
    _console.print_accounts(accounts, OF_IMPRESSIONS)
    name = _console.shown(prepared)
    typer.echo(f"\nAdded to {name}; run on it with: segmentry run {name}")


@takes_settings("memory")
def forget(
    prepared: Prepared,
    users: Annotated[
        Path, typer.Option(help="CSV or Parquet file with a column user_id.", metavar="FILE")
    ],
    history: Annotated[
        Path | None,
        typer.Option(help="Erase them from this history of refresh too.", metavar="DIR"),
    ] = None,
    json: Json = False,
    **settings: Any,
) -> None:
    """Erase users from prepared data.

    From the logs, the profiles and all that was counted.
    """
    from segmentry.cli import _console
    from segmentry.schema import OF_IMPRESSIONS

    with _console.shown_progress() as progress:
        accounts = pipeline.forget_data(
            prepared, users, history=history, progress=progress, **settings
        )
    if json:
        _console.print_json({"tables": accounts})
        return
    _console.print_accounts(accounts, OF_IMPRESSIONS)
    typer.echo(
        f"\nErased from {_console.shown(prepared)}; the files that it was prepared from, and runs "
        "made before, still hold these users"
    )


@takes_settings("with_", *READING)
def check(
    data_dir: DataDir = None, mapping: Mapping = None, json: Json = False, **settings: Any
) -> None:
    """Print a data-quality report; nothing is written."""
    from segmentry.cli import _console
    from segmentry.formats import rate

    with _console.shown_progress() as progress:
        users = pipeline.check_data(data_dir, mapping=mapping, progress=progress, **settings)
    table, traits = users.table, users.traits
    n_impressions = int(table["n_impressions"].sum()) if traits.has_log else None
    n_clicks = int(table["n_clicks"].sum()) if traits.has_clicks else None
    if json:
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
    step_reporter = [f"{table.height:,} users"]
    if n_impressions is not None:
        step_reporter.append(f"{n_impressions:,} {traits.events}")
    if n_impressions is not None and n_clicks is not None:
        step_reporter.append(f"{n_clicks:,} clicks (CTR {rate(n_clicks / max(1, n_impressions))})")
    typer.echo(", ".join(step_reporter) + "\n")
    _console.print_findings(users.findings)
    _console.print_absent(traits)


def _moment(window: "Window", seconds: int) -> str:
    zone = dt.timezone(dt.timedelta(hours=window.utc_offset_hours))
    return dt.datetime.fromtimestamp(seconds, tz=zone).isoformat(sep=" ", timespec="minutes")
