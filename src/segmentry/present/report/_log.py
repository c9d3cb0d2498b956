"""What segments were shown and clicked, and how clicks change with exposure."""

from collections.abc import Callable, Mapping, Sequence

from segmentry.describe.exposure import (
    Cell,
    CurvePoint,
    ExposureCurve,
    HeldOutUse,
    LogReport,
    Reaction,
)
from segmentry.formats import count, decimal, interval, percent, rate
from segmentry.present.figures import caption_exposure, segment_colour
from segmentry.present.report._views import Figure, LogView, Row, Table
from segmentry.results.summary import Summary
from segmentry.schema import SECONDS_PER_DAY, Estimate

_EVERYBODY = 0
_NOTHING = 100.0  # an index that says nothing
_MOST_CELLS = 8
_CELL_HEADS = ("users", "share shown", "exposure index", "CTR, shrunk", "CTR index")


def make_log_view(summary: Summary, pictures: Mapping[str, str]) -> LogView:
    """Return the section, which may only say why nothing is known; `pictures` are SVG by name."""
    log = summary.log
    if log is None or log.reason:
        reason = "this run is of an earlier version" if log is None else log.reason
        return LogView(
            lead=f"What each segment was shown and clicked was not described: {reason}.",
            affinity=(),
            held_out="",
            held_out_table=None,
            exposure="",
            reaction="",
            figures=(),
            more_curves=(),
            caps=(),
            notes=(),
        )
    everybody = [curve for curve in log.curves if curve.segment_id == _EVERYBODY]
    others = [curve for curve in log.curves if curve.segment_id != _EVERYBODY]
    return LogView(
        lead=(
            f"Who was shown what, and who clicked it, in {_days(summary)} of log. Rates and "
            "indices are shrunk: what few impressions say is pulled towards what the levels of "
            "segment and value foretell, so that 100 means “nothing of its own”."
        ),
        affinity=tuple(_affinity_tables(summary, log)),
        held_out="" if log.held_out is None else _held_out_text(log.held_out),
        held_out_table=_held_out_table(log.held_out),
        exposure=_exposure_text(log),
        reaction=_reaction_text(log.reactions),
        figures=tuple(_curve_figure(summary, curve, pictures) for curve in everybody),
        more_curves=tuple(_curve_table(summary, curve) for curve in others),
        caps=tuple(_cap_table(summary, curve) for curve in everybody if curve.caps),
        notes=log.notes,
    )


def _days(summary: Summary) -> str:
    starts_at, ends_at = summary.data.starts_at, summary.data.ends_at
    if starts_at is None or ends_at is None:
        return "an unknown time"
    n_days = (ends_at - starts_at) / SECONDS_PER_DAY
    return f"{n_days:g} days" if n_days != 1 else "one day"


def _name_of(summary: Summary, segment_id: int) -> str:
    if segment_id == _EVERYBODY:
        return "all users"
    names = {segment.segment_id: segment.name for segment in summary.segments}
    return f"{segment_id} {names.get(segment_id, '')}".strip()


def _affinity_tables(summary: Summary, log: LogReport) -> list[Table]:
    """One table per dimension: what stands out in each segment; all of small dimensions."""
    tables = []
    for dimension in log.dimensions:
        cells = [cell for cell in log.cells if cell.dimension == dimension]
        if dimension == "hour":
            cells = _highest_hours(cells)
        rows = tuple(_cell_row(summary, cell) for cell in cells)
        if rows:
            tables.append(
                Table(
                    caption=_CAPTIONS.get(dimension, f"{dimension.capitalize()}: what stands out"),
                    heads=(
                        "Segment",
                        dimension.capitalize(),
                        *_CELL_HEADS,
                    ),
                    rows=rows,
                    text_columns=(1,),
                )
            )
    return tables


_CAPTIONS = {
    "hour": "Hours: the three in which each segment is over-exposed most",
    "placement": "Placements",
    "price band": "Price bands of the ads",
}


def _highest_hours(cells: Sequence[Cell]) -> list[Cell]:
    """Return the three hours of each segment whose exposure index is surely highest."""
    found = []
    for segment_id in sorted({cell.segment_id for cell in cells}):
        own = [cell for cell in cells if cell.segment_id == segment_id]
        own.sort(key=lambda cell: -(cell.exposure_index.low or 0.0))
        found += own[:3]
    return found


def _cell_row(summary: Summary, cell: Cell) -> Row:
    return Row(
        head=_name_of(summary, cell.segment_id),
        colour=segment_colour(cell.segment_id),
        cells=(
            cell.label,
            count(cell.n_users),
            percent(cell.exposure_share),
            _index(cell.exposure_index),
            _with_limits(cell.ctr, rate),
            _index(cell.ctr_index),
        ),
    )


def segment_cells(summary: Summary, segment_id: int) -> Table:
    """Return what a segment is shown, or clicks, more than all, the surest first."""
    log = summary.log
    own = [] if log is None else [cell for cell in log.cells if cell.segment_id == segment_id]
    standing = [cell for cell in own if _surely_above(cell) > _NOTHING]
    standing.sort(key=lambda cell: (-_surely_above(cell), cell.dimension, cell.key))
    rows = (_cell_row(summary, cell) for cell in standing[:_MOST_CELLS])
    return Table(
        caption=f"Segment {segment_id}: what it is shown, or clicks, more than all",
        heads=("value", *_CELL_HEADS),
        rows=tuple(
            Row(head=f"{cell.dimension} {row.cells[0]}", cells=row.cells[1:])
            for cell, row in zip(standing, rows, strict=False)
        ),
    )


def _surely_above(cell: Cell) -> float:
    """Return the near end of the index of exposure or of clicks, whichever is larger."""
    return max(cell.exposure_index.low or 0.0, cell.ctr_index.low or 0.0)


