"""What is counted per user of the log of impressions.

Everything here is an integer, so that no order of rows or number of parts can change a digit:
money and logarithms are summed in fixed point (`MICRO`). Events come by user and time, so that sums
of a user, days and half hours are runs of rows; what is counted by user and ad or category is put
in order.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from segmentry.errors import DataError
from segmentry.features._assembly import compact
from segmentry.features.events import Events
from segmentry.features.packing import Places, numbers_of, order_within, run_starts, sort_within
from segmentry.schema import MICRO, SECONDS_PER_DAY
from segmentry.schema.arrays import BoolVector, FloatVector, IntVector

_HALF_HOUR = 1800
_QUARTER_DAY = SECONDS_PER_DAY // 4
_QUARTERS = ("n_night", "n_morning", "n_afternoon", "n_evening")
_AMOUNTS = {"value": "n_valued", "quantity": "n_quantified"}
_LARGEST_SUM = 2.0**63

_Counts = Mapping[str, IntVector]


@dataclass(frozen=True, slots=True, eq=False)
class AdNumbers:
    """The table of ads as numbers, with -1 for what is not known and a row of -1 at the end."""

    places: Places
    columns: Mapping[str, IntVector]  # (n_ads + 1,): numbers from 0; log_price in fixed point


def number_ads(ads: pl.DataFrame) -> AdNumbers:
    """Number what is known of the ads.

    >>> ads = pl.DataFrame({"ad_id": [7, 9], "category_id": [30, None], "brand_id": [5, 5],
    ...                     "campaign_id": [2, 1], "log_price": [693147, None]})
    >>> {name: column.tolist() for name, column in number_ads(ads).columns.items()}
    {'category_id': [0, -1, -1], 'brand_id': [0, 0, -1], 'campaign_id': [1, 0, -1], \
'log_price': [693147, -1, -1]}
    """
    columns = {
        name: numbers_of(ads[name])[1] for name in ("category_id", "brand_id", "campaign_id")
    }
    columns["log_price"] = ads["log_price"].fill_null(-1).cast(pl.Int32).to_numpy()
    # -1 of the same type: numpy would widen the column to 64 bits.
    ended = {name: np.append(each, each.dtype.type(-1)) for name, each in columns.items()}
    return AdNumbers(Places.among(ads["ad_id"]), ended)


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """Events, the ads, and how they are counted per user that has any."""

    events: Events
    ads: AdNumbers | None
    starts: IntVector
    """Shape (n_users_seen,): the first row of each user."""

    @classmethod
    def of(cls, events: Events, ads: AdNumbers | None) -> Self:
        return cls(events, ads, run_starts(events.user))

    @property
    def user_id(self) -> pl.Series:
        return self.events.user_id.gather(self.events.user[self.starts])

    @property
    def number(self) -> IntVector:
        """How many events each user has."""
        return np.diff(self.starts, append=self.events.user.size)

    def total(self, values: npt.NDArray[Any]) -> IntVector:
        """Add up by user, shape (n_rows,) to (n_users_seen,)."""
        return np.add.reduceat(values, self.starts, dtype=np.int64)

    def is_new(self, key: IntVector) -> BoolVector:
        """Tell which rows begin a run of one user and key."""
        found = np.empty(key.size, dtype=np.bool_)
        np.not_equal(key[1:], key[:-1], out=found[1:])
        found[self.starts] = True
        return found

    def first_of(self, is_new: BoolVector) -> IntVector:
        """Return the first run of each user among those of `is_new`."""
        n = self.total(is_new)
        return np.cumsum(n) - n

    def sorted_keys(self, key: IntVector) -> IntVector:
        """Put the keys of each user in order; -1, not known, comes first."""
        return sort_within(self.events.user, key + 1, n_keys=int(key.max(initial=0)) + 2) - 1

    def distinct(self, key: IntVector) -> IntVector:
        """Count the different keys of each user, sorted; -1 is not a key."""
        return self.total(self.is_new(key)) - (key[self.starts] < 0)

    def of_ads(self, column: str) -> IntVector:
        """What is known of the ad of each event."""
        place = self.events.ad_place
        assert self.ads is not None and place is not None, "read with the ads"  # noqa: S101, PT018
        found: IntVector = self.ads.columns[column][place]
        return found


def count_events(events: Events, ads: AdNumbers | None, *, counts: Collection[str]) -> pl.DataFrame:
    """Count per user what features of the log are made of; nothing is sorted for other counts.

    `events` are all of each user in a window; `ads` is null where no count takes them. Returned
    are ``user_id`` and the wanted integer columns, one row per user with an event.
    """
    seen = _Seen.of(events, ads)
    columns: dict[str, IntVector] = {}
    for names, count in _GROUPINGS:
        wanted = [name for name in names if name in counts]
        if wanted:
            found = count(seen)
            columns |= {name: found[name] for name in wanted}
    return pl.DataFrame({"user_id": seen.user_id, **columns})


def count_by_day(events: Events, *, with_value: bool = False) -> pl.DataFrame:
    """Return ``user_id, day, n_impressions, n_clicks``; `day` counts from 1970-01-01, local.

    `with_value` adds ``value`` in fixed point, where the events have one.
    """
    days = _days_of(_Seen.of(events, None))
    columns = {
        "user_id": events.user_id.gather(events.user[days.starts]),
        "day": days.day,
        "n_impressions": days.n_impressions,
        "n_clicks": days.n_clicks,
    }
    if with_value and "value" in events.amounts:
        columns["value"] = np.add.reduceat(events.amounts["value"][0], days.starts)
    return compact(pl.DataFrame(columns))


@dataclass(frozen=True, slots=True, eq=False)
class _Days:
    """Days of users with an event, each of shape (n_days,), user by user."""

    starts: IntVector  # rows that begin one
    of_user: IntVector  # shape (n_users_seen,): the first day of each
    day: IntVector
    n_impressions: IntVector
    n_clicks: IntVector


def _days_of(seen: _Seen) -> _Days:
    day = seen.events.second // SECONDS_PER_DAY
    is_new = seen.is_new(day)
    starts = np.flatnonzero(is_new)
    return _Days(
        starts=starts,
        of_user=seen.first_of(is_new),
        day=day[starts] + seen.events.first_day,
        n_impressions=np.diff(starts, append=day.size),
        n_clicks=np.add.reduceat(seen.events.is_click, starts, dtype=np.int64),
    )


def _rows(seen: _Seen) -> _Counts:
    return {"n_impressions": seen.number, "n_clicks": seen.total(seen.events.is_click)}


def _moments(seen: _Seen) -> _Counts:
    second, midnight = seen.events.second, seen.events.midnight
    last = np.append(seen.starts, second.size)[1:] - 1
    return {
        "first_seen_at": second[seen.starts].astype(np.int64) + midnight,
        "last_seen_at": second[last].astype(np.int64) + midnight,
    }


def _placements(seen: _Seen) -> _Counts:
    placement = seen.events.placement
    assert placement is not None, "read with the placement"  # noqa: S101
    return {
        "n_placed": seen.total(placement >= 0),
        "n_main_placement": seen.total(placement == 0),
    }


def _days(seen: _Seen) -> _Counts:
    days = _days_of(seen)
    is_weekend = (days.day + 3) % 7 >= 5  # day 0 was a Thursday
    return {
        "n_active_days": np.diff(days.of_user, append=days.day.size),
        "n_click_days": np.add.reduceat(days.n_clicks > 0, days.of_user, dtype=np.int64),
        "n_weekend": np.add.reduceat(days.n_impressions * is_weekend, days.of_user),
    }


def _quarters(seen: _Seen) -> _Counts:
    quarter = seen.events.second // _QUARTER_DAY
    quarter -= quarter // len(_QUARTERS) * len(_QUARTERS)
    return {name: seen.total(quarter == place) for place, name in enumerate(_QUARTERS)}


def _amounts(seen: _Seen) -> _Counts:
    found = {}
    for name, n_known in _AMOUNTS.items():
        if name in seen.events.amounts:
            values, is_known = seen.events.amounts[name]
            _check_sums(np.add.reduceat(values.astype(np.float64), seen.starts), name)
            found[name] = seen.total(values)
            found[n_known] = seen.total(is_known)
    return found


def _check_sums(sums: FloatVector, name: str) -> None:
    if np.abs(sums).max(initial=0) >= _LARGEST_SUM:
        raise DataError(
            f"{name}: the amounts of one user add up to {np.abs(sums).max() / MICRO:.3g}; expected "
            f"below {_LARGEST_SUM / MICRO:.3g}; give them in a larger unit"
        )


def _repeats(seen: _Seen) -> _Counts:
    each = seen.events
    assert each.ad is not None, "read with the ads"  # noqa: S101
    # By user, ad and time: of several first exposures in one second a clicked one is the first.
    ad, rows = order_within(each.user, each.ad + 1)
    is_first = seen.is_new(ad)
    is_first &= ad > 0
    n_ads = seen.total(is_first)
    n_shown, n_clicks = (seen.number, seen.total(each.is_click))
    if (unknown := each.ad < 0).any():
        n_shown -= seen.total(unknown)
        n_clicks -= seen.total(unknown & (each.is_click > 0))
    return {
        "n_ads": n_ads,
        "n_repeat_impressions": n_shown - n_ads,
        "n_repeat_clicks": n_clicks - seen.total(is_first & (each.is_click[rows] > 0)),
    }


def _prices(seen: _Seen) -> _Counts:
    price = seen.of_ads("log_price")
    is_known, is_click = price >= 0, seen.events.is_click > 0
    price = np.maximum(price, 0)
    return {
        "n_priced": seen.total(is_known),
        "n_priced_clicks": seen.total(is_known & is_click),
        "log_price_seen": seen.total(price),
        "log_price_clicked": seen.total(price * is_click),
    }


def _categories(seen: _Seen) -> _Counts:
    category = seen.sorted_keys(seen.of_ads("category_id"))
    is_new = seen.is_new(category)
    starts, of_user = np.flatnonzero(is_new), seen.first_of(is_new)
    n = np.diff(starts, append=category.size)
    n[of_user] *= category[seen.starts] >= 0
    counts = np.maximum(1, np.arange(int(n.max(initial=0)) + 1))
    n_log_n = np.round(counts * np.log(counts) * MICRO).astype(np.int64)
    return {
        "n_categories": np.add.reduceat(n > 0, of_user, dtype=np.int64),
        "n_categorised": np.add.reduceat(n, of_user),
        "n_top_category": np.maximum.reduceat(n, of_user),
        "n_log_n": np.add.reduceat(n_log_n[n], of_user),
    }


def _bursts(seen: _Seen) -> _Counts:
    return {"n_bursts": seen.distinct(seen.events.second // _HALF_HOUR)}


def _brands(seen: _Seen) -> _Counts:
    return {"n_brands": seen.distinct(seen.sorted_keys(seen.of_ads("brand_id")))}


def _campaigns(seen: _Seen) -> _Counts:
    return {"n_campaigns": seen.distinct(seen.sorted_keys(seen.of_ads("campaign_id")))}


_GROUPINGS: tuple[tuple[tuple[str, ...], Callable[[_Seen], _Counts]], ...] = (
    (("n_impressions", "n_clicks"), _rows),
    (("first_seen_at", "last_seen_at"), _moments),
    (("n_placed", "n_main_placement"), _placements),
    (("n_weekend", "n_active_days", "n_click_days"), _days),
    (("n_valued", "value", "n_quantified", "quantity"), _amounts),
    (_QUARTERS, _quarters),
    (("n_bursts",), _bursts),
    (("n_ads", "n_repeat_impressions", "n_repeat_clicks"), _repeats),
    (("n_priced", "n_priced_clicks", "log_price_seen", "log_price_clicked"), _prices),
    (("n_categories", "n_categorised", "n_top_category", "n_log_n"), _categories),
    (("n_brands",), _brands),
    (("n_campaigns",), _campaigns),
)
