"""The role [behaviours] of a mapping: which column is what, and how the actions are written."""

import pytest
from tests.ingest.mapping.shapes import EVENTS, write_csv
from tests.texts import raises_text, shows

from segmentry.errors import ConfigError, SchemaError
from segmentry.ingest.engines import open_engine
from segmentry.ingest.mapping import parse_mapping, resolve_mapping
from segmentry.schema import OTHER_CODE, UNKNOWN_CODE

HEAD = 'name = "shop"\nutc_offset_hours = 8\n[log]\nfiles = "log.csv"\nuser_id = "who"\n'
ADS = 'ad_id = "ad"\n[ads]\nfiles = "ads.csv"\nad_id = "ad"\ncategory_id = "cat"\n'
TABLE = '[behaviours]\nfiles = "done.csv"\nuser_id = "who"\naction = "did"\n'
TIMES = 'time = "at"\n'


@pytest.fixture
def folder(tmp_path):
    write_csv(tmp_path / "log.csv", EVENTS)
    (tmp_path / "ads.csv").write_text("ad,cat\n1,10\n")
    return tmp_path


def behaviours_of(folder, text, *, rows="u1,buy,2017-05-06T08:00:00,10\n", log=""):
    (folder / "done.csv").write_text("who,did,at,cat\n" + rows)
    mapping = parse_mapping(HEAD + log + text, origin="m.toml")
    return resolve_mapping(mapping, base=folder).behaviours


def refusal(folder, text, error, **options):
    with pytest.raises(error) as shown:
        behaviours_of(folder, text, **options)
    assert "\n" not in str(shown.value)
    return str(shown.value)


def test_times_are_told_and_rows_are_distinct(folder):
    source = behaviours_of(folder, TABLE + TIMES)

    time = source.columns["happened_at"]
    assert (time.name, time.type, time.time_format, time.utc_offset_hours) == (
        "at",
        "moment",
        "iso",
        8,
    )
    assert (source.role, source.is_distinct, source.possible) == ("behaviours", True, None)


def test_without_times_equal_rows_stay(folder):
    source = behaviours_of(folder, TABLE)

    assert "happened_at" not in source.columns
    assert not source.is_distinct


def test_actions_are_known_by_usual_words_or_declared_codes(folder):
    usual = dict(behaviours_of(folder, TABLE).columns["action"].codes)
    declared = behaviours_of(
        folder,
        TABLE + '[behaviours.codes]\nview = 1\ncart = ["3", "C "]\nother = [2, 4]\n',
        rows="u1,1,,10\n",
    ).columns["action"]

    assert [usual[word] for word in ("pv", "cart", "fav", "buy")] == [0, 1, 2, 3]
    expected = {"1": 0, "3": 1, "c": 1, "2": OTHER_CODE, "4": OTHER_CODE}
    assert dict(declared.codes).items() >= expected.items()
    assert declared.other == UNKNOWN_CODE


def test_days_bound_what_is_possible_by_the_local_clock(folder):
    days = "first_day = 2017-04-22\nlast_day = 2017-05-13\n"

    assert behaviours_of(folder, TABLE + TIMES + days).possible == (1_492_790_400, 1_494_691_200)


def test_a_category_is_text_in_the_ads_if_it_is_text_here(folder):
    text = TABLE + 'category_id = "cat"\n'
    (folder / "done.csv").write_text("who,did,at,cat\nu1,buy,,shoes\n")
    mapping = parse_mapping(HEAD + ADS + text, origin="m.toml")

    source = resolve_mapping(mapping, base=folder)

    assert source.behaviours.columns["category_id"].type == "text"
    assert source.ads.columns["category_id"].type == "text"


def test_unknown_actions_alone_are_refused(folder):
    text = refusal(folder, TABLE, SchemaError, rows="u1,7,,1\nu1,9,,1\n")

    shows(text)


@pytest.mark.parametrize(
    "text",
    [
        '[behaviours]\nuser_id = "who"\naction = "did"',
        '[behaviours]\nfiles = "done.csv"\nuser_id = "who"',
        TABLE + "[behaviours.codes]\nviews = 1",
        TABLE + '[behaviours.codes]\nview = "x"\ncart = "X"',
        TABLE + "first_day = 2017-05-06",
        TABLE + TIMES + "first_day = 2017-05-07\nlast_day = 2017-05-06",
        TABLE + 'missing = {brand_id = "0"}',
    ],
)
def test_what_makes_no_sense_is_told(text, folder):
    shows(refusal(folder, text, ConfigError))


def test_behaviours_alone_are_a_log_of_their_own(folder):
    text = 'name = "x"\n' + TABLE

    with raises_text(ConfigError):
        parse_mapping(text, origin="m.toml")


SAMPLE = """
name = "Taobao sample"
[log]
files = "impressions_500.csv"
user_id = "userid"
click = "clk"
ad_id = "adgroup_id"
[ads]
category_id = "cate_id"
[behaviours]
files = "behaviour_history_50.csv"
user_id = "userid"
action = "btag_code"
category_id = "cate"
brand_id = "brand"
codes = {view = 1, cart = 3, other = [2, 4]}
"""


@pytest.mark.real_data("taobao_behaviour")
def test_the_real_sample_is_read_and_no_row_is_lost(real_data, engine_name, tmp_path):
    base = real_data / "taobao_behaviour"
    source = resolve_mapping(parse_mapping(SAMPLE, origin="m"), base=base).behaviours
    lines = (base / "behaviour_history_50.csv").read_text().splitlines()[1:]
    codes = [line.split(",")[3] for line in lines]
    engine = open_engine(engine_name, scratch=tmp_path)
    try:
        log = engine.split_log(
            source,
            tmp_path / "parts",
            n_parts=2,
            exclude={},
            keep_users=None,
            on_progress=lambda _done, _total: None,
        )
    finally:
        engine.close()

    n_other = sum(code in ("2", "4") for code in codes)
    assert log.account.n_read == len(lines) == 24_879
    assert dict(log.account.excluded) == {"of another action": n_other}
    assert log.account.n_used == sum(code in ("1", "3") for code in codes)
    assert sum(log.account.rejected.values()) == 24_879 - n_other - log.account.n_used
