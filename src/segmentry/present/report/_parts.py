"""Pieces of the report by themselves, for other pages of the same house."""

import functools
import re
from html import escape
from typing import TYPE_CHECKING

from segmentry.present.report._views import AnyTable, Card, Figure

if TYPE_CHECKING:
    from jinja2 import Environment


_OPTION = re.compile(r"--[a-z][a-z-]*")


@functools.cache
def environment() -> "Environment":
    """Return the templates: every text is escaped, a gap in the data is an error."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    found = Environment(
        loader=PackageLoader("segmentry.present.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_held,
    )
    found.filters["render_text"] = render_text
    return found


def _held(found: object) -> object:
    """Hold a number of a text to its unit: "95 %" is not torn apart at the end of a line."""
    return found.replace(" %", "\u00a0%") if type(found) is str else found


def render_text(text: str) -> str:
    """Return a sentence as HTML that tears no option of a command apart.

    Examples
    --------
    >>> render_text("not read (--with behaviours)")
    'not read (<span class="option">--with</span> behaviours)'
    """
    return _OPTION.sub(r'<span class="option">\g<0></span>', escape(text))


def render_table(view: AnyTable) -> str:
    """Return a table as HTML.

    Examples
    --------
    >>> from segmentry.present.tables import Table
    >>> "<script>" in render_table(Table("t", "<script>", columns=(), rows=()))
    False
    """
    return _macro("table", view)


def render_figure(view: Figure) -> str:
    """Return a picture with its caption and its tables as HTML."""
    return _macro("figure", view)


def render_card(view: Card) -> str:
    """Return the card of a segment as HTML."""
    return _macro("card_of", view)


def render_style(name: str) -> str:
    """Return a style sheet of the report by its file name."""
    source, _, _ = _loader_source(name)
    return source


def _loader_source(name: str) -> tuple[str, object, object]:
    loader = environment().loader
    assert loader is not None, "the environment has a loader"  # noqa: S101 - our own
    return loader.get_source(environment(), name)


def _macro(name: str, view: Card | Figure | AnyTable) -> str:
    return str(getattr(environment().get_template("parts.html").module, name)(view))
