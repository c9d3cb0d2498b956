"""A run taken to its next windows: the days of one generated log, a few at a time."""

import datetime as dt
import itertools
import json
import shutil
import zoneinfo
from collections import Counter
from dataclasses import asdict, replace

import numpy as np
import polars as pl
import pytest
from tests.pipeline import runs
from tests.pipeline.runs import RUN_FILES, segmentry
from tests.pipeline.test_few_users import leaves

from segmentry.advise.traffic import read_traffic
from segmentry.config import load_config
from segmentry.datasets import GeneratorOptions, generate_taobao
from segmentry.lifecycle.history import members_at
from segmentry.pipeline import build_user_table, score
from segmentry.pipeline._folder import form_segments
from segmentry.present.report import render_report
from segmentry.results.run_folder import (
    read_bundle,
    read_memory,
    read_segments,
    read_user_table,
    read_windows,
)
from segmentry.results.scoring import explain_placement, render_bundle
from segmentry.results.summary import read_summary
from segmentry.results.two_runs import compare_runs
from segmentry.runtime.clock import StepClock

K = ("--k", 3, "--k-range", "3:3", "--min-size", 10)
SECOND, THIRD = ("2017-05-08", "2017-05-11"), ("2017-05-11", "2017-05-13")


def since(window):
    return ("--since", window[0], "--until", window[1])


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """A generated log of 600 users."""
    return runs.generated(tmp_path_factory.getbasetemp(), 600)


@pytest.fixture(scope="module")
def life(tmp_path_factory, log):
    """A run of two days, kept on three more, then fitted again on the next two."""
    home = tmp_path_factory.getbasetemp()

    def make(folder):
        folder.mkdir()
        first, second, third = (folder / name for name in ("first", "second", "third"))
        past = ("--history", folder / "history")
        with pytest.MonkeyPatch.context() as patch:
            runs.leave_undrawn(patch)
            segmentry("run", log, "--until", SECOND[0], "--out", first, *K)
            answers = (
                segmentry("refresh", first, log, *since(SECOND), "--out", second, *past),
                segmentry(
                    *("refresh", second, log, *since(THIRD), "--out", third, *past, "--json"),
                    *("--decide", "refit"),
                ),
            )
        return folder, answers

    return runs.made_once(home, "life", make)


@pytest.fixture
def own(life, tmp_path):
    """A copy of all folders, to be changed."""
    shutil.copytree(life[0], tmp_path / "life")
    return tmp_path / "life"


def test_a_kept_model_makes_a_whole_run_folder_and_says_what_changed(life):
    folder, (kept, _) = life

    assert kept.code == 0, kept
    assert kept.out.startswith("The model was kept: a refit predicts the later days no better.")
    assert {each.name for each in (folder / "second").iterdir()} == RUN_FILES - {
        "figures",
        "report.html",
    }
    keys = [read_bundle(folder / name).keys.keys for name in ("first", "second")]
    assert keys[0] == keys[1]
    names = [read_bundle(folder / name).names for name in ("first", "second")]
    assert names[0] == names[1]


def test_users_stay_unless_another_segment_is_twice_as_near(life, log):
    """By what `score` says, which has no memory, and the distances to all centres."""
    folder, _ = life
    bundle, table = read_bundle(folder / "second"), read_user_table(folder / "second")

    scored = score(folder / "first", log, since=SECOND[0], until=SECOND[1]).segments

    own, before = (read_segments(folder / name) for name in ("second", "first"))
    places = own.join(scored, on="user_id", suffix="_scored", maintain_order="left")
    places = places.join(before, on="user_id", suffix="_before", how="left", maintain_order="left")
    assert places["user_id"].equals(table["user_id"])
    then = places["segment_id_before"].fill_null(0).to_list()
    stayed = moved = 0
    for i, (now, nearest) in enumerate(places.select("segment_id", "segment_id_scored").rows()):
        if then[i] in (0, nearest) or nearest == 0:
            assert now == nearest
            continue
        distances = dict(explain_placement(bundle, table[i]).distances)
        is_clear = distances[nearest] <= distances[then[i]] / 2
        assert now == (nearest if is_clear else then[i])
        moved, stayed = moved + is_clear, stayed + (not is_clear)
    assert stayed > 20
    assert moved > 20
    memory = read_memory(folder / "second")
    assert memory["segment_id"].equals(own["segment_id"])
    assert memory["nearest_id"].equals(scored["segment_id"].alias("nearest_id"))
    held = places.filter(pl.col("segment_id") != pl.col("segment_id_scored"))
    assert held.height == stayed
    assert (held["margin"] == 0).all()


