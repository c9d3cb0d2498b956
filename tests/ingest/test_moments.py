"""How moments are recognised and read, by the engine and as worked out by hand."""

import pytest
from tests.ingest.mapping.shapes import column, mapping_of, source_from, users_from, write_csv

from segmentry.errors import ConfigError, EmptyDataError, SchemaError
from segmentry.ingest.clocks import Clock
from segmentry.ingest.mapping import render_mapping
from segmentry.ingest.moments import find_time_format, has_hours
from segmentry.schema import ColumnSource, TableSource

T = 1_494_050_706
"""2017-05-06 06:05:06 in UTC, and 14:05:06 in Beijing."""
DAY = 86_400
FEW = ("user", "time", "clk")
# A format, a moment that is T or the same at the precision of the format, and how much is cut off.
WRITTEN = [
    ("%m/%d/%Y %I:%M:%S %p", "05/06/2017 02:05:06 PM", 0),
    ("%m/%d/%Y %I:%M:%S %p", "5/6/2017 2:05:06 p.m.", 0),
    ("%d-%b-%Y %H:%M", "06-May-2017 14:05", 6),
    ("%b %d, %Y", "May 6, 2017", 14 * 3600 + 306),
    ("%b %d %Y %I:%M%p", "May  6 2017  2:05PM", 6),
    ("%b %d %Y %I:%M:%S %p", "May 06 2017 02:05:06 PM", 0),
    ("%d %B %Y %H:%M:%S", "6 may 2017 14:05:06", 0),
    ("%y%m%d%H", "17050614", 306),
    ("%Y%m%d%H%M%S", "20170506140506", 0),
    ("%Y%m%d%H%M%S%f", "20170506140506093", 0),
    ("iso", "2017-05-06 06:05:06 GMT", 0),
    ("%a, %d %b %Y %H:%M:%S %z", "Sat, 06 May 2017 06:05:06 GMT", 0),
    ("%A %d.%m.%y %H:%M", "Saturday 06.05.17 14:05", 6),
    ("%d/%b/%Y:%H:%M:%S %z", "06/May/2017:08:05:06 +0200", 0),
    ("%d/%m/%y", "06/05/17", 14 * 3600 + 306),
]
BAD = [
    ("%m/%d/%Y %I:%M %p", "05/06/2017 13:05 PM"),
    ("%m/%d/%Y %I:%M %p", "05/06/2017 00:05 AM"),
    ("%d-%b-%Y", "06-Mai-2017"),
    ("%y%m%d%H", "1705061"),
    ("%y%m%d%H", "17050624"),
    ("%Y%m%d%H%M%S", "20170506140506093"),
    ("%d/%m/%Y", "31/02/2017"),
]


def read(engine, tmp_path, time_format, text):
    file = write_csv(tmp_path / "users.csv", [(1, f'"{text}"')], header=("id", "at"))
    columns = {
        "user_id": ColumnSource("id", "integer"),
        "at": ColumnSource("at", "moment", time_format=time_format, utc_offset_hours=8),
    }
    rows, _ = engine.read_table(TableSource("profiles", (file,), columns))
    return rows["at"].item()


@pytest.mark.parametrize(("time_format", "text", "cut_off"), WRITTEN)
def test_a_moment_is_read_as_it_is_written(time_format, text, cut_off, shared_engine, tmp_path):
    assert read(shared_engine, tmp_path, time_format, text) == T - cut_off


@pytest.mark.parametrize(("time_format", "text"), BAD)
def test_what_is_no_moment_of_the_format_is_not_read(time_format, text, shared_engine, tmp_path):
    assert read(shared_engine, tmp_path, time_format, text) is None


def test_years_of_two_digits_are_of_two_centuries(shared_engine, tmp_path):
    assert read(shared_engine, tmp_path, "%d/%m/%y", "01/01/70") == -8 * 3600
    assert read(shared_engine, tmp_path, "%d/%m/%y", "02/01/69") < 0


