"""The house theme: colours by role, the colour of a segment, type, and the dark page.

Every role has a literal colour of its own, so that a page can turn a figure dark by plain
attribute selectors, while the files keep their literal colours. A segment's colour has a contrast
of 3 or more with the light and the dark ground alike, so it is the same in both and in print.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

FONT = (
    "-apple-system, BlinkMacSystemFont, 'Segoe UI', Roboto, 'Helvetica Neue', 'Noto Sans', "
    "'Liberation Sans', Arial, sans-serif"
)
SERIF = (
    "Charter, 'Bitstream Charter', 'Sitka Text', Cambria, Georgia, 'Noto Serif', "
    "'Liberation Serif', serif"
)


@dataclass(frozen=True, slots=True)
class Role:
    """A colour by what it is for."""

    light: str
    dark: str


ROLES: Mapping[str, Role] = MappingProxyType(
    {
        "ink": Role("#1c2126", "#eceae4"),
        "muted": Role("#5b626a", "#a9adb3"),
        "rule": Role("#8d9197", "#7d8288"),
        "grid": Role("#e3e0d8", "#31363b"),
        "paper": Role("#fdfcf9", "#15181b"),
        "accent": Role("#9c2741", "#f08a9c"),
        "on_strong": Role("#fffffd", "#11161a"),
    }
)
PAGE: Mapping[str, Role] = MappingProxyType(
    {
        **{name: ROLES[name] for name in ("paper", "ink", "muted", "accent")},
        "raised": Role("#f5f3ed", "#1d2125"),
        "line": Role("#dcd8ce", "#353a40"),
        "good": Role("#1d6b4f", "#7fd0ad"),
        "warn": Role("#855400", "#e3b566"),
        "focus": Role("#1257a6", "#8ec2ff"),
        "shade": Role("rgb(28 33 38 / 0.16)", "rgb(236 234 228 / 0.2)"),
    }
)
"""Colours of report, dashboard and login around the figures."""
TITLE_SIZES: Mapping[str, int] = MappingProxyType(
    {
        "fontSize": 15,
        "lineHeight": 19,
        "offset": 14,
        "subtitleFontSize": 12,
        "subtitleLineHeight": 16,
        "subtitlePadding": 5,
    }
)
"""Pixels of a drawn title; by them a page cuts it off again."""
HEAT_EDGES = (0.2, 0.5, 0.8, 1.5)
"""Class limits of a standardised difference; 0.2, 0.5 and 0.8 are Cohen's small, medium, large."""
HEAT = (
    Role("#1d5f9e", "#8cc0ee"),
    Role("#5f9bcf", "#30689a"),
    Role("#9cc1e1", "#274e70"),
    Role("#d2e2f0", "#21374a"),
    Role("#f2f0ea", "#212529"),
    Role("#f7dfc9", "#44311f"),
    Role("#eeb88e", "#6b4321"),
    Role("#d98a52", "#95561f"),
    Role("#a84f17", "#f3b07c"),
)
_VIRIDIS = (
    "#482878",
    "#3e4a89",
    "#31688e",
    "#26828e",
    "#1f9e89",
    "#35b779",
    "#6dcd59",
    "#b4de2c",
    "#fde725",
)
SCALE = tuple(map(Role, _VIRIDIS[7::-1], _VIRIDIS[1:]))
"""Steps from small to large values; large ones stand out from either ground.

They grow in lightness alike for all readers: viridis, Smith and van der Walt (2015), A better
default colormap for Matplotlib, SciPy; its ends that vanish on a ground are left out there.
"""
_HUES = (
    "#1493fc",
    "#b84400",
    "#91537c",
    "#c58128",
    "#5648fc",
    "#1e977a",
    "#647747",
    "#eb476a",
)
_SHADES = (
    "#7391c5",
    "#905d53",
    "#7a6070",
    "#a88a74",
    "#615cb7",
    "#6b8d81",
    "#6c7362",
    "#b7717b",
)
"""The hues mixed with 60 % of a grey of the same luminance: contrast stays."""
_MIDDLE = 0.179  # luminance at which white and black stand out equally


