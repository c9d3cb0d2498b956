"""UMAP of the users: formed on a sample, the rest put into it, and how far it can be believed."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from segmentry.describe.maps._records import Embedding, EmbeddingPoint
from segmentry.runtime.preload import require
from segmentry.runtime.sampling import hash_shares
from segmentry.schema.arrays import BoolVector, FloatMatrix, IntVector

Flat = npt.NDArray[np.float32]

_SALT = "segmentry umap"
_MAX_DRAWN = 2000
_N_NEIGHBOURS = 15
_MIN_DISTANCE = 0.1


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """How far a map keeps neighbours together."""

    trustworthiness: float
    """1 if no user is near on the map that is not near in the features."""
    overlap: float
    """Mean share of the nearest neighbours in the features that are nearest on the map too."""
    overlap_of_chance: float
    """What that share is to be for a map without any order: neighbours / (users - 1)."""


def sample_users(
    user_ids: pl.Series, ids: IntVector, *, n_fitted: int, n_placed: int
) -> tuple[IntVector, BoolVector]:
    """Return positions of users, those that form the map by strata and by hash of the id."""
    shares = hash_shares(user_ids, salt=_SALT)
    fitted, rest = [], []
    for segment_id in np.unique(ids):
        members = np.flatnonzero(ids == segment_id)
        members = members[np.argsort(shares[members], kind="stable")]
        n_wanted = max(1, round(n_fitted * members.size / ids.size))
        fitted.append(members[:n_wanted])
        rest.append(members[n_wanted:])
    others = np.concatenate(rest)
    others = others[np.argsort(shares[others], kind="stable")]
    if n_placed:
        others = others[:n_placed]
    chosen = np.concatenate([*fitted, others])
    is_fitted = np.arange(chosen.size) < sum(map(len, fitted))
    order = np.argsort(chosen, kind="stable")
    return chosen[order], is_fitted[order]


def embed_users(
    X: FloatMatrix, ids: IntVector, is_fitted: BoolVector, *, seed: int
) -> tuple[Flat, Embedding]:
    """Form a UMAP on some users and put the others into it.

    `X`, shape (n_users, n_columns), is preprocessed; `is_fitted` says who forms the map, at least
    30. With one seed the map is the same on the same machine and versions. Places, shape (n_users,
    2), come with a sample of them and how far they can be believed.

    Raises MissingExtraError if umap-learn is not installed.

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
            n_neighbors=_N_NEIGHBOURS, min_dist=_MIN_DISTANCE, random_state=seed, n_jobs=1
        )
        places = np.zeros((len(X), 2), dtype=np.float32)
        places[is_fitted] = reducer.fit_transform(X[is_fitted])
        if not is_fitted.all():
            places[~is_fitted] = reducer.transform(X[~is_fitted])
    fitted, placed = (
        neighbourhood(X[group], places[group], n_neighbours=_N_NEIGHBOURS)
        for group in (is_fitted, ~is_fitted)
    )
    drawn = np.linspace(0, len(ids) - 1, min(_MAX_DRAWN, len(ids))).round().astype(int)
    return places, Embedding(
        n_fitted=int(is_fitted.sum()),
        n_placed=int((~is_fitted).sum()),
        n_neighbours=_N_NEIGHBOURS,
        min_distance=_MIN_DISTANCE,
        seed=seed,
        trustworthiness_fitted=None if fitted is None else fitted.trustworthiness,
        trustworthiness_placed=None if placed is None else placed.trustworthiness,
        overlap_fitted=None if fitted is None else fitted.overlap,
        overlap_placed=None if placed is None else placed.overlap,
        overlap_of_chance=None if fitted is None else fitted.overlap_of_chance,
        points=tuple(
            EmbeddingPoint(int(ids[i]), round(float(x), 3), round(float(y), 3), bool(is_fitted[i]))
            for i, (x, y) in zip(drawn, places[drawn], strict=True)
        ),
    )


def neighbourhood(
    X: FloatMatrix, places: npt.NDArray[np.floating], *, n_neighbours: int, most: int = 3000
) -> Neighbourhood | None:
    """Measure how far a map keeps the nearest neighbours of users, within them.

    Features `X`, shape (n_users, n_columns), are held against `places`, shape (n_users, 2). More
    users than `most` are thinned evenly: the time grows with their square. Null for fewer than 40
    users or twice the neighbours.

    Venna, J. and Kaski, S. (2001). Neighborhood preservation in nonlinear projection methods.
    ICANN 2001, 485-491.

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
