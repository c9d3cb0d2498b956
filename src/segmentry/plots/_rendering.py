"""From a chart to SVG and PNG, without a browser and without a network."""

import json
import re
from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

from segmentry.plots._blades import plot_silhouette_blades
from segmentry.plots._caption import Caption
from segmentry.plots._distributions import plot_distributions
from segmentry.plots._exposure import has_exposure, plot_exposure
from segmentry.plots._gains import has_gains, plot_gain_by_k
from segmentry.plots._heatmap import plot_profile_heatmap
from segmentry.plots._hexagons import plot_map_hexagons
from segmentry.plots._later import plot_ctr_later, was_checked
from segmentry.plots._map import plot_map, plot_map_pairs
from segmentry.plots._segments import plot_ctr_by_segment, plot_sizes
from segmentry.plots._selection import plot_elbow, plot_silhouette_by_k
from segmentry.plots._space import plot_map_3d
from segmentry.plots._stability import has_stability, plot_stability
from segmentry.plots._theme import FONT, ROLES, TITLE_SIZES
from segmentry.plots._umap import plot_umap

if TYPE_CHECKING:
    import altair as alt

    from segmentry.summary import Summary

    Chart: TypeAlias = alt.Chart | alt.LayerChart | alt.HConcatChart

__all__ = ["FIGURES", "render_png", "render_spec", "render_svg", "saved_svg", "write_figures"]

FIGURES: "Mapping[str, Callable[[Summary], Chart]]" = MappingProxyType(
    {
        "sizes": plot_sizes,
        "ctr_by_segment": plot_ctr_by_segment,
        "ctr_later": plot_ctr_later,
        "elbow": plot_elbow,
        "silhouette_by_k": plot_silhouette_by_k,
        "silhouette_blades": plot_silhouette_blades,
        "gain_by_k": plot_gain_by_k,
        "stability": plot_stability,
        "profile_heatmap": plot_profile_heatmap,
        "distributions": plot_distributions,
        "exposure": plot_exposure,
        "exposure_impression": lambda summary: plot_exposure(summary, kind="impression"),
        "map_hexagons": plot_map_hexagons,
        "map": plot_map,
        "map_pairs": plot_map_pairs,
        "map_3d": plot_map_3d,
        "umap": plot_umap,
    }
)
"""Every figure of a run by its file name."""
_ASKED_BY: "Mapping[str, Callable[[Summary], bool]]" = MappingProxyType(
    {
        "ctr_later": was_checked,
        "ctr_by_segment": lambda summary: summary.traits.has_clicks,
        "exposure": has_exposure,
        "exposure_impression": lambda summary: has_exposure(summary, kind="impression"),
        "gain_by_k": has_gains,
        "stability": has_stability,
        "umap": lambda summary: summary.embedding is not None,
    }
)

_NUMBER = r"-?[\d.]+(?:e-?\d+)?"
_LONG_NUMBER = re.compile(r"-?\d+\.\d{3,}(?:e-?\d+)?")
_CIRCLE = re.compile(
    rf'<path transform="translate\(({_NUMBER}),({_NUMBER})\)" '
    rf'd="M({_NUMBER}),0A\3,\3,0,1,1,-\3,0A\3,\3,0,1,1,\3,0"([^>]*)/>'
)
_NOISE = re.compile(
    r' (?:role="graphics-[^"]*"|aria-[a-z]+="[^"]*"|pointer-events="none"|font-family="[^"]*")'
    r'|<path class="background" d="M0,0h0v0h0Z"/>'
)
_TAG = re.compile(r"<[^>]+>")
_OPENING = re.compile(r'<svg [^>]*width="(\d+)" height="(\d+)"[^>]*>')
_TITLE = '<g class="mark-group role-title">'
_CUT = re.compile(r' data-title-height="(\d+)"')
_ACTIVE = re.compile(r"<(?:script|image|style|link|foreignObject|a)\b|\bon[a-z]+=|javascript:")
_XML = "http://www.w3.org/2000/svg"


