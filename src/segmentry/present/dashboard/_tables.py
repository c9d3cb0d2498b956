"""All tables of the pages, and each as a frame for download: the very texts that are shown."""

import io

import polars as pl

from segmentry.present import tables
from segmentry.present.report import (
    AnyTable,
    Figure,
    Page,
    center_table,
    loading_table,
    umap_table,
)
from segmentry.results.summary import Summary


def tables_of(page: Page, summary: Summary) -> tuple[AnyTable, ...]:
    """Return every table of a run that does not wait for an answer of the reader, each once."""
    figures: list[Figure | None] = [
        *page.overview,
        *page.evidence,
        page.blades,
        page.heatmap,
        page.distributions,
        page.truth.figure,
        page.stability.figure if page.stability is not None else None,
        page.conversions.funnel if page.conversions is not None else None,
        *(page.log.figures if page.log is not None else ()),
    ]
    found = [table for figure in figures if figure is not None for table in figure.tables]
    found += [page.candidates, *page.truth.verdicts, *page.numeric_tables, *page.level_tables]
    found += [*page.data_tables, *page.feature_tables]
    if page.why is not None:
        found.append(page.why.table)
    found += [center_table(summary), loading_table(summary), umap_table(summary)]
    more = (*_of_later_days(page), *_of_the_log(page), *_of_conversions(page))
    found += [view for view in more if view is not None]
    return tuple(table for table in found if table.rows)


def _of_later_days(page: Page) -> tuple[AnyTable | None, ...]:
    """Return the tables of later days beside the verdicts; None for one that is not there."""
    presence = page.presence
    came_back = (None, None) if presence is None else (presence.table, presence.features)
    return (page.truth.kept_table, page.truth.days, *came_back)


def _of_the_log(page: Page) -> tuple[AnyTable | None, ...]:
    """Return the tables of what segments were shown and clicked."""
    log = page.log
    if log is None:
        return ()
    return (*log.affinity, log.held_out_table, *log.more_curves, *log.caps)


def _of_conversions(page: Page) -> tuple[AnyTable | None, ...]:
    """Return the tables of what users did in the shop; the funnel's stands with its picture."""
    found = page.conversions
    if found is None:
        return ()
    return (found.added_table, found.purchases, *found.attribution, found.shop)


def as_csv(frame: pl.DataFrame) -> bytes:
    """Return a table as CSV."""
    return frame.write_csv().encode()


def as_parquet(frame: pl.DataFrame) -> bytes:
    """Return a table as Parquet."""
    sink = io.BytesIO()
    frame.write_parquet(sink)
    return sink.getvalue()


def table_frame(view: AnyTable) -> pl.DataFrame:
    r"""Return a table as text columns; heads that appear twice are numbered.

    Examples
    --------
    >>> from segmentry.present.report import Row, Table
    >>> table_frame(Table("T", ("K", "x", "x"), (Row("2", ("a\nb", "c")),))).rows(named=True)
    [{'K': '2', 'x': 'a (b)', 'x (2)': 'c'}]
    """
    if isinstance(view, tables.Table):
        return view.to_frame()
    heads: list[str] = []
    for head in view.heads:
        n_before = sum(each == head or each.startswith(f"{head} (") for each in heads)
        heads.append(head if head not in heads else f"{head} ({n_before + 1})")
    rows = [[row.head, *(_flat(cell) for cell in row.cells)] for row in view.rows]
    return pl.DataFrame(rows, schema=dict.fromkeys(heads, pl.String), orient="row")


def _flat(cell: str) -> str:
    value, _, below = cell.partition("\n")
    return f"{value} ({below})" if below else value
