"""Plan with the segments of a run: everything comes from its folder."""

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from segmentry.advise.budget import BudgetPlan, BudgetRequest, Outcome, SegmentTraffic
from segmentry.advise.budget import plan_budget as divide
from segmentry.describe.profiles import SegmentProfile
from segmentry.errors import ConfigError, DataError
from segmentry.evaluation.later_days import FoldRates, Relabelling, fold_rates, verdicts
from segmentry.features import fit_beta_prior
from segmentry.features.behaviour_steps import behaviour_days_of
from segmentry.features.user_days import UserCounts, UserDays
from segmentry.features.windows import local_days, split_window
from segmentry.privacy import published_ids
from segmentry.results.behaviours import reuse_behaviours
from segmentry.results.run_folder import (
    read_bundle,
    read_early,
    read_min_size,
    read_segments,
    read_user_table,
    written_plan,
)
from segmentry.results.summary import Summary, read_summary
from segmentry.runtime.sampling import hash_shares
from segmentry.segments.forming import membership, recipe_named

Attribution = Literal["view", "click"]

__all__ = [
    "RunTraffic",
    "as_json",
    "budget_rates",
    "plan_budget",
    "read_traffic",
    "segment_traffic",
]

_FOLDS = "budget folds"
_ATTRIBUTIONS: tuple[Attribution, ...] = ("view", "click")


@dataclass(frozen=True, slots=True, eq=False)
class RunTraffic:
    """What plans take from a run folder.

    Parameters
    ----------
    summary : Summary
    users : DataFrame
        ``user_id, segment_id, n_impressions, n_clicks``, in the order of the user table; users of
        segments that are too small to be shown are with those of the largest.
    counts : UserDays
        Of all days.
    relabelling : Relabelling
        The segments of all days by a part of them.
    days : range
        Local days of the log.
    shown_as : ndarray of int, shape (n_segments + 1,)
        The segment that stands for each one, 0 included.
    known : dict
        Segment ids by the days they were asked for.
    credits : mapping of str to UserDays
        Of all days, with the purchases that are credited to an impression in place of the clicks;
        empty where the run read no behaviours.
    """

    summary: Summary
    users: pl.DataFrame
    counts: UserDays
    relabelling: Relabelling
    days: range
    shown_as: npt.NDArray[np.int64]
    known: dict[frozenset[int], npt.NDArray[np.int16]] = field(default_factory=dict)
    credits: Mapping[Attribution, UserDays] = field(default_factory=dict)

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
        asked = frozenset(days)
        if asked not in self.known:
            ids = self.shown_as[self.relabelling.labels(days)]
            self.known[asked] = ids.astype(np.int16)
        return self.known[asked].astype(np.int64)


def read_traffic(run_dir: Path) -> RunTraffic:
    """Read what plans take from a run folder.

    Raises
    ------
    BundleError
        If the run folder cannot be read.
    DataError
        If the run was not checked on later days.
    """
    bundle, summary = read_bundle(run_dir), read_summary(run_dir)
    early = read_early(run_dir)
    if early is None or bundle.window is None:
        raise DataError(
            f"{run_dir}: this run did not check its segments on later days, so there is no "
            "forecast to plan with; run it again with --recipe default"
        )
    table = read_user_table(run_dir)
    behaviours = reuse_behaviours(run_dir, bundle)
    by_day = None
    if behaviours is not None and behaviours.days is not None:
        by_day = behaviour_days_of(
            behaviours.days, table["user_id"], history=behaviours.window, window=bundle.window
        )
    counts = UserDays.from_frame(early[1], users=table["user_id"], behaviours=by_day)
    days = local_days(bundle.window)
    totals = counts.totals(days)
    prior = bundle.prior or fit_beta_prior(totals.n_successes, totals.n_trials)
    recipe = recipe_named(bundle.recipe)
    is_member, _ = membership(recipe, bundle.preprocessing, table)
    relabelling = Relabelling(
        table=table,
        counts=counts,
        days=tuple(days),
        preprocessing=bundle.preprocessing,
        centers=np.array(bundle.centers, dtype=np.float64),
        prior=prior,
        is_member=is_member,
        needs_impressions=recipe.population == "shown",
        model=bundle.latent,
    )
    users = pl.DataFrame(
        {
            "user_id": table["user_id"],
            "n_impressions": totals.n_trials,
            "n_clicks": totals.n_successes,
        }
    ).join(
        read_segments(run_dir).select("user_id", "segment_id"),
        on="user_id",
        how="left",
        maintain_order="left",
    )
    shown_as = _shown_as(run_dir, users["segment_id"], n_segments=len(summary.segments))
    ids = pl.Series("segment_id", shown_as[users["segment_id"].to_numpy().astype(np.int64)])
    users = users.with_columns(ids)
    if behaviours is None or behaviours.days is None or "purchases" not in behaviours.provides:
        return RunTraffic(summary, users, counts, relabelling, days, shown_as)
    credited = {
        kind: _credits(early[1], behaviours.days, f"n_{kind}_credits", table["user_id"], days)
        for kind in _ATTRIBUTIONS
    }
    return RunTraffic(summary, users, counts, relabelling, days, shown_as, credits=credited)


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


