"""The same log in every shape is the same user table, on both engines."""

import datetime as dt
import uuid

import polars as pl
import pytest
from tests.ingest.mapping.shapes import (
    DAY,
    EVENTS,
    HEADER,
    HOUR,
    T,
    column,
    local,
    mapping_of,
    source_from,
    users_from,
    write_csv,
)
from tests.texts import says

from segmentry.ingest.engines import ENGINES

FULL = 'time = "when"\nad_id = "ad"\nclick = "hit"'


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plain")
    write_csv(folder / "log.csv", EVENTS)
    return users_from(folder, mapping_of(FULL)).table


def assert_same(folder, text, expected, **options):
    for engine in ENGINES:
        found = users_from(folder, text, engine=engine, **options)
        assert found.table.equals(expected), engine
    return found


def test_the_plain_table_is_as_counted_by_hand(tmp_path, expected):
    rows = {row["user_id"]: row for row in expected.iter_rows(named=True)}

    assert {user: row["n_impressions"] for user, row in rows.items()} == {"a": 3, "b": 1, "c": 2}
    assert {user: row["n_clicks"] for user, row in rows.items()} == {"a": 1, "b": 1, "c": 0}
    assert {user: row["n_active_days"] for user, row in rows.items()} == {"a": 2, "b": 1, "c": 1}
    assert rows["a"]["first_seen_at"] == T
    assert rows["a"]["n_repeat_impressions"] == 1


ZONED = "%Y-%m-%dT%H:%M:%S+08:00"
TIMES = {
    "milliseconds": ("", lambda t: t * 1000 + 250),
    "microseconds": ("", lambda t: t * 1_000_000 + 250_000),
    "nanoseconds": ("", lambda t: t * 1_000_000_000 + 250_000_000),
    "iso of several zones": (
        "",
        lambda t: (
            local(t, "%Y-%m-%dT%H:%M:%SZ", hours=0),
            local(t, "%Y-%m-%d %H:%M:%S-0330", hours=-3.5),
            local(t, "%Y-%m-%d %H:%M:%S"),
        )[t % 3],
    ),
    "seconds with fractions": ("", lambda t: f"{t}.25"),
    "iso with zone": ("", lambda t: local(t, ZONED)),
    "iso in UTC": ("", lambda t: local(t, "%Y-%m-%dT%H:%M:%SZ", hours=0)),
    "iso with fractions and a bare zone": ("", lambda t: local(t, "%Y-%m-%d %H:%M:%S.123 +08")),
    "iso of half an hour": ("", lambda t: local(t, "%Y-%m-%d %H:%M:%S-0330", hours=-3.5)),
    "iso without zone": ("", lambda t: local(t, "%Y-%m-%d %H:%M:%S")),
    "pattern": ('time_format = "%d/%m/%Y %H:%M:%S"', lambda t: local(t, "%d/%m/%Y %H:%M:%S")),
    "pattern with zone": (
        'time_format = "%m-%d-%Y, %H.%M.%S %z"',
        lambda t: local(t, "%m-%d-%Y, %H.%M.%S +0000", hours=0),
    ),
}


@pytest.mark.parametrize("name", TIMES)
def test_times_are_read_however_they_are_written(name, tmp_path, expected):
    said, write = TIMES[name]
    rows = [(user, f'"{write(at)}"', ad, click) for user, at, ad, click in EVENTS]
    write_csv(tmp_path / "log.csv", rows)

    assert_same(tmp_path, mapping_of(f"{FULL}\n{said}"), expected)


@pytest.mark.parametrize("kind", ["moment", "zoned moment", "milliseconds"])
def test_times_of_parquet_are_read_by_their_type(kind, tmp_path, expected):
    log = pl.DataFrame(EVENTS, schema=HEADER, orient="row")
    moment = pl.from_epoch("when").dt.replace_time_zone("UTC")
    when = {
        "moment": moment.dt.convert_time_zone("Asia/Shanghai").dt.replace_time_zone(None),
        "zoned moment": moment.dt.convert_time_zone("Europe/Berlin"),
        "milliseconds": pl.col("when") * 1000,
    }[kind]
    log.with_columns(when.alias("when")).write_parquet(tmp_path / "log.parquet")

    assert_same(tmp_path, mapping_of(FULL, files="log.parquet"), expected)


