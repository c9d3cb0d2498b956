"""What a divided budget is expected to bring, with its uncertainty."""

from segmentry.advise.budget import BudgetPlan
from segmentry.formats import count, interval, percent
from segmentry.present.figures._figure import Caption, Drawing, Figure, Rows
from segmentry.present.figures._forest import FOREST_WIDTH, forest
from segmentry.present.figures._marks import limits_of
from segmentry.present.theme import segment_colour
from segmentry.results.summary import colour_number


def _caption(plan: "BudgetPlan", colours: tuple[int, ...] = ()) -> Caption:  # noqa: ARG001 - of the chart alone
    """Say how many clicks the plan is expected to bring."""
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


def _draw(plan: "BudgetPlan", colours: tuple[int, ...] = ()) -> Drawing | None:
    """Draw the clicks to be expected of every segment; `colours` are those of the summary."""
    rows: Rows = [
        {
            "row": index,
            "segment_id": each.segment_id,
            "label": f"{each.segment_id}  {each.name}",
            "color": segment_colour(colour_number(colours, each.segment_id)),
            **limits_of(each.expected),
            "text": f"{percent(each.impressions / plan.n_impressions)} of the budget",
        }
        for index, each in enumerate(plan.segments)
    ]
    chart = forest(rows, title=f"{plan.outcome} to be expected")
    return Drawing(chart)


FIGURE = Figure(
    name="budget",
    title="What each segment brings",
    width=FOREST_WIDTH,
    caption=_caption,
    draw=_draw,
)
