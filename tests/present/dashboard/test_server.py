"""Starting the dashboard: what is refused, in a sentence that tells what to do."""

import socket
from pathlib import Path

import pytest
from tests.pipeline.runs import segmentry
from tests.texts import raises_text, shows

from segmentry.errors import ConfigError
from segmentry.present.dashboard._server import Door, open_door


def test_a_port_that_is_taken_is_told(run_dir):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        answer = segmentry("dashboard", run_dir, "--port", port)

    assert answer.code == 2
    shows(answer.err.replace(str(port), "PORT"))


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.0.2.1", "example.com"])
def test_an_address_that_others_reach_needs_a_password(run_dir, address):
    answer = segmentry("dashboard", run_dir, "--address", address, "--port", "0")

    assert answer.code == 2
    shows(answer.err)


@pytest.mark.parametrize(
    "words",
    [
        ["--password-env", "NOT_SET_ANYWHERE"],
        ["--password-file", "/nowhere/password"],
        ["--password-env", "A", "--password-file", "b"],
    ],
)
def test_a_password_that_cannot_be_had_is_told(run_dir, words):
    answer = segmentry("dashboard", run_dir, "--port", "0", *words)

    assert answer.code == 2
    shows(answer.err)


def test_a_short_password_is_refused():
    with raises_text(ConfigError):
        open_door(Door(password="1234567"))


def test_the_password_is_the_first_line_of_its_file(run_dir, tmp_path):
    file = tmp_path / "password"
    file.write_text("short\nand more\n")

    answer = segmentry("dashboard", run_dir, "--port", "0", "--password-file", file)

    assert "5 characters" in answer.err


@pytest.mark.parametrize(
    "content",
    [
        *("\ufeffshort\r\n", "short  \n", "  short", "short\t\r\nmore", "\ufeff\ufeffshort\n"),
        *("\n \nshort\n", "short\u200b\n", "\u00a0short\u3000"),
    ],
)
def test_marks_and_blanks_around_a_password_are_not_of_it(run_dir, tmp_path, monkeypatch, content):
    file = tmp_path / "password"
    file.write_bytes(content.encode())
    monkeypatch.setenv("OURS", content)

    for source in (("--password-file", file), ("--password-env", "OURS")):
        answer = segmentry("dashboard", run_dir, "--port", "0", *source)

        assert "5 characters" in answer.err


@pytest.mark.parametrize("content", [b"x" * 5000, b"a\0b", b"\xff\xfea"])
def test_what_is_no_password_file_is_refused(run_dir, tmp_path, content):
    file = tmp_path / "password"
    file.write_bytes(content)

    answer = segmentry("dashboard", run_dir, "--port", "0", "--password-file", file)

    assert (answer.code, str(file) in answer.err) == (2, True)


def test_a_password_file_that_is_not_utf_8_is_refused_with_what_to_do(run_dir, tmp_path):
    file = tmp_path / "password"
    file.write_bytes("correct horse".encode("utf-16"))

    answer = segmentry("dashboard", run_dir, "--port", "0", "--password-file", file)

    assert answer.err.endswith("not UTF-8 text; save the password file as UTF-8\n")


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no /dev/zero")
def test_a_password_file_without_an_end_is_refused(run_dir):
    answer = segmentry("dashboard", run_dir, "--port", "0", "--password-file", "/dev/zero")

    assert (answer.code, "/dev/zero: not a password file" in answer.err) == (2, True)


def test_a_password_file_that_every_user_can_read_is_warned_of(run_dir, tmp_path):
    file = tmp_path / "password"
    file.write_text("short")
    file.chmod(0o644)

    answer = segmentry("dashboard", run_dir, "--port", "0", "--password-file", file)

    assert f"chmod 600 {file}" in answer.err


def test_a_folder_that_is_no_run_is_told(tmp_path):
    answer = segmentry("dashboard", tmp_path)

    assert answer.code == 2
    assert "expected a run folder" in answer.err


def test_without_the_extra_the_command_to_install_it_is_told(run_dir, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "streamlit", None)
    answer = segmentry("dashboard", run_dir)

    assert answer.code == 2
    shows(answer.err)
