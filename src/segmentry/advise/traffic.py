"""What plans take from a run folder: users, their days, and the segments by any part of them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from segmentry.describe.profiles import SegmentProfile
from segmentry.errors import DataError
from segmentry.evaluation.later_days import Relabelling
from segmentry.features import fit_beta_prior
from segmentry.features.user_days import UserDays
from segmentry.features.users import behaviour_days_of
from segmentry.features.windows import local_days
from segmentry.privacy import published_ids
from segmentry.results.run_folder import (
    read_before,
    read_bundle,
    read_early,
    read_min_size,
    read_segments,
    read_user_table,
    reuse_behaviours,
)
from segmentry.results.summary import Summary, read_summary
from segmentry.schema import DataTraits
from segmentry.segments.forming import membership, recipe_named

Attribution = Literal["view", "click"]
_ATTRIBUTIONS: tuple[Attribution, ...] = ("view", "click")


@dataclass(frozen=True, slots=True, eq=False)
class RunTraffic:
    """What plans take from a run folder."""

    summary: Summary
    users: pl.DataFrame
    """``user_id, segment_id, n_impressions, n_clicks``, in the order of the user table; users of
    segments that are too small to be shown are with those of the largest."""
    counts: UserDays
    """Of all days."""
    relabelling: Relabelling
    """The segments of all days by a part of them."""
    days: range
    """Local days of the log."""
    shown_as: npt.NDArray[np.int64]
    """Shape (n_segments + 1,): the segment that stands for each one, 0 included."""
    credits: Mapping[Attribution, UserDays] = field(default_factory=dict)
    """Of all days, with the purchases that are credited to an impression in place of the clicks;
    empty where the run read no behaviours."""
    _known: dict[frozenset[int], npt.NDArray[np.int16]] = field(default_factory=dict)

    @property
    def segments(self) -> list[SegmentProfile]:
        """Segments of which figures may be shown."""
        shown = set(self.shown_as.tolist())
        return [each for each in self.summary.segments if each.segment_id in shown]

    def relabel(self, days: Collection[int]) -> npt.NDArray[np.int64]:
        """Return the segment ids by some days, as they are shown.

        Kept, because traffic and forecasts leave out the same days: a call takes a second for a
        million users.
        """
        requested = frozenset(days)
        if requested not in self._known:
            ids = self.shown_as[self.relabelling.labels(days)]
            self._known[requested] = ids.astype(np.int16)
        return self._known[requested].astype(np.int64)


def _remedy_of(traits: DataTraits) -> str:
    """Say what a run lacks that has no later days."""
    if not traits.has_log:
        return "a ready table of users has no days; plan with a run of a log"
    if not traits.has_time:
        return "its log has no times; name their column in the mapping"
    return "run it again with --recipe default, on a log of three days or more"


def read_traffic(run_dir: Path) -> RunTraffic:
    """Read what plans take from a run folder.

    Raises BundleError if the run folder cannot be read; DataError if the run was not checked on
    later days.
    """
    bundle, summary = read_bundle(run_dir), read_summary(run_dir)
    early = read_early(run_dir)
    if early is None or bundle.window is None:
        raise DataError(
            f"{run_dir}: this run did not check its segments on later days, so there is no "
            f"forecast to plan with; {_remedy_of(summary.traits)}"
        )
    table = read_user_table(run_dir)
    behaviours = reuse_behaviours(run_dir, bundle)
    behaviour_days = None if behaviours is None else behaviours.days
    by_day = None
    if behaviours is not None and behaviour_days is not None:
        by_day = behaviour_days_of(
            behaviour_days, table["user_id"], history=behaviours.window, window=bundle.window
        )
    counts = UserDays.from_frame(early[1], users=table["user_id"], behaviours=by_day)
    days = local_days(bundle.window)
    totals = counts.totals(days)
    recipe = recipe_named(bundle.recipe)
    is_member, _ = membership(recipe, bundle.preprocessing, table)
    relabelling = Relabelling(
        table=table,
        counts=counts,
        days=tuple(days),
        preprocessing=bundle.preprocessing,
        centers=np.array(bundle.centers, dtype=np.float64),
        prior=bundle.prior or fit_beta_prior(totals.n_successes, totals.n_trials),
        is_member=is_member,
        needs_impressions=recipe.population == "shown",
        model=bundle.latent,
        ids_before=read_before(run_dir),
    )
    ids = read_segments(run_dir).select("user_id", "segment_id")
    users = (
        table.select("user_id")
        .with_columns(n_impressions=totals.n_trials, n_clicks=totals.n_successes)
        .join(ids, on="user_id", how="left", maintain_order="left")
    )
    shown_as = shown_as_of(run_dir, users["segment_id"], n_segments=len(summary.segments))
    shown_ids = shown_as[users["segment_id"].to_numpy().astype(np.int64)]
    credits_by_kind: dict[Attribution, UserDays] = {}
    if behaviours is not None and behaviour_days is not None and "purchases" in behaviours.provides:
        credits_by_kind = {
            kind: _credits(early[1], behaviour_days, f"n_{kind}_credits", table["user_id"], days)
            for kind in _ATTRIBUTIONS
        }
    return RunTraffic(
        summary=summary,
        users=users.with_columns(pl.Series("segment_id", shown_ids)),
        counts=counts,
        relabelling=relabelling,
        days=days,
        shown_as=shown_as,
        credits=credits_by_kind,
    )


def _credits(
    shown: pl.DataFrame, behaviours: pl.DataFrame, name: str, users: pl.Series, days: range
) -> UserDays:
    """Return impressions by day, and the credited purchases of the day in place of the clicks."""
    bought = behaviours.filter(pl.col(name) > 0, pl.col("day").is_in(days))
    joined = shown.drop("n_clicks").join(
        bought.select("user_id", pl.col("day").cast(pl.Int64), pl.col(name).alias("n_clicks")),
        on=["user_id", "day"],
        how="full",
        coalesce=True,
    )
    return UserDays.from_frame(joined.fill_null(0), users=users)


def shown_as_of(run_dir: Path, segment_ids: pl.Series, *, n_segments: int) -> npt.NDArray[np.int64]:
    """Return the segment that stands for each one: the largest for those that may not be shown."""
    min_size = read_min_size(run_dir)
    ids = segment_ids.to_numpy().astype(np.int64)
    shown, withheld = published_ids(ids, n_segments=n_segments, min_size=min_size)
    shown_as = np.arange(n_segments + 1)
    for segment_id in withheld:
        shown_as[segment_id] = shown[ids == segment_id][0]
    return shown_as
