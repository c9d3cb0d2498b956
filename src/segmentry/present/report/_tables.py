"""The tables of the report: each holds the numbers of a picture, or what no picture can."""

from collections.abc import Iterable, Mapping
from itertools import groupby

from segmentry.describe.profiles import LevelShare, NumericStatistics, SegmentProfile
from segmentry.formats import (
    MISSING,
    count,
    decimal,
    feature_value,
    interval,
    percent,
    rate,
    signed,
)
from segmentry.ingest.quality import Finding
from segmentry.present.figures import segment_colour, was_checked
from segmentry.present.report._kinds import value_kind
from segmentry.present.report._views import Row, Table
from segmentry.results.summary import FeatureRow, Summary
from segmentry.schema import DataTraits, Estimate, RowAccount, UtcOffset
from segmentry.segments.forming import Candidate

_FORMING_DAYS = "on the days that formed the segments"


def segment_row(segment: SegmentProfile, cells: Iterable[str]) -> Row:
    """Return a line headed by a segment, its colour beside it."""
    return Row(
        head=f"{segment.segment_id} {segment.name}",
        cells=tuple(cells),
        colour=segment_colour(segment.segment_id),
    )


def size_table(summary: Summary) -> Table:
    """Return users, events and clicks of every segment."""
    traits = summary.traits
    rows = []
    for s in summary.segments:
        cells = [count(s.n_users), percent(s.share)]
        if traits.has_log:
            cells += [count(s.n_impressions), percent(s.impressions_share)]
        if traits.has_clicks:
            cells += [count(s.n_clicks), percent(s.clicks_share)]
        rows.append(segment_row(s, cells))
    heads = (
        "segment",
        "users",
        "share of users",
        *((traits.events, f"share of {traits.events}") if traits.has_log else ()),
        *(("clicks", "share of clicks") if traits.has_clicks else ()),
    )
    return Table(caption="Sizes of the segments", heads=heads, rows=tuple(rows))


def rate_table(summary: Summary) -> Table:
    """Return the click rates with intervals."""
    everybody = summary.population
    has_later = was_checked(summary)
    rows = [segment_row(s, _rate_cells(s, has_later=has_later)) for s in summary.segments]
    rows.append(Row("all users", _rate_cells(everybody, has_later=has_later), is_strong=True))
    return Table(
        caption=f"Clicks per impression, {_FORMING_DAYS}",
        heads=(
            "segment",
            "clicks per impression",
            "95 % interval",
            "index (all users 100)",
            *(("on later days", "90 % interval") if was_checked(summary) else ()),
        ),
        rows=tuple(rows),
    )


def _rate_cells(segment: SegmentProfile, *, has_later: bool) -> tuple[str, ...]:
    later = segment.ctr_outcome
    return (
        rate(segment.ctr_seen.value),
        interval(segment.ctr_seen, write=rate),
        count(segment.ctr_index),
        *((rate(later.value), interval(later, write=rate)) if has_later else ()),
    )


def candidate_table(summary: Summary) -> Table:
    """Return every candidate with all its scores and the verdict."""
    heads = (
        "K",
        "algorithm",
        "inertia",
        "silhouette",
        "95 % interval",
        "silhouette, squared distances",
        "Caliński–Harabasz",
        "Davies–Bouldin",
        "smallest segment",
        "verdict",
    )
    return Table(
        caption="Every candidate that was tried",
        heads=heads,
        rows=tuple(_candidate_row(row) for row in summary.selection.candidates),
        text_columns=(1, 9),
    )


def _candidate_row(row: Candidate) -> Row:
    words = ["chosen"] * row.is_selected + ["knee of the elbow"] * row.is_knee
    verdict = ": ".join(part for part in (", ".join(words), row.reason) if part)
    return Row(
        head=str(row.n_segments),
        cells=(
            row.algorithm,
            _score(row.inertia),
            _thousandths(row.silhouette.value),
            interval(row.silhouette, write=_thousandths),
            _thousandths(row.squared_silhouette),
            _score(row.calinski_harabasz),
            decimal(row.davies_bouldin),
            percent(row.smallest_share),
            verdict or MISSING,
        ),
        is_strong=row.is_selected,
    )


def _score(value: float | None) -> str:
    """Write a score without an upper limit: small ones keep a decimal."""
    return decimal(value, digits=1) if value is not None and abs(value) < 1000 else count(value)


def _thousandths(value: float | None) -> str:
    return decimal(value, digits=3)


