"""The dimensions of a log; rates and indices by segment and key, shrunk by what luck allows."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from segmentry.features.events import Events
from segmentry.features.packing import Places, count_pairs
from segmentry.privacy import hidden_keys
from segmentry.schema.arrays import FloatVector, IntVector

PRICE_BANDS = (50, 200, 1_000, 5_000)
"""Where the next price band begins, in the currency of the ads."""
_ID_COLUMNS = {"category": "category_id", "brand": "brand_id", "campaign": "campaign_id"}


@dataclass(frozen=True, slots=True, eq=False)
class Members:
    """The users and their segments."""

    user_id: pl.Series  # (n_users,), in the order of the user table
    segment_ids: IntVector  # (n_users,): 1..K; 0 for users without a segment
    n_segments: int


@dataclass(frozen=True, slots=True, eq=False)
class Dimension:
    """One way to group impressions."""

    kind: str
    keys: pl.DataFrame  # key and label as text; the row is the number of the key
    # Number of the key of each ad, or of each placement, -1 for none, and -1 at the end: for those
    # that are not known. Null where it is about neither.
    of_place: IntVector | None = None


def find_dimensions(placements: Sequence[str], ads: pl.DataFrame | None) -> tuple[Dimension, ...]:
    """Return the dimensions that a log has.

    Columns of the ads that are absent or empty give no dimension.

    >>> ads = pl.DataFrame({"ad_id": [1, 2], "category_id": [8, 8], "price": [10.0, None]})
    >>> [(each.kind, each.keys.height) for each in find_dimensions(["top"], ads)]
    [('hour', 24), ('placement', 1), ('category', 1), ('price band', 5)]
    """
    hours = [(str(hour), f"{hour:02d}:00–{(hour + 1) % 24:02d}:00") for hour in range(24)]
    found = [Dimension("hour", _keys(hours))]
    if placements:
        named = sorted(placements)
        # One more place is of any other placement.
        numbers: Any = np.array([*map(named.index, placements), -1, -1], dtype=np.int32)
        found.append(Dimension("placement", _keys([(each, each) for each in named]), numbers))
    if ads is None:
        return tuple(found)
    for kind, column in _ID_COLUMNS.items():
        if column in ads.columns and ads[column].null_count() < ads.height:
            ids = ads[column].drop_nulls().unique().sort()
            # There may be a million: made column by column, they take a tenth of the room.
            keys = pl.DataFrame({"key": ids.cast(pl.String)}).with_columns(
                pl.format(f"{kind} {{}}", "key").alias("label")
            )
            found.append(
                Dimension(kind, keys, np.append(Places.among(ids).of(ads[column]), np.int32(-1)))
            )
    if "price" in ads.columns and ads["price"].null_count() < ads.height:
        prices = ads["price"].to_numpy()
        bands = np.searchsorted(PRICE_BANDS, prices, side="right").astype(np.int32)
        bands[ads["price"].is_null().to_numpy()] = -1
        found.append(Dimension("price band", _price_keys(), np.append(bands, np.int32(-1))))
    return tuple(found)


def _keys(rows: list[tuple[str, str]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={"key": pl.String, "label": pl.String}, orient="row")


def _price_keys() -> pl.DataFrame:
    first, *_, last = PRICE_BANDS
    between = itertools.pairwise(PRICE_BANDS)
    return _keys(
        [
            (f"0-{first}", f"under {first:,}"),
            *((f"{low}-{high}", f"{low:,} to {high:,}") for low, high in between),
            (f"{last}-", f"{last:,} and over"),
        ]
    )


def keys_of(dimension: Dimension, events: Events) -> IntVector | None:
    """Return the number of the key of each impression, -1 for none; null if there are none."""
    if dimension.kind == "hour":
        hours: IntVector = events.second // 3600
        # A third of the time of `%`: numpy divides by one number without dividing.
        hours -= hours // 24 * 24
        return hours
    place = events.placement if dimension.kind == "placement" else events.ad_place
    if dimension.of_place is None or place is None:
        return None
    found: IntVector = dimension.of_place[place]
    return found


NORMAL_95 = 1.959963984540054
_MAX_LOST = 0.9
CELL_COLUMNS = {
    "segment_id": pl.Int64(),
    "kind": pl.String(),
    "key": pl.String(),
    "label": pl.String(),
    "n_users": pl.Int64(),
    "n_impressions": pl.Int64(),
    "n_clicks": pl.Int64(),
    "exposure_share": pl.Float64(),
    **{
        f"{name}{end}": pl.Float64()
        for name in ("ctr", "exposure_index", "ctr_index")
        for end in ("", "_low", "_high")
    },
}
_SPREADS = np.linspace(0.02, 1.4, 47)


@dataclass(frozen=True, slots=True, eq=False)
class CellCounts:
    """Sums by segment and key; integers, so that parts add up in any order."""

    n_users: IntVector
    n_more: IntVector
    """Impressions after the first of each user."""
    n_clicks: IntVector
    """`n_users`, `n_more`, `n_clicks`: shape (n_segments, n_keys)."""
    squares: IntVector
    """Shape (n_segments, 4): over users and keys, with n impressions and c clicks of a user at a
    key: sums of n n, of n c and of c c; over users, with N impressions of a user at any key: the
    sum of N N."""

    @property
    def n_impressions(self) -> IntVector:
        """Shape (n_segments, n_keys)."""
        return self.n_users + self.n_more


def no_counts(n_segments: int, n_keys: int) -> CellCounts:
    """Return the sums over nothing."""
    users, more, clicks = np.zeros((3, n_segments, n_keys), dtype=np.int64)
    return CellCounts(users, more, clicks, np.zeros((n_segments, 4), dtype=np.int64))


def add_cells(
    total: CellCounts,
    user: IntVector,
    key: IntVector,
    is_click: IntVector,
    *,
    segment_of_user: IntVector,
) -> None:
    """Count by segment and key, and add that to a total, in place.

    There may be millions of cells: sums of their own for each part would take twice the room, and
    longer to make than to fill.

    Impressions of key -1, not known, are left out; segments are 1..K.

    Two users of one segment: the first is shown key 0 twice, the second key 0 and key 1.

    >>> counts = no_counts(1, 2)
    >>> add_cells(
    ...     counts, np.array([0, 0, 1, 1]), np.array([0, 0, 0, 1]), np.array([1, 0, 0, 1]),
    ...     segment_of_user=np.array([1, 1]),
    ... )
    >>> counts.n_users.tolist(), counts.n_impressions.tolist(), counts.n_clicks.tolist()
    ([[2, 1]], [[3, 1]], [[1, 1]])
    >>> counts.squares.tolist()
    [[6, 3, 2, 8]]
    """
    n_segments, n_keys = total.n_users.shape
    is_known = key >= 0
    if not is_known.all():
        user, key, is_click = user[is_known], key[is_known], is_click[is_known]
    totals = np.bincount(user, minlength=segment_of_user.size)
    pairs = count_pairs(user, key, is_click, n_users=segment_of_user.size, n_keys=n_keys)
    place = segment_of_user[pairs.user] - 1
    cell = place * np.int64(n_keys) + pairs.key
    n, c, is_clicked = pairs.n_more + 1, pairs.n_clicks, pairs.is_clicked
    _add_at(total.n_users, cell, 1)
    # Most pairs are of one impression without a click: the rest is a fraction of them.
    has_more = np.flatnonzero(pairs.n_more)
    _add_at(total.n_more, cell[has_more], pairs.n_more[has_more])
    _add_at(total.n_clicks, cell[is_clicked], c)

    def by_segment(members: IntVector, values: IntVector) -> IntVector:
        return np.bincount(members, weights=values, minlength=n_segments).astype(np.int64)

    more, of_clicked = n[has_more], place[is_clicked]
    total.squares[:, 0] += np.bincount(place, minlength=n_segments)
    total.squares[:, 0] += by_segment(place[has_more], more * more - 1)
    total.squares[:, 1] += by_segment(of_clicked, n[is_clicked] * c)
    total.squares[:, 2] += by_segment(of_clicked, c * c)
    total.squares[:, 3] += by_segment(segment_of_user - 1, totals * totals)


def _add_at(table: IntVector, cell: IntVector, values: IntVector | int) -> None:
    np.add.at(table.reshape(-1), cell, values)


@dataclass(frozen=True, slots=True, eq=False)
class _Shown:
    """Row and key of the published cells."""

    row: IntVector
    key: IntVector


def describe_cells(
    counts: CellCounts, *, kind: str, keys: pl.DataFrame, min_users: int
) -> pl.DataFrame:
    """Return rates and indices of the cells that may be shown: the columns of `CELL_COLUMNS`.

    `keys` holds ``key, label`` as text; rows are by segment and place of the key.

    Expected are impressions in proportion to the segment's and the key's own totals, and clicks at
    the product of the segment's and the key's relative CTR. Observed / expected is shrunk towards 1
    by a gamma prior over all cells of the dimension (Clayton and Kaldor 1987), counts being
    divided by their design effect: how much more they vary over users than independent events
    would. Intervals are log-normal and hold the luck of the key's own total as well.
    """
    impressions = counts.n_impressions
    n, c = impressions.astype(np.float64), counts.n_clicks.astype(np.float64)
    is_shown = (counts.n_users > 0) & ~hidden_keys(counts.n_users, min_size=min_users)
    row, key = np.nonzero(is_shown)
    if row.size == 0:
        return pl.DataFrame(schema=CELL_COLUMNS)
    shown = _Shown(row, key)
    share, exposure, exposure_v = _exposure(n, counts.squares, shown)
    ctr, ratio, ctr_v = _clicks(n, c, counts.squares, shown)
    columns: dict[str, object] = {
        "segment_id": row + 1,
        "n_users": counts.n_users[row, key],
        "n_impressions": impressions[row, key],
        "n_clicks": counts.n_clicks[row, key],
        "exposure_share": share,
        **_with_ends("ctr", ctr, ctr_v, highest=1.0),
        **_with_ends("exposure_index", 100 * exposure, exposure_v),
        **_with_ends("ctr_index", 100 * ratio, ctr_v),
    }
    table = pl.DataFrame(columns).with_columns(
        pl.lit(kind).alias("kind"), keys["key"][key], keys["label"][key]
    )
    rates = [name for name in CELL_COLUMNS if name.startswith("ctr")]
    if not c.any():
        # Without any click there is no rate to set others against.
        table = table.with_columns(pl.lit(None, dtype=pl.Float64).alias(name) for name in rates)
    return table.select(pl.col(name).cast(kind) for name, kind in CELL_COLUMNS.items())


def _exposure(
    n: FloatVector, squares: IntVector, shown: _Shown
) -> tuple[FloatVector, FloatVector, FloatVector]:
    """Return shares, shrunk ratios to the share among all, and variances of their logarithms."""
    by_segment, by_key, total = n.sum(axis=1), n.sum(axis=0), n.sum()
    p = by_key / total
    concentration = float((p**2).sum())
    # With n = p N on average, the sum of (n - p N)^2 over users and keys is this.
    spread = squares[:, 0] - concentration * squares[:, 3]
    effect = np.maximum(1.0, spread / np.maximum(1.0, by_segment * (1 - concentration)))
    observed = n[shown.row, shown.key] / effect[shown.row]
    expected = by_segment[shown.row] * p[shown.key] / effect[shown.row]
    shrunk = shrink_ratios(observed, expected)
    pooled_effect = float(np.average(effect, weights=np.maximum(1.0, by_segment)))
    own = pooled_effect / by_key[shown.key]
    share = n[shown.row, shown.key] / by_segment[shown.row]
    return share, shrunk.value, shrunk.log_variance + own


def _clicks(
    n: FloatVector, c: FloatVector, squares: IntVector, shown: _Shown
) -> tuple[FloatVector, FloatVector, FloatVector]:
    """Return shrunk CTRs, shrunk ratios to the predicted, and variances of their logarithms."""
    n_segment, c_segment = n.sum(axis=1), c.sum(axis=1)
    rate = c_segment / np.maximum(1.0, n_segment)
    nn, nc, cc = squares[:, 0], squares[:, 1], squares[:, 2]
    spread = cc - 2 * rate * nc + rate**2 * nn
    effect = np.maximum(1.0, spread / np.maximum(1.0, c_segment * (1 - rate)))
    pooled_effect = float(np.average(effect, weights=np.maximum(1.0, c_segment)))
    key_rate, key_variance = _key_rates(n, c, rate, pooled_effect)
    observed = c[shown.row, shown.key] / effect[shown.row]
    predicted = rate[shown.row] * key_rate[shown.key]
    expected = n[shown.row, shown.key] * predicted / effect[shown.row]
    of_all = c_segment / max(1.0, float(c_segment.sum()))
    lost = min(_MAX_LOST, float((of_all**2).sum()))
    shrunk = shrink_ratios(observed, expected, lost=lost)
    return (
        predicted * shrunk.value,
        shrunk.value,
        shrunk.log_variance + key_variance[shown.key],
    )


def _key_rates(
    n: FloatVector, c: FloatVector, rate: FloatVector, effect: float
) -> tuple[FloatVector, FloatVector]:
    """Return each key's CTR relative to what its mix of segments predicts, shrunk towards 1."""
    shrunk = shrink_ratios(c.sum(axis=0) / effect, (rate @ n) / effect)
    return shrunk.value, shrunk.log_variance


