"""Segments that are latent classes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import polars as pl

from segmentry.errors import SelectionError
from segmentry.formats import percent
from segmentry.runtime.progress import counted
from segmentry.runtime.threads import map_in_threads
from segmentry.schema.arrays import FloatVector, IntVector
from segmentry.segments.clustering import (
    Clustering,
    DistinctRows,
    clustering_of,
    distinct_with,
)
from segmentry.segments.forming._latent_classes import (
    LatentSegments,
    latent_matrix,
    latent_parts,
    place_by_class,
)
from segmentry.segments.forming._recipes import Recipe
from segmentry.segments.forming._segmentation import Segmentation, segmentation_of
from segmentry.segments.forming._selection import (
    Candidate,
    Selection,
    make_candidate,
    silhouettes_by_number,
)
from segmentry.segments.forming._users import PreparedUsers, numbers_to_try, prepare_users
from segmentry.segments.latent import (
    LatentFit,
    LatentModel,
    Part,
    fit_latent,
    posterior,
    soft_rates,
)
from segmentry.segments.preprocessing import ColumnPlan

_RULE = (
    "The smallest BIC wins among the numbers of classes that lost none and whose smallest class "
    "holds at least {min_share} of the users. The ICL, which also asks that classes do not "
    "overlap, stands next to it; a BIC that still falls at the last number tried says that more "
    "users would find more classes, not that there are as many groups."
)


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Distinct users: their counts and codes, and `X` for pictures and silhouettes."""

    matrix: npt.NDArray[np.int64]
    distinct: DistinctRows


def find_latent_segments(
    table: pl.DataFrame,
    plans: Sequence[ColumnPlan],
    *,
    recipe: Recipe,
    n_segments: Sequence[int] = range(2, 11),
    forced: int | None = None,
    min_share: float = 0.01,
    seed: int = 0,
    weights: FloatVector | None = None,
    is_exact: bool = False,
    on_fitted: Callable[[int, int], None] | None = None,
    on_block: Callable[[int, int], None] | None = None,
) -> Segmentation:
    """Fit latent classes, choose their number by BIC, and number them by falling size.

    Parameters and errors are those of `find_segments`.
    """
    users = prepare_users(table, plans, recipe=recipe, weights=weights, is_forced=True)
    members = table.filter(users.is_member)
    forming = set(users.preprocessing.features)
    parts = latent_parts([each for each in plans if each.feature.name in forming], members)
    matrix = latent_matrix(parts, members)
    rows = _rows(matrix, users, members, None if weights is None else weights[users.is_member])
    tried = numbers_to_try(rows.distinct, n_segments, forced)
    fits = _fit_all(rows, parts, tried, seed=seed, on_fitted=on_fitted)
    whole = {each.model.n_classes: _clustering(each, rows) for each in fits if not each.n_empty}
    measured = silhouettes_by_number(
        rows.distinct, tuple(whole.values()), seed=seed, is_exact=is_exact, on_block=on_block
    )
    candidates = [
        make_candidate(rows.distinct, clustering, measured.scores.get(k))
        for k, clustering in whole.items()
    ]
    selection = _select(fits, candidates, min_share=min_share, forced=forced)
    k = selection.n_segments
    found = _placed(next(each for each in fits if each.model.n_classes == k), fits, matrix, users)
    labels, margins = place_by_class(found.memberships[users.is_member])
    return segmentation_of(
        recipe,
        users,
        rows.distinct,
        selection,
        algorithm="latent",
        centers=whole[k].centers,
        labels=labels,
        margins=margins,
        measured=measured,
        latent=found,
    )


def _fit_all(
    rows: _Rows,
    parts: Sequence[Part],
    tried: Sequence[int],
    *,
    seed: int,
    on_fitted: Callable[[int, int], None] | None,
) -> list[LatentFit]:
    """Fit each number of classes, the largest first: at the end both threads are busy."""
    users = rows.distinct.weights

    def fit(k: int) -> LatentFit:
        return _by_size(fit_latent(rows.matrix, parts, n_classes=k, weights=users, seed=seed), rows)

    count = counted(on_fitted, len(tried))
    return map_in_threads(fit, sorted(tried, reverse=True), on_done=count)[::-1]


def _rows(
    matrix: npt.NDArray[np.int64],
    users: PreparedUsers,
    members: pl.DataFrame,
    weights: FloatVector | None,
) -> _Rows:
    """Find the distinct users by what the classes take; `X` is clipped and would join some."""
    distinct, counts = distinct_with(matrix, users.preprocessing.transform(members), weights)
    return _Rows(matrix=counts.astype(np.int64), distinct=distinct)


