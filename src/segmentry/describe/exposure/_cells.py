"""From counts by segment and key to shrunk rates and indices."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from segmentry.describe.exposure._counting import CellCounts
from segmentry.describe.exposure._ratios import shrink_ratios
from segmentry.privacy import hidden_keys
from segmentry.schema.arrays import FloatVector, IntVector

NORMAL_95 = 1.959963984540054
_MOST_LOST = 0.9
CELL_COLUMNS = {
    "segment_id": pl.Int64(),
    "kind": pl.String(),
    "key": pl.String(),
    "label": pl.String(),
    "n_users": pl.Int64(),
    "n_impressions": pl.Int64(),
    "n_clicks": pl.Int64(),
    "exposure_share": pl.Float64(),
    "ctr": pl.Float64(),
    "ctr_low": pl.Float64(),
    "ctr_high": pl.Float64(),
    "exposure_index": pl.Float64(),
    "exposure_index_low": pl.Float64(),
    "exposure_index_high": pl.Float64(),
    "ctr_index": pl.Float64(),
    "ctr_index_low": pl.Float64(),
    "ctr_index_high": pl.Float64(),
}


@dataclass(frozen=True, slots=True, eq=False)
class _Shown:
    """The published cells: their segment and key, and effective counts."""

    row: IntVector
    key: IntVector


def describe_cells(
    counts: CellCounts, *, kind: str, keys: pl.DataFrame, least_users: int
) -> pl.DataFrame:
    """Work out rates and indices of the cells that may be shown.

    Parameters
    ----------
    counts : CellCounts
    kind : str
        The dimension.
    keys : DataFrame, (n_keys, 2)
        ``key, label`` as text.
    least_users : int

    Returns
    -------
    DataFrame
        The columns of `CELL_COLUMNS`, by segment and place of the key.

    Notes
    -----
    Expected are impressions in proportion to the segment's and the key's own totals, and clicks at
    the product of the segment's and the key's relative CTR. Observed / expected is shrunk towards 1
    by a gamma prior over all cells of the dimension (Clayton and Kaldor 1987), counts being
    divided by their design effect: how much more they vary over users than independent events
    would. Intervals are log-normal and hold the luck of the key's own total as well.
    """
    n, c = counts.n_impressions.astype(np.float64), counts.n_clicks.astype(np.float64)
    is_shown = (counts.n_users > 0) & ~hidden_keys(counts.n_users, min_size=least_users)
    row, key = np.nonzero(is_shown)
    if row.size == 0:
        return pl.DataFrame(schema=CELL_COLUMNS)
    shown = _Shown(row, key)
    share, exposure, exposure_v = _exposure(n, counts.squares, shown)
    ctr, ratio, ctr_v = _clicks(n, c, counts.squares, shown)
    columns: dict[str, object] = {
        "segment_id": row + 1,
        "n_users": counts.n_users[row, key],
        "n_impressions": counts.n_impressions[row, key],
        "n_clicks": counts.n_clicks[row, key],
        "exposure_share": share,
        **_with_ends("ctr", ctr, ctr_v, most=1.0),
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
    """Return shrunk CTRs, shrunk ratios to what is foretold, and variances of their logarithms."""
    n_segment, c_segment = n.sum(axis=1), c.sum(axis=1)
    rate = c_segment / np.maximum(1.0, n_segment)
    nn, nc, cc = squares[:, 0], squares[:, 1], squares[:, 2]
    spread = cc - 2 * rate * nc + rate**2 * nn
    effect = np.maximum(1.0, spread / np.maximum(1.0, c_segment * (1 - rate)))
    pooled_effect = float(np.average(effect, weights=np.maximum(1.0, c_segment)))
    key_rate, key_variance = _key_rates(n, c, rate, pooled_effect)
    observed = c[shown.row, shown.key] / effect[shown.row]
    foretold = rate[shown.row] * key_rate[shown.key]
    expected = n[shown.row, shown.key] * foretold / effect[shown.row]
    of_all = c_segment / max(1.0, float(c_segment.sum()))
    lost = min(_MOST_LOST, float((of_all**2).sum()))
    shrunk = shrink_ratios(observed, expected, lost=lost)
    return (
        foretold * shrunk.value,
        shrunk.value,
        shrunk.log_variance + key_variance[shown.key],
    )


def _key_rates(
    n: FloatVector, c: FloatVector, rate: FloatVector, effect: float
) -> tuple[FloatVector, FloatVector]:
    """Return each key's CTR relative to what its mix of segments foretells, shrunk towards 1."""
    expected = (rate @ n) / effect
    observed = c.sum(axis=0) / effect
    shrunk = shrink_ratios(observed, expected)
    return shrunk.value, shrunk.log_variance


def _with_ends(
    name: str, value: FloatVector, log_variance: FloatVector, most: float | None = None
) -> dict[str, FloatVector]:
    factor = np.exp(NORMAL_95 * np.sqrt(log_variance))
    high = value * factor
    return {
        name: value,
        f"{name}_low": value / factor,
        f"{name}_high": high if most is None else np.minimum(most, high),
    }
