"""What ``plan budget`` does."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from segmentry.advise.budget import BudgetPlan, plan_budget
from segmentry.cli import _console
from segmentry.cli._console import OUT, percent, rate
from segmentry.cli._numbers import parse_pairs
from segmentry.schema import Estimate

_LEAST_WIDTH = 110


def budget(
    run_dir: Path,
    *,
    floors: Sequence[str],
    caps: Sequence[str],
    is_json: bool,
    options: Mapping[str, Any],
) -> None:
    """Divide a budget and print who gets what, what it is worth, and what it rests on."""
    plan = plan_budget(
        run_dir,
        floors=parse_pairs(floors, option="--floor"),
        caps=parse_pairs(caps, option="--cap"),
        **options,
    )
    if is_json:
        _console.print_json(plan)
        return
    OUT.print(f"[bold]{escape(plan.conclusion)}[/bold]\n")
    wide = Console(highlight=False, soft_wrap=True, width=max(OUT.width, _LEAST_WIDTH))
    wide.print(_parts(plan))
    OUT.print()
    wide.print(_comparisons(plan))
    OUT.print()
    for note in plan.notes:
        OUT.print(f"[yellow]note[/yellow] {escape(note)}")
    OUT.print(f"\nPlan: {run_dir / 'plan' / 'budget.json'}")


def _table(first: Sequence[str], names: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in first:
        table.add_column(name, justify="right" if name == "id" else "left")
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _parts(plan: BudgetPlan) -> Table:
    per = "CTR" if plan.outcome == "clicks" else "per impression"
    names = ["share", "impressions", f"{per} (90 %)", plan.outcome]
    table = _table(["id", "segment"], names + ["money"] * (plan.money is not None))
    total = plan.n_impressions
    for each in plan.segments:
        told = [
            f"{each.proportional / total:.1%} → {each.impressions / total:.1%}",
            f"{each.impressions:,}",
            rate(each.rate),
            _number(each.expected.value),
        ]
        told += [] if each.money is None else [f"{each.money:,.2f}"]
        table.add_row(str(each.segment_id), escape(each.name), *told)
    told = ["", f"{total:,}", "", _number(plan.expected.value)]
    told += [] if plan.money is None else [f"{plan.money:,.2f}"]
    table.add_row("", "all", *told, style="bold")
    return table


def _comparisons(plan: BudgetPlan) -> Table:
    table = _table(["the plan against"], [plan.outcome, "gain (90 %)", "gain", "loses in"])
    for each in plan.comparisons:
        table.add_row(
            each.against,
            _number(each.expected.value),
            _signed(each.gain),
            percent(each.gain_share.value),
            f"{each.losing_share:.1%} of draws",
        )
    for other in plan.sensitivity:
        if other.exponent != plan.exponent:
            name = f"proportional, if {plan.outcome} ∝ impressions^{other.exponent:g}"
            told = ["", _signed(other.gain), "", f"{other.losing_share:.1%} of draws"]
            table.add_row(name, *told, style="dim")
    return table


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"


def _signed(estimate: Estimate) -> str:
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return "–"
    return f"{estimate.value:+,.0f} ({estimate.low:+,.0f} to {estimate.high:+,.0f})"
