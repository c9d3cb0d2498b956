"""How far a map keeps neighbours, against counts by hand; and the map of a run end to end."""

import shutil
import sys
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from sklearn.manifold import trustworthiness
from tests.pipeline import runs

from segmentry.describe.maps import neighbourhood, sample_users
from segmentry.pipeline import embed_run
from segmentry.present.figures import FIGURES, _rendering
from segmentry.results.summary import read_summary


def test_a_true_map_keeps_all_neighbours_and_a_map_without_order_as_many_as_chance():
    draw = np.random.default_rng(3)
    X = draw.normal(size=(600, 2))

    true = neighbourhood(X, 5 * X, n_neighbours=10)
    mixed = neighbourhood(X, draw.permutation(X), n_neighbours=10)

    assert (true.overlap, true.trustworthiness) == (1.0, 1.0)
    assert mixed.overlap_of_chance == pytest.approx(10 / 599)
    assert mixed.overlap == pytest.approx(10 / 599, abs=0.006)
    assert mixed.trustworthiness == pytest.approx(0.5, abs=0.03)


def test_overlap_is_the_share_of_neighbours_that_are_the_same_counted_by_hand():
    draw = np.random.default_rng(5)
    X, places = draw.normal(size=(60, 3)), draw.normal(size=(60, 2))

    found = neighbourhood(X, places, n_neighbours=4)

    kept = 0
    for i in range(60):
        near = [
            set(np.argsort(((each - each[i]) ** 2).sum(axis=1))[1:5].tolist())
            for each in (X, places)
        ]
        kept += len(near[0] & near[1])
    assert found.overlap == pytest.approx(kept / 240)
    assert found.trustworthiness == pytest.approx(trustworthiness(X, places, n_neighbors=4))


def test_few_users_have_no_figures():
    assert neighbourhood(np.zeros((39, 2)), np.zeros((39, 2)), n_neighbours=5) is None


def test_the_sample_holds_every_segment_by_its_share_and_the_rest_after_it():
    ids = np.repeat([1, 2, 3], [600, 300, 100])
    users = pl.Series("user_id", np.arange(1000))

    chosen, is_fitted = sample_users(users, ids, n_fitted=100, n_placed=50)

    assert np.bincount(ids[chosen[is_fitted]]).tolist() == [0, 60, 30, 10]
    assert (~is_fitted).sum() == 50
    assert np.unique(chosen).size == chosen.size == 150
    everyone, _ = sample_users(users, ids, n_fitted=100, n_placed=0)
    assert everyone.tolist() == list(range(1000))


class FirstTwoColumns:
    """Stands for UMAP, whose compilation takes half a minute."""

    def __init__(self, **asked):
        assert set(asked) == {"n_neighbors", "min_dist", "random_state", "n_jobs"}

    def fit_transform(self, X):
        return self.transform(X)

    def transform(self, X):
        return X[:, :2].astype(np.float32)


@pytest.fixture(params=["its two first columns", pytest.param("umap", marks=pytest.mark.slow)])
def reducer(request, monkeypatch):
    if request.param == "umap":
        pytest.importorskip("umap")
    else:
        monkeypatch.setitem(sys.modules, "umap", SimpleNamespace(UMAP=FirstTwoColumns))


def test_a_run_gets_its_map_with_what_can_be_believed_of_it(
    reducer, monkeypatch, tmp_path_factory, tmp_path
):
    monkeypatch.setattr(_rendering, "FIGURES", {name: FIGURES[name] for name in ("umap", "sizes")})
    folder = tmp_path / "run"
    shutil.copytree(runs.plain_run(tmp_path_factory.getbasetemp()).folder, folder)

    embed_run(folder, n_fitted=150, n_placed=60, seed=1)

    found = read_summary(folder).embedding
    places = pl.read_parquet(folder / "umap.parquet")
    assert (found.n_fitted, found.n_placed) == (
        places["is_fitted"].sum(),
        (~places["is_fitted"]).sum(),
    )
    assert found.overlap_fitted > 5 * found.overlap_of_chance
    assert found.trustworthiness_fitted > 0.8
    assert (folder / "figures" / "umap.svg").is_file()
    assert "trustworthiness" in (folder / "report.html").read_text()
