"""The frame around every page: the run, the pages, and what to do when one cannot be shown."""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from segmentry.errors import SegmentryError
from segmentry.present.dashboard._ask import choose
from segmentry.present.dashboard._look import page_css
from segmentry.present.dashboard._pages import PAGES, Page
from segmentry.present.dashboard._renaming import fault_of, is_redrawn
from segmentry.present.dashboard._runs import Run, load, read_only, run_folders
from segmentry.present.dashboard._show import is_dark, note, notice, put

if TYPE_CHECKING:
    from streamlit.navigation.page import StreamlitPage


def show() -> None:
    """Draw the page that the reader requested."""
    st.set_page_config(page_title="segmentry", layout="wide", initial_sidebar_state="auto")
    st.html(f"<style>{page_css(is_dark=is_dark())}</style>")
    with st.sidebar:
        folder = _chosen_folder(run_folders())
    try:
        run = load(folder)
    except SegmentryError as error:
        fault = str(error)
        st.navigation([st.Page(lambda: notice(fault), title="Overview", default=True)]).run()
        return
    pages = [page for page in PAGES.values() if page.is_there(run)]
    # A page that the menu leaves out has an address, too: there it says what the run lacks.
    current = st.navigation([_entry(page, run) for page in PAGES.values()], position="hidden")
    with st.sidebar:
        put(_menu(pages, run, current.url_path))
        _show_drawing(run.folder)
        if read_only():
            note("Read-only: nothing is written.")
    try:
        current.run()
    except SegmentryError as error:
        notice(f"This cannot be shown: {error}")


def _show_drawing(folder: Path) -> None:
    """Say whether the report is being drawn with new names, or why it could not be."""
    if not is_redrawn(folder):
        _watch(folder)
    elif fault := fault_of(folder):
        notice(f"The names are saved, but the report still has the old ones: {fault}")


@st.fragment(run_every=2.0)
def _watch(folder: Path) -> None:
    if is_redrawn(folder):
        st.rerun()
    note("The report is being updated …")


def _entry(page: Page, run: Run) -> "StreamlitPage":
    is_first = page is PAGES["overview"]
    title = page.title_of(run.summary)
    return st.Page(lambda: page.show(run), title=title, url_path=page.path, default=is_first)


def _menu(pages: Sequence[Page], run: Run, current: str) -> str:
    """Return the menu; Streamlit's own cannot fold a group, and its groups are no valid lists."""

    def links(*, is_for_analyst: bool) -> str:
        items = []
        for page in pages:
            if page.is_for_analyst != is_for_analyst:
                continue
            path = "" if page is PAGES["overview"] else page.path
            here = ' aria-current="page"' if path == current else ""
            title = escape(page.title_of(run.summary))
            items.append(f'<li><a href="/{path}"{here}>{title}</a></li>')
        return f"<ul>{''.join(items)}</ul>"

    is_open = current in PAGES and PAGES[current].is_for_analyst
    return (
        f'<nav class="menu" aria-label="Pages">{links(is_for_analyst=False)}'
        f"<details{' open' if is_open else ''}><summary>For the analyst</summary>"
        f"{links(is_for_analyst=True)}</details></nav>"
    )


def _chosen_folder(folders: tuple[Path, ...]) -> Path:
    if len(folders) == 1:
        return folders[0]
    names = {
        str(i): f"{folder.parent.name}/{folder.name}" for i, folder in enumerate(folders, start=1)
    }
    return folders[int(choose("Run", names, key="run")) - 1]
