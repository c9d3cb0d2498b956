"""What a divided budget is expected to bring, with its uncertainty."""

from typing import TYPE_CHECKING

from segmentry.formats import count, interval, percent
from segmentry.present.figures._caption import Caption, Rows, finish
from segmentry.present.figures._forest import Against, forest
from segmentry.present.theme import ROLES, segment_colour

if TYPE_CHECKING:
    import altair as alt

    from segmentry.advise.budget import BudgetPlan


_WIDTH = 560


def caption_budget(plan: "BudgetPlan") -> Caption:
    """Say how many clicks the plan is expected to bring.

    Examples
    --------
    >>> print(caption_budget(plan).finding)  # doctest: +SKIP
    """
    finding = (
        f"{count(plan.n_impressions)} impressions so divided are expected to bring "
        f"{count(plan.expected.value)} {plan.outcome} (90\u00a0% interval "
        f"{interval(plan.expected, write=count)})"
    )
    rows = "; ".join(
        f"segment {each.segment_id}: {count(each.impressions)} impressions, "
        f"{count(each.expected.value)} {plan.outcome}"
        for each in plan.segments
    )
    return Caption(
        finding=finding,
        reading=f"{plan.outcome.capitalize()} to be expected by segment; lines: 90 % intervals. "
        "Chosen on one half of the users, judged by the other.",
        alt=f"Dot chart of expected {plan.outcome} by segment. {finding}. {rows}.",
    )


def plot_budget(plan: "BudgetPlan") -> "alt.LayerChart":
    """Draw the clicks to be expected of every segment with their intervals.

    Parameters
    ----------
    plan : BudgetPlan

    Returns
    -------
    altair.LayerChart
        Figure ``budget``.

    Examples
    --------
    >>> plot_budget(plan).save("budget.html")  # doctest: +SKIP
    """
    rows: Rows = [
        {
            "row": index,
            "segment_id": each.segment_id,
            "label": f"{each.segment_id}  {each.name}",
            "color": segment_colour(each.segment_id),
            "value": each.expected.value,
            "low": each.expected.low,
            "high": each.expected.high,
            "text": f"{percent(each.impressions / plan.n_impressions)} of the budget",
        }
        for index, each in enumerate(plan.segments)
    ]
    chart = forest(rows, title=f"{plan.outcome} to be expected", width=_WIDTH)
    return finish(chart, name="budget", caption=caption_budget(plan), width=_WIDTH)


def caption_budget_gain(plan: "BudgetPlan") -> Caption:
    """Say what the plan gains over dividing in proportion, and what that rests on.

    Examples
    --------
    >>> print(caption_budget_gain(plan).finding)  # doctest: +SKIP
    """
    finding = plan.conclusion.rstrip(".")
    rows = "; ".join(
        f"exponent {each.exponent:g}: {count(each.gain.value)} {plan.outcome} "
        f"({interval(each.gain, write=count)})"
        for each in plan.sensitivity
    )
    return Caption(
        finding=finding,
        reading=f"{plan.outcome.capitalize()} gained over dividing in proportion to past "
        f"impressions, if {plan.outcome} follow "
        "impressions to the power named; lines: 90 % intervals. The power is assumed, not "
        "measured.",
        alt=f"Dot chart of the gain by assumed response. {finding}. {rows}.",
    )


def plot_budget_gain(plan: "BudgetPlan") -> "alt.LayerChart":
    """Draw what the plan gains over a proportional one, by the assumed response.

    Parameters
    ----------
    plan : BudgetPlan

    Returns
    -------
    altair.LayerChart
        Figure ``budget_gain``.

    Examples
    --------
    >>> plot_budget_gain(plan).save("gain.html")  # doctest: +SKIP
    """
    rows: Rows = [
        {
            "row": index,
            "label": _response(each.exponent, is_assumed=each.exponent == plan.exponent),
            "color": ROLES["accent" if each.exponent == plan.exponent else "muted"].light,
            "value": each.gain.value,
            "low": each.gain.low,
            "high": each.gain.high,
            "text": f"fewer clicks in {percent(each.losing_share, digits=0)} of the draws",
        }
        for index, each in enumerate(plan.sensitivity)
    ]
    chart = forest(rows, title="clicks gained", against=Against(0.0, "no difference"), width=_WIDTH)
    return finish(chart, name="budget_gain", caption=caption_budget_gain(plan), width=_WIDTH)


def _response(exponent: float, *, is_assumed: bool) -> str:
    told = "linear" if exponent == 1 else f"power {exponent:g}"
    return f"{told} (assumed above)" if is_assumed else told
