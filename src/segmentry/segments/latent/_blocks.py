"""The parts of a mixture: what each makes of its columns, given the parameters of every class.

The parameters of one part are a matrix, one row per class; `held` is how many users of each value a
class holds. Parameters improve by one guarded Newton step for all classes at once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from segmentry.schema.arrays import FloatMatrix, FloatVector, IntMatrix, IntVector

Surface = Callable[[FloatMatrix], tuple[FloatVector, FloatMatrix, FloatMatrix]]
"""From (k, p) to values (k,), gradients (k, p) and Hessians (k, p, p)."""
_LONGEST = 2.0
_FLATTEST = 1e-12
_N_HALVINGS = 12
_MIN_MEAN = 1e-6
_MIN_SHARE = 1e-9
_EDGE = 14.0  # log-odds of a CTR of one in a million
# A step of a cumulative sum takes 5 ns, a gamma function and its two derivatives 300 ns.
_MAX_STEPS, _STEPS_PER_VALUE = 1000.0, 10
_NARROWEST, _WIDEST = np.log(1e-3), np.log(1e5)


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """The different values of a column and where each row finds its own.

    Functions of a count are worked out once per value, not per row: a million users have about a
    thousand different numbers of impressions.
    """

    values: FloatVector
    """Shape (n_values,): rising."""
    of_row: IntVector
    """Shape (n_rows,)."""

    def held(self, weights: FloatMatrix) -> FloatMatrix:
        """Sum the weights (n_rows, k) of each value, shape (n_values, k)."""
        n_values = len(self.values)
        sums = [np.bincount(self.of_row, weights=each, minlength=n_values) for each in weights.T]
        return np.stack(sums, axis=1)


def tally(column: npt.NDArray[np.int64]) -> Tally:
    """Find the different values of a column.

    >>> tally(np.array([3, 0, 3])).held(np.ones((3, 1))).ravel()
    array([1., 2.])
    """
    values, of_row = np.unique(column, return_inverse=True)
    return Tally(values=values.astype(np.float64), of_row=of_row.astype(np.int64, copy=False))


def ascend(
    theta: FloatMatrix,
    surface: Surface,
    value: Callable[[FloatMatrix], FloatVector],
    *,
    low: FloatVector,
    high: FloatVector,
) -> FloatMatrix:
    """Take a step that lowers none of k functions of p parameters each.

    Newton's step with the absolute eigenvalues of the Hessian, so that it points upwards, of
    length 2 at most, and halved for as long as it leads down; after 12 halvings the parameters
    stay.

    >>> def parabola(t):
    ...     return -((t[:, 0] - 1) ** 2), -2 * (t - 1), np.full((1, 1, 1), -2.0)
    >>> ascend(np.zeros((1, 1)), parabola, lambda t: parabola(t)[0],
    ...        low=np.array([-9.0]), high=np.array([9.0]))
    array([[1.]])
    """
    before, slope, curvature = surface(theta)
    scales, axes = np.linalg.eigh(curvature)
    along = np.einsum("kpq,kp->kq", axes, slope) / np.maximum(np.abs(scales), _FLATTEST)
    step = np.einsum("kpq,kq->kp", axes, along)
    longest = np.max(np.abs(step), axis=1, keepdims=True)
    step *= np.minimum(1.0, _LONGEST / np.maximum(longest, _FLATTEST))
    best = theta.copy()
    is_open = np.isfinite(step).all(axis=1)
    for _ in range(_N_HALVINGS):
        tried = np.where(is_open[:, np.newaxis], np.clip(theta + step, low, high), best)
        is_up = is_open & (value(tried) >= before)
        best[is_up] = tried[is_up]
        is_open &= ~is_up
        if not is_open.any():
            break
        step = step / 2
    return best


class Block(Protocol):
    """One part of the mixture with its data."""

    @property
    def of_row(self) -> IntVector:
        """Which value each row has, shape (n_rows,)."""

    @property
    def n_parameters(self) -> int:
        """Free parameters of one class."""

    def held(self, weights: FloatMatrix) -> FloatMatrix:
        """Users that each class holds of each value, shape (n_values, k)."""

    def log_density(self, law: FloatMatrix) -> FloatMatrix:
        """Log density of each value in each class, shape (n_values, k)."""

    def start(self, held: FloatMatrix) -> FloatMatrix:
        """Parameters to begin with, shape (k, p)."""

    def improve(self, law: FloatMatrix, held: FloatMatrix) -> FloatMatrix:
        """Parameters under which the held users are no less likely, shape (k, p)."""


@dataclass(frozen=True, slots=True, eq=False)
class ClickBlock:
    """Clicks given impressions, beta-binomial; parameters are mean and precision a + b.

    `pairs` are the different (impressions, clicks); the three tallies are over these.
    """

    of_row: IntVector
    pairs: IntMatrix
    n: Tally
    c: Tally
    unclicked: Tally
    log_choices: FloatVector
    n_parameters: int = 2

    def held(self, weights: FloatMatrix) -> FloatMatrix:
        """Users that each class holds of each pair, shape (n_pairs, k)."""
        return Tally(np.zeros(len(self.pairs)), self.of_row).held(weights)

    def log_density(self, law: FloatMatrix) -> FloatMatrix:
        """Log probability of each pair's clicks in each class, shape (n_pairs, k)."""
        mean, precision = law.T
        density = self.log_choices[:, np.newaxis] + _rising(self.c, mean * precision)
        density += _rising(self.unclicked, (1 - mean) * precision)
        density -= _rising(self.n, precision)
        return density

    def start(self, held: FloatMatrix) -> FloatMatrix:
        """Pooled rates of the classes, at a precision of 50."""
        n, c = self.pairs.T
        clicks, impressions = _totals(c, held), _totals(n, held)
        mean = (clicks + _MIN_MEAN) / (impressions + 2 * _MIN_MEAN)
        return np.stack([mean, np.full(len(mean), 50.0)], axis=1)

    def improve(self, law: FloatMatrix, held: FloatMatrix) -> FloatMatrix:
        """Take one guarded Newton step in log-odds of the mean and log precision."""
        sides = (
            (self.c.values, self.c.held(held)),
            (self.unclicked.values, self.unclicked.held(held)),
            (self.n.values, self.n.held(held)),
        )

        def value(theta: FloatMatrix) -> FloatVector:
            (a, b), s = _beta_of(theta), np.exp(theta[:, 1])
            totals = [
                _sum(of_value * _gamma_ratio(x, each))
                for (x, of_value), each in zip(sides, (a, b, s), strict=True)
            ]
            return totals[0] + totals[1] - totals[2]

        def surface(theta: FloatMatrix) -> tuple[FloatVector, FloatMatrix, FloatMatrix]:
            return (value(theta), *_click_slopes(theta, sides))

        theta = np.stack([_logit(law[:, 0]), np.log(law[:, 1])], axis=1)
        low, high = np.array([-_EDGE, _NARROWEST]), np.array([_EDGE, _WIDEST])
        found = ascend(np.clip(theta, low, high), surface, value, low=low, high=high)
        return np.stack([1 / (1 + np.exp(-found[:, 0])), np.exp(found[:, 1])], axis=1)


