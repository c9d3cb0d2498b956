"""Segment a ready user table, without any file."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import narwhals.stable.v2 as nw
import polars as pl

from segmentry.errors import ConfigError, SchemaError
from segmentry.evaluation.number import decide_by_groups
from segmentry.features import LOG_FEATURES
from segmentry.ingest.taobao import TAOBAO_ATTRIBUTES
from segmentry.segments.forming import (
    Decide,
    Recipe,
    Segmentation,
    find_segments,
    plan_features,
    recipe_named,
)
from segmentry.segments.preprocessing import read_choices
from segmentry.settings import Clip, Fill, KRange, Scale, Transform, parse_k_range


def fit_segments(
    user_table: Any,
    *,
    recipe: str = "default",
    features: Sequence[str] | None = None,
    exclude: Sequence[str] = (),
    weights: Mapping[str, float] | None = None,
    fill: Fill | Mapping[str, Fill] | None = None,
    transforms: Transform | Mapping[str, Transform] | None = None,
    clip: Clip | Mapping[str, Clip] | None = None,
    scale: Scale | Mapping[str, Scale] | None = None,
    k: int | None = None,
    k_range: KRange = "2:10",
    algorithm: str = "kmeans",
    min_share: float = 0.01,
    seed: int = 0,
) -> Segmentation:
    """Form segments from a user table.

    Parameters
    ----------
    user_table : polars or pandas DataFrame, or pyarrow Table
        As `build_user_table` returns it; it is not changed. Users are taken in the order of
        ``user_id``, and the answer is in that order.
    recipe : {"default", "classic"}
    features : sequence of str, optional
        Features that form segments, instead of the recipe's.
    exclude : sequence of str
        Features that must not form segments.
    weights : mapping of str to float, optional
        Factors of features, above 0; the recipe's, else 1, where none is given.
    fill : {"zero", "median", "mode", "own level", "none"} or mapping of features, optional
        What stands in for a missing value; "none" leaves the user out.
    transforms : {"none", "log1p", "logit"} or mapping of features, optional
    clip : tuple of (float, float), "none" or mapping of features, optional
        Quantiles beyond which transformed values are pulled in.
    scale : {"robust", "standard", "quantile", "none"} or mapping of features, optional
        These five are as the kind of each feature and the recipe have it where nothing is chosen.
    k : int, optional
        Number of segments; chosen by the recipe's rule if absent. A table alone has no later days
        to ask: by "default" it is the number of natural groups, 1 where there are none.
    k_range : str or tuple of (int, int)
        Numbers to try, as "2:10" or (2, 10).
    algorithm : {"kmeans", "minibatch", "bisecting"}
    min_share : float
        A candidate with a smaller segment is not chosen.
    seed : int

    Returns
    -------
    Segmentation
        `segment_ids` are those of the users in the order of ``user_id``.

    Raises
    ------
    SchemaError
        If the table lacks a column, or holds a user twice.
    ConfigError
        If a setting, or a feature that it names, makes no sense.
    SelectionError
        If the users do not allow the number of segments.

    Examples
    --------
    >>> import segmentry, polars as pl
    >>> table = pl.DataFrame({
    ...     "user_id": range(40), "is_profiled": True,
    ...     "n_impressions": [5] * 20 + [90, 100] * 10, "n_active_days": [1] * 20 + [5] * 20,
    ...     "ctr_shrunk": [0.08, 0.09] * 10 + [0.02] * 20,
    ... })
    >>> segmentation = segmentry.fit_segments(table, k=2)
    >>> segmentation.n_segments, bool(segmentation.segment_ids[0] != segmentation.segment_ids[-1])
    (2, True)
    """
    table: pl.DataFrame = nw.from_native(user_table, eager_only=True).to_polars()
    needed = [name for name in ("user_id", "is_profiled") if name not in table.columns]
    if needed:
        raise SchemaError(
            f"user table: no column {', '.join(needed)}; found {', '.join(table.columns)}"
        )
    if table["user_id"].n_unique() != table.height:
        raise SchemaError("user table: a user_id occurs twice; expected one row per user")
    known = [each for each in (*LOG_FEATURES, *TAOBAO_ATTRIBUTES) if each.name in table.columns]
    chosen = recipe_named(recipe)
    steps = {
        "weights": weights, "fill": fill, "transforms": transforms, "clip": clip, "scale": scale,
    }  # fmt: skip
    plans = plan_features(
        chosen, known, features=features, exclude=exclude, choices=read_choices(steps)
    )
    return find_segments(
        table.sort("user_id"),
        plans,
        recipe=chosen,
        n_segments=_numbers(k_range),
        forced=k,
        algorithm=algorithm,
        min_share=min_share,
        seed=seed,
        decide=_decide(chosen, k, seed=seed),
    )


def _numbers(k_range: KRange) -> tuple[int, ...]:
    try:
        return parse_k_range(k_range)
    except ValueError as error:
        raise ConfigError(f"k_range: {error}") from error


def _decide(recipe: Recipe, k: int | None, *, seed: int) -> Decide | None:
    if recipe.choose_by != "evidence" or k is not None:
        return None
    return functools.partial(decide_by_groups, seed=seed)
