"""Labels of users as they would be without some of the days, by frozen centres."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from segmentry.clustering import assign
from segmentry.features import BetaPrior
from segmentry.latent import LatentModel, posterior
from segmentry.preprocessing import Preprocessing
from segmentry.schema import UNASSIGNED
from segmentry.segmentation import latent_matrix, place_by_class
from segmentry.validation._recount import CLICKS_BEYOND_COUNTS, recount
from segmentry.validation._user_days import UserCounts, UserDays

__all__ = ["Relabelling"]

IntVector = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Relabelling:
    """Put users into frozen segments by the features of a part of the days.

    Of the features that form segments, those that add up over days are found anew. Counts are
    scaled up to all days, so that they meet the frozen centres on their own scale; ratios are
    not, and the shrunk CTR is that of the counts as they are: scaling them would shrink it less
    than the information in them warrants, and move the forecasts of the outermost of five
    segments by 3 and 5 %. The other features are kept as they are.

    Parameters
    ----------
    table : DataFrame, (n_users, ...)
        User table of the feature window.
    counts : UserDays
        Of the same users in the same order.
    days : tuple of int
        Local days of the feature window.
    preprocessing : Preprocessing
    centers : ndarray of shape (n_segments, n_columns)
        Of segment `i` at row `i - 1`.
    prior : BetaPrior
        The frozen prior of the shrunk CTR.
    is_member : ndarray of bool, shape (n_users,)
        Users that the segmentation is about.
    needs_impressions : bool
        Whether users without impressions belong to no segment.
    model : LatentModel, optional
        Of latent classes, which take the place of the centres. Clicks and impressions that tell
        the CTR are taken as they are; the number of impressions, as a count, is scaled up.
    """

    table: pl.DataFrame
    counts: UserDays
    days: tuple[int, ...]
    preprocessing: Preprocessing
    centers: npt.NDArray[np.float64]
    prior: BetaPrior
    is_member: npt.NDArray[np.bool_]
    needs_impressions: bool = True
    model: LatentModel | None = None

    @property
    def caveats(self) -> tuple[str, ...]:
        """Features that saw the clicks of the left-out days nevertheless."""
        return tuple(n for n in self.preprocessing.features if n in CLICKS_BEYOND_COUNTS)

    def labels(self, days: Collection[int]) -> IntVector:
        """Return the segment ids by the features of some days, shape (n_users,); 0 for none."""
        names = self.preprocessing.features
        totals = self.counts.totals(days)
        found = recount(
            self.counts, days, names, prior=self.prior, scale=len(self.days) / len(days)
        )
        table = self.table.select(names).with_columns(**found)
        is_in = self.is_member & self.preprocessing.complete(table)
        if self.needs_impressions:
            is_in &= totals.n_impressions > 0
        ids = np.full(table.height, UNASSIGNED, dtype=np.int64)
        if is_in.any():
            ids[is_in] = self._nearest(table.filter(is_in), is_in, totals) + 1
        return ids

    def _nearest(
        self, table: pl.DataFrame, is_in: npt.NDArray[np.bool_], totals: UserCounts
    ) -> IntVector:
        if self.model is None:
            nearest, _ = assign(self.preprocessing.transform(table), self.centers)
            return nearest
        n, c = totals.n_impressions[is_in], totals.n_clicks[is_in]
        counted = {"n_clicks": pl.Series(c)}
        if "n_impressions" not in table.columns:
            counted["n_impressions"] = pl.Series(n)
        matrix = latent_matrix(self.model.parts, table.with_columns(**counted))
        if self.model.parts[0].kind == "clicks":
            matrix[:, 0], matrix[:, 1] = n, c
        nearest, _ = place_by_class(posterior(self.model, matrix))
        return nearest
