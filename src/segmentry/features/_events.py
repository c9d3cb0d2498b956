"""The impressions of one part in a window, as small arrays: the same on every engine."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import numpy.typing as npt
import polars as pl

from segmentry.features.packing import Places, numbers_of
from segmentry.schema import EVENT_COLUMNS, SECONDS_PER_DAY, Engine, Window
from segmentry.schema.arrays import IntVector

_MOST_SECONDS = 1 << 31


@dataclass(frozen=True, slots=True, eq=False)
class AdNumbers:
    """The table of ads as numbers, with -1 for what is not known and a row of -1 at the end.

    Parameters
    ----------
    places : Places
        Of the ids of the ads.
    columns : mapping of str to ndarray of int, shape (n_ads + 1,)
        Category, brand and campaign numbered from 0, ``log_price`` in fixed point.
    """

    places: Places
    columns: Mapping[str, IntVector]


@dataclass(frozen=True, slots=True, eq=False)
class Events:
    """Impressions in no order; arrays of int of shape (n_rows,), of small types.

    Parameters
    ----------
    user_id : Series of shape (n_users,)
        Ids of the users of the part, rising.
    user : ndarray
        Place among them.
    second : ndarray
        Seconds since `midnight`, which is at or before the start of the window.
    is_click : ndarray
        0 or 1.
    ad : ndarray or None
        A number for each ad that is the same within the part only; -1 where it is not known.
        Null where it was not asked for.
    ad_place : ndarray or None
        Place in the table of ads; -1 where it has not the ad.
    is_main : ndarray or None
        Whether the placement is the main one; -1 where it is not known.
    amounts : mapping of str to ndarray
        Value and quantity in fixed point, with a mask of those that are known.
    midnight : int
        What seconds are counted from: epoch seconds of a local midnight.
    first_day : int
        The local day that it begins, counted from 1970-01-01.
    """

    user_id: pl.Series
    user: IntVector
    second: IntVector
    is_click: IntVector
    ad: IntVector | None
    ad_place: IntVector | None
    is_main: IntVector | None
    amounts: Mapping[str, tuple[IntVector, npt.NDArray[np.bool_]]]
    midnight: int
    first_day: int

    def before(self, moment: int) -> "Events":
        """Return those before a moment in epoch seconds; users may be left without any."""
        is_in = self.second < moment - self.midnight
        return replace(
            self,
            user=self.user[is_in],
            second=self.second[is_in],
            is_click=self.is_click[is_in],
            ad=None if self.ad is None else self.ad[is_in],
            ad_place=None if self.ad_place is None else self.ad_place[is_in],
            is_main=None if self.is_main is None else self.is_main[is_in],
            amounts={name: (v[is_in], known[is_in]) for name, (v, known) in self.amounts.items()},
        )


def number_ads(ads: pl.DataFrame) -> AdNumbers:
    """Number what is known of the ads.

    Examples
    --------
    >>> ads = pl.DataFrame({"ad_id": [7, 9], "category_id": [30, None], "brand_id": [5, 5],
    ...                     "campaign_id": [2, 1], "log_price": [693147, None]})
    >>> {name: column.tolist() for name, column in number_ads(ads).columns.items()}
    {'category_id': [0, -1, -1], 'brand_id': [0, 0, -1], 'campaign_id': [1, 0, -1], \
'log_price': [693147, -1, -1]}
    """
    columns = {
        name: numbers_of(ads[name])[1] for name in ("category_id", "brand_id", "campaign_id")
    }
    columns["log_price"] = ads["log_price"].fill_null(-1).to_numpy()
    # -1 of the same type: numpy would widen the column to 64 bits.
    ended = {name: np.append(each, each.dtype.type(-1)) for name, each in columns.items()}
    return AdNumbers(Places.among(ads["ad_id"]), ended)


def read_events(
    engine: Engine,
    part: Path,
    *,
    window: Window,
    ads: AdNumbers | None,
    main_placement: str,
    columns: Collection[str],
) -> Events:
    """Read one part.

    Parameters
    ----------
    engine : Engine
        Whose `split_log` made it.
    part : Path
    window : Window
        Impressions outside are left out.
    ads : AdNumbers or None
        Null where no count takes them.
    main_placement : str
    columns : collection of str
        The canonical columns beyond user, time and click that are wanted.
    """
    offset = round(window.utc_offset_hours * 3600)
    first_day = (window.start + offset) // SECONDS_PER_DAY
    midnight = first_day * SECONDS_PER_DAY - offset
    seconds = nw.Int32 if window.end - midnight < _MOST_SECONDS else nw.Int64
    second = (nw.col("shown_at").cast(nw.Int64) - midnight).cast(seconds).alias("second")
    wanted: list[Any] = ["user_id", second, nw.col("is_click").cast(nw.Int8)]
    amounts = [name for name in EVENT_COLUMNS if name in columns]
    wanted += ["ad_id"] if ads is not None else []
    wanted += [_is_main(main_placement)] if "placement" in columns else []
    is_inside = (nw.col("shown_at") >= window.start) & (nw.col("shown_at") < window.end)
    rows = engine.collect(engine.scan_part(part).filter(is_inside).select(*wanted, *amounts))
    user_id, user = numbers_of(rows["user_id"])
    return Events(
        user_id=user_id,
        user=user,
        second=rows["second"].to_numpy(),
        is_click=rows["is_click"].to_numpy(),
        ad=None if ads is None else numbers_of(rows["ad_id"])[1],
        ad_place=None if ads is None else ads.places.of(rows["ad_id"]),
        is_main=rows["is_main"].to_numpy() if "placement" in columns else None,
        amounts={
            name: (rows[name].fill_null(0).to_numpy(), rows[name].is_not_null().to_numpy())
            for name in amounts
        },
        midnight=midnight,
        first_day=first_day,
    )


def _is_main(main_placement: str) -> nw.Expr:
    """Tell in the engine whether a placement is the main one: texts take long to hand over."""
    placement = nw.col("placement")
    other = nw.when(~placement.is_null()).then(nw.lit(0)).otherwise(nw.lit(-1))
    is_main = nw.when(placement == main_placement).then(nw.lit(1)).otherwise(other)
    return is_main.cast(nw.Int8).alias("is_main")
