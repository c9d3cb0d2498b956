"""The tables of the report that go with no figure: what no picture can hold."""

import datetime as dt
from collections.abc import Iterable
from functools import partial
from itertools import groupby

from segmentry.describe.profiles import LevelShare, NumericStatistics, SegmentProfile
from segmentry.formats import (
    MISSING,
    count,
    day,
    decimal,
    feature_value,
    interval,
    percent,
    score,
    signed,
    writer_of,
)
from segmentry.ingest.quality import Finding
from segmentry.present.tables import Column, Row, Shown, Table, cells_of, record_rows
from segmentry.results.summary import FeatureRow, Summary
from segmentry.schema import SECONDS_PER_DAY, DataTraits, Estimate, RowAccount
from segmentry.segments.forming import Candidate

_EPOCH = dt.date(1970, 1, 1)
_thousandths = partial(decimal, digits=3)
_hundredths = partial(signed, digits=2)


def candidate_table(summary: Summary) -> Table:
    """Return every candidate with all its scores and the verdict."""
    columns = (
        Column("n_segments", "K"),
        Column("algorithm", "algorithm", is_words=True),
        Column("inertia", "inertia", score),
        Column("silhouette", "silhouette", _thousandths, limits="95 % interval"),
        Column("squared_silhouette", "silhouette, squared distances", _thousandths),
        Column("calinski_harabasz", "Caliński–Harabasz", score),
        Column("davies_bouldin", "Davies–Bouldin", decimal),
        Column("smallest_share", "smallest segment", percent),
        Column("verdict", "verdict", is_words=True, of=_verdict),
    )
    return Table(
        name="candidates",
        caption="Every candidate that was tried",
        columns=columns,
        rows=tuple(
            Row(cells_of(row, columns), is_strong=row.is_selected)
            for row in summary.selection.candidates
        ),
    )


def _verdict(row: Candidate) -> str | None:
    words = ["chosen"] * row.is_selected + ["knee of the elbow"] * row.is_knee
    return ": ".join(part for part in (", ".join(words), row.reason) if part) or None


def numeric_table(segment: SegmentProfile, summary: Summary) -> Table:
    """Return the numeric features of a segment, or of all users, in raw units."""
    name = f"{segment.segment_id} {segment.name}" if segment.segment_id else "All users"
    return Table(
        name=f"profile_{segment.segment_id}",
        caption=f"{name}: {count(segment.n_users)} users",
        columns=(
            Column("feature", "feature"),
            Column("unit", "unit", is_words=True),
            Column("mean", "mean"),
            Column("lower_quartile", "lower quartile"),
            Column("median", "median"),
            Column("upper_quartile", "upper quartile"),
            Column("missing_share", "unknown", percent),
            Column("index", "index", count),
            Column("standardised_difference", "standardised difference", _hundredths),
        ),
        rows=tuple(_numeric_row(row, summary) for row in segment.numeric),
    )


def _numeric_row(row: NumericStatistics, summary: Summary) -> Row:
    feature = next((each for each in summary.features if each.name == row.feature), None)
    kind, unit, label = "count", MISSING, row.feature
    if feature is not None:
        kind, unit, label = value_kind(feature), feature.unit, feature.label
    offset = summary.data.utc_offset_hours
    values = (
        Shown(value, feature_value(value, kind=kind, unit=unit, utc_offset_hours=offset))
        for value in (row.mean, row.lower_quartile, row.median, row.upper_quartile)
    )
    index = None if kind == "time" else row.index
    return Row((label, unit, *values, row.missing_share, index, row.standardised_difference))


def value_kind(feature: FeatureRow) -> str:
    """Return how its values are written: of rates only those of clicks are percentages."""
    is_ratio = feature.kind == "rate" and feature.unit != "clicks per impression"
    return "count" if is_ratio else feature.kind


def level_tables(summary: Summary) -> tuple[Table, ...]:
    """Return one table for every feature with levels: composition of the segments."""
    labels = {row.name: row.label for row in summary.features}
    tables = []
    for position, statistics in enumerate(summary.population.levels):
        shares = [
            {level.level: level for level in segment.levels[position].levels}
            for segment in summary.segments
        ]
        label = labels.get(statistics.feature, statistics.feature)
        tables.append(
            Table(
                name=f"levels_{statistics.feature}",
                caption=f"{label.capitalize()}: share of the users, index in brackets",
                columns=(
                    Column("level", "level"),
                    Column("all_users", "all users", percent),
                    *(
                        Column(f"segment_{s.segment_id}", f"{s.segment_id} {s.name}")
                        for s in summary.segments
                    ),
                ),
                rows=tuple(
                    Row((each.label, each.share, *(_level(own.get(each.level)) for own in shares)))
                    for each in statistics.levels
                ),
            )
        )
    return tuple(tables)


def _level(level: LevelShare | None) -> Shown | None:
    if level is None:
        return None
    share = percent(level.share)
    text = share if level.index is None else f"{share} ({count(level.index)})"
    return Shown(level.share, text)


