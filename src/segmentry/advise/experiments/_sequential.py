"""Looks at a test before its end: how far apart arms must be at each, and what looking costs."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Literal, TypeAlias

import numpy as np

from segmentry.schema.arrays import FloatVector

Spending: TypeAlias = Literal["obrien-fleming", "pocock"]
SPENDINGS: tuple[Spending, ...] = ("obrien-fleming", "pocock")
_N_NODES = 256
_FAR = 8.0
"""Standard deviations beyond which nothing lies."""


def spent(fraction: float, *, alpha: float, spending: Spending) -> float:
    """Return how much of a two-sided alpha may be used up to a fraction of the information.

    Lan and DeMets (1983, Biometrika 70, 659-663), half of alpha on each side, as gsDesign and
    ldbounds have it.

    >>> round(spent(0.5, alpha=0.05, spending="obrien-fleming"), 5)
    0.00305
    >>> round(spent(0.5, alpha=0.05, spending="pocock"), 5)
    0.03101
    """
    from scipy.special import ndtr, ndtri

    if fraction >= 1:
        return alpha
    if spending == "pocock":
        return float(alpha * np.log1p((np.e - 1) * fraction))
    return float(4 * ndtr(ndtri(alpha / 4) / np.sqrt(fraction)))


@cache
def critical_values(
    fractions: tuple[float, ...], *, alpha: float, spending: Spending
) -> tuple[float, ...]:
    """Return by how many standard errors arms must differ at each look, two-sided.

    `fractions` of the information at each look rise to 1. All looks together find something where
    there is nothing with the probability alpha: by the recursion of Armitage, McPherson and Rowe
    (1969, J. R. Statist. Soc. A 132, 235-244) for the sums of a Brownian motion (Jennison and
    Turnbull 2000, Group Sequential Methods, ch. 19), integrated by Gauss and Legendre.

    >>> [round(z, 3) for z in critical_values((1 / 3, 2 / 3, 1.0), alpha=0.05, spending="pocock")]
    [2.279, 2.295, 2.296]
    """
    from scipy.optimize import brentq

    found: list[float] = []
    used, walk = 0.0, _Walk.begun(0.0)
    for fraction in fractions:
        wanted = spent(fraction, alpha=alpha, spending=spending)
        excess = partial(_excess, walk, fraction, wanted - used)
        found.append(float(brentq(excess, 0.0, _FAR + 2, xtol=1e-10)))
        used, walk = wanted, walk.within(found[-1], fraction)
    return tuple(found)


def _excess(walk: "_Walk", at: float, wanted: float, z: float) -> float:
    return walk.beyond(z, at) - wanted


def chance_by_look(
    fractions: Sequence[float], values: Sequence[float], *, drift: float
) -> list[float]:
    """Return the probability that arms differ by more than the critical values, look by look.

    `drift` is by how many standard errors they truly differ at the last look.

    >>> round(sum(chance_by_look([0.5, 1.0], [2.178, 2.178], drift=0.0)), 4)
    0.05
    """
    found, walk = [], _Walk.begun(drift)
    for fraction, z in zip(fractions, values, strict=True):
        found.append(walk.beyond(z, fraction))
        walk = walk.within(z, fraction)
    return found


@cache
def drift_needed(
    fractions: tuple[float, ...], *, alpha: float, spending: Spending, power: float
) -> float:
    """Return the difference, in standard errors at the last look, that is found with this power.

    >>> one = drift_needed((1.0,), alpha=0.05, spending="pocock", power=0.8)
    >>> three = drift_needed((1 / 3, 2 / 3, 1.0), alpha=0.05, spending="pocock", power=0.8)
    >>> round(one, 3), round((three / one) ** 2, 3)  # what looking costs in users or days
    (2.802, 1.17)
    """
    from scipy.optimize import brentq

    values = critical_values(fractions, alpha=alpha, spending=spending)

    def lacking(drift: float) -> float:
        return sum(chance_by_look(fractions, values, drift=drift)) - power

    return float(brentq(lacking, 0.0, 20.0, xtol=1e-9))


@cache
def _nodes() -> tuple[FloatVector, FloatVector]:
    """Return places and weights of Gauss and Legendre: they take longer than the look itself."""
    places, weights = np.polynomial.legendre.leggauss(_N_NODES)
    return places, weights


@dataclass(frozen=True, slots=True, eq=False)
class _Walk:
    """Where the sum stands that has crossed nothing so far, as masses on nodes."""

    at: float
    nodes: FloatVector
    masses: FloatVector
    drift: float

    @classmethod
    def begun(cls, drift: float) -> "_Walk":
        """Return the walk before the first look: at 0."""
        return cls(0.0, np.zeros(1), np.ones(1), drift)

    def beyond(self, z: float, at: float) -> float:
        """Return the probability that it is beyond a critical value on either side later."""
        from scipy.special import ndtr

        bound, step = z * np.sqrt(at), np.sqrt(at - self.at)
        middle = self.nodes + self.drift * (at - self.at)
        both = ndtr((middle - bound) / step) + ndtr((-bound - middle) / step)
        return float(both @ self.masses)

    def within(self, z: float, at: float) -> "_Walk":
        """Return the walk after a look at which it was not beyond."""
        bound, middle, spread = z * np.sqrt(at), self.drift * at, _FAR * np.sqrt(at)
        low, high = max(-bound, middle - spread), min(bound, middle + spread)
        if low >= high:  # it has crossed, as good as surely
            return _Walk(at, np.zeros(1), np.zeros(1), self.drift)
        places, weights = _nodes()
        points = (low + high) / 2 + (high - low) / 2 * places
        step = np.sqrt(at - self.at)
        off = (points[:, np.newaxis] - self.nodes - self.drift * (at - self.at)) / step
        density = np.exp(-(off**2) / 2) @ self.masses / (step * np.sqrt(2 * np.pi))
        return _Walk(at, points, density * weights * (high - low) / 2, self.drift)
