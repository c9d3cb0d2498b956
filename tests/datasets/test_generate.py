"""Files, determinism and refusals of the generator."""

import pickle
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.texts import raises_text

import segmentry.datasets.generate as generate_module
from segmentry.datasets import GeneratorOptions, generate_taobao
from segmentry.errors import ConfigError, OutputError


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def test_headers_are_those_of_the_real_files(tmp_path):
    generate_taobao(
        tmp_path, GeneratorOptions(n_users=50, behaviours=True, behaviour_rows_per_user=5)
    )

    headers = {p.name: p.read_text().split("\n")[0] for p in tmp_path.glob("*.csv")}
    assert headers == {
        "raw_sample.csv": "user,time_stamp,adgroup_id,pid,nonclk,clk",
        "user_profile.csv": "userid,cms_segid,cms_group_id,final_gender_code,age_level,"
        "pvalue_level,shopping_level,occupation,new_user_class_level ",
        "ad_feature.csv": "adgroup_id,cate_id,campaign_id,customer,brand,price",
        "behavior_log.csv": "user,time_stamp,btag,cate,brand",
    }


def test_missing_levels_are_empty_and_missing_brands_are_written_null(tmp_path):
    data = generate_taobao(tmp_path, GeneratorOptions(n_users=500))

    header, *rows = [line.split(",") for line in data.profiles.read_text().splitlines()]
    ads = pl.read_csv(data.ads, infer_schema=False)
    with_empty_fields = [header[i] for i in range(9) if any(row[i] == "" for row in rows)]
    assert with_empty_fields == ["pvalue_level", "new_user_class_level "]
    assert 0.2 < (ads["brand"] == "NULL").mean() < 0.4


def test_counts_are_those_of_the_files(generate):
    files = generate(n_users=3_000, seed=8)

    assert files.data.n_users == files.users.height == files.truth.height == 3_000
    assert files.data.n_profiled_users == files.profiles.height == 2_790
    assert files.data.n_ads == files.ads.height
    assert files.data.n_impressions == files.log.height
    assert files.data.n_clicks == files.log["clk"].sum()
    assert (files.log["nonclk"] + files.log["clk"] == 1).all()
    assert files.data.behaviours is None


def test_every_shown_ad_is_in_the_catalogue(files):
    assert len(files.shown) == len(files.log)
    assert files.ads["adgroup_id"].is_unique().all()
    assert files.profiles["userid"].is_in(files.users["user"].implode()).all()


def test_rows_are_not_in_order_of_users_or_time(files):
    followed = (files.log["user"].diff().abs() == 0).mean()
    correlation = files.log.with_row_index().select(
        by_user=pl.corr("index", "user"), by_time=pl.corr("index", "time_stamp")
    )

    assert followed < 0.01
    assert max(abs(value) for value in correlation.row(0)) < 0.02


def test_same_seed_same_bytes_and_another_seed_others(tmp_path):
    options = {"behaviours": True, "behaviour_rows_per_user": 20.0, "tastes": 0.5, "drift": 0.1}
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        generate_taobao(tmp_path / name, GeneratorOptions(n_users=3_000, seed=seed, **options))

    first, same, other = (contents(tmp_path / name) for name in "abc")
    assert first == same
    assert len(first) == 5
    assert all(first[name] != other[name] for name in first)


def test_behaviour_log_leaves_the_other_files_as_they_are(tmp_path):
    generate_taobao(tmp_path / "without", GeneratorOptions(n_users=500))
    generate_taobao(
        tmp_path / "with",
        GeneratorOptions(n_users=500, behaviours=True, behaviour_rows_per_user=4),
    )

    without, with_log = contents(tmp_path / "without"), contents(tmp_path / "with")
    assert set(with_log) - set(without) == {"behavior_log.csv"}
    assert {name: with_log[name] for name in without} == without


