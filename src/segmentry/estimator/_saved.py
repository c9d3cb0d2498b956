"""A fitted segmenter as JSON: written whole or not at all, read back bit for bit."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from segmentry.errors import BundleError, OutputError
from segmentry.estimator._inference import LeftOut
from segmentry.schema import Feature, Fill
from segmentry.segments.forming import Selection
from segmentry.segments.preprocessing import Choices, Clip, Preprocessing, Scale, Transform

SEGMENTER_VERSION = 1


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

    segmenter_version: int
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


def settings_of(segmenter: Any, choices: Choices) -> Settings:
    """Return the parameters in plain types: a search hands over numpy's own."""
    k, features, seed = segmenter.n_segments, segmenter.features, segmenter.random_state
    return Settings(
        n_segments=None if k is None else int(k),
        k_range=(int(segmenter.k_range[0]), int(segmenter.k_range[1])),
        features=None if features is None else _texts(features),
        exclude=_texts(segmenter.exclude),
        ordinal=_texts(segmenter.ordinal),
        categorical=_texts(segmenter.categorical),
        weights=choices.weights,
        fill=choices.fill,
        transforms=choices.transforms,
        clip=choices.clip,
        scale=choices.scale,
        algorithm=str(segmenter.algorithm),
        min_share=float(segmenter.min_share),
        random_state=int(seed) if isinstance(seed, int | np.integer) else None,
    )


def _texts(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(str(name) for name in names)


def write_segmenter(saved: SavedSegmenter, path: Path) -> None:
    """Write a fitted segmenter beside its place and then move it there.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    partial = path.with_name(f"{path.name}.partial")
    text = json.dumps(asdict(saved), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise OutputError(f"{path}: cannot be written: {error.strerror}") from error


def read_segmenter(path: Path) -> SavedSegmenter:
    """Read a fitted segmenter.

    Raises
    ------
    BundleError
        If it is none, cannot be read, or is of another version.
    """
    from pydantic import TypeAdapter, ValidationError

    try:
        text = path.read_text(encoding="utf-8")
        found = json.loads(text).get("segmenter_version")
    except OSError as error:
        raise BundleError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, AttributeError) as error:
        raise BundleError(f"{path}: not a saved segmenter: {error}; fit and save it") from error
    if found != SEGMENTER_VERSION:
        raise BundleError(
            f"{path}: version {found}, but this segmentry reads version {SEGMENTER_VERSION}; fit "
            "it again"
        )
    try:
        return TypeAdapter(SavedSegmenter).validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        # Alternatives of a type, such as "tuple[float,float]", are no places in the file.
        places = [str(each) for each in first["loc"]]
        where = ".".join(each for each in places if each.isidentifier() or each.isdecimal())
        raise BundleError(f"{path}: {where}: {first['msg']}; fit it again") from error