def score_table(summary: Summary, *, column: str) -> Table:
    """Return one score by K: "inertia" or "silhouette"."""
    candidates = summary.selection.candidates
    cells: list[tuple[str, ...]]
    if column == "inertia":
        heads: tuple[str, ...] = ("K", "inertia")
        cells = [(_score(row.inertia),) for row in candidates]
    else:
        heads = ("K", "silhouette", "95 % interval")
        cells = [
            (
                _thousandths(row.silhouette.value),
                interval(row.silhouette, write=_thousandths),
            )
            for row in candidates
        ]
    return Table(
        caption=f"{column.capitalize()} by number of segments",
        heads=heads,
        rows=tuple(
            Row(f"{row.n_segments} ({row.algorithm})", texts, is_strong=row.is_selected)
            for row, texts in zip(candidates, cells, strict=True)
        ),
    )


def blade_table(summary: Summary) -> Table:
    """Return the silhouettes of the sampled users of each segment."""
    names = {s.segment_id: s for s in summary.segments}
    blades = () if summary.pictures is None else summary.pictures.blades
    rows = []
    for blade in blades:
        n, values = len(blade.values), blade.values
        quartiles = [values[(3 * n) // 4], values[n // 2], values[n // 4]] if n else [None] * 3
        rows.append(
            segment_row(
                names[blade.segment_id],
                (
                    count(blade.n_sampled),
                    *(_thousandths(each) for each in quartiles),
                    percent(blade.below_zero_share),
                ),
            )
        )
    heads = ("segment", "sampled users", "lower quartile", "median", "upper quartile", "below 0")
    return Table(caption="Silhouettes of sampled users", heads=heads, rows=tuple(rows))


def quartile_table(summary: Summary, names: Iterable[str]) -> Table:
    """Return median and quartiles of some features by segment, in raw units."""
    wanted = tuple(names)
    features = {row.name: row for row in summary.features}
    offset = summary.data.utc_offset_hours

    def cell(row: NumericStatistics | None, name: str) -> str:
        if row is None or row.median is None:
            return MISSING
        kind, unit = "count", ""
        if name in features:
            kind, unit = features[name].kind, features[name].unit
        low, middle, high = (
            feature_value(value, kind=kind, unit=unit, utc_offset_hours=offset)
            for value in (row.lower_quartile, row.median, row.upper_quartile)
        )
        return f"{middle}\n{low} to {high}"

    def cells(segment: SegmentProfile) -> tuple[str, ...]:
        found = {row.feature: row for row in segment.numeric}
        return tuple(cell(found.get(name), name) for name in wanted)

    rows = [segment_row(segment, cells(segment)) for segment in summary.segments]
    rows.append(Row("all users", cells(summary.population), is_strong=True))
    heads = tuple(features[name].label if name in features else name for name in wanted)
    return Table(
        caption="Median, and below it the quartiles, in raw units",
        heads=("segment", *heads),
        rows=tuple(rows),
    )


def difference_table(summary: Summary) -> Table:
    """Return the numbers of the heat map, with their intervals."""
    labels = {row.name: row.label for row in summary.features}
    names = [row.feature for row in summary.population.numeric]
    found = [{row.feature: row for row in s.numeric} for s in summary.segments]
    rows = [
        Row(
            labels.get(name, name),
            tuple(_above(_difference(by_name[name].standardised_difference)) for by_name in found),
        )
        for name in names
        if all(name in by_name for by_name in found)
    ]
    return Table(
        caption="Standardised differences, and below them the 95\u00a0% interval",
        heads=("feature", *(f"{s.segment_id} {s.name}" for s in summary.segments)),
        rows=tuple(rows),
    )


def _difference(estimate: Estimate) -> str:
    if estimate.value is None:
        return MISSING
    value = signed(estimate.value, digits=2)
    limits = interval(estimate, write=lambda v: signed(v, digits=2))
    return value if limits == MISSING else f"{value} ({limits})"


def _above(text: str) -> str:
    """Set an interval in brackets below its value: columns of many segments stay narrow."""
    value, _, limits = text.partition(" (")
    return f"{value}\n{limits.removesuffix(')')}" if limits else value


def numeric_tables(summary: Summary) -> tuple[Table, ...]:
    """Return one table for every segment, and first one for all users: raw units."""
    features = {row.name: row for row in summary.features}
    offset = summary.data.utc_offset_hours
    heads = (
        "feature",
        "unit",
        "mean",
        "lower quartile",
        "median",
        "upper quartile",
        "unknown",
        "index",
        "standardised difference",
    )
    tables = []
    for segment in (summary.population, *summary.segments):
        name = f"{segment.segment_id} {segment.name}" if segment.segment_id else "All users"
        tables.append(
            Table(
                caption=f"{name}: {count(segment.n_users)} users",
                heads=heads,
                rows=tuple(_numeric_row(row, features, offset) for row in segment.numeric),
                text_columns=(1,),
            )
        )
    return tuple(tables)


def _numeric_row(
    row: NumericStatistics, features: Mapping[str, FeatureRow], offset: UtcOffset
) -> Row:
    feature = features.get(row.feature)
    kind, unit, label = "count", MISSING, row.feature
    if feature is not None:
        kind, unit, label = value_kind(feature), feature.unit, feature.label
    values = (row.mean, row.lower_quartile, row.median, row.upper_quartile)
    return Row(
        head=label,
        cells=(
            unit,
            *(
                feature_value(value, kind=kind, unit=unit, utc_offset_hours=offset)
                for value in values
            ),
            percent(row.missing_share),
            MISSING if kind == "time" else count(row.index),
            _difference(row.standardised_difference),
        ),
    )


def level_tables(summary: Summary) -> tuple[Table, ...]:
    """Return one table for every feature with levels: composition of the segments."""
    labels = {row.name: row.label for row in summary.features}
    tables = []
    for position, statistics in enumerate(summary.population.levels):
        shares = [
            {level.level: level for level in segment.levels[position].levels}
            for segment in summary.segments
        ]
        rows = tuple(
            Row(
                level.label,
                (percent(level.share), *(_level(found.get(level.level)) for found in shares)),
            )
            for level in statistics.levels
        )
        label = labels.get(statistics.feature, statistics.feature)
        tables.append(
            Table(
                caption=f"{label.capitalize()}: share of the users, index in brackets",
                heads=(
                    "level",
                    "all users",
                    *(f"{s.segment_id} {s.name}" for s in summary.segments),
                ),
                rows=rows,
            )
        )
    return tuple(tables)


def _level(level: LevelShare | None) -> str:
    if level is None:
        return MISSING
    share = percent(level.share)
    return share if level.index is None else f"{share} ({count(level.index)})"


def account_tables(summary: Summary) -> tuple[Table, ...]:
    """Return where the rows went, what is odd about them, and who has no segment."""
    accounts = Table(
        caption="Where the rows went: read = used + rejected + left out",
        heads=("table", "read", "used", "rejected", "left out", "reasons"),
        rows=tuple(_account_row(each, summary.traits) for each in summary.data.accounts),
        text_columns=(5,),
    )
    findings = _finding_table("What was checked, and how often it was met", summary.data.findings)
    unassigned = _finding_table("Users without a segment", summary.unassigned)
    return tuple(table for table in (accounts, findings, unassigned) if table.rows)


def _account_row(account: RowAccount, traits: DataTraits) -> Row:
    reasons = [
        f"{reason}: {count(n_rows)}"
        for reasons in (account.rejected, account.excluded)
        for reason, n_rows in reasons.items()
    ]
    return Row(
        head=traits.events if account.role == "impressions" else account.role,
        cells=(
            count(account.n_read),
            count(account.n_used),
            count(account.n_rejected),
            count(sum(account.excluded.values())),
            "; ".join(reasons) or MISSING,
        ),
    )


def _finding_table(caption: str, findings: tuple[Finding, ...]) -> Table:
    return Table(
        caption=caption,
        heads=("finding", "count", "of", "share"),
        rows=tuple(
            Row(
                finding.text,
                (
                    count(finding.count),
                    count(finding.of),
                    percent(finding.count / finding.of) if finding.of else MISSING,
                ),
            )
            for finding in findings
        ),
    )


def feature_tables(summary: Summary) -> tuple[Table, ...]:
    """Return what formed the segments and what only describes them."""
    forming = [row for row in summary.features if row.weight is not None]
    describing = [row for row in summary.features if row.weight is None]
    formed = Table(
        caption=f"{len(forming)} features formed the segments",
        heads=(
            "feature",
            "family",
            "unit",
            "missing filled with",
            "scale",
            "clipped to",
            "divided by",
            "weight",
            "what it is",
        ),
        rows=tuple(_forming_row(row) for row in forming),
        text_columns=(1, 2, 3, 4, 8),
    )
    described = Table(
        caption=f"{len(describing)} features only describe them",
        heads=("feature", "family", "unit", "what it is"),
        rows=tuple(
            Row(row.label, (row.family, row.unit, _described(row)))
            for _, family in groupby(describing, key=lambda row: row.family)
            for row in family
        ),
        text_columns=(1, 2, 3),
    )
    absent = Table(
        caption=f"{len(summary.traits.absent)} features are absent",
        heads=("why", "features"),
        rows=tuple(Row(why, (", ".join(names),)) for why, names in summary.traits.reasons.items()),
        text_columns=(1,),
    )
    return tuple(table for table in (formed, described, absent) if table.rows)


def _forming_row(row: FeatureRow) -> Row:
    clip = interval(Estimate(value=None, low=row.clip_low, high=row.clip_high))
    return Row(
        row.label,
        (
            row.family,
            row.unit,
            row.fill or MISSING,
            row.transform or MISSING,
            clip,
            decimal(row.scale),
            decimal(row.weight),
            _described(row),
        ),
    )


def _described(row: FeatureRow) -> str:
    return f"{row.description} ({row.note})" if row.note else row.description