def test_all_days_of_a_kept_run_put_its_users_where_they_are(life):
    folder, _ = life

    traffic = read_traffic(folder / "second")

    ids = traffic.relabelling.labels(traffic.relabelling.days)
    assert ids.tolist() == read_segments(folder / "second")["segment_id"].to_list()


def test_moves_are_those_between_both_lists_of_users(life):
    folder, _ = life
    first, second = (
        read_segments(folder / name)
        .filter(pl.col("segment_id") > 0)
        .select("user_id", "segment_key")
        for name in ("first", "second")
    )
    both = first.join(second, on="user_id", suffix="_now")

    moves = read_summary(folder / "second").changes.moves

    assert moves.n_both == both.height
    sizes = {each.key: each.n_users for each in read_summary(folder / "second").changes.segments}
    own = dict(second["segment_key"].value_counts().iter_rows())
    assert {key: sizes[key] for key in own} == own
    assert (
        moves.n_by_users == both.filter(pl.col("segment_key") != pl.col("segment_key_now")).height
    )
    assert 0 < moves.n_by_luck < moves.n_both
    assert moves.n_new == second.join(first, on="user_id", how="anti").height
    assert moves.n_absent == first.join(second, on="user_id", how="anti").height


def test_a_refit_carries_keys_and_names_and_exits_10(life):
    folder, (_, refit) = life
    said = json.loads(refit.out)

    assert refit.code == said["exit_code"] == 10
    before, after = (read_bundle(folder / name) for name in ("second", "third"))
    kept = {each["key"] for each in said["changes"]["segments"] if each["kind"] == "kept"}
    assert kept == set(before.keys.keys) & set(after.keys.keys)
    assert kept
    names = dict(zip(before.keys.keys, before.names, strict=True))
    for key, name in zip(after.keys.keys, after.names, strict=True):
        if key in kept:
            assert name == names[key]
            assert after.keys.keys.index(key) == before.keys.keys.index(key)  # and so the colour
    assert after.centers != before.centers
    assert after.keys.segmentation == before.keys.segmentation


def test_a_refit_keeps_the_number_of_segments_that_as_many_users_could_give(log):
    users = runs.read_by_run(log)
    ids = np.ones(users.table.height, dtype=np.int64)

    def formed(**earlier):
        settings = load_config(None, {"k_range": "2:3", "bootstraps": 2})
        return form_segments(users, settings, clock=StepClock(), progress=None, **earlier)

    alone = formed()
    number, chosen = alone.evidence.weighed.number, alone.segmentation.n_segments
    within = range(number.range_low, number.range_high + 1)
    other = next(k for k in within if k not in (1, chosen))

    assert formed(earlier_ids=(ids, other)).segmentation.n_segments == other


def test_the_history_knows_where_everybody_was_after_each_window(life):
    folder, _ = life

    for name in ("first", "second", "third"):
        end = read_bundle(folder / name).window.end
        at = dt.datetime.fromtimestamp(end, tz=dt.UTC)
        members = members_at(folder / "history", at)
        own = read_segments(folder / name).filter(pl.col("segment_id") > 0)
        assert members.equals(own.select("user_id", "segment_key").sort("user_id"))


def test_the_report_begins_with_what_changed(life):
    page = render_report(read_summary(life[0] / "second"), figures={})

    assert page.index("What changed since last time") < page.index('id="found"')


def test_a_run_of_an_earlier_version_gets_the_keys_it_would_have_had(own, log, undrawn):
    """Equal refreshes have equal bytes, whether keys were written or are found again."""
    first, out = own / "first", own / "again"
    bundle = read_bundle(first)
    (first / "model" / "bundle.json").write_text(render_bundle(replace(bundle, keys=None)))
    segments = read_segments(first).drop("segment_key")
    segments.write_parquet(first / "segments.parquet")

    answer = segmentry("refresh", first, log, *since(SECOND), "--out", out)

    assert answer.code == 0, answer
    assert read_bundle(out).keys == bundle.keys
    ours, theirs = ((own / name / "summary.json").read_bytes() for name in ("again", "second"))
    assert ours == theirs


