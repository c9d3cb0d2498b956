"""From a chart to SVG and PNG, without a browser and without a network."""

import json
import pkgutil
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

from segmentry.present.drawing import (
    draw_files,
    draw_png,
    draw_svg,
    fit_for_xml,
    has_title,
    on_slide,
    start_renderer,
    without_title,
)
from segmentry.present.figures._figure import Caption, Chart, Figure
from segmentry.present.theme import ROLES, SCALE
from segmentry.results.summary import Summary
from segmentry.runtime.documents import MAX_JSON_BYTES, read_text
from segmentry.runtime.processes import serving


def found() -> list["Figure[...]"]:
    """Return the figure of every public module of the package, in the order of the report."""
    package = __name__.rpartition(".")[0]
    names = [each.name for each in pkgutil.iter_modules(sys.modules[package].__path__)]
    public = [name for name in names if not name.startswith("_")]
    figures = [import_module(f"{package}.{name}").FIGURE for name in public]
    return sorted(figures, key=lambda figure: (figure.order, figure.name))


_ALL = found()
FIGURES: Mapping[str, Figure[...]] = MappingProxyType(
    {figure.name: figure for figure in _ALL if figure.section}
)
"""The figures of a run by the name of their files, in the order of the report."""
ANSWERS: Mapping[str, Figure[...]] = MappingProxyType(
    {figure.name: figure for figure in _ALL if not figure.section}
)
"""The figures that answer a question of a reader, by name."""


Draw: TypeAlias = Callable[..., "Future[str]"]
"""Takes what `segmentry.present.drawing.draw_files` takes and returns a future of its answer."""


_QUOTED_COLOUR = re.compile('"(#[0-9a-f]{6})"')
_DARK = {role.light: role.dark for role in (*ROLES.values(), *SCALE)}
_XML = "http://www.w3.org/2000/svg"


def render_svg(chart: "Chart", *, is_titled: bool = True) -> str:
    """Return a chart as SVG text: text stays text, ids are its own, title and description inside.

    A page that prints the finding as a caption does without the drawn title; readers of screens
    hear it either way.

    >>> render_svg(FIGURES["sizes"].plot(summary))[:4]  # doctest: +SKIP
    '<svg'
    """
    spec = _spec_of(chart)
    if is_titled:
        return draw_svg(spec)
    spec["title"] = _as_high(spec["title"])
    return without_title(draw_svg(spec))


def _as_high(title: Mapping[str, Any]) -> dict[str, Any]:
    """Return a title as high as another, to be cut off: its words take 30 ms to be measured."""
    lines = {key: ["x"] * len(title[key]) for key in ("text", "subtitle") if key in title}
    return {**title, **lines}


def render_spec(chart: "Chart", *, is_dark: bool) -> dict[str, Any]:
    """Return the spec of a chart for a page that draws it itself, light or dark, without title.

    In the dark every role takes its dark colour; segments keep theirs.

    >>> render_spec(FIGURES["map"].plot(summary), is_dark=True)["background"]  # doctest: +SKIP
    '#15181b'
    """
    bare, rows = _without_rows(chart)
    text = json.dumps(bare)
    if is_dark:
        text = _QUOTED_COLOUR.sub(lambda found: f'"{_DARK.get(found[1], found[1])}"', text)
    spec: dict[str, Any] = json.loads(text)
    del spec["title"]
    _settle(spec, rows)
    spec["autosize"] = {"type": "pad"}  # marks placed in pixels need the size that was planned
    # Thousands of dots as elements of the page take 0.3 s of styles and layout.
    spec["usermeta"] = {**spec["usermeta"], "embedOptions": {"renderer": "canvas"}}
    return spec


def _spec_of(chart: "Chart") -> dict[str, Any]:
    """Return the specification of a chart, to be drawn here."""
    spec, rows = _without_rows(chart)
    return {**spec, "datasets": rows} if rows else spec


