"""A named zone: moments are read on its clock, whatever they were written in."""

import datetime as dt
import random
import zoneinfo

import pytest
from tests.ingest.mapping.shapes import DAY, HOUR, column, users_from, write_csv
from tests.texts import raises_text

from segmentry.errors import ConfigError
from segmentry.ingest.clocks import Clock, standard_hours

NAMES = ("who", "when", "hit")
NEW_YORK = zoneinfo.ZoneInfo("America/New_York")
SKIPPED = dt.datetime(2024, 3, 10, 7, tzinfo=dt.UTC)
"""The clock of New York goes from 2 to 3 o'clock."""
TWICE = dt.datetime(2024, 11, 3, 6, tzinfo=dt.UTC)
"""It goes from 2 to 1 o'clock."""


def text_of(keys="", *, zone="America/New_York"):
    return (
        f'name = "zoned"\ntimezone = "{zone}"\n[log]\nfiles = "log.csv"\nuser_id = "who"\n'
        f'time = "when"\nclick = "hit"\n{keys}'
    )


def read_at(folder, times, text):
    """Return the moment at which each of some times is read, one user each."""
    rows = [(f"u{place:03}", time, place % 2) for place, time in enumerate(times)]
    write_csv(folder / "log.csv", rows, header=NAMES)
    found = column(users_from(folder, text), "first_seen_at")
    return [found[f"u{place:03}"] for place in range(len(times))]


def shown(moment, zone, standard):
    """Return the local time of a moment less the standard offset, by `zoneinfo`."""
    local = moment.astimezone(zone).replace(tzinfo=dt.UTC)
    return int(local.timestamp()) - round(standard * HOUR)


@pytest.mark.parametrize(
    ("zone", "standard"),
    [("America/New_York", -5), ("Europe/Dublin", 0), ("Australia/Lord_Howe", 10.5)],
)
def test_moments_are_read_on_the_clock_of_the_zone(zone, standard, engine, tmp_path):
    draw = random.Random(6)  # noqa: S311  # not for secrets
    seconds = [draw.randrange(700_000_000, 3_000_000_000) for _ in range(99)]
    moments = [dt.datetime.fromtimestamp(each, dt.UTC) for each in seconds]
    expected = [shown(each, zoneinfo.ZoneInfo(zone), standard) for each in moments]
    hours = dt.timezone(dt.timedelta(hours=3))

    for times in (
        seconds,
        [each * 1000 + 7 for each in seconds],
        [f"{each.astimezone(hours):%Y-%m-%dT%H:%M:%S%z}" for each in moments],
        [f"{each.astimezone(zoneinfo.ZoneInfo(zone)):%Y-%m-%d %H:%M:%S}" for each in moments],
    ):
        assert read_at(tmp_path, times, text_of(zone=zone)) == expected
    assert [Clock(standard, zone).shown(each) for each in seconds] == expected
    assert standard_hours(zone) == standard


def test_an_hour_that_was_skipped_or_came_twice_is_read_as_written(tmp_path):
    """At the change, just before it, and a local time that no clock showed."""
    base = read_at(tmp_path, ["2024-03-10 00:00:00"], text_of())[0]
    times = ["2024-03-10 02:30:00", SKIPPED.isoformat(), "2024-03-10T01:59:59-05:00"]
    assert [each - base for each in read_at(tmp_path, times, text_of())] == [
        2 * HOUR + 1800,
        3 * HOUR,
        2 * HOUR - 1,
    ]
    times = ["2024-11-03 01:30:00", "2024-11-03T01:30:00-04:00", "2024-11-03T01:30:00-05:00"]
    assert len(set(read_at(tmp_path, times, text_of()))) == 1


def test_days_and_hours_are_those_of_the_local_clock(tmp_path):
    """Half past eleven in the evening is of that day in winter and in summer."""
    locals_ = [dt.datetime(2024, month, 5, 23, 30, tzinfo=NEW_YORK) for month in (3, 4)]
    rows = [("a", int(each.timestamp()), 0) for each in locals_]
    write_csv(tmp_path / "log.csv", rows, header=NAMES)

    users = users_from(tmp_path, text_of())

    assert users.window.n_days == 32
    assert column(users, "evening_share") == {"a": 1.0}


def test_moments_that_no_calendar_has_are_rejected_as_impossible(engine, tmp_path):
    rows = [("a", 1_720_000_000 + place, 0) for place in range(20)]
    write_csv(tmp_path / "log.csv", [*rows, ("a", 10**17, 0), ("a", 7, 0)], header=NAMES)

    (account,) = users_from(tmp_path, text_of('time_format = "seconds"')).accounts

    assert account.rejected == {"impossible time": 2}


def test_a_window_is_cut_at_local_midnight_and_at_moments_of_any_zone(tmp_path):
    times = ["2024-07-01T03:59:59Z", "2024-07-01T04:00:00Z", "2024-07-01T12:00:00Z"]
    rows = [(f"u{place}", time, 0) for place, time in enumerate(times)]
    write_csv(tmp_path / "log.csv", rows, header=NAMES)

    local = users_from(tmp_path, text_of(), since="2024-07-01").table
    zoned = users_from(tmp_path, text_of(), since="2024-07-01T12:00+00:00").table

    assert local["user_id"].to_list() == ["u1", "u2"]
    assert zoned["user_id"].to_list() == ["u2"]


def test_a_local_origin_is_of_the_zone(tmp_path):
    """July the first, midnight in New York, is 4 o'clock in London."""
    first = read_at(tmp_path, [0, 60, DAY], text_of('origin = "2024-07-01"'))
    other = read_at(tmp_path, [0, 60, DAY], text_of('origin = "2024-07-01T04:00:00+00:00"'))

    assert first == other


@pytest.mark.parametrize(
    "text",
    [text_of(zone="America/NewYork"), text_of(zone="../etc"), "utc_offset_hours = 1\n" + text_of()],
)
def test_a_zone_that_makes_no_sense_is_refused(text, tmp_path):
    with raises_text(ConfigError):
        users_from(tmp_path, text)
