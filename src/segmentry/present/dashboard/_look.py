"""The look of the dashboard: that of the report, in Streamlit's frame."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from segmentry.present.report import render_style
from segmentry.present.theme import FONT, PAGE, SERIF, page_colours


def streamlit_theme() -> Mapping[str, Any]:
    """Return Streamlit's theme options: the report's colours, light and dark, and its letters."""
    options: dict[str, Any] = {
        "theme.font": FONT,
        "theme.headingFont": SERIF,
        "theme.baseRadius": "4px",
        "theme.linkUnderline": True,
        "theme.showWidgetBorder": True,
    }
    for kind, found in ((kind, colours(kind == "dark")) for kind in ("light", "dark")):
        options |= {
            f"theme.{kind}.primaryColor": found["accent"],
            f"theme.{kind}.backgroundColor": found["paper"],
            f"theme.{kind}.secondaryBackgroundColor": found["raised"],
            f"theme.{kind}.textColor": found["ink"],
            f"theme.{kind}.linkColor": found["ink"],
            f"theme.{kind}.borderColor": found["line"],
        }
    return options


def colours(is_dark: bool) -> Mapping[str, str]:
    """Return the colours of a page by their role.

    >>> colours(True)["paper"]
    '#15181b'
    """
    return {name: role.dark if is_dark else role.light for name, role in PAGE.items()}


@cache
def page_css(*, is_dark: bool) -> str:
    """Return the styles of a page, with those of the report's tables, cards and figures."""
    fonts = f"--serif: {SERIF}; --sans: {FONT}; --mono: ui-monospace, Consolas, monospace;"
    own = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
    roles = page_colours(is_dark=is_dark)
    return f":root {{ {roles} {fonts} }}\n{render_style('parts.css')}\n{own}"
