"""The Python interface, and what it leaves alone."""

import sys

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from tests.pipeline.runs import summary_of, users_of
from tests.texts import raises_text, says

import segmentry
from segmentry.cli._console import print_segments
from segmentry.errors import ConfigError, SchemaError, SelectionError


@pytest.fixture(scope="module")
def table(log):
    return segmentry.build_user_table(log)


def test_the_user_table_is_that_of_a_run(log, table, plain_run):
    run = pl.read_parquet(plain_run.folder / "users.parquet").drop("segment_id", "segment_key")

    assert_frame_equal(table, run)
    assert_frame_equal(segmentry.build_user_table(str(log)), run)
    assert table["user_id"].is_sorted()


def test_options_of_reading_hold_for_the_user_table(log):
    found = segmentry.build_user_table(log, since="2017-05-12", sample=0.5)
    assert_frame_equal(found, users_of(log, since="2017-05-12", sample=0.5).table)


@pytest.mark.parametrize("kind", ["polars", "pandas", "pyarrow"])
def test_segments_are_those_of_a_run_whatever_the_kind_of_table(table, plain_run, kind):
    given = {"polars": table, "pandas": table.to_pandas(), "pyarrow": table.to_arrow()}[kind]

    found = segmentry.fit_segments(given, k=4, k_range=(4, 4))

    # A run numbers them as those of its forming days.
    expected = pl.read_parquet(plain_run.folder / "segments.parquet")["segment_id"]
    pairs = set(zip(found.segment_ids.tolist(), expected.to_list(), strict=True))
    assert {one for one, _ in pairs} == {other for _, other in pairs} == {1, 2, 3, 4}
    assert len(pairs) == 4


@pytest.mark.parametrize("kind", ["polars", "pandas", "pyarrow"])
def test_the_table_of_the_caller_is_not_changed(table, kind):
    shuffled = table.sample(fraction=1, shuffle=True, seed=3)
    make = {"polars": pl.DataFrame.clone, "pandas": pl.DataFrame.to_pandas}
    make["pyarrow"] = pl.DataFrame.to_arrow
    given, copy = make[kind](shuffled), make[kind](shuffled)

    found = segmentry.fit_segments(given, k=2, k_range=(2, 2))

    assert given.equals(copy)
    direct = segmentry.fit_segments(table, k=2, k_range=(2, 2))
    assert found.segment_ids.tolist() == direct.segment_ids.tolist()


def test_the_arrays_of_a_segmentation_fit_the_table(table):
    found = segmentry.fit_segments(
        table, features=["n_impressions", "ctr_shrunk"], k=2, k_range=(2, 2)
    )

    assert found.segment_ids.shape == found.margins.shape == (table.height,)
    assert found.centers.shape == (2, 2)


STEPS = {
    "weights": {"ctr_shrunk": 3},
    "fill": {"consumption_level": "own level"},
    "transforms": {"n_impressions": "none"},
    "clip": (0.05, 0.95),
    "scale": "standard",
}


def test_how_features_enter_is_chosen_as_for_a_run(log, table):
    forming = ("ctr_shrunk", "n_impressions", "consumption_level")
    asked = {"features": forming, "k": 3, **STEPS}
    summary = summary_of(log, k_range="3:3", recipe="classic", **asked)

    found = segmentry.fit_segments(table, k_range=(3, 3), recipe="classic", **asked)

    assert [segment.n_users for segment in summary.segments] == [
        int((found.segment_ids == i).sum()) for i in (1, 2, 3)
    ]
    steps = {each.feature: each for each in found.preprocessing.fitted}
    assert steps["ctr_shrunk"].weight == 3
    assert steps["n_impressions"].transform == "none"
    assert {each.scale_by for each in steps.values()} == {"standard"}
    assert "consumption_level=unknown" in found.preprocessing.columns
    plain = segmentry.fit_segments(table, k_range=(3, 3), recipe="classic", features=forming, k=3)
    assert plain.segment_ids.tolist() != found.segment_ids.tolist()


def test_seed_and_exclusion_are_passed_on(log, table):
    summary = summary_of(log, recipe="classic", exclude=("age_level",), k=2, k_range="2:2", seed=4)
    found = segmentry.fit_segments(
        table, recipe="classic", exclude=["age_level"], k=2, k_range=(2, 2), seed=4
    )

    assert "age_level" not in found.preprocessing.features
    assert [s.n_users for s in summary.segments] == [
        int((found.segment_ids == i).sum()) for i in (1, 2)
    ]


@pytest.mark.parametrize(
    ("change", "options", "error"),
    [
        (lambda t: t.drop("user_id"), {}, SchemaError),
        (lambda t: pl.concat([t, t]), {}, SchemaError),
        (lambda t: t, {"k": 0}, SelectionError),
        (lambda t: t, {"recipe": "best"}, ConfigError),
        (lambda t: t, {"features": ["n_click"]}, ConfigError),
        (lambda t: t, {"scale": "max"}, ConfigError),
        (lambda t: t, {"fill": {"x": "zero"}}, ConfigError),
        (lambda t: t.head(3), {"k": 4}, SelectionError),
    ],
)
def test_a_table_or_an_option_that_cannot_be_used_is_told(table, change, options, error):
    with raises_text(error):
        segmentry.fit_segments(change(table), **options)


def test_a_run_tells_what_it_made(log, undrawn, tmp_path, monkeypatch, capsys):
    parts, early = [], []

    result = segmentry.run(
        str(log),
        str(tmp_path / "deep" / "er" / "run"),
        k=2,
        k_range="2:2",
        bootstraps=2,
        progress=lambda step, done, total: parts.append((step, done, total)),
        on_segments=lambda segments: early.append((len(parts), segments)),
    )

    assert result.run_dir == tmp_path / "deep" / "er" / "run"
    assert result.summary == summary_of(log, k=2, k_range="2:2")
    assert_frame_equal(result.segments, pl.read_parquet(result.run_dir / "segments.parquet"))
    steps = [step for step, _, _ in parts]
    says(list(dict.fromkeys(steps)))
    for name in dict.fromkeys(steps):
        assert all(0 <= done <= total for step, done, total in parts if step == name)
        assert [(done, total) for step, done, total in parts if step == name][-1][0] > 0
    # Sizes and rates are known before the log is read again.
    ((n_before, segments),) = early
    assert "describing the log by segment" not in steps[:n_before]
    assert "describing the log by segment" in steps[n_before:]
    found = [(each.name, each.n_users, each.expected_rate) for each in segments]
    assert found == [(e.name, e.n_users, e.expected_rate) for e in result.summary.segments]

    print_segments(segments)
    assert capsys.readouterr().err == ""  # as nobody watches
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    print_segments(segments)
    assert all(each.name in capsys.readouterr().err for each in segments[:1])


def test_an_unknown_option_is_told(log, tmp_path):
    with raises_text(ConfigError):
        segmentry.run(log, tmp_path / "run", clusters=3)
    assert list(tmp_path.iterdir()) == []
