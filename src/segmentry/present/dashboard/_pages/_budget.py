"""What if a budget were divided otherwise: sliders, and what each answer rests on."""

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType

import streamlit as st

from segmentry.advise.budget import BudgetPlan, BudgetRequest, SegmentTraffic, plan_budget
from segmentry.advise.planning import PlanBasis
from segmentry.errors import SegmentryError
from segmentry.formats import count, interval, percent, rate
from segmentry.present import figures as plots
from segmentry.present.dashboard._drawing import drawn
from segmentry.present.dashboard._offer import offer
from segmentry.present.dashboard._planning import basis_of, measured
from segmentry.present.dashboard._runs import Run
from segmentry.present.dashboard._show import heading, listed, notice, part, put, table, together
from segmentry.present.report import Figure, Row, Table, render_figure

_SHARE = 100
_CHANGE = 2.0
_EXPONENT = 0.8
_RESPONSES: Mapping[str, str] = {
    "linear": "as many more as impressions",
    "concave": "fewer and fewer more",
}


@part
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
        asked = _asked(basis)
        plan = plan_budget(basis.segments, basis.rates, asked, n_days_of_log=basis.n_days)
    except SegmentryError as error:
        notice(f"No budget can be planned: {error}")
        return
    _show_plan(run, plan, asked)


def prepare_budget(run: Run) -> None:
    """Draw the plan that is shown first, before a reader asks."""
    basis = measured(run)
    if basis.rates is not None:
        asked = _request(basis)
        plan = plan_budget(basis.segments, basis.rates, asked, n_days_of_log=basis.n_days)
        _figures(run, plan, asked)


def _asked(basis: PlanBasis) -> BudgetRequest:
    """Return what the sliders ask for."""
    left, middle, right = st.columns(3)
    with left:
        share = st.slider(
            "Impressions, in % of those of the log",
            5,
            200,
            _SHARE,
            step=5,
            key="budget",
            bind="query-params",
        )
    with middle:
        response = st.selectbox(
            "Clicks that more impressions bring (assumed)",
            list(_RESPONSES),
            format_func=_RESPONSES.__getitem__,
            key="response",
            bind="query-params",
        )
    with right:
        change = st.slider(
            "Most change of a segment’s part, as a factor",
            1.1,
            5.0,
            _CHANGE,
            0.1,
            key="change",
            bind="query-params",
        )
    exponent = None
    if response == "concave":
        exponent = st.slider(
            "Power of the response", 0.3, 0.95, _EXPONENT, 0.05, key="exponent", bind="query-params"
        )
    floors, caps = _limits(basis.segments)
    return _request(
        basis, share=share, exponent=exponent, floors=floors, caps=caps, max_change=change
    )


def _request(
    basis: PlanBasis,
    *,
    share: int = _SHARE,
    exponent: float | None = None,
    floors: Mapping[int, float] = MappingProxyType({}),
    caps: Mapping[int, float] = MappingProxyType({}),
    max_change: float = _CHANGE,
) -> BudgetRequest:
    """Return the request; what is left out is what the sliders say first."""
    total = sum(segment.n_impressions for segment in basis.segments)
    return BudgetRequest(
        n_impressions=max(1, total * share // 100),
        n_days=basis.n_days,
        response="linear" if exponent is None else "concave",
        exponent=1.0 if exponent is None else exponent,
        floors=dict(floors),
        caps=dict(caps),
        max_change=max_change,
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


def _show_plan(run: Run, plan: BudgetPlan, asked: BudgetRequest) -> None:
    tables = (_parts(plan), _comparisons(plan))
    with together():
        for view in _figures(run, plan, asked):
            put(render_figure(view))
        table(*tables)
    pictures = {
        "budget_gain": partial(plots.ANSWERS["budget_gain"].plot, plan),
        "budget": partial(plots.ANSWERS["budget"].plot, plan),
    }
    offer("budget", tables=(_sensitivity(plan), *tables), pictures=pictures)
    listed(plan.notes)


def _figures(run: Run, plan: BudgetPlan, asked: BudgetRequest) -> tuple[Figure, ...]:
    key = repr(asked)  # floors and caps are mappings, which no cache takes
    gain = drawn(run, "gain", key, chart=lambda: plots.ANSWERS["budget_gain"].plot(plan))
    parts = drawn(run, "budget", key, chart=lambda: plots.ANSWERS["budget"].plot(plan))
    told, tables = plots.ANSWERS["budget_gain"].caption(plan), (_sensitivity(plan),)
    brought = plots.ANSWERS["budget"].caption(plan)
    return (
        Figure("budget_gain", "What it gains", told, gain, tables),
        Figure("budget", "What each segment brings", brought, parts, ()),
    )


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
