"""Figures with one row per segment: sizes and click rates."""

from typing import TYPE_CHECKING

from segmentry.formats import count, interval, percent, rate
from segmentry.present.figures._caption import Caption, Rows, empty_chart, finish, quoted
from segmentry.present.figures._marks import as_given, at_x, at_y, haloed, layered, on, scaled_x
from segmentry.present.theme import ROLES, segment_colour
from segmentry.schema import Estimate

if TYPE_CHECKING:
    import altair as alt

    from segmentry.describe.profiles import SegmentProfile
    from segmentry.results.summary import Summary


_WIDTH = 440
_STEP = 46
_SAME_DAYS = "on the days that formed the segments"


def caption_sizes(summary: "Summary") -> Caption:
    """Say how large the segments are.

    Examples
    --------
    >>> print(caption_sizes(summary).finding)  # doctest: +SKIP
    """
    ranked = sorted(summary.segments, key=lambda segment: -segment.share)
    first, last = ranked[0], ranked[-1]
    finding = (
        f"The largest segment, {quoted(first.name)}, holds {percent(first.share, digits=0)} of "
        f"the users; the smallest, {quoted(last.name)}, {percent(last.share, digits=0)}"
        if len(ranked) > 1
        else f"All {count(first.n_users)} users are in one segment"
    )
    traits = summary.traits
    rows = "; ".join(
        f"{s.segment_id} {s.name}: {percent(s.share)} of users"
        + (f", {percent(s.impressions_share)} of {traits.events}" if traits.has_log else "")
        for s in summary.segments
    )
    shown = " they were shown" if traits.event == "impression" else ""
    line = f" Upright line: share of the {traits.events}{shown}." if traits.has_log else ""
    return Caption(
        finding=finding,
        reading=f"Bar: share of the users.{line}",
        alt=f"Bar chart of the segments by share of users. {rows}.",
    )


def plot_sizes(summary: "Summary") -> "alt.LayerChart":
    """Draw the segments as bars: share of users, with the share of impressions marked.

    Parameters
    ----------
    summary : Summary
        The run.

    Returns
    -------
    altair.LayerChart
        Figure ``sizes``.

    Examples
    --------
    >>> plot_sizes(summary).save("sizes.html")  # doctest: +SKIP
    """
    rows: Rows = [
        {
            **_row(index, segment),
            "share": segment.share,
            "impressions_share": segment.impressions_share,
            "value": f"{count(segment.n_users)} users, {percent(segment.share)}",
        }
        for index, segment in enumerate(summary.segments)
    ]
    top = max(max(s.share, s.impressions_share) for s in summary.segments)
    base = _base(rows)
    bars = base.mark_bar(height=14, yOffset=8).encode(
        x=scaled_x("share", top=top), color=as_given()
    )
    ticks = base.mark_tick(size=22, thickness=2, yOffset=8, color=ROLES["ink"].light).encode(
        x=scaled_x("impressions_share", top=top)
    )
    layers = [bars, *([ticks] if summary.traits.has_log else []), *_labels(base)]
    chart = layered(layers, width=_WIDTH, height=len(rows) * _STEP)
    caption = caption_sizes(summary)
    return finish(chart, name="sizes", caption=caption, width=_WIDTH)


def caption_ctr_by_segment(summary: "Summary") -> Caption:
    """Say which segments click above and below all users, as far as the intervals tell.

    Examples
    --------
    >>> print(caption_ctr_by_segment(summary).finding)  # doctest: +SKIP
    """
    known = [(s, s.ctr_seen.value) for s in summary.segments if s.ctr_seen.value is not None]
    reading = (
        f"Clicks per impression {_SAME_DAYS}: segments that were formed by clicks look better or "
        "worse here than they are. Line: 95\u00a0% interval, the user being the unit."
    )
    if not known:
        text = "No click rate is known for any segment"
        return Caption(finding=text, reading=reading, alt=f"{text}.")
    everybody = summary.population.ctr_seen
    finding = f"{_rate_finding(known, everybody)} – {_SAME_DAYS}"
    rows = "; ".join(
        f"{s.segment_id} {s.name}: {rate(s.ctr_seen.value)}, interval "
        f"{interval(s.ctr_seen, write=rate)}"
        for s, _ in known
    )
    return Caption(
        finding=finding,
        reading=reading,
        alt=f"Dot chart of click rates with 95 % intervals, {_SAME_DAYS}. {rows}. "
        f"All users: {rate(everybody.value)}.",
    )


