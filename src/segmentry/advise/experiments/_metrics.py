"""Tests of what users do, counted per user: any event or its value, with any number of arms."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from segmentry.advise.experiments._assignment import RATIO_ALARM, sample_ratio_p
from segmentry.advise.experiments._effects import Effect, Nulls, Outcome, adjustment, compared
from segmentry.errors import DataError
from segmentry.evaluation.later_days import Traffic, holm
from segmentry.formats import change
from segmentry.schema.arrays import FloatMatrix, FloatVector, IntVector

WINSORISED = 0.99
"""Values of users above this quantile of those with any count as the quantile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmTotals:
    """One arm: all assigned users, those who did nothing included."""

    arm: str
    n_users: int
    n_active: int | None
    """Users with any of it; null where they, or the others, are too few to be shown."""
    total: float
    mean: float
    """`total`, `mean`: of the metric, winsorised where it is; of CTR, clicks and the CTR."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """One treatment against control."""

    arm: str
    effect: Effect
    """Adjusted by what users did before the test."""
    plain: Effect
    """Not adjusted, next to it."""
    p_holm: float | None
    """p of the effect, corrected for the number of treatments (Holm 1979)."""
    is_found: bool
    """Whether there is a difference, at the level of the test or of the look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricResult:
    """A test of a metric, analysed."""

    metric: str
    alpha: float
    """Of all treatments together; at a look, of each treatment at this look."""
    look: int | None
    """Which look, from 1 on; null where the test is analysed once."""
    arms: tuple[ArmTotals, ...]
    """Control, then the treatments."""
    ratio_p: float
    """Probability of arms so far from the planned ratio."""
    winsorised_at: float | None
    contrasts: tuple[Contrast, ...]
    conclusion: str
    notes: tuple[str, ...]


def mean_traffic(
    user_index: IntVector, values: FloatVector, *, n_users: int, n_days: int
) -> Traffic:
    """Return the traffic of a metric that is counted per user: a trial is a user's day.

    `user_index` and `values`, shape (n_rows,), are of the days of users with any.

    >>> found = mean_traffic(np.array([0, 0, 1]), np.array([1.0, 3.0, 2.0]), n_users=4, n_days=2)
    >>> found.ctr, found.impressions_per_day  # 6 in 8 days of users
    (0.75, 4.0)
    """
    totals = np.bincount(user_index, weights=values, minlength=n_users)
    mean = float(totals.sum()) / (n_users * n_days)
    spread = float(np.sum((totals - n_days * mean) ** 2))
    squares = float(values @ values) - n_users * n_days * mean**2
    between = max(0.0, (spread - squares) / (n_days * (n_days - 1))) if n_days > 1 else 0.0
    per_day = float(len(values)) / n_days
    return Traffic(
        n_users=n_users,
        ctr=mean,
        impressions_per_day=float(n_users),
        users_per_day=per_day,
        users_per_two=min(2 * per_day, float((totals > 0).sum())),
        unit_days=1.0,
        within=max(0.0, squares / n_days - between),
        between=between,
    )


