"""Compare two segments, feature by feature, in raw units."""

from functools import partial

import streamlit as st

from segmentry.describe.profiles import SegmentProfile
from segmentry.formats import count, interval, percent, rate, signed
from segmentry.present.dashboard._ask import choose_segment
from segmentry.present.dashboard._offer import offer
from segmentry.present.dashboard._runs import Run
from segmentry.present.dashboard._show import heading, notice, part, segment_label, table, words
from segmentry.present.tables import Column, Row, Table
from segmentry.present.two_runs import middles
from segmentry.results.summary import Summary
from segmentry.schema import Estimate


def show_compare(run: Run) -> None:
    """Draw both segments side by side, the features that differ most first."""
    heading("Compare two segments", "The largest differences come first.")
    words("Standardised difference", "Forecast, expected")
    if len(run.summary.segments) < 2:
        notice("This run has one segment: there is nothing to compare it with.")
        return
    _pair(run)


@part
def _pair(run: Run) -> None:
    left, right = st.columns(2)
    with left:
        one = choose_segment(run, "One segment", key="one", first=1)
    with right:
        other = choose_segment(run, "The other", key="other", first=2)
    if one.segment_id == other.segment_id:
        notice("Both are the same segment; choose another one.")
        return
    views = (_whole(one, other), _features(run.summary, one, other))
    table(run, *views)
    offer(f"segments-{one.segment_id}-and-{other.segment_id}", tables=views)


def _whole(one: SegmentProfile, other: SegmentProfile) -> Table:
    pair = (one, other)
    return Table(
        "whole",
        "As a whole",
        columns=(Column("what", ""), *_sides(pair)),
        rows=(
            Row(("users", *(count(s.n_users) for s in pair))),
            Row(("share of users", *(percent(s.share) for s in pair))),
            Row(("share of impressions", *(percent(s.impressions_share) for s in pair))),
            Row(("share of clicks", *(percent(s.clicks_share) for s in pair))),
            Row(("click rate seen (95 %)", *(_rate(s.ctr_seen) for s in pair))),
            Row(("click rate expected (90 %)", *(_rate(s.expected_rate) for s in pair))),
            Row(("verdict of later days", *(s.verdict for s in pair))),
        ),
    )


def _sides(pair: tuple[SegmentProfile, SegmentProfile]) -> tuple[Column, ...]:
    return tuple(Column(f"segment_{s.segment_id}", segment_label(s)) for s in pair)


def _rate(estimate: Estimate) -> str:
    limits = interval(estimate, write=rate)
    return f"{rate(estimate.value)}\n{limits}" if estimate.is_known else rate(None)


def _features(summary: Summary, one: SegmentProfile, other: SegmentProfile) -> Table:
    features = {row.name: row for row in summary.features}
    others = {row.feature: row for row in other.numeric}
    found: list[tuple[float, Row]] = []
    for mine in one.numeric:
        theirs, feature = others.get(mine.feature), features.get(mine.feature)
        a = mine.standardised_difference.value
        b = None if theirs is None else theirs.standardised_difference.value
        if theirs is None or a is None or b is None:
            continue
        label, unit = (mine.feature, "") if feature is None else (feature.label, feature.unit)
        cells = (label, unit, middles(mine, feature), middles(theirs, feature), a - b)
        found.append((abs(a - b), Row(cells)))
    return Table(
        "features",
        "Median, and below it the mean, in raw units",
        columns=(
            Column("feature", "feature"),
            Column("unit", "unit", is_words=True),
            *_sides((one, other)),
            Column("difference", "difference, standardised", partial(signed, digits=2)),
        ),
        rows=tuple(row for _, row in sorted(found, key=lambda each: -each[0])),
    )