def _without_rows(chart: "Chart") -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a specification, and its named rows as they are.

    Altair would look through all rows, value by value: 0.1 s for 2,000 of them.
    """
    from altair import Undefined

    bare = chart.copy(deep=False)
    rows = {} if bare.datasets is Undefined else bare.datasets
    bare.datasets = Undefined
    spec: dict[str, Any] = bare.to_dict(validate=False)
    return spec, {**spec.pop("datasets", {}), **rows}


def _settle(spec: dict[str, Any], datasets: Mapping[str, Any]) -> None:
    """Set rows where they are drawn, and keep single marks from readers of screens.

    The chart has its text, and the table its numbers. Streamlit makes a table of named rows, for
    which it loads pandas: 0.3 s and 60 MB.
    """
    name = spec.get("data", {}).get("name")
    if name in datasets:
        spec["data"] = {"values": datasets[name]}
    if "mark" in spec:
        mark = spec["mark"]
        spec["mark"] = {**({"type": mark} if isinstance(mark, str) else mark), "aria": False}
    for kind in ("layer", "hconcat", "vconcat"):
        for part in spec.get(kind, ()):
            _settle(part, datasets)


def render_png(chart: "Chart") -> bytes:
    """Return a chart as a PNG for a slide: 1,920 by 1,080 pixels, with the finding as its title.

    >>> render_png(FIGURES["sizes"].plot(summary))[1:4]  # doctest: +SKIP
    b'PNG'
    """
    return draw_png(on_slide(render_svg(chart), ground=ROLES["paper"].light), scale=1)


@contextmanager
def drawing() -> "Iterator[Draw]":
    """Start a process that draws figures; entered early, it is ready when there is a summary.

    The renderer holds the interpreter: only another process draws while charts are built. To start
    a second one takes a third of what it takes to draw them all.
    What is yielded takes what `draw_files` takes and returns a future at once.
    """
    with serving(draw_files, first=start_renderer) as draw:
        yield draw


def write_figures(
    summary: "Summary",
    directory: Path,
    *,
    png_scale: float | None = None,
    draw: "Draw | None" = None,
) -> dict[str, str]:
    """Write every figure as ``NAME.svg`` and return those for a page.

    The folder is made if it is not there; `draw` is what `drawing` yields, where it was entered
    before. With `png_scale` each figure is written as ``NAME.png`` too, so many pixels per unit.
    Returned are the SVGs without their drawn titles, to be set inside a page, by the keys of
    `FIGURES`; those of which nothing was measured are left out, such as ``ctr_later`` where no
    later day was checked.

    >>> sorted(FIGURES)[:4]
    ['ads_and_clicks', 'ctr_by_segment', 'ctr_later', 'cumulative_gain']
    """
    if draw is None:
        with drawing() as own:
            return write_figures(summary, directory, png_scale=png_scale, draw=own)
    directory.mkdir(parents=True, exist_ok=True)
    requested = [name for name, figure in FIGURES.items() if figure.needs(summary)]
    drawn = {
        name: draw(name, _spec(summary, name), directory, png_scale=png_scale) for name in requested
    }
    return {name: svg.result() for name, svg in drawn.items()}


def _spec(summary: "Summary", name: str) -> dict[str, Any]:
    """Return the specification of a figure."""
    with unchecked():
        return _spec_of(FIGURES[name].plot(summary))


@contextmanager
def unchecked() -> Iterator[None]:
    """Put charts together without Altair's checks, which the tests make, and without its copies.

    Altair would hold each piece of each chart against its schema whenever it is built, a third of
    the time; and copy all of a chart twice for each layer it becomes, two thirds of what is left.

    >>> with unchecked():
    ...     render_svg(FIGURES["sizes"].plot(summary))  # doctest: +SKIP
    """
    from altair.utils.schemapi import SchemaBase, debug_mode

    copy = _altair_copy()

    def shared(chart: Any, deep: bool | list[str] = True, ignore: list[str] | None = None) -> Any:
        return copy(chart, deep=False if deep is True else deep, ignore=ignore)

    with debug_mode(False):
        SchemaBase.copy = shared  # type: ignore[assignment, method-assign]  # Altair has no option for it
        try:
            yield
        finally:
            SchemaBase.copy = copy  # type: ignore[method-assign]


@cache
def _altair_copy() -> Callable[..., Any]:
    """Return how Altair copies, read once: two threads may draw at the same time."""
    from altair.utils.schemapi import SchemaBase

    return SchemaBase.copy


def saved_svg(directory: Path, name: str, *, caption: Caption) -> str | None:
    """Return a figure that `write_figures` wrote, without its drawn title; None for any other.

    The figure must say what the `caption` says: a file of another run, of other names or of another
    version says something else and is not taken.

    >>> saved_svg(Path("nowhere"), "sizes", caption=Caption("", "", "")) is None
    True
    """
    from xml.etree import ElementTree as ET

    try:
        svg = read_text(directory / f"{name}.svg", max_bytes=MAX_JSON_BYTES).rstrip("\n")
        root = ET.fromstring(svg)  # noqa: S314 - expat refuses entities that grow; one small file
    except (OSError, ValueError, ET.ParseError):
        return None
    found_texts = [root.findtext(f"{{{_XML}}}{tag}") for tag in ("title", "desc")]
    said = [fit_for_xml(text) for text in (caption.finding, caption.alt)]
    # Of one element svg and tags alone, all of it is one image, in which browsers run nothing.
    is_one = svg.count("<svg") == 1 and "<!" not in svg and "<?" not in svg
    return without_title(svg) if found_texts == said and has_title(svg) and is_one else None
