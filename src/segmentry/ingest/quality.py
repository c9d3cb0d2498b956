"""What is odd about the data, counted: joins, nulls, impossible values, duplicates, one bot."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import narwhals.stable.v2 as nw
import polars as pl

from segmentry.errors import DataError
from segmentry.ingest.ids import damage_of, other_spelling
from segmentry.schema import (
    EVENT_COLUMNS,
    SECONDS_PER_DAY,
    Engine,
    Feature,
    RowAccount,
    Source,
    UtcOffset,
    Window,
)

UNREADABLE = "unreadable-"
"""How the codes of findings about values that cannot be read begin."""
SPELLED = "other-spelling-"
"""How the codes of findings about ids that are written in two ways begin."""
_MAX_EXAMPLE = 40


@dataclass(frozen=True, slots=True)
class Finding:
    """One counted remark on the data: "users without profile", 79961, of 1141729."""

    code: str
    text: str
    count: int
    of: int


@dataclass(frozen=True, slots=True)
class DataReport:
    """What was read, what was set aside and what is odd about it."""

    source: str
    """Kind of the source, "taobao", or the user's name for it."""
    starts_at: int | None
    ends_at: int | None
    """`starts_at`, `ends_at`: the window ``[starts_at, ends_at)`` in epoch seconds; null where
    events have no times."""
    utc_offset_hours: UtcOffset
    accounts: tuple[RowAccount, ...]
    findings: tuple[Finding, ...]
    """Joins, nulls, duplicates, impossible values; every check is listed, also with count 0."""


def find_in_tables(
    counts: pl.DataFrame,
    profiles: pl.DataFrame,
    source: Source,
    *,
    n_impossible_levels: int,
    n_impossible_prices: int,
    ads: pl.DataFrame,
) -> tuple[Finding, ...]:
    """List what the counts per user and the small tables tell, also where the count is 0.

    What was not counted, as no feature took it or the data lack it, is not listed. `counts` are
    integers per user of the log; impossible values were set to unknown.
    """
    n_shown = int(counts["n_impressions"].sum())
    found = list(_joins(counts, profiles, source)) if source.profiles is not None else []
    n_damaged, how = damage_of(counts["user_id"])
    if n_damaged:
        found.append(Finding("damaged-user_id", f"ids of users {how}", n_damaged, counts.height))
    for name, what in (
        ("n_categorised", "category of the ad"),
        ("n_priced", "price of the ad"),
        ("n_placed", "placement"),
    ):
        if name in counts.columns:
            text = f"{source.events} with unknown {what}"
            n_unknown = n_shown - int(counts[name].sum())
            found.append(Finding(f"unknown-{what.split()[0]}", text, n_unknown, n_shown))
    busiest = int(counts["n_impressions"].to_numpy().max(initial=0))
    found.append(Finding("busiest-user", f"{source.events} of the busiest user", busiest, n_shown))
    if source.ads is not None:
        found.extend(_of_ads(ads, source.ads.columns, n_impossible_prices))
    if source.profiles is not None:
        found.extend(find_in_profiles(profiles, source.attributes, n_impossible_levels))
    return tuple(found)


def _joins(counts: pl.DataFrame, profiles: pl.DataFrame, source: Source) -> Iterator[Finding]:
    n_users, n_profiles = counts.height, profiles.height
    n_joined = counts.join(profiles, on="user_id", how="semi").height
    yield Finding("users-without-profile", "users without profile", n_users - n_joined, n_users)
    when = " in the window" if "time" in source.provides else ""
    text = f"profiles without {source.event}{when}"
    yield Finding("profiles-without-impression", text, n_profiles - n_joined, n_profiles)
    users, others = counts["user_id"], profiles["user_id"]
    yield from _of_spelling("user_id", "users without profile", users, others)


def _of_spelling(name: str, what: str, ids: pl.Series, others: pl.Series) -> Iterator[Finding]:
    """Say how two tables write the ids that do not join, where that is why."""
    if ids.dtype != pl.String:
        return
    here, there = (
        one.filter(~one.is_in(other.implode())) for one, other in ((ids, others), (others, ids))
    )
    n_alike, cause = other_spelling(here, there)
    if n_alike:
        text = f"{what} that are there under another spelling of the id: {cause}"
        yield Finding(f"{SPELLED}{name}", text, n_alike, ids.len())


