"""Connections that do not go on are ended, and one address holds a few of them only."""

import contextlib
import socket
import threading

import pytest

uvicorn = pytest.importorskip("uvicorn")
from segmentry.runtime import web_server  # noqa: E402


class Held:
    """A connection on which nothing arrives; `cycle` is its request, where there is one."""

    timeout_keep_alive_task = None

    def __init__(self, address, cycle=None):
        self.client, self.cycle, self.is_ended = (address, 1), cycle, False
        self.transport = self

    def get_write_buffer_size(self):
        return 0

    def abort(self):
        self.is_ended = True


def ended(monkeypatch, connections, *, seconds=(0,)):
    server = web_server.Server(uvicorn.Config(lambda: None), max_seconds=100)
    server.server_state.connections = set(connections)
    for at in seconds:
        monkeypatch.setattr(web_server.time, "monotonic", lambda at=at: float(at))
        server._end_slow()
    return [each for each in connections if each.is_ended]


def test_an_address_holds_32_silent_connections(monkeypatch):
    guesser = [Held("10.0.0.1") for _ in range(300)]
    other = [Held("10.0.0.2")]

    gone = ended(monkeypatch, [*guesser, *other], seconds=(0, 1))

    assert len(gone) == 300 - 32
    assert not other[0].is_ended


def test_a_client_may_open_many_connections_before_it_sends(monkeypatch):
    assert ended(monkeypatch, [Held("10.0.0.1") for _ in range(1_000)]) == []


def test_a_silent_connection_is_ended_after_ten_seconds_and_a_request_later(monkeypatch):
    silent, busy = Held("10.0.0.1"), Held("10.0.0.1", cycle=object())

    assert ended(monkeypatch, [silent, busy], seconds=(0, 9)) == []
    assert ended(monkeypatch, [silent, busy], seconds=(0, 11)) == [silent]
    assert ended(monkeypatch, [busy], seconds=(0, 101)) == [busy]


class Socket(Held):
    """A WebSocket, which has no cycle, and whether its handshake was answered."""

    def __init__(self, address, *, handshake_complete):
        super().__init__(address)
        del self.cycle
        self.handshake_complete = handshake_complete


def test_an_open_websocket_is_left_alone_and_a_handshake_without_answer_is_not(monkeypatch):
    known, held = (Socket("10.0.0.1", handshake_complete=each) for each in (True, False))
    unknown = type("Socket", (), {"is_ended": False})()

    assert ended(monkeypatch, [known, held, unknown], seconds=(0, 9)) == []
    assert ended(monkeypatch, [known, held, unknown], seconds=(0, 11, 1000)) == [held]


def test_a_handshake_that_cannot_be_read_holds_no_connection(monkeypatch):
    """uvicorn 0.54 with websockets 17.4 neither answers nor ends it."""
    monkeypatch.setattr(web_server, "_SECONDS_TO_ASK", 0.5)
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(lambda: None, lifespan="off", log_config=None, ws_ping_interval=20)
    server = web_server.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        with socket.create_connection(listening.getsockname(), timeout=30) as client:
            lines = ("GET / HTTP/1.1", "Host: a", "Connection: Upgrade", "Upgrade: websocket")
            keys = ("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13")
            client.sendall("\r\n".join((*lines, *keys, "Origin: \x7f", "", "")).encode())

            with contextlib.suppress(ConnectionResetError):
                assert client.recv(100) == b""
    finally:
        server.should_exit = True
        thread.join()
