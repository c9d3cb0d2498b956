"""Two runs held against each other, against other ways to the same numbers."""

import json
import re
import shutil

import polars as pl
from tests.pipeline.runs import segmentry
from tests.pipeline.test_refresh import THIRD, life, log  # noqa: F401  # fixtures

from segmentry.features import shrink
from segmentry.pipeline import build_user_table, score
from segmentry.present.report import render_table
from segmentry.present.two_runs import compared_tables
from segmentry.results.run_folder import read_bundle, read_segments
from segmentry.results.scoring import explain_placement
from segmentry.results.summary import read_summary
from segmentry.results.two_runs import compare_runs


def placed(table):
    return table.filter(pl.col("segment_id") > 0).select("user_id", "segment_id", "segment_key")


def test_a_refreshed_run_is_matched_by_keys_and_its_moves_are_those_it_reports(life):  # noqa: F811
    folder, _ = life

    found = compare_runs(folder / "first", folder / "second")

    moves = read_summary(folder / "second").changes.moves
    assert (found.n_both, found.n_only_earlier, found.n_only_later) == (
        *(moves.n_both, moves.n_absent, moves.n_new),
    )
    assert found.n_moved == found.n_moved_by_users == moves.n_by_users
    assert all(each.earlier.segment_key == each.later.segment_key for each in found.segments)


def test_moves_by_users_are_those_of_scoring_the_later_log(life, log):  # noqa: F811
    """But of users between two segments, who stay."""
    folder, _ = life
    window = {"since": THIRD[0], "until": THIRD[1]}
    scored, bundle = score(folder / "first", log, **window).segments, read_bundle(folder / "first")
    table = build_user_table(log, **window)
    rate = shrink(table["n_clicks"].to_numpy(), table["n_impressions"].to_numpy(), bundle.prior)
    table = table.with_columns(ctr_shrunk=pl.Series(rate))
    both = placed(read_segments(folder / "first")).join(placed(scored), on="user_id", suffix="_now")

    found = compare_runs(folder / "first", folder / "third")

    moved = 0
    elsewhere = both.filter(pl.col("segment_id") != pl.col("segment_id_now"))
    for user, then, now in elsewhere.select("user_id", "segment_id", "segment_id_now").rows():
        row = table.filter(pl.col("user_id") == user)
        distances = dict(explain_placement(bundle, row).distances)
        moved += distances[now] <= distances[then] / 2
    assert moved > 20
    assert abs(found.n_moved_by_users - moved) <= 0.02 * moved  # its most frequent placement
    assert {each.what for each in found.settings} == {"until", "since"}
    assert "window" in {each.what for each in found.data}


def test_segments_of_runs_that_know_nothing_of_each_other_are_matched_by_users(life, tmp_path):  # noqa: F811
    folder, _ = life
    other = tmp_path / "other"
    shutil.copytree(folder / "first", other)
    file = other / "model" / "bundle.json"
    name = read_bundle(other).keys.segmentation
    file.write_text(file.read_text().replace(name, "another"))

    found = compare_runs(folder / "first", other)

    assert [(each.earlier, each.later) for each in found.segments] == [
        (each, each) for each in (pair.earlier for pair in found.segments)
    ]
    assert (found.n_moved, found.n_moved_by_users, found.frozen_reason) == (0, 0, "")
    assert (found.features, found.settings, found.data) == ((), (), ())


def test_the_command_prints_words_or_json(life):  # noqa: F811
    folder, _ = life

    words = segmentry("compare", folder / "first", folder / "second")
    machine = segmentry("compare", folder / "first", folder / "second", "--json")

    assert (words.code, machine.code) == (0, 0)
    said = json.loads(machine.out)
    assert f"{said['n_both']:,} in both" in words.out
    assert "Settings that differ" in words.out


def test_two_runs_side_by_side_are_one_page_with_the_same_tables(life, tmp_path):  # noqa: F811
    pair, file = (life[0] / "first", life[0] / "second"), tmp_path / "page.html"
    found, later = compare_runs(*pair), read_summary(pair[1])

    answer = segmentry("compare", *pair, "--out", file)
    again = segmentry("compare", *pair, "--out", file)

    assert (answer.code, again.code) == (0, 2)
    assert "add --overwrite" in again.err
    page = file.read_text()
    assert segmentry("compare", *pair, "--html").out.rstrip() == page.rstrip()
    tables = compared_tables(found, later.outcome)
    assert page.count("<caption>") >= len(tables) > 1
    assert all(render_table(each) in page for each in tables)
    for outside in ("http:", "https:", "<script", "<link", " src="):
        assert outside not in page.replace("http://www.w3.org", "")
    anchors = set(re.findall(r'href="#([\w-]+)"', page))
    assert {f"segment-{each.segment_id}" for each in later.segments} <= anchors
    assert not [each for each in anchors if f'id="{each}"' not in page]


def test_what_is_no_run_is_refused_in_a_line(life, tmp_path):  # noqa: F811
    answer = segmentry("compare", life[0] / "first", tmp_path)

    assert (answer.code, answer.out) == (2, "")
    assert "expected a run folder of segmentry run" in answer.err