def _shown_as(run_dir: Path, segment_ids: pl.Series, *, n_segments: int) -> npt.NDArray[np.int64]:
    """Return the segment that stands for each one: the largest for those that may not be shown."""
    min_size = read_min_size(run_dir)
    ids = segment_ids.to_numpy().astype(np.int64)
    shown, withheld = published_ids(ids, n_segments=n_segments, min_size=min_size)
    shown_as = np.arange(n_segments + 1)
    for segment_id in withheld:
        shown_as[segment_id] = shown[ids == segment_id][0]
    return shown_as


def plan_budget(
    run_dir: Path | str,
    *,
    impressions: int | None = None,
    money: float | None = None,
    cost_per_impression: float | None = None,
    days: float | None = None,
    response: Literal["linear", "concave"] = "linear",
    exponent: float | None = None,
    floors: Mapping[int, float] | None = None,
    caps: Mapping[int, float] | None = None,
    max_change: float = 2.0,
    by: Outcome = "clicks",
    attribution: Attribution = "view",
    n_draws: int = 1000,
    seed: int = 0,
) -> BudgetPlan:
    """Divide a budget among the segments of a run and write ``plan/budget.json`` into its folder.

    Parameters
    ----------
    run_dir : Path or str
        A run folder.
    impressions : int, optional
        The budget; or `money` with `cost_per_impression`.
    money, cost_per_impression : float, optional
    days : float, optional
        Time in which they are to be shown; by default as long as the log.
    response, exponent, floors, caps, max_change
        As in `BudgetRequest`.
    by : {"clicks", "purchases"}
        What the impressions are to bring. Purchases take a run with behaviours; they are credited
        to impressions, an association.
    attribution : {"view", "click"}
        To which impression a purchase is credited: the last of its category in the 7 days before
        it, or the last that was clicked.
    n_draws, seed : int
        Of the bootstrap.

    Raises
    ------
    ConfigError
        If an option makes no sense, or the budget is above all inventory.
    DataError
        If the run has no forecast, or one segment only.
    BundleError
        If the run folder cannot be read.
    """
    n_impressions = _budget(impressions, money, cost_per_impression)
    traffic = read_traffic(Path(run_dir))
    n_days = float(len(traffic.days))
    if exponent is None:
        exponent = 0.8 if response == "concave" else 1.0
    request = BudgetRequest(
        n_impressions=n_impressions,
        cost_per_impression=cost_per_impression,
        n_days=n_days if days is None else days,
        response=response,
        exponent=exponent,
        floors=floors or {},
        caps=caps or {},
        max_change=max_change,
        outcome=by,
    )
    segments = segment_traffic(traffic)
    credited = None
    if by == "purchases":
        credited = _credited(Path(run_dir), traffic, attribution)
        told = _purchase_verdicts(Path(run_dir), traffic, attribution, seed=seed)
        segments = [replace(each, verdict=told[each.segment_id]) for each in segments]
    rates = budget_rates(
        Path(run_dir),
        traffic,
        n_days=request.n_days,
        credited=credited,
        n_draws=n_draws,
        seed=seed,
    )
    plan = divide(segments, rates, request, n_days_of_log=n_days)
    with written_plan(Path(run_dir), "budget.json") as partial:
        partial.write_text(as_json(plan), encoding="utf-8")
    return plan


def _credited(run_dir: Path, traffic: RunTraffic, attribution: Attribution) -> UserDays:
    """Return the impressions with credits, or say why there are none.

    Raises
    ------
    DataError
        If the run knows of no purchase that followed an ad.
    """
    found = traffic.credits.get(attribution)
    if found is None:
        raise DataError(
            f"{run_dir}: --by purchases: this run knows of no purchases with times; run it again "
            "on a folder with a behaviour log and --with behaviours"
        )
    if not found.n_clicks.any():
        raise DataError(
            f"{run_dir}: --by purchases: no purchase followed "
            f"{'an impression' if attribution == 'view' else 'a click'} of its category within 7 "
            "days; expected some; divide by clicks"
        )
    return found


