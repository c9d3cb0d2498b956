"""Returning users of the later days, next to those absent."""

from functools import partial

from segmentry.formats import count, decimal, feature_value, percent, rate, signed
from segmentry.present.report._segments import line_of
from segmentry.present.report._tables import value_kind
from segmentry.present.tables import Column, Shown, Table, cells_of
from segmentry.results.summary import Summary

_MAX_FEATURES = 3


def retention_table(summary: Summary) -> Table | None:
    """Return users shown ads again next to users absent later; null where nobody looked."""
    if summary.retention is None:
        return None
    tenths = partial(decimal, digits=1)
    columns = (
        Column("n_present", "shown again", count),
        Column("n_absent", "absent later", count),
        Column("impressions_present", "impressions, shown again", tenths),
        Column("impressions_absent", "impressions, absent", tenths),
        Column("ctr_present", "click rate, shown again", rate),
        Column("ctr_absent", "click rate, absent", rate),
        Column("largest_user_share", "largest user’s share of impressions", percent),
    )
    return Table(
        name="retention",
        caption="Users shown ads again, and users absent later, on the days that formed them",
        columns=(Column("segment", "segment"), *columns),
        rows=tuple(
            line_of(summary, row.segment_id, *cells_of(row, columns))
            for row in summary.retention.segments
        ),
    )


def absent_feature_table(summary: Summary) -> Table | None:
    """Return how the absent differ from those shown ads again, the largest first."""
    if summary.retention is None:
        return None
    known = {row.name: row for row in summary.features}
    rows = []
    for row in summary.retention.segments:
        for each in row.features[:_MAX_FEATURES]:
            feature = known.get(each.feature)
            kind = "count" if feature is None else value_kind(feature)
            cells = (
                each.feature if feature is None else feature.label,
                Shown(each.present, feature_value(each.present, kind=kind)),
                Shown(each.absent, feature_value(each.absent, kind=kind)),
                each.difference,
            )
            rows.append(line_of(summary, row.segment_id, *cells))
    return Table(
        name="absent-users",
        caption="How users absent later differ from those shown ads again, the largest difference "
        "first: means on the days that formed the segments",
        columns=(
            Column("segment", "segment"),
            Column("feature", "feature", is_words=True),
            Column("present", "shown again"),
            Column("absent", "absent later"),
            Column("difference", "difference, in standard deviations", partial(signed, digits=2)),
        ),
        rows=tuple(rows),
    )
