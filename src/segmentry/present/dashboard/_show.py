"""How things are set on a page: escaped HTML, figures with their tables, words explained."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from html import escape
from typing import ParamSpec, TypeAlias

import streamlit as st

from segmentry.advise.basis import PlanBasis
from segmentry.describe.profiles import SegmentProfile
from segmentry.errors import SegmentryError
from segmentry.present.dashboard._images import with_images
from segmentry.present.dashboard._runs import Pictures, Run, basis_of
from segmentry.present.first_screen import first_screen
from segmentry.present.report import (
    GLOSSARY,
    figure_of,
    render_figure,
    render_part,
    render_table,
    render_text,
)
from segmentry.present.tables import Table
from segmentry.results.summary import Summary

Fact: TypeAlias = tuple[str, str, str]
"""A number: what it is, the number itself, a note."""
_OF_REPORT, _OF_PAGES = 'href="#segment-', 'href="/segments?segment='
"""Where a segment stands in the report, and here."""
_Requested = ParamSpec("_Requested")
_PIECES: ContextVar[list[str] | None] = ContextVar("pieces", default=None)


def is_dark() -> bool:
    """Return whether the reader's page is dark."""
    return st.context.theme.type == "dark"


@contextmanager
def together() -> Iterator[None]:
    """Set all that is put within as one piece: each piece costs the browser 3 ms."""
    pieces: list[str] = []
    outer = _PIECES.set(pieces)
    try:
        yield
    finally:
        _PIECES.reset(outer)
    if pieces:
        put("".join(f'<div class="piece">{each}</div>' for each in pieces))


def put(html: str) -> None:
    """Set HTML on the page; every text in it must be escaped already."""
    pieces = _PIECES.get()
    if pieces is not None:
        pieces.append(html)
        return
    html = html.replace(_OF_REPORT, _OF_PAGES)
    st.html(f'<div class="sg">{with_images(html, is_dark=is_dark())}</div>')


def heading(text: str, lead: str = "", *, level: int = 1) -> None:
    """Set a heading and a sentence under it, both as plain text."""
    more = f'<p class="lead">{escape(lead)}</p>' if lead else ""
    put(f"<h{level}>{escape(text)}</h{level}>{more}")


def note(text: str) -> None:
    """Set a sentence small, as plain text."""
    put(f'<p class="note">{render_text(text)}</p>')


def notice(text: str) -> None:
    """Say what is missing and what to do, as plain text."""
    put(f'<p class="notice" role="status">{render_text(text)}</p>')


def part(function: Callable[_Requested, None]) -> Callable[_Requested, None]:
    """Make a part of a page that is drawn alone when its own choices change."""

    @st.fragment
    @wraps(function)
    def shown(*args: _Requested.args, **kwargs: _Requested.kwargs) -> None:
        try:
            function(*args, **kwargs)
        except SegmentryError as error:  # Streamlit lets none out of a fragment
            notice(f"This cannot be shown: {error}")

    return shown


def listed(texts: Iterable[str]) -> None:
    """Set sentences under one another, as plain text."""
    items = "".join(f"<li>{render_text(text)}</li>" for text in texts)
    put(f'<ul class="plain">{items}</ul>')


def copyable(text: str) -> None:
    """Set a text to be taken along as it is, with a button that copies it."""
    put(
        f'<div class="copyable"><pre tabindex="0">{escape(text)}</pre>'
        '<button type="button">Copy</button> <span role="status"></span></div>'
    )


def facts(found: Iterable[Fact]) -> None:
    """Set numbers with their labels and notes."""
    cells = "".join(
        f'<div><dt>{escape(label)}</dt><dd class="value">{escape(value)}</dd>'
        f'<dd class="note">{escape(note)}</dd></div>'
        for label, value, note in found
    )
    put(f'<dl class="facts">{cells}</dl>')


def table(run: Run, *views: Table) -> None:
    """Set tables under one another, as one piece."""
    if views:
        put("".join(render_table(each, run.summary.colours) for each in views))


def of_report(run: Run, name: str) -> None:
    """Set a part of the report, by the name of its template."""
    put(render_part(name, run.summary, Pictures(run)))


def measured(run: Run) -> PlanBasis:
    """Return what plans are made with, and say so while a reader waits for it.

    Raises SegmentryError if the run has nothing to plan with.
    """
    with st.spinner("Measuring days and segments once, for all questions …"):
        return basis_of(run)


def figure(run: Run, name: str) -> None:
    """Set a figure of the run with its caption and its tables, where there is something to draw."""
    view = figure_of(name, run.summary, Pictures(run))
    if view is not None:
        put(render_figure(view, run.summary.colours))


def side_by_side(run: Run, names: Sequence[str]) -> None:
    """Set figures in two columns where there is room, else below each other; once on a page."""
    with st.container(key="figures"):
        for column, name in zip(st.columns(2, gap="medium"), names, strict=True):
            with column:
                figure(run, name)


def words(*names: str) -> None:
    """Explain words of the glossary on hover, and on focus for the keyboard."""
    terms = "".join(
        f'<span class="term" tabindex="0">{escape(name)}'
        f'<span class="meaning" role="note">{escape(GLOSSARY[name])}</span></span>'
        for name in names
        if name in GLOSSARY
    )
    put(f'<div class="words-here"><span>Words:</span>{terms}</div>')


def recommended(summary: Summary) -> int:
    """Return the segment to act on first."""
    return first_screen(summary).chosen or summary.segments[0].segment_id


def render_link(segment: SegmentProfile) -> str:
    """Return number and name of a segment as a link to its page."""
    return f'<a href="#segment-{segment.segment_id}">{escape(segment_label(segment))}</a>'


def segment_label(segment: SegmentProfile) -> str:
    """Return number and name of a segment, as a choice shows it."""
    return f"{segment.segment_id} {segment.name}"
