"""Choose the number of segments and say why."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from segmentry.clustering import find_knee
from segmentry.errors import SelectionError
from segmentry.schema import Estimate

__all__ = ["Candidate", "Selection", "select"]

NO_STRUCTURE = 0.25
"""Up to this mean silhouette: "no substantial structure" (Kaufman and Rousseeuw 1990, p. 88)."""

_RULES = {
    "silhouette and elbow": (
        "The largest mean silhouette wins among the candidates whose smallest segment holds at "
        "least {min_share:.0%} of the users; candidates inside the best one's 95 % interval are "
        "ties, and among ties the elbow's knee wins, else the fewest segments. If no silhouette "
        f"is above {NO_STRUCTURE}, the answer is one segment: nothing here."
    ),
    "silhouette": "The largest mean silhouette wins.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One clustering tried by the selection; scores are null for one segment.

    Parameters
    ----------
    algorithm : str
    n_segments : int
    inertia : float
        Weighted sum of squared Euclidean distances to the centres.
    silhouette : Estimate
        Mean Euclidean silhouette, sampled users against all users, with its 95 % interval.
    squared_silhouette : float or None
        Mean squared-Euclidean silhouette, exact.
    calinski_harabasz, davies_bouldin : float or None
    smallest_share : float
        Share of the users in the smallest segment.
    seconds : float
    """

    algorithm: str
    n_segments: int
    inertia: float
    silhouette: Estimate
    squared_silhouette: float | None
    calinski_harabasz: float | None
    davies_bouldin: float | None
    smallest_share: float
    seconds: float
    is_selected: bool = False
    is_knee: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Selection:
    """The chosen candidate with its reasons.

    Parameters
    ----------
    rule : str
        The rule in one or two sentences.
    reason : str
        Why this number, in one sentence.
    n_segments : int
        May be 1.
    is_forced : bool
        Whether the user asked for this number.
    knee : int or None
        Where the elbow bends; null where it does not.
    runner_up : int or None
        Who came second by silhouette.
    candidates : tuple of Candidate
        By number of segments.
    """

    rule: str
    reason: str
    n_segments: int
    is_forced: bool
    knee: int | None
    runner_up: int | None
    candidates: tuple[Candidate, ...]


def select(
    candidates: Sequence[Candidate],
    *,
    choose_by: Literal["silhouette and elbow", "silhouette"],
    min_share: float = 0.01,
    forced: int | None = None,
) -> Selection:
    """Choose among candidates and say why; `Selection.n_segments` may be 1.

    Parameters
    ----------
    candidates : sequence of Candidate
        One of them may be that of one segment.
    choose_by : {"silhouette and elbow", "silhouette"}
    min_share : float
        A smaller segment rules a candidate out ("silhouette and elbow" only).
    forced : int, optional
        Take this number, whatever the scores say.

    Raises
    ------
    SelectionError
        If `forced` is not among the candidates.
    """
    ordered = sorted(candidates, key=lambda candidate: candidate.n_segments)
    scored = [candidate for candidate in ordered if candidate.silhouette.is_known]
    knee = _knee_of(ordered)
    rule = _RULES[choose_by].format(min_share=min_share)
    ranked = sorted(scored, key=lambda each: (-_silhouette(each), each.n_segments))
    if forced is not None:
        if forced not in [candidate.n_segments for candidate in ordered]:
            raise SelectionError(f"K = {forced} was not tried; expected one of the candidates")
        winner, reason = forced, f"K = {forced} was asked for; the scores did not choose it."
    elif choose_by == "silhouette":
        winner, reason = _largest(ranked)
    else:
        winner, reason = _largest_or_knee(ranked, knee=knee, min_share=min_share)
    chosen = next((each for each in ordered if each.n_segments == winner), None)
    others = [candidate.n_segments for candidate in ranked if candidate.n_segments != winner]
    return Selection(
        rule=rule,
        reason=reason,
        n_segments=winner,
        is_forced=forced is not None,
        knee=knee,
        runner_up=others[0] if others else None,
        candidates=tuple(
            _told(each, winner=chosen, reason=reason, knee=knee, min_share=min_share)
            for each in ordered
        ),
    )


def _silhouette(candidate: Candidate) -> float:
    value = candidate.silhouette.value
    return -1.0 if value is None else value


def _knee_of(ordered: Sequence[Candidate]) -> int | None:
    if len(ordered) < 3:
        return None
    return find_knee([each.n_segments for each in ordered], [each.inertia for each in ordered])


def _largest(ranked: Sequence[Candidate]) -> tuple[int, str]:
    if not ranked:
        return 1, "No candidate has a silhouette."
    best = ranked[0]
    return best.n_segments, (
        f"K = {best.n_segments} has the largest mean silhouette, {_silhouette(best):.3f}."
    )


def _largest_or_knee(
    ranked: Sequence[Candidate], *, knee: int | None, min_share: float
) -> tuple[int, str]:
    allowed = [candidate for candidate in ranked if candidate.smallest_share >= min_share]
    if not ranked:
        return _largest(ranked)
    if not allowed:
        return 1, f"Every candidate has a segment of less than {min_share:.0%} of the users."
    best = allowed[0]
    if _silhouette(best) <= NO_STRUCTURE:
        return 1, (
            f"No candidate's silhouette is above {NO_STRUCTURE}; the largest is "
            f"{_silhouette(best):.3f} at K = {best.n_segments}."
        )
    low = best.silhouette.low if best.silhouette.low is not None else _silhouette(best)
    ties = sorted(each.n_segments for each in allowed if _silhouette(each) >= low)
    if len(ties) == 1:
        _, reason = _largest(allowed)
        return best.n_segments, reason
    listed = ", ".join(str(n_segments) for n_segments in ties)
    if knee in ties:
        return knee, f"K = {listed} are ties by silhouette, and the elbow bends at K = {knee}."
    return ties[0], (
        f"K = {listed} are ties by silhouette, the elbow bends at none of them, and "
        f"K = {ties[0]} is the simplest."
    )


def _told(
    candidate: Candidate,
    *,
    winner: Candidate | None,
    reason: str,
    knee: int | None,
    min_share: float,
) -> Candidate:
    """Mark a candidate and say why it was chosen or not."""
    is_selected = candidate is winner
    told = reason if is_selected else _why_not(candidate, winner=winner, min_share=min_share)
    return replace(
        candidate, is_selected=is_selected, is_knee=candidate.n_segments == knee, reason=told
    )


def _why_not(candidate: Candidate, *, winner: Candidate | None, min_share: float) -> str:
    if not candidate.silhouette.is_known:
        return "no silhouette"
    if candidate.smallest_share < min_share:
        return f"smallest segment below {min_share:.0%} of the users"
    if winner is None or not winner.silhouette.is_known:
        return f"silhouette {_silhouette(candidate):.3f}"
    behind = _silhouette(winner) - _silhouette(candidate)
    told = f"silhouette {abs(behind):.3f} {'below' if behind >= 0 else 'above'} the chosen one's"
    low = winner.silhouette.low
    is_tie = low is not None and _silhouette(candidate) >= low
    return f"{told}: a tie" if is_tie else told