def account_tables(summary: Summary) -> tuple[Table, ...]:
    """Return where the rows went, what is odd about them, and who has no segment."""
    columns = (
        Column("table", "table", of=lambda each: _table_of(each, summary.traits)),
        Column("n_read", "read", count),
        Column("n_used", "used", count),
        Column("n_rejected", "rejected", count),
        Column("n_excluded", "left out", count, of=lambda each: sum(each.excluded.values())),
        Column("reasons", "reasons", is_words=True, of=_reasons),
    )
    accounts = Table(
        name="rows",
        caption="Where the rows went: read = used + rejected + left out",
        columns=columns,
        rows=record_rows(summary.data.accounts, columns),
    )
    checked = "What was checked, and how often it was met"
    findings = _finding_table("findings", checked, summary.data.findings)
    unassigned = _finding_table("unassigned", "Users without a segment", summary.unassigned)
    return tuple(table for table in (accounts, findings, unassigned) if table.rows)


def _table_of(account: RowAccount, traits: DataTraits) -> str:
    return traits.events if account.role == "impressions" else account.role


def _reasons(account: RowAccount) -> str | None:
    reasons = (*account.rejected.items(), *account.excluded.items())
    return "; ".join(f"{reason}: {count(n_rows)}" for reason, n_rows in reasons) or None


def _finding_table(name: str, caption: str, findings: Iterable[Finding]) -> Table:
    return Table(
        name=name,
        caption=caption,
        columns=(
            Column("finding", "finding"),
            Column("count", "count", count),
            Column("of", "of", count),
            Column("share", "share", percent),
        ),
        rows=tuple(
            Row((each.text, each.count, each.of, each.count / each.of if each.of else None))
            for each in findings
        ),
    )


def feature_tables(summary: Summary) -> tuple[Table, ...]:
    """Return what formed the segments and what only describes them."""
    forming = [row for row in summary.features if row.weight is not None]
    describing = [row for row in summary.features if row.weight is None]
    named = (
        Column("feature", "feature", of=lambda row: row.label),
        Column("family", "family", is_words=True),
        Column("unit", "unit", is_words=True),
    )
    said = Column("description", "what it is", is_words=True, of=_described)
    of_forming = (
        *named,
        Column("fill", "missing filled with", is_words=True, of=lambda row: row.fill or None),
        Column("transform", "scale", is_words=True, of=lambda row: row.transform or None),
        Column("clip", "clipped to", of=_clip),
        Column("scale", "divided by", decimal),
        Column("weight", "weight", decimal),
        said,
    )
    formed = Table(
        name="forming_features",
        caption=f"{len(forming)} features formed the segments",
        columns=of_forming,
        rows=record_rows(forming, of_forming),
    )
    described = Table(
        name="describing_features",
        caption=f"{len(describing)} features only describe them",
        columns=(*named, said),
        rows=tuple(
            Row(cells_of(row, (*named, said)))
            for _, family in groupby(describing, key=lambda row: row.family)
            for row in family
        ),
    )
    absent = Table(
        name="absent_features",
        caption=f"{len(summary.traits.absent)} features are absent",
        columns=(Column("why", "why"), Column("features", "features", is_words=True)),
        rows=tuple(Row((why, ", ".join(names))) for why, names in summary.traits.reasons.items()),
    )
    return tuple(table for table in (formed, described, absent) if table.rows)


def _clip(row: FeatureRow) -> Shown:
    clip = Estimate(value=None, low=row.clip_low, high=row.clip_high)
    return Shown(clip, interval(clip))


def _described(row: FeatureRow) -> str:
    return f"{row.description} ({row.note})" if row.note else row.description


def day_table(summary: Summary) -> Table | None:
    """Return the days of both windows with their users and click rates; null for a single day."""
    validation = summary.validation
    if validation is None or validation.levels is None or len(validation.levels.days) < 2:
        return None
    utc_offset_hours = summary.data.utc_offset_hours
    offset = round(utc_offset_hours * 3600)
    first = (validation.feature_starts_at + offset) // SECONDS_PER_DAY
    rows = []
    for each in validation.levels.days:
        place = each.day - first
        date = day(each.day * SECONDS_PER_DAY - offset, utc_offset_hours=utc_offset_hours)
        use = "form segments" if place < len(validation.feature_weekdays) else "check them"
        weekday = f"{_EPOCH + dt.timedelta(days=each.day):%A}"
        rows.append(Row((date, weekday, use, each.n_users, each.ctr)))
    return Table(
        name="days",
        caption="Click rate of all users, day by day"
        if validation.outcome_of_rates.kind == "clicks"
        else f"All users by period: {validation.outcome_of_rates.unit}",
        columns=(
            Column("day", "day"),
            Column("weekday", "weekday", is_words=True),
            Column("use", "used to", is_words=True),
            Column("n_users", "users", count),
            Column(
                "ctr",
                "click rate" if validation.outcome_of_rates.kind == "clicks" else "rate",
                writer_of(validation.outcome_of_rates),
                limits="90 % interval",
            ),
        ),
        rows=tuple(rows),
    )
