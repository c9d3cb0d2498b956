"""How many users and days a test takes, users being the unit."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from segmentry.advise.experiments._sequential import (
    SPENDINGS,
    Spending,
    critical_values,
    drift_needed,
)
from segmentry.errors import ConfigError
from segmentry.evaluation.later_days import TAIL, Traffic, normal_quantile
from segmentry.formats import percent, rate
from segmentry.schema.arrays import FloatVector, IntVector

_MAX_LOOKS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentRequest:
    """What a test should find.

    Raises
    ------
    ConfigError
        If a value makes no sense.

    Examples
    --------
    >>> ExperimentRequest(mde=0.05).treatment_share
    0.5
    """

    mde: float
    """Smallest relative change of the metric that is to be found, as 0.05."""
    power: float = 0.8
    alpha: float = 0.05
    """`power`, `alpha`: chance to find it; chance to find something where there is nothing
    (two-sided)."""
    ratio: tuple[float, ...] = (1.0, 1.0)
    """Control to treatment, or to each of several."""
    max_days: int = 60
    """Longest test."""
    n_looks: int = 1
    """How often the test is analysed, at equal distances in time, the last time at its end."""
    spending: Spending = "obrien-fleming"
    """How alpha is spent on the looks."""

    def __post_init__(self) -> None:
        if not 0 < self.mde < 10:
            raise ConfigError(f"--mde {self.mde:g}: expected a relative change above 0, as 5%")
        if not 0 < self.alpha < 0.5:
            raise ConfigError(f"--alpha {self.alpha:g}: expected between 0 and 0.5, as 0.05")
        if not self.alpha < self.power < 1:
            raise ConfigError(f"--power {self.power:g}: expected between alpha and 1, as 0.8")
        if self.max_days < 1:
            raise ConfigError(f"--max-days {self.max_days}: expected at least 1")
        if not 1 <= self.n_looks <= _MAX_LOOKS:
            raise ConfigError(f"--looks {self.n_looks}: expected 1 to {_MAX_LOOKS}")
        if self.spending not in SPENDINGS:
            expected = " or ".join(SPENDINGS)
            raise ConfigError(f"--spending {self.spending}: expected {expected}")
        if len(self.ratio) < 2:
            raise ConfigError("--ratio: expected a control and a treatment at least, as 1:1")

    @property
    def treatment_share(self) -> float:
        """Share of the users that are treated."""
        return sum(self.ratio[1:]) / sum(self.ratio)

    @property
    def alpha_of_each(self) -> float:
        """What each treatment may be tested at where one alone works (Bonferroni, Holm's first)."""
        return self.alpha / (len(self.ratio) - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerRow:
    """What a test takes in one segment, or in all together."""

    segment_id: int | None
    """None for all together."""
    name: str
    n_users: int
    """Users to be assigned."""
    rate: float | None
    """CTR on days that did not label the users; of another metric the mean per user and day."""
    n_days: int | None
    """Shortest test with the promised power; none within the longest."""
    n_users_reached: float | None
    n_impressions: float | None
    """`n_users_reached`, `n_impressions`: users that will be shown an ad in that time, and their
    impressions, both arms together."""
    n_days_adjusted: int | None
    """The same with the pre-period taken into account."""
    variance_reduction: float
    """Share of the variance that the pre-period explains, over `n_days` or the longest test."""
    smallest: float | None
    """Smallest relative change that is found in the longest test."""
    rate_low: float | None = None
    rate_high: float | None = None
    """`rate_low`, `rate_high`: the 90 % interval of `rate`, the user being the unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """An analysis of a test, before its end or at it."""

    day: int
    """After so many days."""
    fraction: float
    """Of the information of the whole test."""
    z: float
    """By so many standard errors the arms must differ."""
    alpha: float
    """The same as a two-sided p: what is found at this look has a p of at most so much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentPlan:
    """A test."""

    metric: str
    """"ctr", or what is counted per user."""
    mde: float
    power: float
    alpha: float
    ratio: tuple[float, ...]
    """Control to treatment, or to each of several."""
    max_days: int
    salt: str
    """Of the assignment."""
    n_control: int
    n_treatment: int
    """`n_control`, `n_treatment`: users that were assigned."""
    everyone: PowerRow
    segments: tuple[PowerRow, ...]
    users_by_day: tuple[float, ...]
    """Users of all segments that will have been shown an ad by the end of each day of the test."""
    notes: tuple[str, ...]
    spending: Spending = "obrien-fleming"
    looks: tuple[Look, ...] = ()
    """Empty where the test is analysed at its end only."""
    winsorised_at: float | None = None
    """Value of a user above which it counts as that, in the time that was measured."""


def _noise(request: ExperimentRequest, effect: float) -> float:
    """Return the variance of the difference as a multiple of that of the CTR of all users.

    The treated click (1 + effect) times as much; their variance grows by its square at most.
    """
    control, treated = _shares(request)
    return 1 / control + (1 + effect) ** 2 / treated


def _shares(request: ExperimentRequest) -> tuple[float, float]:
    """Return the shares of the control and of the smallest treatment."""
    total = sum(request.ratio)
    return request.ratio[0] / total, min(request.ratio[1:]) / total


def _distance(request: ExperimentRequest, fractions: tuple[float, ...] | None = None) -> float:
    """Return how many standard errors a change must be worth to be found with the power."""
    from scipy.special import ndtri

    if request.n_looks == 1:
        return float(ndtri(1 - request.alpha_of_each / 2) + ndtri(request.power))
    if fractions is None:
        fractions = tuple((look + 1) / request.n_looks for look in range(request.n_looks))
    return drift_needed(
        fractions, alpha=request.alpha_of_each, spending=request.spending, power=request.power
    )


def look_days(n_days: int, n_looks: int) -> tuple[int, ...]:
    """Return the days after which a test is analysed.

    >>> look_days(10, 3)
    (4, 7, 10)
    """
    return tuple(math.ceil(n_days * look / n_looks) for look in range(1, n_looks + 1))


def fractions_of(traffic: Traffic, days: Sequence[int], *, explained: float) -> tuple[float, ...]:
    """Return which part of the information of the last day there is on each day.

    Information is one over the variance of the mean of the days: what users keep is there from the
    first day on.
    """
    between = max(0.0, traffic.between - explained)
    variances = [traffic.within / day + between for day in days]
    if not variances[-1]:
        return tuple(day / days[-1] for day in days)
    return tuple(round(variances[-1] / each, 6) for each in variances)


def days_needed(
    traffic: Traffic, request: ExperimentRequest, *, explained: float = 0.0
) -> int | None:
    """Return the shortest test, in days, that finds the smallest change with the promised power.

    None where no length within ``request.max_days`` is enough; `explained` is the part of
    `traffic.between` that the pre-period explains.

    CTR is a ratio of two sums over users, so its variance is that of the linearised residuals
    clicks - ctr * impressions of the users (delta method: Deng, Knoblich and Lu 2018, KDD). Over T
    days it is (T within + T**2 between) / (T impressions per day)**2: what a user keeps does
    not average out with time, and no length reaches a change that is smaller than it allows.

    >>> traffic = Traffic(n_users=1000, ctr=0.1, impressions_per_day=1000, users_per_day=500,
    ...                   users_per_two=700, unit_days=1, within=90, between=0)
    >>> days_needed(traffic, ExperimentRequest(mde=0.2))
    9
    >>> days_needed(traffic, ExperimentRequest(mde=0.01)) is None
    True
    """
    n_days = _days(traffic, request, explained=explained, distance=_distance(request))
    if request.n_looks == 1 or n_days is None:
        return n_days
    n_days = max(n_days, request.n_looks)
    while n_days <= request.max_days:
        days = look_days(n_days, request.n_looks)
        distance = _distance(request, fractions_of(traffic, days, explained=explained))
        longer = _days(traffic, request, explained=explained, distance=distance)
        if longer is None or longer <= n_days:
            return None if longer is None else n_days
        n_days = longer
    return None


def _days(
    traffic: Traffic, request: ExperimentRequest, *, explained: float, distance: float
) -> int | None:
    if traffic.ctr is None or not traffic.ctr > 0:
        return None
    effect = request.mde * traffic.kept_lift
    if effect <= 0:
        return None
    allowed = (effect * traffic.ctr / distance) ** 2 / _noise(request, effect)
    shown = traffic.impressions_per_day**2
    left = allowed - max(0.0, traffic.between - explained) / shown
    if left <= 0:
        return None
    n_days = max(1, math.ceil(traffic.within / shown / left - 1e-9))
    return n_days if n_days <= request.max_days else None


def smallest_effect(traffic: Traffic, request: ExperimentRequest, *, n_days: float) -> float | None:
    """Return the smallest relative change that a test of some days finds with the promised power.

    >>> traffic = Traffic(n_users=1000, ctr=0.1, impressions_per_day=1000, users_per_day=500,
    ...                   users_per_two=700, unit_days=1, within=90, between=0)
    >>> round(smallest_effect(traffic, ExperimentRequest(mde=0.2), n_days=9), 3)
    0.195
    """
    if traffic.ctr is None or not traffic.ctr > 0:
        return None
    shown = traffic.impressions_per_day
    variance = (traffic.within / n_days + traffic.between) / shown**2
    unit = (_distance(request) / traffic.ctr) ** 2 * variance
    control, treated = _shares(request)
    # effect**2 = unit * (1 / control + (1 + effect)**2 / treated), solved for the effect.
    a, half_b = 1 - unit / treated, unit / treated
    if a <= 0 or traffic.kept_lift <= 0:
        return None
    c = unit * (1 / control + 1 / treated)
    return (half_b + math.sqrt(half_b**2 + a * c)) / a / traffic.kept_lift


def explained_share(
    clicks: IntVector | FloatVector,
    impressions: IntVector,
    *,
    before: Sequence[IntVector | FloatVector],
    strata: IntVector,
) -> float:
    """Return the share of the variance of a test period that the period before it explains.

    The arrays have shape (n_users,): clicks and impressions of the test period, the same of the
    period `before`, and the `strata`, segments: only differences inside them count.

    CUPED (Deng, Xu, Kohavi and Walker 2013, WSDM): the regression of the linearised residuals on
    what was known before; R squared, adjusted for the regressors.

    >>> rng = np.random.default_rng(0)
    >>> n, rate = np.full(4000, 20), rng.beta(2, 18, 4000)
    >>> first, second = rng.binomial(n, rate), rng.binomial(n, rate)
    >>> ones = np.ones(4000, dtype=int)
    >>> round(explained_share(second, n, before=(n, first), strata=ones), 2)
    0.26
    """
    total = int(impressions.sum())
    n_users = len(clicks)
    if not total or n_users < 4:
        return 0.0
    residuals = clicks - clicks.sum() / total * impressions
    y = centred(residuals.astype(np.float64), strata)
    X = np.stack([centred(each.astype(np.float64), strata) for each in before], axis=1)
    spread = float(y @ y)
    if spread == 0:
        return 0.0
    slopes = np.linalg.lstsq(X, y, rcond=None)[0]
    left = y - X @ slopes
    share = 1 - float(left @ left) / spread
    return max(0.0, 1 - (1 - share) * (n_users - 1) / (n_users - 1 - len(before)))


def centred(values: FloatVector, strata: IntVector) -> FloatVector:
    """Subtract the mean of each stratum."""
    size = int(strata.max()) + 1
    counts = np.bincount(strata, minlength=size)
    sums = np.bincount(strata, weights=values, minlength=size)
    means = np.divide(sums, counts, out=np.zeros(size), where=counts > 0)
    left: FloatVector = values - means[strata]
    return left


def plan_experiment(
    rows: Sequence[tuple[int | None, str, Traffic, float]],
    request: ExperimentRequest,
    *,
    measured_days: float,
    salt: str,
    n_control: int,
    n_treatment: int,
    metric: str = "ctr",
    winsorised_at: float | None = None,
) -> ExperimentPlan:
    """Say what a test takes, overall and per segment.

    Each of the `rows` is a segment (None for all together, which comes first), name, traffic, and
    share of the variance of `measured_days` that the pre-period explains. `n_control` and
    `n_treatment` users were assigned.

    Raises ConfigError if no traffic reaches the smallest change: then there is no test to plan.
    """
    found = [_row(row, request, measured_days=measured_days) for row in rows]
    everyone = found[0]
    if everyone.n_days is None and everyone.n_days_adjusted is None:
        raise ConfigError(_unreachable(everyone, request))
    return ExperimentPlan(
        metric=metric,
        mde=request.mde,
        power=request.power,
        alpha=request.alpha,
        ratio=request.ratio,
        max_days=request.max_days,
        salt=salt,
        n_control=n_control,
        n_treatment=n_treatment,
        everyone=everyone,
        segments=tuple(found[1:]),
        users_by_day=tuple(
            rows[0][2].users_reached(day) for day in range(1, 1 + _length(everyone))
        ),
        notes=_notes(found[1:], request),
        spending=request.spending,
        looks=_looks(rows[0], everyone, request, measured_days=measured_days),
        winsorised_at=winsorised_at,
    )


def _looks(
    row: tuple[int | None, str, Traffic, float],
    everyone: PowerRow,
    request: ExperimentRequest,
    *,
    measured_days: float,
) -> tuple[Look, ...]:
    from scipy.special import ndtr

    if request.n_looks == 1:
        return ()
    _, _, traffic, share = row
    explained = share * (traffic.within / measured_days + traffic.between)
    days = look_days(_length(everyone), request.n_looks)
    fractions = fractions_of(
        traffic, days, explained=0.0 if everyone.n_days is not None else explained
    )
    values = critical_values(fractions, alpha=request.alpha_of_each, spending=request.spending)
    return tuple(
        Look(day=day, fraction=fraction, z=z, alpha=float(2 * ndtr(-z)))
        for day, fraction, z in zip(days, fractions, values, strict=True)
    )


def _row(
    row: tuple[int | None, str, Traffic, float],
    request: ExperimentRequest,
    *,
    measured_days: float,
) -> PowerRow:
    segment_id, name, traffic, share = row
    # Covariance with the pre-period grows with the days, the variance by within and between.
    explained = share * (traffic.within / measured_days + traffic.between)
    n_days = days_needed(traffic, request)
    adjusted = days_needed(traffic, request, explained=explained)
    length = request.max_days if n_days is None else n_days
    spread = traffic.within / length + traffic.between
    low = high = None
    if traffic.ctr is not None and traffic.impressions_per_day > 0:
        variance = traffic.within / measured_days + traffic.between
        reach = normal_quantile(1 - TAIL) * math.sqrt(variance) / traffic.impressions_per_day
        low, high = max(0.0, traffic.ctr - reach), traffic.ctr + reach
    return PowerRow(
        segment_id=segment_id,
        name=name,
        n_users=traffic.n_users,
        rate=traffic.ctr,
        n_days=n_days,
        n_users_reached=None if n_days is None else traffic.users_reached(n_days),
        n_impressions=None if n_days is None else traffic.impressions_per_day * n_days,
        n_days_adjusted=adjusted,
        variance_reduction=min(explained, traffic.between) / spread if spread > 0 else 0.0,
        smallest=smallest_effect(traffic, request, n_days=request.max_days),
        rate_low=low,
        rate_high=high,
    )


def _length(row: PowerRow) -> int:
    return row.n_days or row.n_days_adjusted or 0


def _unreachable(row: PowerRow, request: ExperimentRequest) -> str:
    if row.rate is None or not row.rate > 0:
        return "nothing of the metric in these segments, so there is nothing to test; take others"
    least = "none that could be found" if row.smallest is None else rate(row.smallest)
    return (
        f"--mde {percent(request.mde, digits=3)}: no traffic reaches it: with all "
        f"{row.n_users:,} users the smallest change that is found in "
        f"{request.max_days} days is {least}; ask for a larger --mde, more --max-days or more "
        "segments"
    )


def _notes(segments: Sequence[PowerRow], request: ExperimentRequest) -> tuple[str, ...]:
    notes = []
    late = [each for each in segments if each.n_days is None and each.n_days_adjusted is None]
    if late:
        text = ", ".join(str(each.segment_id) for each in late)
        notes.append(
            f"Segment {text}: alone too small to find {percent(request.mde)} in "
            f"{request.max_days} days."
        )
    notes += [
        "Days to come are assumed to be as those of the log.",
        "Users that are not in the run are in no arm.",
        "Take whole weeks where weekdays differ, and "
        + (
            "look on the planned days only."
            if request.n_looks > 1
            else "do not stop when the result looks good."
        ),
    ]
    return tuple(notes)
