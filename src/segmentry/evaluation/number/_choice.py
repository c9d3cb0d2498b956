"""How many segments, or none: two questions, one rule, all evidence side by side."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from segmentry.evaluation.number._groups import GapCurve, PredictionStrength
from segmentry.evaluation.number._inner_gain import InnerGain, UserGains
from segmentry.evaluation.number._valleys import Separation
from segmentry.evaluation.stability import Stability
from segmentry.schema.arrays import FloatVector

Division = Literal["natural groups", "graded division", "one segment"]

GAIN_SHARE = 0.9
"""Share of the largest gain that is enough, unless another is requested."""

RULE_WITHOUT_LOG = (
    "Without days to hold out (no log, or a single day): the largest number of clusters with a "
    "valley between every two of them in most of five random halves of the users; one segment "
    "where there is none."
)


@dataclass(frozen=True, slots=True)
class NumberRange:
    """Which numbers of segments the same rule chooses for other users of the same kind."""

    range_low: int
    range_high: int
    """`range_low`, `range_high`: nine of ten draws of users give a number in this range; the chosen
    one is always in it."""
    chosen_share: float
    """Share of the draws that give the number chosen from the data."""
    numbers: tuple[tuple[int, int], ...]
    """Each number with its draws."""
    n_draws: int


@dataclass(frozen=True, slots=True)
class EvidenceReport:
    """What the number of segments was chosen by, and how often it would be chosen again."""

    n_users: int
    """Sampled users on which gains and repetitions were measured."""
    n_days: int
    n_blocks: int
    """`n_days`, `n_blocks`: days of the feature window, and the blocks in which they were held out
    in turn; below two blocks nothing could be."""
    n_by_evidence: int
    """The number that the evidence chooses, whatever was requested."""
    division: str
    """"natural groups", "graded division" or "one segment"."""
    n_groups: int
    """Natural groups; 1 where there are none."""
    separation: Separation
    """By which they are claimed."""
    has_gain: bool | None
    """Whether something is gained on later days; null where there were none to ask."""
    gain_share: float
    """Share of the largest gain that is enough."""
    sufficient: tuple[int, ...]
    """Numbers that gain as much."""
    gains: tuple[InnerGain, ...]
    """Nats per trial (impression, or user day) over one rate for all, with 90 % intervals."""
    number: NumberRange | None
    """Which numbers other users would give; null without gains."""
    gaps: tuple[GapCurve, ...]
    """Against uniform and against PCA references; they and the strength had no part in the
    choice."""
    strength: PredictionStrength
    stability: Stability | None
    """As many segments formed again from resampled users; null where there is one segment."""
    caveats: tuple[str, ...]
    """Whole sentences."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberChoice:
    """The chosen number and what it was chosen by, which is described in `EvidenceReport`."""

    n_segments: int
    division: Division
    rule: str
    reason: str
    """`rule`, `reason`: one sentence each."""
    gain_share: float
    sufficient: tuple[int, ...]
    has_gain: bool | None
    gains: tuple[InnerGain, ...]
    separation: Separation | None

    @property
    def n_groups(self) -> int:
        """Natural groups; 1 where there are none."""
        return 1 if self.separation is None else self.separation.n_groups

    def at_least(self, least: int) -> int:
        """Return the chosen number, or the best that is no smaller than was requested."""
        if self.n_segments >= least:
            return self.n_segments
        return min((k for k in self.sufficient if k >= least), default=least)


def choose_number(
    gains: Sequence[InnerGain],
    separation: Separation | None = None,
    *,
    allowed: Sequence[int] | None = None,
    gain_share: float = GAIN_SHARE,
) -> NumberChoice:
    """Choose the number of segments and say whether they are groups.

    >>> from segmentry.schema import Estimate
    >>> none = Separation((1, 2), (1.0, 0.2), 1, 1000, 5, 0)
    >>> gain = InnerGain(3, Estimate(value=0.02, low=0.01, high=0.03), 0.006)
    >>> choice = choose_number([gain], none)
    >>> choice.n_segments, choice.division
    (3, 'graded division')
    >>> choose_number([], none).reason
    'One segment: no natural groups (no number of clusters has a valley between every two).'
    """
    n_groups = 1 if separation is None else separation.n_groups
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
        reason=_reason(n_segments, separation, sufficient, best, gain_share=gain_share),
        gain_share=gain_share,
        sufficient=sufficient,
        has_gain=has_gain,
        gains=tuple(gains),
        separation=separation,
    )


