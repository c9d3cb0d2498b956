"""Drawings inside HTML as images or boxes: Streamlit's sanitiser drops inline SVG."""

import base64
import re
from collections.abc import Mapping
from html import escape, unescape

from segmentry.present.dashboard._look import colours
from segmentry.present.figures import dark_svg

_WHOLE = re.compile(r"<svg\b([^>]*)>(.*)</svg>", re.DOTALL)
_SHAPE = re.compile(r"\s*<(rect|circle|line)\b([^>]*?)/?>(?:</\1>)?")
_GIVEN = re.compile(r'([\w-]+)="([^"]*)"')
_TAG = re.compile(r"<(/?)svg\b([^>]*)>")
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.DOTALL)
_DESC = re.compile(r"<desc[^>]*>(.*?)</desc>", re.DOTALL)
_ATTRIBUTE = re.compile(r'\b(width|height|class)="([^"]*)"')
_LEAST = 0.75
"""Part of its planned width to which a figure may shrink."""
_GROUND = re.compile(r'<rect width="\d+" height="\d+" fill="#[0-9a-f]{6}"/>')
_STYLE = "<style>text {{ font: 700 13px sans-serif; }} .gap {{ fill: {paper}; }}</style>"
"""What the page's own styles say of a drawing: they do not reach into an image."""
_VARIABLE = re.compile(r"var\(--([\w-]+)\)")


def with_images(html: str, *, is_dark: bool) -> str:
    """Return HTML in which every outermost drawing is an image with the same size and words.

    A drawing of rectangles, circles and lines alone becomes boxes.

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
    text = " ".join(unescape(m[1]) for m in (_TITLE.search(svg), _DESC.search(svg)) if m)
    if is_figure:
        # The shadow that tells that there is more to scroll to lies behind the picture.
        svg = _GROUND.sub("", svg, count=1)
    if is_figure and is_dark:
        svg = dark_svg(svg)
    if not is_figure:
        svg = svg.replace(opening, opening + _STYLE.format(**colours(is_dark)), 1)
        given = colours(is_dark)
        svg = svg.replace("currentColor", given["muted"])
        svg = _VARIABLE.sub(lambda found: given[found[1]], svg)
    if "xmlns" not in opening:
        svg = svg.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1)
    data = base64.b64encode(svg.encode()).decode()
    size = _size(found, is_figure=is_figure)
    kind = f' class="{found["class"]}"' if "class" in found else ""
    return f'<img alt="{escape(text)}" src="data:image/svg+xml;base64,{data}"{kind}{size}>'


def _size(found: dict[str, str], *, is_figure: bool) -> str:
    width, height = found.get("width", "100%"), found.get("height", "auto")
    if is_figure:  # letters of 12 px are never drawn smaller than 9; the picture scrolls then
        least = f"{_LEAST * float(width):g}px" if width.replace(".", "").isdigit() else "0px"
        return f' style="width: {width}px; max-width: max(100%, {least}); height: auto"'
    wide = width if width.endswith("%") else f"{width}px"
    return f' style="width: {wide}; height: {height}px; display: inline-block"'


def as_boxes(svg: str) -> str:
    """Return a drawing as boxes; nothing where it holds more than rectangles, circles and lines.

    Its lengths are in pixels or percent. A browser makes a document of every image, 3 ms each, and
    the cards of six segments have 47: with images "to Segments" takes half a second
    (benchmarks/dashboard.py).

    >>> as_boxes('<svg width="9" height="9"><circle cx="4" cy="4" r="3" fill="red"/></svg>')
    '<span class="flat" style="width:9px;height:9px"><i style="left:calc(4px - 3px);top:1px;\
width:6px;height:6px;background:red;border-radius:50%"></i></span>'
    >>> as_boxes('<svg width="9" height="9"><path d="M0 0"/></svg>')
    ''
    """
    whole = _WHOLE.fullmatch(svg)
    if whole is None or "viewBox" in whole[1] or _SHAPE.sub("", whole[2]).strip():
        return ""
    frame = dict(_GIVEN.findall(whole[1]))
    kind = f"flat {frame.get('class', '')}".strip()
    size = f"width:{_length(frame['width'])};height:{_length(frame['height'])}"
    shapes = "".join(_shape(name, found) for name, found in _SHAPE.findall(whole[2]))
    return f'<span class="{kind}" style="{size}">{shapes}</span>'


def _shape(name: str, found: str) -> str:
    given = dict(_GIVEN.findall(found))
    kind = f' class="{given["class"]}"' if "class" in given else ""
    return f'<i{kind} style="{_DRAWN[name](given)}"></i>'


def _length(text: str) -> str:
    return text if text.endswith("%") else f"{text}px"


def _rect(given: Mapping[str, str]) -> str:
    round_off = f";border-radius:{given['rx']}px" if "rx" in given else ""
    return (
        f"left:{_length(given.get('x', '0'))};top:{_length(given.get('y', '0'))};"
        f"width:{_length(given['width'])};height:{_length(given['height'])};"
        f"background:{given['fill']}{round_off}"
    )


def _circle(given: Mapping[str, str]) -> str:
    radius = float(given["r"])
    fill = f"background:{given['fill']}" if "fill" in given else (
        f"background:var(--paper);border:1.8px solid {given['stroke']};box-sizing:border-box"
    )  # fmt: skip
    return (
        f"left:calc({_length(given['cx'])} - {radius:g}px);top:{float(given['cy']) - radius:g}px;"
        f"width:{2 * radius:g}px;height:{2 * radius:g}px;{fill};border-radius:50%"
    )


def _line(given: Mapping[str, str]) -> str:
    """Return a line along one of the axes, a pixel wide; its class has its colour."""
    x, y = _length(given["x1"]), float(given["y1"])
    if given["y1"] == given["y2"]:
        return f"left:{x};right:calc(100% - {_length(given['x2'])});top:{y:g}px;height:1px"
    return f"left:{x};top:{y:g}px;width:1px;height:{float(given['y2']) - y:g}px"


_DRAWN = {"rect": _rect, "circle": _circle, "line": _line}
