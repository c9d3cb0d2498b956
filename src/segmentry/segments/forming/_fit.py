"""From a user table to a `Segmentation`."""

from collections.abc import Callable, Sequence

import polars as pl

from segmentry.runtime.progress import counted
from segmentry.runtime.threads import map_in_threads
from segmentry.schema.arrays import FloatVector
from segmentry.segments.clustering import (
    NEAR_BEST,
    Clustering,
    DistinctRows,
    assign,
    fit_clusterings,
)
from segmentry.segments.forming._recipes import Recipe
from segmentry.segments.forming._segmentation import Segmentation, segmentation_of
from segmentry.segments.forming._selection import (
    Decision,
    Selection,
    Silhouettes,
    make_candidate,
    select,
    silhouettes_by_number,
)
from segmentry.segments.forming._users import PreparedUsers, numbers_to_try, prepare_users
from segmentry.segments.preprocessing import ColumnPlan

Decide = Callable[[DistinctRows, Sequence[int]], Decision]
"""From the preprocessed users and the numbers that may be chosen to the chosen one."""


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
    recipe : Recipe
        Says who is segmented.
    n_segments : sequence of int
        The numbers to try; one segment is always among the candidates.
    forced : int, optional
        Take this number, whatever the scores say.
    algorithm : {"kmeans", "minibatch", "bisecting", "latent"}
    min_share : float
        A candidate with a smaller segment is not chosen.
    weights : ndarray of float, shape (n_users,), optional
        How many users each row stands for, above 0; 1 for each when absent. Segments of a row of
        weight 2 are those of two such rows, bit for bit.
    is_exact : bool
        Take the Euclidean silhouette of all users instead of a sample's.
    decide : callable, optional
        Chooses the number of segments, such as `evaluation.number.weigh_number` with its evidence;
        by default the largest silhouette wins.
    on_fitted : callable, optional
        Called with (clusterings fitted, clusterings in all).
    on_block : callable, optional
        Called with (distinct rows measured, distinct rows in all) where `is_exact`.

    Raises
    ------
    EmptyDataError
        If no user is left to segment.
    SelectionError
        If there are fewer distinct users than segments requested, K is to be chosen though
        weights are no whole numbers of users, or there are too many distinct rows for `is_exact`.
    """
    if algorithm == "latent":
        # It takes from this module what both share, so it is imported when it is requested.
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
    clusterings = fit_clusterings(
        distinct,
        n_clusters=tried,
        algorithm=algorithm,
        seed=seed,
        near=NEAR_BEST if recipe.choose_by == "evidence" else 0.0,
        on_fitted=counted(on_fitted, len(tried)),
    )
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
    return _numbered(recipe, users, selection, chosen, measured)


def _numbered(
    recipe: Recipe,
    users: PreparedUsers,
    selection: Selection,
    chosen: Clustering,
    measured: Silhouettes,
) -> Segmentation:
    distinct = users.distinct
    _, margins = assign(distinct.rows, chosen.centers)
    return segmentation_of(
        recipe,
        users,
        distinct,
        selection,
        algorithm=chosen.algorithm,
        centers=chosen.centers,
        labels=chosen.labels[distinct.inverse],
        margins=margins[distinct.inverse],
        measured=measured,
    )
