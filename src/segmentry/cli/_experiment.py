"""What ``plan test`` and ``analyse test`` do."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from segmentry.advise.experiments import (
    Effect,
    ExperimentPlan,
    ExperimentResult,
    PowerRow,
    analyse_test,
    plan_test,
)
from segmentry.cli import _console
from segmentry.cli._console import OUT, percent
from segmentry.cli._numbers import parse_ids, parse_ratio, parse_share
from segmentry.schema import Estimate

_LEAST_WIDTH = 110


def plan(
    run_dir: Path,
    *,
    mde: str,
    power: str,
    alpha: str,
    ratio: str,
    segments: str | None,
    is_json: bool,
    options: Mapping[str, Any],
) -> None:
    """Plan a test and print how long it takes, overall and in each segment."""
    found = plan_test(
        run_dir,
        mde=parse_share(mde, option="--mde"),
        power=parse_share(power, option="--power"),
        alpha=parse_share(alpha, option="--alpha"),
        ratio=parse_ratio(ratio, option="--ratio"),
        segments=None if segments is None else parse_ids(segments, option="--segments"),
        **options,
    )
    if is_json:
        _console.print_json(found)
        return
    OUT.print(f"[bold]{_headline(found)}[/bold]\n")
    _wide(_powers(found))
    OUT.print()
    for note in found.notes:
        OUT.print(f"[yellow]note[/yellow] {escape(note)}")
    OUT.print(
        f"\nAssigned: {found.n_control:,} control, {found.n_treatment:,} treatment (salt "
        f"{found.salt!r}) in {run_dir / 'plan' / 'assignment.parquet'}"
    )


def analyse(
    run_dir: Path,
    results: Path,
    *,
    assignment: Path | None,
    alpha: str | None,
    ratio: str | None,
    is_json: bool,
) -> None:
    """Analyse a test and print what it found."""
    found = analyse_test(
        run_dir,
        results=results,
        assignment=assignment,
        alpha=None if alpha is None else parse_share(alpha, option="--alpha"),
        ratio=None if ratio is None else parse_ratio(ratio, option="--ratio"),
    )
    if is_json:
        _console.print_json(found)
        return
    OUT.print(f"[bold]{escape(found.conclusion)}[/bold]\n")
    _wide(_arms(found))
    OUT.print()
    _wide(_effects(found))
    OUT.print()
    for note in found.notes:
        OUT.print(f"[yellow]note[/yellow] {escape(note)}")
    OUT.print(f"\nResult: {run_dir / 'plan' / 'test_result.json'}")


def _headline(found: ExperimentPlan) -> str:
    everyone = found.everyone
    asked = (
        f"a change of the CTR by {found.mde:.1%} with a chance of {found.power:.0%} (two-sided, "
        f"alpha {found.alpha:g})"
    )
    adjusted = "with what users did before taken into account"
    if everyone.n_days is None:
        return f"{_days(everyone.n_days_adjusted)} to find {asked}, {adjusted}; without, too few."
    sooner = everyone.n_days_adjusted
    more = "" if sooner in (None, everyone.n_days) else f"; {_days(sooner)} {adjusted}"
    return f"{_days(everyone.n_days)} to find {asked}{more}."


def _wide(table: Table) -> None:
    """Print a table whole where the output is no terminal."""
    width = max(OUT.width, _LEAST_WIDTH)
    Console(highlight=False, soft_wrap=True, width=width).print(table)


def _table(first: tuple[str, ...], names: tuple[str, ...]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in first:
        table.add_column(name, justify="right" if name == "id" else "left")
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _powers(found: ExperimentPlan) -> Table:
    names = ("users", "CTR", "days", "users shown", "impressions", "days, adjusted", "smallest")
    table = _table(("id", "segment"), names)
    for row in (*found.segments, found.everyone):
        told = _power(row)
        is_all = row.segment_id is None
        number = "" if is_all else str(row.segment_id)
        table.add_row(number, escape(row.name), *told, style="bold" if is_all else None)
    table.columns[-1].header = f"smallest in {found.max_days} days"
    return table


def _power(row: PowerRow) -> list[str]:
    return [
        f"{row.n_users:,}",
        percent(row.ctr),
        "–" if row.n_days is None else str(row.n_days),
        _number(row.n_users_reached),
        _number(row.n_impressions),
        "–" if row.n_days_adjusted is None else str(row.n_days_adjusted),
        percent(row.smallest),
    ]


def _arms(found: ExperimentResult) -> Table:
    table = _table(("arm",), ("users", "shown an ad", "impressions", "clicks"))
    for arm in found.arms:
        counts = (arm.n_users, arm.n_shown, arm.n_impressions, arm.n_clicks)
        table.add_row(arm.arm, *(f"{count:,}" for count in counts))
    return table


def _effects(found: ExperimentResult) -> Table:
    interval = f"({1 - found.alpha:.0%})"
    names = ("control", "treatment", f"lift {interval}", "p")
    table = _table(("treatment against control",), names)
    for effect in (found.effect, found.plain):
        table.add_row(effect.metric, *_effect(effect, is_rate=True), _p(effect.p))
    for each in found.segments:
        told = _effect(each.effect, is_rate=True)
        table.add_row(f"segment {each.segment_id}, p by Holm", *told, _p(each.p_holm))
    for effect in found.guardrails:
        table.add_row(f"guardrail: {effect.metric}", *_effect(effect, is_rate=False), _p(effect.p))
    return table


def _effect(effect: Effect, *, is_rate: bool) -> list[str]:
    def told(value: float | None) -> str:
        if value is None:
            return "–"
        return f"{value:.3%}" if is_rate else f"{value:,.3f}"

    return [told(effect.control), told(effect.treatment), _lift(effect.lift)]


def _lift(lift: Estimate) -> str:
    if lift.value is None or lift.low is None or lift.high is None:
        return "–"
    return f"{lift.value:+.1%} ({lift.low:+.1%} to {lift.high:+.1%})"


def _p(p: float | None) -> str:
    if p is None:
        return "–"
    return "< 0.0001" if p < 0.0001 else f"{p:.4f}"


def _days(n_days: int | None) -> str:
    if n_days is None:
        return "no number of days"
    return "1 day" if n_days == 1 else f"{n_days} days"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"
