"""Membership over time, against a plain list of who was where in each month."""

import datetime as dt
from itertools import pairwise

import numpy as np
import polars as pl
import pytest

from segmentry.errors import BundleError, OutputError
from segmentry.lifecycle.history import (
    MEMBERSHIP_FILE,
    REFRESHES_FILE,
    alone_with,
    begun,
    carried_on,
    forget_members,
    members_at,
    read_history,
    written_history,
)
from segmentry.lifecycle.keys import SegmentKeys
from segmentry.schema import Window

DAY = 86_400
KEYS = SegmentKeys(segmentation="s", keys=("kaaa", "kbbb"))


def month(number):
    return Window(start=number * 30 * DAY, end=(number + 1) * 30 * DAY)


def moment(number):
    """Return a moment within the time for which the window of a month tells."""
    return dt.datetime.fromtimestamp(month(number).end + 1, tz=dt.UTC)


def written(folder, refreshes, membership):
    with written_history(folder, refreshes, membership) as put:
        put()


@pytest.fixture
def year(tmp_path):
    """A history of twelve months of 200 users who come, go and move, and where they were."""
    rng, users = np.random.default_rng(5), np.arange(200)
    names = np.array([None, "kaaa", "kbbb"], dtype=object)
    where = [names[rng.integers(0, 3, 200)] for _ in range(12)]
    first = pl.DataFrame(
        {"user_id": users, "segment_key": pl.Series(list(where[0]), dtype=pl.String)}
    )
    refreshes, membership = begun(KEYS, first, run="run", window=month(0))
    for number in range(1, 12):
        keys = pl.Series("segment_key", list(where[number]), dtype=pl.String)
        now = pl.DataFrame({"user_id": users}).with_columns(keys, keys.alias("kept_key"))
        is_seen = pl.Series(rng.random(200) < 0.9) | keys.is_null()
        where[number] = np.where(is_seen.to_numpy(), where[number], None)
        membership = carried_on(membership, now.filter(is_seen), window=month(number))
    written(tmp_path / "history", refreshes, membership)
    return tmp_path / "history", where


def test_everybody_is_found_where_they_were_in_every_month(year):
    folder, where = year

    for number, keys in enumerate(where):
        found = dict(members_at(folder, moment(number)).iter_rows())
        assert found == {user: key for user, key in enumerate(keys) if key is not None}
    assert members_at(folder, dt.date(1970, 1, 2)).is_empty()


def test_stretches_of_a_user_follow_each_other_without_gap_or_overlap(year):
    membership = read_history(year[0]).membership

    for _, one in membership.group_by("user_id"):
        assert one["valid_to"][:-1].to_list() == one["valid_from"][1:].to_list()
        assert one["valid_to"][-1] is None
        keys = one["segment_key"].to_list()
        assert all(a != b for a, b in pairwise(keys))


def test_duckdb_answers_as_members_at_does(year):
    import duckdb

    folder, _ = year
    at = moment(7)

    found = duckdb.execute(
        "SELECT user_id, segment_key FROM read_parquet($file) WHERE segment_key IS NOT NULL AND "
        "valid_from <= $at AND (valid_to IS NULL OR $at < valid_to) ORDER BY user_id",
        {"file": str(folder / MEMBERSHIP_FILE), "at": at},
    ).fetchall()

    assert found == members_at(folder, at).rows()


def test_a_forgotten_user_is_gone(year):
    folder, _ = year

    assert forget_members(folder, ["7", "9", "no such user"]) == 2

    left = read_history(folder).membership
    assert set(left["user_id"]) == set(range(200)) - {7, 9}


def test_a_file_that_lost_its_end_is_refused(year):
    folder, _ = year
    file = folder / MEMBERSHIP_FILE
    file.write_bytes(file.read_bytes()[:-100])

    with pytest.raises(BundleError, match=r"membership.parquet: damaged"):
        read_history(folder)


def test_a_list_of_refreshes_that_lost_its_end_is_refused(year):
    file = year[0] / REFRESHES_FILE
    file.write_text(file.read_text()[:-30])

    with pytest.raises(BundleError, match=r"refreshes.json: not a history"):
        read_history(year[0])


def test_a_history_that_fails_leaves_the_earlier_one(year):
    folder, _ = year
    before = read_history(folder)

    with (
        pytest.raises(RuntimeError, match="stop"),
        written_history(folder, before.refreshes, before.membership.head(1)),
    ):
        raise RuntimeError("stop")

    assert read_history(folder).membership.equals(before.membership)
    assert [each.name for each in folder.parent.iterdir()] == ["history"]


def test_what_a_killed_process_left_is_brought_back(year):
    folder, _ = year
    before = read_history(folder).membership
    folder.rename(folder.parent / ".history.0a1b2c3d.old")

    assert read_history(folder).membership.equals(before)


def test_one_process_at_a_time_changes_a_history(tmp_path):
    folder = tmp_path / "past"
    with alone_with(folder) as history:
        assert history.refreshes is None
        with pytest.raises(OutputError, match="past: another process changes it; wait until"):
            forget_members(folder, ["7"])
    assert list(tmp_path.iterdir()) == []
    with alone_with(folder):
        pass


def test_a_link_in_the_place_of_the_lock_is_not_written_into(tmp_path):
    (tmp_path / ".past.lock").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(OSError, match="symbolic links"), alone_with(tmp_path / "past"):
        pass
    assert not (tmp_path / "elsewhere").exists()
