"""Temporary folders of dead processes are removed by the next one, those of the living stay."""

import os
import signal
import subprocess
import sys

import pytest

from segmentry.errors import OutputError
from segmentry.runtime import temporary
from segmentry.runtime.temporary import own_folder, temporary_folder, written_whole

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


def test_a_link_in_the_place_of_a_folder_of_work_is_not_followed(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in (".data.preparing", ".data.other"):
        (tmp_path / name).symlink_to(elsewhere)

    with pytest.raises(FileExistsError, match="a link, or not your own; remove it"):
        own_folder(tmp_path / ".data.preparing")
    assert list(elsewhere.iterdir()) == []


def test_a_folder_of_somebody_else_is_not_taken_up(tmp_path, monkeypatch):
    (tmp_path / "work").mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)

    with pytest.raises(FileExistsError):
        own_folder(tmp_path / "work")


def test_a_file_that_is_written_whole_follows_no_link_of_its_own_name(tmp_path, monkeypatch):
    monkeypatch.setattr(temporary.secrets, "token_hex", lambda _: "0" * 16)
    (tmp_path / f".x.{'0' * 16}.partial").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(OutputError), written_whole(tmp_path / "x") as partial:
        partial.write_text("secret")
    assert not (tmp_path / "elsewhere").exists()
