"""How things are printed: progress on a terminal only, tables for people, JSON for machines."""

import contextlib
import dataclasses
import json
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

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

from segmentry.evaluation.later_days import TruthReport
from segmentry.formats import percent, rate, rate_with_limits
from segmentry.ingest.quality import Finding
from segmentry.results.summary import Summary
from segmentry.schema import DataTraits, RowAccount
from segmentry.schema import Progress as Tell

_OF_SEGMENTS = (
    "segment_id",
    "name",
    "n_users",
    "share",
    "verdict",
    "expected_rate",
    "ctr_seen",
    "ctr_outcome",
)
_MOST_INSIGHTS = 3
_DAYS_OF_WEEK = 7
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
OUT = Console(highlight=False, soft_wrap=True)


@contextlib.contextmanager
def told_progress() -> Iterator[Tell | None]:
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

    def tell(step: str, done: int, total: int) -> None:
        if step not in tasks:
            tasks[step] = (bars.add_task(step, total=total or None, rate=""), time.monotonic())
        task, began = tasks[step]
        seconds = time.monotonic() - began
        is_told = step in _STEPS_IN_ROWS and done and seconds > _SECONDS_UNTIL_RATE
        rate = f"{done / seconds / 1e6:,.2f} M rows/s" if is_told else ""
        bars.update(task, completed=done, total=total or None, rate=rate)

    with bars:
        yield tell


def print_json(value: Any) -> None:
    """Print a value, dataclasses included, as one JSON document."""
    print(json.dumps(value, ensure_ascii=False, allow_nan=False, default=_plain))  # noqa: T201  # the answer


def _plain(value: Any) -> Any:
    return dataclasses.asdict(value) if dataclasses.is_dataclass(value) else str(value)  # type: ignore[arg-type]  # an instance


def print_run(summary: Summary, out: Path) -> None:
    """Print what a run found as JSON."""
    print_json(
        {
            "run_dir": str(out),
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


def print_wide(*tables: Table, width: int = 110) -> None:
    """Print tables whole where the output is no terminal, each with an empty line below."""
    wide = Console(highlight=False, soft_wrap=True, width=max(OUT.width, width))
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
        share = f"{finding.count / finding.of:.2%}" if finding.of else "–"
        table.add_row(finding.text, f"{finding.count:,}", f"{finding.of:,}", share)
    OUT.print(table)


def print_summary(summary: Summary) -> None:
    """Print the headline, why this K, a line per segment, and what to know.

    The click rates seen on the days that formed the segments stand beside those to be expected.
    """
    OUT.print(f"[bold]{escape(summary.headline)}[/bold]")
    OUT.print(escape(summary.selection.reason))
    table = table_of(["id", "segment"])
    is_checked = summary.truth is not None
    has_seen = not is_checked and summary.traits.has_clicks
    rates = ["seen", "expected (90 %)", "verdict"] if is_checked else ["share"]
    rates += ["seen (95 %)"] * has_seen
    for name in ("users", *rates):
        table.add_column(name, justify="left" if name == "verdict" else "right", no_wrap=True)
    for segment in summary.segments:
        told = ["too few" if segment.is_withheld else f"{segment.n_users:,}"]
        if is_checked:
            told += [rate(segment.ctr_seen.value), rate_with_limits(segment.expected_rate)]
            told += [segment.verdict]
        else:
            told += [percent(None if segment.is_withheld else segment.share)]
            told += [rate_with_limits(segment.ctr_seen)] * has_seen
        table.add_row(str(segment.segment_id), escape(segment.name), *told)
    OUT.print(table)
    if summary.truth is not None and summary.truth.outcome_weekdays:
        OUT.print(escape(_checked(summary.truth)))
    _print_conversions(summary)
    _print_insights(summary)
    print_notes(summary.warnings)


def _checked(truth: TruthReport) -> str:
    """Say which days formed the segments, which checked them, and what of the signal is kept."""
    days = f"Formed on {_days(truth.feature_weekdays)}, checked on {_days(truth.outcome_weekdays)}"
    gain = truth.kept_gain
    if gain is None or gain.by_forecast.low is None or gain.by_forecast.high is None:
        return f"{days}."
    kept = gain.by_forecast
    return (
        f"{days}: the segments keep {kept.value:.0%} ({kept.low:.0%}–{kept.high:.0%}) of what "
        "users' own click rates tell of the later clicks."
    )


def _days(weekdays: Sequence[str]) -> str:
    n_days = "1 day" if len(weekdays) == 1 else f"{len(weekdays)} days"
    return n_days if len(weekdays) > _DAYS_OF_WEEK else f"{n_days} ({', '.join(weekdays)})"


def _print_conversions(summary: Summary) -> None:
    """Print what the behaviours add to foretelling clicks and purchases."""
    from segmentry.present.report import added_sentence

    report = summary.conversions
    if report is None:
        return
    if not report.added:
        reason = report.added_reason or "nothing was checked"
        OUT.print(escape(f"What the behaviours add was not measured: {reason}."))
    for gain in report.added:
        OUT.print(escape(added_sentence(gain)))


def _print_insights(summary: Summary) -> None:
    """Print the first findings, each with what to do."""
    insights = () if summary.decisions is None else summary.decisions.insights
    names = {segment.segment_id: segment.name for segment in summary.segments}
    for insight in insights[:_MOST_INSIGHTS]:
        name = names.get(insight.segment_id or 0)
        who = f"{insight.segment_id} {name}" if name else "all users"
        OUT.print(
            f"[bold]{insight.code}[/bold] {escape(who)}: {escape(_inside(insight.title))}. "
            f"{escape(insight.text)}"
        )
        if insight.action is not None:
            OUT.print(f"        → {escape(insight.action.text)}")
    n_left = len(insights) - _MOST_INSIGHTS
    if n_left > 0:
        OUT.print(f"        {n_left} more in the report.")


def _inside(title: str) -> str:
    """Return a title as it stands inside a sentence: "CTR" stays what it is.

    >>> _inside("Over-exposed with falling CTR")
    'over-exposed with falling CTR'
    """
    return title[0].lower() + title[1:]