def segment_colour(segment_id: int) -> str:
    """Return the colour of a segment, the same in every figure and page.

    Eight hues that stay distinct for readers with normal vision, protanopia, deuteranopia and
    tritanopia: by 11 or more in every pair (CIEDE2000, simulated by Machado, Oliveira and Fernandes
    2009). The ninth segment to the sixteenth have a duller shade of them, and then all sixteen
    repeat: many segments are distinguished by the number or the name next to every bar, line, blade
    and centre, not by colour; a single dot of a map says its segment when hovered over. All have a
    contrast of 3 or more with the light and the dark ground. Unassigned users (id 0) are grey.

    >>> segment_colour(1), segment_colour(17), segment_colour(0)
    ('#1493fc', '#1493fc', '#8d9197')
    >>> len({segment_colour(i) for i in range(1, 41)})
    16
    """
    if segment_id < 1:
        return ROLES["rule"].light
    return (*_HUES, *_SHADES)[(segment_id - 1) % 16]


def segment_ink(segment_id: int) -> str:
    """Return the colour of a number upon `segment_colour`: white or black, contrast at least 4.5.

    >>> segment_ink(1), segment_ink(2)
    ('#000000', '#ffffff')
    """
    luminance = _luminance(_linear(segment_colour(segment_id)))
    return "#000000" if luminance > _MIDDLE else "#ffffff"


def _linear(colour: str) -> list[float]:
    """Return red, green and blue of sRGB as amounts of light (IEC 61966-2-1)."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return [((c + 0.055) / 1.055) ** 2.4 if c > 0.04045 else c / 12.92 for c in channels]


def _luminance(light: list[float]) -> float:
    return 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2]  # of WCAG 2


def _heat_class(difference: float) -> int:
    steps = sum(abs(difference) >= edge for edge in HEAT_EDGES)
    return 4 + steps if difference > 0 else 4 - steps


def heat_colour(difference: float) -> str:
    """Return the fill of a standardised difference: blue below the population, orange above.

    >>> heat_colour(0.1) == heat_colour(-0.1), heat_colour(2.0) == heat_colour(9.0)
    (True, True)
    """
    return HEAT[_heat_class(difference)].light


def heat_ink(difference: float) -> str:
    """Return the colour of text upon `heat_colour`, with a contrast of at least 4.5.

    >>> heat_ink(0.0), heat_ink(-3.0)
    ('#1c2126', '#fffffd')
    """
    return ROLES["on_strong" if abs(difference) >= HEAT_EDGES[-1] else "ink"].light


def page_colours(*, is_dark: bool) -> str:
    """Return the colours of a page as custom properties of CSS.

    >>> page_colours(is_dark=True)[:17]
    '--paper: #15181b;'
    """
    return " ".join(
        f"--{name}: {role.dark if is_dark else role.light};" for name, role in PAGE.items()
    )


def dark_figure_css(scope: str) -> str:
    """Return CSS rules that turn every role of an inline figure dark, below the selector `scope`.

    >>> dark_figure_css(".figure").splitlines()[0]
    '.figure [fill="#1c2126"]{fill:#eceae4}'
    """
    return "\n".join(
        f'{scope} [{attribute}="{role.light}"]{{{attribute}:{role.dark}}}'
        for role in (*ROLES.values(), *HEAT)
        for attribute in ("fill", "stroke")
    )


def dark_svg(svg: str) -> str:
    """Return the SVG of a figure with every role in its dark colour; segments keep theirs.

    >>> dark_svg('<rect fill="#fdfcf9"/>')
    '<rect fill="#15181b"/>'
    """
    for role in (*ROLES.values(), *HEAT):
        for attribute in ("fill", "stroke"):
            svg = svg.replace(f'{attribute}="{role.light}"', f'{attribute}="\0{role.dark}"')
    return svg.replace("\0", "")


def house_config() -> dict[str, object]:
    """Return the Vega-Lite configuration of the house.

    >>> house_config()["background"]
    '#fdfcf9'
    """
    ink, muted, grid = (ROLES[name].light for name in ("ink", "muted", "grid"))
    return {
        "aria": False,
        "background": ROLES["paper"].light,
        "font": FONT,
        "padding": {"left": 4, "right": 8, "top": 6, "bottom": 4},
        "view": {"stroke": None},
        "text": {"color": ink, "fontSize": 12.5},
        "axis": {
            "domain": False,
            "ticks": False,
            "gridColor": grid,
            "labelColor": muted,
            "labelFontSize": 12,
            "labelPadding": 6,
            "titleColor": muted,
            "titleFontSize": 12,
            "titleFontWeight": "normal",
        },
        "title": {
            "anchor": "start",
            "frame": "bounds",
            "color": ink,
            "fontWeight": 600,
            "subtitleColor": muted,
            **TITLE_SIZES,
        },
        "concat": {"spacing": 28},
        "legend": {
            "labelColor": muted,
            "labelFontSize": 12,
            "titleColor": muted,
            "titleFontSize": 12,
            "titleFontWeight": "normal",
        },
    }
