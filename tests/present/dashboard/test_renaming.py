"""Renaming: kept in the run folder at once, the report drawn later, refused where it may not be."""

import shutil
import threading
import tomllib
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from tests.present.dashboard.test_pages import folder_of, shown, text_of
from tests.summaries import make_summary
from tests.texts import raises_text

from segmentry.errors import ConfigError, OutputError
from segmentry.pipeline import redraw_report, rename_segment
from segmentry.present.dashboard import Renaming, _renaming
from segmentry.present.dashboard._renaming import allow_renaming
from segmentry.results.summary import read_summary

NAME = 'Käufer "<b>jetzt</b>" 高'


@pytest.fixture(autouse=True)
def nothing_allowed(monkeypatch):
    """Draw in this process, and forget what was allowed."""
    monkeypatch.setattr(_renaming, "call_in_worker", lambda function, folder: function(folder))
    yield
    allow_renaming(None)
    _renaming._WAITING.clear()
    _renaming._FAULTS.clear()


def settled(folder):
    for _ in range(500):
        if _renaming.is_redrawn(folder):
            return True
        threading.Event().wait(0.01)
    return False


def test_a_new_name_is_kept_at_once_in_all_that_holds_names(run_dir, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(run_dir, folder)

    rename_segment(folder, 2, NAME)

    assert [s.name for s in read_summary(folder).segments][1] == NAME
    assert tomllib.loads((folder / "names.toml").read_text(encoding="utf-8"))["names"]["2"] == NAME
    segments = pl.read_parquet(folder / "segments.parquet")
    assert segments.filter(pl.col("segment_id") == 2)["segment_name"].unique().to_list() == [NAME]
    assert "&lt;b&gt;jetzt" not in (folder / "report.html").read_text(encoding="utf-8")


def test_the_report_that_is_drawn_again_has_the_name_of_the_summary(tmp_path):
    summary = make_summary(n_segments=1, n_points=0, n_components=1, names=(NAME,), is_rated=False)
    folder = folder_of(replace(summary, pictures=None, validation=None), tmp_path)

    (folder / "figures").mkdir(exist_ok=True)
    (folder / "figures" / "sizes.png").touch()  # of `segmentry report --png`

    redraw_report(folder)

    assert "&lt;b&gt;jetzt" in (folder / "report.html").read_text(encoding="utf-8")
    assert (folder / "figures" / "sizes.png").read_bytes().startswith(b"\x89PNG")


def test_names_that_two_processes_give_at_once_are_both_kept(run_dir, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(run_dir, folder)
    names = {1: "Nachtschwärmer", 2: "\U0001f469\u200d\U0001f467 قارئ\u200cالليل", 3: "🛒"}
    # A lock belongs to an open file: threads hold it against each other as processes do.
    threads = [threading.Thread(target=rename_segment, args=(folder, *e)) for e in names.items()]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    found = {s.segment_id: s.name for s in read_summary(folder).segments}
    assert found | names == found


@pytest.mark.parametrize("name", ["a\u202eb", "a\nb", "\u200d", "", "x" * 61])
def test_a_name_that_would_not_stand_on_one_line_is_refused(name, run_dir):
    with pytest.raises(ConfigError, match="expected"):
        rename_segment(run_dir, 1, name)


def test_a_name_that_another_segment_has_is_refused(run_dir, summary):
    with raises_text(ConfigError):
        rename_segment(run_dir, 2, summary.segments[0].name)


def test_the_form_hands_over_the_name_and_a_refusal_is_told(run_dir):
    asked = []

    def save(folder, segment_id, name):
        asked.append((folder, segment_id, name))
        raise ConfigError("two segments are called so")

    allow_renaming(Renaming(save=save, redraw=asked.append))
    page = shown("segments", run_dir, segment="1")
    page.text_input[0].input(NAME)
    page.button[0].click().run()

    assert asked == [(run_dir, 1, NAME)]
    assert "two segments are called so" in text_of(page)


def test_of_two_renames_no_name_is_lost_and_the_last_report_is_drawn_after_both():
    folder, started, go_on = Path("run"), threading.Event(), threading.Event()
    names, drawn = {}, []

    def redraw(_):
        seen = dict(names)
        started.set()
        go_on.wait(5)
        drawn.append(seen)

    allow_renaming(Renaming(save=lambda _, i, name: names.update({i: name}), redraw=redraw))
    _renaming.rename(folder, 1, "a")
    started.wait(5)
    _renaming.rename(folder, 2, "b")
    _renaming.rename(folder, 1, "c")
    assert not _renaming.is_redrawn(folder)
    go_on.set()

    assert settled(folder)
    assert drawn == [{1: "a"}, {1: "c", 2: "b"}]


def test_a_report_that_cannot_be_drawn_is_told_and_the_name_stays():
    folder, names = Path("run"), {}

    def redraw(_):
        raise OutputError("the disk is full")

    allow_renaming(Renaming(save=lambda _, i, name: names.update({i: name}), redraw=redraw))
    _renaming.rename(folder, 1, "a")

    assert settled(folder)
    assert names == {1: "a"}
    assert {folder: "the disk is full"} == _renaming._FAULTS


def test_where_nothing_may_be_written_no_form_is_there(run_dir):
    assert len(shown("segments", run_dir).text_input) == 0
