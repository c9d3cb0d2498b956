"""Segments of an earlier fit, and other users put into them."""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from segmentry.errors import DataError, EmptyDataError, SelectionError
from segmentry.features import BEHAVIOURS_SCALE_WITH_WINDOW, SCALES_WITH_WINDOW
from segmentry.schema import UNASSIGNED, Window
from segmentry.schema.arrays import FloatMatrix, FloatVector, IntMatrix, IntVector
from segmentry.segments.clustering import assign, clustering_of, distinct_with
from segmentry.segments.forming._cell_model import CellModel
from segmentry.segments.forming._cells import place_by_cell
from segmentry.segments.forming._latent_classes import (
    LatentSegments,
    latent_matrix,
    place_by_class,
)
from segmentry.segments.forming._recipes import Recipe
from segmentry.segments.forming._segmentation import Segmentation, segmentation_of
from segmentry.segments.forming._selection import Selection, make_candidate, silhouettes_by_number
from segmentry.segments.forming._users import PreparedUsers, membership
from segmentry.segments.latent import LatentModel, posterior, soft_rates
from segmentry.segments.preprocessing import Preprocessing

_RULE = "The segments are those of an earlier run; nothing was chosen on these users."


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FrozenSegments:
    """All that puts users into segments that were formed before."""

    recipe: Recipe
    algorithm: str
    preprocessing: Preprocessing
    centers: FloatMatrix
    """Shape (n_segments, n_columns)."""
    latent: LatentModel | None = None
    cells: CellModel | None = None
    """`latent`, `cells`: where the algorithm is one of them, they place users, not the centres."""
    window: Window
    """Of the users that `preprocessing` takes."""
    behaviour_window: Window | None = None
    before: pl.DataFrame | None = None
    """``user_id, segment_id, nearest_id`` of the window before: who was in a segment stays in it
    unless another is clearly nearer, as `assign` says. Cells have no memory: time alone moves a
    user there."""

    def in_windows(self, window: Window, behaviour_window: Window | None) -> "FrozenSegments":
        """Return the same segments for users of other windows.

        Counts that grow with the days are taken as of windows as long as those that formed the
        segments. Latent classes take counts as they are: they weigh the evidence by them.
        """
        if self.latent is not None:
            return self
        found = self.multiplied(SCALES_WITH_WINDOW, self.window.n_days / window.n_days)
        if self.behaviour_window is not None and behaviour_window is not None:
            factor = self.behaviour_window.n_days / behaviour_window.n_days
            found = found.multiplied(BEHAVIOURS_SCALE_WITH_WINDOW, factor)
        return replace(found, window=window, behaviour_window=behaviour_window)

    def multiplied(self, names: frozenset[str], factor: float) -> "FrozenSegments":
        """Return the same segments for counts of some features in another unit."""
        cells = self.cells
        return replace(
            self,
            preprocessing=self.preprocessing.multiplied(names, factor),
            cells=None if cells is None else cells.multiplied(names, factor),
        )

    def place(self, table: pl.DataFrame) -> tuple[IntVector, FloatVector]:
        """Return id and margin of each user, shape (n_users,); 0 and NaN where there is no segment.

        Of each row alone: what it gets does not depend on the others.

        Raises SchemaError if the table lacks a feature, DataError if a distance is not finite.
        """
        is_member, _ = membership(self.recipe, self.preprocessing, table)
        if is_member.all() and is_member.size:
            labels, margins = self._finite_labels(table)
            return labels + 1, margins
        ids = np.full(table.height, UNASSIGNED, dtype=np.int64)
        margins = np.full(table.height, np.nan)
        if is_member.any():
            labels, found = self._finite_labels(table.filter(is_member))
            ids[is_member], margins[is_member] = labels + 1, found
        return ids, margins

    def _finite_labels(self, members: pl.DataFrame) -> tuple[IntVector, FloatVector]:
        try:
            with np.errstate(over="ignore", invalid="ignore"):
                labels, margins = self._labels(members)
        except ValueError as error:
            raise DataError(f"users cannot be placed: {error}") from error
        n_far = int((~np.isfinite(margins)).sum())
        if n_far:
            raise DataError(
                f"the values of {n_far:,} users, or the segments, are too far off for a distance; "
                "check the unit of the features, or form the segments again"
            )
        return labels, margins

    def ids_before(self, users: pl.DataFrame) -> IntMatrix | None:
        """Return where users were in the window before, and the nearest, shape (n_users, 2).

        0 is none; None where there is no memory.
        """
        if self.before is None or self.cells is not None:
            return None
        found = users.select("user_id").join(
            self.before, on="user_id", how="left", maintain_order="left"
        )
        return found.select("segment_id", "nearest_id").fill_null(UNASSIGNED).to_numpy()

    def _labels(self, members: pl.DataFrame) -> tuple[IntVector, FloatVector]:
        ids = self.ids_before(members)
        before = None if ids is None else ids - 1
        if self.latent is not None:
            matrix = latent_matrix(self.latent.parts, members)
            return place_by_class(posterior(self.latent, matrix), before=before)
        X = self.preprocessing.transform(members)
        if self.cells is not None:
            return place_by_cell(self.cells, members, X=X, centers=self.centers)
        return assign(X, self.centers, before=before)