def _purchase_verdicts(
    run_dir: Path, traffic: RunTraffic, attribution: Attribution, *, seed: int
) -> dict[int, str]:
    """Judge on later days whether segments differ in purchases credited to their impressions.

    A segment that was not found again on all days is not validated, as for clicks.
    """
    truth, report = traffic.summary.truth, traffic.summary.conversions
    told = {each.segment_id: "not validated" for each in traffic.summary.segments}
    split = split_window(read_bundle(run_dir).window)
    if truth is None or report is None or split.outcome is None:
        return told
    segments = read_segments(run_dir).select("user_id", "feature_segment_id")
    ids = (
        traffic.users.select("user_id")
        .join(segments, on="user_id", how="left", maintain_order="left")["feature_segment_id"]
        .to_numpy()
        .astype(np.int64)
    )
    credited = traffic.credits[attribution]
    found = verdicts(
        ids,
        seen=_capped(credited, local_days(split.feature)),
        later=_capped(credited, local_days(split.outcome)),
        n_segments=int(ids.max(initial=0)),
        seed=seed,
    )
    kept = {each.segment_id for each in report.segments if each.purchases is not None}
    return told | {e.segment_id: e.verdict for e in found if e.segment_id in kept}


def _capped(credited: UserDays, days: range) -> UserCounts:
    """Sum over days; a user with more purchases than impressions counts as all of them."""
    sums = np.zeros((2, credited.n_users), dtype=np.int64)
    for rows in credited.rows_of(days):
        sums[0, credited.user_index[rows]] += credited.n_impressions[rows]
        sums[1, credited.user_index[rows]] += credited.n_clicks[rows]
    return UserCounts(sums[0], np.minimum(sums[0], sums[1]))


def budget_rates(
    run_dir: Path,
    traffic: RunTraffic,
    *,
    n_days: float,
    credited: UserDays | None = None,
    n_draws: int = 1000,
    seed: int = 0,
) -> tuple[FoldRates, FoldRates]:
    """Forecast the rates of the segments that are shown, apart for two halves of the users.

    Those of clicks, or of impressions to which a purchase is `credited`.

    Raises
    ------
    DataError
        If there is no forecast.
    """
    rates = fold_rates(
        traffic.counts if credited is None else credited,
        traffic.relabel,
        days=traffic.days,
        n_segments=len(traffic.summary.segments),
        shares=hash_shares(traffic.users["user_id"], salt=f"{_FOLDS} {seed}"),
        n_days_ahead=n_days,
        n_draws=n_draws,
        seed=seed,
    )
    if rates is None:
        raise DataError(
            f"{run_dir}: no forecast: no impression of a user who was also shown ads on another "
            "day; expected a log of several days"
        )
    places = [each.segment_id - 1 for each in traffic.segments]
    return rates[0].of(places), rates[1].of(places)


def _budget(impressions: int | None, money: float | None, cost: float | None) -> int:
    if (impressions is None) == (money is None):
        raise ConfigError("expected either --impressions N or --money M; give one of them")
    if cost is not None and not 0 < cost < float("inf"):
        raise ConfigError(f"--cost-per-impression {cost:g}: expected more than 0")
    if impressions is not None:
        return impressions
    if cost is None:
        raise ConfigError(
            "--money: the cost of an impression is missing; add --cost-per-impression"
        )
    bought = (money or 0.0) / cost
    if not 1 <= bought < 1e15:
        raise ConfigError(f"--money {money:g}: buys no impression at {cost:g} each; ask for more")
    return int(bought * (1 + 1e-12))


def segment_traffic(traffic: RunTraffic) -> list[SegmentTraffic]:
    """Return users and impressions of the segments that are shown."""
    totals = traffic.users.group_by("segment_id").agg(pl.len(), pl.col("n_impressions").sum())
    found = {segment_id: (n, shown) for segment_id, n, shown in totals.iter_rows()}
    return [
        SegmentTraffic(
            segment_id=segment.segment_id,
            name=segment.name,
            verdict=segment.verdict,
            n_users=found[segment.segment_id][0],
            n_impressions=found[segment.segment_id][1],
        )
        for segment in traffic.segments
    ]


def as_json(plan: Any) -> str:
    """Return a plan as indented JSON, ending with a new line."""
    return json.dumps(asdict(plan), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
