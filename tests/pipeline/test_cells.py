"""RFM cells on their whole way: run on either engine, score without a fit, compare."""

import json

import polars as pl
import pytest
from tests.pipeline import runs

import segmentry
from segmentry.pipeline import compare_algorithms
from segmentry.results.run_folder import read_bundle

ASKED = {
    "recipe": "rfm",
    "algorithm": "cells",
    "features": ("recency_days", "n_impressions", "n_clicks"),
    "min_size": 1,
}


@pytest.fixture
def log(tmp_path_factory):
    return runs.generated(tmp_path_factory.getbasetemp(), 200)


def test_impressions_and_clicks_are_cut_into_cells_that_score_and_compare(log, tmp_path, undrawn):

    result = segmentry.run(log, tmp_path / "run", **ASKED)
    again = segmentry.run(log, tmp_path / "again", **ASKED)
    scored = segmentry.score(tmp_path / "run", log).segments

    texts = [(tmp_path / name / "summary.json").read_text() for name in ("run", "again")]
    assert texts[0] == texts[1]
    assert again.segments.equals(result.segments)
    assert scored["segment_id"].to_list() == result.segments["segment_id"].to_list()
    names = {segment.name for segment in result.summary.segments}
    assert names <= {
        f"{band} {level}"
        for level in ("regulars", "occasional users")
        for band in ("Recent", "Slipping", "Lapsed")
    }
    assert len(names) > 3
    assert result.summary.validation is None
    bundle = read_bundle(tmp_path / "run")
    clicks = next(each for each in bundle.cells.columns if each.feature == "n_clicks")
    n_clicks = pl.read_parquet(tmp_path / "run" / "users.parquet").filter(
        pl.col("n_impressions") > 0
    )["n_clicks"]
    assert clicks.cuts[0] == 0.0  # more than a fifth of the users have no click
    assert len(clicks.cuts) < 4
    assert clicks.scores[0] == int(5 * (n_clicks == 0).mean() / 2) + 1
    method = " ".join(json.loads(texts[0])["method"])
    assert f"clicks: up to 0 {clicks.scores[0]}" in method


def test_beside_a_behaviour_log_rfm_is_of_purchases(tmp_path_factory, tmp_path, undrawn):
    home = tmp_path_factory.getbasetemp()
    shop = runs.generated(home, 600, behaviours=True, behaviour_rows_per_user=60.0)

    asked = {"with": ("behaviours",), "recipe": "rfm", "algorithm": "cells", "min_size": 1}
    segments = segmentry.run(shop, tmp_path / "run", **asked).segments
    scored = segmentry.score(tmp_path / "run", shop).segments
    compared = compare_algorithms(
        tmp_path / "run", algorithms=("kmeans", "cells"), n_runs=0, is_alone=False
    )

    assert scored["segment_id"].to_list() == segments["segment_id"].to_list()
    recency, purchases = read_bundle(tmp_path / "run").cells.columns
    assert (recency.feature, purchases.feature) == ("days_since_purchase", "n_purchases")
    assert purchases.scores[0] < purchases.scores[-1] == 5
    users = pl.read_parquet(tmp_path / "run" / "users.parquet")
    never = users.filter((pl.col("n_impressions") > 0) & (pl.col("n_purchases") == 0))
    names = segments.filter(pl.col("user_id").is_in(never["user_id"].implode()))["segment_name"]
    assert never["days_since_purchase"].null_count() == never.height > 50
    assert set(names) == {"Lapsed occasional users"}  # who never bought is not away for a while
    cells = next(each for each in compared.results if each.name == "cells")
    assert compared.features == ("days_since_purchase", "n_purchases")
    assert (cells.n_segments, cells.agreement) == (len(set(segments["segment_id"]) - {0}), 1.0)
