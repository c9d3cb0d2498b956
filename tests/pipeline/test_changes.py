"""Prepared data are carried on: new days, late rows, users who are to be forgotten."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict

import polars as pl
import pytest
from tests.reads import DAILY_PURCHASES
from tests.texts import raises_text

from segmentry.datasets import GeneratorOptions, generate_taobao
from segmentry.errors import ConfigError, DataError, OutputError, SchemaError
from segmentry.ingest.store import slices
from segmentry.lifecycle.history import begun as begun_history
from segmentry.lifecycle.history import read_history, written_history
from segmentry.lifecycle.keys import SegmentKeys
from segmentry.pipeline import add_data, build_user_table, check_data, forget_data, prepare, run
from segmentry.schema import Window

DAY = 86_400
FIRST = 1_494_000_000


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "taobao"
    options = GeneratorOptions(n_users=150, seed=5, behaviours=True, behaviour_rows_per_user=30)
    return generate_taobao(folder, options).directory


@pytest.fixture(scope="module", autouse=True)
def _small_slices():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slices, "MIN_ROWS", 150)
        yield


def days_of(data, folder):
    """Write the log day by day, and rows of the first days that come late; return the files."""
    folder.mkdir()
    log, shop = (pl.read_csv(data / f"{name}.csv") for name in ("raw_sample", "behavior_log"))
    late = log.with_row_index().select(
        (pl.col("index") % 29 == 0) & (pl.col("time_stamp") < FIRST + 3 * DAY)
    )
    is_late = late.to_series()
    parts = {"late": log.filter(is_late)}
    for day in range(8):
        is_in = (log["time_stamp"] - FIRST) // DAY == day
        parts[f"day-{day}"] = log.filter(is_in & ~is_late)
    week = (shop["time_stamp"] - FIRST) // (7 * DAY)
    # Rows on both sides of a cut may be equal: what is repeated is seen however it comes.
    for number, piece in enumerate(shop.with_columns(week=week).partition_by("week")):
        parts[f"shop-{number}"] = piece.drop("week")
    parts["shop-again"] = shop.sample(50, seed=1)
    files = {name: folder / f"{name}.csv" for name in parts}
    for name, rows in parts.items():
        rows.write_csv(files[name])
    return files


def begun_with(data, files, folder):
    """Prepare a folder that holds the first of the files alone."""
    folder.mkdir()
    for name in ("user_profile", "ad_feature"):
        shutil.copy(data / f"{name}.csv", folder)
    shutil.copy(files["day-4"], folder / "raw_sample.csv")
    shutil.copy(files["shop-1"], folder / "behavior_log.csv")
    return prepare(folder, out=folder / "p").directory


@pytest.fixture(scope="module")
def days(data, tmp_path_factory):
    return days_of(data, tmp_path_factory.mktemp("days") / "files")


@pytest.fixture
def begun(data, days, tmp_path):
    return begun_with(data, days, tmp_path / "begun")


@pytest.fixture(scope="module")
def whole(data, days, tmp_path_factory):
    """All rows, prepared at once."""
    folder = tmp_path_factory.mktemp("whole") / "files"
    folder.mkdir()
    for name in ("user_profile", "ad_feature"):
        shutil.copy(data / f"{name}.csv", folder)
    for start, target in (("day", "raw_sample"), ("shop", "behavior_log")):
        frames = [pl.read_csv(file) for name, file in days.items() if name.startswith(start)]
        frames += [pl.read_csv(days["late"])] if start == "day" else []
        pl.concat(frames).write_csv(folder / f"{target}.csv")
    return prepare(folder, out=folder / "p").directory


def others_of(days):
    return [file for name, file in days.items() if name not in ("day-4", "shop-1")]


def answers_of(prepared, home, monkeypatch):
    """Run on prepared data that have one name in all tests; return the bytes of the answers."""
    home.mkdir()
    shutil.copytree(prepared, home / "p")
    monkeypatch.chdir(home)
    run("p", "out", k=2, k_range="2:2", bootstraps=2, min_size=1)
    names = ("summary.json", "segments.parquet", "users.parquet")
    return {name: (home / "out" / name).read_bytes() for name in names}


@pytest.mark.usefixtures("undrawn")
def test_days_in_any_order_are_answered_as_all_rows_at_once(
    days, begun, whole, tmp_path, monkeypatch
):
    files = others_of(days)
    files = files[::2] + files[1::2][::-1]
    for at in range(0, len(files), 6):
        add_data(begun, files[at : at + 6], block_bytes=20_000)

    found, expected = (check_data(each, with_=("behaviours",)) for each in (begun, whole))
    assert found.table.equals(expected.table)
    assert found.accounts == expected.accounts
    assert answers_of(begun, tmp_path / "a", monkeypatch) == answers_of(
        whole, tmp_path / "b", monkeypatch
    )


def contents(folder):
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def test_a_new_day_writes_its_own_files_and_no_others(days, begun):
    before = contents(begun / "impressions")

    (account,) = add_data(begun, [days["day-5"], begun.parent / "ad_feature.csv"])

    after = contents(begun / "impressions")
    assert account.n_read == account.n_used == pl.read_csv(days["day-5"]).height
    assert before.items() < after.items()


def test_a_file_that_was_added_is_refused_and_one_that_has_grown_adds_what_is_new(
    days, begun, tmp_path
):
    log = tmp_path / "log.csv"
    shutil.copy(days["day-5"], log)
    add_data(begun, [log])
    before = contents(begun)

    with raises_text(DataError):
        add_data(begun, [log])
    assert contents(begun) == before
    with log.open("a") as stream:
        stream.writelines(days["day-6"].read_text().splitlines(keepends=True)[1:])
    (account,) = add_data(begun, [log, days["day-5"]])

    assert account.n_used == pl.read_csv(days["day-6"]).height


def test_a_window_reads_the_days_that_it_needs(whole, tmp_path):
    harmed = tmp_path / "p"
    shutil.copytree(whole, harmed)
    (last,) = (harmed / "impressions" / "part=0").glob("2017-05-13*")
    content = bytearray(last.read_bytes())
    content[len(content) // 3] ^= 1
    last.write_bytes(content)

    seen = build_user_table(harmed, until="2017-05-13")

    assert seen.equals(build_user_table(whole, until="2017-05-13"))
    with raises_text(DataError):
        build_user_table(harmed, since="2017-05-13")


@pytest.mark.parametrize("window", [{"since": "2017-05-08"}, {"until": "2017-05-10T12:00"}])
def test_a_window_of_parts_is_that_of_files(data, tmp_path, window):
    made = prepare(data, out=tmp_path / "p").directory
    found, expected = (check_data(each, **window) for each in (made, data))

    assert found.table.equals(expected.table)
    assert found.accounts == expected.accounts


def test_a_forgotten_user_is_nowhere(days, begun, whole, tmp_path):
    add_data(begun, others_of(days))
    gone = [1, 5, 77]
    (tmp_path / "gone.csv").write_text("user_id\n" + "".join(f"{each}\n" for each in gone))

    past = tmp_path / "history"
    keys = SegmentKeys(segmentation="s", keys=("kaaa",))
    members = pl.DataFrame({"user_id": [1, 2, 77], "segment_key": "kaaa"})
    first = begun_history(keys, members, run="run", window=Window(start=0, end=DAY))
    with written_history(past, *first) as put:
        put()

    accounts = forget_data(begun, tmp_path / "gone.csv", history=past)

    assert read_history(past).membership["user_id"].to_list() == [2]
    # The rate of one user is shrunk towards that of all.
    left, before = (build_user_table(each).drop("ctr_shrunk") for each in (begun, whole))
    assert left.equals(before.filter(~pl.col("user_id").is_in(gone)))
    assert {each.role for each in accounts} == {"impressions", "profiles", "behaviours"}
    for file in begun.rglob("*.parquet"):
        rows = pl.read_parquet(file)
        assert "user_id" not in rows.columns or not rows["user_id"].is_in(gone).any()
    assert sorted(path.name for path in begun.parent.iterdir() if path.is_dir()) == ["p"]


@pytest.mark.parametrize(
    "users", ["user_id\n99999999\n", "user_id\n", "user_id\n1\n1\n", "id\n1\n"]
)
def test_a_file_of_users_that_cannot_be_meant_is_refused(users, begun, tmp_path):
    (tmp_path / "gone.csv").write_text(users)
    before = contents(begun)

    with raises_text((DataError, SchemaError)):
        forget_data(begun, tmp_path / "gone.csv")
    assert contents(begun) == before


@pytest.mark.parametrize(
    "text",
    [
        "user,time,clk\n1,1494000000,0\n",
        "user,time_stamp,adgroup_id,pid,nonclk,clk\nu1,1494000000,5,a,1,0\n",
        "user,time_stamp,adgroup_id,pid,nonclk,clk\n1,1494000000000,5,a,1,0\n",
        "",
    ],
)
def test_files_of_other_data_are_refused(text, begun, tmp_path):
    (tmp_path / "other.csv").write_text(text)
    before = contents(begun)

    with raises_text((DataError, SchemaError)):
        add_data(begun, [tmp_path / "other.csv"])
    assert contents(begun) == before
    assert not (begun.parent / ".p.preparing").exists()


def test_a_folder_of_another_engine_is_refused(days, begun):
    text = (begun / "prepared.json").read_text()
    start = text.index('"engine": "duckdb') + len('"engine": "duckdb ')
    (begun / "prepared.json").write_text(text[:start] + "0" + text[start + 1 :])

    with raises_text(DataError) as caught:
        add_data(begun, [days["day-5"]])
    assert "duckdb 0." in str(caught.value)


def test_a_folder_that_is_not_prepared_is_refused(days, tmp_path):
    with raises_text(DataError):
        add_data(tmp_path, [days["day-5"]])


def test_one_at_a_time(days, begun):
    from segmentry.runtime.temporary import locked

    staging = begun.parent / ".p.preparing"
    staging.mkdir()
    with locked(staging / "lock", busy="mine"), raises_text(OutputError):
        add_data(begun, [days["day-5"]])


_ADDED = """
import sys
from segmentry.ingest.store import slices
from segmentry.pipeline import add_data

