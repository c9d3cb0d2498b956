"""The saved model and how it puts users into segments."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from segmentry.errors import BundleError
from segmentry.features import BetaPrior
from segmentry.features.users import BehaviourData
from segmentry.lifecycle.keys import SegmentKeys
from segmentry.runtime.codec import Codec
from segmentry.schema import UNASSIGNED, Feature, Window
from segmentry.schema.arrays import FloatVector, IntVector
from segmentry.segments.forming import (
    CellModel,
    FrozenSegments,
    Segmentation,
    membership,
    recipe_named,
)
from segmentry.segments.latent import LatentModel
from segmentry.segments.preprocessing import Preprocessing

_LONGEST_SHOWN = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """All that is needed to score users, as plain data; written as JSON, never pickled."""

    recipe: str
    algorithm: str
    names: tuple[str, ...]
    """Name of segment `i` at `i - 1`."""
    centers: tuple[tuple[float, ...], ...]
    """(n_segments, n_columns)."""
    preprocessing: Preprocessing
    prior: BetaPrior | None
    """With which the CTR of new users is shrunk."""
    main_placement: str | None
    attributes: tuple[Feature, ...]
    """Attributes of a profile that the user table holds."""
    window: Window
    """The window of the features."""
    behaviour_priors: Mapping[str, BetaPrior] = field(default_factory=dict)
    """With which rates of the behaviour log are shrunk; empty where it was not read."""
    behaviour_window: Window | None = None
    """The window of the behaviours."""
    behaviour_provides: tuple[str, ...] = ()
    """What the behaviour log had."""
    latent: LatentModel | None = None
    """The classes where the algorithm is "latent": they place users, not the centres."""
    cells: CellModel | None = None
    """The cut points where the algorithm is "cells": they place users, not the centres."""
    keys: SegmentKeys | None = None
    """What the segments are called from run to run; null in runs of earlier versions."""

    @property
    def frozen(self) -> FrozenSegments:
        """The segments, to put other users into them."""
        return FrozenSegments(
            recipe=recipe_named(self.recipe),
            algorithm=self.algorithm,
            preprocessing=self.preprocessing,
            centers=np.array(self.centers),
            latent=self.latent,
            cells=self.cells,
            window=self.window,
            behaviour_window=self.behaviour_window,
        )

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the user table that placing a user takes."""
        counted = () if self.latent is None else ("n_impressions", "n_clicks")
        return tuple(dict.fromkeys((*self.preprocessing.features, *counted)))


def make_bundle(
    segmentation: Segmentation,
    *,
    names: tuple[str, ...],
    prior: BetaPrior | None,
    main_placement: str | None,
    attributes: tuple[Feature, ...],
    window: Window,
    behaviours: BehaviourData | None = None,
    keys: SegmentKeys | None = None,
) -> Bundle:
    """Take from a segmentation what scoring needs."""
    return Bundle(
        recipe=segmentation.recipe.name,
        algorithm=segmentation.algorithm,
        names=names,
        centers=tuple(tuple(map(float, center)) for center in segmentation.centers),
        preprocessing=segmentation.preprocessing,
        prior=prior,
        main_placement=main_placement,
        attributes=attributes,
        window=window,
        behaviour_priors={} if behaviours is None else behaviours.priors,
        behaviour_window=None if behaviours is None else behaviours.window,
        behaviour_provides=() if behaviours is None else tuple(sorted(behaviours.provides)),
        latent=None if segmentation.latent is None else segmentation.latent.model,
        cells=segmentation.cells,
        keys=keys,
    )


_CODEC = Codec(
    Bundle,
    what="saved model",
    version=1,
    version_key="bundle_version",
    remedy="run it again",
    expected="a run folder of segmentry run",
)
render_bundle = _CODEC.render


def parse_bundle(text: str, *, source: str) -> Bundle:
    """Read a saved model back.

    Raises BundleError if it is damaged, contradicts itself or is of another version.
    """
    return _proved(_CODEC.parse(text, source=source), source=source)


def read_bundle_file(file: Path) -> Bundle:
    """Read a saved model of a file, as `parse_bundle`."""
    return _proved(_CODEC.read(file), source=str(file))


def _proved(bundle: Bundle, *, source: str) -> Bundle:
    """Return a model that can place users.

    Parts that do not fit each other, and numbers beyond all distances, fail at it.
    """
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            _place_anybody(bundle)
    except Exception as error:
        reason = " ".join(str(error).split())[:_LONGEST_SHOWN]
        raise BundleError(
            f"{source}: not a saved model: it contradicts itself: {reason}; run it again"
        ) from error
    return bundle


_LARGEST = 1e100
"""Beyond it squares, and sums of them, are infinite soon."""


