"""What became of each segment, and who moved: by what users did, or by another fit."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from segmentry.evaluation.stability import Alignment, align_ids, contingency
from segmentry.lifecycle.keys import SegmentKeys, carried_keys
from segmentry.lifecycle.records import ChangeKind, Flow, Moves, SegmentChange
from segmentry.privacy import hidden_segments, hidden_table, is_small
from segmentry.schema import UNASSIGNED, Window
from segmentry.schema.arrays import IntMatrix, IntVector

MIN_JACCARD = 0.5
"""A segment that shares fewer users with the earlier one is another segment.

At 0.5 and below a cluster counts as dissolved (Hennig 2007, Computational Statistics & Data
Analysis 52, 258-271), and above it no two segments can be found again in one.
"""
_LARGE = 0.25
"""Share of a segment's users that makes another its parent."""


@dataclass(frozen=True, slots=True, eq=False)
class Refit:
    """Another fit of the same users, held against the segments of an earlier model."""

    keys: SegmentKeys
    """Of the refit."""
    segments: tuple[SegmentChange, ...]
    table: IntMatrix
    """Shape (1 + n_old, 1 + n_new). Users by both ids, 0 for those that belong to no segment."""

    @property
    def is_same(self) -> bool:
        """Whether every segment is found again, and there is no other."""
        return all(each.kind == "kept" for each in self.segments)


def compare_refit(
    before: SegmentKeys,
    names: Sequence[str],
    kept_ids: IntVector,
    refit_ids: IntVector,
    *,
    n_new: int,
    window: Window,
    min_size: int,
    members: IntVector | None = None,
) -> Refit:
    """Say what a refit makes of the segments of a model.

    Parameters
    ----------
    before : SegmentKeys
    names : sequence of str
        `before`, `names`: of the model's segments.
    kept_ids, refit_ids : ndarray of int, shape (n_users,)
        Ids of the same users by the model and by the refit; 0 where a user belongs to none.
    n_new : int
        Segments of the refit.
    members : ndarray of int, shape (n_users,), optional
        Where the users are, if not where the model alone puts them: they make the sizes of its
        segments.

    Examples
    --------
    >>> keys = SegmentKeys(segmentation="s", keys=("kaaa", "kbbb"), parents=((), ()))
    >>> old, new = np.repeat([1, 1, 2], 10), np.repeat([2, 3, 1], 10)
    >>> june = Window(start=0, end=86400)
    >>> found = compare_refit(keys, ("A", "B"), old, new, n_new=3, window=june, min_size=1)
    >>> [(each.kind, each.jaccard, each.parents) for each in found.segments]
    [('kept', 0.5, ()), ('kept', 1.0, ()), ('split', None, ('kaaa',))]
    """
    n_old = len(before.keys)
    alignment = align_ids(kept_ids, refit_ids, n_old=n_old, n_new=n_new)
    jaccards = _jaccards(alignment)
    again = {old: new for old, new in alignment.found_again.items() if old in jaccards}
    table = np.zeros((1 + n_old, 1 + n_new), dtype=np.int64)
    counted = contingency(kept_ids, refit_ids).astype(np.int64)
    table[: counted.shape[0], : counted.shape[1]] = counted
    into, out_of = _large(table[1:, 1:].T), _large(table[1:, 1:])
    parents = tuple(tuple(before.keys[place] for place in each) for each in into)
    keys = carried_keys(before, again, parents=parents, window=window)
    sizes, new_sizes = (
        [
            None if is_hidden else int(n_users)
            for n_users, is_hidden in zip(
                each, hidden_segments(each, min_size=min_size), strict=True
            )
        ]
        for each in (
            np.bincount(kept_ids if members is None else members, minlength=1 + n_old)[1:],
            table.sum(axis=0)[1:],
        )
    )
    found = [
        SegmentChange(
            key=key,
            name=name,
            kind="kept" if place + 1 in again else "gone",
            n_users=sizes[place],
            jaccard=jaccards.get(place + 1),
            parents=() if place + 1 in again else tuple(keys.keys[j] for j in out_of[place]),
        )
        for place, (key, name) in enumerate(zip(before.keys, names, strict=True))
    ]
    found += [
        SegmentChange(
            key=keys.keys[place],
            name="",
            kind=_kind(parents[place], before, out_of, place),
            n_users=new_sizes[place],
            parents=parents[place],
        )
        for place in range(n_new)
        if place + 1 not in again.values()
    ]
    return Refit(keys, tuple(found), table)


