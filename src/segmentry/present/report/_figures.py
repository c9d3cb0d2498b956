"""The figures of the run as the page sets them, and the map that turns."""

import json
from dataclasses import dataclass
from typing import Protocol

from segmentry.present import figures as plots
from segmentry.present.figures import FIGURES, Caption, Section
from segmentry.present.tables import Table
from segmentry.results.summary import Summary


class Pictures(Protocol):
    """SVG by name; what was not drawn is the default."""

    def get(self, name: str, default: str, /) -> str:
        """Return a picture."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture with its caption and the tables that hold its numbers; `svg` may be empty."""

    name: str
    heading: str
    caption: Caption
    svg: str
    tables: tuple[Table, ...]


@dataclass(frozen=True, slots=True)
class Turn:
    """What the page needs to turn the picture in space: JSON, and where it starts."""

    scene: str
    azimuth: int
    elevation: int
    lowest: int
    highest: int


def figure_of(name: str, summary: Summary, pictures: Pictures) -> Figure | None:
    """Return a figure of the page; null where a run has nothing to draw."""
    figure = FIGURES[name]
    if not figure.needs(summary):
        return None
    svg, tables = pictures.get(name, ""), figure.tables(summary)
    return Figure(name, figure.title, figure.caption(summary), svg, tables)


def figures_in(section: Section, summary: Summary, pictures: Pictures) -> tuple[Figure, ...]:
    """Return the figures of a section; a map without its picture would say nothing."""
    names = [name for name, figure in FIGURES.items() if figure.section == section]
    found = (figure_of(name, summary, pictures) for name in names)
    return tuple(each for each in found if each and (each.svg or section != "maps"))


def make_turn(summary: Summary) -> Turn | None:
    """Return what the page's script draws when somebody turns the picture in space."""
    scene = plots.map_scene(summary)
    if scene is None:
        return None
    ids = sorted({*scene.point_segments, *scene.center_segments})
    record = {
        "half": scene.half,
        "wide": scene.wide,
        "bottom": scene.bottom,
        "top": scene.top,
        "points": [[*p, s] for p, s in zip(scene.points, scene.point_segments, strict=True)],
        "centers": [[*p, s] for p, s in zip(scene.centers, scene.center_segments, strict=True)],
        "colours": {each: plots.segment_colour(summary.colour_number(each)) for each in ids},
        "inks": {each: plots.segment_ink(summary.colour_number(each)) for each in ids},
        "axes": scene.axes,
    }
    text = json.dumps(record, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    return Turn(
        scene=text,
        azimuth=plots.AZIMUTH,
        elevation=plots.ELEVATION,
        lowest=plots.LOWEST,
        highest=plots.HIGHEST,
    )
