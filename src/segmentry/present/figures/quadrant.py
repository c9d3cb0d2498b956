"""How much a segment sees against how often it clicks, with the change that is proposed."""

from segmentry.formats import decimal, percent, rate
from segmentry.present.figures._ads import WIDTH, is_rated, parts, rated
from segmentry.present.figures._altair import alt
from segmentry.present.figures._figure import Caption, Drawing, Figure, Rows, absent
from segmentry.present.figures._marks import IN_PERCENT, as_given, layered, on
from segmentry.present.tables import Column, Table, segment_row
from segmentry.present.theme import ROLES, segment_colour, segment_ink
from segmentry.results.summary import Summary

_HEIGHT = 250
_LARGEST = 1500  # square pixels of a bubble with all users


def _points(summary: "Summary") -> list[tuple[int, str, float, float, float, float]]:
    """Return id, name, users, ads per user now and proposed against average, and click rate."""
    proposed = parts(summary)
    return [
        (
            e.segment_id,
            e.name,
            e.share,
            e.impressions_share / e.share,
            (
                proposed[e.segment_id].share_proposed
                if e.segment_id in proposed
                else e.impressions_share
            )
            / e.share,
            e.expected_rate.value or 0.0,
        )
        for e in rated(summary)
        if e.share > 0
    ]


def _caption(summary: "Summary") -> Caption:
    """Say how much of the ads goes to segments that click more than average."""
    if not is_rated(summary):
        return absent("No click rate can be expected")
    above = [e for e in rated(summary) if (e.forecast_index.value or 0.0) > 100.0]
    now = sum(e.impressions_share for e in above)
    found = parts(summary)
    finding = f"Segments that click more than average see {percent(now, digits=0)} of the ads"
    if found:
        then = sum(found[e.segment_id].share_proposed for e in above)
        finding += f", {percent(then, digits=0)} as proposed"
    text = "; ".join(
        f"{i} {name}: {decimal(x, digits=1)} times the ads, {rate(y)}"
        for i, name, _, x, _, y in _points(summary)
    )
    reading = "Bubble: users. Arrow: proposed. Lines: average."
    return Caption(finding, reading, f"Ads per user against expected click rate. {text}.")


def _draw(summary: "Summary") -> Drawing | None:
    if not is_rated(summary):
        return None
    points = _points(summary)
    if not points:
        return None
    right = max(max(x, then) for *_, x, then, _ in points) * 1.15
    top = max(y for *_, y in points) * 1.2
    rows: Rows = [
        {
            "id": str(i),
            "x": x,
            "then": then,
            "y": y,
            "size": max(260.0, _LARGEST * users),
            "color": segment_colour(summary.colour_number(i)),
            "ink": segment_ink(summary.colour_number(i)),
        }
        for i, _, users, x, then, y in points
    ]
    moved = [row for row in rows if abs(float(str(row["then"])) - float(str(row["x"]))) > 0.02]
    across = _across("x", right)
    down = _down("y", top)
    average = summary.population.expected_rate.value
    lines = [
        on([{"x": 1.0}]).mark_rule(color=ROLES["rule"].light, strokeDash=[3, 3]).encode(x=across)
    ]
    if average is not None:
        level = on([{"y": average}]).mark_rule(color=ROLES["rule"].light, strokeDash=[3, 3])
        lines.append(level.encode(y=down))
    bubbles = (
        on(rows)
        .mark_point(filled=True, opacity=1)
        .encode(
            x=across, y=down, color=as_given(), size=alt.Size("size:Q", scale=None, legend=None)
        )
    )
    numbers = (
        on(rows)
        .mark_text(fontWeight=700, fontSize=12)
        .encode(x=across, y=down, text="id:N", color=as_given("ink"))
    )
    arrows = (
        on(moved).mark_rule(strokeWidth=2).encode(x=across, x2="then:Q", y=down, color=as_given())
    )
    heads = [
        on([row for row in moved if (float(str(row["then"])) > float(str(row["x"]))) is is_up])
        .mark_point(
            filled=True, size=70, opacity=1, shape="triangle-right" if is_up else "triangle-left"
        )
        .encode(x=_across("then", right), y=down, color=as_given())
        for is_up in (True, False)
    ]
    return Drawing(
        layered([*lines, arrows, *heads, bubbles, numbers], width=WIDTH - 40, height=_HEIGHT)
    )


def _across(field: str, right: float) -> "alt.X":
    # The same axis for each layer: one without would take it from all of them.
    axis = alt.Axis(title="ads per user, average = 1", tickCount=4)
    return alt.X(f"{field}:Q", axis=axis, scale=alt.Scale(domain=[0, right], nice=False))


def _down(field: str, top: float) -> "alt.Y":
    axis = alt.Axis(title="expected click rate", labelExpr=IN_PERCENT, tickCount=4)
    return alt.Y(f"{field}:Q", axis=axis, scale=alt.Scale(domain=[0, top], nice=False))


def _tables(summary: "Summary") -> tuple[Table, ...]:
    columns = (
        Column("segment", "segment"),
        Column("users", "users", percent),
        Column("ads_per_user", "ads per user, average = 1", decimal),
        Column("ads_proposed", "as proposed", decimal),
        Column("expected_rate", "expected click rate", rate),
    )
    rows = (segment_row(i, name, *numbers) for i, name, *numbers in _points(summary))
    return (Table("quadrant", "Ads per user and expected click rate", columns, tuple(rows)),)


FIGURE = Figure(
    name="quadrant",
    title="Ads and response",
    width=WIDTH,
    caption=_caption,
    draw=_draw,
    section="ads",
    order=2,
    needs=is_rated,
    tables=_tables,
)
