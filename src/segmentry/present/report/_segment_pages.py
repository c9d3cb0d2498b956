"""A page for every segment: what it is, by which rule, who is in it, what to do."""

from segmentry.describe.profiles import Exemplar, LevelShare, NumericStatistics, SegmentProfile
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
from segmentry.present.figures import segment_colour
from segmentry.present.report._executive import insight_badge, worth_of
from segmentry.present.report._kinds import value_kind
from segmentry.present.report._log import segment_cells
from segmentry.present.report._truth import badge_of
from segmentry.present.report._views import Fact, InsightView, Row, SegmentPage, Table
from segmentry.results.summary import Insight, SegmentRules, Summary
from segmentry.schema import Estimate

_MOST_FEATURES = 8
_MOST_LEVELS = 6
_LEAST_LEVEL = 0.02
_NO_TABLE = Table(caption="", heads=(), rows=())


def make_segment_pages(summary: Summary) -> tuple[SegmentPage, ...]:
    """Return a page per segment; none in a run of an earlier version."""
    if summary.decisions is None:
        return ()
    return tuple(_page(segment, summary) for segment in summary.segments)


def _page(segment: SegmentProfile, summary: Summary) -> SegmentPage:
    decisions = summary.decisions
    insights: tuple[Insight, ...] = () if decisions is None else decisions.insights
    rules = None if decisions is None else decisions.rules
    own_rules, has_clicks = None, summary.traits.has_clicks
    if rules is not None:
        own_rules = next(r for r in rules.segments if r.segment_id == segment.segment_id)
    return SegmentPage(
        segment_id=segment.segment_id,
        name=segment.name,
        colour=segment_colour(segment.segment_id),
        badge=badge_of(segment.verdict) if has_clicks and not segment.is_withheld else None,
        facts=() if segment.is_withheld else _facts(segment, has_clicks=has_clicks),
        insights=tuple(_insight(i) for i in insights if i.segment_id == segment.segment_id),
        rules=() if own_rules is None else own_rules.texts,
        rule_note=_rule_note(own_rules),
        tables=() if segment.is_withheld else _tables(segment, summary),
    )


def _facts(segment: SegmentProfile, *, has_clicks: bool) -> tuple[Fact, ...]:
    expected, seen = segment.forecast_ctr, segment.ctr_seen
    facts = [Fact("users", count(segment.n_users), f"{percent(segment.share)} of all")]
    if not has_clicks:
        return tuple(facts)
    facts.append(
        Fact(
            "impressions",
            percent(segment.impressions_share),
            f"of all; {percent(segment.clicks_share)} of the clicks",
        )
    )
    if expected.is_known:
        facts.append(
            Fact(
                "click rate expected",
                rate(expected.value),
                f"90 % interval {interval(expected, write=rate)}",
            )
        )
    limits = interval(seen, write=rate)
    note = "" if limits == MISSING else f"95 % interval {limits}"
    facts.append(Fact("click rate seen", rate(seen.value), note))
    return tuple(facts)


def _insight(insight: Insight) -> InsightView:
    action = insight.action
    worth, note = ("", "") if action is None else worth_of(action.value, action.effect)
    return InsightView(
        code=insight.code,
        title=insight.title,
        badge=insight_badge(insight.severity),
        text=insight.text,
        evidence="; ".join(
            f"{each.label} {_evidence(each.value, each.unit)}" for each in insight.evidence
        ),
        action="" if action is None else action.text,
        target="" if action is None or action.n_users is None else f"{count(action.n_users)} users",
        worth=worth,
        worth_note=note,
        assumptions=() if action is None else action.assumptions,
        test="" if action is None else action.test,
        link=insight.link,
    )


def _evidence(value: Estimate, unit: str) -> str:
    def write(number: float | None) -> str:
        if unit == "rate":
            return rate(number)
        if unit == "share":
            return percent(number, digits=0)
        return count(number) if unit in {"index", "count"} else decimal(number)

    limits = interval(value, write=write)
    return write(value.value) if limits == MISSING else f"{write(value.value)} ({limits})"


def _rule_note(rules: SegmentRules | None) -> str:
    if rules is None or rules.coverage is None or rules.precision is None:
        return "No rule of the size that people can read leads to this segment."
    return (
        f"Any one of these finds {percent(rules.coverage)} of its users (coverage); "
        f"{percent(rules.precision)} of the {count(rules.n_users)} users found belong to it "
        "(precision). As SQL: rules.sql."
    )


def _tables(segment: SegmentProfile, summary: Summary) -> tuple[Table, ...]:
    found = (
        _feature_table(segment, summary),
        _level_table(segment, summary),
        segment_cells(summary, segment.segment_id),
        exemplar_table(segment, summary),
    )
    return tuple(table for table in found if table.rows)


