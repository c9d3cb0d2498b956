"""From raw events of a body to users with the features of the model, counted as a run does."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import narwhals.stable.v2 as nw
import polars as pl

from segmentry.features import count_users, derive_features
from segmentry.ingest.clean_tables import CleanTable, clean_ads, clean_profiles, no_ads, no_profiles
from segmentry.schema import EVENT_COLUMNS, MICRO, SECONDS_PER_DAY, Frames, PartQueries, Window
from segmentry.serve._bodies import invalid, lists_of, table_of
from segmentry.serve._fields import EventLists, Field, Listed, why_no_events
from segmentry.serve._live import Model
from segmentry.serve._problems import Fault, Problem

Item = TypeVar("Item")
Read = TypeVar("Read")
WINDOW = Listed("window", (Field("end", "moment"), Field("n_days", "days")), is_single=True)


@dataclass(frozen=True, slots=True, eq=False)
class RequestedUsers:
    """The users of a body, and what is known of them."""

    user_id: pl.Series
    """All that the body names, in its order."""
    table: pl.DataFrame
    """Their features; users without an event that counts, or a profile, are absent."""
    window: Window | None = None
    """Of the events; null where it is that of the model."""
    left_out: Mapping[str, int] = field(default_factory=dict)
    """What does not count, by reason."""


class _HeldRows:
    """The rows of one part of a log in memory, queried as a file of `split_log` is."""

    errors: tuple[type[Exception], ...] = ()

    def __init__(self, rows: pl.DataFrame) -> None:
        self._rows = rows

    def scan_part(self, part: Path) -> nw.LazyFrame[Any]:
        del part  # the only one
        return nw.from_native(self._rows.lazy())

    def map_parts(
        self,
        read: Callable[[PartQueries, Item], Read],
        items: Sequence[Item],
        use: Callable[[Read], Frames],
    ) -> Iterator[Frames]:
        return (use(read(self, item)) for item in items)

    def from_polars(self, frame: pl.DataFrame) -> nw.LazyFrame[Any]:
        return nw.from_native(frame.lazy())

    def collect(self, frame: nw.LazyFrame[Any]) -> pl.DataFrame:
        return frame.collect(backend="polars").to_polars()


def event_users(content: Mapping[str, Any], model: Model) -> RequestedUsers:
    """Return the users of a body of events.

    Raises Problem with all that is wrong in the first list, or window, in which something is.
    """
    requested = model.of_events
    if requested is None:
        raise Problem(
            422, f"events: not taken, as {why_no_events(model.bundle)}; send users of raw features"
        )
    window = model.bundle.window
    if requested.has_time:
        window = _window_of(content, window)
    rows = lists_of(
        {
            name: value
            for name, value in content.items()
            if name != "window" or not requested.has_time
        },
        [each.name for each in requested.lists],
    )
    tables = {each.name: table_of(rows[each.name], each) for each in requested.lists}
    table, left_out = _features_of(tables, requested, window, model)
    named = [tables[each]["user_id"] for each in ("events", "profiles") if each in tables]
    return RequestedUsers(
        user_id=pl.concat(named).unique(maintain_order=True),
        table=table,
        window=window if requested.has_time else None,
        left_out=left_out,
    )


def _window_of(content: Mapping[str, Any], formed: Window) -> Window:
    """Return the days up to a moment that the features are of."""
    if "window" not in content:
        raise invalid([Fault("#/window", "missing; expected its end and n_days")])
    found = table_of([content["window"]], WINDOW).row(0, named=True)
    start = found["end"] - found["n_days"] * SECONDS_PER_DAY
    return Window(start, found["end"], formed.utc_offset_hours)


def _features_of(
    tables: Mapping[str, pl.DataFrame], requested: EventLists, window: Window, model: Model
) -> tuple[pl.DataFrame, Mapping[str, int]]:
    events, reasons = _sound(tables["events"], requested, window)
    left_out = {f"events: {reason}": n for reason, n in reasons.items() if n}
    attributes = [each.name for each in requested.attributes]
    ads = no_ads(pl.String())
    profiles = no_profiles(events["user_id"].dtype, attributes)
    if "ads" in tables:
        ads = _kept(clean_ads(tables["ads"], unreadable=0), left_out)
    if "profiles" in tables:
        typed = tables["profiles"].with_columns(
            pl.col(name).cast(kind, strict=False)
            for name, kind in requested.attribute_types.items()
        )
        clean = clean_profiles(typed, unreadable=0, attributes=attributes)
        profiles = _kept(clean, left_out)
    counted = count_users(
        _HeldRows(events),
        [Path()],
        ads,
        window=window,
        main_placement=model.bundle.main_placement,
        features=requested.features,
    )
    table, _ = derive_features(
        counted.users,
        profiles,
        requested.attributes,
        window=window,
        features=requested.features,
        prior=model.bundle.prior,
    )
    return table, left_out


def _kept(clean: CleanTable, left_out: dict[str, int]) -> pl.DataFrame:
    """Return the rows that are used, and say what is not."""
    role = clean.account.role
    left_out |= {f"{role}: {reason}": n for reason, n in clean.account.rejected.items()}
    if clean.n_impossible:
        left_out[f"{role}: impossible values, taken as unknown"] = clean.n_impossible
    return clean.rows


def _sound(
    events: pl.DataFrame, requested: EventLists, window: Window
) -> tuple[pl.DataFrame, Mapping[str, int]]:
    """Return the events that count, as a part of a log has them, and the number of the others."""
    amounts = [name for name in EVENT_COLUMNS if name in events.columns]
    is_return = pl.any_horizontal(pl.lit(value=False), *(pl.col(name) < 0 for name in amounts))
    if not requested.drops_returns:
        is_return = pl.lit(value=False)
    absent = {
        "shown_at": pl.lit(window.start, dtype=pl.Int64),
        "is_click": pl.lit(0, dtype=pl.Int64),
    }
    events = events.with_columns(
        *(value.alias(name) for name, value in absent.items() if name not in events.columns),
        *((pl.col(each) * MICRO + 0.5).floor().cast(pl.Int64) for each in amounts),
        is_return.fill_null(value=False).alias("is_return"),
    )
    is_inside = pl.col("shown_at").is_between(window.start, window.end, closed="left")
    is_return = is_inside & pl.col("is_return")
    reasons = events.select(
        (~is_inside).sum().alias("outside the window"),
        is_return.sum().alias("returns: a value or quantity below zero"),
    )
    return events.filter(is_inside & ~is_return), reasons.row(0, named=True)
