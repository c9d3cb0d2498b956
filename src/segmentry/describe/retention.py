"""Users who return on later days, who come only then, and who outweigh a segment."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from segmentry.evaluation.later_days import Validation, outcome_rate
from segmentry.features.user_days import UserCounts
from segmentry.features.users import UserData
from segmentry.formats import percent
from segmentry.privacy import is_small
from segmentry.schema import UNASSIGNED, UNKNOWN, Estimate, Feature
from segmentry.schema.arrays import BoolVector, FloatVector, IntVector
from segmentry.segments.forming import Segmentation

Values = Mapping[str, tuple[FloatVector, float]]  # of all users, and their spread
# From this share on, the figures of a segment are those of one user.
_HEAVY = 0.2


@dataclass(frozen=True, slots=True)
class RetentionFeature:
    """One feature in the feature window, of users present and absent later."""

    feature: str
    present: float
    absent: float
    """`present`, `absent`: means over the users for which it is known, in raw units."""
    difference: float | None
    """`absent` - `present` in standard deviations over all users with a segment; null where the
    feature does not vary."""


@dataclass(frozen=True, slots=True)
class RetentionRow:
    """The users of one segment by whether they were shown ads again on the later days."""

    segment_id: int
    """Of the feature window."""
    n_present: int | None
    n_absent: int | None
    """`n_present`, `n_absent`: users that were shown ads again, and those that were not; null where
    either is too few to be shown."""
    impressions_present: float | None
    impressions_absent: float | None
    """`impressions_present`, `impressions_absent`: their mean impressions in the feature window."""
    ctr_present: float | None
    ctr_absent: float | None
    """`ctr_present`, `ctr_absent`: their CTR in the feature window."""
    largest_user_share: float | None
    """Share of the impressions of its busiest user in all of its impressions, over all days and for
    the segment as it is now; null where it is too small to be shown."""
    features: tuple[RetentionFeature, ...] = ()
    """What forms segments and what profiles tell, categories aside, the largest difference first; a
    feature that is known of too few of either to be shown is left out."""


@dataclass(frozen=True, slots=True)
class RetentionReport:
    """What the check on later days cannot speak of."""

    segments: tuple[RetentionRow, ...]
    n_new: int | None
    """Users that were shown ads on the later days only: no segment was checked on them; null where
    there were no later days, or too few users to be shown."""
    new_ctr: Estimate
    """Their CTR, with its 90 % interval."""


def report_retention(
    validation: Validation | None, users: UserData, segmentation: Segmentation, *, min_size: int
) -> RetentionReport | None:
    """Compare the users absent on the later days with those present, segment by segment.

    Compared are features of the feature window: what formed the segments, and profiles. Nothing is
    shown of fewer than `min_size` users.
    """
    if validation is None or "n_impressions" not in users.table.columns:
        return None
    shown = users.table["n_impressions"].fill_null(0).to_numpy()
    forming = segmentation.preprocessing.features
    compared = [f for f in users.catalogue if f.name in forming or f.family == "demographics"]
    is_formed = validation.feature_segment_ids != UNASSIGNED
    values = {} if users.early is None else _values(users.early.table, compared, is_formed)
    ids = segmentation.segment_ids
    rows = [
        _row(validation, segment_id, shown[ids == segment_id], values, min_size=min_size)
        for segment_id in range(1, segmentation.n_segments + 1)
    ]
    n_new, new_ctr = None, UNKNOWN
    if validation.later is not None:
        is_new = (validation.seen.n_trials == 0) & (validation.later.n_trials > 0)
        n_found = int(is_new.sum())
        if not is_small(n_found, min_size=min_size):
            n_new, new_ctr = n_found, outcome_rate(validation.later, is_new)
    return RetentionReport(segments=tuple(rows), n_new=n_new, new_ctr=new_ctr)


def _values(early: pl.DataFrame, features: Sequence[Feature], is_formed: BoolVector) -> Values:
    """Return the features of which a mean tells something; unknown is not a number."""
    found = {}
    for each in features:
        if each.name in early.columns and each.kind not in ("categorical", "time"):
            values = early[each.name].cast(pl.Float64).fill_null(np.nan).to_numpy()
            known = _known(values[is_formed])
            found[each.name] = values, float(known.std()) if known.size else 0.0
    return found


def _known(values: FloatVector) -> FloatVector:
    return values[~np.isnan(values)]


def _row(
    validation: Validation,
    segment_id: int,
    shown: npt.NDArray[np.int64],
    values: Values,
    *,
    min_size: int,
) -> RetentionRow:
    largest = None
    if shown.sum() and not is_small(shown.size, min_size=min_size):
        largest = float(shown.max() / shown.sum())
    is_in = validation.feature_segment_ids == segment_id
    none = RetentionRow(segment_id, None, None, None, None, None, None, largest)
    if validation.later is None or not is_in.any():
        return none
    # Places, not masks: of a million users each is then taken up once for a feature.
    present = np.flatnonzero(is_in & (validation.later.n_trials > 0))
    absent = np.flatnonzero(is_in & (validation.later.n_trials == 0))
    counts = present.size, absent.size
    if any(is_small(n_users, min_size=min_size) for n_users in counts):
        return none
    (n_present, ctr_present), (n_absent, ctr_absent) = (
        _described(validation.seen, group) for group in (present, absent)
    )
    compared = [
        _compared(name, each, present, absent, min_size=min_size)
        for name, each in values.items()
        if min(counts)
    ]
    ranked = sorted(
        (each for each in compared if each is not None),
        key=lambda each: (-abs(each.difference or 0.0), each.feature),
    )
    return RetentionRow(
        segment_id, *counts, n_present, n_absent, ctr_present, ctr_absent, largest, tuple(ranked)
    )


def _compared(
    name: str,
    of_all: tuple[FloatVector, float],
    present: IntVector,
    absent: IntVector,
    *,
    min_size: int,
) -> RetentionFeature | None:
    """Return the means of both groups; null where too few have a known value."""
    values, spread = of_all
    known = [_known(values[group]) for group in (present, absent)]
    if min(each.size for each in known) < max(min_size, 1):
        return None
    here, gone = (float(each.mean()) for each in known)
    return RetentionFeature(name, here, gone, (gone - here) / spread if spread else None)


def _described(seen: UserCounts, group: IntVector) -> tuple[float | None, float | None]:
    """Mean impressions and CTR in the feature window; null for nobody."""
    n, c = (int(each[group].sum()) for each in (seen.n_trials, seen.n_successes))
    return (n / group.size if group.size else None), (c / n if n else None)


def warn_of_retention(retention: RetentionReport | None) -> Iterator[str]:
    """Say which segments one user outweighs."""
    for row in () if retention is None else retention.segments:
        if row.largest_user_share is not None and row.largest_user_share >= _HEAVY:
            yield (
                f"One user has {percent(row.largest_user_share, digits=0)} of the "
                f"impressions of segment {row.segment_id}, perhaps a bot: its click rate is "
                "that user's."
            )
