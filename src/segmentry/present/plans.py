"""Plans of budgets and tests as tables, for the terminal and the dashboard."""

from collections.abc import Sequence
from functools import partial

from segmentry.advise.budget import BudgetPlan, Comparison
from segmentry.advise.experiments import ExperimentPlan, PowerRow
from segmentry.formats import count, decimal, percent, rate
from segmentry.present.tables import Column, Row, Table, cells_of, record_rows, segment_row
from segmentry.schema import Estimate


def part_table(plan: BudgetPlan, *, has_total: bool = False) -> Table:
    """Return what each segment gets; its money where money was divided."""
    has_money, n = plan.money is not None, plan.n_impressions
    total = Row(("all", "", n, n, None, plan.expected, *([plan.money] * has_money)), is_strong=True)
    columns = (
        Column("verdict", "verdict", is_words=True),
        Column("proportional", "in proportion", count),
        Column("impressions", "planned", count),
        Column("rate", "forecast rate", rate),
        Column("expected", plan.outcome, count),
        *([Column("money", "money", decimal)] * has_money),
    )
    return Table(
        "budget",
        "The plan, impressions by segment (intervals: 90\u00a0%)",
        columns=(Column("segment", "segment"), *columns),
        rows=(
            *(segment_row(s.segment_id, s.name, *cells_of(s, columns)) for s in plan.segments),
            *([total] * has_total),
        ),
    )


def sensitivity_table(plan: BudgetPlan) -> Table:
    """Return the gain over impressions in proportion, by how clicks are assumed to follow."""
    columns = (
        Column("exponent", "power of the response", "{:g}".format),
        Column("gain", f"{plan.outcome} gained", count, limits="90\u00a0%"),
        _losing(plan),
    )
    rows = record_rows(plan.sensitivity, columns)
    return Table("sensitivity", "The gain by the assumed response", columns, rows)


def comparison_table(plan: BudgetPlan) -> Table:
    """Return the plan against other ways to divide the same budget."""
    columns = (
        Column("against", "against"),
        Column("expected", f"its {plan.outcome}", count, of=lambda each: each.expected.value),
        Column("gain", f"{plan.outcome} gained", count),
        Column("gain_share", "gained, share", percent, of=lambda each: each.gain_share.value),
        _losing(plan),
        Column("is_better", "better", is_words=True, of=_better),
    )
    return Table(
        "comparisons",
        "The plan against other ways to divide the same budget",
        columns=columns,
        rows=record_rows(plan.comparisons, columns),
    )


def _better(each: Comparison) -> str:
    return "yes" if each.is_better else "not shown"


def _losing(plan: BudgetPlan) -> Column:
    return Column("losing_share", f"draws with fewer {plan.outcome}", share_of_draws)


def share_of_draws(share: float | None) -> str:
    """Write a share of draws: 0 of those made does not prove that there is none.

    >>> share_of_draws(0.0).replace(chr(160), " "), share_of_draws(0.12).replace(chr(160), " ")
    ('under 1 %', '12 %')
    """
    is_rare = share is not None and share < 0.01
    return "under 1\u00a0%" if is_rare else percent(share, digits=0)


def power_table(plan: ExperimentPlan) -> Table:
    """Return what a test takes, together and in each segment alone."""
    rate_name = "click rate" if plan.metric == "ctr" else f"{plan.metric} per user and day"
    columns = (
        Column("n_users", "users", count),
        Column(
            "rate",
            rate_name,
            rate if plan.metric == "ctr" else partial(decimal, digits=3),
            limits="90\u00a0% interval",
            of=lambda each: Estimate(each.rate, each.rate_low, each.rate_high),
        ),
        Column("n_days", "days", count),
        Column("n_days_adjusted", "days, adjusted", count),
        Column("n_users_reached", "users reached", count),
        Column("n_impressions", "impressions", count),
        Column("smallest", f"smallest change in {plan.max_days} days", percent),
    )
    return Table(
        "powers",
        "What it takes, together and in each segment alone",
        columns=(Column("who", "who"), *columns),
        rows=tuple(_power(each, columns) for each in _powers(plan)),
    )


def _powers(plan: ExperimentPlan) -> tuple[PowerRow, ...]:
    """Return all together and each segment; of a test in one segment this alone."""
    return plan.segments if len(plan.segments) == 1 else (plan.everyone, *plan.segments)


def _power(found: PowerRow, columns: Sequence[Column]) -> Row:
    cells = cells_of(found, columns)
    if found.segment_id is None:
        return Row((found.name, *cells))
    return segment_row(found.segment_id, found.name, *cells)
