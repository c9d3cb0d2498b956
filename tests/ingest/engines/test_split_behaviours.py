"""The behaviour log becomes parts by user: rows judged, duplicates collapsed, none lost."""

import gzip
from dataclasses import replace

import polars as pl
import pytest
from tests.reads import LOG_TYPES, csv_text, source_of, split

from segmentry.schema import (
    BEHAVIOUR_ACTIONS,
    BEHAVIOURS_COLUMNS,
    OTHER_CODE,
    UNKNOWN_CODE,
    ColumnSource,
)

T = 1_494_000_000
HEADER = "user,time_stamp,btag,cate,brand"
CODES = tuple(zip(("pv", "cart", "fav", "buy"), range(len(BEHAVIOUR_ACTIONS)), strict=True))
TYPES = {
    "user_id": ("user", "integer"),
    "happened_at": ("time_stamp", "integer"),
    "category_id": ("cate", "integer"),
    "brand_id": ("brand", "integer"),
}
SOUND = (1, T, 0, 10, 7)
LINE = f"1,{T},pv,10,7"
REPEATED = "equal in every column to another row"


def behaviours_source(*files, codes=CODES, types=TYPES, is_distinct=True, possible=None):
    source = source_of(*files, types=types, role="behaviours")
    action = ColumnSource("btag", "code", codes=codes, other=UNKNOWN_CODE)
    columns = {**source.columns, "action": action}
    return replace(source, columns=columns, is_distinct=is_distinct, possible=possible)


def split_lines(engine, folder, *lines, n_parts=2, exclude=None, keep_users=None, **options):
    file = folder / "behavior_log.csv"
    file.write_text(csv_text(HEADER, lines))
    source = behaviours_source(file, **options)
    directory = folder / "behaviours"
    return split(engine, source, directory, n_parts=n_parts, exclude=exclude, keep_users=keep_users)


def rows_of(engine, log):
    rows = [
        row
        for part in log.parts
        for row in engine.collect(engine.scan_part(part).select(*BEHAVIOURS_COLUMNS)).iter_rows()
    ]
    return sorted(rows, key=repr)


def test_every_action_has_its_code(engine, tmp_path):
    lines = [f"{user},{T},{word},10,7" for user, word in enumerate(("pv", "cart", "fav", "buy"))]

    log = split_lines(engine, tmp_path, *lines)

    assert rows_of(engine, log) == [(code, T, code, 10, 7) for code in range(4)]
    assert BEHAVIOUR_ACTIONS == ("view", "cart", "favourite", "purchase")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (f",{T},pv,10,7", "user_id missing or unreadable"),
        (f"x,{T},pv,10,7", "user_id missing or unreadable"),
        ("2,,pv,10,7", "happened_at missing or unreadable"),
        ("2,4.5,pv,10,7", "happened_at missing or unreadable"),
        ("2,-7,pv,10,7", "impossible time"),
        ("2,4102444800,pv,10,7", "impossible time"),
        ("2,1494000000000,pv,10,7", "impossible time"),
        (f"2,{T},,10,7", "action missing or unreadable"),
        (f"2,{T},click,10,7", "unknown action"),
        (f"2,{T}", "action missing or unreadable"),
    ],
)
def test_rows_that_cannot_be_used_are_counted_by_reason(line, reason, engine, tmp_path):
    log = split_lines(engine, tmp_path, LINE, line)

    assert dict(log.account.rejected) == {reason: 1}
    assert (log.account.n_read, log.account.n_used, log.account.role) == (2, 1, "behaviours")
    assert rows_of(engine, log) == [SOUND]


@pytest.mark.parametrize("line", [f"2,{T},buy,NULL,NULL", f"2,{T},buy,,"])
def test_category_and_brand_may_be_unknown(line, engine, tmp_path):
    assert rows_of(engine, split_lines(engine, tmp_path, line)) == [(2, T, 3, None, None)]


def test_a_source_may_know_which_moments_can_be(engine, tmp_path):
    lines = [f"1,{at},pv,10,7" for at in (T - 1, T, T + 9, T + 10)]

    log = split_lines(engine, tmp_path, *lines, possible=(T, T + 10))

    assert dict(log.account.rejected) == {"impossible time": 2}
    assert [row[1] for row in rows_of(engine, log)] == [T, T + 9]


def test_declared_other_actions_are_left_out_and_unknown_ones_rejected(engine, tmp_path):
    lines = [LINE, f"1,{T},share,10,7", f"1,{T},qq,10,7"]

    log = split_lines(engine, tmp_path, *lines, codes=(*CODES, ("share", OTHER_CODE)))

    assert dict(log.account.rejected) == {"unknown action": 1}
    assert dict(log.account.excluded) == {"of another action": 1}


