"""From the parts of a log to the user table."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import polars as pl

from segmentry.features._assembly import assemble
from segmentry.features._catalogue import LOG_FEATURES, counts_of, derived_features, log_columns_of
from segmentry.features._event_counts import AdNumbers, count_by_day, count_events, number_ads
from segmentry.features._ratios import BetaPrior, fit_beta_prior, shrink
from segmentry.features.events import Events, read_events
from segmentry.runtime.threads import do_together
from segmentry.schema import EVENT_COLUMNS, Feature, Frames, PartQueries, Window


@dataclass(frozen=True, slots=True, eq=False)
class LogCounts:
    """What was counted of a log, sorted by user.

    Integers: `users` has one row per user with an impression in the window, `early_users` the same
    of the days before some moment, `days` is ``user_id, day, n_impressions, n_clicks`` of all days
    of the window; the last two have no rows where no moment was given.
    """

    users: pl.DataFrame
    early_users: pl.DataFrame
    days: pl.DataFrame


def count_users(
    engine: PartQueries,
    parts: Sequence[Path],
    ads: pl.DataFrame,
    *,
    window: Window,
    main_placement: str | None,
    features: Sequence[Feature] = LOG_FEATURES,
    early: tuple[int, Sequence[Feature]] | None = None,
    values_by_day: bool = False,
    kept: Sequence[str] | None = None,
    on_part: Callable[[int, int], None] | None = None,
) -> LogCounts:
    """Count what the features are made of, part by part, and no more.

    The ads are one row each, with ``log_price``. Impressions outside the window are not counted.
    The share of the `main_placement` is measured. `early` is a moment, and the features of the
    impressions before it; then days are counted too. With `kept`, placements with the main one
    first, the events are kept for `kept_events`. `on_part` is called with (parts done, parts in
    all).
    """
    early_features = () if early is None else early[1]
    columns = log_columns_of((*features, *early_features))
    numbered = number_ads(ads) if "ad_id" in columns else None
    read = partial(
        read_events,
        window=window,
        ad_places=None if numbered is None else numbered.places,
        placements=(kept or (main_placement or "",)) if "placement" in columns else (),
        is_kept=kept is not None,
        amounts=[name for name in EVENT_COLUMNS if name in columns],
    )
    use = partial(
        _count_part,
        ads=numbered,
        counts=counts_of(features),
        early=None if early is None else (early[0], counts_of(early_features)),
        values_by_day=values_by_day,
    )
    tables: list[pl.DataFrame] = []
    early_tables: list[pl.DataFrame] = []
    days: list[pl.DataFrame] = []
    for done, found in enumerate(engine.map_parts(read, parts, use), start=1):
        for table, gathered in zip(found, (tables, early_tables, days), strict=True):
            if table is not None:
                gathered.append(table)
        if on_part is not None:
            on_part(done, len(parts))
    return LogCounts(
        users=assemble(tables, "user_id"),
        early_users=assemble(early_tables, "user_id"),
        days=assemble(days, "user_id", "day"),
    )


def _count_part(
    events: Events,
    *,
    ads: AdNumbers | None,
    counts: Collection[str],
    early: tuple[int, Collection[str]] | None,
    values_by_day: bool,
) -> Frames:
    """Count the events of a part: of all days, before some moment, and by day."""

    def count_early() -> tuple[pl.DataFrame | None, pl.DataFrame | None]:
        if early is None:
            return None, None
        before = events.taken(events.second < early[0] - events.midnight)
        found = count_events(before, ads, counts=early[1])
        return found, count_by_day(events, with_value=values_by_day)

    whole, earlier = do_together(partial(count_events, events, ads, counts=counts), count_early)
    return whole, *earlier


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

    The counts are from `count_users`, for the same features and window; the profiles have one row
    per user with the `attributes` to take over. The table is ``user_id, is_profiled``, the features
    of the log, the attributes; one row per user of the log or the profiles, sorted by ``user_id``.
    A saved `prior` shrinks the CTR; by default it is fitted to these users. It is returned too,
    null where the shrunk CTR is not requested.
    """
    names = [feature.name for feature in features]
    known = profiles.select("user_id", *(feature.name for feature in attributes))
    known = known.with_columns(pl.lit(value=True).alias("is_profiled"))
    users = counts.join(known, on="user_id", how="full", coalesce=True).sort("user_id")
    is_count = [feature.name for feature in features if feature.kind == "count"]
    if "ctr_shrunk" in names:  # which takes both, whether they are features or not
        is_count += [each for each in ("n_clicks", "n_impressions") if each not in is_count]
    users = users.with_columns(
        pl.col("is_profiled").fill_null(value=False), pl.col(*is_count).fill_null(0)
    )
    derived = derived_features(window)
    users = users.with_columns(derived[name].alias(name) for name in names if name in derived)
    if "ctr_shrunk" in names:
        clicks, impressions = users["n_clicks"].to_numpy(), users["n_impressions"].to_numpy()
        prior = fit_beta_prior(clicks, impressions) if prior is None else prior
        users = users.with_columns(pl.Series("ctr_shrunk", shrink(clicks, impressions, prior)))
    attribute_names = [feature.name for feature in attributes]
    return users.select("user_id", "is_profiled", *names, *attribute_names), prior
