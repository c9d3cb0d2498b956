"""A run as an Excel workbook: one sheet per table, with native charts."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from segmentry.errors import OutputError
from segmentry.present.exports._star import star_tables
from segmentry.results.elsewhere import takes_places
from segmentry.runtime.preload import require
from segmentry.runtime.temporary import written_whole

_MAX_ROWS = 1_048_575  # rows of a sheet below its head
_FORMATS = {
    "share": "0.0%",
    "ctr_": "0.00%",
    "smallest": "0.0%",
    "n_": "#,##0",
    "date": "yyyy-mm-dd",
}


@takes_places(runs=("run_dir",), made={"out": ""})
def export_excel(run_dir: Path, out: Path, *, overwrite: bool = False) -> dict[str, int]:
    """Write a workbook with one sheet per table and charts of sizes, click rates and silhouettes.

    The file ends in ``.xlsx``. Rows per sheet are returned; a table longer than a sheet (1,048,575
    users) is cut, and says so.

    Raises BundleError if the run cannot be read; MissingExtraError if XlsxWriter is not installed;
    OutputError if the file exists or cannot be written.
    """
    xlsxwriter = require("xlsxwriter", extra="excel")
    if out.suffix.lower() != ".xlsx":
        raise OutputError(f"{out}: expected a name that ends in .xlsx")
    if out.exists() and not overwrite:
        raise OutputError(f"{out}: exists; choose another --out or add --overwrite")
    tables = star_tables(run_dir)
    with written_whole(out) as partial:
        options = {"strings_to_formulas": False, "strings_to_urls": False, "constant_memory": True}
        book = xlsxwriter.Workbook(str(partial), options)
        rows = {name: _sheet(book, name, frame) for name, frame in tables.items()}
        _charts(book, tables)
        book.close()
    return rows


def _sheet(book: Any, name: str, frame: pl.DataFrame) -> int:
    """Write a table: head in bold and frozen, texts never read as formulas."""
    sheet = book.add_worksheet(name)
    sheet.freeze_panes(1, 0)
    bold = book.add_format({"bold": True, "bottom": 1})
    for column, head in enumerate(frame.columns):
        kind = next((f for start, f in _FORMATS.items() if head.startswith(start)), "General")
        sheet.set_column(column, column, max(12, min(40, len(head) + 3)),
                         book.add_format({"num_format": kind}))  # fmt: skip
        sheet.write_string(0, column, head, bold)
    shown = frame.head(_MAX_ROWS - 1) if frame.height > _MAX_ROWS else frame
    dates = book.add_format({"num_format": "yyyy-mm-dd"})
    for i, row in enumerate(shown.iter_rows(), start=1):
        for column, value in enumerate(row):
            if isinstance(value, str):
                sheet.write_string(i, column, value)
            elif isinstance(value, int | float):
                sheet.write_number(i, column, value)
            elif value is not None:
                sheet.write_datetime(i, column, value, dates)
    if shown.height < frame.height:
        text = f"cut here: {frame.height - shown.height:,} more rows are in the Parquet files"
        sheet.write_string(shown.height + 1, 0, text)
    return shown.height


def _charts(book: Any, tables: Mapping[str, pl.DataFrame]) -> None:
    sheet = book.add_worksheet("charts")
    segments, selection = tables["dim_segment"], tables["fact_selection"]
    rates = "ctr_expected" if segments["ctr_expected"].is_not_null().any() else "ctr_seen"
    text = "to be expected" if rates == "ctr_expected" else "seen on the days that formed them"
    for place, column, title, kind in (
        ("A1", "n_users", "Users per segment", "#,##0"),
        ("J1", rates, f"Click rate, {text}", "0.0%"),
    ):
        sheet.insert_chart(place, _bars(book, segments, column, title=title, kind=kind))
    chart = book.add_chart({"type": "line"})
    chart.add_series({
        "name": "silhouette",
        "categories": _range("fact_selection", selection, "n_segments", first=1),
        "values": _range("fact_selection", selection, "silhouette", first=1),
        "marker": {"type": "circle", "size": 6},
        "line": {"color": "#9c2741"},
    })  # fmt: skip
    chart.set_title({"name": "Silhouette by number of segments"})
    chart.set_legend({"none": True})
    sheet.insert_chart("A24", chart)
    sheet.activate()


def _bars(book: Any, segments: pl.DataFrame, column: str, *, title: str, kind: str) -> Any:
    """Return a bar chart of the segments in their colours; row 1 is for users without one."""
    chart = book.add_chart({"type": "bar"})
    colours = segments["colour"].to_list()[1:]
    chart.add_series({
        "name": title,
        "categories": _range("dim_segment", segments, "segment_name", first=2),
        "values": _range("dim_segment", segments, column, first=2),
        "points": [{"fill": {"color": each}} for each in colours],
        "data_labels": {"value": True, "num_format": kind},
    })  # fmt: skip
    chart.set_title({"name": title})
    chart.set_legend({"none": True})
    chart.set_y_axis({"reverse": True})
    return chart


def _range(sheet: str, frame: pl.DataFrame, column: str, *, first: int) -> list[object]:
    at = frame.columns.index(column)
    return [sheet, first, at, frame.height, at]
