"""How small a change a test can find, by its length."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from segmentry.formats import percent
from segmentry.present.figures._caption import Caption, Rows, empty_chart, finish
from segmentry.present.figures._marks import at_x, layered, on
from segmentry.present.theme import ROLES

if TYPE_CHECKING:
    import altair as alt


_WIDTH = 560
_HEIGHT = 240


def caption_reach(smallest: Sequence[float | None], *, mde: float, whom: str) -> Caption:
    r"""Say after how many days the wanted change is found.

    Parameters
    ----------
    smallest : sequence of float or None
        Smallest relative change that is found in a test of 1, 2, ... days.
    mde : float
        The wanted one.
    whom : str
        Who takes part.

    Examples
    --------
    >>> caption_reach([0.4, 0.3, 0.2], mde=0.3, whom="all segments").finding
    'A change of 30.0\xa0% is found from day 2 on, with all segments'
    """
    day = next((i for i, v in enumerate(smallest, 1) if v is not None and v <= mde), None)
    if day is None:
        finding = f"A change of {percent(mde)} is not found in {len(smallest)} days, with {whom}"
    else:
        finding = f"A change of {percent(mde)} is found from day {day} on, with {whom}"
    known = [f"day {i}: {percent(v)}" for i, v in enumerate(smallest, 1) if v is not None]
    return Caption(
        finding=finding,
        reading="Smallest relative change of the click rate that is found with the asked power; "
        "users are the unit. What a user keeps does not average out with time, so the curve levels "
        "off. Days to come are assumed to be as those of the log.",
        alt=f"Line chart. {finding}. {'; '.join(known) or 'Nothing can be found'}.",
    )


def plot_reach(
    smallest: Sequence[float | None], *, mde: float, whom: str
) -> "alt.LayerChart | alt.Chart":
    """Draw the smallest change that is found against the length of the test.

    Parameters
    ----------
    smallest, mde, whom
        As in `caption_reach`.

    Returns
    -------
    altair.LayerChart or altair.Chart
        Figure ``reach``.

    Examples
    --------
    >>> plot_reach([0.4, 0.3, 0.2], mde=0.3, whom="all").to_dict()["name"]
    'reach'
    """
    import altair as alt

    caption = caption_reach(smallest, mde=mde, whom=whom)
    rows: Rows = [{"day": i, "change": v} for i, v in enumerate(smallest, 1) if v is not None]
    if not rows:
        return empty_chart(name="reach", caption=caption, width=_WIDTH)
    x = alt.X("day:Q", axis=alt.Axis(title="days of the test", format="d", tickMinStep=1))
    axis = alt.Axis(labelExpr="format(datum.value * 100, '~g') + ' %'", title="smallest change")
    y = alt.Y("change:Q", axis=axis)
    base = on(rows).encode(x=x, y=y)
    wanted = on([{"change": mde, "text": f"asked for: {percent(mde)}"}]).encode(y=alt.Y("change:Q"))
    accent = ROLES["accent"].light
    layers = [
        wanted.mark_rule(color=ROLES["rule"].light, strokeDash=[3, 3]),
        wanted.mark_text(align="right", dy=-8, color=ROLES["muted"].light).encode(
            text=alt.Text("text:N"), x=at_x(_WIDTH)
        ),
        base.mark_line(color=accent, strokeWidth=2),
        base.mark_point(color=accent, filled=True, size=24, opacity=1),
    ]
    chart = layered(layers, width=_WIDTH, height=_HEIGHT)
    return finish(chart, name="reach", caption=caption, width=_WIDTH)
