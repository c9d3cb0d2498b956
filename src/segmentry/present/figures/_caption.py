"""What a figure says: its finding, how to read it, and its text for those who cannot see it."""

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from segmentry.present.theme import ROLES, house_config

if TYPE_CHECKING:
    import altair as alt


_PIXELS_PER_CHARACTER = 7.6  # of the 15 px title, measured on the widest font of the stack
Rows: TypeAlias = list[dict[str, object]]
_ChartT = TypeVar("_ChartT", "alt.Chart", "alt.LayerChart", "alt.HConcatChart")


@dataclass(frozen=True, slots=True)
class Caption:
    """The words of a figure.

    Parameters
    ----------
    finding : str
        What the figure shows, as a sentence.
    reading : str
        How to read it: marks, units, intervals, and what not to conclude.
    alt : str
        The figure in words, for a reader who cannot see it.
    """

    finding: str
    reading: str
    alt: str


def quoted(name: str) -> str:
    """Return a name in quotation marks, cut where it would fill a caption by itself."""
    return f"“{textwrap.shorten(name, 60, placeholder='…') or name[:60]}”"


def finish(
    chart: "_ChartT",
    *,
    name: str,
    caption: Caption,
    width: int,
    datasets: Mapping[str, Rows] | None = None,
) -> "_ChartT":
    """Give a chart its name, title, description, named data and the house theme.

    Long data are named and set here: Altair copies inline data whenever charts are layered.
    """
    import altair as alt

    n_characters = int(width / _PIXELS_PER_CHARACTER)
    lines = textwrap.wrap(caption.finding, n_characters)
    notes = textwrap.wrap(caption.reading, int(n_characters * 1.2))
    title = alt.TitleParams(lines, subtitle=notes) if notes else alt.TitleParams(lines)
    done = chart.copy(deep=False)  # all that lies below is as the caller has it; not changed here
    done.name, done.title, done.description = name, title, caption.alt
    done.usermeta = {"title": caption.finding}
    done.config = _config()
    if datasets:
        done.datasets = dict(datasets)
    return done


@cache
def _config() -> "alt.Config":
    """Return the house theme as Altair has it: to make it takes 10 ms, and nothing changes it."""
    import altair as alt

    return alt.Config.from_dict(house_config())


def empty_chart(*, name: str, caption: Caption, width: int) -> "alt.Chart":
    """Return a chart without data that says why there are none."""
    import altair as alt

    nothing = alt.Data(values=[{"text": "nothing to draw"}])  # type: ignore[no-untyped-call]
    chart: alt.Chart = (
        alt.Chart(nothing, width=width, height=60)
        .mark_text(fontSize=13, color=ROLES["muted"].light, align="left")
        .encode(text=alt.Text("text:N"), x=alt.value(0), y=alt.value(20))
    )
    return finish(chart, name=name, caption=caption, width=width)
