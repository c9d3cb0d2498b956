"""Form segments by the settings of a run: the number by evidence, or by silhouette."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import polars as pl

from segmentry.config import RunConfig
from segmentry.errors import EmptyDataError, SelectionError
from segmentry.evaluation.later_days import (
    Added,
    AddedGain,
    Validation,
    Way,
    check_later,
    compare_families,
    over_placebos,
    permuted_family,
)
from segmentry.evaluation.number import NumberEvidence, evidence_basis, find_by_evidence
from segmentry.evaluation.stability import align_ids
from segmentry.features.users import BehaviourData, EarlyUsers, UserData
from segmentry.runtime.progress import step_reporter
from segmentry.runtime.threads import one_thread
from segmentry.schema import Progress, Window
from segmentry.schema.arrays import IntVector
from segmentry.segments.forming import (
    Decide,
    FrozenSegments,
    Recipe,
    Segmentation,
    find_cells,
    find_segments,
    keep_segments,
)
from segmentry.segments.preprocessing import ColumnPlan

_N_PLACEBOS = 3


@dataclass(frozen=True, slots=True, eq=False)
class EarlierIds:
    """Who is in which segment of an earlier run."""

    table: pl.DataFrame
    """The users of the whole window."""
    ids: IntVector
    n_segments: int


@dataclass(frozen=True, slots=True)
class Requested:
    """What a run was requested."""

    plans: tuple[ColumnPlan, ...]
    recipe: Recipe
    settings: RunConfig
    progress: Progress | None
    frozen: FrozenSegments | None = None
    """Segments of an earlier run, where they are kept."""
    earlier: EarlierIds | None = None
    """Ids of an earlier run, which are given to the segments that are found again."""

    def of_days(self, window: Window, behaviours: BehaviourData | None) -> "Requested":
        """Return it for users of a window; what was done before it counts up to its end."""
        if self.frozen is None:
            return self
        history = None if behaviours is None else replace(behaviours.window, end=window.end)
        return replace(self, frozen=self.frozen.in_windows(window, history))


def find(
    requested: Requested,
    table: pl.DataFrame,
    numbers: Sequence[int],
    forced: int | None,
    decide: Decide | None = None,
) -> Segmentation:
    """Form segments of a user table; those that an earlier run had keep their ids."""
    found, earlier = _find(requested, table, numbers, forced, decide), requested.earlier
    if earlier is None:
        return found
    k, whole = found.n_segments, found
    if table is not earlier.table:  # some days alone say little of who was where
        whole = _find(requested, earlier.table, (k,), None if found.cells is not None else k, None)
    alignment = align_ids(
        earlier.ids, whole.segment_ids, n_old=earlier.n_segments, n_new=whole.n_segments
    )
    if whole is not found:
        ids = alignment.renumber(whole.segment_ids)
        alignment = align_ids(ids, found.segment_ids, n_old=whole.n_segments, n_new=k)
    return found.reordered(np.argsort(alignment.new_number))


def _find(
    requested: Requested,
    table: pl.DataFrame,
    numbers: Sequence[int],
    forced: int | None,
    decide: Decide | None,
) -> Segmentation:
    settings = requested.settings
    if requested.frozen is not None:
        return keep_segments(
            requested.frozen, table, seed=settings.seed, is_exact=settings.exact_silhouette
        )
    if settings.algorithm == "cells":
        return find_cells(
            table,
            requested.plans,
            recipe=requested.recipe,
            forced=forced,
            seed=settings.seed,
            is_exact=settings.exact_silhouette,
        )
    return find_segments(
        table,
        requested.plans,
        recipe=requested.recipe,
        n_segments=numbers,
        forced=forced,
        algorithm=settings.algorithm,
        min_share=settings.min_share,
        seed=settings.seed,
        is_exact=settings.exact_silhouette,
        decide=decide,
        on_fitted=step_reporter(requested.progress, "trying numbers of segments"),
        on_block=step_reporter(requested.progress, "measuring silhouettes"),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Segments, why so many, what later days say of them, and what behaviours add.

    `first` are those of the feature window, null where later days were not checked; `unchecked`
    says why, or is empty.
    """

    segmentation: Segmentation
    first: Segmentation | None
    evidence: NumberEvidence | None
    validation: Validation | None
    unchecked: str
    added: Added


