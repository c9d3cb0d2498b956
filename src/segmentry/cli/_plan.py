"""Commands that make something of a run: plan budget, plan test, analyse test."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from segmentry.cli._options import (
    Json,
    RunDir,
    parse_ids,
    parse_pairs,
    parse_ratio,
    parse_share,
    seed_option,
)

if TYPE_CHECKING:
    from rich.table import Table

    from segmentry.advise.budget import BudgetPlan
    from segmentry.advise.experiments import (
        Effect,
        ExperimentPlan,
        ExperimentResult,
        MetricResult,
    )
    from segmentry.schema import Estimate

Floors = Annotated[
    list[str] | None, typer.Option(help="Smallest share of the budget, as 1=10%; may be repeated.")
]
Caps = Annotated[
    list[str] | None, typer.Option(help="Largest share of the budget, as 2=50%; may be repeated.")
]


def budget(
    run_dir: RunDir,
    impressions: Annotated[
        int | None, typer.Option(help="Impressions to divide; as many as in the log if absent.")
    ] = None,
    money: Annotated[
        float | None, typer.Option(help="Money to divide, with --cost-per-impression.")
    ] = None,
    cost_per_impression: Annotated[
        float | None, typer.Option(help="Cost of one impression, in your currency.")
    ] = None,
    days: Annotated[
        float | None, typer.Option(help="Time to show them in; as long as the log if absent.")
    ] = None,
    floor: Floors = None,
    cap: Caps = None,
    max_change: Annotated[
        float,
        typer.Option(help="Maximum change per segment, as a factor, of its share and its pace."),
    ] = 2.0,
    response: Annotated[
        str, typer.Option(help="How clicks follow impressions, assumed: linear or concave.")
    ] = "linear",
    exponent: Annotated[
        float | None, typer.Option(help="Exponent of the concave response, 0 to 1 (0.8).")
    ] = None,
    by: Annotated[
        Literal["clicks", "purchases"],
        typer.Option(help="What to maximise; purchases need a run with behaviours."),
    ] = "clicks",
    attribution: Annotated[
        Literal["view", "click"],
        typer.Option(help="Attribute purchases to the last impression or the last click."),
    ] = "view",
    seed: Annotated[int, seed_option("Seed of the halves and the draws.")] = 0,
    json: Json = False,
) -> None:
    """Divide ads or money among segments.

    The split is chosen on half of the users and judged by the other half.
    """
    from segmentry.advise.budget import plan_budget

    plan = plan_budget(
        run_dir,
        floors=parse_pairs(floor or [], option="--floor"),
        caps=parse_pairs(cap or [], option="--cap"),
        impressions=impressions,
        money=money,
        cost_per_impression=cost_per_impression,
        days=days,
        max_change=max_change,
        response=response,  # type: ignore[arg-type]  # checked there
        exponent=exponent,
        by=by,
        attribution=attribution,
        seed=seed,
    )
    _print_budget(plan, run_dir, is_json=json)


def _print_budget(plan: "BudgetPlan", run_dir: Path, *, is_json: bool) -> None:
    from segmentry.cli import _console
    from segmentry.present.plans import comparison_table, part_table, sensitivity_table

    if is_json:
        _console.print_json(plan)
        return
    _console.print_bold(plan.conclusion)
    tables = (part_table(plan, has_total=True), comparison_table(plan), sensitivity_table(plan))
    _console.print_wide(*(each.to_rich() for each in tables))
    _console.print_notes(plan.notes)
    typer.echo(f"\nPlan: {_console.shown(run_dir / 'plan' / 'budget.json')}")


def plan_test(
    run_dir: RunDir,
    mde: Annotated[str, typer.Option(help="Smallest relative change to find, as 5%.")],
    metric: Annotated[
        str,
        typer.Option(help="ctr, or what is counted per user: clicks, purchases, value, any event."),
    ] = "ctr",
    power: Annotated[
        str, typer.Option(help="Power: chance to find a change of that size.")
    ] = "0.8",
    alpha: Annotated[str, typer.Option(help="Significance level (false-positive rate).")] = "0.05",
    ratio: Annotated[
        str, typer.Option(help="Control to treatment, or to each of several, as 2:1:1.")
    ] = "1:1",
    segments: Annotated[
        str | None, typer.Option(help="Segments that take part, as 1,2; all if absent.")
    ] = None,
    max_days: Annotated[int, typer.Option(help="Longest test.")] = 60,
    salt: Annotated[
        str, typer.Option(help="Salt of the assignment; a new one for each test.")
    ] = "test",
    looks: Annotated[
        int, typer.Option(help="How often the test is analysed, at equal distances in time.")
    ] = 1,
    spending: Annotated[
        Literal["obrien-fleming", "pocock"],
        typer.Option(help="How alpha is spent on the looks (Lan and DeMets)."),
    ] = "obrien-fleming",
    history: Annotated[
        Path | None,
        typer.Option(
            help="CSV or Parquet: user_id, day and the metric, where the run has none of it.",
            metavar="FILE",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Plan an A/B test and assign users to its arms.

    Says how many users and days it takes.
    """
    from segmentry.advise.experiments import plan_test as plan_of

    found = plan_of(
        run_dir,
        mde=parse_share(mde, option="--mde"),
        power=parse_share(power, option="--power"),
        alpha=parse_share(alpha, option="--alpha"),
        ratio=parse_ratio(ratio),
        segments=None if segments is None else parse_ids(segments, option="--segments"),
        metric=metric,
        max_days=max_days,
        salt=salt,
        n_looks=looks,
        spending=spending,
        history=history,
    )
    _print_test(found, run_dir, is_json=json)