@pytest.mark.parametrize(
    ("offset", "hours"), [("5.5", 5.5), ('"+05:30"', 5.5), ('"-03:30"', -3.5), ("8.0", 8)]
)
def test_local_clocks_of_half_an_hour_count_days_by_themselves(offset, hours, tmp_path):
    midnight = T - round(hours * HOUR) + 8 * HOUR
    rows = [("a", midnight - 1, 1, 0), ("a", midnight, 1, 1), ("b", midnight + 20 * 60, 1, 0)]
    write_csv(tmp_path / "log.csv", [(u, local(t, "%Y-%m-%d %H:%M:%S", hours=hours), ad, click)
                                     for u, t, ad, click in rows])  # fmt: skip
    text = mapping_of(FULL).replace("utc_offset_hours = 8", f"utc_offset_hours = {offset}")

    for engine in ENGINES:
        users = users_from(tmp_path, text, engine=engine)
        assert column(users, "n_active_days") == {"a": 2, "b": 1}
        assert column(users, "first_seen_at") == {"a": midnight - 1, "b": midnight + 20 * 60}
        assert column(users, "night_share") == {"a": 0.5, "b": 1.0}
        assert users.window.n_days == 2
        assert type(users.window.start) is int
        assert users.window.utc_offset_hours == hours


def test_days_without_hours_have_days_but_no_hours(tmp_path, expected):
    rows = [(user, local(at, "%Y%m%d"), ad, click) for user, at, ad, click in EVENTS]
    write_csv(tmp_path / "log.csv", rows)

    for engine in ENGINES:
        users = users_from(tmp_path, mapping_of(FULL), engine=engine)
        assert column(users, "n_active_days") == {"a": 2, "b": 1, "c": 1}
        assert column(users, "first_seen_at") == {"a": T, "b": T, "c": T + DAY}
        absent = dict(users.traits.absent)
        says(absent["night_share"])
        assert "weekend_share" in users.table.columns


def test_impossible_dates_are_rejected_and_counted(tmp_path):
    times = ["2017-05-06T00:00:00Z", "2017-02-30T00:00:00Z", "2017-05-06T24:00:00Z", "x", ""]
    write_csv(tmp_path / "log.csv", [("a", at, 1, 0) for at in times * 1 + times[:1] * 40])

    for engine in ENGINES:
        users = users_from(tmp_path, mapping_of(FULL), engine=engine)
        assert users.accounts[0].n_used == 41
        assert users.accounts[0].rejected == {"shown_at missing or unreadable": 4}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("false", "true"), ""),
        (("No", "YES"), ""),
        (("0.0", "1.0"), ""),
        (("view", "click"), 'click_values = "click"'),
        (("view", "Click "), 'click_values = ["click"]\nother_values = ["view"]'),
        ((None, "x"), 'click_values = "x"\nother_values = ""'),
        ((" ", "x"), 'click_values = "x"\nother_values = ""'),
    ],
)
def test_clicks_are_read_however_they_are_written(words, said, tmp_path, expected):
    write_csv(tmp_path / "log.csv", [(*row[:3], words[row[3]]) for row in EVENTS])

    assert_same(tmp_path, mapping_of(f"{FULL}\n{said}"), expected)


def test_events_of_another_type_are_left_out_and_counted(tmp_path, expected):
    rows = [(*row[:3], ("view", "click")[row[3]]) for row in EVENTS]
    write_csv(tmp_path / "log.csv", [*rows, ("z", T, 1, "close"), ("a", T, 1, None)])
    said = 'click_values = "click"\nother_values = "view"'

    users = assert_same(tmp_path, mapping_of(f"{FULL}\n{said}"), expected)

    assert users.accounts[0].excluded == {"of another event type": 1}
    assert users.accounts[0].rejected == {"is_click missing or unreadable": 1}