@pytest.mark.parametrize("n_users", [1, 2, 3, 17])
@pytest.mark.parametrize(
    "planted", [{}, {"null": True}, {"tastes": 2.0, "drift": 1.0, "fatigue": 1.0}]
)
def test_very_few_users_work(generate, n_users, planted):
    files = generate(
        n_users=n_users, behaviours=True, behaviour_rows_per_user=3.0, seed=n_users, **planted
    )

    assert files.truth["user_id"].to_list() == list(range(1, n_users + 1))
    assert files.users.height == n_users
    assert files.truth["true_ctr"].is_between(0, 1, closed="none").all()


def test_progress_rises_to_the_total(tmp_path):
    calls = []
    options = GeneratorOptions(n_users=50_000, behaviours=True, behaviour_rows_per_user=2)

    data = generate_taobao(
        tmp_path, options, progress=lambda done, total: calls.append((done, total))
    )

    total = data.n_impressions + data.n_behaviours
    assert len(calls) == 3  # two chunks of the log, one of the behaviour log
    assert [done for done, _ in calls] == sorted(done for done, _ in calls)
    assert calls[-1] == (total, total)
    assert {total for _, total in calls} == {total}


def test_failure_leaves_the_folder_as_it_was(tmp_path):
    generate_taobao(tmp_path, GeneratorOptions(n_users=50))
    before = contents(tmp_path)

    def interrupt(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate_taobao(tmp_path, GeneratorOptions(n_users=60, seed=1), progress=interrupt)
    assert contents(tmp_path) == before


def test_an_earlier_generation_is_replaced_whole(tmp_path):
    generate_taobao(
        tmp_path, GeneratorOptions(n_users=50, behaviours=True, behaviour_rows_per_user=2)
    )
    generate_taobao(tmp_path, GeneratorOptions(n_users=60))

    assert sorted(contents(tmp_path)) == [
        "ad_feature.csv",
        "planted_truth.parquet",
        "raw_sample.csv",
        "user_profile.csv",
    ]


def test_real_files_are_never_overwritten(tmp_path):
    (tmp_path / "raw_sample.csv").write_text("precious")

    with raises_text(OutputError):
        generate_taobao(tmp_path, GeneratorOptions(n_users=5))
    assert contents(tmp_path) == {"raw_sample.csv": b"precious"}


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "taken").write_text("")

    with raises_text(OutputError):
        generate_taobao(tmp_path / "taken", GeneratorOptions(n_users=5))


@pytest.mark.parametrize(
    "options",
    [
        {"n_users": 0},
        {"n_users": 2.5},
        {"n_users": True},
        {"n_users": 20_000_001},
        {"seed": -1},
        {"null": 1},
        {"fatigue": -0.1},
        {"drift": float("nan")},
        {"tastes": "strong"},
        {"behaviour_rows_per_user": 0.5},
        {"null": True, "drift": 0.2},
        {"fatigue": -1, "drift": -1},
    ],
)
def test_bad_options_are_refused_in_one_line(options):
    with raises_text(ConfigError) as caught:
        GeneratorOptions(**{"n_users": 10, **options})
    assert "\n" not in str(caught.value)


def test_chunks_hold_all_users_whatever_their_size(tmp_path, monkeypatch):
    options = GeneratorOptions(n_users=2_000, seed=5)
    whole = generate_taobao(tmp_path / "whole", options)
    monkeypatch.setattr(generate_module, "CHUNK_USERS", 333)
    cut = generate_taobao(tmp_path / "cut", options)

    counts = [
        pl.read_csv(data.impressions).group_by("user").len().sort("user") for data in (whole, cut)
    ]
    assert counts[0].equals(counts[1])


@settings(max_examples=15, deadline=None)
@given(n_users=st.integers(1, 400), seed=st.integers(0, 2**63))
def test_options_survive_pickling_and_any_seed(tmp_path_factory, n_users, seed):
    options = pickle.loads(pickle.dumps(GeneratorOptions(n_users=n_users, seed=seed)))  # noqa: S301 our own bytes

    data = generate_taobao(tmp_path_factory.mktemp("seeds"), options)
    assert abs(data.n_profiled_users - 0.93 * n_users) < 1
    assert n_users <= data.n_impressions <= 3756 * n_users
