"""What the proposed budget brings, by how fast extra ads wear out."""

from segmentry.formats import count, percent
from segmentry.present.figures._ads import WIDTH
from segmentry.present.figures._altair import alt
from segmentry.present.figures._figure import Caption, Drawing, Figure, Rows, absent
from segmentry.present.figures._marks import IN_PERCENT, layered, on
from segmentry.present.tables import Column, Table, record_rows
from segmentry.present.theme import ROLES
from segmentry.results.summary import Summary, WearOut

_HEIGHT = 220


def _found(summary: "Summary") -> "list[WearOut]":
    spending = summary.spending
    powers = () if spending is None else spending.wear_out
    return sorted((e for e in powers if e.gain_share.is_known), key=lambda e: -e.power)


def _caption(summary: "Summary") -> Caption:
    """Say what is gained without wear-out and with the strongest."""
    found = _found(summary)
    if not found:
        return absent("No budget is proposed")
    most, least = found[0].gain_share, found[-1].gain_share
    finding = (
        f"The proposed budget brings {percent(most.value, digits=0)} more clicks if extra ads work "
        f"as well as now, {percent(least.value, digits=0)} if they wear out fast"
    )
    text = "; ".join(
        f"twice the ads, {2**each.power:.1f} times the clicks: {percent(each.gain_share.value)}"
        for each in found
    )
    return Caption(finding, "Band: 90\u00a0% interval.", f"Line of the gain by wear-out. {text}.")


def _draw(summary: "Summary") -> Drawing | None:
    rows: Rows = [
        {
            "x": 2**each.power,
            "gain": each.gain_share.value,
            "low": each.gain_share.low,
            "high": each.gain_share.high,
            "text": percent(each.gain_share.value, digits=0),
        }
        for each in _found(summary)
    ]
    if not rows:
        return None
    across = alt.X(
        "x:Q",
        axis=alt.Axis(
            title="clicks of a segment that gets twice the ads",
            labelExpr="datum.value + '×'",
            values=[1.4, 1.6, 1.8, 2.0],
        ),
        scale=alt.Scale(domain=[1.38, 2.04], nice=False),
    )
    top = max(each.gain_share.high or each.gain_share.value or 0.0 for each in _found(summary))
    low = min(0.0, *(each.gain_share.low or 0.0 for each in _found(summary)))

    def down(field: str) -> "alt.Y":
        axis = alt.Axis(title="more clicks in all", labelExpr=IN_PERCENT, tickCount=4)
        scale = alt.Scale(domain=[low, top * 1.15], nice=False)
        return alt.Y(f"{field}:Q", axis=axis, scale=scale)

    accent = ROLES["accent"].light
    band = (
        on(rows).mark_area(color=accent, opacity=0.18).encode(x=across, y=down("low"), y2="high:Q")
    )
    line = on(rows).mark_line(color=accent, strokeWidth=2).encode(x=across, y=down("gain"))
    dots = on(rows).mark_point(color=accent, filled=True, size=60, opacity=1)
    texts = (
        on(rows).mark_text(dy=-12, fontSize=12.5).encode(x=across, y=down("gain"), text="text:N")
    )
    layers = [band, line, dots.encode(x=across, y=down("gain")), texts]
    return Drawing(layered(layers, width=WIDTH - 40, height=_HEIGHT))


def _tables(summary: "Summary") -> tuple[Table, ...]:
    columns = (
        Column("power", "clicks grow as ads to the power", "{:g}".format),
        Column("gain", "clicks gained", count, limits="90\u00a0%"),
        Column("gain_share", "share", percent, limits="90\u00a0% interval"),
    )
    rows = record_rows(_found(summary), columns)
    return (Table("wear_out", "The gain of the proposed budget by wear-out", columns, rows),)


FIGURE = Figure(
    name="wear_out",
    title="If extra ads wear out",
    width=WIDTH,
    caption=_caption,
    draw=_draw,
    section="ads",
    order=3,
    needs=lambda summary: len(_found(summary)) > 1,
    tables=_tables,
)
