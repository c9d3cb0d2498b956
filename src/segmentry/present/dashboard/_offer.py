"""What a part of a page shows, to be taken along in one file: its tables and its pictures."""

import io
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

import polars as pl
import streamlit as st

from segmentry.present import figures as plots
from segmentry.present.tables import Table
from segmentry.runtime.spreadsheets import without_formulas

if TYPE_CHECKING:
    import altair as alt

    Pictures: TypeAlias = Mapping[str, Callable[[], alt.Chart | alt.LayerChart | alt.HConcatChart]]


_NONE: Mapping[str, Callable[[], "alt.Chart"]] = MappingProxyType({})
_ALWAYS = (2017, 5, 6, 0, 0, 0)
"""The time of every entry: equal answers give equal bytes."""


def offer(name: str, *, tables: Sequence[Table] = (), pictures: "Pictures" = _NONE) -> None:
    """Offer what was just shown as a ZIP, which is made when it is requested.

    Tables are in it as CSV and Parquet, charts by their file names as SVG and PNG. `name` is that
    of the file, once on a page.
    """
    kinds = [
        *(["tables (CSV, Parquet)"] if tables else []),
        *(["charts (SVG, PNG)"] if pictures else []),
    ]
    st.download_button(
        f"Download {' and '.join(kinds)}",
        data=lambda: packed(tables, pictures),
        file_name=f"{name}.zip",
        mime="application/zip",
        on_click="ignore",
        key=f"take-{name}",
    )


def packed(tables: Sequence[Table], pictures: "Pictures") -> bytes:
    """Return the ZIP."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as files:

        def write(name: str, data: bytes) -> None:
            files.writestr(zipfile.ZipInfo(name, _ALWAYS), data)

        for number, view in enumerate(tables, 1):
            name, frame = f"{number}-{_slug(view.caption)}", view.to_frame()
            write(f"{name}.csv", as_csv(frame))
            write(f"{name}.parquet", as_parquet(frame))
        for name, chart in pictures.items():
            with plots.unchecked():
                drawn = chart()
                write(f"{name}.svg", plots.render_svg(drawn).encode())
                write(f"{name}.png", plots.render_png(drawn))
    return sink.getvalue()


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower())[:60].strip("-")


def as_csv(frame: pl.DataFrame) -> bytes:
    """Return a table as CSV."""
    return without_formulas(frame).write_csv().encode()


def as_parquet(frame: pl.DataFrame) -> bytes:
    """Return a table as Parquet."""
    sink = io.BytesIO()
    frame.write_parquet(sink)
    return sink.getvalue()