def _labels(model: LatentModel, rows: _Rows) -> IntVector:
    labels, _ = place_by_class(posterior(model, rows.matrix))
    return labels


def _by_size(fit: LatentFit, rows: _Rows) -> LatentFit:
    """Order the classes by falling number of users that belong most to them."""
    labels = _labels(fit.model, rows)
    k = fit.model.n_classes
    sizes = np.bincount(labels, weights=rows.distinct.weights, minlength=k)
    order = np.argsort(-sizes, kind="stable").astype(np.int64)
    return replace(fit, model=fit.model.reordered(order))


def _clustering(fit: LatentFit, rows: _Rows) -> Clustering:
    """Return the classes as a clustering of `X`: their means stand for them in pictures."""
    return clustering_of(
        rows.distinct,
        _labels(fit.model, rows),
        n_clusters=fit.model.n_classes,
        algorithm="latent",
        n_iterations=len(fit.trace),
        seconds=fit.seconds,
    )


def _select(
    fits: Sequence[LatentFit],
    candidates: Sequence[Candidate],
    *,
    min_share: float,
    forced: int | None,
) -> Selection:
    """Choose the smallest BIC among the numbers that can be had, and say why."""
    by_number = {each.n_segments: each for each in candidates}
    if forced is not None and forced not in by_number:
        lost = next(fit.n_empty for fit in fits if fit.model.n_classes == forced)
        raise SelectionError(
            f"K = {forced}: {lost} of the latent classes lost all users in the best of all starts; "
            f"ask for at most {max(by_number)} or use other features"
        )
    allowed = [
        fit
        for fit in fits
        if fit.model.n_classes in by_number
        and (by_number[fit.model.n_classes].smallest_share or 0.0) >= min_share
    ]
    ranked = sorted(allowed, key=lambda fit: (fit.bic, fit.model.n_classes))
    winner, reason = (ranked[0].model.n_classes, "") if ranked else (1, "")
    if forced is not None:
        winner, reason = forced, f"K = {forced} was set; the BIC did not choose it."
    else:
        reason = _reason(ranked, fits)
    parts = [
        replace(
            by_number[fit.model.n_classes],
            is_selected=fit.model.n_classes == winner,
            reason=reason if fit.model.n_classes == winner else _why_not(fit, winner, fits),
        )
        for fit in fits
        if fit.model.n_classes in by_number
    ]
    others = [fit.model.n_classes for fit in ranked if fit.model.n_classes != winner]
    return Selection(
        rule=_RULE.format(min_share=percent(min_share, digits=0)),
        reason=reason,
        n_segments=winner,
        is_forced=forced is not None,
        knee=None,
        runner_up=others[0] if others else None,
        candidates=tuple(parts),
    )


def _reason(ranked: Sequence[LatentFit], fits: Sequence[LatentFit]) -> str:
    if not ranked:
        return "Every number of classes lost one or left one too small: one segment."
    best, by_icl = ranked[0].model.n_classes, icl_choice(fits)
    text = f"K = {best} has the smallest BIC, {ranked[0].bic:,.0f}"
    if best == max(fit.model.n_classes for fit in fits) and best > 1:
        text += ", and it still falls there"
    if by_icl == best:
        return f"{text}; the ICL agrees."
    return f"{text}; the ICL, which counts overlap against classes, would take {by_icl}."


def icl_choice(fits: Sequence[LatentFit]) -> int:
    """Return the number of classes with the smallest ICL among those that lost none."""
    whole = [fit for fit in fits if not fit.n_empty]
    return min(whole, key=lambda fit: (fit.icl, fit.model.n_classes)).model.n_classes


def _why_not(fit: LatentFit, winner: int, fits: Sequence[LatentFit]) -> str:
    chosen = next(each for each in fits if each.model.n_classes == winner)
    text = f"BIC {fit.bic:,.0f}, {fit.bic - chosen.bic:+,.0f} against the chosen one's"
    return text if fit.is_converged else f"{text}; not converged"


def _placed(
    fit: LatentFit,
    fits: Sequence[LatentFit],
    matrix: npt.NDArray[np.int64],
    users: PreparedUsers,
) -> LatentSegments:
    model, n_users = fit.model, len(users.is_member)
    memberships = np.zeros((n_users, model.n_classes))
    of_members = posterior(model, matrix)
    memberships[users.is_member] = of_members
    rates = None
    if model.class_rates is not None:
        rates = np.full(n_users, np.nan)
        rates[users.is_member] = soft_rates(model, matrix, of_members)
    return LatentSegments(
        model=model,
        memberships=memberships,
        rates=rates,
        fits=tuple(fits),
        by_icl=icl_choice(fits),
    )
