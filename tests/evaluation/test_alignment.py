"""A refit keeps the numbers of the segments that it finds again, and tells what changed."""

import numpy as np
import pytest

from segmentry.evaluation.stability import align_ids


def blocks(*cells):
    """Ids of users from (old, new, number of users)."""
    old = np.concatenate([np.full(n, o) for o, _, n in cells])
    new = np.concatenate([np.full(n, i) for _, i, n in cells])
    return old, new


def text(alignment):
    return [(each.kind, each.old_ids, each.new_ids) for each in alignment.events]


def test_a_permutation_is_undone():
    old, new = blocks((1, 3, 50), (2, 1, 30), (3, 2, 20))

    aligned = align_ids(old, new)

    assert aligned.new_number == (2, 3, 1)
    np.testing.assert_array_equal(aligned.renumber(new), old)
    assert text(aligned) == [("kept", (i,), (i,)) for i in (1, 2, 3)]
    assert [each.jaccard for each in aligned.events] == [1.0, 1.0, 1.0]


def test_the_matching_is_optimal_not_greedy():
    # Greedy takes 60 first and leaves 5: 65 users; the other way keeps 55 + 50.
    old, new = blocks((1, 1, 60), (1, 2, 55), (2, 1, 50), (2, 2, 5))

    assert align_ids(old, new).new_number == (2, 1)


def test_a_split_is_told_with_its_shares():
    old, new = blocks((1, 1, 60), (1, 2, 40), (2, 3, 50))

    aligned = align_ids(old, new)

    assert aligned.new_number == (1, 3, 2)
    assert text(aligned) == [
        ("kept", (1,), (1,)),
        ("kept", (2,), (2,)),
        ("split", (1,), (1, 3)),
        ("new", (1,), (3,)),
    ]
    split = aligned.events[2]
    assert (split.n_users, split.shares) == (100, (0.6, 0.4))


def test_a_merger_and_what_vanished_are_told():
    old, new = blocks((1, 1, 60), (2, 1, 40), (3, 2, 50))

    aligned = align_ids(old, new)

    # Segment 3 lives on, but there are two segments now: it takes the free number 2.
    assert aligned.new_number == (1, 2)
    assert text(aligned) == [
        ("kept", (1,), (1,)),
        ("kept", (3,), (2,)),
        ("merged", (1, 2), (1,)),
        ("vanished", (2,), (1,)),
    ]
    assert aligned.events[2].shares == (0.6, 0.4)


def test_a_tiny_overlap_is_no_match():
    old, new = blocks((1, 1, 95), (2, 2, 3), (1, 2, 97))

    kinds = [each.kind for each in align_ids(old, new).events]

    assert kinds == ["kept", "split", "new", "vanished"]


def test_users_of_one_fit_only_take_no_part():
    old, new = blocks((1, 1, 10), (0, 2, 99), (2, 0, 99), (2, 2, 5))

    aligned = align_ids(old, new)

    assert aligned.n_users == 15
    assert aligned.new_number == (1, 2)
    assert aligned.renumber(np.array([0])).tolist() == [0]


def test_segments_without_common_users_are_new_and_vanished():
    old, new = blocks((1, 1, 10), (2, 0, 5), (0, 2, 7))

    aligned = align_ids(old, new)

    assert text(aligned) == [("kept", (1,), (1,)), ("new", (), (2,)), ("vanished", (2,), ())]
    assert aligned.new_number == (1, 2)


@pytest.mark.parametrize(("n_old", "n_new"), [(3, 5), (5, 3), (4, 4)])
def test_numbers_are_a_permutation_of_one_to_k(n_old, n_new):
    for seed in range(30):
        rng = np.random.default_rng(seed)
        old, new = rng.integers(0, n_old + 1, 200), rng.integers(0, n_new + 1, 200)

        aligned = align_ids(old, new, n_old=n_old, n_new=n_new)

        assert sorted(aligned.new_number) == list(range(1, n_new + 1))
