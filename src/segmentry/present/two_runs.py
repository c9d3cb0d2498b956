"""Two runs side by side: tables for the terminal and the dashboard."""

from collections.abc import Sequence
from functools import partial
from typing import Literal

from segmentry.describe.profiles import NumericStatistics
from segmentry.formats import (
    MISSING,
    change,
    count,
    feature_value,
    percent,
    rate_with_limits,
    signed,
)
from segmentry.present.tables import Cell, Column, Row, Shown, Table, record_rows
from segmentry.results.summary import FeatureRow
from segmentry.results.two_runs import (
    Difference,
    FeatureChange,
    RunComparison,
    SegmentPair,
    Side,
)
from segmentry.schema import Outcome

_BOTH = (Column("earlier", "earlier", is_words=True), Column("later", "later", is_words=True))


def compared_sentences(found: RunComparison) -> tuple[str, ...]:
    """Say how many users moved, and what moved them."""
    both, moved, by_users = found.n_both, found.n_moved, found.n_moved_by_users
    few = "fewer users than may be shown"
    alone = (
        f"{_many(found.n_only_earlier)} only in the earlier, {_many(found.n_only_later)} only in"
    )
    sentences = [f"Users: {_many(both)} in both runs, {alone} the later."]
    if both:
        share = few if moved is None else f"{count(moved)} ({percent(moved / both)})"
        sentences.append(f"Of the users of both, {share} are in another segment now.")
        if found.frozen_reason:
            sentences.append(f"What moved them is unknown: {found.frozen_reason}.")
        else:
            own = few if by_users is None else f"{count(by_users)} ({percent(by_users / both)})"
            sentences.append(
                f"The earlier segments, without another fit, put {own} elsewhere: moved by "
                "behaviour or luck."
            )
    return tuple(sentences)


def _many(n_users: int | None) -> str:
    return "few" if n_users is None else count(n_users)


def compared_tables(found: RunComparison, outcome: Outcome) -> tuple[Table, ...]:
    """Return all tables of a comparison that have a row."""
    tables = (
        pairs_table(found.segments, outcome),
        verdicts_table(found.segments),
        changes_table(found.features),
        _differences("settings", "Settings that differ", found.settings),
        _differences("data", "Data that differ", found.data),
    )
    return tuple(table for table in tables if table.rows)


def pairs_table(
    pairs: Sequence[SegmentPair], outcome: Outcome, *, linked: Literal["earlier", "later"] = "later"
) -> Table:
    """Return both sides of each segment; those of the `linked` run stand with their colour."""
    name = "click rate" if outcome.kind == "clicks" else outcome.unit
    return Table(
        "changes",
        "Matched segments",
        columns=(
            Column("segment", "earlier segment"),
            Column("later", "later segment", is_words=True),
            Column("share_first", "users, earlier", percent),
            Column("share_second", "users, later", percent),
            Column("share_change", "change", _points),
            Column("rate_first", f"expected {name}, earlier"),
            Column("rate_second", "expected, later"),
        ),
        rows=tuple(_pair(each, outcome, linked) for each in pairs),
    )


def _pair(pair: SegmentPair, outcome: Outcome, linked: str) -> Row:
    one, other = pair.earlier, pair.later
    change = None if one is None or other is None else other.share - one.share
    cells: tuple[Cell, ...] = (
        _label(one, absent="new"),
        _label(other, absent="not found again"),
        *(None if each is None else each.share for each in (one, other)),
        change,
        *(_rate(each, outcome) for each in (one, other)),
    )
    side = one if linked == "earlier" else other
    return Row(cells, segment=None if side is None else side.segment_id)


def _label(side: Side | None, *, absent: str) -> str:
    return absent if side is None else f"{side.segment_id} {side.name}"


def _rate(side: Side | None, outcome: Outcome) -> Cell:
    return None if side is None else Shown(side.rate, rate_with_limits(side.rate, outcome))


def verdicts_table(pairs: Sequence[SegmentPair]) -> Table:
    """Return the verdicts of later days, where both runs have another one."""
    return Table(
        "verdicts",
        "Verdicts of later days that differ",
        columns=(
            Column("segment", "earlier segment"),
            *_BOTH,
        ),
        rows=tuple(
            Row((_label(each.earlier, absent=""), each.earlier.verdict, each.later.verdict))
            for each in pairs
            if each.earlier and each.later and each.earlier.verdict != each.later.verdict
        ),
    )


def _points(value: float | None) -> str:
    """Write a difference of shares with its sign."""
    return MISSING if value is None else f"{signed(value * 100, digits=1)}\u00a0points"


def changes_table(changes: Sequence[FeatureChange]) -> Table:
    """Return what changed in all users, feature by feature."""
    columns = (
        Column("feature", "feature", of=lambda each: each.feature.label),
        Column("unit", "unit", is_words=True, of=lambda each: each.feature.unit),
        Column("median_first", "earlier", of=lambda each: middles(each.earlier, each.feature)),
        Column("median_second", "later", of=lambda each: middles(each.later, each.feature)),
        Column("mean_change", "change of the mean", change, of=lambda each: each.change),
    )
    return Table(
        "drift",
        "All users: what changed by 5\u00a0% or more, median and below it the mean",
        columns=columns,
        rows=record_rows(changes, columns),
    )


def middles(row: NumericStatistics, feature: FeatureRow | None) -> Shown:
    """Return the median of a feature, and below it the mean, in raw units."""
    write = partial(
        feature_value,
        kind="count" if feature is None else feature.kind,
        unit="" if feature is None else feature.unit,
    )
    return Shown(row.median, f"{write(row.median)}\nmean {write(row.mean)}")


def _differences(name: str, caption: str, found: Sequence[Difference]) -> Table:
    columns = (Column("what", "what"), *_BOTH)
    return Table(name, caption, columns, record_rows(found, columns))
