"""What is odd about the data, counted: joins, nulls, impossible values, duplicates, one bot."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import narwhals.stable.v2 as nw
import polars as pl

from segmentry.schema import SECONDS_PER_DAY, Engine, Feature, Window

__all__ = ["Finding", "find_in_log", "find_in_tables"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One counted remark on the data: "users without profile", 79961, of 1141729."""

    code: str
    text: str
    count: int
    of: int


def find_in_tables(
    counts: pl.DataFrame,
    profiles: pl.DataFrame,
    attributes: Sequence[Feature],
    *,
    n_impossible_levels: int,
    n_impossible_prices: int,
    ads: pl.DataFrame,
) -> tuple[Finding, ...]:
    """List what the counts per user and the small tables tell, also where the count is 0.

    What was not counted, as no feature took it, is not listed.

    Parameters
    ----------
    counts : DataFrame
        Integer counts per user of the log.
    profiles : DataFrame
        Sound profiles.
    attributes : sequence of Feature
        Attributes of a profile.
    n_impossible_levels, n_impossible_prices : int
        Values that were set to unknown.
    ads : DataFrame
        Sound ads.
    """
    n_users, n_profiles = counts.height, profiles.height
    n_joined = counts.join(profiles, on="user_id", how="semi").height
    n_shown = int(counts["n_impressions"].sum())
    found = [
        Finding("users-without-profile", "users without profile", n_users - n_joined, n_users),
        Finding(
            "profiles-without-impression",
            "profiles without impression in the window",
            n_profiles - n_joined,
            n_profiles,
        ),
    ]
    for name, what in (
        ("n_categorised", "category of the ad"),
        ("n_priced", "price of the ad"),
        ("n_placed", "placement"),
    ):
        if name in counts.columns:
            text = f"impressions with unknown {what}"
            n_unknown = n_shown - int(counts[name].sum())
            found.append(Finding(f"unknown-{what.split()[0]}", text, n_unknown, n_shown))
    busiest = int(counts["n_impressions"].to_numpy().max(initial=0))
    text = "impressions of the busiest user"
    found.append(Finding("busiest-user", text, busiest, n_shown))
    text = "ads with an impossible price"
    found.append(Finding("impossible-price", text, n_impossible_prices, ads.height))
    for column in ("category_id", "brand_id", "price"):
        what = column.removesuffix("_id")
        text = f"ads with unknown {what}"
        found.append(Finding(f"ads-unknown-{what}", text, ads[column].null_count(), ads.height))
    found.append(
        Finding(
            "impossible-level",
            "profile levels below 0",
            n_impossible_levels,
            n_profiles * len(attributes),
        )
    )
    found.extend(
        Finding(
            f"unknown-{feature.name}",
            f"profiles with unknown {feature.label}",
            profiles[feature.name].null_count(),
            n_profiles,
        )
        for feature in attributes
    )
    return tuple(found)


def find_in_log(
    engine: Engine, parts: Sequence[Path], ads: pl.DataFrame, *, window: Window
) -> tuple[Finding, ...]:
    """Look deeper into the log: exact duplicates, ads without features, empty days.

    Parameters
    ----------
    engine : Engine
        Whose `split_log` made the parts.
    parts : sequence of Path
    ads : DataFrame
        Sound ads.
    window : Window
        Its local days are counted, also those that it cuts.
    """
    n_rows, n_repeated = 0, 0
    shown_ads: list[pl.DataFrame] = []
    days: list[pl.DataFrame] = []
    offset = window.utc_offset_hours * 3600
    day = ((nw.col("shown_at") + offset) // SECONDS_PER_DAY).cast(nw.Int64).alias("day")
    columns = ("user_id", "shown_at", "ad_id", "placement", "is_click")
    for part in parts:
        log = engine.scan_part(part)
        copies = log.group_by(*columns).agg(nw.len().cast(nw.Int64).alias("n"))
        total = copies.select(
            nw.col("n").sum().cast(nw.Int64).alias("n_rows"),
            nw.len().cast(nw.Int64).alias("n_distinct"),
        )
        row = engine.collect(total).row(0, named=True)
        n_rows += row["n_rows"]
        n_repeated += row["n_rows"] - row["n_distinct"]
        shown = log.group_by("ad_id").agg(nw.len().cast(nw.Int64).alias("n"))
        shown_ads.append(engine.collect(shown))
        days.append(engine.collect(log.select(day).unique()))
    ads_shown = pl.concat(shown_ads).filter(pl.col("ad_id").is_not_null())
    ads_shown = ads_shown.group_by("ad_id").agg(pl.col("n").sum())
    n_unknown_ads = ads_shown.join(ads, on="ad_id", how="anti").height
    first_day, last_day = (
        (each + offset) // SECONDS_PER_DAY for each in (window.start, window.end - 1)
    )
    n_days = last_day - first_day + 1
    n_days_seen = pl.concat(days)["day"].n_unique()
    return (
        Finding("exact-duplicate", "impressions that repeat another row", n_repeated, n_rows),
        Finding("ads-without-features", "ads without features", n_unknown_ads, ads_shown.height),
        Finding("empty-day", "days without impression", n_days - n_days_seen, n_days),
    )
