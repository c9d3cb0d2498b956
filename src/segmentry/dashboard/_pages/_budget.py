"""What if a budget were divided otherwise: sliders, and what each answer rests on."""

from collections.abc import Mapping
from typing import Literal

import streamlit as st

from segmentry import plots
from segmentry.dashboard._planning import basis_of
from segmentry.dashboard._runs import Run
from segmentry.dashboard._show import heading, listed, notice, put, table
from segmentry.errors import SegmentryError
from segmentry.plots.formats import count, interval, percent, rate
from segmentry.profiling.budget import BudgetPlan, BudgetRequest, SegmentTraffic, plan_budget
from segmentry.profiling.planning import PlanBasis
from segmentry.report import Figure, Row, Table, render_figure

__all__ = ["show_budget"]

_RESPONSES: Mapping[str, str] = {
    "linear": "as many more as impressions",
    "concave": "fewer and fewer more",
}


def show_budget(run: Run) -> None:
    """Divide a budget among the segments as the reader asks, with intervals."""
    heading(
        "What if the budget were divided otherwise?",
        "Chosen on one half of the users, judged by the other. Observational until a test tells.",
        level=2,
    )
    try:
        basis = basis_of(run)
        if basis.rates is None:
            notice(f"No budget can be planned: {basis.reason}")
            return
        plan = plan_budget(basis.segments, basis.rates, _asked(basis), n_days_of_log=basis.n_days)
    except SegmentryError as error:
        notice(f"No budget can be planned: {error}")
        return
    _show_plan(plan)


def _asked(basis: PlanBasis) -> BudgetRequest:
    """Return what the sliders ask for."""
    total = sum(segment.n_impressions for segment in basis.segments)
    left, middle, right = st.columns(3)
    with left:
        share = st.slider(
            "Impressions, in % of those of the log", 5, 200, 100, step=5, key="budget"
        )
    with middle:
        response = st.selectbox(
            "Clicks that more impressions bring (assumed)",
            list(_RESPONSES),
            format_func=_RESPONSES.__getitem__,
            key="response",
        )
    with right:
        change = st.slider(
            "Most change of a segment’s part, as a factor", 1.1, 5.0, 2.0, 0.1, key="change"
        )
    is_concave = response == "concave"
    exponent = st.slider("Power of the response", 0.3, 0.95, 0.8, 0.05) if is_concave else 1.0
    floors, caps = _limits(basis.segments)
    kind: Literal["linear", "concave"] = "concave" if is_concave else "linear"
    return BudgetRequest(
        n_impressions=max(1, total * share // 100),
        n_days=basis.n_days,
        response=kind,
        exponent=exponent,
        floors=floors,
        caps=caps,
        max_change=change,
    )


def _limits(segments: tuple[SegmentTraffic, ...]) -> tuple[dict[int, float], dict[int, float]]:
    """Return floors and caps that the reader has moved, as shares of the budget."""
    floors: dict[int, float] = {}
    caps: dict[int, float] = {}
    with st.expander("Least and most of the budget for each segment"):
        for segment in segments:
            low, high = st.slider(
                f"Segment {segment.segment_id}, % of the budget",
                0, 100, (0, 100), key=f"limits-{segment.segment_id}",
            )  # fmt: skip
            if low > 0:
                floors[segment.segment_id] = low / 100
            if high < 100:
                caps[segment.segment_id] = high / 100
    return floors, caps


def _show_plan(plan: BudgetPlan) -> None:
    gain = Figure(
        "budget_gain",
        "What it gains",
        plots.caption_budget_gain(plan),
        plots.render_svg(plots.plot_budget_gain(plan), is_titled=False),
        (_sensitivity(plan),),
    )
    parts = Figure(
        "budget",
        "What each segment brings",
        plots.caption_budget(plan),
        plots.render_svg(plots.plot_budget(plan), is_titled=False),
        (),
    )
    for view in (gain, parts):
        put(render_figure(view))
    table(_parts(plan))
    table(_comparisons(plan))
    listed(plan.notes)


def _parts(plan: BudgetPlan) -> Table:
    rows = tuple(
        Row(
            f"{each.segment_id} {each.name}",
            (
                each.verdict,
                count(each.proportional),
                count(each.impressions),
                f"{rate(each.rate.value)}\n{interval(each.rate, write=rate)}",
                f"{count(each.expected.value)}\n{interval(each.expected, write=count)}",
            ),
            colour=plots.segment_colour(each.segment_id),
        )
        for each in plan.segments
    )
    heads = ("segment", "verdict", "in proportion", "planned", "forecast rate", "clicks")
    return Table("The plan, impressions by segment (intervals: 90\u00a0%)", heads, rows, (1,))


def _sensitivity(plan: BudgetPlan) -> Table:
    rows = tuple(
        Row(
            f"{each.exponent:g}",
            (
                count(each.gain.value),
                interval(each.gain, write=count),
                percent(each.losing_share, digits=0),
            ),
        )
        for each in plan.sensitivity
    )
    heads = ("power of the response", "clicks gained", "90\u00a0%", "draws with fewer clicks")
    return Table("The gain by the assumed response", heads, rows)


def _comparisons(plan: BudgetPlan) -> Table:
    rows = tuple(
        Row(
            each.against,
            (
                count(each.expected.value),
                f"{count(each.gain.value)}\n{interval(each.gain, write=count)}",
                percent(each.gain_share.value),
                percent(each.losing_share, digits=0),
                "yes" if each.is_better else "not shown",
            ),
        )
        for each in plan.comparisons
    )
    heads = (
        "against", "its clicks", "clicks gained", "gained, share", "draws with fewer clicks",
        "better",
    )  # fmt: skip
    return Table("The plan against other ways to divide the same budget", heads, rows, (5,))
