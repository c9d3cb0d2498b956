"""Libraries are loaded in a thread that an interrupt ends, whenever it comes."""

import threading

import pytest

from segmentry.runtime.preload import preloading


def test_an_interrupt_while_the_loading_starts_leaves_no_thread_behind(monkeypatch):
    known, start = set(threading.enumerate()), threading.Thread.start

    def start_and_interrupt(thread):
        start(thread)
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", start_and_interrupt)
    with pytest.raises(KeyboardInterrupt), preloading(["json", "csv"] * 20_000):
        raise AssertionError("the context is not entered")  # pragma: no cover

    assert set(threading.enumerate()) == known
