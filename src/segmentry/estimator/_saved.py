"""A fitted segmenter as JSON, read back bit for bit."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from segmentry.estimator._inference import LeftOut
from segmentry.runtime.codec import Codec
from segmentry.schema import Feature, Fill
from segmentry.segments.forming import Selection
from segmentry.segments.preprocessing import Choices, Clip, Preprocessing, Scale, Transform
from segmentry.settings import parse_k_range


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The parameters of a `UserSegmenter`, in plain types."""

    n_segments: int | None
    k_range: tuple[int, int]
    features: tuple[str, ...] | None
    exclude: tuple[str, ...]
    ordinal: tuple[str, ...]
    categorical: tuple[str, ...]
    weights: Mapping[str, float] | None
    fill: Fill | Mapping[str, Fill] | None = None
    transforms: Transform | Mapping[str, Transform] | None = None
    clip: Clip | Mapping[str, Clip] | None = None
    scale: Scale | Mapping[str, Scale] | None
    algorithm: str
    min_share: float
    random_state: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedSegmenter:
    """All that a fitted segmenter needs to place users, and why it is as it is."""

    settings: Settings
    feature_names_in: tuple[str, ...] | None
    n_features_in: int
    seed: int
    centers: tuple[tuple[float, ...], ...]
    inertia: float
    preprocessing: Preprocessing
    selection: Selection
    features: tuple[Feature, ...]
    left_out: tuple[LeftOut, ...]


CODEC = Codec(
    SavedSegmenter,
    what="saved segmenter",
    version=1,
    version_key="segmenter_version",
    remedy="fit it again",
    expected="a file of UserSegmenter.save",
)


def settings_of(segmenter: Any, choices: Choices) -> Settings:
    """Return the parameters in plain types: a search hands over numpy's own."""
    k, features, seed = segmenter.n_segments, segmenter.features, segmenter.random_state
    numbers = parse_k_range(segmenter.k_range)
    return Settings(
        n_segments=None if k is None else int(k),
        k_range=(numbers[0], numbers[-1]),
        features=None if features is None else tuple(map(str, features)),
        exclude=tuple(map(str, segmenter.exclude)),
        ordinal=tuple(map(str, segmenter.ordinal)),
        categorical=tuple(map(str, segmenter.categorical)),
        weights=choices.weights,
        fill=choices.fill,
        transforms=choices.transforms,
        clip=choices.clip,
        scale=choices.scale,
        algorithm=str(segmenter.algorithm),
        min_share=float(segmenter.min_share),
        random_state=int(seed) if isinstance(seed, int | np.integer) else None,
    )
