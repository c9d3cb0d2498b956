"""Choose the number of segments by evidence, and see whether the segments come back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from segmentry.evaluation.number._inner_split import InnerSplit, last_blocks, thirds
from segmentry.evaluation.number._procedure import (
    Weighed,
    decision_of,
    repeat_segments,
    weigh_number,
)
from segmentry.evaluation.stability import Stability
from segmentry.features.user_days import UserDays
from segmentry.features.users import EarlyUsers
from segmentry.features.windows import local_days
from segmentry.runtime.progress import step_reporter
from segmentry.runtime.sampling import hash_shares
from segmentry.runtime.threads import one_thread
from segmentry.schema import OF_CLICKS, Progress
from segmentry.segments.clustering import DistinctRows
from segmentry.segments.forming import Decide, Decision, Recipe, Segmentation
from segmentry.segments.preprocessing import ColumnPlan

# More users change the curve of the gain little and cost much. The repetitions are made on the same
# users, so that they repeat what was done.
_MAX_USERS = 50_000
_SALT = "segmentry evidence"
_NO_DAYS = {"day": pl.Int64, "n_impressions": pl.Int64, "n_clicks": pl.Int64}


@dataclass(frozen=True, slots=True, eq=False)
class Basis:
    """The users by which the number of segments is chosen, and where they are in the user table."""

    split: InnerSplit
    positions: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class NumberEvidence:
    """What the number was chosen by, and its repetitions; `stability` is null for one segment."""

    split: InnerSplit
    weighed: Weighed
    stability: Stability | None


def evidence_basis(
    table: pl.DataFrame,
    early: EarlyUsers | None,
    plans: Sequence[ColumnPlan],
    *,
    recipe: Recipe,
    algorithm: str,
) -> Basis:
    """Sample users by hash, and cut their feature window into the blocks of days that are held out.

    Parameters
    ----------
    table : DataFrame
        The user table that segments are formed on.
    early : EarlyUsers or None
        Null where no day was held out: then there are no later days to check.
    """
    shares = hash_shares(table["user_id"], salt=_SALT)
    positions = np.sort(np.argsort(shares, kind="stable")[:_MAX_USERS])
    sampled = table[positions]
    users = sampled["user_id"]
    days = pl.DataFrame(schema={"user_id": users.dtype, **_NO_DAYS})
    behaviours, outcome = None, OF_CLICKS
    feature_days: tuple[int, ...] = ()
    held_out: tuple[tuple[int, ...], ...] = ()
    if early is not None:
        days = early.days.join(users.to_frame(), on="user_id", how="semi")
        feature_days = tuple(local_days(early.split.feature))
        outcome, held_out = early.outcome, thirds(feature_days)
        if outcome.kind != "clicks":
            held_out = last_blocks(feature_days)
        behaviours = None if early.behaviours is None else early.behaviours.of(positions)
    split = InnerSplit(
        table=sampled,
        counts=UserDays.from_frame(days, users=users, behaviours=behaviours, outcome=outcome),
        days=feature_days,
        held_out=held_out,
        plans=tuple(plans),
        algorithm=algorithm,
        needs_impressions=recipe.population == "shown",
    )
    return Basis(split=split, positions=positions)


def find_by_evidence(
    find: Callable[[Decide], Segmentation],
    basis: Basis,
    *,
    least: int,
    gain_share: float,
    n_runs: int,
    seed: int,
    progress: Progress | None,
    before: int | None = None,
) -> tuple[Segmentation, NumberEvidence]:
    """Form segments, their number chosen by evidence, and form them again from resampled users.

    Parameters
    ----------
    find : callable
        Forms segments with the number that a decision gives, or the one that was requested.
    least : int
        No fewer segments than this.
    before : int, optional
        The number of an earlier window, as for `weigh_number`.
    """
    found: list[Weighed] = []

    def decide(rows: DistinctRows, numbers: Sequence[int]) -> Decision:
        found.append(
            weigh_number(
                rows, numbers, split=basis.split, gain_share=gain_share, before=before, seed=seed
            )
        )
        return decision_of(found[0].choice, numbers, least=least)

    # One thread for each sum: its last bits must not depend on how many there are.
    with one_thread():
        segmentation = find(decide)
        repeated = None
        if segmentation.n_segments > 1:
            repeated = repeat_segments(
                basis.split,
                segmentation.segment_ids[basis.positions] - 1,
                segmentation.n_segments,
                n_runs=n_runs,
                seed=seed,
                on_run=step_reporter(progress, "repeating on other users"),
            )
    return segmentation, NumberEvidence(basis.split, found[0], repeated)