def _index(estimate: Estimate) -> str:
    return _with_limits(estimate, lambda value: decimal(value, digits=0))


def _ratio(estimate: Estimate) -> str:
    return _with_limits(estimate, decimal)


def _with_limits(estimate: Estimate, write: Callable[[float | None], str]) -> str:
    """Write a value with its limits, small, below it."""
    if estimate.low is None:
        return write(estimate.value)
    return f"{write(estimate.value)}\n{interval(estimate, write=write)}"


def _held_out_text(held_out: HeldOutUse) -> str:
    if held_out.reason:
        return f"Whether these affinities foretell later clicks was not tried: {held_out.reason}."
    return (
        f"{held_out.conclusion} Affinities were taken from the feature window alone and held "
        f"against {count(held_out.n_clicks)} clicks of {count(held_out.n_users)} users in the "
        "outcome window."
    )


def _held_out_table(held_out: HeldOutUse | None) -> Table | None:
    if held_out is None or not held_out.gains:
        return None
    rows = []
    for gain in held_out.gains:
        is_rate = gain.n_chosen is not None
        head = f"Hit rate of {gain.n_chosen}" if is_rate else "Log-likelihood per click"
        write = rate if is_rate else _nats
        cells = (write(gain.by_segment), write(gain.by_popularity))
        rows.append(Row(head=head, cells=(*cells, _with_limits(gain.difference, write))))
    return Table(
        caption=f"Choosing the {held_out.dimension} by segment or by popularity (95 % intervals)",
        heads=("measure", "by segment", "by popularity", "difference"),
        rows=tuple(rows),
    )


def _nats(value: float | None) -> str:
    return decimal(value, digits=5)


def _exposure_text(log: LogReport) -> str:
    if not log.curves:
        return "No impression of a user with a segment is left to number."
    return (
        "The odds of a click at the nth impression against the first one, within users: each click "
        "is held against impressions of the same user that were not clicked, on the same footing "
        "of day and time of day. The naive rate beside it is that of whoever got so far: who is "
        "shown more differs from the others, so it is a warning and no curve. Impressions of one "
        "second share a position. Positions count from the start of this log."
    )


def _reaction_text(reactions: Sequence[Reaction]) -> str:
    if not reactions:
        return ""
    everybody = reactions[0]
    if everybody.reason:
        return f"Whether exposure reacts to clicks cannot be told: {everybody.reason}."
    ratio = everybody.gap_ratio
    told = f"{decimal(ratio.value)} times as long ({interval(ratio)}, 95 %)"
    found = [each.segment_id for each in reactions[1:] if each.is_found]
    if everybody.is_found:
        return (
            f"Not identified: after a click the gap to the next exposure is {told} as without one. "
            "Exposure reacts to clicks; the curves below mix cause and effect, and no cap is drawn."
        )
    text = f"After a click the gap to the next exposure is {told} as without one: no reaction found"
    if found:
        listed = ", ".join(map(str, found))
        return f"{text} over all users, but one in segment {listed}: not identified there."
    return f"{text}."


def _curve_figure(summary: Summary, curve: ExposureCurve, pictures: Mapping[str, str]) -> Figure:
    is_repeat = curve.kind == "repeat"
    name = "exposure" if is_repeat else "exposure_impression"
    return Figure(
        name=name,
        heading="Showings of the same ad" if is_repeat else "Impressions in this log",
        caption=caption_exposure(summary, kind=curve.kind),
        svg=pictures.get(name, ""),
        tables=(_curve_table(summary, curve),),
    )


def _curve_table(summary: Summary, curve: ExposureCurve) -> Table:
    what = "impression in this log" if curve.kind == "impression" else "showing of the same ad"
    caption = f"The nth {what}: {_name_of(summary, curve.segment_id)}"
    if curve.reason:
        caption += f" – {curve.reason}"
    elif curve.per_doubling.is_known:
        caption += (
            f" – odds x {decimal(curve.per_doubling.value)} with each doubling "
            f"({interval(curve.per_doubling)}, 90 %)"
        )
    if not curve.is_identified:
        caption += " – not identified"
    return Table(
        caption=caption,
        heads=("nth", "users", "impressions", "CTR of those who got so far", "odds within users"),
        rows=tuple(_point_row(point) for point in curve.points),
    )


def _point_row(point: CurvePoint) -> Row:
    last = "and later" if point.last is None else f"to {point.last}"
    head = str(point.first) if point.last == point.first else f"{point.first} {last}"
    return Row(
        head=head,
        cells=(
            count(point.n_users),
            count(point.n_impressions),
            _with_limits(point.naive_ctr, rate),
            _ratio(point.odds_ratio),
        ),
    )


def _cap_table(summary: Summary, curve: ExposureCurve) -> Table:
    what = "impressions per user" if curve.kind == "impression" else "showings of one ad per user"
    return Table(
        caption=(
            f"What a cap on {what} would have removed from this log: "
            f"{_name_of(summary, curve.segment_id)} (nothing is assumed of what replaces it; 90 % "
            "intervals)"
        ),
        heads=("at most", "impressions", "of all", "clicks", "of all"),
        rows=tuple(
            Row(
                head=str(cap.cap),
                cells=(
                    count(cap.n_impressions),
                    _with_limits(_share_of(cap.impressions_share, cap.saved), percent),
                    count(cap.n_clicks),
                    _with_limits(_share_of(cap.clicks_share, cap.lost), percent),
                ),
            )
            for cap in curve.caps
        ),
    )


def _share_of(share: float, estimate: Estimate) -> Estimate:
    """Return a share with its interval; without one in a run of an earlier version."""
    return estimate if estimate.is_known else Estimate(value=share, low=None, high=None)