def keep_segments(
    frozen: FrozenSegments, table: pl.DataFrame, *, seed: int = 0, is_exact: bool = False
) -> Segmentation:
    """Return a segmentation of these users by segments that were formed before.

    Parameters
    ----------
    table : DataFrame, (n_users, ...)
        User table sorted by ``user_id``, its features made as they were for the earlier fit.
    is_exact : bool
        As for `find_segments`.

    Raises
    ------
    EmptyDataError
        If no user can be placed.
    SelectionError
        If a segment has no user.
    """
    is_member, unassigned = membership(frozen.recipe, frozen.preprocessing, table)
    if not is_member.any():
        raise EmptyDataError("no user of these data can be placed in the segments")
    ids, margins = frozen.place(table)
    members, k = table.filter(is_member), len(frozen.centers)
    labels = ids[is_member] - 1
    empty = np.flatnonzero(np.bincount(labels, minlength=k) == 0) + 1
    if empty.size:
        raise SelectionError(
            f"segment {', '.join(map(str, empty))} of the earlier run has no user here; expected "
            "at least one user in each"
        )
    X = frozen.preprocessing.transform(members)
    # Classes and cells may part users whose clipped rows of `X` are equal.
    distinct, firsts = distinct_with(labels[:, np.newaxis], X)
    clustering = clustering_of(
        distinct, firsts[:, 0].astype(np.int64), n_clusters=k, algorithm=frozen.algorithm
    )
    measured = silhouettes_by_number(distinct, [clustering], seed=seed, is_exact=is_exact)
    candidate = make_candidate(distinct, clustering, measured.scores.get(k))
    return segmentation_of(
        frozen.recipe,
        PreparedUsers(frozen.preprocessing, is_member, unassigned, distinct),
        distinct,
        Selection.kept(candidate, rule=_RULE),
        algorithm=frozen.algorithm,
        centers=frozen.centers,
        labels=labels,
        margins=margins[is_member],
        measured=measured,
        latent=_classes(frozen.latent, members, is_member),
        cells=frozen.cells,
        ids_before=frozen.ids_before(table),
    )


def _classes(
    model: LatentModel | None, members: pl.DataFrame, is_member: np.typing.NDArray[np.bool_]
) -> LatentSegments | None:
    """Say how much each user belongs to the classes; nothing was fitted."""
    if model is None:
        return None
    matrix = latent_matrix(model.parts, members)
    of_members = posterior(model, matrix)
    memberships = np.zeros((is_member.size, model.n_classes))
    memberships[is_member] = of_members
    rates = None
    if model.class_rates is not None:
        rates = np.full(is_member.size, np.nan)
        rates[is_member] = soft_rates(model, matrix, of_members)
    return LatentSegments(
        model=model, memberships=memberships, rates=rates, fits=(), by_icl=model.n_classes
    )
