"""How small a change a test can find, by its length."""

from collections.abc import Sequence

from segmentry.formats import percent
from segmentry.present.figures._altair import alt
from segmentry.present.figures._figure import Caption, Drawing, Figure, Rows
from segmentry.present.figures._marks import IN_PERCENT, at_x, layered, on
from segmentry.present.theme import ROLES

_WIDTH = 560
_HEIGHT = 240


def _caption(smallest: Sequence[float | None], *, mde: float, who: str) -> Caption:
    r"""Say after how many days the wanted change is found."""
    day = next((i for i, v in enumerate(smallest, 1) if v is not None and v <= mde), None)
    if day is None:
        finding = f"A change of {percent(mde)} is not found in {len(smallest)} days, with {who}"
    else:
        finding = f"A change of {percent(mde)} is found from day {day} on, with {who}"
    known = [f"day {i}: {percent(v)}" for i, v in enumerate(smallest, 1) if v is not None]
    return Caption(
        finding=finding,
        reading="Smallest relative change of the click rate that is found with the power set; "
        "users are the unit. What a user keeps does not average out with time, so the curve levels "
        "off. Days to come are assumed to be as those of the log.",
        alt=f"Line chart. {finding}. {'; '.join(known) or 'Nothing can be found'}.",
    )


def _draw(
    smallest: Sequence[float | None],
    *,
    mde: float,
    who: str,  # noqa: ARG001 - named by the caption alone
) -> Drawing | None:
    """Draw the smallest change that is found against the length of the test."""
    rows: Rows = [{"day": i, "change": v} for i, v in enumerate(smallest, 1) if v is not None]
    if not rows:
        return None
    x = alt.X("day:Q", axis=alt.Axis(title="days of the test", format="d", tickMinStep=1))
    axis = alt.Axis(labelExpr=IN_PERCENT, title="smallest change")
    y = alt.Y("change:Q", axis=axis)
    base = on(rows).encode(x=x, y=y)
    wanted = on([{"change": mde, "text": f"requested: {percent(mde)}"}]).encode(y=alt.Y("change:Q"))
    accent = ROLES["accent"].light
    layers = [
        wanted.mark_rule(color=ROLES["rule"].light, strokeDash=[3, 3]),
        wanted.mark_text(align="right", dy=-8, color=ROLES["muted"].light).encode(
            text=alt.Text("text:N"), x=at_x(_WIDTH)
        ),
        base.mark_line(color=accent, strokeWidth=2),
        base.mark_point(color=accent, filled=True, size=24, opacity=1),
    ]
    return Drawing(layered(layers, width=_WIDTH, height=_HEIGHT))


FIGURE = Figure(
    name="reach",
    title="The smallest change found, by length",
    width=_WIDTH,
    caption=_caption,
    draw=_draw,
)
