"""What a segmenter was requested: checked, and turned into one plan per column."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import numpy.typing as npt

from segmentry.errors import ConfigError
from segmentry.estimator._inference import InferredFeatures
from segmentry.runtime.seeds import LARGEST_SEED
from segmentry.segments.clustering import ALGORITHMS
from segmentry.segments.preprocessing import (
    Choices,
    ColumnPlan,
    apply_choices,
    plan_column,
    read_choices,
)
from segmentry.settings import parse_k_range

_NAMES = ("features", "exclude", "ordinal", "categorical")


def check_settings(parameters: Any) -> None:
    """Refuse parameters that make no sense, by a `ConfigError`."""
    n_segments, algorithm = parameters.n_segments, parameters.algorithm
    min_share = parameters.min_share
    is_number = isinstance(n_segments, int | np.integer) and not isinstance(n_segments, bool)
    if n_segments is not None and not is_number:
        raise ConfigError(f"n_segments: found {n_segments!r}, expected a whole number or None")
    for name in _NAMES:
        found = getattr(parameters, name)
        if isinstance(found, str):
            raise ConfigError(f"{name}: found {found!r}, expected a list of names: [{found!r}]")
    try:
        parse_k_range(parameters.k_range)
    except ValueError as error:
        raise ConfigError(f"k_range: {error}") from error
    if algorithm not in ALGORITHMS:
        raise ConfigError(
            f"algorithm: found {algorithm!r}, expected one of {', '.join(ALGORITHMS)}"
        )
    if not 0 <= min_share < 1:
        raise ConfigError(f"min_share: found {min_share}, expected a share from 0 to below 1")


def require_seed(seed: int) -> int:
    """Return a seed that every generator takes, or refuse it by a `ConfigError`."""
    if not 0 <= seed <= LARGEST_SEED:
        raise ConfigError(f"random_state: found {seed}, expected a number from 0 to {LARGEST_SEED}")
    return seed


def choices_of(parameters: object) -> Choices:
    """Take the parameters that say how columns enter `X`; wrong ones raise a `ConfigError`."""
    choices = read_choices({each.name: getattr(parameters, each.name) for each in fields(Choices)})
    fills = choices.fill.values() if isinstance(choices.fill, Mapping) else (choices.fill,)
    if "none" in fills:
        raise ConfigError(
            "fill: found 'none', which leaves rows out, but each row gets a segment here; "
            "expected zero, median, mode or own level"
        )
    return choices


def plan_columns(
    inferred: InferredFeatures, *, features: Sequence[str] | None, choices: Choices
) -> tuple[ColumnPlan, ...]:
    """Return the plan of each column that forms segments, in the order of the table.

    Raises ConfigError if a named column is not there or cannot form segments, or no column is left.

    >>> import polars as pl
    >>> from segmentry.estimator import infer_features
    >>> inferred = infer_features(pl.DataFrame({"age": [31.5, 44.0], "plan": [2, 2]}))
    >>> plan_columns(inferred, features=["plan"], choices=Choices())
    Traceback (most recent call last):
    ...
    segmentry.errors.ConfigError: column 'plan' cannot form segments (constant: 2 for all users); \
leave it out
    """
    reasons = {each.column: each.reason for each in inferred.left_out}
    known = [feature.name for feature in inferred.features]
    for name in (*(features or ()), *choices.features):
        if name in reasons:
            raise ConfigError(
                f"column {name!r} cannot form segments ({reasons[name]}); leave it out"
            )
        if name not in known:
            raise ConfigError(f"no column {name!r}; expected some of {', '.join(known)}")
    chosen = [each for each in inferred.features if features is None or each.name in features]
    if not chosen:
        text = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
        raise ConfigError(f"no column is left to form segments ({text or 'none was requested'})")
    return apply_choices([plan_column(each) for each in chosen], choices)


def weights_of(sample_weight: npt.ArrayLike | None, n_users: int) -> npt.NDArray[np.float64] | None:
    """Take sample weights as float64, shape (n_users,).

    Raises ValueError if the shape is another, one is negative or not finite, or none is above 0.
    """
    if sample_weight is None:
        return None
    weights = np.array(sample_weight, dtype=np.float64)
    if weights.shape != (n_users,):
        raise ValueError(f"sample_weight: found shape {weights.shape}, expected ({n_users},)")
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise ValueError("sample_weight: expected finite numbers, none of them negative")
    if not weights.any():
        raise ValueError("sample_weight: all are zero, expected at least one above 0")
    return weights
