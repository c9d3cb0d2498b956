"""A mapping that cannot be used is answered in one clear line."""

import math

import pytest
from tests.ingest.mapping.shapes import EVENTS, mapping_of, source_from, users_from, write_csv
from tests.texts import raises_text, says, shows

from segmentry.errors import ConfigError, DataError, SchemaError

FULL = 'time = "when"\nad_id = "ad"\nclick = "hit"'


@pytest.fixture
def folder(tmp_path):
    write_csv(tmp_path / "log.csv", EVENTS)
    return tmp_path


def refusal(folder, text, error):
    with pytest.raises(error) as shown:
        users_from(folder, text)
    assert type(shown.value) is error
    assert "\n" not in str(shown.value)
    return str(shown.value)


@pytest.mark.parametrize(
    "text",
    [
        "[log",
        'name = "x"',
        'name = "x"\n[logs]\nfiles = "a"',
        'name = "x"\n[log]\nfiles = "a"',
        mapping_of('tiem = "when"'),
        mapping_of('format = "xlsx"'),
        mapping_of("", tail='[ads]\nprice = "p"'),
        mapping_of('click_values = "x"'),
        mapping_of(FULL, tail='[profiles.attributes]\nage = {column = "a", kind = "sort"}'),
        mapping_of(FULL, tail='[profiles]\nfiles = "p.csv"'),
        mapping_of('time = "when"\ntime_format = "%b"'),
        mapping_of(FULL + '\nmissing = {brand = "0"}'),
    ],
)
def test_what_makes_no_sense_is_told_with_what_is_expected(text, folder):
    shows(refusal(folder, text, ConfigError))


AGE = '{column = "age", kind = "number"}'


@pytest.mark.parametrize(
    "text",
    [
        mapping_of('ad_id = "who"'),
        mapping_of('time = "when"\nclick = "hit"\nno_click = "hit"'),
        mapping_of('time = "when"\nad_id = "ad"', tail='[ads]\ncategory_id = "when"'),
        mapping_of("", tail='[profiles.attributes]\nage = {column = "who", kind = "categorical"}'),
        mapping_of(
            FULL,
            tail=f'[profiles]\nfiles = "p.csv"\nuser_id = "id"\n[profiles.attributes]\n'
            f"age = {AGE}\nyears = {AGE}",
        ),
        mapping_of(FULL, tail='[behaviours]\nfiles = "b.csv"\nuser_id = "u"\naction = "u"'),
    ],
)
def test_a_column_in_two_roles_is_refused(text, folder):
    found = refusal(folder, text, ConfigError)

    shows(found)
    shows(found)


def test_one_name_may_stand_in_two_tables_and_a_column_for_two_readings(folder):
    write_csv(folder / "log.csv", [(*row, 5, 9) for row in EVENTS],
              header=("who", "when", "ad", "hit", "price", "who_age"))  # fmt: skip
    write_csv(folder / "people.csv", [("a", 30), ("b", 40)], header=("who", "hit"))
    merged = mapping_of(
        f'{FULL}\nvalue = "price"',
        tail='[ads]\nad_id = "ad"\nprice = "price"\n[profiles]\nuser_id = "who"\n'
        '[profiles.attributes]\nage = {column = "who_age", kind = "number"}\n'
        'band = {column = "who_age", kind = "categorical"}',
    )
    apart = mapping_of(
        FULL,
        tail='[profiles]\nfiles = "people.csv"\nuser_id = "who"\n[profiles.attributes]\n'
        'age = {column = "hit", kind = "number"}',
    )

    users = users_from(folder, merged).table.sort("user_id")

    assert users["value_mean"].to_list() == [5.0, 5.0, 5.0]
    assert users["mean_log_price_seen"].to_list() == [pytest.approx(math.log(6), abs=1e-6)] * 3
    assert users["band"].to_list() == [9, 9, 9]
    assert users_from(folder, apart).table.sort("user_id")["age"].to_list() == [30.0, 40.0, None]


def test_a_file_that_is_not_there_is_told_with_the_nearest(folder):
    text = mapping_of(FULL, files="lgo.csv")

    shown = refusal(folder, text, DataError)

    says(shown)