def winsorised_traffic(
    traffic: Traffic, spans: Sequence[tuple[float, FloatVector, float]], *, lift: float
) -> Traffic:
    """Return the traffic of totals of users that are winsorised, in a test that should find a lift.

    Each of the `spans` is a number of days, what users did in them, shape (n_users,), and where
    that is winsorised; the whole time comes first, then parts of it.

    What is cut off a total grows with the time that it is of, so the variance of days does not
    scale to that of weeks. Relative variances of the whole time and of its halves, each winsorised
    at its own limit, do: within / days + between. Where the same purchases become dearer, the test
    shows mean(min((1 + lift) x, limit)) / mean(min(x, limit)) - 1 of the lift; x: the whole time.

    >>> rng = np.random.default_rng(0)
    >>> halves = [rng.gamma(0.5, 1.0, 2000), rng.gamma(0.5, 1.0, 2000)]  # nobody keeps a rate
    >>> spans = [(2, sum(halves), 8.0), (1, halves[0], 8.0), (1, halves[1], 8.0)]
    >>> plain = mean_traffic(np.arange(2000), sum(halves), n_users=2000, n_days=2)
    >>> found = winsorised_traffic(plain, spans, lift=0.1)
    >>> found.between < 0.1 * found.within, found.kept_lift > 0.99
    (True, True)
    """
    measured = []
    for n_days, totals, cap in spans:
        capped = np.minimum(totals, cap)
        if (mean := float(capped.mean())) > 0:
            measured.append((n_days, mean, float(capped.var()) / mean**2))
    if not measured:
        return traffic
    n_days, mean, whole = measured[0]
    parts = [each for each in measured[1:] if each[0] < n_days]
    within = whole * n_days
    if parts:
        shorter = float(np.mean([1 / each for each, *_ in parts]))
        steep = (float(np.mean([each for *_, each in parts])) - whole) / (shorter - 1 / n_days)
        within = min(max(0.0, steep), within)
    rate, (_, totals, cap) = mean / n_days, spans[0]
    unit = rate**2 * traffic.n_users
    shown = float(np.minimum((1 + lift) * totals, cap).mean()) / mean - 1
    return replace(
        traffic,
        ctr=rate,
        within=within * unit,
        between=(whole - within / n_days) * unit,
        kept_lift=shown / lift,
    )


def cap_of(totals: FloatVector) -> float | None:
    """Return where values of users are winsorised; None where nobody has any.

    The quantile is of users with any: with few buyers that of all users would be 0.

    >>> cap_of(np.array([0.0] * 900 + [1.0] * 99 + [500.0]))
    1.0
    """
    active = totals[totals > 0]
    return float(np.quantile(active, WINSORISED, method="lower")) if active.size else None


def analyse_metric(
    arms: IntVector,
    top: FloatVector,
    *,
    metric: str,
    names: Sequence[str],
    segment_ids: IntVector,
    before: FloatMatrix,
    ratio: Sequence[float],
    bottom: FloatVector | None = None,
    is_winsorised: bool = False,
    alpha: float = 0.05,
    look: int | None = None,
    notes: Sequence[str] = (),
    min_size: int = 1,
) -> MetricResult:
    """Compare each treatment with control, users being the unit.

    The arrays have shape (n_users,), of all users that were assigned: `arms` (0 control, 1, 2, ...
    treatments, called `names`), what each did in the test, and for a ratio what it is of; `before`,
    shape (n_users, n_columns), what they did before it. `alpha` is that of all treatments together;
    at a `look` that of the plan for each of them.

    Raises DataError if an arm has fewer than `min_size` users, or none with any of it.

    Means are compared as `analyse_experiment` does; treatments with control only, corrected by Holm
    (1979). Values are winsorised at one quantile of all arms together, so that another assignment
    of the same users has the same values (Kohavi, Tang and Xu 2020, ch. 22).

    >>> arms = np.arange(6000) % 2
    >>> bought = np.random.default_rng(0).poisson(0.3 + 0.2 * arms).astype(float)
    >>> found = analyse_metric(arms, bought, metric="purchases", names=("control", "treatment"),
    ...                        segment_ids=np.ones(6000, dtype=int), before=np.zeros((6000, 0)),
    ...                        ratio=(1, 1))
    >>> [each.is_found for each in found.contrasts]
    [True]
    """
    cap = cap_of(top) if is_winsorised else None
    if cap is not None:
        top = np.minimum(top, cap)
    below = np.ones(top.size) if bottom is None else bottom
    users = Outcome(top=top, bottom=below, known=np.zeros(top.size))
    counted = tuple(
        _counted(name, top[arms == arm], below[arms == arm], min_size=min_size)
        for arm, name in enumerate(names)
    )
    pairs = [
        _pair(arms, users, before, segment_ids, arm=arm, alpha=alpha, metric=metric)
        for arm in range(1, len(names))
    ]
    ratio_p = sample_ratio_p([each.n_users for each in counted], ratio=ratio)
    level = alpha if ratio_p >= RATIO_ALARM else 0.0
    contrasts = _judged(names[1:], pairs, level=level, is_corrected=look is None)
    return MetricResult(
        metric=metric,
        alpha=alpha,
        look=look,
        arms=counted,
        ratio_p=ratio_p,
        winsorised_at=cap,
        contrasts=contrasts,
        conclusion=_concluded(contrasts, is_broken=ratio_p < RATIO_ALARM),
        notes=tuple(notes),
    )


