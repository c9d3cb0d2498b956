"""Files are turned once into Parquet: the same is found in them, whatever interrupts the work."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest
from tests.reads import DAILY_PURCHASES, write_taobao
from tests.texts import raises_text, shows

from segmentry.datasets import GeneratorOptions, generate_taobao
from segmentry.errors import ConfigError, DataError, OutputError, SegmentryError
from segmentry.ingest.engines import open_engine
from segmentry.ingest.sources import find_source
from segmentry.pipeline import check_data, prepare, run
from segmentry.schema import BEHAVIOURS_COLUMNS

BLOCK = 200_000


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "taobao"
    options = GeneratorOptions(n_users=400, seed=3, behaviours=True, behaviour_rows_per_user=80)
    return generate_taobao(folder, options).directory


@pytest.fixture(scope="module")
def prepared(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("prepared") / "p"
    return prepare(data, out=out, block_bytes=BLOCK)


def steps_shown(work):
    """Return of each step what was told, in its order."""
    parts = {}
    work(lambda step, done, total: parts.setdefault(step, []).append((done, total)))
    return parts


def test_preparing_and_merging_tell_how_many_rows_are_done(data, tmp_path):
    text = steps_shown(
        lambda report: prepare(data, out=tmp_path / "p", block_bytes=BLOCK, progress=report)
    )

    before = (data / "behavior_log.csv").read_text().count("\n") - 1
    for role in ("impressions", "behaviours"):
        done, totals = zip(*text[f"merging the {role}"], strict=True)
        assert sorted(done) == list(done)
        assert {done[-1]} == set(totals)
    assert 0.99 * before < text["merging the behaviours"][-1][0] <= before


def test_a_run_tells_how_many_rows_are_looked_at_for_equal_ones(data, tmp_path):
    source = find_source(data, None).behaviours
    parts = []

    _, account = split_of(
        source, "duckdb", tmp_path, on_collapse=lambda done, total: parts.append((done, total))
    )

    assert [total for _, total in parts] == [parts[-1][0]] * 3
    repeated = account.excluded["equal in every column to another row"]
    assert parts[-1][0] == account.n_used + repeated


def copied(data, folder):
    folder.mkdir()
    for file in data.glob("*.csv"):
        (folder / file.name).write_bytes(file.read_bytes())
    return folder


def copy_of(prepared, folder):
    """Return a copy of a prepared folder, to be harmed."""
    shutil.copytree(prepared.directory, folder)
    return folder


def contents(folder):
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def split_of(source, engine_name, folder, **options):
    engine = open_engine(engine_name, scratch=folder)
    try:
        asked = {"n_parts": 3, "exclude": {}, "keep_users": None} | options
        log = engine.split_log(
            source, folder / "parts", on_progress=lambda _done, _total: None, **asked
        )
        rows = [
            row
            for part in log.parts
            for row in engine.collect(
                engine.scan_part(part).select(*BEHAVIOURS_COLUMNS)
            ).iter_rows()
        ]
    finally:
        engine.close()
    return sorted(rows, key=repr), log.account


def test_the_behaviours_are_those_of_the_files(data, prepared, engine_name, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    rows, account = split_of(find_source(data, None).behaviours, engine_name, tmp_path / "a")
    again, same = split_of(
        find_source(prepared.directory, None).behaviours, engine_name, tmp_path / "b"
    )

    assert again == rows
    assert same == account
    assert account.rejected.get("impossible time", 0) >= 0
    assert sum(account.excluded.values()) > 0


def test_a_run_finds_the_same(data, prepared, engine_name, undrawn, tmp_path):
    asked = {"engine": engine_name, "k": 3, "k_range": "3:3", "bootstraps": 2}
    asked |= {"with": ("behaviours",), "min_size": 1}
    run(data, tmp_path / "of files", **asked)
    run(prepared.directory, tmp_path / "of parts", **asked)

    def summary(name):
        text = json.loads((tmp_path / name / "summary.json").read_text())
        text["repeat"].pop("command")
        return text

    assert summary("of parts") == summary("of files")


def test_what_options_leave_out_is_counted_from_parts_too(prepared, engine_name, tmp_path):
    import narwhals.stable.v2 as nw

    source = find_source(prepared.directory, None).behaviours
    users = [row[0] for row in split_of(source, engine_name, tmp_path)[0]][:1]
    (tmp_path / "c").mkdir()
    rows, account = split_of(
        source,
        engine_name,
        tmp_path / "c",
        exclude={"after": nw.col("happened_at") >= 1_494_000_000},
        keep_users=pl.Series("user_id", users),
    )

    assert rows
    assert {row[0] for row in rows} == set(users)
    assert max(row[1] for row in rows) < 1_494_000_000
    assert account.n_read == account.n_used + account.n_rejected + sum(account.excluded.values())
    assert {"after", "outside --sample"} <= set(account.excluded)


def test_more_blocks_give_the_same_rows(data, prepared, tmp_path):
    whole = prepare(data, out=tmp_path / "whole")

    assert whole.accounts == prepared.accounts
    for role in ("impressions", "behaviours"):
        frames = [
            pl.read_parquet(folder / role / "**" / "*.parquet", hive_partitioning=False)
            for folder in (whole.directory, prepared.directory)
        ]
        assert frames[0].sort(pl.all()).equals(frames[1].sort(pl.all()))


def test_preparing_again_does_nothing(data, prepared, tmp_path):
    copy_of(prepared, tmp_path / "p")
    before = contents(tmp_path / "p")

    second = prepare(data, out=tmp_path / "p", block_bytes=BLOCK)

    assert (prepared.is_new, second.is_new) == (True, False)
    assert contents(tmp_path / "p") == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["p"]


def test_other_content_of_equal_size_is_noticed(data, prepared, tmp_path):
    files = copied(data, tmp_path / "files")
    copy_of(prepared, tmp_path / "p")
    log = files / "behavior_log.csv"
    text = log.read_bytes()
    at = text.rindex(b",pv,")
    log.write_bytes(text[:at] + b",xx," + text[at + 4 :])
    os.utime(log, (1, 1))

    with raises_text(DataError):
        prepare(files, out=tmp_path / "p", block_bytes=BLOCK)
    again = prepare(files, out=tmp_path / "p", block_bytes=BLOCK, overwrite=True)

    assert {each.role: each.rejected.get("unknown action") for each in again.accounts}[
        "behaviours"
    ] == 1


def test_rows_that_were_appended_are_noticed(data, prepared, tmp_path):
    files = copied(data, tmp_path / "files")
    copy_of(prepared, tmp_path / "p")
    with (files / "behavior_log.csv").open("a") as log:
        log.write("1,1494000000,pv,1,1\n")

    with raises_text(DataError):
        prepare(files, out=tmp_path / "p", block_bytes=BLOCK)


def interrupted(data, out, *, after, signal_number=signal.SIGKILL):
    """Begin a preparation and end it when so many steps are journaled; return how many were."""
    words = f"prepare({str(data)!r}, out={str(out)!r}, block_bytes={BLOCK})"
    process = subprocess.Popen(
        [sys.executable, "-c", f"from segmentry.pipeline import prepare; {words}"],
        stderr=subprocess.DEVNULL,
    )
    journal = out.parent / f".{out.name}.preparing" / "journal"
    end = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < end:
        if journal.exists() and journal.read_bytes().count(b"\n") >= after:
            process.send_signal(signal_number)
            break
        time.sleep(0.002)
    process.wait()
    return journal


@pytest.mark.parametrize(
    "after", [3, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 5, 7))]
)
def test_killed_in_the_middle_it_goes_on_where_it_stopped(after, data, prepared, tmp_path):
    out = tmp_path / "p"

    journal = interrupted(data, out, after=after)

    assert not out.exists()
    done = journal.read_bytes().splitlines()
    made = prepare(data, out=out, block_bytes=BLOCK)
    assert len(done) >= after
    assert made.accounts == prepared.accounts
    assert sorted(path.name for path in tmp_path.iterdir()) == ["p"]
    names = {name for name in contents(out) if name.endswith(".parquet")}
    assert names == {n for n in contents(prepared.directory) if n.endswith(".parquet")}


def test_steps_that_were_done_are_not_done_again(data, tmp_path):
    out = tmp_path / "p"
    journal = interrupted(data, out, after=3)
    n_done = journal.read_bytes().count(b"\n")
    first = min(journal.parent.glob("block-*"))
    stamp = first.stat().st_mtime_ns

    interrupted(data, out, after=n_done + 1)

    assert first.stat().st_mtime_ns == stamp
    steps = [json.loads(line)["step"] for line in journal.read_bytes().splitlines()]
    assert len(steps) > n_done
    assert len(steps) == len(set(steps))


def test_a_journal_line_that_was_cut_off_is_forgotten(data, prepared, tmp_path):
    out = tmp_path / "p"
    journal = interrupted(data, out, after=3)
    with journal.open("ab") as stream:
        stream.write(b'{"step": "block behavi')

    assert prepare(data, out=out, block_bytes=BLOCK).accounts == prepared.accounts


def test_a_journal_of_an_earlier_version_is_refused_until_the_work_begins_again(data, tmp_path):
    journal = tmp_path / ".p.preparing" / "journal"
    journal.parent.mkdir()
    journal.write_text('{"step": "begin", "plan": {}, "n_parts": 3}\n')

    with raises_text(DataError):
        prepare(data, out=tmp_path / "p", block_bytes=BLOCK)
    assert prepare(data, out=tmp_path / "p", block_bytes=BLOCK, overwrite=True).is_new


def test_a_change_while_it_was_interrupted_is_noticed(data, tmp_path):
    files = copied(data, tmp_path / "files")
    interrupted(files, tmp_path / "p", after=3)
    log = files / "raw_sample.csv"
    log.write_bytes(log.read_bytes().replace(b",1,0\n", b",0,1\n", 1))

    with raises_text(DataError):
        prepare(files, out=tmp_path / "p", block_bytes=BLOCK)


def test_other_options_do_not_go_on_with_it(data, tmp_path):
    interrupted(data, tmp_path / "p", after=2)

    with raises_text(DataError):
        prepare(data, out=tmp_path / "p", block_bytes=BLOCK, duplicates="count")


def test_duplicates_may_be_kept(data, prepared, tmp_path):
    kept = prepare(data, out=tmp_path / "p", duplicates="count")

    def used(made):
        return {each.role: (each.n_used, dict(each.excluded)) for each in made.accounts}[
            "behaviours"
        ]

    n_used, excluded = used(prepared)
    assert used(kept) == (n_used + sum(excluded.values()), {})


def test_two_at_once_on_one_folder_are_refused(data, tmp_path):
    from segmentry.runtime.temporary import locked

    staging = tmp_path / ".p.preparing"
    staging.mkdir()
    with locked(staging / "lock", busy="mine"), raises_text(OutputError):
        prepare(data, out=tmp_path / "p")


def test_a_folder_in_the_way_stays(data, tmp_path):
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "mine.txt").write_text("x")

    with raises_text(OutputError):
        prepare(data, out=tmp_path / "p", overwrite=True)
    assert contents(tmp_path / "p") == {"mine.txt": b"x"}


_TWO_RUNS = """
import contextlib, os, sys
import duckdb, polars, sklearn.cluster
from segmentry.pipeline import _run
from segmentry.present import figures

