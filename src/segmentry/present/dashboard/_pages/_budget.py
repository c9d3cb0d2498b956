"""What if a budget were divided otherwise: sliders, and what each answer rests on."""

from functools import partial

import streamlit as st

from segmentry.advise.basis import PlanBasis
from segmentry.advise.budget import BudgetPlan, BudgetRequest, SegmentTraffic, divide_budget
from segmentry.errors import SegmentryError
from segmentry.present import figures as plots
from segmentry.present.dashboard._ask import choose, slider
from segmentry.present.dashboard._drawing import drawn
from segmentry.present.dashboard._offer import offer
from segmentry.present.dashboard._runs import Run
from segmentry.present.dashboard._show import (
    heading,
    listed,
    measured,
    notice,
    part,
    put,
    table,
    together,
)
from segmentry.present.plans import comparison_table, part_table, sensitivity_table
from segmentry.present.report import render_figure

_RESPONSES = {"linear": "as many more as impressions", "concave": "fewer and fewer more"}


@part
def show_budget(run: Run) -> None:
    """Divide a budget among the segments as the reader asks, with intervals."""
    heading(
        "What if the budget were divided otherwise?",
        "Chosen on one half of the users, judged by the other. Observational until a test tells.",
        level=2,
    )
    try:
        basis = measured(run)
        if basis.rates is None:
            notice(f"No budget can be planned: {basis.reason}")
            return
        request = _request(basis)
        plan = divide_budget(basis.segments, basis.rates, request, n_days_of_log=basis.n_days)
    except SegmentryError as error:
        notice(f"No budget can be planned: {error}")
        return
    _show_plan(run, plan, request)


def _request(basis: PlanBasis) -> BudgetRequest:
    """Return what the sliders ask for."""
    left, middle, right = st.columns(3)
    with left:
        share = slider("Impressions, in % of those of the log", 5, 200, 100, 5, key="budget")
    with middle:
        label = "Clicks that more impressions bring (assumed)"
        is_concave = choose(label, _RESPONSES, key="response") == "concave"
    with right:
        change = slider(
            "Most change of a segment’s part, as a factor", 1.1, 5.0, 2.0, 0.1, key="change"
        )
    exponent = 1.0
    if is_concave:
        exponent = slider("Power of the response", 0.3, 0.95, 0.8, 0.05, key="exponent")
    floors, caps = _limits(basis.segments)
    total = sum(segment.n_impressions for segment in basis.segments)
    return BudgetRequest(
        n_impressions=max(1, total * share // 100),
        n_days=basis.n_days,
        response="concave" if is_concave else "linear",
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


def _show_plan(run: Run, plan: BudgetPlan, request: BudgetRequest) -> None:
    tables = (part_table(plan), comparison_table(plan))
    asked = repr(request)  # floors and caps are mappings, which no cache takes
    gain, parts = (
        partial(plots.ANSWERS["budget_gain"].plot, plan),
        partial(plots.ANSWERS["budget"].plot, plan),
    )
    figures = (
        drawn(
            run, "budget_gain", "What it gains", plots.ANSWERS["budget_gain"].caption(plan), asked,
            chart=gain, tables=[sensitivity_table(plan)],
        ),
        drawn(
            run, "budget", "What each segment brings", plots.ANSWERS["budget"].caption(plan), asked,
            chart=parts,
        ),
    )  # fmt: skip
    with together():
        for view in figures:
            put(render_figure(view))
        table(*tables)
    offer(
        "budget",
        tables=(sensitivity_table(plan), *tables),
        pictures={"budget_gain": gain, "budget": parts},
    )
    listed(plan.notes)
