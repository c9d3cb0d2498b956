"""Stable ids: a refit keeps the numbers of the segments that it finds again."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from segmentry.evaluation.stability._agreement import contingency, jaccards
from segmentry.schema import UNASSIGNED
from segmentry.schema.arrays import FloatVector, IntVector

EventKind = Literal["kept", "split", "merged", "new", "vanished"]

_SUBSTANTIAL = 0.25
_MIN_OVERLAP = 0.10


@dataclass(frozen=True, slots=True)
class SegmentEvent:
    """What became of segments from one fit to the next."""

    kind: EventKind
    old_ids: tuple[int, ...]
    new_ids: tuple[int, ...]
    """`old_ids`, `new_ids`: numbers before and after, aligned."""
    n_users: int
    """Users that the event is about: of the old segment if split or vanished, else of the new."""
    shares: tuple[float, ...]
    """Of these users, the share in each of the other side's segments, in their order."""
    jaccard: float | None
    """Of a kept pair."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """How to renumber the segments of a refit."""

    new_number: tuple[int, ...]
    """Aligned id of the refit's segment `i` at place `i - 1`."""
    events: tuple[SegmentEvent, ...]
    """Kept, split, merged, new, vanished; each by rising id."""
    n_users: int
    """Users that belong to a segment in both fits."""

    @property
    def found_again(self) -> dict[int, int]:
        """The refit's own id of each old segment that is kept.

        >>> align_ids(np.array([1, 1, 2]), np.array([2, 2, 1])).found_again
        {1: 2, 2: 1}
        """
        return {
            event.old_ids[0]: self.new_number.index(event.new_ids[0]) + 1
            for event in self.events
            if event.kind == "kept"
        }

    def renumber(self, segment_ids: IntVector) -> IntVector:
        """Return ids of the refit by their aligned numbers; 0 stays 0.

        >>> Alignment(new_number=(2, 1), events=(), n_users=0).renumber(np.array([0, 1, 2]))
        array([0, 2, 1])
        """
        table = np.array([UNASSIGNED, *self.new_number], dtype=np.int64)
        renumbered: IntVector = table[segment_ids]
        return renumbered


def align_ids(
    old_ids: IntVector,
    new_ids: IntVector,
    *,
    n_old: int | None = None,
    n_new: int | None = None,
    is_same_model: bool = False,
) -> Alignment:
    """Match the segments of a refit with the earlier ones and number them alike.

    The matching keeps as many users as possible under their old number. A pair that overlaps by
    less than a tenth (Jaccard) is not a match: the new segment is new. Numbers are always 1..K:
    where there are fewer segments than before, one whose number is above K takes a free one, and
    its "kept" event says so; new segments take what is left.

    Parameters
    ----------
    old_ids, new_ids : ndarray of int, shape (n_users,)
        Segments of the same users; 0 where a user belongs to none. Users with 0 in one of them
        take no part.
    n_old, n_new : int, optional
        Numbers of segments, where the last ones may hold no user of both.
    is_same_model : bool
        Equal numbers are the same segments, however many of their users moved.

    Notes
    -----
    Optimal assignment on the contingency table (Kuhn 1955; `scipy.optimize`). A segment is split
    where at least two new ones take a quarter of its users each, merged where at least two old
    ones bring a quarter of the new one's users each.

    Examples
    --------
    >>> old = np.array([1, 1, 1, 2, 2, 2])
    >>> aligned = align_ids(old, np.array([2, 2, 2, 1, 1, 1]))
    >>> aligned.new_number, [event.kind for event in aligned.events]
    ((2, 1), ['kept', 'kept'])
    >>> [event.kind for event in align_ids(old, np.ones(6, dtype=int)).events]
    ['kept', 'merged', 'vanished']
    """
    from scipy.optimize import linear_sum_assignment

    is_both = (old_ids != UNASSIGNED) & (new_ids != UNASSIGNED)
    n_old = int(old_ids.max(initial=0)) if n_old is None else n_old
    n_new = int(new_ids.max(initial=0)) if n_new is None else n_new
    table = np.zeros((n_old, n_new))
    counted = contingency(old_ids[is_both], new_ids[is_both])[1:, 1:]
    table[: counted.shape[0], : counted.shape[1]] = counted
    overlap = jaccards(table)
    # Ties in the number of users kept are broken by likeness, and always in the same way.
    rows, columns = linear_sum_assignment(table + overlap / 2, maximize=True)
    matched = {
        int(new): int(old)
        for old, new in zip(rows, columns, strict=True)
        if overlap[old, new] >= _MIN_OVERLAP
    }
    if is_same_model:
        matched = {place: place for place in range(n_new)}
    numbers = _numbers(matched, n_new)
    return Alignment(
        new_number=numbers,
        events=tuple(_events(table, overlap, matched, numbers)),
        n_users=int(is_both.sum()),
    )


