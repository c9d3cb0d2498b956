"""The dimensions of a log, hours, placements and what is known of its ads, and its members."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import narwhals.stable.v2 as nw
import numpy as np
import polars as pl

from segmentry.features.events import Events
from segmentry.features.packing import Places
from segmentry.schema import Engine
from segmentry.schema.arrays import IntVector

PRICE_BANDS = (50, 200, 1_000, 5_000)
"""Where the next price band begins, in the currency of the ads."""
_MAX_PLACEMENTS = 64
_ID_COLUMNS = {"category": "category_id", "brand": "brand_id", "campaign": "campaign_id"}


@dataclass(frozen=True, slots=True, eq=False)
class Members:
    """The users and their segments."""

    user_id: pl.Series  # (n_users,), in the order of the user table
    segment_ids: IntVector  # (n_users,): 1..K; 0 for users without a segment
    n_segments: int


@dataclass(frozen=True, slots=True, eq=False)
class Dimension:
    """One way to tell impressions apart."""

    kind: str
    keys: pl.DataFrame  # key and label as text; the row is the number of the key
    # Number of the key of each ad, -1 for none, and -1 at the end: for ads that are not in the
    # table. Null where it is no matter of ads.
    of_ad: IntVector | None = None


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
    ranked = known.sort("n", "placement", descending=[True, False]).head(_MAX_PLACEMENTS)
    return tuple(sorted(ranked["placement"].to_list()))


def find_dimensions(placements: Sequence[str], ads: pl.DataFrame | None) -> tuple[Dimension, ...]:
    """Return the dimensions that a log has.

    Columns of the ads that are absent or empty give no dimension.

    >>> ads = pl.DataFrame({"ad_id": [1, 2], "category_id": [8, 8], "price": [10.0, None]})
    >>> [(each.kind, each.keys.height) for each in find_dimensions(["top"], ads)]
    [('hour', 24), ('placement', 1), ('category', 1), ('price band', 5)]
    """
    hours = [(str(hour), f"{hour:02d}:00–{(hour + 1) % 24:02d}:00") for hour in range(24)]
    found = [Dimension("hour", _keys(hours))]
    if placements:
        found.append(Dimension("placement", _keys([(each, each) for each in placements])))
    if ads is None:
        return tuple(found)
    for kind, column in _ID_COLUMNS.items():
        if column in ads.columns and ads[column].null_count() < ads.height:
            ids = ads[column].drop_nulls().unique().sort()
            # There may be a million: made column by column, they take a tenth of the room.
            keys = pl.DataFrame({"key": ids.cast(pl.String)}).with_columns(
                pl.format(f"{kind} {{}}", "key").alias("label")
            )
            found.append(
                Dimension(kind, keys, np.append(Places.among(ids).of(ads[column]), np.int32(-1)))
            )
    if "price" in ads.columns and ads["price"].null_count() < ads.height:
        prices = ads["price"].to_numpy()
        bands = np.searchsorted(PRICE_BANDS, prices, side="right").astype(np.int32)
        bands[ads["price"].is_null().to_numpy()] = -1
        found.append(Dimension("price band", _price_keys(), np.append(bands, np.int32(-1))))
    return tuple(found)


def _keys(rows: list[tuple[str, str]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={"key": pl.String, "label": pl.String}, orient="row")


def _price_keys() -> pl.DataFrame:
    first, *_, last = PRICE_BANDS
    between = itertools.pairwise(PRICE_BANDS)
    return _keys(
        [
            (f"0-{first}", f"under {first:,}"),
            *((f"{low}-{high}", f"{low:,} to {high:,}") for low, high in between),
            (f"{last}-", f"{last:,} and over"),
        ]
    )


def keys_of(dimension: Dimension, events: Events) -> IntVector | None:
    """Return the number of the key of each impression, -1 for none; null if there are none."""
    if dimension.kind == "hour":
        hours: IntVector = events.second // 3600
        # A third of the time of `%`: numpy divides by one number without dividing.
        hours -= hours // 24 * 24
        return hours
    if dimension.kind == "placement":
        number = events.placement
        return None if number is None else np.where(number < dimension.keys.height, number, -1)
    if dimension.of_ad is None or events.ad_place is None:
        return None
    found: IntVector = dimension.of_ad[events.ad_place]
    return found
