"""Settings: the same names and checks in Python, in TOML and on the command line."""

import inspect
from typing import get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.texts import raises_text, says

from segmentry.cli._run import run
from segmentry.config import RunConfig, load_config, parse_moment
from segmentry.errors import ConfigError
from segmentry.ingest.clocks import Clock
from segmentry.settings import RunOptions, parse_k_range


def refused(file=None, **options):
    with pytest.raises(ConfigError) as caught:
        load_config(file, options)
    return str(caught.value)


@pytest.fixture
def toml(tmp_path):
    def write(text):
        file = tmp_path / "run.toml"
        file.write_text(text)
        return file

    return write


def test_every_setting_is_a_flag_and_every_flag_of_the_run_a_setting():
    places = {"data_dir", "out", "from_run", "config", "mapping", "names", "overwrite", "json"}
    assert set(inspect.signature(run).parameters) - places == set(RunConfig.model_fields)


def test_the_keywords_of_python_are_the_settings_and_may_be_null():
    given = get_type_hints(RunOptions)
    assert set(given) == set(RunConfig.model_fields)
    lists = ("with_", "features", "exclude", "mute", "spark_conf")
    wider = ("engine", "k_range")
    for name, field in RunConfig.model_fields.items():
        if name not in (*lists, *wider):
            assert given[name] == field.annotation | None, name
        assert field.description, name


def test_nothing_asked_for_gives_the_defaults():
    settings = load_config(None, {"k": None, "engine": None})
    assert settings == RunConfig()
    assert settings.numbers == (2, 3, 4, 5, 6, 7, 8, 9, 10)
    assert (settings.engine, settings.recipe, settings.algorithm) == ("duckdb", "default", "kmeans")
    assert (settings.sample, settings.min_share, settings.seed, settings.k) == (1.0, 0.01, 0, None)


def test_options_win_over_the_file_and_absent_ones_do_not(toml):
    file = toml('k = 4\nseed = 9\nexclude = ["gender"]\nsample = 0.5\n')

    settings = load_config(file, {"seed": 2, "k": None, "sample": 0.25})

    assert (settings.k, settings.seed, settings.sample) == (4, 2, 0.25)
    assert settings.exclude == ("gender",)


def test_a_cluster_that_was_not_requested_is_refused():
    says(refused(master="local[2]"))
    assert load_config(None, {"master": "local[2]", "engine": "duckdb"}).engine == "duckdb"


def test_a_byte_order_mark_is_no_setting(toml):
    file = toml("")
    file.write_bytes("k = 4\n".encode("utf-8-sig"))
    assert load_config(file, {}).k == 4


def test_an_option_that_is_zero_wins_too(toml):
    assert load_config(toml("seed = 9\n"), {"seed": 0}).seed == 0


def test_the_options_of_the_caller_are_not_changed(toml):
    options = {"seed": 2, "k": None}
    load_config(toml("k = 4\n"), options)
    assert options == {"seed": 2, "k": None}


def test_choices_of_features_are_read_from_tables_and_from_flags_alike(toml):
    file = toml(
        'scale = "standard"\nclip = [0.05, 0.95]\n[fill]\nage_level = "own level"\n'
        "[weights]\nctr_shrunk = 1\n"
    )
    flags = {"scale": "standard", "clip": "0.05:0.95", "fill": "age_level=own level"}

    from_file, from_flags = load_config(file, {}), load_config(None, flags)

    assert from_file.choices == load_config(None, flags | {"weights": "ctr_shrunk=1"}).choices
    assert from_flags.weights is None
    assert load_config(file, {"scale": "none"}).scale == "none"
    assert RunConfig().choices.given == {}


def test_choices_of_features_that_make_no_sense_are_refused(toml):
    says(refused(scale="max", clip="2:3"))
    says(refused(toml("[weights]\nctr = -1\n")))
    says(refused(algorithm="latent", scale="none", fill="zero"))


def test_unknown_settings_are_told_with_what_was_expected(toml):
    said, _, settings = refused(toml("clusters = 3\n")).partition(" expected some of ")
    says(said)
    assert {"algorithm", "k_range", "min_size", "until"} <= set(settings.split(", "))
    assert settings.split(", ") == sorted(settings.split(", "))


def test_all_problems_are_told_together():
    says(refused(k=0, sample=2.0))


def test_files_that_cannot_be_read_are_reported(tmp_path, toml):
    says(refused(tmp_path / "absent.toml"))
    assert refused(toml("k = [\n")).startswith(f"{tmp_path / 'run.toml'}: not TOML: ")
    (tmp_path / "run.toml").write_bytes("k = 4\n".encode("utf-16"))
    says(refused(tmp_path / "run.toml"))


@pytest.mark.parametrize("text", ["500MB", "2GB", "1.5GiB", "8 GB", "600000KiB"])
def test_sizes_of_memory_are_read(text):
    assert RunConfig(memory=text).memory == text


def test_less_memory_than_the_libraries_take_is_refused():
    says(refused(memory="400MB"))


@pytest.mark.parametrize("text", ["lots", "2", "-2GB", "GB", "2GB or so", "9999999TB", ""])
def test_what_is_no_size_of_memory_is_refused(text):
    says(refused(memory=text))


@given(low=st.integers(1, 50), more=st.integers(0, 49))
def test_a_range_holds_both_its_ends_and_all_between(low, more):
    assert list(parse_k_range(f"{low}:{low + more}")) == list(range(low, low + more + 1))


def test_one_number_is_a_range():
    assert parse_k_range("5") == (5,)


@pytest.mark.parametrize(
    "text", ["", ":", "2:", ":5", "5:2", "0:3", "-1:3", "2:5:7", "a:b", "2.5:4"]
)
def test_what_is_no_range_is_refused(text):
    with raises_text(ValueError):
        parse_k_range(text)


def test_a_range_is_not_made_before_it_is_known_to_be_small():
    assert len(parse_k_range("1:100")) == 100
    with raises_text(ValueError):
        parse_k_range("1:9999999999999999")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2017-05-06", 1494000000),
        ("20170506", 1494000000),
        ("2017-05-06T08:00", 1494000000 + 8 * 3600),
        ("2017-05-06 08:00:30", 1494000000 + 8 * 3600 + 30),
        ("2017-05-05T16:00Z", 1494000000),
        ("2017-05-05T18:00+02:00", 1494000000),
        ("1494000000", 1494000000),
    ],
)
def test_moments_are_local_unless_they_tell_their_zone(text, seconds):
    assert parse_moment(text, clock=Clock(8), option="--since") == seconds


def test_a_date_without_an_offset_is_that_of_utc():
    assert parse_moment("1970-01-02", clock=Clock(), option="--since") == 86_400


@pytest.mark.parametrize(
    "text", ["", "today", "2017-13-01", "06.05.2017", "-1494000000", "²²²²²²²²²"]
)
def test_what_is_no_moment_is_refused(text):
    with pytest.raises(ConfigError) as caught:
        parse_moment(text, clock=Clock(8), option="--until")
    says(str(caught.value))