figures.drawing = contextlib.nullcontext
_run.write_report = lambda *_, **__: None
asked = {"k": 2, "k_range": "2:2", "bootstraps": 2, "with": ("behaviours",)}
prepared, *folders = sys.argv[1:]
children = []
for folder in folders:
    children.append(os.fork())
    if children[-1] == 0:
        _run.run(prepared, folder, **asked)
        os._exit(0)
sys.exit(any([os.waitpid(child, 0)[1] for child in children]))
"""
"""Loaded once, then two processes: to load takes longer than a run."""


def test_two_runs_at_once_on_one_folder_find_the_same(prepared, tmp_path):
    before = contents(prepared.directory)
    folders = [str(tmp_path / name) for name in "ab"]
    subprocess.run([sys.executable, "-c", _TWO_RUNS, str(prepared.directory), *folders], check=True)

    a, b = ((tmp_path / name / "summary.json").read_bytes() for name in "ab")
    assert a.replace(b"/a", b"/b") == b.replace(b"/a", b"/b")
    assert contents(prepared.directory) == before


@pytest.mark.parametrize("damage", ["cut", "gone", "end", "middle"])
def test_a_damaged_part_is_told_in_one_line(damage, prepared, engine_name, undrawn, tmp_path):
    copy_of(prepared, tmp_path / "p")
    part = min((tmp_path / "p" / "impressions").rglob("*.parquet"))
    content = bytearray(part.read_bytes())
    if damage == "gone":
        part.unlink()
    elif damage == "cut":
        part.write_bytes(content[:-100])
    else:
        at = slice(-4, None) if damage == "end" else slice(4, len(content) // 2)
        content[at] = bytes(len(content[at]))
        part.write_bytes(content)

    with pytest.raises(SegmentryError) as text:
        run(tmp_path / "p", tmp_path / "out", engine=engine_name, k=2, bootstraps=2)

    assert "\n" not in str(text.value)
    assert part.name in str(text.value)
    assert not (tmp_path / "out").exists()


def with_one_bit_changed(prepared, role):
    """Change a bit in the middle of the values of a part; its length and ends stay."""
    part = max((prepared / role).rglob("*.parquet"))
    content = bytearray(part.read_bytes())
    content[len(content) // 3] ^= 1
    part.write_bytes(content)


@pytest.mark.parametrize("role", ["impressions", "behaviours"])
def test_a_bit_that_changed_in_a_part_is_never_taken_for_a_value(role, prepared, tmp_path):
    copy_of(prepared, tmp_path / "p")
    with_one_bit_changed(tmp_path / "p", role)

    with raises_text(DataError):
        run(tmp_path / "p", tmp_path / "out", k=2, **{"with": ("behaviours",)})
    with raises_text(DataError):
        check_data(tmp_path / "p", **{"with": ("behaviours",)})
    assert not (tmp_path / "out").exists()


def test_parts_that_are_not_read_are_not_asked(prepared, tmp_path):
    copy_of(prepared, tmp_path / "p")
    with_one_bit_changed(tmp_path / "p", "behaviours")

    assert check_data(tmp_path / "p").table.height == 400


def test_an_empty_part_is_told_by_its_size(prepared, tmp_path):
    copy_of(prepared, tmp_path / "p")
    part = min((tmp_path / "p" / "behaviours").rglob("*.parquet"))
    n_bytes = part.stat().st_size
    part.write_bytes(b"")

    with pytest.raises(SegmentryError) as text:
        run(tmp_path / "p", tmp_path / "out", k=2)

    # The size differs between versions of the writer.
    shows(str(text.value).replace(f"{n_bytes:,}", "BYTES"))


def test_a_folder_of_an_earlier_version_is_refused_until_it_is_prepared_again(
    data, prepared, tmp_path
):
    file = copy_of(prepared, tmp_path / "p") / "prepared.json"
    file.write_text('{"prepared_version": 2, "source": {}, "tables": {}, "plan": {}, "inputs": {}}')

    with raises_text(DataError):
        check_data(tmp_path / "p")
    with raises_text(DataError):
        prepare(data, out=tmp_path / "p")
    assert prepare(data, out=tmp_path / "p", overwrite=True).accounts == prepared.accounts


def test_a_prepared_folder_is_not_prepared_again(prepared, tmp_path):
    with raises_text(ConfigError):
        prepare(prepared.directory, out=tmp_path / "q")


def test_a_prepared_folder_has_its_mapping(prepared, tmp_path):
    with raises_text(ConfigError):
        find_source(prepared.directory, tmp_path / "m.toml")


def test_rejected_rows_are_still_told(tmp_path):
    t = 1_494_000_000
    rows = [(1, t, 5, "a", 1, 0), (2, -5, 5, "a", 1, 0), (3, t, 5, "a", 1, 1), (4, t, 6, "b", 0, 1)]
    files = write_taobao(tmp_path / "files", log=rows, profiles=[(1, 0, 1, 2, 3, None, 3, 0, 2)])
    made = prepare(files, out=tmp_path / "p")

    (log,) = (each for each in check_data(made.directory).accounts if each.role == "impressions")

    assert dict(log.rejected) == {"impossible time": 1, "is_click contradicts is_not_click": 1}
    assert (log.n_read, log.n_used) == (4, 2)


def test_a_byte_that_is_no_text_in_a_later_block_costs_its_row_alone(data, tmp_path):
    copy = copied(data, tmp_path / "log")
    file = copy / "behavior_log.csv"
    text = bytearray(file.read_bytes())
    text[text.index(b"\n", len(text) // 2) + 1] = 0xFF  # beyond what a look at the file takes in
    file.write_bytes(text)
    (tmp_path / "s").mkdir()

    prepared = prepare(copy, out=tmp_path / "p", block_bytes=BLOCK)

    _, account = split_of(find_source(copy, None).behaviours, "duckdb", tmp_path / "s")
    assert account.rejected["not UTF-8 text"] == 1
    assert account in prepared.accounts


def test_any_data_keep_amounts_text_ids_and_columns_named_by_folders(tmp_path):
    home = tmp_path / "home"
    for day in ("2020-01-01", "2020-01-02"):
        (home / f"day={day}").mkdir(parents=True)
        lines = [f"u{n % 7},{n}.25,i{n % 3},k{n % 2}" for n in range(30)]
        (home / f"day={day}" / "log.csv").write_text(
            "who,paid,item,kind\n" + "\n".join(lines) + "\n"
        )
    (home / "m.toml").write_text(DAILY_PURCHASES)
    before = check_data(None, mapping=home / "m.toml")

    made = prepare(None, out=tmp_path / "p", mapping=home / "m.toml", block_bytes=100)
    after = check_data(made.directory)

    assert after.table.equals(before.table)
    assert after.accounts == before.accounts
    assert Path(made.directory / "impressions").is_dir()


def test_a_link_under_the_name_of_the_hidden_folder_is_refused(data, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / ".p.preparing").symlink_to(tmp_path / "elsewhere")

    with raises_text(OutputError):
        prepare(data, out=tmp_path / "p", block_bytes=BLOCK)
    assert list((tmp_path / "elsewhere").iterdir()) == []
