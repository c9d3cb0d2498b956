"""The impressions of one part as small arrays, the same on every engine."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import polars as pl

from segmentry.features.packing import Places, numbers_of, renumber
from segmentry.schema import Engine, Window
from segmentry.schema.arrays import IntVector

_MOST_PLACEMENTS = 64
MOST_SECONDS = 1 << 31
"""So many do not fit into four bytes."""


@dataclass(frozen=True, slots=True, eq=False)
class Members:
    """The users with a segment.

    Parameters
    ----------
    user_id : Series of shape (n_users,)
        In the order of the user table.
    segment_ids : ndarray of int, shape (n_users,)
        1..K; 0 for users without a segment.
    n_segments : int
    """

    user_id: pl.Series
    segment_ids: IntVector
    n_segments: int


@dataclass(frozen=True, slots=True, eq=False)
class PartRows:
    """Impressions of users with a segment, in no order; arrays of int of shape (n_rows,).

    All but `user` may be of small types: a part is large.

    Parameters
    ----------
    users : ndarray of int, shape (n_part_users,)
        Places in the user table of the users of this part, rising.
    user : ndarray
        Place among `users`.
    second : ndarray
        Seconds since the start of the window.
    is_click : ndarray
        0 or 1.
    ad : ndarray or None
        A number for each ad that is the same within the part only; -1 where it is not known.
        Null where the log has no ads.
    ad_place : ndarray or None
        Place in the table of ads; -1 where it has not the ad.
    placement : ndarray or None
        Place among the placements; -1 where it is not known.
    """

    users: IntVector
    user: IntVector
    second: IntVector
    is_click: IntVector
    ad: IntVector | None
    ad_place: IntVector | None
    placement: IntVector | None


def find_placements(engine: Engine, parts: Sequence[Path]) -> tuple[str, ...]:
    """Return the placements of a log by name; of more than 64, those with most impressions."""
    counts = [
        engine.collect(
            engine.scan_part(part).group_by("placement").agg(nw.len().cast(nw.Int64).alias("n"))
        )
        for part in parts
    ]
    if not counts:
        return ()
    known = pl.concat(counts).drop_nulls().group_by("placement").agg(pl.col("n").sum())
    ranked = known.sort("n", "placement", descending=[True, False]).head(_MOST_PLACEMENTS)
    return tuple(sorted(ranked["placement"].to_list()))


def read_part(
    engine: Engine,
    part: Path,
    members: Members,
    *,
    window: Window,
    user_places: Places,
    ad_places: Places | None,
    placements: Sequence[str],
) -> PartRows:
    """Read one part.

    Parameters
    ----------
    engine : Engine
        Whose `split_log` made it.
    part : Path
    members : Members
    window : Window
        Impressions outside are left out.
    user_places : Places
        Of the members.
    ad_places : Places or None
        Of the table of ads; null where the log has no ads.
    placements : sequence of str
        All placements; empty where the log has none.
    """
    shown_at = nw.col("shown_at")
    seconds = nw.Int32 if window.end - window.start < MOST_SECONDS else nw.Int64
    second = (shown_at.cast(nw.Int64) - window.start).cast(seconds).alias("second")
    columns: list[Any] = ["user_id", second, nw.col("is_click").cast(nw.Int8)]
    columns += ["ad_id"] if ad_places is not None else []
    columns += [_placed(placements).alias("placement")] if placements else []
    inside = engine.scan_part(part).filter((shown_at >= window.start) & (shown_at < window.end))
    rows = engine.collect(inside.select(*columns))
    place = user_places.of(rows["user_id"])
    is_in = np.append(members.segment_ids, 0)[place] > 0
    if not is_in.all():
        rows, place = rows.filter(pl.Series(is_in)), place[is_in]
    users, user = renumber(place)
    ads = None if ad_places is None else rows["ad_id"]
    return PartRows(
        users=users,
        user=user,
        second=rows["second"].to_numpy(),
        is_click=rows["is_click"].fill_null(0).to_numpy(),
        ad=None if ads is None else numbers_of(ads)[1],
        ad_place=None if ads is None or ad_places is None else ad_places.of(ads),
        placement=rows["placement"].to_numpy() if placements else None,
    )


def pieces_of(rows: PartRows, *, n_rows: int) -> Iterator[PartRows]:
    """Return the rows of some users, then of the next, about `n_rows` each: they take less room.

    Examples
    --------
    >>> one = PartRows(
    ...     users=np.array([3, 7]), user=np.array([1, 0, 1]), second=np.array([5, 6, 7]),
    ...     is_click=np.array([0, 1, 0]), ad=None, ad_place=None, placement=None,
    ... )
    >>> pieces = pieces_of(one, n_rows=2)
    >>> [(each.users.tolist(), each.user.tolist(), each.second.tolist()) for each in pieces]
    [([3], [0], [6]), ([7], [0, 0], [5, 7])]
    """
    n_users = rows.users.size
    if not n_users:
        return
    n_pieces = min(n_users, -(-rows.user.size // n_rows))
    first = [n_users * place // n_pieces for place in range(n_pieces + 1)]
    piece_of_user = np.repeat(np.arange(n_pieces, dtype=np.int16), np.diff(first))
    piece = piece_of_user[rows.user]
    # Numbers of two bytes are sorted without comparing them.
    order = np.argsort(piece, kind="stable")
    ends = np.cumsum(np.bincount(piece, minlength=n_pieces)).tolist()
    bounds = itertools.pairwise(first), itertools.pairwise([0, *ends])
    for (start, end), (low, high) in zip(*bounds, strict=True):
        own = order[low:high]
        optional = (
            None if column is None else column.take(own)
            for column in (rows.ad, rows.ad_place, rows.placement)
        )
        yield PartRows(
            rows.users[start:end],
            rows.user.take(own) - start,
            rows.second.take(own),
            rows.is_click.take(own),
            *optional,
        )


def _placed(placements: Sequence[str]) -> Any:
    """Number the placements in the engine: texts take long to hand over."""
    number: Any = nw.lit(-1)
    for place, name in enumerate(placements):
        number = nw.when(nw.col("placement") == name).then(nw.lit(place)).otherwise(number)
    return number.cast(nw.Int8)
