"""A fitted mixture as plain data, and what it says of users."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from segmentry.schema.arrays import FloatMatrix, FloatVector, IntMatrix, IntVector
from segmentry.segments.latent._blocks import Block, CountBlock, LevelBlock, click_block, tally


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of what a class says of its users."""

    kind: Literal["clicks", "count", "levels"]
    """Clicks given impressions (two columns), a count, or the codes of levels (one column)."""
    feature: str
    offset: int = 0
    """Taken from a count before it is modelled: 1 where all users have at least 1."""
    levels: tuple[str, ...] = ()
    """Of a "levels" part, in the order of the codes; the code after the last says that the level
    was never seen."""

    @property
    def n_columns(self) -> int:
        """Columns of the matrix that the part takes."""
        return 2 if self.kind == "clicks" else 1


@dataclass(frozen=True, slots=True, kw_only=True)
class LatentModel:
    """A mixture of K classes; plain numbers, so that it is saved as JSON."""

    shares: tuple[float, ...]
    """Share of each class, falling."""
    parts: tuple[Part, ...]
    laws: tuple[tuple[tuple[float, ...], ...], ...]
    """For each part and class the parameters: mean and precision of the CTR, mean and size of a
    count (beyond its offset), shares of the levels."""

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return len(self.shares)

    def reordered(self, order: IntVector) -> "LatentModel":
        """Return the same model with class `order[i]` at place `i`."""
        places = [int(place) for place in order]
        return replace(
            self,
            shares=tuple(self.shares[place] for place in places),
            laws=tuple(tuple(law[place] for place in places) for law in self.laws),
        )

    @property
    def class_rates(self) -> tuple[float, ...] | None:
        """Mean CTR of each class; null where clicks are no part of the model."""
        for part, law in zip(self.parts, self.laws, strict=True):
            if part.kind == "clicks":
                return tuple(row[0] for row in law)
        return None


def blocks_of(parts: Sequence[Part], matrix: IntMatrix) -> tuple[Block, ...]:
    """Tally the columns of each part.

    >>> parts = (Part(kind="clicks", feature="ctr"), Part(kind="count", feature="n_ads"))
    >>> len(blocks_of(parts, np.array([[5, 1, 3], [2, 0, 2]])))
    2
    >>> blocks_of(parts, np.array([[5, 6, 3]]))
    Traceback (most recent call last):
    ...
    ValueError: clicks: found a row outside 0..impressions
    """
    n_columns = sum(part.n_columns for part in parts)
    if matrix.ndim != 2 or matrix.shape[1] != n_columns:
        raise ValueError(f"matrix: found shape {matrix.shape}, expected {n_columns} columns")
    blocks: list[Block] = []
    place = 0
    for part in parts:
        column = matrix[:, place]
        if part.kind == "clicks":
            n, c = column, matrix[:, place + 1]
            if np.any(c > n) or np.any(c < 0):
                raise ValueError("clicks: found a row outside 0..impressions")
            blocks.append(click_block(n, c))
        elif part.kind == "count":
            # New users may have less than all users had when the model was fitted.
            blocks.append(CountBlock(tally(np.maximum(column - part.offset, 0))))
        else:
            blocks.append(LevelBlock(of_row=column, n_levels=len(part.levels)))
        place += part.n_columns
    return tuple(blocks)


def expect(
    blocks: Sequence[Block], shares: FloatVector, laws: Sequence[FloatMatrix]
) -> tuple[FloatMatrix, FloatVector]:
    """Return memberships (n_rows, k) and the log likelihood of each row (n_rows,)."""
    joint = np.broadcast_to(np.log(shares), (len(blocks[0].of_row), len(shares))).copy()
    for block, law in zip(blocks, laws, strict=True):
        joint += block.log_density(law)[block.of_row]
    top = joint.max(axis=1, keepdims=True)
    joint -= top
    np.exp(joint, out=joint)
    total = joint.sum(axis=1, keepdims=True)
    joint /= total
    return joint, (np.log(total) + top)[:, 0]


def posterior(model: LatentModel, matrix: IntMatrix) -> FloatMatrix:
    """Return the probability of each class for each row, shape (n_rows, k).

    `matrix`, shape (n_rows, n_columns), holds the columns of the parts, one part after the other.

    >>> model = LatentModel(
    ...     shares=(0.5, 0.5),
    ...     parts=(Part(kind="levels", feature="city", levels=("a", "b")),),
    ...     laws=(((0.9, 0.1), (0.3, 0.7)),),
    ... )
    >>> posterior(model, np.array([[0], [1], [2]])).round(3)  # code 2: never seen, tells nothing
    array([[0.75 , 0.25 ],
           [0.125, 0.875],
           [0.5  , 0.5  ]])
    """
    laws = [np.array(law) for law in model.laws]
    memberships, _ = expect(blocks_of(model.parts, matrix), np.array(model.shares), laws)
    return memberships


def soft_rates(model: LatentModel, matrix: IntMatrix, memberships: FloatMatrix) -> FloatVector:
    """Return the CTR to be expected of each row, shape (n_rows,).

    The sum over classes of the membership, shape (n_rows, k), times the mean of the row's own CTR
    in that class, given its clicks and impressions: (c + a) / (n + a + b).

    Raises ValueError if clicks are not the first part of the model.

    >>> model = LatentModel(
    ...     shares=(1.0,),
    ...     parts=(Part(kind="clicks", feature="ctr"),),
    ...     laws=(((0.05, 20.0),),),
    ... )
    >>> soft_rates(model, np.array([[0, 0], [20, 3]]), np.ones((2, 1)))
    array([0.05, 0.1 ])
    """
    if model.parts[0].kind != "clicks":
        raise ValueError("parts: expected clicks first; without them no CTR is modelled")
    mean, precision = np.array(model.laws[0]).T
    n, c = matrix[:, :1], matrix[:, 1:2]
    in_class = (c + mean * precision) / (n + precision)
    rates: FloatVector = (memberships * in_class).sum(axis=1)
    return rates
