"""Users, ads and clicks of each segment, side by side."""

from segmentry.formats import percent
from segmentry.present.figures._ads import WIDTH, expected_clicks, is_rated, parts, rated
from segmentry.present.figures._altair import alt
from segmentry.present.figures._figure import Caption, Drawing, Figure, Rows, absent
from segmentry.present.figures._marks import as_given, layered, on
from segmentry.present.tables import Column, Table, segment_row
from segmentry.present.theme import segment_colour, segment_ink
from segmentry.results.summary import Summary

_BAR, _STEP = 30, 54
_MIN_LABEL = 0.06


def _bars(summary: "Summary") -> list[tuple[str, dict[int, float]]]:
    found = rated(summary)
    proposed = parts(summary)
    bars = [
        ("users", {e.segment_id: e.share for e in found}),
        ("ads now", {e.segment_id: e.impressions_share for e in found}),
    ]
    if proposed:
        shares = {e.segment_id: proposed[e.segment_id].share_proposed for e in found}
        bars.append(("ads proposed", shares))
    return [*bars, ("expected clicks with today's ads", expected_clicks(summary))]


def _caption(summary: "Summary") -> Caption:
    """Name the segment whose share of the ads and of the clicks differ most."""
    if not is_rated(summary):
        return absent("No click rate can be expected")
    clicks = expected_clicks(summary)
    worst = max(
        rated(summary),
        key=lambda e: (abs(e.impressions_share - clicks[e.segment_id]), -e.segment_id),
    )
    finding = (
        f"Segment {worst.segment_id} is {percent(worst.share, digits=0)} of the users, gets "
        f"{percent(worst.impressions_share, digits=0)} of the ads and brings "
        f"{percent(clicks[worst.segment_id], digits=0)} of the clicks"
    )
    text = "; ".join(
        f"{name}: " + ", ".join(f"{i} {percent(share, digits=0)}" for i, share in bar.items())
        for name, bar in _bars(summary)
    )
    return Caption(finding, "Best segment at the left.", f"Stacked bars by segment. {text}.")


def _draw(summary: "Summary") -> Drawing | None:
    if not is_rated(summary):
        return None
    rows: Rows = []
    titles: Rows = []
    for place, (name, bar) in enumerate(_bars(summary)):
        start, total = 0.0, sum(bar.values())
        titles.append({"text": name, "y": place * _STEP + 12})
        for segment_id, value in bar.items():
            end = start + value / total * WIDTH
            rows.append(
                {
                    "x": start,
                    "x2": max(start, end - 1.5),
                    "middle": (start + end) / 2,
                    "y": place * _STEP + 18,
                    "y2": place * _STEP + 18 + _BAR,
                    "color": segment_colour(summary.colour_number(segment_id)),
                    "ink": segment_ink(summary.colour_number(segment_id)),
                    "label": str(segment_id) if value / total >= _MIN_LABEL else "",
                }
            )
            start = end
    height = len(titles) * _STEP

    def across(field: str) -> "alt.X":
        return alt.X(f"{field}:Q", axis=None, scale=alt.Scale(domain=[0, WIDTH], nice=False))

    def down(field: str) -> "alt.Y":
        return alt.Y(
            f"{field}:Q", axis=None, scale=alt.Scale(domain=[0, height], reverse=True, nice=False)
        )

    bars = (
        on(rows)
        .mark_rect()
        .encode(x=across("x"), x2="x2:Q", y=down("y"), y2="y2:Q", color=as_given())
    )
    for row in rows:
        row["mid_y"] = float(str(row["y"])) + _BAR / 2
    numbers = (
        on(rows)
        .mark_text(fontWeight=700, fontSize=12.5)
        .encode(x=across("middle"), y=down("mid_y"), text="label:N", color=as_given("ink"))
    )
    names = (
        on(titles)
        .mark_text(align="left", baseline="bottom", fontSize=12.5)
        .encode(x=alt.value(0), y=down("y"), text="text:N")
    )
    return Drawing(layered([bars, numbers, names], width=WIDTH, height=height))


def _tables(summary: "Summary") -> tuple[Table, ...]:
    bars = _bars(summary)
    names = {"users": "users", "ads now": "ads_now", "ads proposed": "ads_proposed"}
    columns = [Column("segment", "segment")]
    columns += [Column(names.get(name, "clicks_expected"), name, percent) for name, _ in bars]
    rows = (
        segment_row(e.segment_id, e.name, *(bar[e.segment_id] for _, bar in bars))
        for e in rated(summary)
    )
    return (Table("ads", "Users, ads and expected clicks", tuple(columns), tuple(rows)),)


FIGURE = Figure(
    name="ads_and_clicks",
    title="Users, ads and clicks",
    width=WIDTH,
    caption=_caption,
    draw=_draw,
    section="ads",
    order=1,
    needs=is_rated,
    tables=_tables,
)
