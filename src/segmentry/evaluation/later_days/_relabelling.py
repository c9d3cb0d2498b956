"""Labels of users as they would be without some of the days, by frozen centres."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import polars as pl

from segmentry.evaluation.later_days._recount import (
    CLICKS_BEYOND_COUNTS,
    COUNTED,
    COUNTED_EVENTS,
    features_of,
    recount_behaviours,
    recount_events,
)
from segmentry.features import EVERY_LOG_FEATURE, BetaPrior
from segmentry.features.user_days import DayCounts, UserDays
from segmentry.schema import UNASSIGNED
from segmentry.schema.arrays import IntMatrix, IntVector
from segmentry.segments.clustering import assign
from segmentry.segments.forming import CellModel, latent_matrix, place_by_class
from segmentry.segments.latent import LatentModel, posterior
from segmentry.segments.preprocessing import Preprocessing

# Up to this number counts are looked up in a table, beyond it they are sorted.
_MAX_KEYS = 4_000_000


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Relabelling:
    """Put users into frozen segments by the features of a part of the days.

    Of the features that form segments, those that add up over days are found again. Counts are
    scaled up to all days, so that they meet the frozen centres on their own scale; ratios are
    not, and the shrunk CTR is that of the counts as they are: scaling them would shrink it less
    than the information in them warrants, and move the forecasts of the outermost of five
    segments by 3 and 5 %. The other features are kept as they are.
    """

    table: pl.DataFrame
    """User table of the feature window."""
    counts: UserDays
    """Of the same users in the same order."""
    days: tuple[int, ...]
    """Local days of the feature window."""
    preprocessing: Preprocessing
    centers: npt.NDArray[np.float64]
    """Shape (n_segments, n_columns). Of segment `i` at row `i - 1`."""
    prior: BetaPrior
    """The frozen prior of the shrunk CTR."""
    is_member: npt.NDArray[np.bool_]
    """Shape (n_users,). Users that the segmentation is about."""
    needs_impressions: bool = True
    """Whether users without impressions belong to no segment."""
    model: LatentModel | None = None
    """Of latent classes, which take the place of the centres. Clicks and impressions that tell the
    CTR are taken as they are; the number of impressions, as a count, is scaled up."""
    cells: CellModel | None = None
    """Of fixed cells, which take the place of the centres."""
    ids_before: IntMatrix | None = None
    """Shape (n_users, 2). Segments of the window before, which users leave only for a clearly
    nearer one, and the nearest then."""
    shown_as: IntVector | None = None
    """Shape (n_segments + 1,). The segment that each one is shown as, where small ones are counted
    with another."""
    _whole: DayCounts = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_whole", self.counts.counted(self.days))

    @property
    def caveats(self) -> tuple[str, ...]:
        """Features that saw the clicks or events of the left-out days nevertheless."""
        names = self.preprocessing.features
        if self.counts.outcome.kind == "clicks":
            return tuple(name for name in names if name in CLICKS_BEYOND_COUNTS)
        of_log = {feature.name for feature in EVERY_LOG_FEATURE}
        return tuple(n for n in names if n in of_log and n not in COUNTED_EVENTS)

    def labels(self, days: Collection[int]) -> IntVector:
        """Return the segment ids by the features of some days, shape (n_users,); 0 for none."""
        is_of_clicks = self.counts.outcome.kind == "clicks"
        ids = self._labels_of_clicks(days) if is_of_clicks else self._labels_of_events(days)
        return ids if self.shown_as is None else self.shown_as[ids]

    def _labels_of_clicks(self, days: Collection[int]) -> IntVector:
        """Segment ids by the counts of some days, of users who saw an ad on them."""
        left_out = set(self.days) - set(days)
        counted = self.counts.without(self._whole, left_out)
        is_in = self.is_member
        if self.needs_impressions:
            is_in = is_in & (counted.n_impressions > 0)
        users = np.flatnonzero(is_in)
        ids = np.full(self.table.height, UNASSIGNED, dtype=np.int64)
        if not users.size:
            return ids
        names = self.preprocessing.features
        if self.model is not None or not set(names) <= set(COUNTED):
            ids[users] = self._ids(users, counted.of(users), days)
            return ids
        columns = [counted.n_impressions, counted.n_clicks]
        columns += [counted.n_active_days] if "n_active_days" in names else []
        columns += [counted.n_click_days] if "n_click_days" in names else []
        columns += [] if self.ids_before is None else list(self.ids_before.T)
        one_of, kind_of = _kinds([column[users] for column in columns])
        ids[users] = self._ids(users[one_of], counted.of(users[one_of]), days)[kind_of]
        return ids

    def _labels_of_events(self, days: Collection[int]) -> IntVector:
        """Segment ids by what was known at the end of some first days, of users known then."""
        names = self.preprocessing.features
        found = recount_events(self.counts, days, names, table=self.table, whole=self.days)
        table = self.table.with_columns(**found)
        is_in = self.is_member & (self.counts.totals(days).n_trials > 0)
        is_in &= self.preprocessing.complete(table)
        ids = np.full(table.height, UNASSIGNED, dtype=np.int64)
        if not is_in.any():
            return ids
        known = table.filter(is_in)
        if self.cells is not None:
            ids[is_in] = self.cells.labels(known) + 1
        else:
            X, before = self.preprocessing.transform(known), self._before(np.flatnonzero(is_in))
            ids[is_in] = assign(X, self.centers, before=before)[0] + 1
        return ids

    def _ids(self, users: IntVector, counted: DayCounts, days: Collection[int]) -> IntVector:
        """Segment ids of some users by their counts; 0 where a feature is unknown."""
        names = self.preprocessing.features
        scale = len(self.days) / len(days)
        found = features_of(counted, names, prior=self.prior, scale=scale)
        behaviours = recount_behaviours(self.counts, days, names, n_all_days=scale * len(days))
        found |= {name: series[users] for name, series in behaviours.items()}
        table = self.table.select(names)[users].with_columns(**found)
        is_known = self.preprocessing.complete(table)
        ids = np.full(users.size, UNASSIGNED, dtype=np.int64)
        if is_known.any():
            known, before = counted.of(np.flatnonzero(is_known)), self._before(users[is_known])
            ids[is_known] = self._nearest(table.filter(is_known), known, before) + 1
        return ids

    def _before(self, users: IntVector) -> IntMatrix | None:
        return None if self.ids_before is None else self.ids_before[users] - 1

    def _nearest(
        self, table: pl.DataFrame, counted: DayCounts, before: IntMatrix | None
    ) -> IntVector:
        if self.model is None:
            X = self.preprocessing.transform(table)
            nearest, _ = assign(X, self.centers, before=before)
            return nearest
        n, c = counted.n_impressions, counted.n_clicks
        by_name = {"n_clicks": pl.Series(c)}
        if "n_impressions" not in table.columns:
            by_name["n_impressions"] = pl.Series(n)
        matrix = latent_matrix(self.model.parts, table.with_columns(**by_name))
        if self.model.parts[0].kind == "clicks":
            matrix[:, 0], matrix[:, 1] = n, c
        nearest, _ = place_by_class(posterior(self.model, matrix), before=before)
        return nearest


def _kinds(columns: Sequence[IntVector]) -> tuple[IntVector, IntVector]:
    """One user of each kind of equal counts, and the kind of each user.

    A million users of a week are of some ten thousand kinds.
    """
    kind_of, n_kinds = _ranks(columns[0])
    for column in columns[1:]:
        n_values = int(column.max()) + 1
        values = column
        if n_kinds * n_values > _MAX_KEYS:
            values, n_values = _ranks(column)
        kind_of, n_kinds = _ranks(kind_of * n_values + values)
    one_of = np.empty(n_kinds, dtype=np.int64)
    one_of[kind_of] = np.arange(kind_of.size)
    return one_of, kind_of


def _ranks(values: IntVector) -> tuple[IntVector, int]:
    """Number the distinct values of a column of counts from 0 up."""
    largest = int(values.max())
    if largest > _MAX_KEYS:
        distinct = np.unique(values)
        return np.searchsorted(distinct, values).astype(np.int64), distinct.size
    is_there = np.zeros(largest + 1, dtype=np.bool_)
    is_there[values] = True
    ranks = np.cumsum(is_there) - 1
    return ranks[values], int(ranks[-1]) + 1
