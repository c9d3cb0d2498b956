"""Export: every picture and every table of the run."""

import io
from collections.abc import Callable

import polars as pl
import streamlit as st

from segmentry import plots
from segmentry.dashboard._runs import Run, svg_of
from segmentry.dashboard._show import heading, notice, part, put, table
from segmentry.dashboard._tables import table_frame, tables_of
from segmentry.report import Figure, render_figure

__all__ = ["show_export"]

_FILES = {
    "segments.parquet": "Which user is in which segment, and how clearly",
    "profiles.parquet": "All statistics of the profiles, in long form",
    "selection.parquet": "Every candidate that was tried",
    "users.parquet": "The user table in raw units",
    "summary.json": "Everything that report and dashboard show",
    "report.html": "The report, one file",
}
_MIMES = {"svg": "image/svg+xml", "png": "image/png", "csv": "text/csv"}
_LARGEST = 200_000_000


def show_export(run: Run) -> None:
    """Offer pictures, tables and files for download."""
    heading("Export", "What the pages show, to be used elsewhere.")
    _pictures(run)
    _tables(run)
    _files(run)


@part
def _pictures(run: Run) -> None:
    heading("Pictures", level=2)
    names = list(plots.FIGURES)
    name = st.selectbox(
        "Picture",
        names,
        format_func=lambda each: each.replace("_", " "),
        key="picture",
        bind="query-params",
    )
    chart = plots.FIGURES[name]
    caption = plots.CAPTIONS[name](run.summary)
    put(render_figure(Figure(name, "", caption, svg_of(run, name), ())))
    left, right = st.columns(2)
    summary = run.summary
    _button(left, "SVG", f"{name}.svg", lambda: _svg(chart(summary)))
    _button(right, "PNG", f"{name}.png", lambda: plots.render_png(chart(summary)))


@part
def _tables(run: Run) -> None:
    heading("Tables", level=2)
    views = tables_of(run.page)
    numbers = [str(i + 1) for i in range(len(views))]
    chosen = st.selectbox(
        "Table",
        numbers,
        format_func=lambda number: views[int(number) - 1].caption,
        key="table",
        bind="query-params",
    )
    view = views[int(chosen or "1") - 1]
    table(view)
    left, right = st.columns(2)
    frame = table_frame(view)
    name = f"table-{chosen}"
    _button(left, "CSV", f"{name}.csv", lambda: frame.write_csv().encode())
    _button(right, "Parquet", f"{name}.parquet", lambda: _parquet(frame))


def _files(run: Run) -> None:
    heading("Files of the run folder", level=2)
    for name, told in _FILES.items():
        file = run.folder / name
        if not file.is_file():
            notice(f"{name} is missing from the run folder.")
        elif file.stat().st_size > _LARGEST:
            notice(f"{name} is too large to be served from here; copy it from {file}.")
        else:
            label = f"{name} · {file.stat().st_size / 1e6:,.1f} MB"
            _button(st.container(), label, name, file.read_bytes, told=told)


def _button(
    place: "st.delta_generator.DeltaGenerator",
    label: str,
    file_name: str,
    make: Callable[[], bytes],
    *,
    told: str | None = None,
) -> None:
    place.download_button(
        label,
        data=make,
        file_name=file_name,
        mime=_MIMES.get(file_name.rpartition(".")[2], "application/octet-stream"),
        on_click="ignore",
        key=f"download-{file_name}",
        help=told,
    )


def _svg(chart: object) -> bytes:
    return plots.render_svg(chart).encode()  # type: ignore[arg-type]


def _parquet(frame: pl.DataFrame) -> bytes:
    sink = io.BytesIO()
    frame.write_parquet(sink)
    return sink.getvalue()
