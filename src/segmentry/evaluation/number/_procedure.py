"""The whole procedure that chooses a number of segments, so that it can be repeated."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from segmentry.errors import SelectionError
from segmentry.evaluation.number._choice import (
    RULE_WITHOUT_LOG,
    NumberChoice,
    choose_number,
    number_of,
)
from segmentry.evaluation.number._groups import (
    STRONG,
    GapCurve,
    PredictionStrength,
    gap_statistic,
    prediction_strength,
)
from segmentry.evaluation.number._inner_gain import InnerGain
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
    seed: int,
    on_twin: Tell | None = None,
) -> NumberChoice:
    """Gather all evidence on the number of segments and choose.

    Examples
    --------
    >>> from segmentry.segments.clustering import distinct_rows
    >>> ball = distinct_rows(np.random.default_rng(2).normal(size=(300, 2)))
    >>> weigh_number(ball, [2, 3, 4], split=None, seed=0).n_segments
    1
    """
    groups = weigh_groups(rows, most=max(*numbers, 2), seed=seed)
    gains: tuple[InnerGain, ...] = ()
    clicks, group_clicks = None, None
    if split is not None and groups.columns is not None:
        k = number_of(groups.gaps, groups.strength)
        group_clicks = group_twins(split, k, seed=seed)
    if split is not None and split.has_later:
        gains = inner_gains(split, numbers, seed=seed)
        clicks = click_twins(split, numbers, gains, seed=seed, on_twin=on_twin)
    return choose_number(
        gains,
        groups.gaps,
        strength=groups.strength,
        columns=groups.columns,
        group_clicks=group_clicks,
        clicks=clicks,
        allowed=numbers,
    )


def group_twins(split: InnerSplit, k: int, *, seed: int, n_twins: int = 19) -> NullTwins | None:
    """Redraw all clicks at one CTR and see whether k groups explain as much by chance.

    Few clicks are few whole numbers: users without a click, with one, with two lie apart, whatever
    their true CTRs. The statistic is ln(W_1 / W_k), W the within-cluster sum of squares; prior and
    preprocessing are fitted anew. Null where clicks form no segments, or no day was counted.
    """
    rate = split.counts.totals((*split.first_days, *split.last_days)).rate
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


def click_twins(
    split: InnerSplit,
    numbers: Sequence[int],
    gains: Sequence[InnerGain],
    *,
    seed: int,
    n_twins: int = 19,
    on_twin: Tell | None = None,
) -> NullTwins | None:
    """Redraw all clicks at one CTR and see whether chance gains as much.

    The statistic is the largest inner gain over the numbers of segments; each twin goes through
    prior, preprocessing, clusterings and rates anew. Null where the data have no gain to compare.
    """
    observed = _largest(gains)
    totals = split.counts.totals((*split.first_days, *split.last_days))
    if observed is None or totals.rate is None:
        return None
    rate = totals.rate

    def statistic(twin: int) -> float | None:
        drawn = redrawn_clicks(split.counts, rate=rate, seed=twin)
        return _largest(inner_gains(split, numbers, seed=seed, counts=drawn))

    with quiet_fits():
        return null_twins(observed, statistic, n_twins=n_twins, seed=seed, on_twin=on_twin)


def _largest(gains: Sequence[InnerGain]) -> float | None:
    return max((each.gain.value for each in gains if each.gain.value is not None), default=None)


def repeat_procedure(
    split: InnerSplit,
    labels: IntVector,
    numbers: Sequence[int],
    *,
    forced: int | None,
    least: int = 1,
    n_runs: int = 50,
    seed: int = 0,
    on_run: Tell | None = None,
) -> Stability:
    """Repeat the whole procedure on resampled users: prior, steps, number of segments, segments.

    Notes
    -----
    Where the inner gain decides, null twins are not drawn again in each run; where it does not,
    groups are looked for with a tenth of the work: 300 users, 5 references of each kind, 3 splits,
    no permuted columns; prediction strength is asked first.
    """

    def fit(weights: FloatVector, run_seed: int) -> IntVector:
        drawn = draw_users(split, weights)
        k = forced
        if k is None:
            choice = _choose_again(drawn.rows, numbers, split=split, weights=weights, seed=run_seed)
            k = _usable(choice.at_least(least), numbers)
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


def _choose_again(
    rows: DistinctRows,
    numbers: Sequence[int],
    *,
    split: InnerSplit,
    weights: FloatVector,
    seed: int,
) -> NumberChoice:
    """Choose the number for resampled users; groups are only looked for where nothing is gained."""
    gains: tuple[InnerGain, ...] = ()
    if split.has_later:
        gains = inner_gains(split, numbers, seed=seed, weights=weights)
    choice = choose_number(gains, (), allowed=numbers)
    if choice.has_gain:
        return choice
    most = max(*numbers, 2)
    strength = prediction_strength(rows, most=most, n_splits=3, n_users=600, seed=seed)
    if strength.n_groups == 1:
        return choice
    gaps = gap_statistic(rows, most=most, n_references=5, n_users=300, seed=seed)
    return choose_number(gains, gaps, strength=strength, allowed=numbers)


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
    return decision_of(weigh_number(rows, numbers, split=None, seed=seed), numbers)


def _remarks(choice: NumberChoice) -> Iterator[tuple[int, str]]:
    for each in choice.gains:
        if each.gain.value is None:
            yield each.n_segments, "no gain could be measured"
            continue
        told = f"gains {each.gain.value:.5f} nats per impression"
        is_tie = each.n_segments in choice.ties
        yield each.n_segments, f"{told}: {'a tie' if is_tie else 'more than one SE below the best'}"
