"""What can be asked of a run; the same names in Python, in TOML and on the command line."""

import datetime as dt
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from segmentry.errors import ConfigError
from segmentry.ingest.files import read_settings
from segmentry.privacy import MIN_SIZE
from segmentry.runtime.memory import LEAST_MEMORY, parse_size
from segmentry.runtime.seeds import LARGEST_SEED
from segmentry.schema import Fill, UtcOffset
from segmentry.segments.forming import numbers_to_try
from segmentry.segments.preprocessing import Choices, Clip, Scale, Transform, read_choice

__all__ = ["RunConfig", "load_config", "parse_moment"]


_TAKES_FEATURES_AS_THEY_ARE = ("latent", "cells")


class RunConfig(BaseModel):
    """All settings of ``segmentry run``.

    Examples
    --------
    >>> RunConfig(k_range="2:4").numbers
    (2, 3, 4)
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    engine: Literal["duckdb"] = "duckdb"
    recipe: Literal["default", "classic", "rfm", "table"] = "default"
    algorithm: Literal["kmeans", "minibatch", "bisecting", "latent", "cells"] = "kmeans"
    k: int | None = Field(default=None, ge=1)
    k_range: str = "2:10"
    k_min: int = Field(default=1, ge=1)
    bootstraps: int = Field(default=50, ge=2)
    with_: tuple[Literal["behaviours"], ...] = Field(default=(), alias="with")
    features: tuple[str, ...] | None = None
    exclude: tuple[str, ...] = ()
    weights: Mapping[str, float] | None = None
    fill: Fill | Mapping[str, Fill] | None = None
    transforms: Transform | Mapping[str, Transform] | None = None
    clip: Clip | Mapping[str, Clip] | None = None
    scale: Scale | Mapping[str, Scale] | None = None
    since: str | None = None
    until: str | None = None
    sample: float = Field(default=1.0, gt=0, le=1)
    min_share: float = Field(default=0.01, ge=0, lt=1)
    exact_silhouette: bool = False
    min_size: int = Field(default=MIN_SIZE, ge=1)
    mute: tuple[str, ...] = ()
    exemplar_ids: bool = False
    seed: int = Field(default=0, ge=0, le=LARGEST_SEED)
    memory: str | None = None
    temp: str | None = None
    duplicates: Literal["collapse", "count"] = "collapse"
    strict: bool = False

    @field_validator("engine", mode="before")
    @classmethod
    def _is_not_removed(cls, value: object) -> object:
        if value == "polars":
            raise ValueError("'polars' was removed; leave the option out, DuckDB reads the files")
        return value

    @field_validator("k_range", mode="before")
    @classmethod
    def _is_range(cls, value: str | tuple[int, int]) -> str:
        numbers = numbers_to_try(value)
        return value if isinstance(value, str) else f"{numbers[0]}:{numbers[-1]}"

    @field_validator("memory")
    @classmethod
    def _is_size(cls, value: str | None) -> str | None:
        if value is not None and parse_size(value) < LEAST_MEMORY:
            raise ValueError(
                f"found {value!r}, expected at least {LEAST_MEMORY // 10**6} MB; the libraries "
                "alone take most of that"
            )
        return value

    @field_validator("weights", "fill", "transforms", "clip", "scale", mode="before")
    @classmethod
    def _is_choice(cls, value: object, info: ValidationInfo) -> object:
        return read_choice(str(info.field_name), value)

    @property
    def choices(self) -> Choices:
        """How features enter `X`, where it is not as their kind and the recipe have it."""
        return Choices(
            weights=self.weights,
            fill=self.fill,
            transforms=self.transforms,
            clip=self.clip,
            scale=self.scale,
        )

    @property
    def has_behaviours(self) -> bool:
        """Whether the behaviour log is to be read too."""
        return "behaviours" in self.with_

    @property
    def numbers(self) -> tuple[int, ...]:
        """The numbers of segments to try."""
        return numbers_to_try(self.k_range)


def parse_moment(text: str, *, utc_offset_hours: UtcOffset, option: str) -> int:
    """Read a moment as epoch seconds: a local date or time in ISO form, or epoch seconds.

    Raises
    ------
    ConfigError
        If it is neither.

    Examples
    --------
    >>> parse_moment("2017-05-06", utc_offset_hours=8, option="--since")
    1494000000
    >>> parse_moment("yesterday", utc_offset_hours=8, option="--since")
    Traceback (most recent call last):
    ...
    segmentry.errors.ConfigError: --since 'yesterday': expected a date such as 2017-05-06, a time \
such as 2017-05-06T18:00, or epoch seconds
    """
    if text.isdecimal() and len(text) > 8:
        return int(text)
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(
            f"{option} {text!r}: expected a date such as 2017-05-06, a time such as "
            "2017-05-06T18:00, or epoch seconds"
        ) from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.timezone(dt.timedelta(hours=utc_offset_hours)))
    return int(moment.timestamp())


def load_config(file: Path | None, options: dict[str, Any]) -> RunConfig:
    """Read a TOML file, put the given options over it, and check the whole.

    Parameters
    ----------
    file : Path or None
        Settings by the names of `RunConfig`.
    options : dict
        Those that are not None win over the file.

    Raises
    ------
    ConfigError
        If the file cannot be read, or a setting is unknown or out of range.

    Examples
    --------
    >>> load_config(None, {"k": 4}).k
    4
    >>> load_config(None, {"k": 0})
    Traceback (most recent call last):
    ...
    segmentry.errors.ConfigError: --k: found 0, input should be greater than or equal to 1
    """
    settings: dict[str, Any] = {}
    if file is not None:
        text = read_settings(file, advice="check --config")
        try:
            settings = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"{file}: not TOML: {error}") from error
    settings |= {name: value for name, value in options.items() if value is not None}
    try:
        checked = RunConfig(**settings)
    except ValidationError as error:
        raise ConfigError("; ".join(_told(problem) for problem in error.errors())) from error
    _refuse_without_effect(checked)
    return checked


def _refuse_without_effect(settings: RunConfig) -> None:
    """Refuse to choose how features are scaled and filled where they are taken as they are."""
    given = settings.choices.given
    if given and settings.algorithm in _TAKES_FEATURES_AS_THEY_ARE:
        told = ", ".join(f"--{step}" for step in given)
        raise ConfigError(
            f"{told} {'has' if len(given) == 1 else 'have'} no effect with --algorithm "
            f"{settings.algorithm}, which takes features as they are; leave out one or the other"
        )


def _told(problem: Any) -> str:
    name = "--" + str(problem["loc"][0]).rstrip("_").replace("_", "-")
    if problem["type"] == "extra_forbidden":
        expected = ", ".join(sorted(field.rstrip("_") for field in RunConfig.model_fields))
        return f"{problem['loc'][0]!r} is no setting; expected some of {expected}"
    if problem["type"] == "value_error":
        return f"{name}: {problem['ctx']['error']}"
    message = problem["msg"]
    return f"{name}: found {problem['input']!r}, {message[0].lower()}{message[1:]}"