def _of_ads(ads: pl.DataFrame, columns: Collection[str], n_impossible: int) -> Iterator[Finding]:
    if "price" in columns:
        text = "ads with an impossible price"
        yield Finding("impossible-price", text, n_impossible, ads.height)
    for column in ("category_id", "brand_id", "price"):
        if column in columns:
            what = column.removesuffix("_id")
            n_unknown = ads[column].null_count()
            yield Finding(f"ads-unknown-{what}", f"ads with unknown {what}", n_unknown, ads.height)


def find_in_profiles(
    profiles: pl.DataFrame, attributes: Sequence[Feature], n_impossible: int
) -> tuple[Finding, ...]:
    """Count impossible and unknown values of the attributes.

    >>> find_in_profiles(pl.DataFrame({"user_id": [1]}), (), 0)[0].text
    'profile values that are impossible: levels below 0, or none of those declared'
    """
    text = "profile values that are impossible: levels below 0, or none of those declared"
    n_values = profiles.height * len(attributes)
    return (
        Finding("impossible-level", text, n_impossible, n_values),
        *(
            Finding(
                f"unknown-{feature.name}",
                f"profiles with unknown {feature.label}",
                profiles[feature.name].null_count(),
                profiles.height,
            )
            for feature in attributes
        ),
    )


def find_in_log(
    engine: Engine, parts: Sequence[Path], ads: pl.DataFrame, source: Source, *, window: Window
) -> tuple[Finding, ...]:
    """Look deeper into the log: exact duplicates, ads without features, empty days.

    What the data lack is not listed. All local days of the window are counted, also those that it
    cuts.
    """
    n_rows, n_repeated = 0, 0
    shown_ads: list[pl.DataFrame] = []
    days: list[pl.DataFrame] = []
    offset = round(window.utc_offset_hours * 3600)
    day = ((nw.col("shown_at") + offset) // SECONDS_PER_DAY).cast(nw.Int64).alias("day")
    present = {} if source.impressions is None else source.impressions.columns
    amounts = [name for name in EVENT_COLUMNS if name in present]
    columns = ("user_id", "shown_at", "ad_id", "placement", "is_click", *amounts)
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
    text = f"{source.events} that repeat another row"
    found = [Finding("exact-duplicate", text, n_repeated, n_rows)]
    if source.impressions is not None and "n_impressions" in present:
        text = f"rows of the log, which hold the counts of {source.events}"
        found = [Finding("rows-of-counts", text, engine.count_rows(source.impressions), n_rows)]
    if source.ads is not None and "ad" in source.provides:
        text = "ads without features"
        found.append(Finding("ads-without-features", text, n_unknown_ads, ads_shown.height))
        found += _of_spelling("ad_id", text, ads_shown["ad_id"], ads["ad_id"])
    if "time" in source.provides:
        text = f"days without {source.event}"
        found.append(Finding("empty-day", text, n_days - n_days_seen, n_days))
    return tuple(found)


def unreadable_values(
    name: str, *, rows: str, column: str, example: str, count: int, of: int
) -> Finding:
    """Report values of a column that are there and cannot be read.

    >>> unreadable_values("spend", rows="users", column="Spend", example="n/a", count=3, of=9).text
    "users with an unreadable 'Spend', such as 'n/a'"
    """
    such = f", such as {example[:_MAX_EXAMPLE]!r}" if example else ""
    return Finding(f"{UNREADABLE}{name}", f"{rows} with an unreadable {column!r}{such}", count, of)


def refuse_rejections(accounts: Iterable[RowAccount], unreadable: Iterable[Finding] = ()) -> None:
    """Refuse tables with rejected rows or unreadable values, by a DataError that lists them."""
    bad = [
        f"{account.role}: {n:,} {reason}"
        for account in accounts
        for reason, n in account.rejected.items()
    ]
    odd = [f"{found.count:,} {found.text}" for found in unreadable]
    if bad:
        raise DataError(f"--strict: rows were rejected ({'; '.join(bad + odd)}); fix the files")
    if odd:
        raise DataError(
            f"--strict: values could not be read ({'; '.join(odd)}); declare how they are written "
            "in the mapping (decimal, thousands, missing), or fix the file"
        )