def _jaccards(alignment: Alignment) -> dict[int, float]:
    """Return the Jaccard index of each earlier segment that is the same one in the refit."""
    return {
        event.old_ids[0]: event.jaccard
        for event in alignment.events
        if event.kind == "kept" and event.jaccard is not None and event.jaccard >= MIN_JACCARD
    }


def _large(table: IntMatrix) -> list[tuple[int, ...]]:
    """Return of each row the columns with a quarter of its users, the largest first."""
    return [
        tuple(int(j) for j in np.argsort(-row, kind="stable") if 0 < _LARGE * row.sum() <= row[j])
        for row in table
    ]


def _kind(
    parents: tuple[str, ...], before: SegmentKeys, out_of: list[tuple[int, ...]], place: int
) -> ChangeKind:
    """Name a new segment by how many of its parents gave it a quarter of their own users."""
    givers = [key for key in parents if place in out_of[before.keys.index(key)]]
    if len(givers) > 1:
        return "merged"
    return "split" if givers else "born"


def count_moves(
    earlier: pl.DataFrame,
    users: pl.Series,
    kept_ids: IntVector,
    refit: Refit,
    *,
    before: SegmentKeys,
    min_size: int,
    luck: float | None = None,
) -> Moves:
    """Count who moved, by users and by the model.

    `earlier` has ``user_id, segment_id`` of the earlier window, `kept_ids` the ids of `users` in
    the new window by the same model. `luck` is the share of users that would move if all kept
    their habits.

    Raises pl.exceptions.PolarsError if ids are numbers in one window and text in the other.
    """
    n = len(before.keys)
    now = pl.DataFrame({"user_id": users, "now": kept_ids})
    both = earlier.select("user_id", then="segment_id").join(now, on="user_id", how="full")
    then, later = (both[name].fill_null(UNASSIGNED).to_numpy() for name in ("then", "now"))
    table = np.zeros((1 + n, 1 + n), dtype=np.int64)
    np.add.at(table, (then, later), 1)
    by_users = table[1:, 1:]
    same = [
        (place, refit.keys.keys.index(key))
        for place, key in enumerate(before.keys)
        if key in refit.keys.keys
    ]
    by_model = refit.table[1:, 1:]
    n_stayed = sum(int(by_model[pair]) for pair in same)

    def shown(n_users: float) -> int | None:
        return None if is_small(int(n_users), min_size=min_size) else int(n_users)

    return Moves(
        n_both=shown(by_users.sum()),
        n_new=shown(table[0, 1:].sum()),
        n_absent=shown(table[1:, 0].sum()),
        n_placed=shown(by_model.sum()),
        n_by_users=shown(by_users.sum() - np.trace(by_users)),
        n_by_model=shown(by_model.sum() - n_stayed),
        n_by_luck=None if luck is None else shown(round(luck * by_users.sum())),
        by_users=_flows(by_users, before.keys, before.keys, min_size=min_size),
        by_model=_flows(by_model, before.keys, refit.keys.keys, min_size=min_size),
    )


def _flows(
    table: IntMatrix, rows: Sequence[str], columns: Sequence[str], *, min_size: int
) -> tuple[Flow, ...]:
    totals = np.concatenate([table.sum(axis=0), table.sum(axis=1)])
    if ((totals > 0) & (totals < min_size)).any():
        is_hidden = np.ones(table.shape, dtype=bool)
    else:
        is_hidden = hidden_table(table, min_size=min_size)
    return tuple(
        Flow(row, column, None if is_hidden[i, j] else int(table[i, j]))
        for i, row in enumerate(rows)
        for j, column in enumerate(columns)
        if table[i, j]
    )
