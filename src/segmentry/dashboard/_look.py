"""The look of the dashboard: that of the report, in Streamlit's frame."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from segmentry.plots import dark_figure_css
from segmentry.report import render_style

__all__ = ["page_css", "streamlit_theme"]

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
    "focus": "#8ec2ff", "shade": "rgb(0 0 0 / 0.6)",
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
    for kind, colours in (("light", _LIGHT), ("dark", _DARK)):
        options |= {
            f"theme.{kind}.primaryColor": colours["accent"],
            f"theme.{kind}.backgroundColor": colours["paper"],
            f"theme.{kind}.secondaryBackgroundColor": colours["raised"],
            f"theme.{kind}.textColor": colours["ink"],
            f"theme.{kind}.linkColor": colours["ink"],
            f"theme.{kind}.borderColor": colours["line"],
        }
    return options


@cache
def page_css(*, is_dark: bool) -> str:
    """Return the styles of a page, with those of the report's tables, cards and figures."""
    colours = "".join(f"--{k}: {v}; " for k, v in (_DARK if is_dark else _LIGHT).items())
    fonts = f"--serif: {_SERIF}; --sans: {_SANS}; --mono: ui-monospace, Consolas, monospace;"
    figures = dark_figure_css(".figure") if is_dark else ""
    return f":root {{ {colours}{fonts} }}\n{render_style('parts.css')}\n{_own_css()}\n{figures}"


def _own_css() -> str:
    return Path(__file__).with_name("page.css").read_text(encoding="utf-8")