def refuse(folder, words, told):
    """Check that a refresh says one line, exits 2, and changes nothing."""
    history = folder / "history"
    before = {each.name: each.read_bytes() for each in history.iterdir()}
    names = {each.name for each in folder.iterdir()}

    answer = segmentry("refresh", *words, "--out", folder / "refused", "--history", history)

    assert (answer.code, answer.out) == (2, ""), answer
    assert told in answer.err
    assert answer.err.count("\n") == 1
    assert {each.name: each.read_bytes() for each in history.iterdir()} == before
    assert {each.name for each in folder.iterdir()} == names


@pytest.mark.parametrize(
    ("window", "told"),
    [
        (THIRD, "and so are those of the earlier run"),
        (("2017-05-12", "2017-05-14"), "overlap those of the earlier run"),
        (("2017-05-06", "2017-05-08"), "before those of the earlier run"),
    ],
)
def test_windows_that_do_not_follow_are_refused(own, log, window, told):
    refuse(own, (own / "third", log, *since(window)), told)


def test_a_history_that_went_on_is_refused(own, log):
    refuse(own, (own / "first", log, *since(SECOND)), "the history ends with run third")


def test_a_history_of_another_segmentation_is_refused(own, log):
    bundle = read_bundle(own / "third")
    other = replace(bundle.keys, segmentation="another")
    file = own / "third" / "model" / "bundle.json"
    file.write_text(render_bundle(replace(bundle, keys=other)))

    refuse(own, (own / "third", log, "--since", THIRD[1]), "the history of another segmentation")


def test_a_history_that_is_damaged_at_its_end_is_refused(own, log):
    file = own / "history" / "membership.parquet"
    file.write_bytes(file.read_bytes()[:-9])

    refuse(own, (own / "third", log, "--since", THIRD[1]), "membership.parquet: damaged")


def test_a_run_that_another_version_wrote_is_refused(own, log):
    file = own / "third" / "model" / "bundle.json"
    file.write_text(file.read_text().replace('"bundle_version": 1', '"bundle_version": 0'))

    refuse(own, (own / "third", log, "--since", THIRD[1]), "bundle.json: version 0")


def test_other_users_only_are_refused(own, tmp_path):
    data = generate_taobao(tmp_path / "data", GeneratorOptions(n_users=300, seed=1)).directory
    for name in ("raw_sample.csv", "user_profile.csv"):
        file = data / name
        head, *lines = file.read_text().splitlines()
        file.write_text("\n".join([head, *("900000" + line for line in lines)]))

    refuse(own, (own / "third", data, "--since", THIRD[1]), "users of the new data is in")


def test_a_segment_keeps_its_colour_with_its_key(life):
    colours = {}
    for name in ("first", "second", "third"):
        summary = read_summary(life[0] / name)
        own = {s.segment_key: summary.colour_number(s.segment_id) for s in summary.segments}
        assert len(set(own.values())) == len(own)
        new = set(own) - set(colours)
        assert not {own[key] for key in new} & set(colours.values())
        assert {key: colours[key] for key in set(own) & set(colours)}.items() <= own.items()
        colours |= own


