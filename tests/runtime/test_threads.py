"""Work on a few threads, each with one thread of arithmetic."""

import sys
import threading

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from segmentry.runtime.threads import do_together, map_in_threads, one_thread, prefetch


def test_a_call_within_a_thread_works_in_that_thread():
    def inner(_: int) -> int:
        return threading.get_ident()

    def outer(_: int) -> bool:
        return set(map_in_threads(inner, range(3))) == {threading.get_ident()}

    assert map_in_threads(outer, range(4)) == [True] * 4


def test_results_of_a_call_within_a_thread_are_reported_in_order():
    def outer(first: int) -> list[int]:
        seen: list[int] = []
        map_in_threads(lambda each: each + first, range(3), on_done=seen.append)
        return seen

    assert map_in_threads(outer, [0, 10]) == [[0, 1, 2], [10, 11, 12]]


def test_arithmetic_has_one_thread_within():
    import sklearn.cluster  # noqa: F401  # brings OpenMP

    def counts(_: int) -> set[int]:
        return {each["num_threads"] for each in threadpool_info()}

    with threadpool_limits(2):  # more than the suite itself has
        assert counts(0) == {2}
        assert map_in_threads(counts, range(3)) == [{1}] * 3


def test_libraries_that_come_later_are_held_to_one_thread_too(monkeypatch):
    with one_thread():
        pass
    import sklearn.cluster  # noqa: F401  # brings OpenMP, unless another test has

    monkeypatch.setitem(sys.modules, "_one_more", sys)
    with threadpool_limits(2):  # more than the suite itself has
        with one_thread():
            assert {each["num_threads"] for each in threadpool_info()} == {1}
        assert {each["num_threads"] for each in threadpool_info()} == {2}


def test_what_goes_wrong_in_a_thread_is_raised():
    def work(each: int) -> float:
        return 1 / each

    with pytest.raises(ZeroDivisionError):
        map_in_threads(work, [1, 0])


def test_two_pieces_of_work_are_done_at_once():
    meeting = threading.Barrier(2, timeout=30)

    assert do_together(meeting.wait, meeting.wait) in {(0, 1), (1, 0)}


def test_ahead_works_on_the_next_item_only():
    n_used, leads = 0, []

    def work(item):
        leads.append(item - n_used)
        return item

    found = []
    for result in prefetch(work, range(50)):
        found.append(result)
        n_used += 1

    assert found == list(range(50))
    assert max(leads) <= 1


def test_ahead_raises_what_work_raises_in_its_turn():
    coming = prefetch(lambda item: 1 // item, [1, 0, 1])

    assert next(coming) == 1
    with pytest.raises(ZeroDivisionError):
        next(coming)
    assert list(prefetch(abs, [])) == []
