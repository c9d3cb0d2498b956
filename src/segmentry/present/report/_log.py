"""What segments were shown and clicked, and how clicks change with exposure."""

from collections.abc import Sequence
from functools import partial

from segmentry.describe.exposure import Cap, Cell, ExposureCurve, HeldOutUse
from segmentry.formats import count, decimal, percent, rate
from segmentry.present.report._segments import line_of, segment_of
from segmentry.present.tables import Column, Row, Shown, Table, cells_of, record_rows
from segmentry.results.summary import Summary
from segmentry.schema import SECONDS_PER_DAY, Estimate

_NOTHING = 100.0  # an index that says nothing
_MAX_CELLS = 8
_CAPTIONS = {
    "hour": "Hours: the three in which each segment is over-exposed most",
    "placement": "Placements",
    "price band": "Price bands of the ads",
}
_CELL_COLUMNS = (
    Column("n_users", "users", count),
    Column("exposure_share", "share shown", percent),
    Column("exposure_index", "exposure index", count),
    Column("ctr", "CTR, shrunk", rate),
    Column("ctr_index", "CTR index", count),
)


def n_days(summary: Summary) -> float | None:
    """Return how many days the log covers; null where its events have no times."""
    starts_at, ends_at = summary.data.starts_at, summary.data.ends_at
    if starts_at is None or ends_at is None:
        return None
    return (ends_at - starts_at) / SECONDS_PER_DAY


def affinity_tables(summary: Summary) -> tuple[Table, ...]:
    """Return one table per dimension: what stands out in each segment; all of small dimensions."""
    log = summary.log
    return () if log is None else tuple(_affinity_table(summary, each) for each in log.dimensions)


def _affinity_table(summary: Summary, dimension: str) -> Table:
    cells = [] if summary.log is None else summary.log.cells
    found = [cell for cell in cells if cell.dimension == dimension]
    if dimension == "hour":
        found = _highest_hours(found)
    return Table(
        name=f"affinity-{dimension.replace(' ', '-')}",
        caption=_CAPTIONS.get(dimension, f"{dimension.capitalize()}: what stands out"),
        columns=(
            Column("segment", "Segment"),
            Column("value", dimension.capitalize(), is_words=True),
            *_CELL_COLUMNS,
        ),
        rows=tuple(
            line_of(summary, each.segment_id, each.label, *cells_of(each, _CELL_COLUMNS))
            for each in found
        ),
    )


def _highest_hours(cells: Sequence[Cell]) -> list[Cell]:
    """Return the three hours of each segment whose exposure index is surely highest."""
    found = []
    for segment_id in sorted({cell.segment_id for cell in cells}):
        own = [cell for cell in cells if cell.segment_id == segment_id]
        own.sort(key=lambda cell: -(cell.exposure_index.low or 0.0))
        found += own[:3]
    return found


def segment_cells(summary: Summary, segment_id: int) -> Table:
    """Return what a segment is shown, or clicks, more than all, the surest first."""
    log = summary.log
    own = [] if log is None else [cell for cell in log.cells if cell.segment_id == segment_id]
    standing = [cell for cell in own if _surely_above(cell) > _NOTHING]
    standing.sort(key=lambda cell: (-_surely_above(cell), cell.dimension, cell.key))
    return Table(
        name=f"segment-{segment_id}-affinities",
        caption=f"Segment {segment_id}: what it is shown, or clicks, more than all",
        columns=(Column("value", "value"), *_CELL_COLUMNS),
        rows=tuple(
            Row((f"{each.dimension} {each.label}", *cells_of(each, _CELL_COLUMNS)))
            for each in standing[:_MAX_CELLS]
        ),
    )


def _surely_above(cell: Cell) -> float:
    """Return the near end of the index of exposure or of clicks, whichever is larger."""
    return max(cell.exposure_index.low or 0.0, cell.ctr_index.low or 0.0)


def held_out_table(held_out: HeldOutUse) -> Table:
    """Return whether choosing by segment does better on later clicks than by popularity."""
    nats = partial(decimal, digits=5)
    rows = []
    for gain in held_out.gains:
        is_rate = gain.n_chosen is not None
        head = f"Hit rate of {gain.n_chosen}" if is_rate else "Log-likelihood per click"
        # Rates and likelihoods stand in one column.
        column = Column("", "", rate if is_rate else nats)
        found = (gain.by_segment, gain.by_popularity, gain.difference)
        rows.append(Row((head, *(Shown(each, column.texts(each)[0]) for each in found))))
    return Table(
        name="held-out-affinities",
        caption=f"Choosing the {held_out.dimension} by segment or by popularity "
        "(95\u00a0% intervals)",
        columns=(
            Column("measure", "measure"),
            Column("by_segment", "by segment"),
            Column("by_popularity", "by popularity"),
            Column("difference", "difference"),
        ),
        rows=tuple(rows),
    )


def _whose(summary: Summary, curve: ExposureCurve) -> str:
    segment = segment_of(summary, curve.segment_id)
    if segment is not None:
        return f"{segment.segment_id} {segment.name}"
    return str(curve.segment_id) if curve.segment_id else "all users"


def cap_table(summary: Summary, curve: ExposureCurve) -> Table:
    """Return what caps would have removed from the log."""
    what = "impressions per user" if curve.kind == "impression" else "showings of one ad per user"
    columns = (
        Column("cap", "at most"),
        Column("n_impressions", "impressions", count),
        Column("impressions_share", "of all", percent, of=_saved),
        Column("n_clicks", "clicks", count),
        Column("clicks_share", "of all", percent, of=_lost),
    )
    return Table(
        name=f"caps-{curve.kind}",
        caption=(
            f"What a cap on {what} would have removed from this log: {_whose(summary, curve)} "
            "(nothing is assumed of what replaces it; 90\u00a0% intervals)"
        ),
        columns=columns,
        rows=record_rows(curve.caps, columns),
    )


def _saved(cap: Cap) -> Estimate:
    """Return the share that a cap removes; without limits in a run of an earlier version."""
    return cap.saved if cap.saved.is_known else Estimate(cap.impressions_share, None, None)


def _lost(cap: Cap) -> Estimate:
    return cap.lost if cap.lost.is_known else Estimate(cap.clicks_share, None, None)
