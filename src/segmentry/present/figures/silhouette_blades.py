"""The silhouette blades: one user of the sample after the other, segment by segment."""

from segmentry.describe.maps import Blade
from segmentry.formats import count, decimal, percent
from segmentry.present.figures._altair import alt
from segmentry.present.figures._candidates import thousandths
from segmentry.present.figures._figure import Caption, Drawing, Figure, Rows, absent, quoted
from segmentry.present.figures._marks import (
    as_given,
    at_y,
    haloed,
    layered,
    on,
    on_named,
    pixels_x,
    pixels_y,
)
from segmentry.present.tables import Column, Table, segment_row
from segmentry.present.theme import ROLES, segment_colour
from segmentry.results.summary import Summary

_WIDTH = 560
_LEFT = 0
_GAP = 26  # above each blade, for its name
_MIN_HEIGHT = 16
_BLADES_HEIGHT = 380
_MAX_TALL = 12


def _caption(summary: "Summary") -> Caption:
    """Say which segment has most users that lie nearer to another one."""
    blades = _blades(summary)
    if not blades:
        return absent(
            "There are no silhouettes: it takes two segments to compare users with neighbours"
        )
    names = {s.segment_id: s.name for s in summary.segments}
    worst = max(blades, key=lambda blade: blade.below_zero_share)
    if worst.below_zero_share < 0.005:
        finding = "In every segment the sampled users lie nearer to their own than to any other"
    else:
        finding = (
            f"{quoted(names.get(worst.segment_id, str(worst.segment_id)))} has the most users on "
            f"the wrong side: {percent(worst.below_zero_share, digits=0)} lie nearer to another "
            "segment"
        )
    text = "; ".join(
        f"{b.segment_id} {names.get(b.segment_id, '')}: {count(b.n_sampled)} users, median "
        f"{decimal(b.values[len(b.values) // 2])}, below 0 {percent(b.below_zero_share)}"
        for b in blades
    )
    return Caption(
        finding=finding,
        reading="Each blade: the silhouettes of a segment’s sampled users, the largest on top; "
        "its height is the segment’s part of the sample. Left of 0: nearer to another segment. "
        "Broken line: mean of all.",
        alt=f"Silhouette blades by segment. {text}.",
    )


def _draw(summary: "Summary") -> Drawing | None:
    """Draw the silhouettes of sampled users, sorted within their segment.

    Rousseeuw, P. J. (1987). Silhouettes. Journal of Computational and Applied Mathematics 20.
    """
    blades = _blades(summary)
    if not blades:
        return None
    low = min(-0.1, *(blade.values[-1] for blade in blades))
    scale = alt.Scale(domain=[max(-1.0, low - 0.02), 1.0], nice=False)
    rows, labels, height = _placed(blades, summary)
    axis = alt.Axis(title="silhouette", tickCount=6, format="~g", grid=True)
    areas = (
        on_named("blades")
        .mark_area(orient="horizontal", interpolate="step-after", opacity=1)
        .encode(
            x=alt.X("value:Q", scale=scale, axis=axis),
            x2=alt.X2Datum(0),
            y=pixels_y(),
            color=as_given(),
        )
    )
    zero = (
        on([{"v": 0.0}])
        .mark_rule(color=ROLES["rule"].light, strokeWidth=1.2)
        .encode(x=alt.X("v:Q"))
    )
    layers = [areas, zero, *_mean(summary)]
    texts = on(labels).encode(y=pixels_y(), x=pixels_x(), text=alt.Text("text:N"))
    layers += haloed(texts, weight=600, limit=_WIDTH - 20)
    return Drawing(layered(layers, width=_WIDTH, height=height), {"blades": rows})


def _blades(summary: "Summary") -> "tuple[Blade, ...]":
    blades = () if summary.pictures is None else summary.pictures.blades
    return tuple(blade for blade in blades if blade.values)


def _placed(blades: "tuple[Blade, ...]", summary: "Summary") -> tuple[Rows, Rows, float]:
    """Return bars and names with their places in pixels, and the height of the chart."""
    names = {s.segment_id: s.name for s in summary.segments}
    total = sum(blade.n_sampled for blade in blades)
    room = _BLADES_HEIGHT if len(blades) <= _MAX_TALL else 24 * len(blades)
    rows: Rows = []
    labels: Rows = []
    y = 0.0
    for blade in blades:
        height = max(_MIN_HEIGHT, room * blade.n_sampled / total)
        labels.append(
            {"x": _LEFT, "y": y + 14, "text": f"{blade.segment_id}  {names[blade.segment_id]}"}
        )
        y += _GAP
        step = height / len(blade.values)
        for i, value in enumerate((*blade.values, blade.values[-1])):
            rows.append(
                {
                    "value": value,
                    "y": round(y + i * step, 2),
                    "segment_id": blade.segment_id,
                    "color": segment_colour(summary.colour_number(blade.segment_id)),
                }
            )
        y += height
    return rows, labels, round(y + 4)


def _mean(summary: "Summary") -> "list[alt.Chart]":
    chosen = next((row for row in summary.selection.candidates if row.is_selected), None)
    if chosen is None or chosen.silhouette.value is None:
        return []
    rows: Rows = [
        {"v": chosen.silhouette.value, "text": f"mean {decimal(chosen.silhouette.value)}"}
    ]
    base = on(rows).encode(x=alt.X("v:Q"))
    line = base.mark_rule(color=ROLES["ink"].light, strokeDash=[4, 3], strokeWidth=1.2)
    text = base.mark_text(align="left", dx=5, color=ROLES["muted"].light, fontSize=12).encode(
        text=alt.Text("text:N"), y=at_y(8)
    )
    return [line, text]


def _tables(summary: "Summary") -> tuple[Table, ...]:
    names = {s.segment_id: s.name for s in summary.segments}
    rows = []
    for blade in () if summary.pictures is None else summary.pictures.blades:
        n, values = len(blade.values), blade.values
        quartiles = [values[(3 * n) // 4], values[n // 2], values[n // 4]] if n else [None] * 3
        cells = (blade.n_sampled, *quartiles, blade.below_zero_share)
        rows.append(segment_row(blade.segment_id, names[blade.segment_id], *cells))
    columns = (
        Column("segment", "segment"),
        Column("n_sampled", "sampled users", count),
        Column("lower_quartile", "lower quartile", thousandths),
        Column("median", "median", thousandths),
        Column("upper_quartile", "upper quartile", thousandths),
        Column("below_zero_share", "below 0", percent),
    )
    return (Table("silhouettes", "Silhouettes of sampled users", columns, tuple(rows)),)


FIGURE = Figure(
    name="silhouette_blades",
    title="Silhouettes of users",
    width=_WIDTH,
    caption=_caption,
    draw=_draw,
    section="fit",
    order=10,
    needs=lambda summary: bool(_blades(summary)),
    tables=_tables,
)
