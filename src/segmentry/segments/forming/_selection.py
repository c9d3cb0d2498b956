"""Score candidates, choose the number of segments, and say why."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from html import escape

import numpy as np

from segmentry.errors import SelectionError
from segmentry.formats import MISSING, html_table, percent
from segmentry.schema import UNKNOWN, Estimate
from segmentry.segments.clustering import (
    Clustering,
    DistinctRows,
    SilhouetteSample,
    SilhouetteScore,
    calinski_harabasz,
    cluster_moments,
    davies_bouldin,
    exact_silhouette,
    find_knee,
    score_silhouettes,
    silhouettes_of_sample,
    squared_silhouette,
)

_RULE = "The largest mean silhouette wins."


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A number of segments that was chosen by other evidence than the silhouette."""

    n_segments: int
    rule: str
    reason: str
    """`rule`, `reason`: one or two sentences each."""
    remarks: Mapping[int, str]
    """Remarks on each number that was weighed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One clustering tried by the selection; scores are null for one segment."""

    algorithm: str
    n_segments: int
    inertia: float
    """Weighted sum of squared Euclidean distances to the centres."""
    silhouette: Estimate
    """Mean Euclidean silhouette, sampled users against all users, with its 95 % interval."""
    squared_silhouette: float | None
    """Mean squared-Euclidean silhouette, exact."""
    calinski_harabasz: float | None
    davies_bouldin: float | None
    smallest_share: float | None
    """Share of the users in the smallest segment; null where it has too few to be shown."""
    is_selected: bool = False
    is_knee: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Selection:
    """The chosen candidate with its reasons."""

    rule: str
    """The rule in one or two sentences."""
    reason: str
    """Why this number, in one sentence."""
    n_segments: int
    """May be 1."""
    is_forced: bool
    """Whether the user requested this number."""
    knee: int | None
    """Where the elbow bends; null where it does not."""
    runner_up: int | None
    """Who came second by silhouette."""
    candidates: tuple[Candidate, ...]

    @classmethod
    def kept(cls, candidate: Candidate, *, rule: str) -> "Selection":
        """Return the choice of segments that were there before."""
        k = candidate.n_segments
        reason = f"The {k} segments of the earlier run were kept."
        return cls(
            rule=rule,
            reason=reason,
            n_segments=k,
            is_forced=False,
            knee=None,
            runner_up=None,
            candidates=(replace(candidate, is_selected=True, reason=reason),),
        )

    def published(self, *, min_share: float) -> "Selection":
        """Return it without the share of smallest segments that have too few users to be shown."""
        return replace(
            self,
            candidates=tuple(
                each
                if each.smallest_share is not None and each.smallest_share >= min_share
                else replace(each, smallest_share=None)
                for each in self.candidates
            ),
        )

    def _repr_html_(self) -> str:
        """Return the reason and every candidate for notebooks, the chosen one in bold."""
        rows = [
            (
                str(each.n_segments),
                each.algorithm,
                f"{each.inertia:,.0f}",
                MISSING if each.silhouette.value is None else f"{each.silhouette.value:.3f}",
                MISSING if each.smallest_share is None else percent(each.smallest_share),
                each.reason,
            )
            for each in self.candidates
        ]
        heads = ("K", "algorithm", "inertia", "silhouette", "smallest", "why")
        chosen = [each.is_selected for each in self.candidates]
        return f"<div><p>{escape(self.reason)}</p>{html_table(heads, rows, bold=chosen)}</div>"


def select(
    candidates: Sequence[Candidate],
    *,
    decide: Callable[[Sequence[int]], Decision] | None = None,
    min_share: float = 0.01,
    forced: int | None = None,
) -> Selection:
    """Choose among candidates and say why; `Selection.n_segments` may be 1.

    One of the candidates may be that of one segment. `decide` is called with the numbers that may
    be chosen and returns the chosen one; by default the largest mean silhouette wins, however small
    its segments are. A segment smaller than `min_share` rules a number out, but never that of one
    segment. A `forced` number is taken whatever the evidence says.

    Raises SelectionError if `forced` is not among the candidates.
    """
    ordered = sorted(candidates, key=lambda candidate: candidate.n_segments)
    scored = [candidate for candidate in ordered if candidate.silhouette.is_known]
    ranked = sorted(scored, key=lambda each: (-_silhouette(each), each.n_segments))
    knee = _knee_of(ordered)
    numbers = [candidate.n_segments for candidate in ordered]
    if forced is not None and forced not in numbers:
        raise SelectionError(f"K = {forced} was not tried; expected one of the candidates")
    decision = _by_silhouette(ranked)
    if decide is not None:
        decision = decide(_allowed(ordered, min_share=min_share, forced=forced))
    winner, reason = decision.n_segments, decision.reason
    if forced is not None:
        winner, reason = forced, _requested(forced, decision, is_weighed=decide is not None)
    others = [candidate.n_segments for candidate in ranked if candidate.n_segments != winner]
    return Selection(
        rule=decision.rule,
        reason=reason,
        n_segments=winner,
        is_forced=forced is not None,
        knee=knee,
        runner_up=others[0] if others else None,
        candidates=tuple(
            replace(
                each,
                is_selected=each.n_segments == winner,
                is_knee=each.n_segments == knee,
                reason=reason if each.n_segments == winner else _why_not(each, decision, min_share),
            )
            for each in ordered
        ),
    )


def _allowed(ordered: Sequence[Candidate], *, min_share: float, forced: int | None) -> list[int]:
    return [
        each.n_segments
        for each in ordered
        if each.n_segments in (1, forced) or (each.smallest_share or 0.0) >= min_share
    ]


