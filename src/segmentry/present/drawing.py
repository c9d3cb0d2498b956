"""From a chart's specification to SVG and PNG, without a browser and without a network.

It loads next to nothing: a process of its own that draws is ready at once.
"""

import os
import re
from collections.abc import Mapping
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

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
_CUT = re.compile(r' data-title-height="(\d+)"')
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# What the renderer's own font has: Latin, Greek, Cyrillic and common signs.
_UNKNOWN = re.compile(
    "[^\x00-\u017f\u0384-\u045f\u2010-\u203a\u20ac\u2122\u2190-\u2195\u2202-\u2265]"
)
_OWN_FONT = "Liberation Sans"
_NO_FONTS = Path(__file__).with_name("no_fonts.conf")
_FOLDERS_OF_FONTS = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "~/.local/share/fonts",
    "~/.fonts",
)
_WIDE, _HIGH, _MARGIN = 1920, 1080, 60
_TITLE = '<g class="mark-group role-title">'


def start_renderer() -> None:
    """Draw next to nothing: the renderer starts with its first drawing, and takes half a second."""
    _renderer().vegalite_to_svg({"data": {"values": [{}]}, "mark": "point"})


@cache
def _renderer() -> Any:
    """Load the renderer with the one font that it brings, which it keeps in memory.

    It would open the file of another font some 20 times for each label that it measures: 3 ms
    instead of 1. And figures differed by the fonts of a machine. It looks for fonts but once.
    """
    import vl_convert

    before = os.environ.get("FONTCONFIG_FILE")
    os.environ["FONTCONFIG_FILE"] = str(_NO_FONTS)
    try:
        vl_convert.svg_to_png('<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>')
    finally:
        del os.environ["FONTCONFIG_FILE"]
        if before is not None:
            os.environ["FONTCONFIG_FILE"] = before
    return vl_convert


def _renderer_for(text: str) -> Any:
    """Return the renderer; where its own font lacks a letter, with the fonts of this machine."""
    if _UNKNOWN.search(text):
        _add_fonts()
    return _renderer()


@cache
def _add_fonts() -> None:
    for folder in _FOLDERS_OF_FONTS:
        _renderer().register_font_directory(str(Path(folder).expanduser()))


def draw_files(name: str, spec: dict[str, Any], directory: Path, *, png_scale: float | None) -> str:
    """Write ``NAME.svg``, and ``NAME.png`` if scaled; return the SVG without its drawn title."""
    svg = draw_svg(spec)
    (directory / f"{name}.svg").write_text(svg + "\n", encoding="utf-8")
    if png_scale is not None:
        (directory / f"{name}.png").write_bytes(draw_png(svg, scale=png_scale))
    return without_title(svg)


def draw_svg(spec: dict[str, Any]) -> str:
    """Return the SVG of a chart's specification: text stays text, ids are its own.

    The specification is Vega-Lite, with ``name``, ``description``, ``usermeta.title``, ``title``,
    and ``font`` and sizes of the title in ``config``.
    """
    spec = _fit(spec)  # the renderer ends the process at a NUL
    measured = {**spec, "config": {**spec["config"], "font": _OWN_FONT}}
    svg = _compact(str(_renderer_for(str(measured)).vegalite_to_svg(measured)))
    svg = _named(
        svg,
        name=spec["name"],
        title=spec["usermeta"]["title"],
        text=spec["description"],
        font=spec["config"]["font"],
    )
    height = _title_height(spec["title"], spec["config"]["title"])
    return svg.replace(" role=", f' data-title-height="{height}" role=', 1)


def draw_png(svg: str, *, scale: float) -> bytes:
    """Return an SVG as PNG, `scale` pixels per unit."""
    return bytes(_renderer_for(svg).svg_to_png(svg, scale=scale))


def on_slide(svg: str, *, ground: str) -> str:
    """Return an SVG of 1,920 by 1,080 units that holds another one as large as fits.

    >>> slide = on_slide('<svg width="200" height="100" viewBox="0 0 200 100"></svg>', ground="red")
    >>> slide[slide.index("<svg x="):][:42]
    '<svg x="60.0" y="90.0" width="1800.0" heig'
    """
    found = _OPENING.match(svg)
    assert found is not None, "an SVG begins with its tag"  # noqa: S101 - our own output
    width, height = int(found[1]), int(found[2])
    scale = min((_WIDE - 2 * _MARGIN) / width, (_HIGH - 2 * _MARGIN) / height)
    x, y = (_WIDE - scale * width) / 2, (_HIGH - scale * height) / 2
    placed = found[0].replace(
        f'width="{width}" height="{height}"',
        f'x="{x:.1f}" y="{y:.1f}" width="{scale * width:.1f}" height="{scale * height:.1f}"',
        1,
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDE}" height="{_HIGH}">'
        f'<rect width="{_WIDE}" height="{_HIGH}" fill="{ground}"/>'
        f"{placed}{svg[found.end() :]}</svg>"
    )


def fit_for_xml(text: str) -> str:
    r"""Replace characters that no XML may hold, such as control characters in names from data.

    >>> fit_for_xml("kr\x16")
    'kr\ufffd'
    """
    return _UNFIT.sub("\ufffd", text)


def _fit(part: Any) -> Any:
    """Return a part of a specification with texts that XML may hold."""
    if isinstance(part, str):
        return fit_for_xml(part)
    if isinstance(part, dict):
        return {_fit(key): _fit(value) for key, value in part.items()}
    return list(map(_fit, part)) if isinstance(part, list | tuple) else part


def _compact(svg: str) -> str:
    """Drop what no reader needs: empty marks, dots written as arcs, thousandths of a pixel."""

    def shorter(tag: re.Match[str]) -> str:
        return _LONG_NUMBER.sub(lambda n: f"{float(n[0]):.2f}".rstrip("0").rstrip("."), tag[0])

    svg = _TAG.sub(shorter, _NOISE.sub("", svg))
    return _CIRCLE.sub(r'<circle cx="\1" cy="\2" r="\3"\4/>', svg)


def _named(svg: str, *, name: str, title: str, text: str, font: str) -> str:
    """Give the SVG its title and description, its font, and ids that no other figure has."""
    found = _OPENING.match(svg)
    assert found is not None, "an SVG begins with its tag"  # noqa: S101 - our own output
    body = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', svg[found.end() :])
    body = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", body)
    width, height = found.groups()
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="{font}" role="img" '
        f'aria-labelledby="{name}-title {name}-desc">'
        f'<title id="{name}-title">{escape(title)}</title>'
        f'<desc id="{name}-desc">{escape(text)}</desc>{body}'
    )


def has_title(svg: str) -> bool:
    """Tell whether an SVG was drawn by `draw_svg`, with a title that can be cut off."""
    return _CUT.search(svg) is not None


def without_title(svg: str) -> str:
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


def _title_height(title: Mapping[str, Any], sizes: Mapping[str, int]) -> int:
    n_lines, n_notes = len(title["text"]), len(title.get("subtitle", ()))
    height = sizes["fontSize"] + (n_lines - 1) * sizes["lineHeight"] + sizes["offset"]
    if n_notes:
        height += sizes["subtitlePadding"] + sizes["subtitleFontSize"]
        height += (n_notes - 1) * sizes["subtitleLineHeight"]
    return height
