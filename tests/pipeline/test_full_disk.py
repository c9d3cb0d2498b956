"""A disk that is full, or would be, is told in one line; nothing half-written is left."""

import shutil
import subprocess
import sys

import pytest
from tests.texts import raises_text, says

from segmentry.datasets import GeneratorOptions, generate_taobao
from segmentry.errors import EngineError, OutputError
from segmentry.ingest.engines import open_engine
from segmentry.ingest.room import BYTES_PER_ROW
from segmentry.ingest.sources import find_source
from segmentry.pipeline import prepare, run
from segmentry.runtime.memory import require_room

PATIENCE = 300


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    options = GeneratorOptions(n_users=3000, seed=1, behaviours=True, behaviour_rows_per_user=100)
    return generate_taobao(tmp_path_factory.mktemp("data") / "d", options).directory


@pytest.fixture
def small_disk(tmp_path):
    """A file system of half a megabyte; it takes root and tmpfs."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount, unmount = shutil.which("mount"), shutil.which("umount")
    if mount is None or unmount is None:
        pytest.skip("no mount command here")
    words = [mount, "-t", "tmpfs", "-o", "size=512k", "tmpfs", disk]
    mounted = subprocess.run(words, capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no right to mount a small file system: {mounted.stderr.decode().strip()}")
    yield disk
    # An engine may close its last file a moment later; the mount is gone for everybody else.
    subprocess.run([unmount, "--lazy", disk], check=True)


def test_a_disk_that_fills_while_a_log_is_split_is_one_line(data, small_disk, engine_name):
    engine = open_engine(engine_name, scratch=small_disk)
    try:
        with pytest.raises(EngineError) as text:
            engine.split_log(
                find_source(data, None).behaviours,
                small_disk / "parts",
                n_parts=3,
                exclude={},
                keep_users=None,
                on_progress=lambda _done, _total: None,
            )
    finally:
        engine.close()

    says(str(text.value))


def test_a_run_asks_for_room_before_it_begins(data, small_disk, tmp_path):
    with pytest.raises(OutputError) as text:
        run(data, tmp_path / "run", temp=str(small_disk), k=2)

    says(str(text.value))
    assert list(small_disk.iterdir()) == []
    assert not (tmp_path / "run").exists()


def test_a_preparation_asks_for_room_before_it_begins(data, small_disk):
    with raises_text(OutputError):
        prepare(data, out=small_disk / "prepared")

    assert not (small_disk / "prepared").exists()


def test_what_is_asked_for_is_at_least_what_is_written(data, engine, tmp_path):
    log = find_source(data, None).behaviours
    split = engine.split_log(
        log,
        tmp_path / "parts",
        n_parts=2,
        exclude={},
        keep_users=None,
        on_progress=lambda _done, _total: None,
    )
    written = sum(file.stat().st_size for file in (tmp_path / "parts").rglob("*.parquet"))

    assert written <= split.account.n_read * BYTES_PER_ROW <= 3 * written


def test_room_that_is_there_is_no_error(tmp_path):
    require_room(tmp_path, 1, remedy="none")


LIMITED = (
    "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000));"
    "sys.argv = ['segmentry', *sys.argv[1:]]; from segmentry.cli import main; main()"
)


@pytest.mark.parametrize(
    "words", [("run", "{data}", "--out", "{out}"), ("data", "prepare", "{data}", "--out", "{out}")]
)
def test_a_quota_that_is_reached_in_the_middle_is_one_line(words, data, tmp_path):
    out = tmp_path / "out"
    asked = [word.format(data=data, out=out) for word in words]

    ended = subprocess.run(
        [sys.executable, "-c", LIMITED, *asked],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )

    assert ended.returncode == 2
    assert ended.stderr.startswith("segmentry: ")
    assert "File too large" in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert not out.exists()


def test_a_preparation_goes_on_once_there_is_room(data, tmp_path):
    out = tmp_path / "out"
    subprocess.run(
        [sys.executable, "-c", LIMITED, "data", "prepare", str(data), "--out", str(out)],
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (tmp_path / ".out.preparing").is_dir()

    made = prepare(data, out=out)

    assert {each.role for each in made.accounts} == {
        "impressions",
        "profiles",
        "ads",
        "behaviours",
    }
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
