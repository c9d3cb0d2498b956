"""The impressions of one part in a window, as small arrays: the same on every engine."""

import hashlib
import itertools
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import polars as pl

from segmentry.features.packing import Places, numbers_of, sort_rows
from segmentry.schema import SECONDS_PER_DAY, PartQueries, Window
from segmentry.schema.arrays import BoolVector, IntVector

MAX_SECONDS = 1 << 31
"""So many do not fit into four bytes."""


@dataclass(frozen=True, slots=True, eq=False)
class Events:
    """Impressions, user by user and by time; arrays of int of shape (n_rows,), of small types.

    Of those of one user and second, the clicked ones come first.
    """

    user_id: pl.Series
    """Shape (n_users,): ids of the users, rising."""
    user: IntVector
    """Place among them; never falling."""
    second: IntVector
    """Seconds since `midnight`, which is at or before the start of the window."""
    is_click: IntVector
    """0 or 1."""
    ad: IntVector | None
    """A number for each ad that is the same within the part only; -1 where it is not known. Null
    where it was not wanted."""
    ad_place: IntVector | None
    """Place in the table of ads; -1 where it has not the ad. The same array as `ad` where it has
    all of them."""
    placement: IntVector | None
    """Place among the named placements; one more than the last for any other, and -1 where it is
    not known."""
    amounts: Mapping[str, tuple[IntVector, BoolVector]]
    """Value and quantity in fixed point, with a mask of those that are known."""
    midnight: int
    """What seconds are counted from: epoch seconds of a local midnight."""
    first_day: int
    """The local day that it begins, counted from 1970-01-01."""

    def taken(self, rows: IntVector | BoolVector | slice) -> "Events":
        """Return some rows, by place or by mask; users may be left without any."""

        def of(column: IntVector | None) -> IntVector | None:
            return None if column is None else column[rows]

        ad = of(self.ad)
        return replace(
            self,
            user=self.user[rows],
            second=self.second[rows],
            is_click=self.is_click[rows],
            ad=ad,
            ad_place=ad if self.ad_place is self.ad else of(self.ad_place),
            placement=of(self.placement),
            amounts={name: (v[rows], known[rows]) for name, (v, known) in self.amounts.items()},
        )

    def of_users(self, is_in: BoolVector) -> "Events":
        """Return the rows of some users; `is_in` has shape (n_users,)."""
        if is_in.all():
            return self
        number: Any = np.cumsum(is_in, dtype=np.int32) - 1
        own = self.taken(is_in[self.user])
        return replace(own, user_id=self.user_id.filter(pl.Series(is_in)), user=number[own.user])


def midnight_of(window: Window) -> int:
    """Return the last local midnight that is not after the start of a window, in epoch seconds.

    >>> midnight_of(Window(start=1494000060, end=1494000120, utc_offset_hours=8))
    1494000000
    """
    offset = round(window.utc_offset_hours * 3600)
    return (window.start + offset) // SECONDS_PER_DAY * SECONDS_PER_DAY - offset


def _start_of(window: Window) -> dict[str, Any]:
    midnight = midnight_of(window)
    first_day = (midnight + round(window.utc_offset_hours * 3600)) // SECONDS_PER_DAY
    return {"midnight": midnight, "first_day": first_day}


def read_events(
    engine: PartQueries,
    part: Path,
    *,
    window: Window,
    ad_places: Places | None,
    placements: Sequence[str] = (),
    amounts: Collection[str] = (),
    is_kept: bool = False,
) -> Events:
    """Read one part, a file of `split_log`; impressions outside the window are left out.

    `ad_places` are of the table of ads; null where no ads are wanted. At most 64 `placements` are
    distinguished; empty where none is wanted. `amounts` are those of "value" and "quantity" that
    are wanted. Where it `is_kept`, `kept_events` need not read the part.
    """
    shown_at, midnight = nw.col("shown_at"), midnight_of(window)
    seconds = nw.Int32 if window.end - midnight < MAX_SECONDS else nw.Int64
    since: Any = (shown_at.cast(nw.Int64) - midnight).cast(seconds).alias("second")
    wanted: list[Any] = ["user_id", since, nw.col("is_click").cast(nw.Int8), *amounts]
    wanted += ["ad_id"] if ad_places is not None else []
    wanted += [_placed(placements)] if placements else []
    inside = engine.scan_part(part).filter((shown_at >= window.start) & (shown_at < window.end))
    rows = engine.collect(inside.select(*wanted))
    user_id, user = numbers_of(rows["user_id"])
    user, second, is_click, order = _in_order(user, rows)
    ad, ad_place = (None, None) if ad_places is None else _number_ads(rows["ad_id"], ad_places)
    events = Events(
        user_id=user_id,
        user=user,
        second=second,
        is_click=is_click,
        ad=None if ad is None else ad[order],
        ad_place=None if ad_place is None or ad_place is ad else ad_place[order],
        placement=rows["placement"].to_numpy()[order] if placements else None,
        amounts={
            name: (
                rows[name].fill_null(0).to_numpy()[order],
                rows[name].is_not_null().to_numpy()[order],
            )
            for name in amounts
        },
        **_start_of(window),
    )
    if ad_place is ad:
        events = replace(events, ad_place=events.ad)
    if is_kept:
        _keep(events, part / _kept_name(window, ad_places, placements))
    return events


