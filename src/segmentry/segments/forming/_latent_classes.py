"""What latent classes take of a user table, and what they say of its users."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from segmentry.errors import ConfigError, SchemaError
from segmentry.schema.arrays import FloatMatrix, FloatVector, IntMatrix, IntVector
from segmentry.segments.clustering import NEARER, unsure_rows
from segmentry.segments.latent import LatentFit, LatentModel, Part
from segmentry.segments.preprocessing import ColumnPlan, level_texts, ordered_levels

_OF_CLICKS = ("ctr_shrunk", "ctr", "n_clicks")
_MAX_LEVELS = 100
_UNKNOWN = "unknown"


def latent_parts(plans: Sequence[ColumnPlan], table: pl.DataFrame) -> tuple[Part, ...]:
    """Say what each feature is in the mixture; a CTR is clicks given impressions.

    `table` holds the users that are segmented.

    Raises ConfigError if a feature is neither a count nor of levels, or has more than 100 levels;
    SchemaError if the table lacks impressions or clicks.

    >>> from segmentry.features import LOG_FEATURES
    >>> from segmentry.segments.forming import plan_features, recipe_named
    >>> plans = plan_features(recipe_named("default"), LOG_FEATURES)
    >>> users = pl.DataFrame({"n_impressions": [1, 9], "n_clicks": [0, 1], "n_active_days": [1, 2]})
    >>> [(part.kind, part.feature, part.offset) for part in latent_parts(plans, users)]
    [('clicks', 'ctr_shrunk', 0), ('count', 'n_impressions', 1), ('count', 'n_active_days', 1)]
    """
    clicks, others = [], []
    refused = []
    for plan in plans:
        feature = plan.feature
        if feature.name in _OF_CLICKS:
            clicks.append(Part(kind="clicks", feature=feature.name))
        elif feature.kind == "count":
            others.append(_count_part(feature.name, table))
        elif feature.kind in ("categorical", "ordinal"):
            others.append(_level_part(feature.name, table))
        else:
            refused.append(f"{feature.name} ({feature.kind})")
    if refused:
        raise ConfigError(
            f"--algorithm latent takes clicks, counts and levels; found {', '.join(refused)}; "
            "leave them out with --exclude, or choose another algorithm"
        )
    absent = [name for name in ("n_impressions", "n_clicks") if name not in table.columns]
    if clicks and absent:
        raise SchemaError(
            f"user table: no column {', '.join(absent)}; latent classes take clicks given "
            "impressions"
        )
    return (*clicks[:1], *others)


def _count_part(name: str, table: pl.DataFrame) -> Part:
    least = int(_counts(table[name]).min())
    return Part(kind="count", feature=name, offset=min(max(least, 0), 1))


def _level_part(name: str, table: pl.DataFrame) -> Part:
    texts = level_texts(table[name])
    names = texts.drop_nulls().unique().to_list()
    if len(names) > _MAX_LEVELS:
        raise ConfigError(
            f"feature {name} has {len(names)} levels, more than {_MAX_LEVELS}: group them, or "
            f"leave it out with --exclude {name}"
        )
    levels = tuple(ordered_levels(names) or sorted(names))
    if texts.null_count():
        levels += (_UNKNOWN,)
    return Part(kind="levels", feature=name, levels=levels)


def latent_matrix(parts: Sequence[Part], table: pl.DataFrame) -> IntMatrix:
    """Return the columns of the parts, one part after the other, shape (n_users, n_columns).

    Unknown counts are 0; a level that no user had at the fit gets the code after the last.

    >>> parts = (Part(kind="clicks", feature="ctr"),
    ...          Part(kind="levels", feature="city_tier", levels=("1", "2", "unknown")))
    >>> users = pl.DataFrame(
    ...     {"n_impressions": [5, 2, 1], "n_clicks": [1, 0, 0], "city_tier": ["2", None, "9"]}
    ... )
    >>> latent_matrix(parts, users)
    array([[5, 1, 1],
           [2, 0, 2],
           [1, 0, 3]])
    """
    columns: list[IntVector] = []
    for part in parts:
        if part.kind == "clicks":
            columns += [_counts(table["n_impressions"]), _counts(table["n_clicks"])]
        elif part.kind == "count":
            columns.append(_counts(table[part.feature]))
        else:
            columns.append(_codes(part, table[part.feature]))
    return np.stack(columns, axis=1)


def _counts(column: pl.Series) -> IntVector:
    return column.fill_null(0).cast(pl.Float64).round().cast(pl.Int64).to_numpy()


def _codes(part: Part, column: pl.Series) -> IntVector:
    known = {level: code for code, level in enumerate(part.levels)}
    unknown = known.pop(_UNKNOWN, len(part.levels))
    codes = level_texts(column).replace_strict(
        list(known), list(known.values()), default=len(part.levels), return_dtype=pl.Int64
    )
    is_missing = column.is_null().to_numpy()
    found: IntVector = np.where(is_missing, unknown, codes.to_numpy())
    return found


@dataclass(frozen=True, slots=True, eq=False)
class LatentSegments:
    """What latent classes say beyond who is where."""

    model: LatentModel
    """Class `i` is segment `i + 1`."""
    memberships: FloatMatrix
    """Shape (n_users, n_classes): probability of each class; 0 for users that belong to no
    segment."""
    rates: FloatVector | None
    """Shape (n_users,): the CTR to be expected of each user, over all classes; NaN for users that
    belong to no segment. Null where clicks formed no class."""
    fits: tuple[LatentFit, ...]
    by_icl: int
    """The number that the ICL would choose."""

    def reordered(self, order: IntVector) -> "LatentSegments":
        """Return the same classes in another order: class `order[i]` comes to place `i`."""
        model = self.model.reordered(order)
        return replace(self, model=model, memberships=self.memberships[:, order])


def place_by_class(
    memberships: FloatMatrix, *, before: IntMatrix | None = None
) -> tuple[IntVector, FloatVector]:
    """Return the likeliest class of each row, and how much likelier it is than the next.

    `before`, shape (n_rows, 2), is the class of each row in an earlier window, -1 for none, and the
    likeliest then. The row stays, with margin 0, unless another class is at least twice as likely,
    or likeliest again.

    >>> labels, margins = place_by_class(np.array([[0.2, 0.7, 0.1], [1.0, 0.0, 0.0]]))
    >>> labels, margins.round(2)
    (array([1, 0]), array([0.5, 1. ]))
    """
    labels = memberships.argmax(axis=1)
    if memberships.shape[1] == 1:
        return labels, np.ones(len(labels))
    largest = -np.partition(-memberships, 1, axis=1)[:, :2]
    margins = largest[:, 0] - largest[:, 1]
    if before is not None:
        rows = unsure_rows(labels, before)
        stays = rows[NEARER * largest[rows, 0] < memberships[rows, before[rows, 0]]]
        labels[stays], margins[stays] = before[stays, 0], 0.0
    return labels, margins
