"""Decisions of a run: rules replayed on the written table, names kept, nothing shown of few."""

import json

import duckdb
import numpy as np
import polars as pl
import pytest
from tests.pipeline.runs import generated, reused, segmentry, summary_of
from tests.texts import says, shows

from segmentry.pipeline import run
from segmentry.present.first_screen import first_screen
from segmentry.results.names import with_carried, with_names
from segmentry.results.run_folder import read_bundle
from segmentry.results.scoring import score_users
from segmentry.results.summary import read_summary

THREE = {"k": 3, "k_range": "3:3"}
"""The number that the plain run chose, without trying the others."""


@pytest.fixture(scope="module")
def decisions(plain_run):
    return read_summary(plain_run.folder).decisions


def test_the_rules_of_a_run_replayed_on_its_own_table_give_its_figures(plain_run, decisions):
    query = (plain_run.folder / "rules.sql").read_text()
    users = pl.read_parquet(plain_run.folder / "users.parquet")

    query = query.replace("'users.parquet'", f"'{plain_run.folder / 'users.parquet'}'")
    found = dict(duckdb.sql(query).fetchall())

    by_rule = np.array([found[user] for user in users["user_id"].to_list()])
    ids = users["segment_id"].to_numpy()
    is_in = ids > 0
    assert decisions.rules.fidelity == (by_rule == ids)[is_in].mean()
    assert decisions.rules.fidelity > 0.9
    for rule in decisions.rules.segments:
        is_right = (by_rule == rule.segment_id) & (ids == rule.segment_id)
        assert rule.n_users == (by_rule == rule.segment_id).sum()
        assert rule.coverage == is_right.sum() / (ids == rule.segment_id).sum()
        assert rule.precision == is_right.sum() / rule.n_users
        assert 1 <= len(rule.texts) <= 5


def test_exemplars_are_real_users_without_their_ids(plain_run, decisions):
    users = pl.read_parquet(plain_run.folder / "users.parquet")
    rows = set(users.select("segment_id", "ctr_shrunk", "n_impressions").iter_rows())

    assert {each.kind for each in decisions.exemplars} == {"typical", "borderline"}
    for each in decisions.exemplars:
        values = dict(each.values)
        assert each.user_id is None
        assert (each.segment_id, values["ctr_shrunk"], values["n_impressions"]) in rows
        assert (each.next_segment_id is not None) == (each.kind == "borderline")
        assert each.next_segment_id != each.segment_id


def test_ids_are_given_where_they_are_asked_for(plain_run):
    users = pl.read_parquet(plain_run.folder / "users.parquet")
    segment_of = dict(users.select("user_id", "segment_id").iter_rows())

    found = reused(
        plain_run.folder, exemplar_ids=True, k=4, k_range="4:4"
    ).summary.decisions.exemplars

    assert all(segment_of[int(each.user_id)] == each.segment_id for each in found)


def test_a_tiny_segment_has_no_figure_in_any_file(plain_run, tmp_path):
    outcome = reused(plain_run.folder, k=9, k_range="9:9", min_size=120)

    sizes = np.bincount(outcome.segmentation.segment_ids, minlength=10)[1:]
    hidden = {i + 1 for i, size in enumerate(sizes) if size < 120}
    assert hidden
    summary = outcome.summary
    assert {s.segment_id for s in summary.segments if s.is_withheld} == hidden
    assert {i.segment_id for i in summary.decisions.insights if i.code == "SEG-012"} >= hidden
    assert not {e.segment_id for e in summary.decisions.exemplars} & hidden
    assert not {p.segment_id for p in (*summary.map.points, *summary.map.centers)} & hidden
    assert all(not r.texts for r in summary.decisions.rules.segments if r.segment_id in hidden)
    for size in (s for s in sizes.tolist() if s < 120):
        parts = [s.n_users for s in summary.segments]
        assert size not in parts
    assert sum(s.n_users for s in summary.segments) == summary.population.n_users
    shows(summary.warnings)


def test_a_segment_next_to_which_all_others_are_too_small_is_compared_with_nothing(plain_run):
    sizes = sorted(each.n_users for each in reused(plain_run.folder, **THREE).summary.segments)
    summary = reused(plain_run.folder, **THREE, min_size=sizes[-2] + 1).summary

    (alone,) = (each for each in summary.segments if not each.is_withheld)

    assert len(summary.segments) == 3
    assert alone.verdict == "not checked"
    assert alone.later_difference.value is alone.forecast_difference.value is None
    assert alone.expected_rate.is_known
    says(alone.verdict_reason)
    says(first_screen(summary).headline)


def test_codes_are_muted_and_a_wrong_one_is_one_line(plain_run, tmp_path):
    heard = reused(plain_run.folder, **THREE).summary.decisions
    code = heard.insights[0].code

    muted = reused(plain_run.folder, mute=(code,), **THREE).summary.decisions
    wrong = segmentry("run", "--from", plain_run.folder, "--out", tmp_path / "x", "--mute", "SEG-4")

    assert code not in {each.code for each in muted.insights}
    assert muted.muted == (code,)
    assert (wrong.code, wrong.out) == (2, "")
    assert wrong.err.count("\n") == 1
    shows(wrong.err)
    assert not (tmp_path / "x").exists()


