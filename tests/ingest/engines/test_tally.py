"""Counting users while the log is read tells the same as splitting it and counting the parts."""

import threading

import narwhals.stable.v2 as nw
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.reads import LOG_HEADER, LOG_TYPES, csv_text, source_of
from tests.reference_lines import reference_log
from tests.repeats import examples

T = 1_494_000_000
NARROW = {name: LOG_TYPES[name] for name in ("user_id", "shown_at", "is_click", "is_not_click")}


def tally(engine, source, *, exclude=None, keep_users=None):
    return engine.tally_users(
        source,
        exclude=exclude or {},
        keep_users=keep_users,
        on_progress=lambda _done, _total: None,
    )


def counted_by_hand(rows):
    users = {}
    for user, shown_at, _, _, is_click in rows:
        n, clicks, first, last = users.get(user, (0, 0, shown_at, shown_at))
        users[user] = (n + 1, clicks + is_click, min(first, shown_at), max(last, shown_at))
    return [(user, *users[user]) for user in sorted(users)]


def test_users_are_counted_and_bad_rows_are_told_by_reason(engine, tmp_path):
    file = tmp_path / "raw_sample.csv"
    lines = [
        f"7,{T},5,a,1,0",
        f"3,{T + 9},5,a,0,1",
        f"7,{T + 5},5,a,0,1",
        f"x,{T},5,a,1,0",
        "7,5,5,a,1,0",
        f"7,{T},5,a,8,{2**63 - 1}",
        f"3,{T},5,a,8,{2**63 - 1}",
    ]
    file.write_text(csv_text(LOG_HEADER, lines))

    found = tally(engine, source_of(file, types=NARROW))

    assert found.counts.columns == [
        "user_id",
        "n_impressions",
        "n_clicks",
        "first_seen_at",
        "last_seen_at",
    ]
    assert set(found.counts.dtypes) == {pl.Int64}
    assert found.counts.rows() == [(3, 1, 1, T + 9, T + 9), (7, 2, 1, T, T + 5)]
    assert (found.account.n_read, found.account.n_used) == (7, 3)
    assert dict(found.account.rejected) == {
        "user_id missing or unreadable": 1,
        "impossible time": 1,
        "is_click not 0 or 1": 2,
    }


def test_excluded_rows_and_users_outside_the_sample_are_counted(engine, tmp_path):
    file = tmp_path / "raw_sample.csv"
    file.write_text(
        csv_text(LOG_HEADER, [f"{user},{T + user},5,a,1,0" for user in (1, 2, 3, 3, 4)])
    )

    found = tally(
        engine,
        source_of(file, types=NARROW),
        exclude={"--since": nw.col("shown_at") < T + 2},
        keep_users=pl.Series([1, 2, 3]),
    )

    assert found.counts.rows() == [(2, 1, 0, T + 2, T + 2), (3, 2, 0, T + 3, T + 3)]
    assert dict(found.account.excluded) == {"--since": 1, "outside --sample": 1}
    assert found.account.n_read == 5


def test_log_of_bad_rows_only_leaves_nobody(engine, tmp_path):
    file = tmp_path / "raw_sample.csv"
    file.write_text(csv_text(LOG_HEADER, ["x,,,,,", f"1,{T},5,a,1,9"]))

    found = tally(engine, source_of(file, types=NARROW))

    assert found.counts.height == 0
    assert (found.account.n_read, found.account.n_used, found.account.n_rejected) == (2, 0, 2)


@pytest.mark.only_engine("duckdb")
def test_lines_that_duckdb_cannot_read_are_counted(engine, tmp_path):
    file = tmp_path / "raw_sample.csv"
    sound = f"1,{T},5,a,1,0"
    lines = [*[sound] * 20_000, f"{sound},9", f"1,{T},5,\xff,1,0", sound]
    file.write_bytes(csv_text(LOG_HEADER, lines).encode("latin-1"))

    found = tally(engine, source_of(file, types=NARROW))

    assert dict(found.account.rejected) == {"wrong number of fields": 1, "not UTF-8 text": 1}
    assert (found.account.n_read, found.account.n_used) == (20_003, 20_001)


FIELDS = [
    st.sampled_from(["", "NULL", "x", "1", "2", "3.0", "2.5", " 4", "-1", "1_0e3", "0x1F", "1e3"]),
    st.sampled_from(["", "zz", "5", str(T), f"{T}.0", f"{T}.5", str(T + 1), "1_494000e3"]),
    st.sampled_from(["", "7", "x"]),
    st.sampled_from(["", "a", '"b,c"', "NULL"]),
    st.sampled_from(["", "0", "1", "1.0", "x"]),
    st.sampled_from(["", "0", "1", "0.0", "01", "2", "x"]),
]
LINES = st.tuples(*FIELDS, st.integers(1, 6)).map(lambda fields: ",".join(fields[: fields[-1]]))


@examples(15, 100)
@given(lines=st.lists(LINES, min_size=1, max_size=12))
def test_counting_while_reading_is_what_the_oracle_counts(shared_engine, tmp_path_factory, lines):
    lines = [f"9,{T},5,a,1,0", *lines]
    file = tmp_path_factory.mktemp("log") / "raw_sample.csv"
    file.write_text(csv_text(LOG_HEADER, lines))

    found = tally(shared_engine, source_of(file, types=NARROW))

    rows, rejected = reference_log(lines)
    assert found.counts.rows() == counted_by_hand(rows)
    assert dict(found.account.rejected) == rejected


def test_an_interrupt_while_the_watch_starts_leaves_no_thread_behind(engine, tmp_path, monkeypatch):
    """Such a thread asked the connection how far it is when that was closed already."""
    file = tmp_path / "raw_sample.csv"
    file.write_text(csv_text(LOG_HEADER, [f"7,{T},5,a,1,0"]))
    known, start = set(threading.enumerate()), threading.Thread.start

    def start_and_interrupt(thread):
        start(thread)
        raise KeyboardInterrupt

    # Users to keep, so that the rows are not counted without the connection.
    users = pl.Series("user_id", [7], dtype=pl.Int64)
    monkeypatch.setattr(threading.Thread, "start", start_and_interrupt)
    with pytest.raises(KeyboardInterrupt):
        tally(engine, source_of(file, types=NARROW), keep_users=users)

    assert set(threading.enumerate()) == known
