"""What a test found: difference and lift with intervals, per segment, and whether to trust it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from segmentry.advise.experiments._assignment import ARMS, RATIO_ALARM, sample_ratio_p
from segmentry.advise.experiments._effects import (
    HIDDEN,
    Effect,
    Nulls,
    Outcome,
    adjustment,
    compared,
)
from segmentry.errors import DataError
from segmentry.evaluation.later_days import holm
from segmentry.formats import change, percent, rate
from segmentry.privacy import hidden_cells
from segmentry.schema.arrays import IntVector


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmCounts:
    """One arm: all assigned users, those that were not shown an ad included."""

    arm: str
    n_users: int
    n_shown: int
    n_impressions: int
    n_clicks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentEffect:
    """One segment: its effect, and its p corrected for the number of segments (Holm 1979).

    `n_users` is 0 where it has an arm of too few users to be shown.
    """

    segment_id: int
    n_users: int
    effect: Effect
    p_holm: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentResult:
    """A test, analysed."""

    alpha: float
    arms: tuple[ArmCounts, ...]
    """Control, treatment."""
    ratio_p: float
    shown_ratio_p: float
    """`ratio_p`, `shown_ratio_p`: probability of arms so far from the planned ratio: assigned
    users, and users shown an ad."""
    effect: Effect
    """CTR adjusted by the pre-period: the result."""
    plain: Effect
    """Not adjusted, next to it."""
    variance_reduction: float
    """Share of the variance that the pre-period took away."""
    guardrails: tuple[Effect, ...]
    """Impressions and clicks per user, users without exposure counted as 0."""
    segments: tuple[SegmentEffect, ...]
    conclusion: str
    notes: tuple[str, ...]


def analyse_experiment(
    arms: IntVector,
    impressions: IntVector,
    clicks: IntVector,
    *,
    segment_ids: IntVector,
    before: tuple[IntVector, IntVector],
    treatment_share: float,
    alpha: float = 0.05,
    seed: int = 0,
    notes: Sequence[str] = (),
    min_size: int = 1,
) -> ExperimentResult:
    """Compare the arms of a test, users being the unit.

    The arrays have shape (n_users,), of all users that were assigned: `arms` (0 control, 1
    treatment); `impressions` and `clicks` in the test, 0 for users that were not shown an ad;
    `segment_ids`, the strata of the assignment; and `before`, impressions and clicks before the
    test. `treatment_share` is as planned. The `seed` is that of the other assignments that a small
    test is held against. Nothing is shown of an arm of fewer than `min_size` users, in all or in a
    segment. The `notes` are passed on, first.

    Raises DataError if an arm has no impression or too few users.

    Variance of the CTR of an arm: linearised residuals of the users (delta method: Deng, Knoblich
    and Lu 2018, KDD), inside segments, as users were assigned inside segments (Cochran 1977,
    eq. 5.6). Adjusted by the regression on impressions and clicks before the test (CUPED: Deng, Xu,
    Kohavi and Walker 2013, WSDM), one slope for both arms. The interval of the lift is made on the
    log of the ratio.

    A few users have most impressions, so with few users the statistic is not normal. Up to 20,000
    users it is held against 999 other assignments of the same users, drawn inside segments as the
    true one was (randomisation test with a studentised statistic: Wu and Ding 2021, J. Am. Stat.
    Assoc. 116, 1898-1913); intervals use its quantile.

    >>> rng = np.random.default_rng(0)
    >>> arms, n = np.arange(4000) % 2, np.full(4000, 50)
    >>> clicks = rng.binomial(n, 0.05 + 0.01 * arms)
    >>> found = analyse_experiment(arms, n, clicks, segment_ids=np.ones(4000, dtype=int),
    ...                            before=(n, rng.binomial(n, 0.05)), treatment_share=0.5)
    >>> found.effect.p < 0.01, found.effect.difference.low < 0.01 < found.effect.difference.high
    (True, True)
    """
    counts = tuple(_counted(arms, impressions, clicks, arm) for arm in (0, 1))
    for each in counts:
        if each.n_users < min_size:
            raise DataError(
                f"arm {each.arm}: fewer users than --min-size {min_size} of the run; nothing may "
                "be shown; test more users"
            )
        if not each.n_impressions or each.n_users < 2:
            raise DataError(
                f"arm {each.arm}: found {each.n_impressions:,} impressions of {each.n_users:,} "
                "users in the results, expected some in both arms; check the files"
            )
    nulls = Nulls.of(arms, segment_ids, seed=seed)
    users = _Users(arms, impressions, clicks, segment_ids, before)
    plain, first = _effect(users, alpha=alpha, nulls=nulls, is_adjusted=False)
    adjusted, last = _effect(users, alpha=alpha, nulls=nulls, is_adjusted=True)
    guardrails = tuple(
        _mean(name, values, users, alpha=alpha, nulls=nulls)
        for name, values in (("impressions per user", impressions), ("clicks per user", clicks))
    )
    shown, assigned = ([each.n_shown for each in counts], [each.n_users for each in counts])
    ratio_p = sample_ratio_p(assigned, ratio=(1 - treatment_share, treatment_share))
    shown_ratio_p = sample_ratio_p(shown, ratio=assigned)
    return ExperimentResult(
        alpha=alpha,
        arms=counts,
        ratio_p=ratio_p,
        shown_ratio_p=shown_ratio_p,
        effect=adjusted,
        plain=plain,
        variance_reduction=max(0.0, 1 - last / first) if first > 0 else 0.0,
        guardrails=guardrails,
        segments=_by_segment(users, alpha=alpha, nulls=nulls, min_size=min_size),
        conclusion=_concluded(adjusted, alpha=alpha, is_broken=ratio_p < RATIO_ALARM),
        notes=(*notes, *_warnings(ratio_p, shown_ratio_p, guardrails[0], alpha=alpha)),
    )


def _counted(arms: IntVector, n: IntVector, c: IntVector, arm: int) -> ArmCounts:
    is_in = arms == arm
    return ArmCounts(
        arm=ARMS[arm],
        n_users=int(is_in.sum()),
        n_shown=int((n[is_in] > 0).sum()),
        n_impressions=int(n[is_in].sum()),
        n_clicks=int(c[is_in].sum()),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Users:
    """The users of a test, shape (n_users,) each."""

    arms: IntVector
    n: IntVector
    c: IntVector
    strata: IntVector
    before: tuple[IntVector, IntVector]

    def of(self, is_in: npt.NDArray[np.bool_]) -> "_Users":
        """Return some of them."""
        before = (self.before[0][is_in], self.before[1][is_in])
        return _Users(self.arms[is_in], self.n[is_in], self.c[is_in], self.strata[is_in], before)


def _effect(
    users: _Users, *, alpha: float, nulls: Nulls | None, is_adjusted: bool
) -> tuple[Effect, float]:
    top, bottom = users.c.astype(np.float64), users.n.astype(np.float64)
    known = np.zeros(top.size)
    if is_adjusted:
        known = adjustment(top, bottom, users.before, users.strata)
    outcome = Outcome(top=top, bottom=bottom, known=known)
    name = "CTR, adjusted" if is_adjusted else "CTR"
    return compared(name, outcome, users.arms, users.strata, alpha=alpha, nulls=nulls)


def _mean(
    name: str, values: IntVector, users: _Users, *, alpha: float, nulls: Nulls | None
) -> Effect:
    top = values.astype(np.float64)
    outcome = Outcome(top=top, bottom=np.ones(top.size), known=np.zeros(top.size))
    return compared(name, outcome, users.arms, users.strata, alpha=alpha, nulls=nulls)[0]


def _by_segment(
    users: _Users, *, alpha: float, nulls: Nulls | None, min_size: int
) -> tuple[SegmentEffect, ...]:
    found: list[tuple[int, int, Effect]] = []
    present = np.unique(users.strata).tolist()
    for segment_id, is_hidden in zip(present, _hidden(users, min_size), strict=True):
        if is_hidden:
            found.append((segment_id, 0, HIDDEN))
            continue
        own = users.of(users.strata == segment_id)
        is_shown = all(
            own.n[own.arms == arm].sum() > 0 and (own.arms == arm).sum() > 1 for arm in (0, 1)
        )
        effect = HIDDEN
        if is_shown:
            those = None if nulls is None else nulls.within(segment_id)
            if those is None:
                those = Nulls.of(own.arms, own.strata)
            effect, _ = _effect(own, alpha=alpha, nulls=those, is_adjusted=True)
        found.append((segment_id, own.arms.size, effect))
    corrected = holm([effect.p for _, _, effect in found])
    return tuple(
        SegmentEffect(segment_id=segment_id, n_users=n_users, effect=effect, p_holm=p)
        for (segment_id, n_users, effect), p in zip(found, corrected, strict=True)
    )


def _hidden(users: _Users, min_size: int) -> list[bool]:
    """Tell which segments have an arm of too few users, or would give such an arm away."""
    _, place = np.unique(users.strata, return_inverse=True)
    is_hidden = [hidden_cells(np.bincount(place[users.arms == arm],
                                          minlength=int(place.max()) + 1), min_size=min_size)
                 for arm in (0, 1)]  # fmt: skip
    found: list[bool] = np.any(is_hidden, axis=0).tolist()
    return found


def _concluded(effect: Effect, *, alpha: float, is_broken: bool) -> str:
    if is_broken:
        return (
            "Not to be used: the arms are not as large as planned, so they differ in more than the "
            "action; find out where users were lost."
        )
    if effect.p is None:
        return "Nothing can be said: no user differs from another."
    text = f"{rate(effect.treatment)} against {rate(effect.control)}"
    lift = effect.lift
    if lift.value is not None and lift.low is not None and lift.high is not None:
        text += (
            f", {change(lift.value)} ({percent(1 - alpha, digits=0)} interval "
            f"{change(lift.low)} to {change(lift.high)})"
        )
    p = "p < 0.0001" if effect.p < 0.0001 else f"p = {effect.p:.4f}"
    if effect.p > alpha:
        return f"No difference shown: treatment clicks at {text}; {p}."
    word = "more" if (effect.difference.value or 0) > 0 else "less"
    return f"Treatment clicks {word}: {text}; {p}."


def _warnings(
    ratio_p: float, shown_ratio_p: float, impressions: Effect, *, alpha: float
) -> list[str]:
    notes = []
    if ratio_p < RATIO_ALARM:
        notes.append(
            f"Sample-ratio mismatch: arms as large as these have a probability of {ratio_p:.1g} "
            "under the planned ratio."
        )
    if shown_ratio_p < RATIO_ALARM:
        notes.append(
            "The arms differ in how many of their users were shown an ad at all (probability "
            f"{shown_ratio_p:.1g}): the action changed who is reached, or users were lost."
        )
    if impressions.p is not None and impressions.p <= alpha:
        notes.append(
            "Guardrail: impressions per user differ between the arms, so the CTRs are of different "
            "amounts of exposure; look at clicks per user."
        )
    return notes
