"""UMAP of the users: formed on a sample, the rest put into it, and how far it can be believed."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from segmentry.runtime.extras import require
from segmentry.schema.arrays import FloatMatrix

Flat = npt.NDArray[np.float32]

N_NEIGHBOURS = 15
MIN_DISTANCE = 0.1


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """How far a map keeps who is near whom.

    Parameters
    ----------
    trustworthiness : float
        1 if no user is near on the map that is not near in the features.
    overlap : float
        Mean share of the nearest neighbours in the features that are nearest on the map too.
    overlap_of_chance : float
        What that share is to be for a map without any order: neighbours / (users - 1).
    """

    trustworthiness: float
    overlap: float
    overlap_of_chance: float


@dataclass(frozen=True, slots=True, eq=False)
class UserMap:
    """Places of users on the map.

    Parameters
    ----------
    places : ndarray, shape (n_users, 2)
        In the order of the rows.
    fitted, placed : Neighbourhood or None
        Of the users that formed the map, and of those put into it; null for fewer than 40.
    """

    places: Flat
    fitted: Neighbourhood | None
    placed: Neighbourhood | None


def embed_users(
    X: FloatMatrix,
    is_fitted: npt.NDArray[np.bool_],
    *,
    seed: int,
    n_neighbours: int = N_NEIGHBOURS,
    min_distance: float = MIN_DISTANCE,
) -> UserMap:
    """Form a UMAP on some users and put the others into it.

    Parameters
    ----------
    X : ndarray, shape (n_users, n_columns)
        The preprocessed matrix.
    is_fitted : ndarray of bool, shape (n_users,)
        Who forms the map; at least twice `n_neighbours`.
    seed : int
        With it the map is the same on the same machine and versions.
    n_neighbours : int
    min_distance : float

    Raises
    ------
    MissingExtraError
        If umap-learn is not installed.

    References
    ----------
    McInnes, L., Healy, J. and Melville, J. (2018). UMAP: uniform manifold approximation and
    projection for dimension reduction. arXiv:1802.03426.
    """
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of numba, at import, about its own versions
        umap = require("umap", extra="umap")
        reducer = umap.UMAP(
            n_neighbors=n_neighbours, min_dist=min_distance, random_state=seed, n_jobs=1
        )
        places = np.zeros((len(X), 2), dtype=np.float32)
        places[is_fitted] = reducer.fit_transform(X[is_fitted])
        if not is_fitted.all():
            places[~is_fitted] = reducer.transform(X[~is_fitted])
    return UserMap(
        places=places,
        fitted=neighbourhood(X[is_fitted], places[is_fitted], n_neighbours=n_neighbours),
        placed=neighbourhood(X[~is_fitted], places[~is_fitted], n_neighbours=n_neighbours),
    )


def neighbourhood(
    X: FloatMatrix, places: npt.NDArray[np.floating], *, n_neighbours: int, most: int = 3000
) -> Neighbourhood | None:
    """Measure how far a map keeps the nearest neighbours of users, within them.

    Parameters
    ----------
    X : ndarray, shape (n_users, n_columns)
        The features.
    places : ndarray, shape (n_users, 2)
        The map.
    n_neighbours : int
        Neighbours to look at.
    most : int
        More users than that are thinned evenly: the time grows with their square.

    Returns
    -------
    Neighbourhood or None
        Null for fewer than 40 users or twice the neighbours.

    References
    ----------
    Venna, J. and Kaski, S. (2001). Neighborhood preservation in nonlinear projection methods.
    ICANN 2001, 485-491.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(200, 2))
    >>> neighbourhood(X, X, n_neighbours=5).overlap
    1.0
    """
    if len(X) < max(40, 2 * n_neighbours + 2):
        return None
    from sklearn.manifold import trustworthiness
    from sklearn.neighbors import NearestNeighbors

    picked = np.linspace(0, len(X) - 1, min(most, len(X))).round().astype(int)
    features, flat = X[picked], places[picked]
    near = [
        NearestNeighbors(n_neighbors=n_neighbours).fit(each).kneighbors(return_distance=False)
        for each in (features, flat)
    ]
    kept = [len(np.intersect1d(one, other)) for one, other in zip(*near, strict=True)]
    return Neighbourhood(
        trustworthiness=float(trustworthiness(features, flat, n_neighbors=n_neighbours)),
        overlap=float(np.mean(kept)) / n_neighbours,
        overlap_of_chance=n_neighbours / (len(picked) - 1),
    )
