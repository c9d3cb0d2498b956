"""Insights on what a segment is made of and how well it stands."""

from collections.abc import Iterator

from segmentry.advise.insights._findings import (
    LATER,
    UNDECIDED,
    Facts,
    Finding,
    InsightKind,
    index_evidence,
)
from segmentry.advise.insights._worth import as_it_is, exactly
from segmentry.describe.profiles import LevelShare, SegmentProfile
from segmentry.formats import count, decimal, percent
from segmentry.results.summary import Evidence
from segmentry.schema import Estimate

_SKEWED, _MIN_SHARE, _FALSE_DISCOVERIES = 120.0, 0.1, 0.05
_UNKNOWN_SHARE = 0.9
_MIN_AGREEMENT = 0.75
_TINY = 0.01


def _find_skew(facts: Facts) -> Iterator[Finding]:
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
            segment,
            f"{features[feature].label}: {percent(level.share, digits=0)} are {level.label}, "
            f"{percent(level.population_share, digits=0)} of all users are "
            f"(index {count(level.index)}).",
            (index_evidence(f"{features[feature].label} {level.label}", index, 95),),
            as_it_is(segment),
        )


def _is_skewed(level: LevelShare) -> bool:
    is_large = level.level is not None and (level.share or 0.0) >= _MIN_SHARE
    return is_large and (level.index_low or 0.0) >= _SKEWED


def _find_unstable(facts: Facts) -> Iterator[Finding]:
    if not facts.agreements:
        return
    for segment in facts.shown:
        agreement = facts.agreements.get(segment.segment_id)
        if agreement is None:
            yield Finding(
                segment,
                "The feature window alone did not form it: it is new.",
                worth=as_it_is(segment),
            )
        elif agreement < _MIN_AGREEMENT:
            found = Estimate(value=agreement, low=None, high=None)
            yield Finding(
                segment,
                f"{percent(agreement, digits=0)} of its users of the feature window and of all "
                "days are the same.",
                (Evidence("Jaccard of both fits", found, "ratio"),),
                as_it_is(segment),
            )


def _find_tiny(facts: Facts) -> Iterator[Finding]:
    for segment in facts.summary.segments:
        if segment.is_withheld:
            yield Finding(segment, "It holds too few users to be shown; it has no figures.")
        elif segment.share < _TINY:
            yield Finding(
                segment,
                f"It holds {count(segment.n_users)} users, "
                f"{percent(segment.share, digits=2)} of all.",
                (Evidence("share of the users", exactly(segment.share), "share"),),
                as_it_is(segment),
            )


def _find_missing_data(facts: Facts) -> Iterator[Finding]:
    labels = {row.name: row.label for row in facts.summary.features}
    for segment in facts.shown:
        unknown = _unknown_features(segment, facts)
        if unknown:
            text = ", ".join(labels.get(name, name) for name in unknown)
            share = min(unknown.values())
            yield Finding(
                segment,
                f"At least {percent(share, digits=0)} of its users have no known {text}.",
                (Evidence("share unknown", Estimate(share, None, None), "share"),),
                as_it_is(segment),
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


def _find_one_segment(facts: Facts) -> Iterator[Finding]:
    if len(facts.summary.segments) != 1:
        return
    chosen = next((row for row in facts.summary.selection.candidates if row.is_selected), None)
    values = [row.silhouette.value for row in facts.summary.selection.candidates]
    best = max((value for value in values if value is not None), default=None)
    text = "" if best is None or chosen is None else f" The largest silhouette is {decimal(best)}."
    evidence = () if best is None else (Evidence("largest silhouette", exactly(best), "ratio"),)
    yield Finding(
        None,
        f"{facts.summary.selection.reason}{text}",
        evidence,
        as_it_is(facts.summary.population),
    )


KINDS = (
    InsightKind(
        "SEG-010",
        "Demographic skew",
        "note",
        "A known level of a demographic feature holds at least 10 % of the segment and is "
        "over-represented by 20 % or more (lower end of the index), with a false discovery rate "
        "below 5 % where it did not form the segments.",
        "Describes who they are. It is not a reason for what they do.",
        "Use it for the tone of a message; do not target by it without a test, nor where the law "
        "forbids it.",
        _find_skew,
        data="any",
    ),
    InsightKind(
        "SEG-011",
        "Unstable segment",
        "caution",
        "On all days less than 75 % of the users of the feature window's segment and of this one "
        "are common to both (Jaccard), or the segment was not found before.",
        "Which users are in the segment depends on the days that were used. It may still be "
        "stable: that is checked with other users on the same days.",
        "Refresh the list of its users before each campaign.",
        _find_unstable,
        needs=LATER,
    ),
    InsightKind(
        "SEG-012",
        "Tiny segment",
        "caution",
        "The segment holds fewer users than may be shown (`--min-size`), or less than 1 % of all.",
        "Too few for figures, for a campaign, or for a test.",
        "Ask for fewer segments, or treat these users with the nearest segment.",
        _find_tiny,
        data="any",
        suits=UNDECIDED,
    ),
    InsightKind(
        "SEG-013",
        "Missing-data segment",
        "caution",
        "At least 90 % of its users have an unknown value of some feature, and less than 90 % of "
        "all users have.",
        "It differs in how little is known of it, not what its users do.",
        "Do not read it as a kind of user; fix the profile data or leave those features out.",
        _find_missing_data,
        data="any",
    ),
    InsightKind(
        "SEG-014",
        "No division",
        "note",
        "The run answers with one segment.",
        "No division of the users holds up by its rule. That is a finding.",
        "Treat all users alike, or bring other features.",
        _find_one_segment,
        data="any",
    ),
)
