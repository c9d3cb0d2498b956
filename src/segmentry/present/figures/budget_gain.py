"""What a divided budget gains over one divided in proportion."""

from segmentry.advise.budget import BudgetPlan
from segmentry.formats import count, interval, percent
from segmentry.present.figures._figure import Caption, Drawing, Figure, Rows
from segmentry.present.figures._forest import FOREST_WIDTH, Against, forest
from segmentry.present.figures._marks import limits_of
from segmentry.present.theme import ROLES


def _caption(plan: "BudgetPlan") -> Caption:
    """Say what the plan gains over dividing in proportion, and what that rests on."""
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


def _draw(plan: "BudgetPlan") -> Drawing | None:
    """Draw what the plan gains over a proportional one, by the assumed response."""
    rows: Rows = [
        {
            "row": index,
            "label": _response(each.exponent, is_assumed=each.exponent == plan.exponent),
            "color": ROLES["accent" if each.exponent == plan.exponent else "muted"].light,
            **limits_of(each.gain),
            "text": f"fewer clicks in {percent(each.losing_share, digits=0)} of the draws",
        }
        for index, each in enumerate(plan.sensitivity)
    ]
    chart = forest(rows, title="clicks gained", against=Against(0.0, "no difference"))
    return Drawing(chart)


def _response(exponent: float, *, is_assumed: bool) -> str:
    text = "linear" if exponent == 1 else f"power {exponent:g}"
    return f"{text} (assumed above)" if is_assumed else text


FIGURE = Figure(
    name="budget_gain",
    title="What the plan gains",
    width=FOREST_WIDTH,
    caption=_caption,
    draw=_draw,
)
