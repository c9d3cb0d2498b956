"""What became of segments and who moved, against counts made by hand."""

import numpy as np
import polars as pl
import pytest

from segmentry.evaluation.later_days import AddedGain
from segmentry.lifecycle.changes import compare_refit, count_moves
from segmentry.lifecycle.decision import decide_model
from segmentry.lifecycle.keys import SegmentKeys
from segmentry.lifecycle.records import Flow
from segmentry.schema import UNKNOWN, Estimate, Window

JUNE = Window(start=0, end=86_400)
KEYS = SegmentKeys(segmentation="s", keys=("kaaa", "kbbb", "kccc"), parents=((), (), ()))


def compared(*cells, n_new, min_size=1):
    """Compare fits given as (old id, new id, users)."""
    old = np.repeat([each[0] for each in cells], [each[2] for each in cells])
    new = np.repeat([each[1] for each in cells], [each[2] for each in cells])
    return compare_refit(
        KEYS, ("A", "B", "C"), old, new, n_new=n_new, window=JUNE, min_size=min_size
    )


def fates(refit):
    return {each.name or "new": (each.kind, each.parents) for each in refit.segments}


def test_renumbered_segments_keep_their_keys():
    refit = compared((1, 3, 100), (2, 1, 80), (3, 2, 60), n_new=3)

    assert refit.keys.keys == ("kbbb", "kccc", "kaaa")
    assert refit.is_same
    assert [each.jaccard for each in refit.segments] == [1.0, 1.0, 1.0]


def test_the_larger_part_of_a_split_keeps_the_key_and_is_parent_of_the_other():
    refit = compared((1, 1, 70), (1, 4, 30), (2, 2, 80), (3, 3, 60), n_new=4)

    assert fates(refit)["new"] == ("split", ("kaaa",))
    assert refit.keys.keys[:3] == KEYS.keys
    assert refit.keys.parents[3] == ("kaaa",)
    assert refit.segments[0].jaccard == 0.7


def test_the_larger_of_two_that_are_put_together_keeps_its_key():
    refit = compared((1, 1, 50), (2, 1, 51), (3, 2, 60), n_new=2)

    found = fates(refit)
    assert found == {"A": ("gone", ("kbbb",)), "B": ("kept", ()), "C": ("kept", ())}
    assert refit.segments[1].jaccard == 51 / 101


def test_a_third_of_each_of_three_is_merged_and_all_are_gone():
    refit = compared((1, 1, 50), (2, 1, 50), (3, 1, 50), n_new=1)

    assert [each.kind for each in refit.segments] == ["gone", "gone", "gone", "merged"]
    assert refit.segments[3].parents == KEYS.keys
    assert refit.keys.retired == KEYS.keys
    assert not refit.is_same


def test_a_segment_of_a_few_of_everybody_is_born():
    cells = [(i, i, 900) for i in (1, 2, 3)] + [(1, 4, 90), (2, 4, 90), (3, 4, 90)]

    refit = compared(*cells, n_new=4)

    assert fates(refit)["new"] == ("born", KEYS.keys)  # none of them gave it a quarter of its own
    assert refit.segments[0].kind == "kept"


def test_few_users_are_not_shown_nor_those_of_the_largest_whose_profile_holds_them():
    refit = compared((1, 1, 100), (2, 2, 80), (3, 3, 9), n_new=3, min_size=10)

    assert [each.n_users for each in refit.segments] == [None, 80, None]


def test_moves_by_users_and_by_the_model_are_apart():
    earlier = pl.DataFrame({"user_id": [1, 2, 3, 4, 5], "segment_id": [1, 1, 2, 3, 0]})
    users, kept = pl.Series([1, 2, 3, 5, 6]), np.array([1, 2, 2, 3, 3])
    refit = compare_refit(
        KEYS, "ABC", kept, np.array([1, 2, 1, 3, 3]), n_new=3, window=JUNE, min_size=1
    )

    moves = count_moves(earlier, users, kept, refit, before=KEYS, min_size=1)

    assert (moves.n_both, moves.n_new, moves.n_absent, moves.n_placed) == (3, 2, 1, 5)
    assert moves.n_by_users == 1  # user 2
    assert Flow("kaaa", "kbbb", 1) in moves.by_users
    assert sum(each.n_users for each in moves.by_model) == 5
    stayed = sum(each.n_users for each in moves.by_model if each.from_key == each.to_key)
    assert moves.n_by_model == 5 - stayed


def gain(low, kept, refit):
    value = Estimate(refit - kept, low, 1.0)
    return AddedGain(
        outcome="clicks",
        n_users=9,
        n_trials=9,
        n_events=9,
        kept_with=Estimate(refit, None, None),
        kept_without=Estimate(kept, None, None),
        nats_added=value,
    )


@pytest.mark.parametrize(
    ("found", "is_same", "choice"),
    [
        (gain(0.001, 0.40, 0.60), True, "refit"),
        (gain(0.001, 0.40, 0.60), False, "ask"),
        (gain(0.001, 0.40, 0.44), True, "keep"),  # certain, but little
        (gain(-0.001, 0.40, 0.60), False, "keep"),  # much, but not certain
        (None, True, "keep"),
        (None, False, "ask"),
        (AddedGain(outcome="clicks", n_users=0, n_trials=0, n_events=0), False, "keep"),
    ],
)
def test_the_rule(found, is_same, choice):
    assert decide_model(found, is_same=is_same).choice == choice
    assert decide_model(found, is_same=is_same, has_alarm=True).choice == "ask"
    for asked in ("keep", "refit"):
        overruled = decide_model(found, is_same=is_same, has_alarm=True, requested=asked)
        assert (overruled.choice, overruled.reason) == (asked, "asked for")
    assert UNKNOWN.value is None