def rule_of(gain_share: float) -> str:
    """Return the rule for logs as a sentence.

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
    A draw of half of the users is as far from the data as another sample of all their number is,
    for both samples err. Where a draw gains nothing, its number is that of the groups.
    """
    rng = np.random.default_rng([seed, n_draws])
    n_users = gains.n_trials.size
    others = _nearest(choice.n_groups, gains.numbers) if choice.n_groups > 1 else 1

    def drawn() -> int:
        weights: FloatVector = np.bincount(
            rng.integers(n_users, size=max(1, n_users // 2)), minlength=n_users
        ).astype(np.float64)
        sums = gains.summed(weights, with_errors=False)
        sufficient, best = _sufficient(sums, choice.gain_share)
        if best is None or not _is_gain(gains.of(best.n_segments).summed(weights)[0]):
            return others
        return sufficient[0]

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


def as_before(
    choice: NumberChoice, number: NumberRange, before: int
) -> tuple[NumberChoice, NumberRange]:
    """Keep the number of an earlier window where other users like these could give it too.

    Two windows are two samples, and the range is what two samples differ by.

    >>> from segmentry.schema import Estimate
    >>> gains = [InnerGain(k, Estimate(value=g, low=g, high=g), 0.0) for k, g in ((3, 2), (4, 2.1))]
    >>> number = NumberRange(3, 4, 0.8, ((3, 160), (4, 40)), 200)
    >>> choice, number = as_before(choose_number(gains), number, 4)
    >>> choice.n_segments, number.chosen_share
    (4, 0.2)
    >>> choice.reason[:65]
    '4 segments as before: as many users like these would give 3 to 4.'
    """
    if before in (1, choice.n_segments) or not (
        choice.has_gain and number.range_low <= before <= number.range_high
    ):
        return choice, number
    why = (
        f"{before} segments as before: as many users like these would give {number.range_low} to "
        f"{number.range_high}. Without the earlier window"
    )
    return (
        replace(
            choice,
            n_segments=before,
            division=_division(before, choice.n_groups),
            reason=f"{why}: {choice.reason}",
        ),
        replace(number, chosen_share=dict(number.numbers).get(before, 0) / number.n_draws),
    )


def _nearest(n_groups: int, allowed: Sequence[int] | None) -> int:
    if allowed is None:
        return n_groups
    above_one = sorted({k for k in allowed if k > 1})
    return min(above_one, key=lambda k: abs(k - n_groups), default=1)


def _sufficient(
    gains: Sequence[InnerGain], gain_share: float
) -> tuple[tuple[int, ...], InnerGain | None]:
    """Return the numbers with enough of the largest gain, rising, and the one that has it.

    The curve of the gain is smoothed first: a further segment adds no more than the one before it.
    Of 94 logs the halves then agreed on the number in 49 % instead of 44 %.
    """
    tried = [e for e in gains if e.gain.value is not None and e.n_segments > 1]
    known = sorted(tried, key=lambda each: each.n_segments)
    if not known:
        return (), None
    smooth = _concave([e.n_segments for e in known], [e.gain.value or 0.0 for e in known])
    enough = smooth >= gain_share * smooth.max()
    best = max(known, key=lambda each: (each.gain.value or 0.0, -each.n_segments))
    return tuple(e.n_segments for e, has in zip(known, enough, strict=True) if has), best


def _concave(numbers: Sequence[int], gains: Sequence[float]) -> FloatVector:
    """Smooth gains, 0 for one segment, so that what each segment adds does not rise."""
    from scipy.optimize import isotonic_regression

    steps = np.diff([1, *numbers]).astype(np.float64)
    added = np.diff([0.0, *gains]) / steps
    smooth: FloatVector = np.cumsum(
        isotonic_regression(added, weights=steps, increasing=False).x * steps
    )
    return smooth


def _is_gain(best: InnerGain) -> bool:
    return best.gain.low is not None and best.gain.low > 0


def _division(n_segments: int, n_groups: int) -> Division:
    if n_segments == 1:
        return "one segment"
    return "natural groups" if n_groups == n_segments else "graded division"


def _reason(
    n_segments: int,
    separation: Separation | None,
    sufficient: Sequence[int],
    best: InnerGain | None,
    *,
    gain_share: float,
) -> str:
    n_groups = 1 if separation is None else separation.n_groups
    against = "not looked for" if separation is None else separation.against
    groups = f"{n_groups} natural groups" if n_groups > 1 else f"no natural groups ({against})"
    if best is None or best.gain.value is None:
        return f"One segment: {groups}." if n_segments == 1 else f"{groups}."
    if n_segments == 1:
        return f"One segment: more predict held-out days no better, and there are {groups}."
    if not _is_gain(best):
        return f"{groups}; segments predict held-out days no better than one rate for all."
    found = (
        f"{sufficient[0]} segments predict held-out days nearly as well as {best.n_segments}, the "
        f"best number ({100 * gain_share:.0f} % of its gain or more)"
        if sufficient[0] != best.n_segments
        else f"{best.n_segments} segments predict held-out days best"
    )
    if n_groups == n_segments:
        return f"{found}; these are {groups}."
    if n_groups > 1:
        return f"{found}; there are {groups}, and this division is graded."
    if separation is None:
        return f"{found}; natural groups were not looked for."
    return f"{found}. Users differ by degrees, not in natural groups."
