"""Draw a small weighted sample of distinct rows that stands for all users."""

import numpy as np

from segmentry.schema.arrays import FloatVector
from segmentry.segments.clustering.rows import DistinctRows

__all__ = ["sample_rows"]


def sample_rows(distinct: DistinctRows, *, n_rows: int, rng: np.random.Generator) -> DistinctRows:
    """Draw distinct rows with probability by weight, and weights that make totals unbiased.

    Systematic sampling with probability proportional to size, without replacement: a row heavier
    than a threshold is certain and keeps its weight; any other stands for the threshold. Unlike
    drawing users, it yields `n_rows` distinct rows however uneven the weights are, and since the
    rows are sorted, it spreads the sample over the first columns.

    References
    ----------
    Madow, W. G. (1949). On the theory of systematic sampling, II. Annals of Mathematical
    Statistics 20(3), 333-354.

    Examples
    --------
    >>> import numpy as np
    >>> from segmentry.segments.clustering import distinct_rows
    >>> distinct = distinct_rows(np.arange(100.0)[:, np.newaxis])
    >>> sample = sample_rows(distinct, n_rows=5, rng=np.random.default_rng(0))
    >>> sample.rows.ravel()
    array([ 7., 27., 47., 67., 87.])
    >>> sample.weights
    array([20., 20., 20., 20., 20.])
    """
    if len(distinct.rows) <= n_rows:
        return distinct
    threshold = _certainty_threshold(distinct.weights, n_rows)
    shares = np.minimum(distinct.weights / threshold, 1.0)
    steps = np.floor(np.cumsum(shares) + rng.random()).astype(np.int64)
    drawn = np.flatnonzero(np.diff(steps, prepend=0) > 0)
    return DistinctRows(
        rows=distinct.rows[drawn],
        weights=np.maximum(distinct.weights[drawn], threshold),
        inverse=np.arange(len(drawn), dtype=np.int64),
    )


def _certainty_threshold(weights: FloatVector, n_rows: int) -> float:
    """Weight from which on a row is certain, so that `sum(min(w / threshold, 1))` is `n_rows`.

    With the j heaviest certain, the others share `n_rows - j` places; the right j is the smallest
    for which none of the others deserves more than one place.
    """
    falling = np.sort(weights)[::-1]
    left = np.cumsum(falling[::-1])[::-1][:n_rows]
    thresholds = left / (n_rows - np.arange(n_rows))
    return float(thresholds[np.argmax(falling[:n_rows] <= thresholds)])