def test_users_may_be_uuids(tmp_path):
    ids = {user: str(uuid.uuid5(uuid.NAMESPACE_URL, user)) for user in "abc"}
    write_csv(tmp_path / "log.csv", [(ids[user], *rest) for user, *rest in EVENTS])

    for engine in ENGINES:
        users = users_from(tmp_path, mapping_of(FULL), engine=engine)
        assert column(users, "n_impressions") == {ids["a"]: 3, ids["b"]: 1, ids["c"]: 2}


FILES = {
    "tab separated": ("log.tsv", {"delimiter": "\t"}, ""),
    "compressed": ("log.csv.gz", {}, ""),
    "without a header": ("log.csv", {"header": None}, 'names = ["who", "when", "ad", "hit"]'),
    "set by blanks": (
        "log.txt",
        {"header": None, "delimiter": "   "},
        'format = "whitespace"\nnames = ["who", "when", "ad", "hit"]',
    ),
    "set by blanks, with a header": ("log.txt", {"delimiter": " "}, 'format = "whitespace"'),
}


@pytest.mark.parametrize("name", FILES)
def test_files_are_read_however_they_are_set(name, tmp_path, expected):
    file, options, said = FILES[name]
    write_csv(tmp_path / file, EVENTS, **options)

    assert_same(tmp_path, mapping_of(f"{FULL}\n{said}", files=file), expected)


def test_lines_of_another_length_are_rejected_and_counted(tmp_path, expected):
    file = write_csv(tmp_path / "log.txt", EVENTS, delimiter=" ")
    file.write_text(file.read_text() + f" a {T} 1\n\n a {T} 1 0 9\n")
    text = mapping_of(f'{FULL}\nformat = "whitespace"', files="log.txt")

    users = assert_same(tmp_path, text, expected)

    assert users.accounts[0].rejected == {"user_id missing or unreadable": 2}


@pytest.mark.parametrize("files", ["parts", "parts/**/*.csv", "parts/day=*/part-*.csv"])
def test_partitioned_folders_and_globs_are_one_log(files, tmp_path, expected):
    for place, row in enumerate(EVENTS):
        day = local(row[1], "%Y-%m-%d")
        write_csv(tmp_path / "parts" / f"day={day}" / f"part-{place}.csv", [row])
    (tmp_path / "parts" / "_SUCCESS").write_text("")

    assert_same(tmp_path, mapping_of(FULL, files=files), expected)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_column_may_stand_in_the_names_of_folders(suffix, tmp_path):
    for place, (user, at, ad, click) in enumerate(EVENTS):
        file = tmp_path / "parts" / f"day={local(at, '%Y-%m-%d')}" / f"{place}.{suffix}"
        write_csv(file, [(user, ad, click)], header=("who", "ad", "hit"))
        if suffix == "parquet":
            pl.read_csv(file).write_parquet(file)
    text = mapping_of('time = "day"\nad_id = "ad"\nclick = "hit"', files="parts")

    for engine in ENGINES:
        users = users_from(tmp_path, text, engine=engine)
        assert column(users, "n_active_days") == {"a": 2, "b": 1, "c": 1}


def test_a_merged_file_is_three_tables_and_contradictions_are_counted(tmp_path):
    header = (*HEADER, "age", "cat")
    facts = {"a": 30, "b": 0, "c": None}
    rows = [(*row, facts[row[0]], row[2] * 10) for row in EVENTS]
    rows += [("d", T, 9, 0, 40, 90), ("d", T, 9, 0, 50, 90)]
    write_csv(tmp_path / "log.csv", rows, header=header)
    tail = (
        '[profiles.attributes]\nage = {column = "age", kind = "number", missing = [0]}\n'
        '[ads]\ncategory_id = "cat"\n'
    )

    for engine in ENGINES:
        users = users_from(tmp_path, mapping_of(FULL, tail=tail), engine=engine)
        assert column(users, "age") == {"a": 30, "b": None, "c": None, "d": None}
        assert column(users, "n_categories") == {"a": 2, "b": 1, "c": 1, "d": 1}
        assert column(users, "is_profiled") == {"a": True, "b": True, "c": True, "d": False}
        accounts = {account.role: account for account in users.accounts}
        assert accounts["profiles"].rejected == {"contradicts another row of the same id": 2}
        assert accounts["ads"].n_used == 4