def test_a_column_that_is_not_there_is_told_with_the_nearest(folder):
    text = refusal(folder, mapping_of('time = "wehn"'), SchemaError)

    shows(text)


def test_times_that_could_be_two_things_are_asked_for(folder):
    write_csv(folder / "log.csv", [("a", "03/04/2017", 1, 0)])

    text = refusal(folder, mapping_of(FULL), SchemaError)

    shows(text)


def test_an_event_type_is_asked_which_value_is_a_click(folder):
    write_csv(folder / "log.csv", [("a", 1_494_000_000, 1, "view"), ("a", 1_494_000_000, 1, "hit")])

    text = refusal(folder, mapping_of(FULL), SchemaError)

    shows(text)
    assert "click_values = ['hit']" in text


def test_a_window_needs_times(folder):
    text = mapping_of('click = "hit"')

    with raises_text(ConfigError):
        users_from(folder, text, since="2017-05-06")


def test_a_feature_that_the_data_lack_cannot_be_asked_for(folder):
    with raises_text(ConfigError):
        users_from(folder, mapping_of('click = "hit"'), features=("recency_days",))


def test_the_names_must_be_those_of_all_columns(folder):
    text = mapping_of(FULL + '\nnames = ["who", "when"]')

    shown = refusal(folder, text, SchemaError)

    shows(shown)


def test_ids_are_text_everywhere_if_anywhere(folder):
    write_csv(folder / "log.csv", [("7", 1_494_000_000, 1, 0), ("8", 1_494_000_000, 1, 0)])
    write_csv(folder / "people.csv", [("7", 1), ("x9", 2)], header=("id", "age"))
    tail = (
        '[profiles]\nfiles = "people.csv"\nuser_id = "id"\n'
        '[profiles.attributes]\nage = {column = "age", kind = "number"}'
    )

    source = source_from(folder, mapping_of(FULL, tail=tail))

    assert source.impressions.columns["user_id"].type == "text"
    assert users_from(folder, mapping_of(FULL, tail=tail)).table["user_id"].to_list() == [
        "7",
        "8",
        "x9",
    ]


def test_a_file_next_to_its_own_copy_is_not_counted_twice(folder):
    write_csv(folder / "logs" / "log.csv", EVENTS)
    write_csv(folder / "logs" / "log.csv.gz", EVENTS)

    text = refusal(folder, mapping_of(FULL, files="logs"), DataError)

    shows(text)
    shows(text)
    one = users_from(folder, mapping_of(FULL, files="logs/log.csv.gz"))
    assert one.accounts[0].n_used == len(EVENTS)


def test_clicks_that_are_rows_of_their_own_are_refused_with_what_to_do(folder):
    header = ("who", "when", "impression_id", "event")
    shown = [("a", 1_494_000_000 + i, f"i{i}", "impression") for i in range(5)]
    text = mapping_of('time = "when"\nclick = "event"\nclick_values = "click"')
    write_csv(folder / "log.csv", [*shown, ("a", 1_494_000_009, "i3", "Click")], header=header)

    wording = refusal(folder, text, SchemaError)

    shows(wording)
    assert wording.endswith("GROUP BY impression_id")
    write_csv(folder / "log.csv", [*shown, ("a", 1_494_000_009, "i9", "click")], header=header)
    assert users_from(folder, text).table["n_clicks"].to_list() == [1]


@pytest.mark.parametrize("offset", ["5.4", "15", '"+25:00"', '"half past"'])
def test_a_local_clock_that_is_none_is_refused(offset, folder):
    text = mapping_of(FULL).replace("utc_offset_hours = 8", f"utc_offset_hours = {offset}")

    assert "utc_offset_hours" in refusal(folder, text, ConfigError)


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ('kind = "count", days_until = "2014-12-31"', ConfigError),
        ('kind = "duration", days_until = "May"', ConfigError),
        ('kind = "duration", days_until = "2014-12-31"', SchemaError),
    ],
)
def test_dates_that_cannot_be_read_are_told(said, error, folder):
    write_csv(folder / "log.csv", [(*row, "03/04/2017") for row in EVENTS],
              header=("who", "when", "ad", "hit", "since"))  # fmt: skip
    tail = f'[profiles.attributes]\nsince = {{column = "since", {said}}}'

    shows(refusal(folder, mapping_of(FULL, tail=tail), error))