def _judged(
    names: Sequence[str],
    pairs: Sequence[tuple[Effect, Effect]],
    *,
    level: float,
    is_corrected: bool,
) -> tuple[Contrast, ...]:
    """Say which treatments differ; the level of a look is already that of each treatment."""
    found = []
    corrected = holm([effect.p for effect, _ in pairs])
    for name, (effect, plain), p_holm in zip(names, pairs, corrected, strict=True):
        p = p_holm if is_corrected else effect.p
        is_found = p is not None and p <= level
        found.append(
            Contrast(arm=name, effect=effect, plain=plain, p_holm=p_holm, is_found=is_found)
        )
    return tuple(found)


def _counted(name: str, top: FloatVector, bottom: FloatVector, *, min_size: int) -> ArmTotals:
    n_active = int((top > 0).sum())
    if top.size < max(2, min_size):
        raise DataError(
            f"arm {name}: fewer users than --min-size {min_size} of the run; nothing may be "
            "shown of them; test more users"
        )
    if not n_active or not bottom.sum():
        raise DataError(
            f"arm {name}: found nothing of the metric in the results of its {top.size:,} users, "
            "expected some in every arm; check the files"
        )
    is_shown = min(n_active, top.size - n_active or min_size) >= min_size
    return ArmTotals(
        arm=name,
        n_users=top.size,
        n_active=n_active if is_shown else None,
        total=float(top.sum()),
        mean=float(top.sum() / bottom.sum()),
    )


def _pair(
    arms: IntVector,
    users: Outcome,
    before: FloatMatrix,
    strata: IntVector,
    *,
    arm: int,
    alpha: float,
    metric: str,
) -> tuple[Effect, Effect]:
    """Return the effect of a treatment, adjusted and plain."""
    is_in = (arms == 0) | (arms == arm)
    treated = (arms[is_in] == arm).astype(np.int64)
    top, bottom, plain = users.top[is_in], users.bottom[is_in], users.known[is_in]
    strata = strata[is_in]
    nulls = Nulls.of(treated, strata)
    columns = [column for column in before[is_in].T if np.ptp(column) > 0]
    known = adjustment(top, bottom, columns, strata) if columns else plain
    adjusted, unadjusted = (
        compared(
            name,
            Outcome(top=top, bottom=bottom, known=part),
            treated,
            strata,
            alpha=alpha,
            nulls=nulls,
        )[0]
        for name, part in ((f"{metric}, adjusted", known), (metric, plain))
    )
    return adjusted, unadjusted


def _concluded(contrasts: Sequence[Contrast], *, is_broken: bool) -> str:
    if is_broken:
        return (
            "Not to be used: the arms are not as large as planned, so they differ in more than the "
            "action; find out where users were lost."
        )
    found = [
        f"{each.arm} has {'more' if (each.effect.difference.value or 0) > 0 else 'less'} "
        f"than control{_lift(each.effect)}"
        for each in contrasts
        if each.is_found
    ]
    if found:
        return "; ".join(found).capitalize() + "."
    arms = ", ".join(each.arm for each in contrasts)
    return f"No difference shown between control and {arms}."


def _lift(effect: Effect) -> str:
    lift = effect.lift
    if lift.value is None or lift.low is None or lift.high is None:
        return ""
    return f": {change(lift.value)} ({change(lift.low)} to {change(lift.high)})"
