"""Compare two segments, feature by feature, in raw units."""

from dataclasses import dataclass

import streamlit as st

from segmentry.describe.profiles import SegmentProfile
from segmentry.formats import MISSING, count, feature_value, interval, percent, rate, signed
from segmentry.present.dashboard._offer import offer
from segmentry.present.dashboard._runs import Run
from segmentry.present.dashboard._show import (
    choose_segment,
    heading,
    notice,
    part,
    segment_label,
    table,
    words,
)
from segmentry.present.report import Row, Table
from segmentry.results.summary import Summary


@dataclass(frozen=True, slots=True)
class _Gap:
    """A feature of both segments; `size` in standard deviations of all users."""

    label: str
    unit: str
    one: str
    other: str
    size: float


def show_compare(run: Run) -> None:
    """Draw both segments side by side, the features that set them apart first."""
    heading("Compare two segments", "What sets them apart most comes first.")
    words("Standardised difference", "Forecast, expected")
    if len(run.summary.segments) < 2:
        notice("This run has one segment: there is nothing to compare it with.")
        return
    _pair(run)


@part
def _pair(run: Run) -> None:
    left, right = st.columns(2)
    with left:
        one = choose_segment(run, "One segment", key="one")
    with right:
        other = choose_segment(run, "The other", key="other", position=1)
    if one.segment_id == other.segment_id:
        notice("Both are the same segment; choose another one.")
        return
    views = (_whole(one, other), _features(run.summary, one, other))
    table(*views)
    offer(f"segments-{one.segment_id}-and-{other.segment_id}", tables=views)


def _whole(one: SegmentProfile, other: SegmentProfile) -> Table:
    pair = (one, other)
    rows = (
        Row("users", tuple(count(s.n_users) for s in pair)),
        Row("share of users", tuple(percent(s.share) for s in pair)),
        Row("share of impressions", tuple(percent(s.impressions_share) for s in pair)),
        Row("share of clicks", tuple(percent(s.clicks_share) for s in pair)),
        Row("click rate seen (95 %)", tuple(_rate(s, "seen") for s in pair)),
        Row("click rate expected (90 %)", tuple(_rate(s, "forecast") for s in pair)),
        Row("verdict of later days", tuple(s.verdict for s in pair)),
    )
    return Table("As a whole", ("", *(segment_label(s) for s in pair)), rows)


def _rate(segment: SegmentProfile, which: str) -> str:
    estimate = segment.ctr_seen if which == "seen" else segment.forecast_ctr
    if not estimate.is_known:
        return MISSING
    return f"{rate(estimate.value)}\n{interval(estimate, write=rate)}"


def _features(summary: Summary, one: SegmentProfile, other: SegmentProfile) -> Table:
    rows = {row.name: row for row in summary.features}
    others = {row.feature: row for row in other.numeric}
    gaps = []
    for mine in one.numeric:
        theirs = others.get(mine.feature)
        if theirs is None:
            continue
        a, b = mine.standardised_difference.value, theirs.standardised_difference.value
        if a is None or b is None:
            continue
        feature = rows.get(mine.feature)
        kind = "count" if feature is None else feature.kind
        label, unit = (mine.feature, "") if feature is None else (feature.label, feature.unit)
        one_text, other_text = (
            f"{feature_value(each.median, kind=kind, unit=unit)}\n"
            f"mean {feature_value(each.mean, kind=kind, unit=unit)}"
            for each in (mine, theirs)
        )
        gaps.append(_Gap(label, unit, one_text, other_text, a - b))
    gaps.sort(key=lambda gap: -abs(gap.size))
    return Table(
        "Median, and below it the mean, in raw units",
        ("feature", "unit", segment_label(one), segment_label(other), "difference, standardised"),
        tuple(Row(g.label, (g.unit, g.one, g.other, signed(g.size, digits=2))) for g in gaps),
        text_columns=(1,),
    )
