"""Small drawings of rectangles, circles and lines as boxes of HTML."""

import re
from collections.abc import Mapping

_WHOLE = re.compile(r"<svg\b([^>]*)>(.*)</svg>", re.DOTALL)
_SHAPE = re.compile(r"\s*<(rect|circle|line)\b([^>]*?)/?>(?:</\1>)?")
_ATTRIBUTE = re.compile(r'([\w-]+)="([^"]*)"')


def as_boxes(svg: str) -> str:
    """Return a drawing as boxes; nothing where it holds more than rectangles, circles and lines.

    Parameters
    ----------
    svg : str
        An SVG without a view box, its lengths in pixels or percent.

    Examples
    --------
    >>> as_boxes('<svg width="9" height="9"><circle cx="4" cy="4" r="3" fill="red"/></svg>')
    '<span class="flat" style="width:9px;height:9px"><i style="left:calc(4px - 3px);top:1px;\
width:6px;height:6px;background:red;border-radius:50%"></i></span>'
    >>> as_boxes('<svg width="9" height="9"><path d="M0 0"/></svg>')
    ''
    """
    whole = _WHOLE.fullmatch(svg)
    if whole is None or "viewBox" in whole[1] or _SHAPE.sub("", whole[2]).strip():
        return ""
    frame = dict(_ATTRIBUTE.findall(whole[1]))
    kind = f"flat {frame.get('class', '')}".strip()
    size = f"width:{_length(frame['width'])};height:{_length(frame['height'])}"
    shapes = "".join(_shape(name, found) for name, found in _SHAPE.findall(whole[2]))
    return f'<span class="{kind}" style="{size}">{shapes}</span>'


def _shape(name: str, found: str) -> str:
    given = dict(_ATTRIBUTE.findall(found))
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
