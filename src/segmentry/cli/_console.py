"""How things are printed: progress on a terminal only, tables for people, JSON for machines."""

import contextlib
import dataclasses
import json
import shlex
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from segmentry.errors import OutputError
from segmentry.formats import percent, rate, rate_with_limits, writer_of
from segmentry.ingest.quality import Finding
from segmentry.ingest.remote import place_of
from segmentry.results.elsewhere import file_to_write, is_there
from segmentry.runtime.temporary import written_whole
from segmentry.schema import DataTraits, RowAccount
from segmentry.schema import Progress as Report

if TYPE_CHECKING:
    from segmentry.describe.profiles import SegmentProfile
    from segmentry.present.first_screen import ScreenRow
    from segmentry.results.run_folder import FileFingerprint
    from segmentry.results.summary import Summary

_OF_SEGMENTS = (
    "segment_id",
    "name",
    "n_users",
    "share",
    "decision",
    "expected_rate",
    "verdict",
    "is_stable",
    "ctr_seen",
    "ctr_outcome",
)
_STEPS_IN_ROWS = (
    "reading the log",
    "reading the behaviours",
    "counting per user",
    "counting behaviours",
    "preparing the impressions",
    "preparing the behaviours",
    "merging the impressions",
    "merging the behaviours",
    "collapsing equal behaviours",
)
_SECONDS_UNTIL_RATE = 0.5
_MIN_WIDTH = 110
OUT = Console(highlight=False, soft_wrap=True)


