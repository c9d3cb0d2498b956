"""The look of the dashboard: that of the report, in Streamlit's frame."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from segmentry.present.report import render_style

_SERIF = 'Charter, "Bitstream Charter", Cambria, Georgia, "Noto Serif", "Liberation Serif", serif'
_SANS = (
    '-apple-system, BlinkMacSystemFont, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", '
    '"Liberation Sans", Arial, sans-serif'
)
_LIGHT = {
    "paper": "#fdfcf9", "raised": "#f5f3ed", "ink": "#1c2126", "muted": "#5b626a",
    "line": "#dcd8ce", "accent": "#9c2741", "good": "#1d6b4f", "warn": "#855400",
    "focus": "#1257a6", "shade": "rgb(28 33 38 / 0.16)",
}  # fmt: skip
_DARK = {
    "paper": "#15181b", "raised": "#1d2125", "ink": "#eceae4", "muted": "#a9adb3",
    "line": "#353a40", "accent": "#f08a9c", "good": "#7fd0ad", "warn": "#e3b566",
    "focus": "#8ec2ff", "shade": "rgb(236 234 228 / 0.2)",
}  # fmt: skip


def streamlit_theme() -> Mapping[str, Any]:
    """Return Streamlit's theme options: the report's colours, light and dark, and its letters."""
    options: dict[str, Any] = {
        "theme.font": _SANS,
        "theme.headingFont": _SERIF,
        "theme.baseRadius": "4px",
        "theme.linkUnderline": True,
        "theme.showWidgetBorder": True,
    }
    for kind, found in (("light", _LIGHT), ("dark", _DARK)):
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

    Examples
    --------
    >>> colours(True)["paper"]
    '#15181b'
    """
    return _DARK if is_dark else _LIGHT


@cache
def page_css(*, is_dark: bool) -> str:
    """Return the styles of a page, with those of the report's tables, cards and figures."""
    roles = "".join(f"--{k}: {v}; " for k, v in colours(is_dark).items())
    fonts = f"--serif: {_SERIF}; --sans: {_SANS}; --mono: ui-monospace, Consolas, monospace;"
    return f":root {{ {roles}{fonts} }}\n{render_style('parts.css')}\n{_own_css()}"


def _own_css() -> str:
    return Path(__file__).with_name("page.css").read_text(encoding="utf-8")
