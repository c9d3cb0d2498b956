"""Insights on what a segment is made of and how well it stands."""

from collections.abc import Iterator

from segmentry.advise.insights._findings import Facts, Finding, index_evidence
from segmentry.advise.insights._worth import PER, clicks_expected, exactly
from segmentry.describe.profiles import LevelShare, SegmentProfile
from segmentry.formats import count, decimal, percent
from segmentry.results.summary import Evidence
from segmentry.schema import Estimate

_SKEWED, _LEAST_SHARE, _FALSE_DISCOVERIES = 120.0, 0.1, 0.05
_UNKNOWN_SHARE = 0.9
_LEAST_AGREEMENT = 0.75
_TINY = 0.01


def find_skew(facts: Facts) -> Iterator[Finding]:
    """Find segments in which some level of a demographic feature is over-represented."""
    features = {row.name: row for row in facts.summary.features}
    for segment in facts.shown:
        q_values = {test.feature: test.q_value for test in segment.tests}
        found = [
            (level, own.feature)
            for own in segment.levels
            if own.feature in features and features[own.feature].family == "demographics"
            for level in own.levels
            if _is_skewed(level)
            and q_values.get(own.feature, 0.0) < _FALSE_DISCOVERIES
            and (features[own.feature].weight is not None or own.feature in q_values)
        ]
        if not found:
            continue
        level, feature = max(found, key=lambda pair: (pair[0].index_low or 0.0, pair[1]))
        index = Estimate(value=level.index, low=level.index_low, high=level.index_high)
        yield Finding(
            "SEG-010",
            segment,
            f"{features[feature].label}: {percent(level.share, digits=0)} are {level.label}, "
            f"{percent(level.population_share, digits=0)} of all users are "
            f"(index {count(level.index)}).",
            (index_evidence(f"{features[feature].label} {level.label}", index, 95),),
            *_as_it_is(segment),
        )


def _is_skewed(level: LevelShare) -> bool:
    is_large = level.level is not None and (level.share or 0.0) >= _LEAST_SHARE
    return is_large and (level.index_low or 0.0) >= _SKEWED


def find_unstable(facts: Facts) -> Iterator[Finding]:
    """Find segments that are not the same users when other days are looked at."""
    if not facts.agreements:
        return
    for segment in facts.shown:
        agreement = facts.agreements.get(segment.segment_id)
        if agreement is None:
            yield Finding(
                "SEG-011",
                segment,
                "The feature window alone did not form it: it is new.",
                (),
                *_as_it_is(segment),
            )
        elif agreement < _LEAST_AGREEMENT:
            found = Estimate(value=agreement, low=None, high=None)
            yield Finding(
                "SEG-011",
                segment,
                f"{percent(agreement, digits=0)} of its users of the feature window and of all "
                "days are the same.",
                (Evidence("Jaccard of both fits", found, "ratio"),),
                *_as_it_is(segment),
            )


def find_tiny(facts: Facts) -> Iterator[Finding]:
    """Find segments that are too small to be shown, or nearly so."""
    for segment in facts.summary.segments:
        if segment.is_withheld:
            yield Finding(
                "SEG-012", segment, "It holds too few users to be shown; it has no figures."
            )
        elif segment.share < _TINY:
            yield Finding(
                "SEG-012",
                segment,
                f"It holds {count(segment.n_users)} users, "
                f"{percent(segment.share, digits=2)} of all.",
                (Evidence("share of the users", exactly(segment.share), "share"),),
                *_as_it_is(segment),
            )


def find_missing_data(facts: Facts) -> Iterator[Finding]:
    """Find segments that are only those of whom something is unknown."""
    labels = {row.name: row.label for row in facts.summary.features}
    for segment in facts.shown:
        unknown = _unknown_features(segment, facts)
        if unknown:
            told = ", ".join(labels.get(name, name) for name in unknown)
            share = min(unknown.values())
            yield Finding(
                "SEG-013",
                segment,
                f"At least {percent(share, digits=0)} of its users have no known {told}.",
                (Evidence("share unknown", Estimate(share, None, None), "share"),),
                *_as_it_is(segment),
            )


def _unknown_features(segment: SegmentProfile, facts: Facts) -> dict[str, float]:
    """Return profile features that are unknown of nearly all its users, not of nearly all."""
    profile = {row.name for row in facts.summary.features if row.family == "demographics"}
    return {
        own.feature: round(level.share or 0.0, 9)
        for own in segment.levels
        if own.feature in profile
        for level in own.levels
        if level.level is None
        and (level.share or 0.0) >= _UNKNOWN_SHARE
        and level.population_share < _UNKNOWN_SHARE
    }


def find_one_segment(facts: Facts) -> Iterator[Finding]:
    """Find that there is nothing to tell apart."""
    if len(facts.summary.segments) != 1:
        return
    chosen = next((row for row in facts.summary.selection.candidates if row.is_selected), None)
    values = [row.silhouette.value for row in facts.summary.selection.candidates]
    best = max((value for value in values if value is not None), default=None)
    told = "" if best is None or chosen is None else f" The largest silhouette is {decimal(best)}."
    evidence = () if best is None else (Evidence("largest silhouette", exactly(best), "ratio"),)
    yield Finding(
        "SEG-014",
        None,
        f"{facts.summary.selection.reason}{told}",
        evidence,
        *_as_it_is(facts.summary.population),
    )


def _as_it_is(profile: SegmentProfile) -> tuple[str, Estimate, tuple[str, ...]]:
    """Return what is at stake where acting is no move of impressions: the clicks they bring."""
    expected = clicks_expected(profile)
    if expected.value is None:
        return "", expected, ()
    told = f"clicks to be expected per {count(PER)} impressions shown to them, as things are"
    return told, expected, ("They are shown ads as they were.",)
