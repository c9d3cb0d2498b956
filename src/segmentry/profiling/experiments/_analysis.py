"""What a test found: difference and lift with intervals, per segment, and whether to trust it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from segmentry.errors import DataError
from segmentry.profiling.experiments._assignment import ARMS, RATIO_ALARM, sample_ratio_p
from segmentry.profiling.experiments._power import centred
from segmentry.schema import Estimate

__all__ = ["ArmCounts", "Effect", "ExperimentResult", "SegmentEffect", "analyse_experiment"]

FloatArray = npt.NDArray[np.float64]
IntVector = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmCounts:
    """One arm: all assigned users, those that were not shown an ad included."""

    arm: str
    n_users: int
    n_shown: int
    n_impressions: int
    n_clicks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """Treatment against control; intervals are of 1 - alpha, two-sided.

    Parameters
    ----------
    metric : str
    control, treatment : float or None
    difference : Estimate
        Treatment minus control.
    lift : Estimate
        Treatment / control - 1; null where an arm is at 0.
    p : float or None
    """

    metric: str
    control: float | None
    treatment: float | None
    difference: Estimate
    lift: Estimate
    p: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentEffect:
    """One segment: its effect, and its p corrected for the number of segments (Holm 1979)."""

    segment_id: int
    n_users: int
    effect: Effect
    p_holm: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentResult:
    """A test, analysed.

    Parameters
    ----------
    alpha : float
    arms : tuple of ArmCounts
        Control, treatment.
    ratio_p, shown_ratio_p : float
        Probability of arms so far from the planned ratio: assigned users, and users shown an ad.
    effect : Effect
        CTR adjusted by the pre-period: the result.
    plain : Effect
        Not adjusted, beside it.
    variance_reduction : float
        Share of the variance that the pre-period took away.
    guardrails : tuple of Effect
        Impressions and clicks per user, users without exposure counted as 0.
    segments : tuple of SegmentEffect
    conclusion : str
        One sentence.
    notes : tuple of str
        Whole sentences.
    """

    alpha: float
    arms: tuple[ArmCounts, ...]
    ratio_p: float
    shown_ratio_p: float
    effect: Effect
    plain: Effect
    variance_reduction: float
    guardrails: tuple[Effect, ...]
    segments: tuple[SegmentEffect, ...]
    conclusion: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Arm:
    """Mean, variance of the mean, and centred influence of each user of one arm."""

    value: float
    influence: FloatArray
    strata: IntVector


def analyse_experiment(
    arms: IntVector,
    impressions: IntVector,
    clicks: IntVector,
    *,
    segment_ids: IntVector,
    before: tuple[IntVector, IntVector],
    treatment_share: float,
    alpha: float = 0.05,
    notes: Sequence[str] = (),
) -> ExperimentResult:
    """Compare the arms of a test, users being the unit.

    Parameters
    ----------
    arms : ndarray of int, shape (n_users,)
        0 control, 1 treatment: all users that were assigned.
    impressions, clicks : ndarray of int, shape (n_users,)
        In the test; 0 for users that were not shown an ad.
    segment_ids : ndarray of int, shape (n_users,)
        Strata of the assignment.
    before : tuple of ndarray of int, shape (n_users,)
        Impressions and clicks before the test.
    treatment_share : float
        As planned.
    alpha : float
    notes : sequence of str
        Passed on, first.

    Raises
    ------
    DataError
        If an arm has no impression.

    Notes
    -----
    Variance of the CTR of an arm: linearised residuals of the users (delta method: Deng, Knoblich
    and Lu 2018, KDD), inside segments, as users were assigned inside segments (Cochran 1977,
    eq. 5.6). Adjusted by the regression on impressions and clicks before the test (CUPED: Deng, Xu,
    Kohavi and Walker 2013, WSDM), one slope for both arms. The interval of the lift is made on the
    log of the ratio.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> arms, n = np.arange(4000) % 2, np.full(4000, 50)
    >>> clicks = rng.binomial(n, 0.05 + 0.01 * arms)
    >>> found = analyse_experiment(arms, n, clicks, segment_ids=np.ones(4000, dtype=int),
    ...                            before=(n, rng.binomial(n, 0.05)), treatment_share=0.5)
    >>> found.effect.p < 0.001, found.effect.difference.low < 0.01 < found.effect.difference.high
    (True, True)
    """
    counts = tuple(_counted(arms, impressions, clicks, arm) for arm in (0, 1))
    for each in counts:
        if not each.n_impressions or each.n_users < 2:
            raise DataError(
                f"arm {each.arm}: found {each.n_impressions:,} impressions of {each.n_users:,} "
                "users in the results, expected some in both arms; check the files"
            )
    plain = _compared("CTR", _ratios(arms, clicks, impressions, segment_ids), alpha=alpha)
    adjusted, reduction = _adjusted(arms, clicks, impressions, segment_ids, before, alpha=alpha)
    guardrails = tuple(
        _compared(name, _means(arms, values, segment_ids), alpha=alpha)
        for name, values in (("impressions per user", impressions), ("clicks per user", clicks))
    )
    shown = (counts[0].n_shown, counts[1].n_shown)
    ratio_p = sample_ratio_p(counts[0].n_users, counts[1].n_users, treatment_share=treatment_share)
    assigned_share = counts[1].n_users / (counts[0].n_users + counts[1].n_users)
    shown_ratio_p = sample_ratio_p(*shown, treatment_share=assigned_share)
    return ExperimentResult(
        alpha=alpha,
        arms=counts,
        ratio_p=ratio_p,
        shown_ratio_p=shown_ratio_p,
        effect=adjusted,
        plain=plain,
        variance_reduction=reduction,
        guardrails=guardrails,
        segments=_by_segment(arms, clicks, impressions, segment_ids, before, alpha=alpha),
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


def _ratios(arms: IntVector, c: IntVector, n: IntVector, strata: IntVector) -> tuple[_Arm, _Arm]:
    def of(arm: int) -> _Arm:
        is_in = arms == arm
        shown = n[is_in].astype(np.float64)
        value = float(c[is_in].sum() / shown.sum())
        return _Arm(value, (c[is_in] - value * shown) / shown.mean(), strata[is_in])

    return of(0), of(1)


def _means(arms: IntVector, values: IntVector, strata: IntVector) -> tuple[_Arm, _Arm]:
    def of(arm: int) -> _Arm:
        own = values[arms == arm].astype(np.float64)
        return _Arm(float(own.mean()), own - own.mean(), strata[arms == arm])

    return of(0), of(1)


def _variance(arm: _Arm) -> float:
    """Variance of a mean of users that were drawn inside strata."""
    size = int(arm.strata.max()) + 1
    sizes = np.bincount(arm.strata, minlength=size)
    off = centred(arm.influence, arm.strata)
    squares = np.bincount(arm.strata, weights=off**2, minlength=size)
    inflation = np.divide(sizes, sizes - 1.0, out=np.ones(size), where=sizes > 1)
    return float(np.sum(inflation * squares)) / arm.influence.size**2


def _compared(metric: str, arms: tuple[_Arm, _Arm], *, alpha: float) -> Effect:
    from scipy.special import ndtr, ndtri

    control, treatment = arms
    spread = [_variance(arm) for arm in arms]
    half = float(ndtri(1 - alpha / 2))
    difference = treatment.value - control.value
    error = sum(spread) ** 0.5
    lift = Estimate(value=None, low=None, high=None)
    if control.value > 0 and treatment.value > 0:
        log = np.log(treatment.value / control.value)
        off = half * (spread[0] / control.value**2 + spread[1] / treatment.value**2) ** 0.5
        value, low, high = (float(np.expm1(each)) for each in (log, log - off, log + off))
        lift = Estimate(value=value, low=low, high=high)
    return Effect(
        metric=metric,
        control=control.value,
        treatment=treatment.value,
        difference=Estimate(
            value=difference, low=difference - half * error, high=difference + half * error
        ),
        lift=lift,
        p=float(2 * ndtr(-abs(difference) / error)) if error > 0 else None,
    )


def _adjusted(
    arms: IntVector,
    c: IntVector,
    n: IntVector,
    strata: IntVector,
    before: tuple[IntVector, IntVector],
    *,
    alpha: float,
) -> tuple[Effect, float]:
    """Return the effect after the regression on the pre-period, and the variance it took away."""
    plain = _ratios(arms, c, n, strata)
    X = np.stack([each.astype(np.float64) for each in before], axis=1)
    off = X - X.mean(axis=0)
    inside, known = [], []
    for arm, each in enumerate(plain):
        inside.append(centred(each.influence, each.strata))
        columns = off[arms == arm].T
        known.append(np.stack([centred(column, each.strata) for column in columns], axis=1))
    slopes = np.linalg.lstsq(np.concatenate(known), np.concatenate(inside), rcond=None)[0]
    moved = []
    for arm, each in enumerate(plain):
        share = off[arms == arm] @ slopes
        moved.append(_Arm(each.value - float(share.mean()), each.influence - share, each.strata))
    first, last = sum(map(_variance, plain)), sum(map(_variance, moved))
    reduction = max(0.0, 1 - last / first) if first > 0 else 0.0
    return _compared("CTR, adjusted", (moved[0], moved[1]), alpha=alpha), reduction


def _by_segment(
    arms: IntVector,
    c: IntVector,
    n: IntVector,
    strata: IntVector,
    before: tuple[IntVector, IntVector],
    *,
    alpha: float,
) -> tuple[SegmentEffect, ...]:
    found: list[tuple[int, int, Effect]] = []
    for segment_id in np.unique(strata).tolist():
        is_in = strata == segment_id
        own = arms[is_in]
        is_told = all(n[is_in][own == arm].sum() > 0 and (own == arm).sum() > 1 for arm in (0, 1))
        effect = _nothing()
        if is_told:
            early = (before[0][is_in], before[1][is_in])
            effect, _ = _adjusted(own, c[is_in], n[is_in], strata[is_in], early, alpha=alpha)
        found.append((segment_id, int(is_in.sum()), effect))
    corrected = _holm([effect.p for _, _, effect in found])
    return tuple(
        SegmentEffect(segment_id=segment_id, n_users=n_users, effect=effect, p_holm=p)
        for (segment_id, n_users, effect), p in zip(found, corrected, strict=True)
    )


def _nothing() -> Effect:
    unknown = Estimate(value=None, low=None, high=None)
    return Effect(
        metric="CTR, adjusted",
        control=None,
        treatment=None,
        difference=unknown,
        lift=unknown,
        p=None,
    )


def _holm(ps: Sequence[float | None]) -> list[float | None]:
    """Correct for several looks (Holm 1979, Scand. J. Statist. 6, 65-70); missing ones stay so."""
    known = sorted((p, place) for place, p in enumerate(ps) if p is not None)
    corrected: list[float | None] = [None] * len(ps)
    highest = 0.0
    for rank, (p, place) in enumerate(known):
        highest = max(highest, min(1.0, p * (len(known) - rank)))
        corrected[place] = highest
    return corrected


def _concluded(effect: Effect, *, alpha: float, is_broken: bool) -> str:
    if is_broken:
        return (
            "Not to be used: the arms are not as large as planned, so they differ in more than the "
            "action; find out where users were lost."
        )
    if effect.p is None:
        return "Nothing can be said: no user differs from another."
    told = f"{effect.treatment:.2%} against {effect.control:.2%}"
    lift = effect.lift
    if lift.value is not None and lift.low is not None and lift.high is not None:
        told += (
            f", {lift.value:+.1%} ({1 - alpha:.0%} interval {lift.low:+.1%} to {lift.high:+.1%})"
        )
    p = "p < 0.0001" if effect.p < 0.0001 else f"p = {effect.p:.4f}"
    if effect.p >= alpha:
        return f"No difference shown: treatment clicks at {told}; {p}."
    word = "more" if (effect.difference.value or 0) > 0 else "less"
    return f"Treatment clicks {word}: {told}; {p}."


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
    if impressions.p is not None and impressions.p < alpha:
        notes.append(
            "Guardrail: impressions per user differ between the arms, so the CTRs are of different "
            "amounts of exposure; look at clicks per user."
        )
    return notes
