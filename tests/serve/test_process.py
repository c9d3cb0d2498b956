"""The service as a process: started, asked, ended; what it began it answers."""

import contextlib
import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from tests.pipeline.runs import segmentry
from tests.serve.test_service import USER
from tests.texts import says

BODY = json.dumps({"users": [USER]}).encode()
HEAD = (
    b"POST /score HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n" % len(BODY)
)


@contextlib.contextmanager
def served(run):
    """Return the process that serves a run, and its port."""
    words = [sys.executable, "-m", "segmentry", "serve", str(run.folder), "--port", "0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            yield process, int(process.stdout.readline().split()[1].rpartition(b":")[2])
        finally:
            process.kill()


def megabytes(process):
    """Return the most memory that a process has had."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024


@pytest.fixture
def many_files():
    """Leave to open a thousand connections."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4_096, before[1]), before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.usefixtures("many_files")
def test_a_thousand_clients_a_slow_one_and_a_giant_lose_nothing(plain_run):
    with served(plain_run) as (process, port), contextlib.ExitStack() as opened:

        def connect():
            return opened.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))

        slow, giant = connect(), connect()
        clients = [connect() for _ in range(1_000)]
        slow.sendall(HEAD + BODY[:10])  # it has ten seconds from here on
        for client in clients:
            client.sendall(HEAD.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") + BODY)
        answers = [b"".join(iter(lambda c=client: c.recv(65_536), b"")) for client in clients]
        before = megabytes(process)
        giant.sendall(
            b"POST /score HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        n_sent = 0
        with contextlib.suppress(OSError):
            while n_sent < 1_000:
                giant.sendall(b"100000\r\n" + b" " * 2**20 + b"\r\n")
                n_sent += 1
        grown = megabytes(process) - before
        slow.sendall(BODY[10:])
        answer = slow.recv(65_536)

    assert [each.split()[1] for each in answers] == [b"200"] * 1_000
    assert {each.partition(b"\r\n\r\n")[2] for each in answers} == {
        answers[0].partition(b"\r\n\r\n")[2]
    }
    assert n_sent < 100  # of 1,000 MB
    assert grown < 100
    assert b"200 OK" in answer


def test_a_request_that_is_under_way_at_a_signal_is_answered(plain_run):
    with served(plain_run) as (process, port):
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
