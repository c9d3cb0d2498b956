"""From a summary to decisions: rules, users to look at, insights with actions."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from segmentry.advise.insights import find_insights
from segmentry.config import RunConfig
from segmentry.describe.profiles import RuleSet, find_exemplars, find_rules, rule_text, rules_sql
from segmentry.evaluation.later_days import Validation
from segmentry.features.users import UserData
from segmentry.privacy import is_small, published_ids
from segmentry.results.summary import Decisions, RuleReport, SegmentRules, Summary
from segmentry.schema import UNASSIGNED, Feature
from segmentry.segments.forming import Segmentation

_MOST_TEXTS = 4


def decide(
    summary: Summary,
    users: UserData,
    segmentation: Segmentation,
    config: RunConfig,
    truth: Validation | None,
) -> Summary:
    """Put beside a summary what can be decided on it.

    Parameters
    ----------
    summary : Summary
        With all that insights are looked for in, the log included where it was read again.
    users : UserData
    segmentation : Segmentation
    config : RunConfig
    truth : Validation or None
    """
    ids, _ = published_ids(
        segmentation.segment_ids, n_segments=segmentation.n_segments, min_size=config.min_size
    )
    catalogue = {feature.name: feature for feature in (*users.features, *users.attributes)}
    forming = [catalogue[name] for name in segmentation.preprocessing.features]
    insights, not_evaluated = find_insights(
        summary, agreements=_agreements(truth), mute=config.mute
    )
    return replace(
        summary,
        decisions=Decisions(
            min_size=config.min_size,
            rules=_rules(users, segmentation, ids, forming, min_size=config.min_size),
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


def _rules(
    users: UserData,
    segmentation: Segmentation,
    ids: npt.NDArray[np.int64],
    forming: list[Feature],
    *,
    min_size: int,
) -> RuleReport:
    fitted = segmentation.preprocessing.fitted
    rules = find_rules(
        users.table,
        ids,
        forming,
        n_segments=segmentation.n_segments,
        population=segmentation.recipe.population,
        complete=[column.feature for column in fitted if column.fill == "none"],
    )
    sizes = np.bincount(ids[ids != UNASSIGNED], minlength=segmentation.n_segments + 1)
    return RuleReport(
        fidelity=rules.fidelity,
        n_users=rules.n_users,
        segments=tuple(
            _of_segment(rules, segment_id, int(sizes[segment_id]), min_size=min_size)
            for segment_id in range(1, segmentation.n_segments + 1)
        ),
        sql=rules_sql(rules),
    )


def _of_segment(rules: RuleSet, segment_id: int, size: int, *, min_size: int) -> SegmentRules:
    own = [rule for rule in rules.rules if rule.segment_id == segment_id]
    n_users, n_right = sum(rule.n_users for rule in own), sum(rule.n_right for rule in own)
    is_hidden = is_small(n_users, min_size=min_size) or is_small(n_right, min_size=min_size)
    if not own or not size or is_hidden:
        return SegmentRules(segment_id, (), 0, None, None)
    texts = tuple(rule_text(rule) for rule in own[:_MOST_TEXTS])
    if len(own) > _MOST_TEXTS:
        texts += (f"and {len(own) - _MOST_TEXTS} smaller boxes (rules.sql)",)
    return SegmentRules(segment_id, texts, n_users, n_right / size, n_right / n_users)
