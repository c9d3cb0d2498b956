"""The frame around every page: the run, the pages, and what to do when one cannot be shown."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from segmentry.errors import SegmentryError
from segmentry.present.dashboard import _pages
from segmentry.present.dashboard._ask import choose
from segmentry.present.dashboard._look import page_css
from segmentry.present.dashboard._runs import Run, load, read_only, run_folders
from segmentry.present.dashboard._show import is_dark, notice

if TYPE_CHECKING:
    from streamlit.navigation.page import StreamlitPage


def show() -> None:
    """Draw the page that the reader asked for."""
    st.set_page_config(page_title="segmentry", layout="wide", initial_sidebar_state="auto")
    st.html(f"<style>{page_css(is_dark=is_dark())}</style>")
    folders = run_folders()
    chosen: list[Run] = []
    pages = [
        _page(title, page, chosen, is_default=i == 0)
        for i, (title, page) in enumerate(_pages.PAGES.items())
    ]
    current = st.navigation(pages, position="sidebar", expanded=True)
    with st.sidebar:
        folder = _chosen_folder(folders)
        if read_only():
            st.caption("Read-only: nothing is written.")
    try:
        chosen.append(load(folder))
        current.run()
    except SegmentryError as error:
        notice(f"This cannot be shown: {error}")


def _page(
    title: str, page: "Callable[[Run], None]", chosen: list[Run], *, is_default: bool
) -> "StreamlitPage":
    def run() -> None:
        page(chosen[0])

    path = title.lower().replace(" ", "-").replace("?", "")
    return st.Page(run, title=title, url_path=path, default=is_default)


def _chosen_folder(folders: tuple[Path, ...]) -> Path:
    if len(folders) == 1:
        return folders[0]
    names = {
        str(i): f"{folder.parent.name}/{folder.name}" for i, folder in enumerate(folders, start=1)
    }
    return folders[int(choose("Run", names, key="run")) - 1]
