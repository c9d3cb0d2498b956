"""From the parts of both logs to what is counted of behaviours per user."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import narwhals.stable.v2 as nw
import numpy as np
import polars as pl

from segmentry.errors import DataError
from segmentry.features._assembly import assemble, compact
from segmentry.features._behaviour_counts import (
    count_attributions,
    count_behaviour_days,
    count_behaviours,
    count_credits,
    count_journeys,
)
from segmentry.features._behaviour_features import behaviour_provides
from segmentry.ingest.checked import Checked, refuse_nothing
from segmentry.runtime.progress import row_reporter
from segmentry.schema import (
    Engine,
    Frames,
    LogParts,
    PartQueries,
    Progress,
    RowAccount,
    Source,
    Window,
)

Item = TypeVar("Item")
PartPair = tuple[Path | None, Path | None]
"""A part of the behaviour log and the part of the ad log that holds the same users."""
_HIGHEST_PRICE = 0.99
_CREDITS = ("n_view_credits", "n_click_credits")
_STRANGERS = "of users in neither the ad log nor the profiles"


@dataclass(frozen=True, slots=True, eq=False)
class BehaviourCounts:
    """What is counted of one window, part by part, in integers as small as they may be.

    `counts` is as from `count_behaviour_users`; `journeys`, from `count_journeys`, is null where
    the ads have no categories; `days` holds ``user_id, day, n_views, n_purchases, n_view_credits,
    n_click_credits``, sorted, credits being 0 where the ads have no categories.
    """

    counts: pl.DataFrame
    journeys: pl.DataFrame | None
    days: pl.DataFrame


@dataclass(frozen=True, slots=True, eq=False)
class CountedBehaviours:
    """What was counted of the behaviour log, of all days and of the feature window.

    Its window begins with the behaviours and ends with the ad log.
    """

    account: RowAccount
    window: Window
    whole: BehaviourCounts
    early: pl.DataFrame | None
    early_window: Window | None
    is_timed: bool


def count_behaviour_source(
    engine: Engine,
    checked: Checked,
    source: Source,
    *,
    users: pl.Series,
    feature_window: Window | None,
    is_sample: bool,
    progress: Progress | None,
) -> CountedBehaviours:
    """Count the behaviour log, for all days and for the feature window.

    Rows of users other than the given ones, those of the log and the profiles, are excluded and
    counted. Without a feature window nothing is checked on later days. `is_sample` says that the
    users are a sample of those of the log.

    Raises DataError if no behaviour is left, or none of the feature window can be.
    """
    split, log, window = checked.behaviours, checked.log, checked.window
    assert split is not None and isinstance(log, LogParts), "read with behaviours"  # noqa: S101, PT018
    provides = behaviour_provides(source)
    is_timed = "times" in provides
    history = history_of(engine, split, window, is_timed=is_timed)
    if feature_window is not None and history.start >= feature_window.end:
        raise DataError(
            "the behaviour log begins after the days on which segments are formed; expected one "
            "that begins with the ad log or before it; leave out --with behaviours"
        )
    n_strange = count_strangers(engine, split.parts, users)
    account = without_strangers(split, n_strange, is_sample=is_sample)
    pairs = pairs_of(split.parts, log.parts)
    priced = value_ads(checked.ads.rows) if "ads" in provides else None
    whole = count_behaviour_log(
        engine,
        pairs,
        priced,
        history=history,
        window=window if is_timed else history,
        is_timed=is_timed,
        on_part=row_reporter(progress, "counting behaviours", split.account.n_used),
    )
    early, early_window = None, None
    if feature_window is not None and is_timed:
        early_window = replace(history, end=feature_window.end)
        early = count_behaviour_users(
            engine, pairs, priced, window=early_window, ads_since=window.start
        )
    return CountedBehaviours(account, history, whole, early, early_window, is_timed)


def history_of(engine: Engine, split: LogParts, window: Window, *, is_timed: bool) -> Window:
    """Return the window of the behaviours: from their first local day to the end of the ad log."""
    at = nw.col("happened_at")
    extent = [at.min().cast(nw.Int64).alias("first"), at.max().cast(nw.Int64).alias("last")]
    found = pl.concat(_each(engine, split.parts, partial(_collected, columns=extent)))
    first, last = found.select(pl.col("first").min(), pl.col("last").max()).row(0)
    around = Window.around(first, last, utc_offset_hours=window.utc_offset_hours)
    return replace(around, end=window.end) if is_timed else around


def count_strangers(engine: PartQueries, parts: Sequence[Path], users: pl.Series) -> int:
    """Count the rows of users that the user table has not: no feature is of them."""
    rows = pl.concat(_each(engine, parts, _rows_by_user))
    return int(rows.join(users.to_frame(), on="user_id", how="anti")["n_rows"].sum())


def without_strangers(split: LogParts, n_strange: int, *, is_sample: bool) -> RowAccount:
    """Return the account of the behaviours, with the rows of strangers as excluded.

    Raises DataError if there are no others.
    """
    account = split.account
    if n_strange:
        reason = f"outside --sample, or {_STRANGERS}" if is_sample else _STRANGERS
        excluded = {**account.excluded, reason: n_strange}
        account = replace(account, n_used=account.n_used - n_strange, excluded=excluded)
    refuse_nothing(account)
    return account


def _collected(engine: PartQueries, part: Path, *, columns: Sequence[nw.Expr]) -> Frames:
    return (engine.collect(engine.scan_part(part).select(*columns)),)


def _rows_by_user(engine: PartQueries, part: Path) -> Frames:
    n_rows = nw.len().cast(nw.Int64).alias("n_rows")
    return (engine.collect(engine.scan_part(part).group_by("user_id").agg(n_rows)),)


def _each(
    engine: PartQueries, items: Sequence[Item], make: Callable[[PartQueries, Item], Frames]
) -> list[pl.DataFrame]:
    """Make one table of each item."""
    return [found for (found,) in engine.map_parts(make, items, tuple) if found is not None]


def pairs_of(behaviours: Sequence[Path], impressions: Sequence[Path]) -> list[PartPair]:
    """Put the parts of the same users together: they have the same name; one may be absent."""
    done, shown = ({part.name: part for part in parts} for parts in (behaviours, impressions))
    return [(done.get(name), shown.get(name)) for name in sorted(done.keys() | shown.keys())]


def value_ads(ads: pl.DataFrame) -> pl.DataFrame:
    """Return ``ad_id, category_id, cents``: the price in hundredths, or null where not known.

    Prices above the 99th percentile count as that: one ad at 99,999,999 would outweigh all others.

    >>> ads = pl.DataFrame({"ad_id": [1, 2], "category_id": [5, 6], "price": [2.5, None]})
    >>> value_ads(ads)["cents"].to_list()
    [250, None]
    """
    price = ads["price"].cast(pl.Float64)
    known = price.drop_nulls().to_numpy()
    highest = float(np.quantile(known, _HIGHEST_PRICE, method="inverted_cdf")) if known.size else 0
    cents = (price.clip(upper_bound=highest) * 100).round(0).cast(pl.Int64)
    return ads.select("ad_id", "category_id", cents.alias("cents"))


def count_behaviour_log(
    engine: Engine,
    pairs: Sequence[PartPair],
    ads: pl.DataFrame | None,
    *,
    history: Window,
    window: Window,
    is_timed: bool = True,
    on_part: Callable[[int, int], None] | None = None,
) -> BehaviourCounts:
    """Count what the features and the funnel of the behaviour log are made of, part by part.

    One part at least has behaviours. The ads are from `value_ads`; null where they have no
    categories. Behaviours outside `history`, which ends with `window`, are not counted, nor are
    impressions outside `window`. Unless both logs are timed nothing can follow anything: only the
    categories advertised and viewed are compared. `on_part` is called with (parts done, parts in
    all).
    """
    counts: list[pl.DataFrame] = []
    journeys: list[pl.DataFrame] = []
    days: list[pl.DataFrame] = []
    count = partial(
        _count_pair,
        opening=_opening(pairs, ads, history, is_timed=is_timed),
        history=history,
        window=window,
    )
    for done, found in enumerate(engine.map_parts(count, pairs, tuple), start=1):
        for table, kept in zip(found, (counts, days, journeys), strict=True):
            if table is not None:
                kept.append(table)
        if on_part is not None:
            on_part(done, len(pairs))
    return BehaviourCounts(
        counts=assemble(counts, "user_id"),
        journeys=assemble(journeys, "user_id") if journeys else None,
        days=assemble(days, "user_id", "day"),
    )


def count_behaviour_users(
    engine: PartQueries,
    pairs: Sequence[PartPair],
    ads: pl.DataFrame | None,
    *,
    window: Window,
    ads_since: int | None = None,
    is_timed: bool = True,
    some: Path | None = None,
) -> pl.DataFrame:
    """Count what the features are made of, and no more, part by part.

    The columns are those of `count_behaviours` and, where the ads have categories, of
    `count_attributions`, in the smallest integers that they fit into; one row per user with a
    behaviour or an advertised category, sorted by ``user_id``. `ads_since` is the first moment of
    the ad log, by default the window's; `some` is a part with behaviours where none here has any.
    """
    opening = _opening([*pairs, (some, None)], ads, window, is_timed=is_timed)
    since = window.start if ads_since is None else ads_since
    count = partial(_count_pair_users, opening=opening, window=window, ads_since=since)
    return assemble(_each(engine, pairs, count), "user_id")


@dataclass(frozen=True, slots=True, eq=False)
class _Opening:
    """How the rows of a part are opened: without times all impressions are of one moment."""

    some: Path
    """A part with behaviours, whose columns stand for those of a part without."""
    ads: pl.DataFrame | None
    history: Window
    is_timed: bool


@dataclass(frozen=True, slots=True)
class _Part:
    """The rows of a part of both logs; the impressions and the ads where both are known."""

    behaviours: nw.LazyFrame[Any]
    placed: tuple[nw.LazyFrame[Any], nw.LazyFrame[Any]] | None


def _opening(
    pairs: Sequence[PartPair], ads: pl.DataFrame | None, history: Window, *, is_timed: bool
) -> _Opening:
    some = next(behaviours for behaviours, _ in pairs if behaviours is not None)
    return _Opening(some, ads, history, is_timed)


def _opened(engine: PartQueries, pair: PartPair, opening: _Opening) -> _Part:
    behaviours, impressions = pair
    rows = engine.scan_part(behaviours or opening.some)
    if behaviours is None:
        rows = rows.filter(nw.col("action") < 0)
    placed = None
    if impressions is not None and opening.ads is not None:
        shown = engine.scan_part(impressions)
        if not opening.is_timed:
            start = nw.lit(opening.history.start)
            shown = shown.with_columns(start.cast(nw.Int64).alias("shown_at"))
        placed = (shown, engine.from_polars(opening.ads))
    return _Part(rows, placed)


def _count_pair(
    engine: PartQueries, pair: PartPair, *, opening: _Opening, history: Window, window: Window
) -> Frames:
    """Count of a part what its users did, by day too, and what followed their impressions."""
    part = _opened(engine, pair, opening)
    counts = _count_users(engine, part, history, window.start)
    days = engine.collect(count_behaviour_days(part.behaviours, history=history, window=window))
    if not opening.is_timed or part.placed is None:
        return counts, _with_credits(days, None), None
    journeys = engine.collect(count_journeys(part.behaviours, *part.placed, window=window))
    credited = engine.collect(count_credits(part.behaviours, *part.placed, window=window))
    return counts, _with_credits(days, credited), compact(journeys)


def _count_pair_users(
    engine: PartQueries, pair: PartPair, *, opening: _Opening, window: Window, ads_since: int
) -> Frames:
    return (_count_users(engine, _opened(engine, pair, opening), window, ads_since),)


def _count_users(engine: PartQueries, part: _Part, window: Window, ads_since: int) -> pl.DataFrame:
    counts = engine.collect(count_behaviours(part.behaviours, window=window, ads_since=ads_since))
    if part.placed is not None:
        attributed = engine.collect(
            count_attributions(part.behaviours, *part.placed, window=window)
        )
        counts = counts.join(attributed, on="user_id", how="full", coalesce=True)
    return compact(counts)


def _with_credits(days: pl.DataFrame, credited: pl.DataFrame | None) -> pl.DataFrame:
    """Put the credits of a day next to what was done on it; small integers, as there are many."""
    if credited is None:
        full = days.with_columns(pl.lit(0).alias(name) for name in _CREDITS)
    else:
        full = days.join(credited, on=["user_id", "day"], how="full", coalesce=True)
    counted = ("n_views", "n_purchases", *_CREDITS)
    return full.select(
        "user_id",
        pl.col("day").cast(pl.Int32),
        *(pl.col(name).fill_null(0).cast(pl.Int32) for name in counted),
    )