def render_svg(chart: "Chart", *, is_titled: bool = True) -> str:
    """Return a chart as SVG text: text stays text, ids are its own, title and description inside.

    Parameters
    ----------
    chart : altair chart
        A figure of this package.
    is_titled : bool
        Whether the finding is drawn above the chart. A page that prints it as a caption says no;
        readers of screens hear it either way.

    Examples
    --------
    >>> render_svg(plot_sizes(summary))[:4]  # doctest: +SKIP
    '<svg'
    """
    spec: dict[str, Any] = chart.to_dict(validate=False)
    svg = _drawn(spec)
    return svg if is_titled else _without_title(svg)


def render_spec(chart: "Chart", *, is_dark: bool) -> dict[str, Any]:
    """Return the spec of a chart for a page that draws it itself, light or dark, without title.

    Parameters
    ----------
    chart : altair chart
        A figure of this package.
    is_dark : bool
        Whether every role takes its dark colour; segments keep theirs.

    Examples
    --------
    >>> render_spec(plot_map(summary), is_dark=True)["background"]  # doctest: +SKIP
    '#15181b'
    """
    text = json.dumps(chart.to_dict(validate=False))
    if is_dark:
        for role in ROLES.values():
            text = text.replace(f'"{role.light}"', f'"{role.dark}"')
    spec: dict[str, Any] = json.loads(text)
    del spec["title"]
    _silence(spec)
    spec["autosize"] = {"type": "pad"}  # marks placed in pixels need the size that was planned
    return spec


def _silence(spec: dict[str, Any]) -> None:
    """Keep single marks from readers of screens: the chart has its text, and the table numbers."""
    if "mark" in spec:
        mark = spec["mark"]
        spec["mark"] = {**({"type": mark} if isinstance(mark, str) else mark), "aria": False}
    for kind in ("layer", "hconcat", "vconcat"):
        for part in spec.get(kind, ()):
            _silence(part)


def render_png(chart: "Chart", *, scale: float = 2.0) -> bytes:
    """Return a chart as PNG.

    Parameters
    ----------
    chart : altair chart
        A figure of this package.
    scale : float
        Pixels per unit of the SVG; 2 is sharp on most screens.

    Examples
    --------
    >>> render_png(plot_sizes(summary))[1:4]  # doctest: +SKIP
    b'PNG'
    """
    return _png(render_svg(chart), scale=scale)


def write_figures(summary: "Summary", directory: Path, *, scale: float = 2.0) -> dict[str, str]:
    """Write every figure as ``NAME.svg`` and ``NAME.png`` and return those for a page.

    Parameters
    ----------
    summary : Summary
        The run.
    directory : Path
        Where the files go; made if it is not there.
    scale : float
        Pixels of the PNG per unit of the SVG.

    Returns
    -------
    dict of str to str
        The keys of `FIGURES` and the SVG without its drawn title, to be set inside a page;
        those of which nothing was measured are left out, such as ``ctr_later`` where no later day
        was checked.

    Examples
    --------
    >>> sorted(FIGURES)[:4]
    ['ctr_by_segment', 'ctr_later', 'distributions', 'elbow']
    """
    directory.mkdir(parents=True, exist_ok=True)
    inline = {}
    for name, plot in FIGURES.items():
        if name in _ASKED_BY and not _ASKED_BY[name](summary):
            continue
        spec: dict[str, Any] = plot(summary).to_dict(validate=False)
        svg = _drawn(spec)
        (directory / f"{name}.svg").write_text(svg + "\n", encoding="utf-8")
        (directory / f"{name}.png").write_bytes(_png(svg, scale=scale))
        inline[name] = _without_title(svg)
    return inline


