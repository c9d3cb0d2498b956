"""Commands that make and use a run folder: demo, init, run, score, report, card."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from segmentry import pipeline
from segmentry.cli._options import (
    READING,
    DataDir,
    Json,
    Mapping,
    OutFile,
    Overwrite,
    RunDir,
    seed_option,
    takes_settings,
)
from segmentry.errors import OutputError
from segmentry.settings import RunOptions


def demo(
    out: Annotated[Path, typer.Option(help="Folder to make, with data and a run.")] = Path("demo"),
    users: Annotated[int, typer.Option(help="Users to generate.")] = 20_000,
    seed: Annotated[int, seed_option("Seed of the data and the run.")] = 0,
    json: Json = False,
) -> None:
    """Segment the users of a small generated log.

    The log has the shape of the Taobao files; log and run stay in one folder.
    """
    from segmentry.cli._console import shown
    from segmentry.datasets import GeneratorOptions, generate_taobao
    from segmentry.results.elsewhere import is_there
    from segmentry.results.run_folder import check_target

    run_dir, data_dir = out / "run", out / "data"
    check_target(run_dir, overwrite=True)
    if is_there(data_dir) and not is_there(data_dir / "planted_truth.parquet"):
        raise OutputError(f"{data_dir}: exists and holds no generated data; choose another --out")
    data = generate_taobao(data_dir, GeneratorOptions(n_users=users, seed=seed))
    if not json:
        typer.echo(
            f"Generated {data.n_impressions:,} impressions of {data.n_users:,} users in "
            f"{shown(data_dir)}"
        )
    run(data_dir, out=run_dir, overwrite=True, json=json, seed=seed)


def init(
    paths: Annotated[
        list[Path],
        typer.Argument(help="Files, folders or globs, here or as s3://…", metavar="PATH..."),
    ],
    out: Annotated[Path, typer.Option(help="Mapping to write.", metavar="FILE.toml")] = Path(
        "mapping.toml"
    ),
    overwrite: Overwrite = False,
) -> None:
    """Write a mapping for files of your own.

    Says for each column what it was taken for and why; check it, then run with --mapping.
    """
    import os

    from segmentry.cli._console import check_out, print_or_write, shown
    from segmentry.ingest.mapping import render_mapping

    check_out(out, overwrite=overwrite)
    base = Path.cwd() if shown(out) != str(out) else out.absolute().parent
    if not base.is_dir():
        raise OutputError(f"{base}: no such folder; make it first")

    def named(path: Path) -> str:
        """Name a file from the folder of the mapping, so that both can be moved together."""
        if shown(path) != str(path):
            return shown(path)
        return str(path.absolute() if shown(out) != str(out) else os.path.relpath(path, base))

    text = render_mapping([named(path) for path in paths], base=base)
    print_or_write(text, out, what="Mapping")
    for line in text.splitlines():
        _, mark, doubt = line.partition("DECIDE: ")
        if mark:
            typer.echo(f"decide {doubt}")
    typer.echo(f"Then: segmentry data check --mapping {shown(out)}")


@takes_settings(*RunOptions.__annotations__)
def run(
    data_dir: DataDir = None,
    mapping: Mapping = None,
    out: Annotated[
        Path, typer.Option(help="Run folder to make, here or as s3://…", metavar="RUN_DIR")
    ] = Path("run"),
    from_run: Annotated[
        Path | None,
        typer.Option("--from", help="Reuse the user table of this run.", metavar="RUN_DIR"),
    ] = None,
    names: Annotated[
        Path | None,
        typer.Option(
            help="Names of segments: a file as names.toml, or an earlier run whose names are kept.",
            metavar="FILE|RUN_DIR",
        ),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="TOML file with these settings.", metavar="FILE.toml")
    ] = None,
    overwrite: Overwrite = False,
    json: Json = False,
    **settings: Any,
) -> None:
    """Segment the users of a log; write a report."""
    from segmentry.cli import _console

    if not json:
        _console.print_room(config, settings)
    with _console.shown_progress() as progress:
        result = pipeline.run(
            data_dir,
            out,
            mapping=mapping,
            from_run=from_run,
            names=names,
            config=config,
            overwrite=overwrite,
            progress=progress,
            on_segments=_console.print_segments,
            **settings,
        )
    summary = result.summary
    if json:
        _console.print_run(summary, out)
        return
    _console.print_accounts(summary.data.accounts, summary.traits)
    _console.print_fetched(result.inputs)
    typer.echo()
    _console.print_summary(summary, out)
    typer.echo()
    _console.print_report(out)


@takes_settings(*READING)
def score(
    run_dir: RunDir,
    data_dir: DataDir = None,
    mapping: Mapping = None,
    out: Annotated[
        Path,
        typer.Option(
            help="File, .parquet or .csv, here or as s3://…; a folder of parts, as scores; "
            "delta:PATH; env:NAME/TABLE.",
            metavar="FILE",
        ),
    ] = Path("scores.parquet"),
    overwrite: Overwrite = False,
    append: Annotated[bool, typer.Option("--append", help="Add rows to a table.")] = False,
    json: Json = False,
    **settings: Any,
) -> None:
    """Put the users of new data into the segments of a run."""
    from segmentry.cli import _console

    with _console.shown_progress() as progress:
        result = pipeline.score(
            run_dir,
            data_dir,
            mapping=mapping,
            out=out,
            overwrite=overwrite,
            append=append,
            progress=progress,
            **settings,
        )
    rows = result.sizes.rows()
    if json:
        segments = [
            {"segment_id": segment_id, "name": name, "n_users": n_users}
            for segment_id, name, n_users in rows
        ]
        _console.print_json(
            {"out": _console.shown(out), "segments": segments, "notes": result.notes}
        )
        return
    for segment_id, name, n_users in rows:
        typer.echo(f"{segment_id:>3}  {name or 'unassigned':<40} {n_users:>12,} users")
    for note in result.notes:
        typer.echo(f"note {note}")
    typer.echo(f"Scores: {_console.shown(out)}")


def report(
    run_dir: RunDir,
    names: Annotated[
        Path | None,
        typer.Option(help="Names of segments, a file as names.toml.", metavar="FILE.toml"),
    ] = None,
    is_png: Annotated[bool, typer.Option("--png", help="Each figure as PNG too.")] = False,
) -> None:
    """Write figures and report of a run again.

    Segments take the names in its names.toml.
    """
    from segmentry.cli import _console

    pipeline.rewrite_report(run_dir, names=names, is_png=is_png)
    _console.print_report(run_dir)


def card(
    run_dir: RunDir,
    segment: Annotated[int, typer.Option(help="Segment, as 1.", metavar="N")],
    form: Annotated[
        Literal["md", "html", "json"],
        typer.Option("--format", help="Text, a page, or JSON for machines."),
    ] = "md",
    out: OutFile = None,
    overwrite: Overwrite = False,
) -> None:
    """Print one segment on a page.

    What to do, what to expect, who they are, how sure.
    """
    from segmentry.cli import _console
    from segmentry.errors import ConfigError
    from segmentry.present.card import render_card_json, render_card_markdown
    from segmentry.present.report import render_card_page
    from segmentry.results.elsewhere import run_at_hand
    from segmentry.results.summary import read_summary

    _console.check_out(out, overwrite=overwrite)
    with run_at_hand(run_dir, only=("summary.json",)) as here:
        summary = read_summary(here)
    ids = [each.segment_id for each in summary.segments]
    if segment not in ids:
        raise ConfigError(
            f"--segment {segment}: no such segment in {run_dir}; expected 1 to {len(ids)}"
        )
    render = {"md": render_card_markdown, "html": render_card_page, "json": render_card_json}[form]
    _console.print_or_write(render(summary, segment), out, what="Card")
