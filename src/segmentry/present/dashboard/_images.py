"""Drawings inside HTML as images or boxes: Streamlit's sanitiser drops inline SVG."""

import base64
import re
from html import escape, unescape

from segmentry.present.dashboard._boxes import as_boxes
from segmentry.present.dashboard._look import colours
from segmentry.present.figures import dark_svg

_TAG = re.compile(r"<(/?)svg\b([^>]*)>")
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.DOTALL)
_DESC = re.compile(r"<desc[^>]*>(.*?)</desc>", re.DOTALL)
_ATTRIBUTE = re.compile(r'\b(width|height|class)="([^"]*)"')
_LEAST = 0.75
"""Part of its planned width to which a figure may shrink."""
_GROUND = re.compile(r'<rect width="\d+" height="\d+" fill="#[0-9a-f]{6}"/>')
_STYLE = "<style>text { font: 700 13px sans-serif; }</style>"


def with_images(html: str, *, is_dark: bool) -> str:
    """Return HTML in which every outermost drawing is an image with the same size and words.

    A drawing of rectangles, circles and lines alone becomes boxes: a browser makes a document of
    every image, 3 ms each, and the cards of six segments have 47.

    Parameters
    ----------
    html : str
        Escaped HTML of the report's templates.
    is_dark : bool
        Whether the drawings take their dark colours.

    Examples
    --------
    >>> with_images('<p><svg width="5" height="6"><text>A</text></svg>', is_dark=False)[:32]
    '<p><img alt="" src="data:image/s'
    """
    parts, at, depth, start = [], 0, 0, 0
    for tag in _TAG.finditer(html):
        if not tag[1]:
            if depth == 0:
                start = tag.start()
                parts.append(html[at:start])
            depth += 1
        else:
            depth -= 1
            if depth == 0:
                at = tag.end()
                svg = html[start:at]
                parts.append(as_boxes(svg) or _image(svg, is_dark=is_dark))
    return "".join((*parts, html[at:]))


def _image(svg: str, *, is_dark: bool) -> str:
    opening = svg[: svg.index(">") + 1]
    found = dict(_ATTRIBUTE.findall(opening))
    is_figure = "viewBox" in opening and "aria-labelledby" in opening
    told = " ".join(unescape(m[1]) for m in (_TITLE.search(svg), _DESC.search(svg)) if m)
    if is_figure:
        # The shadow that tells that there is more to scroll to lies behind the picture.
        svg = _GROUND.sub("", svg, count=1)
    if is_figure and is_dark:
        svg = dark_svg(svg)
    if not is_figure:
        svg = svg.replace(opening, f"{opening}{_STYLE}", 1)
        if "currentColor" in svg:
            svg = svg.replace("currentColor", colours(is_dark)["muted"])
    if "xmlns" not in opening:
        svg = svg.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1)
    data = base64.b64encode(svg.encode()).decode()
    size = _size(found, is_figure=is_figure)
    kind = f' class="{found["class"]}"' if "class" in found else ""
    return f'<img alt="{escape(told)}" src="data:image/svg+xml;base64,{data}"{kind}{size}>'


def _size(found: dict[str, str], *, is_figure: bool) -> str:
    width, height = found.get("width", "100%"), found.get("height", "auto")
    if is_figure:  # letters of 12 px are never drawn smaller than 9; the picture scrolls then
        least = f"{_LEAST * float(width):g}px" if width.replace(".", "").isdigit() else "0px"
        return f' style="width: {width}px; max-width: max(100%, {least}); height: auto"'
    wide = width if width.endswith("%") else f"{width}px"
    return f' style="width: {wide}; height: {height}px; display: inline-block"'
