"""Tables of a run folder that are views of its summary."""

from collections.abc import Iterator
from dataclasses import fields

import polars as pl

from segmentry.describe.number import EVIDENCE_COLUMNS, NO_EVIDENCE, evidence_by_number
from segmentry.describe.profiles import SegmentProfile
from segmentry.results.summary import Summary
from segmentry.schema import DataTraits, Estimate

_LONG = {
    "segment_id": pl.Int64(),
    "feature": pl.String(),
    "statistic": pl.String(),
    "value": pl.Float64(),
    "low": pl.Float64(),
    "high": pl.Float64(),
}
_OF_EVENTS = ("n_impressions", "impressions_share")
_OF_SEGMENT = (
    "n_users",
    "share",
    *("n_impressions", "n_clicks", "impressions_share", "clicks_share", "ctr_index"),
    "mean_silhouette",
    *("ctr_seen", "expected_rate", "forecast_index", "forecast_early", "ctr_outcome"),
    *("forecast_difference", "later_difference", "survival"),
)
_OF_FEATURE = (
    *("mean", "lower_quartile", "median", "upper_quartile", "missing_share"),
    *("index", "standing", "standardised_difference"),
)
_Row = tuple[int, str, str, float | None, float | None, float | None]


def profiles_table(summary: Summary) -> pl.DataFrame:
    """Return the profiles in long form, the population as segment 0.

    Rows about a level of a feature have the statistic ``share[LEVEL]``, unknown being a level.
    """
    left_out = _not_there(summary.traits)
    rows = [
        row
        for profile in (summary.population, *summary.segments)
        for row in _rows_of(profile)
        if row[1] or row[2] not in left_out
    ]
    return pl.DataFrame(rows, schema=_LONG, orient="row")


def _not_there(traits: DataTraits) -> frozenset[str]:
    """Name the statistics that the data do not allow."""
    of_clicks = {field.name for field in fields(SegmentProfile) if "ctr" in field.name}
    of_clicks |= {"n_clicks", "clicks_share", "forecast_early", "forecast_index", "survival"}
    of_clicks |= {"forecast_difference", "later_difference"}
    left_out = set() if traits.has_clicks else of_clicks
    return frozenset(left_out if traits.has_log else {*left_out, *_OF_EVENTS})


def _rows_of(profile: SegmentProfile) -> Iterator[_Row]:
    def row(feature: str, statistic: str, value: float | Estimate | None) -> _Row:
        found = value if isinstance(value, Estimate) else Estimate(value, None, None)
        return (profile.segment_id, feature, statistic, found.value, found.low, found.high)

    for name in _OF_SEGMENT:
        yield row("", name, getattr(profile, name))
    for numeric in profile.numeric:
        for name in _OF_FEATURE:
            yield row(numeric.feature, name, getattr(numeric, name))
    for own in profile.levels:
        for level in own.levels:
            name = f"[{'unknown' if level.level is None else level.level}]"
            index = Estimate(level.index, level.index_low, level.index_high)
            yield row(own.feature, f"share{name}", level.share)
            yield row(own.feature, f"index{name}", index)
    for test in profile.tests:
        yield row(test.feature, "p_value", test.p_value)
        yield row(test.feature, "q_value", test.q_value)


def selection_table(summary: Summary) -> pl.DataFrame:
    """Return one row per candidate, with all evidence on its number of segments."""
    evidence = evidence_by_number(summary.evidence)
    rows = [
        {
            "algorithm": each.algorithm,
            "n_segments": each.n_segments,
            "inertia": each.inertia,
            "silhouette": each.silhouette.value,
            "silhouette_low": each.silhouette.low,
            "silhouette_high": each.silhouette.high,
            "squared_silhouette": each.squared_silhouette,
            "calinski_harabasz": each.calinski_harabasz,
            "davies_bouldin": each.davies_bouldin,
            "smallest_share": each.smallest_share,
            "is_selected": each.is_selected,
            "is_knee": each.is_knee,
            "reason": each.reason,
            **evidence.get(each.n_segments, NO_EVIDENCE),
        }
        for each in summary.selection.candidates
    ]
    return pl.DataFrame(rows, schema_overrides=dict(EVIDENCE_COLUMNS))
