"""Add a UMAP to a run: from its user table and saved model into its summary and report."""

import dataclasses
from pathlib import Path

import polars as pl

from segmentry.describe.maps import embed_users, sample_users
from segmentry.errors import ConfigError
from segmentry.pipeline._outputs import write_report
from segmentry.results.comparisons import read_comparison
from segmentry.results.run_folder import read_bundle, read_user_table, staged_inside
from segmentry.results.scoring import score_users
from segmentry.results.summary import Summary, read_summary, render_summary_json

_MIN_FITTED = 100


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
    if min(n_fitted, table.height) < _MIN_FITTED:
        raise ConfigError(
            f"{min(n_fitted, table.height)} users are to form the map; expected at least "
            f"{_MIN_FITTED}"
        )
    chosen, is_fitted = sample_users(table["user_id"], ids, n_fitted=n_fitted, n_placed=n_placed)
    X = bundle.preprocessing.transform(table[chosen])
    places, embedding = embed_users(X, ids[chosen], is_fitted, seed=seed)
    summary = dataclasses.replace(summary, embedding=embedding)
    with staged_inside(folder) as staging:
        users = pl.DataFrame(
            {
                "user_id": table["user_id"][chosen],
                "segment_id": ids[chosen],
                "x": places[:, 0],
                "y": places[:, 1],
                "is_fitted": is_fitted,
            }
        )
        users.write_parquet(staging / "umap.parquet")
        text = render_summary_json(summary)
        (staging / "summary.json").write_text(text, encoding="utf-8")
        write_report(summary, staging, comparison=read_comparison(folder))
    return summary
