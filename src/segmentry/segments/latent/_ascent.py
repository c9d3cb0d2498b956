"""One guarded Newton step for many small problems at once."""

from collections.abc import Callable

import numpy as np

from segmentry.schema.arrays import FloatMatrix, FloatVector

Surface = Callable[[FloatMatrix], tuple[FloatVector, FloatMatrix, FloatMatrix]]
"""From (k, p) to values (k,), gradients (k, p) and Hessians (k, p, p)."""

_LONGEST = 2.0
_FLATTEST = 1e-12
_N_HALVINGS = 12


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

    Examples
    --------
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