def _print_test(found: "ExperimentPlan", run_dir: Path, *, is_json: bool) -> None:
    from segmentry.cli import _console
    from segmentry.present.plans import power_table

    if is_json:
        _console.print_json(found)
        return
    _console.print_bold(_headline(found))
    _console.print_wide(power_table(found).to_rich())
    if found.looks:
        _console.print_wide(_looks(found))
    _console.print_notes(found.notes)
    n_treatments = len(found.ratio) - 1
    treated = "treatment" if n_treatments == 1 else f"in {n_treatments} treatments"
    typer.echo(
        f"\nAssigned: {found.n_control:,} control, {found.n_treatment:,} {treated} (salt "
        f"{found.salt!r}) in {_console.shown(run_dir / 'plan' / 'assignment.parquet')}"
    )


def analyse_test(
    run_dir: RunDir,
    results: Annotated[
        Path,
        typer.Option(
            help="CSV or Parquet: user_id and the metric; of ctr n_impressions, n_clicks, or a log "
            "with is_click.",
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
    metric: Annotated[str | None, typer.Option(help="As planned if absent.")] = None,
    look: Annotated[
        int | None, typer.Option(help="Which of the planned looks this is, from 1 on.")
    ] = None,
    json: Json = False,
) -> None:
    """Compare the arms of a test.

    Difference and lift with intervals, overall and per segment.
    """
    from segmentry.advise.experiments import MetricResult
    from segmentry.advise.experiments import analyse_test as analysis_of
    from segmentry.cli import _console

    found = analysis_of(
        run_dir,
        results=results,
        assignment=assignment,
        alpha=None if alpha is None else parse_share(alpha, option="--alpha"),
        ratio=None if ratio is None else parse_ratio(ratio),
        metric=metric,
        look=look,
    )
    if json:
        _console.print_json(found)
        return
    _console.print_bold(found.conclusion)
    if isinstance(found, MetricResult):
        _console.print_wide(*_metric_tables(found))
    else:
        _console.print_wide(_arms(found), _effects(found))
    _console.print_notes(found.notes)
    typer.echo(f"\nResult: {run_dir / 'plan' / 'test_result.json'}")


def _headline(found: "ExperimentPlan") -> str:
    from segmentry.formats import percent

    days, sooner = found.everyone.n_days, found.everyone.n_days_adjusted
    what = "click rate" if found.metric == "ctr" else f"{found.metric} per user"
    requested = (
        f"a change of the {what} by {percent(found.mde)} in {percent(found.power, digits=0)} of "
        f"such tests (two-sided, alpha {found.alpha:g})"
    )
    adjusted = "if what users did before is taken into account"
    if days is None and sooner is None:
        return f"No test of at most {_days(found.max_days)} finds {requested}."
    if days is None:
        return f"{_days(sooner)} find{_s(sooner)} {requested}, but only {adjusted}."
    more = "" if sooner in (None, days) else f"; {_days(sooner)} {adjusted}"
    return f"{_days(days)} find{_s(days)} {requested}{more}."


def _looks(found: "ExperimentPlan") -> "Table":
    from segmentry.cli._console import table_of
    from segmentry.formats import percent

    table = table_of(("look",), ("after days", "information", "standard errors apart", "p at most"))
    for number, look in enumerate(found.looks, start=1):
        level = f"{look.alpha:.2g}"
        table.add_row(
            str(number), f"{look.day}", percent(look.fraction, digits=0), f"{look.z:.3f}", level
        )
    return table


def _metric_tables(found: "MetricResult") -> "tuple[Table, Table]":
    from segmentry.cli._console import table_of
    from segmentry.formats import MISSING, decimal

    arms = table_of(("arm",), ("users", "with any", "total", found.metric))
    for arm in found.arms:
        n_active = MISSING if arm.n_active is None else f"{arm.n_active:,}"
        total, mean = decimal(arm.total, digits=1), decimal(arm.mean, digits=4)
        arms.add_row(arm.arm, f"{arm.n_users:,}", n_active, total, mean)
    names = (f"lift ({1 - found.alpha:.4g} interval)", "p", "p by Holm")
    effects = table_of(("against control",), names)
    for each in found.contrasts:
        adjusted, plain = each.effect, each.plain
        effects.add_row(
            f"{each.arm}, adjusted", _lift(adjusted.lift), _p(adjusted.p), _p(each.p_holm)
        )
        effects.add_row(each.arm, _lift(plain.lift), _p(plain.p), MISSING)
    return arms, effects


def _arms(found: "ExperimentResult") -> "Table":
    from segmentry.cli._console import table_of

    table = table_of(("arm",), ("users", "shown an ad", "impressions", "clicks"))
    for arm in found.arms:
        counts = (arm.n_users, arm.n_shown, arm.n_impressions, arm.n_clicks)
        table.add_row(arm.arm, *(f"{count:,}" for count in counts))
    return table


def _effects(found: "ExperimentResult") -> "Table":
    from segmentry.cli._console import table_of
    from segmentry.formats import percent

    interval = f"({percent(1 - found.alpha, digits=0)})"
    names = ("control", "treatment", f"lift {interval}", "p")
    table = table_of(("treatment against control",), names)
    for effect in (found.effect, found.plain):
        table.add_row(effect.metric, *_effect(effect, is_rate=True), _p(effect.p))
    for each in found.segments:
        text = _effect(each.effect, is_rate=True)
        table.add_row(f"segment {each.segment_id}, p by Holm", *text, _p(each.p_holm))
    for effect in found.guardrails:
        table.add_row(f"guardrail: {effect.metric}", *_effect(effect, is_rate=False), _p(effect.p))
    return table


def _effect(effect: "Effect", *, is_rate: bool) -> list[str]:
    from segmentry.formats import decimal, percent

    write = percent if is_rate else decimal
    rates = [write(each, digits=3) for each in (effect.control, effect.treatment)]
    return [*rates, _lift(effect.lift)]


def _lift(lift: "Estimate") -> str:
    from segmentry.formats import MISSING, change

    if lift.value is None or lift.low is None or lift.high is None:
        return MISSING
    return f"{change(lift.value)} ({change(lift.low)} to {change(lift.high)})"


def _p(p: float | None) -> str:
    from segmentry.formats import MISSING

    if p is None:
        return MISSING
    return "< 0.0001" if p < 0.0001 else f"{p:.4f}"


def _days(n_days: int | None) -> str:
    return "1 day" if n_days == 1 else f"{n_days} days"


def _s(n_days: int | None) -> str:
    return "s" if n_days == 1 else ""
