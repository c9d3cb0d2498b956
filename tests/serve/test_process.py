"""The service as a process: started, asked, ended; what it began it answers."""

import json
import os
import signal
import socket
import subprocess
import sys

import pytest
from tests.pipeline.runs import segmentry
from tests.serve.test_service import USER
from tests.texts import says

BODY = json.dumps({"users": [USER]}).encode()
HEAD = (
    b"POST /score HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n" % len(BODY)
)


def test_a_request_that_is_under_way_at_a_signal_is_answered(plain_run):
    words = [sys.executable, "-m", "segmentry", "serve", str(plain_run.folder), "--port", "0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        port = int(process.stdout.readline().split()[1].rpartition(b":")[2])
        with (
            socket.create_connection(("127.0.0.1", port)) as idle,
            socket.create_connection(("127.0.0.1", port)) as asking,
        ):
            asking.sendall(HEAD + BODY[:10])
            idle.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            answer = idle.recv(1_000)
            while not answer.endswith(b"}"):
                answer += idle.recv(1_000)
            os.kill(process.pid, signal.SIGTERM)
            assert idle.recv(1_000) == b""  # it has begun to end
            asking.sendall(BODY[10:])
            answer = b"".join(iter(lambda: asking.recv(65_536), b""))
        out, err = process.communicate(timeout=10)

    assert b"200 OK" in answer
    assert b'"segment_id":' in answer
    assert (process.returncode, out, err) == (0, b"", b"")


@pytest.mark.parametrize(
    ("words", "token"),
    [
        (["--address", "0.0.0.0"], None),
        (["--token-env", "NOT_SET_ANYWHERE"], None),
        (["--token-env", "TOKEN"], "a short one"),
    ],
)
def test_others_get_in_with_a_token_only(plain_run, words, token, monkeypatch):
    if token:
        monkeypatch.setenv("TOKEN", token)

    answer = segmentry("serve", plain_run.folder, "--port", "0", *words)

    assert answer.code == 2
    says(answer.err)


def test_without_the_extra_the_command_to_install_it_is_reported(plain_run, monkeypatch):
    monkeypatch.setitem(sys.modules, "fastapi", None)

    answer = segmentry("serve", plain_run.folder)

    assert answer.code == 2
    says(answer.err)


def test_a_folder_that_is_no_run_is_reported(tmp_path):
    answer = segmentry("serve", tmp_path, "--port", "0")

    assert answer.code == 2
    assert "bundle.json" in answer.err
