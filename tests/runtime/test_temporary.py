"""Temporary folders of dead processes are removed by the next one, those of the living stay."""

import signal
import subprocess
import sys

import pytest

from segmentry.runtime.temporary import temporary_folder

HOLD = (
    "import sys; from pathlib import Path\n"
    "from segmentry.runtime.temporary import temporary_folder\n"
    "with temporary_folder(Path(sys.argv[1])) as folder:\n"
    "    (folder / 'rows').write_text('x'); print(folder, flush=True); sys.stdin.read()"
)


@pytest.fixture
def holder(tmp_path):
    """A process that holds a temporary folder until it is ended."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    process.stdout.readline()
    yield process
    process.kill()
    process.communicate()


def test_what_a_killed_process_left_is_removed(holder, tmp_path):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    (left,) = tmp_path.iterdir()
    assert (left / "rows").exists()

    with temporary_folder(tmp_path) as folder:
        assert list(tmp_path.iterdir()) == [folder]
    assert list(tmp_path.iterdir()) == []


def test_what_a_living_process_holds_stays(holder, tmp_path):
    (held,) = tmp_path.iterdir()

    with temporary_folder(tmp_path) as folder:
        assert sorted(tmp_path.iterdir()) == sorted([held, folder])
    assert (held / "rows").exists()


def test_folders_of_others_stay(tmp_path):
    (tmp_path / ".segmentry-mine.temporary").mkdir()

    with temporary_folder(tmp_path):
        pass

    assert [path.name for path in tmp_path.iterdir()] == [".segmentry-mine.temporary"]
