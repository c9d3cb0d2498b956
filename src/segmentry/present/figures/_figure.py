"""What a figure is: its words, its chart, its numbers, and where the report sets it."""

import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Generic, Literal, ParamSpec, TypeAlias

from segmentry.present.figures._altair import alt
from segmentry.present.tables import Table
from segmentry.present.theme import ROLES, house_config
from segmentry.results.summary import Summary

_PIXELS_PER_CHARACTER = 7.6  # of the 15 px title, measured on the widest font of the stack
Chart: TypeAlias = "alt.Chart | alt.LayerChart | alt.HConcatChart"
Rows: TypeAlias = list[dict[str, object]]
Section: TypeAlias = Literal[
    "ads",
    "sizes",
    "later days",
    "days",
    "number",
    "gain",
    "fit",
    "stability",
    "differences",
    "values",
    "exposure",
    "purchases",
    "maps",
    "over time",
]
"""Where the report sets a figure."""
P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class Caption:
    """The words of a figure."""

    finding: str
    """What the figure shows, as a sentence."""
    reading: str
    """How to read it: marks, units, intervals, and what not to conclude."""
    alt: str
    """The figure in words, for a reader who cannot see it."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A chart before it has its name and words.

    Long data are named and held here: Altair copies inline data whenever charts are layered.
    """

    chart: "Chart"
    datasets: Mapping[str, Rows] = field(default_factory=dict)
    width: int | None = None
    """Pixels of its title, where they are not those of the figure."""


def _always(summary: "Summary") -> bool:  # noqa: ARG001 - any summary will do
    return True


def _no_tables(summary: "Summary") -> tuple[Table, ...]:  # noqa: ARG001 - none of any summary
    return ()


@dataclass(frozen=True, slots=True)
class Figure(Generic[P]):
    """A figure; each public module of this package ends in one.

    A new figure of a run is one new module: files, report, dashboard and documentation read the
    rest here. Its specification is recorded by ``tests/present/figures/test_specs.py``.
    """

    name: str
    """Of its files."""
    title: str
    """What people call it, in the report and in lists."""
    width: int
    """Pixels of its title."""
    caption: Callable[P, Caption]
    draw: Callable[P, Drawing | None]
    """`caption`, `draw`: its words and its chart, of the same arguments; a run's figure can be
    drawn of the `Summary` alone. Null where there is nothing to draw: the finding says why."""
    section: Section | Literal[""] = ""
    """Where the report sets it; empty for the answer to a question of a reader."""
    order: int = 0
    """Its place among the figures of a run."""
    needs: "Callable[[Summary], bool]" = _always
    """Whether a run has what it shows."""
    tables: "Callable[[Summary], tuple[Table, ...]]" = _no_tables
    """The tables that hold its numbers."""

    def plot(self, *args: P.args, **kwargs: P.kwargs) -> "Chart":
        """Return the chart with name, title, description, data and the house theme.

        Without anything to draw it is a chart that says so.
        """
        caption, drawing = self.caption(*args, **kwargs), self.draw(*args, **kwargs)
        if drawing is None:
            drawing = Drawing(_nothing(self.width))
        n_characters = int((drawing.width or self.width) / _PIXELS_PER_CHARACTER)
        lines = textwrap.wrap(caption.finding, n_characters)
        notes = textwrap.wrap(caption.reading, int(n_characters * 1.2))
        title = alt.TitleParams(lines, subtitle=notes) if notes else alt.TitleParams(lines)
        done = drawing.chart.copy(deep=False)  # all that lies below is not changed here
        done.name, done.title, done.description = self.name, title, caption.alt
        done.usermeta = {"title": caption.finding}
        done.config = _config()
        if drawing.datasets:
            done.datasets = dict(drawing.datasets)
        return done


def absent(text: str) -> Caption:
    """Return the words of a figure that cannot be drawn."""
    return Caption(finding=text, reading="", alt=f"{text}.")


def quoted(name: str) -> str:
    """Return a name in quotation marks, cut where it would fill a caption by itself."""
    return f"“{textwrap.shorten(name, 60, placeholder='…') or name[:60]}”"


@cache
def _config() -> "alt.Config":
    """Return the house theme as Altair has it: to make it takes 10 ms, and nothing changes it."""
    return alt.Config.from_dict(house_config())


def _nothing(width: int) -> "alt.Chart":
    data = alt.Data(values=[{"text": "nothing to draw"}])  # type: ignore[no-untyped-call]
    chart: alt.Chart = (
        alt.Chart(data, width=width, height=60)
        .mark_text(fontSize=13, color=ROLES["muted"].light, align="left")
        .encode(text=alt.Text("text:N"), x=alt.value(0), y=alt.value(20))
    )
    return chart