def _rate_finding(known: "list[tuple[SegmentProfile, float]]", everybody: Estimate) -> str:
    """Name the segment that differs most, among those whose interval leaves all users out."""
    if len(known) == 1:
        return f"All users clicked on {rate(known[0][1])} of their impressions"
    middle = everybody.value
    clear = [(s, value) for s, value in known if middle is not None and _leaves_out(s, middle)]
    if middle is None or not clear:
        return f"No segment’s click rate can be told from that of all users, {rate(middle)}"
    first, value = max(clear, key=lambda row: abs(row[1] - middle))
    return (
        f"{quoted(first.name)} clicked on {rate(value)} of its impressions, "
        f"all users on {rate(middle)}"
    )


def _leaves_out(segment: "SegmentProfile", value: float) -> bool:
    low, high = segment.ctr_seen.low, segment.ctr_seen.high
    return low is not None and high is not None and not low <= value <= high


def plot_ctr_by_segment(summary: "Summary") -> "alt.LayerChart | alt.Chart":
    """Draw the click rate of every segment with its interval, against all users.

    Parameters
    ----------
    summary : Summary
        The run.

    Returns
    -------
    altair.LayerChart or altair.Chart
        Figure ``ctr_by_segment``; without any known rate, a chart that says so.

    Examples
    --------
    >>> plot_ctr_by_segment(summary).save("ctr_by_segment.html")  # doctest: +SKIP
    """
    import altair as alt

    caption = caption_ctr_by_segment(summary)
    name = "ctr_by_segment"
    if not any(segment.ctr_seen.is_known for segment in summary.segments):
        return empty_chart(name=name, caption=caption, width=_WIDTH)
    rows: Rows = [
        {
            **_row(index, segment),
            "ctr": segment.ctr_seen.value,
            "low": segment.ctr_seen.low,
            "high": segment.ctr_seen.high,
            "value": rate(segment.ctr_seen.value),
        }
        for index, segment in enumerate(summary.segments)
    ]
    estimates = [s.ctr_seen for s in (*summary.segments, summary.population)]
    top = max(_upper(estimate) for estimate in estimates)
    base = _base(rows)
    ranges = base.mark_rule(strokeWidth=3, strokeCap="round", yOffset=8).encode(
        x=_ctr_axis("low", top=top * 1.02 or 1.0), x2=alt.X2("high:Q"), color=as_given()
    )
    dots = base.mark_point(size=90, filled=True, opacity=1, yOffset=8).encode(
        x=alt.X("ctr:Q"), color=as_given()
    )
    layers = [*_everybody(summary), ranges, dots, *_labels(base)]
    chart = layered(layers, width=_WIDTH, height=len(rows) * _STEP)
    return finish(chart, name=name, caption=caption, width=_WIDTH)


def _upper(estimate: Estimate) -> float:
    return estimate.high or estimate.value or 0.0


def _row(index: int, segment: "SegmentProfile") -> dict[str, object]:
    return {
        "row": index,
        "segment_id": segment.segment_id,
        "label": f"{segment.segment_id}  {segment.name}",
        "color": segment_colour(segment.segment_id),
    }


def _base(rows: Rows) -> "alt.Chart":
    import altair as alt

    return on(rows).encode(y=alt.Y("row:O", axis=None, sort=None))


def _ctr_axis(field: str, *, top: float) -> "alt.X":
    import altair as alt

    axis = alt.Axis(
        labelExpr="format(datum.value * 100, '~g') + ' %'",
        tickCount=5,
        title=f"clicks per impression, {_SAME_DAYS}",
    )
    return alt.X(f"{field}:Q", axis=axis, scale=alt.Scale(domain=[0, top], nice=False))


def _everybody(summary: "Summary") -> "list[alt.Chart]":
    import altair as alt

    value = summary.population.ctr_seen.value
    if value is None:
        return []
    rows: Rows = [{"ctr": value, "text": f"all users {rate(value)}"}]
    base = on(rows).encode(x=alt.X("ctr:Q"))
    return [
        base.mark_rule(color=ROLES["rule"].light, strokeDash=[3, 3]),
        base.mark_text(align="left", dx=5, dy=-2, color=ROLES["muted"].light, fontSize=12).encode(
            text=alt.Text("text:N"), y=at_y(0)
        ),
    ]


def _labels(base: "alt.Chart") -> "list[alt.Chart]":
    import altair as alt

    names = haloed(base.encode(text=alt.Text("label:N"), x=at_x(0)), weight=600, rise=10, limit=320)
    values = base.mark_text(align="right", yOffset=-10).encode(
        text=alt.Text("value:N"), x=at_x(_WIDTH)
    )
    return [*names, values]
