"""The planner of tests: how many users and days it takes to find a change."""

from collections.abc import Sequence
from functools import partial

import streamlit as st

from segmentry.advise.experiments import (
    ExperimentPlan,
    ExperimentRequest,
    PowerRow,
    plan_experiment,
    smallest_effect,
)
from segmentry.advise.planning import PlanBasis
from segmentry.errors import ConfigError
from segmentry.evaluation.later_days import Traffic
from segmentry.formats import MISSING, count, percent, rate
from segmentry.present import figures as plots
from segmentry.present.dashboard._drawing import drawn
from segmentry.present.dashboard._offer import offer
from segmentry.present.dashboard._planning import basis_of, measured
from segmentry.present.dashboard._runs import Run
from segmentry.present.dashboard._show import facts, heading, listed, notice, part, put, table
from segmentry.present.report import Fact, Figure, Row, Table, render_figure

_MDE, _POWER, _ALPHA, _DAYS = 10, 80, 5, 60
_RATIOS = ("1:1", "1:2", "2:1", "1:4", "4:1", "1:9", "9:1")


def show_tests(run: Run) -> None:
    """Say how long a test takes for what the reader wants to find."""
    heading(
        "Test planner",
        "How many users and days a test of an action takes, users being the unit. Nothing is "
        "assigned here: segmentry plan test does that.",
    )
    _plan(run)


def prepare_tests(run: Run) -> None:
    """Draw what is shown first, before a reader asks."""
    basis = measured(run)
    request = _request()
    _reach(run, _smallest(basis.traffic[0][2], request), request, whom=_names(basis)["0"])


@part
def _plan(run: Run) -> None:
    """Plan what the reader asks for."""
    basis = basis_of(run)
    position, whom = _whom(basis)
    request = _asked()
    traffic = basis.traffic[position][2]
    smallest = _smallest(traffic, request)
    reach = _reach(run, smallest, request, whom=whom)
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
    view = _show_plan(plan)
    picture = partial(plots.ANSWERS["reach"].plot, smallest, mde=request.mde, whom=whom)
    offer("test", tables=(*reach.tables, view), pictures={"reach": picture})
    listed(plan.notes)


def _whom(basis: PlanBasis) -> tuple[int, str]:
    """Let the reader choose all segments or one."""
    names = _names(basis)
    chosen = st.selectbox(
        "Who takes part", list(names), format_func=names.__getitem__, key="who",
        bind="query-params",
    )  # fmt: skip
    return int(chosen or "0"), names[chosen or "0"]


def _names(basis: PlanBasis) -> dict[str, str]:
    return {
        str(i): "all segments" if segment_id is None else f"segment {segment_id} {name}"
        for i, (segment_id, name, _, _) in enumerate(basis.traffic)
    }


def _asked() -> ExperimentRequest:
    """Return what the reader wants to find, and how surely."""
    left, right = st.columns(2)
    with left:
        st.selectbox("Metric", ["Click rate (ctr)"], key="metric")
        mde = st.slider(
            "Smallest relative change to find, in %", 1, 50, _MDE, key="mde", bind="query-params"
        )
        days = st.slider("Longest test, in days", 1, 120, _DAYS, key="days", bind="query-params")
    with right:
        ratio = st.selectbox("Control to treatment", _RATIOS, key="ratio", bind="query-params")
        power = st.slider(
            "Power: chance to find it, in %", 50, 99, _POWER, key="power", bind="query-params"
        )
        alpha = st.slider(
            "Chance of a false find, in %", 1, 20, _ALPHA, key="alpha", bind="query-params"
        )
    return _request(mde=mde, power=power, alpha=alpha, ratio=ratio or _RATIOS[0], days=days)


def _request(
    *,
    mde: int = _MDE,
    power: int = _POWER,
    alpha: int = _ALPHA,
    ratio: str = _RATIOS[0],
    days: int = _DAYS,
) -> ExperimentRequest:
    """Return the request; what is left out is what the sliders say first."""
    control, treatment = ratio.split(":")
    return ExperimentRequest(
        mde=mde / 100,
        power=power / 100,
        alpha=alpha / 100,
        ratio=(float(control), float(treatment)),
        max_days=days,
    )


def _smallest(traffic: Traffic, request: ExperimentRequest) -> tuple[float | None, ...]:
    """Return the smallest change that is found by the days of the test."""
    days = range(1, request.max_days + 1)
    return tuple(smallest_effect(traffic, request, n_days=day) for day in days)


def _reach(
    run: Run, smallest: Sequence[float | None], request: ExperimentRequest, *, whom: str
) -> Figure:
    """Return the smallest change that is found against the days."""
    caption = plots.ANSWERS["reach"].caption(smallest, mde=request.mde, whom=whom)
    rows = tuple(Row(str(day), (percent(v),)) for day, v in enumerate(smallest, 1))
    view = Table("The smallest change by day", ("days", "smallest change"), rows)
    svg = drawn(
        run,
        "reach",
        whom,
        request,
        chart=lambda: plots.ANSWERS["reach"].plot(smallest, mde=request.mde, whom=whom),
    )
    return Figure("reach", "What a test can find", caption, svg, (view,))


def _show_plan(plan: ExperimentPlan) -> Table:
    """Set what a test takes, and return its table."""
    found = plan.everyone
    facts(
        (
            Fact("Days", _days(found.n_days), f"to find {percent(plan.mde)}"),
            Fact(
                "Days with the time before taken into account",
                _days(found.n_days_adjusted),
                f"{percent(found.variance_reduction, digits=0)} less variance",
            ),
            Fact("Users reached", count(found.n_users_reached), "both arms together"),
            Fact(
                "Arms",
                f"{count(plan.n_control)} : {count(plan.n_treatment)}",
                "users to be assigned, about",
            ),
        )
    )
    heads = (
        "who", "users", "click rate", "days", "days, adjusted", "users reached", "impressions",
        f"smallest change in {plan.max_days} days",
    )  # fmt: skip
    rows = tuple(_row(each) for each in (found, *plan.segments))
    view = Table("What it takes, together and in each segment alone", heads, rows)
    table(view)
    return view


def _row(found: PowerRow) -> Row:
    head = found.name if found.segment_id is None else f"{found.segment_id} {found.name}"
    colour = "" if found.segment_id is None else plots.segment_colour(found.segment_id)
    return Row(
        head,
        (
            count(found.n_users),
            rate(found.ctr),
            _days(found.n_days),
            _days(found.n_days_adjusted),
            count(found.n_users_reached),
            count(found.n_impressions),
            percent(found.smallest),
        ),
        colour=colour,
    )


def _days(n_days: int | None) -> str:
    return MISSING if n_days is None else count(n_days)
