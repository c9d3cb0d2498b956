"""How many segments, or none: two questions, one rule, all evidence side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from segmentry.evaluation.number._groups import STRONG, GapCurve, PredictionStrength
from segmentry.evaluation.number._inner_gain import InnerGain
from segmentry.evaluation.number._null_twins import NullTwins
from segmentry.evaluation.stability import Stability

Division = Literal["natural groups", "graded division", "one segment"]

RULE = (
    "The smallest number of segments whose gain on later days inside the feature window is within "
    "one standard error of the largest; one segment if that gain may be nothing (lower 90 % bound "
    "at most 0) and there are no groups."
)
RULE_WITHOUT_LOG = (
    "Without later days to ask (no log, or too few days): the number of groups by the gap "
    "statistic, if both references, prediction strength and the null twins agree that there "
    "are groups; else one segment."
)
_ALPHA = 0.05
_AGAINST = {
    "uniform": "against users spread evenly over each column",
    "pca": "against users spread evenly over each component",
}


@dataclass(frozen=True, slots=True)
class EvidenceReport:
    """What the number of segments was chosen by, and how often it would be chosen again.

    Parameters
    ----------
    n_users : int
        Sampled users on whom gains, null twins and repetitions were measured.
    n_first_days, n_last_days : int
        Days of the feature window that formed the segments tried, and those that judged them; the
        second is 0 where there were none to ask.
    n_by_evidence : int
        The number that the evidence chooses, whatever was asked for.
    division : str
        "natural groups", "graded division" or "one segment".
    n_groups : int
        Natural groups that all evidence agrees on; 1 where there are none.
    objections : tuple of str
        What speaks against groups.
    has_gain : bool or None
        Whether something is gained on later days; null where there were none to ask.
    ties : tuple of int
        Numbers within one standard error of the largest gain.
    gains : tuple of InnerGain
        Nats per impression over one CTR for all, with 90 % intervals.
    gaps : tuple of GapCurve
        Against uniform and against PCA references.
    columns : NullTwins or None
        T1, columns permuted: shows dependence, not groups, and never decides alone; null where
        the gap sees no groups.
    clicks : NullTwins or None
        T2, clicks redrawn at one CTR.
    stability : Stability or None
        The whole procedure repeated on resampled users.
    caveats : tuple of str
        Whole sentences.
    group_clicks : NullTwins or None
        T2, clicks redrawn at one CTR, and as many groups looked for: groups that luck forms as well
        are none; null where the gap sees no groups or clicks form no segments.
    """

    n_users: int
    n_first_days: int
    n_last_days: int
    n_by_evidence: int
    division: str
    n_groups: int
    objections: tuple[str, ...]
    has_gain: bool | None
    ties: tuple[int, ...]
    gains: tuple[InnerGain, ...]
    gaps: tuple[GapCurve, ...]
    strength: PredictionStrength | None
    columns: NullTwins | None
    clicks: NullTwins | None
    stability: Stability | None
    caveats: tuple[str, ...]
    group_clicks: NullTwins | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberChoice:
    """The chosen number with all evidence, which is described in `EvidenceReport`.

    Parameters
    ----------
    rule, reason : str
        One sentence each.
    """

    n_segments: int
    division: Division
    rule: str
    reason: str
    ties: tuple[int, ...]
    n_groups: int
    objections: tuple[str, ...]
    has_gain: bool | None
    gains: tuple[InnerGain, ...]
    gaps: tuple[GapCurve, ...]
    strength: PredictionStrength | None
    columns: NullTwins | None
    group_clicks: NullTwins | None
    clicks: NullTwins | None

    def at_least(self, least: int) -> int:
        """Return the chosen number, or the best that is no smaller than was asked for."""
        if self.n_segments >= least:
            return self.n_segments
        return min((k for k in self.ties if k >= least), default=least)


def choose_number(
    gains: Sequence[InnerGain],
    gaps: Sequence[GapCurve],
    *,
    strength: PredictionStrength | None = None,
    columns: NullTwins | None = None,
    group_clicks: NullTwins | None = None,
    clicks: NullTwins | None = None,
    allowed: Sequence[int] | None = None,
) -> NumberChoice:
    """Choose the number of segments and say whether they are groups.

    Examples
    --------
    >>> from segmentry.schema import Estimate
    >>> none = GapCurve("pca", (1, 2), (0.5, 0.1), (0.1, 0.1), 1, 1, False, 1000)
    >>> gain = InnerGain(3, Estimate(value=0.02, low=0.01, high=0.03), 0.006)
    >>> choice = choose_number([gain], [none])
    >>> choice.n_segments, choice.division
    (3, 'graded division')
    >>> choose_number([], [none]).reason
    'One segment: no natural groups (the gap statistic finds none against users \
spread evenly over each component).'
    """
    n_groups, objections = _groups(gaps, strength, columns, group_clicks)
    known = sorted((g for g in gains if g.gain.value is not None), key=lambda g: g.n_segments)
    tried = [each for each in known if each.n_segments > 1]
    ties, best = _ties(tried)
    has_gain = _has_gain(best, clicks) if known else None
    n_segments = 1
    if has_gain and ties:
        n_segments = ties[0]
    elif n_groups > 1:
        n_segments = _nearest(n_groups, allowed)
    return NumberChoice(
        n_segments=n_segments,
        division=_division(n_segments, n_groups),
        rule=RULE if known else RULE_WITHOUT_LOG,
        reason=_reason(n_segments, n_groups, objections, ties, best, has_gain=has_gain),
        ties=ties,
        n_groups=n_groups,
        objections=objections,
        has_gain=has_gain,
        gains=tuple(gains),
        gaps=tuple(gaps),
        strength=strength,
        columns=columns,
        group_clicks=group_clicks,
        clicks=clicks,
    )


def number_of(curves: Sequence[GapCurve], strength: PredictionStrength | None) -> int:
    """Return the number of groups that gap curves speak for; 1 if one of them speaks for none.

    A curve that still rises at its end has no largest gap yet: there the first number that the
    next does not beat is taken, the rule of 2001. If it rises all the way, it says that there are
    groups but not how many, as levels of a discrete feature may count as groups: then it is the
    largest number whose prediction strength is 0.8.
    """
    k = min(curve.n_groups_first if curve.is_at_end else curve.n_groups for curve in curves)
    if strength is None or k < curves[0].numbers[-1] or not all(c.is_at_end for c in curves):
        return k
    pairs = zip(strength.numbers, strength.strengths, strict=True)
    return min(k, max(number for number, value in pairs if value >= STRONG))


def _groups(
    gaps: Sequence[GapCurve],
    strength: PredictionStrength | None,
    columns: NullTwins | None,
    group_clicks: NullTwins | None,
) -> tuple[int, tuple[str, ...]]:
    """Number of natural groups, 1 if anything speaks against them, and what does."""
    if not gaps:
        return 1, ("the gap was not measured",)
    objections = [
        f"the gap statistic finds none {_AGAINST[c.reference]}"
        for c in gaps
        if number_of([c], strength) == 1
    ]
    k = number_of(gaps, strength)
    if strength is not None and k > 1:
        at = dict(
            zip(
                strength.numbers, zip(strength.strengths, strength.errors, strict=True), strict=True
            )
        )
        value, error = at.get(k, (0.0, 0.0))
        if value + error < STRONG:
            objections.append(f"prediction strength of {k} groups is {value:.2f}, below {STRONG}")
    for twins, do_as_well in (
        (columns, "columns permuted independently do as well"),
        (group_clicks, "clicks drawn at one rate for all form such groups as well"),
    ):
        if twins is not None and k > 1 and (twins.p_value is None or twins.p_value > _ALPHA):
            told = "not defined" if twins.p_value is None else f"{twins.p_value:.2f}"
            objections.append(f"{do_as_well} (p {told})")
    return (1 if objections else k), tuple(objections)


def _nearest(n_groups: int, allowed: Sequence[int] | None) -> int:
    if allowed is None:
        return n_groups
    above_one = sorted({k for k in allowed if k > 1})
    return min(above_one, key=lambda k: abs(k - n_groups), default=1)


def _ties(tried: Sequence[InnerGain]) -> tuple[tuple[int, ...], InnerGain | None]:
    if not tried:
        return (), None
    best = max(tried, key=lambda each: (each.gain.value or 0.0, -each.n_segments))
    least = (best.gain.value or 0.0) - (best.error or 0.0)
    return tuple(e.n_segments for e in tried if (e.gain.value or 0.0) >= least), best


def _has_gain(best: InnerGain | None, clicks: NullTwins | None) -> bool:
    if best is None or best.gain.low is None or best.gain.low <= 0:
        return False
    return clicks is None or clicks.p_value is None or clicks.p_value <= _ALPHA


def _division(n_segments: int, n_groups: int) -> Division:
    if n_segments == 1:
        return "one segment"
    return "natural groups" if n_groups == n_segments else "graded division"


def _reason(
    n_segments: int,
    n_groups: int,
    objections: Sequence[str],
    ties: Sequence[int],
    best: InnerGain | None,
    *,
    has_gain: bool | None,
) -> str:
    against = f"no natural groups ({'; '.join(objections)})"
    if n_segments == 1:
        if has_gain is None:
            return f"One segment: {against}."
        return f"One segment: nothing is gained on later days, and {against}."
    groups = f"{n_groups} natural groups" if n_groups > 1 else against
    if not has_gain or best is None:
        lost = "" if has_gain is None else "; on later days they tell nothing of clicks"
        return f"{groups}{lost}."
    listed = ", ".join(str(k) for k in ties)
    tied = (
        f"K = {listed} are ties, and {ties[0]} is the simplest"
        if len(ties) > 1
        else f"K = {ties[0]} alone is within one standard error of the largest"
    )
    told = (
        f"{tied} (largest gain {best.gain.value:.5f} nats per impression at K = {best.n_segments})"
    )
    if n_groups == n_segments:
        return f"{told}; these are {groups}."
    but = f": {groups}" if n_groups > 1 else f" ({'; '.join(objections)})"
    return f"{told}; a graded division, not natural groups{but}."
