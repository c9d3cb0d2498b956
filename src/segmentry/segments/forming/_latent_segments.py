"""Latent classes as segments."""

from dataclasses import dataclass, replace

import numpy as np

from segmentry.schema.arrays import FloatMatrix, FloatVector, IntVector
from segmentry.segments.latent import LatentFit, LatentModel


@dataclass(frozen=True, slots=True, eq=False)
class LatentSegments:
    """What latent classes say beyond who is where.

    Parameters
    ----------
    model : LatentModel
        Class `i` is segment `i + 1`.
    memberships : ndarray of float, shape (n_users, n_classes)
        Probability of each class; 0 for users that belong to no segment.
    rates : ndarray of float, shape (n_users,), or None
        The CTR to be expected of each user, over all classes; NaN for users that belong to no
        segment. Null where clicks formed no class.
    by_icl : int
        The number that the ICL would choose.
    """

    model: LatentModel
    memberships: FloatMatrix
    rates: FloatVector | None
    fits: tuple[LatentFit, ...]
    by_icl: int

    def reordered(self, order: IntVector) -> "LatentSegments":
        """Return the same classes in another order: class `order[i]` comes to place `i`."""
        model = self.model.reordered(order)
        return replace(self, model=model, memberships=self.memberships[:, order])


def place_by_class(memberships: FloatMatrix) -> tuple[IntVector, FloatVector]:
    """Return the likeliest class of each row, and how much likelier it is than the next.

    Examples
    --------
    >>> labels, margins = place_by_class(np.array([[0.2, 0.7, 0.1], [1.0, 0.0, 0.0]]))
    >>> labels, margins.round(2)
    (array([1, 0]), array([0.5, 1. ]))
    """
    labels = memberships.argmax(axis=1)
    if memberships.shape[1] == 1:
        return labels, np.ones(len(labels))
    largest = -np.partition(-memberships, 1, axis=1)[:, :2]
    return labels, largest[:, 0] - largest[:, 1]
