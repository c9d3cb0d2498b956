"""Every mistake: exit code 2, one clear line on stderr, no traceback, nothing left behind."""

import errno
import gzip
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from tests.pipeline.runs import Answer, segmentry
from tests.reads import LOG_HEADER, csv_text, write_taobao
from tests.texts import says, shows

from segmentry.ingest.engines import ENGINES

T = 1494000000
LOG = [(user, T + n, 1, "p", 1 - n % 2, n % 2) for user in range(1, 13) for n in range(user)]


@pytest.fixture
def home(tmp_path, monkeypatch):
    """The working folder, so that paths in messages are short."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def data(home):
    """A sound log of twelve users in ``data``."""
    return write_taobao(home / "data", log=LOG)


def tree(folder):
    """Return every path under a folder with its content."""
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def refusal(home, *words, call=segmentry):
    """Return the one line of a command that must fail and change nothing."""
    before = tree(home)
    answer = call(*words)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith("segmentry: ")
    assert answer.err.endswith("\n")
    assert len(answer.err.splitlines()) == 1
    assert tree(home) == before
    return answer.err.removeprefix("segmentry: ").removesuffix("\n")


def run_refusal(home, *words):
    return refusal(home, "run", "data", "--out", "run", *words)


def with_log(home, text):
    (home / "data").mkdir()
    (home / "data" / "raw_sample.csv").write_text(text)


def test_no_data_named(home):
    says(refusal(home, "run"))


def test_missing_folder(home):
    text = "data: no such folder; expected one that holds raw_sample.csv"
    assert run_refusal(home) == text
    assert refusal(home, "data", "check", "data") == text


def test_a_file_instead_of_a_folder(home):
    (home / "data").write_text("")
    says(run_refusal(home))


def test_a_file_instead_of_the_folder_of_a_mapping(home):
    (home / "log.csv").write_text("who,hit\n1,0\n")
    (home / "m.toml").write_text('name = "x"\n[log]\nfiles = "log.csv"\nuser_id = "who"\n')
    text = refusal(home, "run", "log.csv", "--mapping", "m.toml", "--out", "run")
    says(text)


def test_folder_without_a_log(home):
    (home / "data").mkdir()
    (home / "data" / "clicks.csv").write_text("a,b\n")
    says(run_refusal(home))


def test_two_logs(home, data):
    (data / "raw_sample.csv.gz").write_bytes(gzip.compress(b"x"))
    says(run_refusal(home))


def test_empty_file(home):
    with_log(home, "")
    says(run_refusal(home))


def test_header_only(home):
    with_log(home, LOG_HEADER + "\n")
    says(run_refusal(home))


def test_parquet_without_rows(home):
    (home / "data").mkdir()
    names = LOG_HEADER.split(",")
    pl.DataFrame(schema=dict.fromkeys(names, pl.Int64)).write_parquet("data/raw_sample.parquet")
    says(run_refusal(home))


def test_missing_columns_are_told_together_with_the_nearest(home):
    with_log(home, csv_text("usr,time_stamp,adgroup_id,pid,click", [(1, T, 1, "p", 0)]))
    says(run_refusal(home))


def test_wrong_type(home):
    with_log(home, csv_text(LOG_HEADER, [(1, "2017-05-06 10:00", 1, "p", 1, 0)]))
    says(run_refusal(home))


@pytest.mark.parametrize("engine", ENGINES)
def test_broken_gzip(home, engine):
    (home / "data").mkdir()
    packed = gzip.compress(csv_text(LOG_HEADER, LOG * 9).encode())
    Path("data/raw_sample.csv.gz").write_bytes(packed[: len(packed) // 2])
    text = run_refusal(home, "--engine", engine)
    shows(text)
    assert text.endswith("; download it again")


@pytest.mark.parametrize("engine", ENGINES)
def test_gzip_that_breaks_after_the_part_that_is_looked_at_first(home, engine):
    (home / "data").mkdir()
    rows = [(n, T + n, n * 7919 % 997, "p", 1, 0) for n in range(40_000)]
    packed = gzip.compress(csv_text(LOG_HEADER, rows).encode(), 1)
    Path("data/raw_sample.csv.gz").write_bytes(packed[:-2_000])
    says(run_refusal(home, "--engine", engine))


@pytest.mark.parametrize("engine", ENGINES)
def test_all_rows_rejected(home, engine):
    write_taobao(
        home / "data", log=[(1, T, 1, "p", 1, 1), (2, T, 1, "p", 0, 0), (3, 5, 1, "p", 1, 0)]
    )
    says(run_refusal(home, "--engine", engine))


def test_times_in_milliseconds(home):
    write_taobao(home / "data", log=[(user, at * 1000, *rest) for user, at, *rest in LOG])
    says(run_refusal(home))


def test_a_window_without_impressions(home, data):
    says(run_refusal(home, "--until", "2017-05-01"))


def test_a_sample_without_users(home, data):
    says(run_refusal(home, "--sample", "0.000001"))


def test_rejected_rows_where_none_is_allowed(home):
    write_taobao(home / "data", log=[*LOG, (1, T, 1, "p", 1, 7)])
    says(run_refusal(home, "--strict"))


def test_fewer_users_than_segments(home, data):
    text = run_refusal(home, "--k", "40")
    assert text.startswith("K = 40: found ")
    shows(text)


def test_one_user(home):
    write_taobao(home / "data", log=[(1, T, 1, "p", 1, 0)])
    shows(run_refusal(home))


def test_constant_features(home):
    write_taobao(home / "data", log=[(user, T, 1, "p", 1, 0) for user in range(9)])
    text = run_refusal(home, "--features", "n_impressions,n_ads")
    says(text)


@pytest.mark.parametrize(
    "words",
    [
        ["--k", "0"],
        ["--k", "-3"],
        ["--k-range", "9:2"],
        ["--k-range", "0:4"],
        ["--k-range", "2:1000000000"],
        ["--sample", "0"],
        ["--sample", "nan"],
        ["--sample", "1.5"],
        ["--min-share", "1"],
        ["--seed", "-1"],
        ["--seed", "2147483648"],
        ["--scale", "max"],
        ["--clip", "n_clicks=none"],
        ["--memory", "lots"],
        ["--memory", "999999999999999TB"],
        ["--engine", "sqlite"],
        ["--engine", "polars"],
        ["--recipe", "best"],
        ["--algorithm", "dbscan"],
        ["--since", "yesterday"],
        ["--since", "2017-05-09", "--until", "2017-05-09"],
        ["--features", ","],
        ["--features", "last_seen_at"],
    ],
)
def test_options_that_make_no_sense(home, data, words):
    says(run_refusal(home, *words))


@pytest.mark.parametrize("option", ["--features", "--exclude"])
def test_unknown_features(home, data, option):
    text = run_refusal(home, option, "n_click")
    shows(text)


@pytest.mark.parametrize(
    "words",
    [
        ["run", "data", "--bogus"],
        ["run", "data", "--k", "many"],
        ["run", "data", "--k", "2.5"],
        ["run", "data", "--k", "1,00"],
        ["data", "generate", "data", "--tastes", "nan"],
        ["score"],
        ["segment"],
        ["data", "generate"],
    ],
)
def test_wrong_words(home, words):
    found = refusal(home, *words)
    says(found)
    assert found.endswith("; see --help")


@pytest.mark.parametrize("share", ["10", "some", "-5%", "0"])
def test_wrong_share(home, share):
    says(refusal(home, "run", "data", "--sample", share))


@pytest.mark.parametrize(
    "text",
    [
        "k = 0\n",
        "clusters = 3\n",
        "k = \n",
        'k = "three"\n',
        "k = 0\nseed = -1\n",
    ],
)
def test_settings_that_make_no_sense(home, data, text):
    (home / "run.toml").write_text(text)
    shows(run_refusal(home, "--config", "run.toml"))


def test_missing_settings(home, data):
    says(run_refusal(home, "--config", "absent.toml"))


@pytest.fixture
def earlier(home):
    """An earlier run, as far as anybody looks before replacing it."""
    (home / "run").mkdir()
    (home / "run" / "manifest.json").write_text("{}")
    (home / "run" / "summary.json").write_text("the earlier run")


def test_an_existing_run_folder(home, data, earlier):
    says(run_refusal(home))


@pytest.mark.parametrize("words", [[], ["--overwrite"]])
def test_an_existing_folder_that_is_no_run(home, data, words):
    (home / "run").mkdir()
    (home / "run" / "thesis.txt").write_text("ten years of work")
    says(run_refusal(home, *words))


def test_an_existing_file_in_the_place_of_the_run_folder(home, data):
    (home / "run").write_text("")
    shows(run_refusal(home, "--overwrite"))


@pytest.mark.parametrize(
    "words",
    [
        ["--k", "40"],
        ["--until", "2017-05-01"],
        ["--features", "n_click"],
    ],
)
def test_an_earlier_run_survives_a_failed_one(home, data, earlier, words):
    run_refusal(home, "--overwrite", *words)


def test_a_file_as_the_parent_of_the_run_folder(home, data):
    (home / "notes").write_text("")
    says(refusal(home, "run", "data", "--out", "notes/run"))


def test_a_link_to_nothing_in_the_place_of_the_run_folder(home, data):
    (home / "run").symlink_to(home / "nothing")
    shows(run_refusal(home))


TOO_LONG = "x" * 300


@pytest.mark.parametrize(
    "words",
    [
        (TOO_LONG, "--out", "run"),
        ("data", "--out", TOO_LONG),
        ("data", "--out", f"{TOO_LONG}/run"),
        ("data", "--out", "run", "--config", TOO_LONG),
        ("data", "--out", "run", "--mapping", TOO_LONG),
        ("data", "--out", "run", "--names", TOO_LONG),
        ("data", "--out", "run", "--temp", TOO_LONG),
        ("--from", TOO_LONG, "--out", "run"),
    ],
)
def test_a_path_too_long_to_be_one(home, data, words):
    text = refusal(home, "run", *words)
    assert text.startswith(TOO_LONG)
    shows(text)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("locked/data", "--out", "run"), "locked/data/prepared.json: {}; give another path"),
        (
            ("data", "--out", "locked/run"),
            "locked/run: cannot be written: {}; choose another --out",
        ),
        (("data", "--out", "run", "--names", "locked/n"), "locked/n: {}; give another path"),
    ],
)
def test_a_folder_that_may_not_be_looked_into(home, data, monkeypatch, words, text):
    """As for anybody but root, whom no mode keeps out."""
    stat = Path.stat

    def refused(path, **options):
        if "locked" in path.parts:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return stat(path, **options)

    monkeypatch.setattr(Path, "stat", refused)
    assert refusal(home, "run", *words) == text.format("Permission denied")


def test_a_null_byte_in_the_settings(home, data):
    (home / "run.toml").write_text('temp = "a\\u0000b"\n')
    shows(run_refusal(home, "--config", "run.toml"))


def test_a_names_file_that_is_no_text(home, data):
    (home / "names").write_bytes(b"\xff\xfe\0")
    says(run_refusal(home, "--names", "names"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_no_right_to_write(home, data):
    locked = home / "locked"
    locked.mkdir(mode=0o500)
    says(refusal(home, "run", "data", "--out", "locked/run"))


def test_folders_made_for_a_run_that_failed_are_gone(home, data):
    refusal(home, "run", "data", "--out", "a/b/run", "--k", "40")
    assert not (home / "a").exists()


_ON_A_FULL_DISK = """
import resource, sys
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, hard))
sys.argv[0] = "segmentry"
from segmentry.cli import main
main()
"""


def on_a_full_disk(*words):
    """Let no file grow beyond 2 kB: what a full disk does, without one.

    In a process of its own: the limit would stop the test run too, where it writes to a file.
    """
    command = [sys.executable, "-c", _ON_A_FULL_DISK, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return Answer(code=done.returncode, out=done.stdout, err=done.stderr)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_disk_that_is_full_while_reading(home, small_log, engine):
    words = ("run", small_log, "--out", "run", "--engine", engine)
    text = refusal(home, *words, call=on_a_full_disk)
    shows(text)
    assert "File too large" in text


def test_a_disk_that_is_full_while_scoring(home, plain_run):
    words = ("score", plain_run.folder, plain_run.data_dir)
    text = refusal(home, *words, "--out", "scores.csv", call=on_a_full_disk)
    assert "File too large" in text


def test_a_disk_that_is_full_while_data_are_generated(home):
    (home / "new").mkdir()
    text = refusal(home, "data", "generate", "new", "--users", "200", call=on_a_full_disk)
    shows(text)
    assert text.endswith("; choose another folder")


def full_for(monkeypatch, name):
    """Make the disk full when the file of this name is written."""
    write_text = Path.write_text

    def write(path, *words, **options):
        if path.name == name:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return write_text(path, *words, **options)

    monkeypatch.setattr(Path, "write_text", write)


@pytest.mark.parametrize("name", ["bundle.json", "summary.json"])
@pytest.mark.usefixtures("data", "earlier", "undrawn")
def test_a_disk_that_is_full_while_writing(home, monkeypatch, name):
    full_for(monkeypatch, name)
    says(run_refusal(home, "--k", "2", "--min-size", "1", "--overwrite"))


def test_a_disk_that_is_full_while_the_report_is_written_again(home, plain_run, monkeypatch):
    mkdir = Path.mkdir

    def make(path, *words, **options):
        if path.name == "figures":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        mkdir(path, *words, **options)

    shutil.copytree(plain_run.folder, "run")
    monkeypatch.setattr(Path, "mkdir", make)
    says(refusal(home, "report", "run"))


def test_a_report_of_no_run(home):
    says(refusal(home, "report", "run"))


def test_a_report_of_another_version(home):
    (home / "run").mkdir()
    (home / "run" / "summary.json").write_text('{"schema_version": 9}')
    says(refusal(home, "report", "run"))


@pytest.mark.parametrize(
    "words",
    [
        ["--users", "0"],
        ["--seed", "-1"],
        ["--null", "--drift", "0.2"],
    ],
)
def test_data_that_cannot_be_generated(home, words):
    shows(refusal(home, "data", "generate", "new", *words))


def test_generated_data_never_replace_real_data(home, data):
    text = refusal(home, "data", "generate", "data", "--users", "10")
    shows(text)


def test_a_demo_never_replaces_real_data(home):
    (home / "demo").mkdir()
    write_taobao(home / "demo" / "data", log=LOG)
    says(refusal(home, "demo", "--out", "demo", "--users", "50"))


@pytest.mark.parametrize(
    "words",
    [
        ["run", "absent", "--json"],
        ["run", "data", "--json", "--k", "many"],
        ["run", "data", "--bogus", "--json"],
        ["score", "absent", "data", "--json"],
        ["data", "check", "absent", "--json"],
        ["data", "generate", "new", "--users", "0", "--json"],
        ["demo", "--users", "0", "--out", "new", "--json"],
    ],
)
def test_machines_get_the_error_as_one_json_document(home, words):
    answer = segmentry(*words)

    assert (answer.code, answer.err) == (2, "")
    document = json.loads(answer.out)
    assert list(document) == ["error"]
    assert document["error"]
    assert list(home.iterdir()) == []