@contextlib.contextmanager
def shown_progress() -> Iterator[Report | None]:
    """Yield what draws progress bars on a terminal, with rows/s and time left; none when piped."""
    if not sys.stderr.isatty():
        yield None
        return
    bars = Progress(
        SpinnerColumn(),
        TextColumn("{task.description:<26}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[rate]:>16}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    tasks: dict[str, tuple[TaskID, float]] = {}

    def report(step: str, done: int, total: int) -> None:
        if step not in tasks:
            tasks[step] = (bars.add_task(step, total=total or None, rate=""), time.monotonic())
        task, began = tasks[step]
        seconds = time.monotonic() - began
        is_shown = step in _STEPS_IN_ROWS and done and seconds > _SECONDS_UNTIL_RATE
        rate = f"{done / seconds / 1e6:,.2f} M rows/s" if is_shown else ""
        bars.update(task, completed=done, total=total or None, rate=rate)

    with bars:
        yield report


def print_room(config: Path | None, settings: Mapping[str, Any]) -> None:
    """Say of a run on a cluster, before it begins, how many users fit here and what to do else."""
    from segmentry.config import load_config
    from segmentry.runtime.memory import process_limit, users_that_fit

    run = load_config(config, settings)
    if run.engine == "spark":
        n_users = users_that_fit(process_limit(run.memory))
        text = f"A cluster reads; up to {n_users:,} users fit into the memory of this process. "
        typer.echo(f"{text}For more give --memory, or --sample a share of them.")


def print_segments(segments: Sequence["SegmentProfile"]) -> None:
    """Print sizes and expected rates on a terminal, while the run goes on."""
    if not sys.stderr.isatty():
        return
    table = table_of(["id", "segment"], ["users", "expected rate"])
    for each in (segment for segment in segments if not segment.is_withheld):
        rate = "" if each.expected_rate.value is None else percent(each.expected_rate.value)
        table.add_row(str(each.segment_id), escape(each.name), percent(each.share, digits=0), rate)
    # Standard error as it is now: above the bars, which stay below.
    Console(stderr=True, highlight=False).print(table)


def print_json(value: Any) -> None:
    """Print a value, dataclasses included, as one JSON document."""
    is_plain = not (sys.stdout.encoding or "").lower().startswith("utf")
    print(json.dumps(value, ensure_ascii=is_plain, allow_nan=False, default=_plain))  # noqa: T201  # the answer


def check_out(out: Path | None, *, overwrite: bool) -> None:
    """Refuse a file that is in the way, before any work is done; raises OutputError."""
    if out is not None and is_there(out) and not overwrite:
        raise OutputError(f"{shown(out)}: exists; choose another --out or add --overwrite")


def shown(path: Path) -> str:
    """Return a path as it is typed, with both slashes of what is elsewhere."""
    place = place_of(path)
    return str(path if place is None else place)


def print_report(run_dir: Path) -> None:
    """Say where the report of a run is."""
    typer.echo(f"Report: {shown(run_dir / 'report.html')}")


def print_or_write(text: str, out: Path | None, *, what: str) -> None:
    """Print a whole document, or write it to a file and say where it is."""
    if out is None:
        typer.echo(text.rstrip())
        return
    with file_to_write(out) as file, written_whole(file) as partial:
        partial.write_text(text, encoding="utf-8")
    typer.echo(f"{what}: {shown(out)}")


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return shown(value)
    return dataclasses.asdict(value) if dataclasses.is_dataclass(value) else str(value)  # type: ignore[arg-type]  # an instance


def print_run(summary: "Summary", out: Path) -> None:
    """Print what a run found as JSON."""
    print_json(
        {
            "run_dir": shown(out),
            "headline": summary.headline,
            "n_segments": len(summary.segments),
            "warnings": summary.warnings,
            "insights": () if summary.decisions is None else summary.decisions.insights,
            "accounts": summary.data.accounts,
            "segments": [
                {name: getattr(segment, name) for name in _OF_SEGMENTS}
                for segment in summary.segments
            ],
        }
    )


def table_of(first: Sequence[str], names: Sequence[str] = ()) -> Table:
    """Return a table with columns of words, then of numbers; ``id`` is a number."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in first:
        table.add_column(name, justify="right" if name == "id" else "left")
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def print_wide(*tables: Table, width: int = _MIN_WIDTH) -> None:
    """Print tables whole where the output is not a terminal, each with an empty line below."""
    wide = Console(
        highlight=False,
        soft_wrap=True,
        width=max(OUT.width, _MIN_WIDTH if OUT.is_terminal else width),
    )
    for table in tables:
        wide.print(table)
        OUT.print()


def print_bold(text: str) -> None:
    """Print a conclusion, and an empty line."""
    OUT.print(f"[bold]{escape(text)}[/bold]\n")


def print_notes(notes: Iterable[str]) -> None:
    """Print what must be known to read the rest."""
    for note in notes:
        OUT.print(f"[yellow]note[/yellow] {escape(note)}")


def print_accounts(accounts: Sequence[RowAccount], traits: DataTraits) -> None:
    """Print where the rows of each table went."""
    table = table_of(["table"], ["rows read", "= used", "+ rejected", "+ excluded"])
    for account in accounts:
        excluded = sum(account.excluded.values())
        numbers = (account.n_read, account.n_used, account.n_rejected, excluded)
        table.add_row(_role(account, traits), *(f"{number:,}" for number in numbers))
    OUT.print(table)
    for account in accounts:
        for reason, n_rows in (*account.rejected.items(), *account.excluded.items()):
            OUT.print(f"  {_role(account, traits)}: {n_rows:,} {reason}")


def print_fetched(inputs: Sequence["FileFingerprint"]) -> None:
    """Print how much was fetched of files that are elsewhere."""
    fetched = [each for each in inputs if each.n_bytes_read is not None]
    if fetched:
        n_read = sum(each.n_bytes_read or 0 for each in fetched) / 1e6
        n_bytes = sum(each.n_bytes for each in fetched) / 1e6
        text = f"fetched {n_read:,.1f} of {n_bytes:,.1f} MB from {len(fetched):,} files elsewhere"
        OUT.print(text)


def _role(account: RowAccount, traits: DataTraits) -> str:
    return traits.events if account.role == "impressions" else account.role


def print_absent(traits: DataTraits) -> None:
    """Print the features that the data do not allow, by what they lack."""
    for reason, names in traits.reasons.items():
        OUT.print(f"[yellow]absent[/yellow] {escape(', '.join(names))}: {escape(reason)}")


def print_findings(findings: Sequence[Finding]) -> None:
    """Print counted remarks on the data."""
    table = table_of(["finding"], ["count", "of", "share"])
    for finding in findings:
        share = rate(finding.count / finding.of) if finding.of else "–"
        table.add_row(finding.text, f"{finding.count:,}", f"{finding.of:,}", share)
    OUT.print(table)


def print_summary(summary: "Summary", run_dir: Path) -> None:
    """Print the first screen of the report, with the commands that come next, and what to know."""
    from segmentry.present.first_screen import first_screen

    screen = first_screen(summary)
    OUT.print(f"[bold]{escape(screen.headline)}[/bold]\n{escape(screen.gain)}\n")
    rates = ["ads"] * screen.has_ads + [f"{screen.rate_name} (90 %)"] * screen.has_rates
    table = table_of(["decision", "segment"], ["users", *rates])
    for row in screen.rows:
        parts = [percent(row.share, digits=0)]
        parts += [_ads(row)] * screen.has_ads
        parts += [rate_with_limits(row.expected, screen.outcome)] * screen.has_rates
        table.add_row(row.word, f"{row.segment_id} {escape(row.name)}", *parts)
    if screen.average.is_known:
        average = writer_of(screen.outcome)(screen.average.value)
        table.add_row("", "average", *[""] * len(rates), average, style="dim")
    print_wide(table)
    for text in (screen.more, " ".join(screen.sure)):
        if text:
            OUT.print(escape(text))
    _print_conversions(summary)
    for word, command in screen.commands(shlex.quote(shown(run_dir))):
        OUT.print(f"{word:<5} {escape(command)}")
    print_notes(summary.warnings)


def _ads(row: "ScreenRow") -> str:
    now, proposed = (percent(each, digits=0) for each in (row.share_now, row.share_proposed))
    return now if row.share_now == row.share_proposed else f"{now.split()[0]} → {proposed}"


def _print_conversions(summary: "Summary") -> None:
    """Print what the behaviours add to predicting clicks and purchases."""
    from segmentry.present.report import added_sentence

    report = summary.conversions
    if report is None:
        return
    if not report.added:
        reason = report.added_reason or "nothing was checked"
        OUT.print(escape(f"What the behaviours add was not measured: {reason}."))
    for gain in report.added:
        OUT.print(escape(added_sentence(gain)))
