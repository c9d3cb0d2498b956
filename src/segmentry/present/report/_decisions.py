"""What can be decided: the most pressing insights, what acting is worth, tables of a segment."""

from collections.abc import Callable, Mapping
from functools import partial

from segmentry.describe.profiles import (
    Exemplar,
    LevelShare,
    NumericStatistics,
    SegmentProfile,
)
from segmentry.formats import (
    MISSING,
    bracketed,
    count,
    decimal,
    feature_value,
    percent,
    rate,
    signed,
)
from segmentry.present.report._segments import feature_labels
from segmentry.present.report._tables import value_kind
from segmentry.present.tables import Cell, Column, Row, Shown, Table
from segmentry.results.summary import Evidence, FeatureRow, Summary
from segmentry.schema import Estimate

_MAX_FEATURES = 8
_MAX_LEVELS = 6
_MIN_LEVEL = 0.02
_SIGNED = ("clicks gained",)
_WRITERS: Mapping[str, Callable[..., str]] = {
    "rate": rate,
    "share": partial(percent, digits=0),
    "index": count,
    "count": count,
}


def worth_of(value: Estimate, effect: str) -> tuple[str, str]:
    """Return what acting is worth: the number with its interval, and what it counts."""
    if value.value is None:
        return "", effect[0].upper() + effect[1:]
    write = signed if effect.startswith(_SIGNED) else decimal
    return bracketed(value, write, digits=0 if abs(value.value) >= 10 else 1), effect


def evidence_text(evidence: Evidence) -> str:
    """Return the number that an insight rests on, with its interval."""
    return bracketed(evidence.value, _WRITERS.get(evidence.unit, decimal))


def effect_table(segment: SegmentProfile, summary: Summary) -> Table:
    """Return the features by size of effect, and whether chance may have made it."""
    columns = (
        Column("feature", "feature"),
        Column("difference", "standardised difference", partial(signed, digits=2)),
        Column("mean", "mean"),
        Column("mean_of_all", "mean of all"),
        Column("lower_quartile", "lower quartile"),
        Column("median", "median"),
        Column("upper_quartile", "upper quartile"),
        Column("index", "index", count),
        Column("q_value", "by chance? (q-value)"),
    )
    ranked = sorted(
        (
            row
            for row in segment.numeric
            if row.standardised_difference.value is not None and row.feature != "ctr"
        ),
        key=lambda row: (-abs(row.standardised_difference.value or 0.0), row.feature),
    )[:_MAX_FEATURES]
    if len(summary.segments) == 1:
        ranked = []  # all differences are 0
    return Table(
        name=f"segment-{segment.segment_id}-features",
        caption=f"Segment {segment.segment_id}: how it differs, the largest effect first",
        columns=columns,
        rows=tuple(_effect_row(row, segment, summary) for row in ranked),
    )


def _effect_row(row: NumericStatistics, segment: SegmentProfile, summary: Summary) -> Row:
    feature = next((each for each in summary.features if each.name == row.feature), None)
    of_all = next(each for each in summary.population.numeric if each.feature == row.feature)
    q_value = next((t.q_value for t in segment.tests if t.feature == row.feature), None)
    values = (row.mean, of_all.mean, row.lower_quartile, row.median, row.upper_quartile)
    is_forming = feature is not None and feature.weight is not None
    return Row(
        (
            row.feature if feature is None else feature.label,
            row.standardised_difference,
            *(_value(each, feature) for each in values),
            row.index,
            "formed the segment" if is_forming else Shown(q_value, _q_value(q_value)),
        )
    )


def _value(value: float | None, feature: FeatureRow | None) -> Shown:
    kind = "count" if feature is None else value_kind(feature)
    return Shown(value, feature_value(value, kind=kind))


def _q_value(q_value: float | None) -> str:
    if q_value is None:
        return "not tested"
    return "below 0.001" if q_value < 0.001 else decimal(q_value, digits=3)


def level_table(segment: SegmentProfile, summary: Summary) -> Table:
    """Return the levels that are most over- or under-represented."""
    found = [
        (own.feature, level)
        for own in segment.levels
        for level in own.levels
        if level.index is not None and level.population_share >= _MIN_LEVEL
    ]
    ranked = sorted(found, key=lambda pair: (-_strength(pair[1]), pair[0], pair[1].label))
    rows = tuple(
        Row(
            (
                f"{feature_labels(summary, [feature])[0]}: {level.label}",
                level.share,
                level.population_share,
                Estimate(level.index, level.index_low, level.index_high),
            )
        )
        for feature, level in ranked[:_MAX_LEVELS]
    )
    return Table(
        name=f"segment-{segment.segment_id}-levels",
        caption=f"Segment {segment.segment_id}: levels most over- or under-represented",
        columns=(
            Column("level", "level"),
            Column("share", "share", percent),
            Column("share_of_all", "of all users", percent),
            Column("index", "index", count, limits="95\u00a0% interval"),
        ),
        rows=rows if len(summary.segments) > 1 else (),
    )


def _strength(level: LevelShare) -> float:
    return abs((level.index or 0.0) - 100.0)


def exemplar_table(segment: SegmentProfile, summary: Summary) -> Table:
    """Return real users near the centre of a segment and on its border."""
    found = () if summary.decisions is None else summary.decisions.exemplars
    own = [each for each in found if each.segment_id == segment.segment_id]
    features = {row.name: row for row in summary.features}
    names = [name for name, _ in own[0].values] if own else []
    has_ids = bool(own) and own[0].user_id is not None
    columns = (
        Column("kind", "kind"),
        *((Column("user", "user"),) if has_ids else ()),
        *(Column(name, features[name].label if name in features else name) for name in names),
        Column("margin", "margin", decimal),
    )
    return Table(
        name=f"segment-{segment.segment_id}-users",
        caption=f"Segment {segment.segment_id}: real users near its centre and on its border",
        columns=columns,
        rows=tuple(
            Row(
                (
                    _kind_of(each),
                    *((each.user_id,) if has_ids else ()),
                    *(_of_user(value, features.get(name)) for name, value in each.values),
                    each.margin,
                )
            )
            for each in own
        ),
    )


def _kind_of(user: Exemplar) -> str:
    if user.kind == "typical":
        return "typical"
    return f"on the border of segment {user.next_segment_id}"


def _of_user(value: float | str | None, feature: FeatureRow | None) -> Cell:
    if isinstance(value, str) or value is None or feature is None:
        return MISSING if value is None else str(value)
    if float(value).is_integer():
        return Shown(value, count(value))
    return _value(float(value), feature)
