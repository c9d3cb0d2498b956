"""Sockets of the dashboard and the service."""

import socket

from segmentry.runtime.web import address_of, open_socket


def test_small_answers_are_sent_at_once():
    """Of a socket with another protocol asyncio leaves Nagle's algorithm on: 40 ms an answer."""
    with open_socket("::1", 0, secret=None, what="token", min_length=1, options="") as listening:
        assert listening.proto == socket.IPPROTO_TCP
        assert address_of(listening) == f"http://[::1]:{listening.getsockname()[1]}"
