"""Export: every picture and every table of the run."""

from collections.abc import Callable

import streamlit as st

from segmentry.formats import compact
from segmentry.present import figures as plots
from segmentry.present.dashboard._ask import choose
from segmentry.present.dashboard._offer import as_csv, as_parquet
from segmentry.present.dashboard._runs import Run, svg_of
from segmentry.present.dashboard._show import heading, notice, part, put, table
from segmentry.present.report import Figure, render_figure, tables_of

_FILES = {
    "segments.parquet": "Which user is in which segment, and how clearly",
    "profiles.parquet": "All statistics of the profiles, in long form",
    "selection.parquet": "Every candidate that was tried",
    "users.parquet": "The user table in raw units",
    "hexagons.parquet": "The features in each hexagon of the map",
    "summary.json": "Everything that report and dashboard show",
    "report.html": "The report, one file",
}
_MIMES = {"svg": "image/svg+xml", "png": "image/png", "csv": "text/csv"}
_LARGEST = 200_000_000


def show_export(run: Run) -> None:
    """Offer pictures, tables and files for download."""
    heading(
        "Download",
        "Charts for slides, tables, and the list of users.",
    )
    _pictures(run)
    _tables(run)
    _files(run)


@part
def _pictures(run: Run) -> None:
    heading("Charts", level=2)
    found = {key: each.title for key, each in plots.FIGURES.items() if each.needs(run.summary)}
    name = choose("Chart", found, key="picture")
    chart = plots.FIGURES[name].plot
    caption = plots.FIGURES[name].caption(run.summary)
    put(render_figure(Figure(name, "", caption, svg_of(run, name), ()), run.summary.colours))
    row, summary = st.container(horizontal=True), run.summary
    _button(row, "SVG", f"{name}.svg", lambda: _svg(chart(summary)))
    _button(row, "PNG for a slide", f"{name}.png", lambda: plots.render_png(chart(summary)))


@part
def _tables(run: Run) -> None:
    heading("Tables", level=2)
    views = tables_of(run.summary)
    captions = {str(i): view.caption for i, view in enumerate(views, start=1)}
    chosen = choose("Table", captions, key="table")
    view = views[int(chosen) - 1]
    table(run, view)
    row, frame = st.container(horizontal=True), view.to_frame()
    name = f"table-{chosen}"
    _button(row, "CSV", f"{name}.csv", lambda: as_csv(frame))
    _button(row, "Parquet", f"{name}.parquet", lambda: as_parquet(frame))


def _files(run: Run) -> None:
    heading("Files", level=2)
    for name, text in _FILES.items():
        file = run.folder / name
        if not file.is_file():
            notice(f"{text}: {name} is missing from this run.")
        elif file.stat().st_size > _LARGEST:
            notice(f"{text}: {name} is too large for a browser; copy it from the run folder.")
        else:
            label = f"{text}: {name}, {_size(file.stat().st_size)}"
            _button(st.container(), label, name, file.read_bytes)


def _button(
    place: "st.delta_generator.DeltaGenerator",
    label: str,
    file_name: str,
    make: Callable[[], bytes],
) -> None:
    place.download_button(
        label,
        data=make,
        file_name=file_name,
        mime=_MIMES.get(file_name.rpartition(".")[2], "application/octet-stream"),
        on_click="ignore",
        key=f"download-{file_name}",
    )


def _size(n_bytes: int) -> str:
    text = compact(n_bytes)
    return f"{text}B" if text[-1].isalpha() else f"{text}\u00a0B"


def _svg(chart: object) -> bytes:
    return plots.render_svg(chart).encode()  # type: ignore[arg-type]