@pytest.mark.parametrize(
    ("values", "time_format"),
    [
        (["20130606162818093"], "%Y%m%d%H%M%S%f"),
        (["20130606162818"], "%Y%m%d%H%M%S"),
        (["14102716", "14102423"], "%y%m%d%H"),
        (["20130606", "20130607"], "yyyymmdd"),
        (["06/08/2013 03:45:06 AM", "06/27/2013 07:50:14 PM"], "%m/%d/%Y %I:%M:%S %p"),
        (["12/1/2010 8:26", "1/24/2011 9:00"], "%m/%d/%Y %H:%M"),
        (["1/12/2010", "24/1/2011"], "%d/%m/%Y"),
        (["1/12/2010", "2/3/2011"], ""),
        (["07-Jun-2013 03:02"], "%d-%b-%Y %H:%M"),
        (["2013-06-10 13:56:03 GMT"], "iso"),
        (["06.07.2013"], "%d.%m.%Y"),
        (["07.06.13 12:15", "12.06.13 08:00"], "%d.%m.%y %H:%M"),
        (["Fri, 07 Jun 2013 12:15:00 GMT"], "%a, %d %b %Y %H:%M:%S %z"),
        (["Fri Jun 07 12:15:00 +0000 2013"], "%a %b %d %H:%M:%S %z %Y"),
        (["07/Jun/2013:12:15:00 +0200"], "%d/%b/%Y:%H:%M:%S %z"),
        (["20130607 121500"], "%Y%m%d %H%M%S"),
        (["2013-06-07 03:15:00 PM"], "%Y-%m-%d %I:%M:%S %p"),
        (["2013.06.07"], "%Y.%m.%d"),
        (["soon"], ""),
    ],
)
def test_the_format_is_recognised_by_its_values(values, time_format):
    assert find_time_format(values) == time_format


@pytest.mark.parametrize(
    ("declared", "fitting"), [("%d/%m/%Y", "%m/%d/%Y"), ("%Y-%m-%d", "%m/%d/%Y")]
)
def test_a_declared_format_that_the_column_contradicts_is_refused(declared, fitting, tmp_path):
    write_csv(tmp_path / "log.csv", [("a", "1/24/2011"), ("b", "3/4/2011")], header=("who", "when"))

    with pytest.raises(SchemaError, match=f"'1/24/2011'.*{declared}.*{fitting}' fits"):
        source_from(tmp_path, mapping_of(f'time = "when"\ntime_format = "{declared}"'))


@pytest.mark.parametrize(
    ("keys", "first"),
    [
        ('origin = "2017-05-06"', 1_494_000_000),
        ("origin = 2017-05-06T00:00:00Z", 1_494_028_800),
        ('origin = 2017-05-06\ntime_format = "milliseconds"', 1_494_000_000),
    ],
)
def test_times_count_from_an_origin(keys, first, tmp_path):
    unit = 1000 if "milli" in keys else 1
    rows = [("a", 0), ("a", 2 * DAY * unit)]
    write_csv(tmp_path / "log.csv", rows, header=("who", "when"))

    users = users_from(tmp_path, mapping_of(f'time = "when"\n{keys}'))

    assert column(users, "first_seen_at") == {"a": first}
    assert column(users, "last_seen_at") == {"a": first + 2 * DAY}


def test_an_origin_of_times_that_do_not_count_is_refused(tmp_path):
    write_csv(tmp_path / "log.csv", [("a", "2017-05-06")], header=("who", "when"))
    text = mapping_of('time = "when"\ntime_format = "iso"\norigin = "2017-05-06"')

    with pytest.raises(ConfigError, match="do not count from an origin"):
        source_from(tmp_path, text)


@pytest.mark.parametrize(
    ("values", "hint"),
    [((T * 1000, "0"), 'time_format = "milliseconds"'), ((2100, 2794), 'origin = "2017-05-06"')],
)
def test_times_of_another_unit_or_beginning_are_refused_with_what_to_declare(
    values, hint, tmp_path
):
    rows = [("a", values[0]), ("a", values[1] if "origin" in hint else values[0])]
    write_csv(tmp_path / "log.csv", rows, header=("who", "when"))

    with pytest.raises(EmptyDataError, match=hint):
        users_from(tmp_path, mapping_of('time = "when"\ntime_format = "seconds"'))


def test_init_asks_for_the_origin_of_relative_times(tmp_path):
    write_csv(tmp_path / "log.csv", [("a", 5, 0), ("a", 9, 1)], header=FEW)

    text = render_mapping(["log.csv"], base=tmp_path)

    assert "# DECIDE: the times count from another moment than 1970" in text
    assert '# origin = "2017-05-06 00:00"' in text


def test_days_of_a_spreadsheet_are_known_by_their_size(tmp_path):
    write_csv(tmp_path / "log.csv", [("a", 42861.25, 0), ("a", 42862.5, 1)], header=FEW)
    advice = 'origin = "1899-12-30" and time_format = "days"'

    assert advice in render_mapping(["log.csv"], base=tmp_path)
    with pytest.raises(SchemaError, match=advice):
        users_from(tmp_path, mapping_of('time = "time"\nclick = "clk"').replace("who", "user"))


def test_a_time_of_hundreds_of_digits_tells_no_hour():
    assert not has_hours(["9" * 400, "1494000000"], "seconds", clock=Clock(8))
    assert has_hours(["9" * 400, "1494000001"], "seconds", clock=Clock(8))
