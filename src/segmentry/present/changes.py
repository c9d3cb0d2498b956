"""What changed since the earlier run: facts for people, made once for terminal and report."""

from dataclasses import dataclass

from segmentry.formats import MISSING, count, decimal, listed, percent, period
from segmentry.lifecycle.decision import decided_words
from segmentry.lifecycle.records import ChangeReport, Moves, SegmentChange
from segmentry.present.tables import Column, Row, Table
from segmentry.results.summary import Summary


@dataclass(frozen=True, slots=True)
class Changed:
    """What a reader of a refreshed run sees first."""

    headline: str
    """What was decided, and why."""
    sentences: tuple[str, ...]
    table: Table
    """What became of each segment."""


def changed_since(summary: Summary) -> Changed | None:
    """Return what changed since the earlier run; null where the run refreshes none."""
    report = summary.changes
    if report is None:
        return None
    offset = summary.data.utc_offset_hours
    then = period(report.earlier_starts_at, report.earlier_ends_at, utc_offset_hours=offset)
    now = period(report.starts_at, report.ends_at, utc_offset_hours=offset)
    return Changed(
        headline=decided_words(report.decision),
        sentences=(
            f"{report.earlier} was made of {then}, this run of {now}.",
            *_moved(report.moves),
            *_gains(report),
        ),
        table=_table(report, summary),
    )


def _moved(moves: Moves) -> tuple[str, ...]:
    by_users, by_model = _of(moves.n_by_users, moves.n_both), _of(moves.n_by_model, moves.n_placed)
    # Only a log with clicks knows what luck moves, and keeps users between two segments in place.
    how = "Moved" if moves.n_by_luck is None else "Moved clearly,"
    return (
        f"{how} by behaviour or luck: {by_users} of {_many(moves.n_both)} users of both windows."
        + _by_luck(moves),
        f"Moved by a refit: {by_model} of {_many(moves.n_placed)} users of this window.",
        f"{_many(moves.n_new)} users are new, {_many(moves.n_absent)} were not seen again.",
    )


def _by_luck(moves: Moves) -> str:
    if moves.n_by_luck is None or moves.n_by_users is None or not moves.n_both:
        return ""
    return f" Luck alone moves about {percent(moves.n_by_luck / moves.n_both)}."


def _many(n_users: int | None) -> str:
    return "few" if n_users is None else count(n_users)


def _of(part: int | None, whole: int | None) -> str:
    if part is None or not whole:
        return _many(part)
    return f"{count(part)} ({percent(part / whole)})"


def _gains(report: ChangeReport) -> tuple[str, ...]:
    decision = report.decision
    if decision.kept_gain is None or decision.refit_gain is None:
        return ()
    kept, refit = (percent(each, digits=0) for each in (decision.kept_gain, decision.refit_gain))
    what = "what users' own clicks predict of later days"
    return (f"Of {what}, the model keeps {kept}, a refit {refit}.",)


def _table(report: ChangeReport, summary: Summary) -> Table:
    own = {segment.segment_key: segment for segment in summary.segments}
    rows = []
    for change in report.segments:
        segment = own.get(change.key)
        name = change.name if segment is None else segment.name
        cells = (change.key, name or MISSING, _fate(change), change.n_users, change.jaccard)
        rows.append(Row(cells, segment=None if segment is None else segment.segment_id))
    return Table(
        "segments-since",
        "The segments of the earlier run in a refit",
        columns=(
            Column("segment_key", "key"),
            Column("segment", "segment", is_words=True),
            Column("change", "in a refit", is_words=True),
            Column("n_users", "users now", count),
            Column("jaccard", "same users (Jaccard)", decimal),
        ),
        rows=tuple(rows),
    )


def _fate(change: SegmentChange) -> str:
    parents = listed(change.parents)
    if change.kind == "gone":
        return f"gone, its users to {parents}" if parents else "gone"
    if not parents or change.kind == "kept":
        return change.kind
    return f"{'split off' if change.kind == 'split' else change.kind} from {parents}"
