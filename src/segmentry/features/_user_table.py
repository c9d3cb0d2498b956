"""From the parts of a log to the user table."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import polars as pl

from segmentry.features._assembly import assemble, compact
from segmentry.features._catalogue import LOG_FEATURES, counts_of, derived_features, log_columns_of
from segmentry.features._event_counts import AdNumbers, count_by_day, count_events, number_ads
from segmentry.features._ratios import BetaPrior, fit_beta_prior, shrink
from segmentry.features.events import Events, read_events
from segmentry.runtime.held import held
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
        found = compact(count_events(before, ads, counts=early[1]))
        return found, count_by_day(events, with_value=values_by_day)

    whole, earlier = do_together(partial(count_events, events, ads, counts=counts), count_early)
    return compact(whole), *earlier


def derive_features(
    counts: pl.DataFrame,
    profiles: pl.DataFrame,
    attributes: Sequence[Feature],
    *,
    window: Window,
    features: Sequence[Feature] = LOG_FEATURES,
    prior: BetaPrior | None = None,
    folder: Path | None = None,
) -> tuple[pl.DataFrame, BetaPrior | None]:
    """Join counts and profiles and work out the features, in raw units.

    The counts are from `count_users`, for the same features and window; the profiles have one row
    per user with the `attributes` to take over. The table is ``user_id, is_profiled``, the features
    of the log, the attributes; one row per user of the log or the profiles, sorted by ``user_id``.
    A saved `prior` shrinks the CTR; by default it is fitted to these users. It is returned too,
    null where the shrunk CTR is not requested. The table is `held` in a folder, or in memory.
    """
    names = [feature.name for feature in features]
    joined = _Joined.of(counts, profiles, features)
    shrunk: list[pl.Series] = []
    if "ctr_shrunk" in names:
        clicks, shown = (joined.count(each).to_numpy() for each in ("n_clicks", "n_impressions"))
        prior = fit_beta_prior(clicks, shown) if prior is None else prior
        shrunk.append(pl.Series("ctr_shrunk", shrink(clicks, shown, prior)))
    derived = derived_features(window)

    def columns() -> Iterator[pl.Series]:
        yield joined.rows["user_id"]
        yield joined.rows["known"].is_not_null().alias("is_profiled")
        for name in names:
            if name in derived:
                yield joined.derived(derived[name].alias(name))
            else:
                yield shrunk.pop() if name == "ctr_shrunk" else joined.count(name)
        for attribute in attributes:
            yield profiles[attribute.name].gather(joined.rows["known"])

    return held(columns(), folder), prior


@dataclass(frozen=True, slots=True, eq=False)
class _Joined:
    """The users of the log or the profiles; their columns are made one at a time."""

    rows: pl.DataFrame
    """``user_id`` and the row of each user in both tables: ``counted, known``."""
    counts: pl.DataFrame
    filled: frozenset[str]
    """The counts that are 0 of users who are not in the log."""

    @classmethod
    def of(
        cls, counts: pl.DataFrame, profiles: pl.DataFrame, features: Sequence[Feature]
    ) -> "_Joined":
        filled = {feature.name for feature in features if feature.kind == "count"}
        if any(feature.name == "ctr_shrunk" for feature in features):
            # It takes both, whether they are features or not.
            filled |= {"n_clicks", "n_impressions"}
        here, there = (
            table.select("user_id").with_row_index(name)
            for table, name in ((counts, "counted"), (profiles, "known"))
        )
        rows = here.join(there, on="user_id", how="full", coalesce=True).sort("user_id")
        return cls(rows, counts, frozenset(filled))

    def count(self, name: str) -> pl.Series:
        """Return a count of all users, as wide as it is calculated with."""
        column = self.counts[name].gather(self.rows["counted"])
        if column.dtype.is_integer():
            column = column.cast(pl.Int64)
        return column.fill_null(0) if name in self.filled else column

    def derived(self, feature: pl.Expr) -> pl.Series:
        """Return what follows of counts."""
        taken = dict.fromkeys(feature.meta.root_names())
        return pl.DataFrame([self.count(each) for each in taken]).select(feature).to_series()
