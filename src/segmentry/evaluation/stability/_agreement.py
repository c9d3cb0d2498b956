"""How two divisions of the same users agree: one weighted table, every measure from it."""

import numpy as np

from segmentry.schema.arrays import FloatVector, IntVector


def contingency(
    first: IntVector, second: IntVector, *, weights: FloatVector | None = None
) -> FloatVector:
    """Count users by their label in one division and in another: (n_labels, n_other_labels).

    Labels count from 0; `weights` are the users that each row stands for, 1 by default.

    >>> contingency(np.array([0, 0, 1]), np.array([1, 0, 1]))
    array([[1., 1.],
           [0., 1.]])
    """
    shape = (int(first.max(initial=-1)) + 1, int(second.max(initial=-1)) + 1)
    cells = first * shape[1] + second
    counted = np.bincount(cells, weights=weights, minlength=shape[0] * shape[1])
    return counted.astype(np.float64).reshape(shape)


def adjusted_rand(table: FloatVector) -> float:
    """Agreement of pairs of users beyond chance: 1 for equal divisions, about 0 for unrelated.

    Notes
    -----
    Hubert and Arabie (1985), J. Classif. 2, 193-218, eq. 5. Two divisions that are both one
    segment, or both as many as users, are equal: 1.

    Examples
    --------
    >>> adjusted_rand(np.array([[3.0, 0.0], [0.0, 2.0]]))
    1.0
    >>> round(adjusted_rand(np.array([[2.0, 1.0], [1.0, 2.0]])), 3)
    -0.111
    """

    def pairs(counts: FloatVector) -> float:
        return float(np.sum(counts * (counts - 1))) / 2

    both, of_first, of_second = pairs(table), pairs(table.sum(axis=1)), pairs(table.sum(axis=0))
    everyone = pairs(table.sum(keepdims=True))
    expected = of_first * of_second / everyone if everyone else 0.0
    largest = (of_first + of_second) / 2
    return 1.0 if largest == expected else (both - expected) / (largest - expected)


def jaccards(table: FloatVector) -> FloatVector:
    """Users in both over users in either, for each pair of labels; 0 where both are empty.

    >>> jaccards(np.array([[3.0, 1.0], [0.0, 4.0]]))
    array([[0.75 , 0.125],
           [0.   , 0.8  ]])
    """
    either = table.sum(axis=1, keepdims=True) + table.sum(axis=0, keepdims=True) - table
    shares: FloatVector = np.divide(table, either, out=np.zeros_like(table), where=either > 0)
    return shares