def find_and_check(requested: Requested, users: UserData) -> Found:
    """Form segments, and check them on later days or say why they could not be checked."""
    early = users.window if users.early is None else users.early.split.feature
    first, unchecked = _first_fit(requested.of_days(early, users.behaviours), users)
    requested = requested.of_days(users.window, users.behaviours)
    if first is None or users.early is None:
        segmentation, evidence = _find_first(requested, users.table, None)
        return Found(segmentation, None, evidence, None, unchecked, Added(reason=unchecked))
    # One thread for each sum: its last bits must not depend on how many there are.
    with one_thread():
        segmentation, validation = check_later(
            first[0],
            users.early,
            users.table,
            users.window,
            find=partial(find, requested),
            prior=users.prior,
            seed=requested.settings.seed,
            min_size=requested.settings.min_size,
        )
    added = _measure_added(requested, first[0], users)
    return Found(segmentation, first[0], first[1], validation, unchecked, added)


def _measure_added(requested: Requested, first: Segmentation, users: UserData) -> Added:
    """Form as many segments without the behaviours, and compare what both predict."""
    early = users.early
    if users.behaviours is None or early is None:
        return Added()
    if requested.frozen is not None:
        return Added(reason="the segments of an earlier run were kept")
    others = tuple(plan for plan in requested.plans if plan.feature.family != "behaviour")
    formed = {plan.feature.name for plan in requested.plans if plan not in others}
    if not formed & set(first.preprocessing.features):
        return Added(reason="no feature of the behaviour log formed segments")
    if early.split.outcome is None:
        return Added(reason=early.split.reason)
    if first.n_segments == 1:
        return Added(reason="the run answers with one segment")
    if not others:
        return Added(reason="no other feature formed segments")
    k = first.n_segments
    try:
        without = find(replace(requested, plans=others), early.table, (k,), k)
    except (EmptyDataError, SelectionError) as error:
        return Added(reason=f"without the behaviours there are no {k} segments ({error})")
    return Added(
        _against_placebos(requested, Way(first, early), Way(without, early), sorted(formed))
    )


def _against_placebos(
    requested: Requested, ours: Way, without: Way, names: Sequence[str]
) -> tuple[AddedGain, ...]:
    """Compare with and without, and where the family adds, with behaviours of other users too."""
    seed = requested.settings.seed
    gains = compare_families(ours, without, seed=seed)
    if not any(gain.verdict == "adds" for gain in gains):
        return gains
    k, placebos = ours.segmentation.n_segments, []
    for turn in range(_N_PLACEBOS):
        early = permuted_family(ours.early, names, seed=seed + turn)
        try:
            formed = find(requested, early.table, (k,), k)
        except (EmptyDataError, SelectionError):
            continue
        placebos.append(compare_families(ours, Way(formed, early), seed=seed))
    return tuple(
        over_placebos(gain, [each[place] for each in placebos]) for place, gain in enumerate(gains)
    )


def _find_first(
    requested: Requested, table: pl.DataFrame, early: EarlyUsers | None
) -> tuple[Segmentation, NumberEvidence | None]:
    """Form segments and choose their number."""
    settings = requested.settings
    # The number of latent classes is that of the smallest BIC, that of cells and of an earlier run
    # is fixed.
    is_own = settings.algorithm in ("latent", "cells") or requested.frozen is not None
    if requested.recipe.choose_by == "silhouette" or is_own:
        return find(requested, table, settings.numbers, settings.k), None
    return find_by_evidence(
        lambda decide: find(requested, table, settings.numbers, settings.k, decide),
        evidence_basis(
            table, early, requested.plans, recipe=requested.recipe, algorithm=settings.algorithm
        ),
        least=settings.k_min,
        gain_share=settings.gain_share,
        n_runs=settings.bootstraps,
        seed=settings.seed,
        progress=requested.progress,
        before=None if requested.earlier is None else requested.earlier.n_segments,
    )


def _first_fit(
    requested: Requested, users: UserData
) -> tuple[tuple[Segmentation, NumberEvidence | None] | None, str]:
    """Form segments on the feature window, or say why the run cannot be checked on later days."""
    if not users.traits.has_log:
        return None, "there is no log, only a table of users"
    if not users.traits.has_time:
        return None, "the log has no times, so that no day is later than another"
    if users.traits.has_clicks and requested.settings.algorithm == "cells":
        return None, "cells are cut where the users lie, not to predict clicks"
    if not users.traits.has_clicks and requested.settings.algorithm == "latent":
        return None, "latent classes are checked on clicks only"
    if not requested.recipe.is_checked_on("clicks" if users.traits.has_clicks else "events"):
        return None, f"recipe {requested.recipe.name} does not ask them"
    if users.early is None:
        return None, "the window cuts a local day, or the run that was reused held out none"
    early = users.early.table
    absent = [plan.feature.name for plan in requested.plans if plan.feature.name not in early]
    if absent:
        names = ", ".join(absent)
        return None, f"the run that was reused did not keep {names} for its first days"
    try:
        return _find_first(requested, early, users.early), ""
    except (EmptyDataError, SelectionError) as error:
        return None, f"the first days alone do not form them ({error})"