def _requested(forced: int, decision: Decision, *, is_weighed: bool) -> str:
    text = f"K = {forced} was set"
    if not is_weighed:
        return f"{text}; the scores did not choose it."
    if decision.n_segments == forced:
        return f"{text}, and the evidence agrees. {decision.reason}"
    return f"{text}; the evidence would choose {decision.n_segments}. {decision.reason}"


def _silhouette(candidate: Candidate) -> float:
    value = candidate.silhouette.value
    return -1.0 if value is None else value


def _knee_of(ordered: Sequence[Candidate]) -> int | None:
    if len(ordered) < 3:
        return None
    return find_knee([each.n_segments for each in ordered], [each.inertia for each in ordered])


def _by_silhouette(ranked: Sequence[Candidate]) -> Decision:
    """Take the largest mean silhouette, of equal ones the fewest segments."""
    if not ranked:
        reason = "No candidate has a silhouette."
        return Decision(n_segments=1, rule=_RULE, reason=reason, remarks={})
    best = ranked[0]
    return Decision(
        n_segments=best.n_segments,
        rule=_RULE,
        reason=(f"K = {best.n_segments} has the largest mean silhouette, {_silhouette(best):.3f}."),
        remarks={
            each.n_segments: f"silhouette {_silhouette(best) - _silhouette(each):.3f} below"
            for each in ranked
        },
    )


def _why_not(candidate: Candidate, decision: Decision, min_share: float) -> str:
    """Say what the evidence says of a number that was not chosen."""
    if candidate.n_segments in decision.remarks:
        return decision.remarks[candidate.n_segments]
    if candidate.n_segments > 1 and (candidate.smallest_share or 0.0) < min_share:
        return f"smallest segment below {percent(min_share, digits=0)} of the users"
    return ""


MAX_EXACT_ROWS = 400_000
"""Distinct rows up to which a silhouette is worked out exactly."""
# 90,011 rows of 7 columns took 40.7 s on two threads (benchmarks/exact_silhouette.py).
_NANOSECONDS = 0.72


@dataclass(frozen=True, slots=True, eq=False)
class Silhouettes:
    """By number of segments: the score of all users, and the sampled users that are drawn."""

    scores: Mapping[int, SilhouetteScore] = field(default_factory=dict)
    samples: Mapping[int, SilhouetteSample] = field(default_factory=dict)


def silhouettes_by_number(
    distinct: DistinctRows,
    clusterings: Sequence[Clustering],
    *,
    seed: int,
    is_exact: bool = False,
    on_block: Callable[[int, int], None] | None = None,
) -> Silhouettes:
    """Score the clusterings for which a silhouette is defined, by number of segments.

    >>> from segmentry.segments.clustering import distinct_rows, fit_clusterings
    >>> distinct = distinct_rows([[0.0], [1.0], [8.0], [8.0]])
    >>> fitted = fit_clusterings(distinct, n_clusters=[1, 2], seed=0)
    >>> found = silhouettes_by_number(distinct, fitted, seed=0, is_exact=True)
    >>> [(k, round(score.mean.value, 3)) for k, score in found.scores.items()]
    [(2, 0.933)]
    """
    # A silhouette takes the user out of the count, so fractions of users have none.
    if not np.array_equal(distinct.weights, np.floor(distinct.weights)):
        return Silhouettes()
    n_users = int(distinct.weights.sum())
    scored = [each for each in clusterings if 1 < len(each.centers) < n_users]
    if not scored:
        return Silhouettes()
    labellings = [each.labels for each in scored]
    if is_exact:
        _check_size(distinct)
    samples = silhouettes_of_sample(distinct, labellings, seed=seed)
    scores = tuple(score_silhouettes(sample) for sample in samples)
    if is_exact:
        scores = exact_silhouette(distinct, labellings, on_block=on_block)
    numbers = [len(each.centers) for each in scored]
    return Silhouettes(
        scores=dict(zip(numbers, scores, strict=True)),
        samples=dict(zip(numbers, samples, strict=True)),
    )


def _check_size(distinct: DistinctRows) -> None:
    n_rows, n_columns = distinct.rows.shape
    if n_rows > MAX_EXACT_ROWS:
        minutes = n_rows**2 * n_columns * _NANOSECONDS / 60e9
        raise SelectionError(
            f"--exact-silhouette: found {n_rows:,} distinct rows of {n_columns} columns, which "
            f"would take about {minutes:,.0f} minutes on two threads; expected at most "
            f"{MAX_EXACT_ROWS:,}; leave the option out (the silhouette of a sample of users "
            "against all users is unbiased and has an interval) or name fewer --features"
        )


def make_candidate(
    distinct: DistinctRows, clustering: Clustering, score: SilhouetteScore | None
) -> Candidate:
    """Score a clustering."""
    labels, moments = clustering.labels, cluster_moments(distinct, clustering.labels)
    weights = moments.weights
    scores: dict[str, float] = {}
    if len(clustering.centers) > 1 and score is not None:
        scores = {
            "squared_silhouette": squared_silhouette(distinct, labels, moments=moments),
            "calinski_harabasz": calinski_harabasz(distinct, labels, moments=moments),
            "davies_bouldin": davies_bouldin(distinct, labels, moments=moments),
        }
    return Candidate(
        algorithm=clustering.algorithm,
        n_segments=len(clustering.centers),
        inertia=clustering.inertia,
        silhouette=UNKNOWN if score is None else Estimate(*score.mean),
        squared_silhouette=scores.get("squared_silhouette"),
        calinski_harabasz=scores.get("calinski_harabasz"),
        davies_bouldin=scores.get("davies_bouldin"),
        smallest_share=float(weights.min() / weights.sum()),
    )