REPEATS = [LINE, LINE, LINE, f"1,{T},buy,10,7", f"2,{T},pv,NULL,7", f"2,{T},pv,NULL,7"]


def test_exact_duplicates_are_collapsed_and_counted(engine, tmp_path):
    log = split_lines(engine, tmp_path, *REPEATS, n_parts=3)

    assert rows_of(engine, log) == [SOUND, (1, T, 3, 10, 7), (2, T, 0, None, 7)]
    assert dict(log.account.excluded) == {REPEATED: 3}
    assert (log.account.n_read, log.account.n_used) == (6, 3)


def test_exact_duplicates_may_stay(engine, tmp_path):
    log = split_lines(engine, tmp_path, *REPEATS, is_distinct=False)

    assert len(rows_of(engine, log)) == log.account.n_used == 6
    assert dict(log.account.excluded) == {}


def test_rejected_duplicates_are_rejected_each(engine, tmp_path):
    log = split_lines(engine, tmp_path, LINE, "2,-7,pv,1,1", "2,-7,pv,1,1")

    assert dict(log.account.rejected) == {"impossible time": 2}
    assert dict(log.account.excluded) == {}


@pytest.mark.parametrize("form", ["csv.gz", "parquet", "two files"])
def test_every_format_gives_the_same_rows(form, engine, tmp_path):
    lines = [(1, T, "pv", 10, 7), (2, T, "buy", None, 8), (2, -5, "pv", 10, 7)]
    text = csv_text(HEADER, lines)
    if form == "csv.gz":
        files = [tmp_path / "behavior_log.csv.gz"]
        files[0].write_bytes(gzip.compress(text.encode()))
    elif form == "parquet":
        files = [tmp_path / "behavior_log.parquet"]
        pl.DataFrame(lines, schema=HEADER.split(","), orient="row").write_parquet(files[0])
    else:
        files = [tmp_path / name for name in ("a.csv", "b.csv")]
        files[0].write_text(csv_text(HEADER, lines[:1]))
        files[1].write_text(csv_text(HEADER, lines[1:]))

    log = split(engine, behaviours_source(*files), tmp_path / "parts")

    assert rows_of(engine, log) == [SOUND, (2, T, 3, None, 8)]
    assert dict(log.account.rejected) == {"impossible time": 1}


def test_columns_may_stand_in_another_order(engine, tmp_path):
    file = tmp_path / "log.csv"
    file.write_text(f"brand,btag,user,cate,time_stamp\n7,pv,1,10,{T}\n")

    assert rows_of(engine, split(engine, behaviours_source(file), tmp_path / "parts")) == [SOUND]


def test_without_times_all_happen_at_one_moment_and_stay_apart(engine, tmp_path):
    types = {name: each for name, each in TYPES.items() if name != "happened_at"}

    log = split_lines(engine, tmp_path, LINE, LINE, types=types, is_distinct=False)

    assert rows_of(engine, log) == [(1, 0, 0, 10, 7)] * 2


def test_users_lie_in_the_part_of_the_same_number_as_in_the_ad_log(engine, tmp_path):
    users = range(200)
    seen = tmp_path / "raw_sample.csv"
    seen.write_text(
        csv_text("user,time_stamp,adgroup_id,pid,nonclk,clk", [(u, T, 1, "a", 1, 0) for u in users])
    )
    shown = split(engine, source_of(seen, types=LOG_TYPES), tmp_path / "shown", n_parts=7)
    done = split_lines(engine, tmp_path, *(f"{u},{T},pv,1,1" for u in users), n_parts=7)

    def users_by_part(log):
        return {
            part.name: sorted(engine.collect(engine.scan_part(part).select("user_id"))["user_id"])
            for part in log.parts
        }

    assert users_by_part(shown) == users_by_part(done)
    assert len(done.parts) == 7


def test_the_account_says_what_options_left_out(engine, tmp_path):
    import narwhals.stable.v2 as nw

    lines = [LINE, f"1,{T + 50},pv,1,1", f"2,{T},pv,1,1", f"2,{T},pv,1,1"]

    log = split_lines(
        engine,
        tmp_path,
        *lines,
        exclude={"after --until": nw.col("happened_at") >= T + 50},
        keep_users=pl.Series("user_id", [1]),
    )

    assert dict(log.account.excluded) == {"after --until": 1, "outside --sample": 2}
    assert rows_of(engine, log) == [SOUND]


def test_an_action_takes_a_byte(engine, tmp_path):
    log = split_lines(engine, tmp_path, LINE)

    assert engine.collect(engine.scan_part(log.parts[0])).schema["action"] == pl.Int8
