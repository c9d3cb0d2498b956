"""Budget: a share of the ads for every segment, and what the split brings, on top at once."""

from functools import partial

import streamlit as st

from segmentry.advise.basis import PlanBasis
from segmentry.advise.budget import BudgetPlan, BudgetRequest, divide_budget
from segmentry.errors import SegmentryError
from segmentry.formats import count, decimal, interval, percent, rate, signed
from segmentry.present import figures as plots
from segmentry.present.dashboard._ask import slider
from segmentry.present.dashboard._offer import offer
from segmentry.present.dashboard._runs import Run, why_not_planned
from segmentry.present.dashboard._show import Fact, facts, heading, measured, notice, part, table
from segmentry.present.plans import sensitivity_table, share_of_draws
from segmentry.present.tables import Column, Table, segment_row
from segmentry.results.summary import Summary

_WEAR_OUT = {1.0: "No", 0.8: "A little", 0.5: "Much"}
"""The power by which clicks follow ads."""
_PER_ROW = 3


def show_budget(run: Run) -> None:
    """Let the reader divide the ads among the segments."""
    heading("Budget", "Change the share of a segment and see what the split brings.")
    reason = why_not_planned(run)
    if not reason and len(run.summary.segments) < 2:
        reason = "This run has one segment: there is nothing to divide a budget among."
    if reason:
        notice(reason)
    else:
        _divide(run)


@part
def _divide(run: Run) -> None:
    basis = measured(run)
    if basis.rates is None:
        notice("No budget can be planned: too few later days are known to forecast clicks.")
        return
    result = st.container()
    now = _shares_now(basis)
    left, right = st.columns(2)
    with left:
        power = st.segmented_control(
            "Do extra ads wear out?",
            list(_WEAR_OUT),
            default=0.8,
            format_func=_WEAR_OUT.__getitem__,
            key="wear-out",
            required=True,
        )
    with right:
        size = slider("Ads in total, in % of now", 10, 200, 100, 5, key="budget")
    shares = _shares(run.summary, basis, now)
    total = sum(shares.values())
    if total <= 0:
        notice("All shares are 0: give at least one segment a share.")
        return
    try:
        plan = _plan(
            basis, {i: share / total for i, share in shares.items()}, now, power=power, size=size
        )
    except SegmentryError as error:
        notice(f"This split cannot be judged: {error}")
        return
    with result:
        facts(_facts(plan, total=total))
    view = _table(run.summary, plan, now)
    table(run, view)
    offer(
        "budget",
        tables=(view, sensitivity_table(plan)),
        pictures={
            "budget_gain": partial(plots.ANSWERS["budget_gain"].plot, plan),
            "budget": partial(plots.ANSWERS["budget"].plot, plan, run.summary.colours),
        },
    )


def _shares_now(basis: PlanBasis) -> dict[int, float]:
    total = sum(each.n_impressions for each in basis.segments)
    return {each.segment_id: each.n_impressions / total for each in basis.segments}


def _shares(summary: Summary, basis: PlanBasis, now: dict[int, float]) -> dict[int, float]:
    """Return the reader's shares in per cent, at first those that the decisions propose."""
    spending = summary.spending
    parts = () if spending is None else spending.segments
    proposed = {**now, **{each.segment_id: each.share_proposed for each in parts}}
    with st.container(horizontal=True, key="presets"):
        for label, preset in (("Proposed shares", proposed), ("Shares as now", now)):
            st.button(label, on_click=_fill, args=(preset,), key=label)
    found: dict[int, float] = {}
    for start in range(0, len(basis.segments), _PER_ROW):
        row = st.columns(_PER_ROW, vertical_alignment="bottom")  # labels may take two lines
        for place, segment in zip(row, basis.segments[start : start + _PER_ROW], strict=False):
            i, key = segment.segment_id, _key(segment.segment_id)
            st.session_state.setdefault(key, round(100 * proposed[i], 1))
            share = place.number_input(
                f"{i} {segment.name}: {percent(now[i])} now",
                0.0, 100.0, step=1.0, format="%.1f", key=key,
            )  # fmt: skip
            # A share as it is now stays exact, so that no change is judged to bring nothing.
            found[i] = 100 * now[i] if share == round(100 * now[i], 1) else share
    return found


def _key(segment_id: int) -> str:
    return f"share-{segment_id}"


def _fill(shares: dict[int, float]) -> None:
    for segment_id, share in shares.items():
        st.session_state[_key(segment_id)] = round(100 * share, 1)


def _plan(
    basis: PlanBasis, split: dict[int, float], now: dict[int, float], *, power: float, size: int
) -> BudgetPlan:
    """Judge a split: it is all that its floors and caps allow."""
    assert basis.rates is not None  # noqa: S101 - the page ends before
    total = sum(each.n_impressions for each in basis.segments)
    growth = max(split[i] / now[i] for i in split if now[i] > 0) * max(1.0, size / 100)
    request = BudgetRequest(
        n_impressions=max(1, total * size // 100),
        n_days=basis.n_days,
        response="linear" if power == 1 else "concave",
        exponent=power,
        floors=split,
        caps=split,
        max_change=max(2.0, 1.01 * growth),
    )
    return divide_budget(basis.segments, basis.rates, request, n_days_of_log=basis.n_days)


def _facts(plan: BudgetPlan, *, total: float) -> tuple[Fact, ...]:
    gain = plan.comparisons[0]
    share = gain.gain_share
    found = [
        (
            "Clicks, against the split as now",
            f"{signed((share.value or 0.0) * 100, digits=1)}\u00a0%",
            f"{interval(share, write=percent)} (90 %)",
        ),
        ("That is", signed(gain.gain.value or 0.0, digits=0), f"clicks in {plan.n_days:g} days"),
        ("Risk of a loss", share_of_draws(gain.losing_share), "by what is known of the segments"),
    ]
    if abs(total - 100) >= 0.5:
        found.append(
            (
                "Your shares add up to",
                f"{decimal(total, digits=1)}\u00a0%",
                "shown as parts of 100 %",
            )
        )
    return tuple(found)


def _table(summary: Summary, plan: BudgetPlan, now: dict[int, float]) -> Table:
    rates = {each.segment_id: each.expected_rate for each in summary.segments}
    return Table(
        "budget",
        "What the split brings (intervals: 90\u00a0%); based on past behaviour, a test shows the "
        "real effect",
        columns=(
            Column("segment", "segment"),
            Column("share_now", "ads now", percent),
            Column("share", "your split", percent),
            Column("rate", "expected click rate", rate),
            Column("expected", "clicks expected", count),
        ),
        rows=tuple(
            segment_row(
                each.segment_id,
                each.name,
                now[each.segment_id],
                each.impressions / plan.n_impressions,
                rates[each.segment_id],
                each.expected,
            )
            for each in plan.segments
        ),
    )
