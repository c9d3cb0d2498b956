"""From a summary to decisions: rules, users to look at, insights with actions."""

from collections.abc import Mapping
from dataclasses import replace

from segmentry.advise.decisions import decide_spending
from segmentry.advise.insights import find_insights
from segmentry.config import RunConfig
from segmentry.describe.profiles import find_exemplars, report_rules
from segmentry.evaluation.later_days import Validation
from segmentry.features.users import UserData
from segmentry.features.windows import local_days
from segmentry.privacy import published_ids
from segmentry.results.summary import Decisions, Summary
from segmentry.schema import Feature
from segmentry.segments.forming import Segmentation


def decide(
    summary: Summary,
    users: UserData,
    segmentation: Segmentation,
    config: RunConfig,
    truth: Validation | None,
) -> Summary:
    """Put beside a summary what can be decided on it.

    The summary holds all that insights are looked for in, the log included where it was read again.
    """
    ids, _ = published_ids(
        segmentation.segment_ids, n_segments=segmentation.n_segments, min_size=config.min_size
    )
    catalogue = {feature.name: feature for feature in (*users.features, *users.attributes)}
    forming = [catalogue[name] for name in segmentation.preprocessing.features]
    halves = None if truth is None else truth.halves
    segments, spending = decide_spending(
        summary.segments,
        halves,
        has_clicks=users.traits.has_clicks,
        n_days=1 if halves is None else len(local_days(users.window)),
    )
    summary = replace(summary, segments=segments, spending=spending)
    insights, not_evaluated = find_insights(
        summary, agreements=_agreements(truth), mute=config.mute
    )
    return replace(
        summary,
        decisions=Decisions(
            min_size=config.min_size,
            rules=report_rules(users.table, ids, segmentation, forming, min_size=config.min_size),
            exemplars=find_exemplars(
                users.table,
                segmentation,
                ids,
                _shown_of_users(forming, catalogue),
                with_ids=config.exemplar_ids,
            ),
            insights=insights,
            not_evaluated=not_evaluated,
            muted=tuple(sorted(set(config.mute))),
        ),
    )


def _agreements(truth: Validation | None) -> Mapping[int, float]:
    if truth is None or truth.split.outcome is None:
        return {}
    return {
        event.new_ids[0]: event.jaccard
        for event in truth.alignment.events
        if event.kind == "kept" and event.jaccard is not None
    }


def _shown_of_users(
    forming: list[Feature], catalogue: Mapping[str, Feature]
) -> tuple[Feature, ...]:
    """Return what is shown of single users: what formed segments, and their counts."""
    counts = [catalogue[name] for name in ("n_impressions", "n_clicks") if name in catalogue]
    return tuple({feature.name: feature for feature in [*forming, *counts]}.values())