def _numbers(matched: dict[int, int], n_new: int) -> tuple[int, ...]:
    """Old numbers where they are at most K; the others take those that are left, in order."""
    keep = {new: old + 1 for new, old in matched.items() if old < n_new}
    free = iter(sorted(set(range(1, n_new + 1)) - set(keep.values())))
    moved = sorted((new for new in range(n_new) if new not in keep), key=lambda j: j not in matched)
    given = {new: next(free) for new in moved}
    return tuple(keep[new] if new in keep else given[new] for new in range(n_new))


def _events(
    table: FloatVector, overlap: FloatVector, matched: dict[int, int], numbers: tuple[int, ...]
) -> list[SegmentEvent]:
    events = []
    for new, old in sorted(matched.items(), key=lambda pair: pair[1]):
        n_users, n_kept = float(table[:, new].sum()), float(table[old, new])
        event = SegmentEvent(
            kind="kept",
            old_ids=(old + 1,),
            new_ids=(numbers[new],),
            n_users=int(n_users),
            shares=(n_kept / n_users if n_users else 0.0,),
            jaccard=float(overlap[old, new]),
        )
        events.append(event)
    old_names = tuple(range(1, table.shape[0] + 1))
    splits = [_flow("split", table[i], (i + 1,), numbers) for i in range(table.shape[0])]
    merges = [_flow("merged", table[:, j], old_names, (numbers[j],)) for j in range(table.shape[1])]
    events += [each for each in splits if each is not None and len(each.new_ids) > 1]
    events += [each for each in merges if each is not None and len(each.old_ids) > 1]
    for new in range(table.shape[1]):
        if new not in matched:
            events.append(_alone("new", table[:, new], old_names, (numbers[new],)))
    for old in range(table.shape[0]):
        if old not in matched.values():
            events.append(_alone("vanished", table[old], (old + 1,), numbers))
    return events


def _flow(
    kind: EventKind, counts: FloatVector, old_ids: tuple[int, ...], new_ids: tuple[int, ...]
) -> SegmentEvent | None:
    """A split or merger with the segments that take or bring a quarter at least."""
    total = float(counts.sum())
    if total == 0:
        return None
    names = new_ids if kind == "split" else old_ids
    large = [j for j in range(len(names)) if counts[j] >= _SUBSTANTIAL * total]
    found = tuple(names[j] for j in large)
    return SegmentEvent(
        kind=kind,
        old_ids=old_ids if kind == "split" else found,
        new_ids=found if kind == "split" else new_ids,
        n_users=int(total),
        shares=tuple(float(counts[j] / total) for j in large),
        jaccard=None,
    )


def _alone(
    kind: EventKind, counts: FloatVector, old_ids: tuple[int, ...], new_ids: tuple[int, ...]
) -> SegmentEvent:
    """A new or vanished segment with where its users came from or went."""
    total = float(counts.sum())
    names = old_ids if kind == "new" else new_ids
    known = [j for j in range(len(names)) if counts[j] > 0]
    found = tuple(names[j] for j in known)
    return SegmentEvent(
        kind=kind,
        old_ids=found if kind == "new" else old_ids,
        new_ids=new_ids if kind == "new" else found,
        n_users=int(total),
        shares=tuple(float(counts[j] / total) for j in known),
        jaccard=None,
    )
