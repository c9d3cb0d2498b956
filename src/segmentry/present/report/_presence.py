"""Who came back on the later days, beside who did not."""

from segmentry.describe.presence import PresenceRow
from segmentry.formats import count, decimal, feature_value, interval, percent, rate, signed
from segmentry.present.figures import segment_colour
from segmentry.present.report._kinds import value_kind
from segmentry.present.report._views import Presence, Row, Table
from segmentry.results.summary import Summary

_MOST_FEATURES = 3


def make_presence(summary: Summary) -> Presence | None:
    """Return the table and what is to be said of users that came only later."""
    presence = summary.presence
    if presence is None or summary.truth is None or summary.truth.reason:
        return None
    names = {segment.segment_id: segment.name for segment in summary.segments}
    notes = [
        (
            "Verdicts speak of users who were shown ads again. Those who were not may differ: "
            "compare their exposure, click rate and features on the forming days."
        )
    ]
    if presence.n_new:
        limits = interval(presence.new_ctr, write=rate)
        notes.append(
            f"{count(presence.n_new)} users were shown ads on the later days only: no segment was "
            f"checked on them. Their click rate is {rate(presence.new_ctr.value)} (90 % interval "
            f"{limits})."
        )
    return Presence(
        notes=tuple(notes),
        table=Table(
            caption="Users shown ads again, and users absent later, on the days that formed them",
            heads=(
                "segment",
                "shown again",
                "absent later",
                "impressions, shown again",
                "impressions, absent",
                "click rate, shown again",
                "click rate, absent",
                "largest user’s share of impressions",
            ),
            rows=tuple(
                Row(
                    head=f"{row.segment_id} {names.get(row.segment_id, '')}".strip(),
                    cells=(
                        count(row.n_present),
                        count(row.n_absent),
                        decimal(row.impressions_present, digits=1),
                        decimal(row.impressions_absent, digits=1),
                        rate(row.ctr_present),
                        rate(row.ctr_absent),
                        percent(row.largest_user_share),
                    ),
                    colour=segment_colour(row.segment_id),
                )
                for row in presence.segments
            ),
        ),
        features=_feature_table(presence.segments, summary, names),
    )


def _feature_table(
    segments: tuple[PresenceRow, ...], summary: Summary, names: dict[int, str]
) -> Table | None:
    """Return what tells the absent from those shown ads again, the largest difference first."""
    known = {row.name: row for row in summary.features}
    rows = []
    for row in segments:
        for each in row.features[:_MOST_FEATURES]:
            feature = known.get(each.feature)
            kind = "count" if feature is None else value_kind(feature)
            cells = (
                each.feature if feature is None else feature.label,
                feature_value(each.present, kind=kind),
                feature_value(each.absent, kind=kind),
                signed(each.difference, digits=2),
            )
            head = f"{row.segment_id} {names.get(row.segment_id, '')}".strip()
            rows.append(Row(head=head, cells=cells, colour=segment_colour(row.segment_id)))
    if not rows:
        return None
    return Table(
        caption="How users absent later differ from those shown ads again, the largest difference "
        "first: means on the days that formed the segments",
        heads=(
            "segment",
            "feature",
            "shown again",
            "absent later",
            "difference, in standard deviations",
        ),
        rows=tuple(rows),
        text_columns=(1,),
    )
