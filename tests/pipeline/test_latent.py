"""Latent classes end to end: found, checked, scored, written, refused."""

from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from tests.pipeline.runs import RUN_FILES, segmentry, summary_of
from tests.texts import raises_text, says, shows

import segmentry as package
from segmentry.describe.latent import latent_warnings
from segmentry.errors import ConfigError
from segmentry.results.run_folder import read_bundle
from segmentry.results.summary import read_summary
from segmentry.segments.latent import Part, fit_latent

ASKED = ("--algorithm", "latent", "--k-range", "2:3")


@pytest.fixture(scope="module")
def latent_run(log, tmp_path_factory):
    folder = tmp_path_factory.mktemp("latent") / "run"
    return folder, segmentry("run", log, "--out", folder, *ASKED)


@pytest.fixture(scope="module")
def summary(latent_run):
    return read_summary(latent_run[0])


def test_the_folder_holds_the_memberships_of_every_user(latent_run, summary):
    folder, answer = latent_run
    assert answer.code == 0, answer.err
    assert {path.name for path in folder.iterdir()} == RUN_FILES | {"memberships.parquet"}

    memberships = pl.read_parquet(folder / "memberships.parquet")
    segments = pl.read_parquet(folder / "segments.parquet")

    assert_frame_equal(memberships.select("user_id"), segments.select("user_id"))
    is_in = (segments["segment_id"] > 0).to_numpy()
    classes = memberships.select(pl.col("^class_.*$")).to_numpy()
    assert classes.shape[1] == len(summary.segments)
    np.testing.assert_allclose(classes[is_in].sum(axis=1), 1.0, atol=1e-12)
    assert np.isnan(classes[~is_in]).all()
    likeliest = classes[is_in].argmax(axis=1) + 1
    np.testing.assert_array_equal(likeliest, segments["segment_id"].to_numpy()[is_in])
    two = np.sort(classes[is_in], axis=1)[:, -2:]
    np.testing.assert_allclose(segments["margin"].to_numpy()[is_in], two[:, 1] - two[:, 0])
    assert memberships["expected_ctr"].drop_nulls().is_between(0, 1, closed="none").all()


def test_both_criteria_and_the_classes_are_told(summary):
    latent = summary.latent

    assert [each.n_classes for each in latent.candidates] == [1, 2, 3]
    assert latent.by_bic == summary.selection.n_segments == len(summary.segments)
    by_icl = min(latent.candidates, key=lambda each: each.icl)
    assert latent.by_icl == by_icl.n_classes
    says(latent.parts)
    assert sum(each.share for each in latent.classes) == pytest.approx(1.0)


def test_later_days_are_asked_what_memberships_foretell(summary):
    soft = summary.latent.kept_by_memberships

    assert soft.n_users == summary.validation.kept_gain.n_users
    assert soft.nats_by_forecast.value is not None
    of_users = summary.validation.kept_gain.nats_of_users.value
    assert soft.nats_of_users.value == pytest.approx(of_users, rel=1e-9)


def test_the_report_shows_both_criteria(latent_run):
    page = (latent_run[0] / "report.html").read_text()

    assert "Latent classes" in page
    shows(page)


def test_the_data_of_the_run_get_the_labels_of_the_run(latent_run, log):
    folder, _ = latent_run

    scores = package.score(folder, log)

    kept = pl.read_parquet(folder / "segments.parquet").drop("feature_segment_id")
    assert_frame_equal(scores.segments, kept)
    assert read_bundle(folder).latent.n_classes == scores.segments["segment_id"].max()


def test_the_classic_features_are_clicks_a_count_and_levels(log):
    summary = summary_of(log, recipe="classic", algorithm="latent", k=2, k_range="2:2")

    says(summary.latent.parts[:2])
    assert [part.partition(":")[0] for part in summary.latent.parts[2:]] == [
        "age_level",
        "consumption_level",
        "shopping_depth",
        "city_tier",
    ]


def test_numbers_that_did_not_converge_or_lost_a_class_are_told():
    codes = np.repeat([0, 1], [30, 10])[:, np.newaxis]
    levels = [Part(kind="levels", feature="x", levels=("a", "b"))]
    short = fit_latent(codes, levels, n_classes=2, max_iterations=1, tolerance=0)
    lost = fit_latent(codes, levels, n_classes=4)
    assert not short.is_converged
    assert short.n_empty
    assert lost.n_empty

    text = latent_warnings(SimpleNamespace(latent=SimpleNamespace(fits=(short, lost))))

    shows(text[0])
    assert f"(lost {short.n_empty}), 4 (lost {lost.n_empty})" in text[-1]
    says(text[-1])


def test_features_without_a_law_are_refused_by_name(log):
    with raises_text(ConfigError):
        summary_of(log, algorithm="latent", features=("n_impressions", "evening_share"))
