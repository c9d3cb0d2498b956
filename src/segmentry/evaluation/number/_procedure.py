"""The procedure that chooses a number of segments, and its repetition on resampled users."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from segmentry.errors import SelectionError
from segmentry.evaluation.number._choice import (
    GAIN_SHARE,
    RULE_WITHOUT_LOG,
    NumberChoice,
    NumberRange,
    choose_number,
    number_of,
    number_range,
)
from segmentry.evaluation.number._groups import (
    STRONG,
    GapCurve,
    PredictionStrength,
    gap_statistic,
    prediction_strength,
)
from segmentry.evaluation.number._inner_split import (
    InnerSplit,
    draw_users,
    form_again,
    inner_gains,
    recounted_rows,
)
from segmentry.evaluation.number._null_twins import (
    NullTwins,
    column_twins,
    explained_by_groups,
    null_twins,
    redrawn_clicks,
)
from segmentry.evaluation.stability import Stability, stability
from segmentry.features.user_days import UserDays
from segmentry.schema.arrays import FloatVector, IntVector
from segmentry.segments.clustering import DistinctRows, quiet_fits
from segmentry.segments.forming import Decision

Tell = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class GroupEvidence:
    """What speaks for natural groups among users, and what against."""

    gaps: tuple[GapCurve, ...]
    strength: PredictionStrength
    columns: NullTwins | None


def weigh_groups(rows: DistinctRows, *, most: int, seed: int) -> GroupEvidence:
    """Ask whether users form groups: gap statistic, prediction strength, permuted columns."""
    gaps = gap_statistic(rows, most=most, seed=seed)
    strength = prediction_strength(rows, most=most, seed=seed)
    n_groups = number_of(gaps, strength)
    return GroupEvidence(
        gaps=gaps,
        strength=strength,
        columns=column_twins(rows, k=n_groups, seed=seed) if n_groups > 1 else None,
    )


def weigh_number(
    rows: DistinctRows,
    numbers: Sequence[int],
    *,
    split: InnerSplit | None,
    gain_share: float = GAIN_SHARE,
    seed: int,
) -> tuple[NumberChoice, NumberRange | None]:
    """Gather all evidence on the number of segments, choose, and see what other users would give.

    Examples
    --------
    >>> from segmentry.segments.clustering import distinct_rows
    >>> ball = distinct_rows(np.random.default_rng(2).normal(size=(300, 2)))
    >>> weigh_number(ball, [2, 3, 4], split=None, seed=0)[0].n_segments
    1
    """
    groups = weigh_groups(rows, most=max(*numbers, 2), seed=seed)
    gains, group_clicks = None, None
    if split is not None and groups.columns is not None:
        k = number_of(groups.gaps, groups.strength)
        group_clicks = group_twins(split, k, seed=seed)
    if split is not None:
        gains = inner_gains(split, numbers, seed=seed)
    choice = choose_number(
        () if gains is None else gains.summed(),
        groups.gaps,
        strength=groups.strength,
        columns=groups.columns,
        group_clicks=group_clicks,
        allowed=numbers,
        gain_share=gain_share,
    )
    return choice, None if gains is None else number_range(gains, choice, seed=seed)


def group_twins(split: InnerSplit, k: int, *, seed: int, n_twins: int = 19) -> NullTwins | None:
    """Redraw all clicks at one CTR and see whether k groups explain as much by chance.

    Few clicks are few whole numbers: users without a click, with one, with two lie apart, whatever
    their true CTRs. The statistic is ln(W_1 / W_k), W the within-cluster sum of squares; prior and
    preprocessing are fitted anew. Null where clicks form no segments, or no day was counted.
    """
    rate = split.counts.totals(split.days).rate
    if rate is None or not split.has_counted_clicks:
        return None

    def statistic(counts: UserDays) -> float | None:
        try:
            return explained_by_groups(recounted_rows(split, counts), k, seed=seed)
        except SelectionError:
            return None

    return null_twins(
        statistic(split.counts),
        lambda twin: statistic(redrawn_clicks(split.counts, rate=rate, seed=twin)),
        n_twins=n_twins,
        seed=seed,
    )


def repeat_segments(
    split: InnerSplit,
    labels: IntVector,
    k: int,
    *,
    n_runs: int = 50,
    seed: int = 0,
    on_run: Tell | None = None,
) -> Stability:
    """Form k segments again from resampled users: steps of preprocessing and clustering."""

    def fit(weights: FloatVector, run_seed: int) -> IntVector:
        drawn = draw_users(split, weights)
        return form_again(drawn, k, algorithm=split.algorithm, seed=run_seed)

    users = DistinctRows(
        rows=np.zeros((split.n_users, 1)),
        weights=np.ones(split.n_users),
        inverse=np.arange(split.n_users),
    )
    with quiet_fits():
        return stability(
            users, labels, fit, n_runs=n_runs, seed=seed, is_threaded=True, on_run=on_run
        )


def _usable(k: int, numbers: Sequence[int]) -> int:
    """Return the number itself or the nearest that may be chosen."""
    return k if k in numbers or k == 1 else min(numbers, key=lambda each: abs(each - k))


def decision_of(choice: NumberChoice, numbers: Sequence[int], *, least: int = 1) -> Decision:
    """Return what the selection needs to know of a choice.

    Parameters
    ----------
    numbers : sequence of int
        Numbers that may be chosen.
    least : int
        Smallest number that was asked for.
    """
    n_segments = _usable(choice.at_least(least), numbers)
    reason = choice.reason
    if n_segments != choice.n_segments and choice.n_segments < least:
        reason = (
            f"K = {n_segments} because at least {least} were asked for; the evidence would choose "
            f"{choice.n_segments}. {reason}"
        )
    return Decision(
        n_segments=n_segments, rule=choice.rule, reason=reason, remarks=dict(_remarks(choice))
    )


def decide_by_groups(rows: DistinctRows, numbers: Sequence[int], *, seed: int = 0) -> Decision:
    """Choose the number of segments of a user table, by the evidence of groups alone.

    Examples
    --------
    >>> from segmentry.segments.clustering import distinct_rows
    >>> ball = distinct_rows(np.random.default_rng(2).normal(size=(300, 2)))
    >>> decide_by_groups(ball, [2, 3, 4]).n_segments
    1
    """
    most = max(*numbers, 2)
    if prediction_strength(rows, most=most, seed=seed).n_groups == 1:
        # Any number that the gap may find would be objected to: the gap, which takes four times
        # as long, need not be asked.
        return Decision(
            n_segments=1,
            rule=RULE_WITHOUT_LOG,
            reason=(
                "One segment: no natural groups (the prediction strength of every number of groups "
                f"is below {STRONG})."
            ),
            remarks={},
        )
    return decision_of(weigh_number(rows, numbers, split=None, seed=seed)[0], numbers)


def _remarks(choice: NumberChoice) -> Iterator[tuple[int, str]]:
    largest = max((each.gain.value or 0.0 for each in choice.gains), default=0.0)
    for each in choice.gains:
        if each.gain.value is None:
            yield each.n_segments, "no gain could be measured"
            continue
        found = f"gains {each.gain.value:.5f} nats per impression"
        share = f", {each.gain.value / largest:.0%} of the largest" if largest > 0 else ""
        yield each.n_segments, f"{found}{share}"