def _feature_table(segment: SegmentProfile, summary: Summary) -> Table:
    """Return the features by size of effect, and whether chance may have made it."""
    if len(summary.segments) == 1:
        return _NO_TABLE  # all differences are 0
    features = {row.name: row for row in summary.features}
    q_values = {test.feature: test.q_value for test in segment.tests}
    everyone = {row.feature: row for row in summary.population.numeric}
    ranked = sorted(
        (
            row
            for row in segment.numeric
            if row.standardised_difference.value is not None and row.feature != "ctr"
        ),
        key=lambda row: (-abs(row.standardised_difference.value or 0.0), row.feature),
    )[:_MOST_FEATURES]

    def cells(row: NumericStatistics) -> tuple[str, ...]:
        feature = features.get(row.feature)
        kind = "count" if feature is None else value_kind(feature)
        values = (row.mean, everyone[row.feature].mean, row.lower_quartile, row.median)
        is_forming = feature is not None and feature.weight is not None
        difference = row.standardised_difference
        limits = interval(difference, write=lambda v: signed(v, digits=2))
        return (
            f"{signed(difference.value, digits=2)}\n{limits}",
            *(feature_value(each, kind=kind, utc_offset_hours=0) for each in values),
            feature_value(row.upper_quartile, kind=kind, utc_offset_hours=0),
            count(row.index),
            "formed the segment" if is_forming else _q_value(q_values.get(row.feature)),
        )

    return Table(
        caption=f"Segment {segment.segment_id}: what sets it apart, the largest effect first",
        heads=(
            "feature",
            "standardised difference",
            "mean",
            "mean of all",
            "lower quartile",
            "median",
            "upper quartile",
            "index",
            "by chance? (q-value)",
        ),
        rows=tuple(
            Row(features[row.feature].label if row.feature in features else row.feature, cells(row))
            for row in ranked
        ),
    )


def _q_value(q_value: float | None) -> str:
    if q_value is None:
        return "not tested"
    return "below 0.001" if q_value < 0.001 else decimal(q_value, digits=3)


def _level_table(segment: SegmentProfile, summary: Summary) -> Table:
    """Return the levels that are most over- or under-represented."""
    if len(summary.segments) == 1:
        return _NO_TABLE
    labels = {row.name: row.label for row in summary.features}
    found = [
        (own.feature, level)
        for own in segment.levels
        for level in own.levels
        if level.index is not None and level.population_share >= _LEAST_LEVEL
    ]
    ranked = sorted(found, key=lambda pair: (-_strength(pair[1]), pair[0], pair[1].label))
    return Table(
        caption=f"Segment {segment.segment_id}: levels most over- or under-represented",
        heads=("level", "share", "of all users", "index", "95 % interval"),
        rows=tuple(
            Row(
                f"{labels.get(feature, feature)}: {level.label}",
                (
                    percent(level.share),
                    percent(level.population_share),
                    count(level.index),
                    interval(Estimate(level.index, level.index_low, level.index_high), write=count),
                ),
            )
            for feature, level in ranked[:_MOST_LEVELS]
        ),
    )


def _strength(level: LevelShare) -> float:
    return abs((level.index or 0.0) - 100.0)


def exemplar_table(segment: SegmentProfile, summary: Summary) -> Table:
    """Return real users near the centre of a segment and on its border."""
    features = {row.name: row for row in summary.features}
    decisions = summary.decisions
    found = [] if decisions is None else list(decisions.exemplars)
    own = [each for each in found if each.segment_id == segment.segment_id]
    names = [name for name, _ in own[0].values] if own else []

    def cells(user: Exemplar) -> tuple[str, ...]:
        told = []
        for name, value in user.values:
            feature = features.get(name)
            if isinstance(value, str) or value is None or feature is None:
                told.append(MISSING if value is None else str(value))
            elif float(value).is_integer():
                told.append(count(value))
            else:
                kind = value_kind(feature)
                told.append(feature_value(float(value), kind=kind, utc_offset_hours=0))
        ids = () if user.user_id is None else (user.user_id,)
        return (*ids, *told, decimal(user.margin))

    def head(user: Exemplar) -> str:
        if user.kind == "typical":
            return "typical"
        return f"on the border of segment {user.next_segment_id}"

    ids = ("user",) if own and own[0].user_id is not None else ()
    heads = ("kind", *ids, *(features[n].label if n in features else n for n in names), "margin")
    return Table(
        caption=f"Segment {segment.segment_id}: real users near its centre and on its border",
        heads=heads,
        rows=tuple(Row(head(each), cells(each)) for each in own),
    )
