"""Short plain names from what formed a segment; never the same twice."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from segmentry.preprocessing import numeric_values
from segmentry.schema import Feature

__all__ = ["name_segments"]

_WORDS = {
    "n_impressions": ("rarely shown", "heavily shown"),
    "ctr_shrunk": ("seldom clicks", "clicks well"),
    "ctr": ("seldom clicks", "clicks well"),
    "n_clicks": ("few clicks", "many clicks"),
    "n_active_days": ("few active days", "many active days"),
    "recency_days": ("seen lately", "not seen lately"),
    "age_level": ("younger", "older"),
    "consumption_level": ("low spenders", "high spenders"),
    "shopping_depth": ("shallow shoppers", "deep shoppers"),
    "city_tier": ("low city tier number", "high city tier number"),
}
_MODERATE = 0.15
_STRONG = 0.75


def name_segments(
    users: pl.DataFrame, groups: Sequence[npt.NDArray[np.int64]], features: Sequence[Feature]
) -> list[str]:
    """Name each group by the one or two features in which it stands out most.

    Standing out is measured by rank, so that a few extreme users do not name a segment: twice
    the mean rank of its users in the population, from -1 (all lowest) to 1 (all highest); the
    Somers' D of the feature for belonging to the segment, up to its size.

    Parameters
    ----------
    users : DataFrame
    groups : sequence of ndarray of int
        Row positions of each segment's users.
    features : sequence of Feature
        What formed the segments.

    Examples
    --------
    >>> from segmentry.features import LOG_FEATURES
    >>> users = pl.DataFrame({"n_impressions": [1, 1, 2, 50, 60, 70]})
    >>> name_segments(users, [np.arange(3), np.arange(3, 6)], LOG_FEATURES[:1])
    ['Rarely shown', 'Heavily shown']
    """
    ordered = [feature for feature in features if feature.kind != "categorical"]
    standings = _standings(users, groups, ordered)
    names: list[str] = []
    for position, standing in enumerate(standings, start=1):
        ranked = sorted(zip(ordered, standing, strict=True), key=lambda pair: -abs(pair[1]))
        words = [_word(feature, value) for feature, value in ranked if abs(value) >= _MODERATE]
        names.append(_distinct(words, names, position))
    return names


def _standings(
    users: pl.DataFrame, groups: Sequence[npt.NDArray[np.int64]], features: Sequence[Feature]
) -> npt.NDArray[np.float64]:
    """Return twice the mean relative rank less one, shape (n_segments, n_features)."""
    from scipy.stats import rankdata

    standings = np.zeros((len(groups), len(features)))
    for column, feature in enumerate(features):
        values = numeric_values(users[feature.name])
        known = np.isfinite(values)
        relative = np.zeros(values.size)
        if known.any():
            relative[known] = (2 * rankdata(values[known]) - 1) / known.sum() - 1
        for row, members in enumerate(groups):
            standings[row, column] = relative[members].mean() if members.size else 0.0
    return standings


def _word(feature: Feature, standing: float) -> str:
    low, high = _WORDS.get(feature.name, (f"low {feature.label}", f"high {feature.label}"))
    word = high if standing > 0 else low
    is_single = len(word.split()) > 1 and word.split()[0] in {"rarely", "heavily", "seldom"}
    return f"very {word}" if abs(standing) >= _STRONG and is_single else word


def _distinct(words: Sequence[str], taken: Sequence[str], position: int) -> str:
    """Join as many words as are needed to be unlike the names before, two where there are."""
    if not words:
        words = ["average"]
    for n_words in range(min(2, len(words)), len(words) + 1):
        name = ", ".join(words[:n_words])
        name = name[0].upper() + name[1:]
        if name not in taken:
            return name
    return f"{name} ({position})"