def _place_anybody(bundle: Bundle) -> None:
    """Place one user whose features are all 1, and one whose features are all unknown."""
    fitted = bundle.preprocessing.fitted
    for each in fitted:
        clips = [clip for clip in (each.clip_low, each.clip_high) if clip is not None]
        numbers = (
            *clips,
            each.fill_value or 0.0,
            each.center,
            each.scale,
            each.weight,
            each.factor,
        )
        if max(map(abs, numbers)) > _LARGEST or min(each.scale, each.factor) <= 0:
            raise ValueError(f"{each.feature}: numbers beyond all data")
        if clips != sorted(clips):
            raise ValueError(f"{each.feature}: the lower clip is above the upper one")
    priors = [each for each in (bundle.prior, *bundle.behaviour_priors.values()) if each]
    if any(not (0 <= each.mean <= 1 and 0 <= each.precision <= _LARGEST) for each in priors):
        raise ValueError("a prior of something else than a rate")
    levels = {each.feature for each in fitted if each.levels is not None}
    known = pl.DataFrame(
        {name: ["1"] if name in levels else [1.0] for name in bundle.columns}
        | {"n_impressions": [1.0], "is_profiled": [True]}
    )
    unknown = known.with_columns(
        pl.lit(None, known.schema[name]).alias(name)
        for name in set(bundle.columns) - {"n_impressions"}
    )
    ids, _ = bundle.frozen.place(pl.concat([known, unknown]))
    names, keys = bundle.names, bundle.keys
    is_whole = len(bundle.centers) == len(names) == len(set(names)) and ids.max() <= len(names)
    if not np.isfinite(np.square(bundle.centers).sum()):
        raise ValueError("centres beyond all distances")
    if not is_whole or (keys is not None and len(keys.keys) != len(names)):
        raise ValueError("names, keys and centres of the segments do not belong together")


def score_users(
    bundle: Bundle, table: pl.DataFrame, *, windows: tuple[Window, Window | None] | None = None
) -> tuple[pl.DataFrame, Mapping[str, int]]:
    """Put the users of a table into the segments of a bundle.

    The table has the features of the bundle, made with its prior and main placement. The scores are
    ``user_id, segment_id, segment_key, segment_name, margin, is_profiled``, one row per user in the
    order of the table; users that belong to no segment have id 0, and no key, name and margin. With
    them comes, by feature, how many users have a level that was not there when the segments were
    formed. `windows` are those of the log and of the behaviours; the bundle's own by default.

    Raises SchemaError if the table lacks a feature.
    """
    frozen = bundle.frozen if windows is None else bundle.frozen.in_windows(*windows)
    ids, margins = frozen.place(table)
    unseen = bundle.preprocessing.unseen_levels(table.filter(ids != UNASSIGNED))
    keys = None if bundle.keys is None else bundle.keys.keys
    return segments_table(table, ids, margins, bundle.names, keys), unseen


@dataclass(frozen=True, slots=True)
class Deciding:
    """What a column of `X` contributes to a user being in one segment and not in the next.

    `pull` is the squared distance to the second-nearest centre minus that to the nearest, in this
    column: positive where it speaks for the segment. All columns together give the whole
    difference.
    """

    column: str
    feature: str
    pull: float


@dataclass(frozen=True, slots=True)
class Placement:
    """Why a user is in a segment."""

    distances: tuple[tuple[int, float], ...]
    """Segment id and Euclidean distance to its centre in the columns of `X`, nearest first."""
    margin: float
    """(d2 - d1) / d2: 0 on the border, 1 on the centre; 1 with one segment."""
    deciding: tuple[Deciding, ...]
    """Strongest first; empty with one segment."""


def explain_placement(bundle: Bundle, user: pl.DataFrame) -> Placement | None:
    """Say why a user, one row of the user table, is in a segment, or None for one that is in none.

    Latent classes and cells are no matter of distances: a user of such a run has none either.

    Raises SchemaError if the table lacks a feature.
    """
    is_member, _ = membership(recipe_named(bundle.recipe), bundle.preprocessing, user)
    is_by_distance = bundle.latent is None and bundle.cells is None
    if not is_by_distance or user.height != 1 or not is_member[0]:
        return None
    x, centers = bundle.preprocessing.transform(user)[0], np.array(bundle.centers)
    squares = (x - centers) ** 2
    distances = np.sqrt(squares.sum(axis=1))
    order = np.argsort(distances, kind="stable")
    ranked = tuple((int(i) + 1, float(distances[i])) for i in order)
    if len(order) == 1:
        return Placement(distances=ranked, margin=1.0, deciding=())
    owners = [c.feature for c in bundle.preprocessing.fitted for _ in c.columns]
    pulls = squares[order[1]] - squares[order[0]]
    deciding = [
        Deciding(column, owner, float(pull))
        for column, owner, pull in zip(bundle.preprocessing.columns, owners, pulls, strict=True)
    ]
    second = ranked[1][1]
    return Placement(
        distances=ranked,
        margin=(second - ranked[0][1]) / second if second > 0 else 0.0,
        deciding=tuple(sorted(deciding, key=lambda each: (-abs(each.pull), each.column))),
    )


def keys_of(segment_ids: np.typing.NDArray[np.int64], keys: Sequence[str | None]) -> pl.Series:
    """Return ``segment_key`` of users by the id of their segment; null where they have none."""
    return pl.Series("segment_key", [None, *keys], dtype=pl.String).gather(segment_ids)


def segments_table(
    table: pl.DataFrame,
    segment_ids: IntVector,
    margins: FloatVector,
    names: tuple[str, ...],
    keys: tuple[str, ...] | None,
) -> pl.DataFrame:
    """Return the table of ``segments.parquet``: who is where, and how clearly."""
    labels = pl.Series([None, *names], dtype=pl.String)
    return table.select(
        "user_id",
        pl.Series("segment_id", segment_ids),
        keys_of(segment_ids, keys or (None,) * len(names)),
        labels.gather(segment_ids).alias("segment_name"),
        pl.Series("margin", margins).fill_nan(None),
        "is_profiled",
    )