def click_block(n: IntVector, c: IntVector) -> ClickBlock:
    """Tally impressions and clicks.

    >>> block = click_block(np.array([2, 2, 0]), np.array([1, 1, 0]))
    >>> np.exp(block.log_density(np.array([[0.5, 2.0]]))).round(3)  # uniform on 0, 1, 2 clicks
    array([[1.   ],
           [0.333]])
    """
    from scipy.special import gammaln

    width = int(n.max(initial=0)) + 1
    keys, of_row = np.unique(n * width + c, return_inverse=True)
    pairs = np.stack([keys // width, keys % width], axis=1)
    shown, clicked = pairs.T
    log_choices = gammaln(shown + 1) - gammaln(clicked + 1) - gammaln(shown - clicked + 1)
    return ClickBlock(
        of_row=of_row.astype(np.int64, copy=False),
        pairs=pairs,
        n=tally(shown),
        c=tally(clicked),
        unclicked=tally(shown - clicked),
        log_choices=log_choices,
    )


def _beta_of(theta: FloatMatrix) -> tuple[FloatVector, FloatVector]:
    mean, precision = 1 / (1 + np.exp(-theta[:, 0])), np.exp(theta[:, 1])
    return mean * precision, (1 - mean) * precision


def _click_slopes(
    theta: FloatMatrix, sides: tuple[tuple[FloatVector, FloatMatrix], ...]
) -> tuple[FloatMatrix, FloatMatrix]:
    """Gradient and Hessian of the held log likelihood in log-odds and log precision."""
    (a, b), s = _beta_of(theta), np.exp(theta[:, 1])
    first, second = [], []
    for (x, of_value), each in zip(sides, (a, b, s), strict=True):
        once, twice = _gamma_slopes(x, each)
        first.append(_sum(of_value * once))
        second.append(_sum(of_value * twice))
    to_a, to_b = first[0] - first[2], first[1] - first[2]
    aa, bb, ab = second[0] - second[2], second[1] - second[2], -second[2]
    v = a * b / s  # da/d(log-odds) = mean (1 - mean) precision
    bend = v * (b - a) / s
    slope = np.stack([v * (to_a - to_b), a * to_a + b * to_b], axis=1)
    curvature = np.empty((len(s), 2, 2))
    curvature[:, 0, 0] = v**2 * (aa - 2 * ab + bb) + bend * (to_a - to_b)
    curvature[:, 1, 1] = a**2 * aa + 2 * a * b * ab + b**2 * bb + slope[:, 1]
    mixed = v * (a * aa + b * ab - a * ab - b * bb) + slope[:, 0]
    curvature[:, 0, 1] = curvature[:, 1, 0] = mixed
    return slope, curvature


@dataclass(frozen=True, slots=True, eq=False)
class CountBlock:
    """A count, negative binomial; parameters are mean and size (variance mean + mean² / size)."""

    counts: Tally
    n_parameters: int = 2

    @property
    def of_row(self) -> IntVector:
        """Which value each row has, shape (n_rows,)."""
        return self.counts.of_row

    def held(self, weights: FloatMatrix) -> FloatMatrix:
        """Users that each class holds of each count, shape (n_values, k)."""
        return self.counts.held(weights)

    def log_density(self, law: FloatMatrix) -> FloatMatrix:
        """Log probability of each count in each class, shape (n_values, k)."""
        from scipy.special import gammaln

        mean, size = law.T
        x = self.counts.values
        density: FloatMatrix = _gamma_ratio(x, size) - gammaln(x + 1)[:, np.newaxis]
        density += x[:, np.newaxis] * (np.log(mean) - np.log(size + mean))
        density -= size * np.log1p(mean / size)
        return density

    def start(self, held: FloatMatrix) -> FloatMatrix:
        """Means of the classes, at size 1."""
        mean = self._means(held)
        return np.stack([mean, np.ones(len(mean))], axis=1)

    def _means(self, held: FloatMatrix) -> FloatVector:
        users = np.maximum(_sum(held), _MIN_SHARE)
        return np.maximum(_totals(self.counts.values, held) / users, _MIN_MEAN)

    def improve(self, law: FloatMatrix, held: FloatMatrix) -> FloatMatrix:
        """Take the mean, which is best for every size, and one guarded step in log size."""
        mean, users = self._means(held), _sum(held)
        x = self.counts.values

        def value(theta: FloatMatrix) -> FloatVector:
            size = np.exp(theta[:, 0])
            ratios = _sum(held * _gamma_ratio(x, size))
            at_mean = size * np.log1p(mean / size) + mean * np.log(size + mean)
            return ratios - users * at_mean

        def surface(theta: FloatMatrix) -> tuple[FloatVector, FloatMatrix, FloatMatrix]:
            size = np.exp(theta[:, 0])
            once, twice = _gamma_slopes(x, size)
            first = _sum(held * once) - users * np.log1p(mean / size)
            second = _sum(held * twice) + users * mean / (size * (size + mean))
            slope = size * first
            curvature = size**2 * second + slope
            return value(theta), slope[:, np.newaxis], curvature[:, np.newaxis, np.newaxis]

        low, high = np.array([_NARROWEST]), np.array([_WIDEST])
        theta = np.clip(np.log(law[:, 1:]), low, high)
        found = ascend(theta, surface, value, low=low, high=high)
        return np.stack([mean, np.exp(found[:, 0])], axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class LevelBlock:
    """Levels of a categorical feature; parameters are their shares in the class.

    A level that was never seen tells nothing: the codes of such rows are `n_levels`.
    """

    of_row: IntVector
    n_levels: int

    @property
    def n_parameters(self) -> int:
        """Shares sum to 1."""
        return self.n_levels - 1

    def held(self, weights: FloatMatrix) -> FloatMatrix:
        """Users that each class holds of each level, shape (n_levels + 1, k)."""
        return Tally(np.zeros(self.n_levels + 1), self.of_row).held(weights)

    def log_density(self, law: FloatMatrix) -> FloatMatrix:
        """Log share of each level in each class, 0 for what was never seen."""
        return np.vstack([np.log(law.T), np.zeros((1, len(law)))])

    def start(self, held: FloatMatrix) -> FloatMatrix:
        """Shares of the held users, each pulled towards equal shares by one user."""
        of_level = held[:-1] + 1 / self.n_levels
        return (of_level / _sum(of_level)).T

    def improve(self, law: FloatMatrix, held: FloatMatrix) -> FloatMatrix:
        """Take the shares of the held users; a billionth at least, so that nothing is ruled out."""
        of_level = held[:-1].T
        users = of_level.sum(axis=1, keepdims=True)
        shares: FloatMatrix = np.divide(of_level, users, out=law.copy(), where=users > 0)
        shares = np.maximum(shares, _MIN_SHARE)
        shares /= shares.sum(axis=1, keepdims=True)
        return shares


def _logit(mean: FloatVector) -> FloatVector:
    odds: FloatVector = np.log(mean) - np.log1p(-mean)
    return odds


def _sum(of_value: FloatMatrix) -> FloatVector:
    total: FloatVector = of_value.sum(axis=0)
    return total


def _totals(values: FloatVector | IntVector, held: FloatMatrix) -> FloatVector:
    return _sum(values[:, np.newaxis] * held)


def _rising(counts: Tally, base: FloatVector) -> FloatMatrix:
    return _gamma_ratio(counts.values, base)[counts.of_row]


def _gamma_ratio(x: FloatVector, base: FloatVector) -> FloatMatrix:
    """Log of base (base + 1) … (base + x - 1), shape (n_values, k)."""
    if _is_dense(x):
        return _cumulated(np.log(_steps(x, base)), x)
    from scipy.special import gammaln

    ratio: FloatMatrix = gammaln(x[:, np.newaxis] + base) - gammaln(base)
    return ratio


def _gamma_slopes(x: FloatVector, base: FloatVector) -> tuple[FloatMatrix, FloatMatrix]:
    """First and second derivative of `_gamma_ratio` in its base."""
    if _is_dense(x):
        inverse = 1 / _steps(x, base)
        return _cumulated(inverse, x), -_cumulated(inverse * inverse, x)
    from scipy.special import digamma, zeta

    moved = x[:, np.newaxis] + base
    return digamma(moved) - digamma(base), zeta(2.0, moved) - zeta(2.0, base)


def _is_dense(x: FloatVector) -> bool:
    """Whether sums up to the largest count cost less than a gamma function for each."""
    return float(x.max(initial=0.0)) <= _MAX_STEPS + _STEPS_PER_VALUE * len(x)


def _steps(x: FloatVector, base: FloatVector) -> FloatMatrix:
    return np.arange(x.max(initial=0.0))[:, np.newaxis] + base


def _cumulated(terms: FloatMatrix, x: FloatVector) -> FloatMatrix:
    """Sums of the first x terms, shape (n_values, k)."""
    sums = np.zeros((len(terms) + 1, terms.shape[1]))
    np.cumsum(terms, axis=0, out=sums[1:])
    return sums[x.astype(np.int64)]
