"""Choose the number of segments by evidence, and see whether the segments come back."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import polars as pl
from threadpoolctl import threadpool_limits

from segmentry.evaluation.number._choice import NumberChoice
from segmentry.evaluation.number._inner_split import InnerSplit
from segmentry.evaluation.number._procedure import decision_of, repeat_procedure, weigh_number
from segmentry.evaluation.number._records import EvidenceReport
from segmentry.evaluation.stability import STABLE, Stability
from segmentry.features.user_days import UserDays
from segmentry.features.users import EarlyUsers
from segmentry.features.windows import local_days, split_window
from segmentry.runtime.progress import told
from segmentry.runtime.sampling import hash_shares
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
    with threadpool_limits(1):
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


def report_evidence(evidence: NumberEvidence, *, withheld: Collection[int]) -> EvidenceReport:
    """Return what the report shows of the choice; nothing of segments that are `withheld`."""
    choice, split = evidence.choice, evidence.split
    caveats = list(split.caveats) if split.has_later else []
    if not split.has_later:
        caveats.append(
            "There were no later days inside the feature window to ask which number of segments "
            "is useful; the evidence of groups alone decides."
        )
    elif choice.has_gain is None:
        caveats.append(
            "The later days of the feature window hold no clicks to learn from; the evidence of "
            "groups alone decides."
        )
    return EvidenceReport(
        n_users=split.n_users,
        n_first_days=len(split.first_days),
        n_last_days=len(split.last_days),
        n_by_evidence=choice.n_segments,
        division=choice.division,
        n_groups=choice.n_groups,
        objections=choice.objections,
        has_gain=choice.has_gain,
        ties=choice.ties,
        gains=choice.gains,
        gaps=choice.gaps,
        strength=choice.strength,
        columns=choice.columns,
        group_clicks=choice.group_clicks,
        clicks=choice.clicks,
        stability=replace(
            evidence.stability,
            segments=tuple(s for s in evidence.stability.segments if s.segment_id not in withheld),
        ),
        caveats=tuple(caveats),
    )


def warn(
    evidence: NumberEvidence, segmentation: Segmentation, *, withheld: Collection[int]
) -> Iterator[str]:
    """Say what a careful reader must know of the number of segments and of their stability."""
    choice, stability = evidence.choice, evidence.stability
    n_segments = segmentation.n_segments
    if n_segments > 1 and choice.n_segments == 1:
        yield (
            f"The evidence speaks for one segment, not for {n_segments}: neither are there natural "
            "groups, nor is anything gained on later days."
        )
    shaky = [
        each
        for each in stability.segments
        if not each.is_stable and each.segment_id not in withheld
    ]
    if n_segments > 1 and shaky:
        names = ", ".join(str(each.segment_id) for each in shaky)
        plural = len(shaky) > 1
        yield (
            f"Segment{'s' if plural else ''} {names} {'are' if plural else 'is'} not stable: "
            f"with other users of the same kind {'they come' if plural else 'it comes'} back less "
            f"than {STABLE:.0%} alike (mean Jaccard over {stability.n_runs} repetitions, "
            f"{min(each.jaccard for each in shaky):.2f} at worst)."
        )


EVIDENCE_COLUMNS: Mapping[str, type[pl.DataType]] = MappingProxyType(
    {
        "inner_gain": pl.Float64,
        "inner_gain_low": pl.Float64,
        "inner_gain_high": pl.Float64,
        "is_tie": pl.Boolean,
        "gap_uniform": pl.Float64,
        "gap_uniform_error": pl.Float64,
        "gap_pca": pl.Float64,
        "gap_pca_error": pl.Float64,
        "prediction_strength": pl.Float64,
        "n_repetitions": pl.Int64,
    }
)
"""What ``selection.parquet`` holds beside the scores; null where it was not measured."""

NO_EVIDENCE: Mapping[str, float | bool | None] = MappingProxyType(dict.fromkeys(EVIDENCE_COLUMNS))


def evidence_by_number(
    evidence: EvidenceReport | None,
) -> dict[int, dict[str, float | bool | None]]:
    """Return all evidence by number of segments, under the names of `EVIDENCE_COLUMNS`."""
    found: defaultdict[int, dict[str, float | bool | None]] = defaultdict(lambda: {**NO_EVIDENCE})
    if evidence is None:
        return found
    for each in evidence.gains:
        limits = each.gain.value, each.gain.low, each.gain.high
        names = "inner_gain", "inner_gain_low", "inner_gain_high"
        found[each.n_segments] |= dict(zip(names, limits, strict=True))
        found[each.n_segments]["is_tie"] = each.n_segments in evidence.ties
    for curve in evidence.gaps:
        name = f"gap_{curve.reference}"
        for k, gap, error in zip(curve.numbers, curve.gaps, curve.errors, strict=True):
            found[k] |= {name: gap, f"{name}_error": error}
    if evidence.strength is not None:
        for k, value in zip(evidence.strength.numbers, evidence.strength.strengths, strict=True):
            found[k]["prediction_strength"] = value
    if evidence.stability is not None:
        repeated = dict(evidence.stability.numbers)
        for k in {*found, *repeated}:
            found[k]["n_repetitions"] = repeated.get(k, 0)
    return found