def test_the_id_of_a_profile_can_have_words_for_missing(tmp_path):
    write_csv(tmp_path / "log.csv", EVENTS)
    write_csv(tmp_path / "people.csv", [("a", 30), ("-", 99), ("c", 50)], header=("id", "age"))
    tail = (
        '[profiles]\nfiles = "people.csv"\nuser_id = "id"\n[profiles.missing]\nuser_id = "-"\n'
        '[profiles.attributes]\nage = {column = "age", kind = "number"}\n'
    )

    for engine in ENGINES:
        users = users_from(tmp_path, mapping_of(FULL, tail=tail), engine=engine)
        assert column(users, "age") == {"a": 30, "b": None, "c": 50}
        profiles = next(account for account in users.accounts if account.role == "profiles")
        assert (profiles.n_used, sum(profiles.rejected.values())) == (2, 1)


def test_an_attribute_that_is_called_as_a_key_of_the_log_has_its_own_words_for_missing(tmp_path):
    write_csv(tmp_path / "log.csv", EVENTS)
    write_csv(tmp_path / "people.csv", [("a", 30), ("b", -1), ("c", 50)], header=("id", "t"))
    tail = (
        '[profiles]\nfiles = "people.csv"\nuser_id = "id"\n[profiles.missing]\ntime = "-1"\n'
        '[profiles.attributes]\ntime = {column = "t", kind = "number"}\n'
    )

    for engine in ENGINES:
        users = users_from(tmp_path, mapping_of(FULL, tail=tail), engine=engine)
        assert column(users, "time") == {"a": 30, "b": None, "c": 50}


def test_attributes_of_any_name_and_kind_are_read(tmp_path):
    write_csv(tmp_path / "log.csv", EVENTS)
    rows = [
        ("a", "PhD", "north", "1.5", "7"),
        ("b", " basic", "?", "-2", "0"),
        ("c", "x", "", "", ""),
    ]
    write_csv(tmp_path / "people.csv", rows, header=("id", "edu", "area", "score", "kids"))
    tail = (
        '[profiles]\nfiles = "people.csv"\nuser_id = "id"\n[profiles.attributes]\n'
        'education = {column = "edu", kind = "ordinal", order = ["Basic", "PhD"]}\n'
        'area = {column = "area", kind = "categorical", missing = "?"}\n'
        'score = {column = "score", kind = "number"}\nkids = {column = "kids", kind = "count"}\n'
    )

    for engine in ENGINES:
        users = users_from(tmp_path, mapping_of(FULL, tail=tail), engine=engine)
        assert column(users, "education") == {"a": 2, "b": 1, "c": None}
        assert column(users, "area") == {"a": "north", "b": None, "c": None}
        assert column(users, "score") == {"a": 1.5, "b": -2.0, "c": None}
        assert column(users, "kids") == {"a": 7.0, "b": 0.0, "c": None}
        assert {each.code: each.count for each in users.findings}["impossible-level"] == 1


