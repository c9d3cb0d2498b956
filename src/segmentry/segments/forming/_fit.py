"""From a user table to a `Segmentation`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl

from segmentry.errors import EmptyDataError, SchemaError, SelectionError
from segmentry.runtime.threads import map_in_threads
from segmentry.schema import UNASSIGNED, Estimate
from segmentry.segments.clustering import (
    Clustering,
    DistinctRows,
    PrincipalComponents,
    SilhouetteSample,
    SilhouetteScore,
    assign,
    calinski_harabasz,
    cluster_moments,
    davies_bouldin,
    distinct_rows,
    fit_clusterings,
    fit_pca,
    squared_silhouette,
)
from segmentry.segments.forming._recipes import Recipe
from segmentry.segments.forming._scores import Silhouettes, silhouettes_by_number
from segmentry.segments.forming._selection import Candidate, Decision, Selection, select
from segmentry.segments.preprocessing import ColumnPlan, Preprocessing, fit_preprocessing

if TYPE_CHECKING:
    from segmentry.segments.forming._cells import CellModel
    from segmentry.segments.forming._latent import LatentSegments

__all__ = [
    "Decide",
    "PreparedUsers",
    "Segmentation",
    "find_segments",
    "make_candidate",
    "membership",
    "numbers_to_try",
    "prepare_users",
]

IntVector = npt.NDArray[np.int64]
FloatVector = npt.NDArray[np.float64]
BoolVector = npt.NDArray[np.bool_]

Decide = Callable[[DistinctRows, Sequence[int]], Decision]
"""From the preprocessed users and the numbers that may be chosen to the chosen one."""

_MANY_USERS = 50_000
"""So many users are looked at to tell whether many are alike."""
_USERS = "users of a row"

_UNKNOWN = Estimate(value=None, low=None, high=None)


@dataclass(frozen=True, slots=True, eq=False)
class Segmentation:
    """Segments and all that is needed to put other users into them.

    Parameters
    ----------
    recipe : Recipe
    algorithm : str
    preprocessing : Preprocessing
    centers : ndarray, shape (n_segments, n_columns)
        Centre of segment `i` at row `i - 1`, in the columns of `X`.
    selection : Selection
    components : PrincipalComponents
        Of `X`, for pictures.
    segment_ids : ndarray of int, shape (n_users,)
        1..K in the order of the user table; 0 for users that belong to none.
    margins : ndarray of float, shape (n_users,)
        How clearly a user belongs to the segment, 0..1; NaN where unassigned.
    unassigned : tuple of (str, int)
        Reason and number of users.
    segment_silhouettes : tuple of float or None
        Mean Euclidean silhouette of the sampled users of each segment.
    silhouette_sample : SilhouetteSample or None
        The silhouettes of those users, labels counting from 0; none where no silhouette is defined.
    latent : LatentSegments or None
        The classes and how much each user belongs to them, where the algorithm is "latent".
    cells : CellModel or None
        The cut points and cells, where the algorithm is "cells".
    """

    recipe: Recipe
    algorithm: str
    preprocessing: Preprocessing
    centers: npt.NDArray[np.float64]
    selection: Selection
    components: PrincipalComponents
    segment_ids: IntVector
    margins: FloatVector
    unassigned: tuple[tuple[str, int], ...]
    segment_silhouettes: tuple[float | None, ...]
    silhouette_sample: SilhouetteSample | None = None
    latent: "LatentSegments | None" = None
    cells: "CellModel | None" = None

    @property
    def n_segments(self) -> int:
        """Number of segments; 1 says that there is nothing to tell apart."""
        return self.selection.n_segments

    def _repr_html_(self) -> str:
        """Return sizes and reason for notebooks."""
        n_users = int((self.segment_ids != UNASSIGNED).sum())
        counts = np.bincount(self.segment_ids, minlength=self.n_segments + 1)[1:]
        rows = "".join(
            f"<tr><td>{i}</td><td>{n:,}</td><td>{n / n_users:.1%}</td></tr>"
            for i, n in enumerate(counts.tolist(), start=1)
        )
        return (
            f"<div><p><b>{n_users:,} users in {self.n_segments} segments.</b> "
            f"{escape(self.selection.reason)}</p><table><thead><tr><th>segment</th><th>users</th>"
            f"<th>share</th></tr></thead><tbody>{rows}</tbody></table></div>"
        )


def population_of(recipe: Recipe, table: pl.DataFrame) -> tuple[BoolVector, str]:
    """Tell which users a recipe segments, shape (n_users,), and why the others are left out.

    Raises
    ------
    SchemaError
        If the table lacks the column that tells.
    """
    if recipe.population == "all":
        return np.ones(table.height, dtype=bool), "no row"
    is_by_profile = recipe.population == "profiled"
    name = "is_profiled" if is_by_profile else "n_impressions"
    if name not in table.columns:
        raise SchemaError(
            f"user table: no column {name}; found {', '.join(table.columns)}; "
            f"recipe {recipe.name!r} needs it to tell whom to segment"
        )
    if is_by_profile:
        return table[name].fill_null(value=False).to_numpy(), "no profile"
    return (table[name].fill_null(0) > 0).to_numpy(), "no impression in the window"


def membership(
    recipe: Recipe, preprocessing: Preprocessing, table: pl.DataFrame
) -> tuple[BoolVector, tuple[tuple[str, int], ...]]:
    """Tell which users can be placed, shape (n_users,), and count the others by reason."""
    is_asked, reason = population_of(recipe, table)
    is_complete = preprocessing.complete(table)
    reasons = {reason: ~is_asked, "a feature is unknown": is_asked & ~is_complete}
    counts = tuple((text, int(is_out.sum())) for text, is_out in reasons.items() if is_out.any())
    return is_asked & is_complete, counts


def find_segments(
    table: pl.DataFrame,
    plans: Sequence[ColumnPlan],
    *,
    recipe: Recipe,
    n_segments: Sequence[int] = range(2, 11),
    forced: int | None = None,
    algorithm: str = "kmeans",
    min_share: float = 0.01,
    seed: int = 0,
    weights: FloatVector | None = None,
    is_exact: bool = False,
    decide: Decide | None = None,
    on_fitted: Callable[[int, int], None] | None = None,
    on_block: Callable[[int, int], None] | None = None,
) -> Segmentation:
    """Fit clusterings of the users, choose among them, and number the segments.

    Parameters
    ----------
    table : DataFrame, (n_users, ...)
        User table sorted by ``user_id``.
    plans : sequence of ColumnPlan
        The features that form segments.
    recipe : Recipe
        Says who is segmented.
    n_segments : sequence of int
        The numbers to try; one segment is always among the candidates.
    forced : int, optional
        Take this number, whatever the scores say.
    algorithm : {"kmeans", "minibatch", "bisecting", "latent"}
    min_share : float
        A candidate with a smaller segment is not chosen.
    seed : int
    weights : ndarray of float, shape (n_users,), optional
        How many users each row stands for, above 0; 1 for each when absent. Segments of a row of
        weight 2 are those of two such rows, bit for bit.
    is_exact : bool
        Take the Euclidean silhouette of all users instead of a sample's.
    decide : callable, optional
        Chooses the number of segments, such as `segmentry.validation.weigh_number` with its
        evidence; by default the largest silhouette wins.
    on_fitted : callable, optional
        Called with (clusterings fitted, clusterings in all).
    on_block : callable, optional
        Called with (distinct rows measured, distinct rows in all) where `is_exact`.

    Raises
    ------
    EmptyDataError
        If no user is left to segment.
    SelectionError
        If there are fewer distinct users than segments asked for, K is to be chosen though
        weights are no whole numbers of users, or there are too many distinct rows for `is_exact`.
    """
    if algorithm == "latent":
        # It takes from this module what both share, so it is imported when it is asked for.
        from segmentry.segments.forming._latent import find_latent_segments

        return find_latent_segments(
            table,
            plans,
            recipe=recipe,
            n_segments=n_segments,
            forced=forced,
            min_share=min_share,
            seed=seed,
            weights=weights,
            is_exact=is_exact,
            on_fitted=on_fitted,
            on_block=on_block,
        )
    users = prepare_users(
        table, plans, recipe=recipe, weights=weights, is_forced=forced is not None
    )
    distinct = users.distinct
    tried = numbers_to_try(distinct, n_segments, forced)
    clusterings = _fit_all(distinct, tried, algorithm=algorithm, seed=seed, on_fitted=on_fitted)
    measured = silhouettes_by_number(
        distinct, clusterings, seed=seed, is_exact=is_exact, on_block=on_block
    )
    scores = measured.scores
    selection = select(
        map_in_threads(
            lambda each: make_candidate(distinct, each, scores.get(len(each.centers))), clusterings
        ),
        decide=None if decide is None else lambda numbers: decide(distinct, numbers),
        min_share=min_share,
        forced=forced,
    )
    chosen = next(each for each in clusterings if len(each.centers) == selection.n_segments)
    return _segmentation_of(recipe, users, selection, chosen, measured)


def _segmentation_of(
    recipe: Recipe,
    users: "PreparedUsers",
    selection: Selection,
    chosen: Clustering,
    measured: Silhouettes,
) -> Segmentation:
    """Number the segments of the chosen clustering."""
    k = selection.n_segments
    ids, margins = _place(users.distinct, chosen, users.is_member)
    score = measured.scores.get(k)
    return Segmentation(
        recipe=recipe,
        algorithm=chosen.algorithm,
        preprocessing=users.preprocessing,
        centers=chosen.centers,
        selection=selection,
        components=fit_pca(users.distinct, n_components=3),
        segment_ids=ids,
        margins=margins,
        unassigned=users.unassigned,
        segment_silhouettes=(None,) * k if score is None else score.cluster_means,
        silhouette_sample=measured.samples.get(k),
    )


@dataclass(frozen=True, slots=True, eq=False)
class PreparedUsers:
    """The users that a recipe segments, as rows of `X`.

    Parameters
    ----------
    preprocessing : Preprocessing
    is_member : ndarray of bool, shape (n_users,)
    unassigned : tuple of (str, int)
        Reason and number of the others.
    distinct : DistinctRows
        Of the members.
    """

    preprocessing: Preprocessing
    is_member: BoolVector
    unassigned: tuple[tuple[str, int], ...]
    distinct: DistinctRows


def prepare_users(
    table: pl.DataFrame,
    plans: Sequence[ColumnPlan],
    *,
    recipe: Recipe,
    weights: FloatVector | None = None,
    is_forced: bool = False,
) -> PreparedUsers:
    """Fit the preprocessing on the users that a recipe segments, and find their distinct rows.

    Raises
    ------
    EmptyDataError
        If no user is left to segment.
    SelectionError
        If K is to be chosen though weights are no whole numbers of users.
    """
    if not is_forced and weights is not None and not _are_whole(weights):
        raise SelectionError(
            "weights: found fractions, expected whole numbers of users to choose K; "
            "ask for a number of segments"
        )
    is_asked, reason = population_of(recipe, table)
    if not is_asked.any():
        raise EmptyDataError(
            f"no user is left to segment: {table.height} users, all with {reason}; check the "
            "window and the files"
        )
    asked = table if is_asked.all() else table.filter(is_asked)
    alike = _alike(asked, plans, None if weights is None else weights[is_asked])
    preprocessing = fit_preprocessing(alike.rows, plans, weights=alike.weights)
    is_member, unassigned = membership(recipe, preprocessing, table)
    if not is_member.any():
        raise EmptyDataError("no user is left to segment: each has an unknown feature")
    return PreparedUsers(preprocessing, is_member, unassigned, _distinct_of(alike, preprocessing))


@dataclass(frozen=True, slots=True, eq=False)
class _Alike:
    """Users that are equal in all features that form segments, as one row.

    Parameters
    ----------
    rows : DataFrame, (n_rows, ...)
    weights : ndarray of float, shape (n_rows,), or None
        How many users each stands for; 1 for each when absent.
    place : ndarray of int, shape (n_users,), or None
        The row of each user; users are the rows when absent.
    """

    rows: pl.DataFrame
    weights: FloatVector | None
    place: IntVector | None


def _alike(table: pl.DataFrame, plans: Sequence[ColumnPlan], weights: FloatVector | None) -> _Alike:
    """Put users together before anything is worked out for each, where that makes much less of it.

    It is the same to the last bit: a weight of 2 is the row twice.
    """
    names = list(dict.fromkeys(plan.feature.name for plan in plans))
    is_known = {*names} <= {*table.columns} - {_USERS}
    is_tried = weights is None and table.height >= _MANY_USERS and is_known
    if not is_tried or table.select(names).head(_MANY_USERS).n_unique() > _MANY_USERS // 2:
        return _Alike(table, weights, None)
    users = pl.int_range(pl.len(), dtype=pl.Int64).alias(_USERS)
    found = table.select(*names, users).group_by(names).agg(_USERS)
    counts = found[_USERS].list.len().to_numpy()
    place = np.empty(table.height, dtype=np.int64)
    place[found[_USERS].explode().to_numpy()] = np.repeat(np.arange(found.height), counts)
    return _Alike(found.select(names), counts.astype(np.float64), place)


def _distinct_of(alike: _Alike, preprocessing: Preprocessing) -> DistinctRows:
    """Preprocess the rows that can be placed, and find the distinct ones."""
    is_in = preprocessing.complete(alike.rows)
    weights = None if alike.weights is None else alike.weights[is_in]
    rows = alike.rows if is_in.all() else alike.rows.filter(is_in)
    distinct = distinct_rows(preprocessing.transform(rows), weights=weights)
    if alike.place is None:
        return distinct
    places_in = (np.cumsum(is_in) - 1)[alike.place[is_in[alike.place]]]
    return replace(distinct, inverse=distinct.inverse[places_in])


def _are_whole(weights: FloatVector) -> bool:
    return bool(np.array_equal(weights, np.floor(weights)))


def numbers_to_try(
    distinct: DistinctRows, n_segments: Sequence[int], forced: int | None
) -> list[int]:
    """Return one segment, the asked-for numbers that the users allow, and the forced one."""
    n_distinct = len(distinct.rows)
    asked = sorted({*n_segments} if forced is None else {*n_segments, forced})
    if not asked:
        raise SelectionError("no number of segments to try; expected at least one, such as 2:10")
    if any(k < 1 for k in asked):
        raise SelectionError(f"K = {asked[0]}: expected at least one segment")
    least = min(asked) if forced is None else forced
    if least > n_distinct:
        raise SelectionError(
            f"K = {least}: found {n_distinct} distinct users among "
            f"{int(distinct.weights.sum())}, expected at least {least}; ask for fewer segments "
            "or use more features"
        )
    return sorted({1, *(k for k in asked if k <= n_distinct)})


def _fit_all(
    distinct: DistinctRows,
    tried: Sequence[int],
    *,
    algorithm: str,
    seed: int,
    on_fitted: Callable[[int, int], None] | None,
) -> tuple[Clustering, ...]:
    done = 0

    def count(_: Clustering) -> None:
        nonlocal done
        done += 1
        if on_fitted is not None:
            on_fitted(done, len(tried))

    return fit_clusterings(
        distinct, n_clusters=tried, algorithm=algorithm, seed=seed, on_fitted=count
    )


def make_candidate(
    distinct: DistinctRows, clustering: Clustering, score: SilhouetteScore | None
) -> Candidate:
    """Score a clustering."""
    labels, moments = clustering.labels, cluster_moments(distinct, clustering.labels)
    weights = moments.weights
    scores: dict[str, float] = {}
    if len(clustering.centers) > 1 and score is not None:
        scores = {
            "squared_silhouette": squared_silhouette(distinct, labels, moments=moments),
            "calinski_harabasz": calinski_harabasz(distinct, labels, moments=moments),
            "davies_bouldin": davies_bouldin(distinct, labels, moments=moments),
        }
    return Candidate(
        algorithm=clustering.algorithm,
        n_segments=len(clustering.centers),
        inertia=clustering.inertia,
        silhouette=_UNKNOWN if score is None else Estimate(*score.mean),
        squared_silhouette=scores.get("squared_silhouette"),
        calinski_harabasz=scores.get("calinski_harabasz"),
        davies_bouldin=scores.get("davies_bouldin"),
        smallest_share=float(weights.min() / weights.sum()),
        seconds=clustering.seconds,
    )


def _place(
    distinct: DistinctRows, chosen: Clustering, is_member: BoolVector
) -> tuple[IntVector, FloatVector]:
    """Turn labels of distinct rows into segment ids and margins of all users."""
    _, row_margins = assign(distinct.rows, chosen.centers)
    ids = np.full(is_member.size, UNASSIGNED, dtype=np.int64)
    margins = np.full(is_member.size, np.nan)
    ids[is_member] = chosen.labels[distinct.inverse] + 1
    margins[is_member] = row_margins[distinct.inverse]
    return ids, margins