def saved_svg(directory: Path, name: str, *, caption: Caption) -> str | None:
    """Return a figure that `write_figures` wrote, without its drawn title; None for any other.

    Parameters
    ----------
    directory : Path
        Where the files are.
    name : str
        One of `FIGURES`.
    caption : Caption
        What the figure must say: a file of another run, of other names or of another version
        says something else and is not taken.

    Examples
    --------
    >>> saved_svg(Path("nowhere"), "sizes", caption=Caption("", "", "")) is None
    True
    """
    from xml.etree import ElementTree as ET

    try:
        svg = (directory / f"{name}.svg").read_text(encoding="utf-8").rstrip("\n")
        root = ET.fromstring(svg)  # noqa: S314 - expat refuses entities that grow; one small file
    except (OSError, UnicodeDecodeError, ET.ParseError):
        return None
    told = [root.findtext(f"{{{_XML}}}{tag}") for tag in ("title", "desc")]
    if told != [caption.finding, caption.alt] or not _CUT.search(svg) or _ACTIVE.search(svg):
        return None
    return _without_title(svg)


def _drawn(spec: dict[str, Any]) -> str:
    """Return the SVG of a chart's specification, its title drawn."""
    import vl_convert

    svg = _compact(str(vl_convert.vegalite_to_svg(spec)))
    svg = _named(svg, name=spec["name"], title=spec["usermeta"]["title"], text=spec["description"])
    return svg.replace(" role=", f' data-title-height="{_title_height(spec["title"])}" role=', 1)


def _png(svg: str, *, scale: float) -> bytes:
    import vl_convert

    return bytes(vl_convert.svg_to_png(svg, scale=scale))


def _compact(svg: str) -> str:
    """Drop what no reader needs: empty marks, dots written as arcs, thousandths of a pixel."""

    def shorter(tag: re.Match[str]) -> str:
        return _LONG_NUMBER.sub(lambda n: f"{float(n[0]):.2f}".rstrip("0").rstrip("."), tag[0])

    svg = _TAG.sub(shorter, _NOISE.sub("", svg))
    return _CIRCLE.sub(r'<circle cx="\1" cy="\2" r="\3"\4/>', svg)


def _named(svg: str, *, name: str, title: str, text: str) -> str:
    """Give the SVG its title and description, its font, and ids that no other figure has."""
    found = _OPENING.match(svg)
    assert found is not None, "an SVG begins with its tag"  # noqa: S101 - our own output
    body = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', svg[found.end() :])
    body = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", body)
    width, height = found.groups()
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="{FONT}" role="img" '
        f'aria-labelledby="{name}-title {name}-desc">'
        f'<title id="{name}-title">{escape(title)}</title>'
        f'<desc id="{name}-desc">{escape(text)}</desc>{body}'
    )


def _title_height(title: Mapping[str, Any]) -> int:
    sizes, n_lines, n_notes = TITLE_SIZES, len(title["text"]), len(title.get("subtitle", ()))
    height = sizes["fontSize"] + (n_lines - 1) * sizes["lineHeight"] + sizes["offset"]
    if n_notes:
        height += sizes["subtitlePadding"] + sizes["subtitleFontSize"]
        height += (n_notes - 1) * sizes["subtitleLineHeight"]
    return height


def _without_title(svg: str) -> str:
    """Cut the drawn title off: cheaper than to render the chart a second time.

    Panels may have titles of their own; the one of the whole is drawn last.
    """
    start = svg.rindex(_TITLE)
    depth = 0
    for tag in re.finditer(r"<(/?)g\b", svg[start:]):
        depth += -1 if tag[1] else 1
        if depth == 0:
            break
    end = svg.index(">", start + tag.start()) + 1
    svg = svg[:start] + svg[end:]
    found, said = _OPENING.match(svg), _CUT.search(svg)
    assert found is not None, "an SVG begins with its tag"  # noqa: S101 - our own output
    assert said is not None, "it tells how high its title is"  # noqa: S101 - our own output
    width, height, cut = int(found[1]), int(found[2]), int(said[1])
    svg = svg.replace(said[0], "", 1)
    return svg.replace(
        f'height="{height}" viewBox="0 0 {width} {height}"',
        f'height="{height - cut}" viewBox="0 {cut} {width} {height - cut}"',
        1,
    )