def test_names_that_people_gave_are_kept_by_the_report_and_by_a_refit(plain_run, undrawn, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    run(None, first, from_run=plain_run.folder, k=3, k_range="3:3", bootstraps=2)
    names = first / "names.toml"
    old = read_summary(first).segments[1].name
    names.write_text(names.read_text().replace(f'2 = "{old}"', '2 = "Très “bons” clients"', 1))

    answer = segmentry("report", first)

    assert answer.code == 0
    assert read_summary(first).segments[1].name == "Très “bons” clients"
    assert "Très “bons” clients" in (first / "report.html").read_text()
    assert json.loads((first / "model" / "bundle.json").read_text())["names"][1].startswith("Très")
    text = pl.read_parquet(first / "segments.parquet").filter(segment_id=2)["segment_name"]
    assert text.unique().to_list() == ["Très “bons” clients"]
    result = run(None, second, from_run=first, k=3, k_range="3:3", seed=5, bootstraps=2)
    assert [s.name for s in result.summary.segments].count("Très “bons” clients") == 1
    assert f'2 = "{old}"' in (second / "names.toml").read_text()


def renamed(plain_run, folder, names):
    """Return a run of three segments of which some were given names by hand."""
    run(None, folder, from_run=plain_run.folder, k=3, k_range="3:3", bootstraps=2)
    lines = (folder / "names.toml").read_text().splitlines()
    for segment_id, name in names.items():
        lines[lines.index("[names]") + segment_id] = f'{segment_id} = "{name}"'
    (folder / "names.toml").write_text("\n".join(lines) + "\n")
    return folder


def test_names_that_people_gave_are_kept_on_the_log_of_next_month(plain_run, undrawn, tmp_path):
    first = renamed(plain_run, tmp_path / "first", {2: "Our best"})
    later = generated(tmp_path, 1_500, seed=11)
    words = ("--names", first, "--k", 3, "--k-range", "3:3")

    answer = segmentry("run", later, "--out", tmp_path / "second", *words)

    assert (answer.code, answer.err) == (0, "")
    found = {s.segment_id: s.name for s in read_summary(tmp_path / "second").segments}
    (kept,) = [each for each, name in found.items() if name == "Our best"]
    users = pl.read_parquet(tmp_path / "second" / "users.parquet")
    scores, _ = score_users(read_bundle(first), users)
    both = pl.DataFrame({"new": users["segment_id"], "old": scores["segment_id"]})
    # No other segment holds more users whom the earlier run would have put into the one named.
    shares = both.group_by("new").agg((pl.col("old") == 2).sum().alias("n"))
    assert dict(shares.iter_rows())[kept] == shares["n"].max()
    automatic = (tmp_path / "second" / "names.toml").read_text().split("[automatic]")[1]
    assert "Our best" not in automatic


def test_an_automatic_name_makes_way_for_one_that_people_gave(plain_run):
    summary = read_summary(plain_run.folder)
    first, second = (segment.name for segment in summary.segments[:2])

    found = with_names(
        summary, with_carried(summary.segments, {1: second.upper()}), source="names.toml"
    )

    assert [s.name for s in found.segments[:2]] == [second.upper(), f"{second} (2)"]
    assert first not in {s.name for s in found.segments}


def test_names_of_a_folder_that_is_no_run_are_one_line(plain_run, tmp_path):
    (tmp_path / "empty").mkdir()

    answer = segmentry(
        "run", plain_run.data_dir, "--out", tmp_path / "x", "--names", tmp_path / "empty"
    )

    assert (answer.code, answer.out) == (2, "")
    assert answer.err.count("\n") == 1
    shows(answer.err)


@pytest.mark.parametrize(
    "text",
    [
        '[names]\n9 = "x"\n',
        '[names]\n1 = ""\n',
        '[names]\nfirst = "x"\n',
        '[names]\n1 = "A"\n2 = "a"\n',
        "[other]\n",
        "names",
        '[names]\n1 = "{}"\n'.format("x" * 61),
    ],
)
def test_a_names_file_that_cannot_be_used_is_one_line(plain_run, tmp_path, text):
    file = tmp_path / "names.toml"
    file.write_text(text)

    answer = segmentry("report", plain_run.folder, "--names", file)

    assert answer.code == 2
    assert answer.err.count("\n") == 1
    shows(answer.err)


def test_where_all_users_are_alike_nothing_is_of_high_value(tmp_path):
    from segmentry.datasets import GeneratorOptions, generate_taobao

    data = generate_taobao(tmp_path / "log", GeneratorOptions(n_users=4_000, seed=3, null=True))

    summary = summary_of(data.directory, k=3, k_range="3:3")

    codes = {each.code for each in summary.decisions.insights}
    assert not codes & {"SEG-001", "SEG-003", "SEG-006"}
    assert all("click" not in s.name for s in summary.segments if s.verdict != "confirmed")


def test_too_few_users_in_all_are_one_line(plain_run, tmp_path):
    words = ("--from", plain_run.folder, "--out", tmp_path / "x", "--min-size", 5000)

    answer = segmentry("run", *words, "--k", 3, "--k-range", "3:3")

    assert answer.code == 2
    shows(answer.err)
    assert not (tmp_path / "x").exists()
