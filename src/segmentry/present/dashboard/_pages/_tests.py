"""The planner of tests: how long a test takes, and the two lists of users to start it with."""

import io
import math
import zipfile
from functools import partial

import numpy as np
import polars as pl
import streamlit as st

from segmentry.advise.basis import PlanBasis
from segmentry.advise.experiments import (
    ARMS,
    ExperimentPlan,
    ExperimentRequest,
    assign_arms,
    plan_experiment,
    smallest_effect,
)
from segmentry.describe.profiles import SegmentProfile
from segmentry.errors import ConfigError
from segmentry.evaluation.later_days import Traffic
from segmentry.formats import count, percent
from segmentry.present import figures as plots
from segmentry.present.dashboard._ask import choose, slider
from segmentry.present.dashboard._drawing import drawn
from segmentry.present.dashboard._offer import as_csv, as_parquet, offer
from segmentry.present.dashboard._runs import Run, why_not_planned
from segmentry.present.dashboard._show import (
    Fact,
    facts,
    heading,
    measured,
    note,
    notice,
    part,
    put,
    recommended,
    table,
    together,
)
from segmentry.present.plans import power_table
from segmentry.present.report import render_figure
from segmentry.present.tables import Column, Row, Table
from segmentry.results.run_folder import read_segments
from segmentry.schema import UNASSIGNED

_GROUPS = {
    "1:1": "half of them",
    "4:1": "20 % of them",
    "9:1": "10 % of them",
    "1:4": "80 % of them",
    "1:9": "90 % of them",
}
"""The treated, by control to treatment."""
_WEEK = 7
_SALT = "test"


def show_tests(run: Run) -> None:
    """Say how long a test takes for what the reader wants to find."""
    heading("Plan a test", "Only a test shows what an action changes.")
    reason = why_not_planned(run)
    if reason:
        notice(reason)
    else:
        _plan(run)


@part
def show_test_of(run: Run, segment: SegmentProfile) -> None:
    """Say how long a test of one segment takes."""
    heading("Test this segment", level=2)
    _show_plan(run, measured(run), segment.segment_id)


@part
def _plan(run: Run) -> None:
    """Plan a test of the users that the reader chooses, first the segment to act on."""
    basis = measured(run)
    ids = [segment_id for segment_id, _, _, _ in basis.traffic]
    names = {
        str(segment_id or "all"): "All segments" if segment_id is None else f"{segment_id} {name}"
        for segment_id, name, _, _ in basis.traffic
    }
    first = recommended(run.summary)
    position = ids.index(first) if first in ids else 0
    chosen = choose("Who takes part", names, key="who", position=position)
    _show_plan(run, basis, None if chosen == "all" else int(chosen))


def _show_plan(run: Run, basis: PlanBasis, segment_id: int | None) -> None:
    """Show days, users and the lists of a test."""
    row = next((each for each in basis.traffic if each[0] == segment_id), None)
    if row is None:
        notice("Too few of these users were shown ads on later days to plan a test of them alone.")
        return
    traffic = row[2]
    request = _request(traffic, "all" if segment_id is None else str(segment_id))
    who = "all segments" if segment_id is None else f"segment {segment_id} {row[1]}"
    treated = round(traffic.n_users * request.treatment_share)
    try:
        plan = plan_experiment(
            (row, *(basis.traffic[1:] if segment_id is None else ())),
            request,
            measured_days=basis.measured_days,
            salt=_SALT,
            n_control=traffic.n_users - treated,
            n_treatment=treated,
        )
    except ConfigError:
        notice(
            f"A change of {percent(request.mde, digits=0)} is too small to be found within "
            f"{request.max_days} days. Look for a larger one, or allow more days or users."
        )
        return
    facts(_facts(plan))
    _hand_out(run, segment_id, request)
    days = range(1, request.max_days + 1)
    smallest = tuple(smallest_effect(traffic, request, n_days=day) for day in days)
    by_day = Table(
        "smallest",
        "The smallest change by day",
        columns=(Column("days", "days"), Column("smallest", "smallest change", percent)),
        rows=tuple(Row(pair) for pair in zip(days, smallest, strict=True)),
    )
    chart = partial(plots.ANSWERS["reach"].plot, smallest, mde=request.mde, who=who)
    caption = plots.ANSWERS["reach"].caption(smallest, mde=request.mde, who=who)
    reach = drawn(
        run, "reach", "What a test can find", caption, who, request, chart=chart, tables=[by_day]
    )
    views = [power_table(plan)] if segment_id is None else []
    with together():
        put(render_figure(reach, run.summary.colours))
        table(run, *views)
    offer("test", tables=(by_day, *views), pictures={"reach": chart})


def _request(traffic: Traffic, whose: str) -> ExperimentRequest:
    """Return what the reader wants to find, at first what two weeks can find, and how surely."""
    found = smallest_effect(traffic, ExperimentRequest(mde=0.1), n_days=2 * _WEEK)
    first = 10 if found is None else min(50, max(5, math.ceil(100 * found)))
    left, right = st.columns(2)
    with left:
        mde = slider("Smallest change worth finding, in %", 1, 50, first, key=f"change-{whose}")
    with right:
        ratio = choose("Who gets the new treatment", _GROUPS, key="ratio")
    with st.expander("How sure it should be"):
        power = slider("Chance to find the change if it is there, in %", 50, 99, 80, key="power")
        alpha = slider("False alarm risk, in %", 1, 20, 5, key="alpha")
        days = slider("Longest test, in days", _WEEK, 120, 28, key="days")
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
    n_days = found.n_days or found.n_days_adjusted or _WEEK
    whole = -(-n_days // _WEEK) * _WEEK
    enough = "one day is" if n_days == 1 else f"{count(n_days)} days are"
    if found.n_days is None:
        enough = f"with each user's history {enough}"
    more = "" if n_days == whole else "; whole weeks hold every weekday"
    return (
        ("Run it for", f"{whole} days", f"{enough} enough" + more),
        ("Get the new treatment", count(plan.n_treatment), "users"),
        ("Go on as before", count(plan.n_control), "users, to compare with"),
        (
            "Finds a change of",
            percent(plan.mde, digits=0),
            f"in {percent(plan.power, digits=0)} of such tests",
        ),
    )


def _hand_out(run: Run, segment_id: int | None, request: ExperimentRequest) -> None:
    st.download_button(
        "Download the two lists of users",
        data=partial(_lists, run, segment_id, request),
        file_name=f"test-{'all' if segment_id is None else f'segment-{segment_id}'}.zip",
        mime="application/zip",
        on_click="ignore",
        type="primary",
        key="take-lists",
    )
    note("Keep assignment.parquet of the download: the analysis of the test asks for it.")


def _lists(run: Run, segment_id: int | None, request: ExperimentRequest) -> bytes:
    """Return a ZIP of both groups, by hash of the id as the command line assigns them."""
    users = read_segments(run.folder).select("user_id", "segment_id")
    wanted = pl.col("segment_id")
    users = users.filter(wanted != UNASSIGNED if segment_id is None else wanted == segment_id)
    arms = assign_arms(
        users["user_id"],
        users["segment_id"].to_numpy().astype(np.int64),
        ratio=request.ratio,
        salt=_SALT,
    )
    names = pl.Series("arm", [ARMS[arm] for arm in arms.tolist()], dtype=pl.String)
    users = users.with_columns(names)
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as files:
        for arm in ARMS:
            files.writestr(
                f"{arm}.csv", as_csv(users.filter(pl.col("arm") == arm).select("user_id"))
            )
        files.writestr("assignment.parquet", as_parquet(users))
    return sink.getvalue()
