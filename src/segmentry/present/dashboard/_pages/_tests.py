"""The planner of tests: how many users and days it takes to find a change."""

from functools import partial

import streamlit as st

from segmentry.advise.basis import PlanBasis
from segmentry.advise.experiments import (
    ExperimentPlan,
    ExperimentRequest,
    plan_experiment,
    smallest_effect,
)
from segmentry.errors import ConfigError
from segmentry.formats import count, percent
from segmentry.present import figures as plots
from segmentry.present.dashboard._ask import choose, slider
from segmentry.present.dashboard._drawing import drawn
from segmentry.present.dashboard._offer import offer
from segmentry.present.dashboard._runs import Run
from segmentry.present.dashboard._show import (
    Fact,
    facts,
    heading,
    listed,
    measured,
    notice,
    part,
    put,
    table,
)
from segmentry.present.plans import power_table
from segmentry.present.report import render_figure
from segmentry.present.tables import Column, Row, Table

_RATIOS = {each: each for each in ("1:1", "1:2", "2:1", "1:4", "4:1", "1:9", "9:1")}


def show_tests(run: Run) -> None:
    """Say how long a test takes for what the reader wants to find."""
    heading(
        "Test planner",
        "How many users and days a test of an action takes, users being the unit. Nothing is "
        "assigned here: segmentry plan test does that.",
    )
    _plan(run)


@part
def _plan(run: Run) -> None:
    """Plan what the reader asks for."""
    basis = measured(run)
    position, who = _who(basis)
    request = _request()
    traffic = basis.traffic[position][2]
    days = range(1, request.max_days + 1)
    smallest = tuple(smallest_effect(traffic, request, n_days=day) for day in days)
    by_day = Table(
        "smallest",
        "The smallest change by day",
        columns=(Column("days", "days"), Column("smallest", "smallest change", percent)),
        rows=tuple(Row(pair) for pair in zip(days, smallest, strict=True)),
    )
    chart = partial(plots.ANSWERS["reach"].plot, smallest, mde=request.mde, whom=who)
    caption = plots.ANSWERS["reach"].caption(smallest, mde=request.mde, whom=who)
    reach = drawn(
        run, "reach", "What a test can find", caption, who, request, chart=chart, tables=[by_day]
    )
    put(render_figure(reach))
    rows = (basis.traffic[position], *(basis.traffic[1:] if position == 0 else ()))
    treated = round(traffic.n_users * request.treatment_share)
    try:
        plan = plan_experiment(
            rows,
            request,
            measured_days=basis.measured_days,
            salt="test",
            n_control=traffic.n_users - treated,
            n_treatment=treated,
        )
    except ConfigError as error:
        notice(f"No such test: {error}")
        return
    view = power_table(plan)
    facts(_facts(plan))
    table(view)
    offer("test", tables=(by_day, view), pictures={"reach": chart})
    listed(plan.notes)


def _who(basis: PlanBasis) -> tuple[int, str]:
    """Let the reader choose all segments or one."""
    names = {
        str(i): "all segments" if segment_id is None else f"segment {segment_id} {name}"
        for i, (segment_id, name, _, _) in enumerate(basis.traffic)
    }
    chosen = choose("Who takes part", names, key="who")
    return int(chosen), names[chosen]


def _request() -> ExperimentRequest:
    """Return what the reader wants to find, and how surely."""
    left, right = st.columns(2)
    with left:
        st.selectbox("Metric", ["Click rate (ctr)"], key="metric")
        mde = slider("Smallest relative change to find, in %", 1, 50, 10, key="mde")
        days = slider("Longest test, in days", 1, 120, 60, key="days")
    with right:
        ratio = choose("Control to treatment", _RATIOS, key="ratio")
        power = slider("Power: chance to find it, in %", 50, 99, 80, key="power")
        alpha = slider("Chance of a false find, in %", 1, 20, 5, key="alpha")
    control, treatment = map(float, ratio.split(":"))
    return ExperimentRequest(
        mde=mde / 100,
        power=power / 100,
        alpha=alpha / 100,
        ratio=(control, treatment),
        max_days=days,
    )


def _facts(plan: ExperimentPlan) -> tuple[Fact, ...]:
    """Return what a test of all takes."""
    found = plan.everyone
    arms = f"{count(plan.n_control)} : {count(plan.n_treatment)}"
    return (
        ("Days", count(found.n_days), f"to find {percent(plan.mde)}"),
        (
            "Days with the time before taken into account",
            count(found.n_days_adjusted),
            f"{percent(found.variance_reduction, digits=0)} less variance",
        ),
        ("Users reached", count(found.n_users_reached), "both arms together"),
        ("Arms", arms, "users to be assigned, about"),
    )
