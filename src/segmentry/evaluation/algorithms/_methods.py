"""The algorithms that are compared, declared once."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from segmentry.errors import ConfigError, SelectionError
from segmentry.evaluation.algorithms._density import fit_dbscan, fit_hdbscan
from segmentry.evaluation.algorithms._rows import Partition, Rows, drawn_users
from segmentry.schema.arrays import FloatVector
from segmentry.segments.clustering import (
    NEAR_BEST,
    DistinctRows,
    assign,
    distinct_rows,
    fit_clusterings,
    sampled_silhouette,
)
from segmentry.segments.forming import fit_cells, place_by_class, recency_columns
from segmentry.segments.latent import fit_latent, posterior

Fit = Callable[[Rows, FloatVector, int, int], Partition]
"""From rows, users per row (0 for rows that are not there), K and a seed to labels of all rows."""

_N_OF_MIXTURE = 20_000
_COVARIANCES = ("full", "tied", "diag", "spherical")
_ALL = "all users, as distinct weighted rows"
_NUMBER = "that of the run"
_CLASSIC_NUMBERS = tuple(range(2, 11))


@dataclass(frozen=True, slots=True)
class Method:
    """One way to segment."""

    name: str
    """As it is requested."""
    label: str
    """As people read it."""
    fit: Fit
    new_users: str
    """How users that were not there are placed, or that they cannot be."""
    recipe: str = ""
    """The recipe whose users and features it takes; empty for those of the run."""


def _users(rows: Rows, weights: FloatVector) -> DistinctRows:
    """Return users as a run clusters them: rows that only latent classes distinguish are one."""
    is_in = weights > 0
    return distinct_rows(rows.distinct.rows[is_in], weights=weights[is_in])


def _by_centres(algorithm: str) -> Fit:
    def fit(rows: Rows, weights: FloatVector, k: int, seed: int) -> Partition:
        users = _users(rows, weights)
        (fitted,) = fit_clusterings(
            users, n_clusters=[k], algorithm=algorithm, near=NEAR_BEST, seed=seed
        )
        labels, _ = assign(rows.distinct.rows, fitted.centers)
        return Partition(labels, rule=_NUMBER, how=_ALL)

    return fit


def _mixture(rows: Rows, weights: FloatVector, k: int, seed: int) -> Partition:
    """Fit normal mixtures of four kinds of covariance; the smallest BIC wins."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    sample, n_all = drawn_users(rows, weights, n_users=_N_OF_MIXTURE, seed=seed)
    if len(sample) <= k:
        raise SelectionError(f"too few users: found {len(sample)}, expected more than {k}")
    fits = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for kind in _COVARIANCES:
            model = GaussianMixture(
                k, covariance_type=kind, reg_covar=1e-3, random_state=seed, n_init=2
            ).fit(sample)
            fits.append((float(model.bic(sample)), kind, model))
    bic, kind, best = min(fits, key=lambda each: each[0])
    text = "" if best.converged_ else "; EM had not converged"
    others = ", ".join(
        f"{name} {value:,.0f}" for value, name, _ in sorted(fits, key=lambda e: e[0])
    )
    who = _ALL if len(sample) == n_all else f"a sample of {len(sample):,} of {n_all:,} users"
    return Partition(
        best.predict(rows.distinct.rows).astype(np.int64),
        rule=f"{_NUMBER}; covariance {kind!r} by BIC {bic:,.0f} ({others}){text}",
        how=f"{who}; every user goes to the likeliest component",
    )


def _latent(rows: Rows, weights: FloatVector, k: int, seed: int) -> Partition:
    if rows.without_parts:
        raise SelectionError(rows.without_parts)
    is_in = weights > 0
    fitted = fit_latent(
        rows.matrix[is_in], rows.parts, n_classes=k, weights=weights[is_in], n_starts=4, seed=seed
    )
    labels, _ = place_by_class(posterior(fitted.model, rows.matrix))
    text = "" if fitted.is_converged else "; EM had not converged"
    lost = f"; {fitted.n_empty} of its classes lost all users" if fitted.n_empty else ""
    return Partition(
        np.unique(labels, return_inverse=True)[1].astype(np.int64),
        rule=f"{_NUMBER}; BIC {fitted.bic:,.0f}, ICL {fitted.icl:,.0f}{text}{lost}",
        how=_ALL,
    )


def _classic(rows: Rows, weights: FloatVector, k: int, seed: int) -> Partition:
    """Take the largest silhouette of K = 2..10, as the recipe does."""
    del k
    users = _users(rows, weights)
    numbers = [each for each in _CLASSIC_NUMBERS if each < len(users.rows)]
    if not numbers:
        raise SelectionError("fewer than three distinct users; expected more to choose K")
    fits = fit_clusterings(users, n_clusters=numbers, seed=seed)
    scores = sampled_silhouette(users, [each.labels for each in fits], seed=seed)
    best = max(range(len(fits)), key=lambda place: scores[place].mean.value)
    labels, _ = assign(rows.distinct.rows, fits[best].centers)
    return Partition(labels, rule="largest silhouette of K = 2..10", how=_ALL)


def _cells(rows: Rows, weights: FloatVector, k: int, seed: int) -> Partition:
    """Cut the preprocessed columns: their order, and so the cells, is that of the raw ones.

    What is not known stays so, as in a run: who never bought is not one who bought a while ago.
    """
    del k, seed
    is_recency = recency_columns(rows.plans)
    names = [plan.feature.name for plan in rows.plans]
    is_in = weights > 0
    X = np.where(rows.is_unknown, np.nan, rows.distinct.rows)
    model = fit_cells(X[is_in], names, is_recency, weights[is_in])
    return Partition(model.place(X), rule="fixed: the cells with users", how=_ALL)


_NEAREST = "by the nearest centre"
METHODS = (
    Method("kmeans", "K-means", _by_centres("kmeans"), _NEAREST),
    Method("minibatch", "mini-batch K-means", _by_centres("minibatch"), _NEAREST),
    Method("bisecting", "bisecting K-means", _by_centres("bisecting"), _NEAREST),
    Method("gaussian-mixture", "Gaussian mixture", _mixture, "by the likeliest component"),
    Method(
        "dbscan", "DBSCAN", fit_dbscan, "by the nearest core user within eps; kept sample needed"
    ),
    Method(
        "hdbscan",
        "HDBSCAN",
        fit_hdbscan,
        "not by the method itself; here as the nearest sampled user",
    ),
    Method("latent", "latent classes", _latent, "by the likeliest class"),
    Method("classic", "classic recipe", _classic, _NEAREST, recipe="classic"),
    Method("cells", "RFM cells", _cells, "by the saved cut points", recipe="rfm"),
)


def method_named(name: str) -> Method:
    """Return a method.

    >>> method_named("dbscan").label
    'DBSCAN'
    """
    for method in METHODS:
        if method.name == name:
            return method
    known = ", ".join(method.name for method in METHODS)
    raise ConfigError(f"algorithm {name!r} is unknown; expected some of {known}")
