"""Divide a budget among the segments of a run."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl

from segmentry.advise.budget._plan import divide_budget
from segmentry.advise.budget._records import BudgetPlan, BudgetRequest, Outcome, SegmentTraffic
from segmentry.advise.traffic import Attribution, RunTraffic, read_traffic
from segmentry.errors import ConfigError, DataError
from segmentry.evaluation.later_days import (
    FoldRates,
    fold_rates,
    forecast_ctr,
    half_shares,
    verdicts,
)
from segmentry.features.user_days import UserCounts, UserDays
from segmentry.features.windows import local_days, split_window
from segmentry.results.elsewhere import takes_places
from segmentry.results.run_folder import read_bundle, written_plan
from segmentry.runtime.codec import Codec

_PLAN = Codec(
    BudgetPlan, what="plan of a budget", version=1, remedy="run segmentry plan budget again"
)


@takes_places(runs=("run_dir",))
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
    impressions : int, optional
        The budget; or `money` with `cost_per_impression`. By default as many as the log had in
        such a time.
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
    run_dir = Path(run_dir)
    traffic = read_traffic(run_dir)
    n_days = float(len(traffic.days))
    if n_impressions is None:
        per_day = int(traffic.users["n_impressions"].sum()) / n_days
        to_come = n_days if days is None else min(days, 1e9)  # BudgetRequest checks it
        n_impressions = max(1, round(per_day * to_come)) if to_come > 0 else 1
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
        credited = _credited(run_dir, traffic, attribution)
        judged = _purchase_verdicts(run_dir, traffic, attribution)
        segments = [replace(each, verdict=judged[each.segment_id]) for each in segments]
    rates = budget_rates(
        run_dir, traffic, n_days=request.n_days, credited=credited, n_draws=n_draws, seed=seed
    )
    plan = divide_budget(segments, rates, request, n_days_of_log=n_days)
    with written_plan(run_dir, "budget.json") as partial:
        partial.write_text(_PLAN.render(plan), encoding="utf-8")
    return plan


def _credited(run_dir: Path, traffic: RunTraffic, attribution: Attribution) -> UserDays:
    """Return the impressions with credits, or say why there are none."""
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
    run_dir: Path, traffic: RunTraffic, attribution: Attribution
) -> dict[int, str]:
    """Judge on later days the forecast differences in purchases credited to impressions.

    Users are put into the segments of the plan by the forming days alone. A segment that was not
    found again on all days is not checked, as for clicks.
    """
    validation, report = traffic.summary.validation, traffic.summary.conversions
    found = {each.segment_id: "not checked" for each in traffic.summary.segments}
    split = split_window(read_bundle(run_dir).window)
    if validation is None or report is None or split.outcome is None:
        return found
    feature, outcome = local_days(split.feature), local_days(split.outcome)
    credited = traffic.credits[attribution]
    forecast = forecast_ctr(
        credited,
        traffic.relabel,
        days=feature,
        n_segments=len(traffic.summary.segments),
        n_outcome_days=len(outcome),
    )
    later = _capped(credited, outcome)
    judged = verdicts(traffic.relabel(feature), forecast=forecast, later=later)
    kept = {each.segment_id for each in report.segments if each.purchases is not None}
    return found | {e.segment_id: e.verdict for e in judged if e.segment_id in kept}


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
    """Forecast the rates of the segments that are shown, for each of two halves of the users.

    Those of clicks, or of impressions to which a purchase is `credited`.

    Raises DataError if there is no forecast.
    """
    rates = fold_rates(
        traffic.counts if credited is None else credited,
        traffic.relabel,
        days=traffic.days,
        n_segments=len(traffic.summary.segments),
        shares=half_shares(traffic.users["user_id"], seed=seed),
        horizon=n_days,
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


def _budget(impressions: int | None, money: float | None, cost: float | None) -> int | None:
    """Return the impressions that are requested; None if nothing says how many."""
    if impressions is not None and money is not None:
        raise ConfigError("--impressions and --money say the same; leave out one of them")
    if cost is not None and not 0 < cost < float("inf"):
        raise ConfigError(f"--cost-per-impression {cost:g}: expected more than 0")
    if impressions is not None or money is None:
        return impressions
    if cost is None:
        raise ConfigError(
            "--money: the cost of an impression is missing; add --cost-per-impression"
        )
    bought = money / cost
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
