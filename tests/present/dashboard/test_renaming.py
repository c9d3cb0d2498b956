"""Renaming a segment: it is kept in the run folder, and refused where nothing may be written."""

import shutil
import tomllib

import polars as pl
from tests.present.dashboard.test_pages import shown, text_of
from tests.texts import raises_text, shows

from segmentry.errors import ConfigError
from segmentry.pipeline import rename_segment
from segmentry.present.dashboard._renaming import allow_renaming
from segmentry.results.summary import read_summary

NAME = 'Käufer "<b>jetzt</b>" 高'


def test_a_new_name_is_kept_everywhere_in_the_run_folder(run_dir, undrawn, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(run_dir, folder)

    rename_segment(folder, 2, NAME)

    assert [s.name for s in read_summary(folder).segments][1] == NAME
    assert tomllib.loads((folder / "names.toml").read_text(encoding="utf-8"))["names"]["2"] == NAME
    segments = pl.read_parquet(folder / "segments.parquet")
    assert segments.filter(pl.col("segment_id") == 2)["segment_name"].unique().to_list() == [NAME]
    assert "&lt;b&gt;jetzt" in (folder / "report.html").read_text(encoding="utf-8")


def test_a_name_that_another_segment_has_is_refused(run_dir, summary):
    with raises_text(ConfigError):
        rename_segment(run_dir, 2, summary.segments[0].name)


def test_the_form_that_is_opened_hands_over_the_name_and_a_refusal_is_told(run_dir):
    asked = []

    def rename(folder, segment_id, name):
        asked.append((folder, segment_id, name))
        raise ConfigError("two segments are called so")

    allow_renaming(rename)
    try:
        page = shown("Segments", run_dir)
        assert len(page.text_input) == 0
        page.session_state["renaming"] = True
        page.run()
        page.text_input[0].input(NAME)
        page.button[0].click().run()
    finally:
        allow_renaming(None)

    assert asked == [(run_dir, 1, NAME)]
    shows(text_of(page))


def test_where_nothing_may_be_written_no_form_is_there(run_dir):
    assert len(shown("Segments", run_dir).text_input) == 0
