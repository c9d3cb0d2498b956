"""Keys of segments: what they are called from run to run, whatever their numbers are."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from segmentry.schema import Window

_LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"
"""Without those that are read as another: 0 and o, 1, i and l."""
_N_LETTERS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentKeys:
    """The keys of a run's segments, and what must not be used again."""

    segmentation: str
    """What all refreshes of one first run have in common."""
    keys: tuple[str, ...]
    """Key of segment `i` at `i - 1`, as "k7f3"."""
    retired: tuple[str, ...] = ()
    """Keys of segments that are gone; never given again."""
    parents: tuple[tuple[str, ...], ...] = ()
    """Of each segment, the keys whose users it was born of; empty where it was there at first."""


def first_keys(*, seed: int, window: Window, sizes: Sequence[int]) -> SegmentKeys:
    """Return the keys of a run that follows no other: equal runs have equal keys.

    `sizes` are the users of each segment.

    >>> may = Window(start=1494000000, end=1494691200)
    >>> keys = first_keys(seed=0, window=may, sizes=(700, 300))
    >>> keys.keys, keys == first_keys(seed=0, window=may, sizes=(700, 300))
    (('kp3p', 'kund'), True)
    """
    origin = f"{seed} {window.start} {window.end} {' '.join(map(str, sizes))}"
    keys: list[str] = []
    for place in range(len(sizes)):
        keys.append(_new_key(f"{origin} {place}", taken=keys))
    name = hashlib.sha256(origin.encode()).hexdigest()[:12]
    return SegmentKeys(segmentation=name, keys=tuple(keys), parents=((),) * len(keys))


def carried_keys(
    before: SegmentKeys,
    found_again: Mapping[int, int],
    *,
    parents: Sequence[tuple[str, ...]],
    window: Window,
) -> SegmentKeys:
    """Return the keys of a refit: those of the segments that it found again, and new ones.

    Parameters
    ----------
    found_again : mapping of int to int
        The refit's id of each earlier segment that is the same one.
    parents : sequence of tuple of str
        Of each segment of the refit, the keys whose users it holds.

    Examples
    --------
    >>> june = Window(start=1494691200, end=1497369600)
    >>> old = SegmentKeys(segmentation="s", keys=("kaaa", "kbbb"), parents=((), ()))
    >>> new = carried_keys(old, {2: 1}, parents=(("kbbb",), ("kaaa",)), window=june)
    >>> new.keys[0], new.keys[1] in ("kaaa", "kbbb"), new.parents, new.retired
    ('kbbb', False, ((), ('kaaa',)), ('kaaa',))
    """
    kept = {new: before.keys[old - 1] for old, new in found_again.items()}
    own = dict(zip(before.keys, before.parents or ((),) * len(before.keys), strict=True))
    keys: list[str] = []
    for segment_id, its_parents in enumerate(parents, start=1):
        text = f"{before.segmentation} {window.start} {window.end} {segment_id} {its_parents}"
        taken = (*before.keys, *before.retired, *keys)
        keys.append(kept.get(segment_id) or _new_key(text, taken=taken))
    return SegmentKeys(
        segmentation=before.segmentation,
        keys=tuple(keys),
        retired=(*before.retired, *(key for key in before.keys if key not in keys)),
        parents=tuple(own.get(key, born) for key, born in zip(keys, parents, strict=True)),
    )


def carried_colours(before: Mapping[str, int], keys: Sequence[str]) -> tuple[int, ...]:
    """Return by which number each segment is coloured: its key keeps the one it had.

    `before` are the numbers of the earlier run by key. A new segment takes the first one that no
    segment has or had; empty where all numbers are those of the ids.

    >>> carried_colours({"kaaa": 1, "kbbb": 2, "kccc": 3}, ("kccc", "kaaa"))
    (3, 1)
    >>> carried_colours({"kaaa": 1, "kbbb": 2}, ("kaaa", "knew"))
    (1, 3)
    >>> carried_colours({"kaaa": 1, "kbbb": 2}, ("kaaa", "kbbb"))
    ()
    """
    found: list[int] = []
    for key in keys:
        taken = {*before.values(), *found}
        found.append(before.get(key) or next(n for n in count(1) if n not in taken))
    return () if found == list(range(1, len(keys) + 1)) else tuple(found)


def _new_key(text: str, *, taken: Collection[str]) -> str:
    for turn in count():
        number = int.from_bytes(hashlib.sha256(f"{text} {turn}".encode()).digest()[:8])
        letters = ""
        for _ in range(_N_LETTERS):
            number, place = divmod(number, len(_LETTERS))
            letters += _LETTERS[place]
        if f"k{letters}" not in taken:
            return f"k{letters}"
    raise AssertionError("counting never ends")
