"""From the parts of a log to the user table."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import narwhals.stable.v2 as nw
import polars as pl

from segmentry.errors import EmptyDataError
from segmentry.features._assembly import assemble
from segmentry.features._catalogue import LOG_FEATURES
from segmentry.features._event_counts import count_by_day, count_events
from segmentry.features._events import Events, number_ads, read_events
from segmentry.features._needs import counts_of, log_columns_of
from segmentry.features._ratios import BetaPrior, fit_beta_prior, ratio, shrink
from segmentry.runtime.threads import ahead, do_together
from segmentry.schema import MICRO, SECONDS_PER_DAY, Engine, Feature, UserTally, Window


@dataclass(frozen=True, slots=True)
class LogFacts:
    """What must be known of the whole log before users can be counted.

    Parameters
    ----------
    first_at, last_at : int
        Moments of the first and the last impression.
    main_placement : str or None
        The most frequent placement, the first by name among equals.
    """

    first_at: int
    last_at: int
    main_placement: str | None


def find_log_facts(engine: Engine, parts: Sequence[Path]) -> LogFacts:
    """Find the extent of a log and its main placement.

    Raises
    ------
    EmptyDataError
        If there is no impression.
    """
    shown_at = nw.col("shown_at")
    found = [
        engine.collect(
            engine.scan_part(part)
            .group_by("placement")
            .agg(
                nw.len().cast(nw.Int64).alias("n"),
                shown_at.min().cast(nw.Int64).alias("first_at"),
                shown_at.max().cast(nw.Int64).alias("last_at"),
            )
        )
        for part in parts
    ]
    if not found:
        raise EmptyDataError("no impression is left to work on; see the rejected rows")
    facts = pl.concat(found)
    known = facts.filter(pl.col("placement").is_not_null())
    ranked = known.group_by("placement").agg(pl.col("n").sum())
    ranked = ranked.sort("n", "placement", descending=[True, False])
    return LogFacts(
        first_at=int(facts["first_at"].min()),  # type: ignore[arg-type]  # an int column
        last_at=int(facts["last_at"].max()),  # type: ignore[arg-type]  # an int column
        main_placement=ranked["placement"][0] if ranked.height else None,
    )


def facts_of_tally(tally: UserTally) -> LogFacts:
    """Find the extent of a log of which users were only counted; it has no main placement.

    Examples
    --------
    >>> from segmentry.schema import RowAccount
    >>> counts = pl.DataFrame({"first_seen_at": [7, 3], "last_seen_at": [8, 5]})
    >>> facts = facts_of_tally(UserTally(counts, RowAccount("impressions", 4, 4, {}, {})))
    >>> facts.first_at, facts.last_at
    (3, 8)
    """
    first, last = tally.counts["first_seen_at"], tally.counts["last_seen_at"]
    return LogFacts(
        first_at=int(first.to_numpy().min()),
        last_at=int(last.to_numpy().max()),
        main_placement=None,
    )


@dataclass(frozen=True, slots=True, eq=False)
class LogCounts:
    """What was counted of a log, sorted by user.

    Parameters
    ----------
    users : DataFrame
        One integer row per user with an impression in the window.
    early_users : DataFrame
        The same of the days before some moment; without rows where none were asked for.
    days : DataFrame
        ``user_id, day, n_impressions, n_clicks`` of all days of the window; as `early_users`.
    """

    users: pl.DataFrame
    early_users: pl.DataFrame
    days: pl.DataFrame


def count_users(
    engine: Engine,
    parts: Sequence[Path],
    ads: pl.DataFrame,
    *,
    window: Window,
    main_placement: str | None,
    features: Sequence[Feature] = LOG_FEATURES,
    early: tuple[int, Sequence[Feature]] | None = None,
    on_part: Callable[[int, int], None] | None = None,
) -> LogCounts:
    """Count what the features are made of, part by part.

    Parameters
    ----------
    engine : Engine
        Whose `split_log` made the parts.
    parts : sequence of Path
        Each holds all rows of its users.
    ads : DataFrame
        One row per ad, with ``log_price``.
    window : Window
        Impressions outside are not counted.
    main_placement : str or None
        The placement whose share is measured.
    features : sequence of Feature
        Features of the log that the counts are for; no more is counted.
    early : tuple of int and sequence of Feature, optional
        A moment, and the features of the impressions before it; then days are counted too.
    on_part : callable, optional
        Called with (parts done, parts in all).
    """
    early_features = () if early is None else early[1]
    columns = log_columns_of((*features, *early_features))
    numbered = number_ads(ads) if "ad_id" in columns else None
    tables: list[pl.DataFrame] = []
    early_tables: list[pl.DataFrame] = []
    days: list[pl.DataFrame] = []

    def read(part: Path) -> Events:
        return read_events(
            engine,
            part,
            window=window,
            ads=numbered,
            main_placement=main_placement or "",
            columns=columns,
        )

    def count_early(events: Events) -> tuple[pl.DataFrame, pl.DataFrame] | None:
        if early is None:
            return None
        before = count_events(events.before(early[0]), numbered, counts=counts_of(early_features))
        return before, count_by_day(events)

    for done, events in enumerate(ahead(read, parts), start=1):
        counted, earlier = do_together(
            partial(count_events, events, numbered, counts=counts_of(features)),
            partial(count_early, events),
        )
        tables.append(counted)
        if earlier is not None:
            early_tables.append(earlier[0])
            days.append(earlier[1])
        if on_part is not None:
            on_part(done, len(parts))
    return LogCounts(
        users=assemble(tables, "user_id"),
        early_users=assemble(early_tables, "user_id"),
        days=assemble(days, "user_id", "day"),
    )


def derive_features(
    counts: pl.DataFrame,
    profiles: pl.DataFrame,
    attributes: Sequence[Feature],
    *,
    window: Window,
    features: Sequence[Feature] = LOG_FEATURES,
    prior: BetaPrior | None = None,
) -> tuple[pl.DataFrame, BetaPrior | None]:
    """Join counts and profiles and work out the features, in raw units.

    Parameters
    ----------
    counts : DataFrame
        From `count_users`, for the same features.
    profiles : DataFrame
        ``user_id`` and attributes, one row per user.
    attributes : sequence of Feature
        The attributes to take over.
    window : Window
        The window of the counts.
    features : sequence of Feature
        The features of the log to work out.
    prior : BetaPrior, optional
        A saved prior for the shrunk CTR; fitted to these users by default.

    Returns
    -------
    table : DataFrame
        ``user_id, is_profiled``, the features of the log, the attributes; one row per user of
        the log or the profiles, sorted by ``user_id``.
    prior : BetaPrior or None
        The prior that was used; none where the shrunk CTR is not asked for.
    """
    names = [feature.name for feature in features]
    known = profiles.select("user_id", *(feature.name for feature in attributes))
    known = known.with_columns(pl.lit(value=True).alias("is_profiled"))
    users = counts.join(known, on="user_id", how="full", coalesce=True).sort("user_id")
    is_count = [feature.name for feature in features if feature.kind == "count"]
    users = users.with_columns(
        pl.col("is_profiled").fill_null(value=False), pl.col(*is_count).fill_null(0)
    )
    derived = _derived(window)
    users = users.with_columns(derived[name].alias(name) for name in names if name in derived)
    if "ctr_shrunk" in names:
        clicks, impressions = users["n_clicks"].to_numpy(), users["n_impressions"].to_numpy()
        prior = fit_beta_prior(clicks, impressions) if prior is None else prior
        users = users.with_columns(pl.Series("ctr_shrunk", shrink(clicks, impressions, prior)))
    attribute_names = [feature.name for feature in attributes]
    return users.select("user_id", "is_profiled", *names, *attribute_names), prior


def _derived(window: Window) -> dict[str, pl.Expr]:
    """Features that are worked out of counts, by name."""
    categorised = pl.col("n_categorised")
    mean_n_log_n = pl.col("n_log_n") / MICRO / categorised
    # Rounding in fixed point can leave -0.0000001 where there is one category.
    entropy = pl.when(categorised > 0).then(
        (categorised.log() - mean_n_log_n).clip(lower_bound=0.0)
    )
    quarters = ("night", "morning", "afternoon", "evening")
    return {
        "impressions_per_burst": ratio("n_impressions", "n_bursts"),
        "recency_days": (window.end - pl.col("last_seen_at")) / SECONDS_PER_DAY,
        "ctr": ratio("n_clicks", "n_impressions"),
        "category_entropy": entropy,
        "top_category_share": ratio("n_top_category", "n_categorised"),
        "mean_log_price_seen": ratio("log_price_seen", "n_priced") / MICRO,
        "mean_log_price_clicked": ratio("log_price_clicked", "n_priced_clicks") / MICRO,
        "main_placement_share": ratio("n_main_placement", "n_placed"),
        "weekend_share": ratio("n_weekend", "n_impressions"),
        "value_sum": pl.when(pl.col("n_valued") > 0).then(pl.col("value") / MICRO),
        "value_mean": ratio("value", "n_valued") / MICRO,
        "quantity_sum": pl.when(pl.col("n_quantified") > 0).then(pl.col("quantity") / MICRO),
        **{f"{each}_share": ratio(f"n_{each}", "n_impressions") for each in quarters},
    }