def _in_order(user: IntVector, rows: pl.DataFrame) -> tuple[IntVector, ...]:
    """Return users, seconds, clicks and places of rows by user and time, clicked ones first."""
    moment = rows["second"].to_numpy().astype(np.int64)
    moment <<= 1
    moment |= rows["is_click"].to_numpy() == 0
    sizes = [int(column.max(initial=0)) + 1 for column in (user, moment)]
    columns = (user, moment, np.arange(user.size))
    user_of, moment, order = sort_rows(columns, [*sizes, user.size])
    second: IntVector = (moment >> 1).astype(rows["second"].to_numpy().dtype)
    is_click: Any = (moment & 1) == 0
    return user_of.astype(np.int32), second, is_click.view(np.int8), order


def _number_ads(ids: pl.Series, ad_places: Places) -> tuple[IntVector, IntVector]:
    """Return a number for each ad, and its place; ads without one are numbered after them."""
    place = ad_places.of(ids)
    is_strange = place < 0
    if not is_strange.any():
        return place, place
    number = place.copy()
    strange = numbers_of(ids.filter(pl.Series(is_strange)))[1]
    number[is_strange] = np.where(strange < 0, -1, strange + ad_places.known.len())
    return number, place


def kept_events(
    engine: PartQueries,
    part: Path,
    *,
    window: Window,
    ad_places: Places | None,
    placements: Sequence[str] = (),
) -> Events:
    """Return what `read_events` kept next to a part, without amounts; else read it.

    Reading it again and putting it in order took a fifth of describing a log.
    """
    file = part / _kept_name(window, ad_places, placements)
    if not file.exists():
        return read_events(engine, part, window=window, ad_places=ad_places, placements=placements)
    rows, users = (pl.read_ipc(each) for each in (file, file.with_suffix(_OF_USERS)))
    columns: dict[str, Any] = dict.fromkeys(_OPTIONAL)
    columns |= {name: rows[name].to_numpy() for name in rows.columns} | _start_of(window)
    if ad_places is not None and columns["ad_place"] is None:
        columns["ad_place"] = columns["ad"]
    user: Any = np.repeat(np.arange(users.height, dtype=np.int32), users["n_rows"].to_numpy())
    return Events(user_id=users["user_id"], user=user, amounts={}, **columns)


_OPTIONAL = ("ad", "ad_place", "placement")
_OF_USERS = ".users"


def _kept_name(window: Window, ad_places: Places | None, placements: Sequence[str]) -> str:
    query = (window.start, window.end, window.utc_offset_hours, ad_places is None, *placements)
    return f"{hashlib.sha256(repr(query).encode()).hexdigest()[:16]}.events"


def _keep(events: Events, file: Path) -> None:
    """Write events in the order of their users."""
    columns = {name: getattr(events, name) for name in ("second", "is_click", *_OPTIONAL)}
    if events.ad_place is events.ad:
        del columns["ad_place"]
    rows = pl.DataFrame({name: each for name, each in columns.items() if each is not None})
    n_rows = np.bincount(events.user, minlength=events.user_id.len()).astype(np.int32)
    users = pl.DataFrame({"user_id": events.user_id, "n_rows": n_rows})
    for table, target in ((users, file.with_suffix(_OF_USERS)), (rows, file)):
        # Whole or not at all: a task may be done twice.
        written = target.with_name(f"{target.name}.{uuid.uuid4().hex}")
        table.write_ipc(written, compression="uncompressed")
        written.replace(target)


def _placed(placements: Sequence[str]) -> nw.Expr:
    """Number the placements in the engine: texts take long to hand over."""
    placement = nw.col("placement")
    number: Any = nw.when(placement.is_null()).then(nw.lit(-1)).otherwise(nw.lit(len(placements)))
    for place, name in enumerate(placements):
        number = nw.when(placement == name).then(nw.lit(place)).otherwise(number)
    placed: nw.Expr = number.cast(nw.Int8).alias("placement")
    return placed


def pieces_of(events: Events, *, n_rows: int) -> Iterator[Events]:
    """Return the rows of some users, then of the next, about `n_rows` each: they take less room.

    >>> one = Events(
    ...     user_id=pl.Series([3, 7]), user=np.array([0, 1, 1]), second=np.array([6, 5, 7]),
    ...     is_click=np.array([1, 0, 0]), ad=None, ad_place=None, placement=None, amounts={},
    ...     midnight=0, first_day=0,
    ... )
    >>> pieces = pieces_of(one, n_rows=2)
    >>> [(each.user_id.to_list(), each.user.tolist(), each.second.tolist()) for each in pieces]
    [([3], [0], [6]), ([7], [0, 0], [5, 7])]
    """
    n_users = events.user_id.len()
    if not n_users:
        return
    n_pieces = min(n_users, -(-events.user.size // n_rows))
    first = [n_users * place // n_pieces for place in range(n_pieces + 1)]
    ends = np.searchsorted(events.user, first).tolist()
    for (start, end), (low, high) in zip(
        itertools.pairwise(first), itertools.pairwise(ends), strict=True
    ):
        own = events.taken(slice(low, high))
        yield replace(own, user_id=events.user_id[start:end], user=own.user - start)
