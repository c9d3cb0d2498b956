"""RFM cells on their whole way: run on either engine, score without a fit, compare."""

import json

import polars as pl
import pytest
from tests.pipeline import runs

import segmentry
from segmentry.pipeline import _run as run_module
from segmentry.run_folder import read_bundle

ASKED = {
    "recipe": "rfm",
    "algorithm": "cells",
    "features": ("recency_days", "n_impressions", "n_clicks"),
    "min_size": 1,
}


@pytest.fixture
def log(tmp_path_factory):
    return runs.generated(tmp_path_factory.getbasetemp(), 200)


def test_impressions_and_clicks_are_cut_into_cells_that_score_and_compare(
    log, tmp_path, monkeypatch
):
    monkeypatch.setattr(run_module, "write_report", lambda *_, **__: None)

    result = segmentry.run(log, tmp_path / "run", **ASKED)
    polars = segmentry.run(log, tmp_path / "again", engine="polars", **ASKED)
    scored = segmentry.score(tmp_path / "run", log).segments

    texts = [(tmp_path / name / "summary.json").read_text() for name in ("run", "again")]
    assert texts[0] == texts[1]
    assert polars.segments.equals(result.segments)
    assert scored["segment_id"].to_list() == result.segments["segment_id"].to_list()
    names = {segment.name for segment in result.summary.segments}
    assert names <= {
        f"{level}, {band}"
        for level in ("Regulars", "Occasional")
        for band in ("recent", "away for a while", "long away")
    }
    assert len(names) > 3
    assert result.summary.truth is None
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
