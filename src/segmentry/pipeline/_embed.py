"""Add a UMAP to a run: from its user table and saved model into its summary and report."""

import dataclasses
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from segmentry.describe.maps import (
    MIN_DISTANCE,
    N_NEIGHBOURS,
    Embedding,
    EmbeddingPoint,
    UserMap,
    embed_users,
)
from segmentry.errors import ConfigError
from segmentry.pipeline._outputs import write_report
from segmentry.results.comparisons import read_comparison
from segmentry.results.run_folder import read_bundle, read_user_table, staged_inside
from segmentry.results.scoring import score_users
from segmentry.results.summary import Summary, read_summary, render_summary_json
from segmentry.runtime.sampling import hash_shares

_SALT = "segmentry umap"
_MOST_DRAWN = 2000
_LEAST_FITTED = 100


def embed_run(
    run_dir: Path | str, *, n_fitted: int = 5_000, n_placed: int = 5_000, seed: int = 0
) -> Summary:
    """Form a UMAP on a stratified sample of a run's users and add it to summary and report.

    Parameters
    ----------
    run_dir : Path or str
        A run folder; its summary, figures and report are written anew, with ``umap.parquet``.
    n_fitted : int
        Users that form the map: of every segment its share, by hash of the id.
    n_placed : int
        Further users to put into it; 0 for all others.
    seed : int

    Returns
    -------
    Summary
        With its `embedding`.

    Raises
    ------
    BundleError
        If the run cannot be read.
    ConfigError
        If fewer than 100 users are to form the map, or the run has fewer.
    MissingExtraError
        If umap-learn is not installed.
    OutputError
        If the run folder cannot be written.
    """
    folder = Path(run_dir)
    summary, bundle = read_summary(folder), read_bundle(folder)
    table = read_user_table(folder)
    scored, _ = score_users(bundle, table)
    is_in = scored["segment_id"] > 0
    table, ids = table.filter(is_in), scored["segment_id"].filter(is_in).to_numpy()
    if min(n_fitted, table.height) < _LEAST_FITTED:
        raise ConfigError(
            f"{min(n_fitted, table.height)} users are to form the map; expected at least "
            f"{_LEAST_FITTED}"
        )
    chosen, is_fitted = _sample(table["user_id"], ids, n_fitted=n_fitted, n_placed=n_placed)
    X = bundle.preprocessing.transform(table[chosen])
    found = embed_users(X, is_fitted, seed=seed)
    summary = dataclasses.replace(
        summary, embedding=_embedding(found, ids[chosen], is_fitted, seed=seed)
    )
    with staged_inside(folder) as staging:
        places = pl.DataFrame(
            {
                "user_id": table["user_id"][chosen],
                "segment_id": ids[chosen],
                "x": found.places[:, 0],
                "y": found.places[:, 1],
                "is_fitted": is_fitted,
            }
        )
        places.write_parquet(staging / "umap.parquet")
        text = render_summary_json(summary)
        (staging / "summary.json").write_text(text, encoding="utf-8")
        write_report(summary, staging, comparison=read_comparison(folder))
    return summary


def _sample(
    user_ids: pl.Series, ids: npt.NDArray[np.int64], *, n_fitted: int, n_placed: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
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


def _embedding(
    found: UserMap, ids: npt.NDArray[np.int64], is_fitted: npt.NDArray[np.bool_], *, seed: int
) -> Embedding:
    picked = np.linspace(0, len(ids) - 1, min(_MOST_DRAWN, len(ids))).round().astype(int)
    fitted, placed = found.fitted, found.placed
    return Embedding(
        n_fitted=int(is_fitted.sum()),
        n_placed=int((~is_fitted).sum()),
        n_neighbours=N_NEIGHBOURS,
        min_distance=MIN_DISTANCE,
        seed=seed,
        trustworthiness_fitted=None if fitted is None else fitted.trustworthiness,
        trustworthiness_placed=None if placed is None else placed.trustworthiness,
        overlap_fitted=None if fitted is None else fitted.overlap,
        overlap_placed=None if placed is None else placed.overlap,
        overlap_of_chance=None if fitted is None else fitted.overlap_of_chance,
        points=tuple(
            EmbeddingPoint(
                segment_id=int(ids[i]),
                x=round(float(found.places[i, 0]), 3),
                y=round(float(found.places[i, 1]), 3),
                is_fitted=bool(is_fitted[i]),
            )
            for i in picked
        ),
    )
