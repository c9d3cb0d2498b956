"""Words and ranges that settings take; light to import, so that ``--help`` is quick."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, TypedDict

Fill: TypeAlias = Literal["zero", "median", "mode", "own level", "none"]
Transform: TypeAlias = Literal["none", "log1p", "logit"]
Scale: TypeAlias = Literal["robust", "standard", "quantile", "none"]
Clip: TypeAlias = tuple[float, float] | Literal["none"]
KRange: TypeAlias = str | tuple[int, int]
"""Numbers of segments to try: "2:10" or (2, 10), both ends included."""

MIN_SIZE = 50
"""Fewest users for which a figure or a list is published, unless another number is requested."""

_MAX_NUMBERS = 100


@dataclass(frozen=True, slots=True)
class SparkEngine:
    """A session of Spark, as ``engine`` of `segmentry.run`, `score` and `build_user_table`.

    Parameters
    ----------
    session : pyspark.sql.SparkSession or None
        It stays open. None opens one and stops it at the end.
    master : str
        Of the session to open.
    conf : tuple of str
        Settings of it, as ``spark.executor.memory=4g``.

    Raises
    ------
    MissingExtraError
        When it is first used, if pyspark is not installed.

    Examples
    --------
    >>> SparkEngine(session=None).master
    'local[*]'
    """

    session: Any
    master: str = "local[*]"
    conf: tuple[str, ...] = ()


class EngineOptions(TypedDict, total=False):
    """Settings that say who reads the files."""

    engine: Literal["duckdb", "spark"] | SparkEngine | None
    master: str | None
    spark_conf: Sequence[str] | None


class ReadingOptions(EngineOptions, total=False):
    """Settings of a run that say how a log is read; null is as if it were not given."""

    since: str | None
    until: str | None
    window: str | None
    sample: float | None
    memory: str | None
    temp: str | None
    duplicates: Literal["collapse", "count"] | None
    strict: bool | None


class CheckOptions(ReadingOptions, total=False):
    """Settings of a run that say what of a log is read, and how."""

    with_: Sequence[Literal["behaviours"]] | None


class RunOptions(CheckOptions, total=False):
    """All settings of a run, as keywords of `segmentry.run`."""

    recipe: Literal["default", "classic", "events", "rfm", "table"] | None
    outcome: Literal["clicks", "events", "value"] | None
    algorithm: Literal["kmeans", "minibatch", "bisecting", "latent", "cells"] | None
    k: int | None
    k_range: KRange | None
    k_min: int | None
    gain_share: float | None
    bootstraps: int | None
    features: Sequence[str] | None
    exclude: Sequence[str] | None
    weights: Mapping[str, float] | None
    fill: Fill | Mapping[str, Fill] | None
    transforms: Transform | Mapping[str, Transform] | None
    clip: Clip | Mapping[str, Clip] | None
    scale: Scale | Mapping[str, Scale] | None
    min_share: float | None
    exact_silhouette: bool | None
    min_size: int | None
    mute: Sequence[str] | None
    exemplar_ids: bool | None
    seed: int | None


def parse_k_range(k_range: KRange | Sequence[int]) -> tuple[int, ...]:
    """Return the numbers of segments of a range, both ends included.

    Raises ValueError if it is not a rising range of at most 100 whole numbers from 1 on.

    >>> parse_k_range("2:5"), parse_k_range((3, 4)), parse_k_range("3")
    ((2, 3, 4, 5), (3, 4), (3,))
    """
    words = k_range.split(":") if isinstance(k_range, str) else [str(each) for each in k_range]
    try:
        low, high = map(int, words * 2 if len(words) == 1 else words)
    except ValueError:
        low, high = 1, 0
    if not 1 <= low <= high:
        raise ValueError(f"found {k_range!r}, expected two rising whole numbers such as 2:10")
    if high - low >= _MAX_NUMBERS:
        raise ValueError(
            f"found {k_range!r}, expected at most {_MAX_NUMBERS} numbers; each is a clustering to "
            "fit"
        )
    return tuple(range(low, high + 1))