def test_data_with_other_features_are_refused(own, log, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(log, data)
    (data / "ad_feature.csv").unlink()

    refuse(own, (own / "third", data, "--since", THIRD[1]), "expected the features of the earlier")


def test_a_segment_without_users_is_refused(own, log, undrawn):
    file = own / "third" / "model" / "bundle.json"
    bundle = read_bundle(own / "third")
    far = tuple(1000.0 for _ in bundle.centers[0])
    file.write_text(render_bundle(replace(bundle, centers=(far, *bundle.centers[1:]))))

    refuse(own, (own / "third", log, "--since", THIRD[1]), "has no user here")


def test_each_window_is_counted_for_alarms(life, log):
    """As the model alone places users."""
    folder, _ = life
    forming, now = read_windows(folder / "second").periods
    before = read_segments(folder / "first")
    placed = score(folder / "first", log, since=SECOND[0], until=SECOND[1]).segments
    users = pl.read_parquet(folder / "second" / "users.parquet")
    clicks = dict(
        before.join(users, on="user_id")
        .group_by("segment_key")
        .agg(pl.col("n_clicks").sum())
        .iter_rows()
    )

    assert forming.model == now.model
    for facts, segments in ((forming, before), (now, placed)):
        sizes = dict(segments["segment_key"].drop_nulls().value_counts().iter_rows())
        assert {each.key: each.n_users for each in facts.segments} == sizes
    assert {each.key: each.outcome.n_successes for each in now.segments} == {
        each.key: clicks[each.key] for each in now.segments
    }
    assert sum(day.n_successes for day in now.days) == users["n_clicks"].sum()
    assert [each.expected_rate for each in now.segments] == [
        each.expected_rate.value for each in read_summary(folder / "first").segments
    ]


def test_no_count_of_few_users_leaves_the_model_folder(own, log, undrawn):
    """The same refresh, for which the smallest segment of the new window has too few users."""
    sizes = read_segments(own / "second")["segment_key"].drop_nulls().value_counts(sort=True)
    largest, *_, (smallest, n_few) = sizes.rows()
    min_size = n_few + 1
    settings = own / "first" / "manifest.json"
    manifest = settings.read_text()
    settings.write_text(manifest.replace('"min_size": 10', f'"min_size": {min_size}'))

    answer = segmentry("refresh", own / "first", log, *since(SECOND), "--out", own / "few")

    assert answer.code == 0, answer
    text = (own / "few" / "summary.json").read_text()
    summary, said = json.loads(text), read_summary(own / "few")
    counts = {path: n for path, n in leaves(summary["changes"]) if path[-1].startswith("n_")}
    assert counts
    assert not [each for each in counts.items() if each[1] and 0 < each[1] < min_size]
    hidden = {each.key for each in said.changes.segments if each.n_users is None}
    assert {largest[0], smallest} <= hidden
    shares = {r.name: r.observed for r in said.over_time.readings if r.code == "mix_changed"}
    assert not set(shares) & {largest[0], smallest}
    true = {n / sizes["count"].sum() for n in (largest[1], n_few)}
    assert not true & {value for _, value in leaves(summary["over_time"])}
    page = render_report(said, figures={})
    for n_users in (largest[1], n_few):
        # Clicks may be as many as users by chance.
        assert f">{n_users}<" not in page.replace(f'data-head="clicks">{n_users}<', "")
    for file in (own / "few").glob("*.parquet"):
        table = pl.read_parquet(file)
        if "n_users" in table.columns:
            assert (table["n_users"].drop_nulls() >= min_size).all(), file.name
    both = compare_runs(own / "first", own / "few")
    assert not [n for _, n in leaves(json.loads(json.dumps(asdict(both)))) if n == n_few]


def test_a_refreshed_run_that_kept_its_counts_in_the_summary_is_refused(own, log):
    """As versions before wrote it."""
    file = own / "second" / "summary.json"
    summary = json.loads(file.read_text())
    file.write_text(json.dumps(summary | {"over_time": {"periods": []}}))

    refuse(own, (own / "second", log, "--since", THIRD[0]), "no over_time.windows, which segmentry")


def test_a_refreshed_run_without_its_counts_is_refused(own, log):
    (own / "second" / "model" / "windows.json").unlink()
    shutil.rmtree(own / "third")
    shutil.rmtree(own / "history")
    (own / "history").mkdir()

    refuse(own, (own / "second", log, *since(THIRD)), "windows.json: No such file")


def test_a_window_is_added_to_those_before(life):
    folder, (_, answer) = life
    second, third = (read_windows(folder / name) for name in ("second", "third"))

    assert third.periods[:2] == second.periods
    assert len(third.periods) == 3
    assert json.loads(answer.out)["alarms"] == []


def test_windows_around_a_clock_change_hold_the_days_of_the_local_clock(tmp_path):
    """In Berlin, 26 March 2017 has 23 hours; windows follow each other without gap or overlap."""
    zone = zoneinfo.ZoneInfo("Europe/Berlin")
    start = int(dt.datetime(2017, 3, 25, tzinfo=zone).timestamp())
    times = [start + 1_200 * n for n in range(71 * 3)]  # 24, 23 and 24 hours, every 20 minutes
    rows = "".join(f"{n % 7},{each},{n % 5 == 0:d}\n" for n, each in enumerate(times))
    (tmp_path / "log.csv").write_text("user,at,clk\n" + rows)
    mapping = tmp_path / "m.toml"
    mapping.write_text(
        'name = "ads"\nevent = "impression"\ntimezone = "Europe/Berlin"\n[log]\n'
        'files = "log.csv"\nuser_id = "user"\ntime = "at"\nclick = "clk"\n'
    )
    days = [dt.date(2017, 3, 25) + dt.timedelta(days=n) for n in range(3)]

    shown = [
        build_user_table(None, mapping=mapping, since=str(day), until=str(after))["n_impressions"]
        for day, after in itertools.pairwise(days)
    ]

    local = Counter(dt.datetime.fromtimestamp(each, tz=zone).date() for each in times)
    assert [each.sum() for each in shown] == [local[day] for day in days[:2]] == [72, 69]