slices.MIN_ROWS = 150
add_data(sys.argv[1], sys.argv[2:], block_bytes=2_000)
"""


@pytest.mark.parametrize(
    "share", [0.5, *(pytest.param(s, marks=pytest.mark.slow) for s in (0.2, 0.8, 0.95))]
)
def test_killed_in_the_middle_the_old_state_is_whole(share, days, begun, tmp_path):
    table = build_user_table(begun)
    files = [str(file) for file in others_of(days)]
    twin = tmp_path / "twin"
    shutil.copytree(begun, twin)
    process = subprocess.Popen([sys.executable, "-c", _ADDED, str(begun), *files])
    staging = begun.parent / ".p.preparing"
    while not staging.exists():
        time.sleep(0.005)
    time.sleep(share)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()

    left = build_user_table(begun)
    is_done = not left.equals(table)
    if not is_done:
        add_data(begun, files)
    add_data(twin, files)

    assert build_user_table(begun).equals(build_user_table(twin))
    assert not staging.exists() or is_done


def test_a_trailing_window_ends_with_the_last_whole_day(data, whole, tmp_path):
    expected = check_data(data, since="2017-05-11")
    found = [check_data(each, window="3d") for each in (data, whole)]

    for each in found:
        assert (each.window, each.window.n_days) == (expected.window, 3)
        assert each.table.equals(expected.table)
    assert [each.accounts for each in found[1:]] == [each.accounts for each in found[:1]]


def test_a_day_that_has_just_begun_is_not_whole(days, begun):
    log = pl.read_csv(days["day-5"])
    cut = begun.parent / "cut.csv"
    log.filter(pl.col("time_stamp") < FIRST + 5 * DAY + 12 * 3600).write_csv(cut)
    add_data(begun, [days["day-3"], cut])

    assert (
        check_data(begun, window="2d").window
        == check_data(begun, since="2017-05-09", until="2017-05-11").window
    )
    assert check_data(begun, window="2d", until="2017-05-12").window.end == FIRST + 6 * DAY


@pytest.mark.parametrize(
    "asked", [{"window": "9d"}, {"window": "5d", "until": "2017-05-10"}, {"window": "9d", "k": 2}]
)
def test_a_window_longer_than_the_log_is_refused(asked, data):
    with raises_text(DataError):
        if "k" in asked:
            run(data, data.parent / "out", **asked)
        else:
            check_data(data, **asked)


@pytest.mark.parametrize(
    "asked", [{"window": "4 weeks"}, {"window": "0d"}, {"window": "3d", "since": "2017-05-07"}]
)
def test_a_window_that_makes_no_sense_is_refused(asked, whole):
    with raises_text(ConfigError):
        check_data(whole, **asked)


def test_a_run_is_not_disturbed_by_what_happens_to_the_files_that_it_reads(whole, days, tmp_path):
    """Links to what it reads, and what is written down of it, hold until its end."""
    from segmentry.results.run_folder import Fingerprinting

    (file, *_) = sorted((whole / "impressions").rglob("*.parquet"))
    written = {"n_bytes": file.stat().st_size, "path": file.name}
    content = hashlib.sha256(file.read_bytes()).hexdigest()

    with Fingerprinting([file, days["day-5"]]) as fingerprints:
        found, plain = sorted(fingerprints.results(), key=lambda each: each.path != file.name)

    assert asdict(found) == written | {"sha256": content, "n_bytes_read": None, "version": ""}
    assert plain.sha256 == hashlib.sha256(days["day-5"].read_bytes()).hexdigest()


def test_days_of_any_data_bring_the_ads_that_stand_in_them(tmp_path):
    for name, dates in (("first", ["2020-01-01"]), ("both", ["2020-01-01", "2020-01-02"])):
        for date in dates:
            folder = tmp_path / name / f"day={date}"
            folder.mkdir(parents=True)
            first = 0 if date == "2020-01-01" else 20
            lines = [f"u{n % 7},{n}.25,i{n},k{n % 5}" for n in range(first, first + 25)]
            (folder / "log.csv").write_text("\n".join(["who,paid,item,kind", *lines]) + "\n")
        (tmp_path / name / "m.toml").write_text(DAILY_PURCHASES)
    first, both = (
        prepare(None, out=tmp_path / f"{name}-p", mapping=tmp_path / name / "m.toml").directory
        for name in ("first", "both")
    )

    accounts = add_data(first, [tmp_path / "both" / "day=2020-01-02" / "log.csv"])

    found, expected = check_data(first), check_data(both)
    assert [each.role for each in accounts] == ["impressions", "ads"]
    assert found.table.equals(expected.table)
    assert found.accounts == expected.accounts
    assert found.table["n_ads"].sum() > 0
