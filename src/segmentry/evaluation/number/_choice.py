"""How many segments, or none: two questions, one rule, all evidence side by side."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from segmentry.evaluation.number._groups import STRONG, GapCurve, PredictionStrength
from segmentry.evaluation.number._inner_gain import InnerGain, UserGains
from segmentry.evaluation.number._null_twins import NullTwins
from segmentry.evaluation.stability import Stability
from segmentry.schema.arrays import FloatVector

Division = Literal["natural groups", "graded division", "one segment"]

GAIN_SHARE = 0.9
"""Share of the largest gain that is enough, unless another is asked for."""

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
class NumberRange:
    """Which numbers of segments the same rule chooses for other users of the same kind.

    Parameters
    ----------
    range_low, range_high : int
        Nine of ten draws of users give a number in this range; the chosen one is always in it.
    chosen_share : float
        Share of the draws that give the number chosen from the data.
    numbers : tuple of (int, int)
        Each number with its draws.
    """

    range_low: int
    range_high: int
    chosen_share: float
    numbers: tuple[tuple[int, int], ...]
    n_draws: int


@dataclass(frozen=True, slots=True)
class EvidenceReport:
    """What the number of segments was chosen by, and how often it would be chosen again.

    Parameters
    ----------
    n_users : int
        Sampled users on whom gains and repetitions were measured.
    n_days, n_blocks : int
        Days of the feature window, and the blocks in which they were held out in turn; below two
        blocks nothing could be.
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
    gain_share : float
        Share of the largest gain that is enough.
    sufficient : tuple of int
        Numbers that gain as much.
    gains : tuple of InnerGain
        Nats per impression over one CTR for all, with 90 % intervals.
    number : NumberRange or None
        Which numbers other users would give; null without gains.
    gaps : tuple of GapCurve
        Against uniform and against PCA references.
    columns : NullTwins or None
        T1, columns permuted: shows dependence, not groups, and never decides alone; null where
        the gap sees no groups.
    stability : Stability or None
        As many segments formed again from resampled users; null where there is one segment.
    caveats : tuple of str
        Whole sentences.
    group_clicks : NullTwins or None
        T2, clicks redrawn at one CTR, and as many groups looked for: groups that luck forms as well
        are none; null where the gap sees no groups or clicks form no segments.
    """

    n_users: int
    n_days: int
    n_blocks: int
    n_by_evidence: int
    division: str
    n_groups: int
    objections: tuple[str, ...]
    has_gain: bool | None
    gain_share: float
    sufficient: tuple[int, ...]
    gains: tuple[InnerGain, ...]
    number: NumberRange | None
    gaps: tuple[GapCurve, ...]
    strength: PredictionStrength | None
    columns: NullTwins | None
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
    gain_share: float
    sufficient: tuple[int, ...]
    n_groups: int
    objections: tuple[str, ...]
    has_gain: bool | None
    gains: tuple[InnerGain, ...]
    gaps: tuple[GapCurve, ...]
    strength: PredictionStrength | None
    columns: NullTwins | None
    group_clicks: NullTwins | None

    def at_least(self, least: int) -> int:
        """Return the chosen number, or the best that is no smaller than was asked for."""
        if self.n_segments >= least:
            return self.n_segments
        return min((k for k in self.sufficient if k >= least), default=least)


def choose_number(
    gains: Sequence[InnerGain],
    gaps: Sequence[GapCurve],
    *,
    strength: PredictionStrength | None = None,
    columns: NullTwins | None = None,
    group_clicks: NullTwins | None = None,
    allowed: Sequence[int] | None = None,
    gain_share: float = GAIN_SHARE,
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
    sufficient, best = _sufficient(gains, gain_share)
    has_gain = None if best is None else _is_gain(best)
    n_segments = 1
    if has_gain:
        n_segments = sufficient[0]
    elif n_groups > 1:
        n_segments = _nearest(n_groups, allowed)
    return NumberChoice(
        n_segments=n_segments,
        division=_division(n_segments, n_groups),
        rule=RULE_WITHOUT_LOG if best is None else rule_of(gain_share),
        reason=_reason(n_segments, n_groups, objections, sufficient, best, gain_share=gain_share),
        gain_share=gain_share,
        sufficient=sufficient,
        n_groups=n_groups,
        objections=objections,
        has_gain=has_gain,
        gains=tuple(gains),
        gaps=tuple(gaps),
        strength=strength,
        columns=columns,
        group_clicks=group_clicks,
    )


def rule_of(gain_share: float) -> str:
    """Return the rule for logs as a sentence.

    Examples
    --------
    >>> rule_of(0.9)[:70]
    'The smallest number of segments with at least 90 % of the largest gain'
    """
    return (
        f"The smallest number of segments with at least {gain_share:.0%} of the largest gain on "
        "days of the feature window that are held out in turn; one segment if that gain may be "
        "nothing (lower 90 % bound at most 0) and there are no groups."
    ).replace("%", " %", 1)


def number_range(
    gains: UserGains, choice: NumberChoice, *, n_draws: int = 200, seed: int = 0
) -> NumberRange:
    """Resample users and apply the rule to what they gain.

    The segments that were tried stay as they are: only the users that judge them are drawn again.
    Where a draw gains nothing, its number is that of the groups.
    """
    rng = np.random.default_rng([seed, n_draws])
    n_users = gains.n_trials.size
    others = _nearest(choice.n_groups, gains.numbers) if choice.n_groups > 1 else 1

    def drawn() -> int:
        weights: FloatVector = np.bincount(
            rng.integers(n_users, size=n_users), minlength=n_users
        ).astype(np.float64)
        sufficient, best = _sufficient(gains.summed(weights), choice.gain_share)
        return sufficient[0] if best is not None and _is_gain(best) else others

    found = sorted(drawn() for _ in range(n_draws))
    aside = n_draws // 20
    counts = Counter(found)
    return NumberRange(
        range_low=min(found[aside], choice.n_segments),
        range_high=max(found[-1 - aside], choice.n_segments),
        chosen_share=counts[choice.n_segments] / n_draws,
        numbers=tuple(sorted(counts.items())),
        n_draws=n_draws,
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


def _sufficient(
    gains: Sequence[InnerGain], gain_share: float
) -> tuple[tuple[int, ...], InnerGain | None]:
    """Return the numbers with enough of the largest gain, rising, and the one that has it."""
    known = [(each.gain.value, each) for each in gains if each.gain.value is not None]
    if not known:
        return (), None
    largest, best = max(known, key=lambda each: (each[0], -each[1].n_segments))
    enough = sorted(each.n_segments for gain, each in known if gain >= gain_share * largest)
    return tuple(enough), best


def _is_gain(best: InnerGain) -> bool:
    return best.gain.low is not None and best.gain.low > 0


def _division(n_segments: int, n_groups: int) -> Division:
    if n_segments == 1:
        return "one segment"
    return "natural groups" if n_groups == n_segments else "graded division"


def _reason(
    n_segments: int,
    n_groups: int,
    objections: Sequence[str],
    sufficient: Sequence[int],
    best: InnerGain | None,
    *,
    gain_share: float,
) -> str:
    against = f"no natural groups ({'; '.join(objections)})"
    groups = f"{n_groups} natural groups" if n_groups > 1 else against
    if best is None or best.gain.value is None:
        return f"One segment: {against}." if n_segments == 1 else f"{groups}."
    if n_segments == 1:
        return f"One segment: nothing is gained on held-out days, and {against}."
    if not _is_gain(best):
        return f"{groups}; on held-out days they predict no clicks."
    found = (
        f"K = {sufficient[0]} is the smallest with {gain_share:.0%} of the largest gain "
        f"({best.gain.value:.5f} nats per impression at K = {best.n_segments})"
    ).replace("%", " %", 1)
    if n_groups == n_segments:
        return f"{found}; these are {groups}."
    but = f": {groups}" if n_groups > 1 else f" ({'; '.join(objections)})"
    return f"{found}; a graded division, not natural groups{but}."
