"""Commands about time: take a run to its next window, hold two runs against each other."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from segmentry import pipeline
from segmentry.cli._options import (
    READING,
    DataDir,
    IsHtml,
    Json,
    Mapping,
    Overwrite,
    RunDir,
    takes_settings,
)

if TYPE_CHECKING:
    from segmentry.pipeline import RefreshResult


@takes_settings(*(name for name in READING if name not in ("sample", "duplicates")))
def refresh(
    run_dir: RunDir,
    data_dir: DataDir = None,
    mapping: Mapping = None,
    out: Annotated[
        Path, typer.Option(help="Run folder to make, here or as s3://…", metavar="NEXT_RUN")
    ] = Path("next"),
    history: Annotated[
        Path | None,
        typer.Option(
            help="Folder of membership over time, begun or carried on.",
            metavar="DIR",
        ),
    ] = None,
    decide: Annotated[
        str | None,
        typer.Option(help="keep or refit; overrules the rule.", metavar="keep|refit"),
    ] = None,
    overwrite: Overwrite = False,
    json: Json = False,
    **settings: Any,
) -> None:
    """Take a run to its next window of days.

    Exit code 0: the same; 10: changed; 11: a person should look; 2: an error.
    """
    from segmentry.cli import _console

    with _console.shown_progress() as progress:
        result = pipeline.refresh(
            run_dir,
            data_dir,
            out,
            mapping=mapping,
            history=history,
            decide=decide,  # type: ignore[arg-type]  # checked there
            overwrite=overwrite,
            progress=progress,
            **settings,
        )
    if json:
        _print_json(result, out)
    else:
        _print_words(result, out)
    raise typer.Exit(result.exit_code)


def _print_json(result: "RefreshResult", out: Path) -> None:
    from segmentry.cli import _console

    changes, over_time = result.changes, result.run.summary.over_time
    _console.print_json(
        {
            "run_dir": _console.shown(out),
            "decision": changes.decision,
            "exit_code": result.exit_code,
            "changes": changes,
            "alarms": () if over_time is None else over_time.alarms,
            "features": () if over_time is None else over_time.features,
            "segments": [
                {
                    "segment_key": segment.segment_key,
                    "segment_id": segment.segment_id,
                    "name": segment.name,
                    "n_users": segment.n_users,
                    "share": segment.share,
                    "expected_rate": segment.expected_rate,
                }
                for segment in result.run.summary.segments
            ],
        }
    )


def _print_words(result: "RefreshResult", out: Path) -> None:
    from segmentry.cli import _console
    from segmentry.present.changes import changed_since
    from segmentry.present.over_time import alarms_of, shifts_sentence

    changed = changed_since(result.run.summary)
    if changed is not None:
        _console.print_bold(changed.headline)
        for text in changed.sentences:
            typer.echo(text)
        for alarm in alarms_of(result.run.summary):
            if not alarm.is_over:
                typer.echo(alarm.line)
        shifts = shifts_sentence(result.run.summary)
        if shifts:
            typer.echo(shifts)
        typer.echo()
        _console.print_wide(changed.table.to_rich())
    _console.print_summary(result.run.summary, out)
    typer.echo()
    _console.print_report(out)


def compare(
    run_dir: Annotated[Path, typer.Argument(help="The earlier run folder.", metavar="RUN_DIR")],
    other: Annotated[Path, typer.Argument(help="The later run folder.", metavar="OTHER_RUN")],
    json: Json = False,
    is_html: IsHtml = False,
    out: Annotated[
        Path | None,
        typer.Option(help="File to write the page to.", metavar="FILE.html"),
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Compare two runs.

    Segments, users who moved, rates, features, settings and data.
    """
    from segmentry.cli import _console
    from segmentry.errors import ConfigError
    from segmentry.present.report import render_compared_page
    from segmentry.present.two_runs import compared_sentences, compared_tables
    from segmentry.results.elsewhere import run_at_hand
    from segmentry.results.summary import read_summary
    from segmentry.results.two_runs import compare_runs

    is_html = is_html or out is not None
    if json and is_html:
        raise ConfigError("--json and --html: found both; expected one of them")
    _console.check_out(out, overwrite=overwrite)
    with run_at_hand(run_dir) as earlier_run, run_at_hand(other) as later_run:
        found, later = compare_runs(earlier_run, later_run), read_summary(later_run)
    if json:
        _console.print_json(found)
        return
    if is_html:
        _console.print_or_write(render_compared_page(found, later), out, what="Page")
        return
    for text in compared_sentences(found):
        typer.echo(text)
    for table in compared_tables(found, later.outcome):
        _console.print_bold(f"\n{table.caption}")
        _console.print_wide(table.to_rich(), width=150)
