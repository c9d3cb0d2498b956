"""Find the elbow of a curve of inertias."""

from collections.abc import Sequence

import numpy as np

# Rounding of normalised values; a straight line stays below it.
_STRAIGHT = 1e-9


def find_knee(n_clusters: Sequence[int], inertia: Sequence[float]) -> int | None:
    """Find the elbow: the point farthest below the chord of the normalised curve.

    Both axes are scaled to [0, 1]; the elbow of a falling convex curve is where `1 - x - y` is
    largest, the smallest number of clusters of several. Any convex curve has such a point, that of
    data without clusters as well, and it moves with the range of numbers tried: it describes the
    curve and proves nothing.

    The numbers of clusters are distinct, in any order, with the inertia of each. There is no elbow
    of fewer than three points, and none of a curve that does not fall or lies nowhere below its
    chord.

    Raises ValueError if the lengths differ or a number of clusters appears twice.

    References
    ----------
    Satopää, V., Albrecht, J., Irwin, D. and Raghavan, B. (2011). Finding a "kneedle" in a
    haystack: detecting knee points in system behavior. ICDCS workshops. Without its smoothing and
    sensitivity, which matter for noisy curves of many points.

    Examples
    --------
    >>> find_knee([2, 3, 4, 5, 6], [100.0, 40.0, 20.0, 10.0, 0.0])
    3
    >>> find_knee([2, 3, 4], [30.0, 20.0, 10.0]) is None
    True
    """
    if len(n_clusters) != len(inertia) or len(set(n_clusters)) != len(n_clusters):
        raise ValueError(
            f"found {len(n_clusters)} numbers of clusters, {len(set(n_clusters))} of them "
            f"different, and {len(inertia)} inertias; expected one inertia for each number"
        )
    if len(n_clusters) < 3:
        return None
    order = np.argsort(n_clusters)
    x = np.asarray(n_clusters, dtype=np.float64)[order]
    y = np.asarray(inertia, dtype=np.float64)[order]
    if not y[0] > y[-1]:
        return None
    below_chord = (x[-1] - x) / (x[-1] - x[0]) - (y - y[-1]) / (y[0] - y[-1])
    # Rounded, so that of points equally far the first is taken.
    farthest = int(np.argmax(below_chord.round(12)))
    return int(x[farthest]) if below_chord[farthest] > _STRAIGHT else None