def _with_ends(
    name: str, value: FloatVector, log_variance: FloatVector, highest: float | None = None
) -> dict[str, FloatVector]:
    factor = np.exp(NORMAL_95 * np.sqrt(log_variance))
    high = value * factor
    return {
        name: value,
        f"{name}_low": value / factor,
        f"{name}_high": high if highest is None else np.minimum(highest, high),
    }


@dataclass(frozen=True, slots=True, eq=False)
class ShrunkRatios:
    """Posterior means of ratios and the variances of their logarithms."""

    value: FloatVector
    log_variance: FloatVector


def shrink_ratios(
    observed: npt.ArrayLike, expected: npt.ArrayLike, *, lost: float = 0.0
) -> ShrunkRatios:
    """Shrink ratios of counts towards 1, the more the less the cells differ beyond luck.

    Counts, shape (n_cells,), are effective: divided by their design effect. `lost` is the share of
    the variance between cells that went into what is expected of them (of three segments alike, a
    third): the true ratios vary by so much more than they seem to.

    Poisson counts with gamma-distributed true ratios of mean 1 (Clayton and Kaldor 1987, Biometrics
    43, 671-681). The standard deviation of the true ratios is not set to one estimate, which few
    cells determine badly, but averaged over its posterior on a grid from 0.02 to 1.4 with a uniform
    prior (Gelman 2006, Bayesian Analysis 1, 515-534).

    Ten cells as expected, and one of three times as much: it is pulled down, the less the more
    there is of it.

    >>> few = shrink_ratios([10] * 10 + [30], [10] * 11)
    >>> many = shrink_ratios([1000] * 10 + [3000], [1000] * 11)
    >>> [round(float(value), 2) for value in (few.value[-1], many.value[-1], few.value[0])]
    [2.06, 2.99, 1.0]
    """
    from scipy.special import gammaln

    o, e = np.asarray(observed, np.float64), np.asarray(expected, np.float64)
    # Counts take few values, and the gamma function takes most of the time.
    counts, of_cell = np.unique(o, return_inverse=True)
    fits = np.empty(_SPREADS.size)
    for place, spread in enumerate(_SPREADS):
        a = spread**-2
        terms = gammaln(a + counts)[of_cell] - gammaln(a) - o * np.log(a + e) - a * np.log1p(e / a)
        fits[place] = terms.sum()
    weights = np.exp(fits - fits.max())
    weights /= weights.sum()
    value, log_mean, log_square = np.zeros((3, *o.shape))
    for weight, spread in zip(weights, _SPREADS, strict=True):
        if weight < 1e-9:
            continue
        a = (1 - lost) * spread**-2
        ratio = (a + o) / (a + e)
        value += weight * ratio
        log_mean += weight * np.log(ratio)
        log_square += weight * (np.log(ratio) ** 2 + 1 / (a + o))
    return ShrunkRatios(value, log_square - log_mean**2)
