"""The users of an earlier run, for another run on the same ones."""

from dataclasses import replace
from pathlib import Path

import polars as pl

from segmentry.features import BEHAVIOUR_FEATURES, EVERY_LOG_FEATURE
from segmentry.features.users import BehaviourData, EarlyUsers, UserData, behaviour_days_of
from segmentry.features.windows import periods_of, split_window
from segmentry.results.run_folder import read_bundle, read_early, read_user_table, reuse_behaviours
from segmentry.results.summary import Summary, read_summary
from segmentry.schema import Feature, Outcome, Window


def read_users(run_dir: Path) -> UserData:
    """Take users, and what was learnt about the data, from an earlier run."""
    bundle, summary = read_bundle(run_dir), read_summary(run_dir)
    report = summary.data
    table = read_user_table(run_dir)
    behaviours = reuse_behaviours(run_dir, bundle)
    outcome = summary.outcome
    return UserData(
        table=table,
        features=_features_as_called(summary, table),
        attributes=bundle.attributes,
        window=bundle.window,
        prior=bundle.prior,
        main_placement=bundle.main_placement,
        source=report.source,
        accounts=report.accounts,
        findings=report.findings,
        early=_read_early(run_dir, bundle.window, behaviours, outcome),
        traits=summary.traits,
        behaviours=behaviours,
    )


def _features_as_called(summary: Summary, table: pl.DataFrame) -> tuple[Feature, ...]:
    """Return the features of the log in the words of the run that made them."""
    rows = {row.name: row for row in summary.features}
    return tuple(
        replace(
            each,
            label=rows[each.name].label,
            unit=rows[each.name].unit,
            description=rows[each.name].description,
        )
        for each in (*EVERY_LOG_FEATURE, *BEHAVIOUR_FEATURES)
        if each.name in table.columns and each.name in rows
    )


def _read_early(
    run_dir: Path, window: Window, behaviours: BehaviourData | None, outcome: Outcome
) -> EarlyUsers | None:
    found = read_early(run_dir)
    if found is None:
        return None
    table, days = found
    by_day = None
    if behaviours is not None and behaviours.days is not None:
        by_day = behaviour_days_of(
            behaviours.days, table["user_id"], history=behaviours.window, window=window
        )
    periods = None if outcome.kind == "clicks" else periods_of(window)
    return EarlyUsers(split_window(window, periods), table, None, days, by_day, outcome)
