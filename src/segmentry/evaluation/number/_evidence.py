"""Choose the number of segments by evidence, and see whether the segments come back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from segmentry.evaluation.number._choice import NumberChoice
from segmentry.evaluation.number._inner_split import InnerSplit
from segmentry.evaluation.number._procedure import decision_of, repeat_procedure, weigh_number
from segmentry.evaluation.stability import Stability
from segmentry.features.user_days import UserDays
from segmentry.features.users import EarlyUsers
from segmentry.features.windows import local_days, split_window
from segmentry.runtime.progress import told
from segmentry.runtime.sampling import hash_shares
from segmentry.runtime.threads import one_thread
from segmentry.schema import Progress, Window
from segmentry.segments.clustering import DistinctRows
from segmentry.segments.forming import Decide, Decision, Recipe, Segmentation
from segmentry.segments.preprocessing import ColumnPlan

# Beyond this many users the standard error of the gain no longer limits the number of segments:
# at 1.1 million it would be 10 of 10. The repetitions are made on the same users, so that they
# repeat what was done.
_MOST_USERS = 50_000
_SALT = "segmentry evidence"
_NO_DAYS = {"day": pl.Int64, "n_impressions": pl.Int64, "n_clicks": pl.Int64}


@dataclass(frozen=True, slots=True, eq=False)
class Basis:
    """The users by whom the number of segments is chosen, and where they are in the user table."""

    split: InnerSplit
    positions: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class NumberEvidence:
    """The choice with all that it was made by, and its repetitions."""

    split: InnerSplit
    choice: NumberChoice
    stability: Stability


def evidence_basis(
    table: pl.DataFrame,
    early: EarlyUsers | None,
    plans: Sequence[ColumnPlan],
    *,
    recipe: Recipe,
    algorithm: str,
) -> Basis:
    """Sample users by hash, and cut their feature window in two where it has two days.

    Parameters
    ----------
    table : DataFrame
        The user table that segments are formed on.
    early : EarlyUsers or None
        Null where no day was kept apart: then there are no later days to ask.
    """
    shares = hash_shares(table["user_id"], salt=_SALT)
    positions = np.sort(np.argsort(shares, kind="stable")[:_MOST_USERS])
    sampled = table[positions]
    users = sampled["user_id"]
    days = pl.DataFrame(schema={"user_id": users.dtype, **_NO_DAYS})
    behaviours = None
    first: range | tuple[()] = ()
    last: range | tuple[()] = ()
    if early is not None:
        days = early.days.join(users.to_frame(), on="user_id", how="semi")
        first, last = _inner_days(early.split.feature)
        behaviours = None if early.behaviours is None else early.behaviours.of(positions)
    split = InnerSplit(
        table=sampled,
        counts=UserDays.from_frame(days, users=users, behaviours=behaviours),
        first_days=tuple(first),
        last_days=tuple(last),
        plans=tuple(plans),
        algorithm=algorithm,
        needs_impressions=recipe.population == "shown",
    )
    return Basis(split=split, positions=positions)


def _inner_days(feature: Window) -> tuple[range, range | tuple[()]]:
    inner = split_window(feature)
    return local_days(inner.feature), () if inner.outcome is None else local_days(inner.outcome)


def find_by_evidence(
    find: Callable[[Decide], Segmentation],
    basis: Basis,
    *,
    forced: int | None,
    least: int,
    n_runs: int,
    seed: int,
    progress: Progress | None,
) -> tuple[Segmentation, NumberEvidence]:
    """Form segments, their number chosen by evidence, and repeat all of it on resampled users.

    Parameters
    ----------
    find : callable
        Forms segments with the number that a decision gives, or the one that was asked for.
    forced : int or None
        The number of segments that was asked for.
    least : int
        No fewer segments than this.
    """
    weighed: list[tuple[NumberChoice, tuple[int, ...]]] = []

    def decide(rows: DistinctRows, numbers: Sequence[int]) -> Decision:
        choice = weigh_number(
            rows,
            numbers,
            split=basis.split,
            seed=seed,
            on_twin=told(progress, "redrawing clicks by chance"),
        )
        weighed.append((choice, tuple(numbers)))
        return decision_of(choice, numbers, least=least)

    # One thread for each sum: its last bits must not depend on how many there are.
    with one_thread():
        segmentation = find(decide)
        choice, numbers = weighed[0]
        repeated = repeat_procedure(
            basis.split,
            segmentation.segment_ids[basis.positions] - 1,
            numbers,
            forced=forced,
            least=least,
            n_runs=n_runs,
            seed=seed,
            on_run=told(progress, "repeating on other users"),
        )
    return segmentation, NumberEvidence(split=basis.split, choice=choice, stability=repeated)