def test_values_of_purchases_add_up_to_the_cent(tmp_path):
    rows = [("a", T, 0.1, 2), ("a", T + HOUR, 0.2, 1), ("b", T, 5.25, None), ("c", T, None, 1)]
    rows += [("a", T, "inf", 1), ("a", T, 1e10, 1), ("a", T, -0.1, 1), ("d", T, None, -2)]
    write_csv(tmp_path / "log.csv", rows, header=("who", "when", "amount", "items"))
    text = mapping_of(
        'time = "when"\nvalue = "amount"\nquantity = "items"',
        head='event = "purchase"\nvalue_unit = "USD"',
    )

    for engine in ENGINES:
        users = users_from(tmp_path, text, engine=engine)
        assert column(users, "value_sum") == {"a": 0.3, "b": 5.25, "c": None}
        assert column(users, "value_mean") == {"a": 0.15, "b": 5.25, "c": None}
        assert column(users, "quantity_sum") == {"a": 3.0, "b": None, "c": 1.0}
        assert users.accounts[0].rejected == {"impossible value": 2}
        assert users.accounts[0].excluded == {"returns: a value or quantity below zero": 2}
        features = {feature.name: feature for feature in users.features}
        assert features["n_impressions"].label == "purchases"
        assert features["value_mean"].label == "value per purchase"
        assert features["value_sum"].unit == "USD"
        assert not {"ctr", "n_clicks", "ctr_shrunk"} & set(users.table.columns)
        says(dict(users.traits.absent)["ctr"])


def test_without_times_there_is_no_window_and_nothing_about_days(tmp_path):
    write_csv(tmp_path / "log.csv", EVENTS)
    text = mapping_of('ad_id = "ad"\nclick = "hit"')

    for engine in ENGINES:
        users = users_from(tmp_path, text, engine=engine)
        assert column(users, "n_impressions") == {"a": 3, "b": 1, "c": 2}
        assert not {"n_active_days", "recency_days", "first_seen_at"} & set(users.table.columns)
        assert not users.traits.has_time


def test_a_ready_user_table_needs_no_log(tmp_path):
    write_csv(tmp_path / "people.csv", [(7, 1, "x"), (8, 2, "y")], header=("id", "n", "group"))
    text = (
        'name = "people"\n[profiles]\nfiles = "people.csv"\nuser_id = "id"\n[profiles.attributes]\n'
        'orders = {column = "n", kind = "count"}\ngroup = {column = "group", kind = "categorical"}'
    )

    for engine in ENGINES:
        users = users_from(tmp_path, text, engine=engine)
        assert users.table.rows() == [(7, True, 1.0, "x"), (8, True, 2.0, "y")]
        assert [account.role for account in users.accounts] == ["users"]


def test_dates_of_the_file_say_whether_there_are_hours(tmp_path):
    def has_hours(times):
        write_csv(tmp_path / "log.csv", [("a", at, 1, 0) for at in times])
        return source_from(tmp_path, mapping_of(FULL)).has_hours

    assert has_hours(["2017-05-06T10:00:00Z", "2017-05-06T11:00:00Z"])
    assert not has_hours(["2017-05-06", "2017-05-07"])
    assert not has_hours(["2017-05-06 00:00:00", "2017-05-07 00:00:00"])
    assert not has_hours([T, T + DAY])
    assert dt.datetime.fromtimestamp(T, tz=dt.UTC).hour == 16


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (("2014-12-01", "2015-01-01"), ""),
        (("20141201", "20150101"), ""),
        (("01/12/2014", "01/01/2015"), ', time_format = "%d/%m/%Y"'),
        ((f"{1_417_392_000 - 8 * HOUR}", f"{1_420_070_400 - 8 * HOUR}"), ""),
    ],
)
def test_a_date_is_an_attribute_as_the_days_until_another(written, said, tmp_path):
    write_csv(tmp_path / "log.csv", EVENTS)
    people = [("a", written[0]), ("b", written[1]), ("c", None)]
    write_csv(tmp_path / "people.csv", people, header=("id", "since"))
    tail = (
        '[profiles]\nfiles = "people.csv"\nuser_id = "id"\n[profiles.attributes]\n'
        f'since = {{column = "since", kind = "duration", days_until = "2014-12-31"{said}}}'
    )

    for engine in ENGINES:
        users = users_from(tmp_path, mapping_of(FULL, tail=tail), engine=engine)
        assert column(users, "since") == {"a": 30.0, "b": -1.0, "c": None}
