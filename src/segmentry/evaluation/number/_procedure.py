"""The procedure that chooses a number of segments, and its repetition on resampled users."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from segmentry.evaluation.number._choice import (
    GAIN_SHARE,
    NumberChoice,
    NumberRange,
    as_before,
    choose_number,
    number_range,
)
from segmentry.evaluation.number._groups import (
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
    rows_of_spread_clicks,
)
from segmentry.evaluation.number._valleys import Separation, separate
from segmentry.evaluation.stability import Stability, stability
from segmentry.schema.arrays import FloatVector, IntVector
from segmentry.segments.clustering import DistinctRows, quiet_fits
from segmentry.segments.forming import Decision

Report = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Weighed:
    """The choice with all evidence on the number of segments; `number` is null without gains."""

    choice: NumberChoice
    number: NumberRange | None
    separation: Separation
    gaps: tuple[GapCurve, ...]
    strength: PredictionStrength


def weigh_number(
    rows: DistinctRows,
    numbers: Sequence[int],
    *,
    split: InnerSplit | None,
    gain_share: float = GAIN_SHARE,
    before: int | None = None,
    seed: int,
) -> Weighed:
    """Gather all evidence on the number of segments, choose, and see what other users would give.

    `before` is the number of an earlier window, which stays where these might have given it.

    >>> from segmentry.segments.clustering import distinct_rows
    >>> ball = distinct_rows(np.random.default_rng(2).normal(size=(300, 2)))
    >>> weigh_number(ball, [2, 3, 4], split=None, seed=0).choice.n_segments
    1
    """
    most = max(*numbers, 2)
    gains = None if split is None else inner_gains(split, numbers, seed=seed)
    separation = _separation(rows, split, most=most, seed=seed)
    choice = choose_number(
        () if gains is None else gains.summed(),
        separation,
        allowed=numbers,
        gain_share=gain_share,
    )
    number = None if gains is None else number_range(gains, choice, seed=seed)
    if number is not None and before is not None:
        choice, number = as_before(choice, number, before)
    return Weighed(
        choice=choice,
        number=number,
        separation=separation,
        gaps=gap_statistic(rows, most=most, seed=seed),
        strength=prediction_strength(rows, most=most, seed=seed),
    )


def _separation(
    rows: DistinctRows, split: InnerSplit | None, *, most: int, seed: int
) -> Separation:
    """Look for groups; of a log, for such as the CTR has a part in.

    Days with an impression pile up at one and at all of them: exposure alone has valleys in 25 of
    200 logs of users that are all alike.
    """
    spread = None if split is None else rows_of_spread_clicks(split, seed=seed)
    if spread is None:
        return separate(rows, most=most, seed=seed)
    found = separate(spread[0], most=most, seed=seed)
    if found.n_groups > 1 and separate(spread[1], most=most, seed=seed).is_ever_separate:
        return replace(found, n_groups=1, is_exposure_alone=True)
    return found


def repeat_segments(
    split: InnerSplit,
    labels: IntVector,
    k: int,
    *,
    n_runs: int = 50,
    seed: int = 0,
    on_run: Report | None = None,
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
        Smallest number that was requested.
    """
    n_segments = _usable(choice.at_least(least), numbers)
    reason = choice.reason
    if n_segments != choice.n_segments and choice.n_segments < least:
        reason = (
            f"K = {n_segments} because at least {least} were requested; the evidence would choose "
            f"{choice.n_segments}. {reason}"
        )
    return Decision(
        n_segments=n_segments, rule=choice.rule, reason=reason, remarks=dict(_remarks(choice))
    )


def decide_by_groups(rows: DistinctRows, numbers: Sequence[int], *, seed: int = 0) -> Decision:
    """Choose the number of segments of a user table, by the evidence of groups alone.

    >>> from segmentry.segments.clustering import distinct_rows
    >>> ball = distinct_rows(np.random.default_rng(2).normal(size=(300, 2)))
    >>> decide_by_groups(ball, [2, 3, 4]).n_segments
    1
    """
    separation = separate(rows, most=max(*numbers, 2), seed=seed)
    return decision_of(choose_number((), separation, allowed=numbers), numbers)


def _remarks(choice: NumberChoice) -> Iterator[tuple[int, str]]:
    largest = max((each.gain.value or 0.0 for each in choice.gains), default=0.0)
    for each in choice.gains:
        if each.gain.value is None:
            yield each.n_segments, "no gain could be measured"
            continue
        share = f"{100 * each.gain.value / largest:.0f} %" if largest > 0 else "none"
        yield each.n_segments, f"{share} of the largest gain on held-out days"
