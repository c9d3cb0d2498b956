"""The settings of a run; the same names in Python, in TOML and on the command line."""

import datetime as dt
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from segmentry.errors import ConfigError
from segmentry.runtime.documents import read_toml
from segmentry.runtime.memory import MIN_MEMORY, parse_size
from segmentry.runtime.seeds import LARGEST_SEED
from segmentry.settings import (
    MIN_SIZE,
    Clip,
    Fill,
    Scale,
    SparkEngine,
    Transform,
    parse_k_range,
)

if TYPE_CHECKING:
    from segmentry.ingest.clocks import Clock
    from segmentry.segments.preprocessing import Choices


_TAKES_FEATURES_AS_THEY_ARE = ("latent", "cells")
_MAX_DIGITS = 30
"""Numbers of more are no epoch seconds."""
_DAYS = re.compile("[1-9][0-9]{0,4}d")
_LISTS = ("with_", "features", "exclude", "mute", "spark_conf")


class RunConfig(BaseModel):
    """All settings of ``segmentry run``; the description of each is its help on the command line.

    >>> RunConfig(k_range="2:4").numbers
    (2, 3, 4)
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, defer_build=True)

    engine: Literal["duckdb", "spark"] = Field(
        "duckdb", description="Who reads the files: duckdb, or spark, on a cluster."
    )
    master: str = Field(
        "local[*]",
        description="Master of Spark: local[*] (default), spark://HOST:PORT, or sc://HOST:PORT.",
    )
    spark_conf: tuple[str, ...] = Field(
        (), description="Settings of Spark, as spark.executor.memory=4g, comma separated."
    )
    recipe: Literal["default", "classic", "events", "rfm", "table"] = Field(
        "default", description="default, classic, events, rfm or table."
    )
    outcome: Literal["clicks", "events", "value"] | None = Field(
        None,
        description="Check the segments on later clicks, events or value; from the mapping if "
        "absent.",
    )
    algorithm: Literal["kmeans", "minibatch", "bisecting", "latent", "cells"] = Field(
        "kmeans", description="kmeans (default), minibatch, bisecting, latent or cells."
    )
    k: int | None = Field(None, ge=1, description="Number of segments; chosen if absent.")
    k_range: str = Field("2:10", description="Numbers to try, as 2:10.")
    k_min: int = Field(
        1, ge=1, description="Min number of segments, even where the evidence says one (1)."
    )
    gain_share: float = Field(
        0.9,
        gt=0,
        le=1,
        description="Share of the largest gain that the number of segments must reach (0.9).",
    )
    bootstraps: int = Field(
        50,
        ge=2,
        le=10_000,
        description="How often segments are formed again from resampled users (50).",
    )
    with_: tuple[Literal["behaviours"], ...] = Field(
        (),
        alias="with",
        description="More to read: behaviours, what users view, put in the cart and buy.",
    )
    features: tuple[str, ...] | None = Field(
        None, description="Features that form segments, comma separated."
    )
    exclude: tuple[str, ...] = Field(
        (), description="Features that must not form segments, comma separated."
    )
    weights: Mapping[str, float] | None = Field(
        None, description="Weights of features in the distance, as ctr_shrunk=1,n_ads=2."
    )
    fill: Fill | Mapping[str, Fill] | None = Field(
        None,
        description="What stands in for a missing value: zero, median, mode, own level or none; "
        "for all or by feature, as age_level=mode,n_ads=zero.",
    )
    transforms: Transform | Mapping[str, Transform] | None = Field(
        None, description="none, log1p or logit; for all or by feature, as n_ads=none."
    )
    clip: Clip | Mapping[str, Clip] | None = Field(
        None,
        description="Quantiles to pull extremes in to, 0.01:0.99, or none; for all or by feature.",
    )
    scale: Scale | Mapping[str, Scale] | None = Field(
        None,
        description="robust (default), standard, quantile or none; for all or by feature, as "
        "n_ads=none.",
    )
    since: str | None = Field(
        None, description="Start of the window: local date, time, or epoch seconds."
    )
    until: str | None = Field(None, description="End of the window, not included.")
    window: str | None = Field(
        None,
        description="Trailing window, such as 28d: the last whole days, or those before --until.",
    )
    sample: float = Field(1.0, gt=0, le=1, description="Share of the users, by hash of the id.")
    min_share: float = Field(
        0.01, ge=0, lt=1, description="Smallest share of users in a segment (0.01)."
    )
    exact_silhouette: bool = Field(
        False, description="Measure the silhouette of all users, not a sample's."
    )
    min_size: int = Field(
        MIN_SIZE, ge=1, description="Fewest users for which a figure is shown (50); 1 shows all."
    )
    mute: tuple[str, ...] = Field((), description="Insight codes to hide, as SEG-004,SEG-010.")
    exemplar_ids: bool = Field(False, description="Include ids of example users.")
    seed: int = Field(0, ge=0, le=LARGEST_SEED, description="Seed of every random step (0).")
    memory: str | None = Field(
        None, description='What the whole process may take, as "2GB" (half of the machine).'
    )
    temp: str | None = Field(
        None, description="Folder for temporary files.", json_schema_extra={"metavar": "DIR"}
    )
    duplicates: Literal["collapse", "count"] = Field(
        "collapse", description="Equal rows of the behaviour log: collapse (default) or count."
    )
    strict: bool = Field(False, description="Make any rejected row an error.")

    @field_validator(*_LISTS, mode="before")
    @classmethod
    def _is_list(cls, value: object) -> object:
        """Take names separated by commas, as flags have them."""
        if isinstance(value, str):
            return tuple(name.strip() for name in value.split(",") if name.strip())
        return value

    _session: Any = None

    def model_post_init(self, context: Any) -> None:
        """Keep the session of Spark that Python hands over: it is not a setting."""
        self._session = None if context is None else context["session"]

    @property
    def spark(self) -> SparkEngine:
        """How the cluster is reached."""
        return SparkEngine(self._session, self.master, self.spark_conf)

    @field_validator("engine", mode="before")
    @classmethod
    def _is_not_removed(cls, value: object) -> object:
        if value == "polars":
            raise ValueError("'polars' was removed; leave the option out, DuckDB reads the files")
        return value

    @field_validator("k_range", mode="before")
    @classmethod
    def _is_range(cls, value: object) -> object:
        if not isinstance(value, str | list | tuple):
            return value
        numbers = parse_k_range(value)
        return value if isinstance(value, str) else f"{numbers[0]}:{numbers[-1]}"

    @field_validator("window")
    @classmethod
    def _is_days(cls, value: str | None) -> str | None:
        if value is not None and not _DAYS.fullmatch(value):
            raise ValueError(f"found {value!r}, expected whole days such as 28d")
        return value

    @field_validator("memory")
    @classmethod
    def _is_size(cls, value: str | None) -> str | None:
        if value is not None and parse_size(value) < MIN_MEMORY:
            raise ValueError(
                f"found {value!r}, expected at least {MIN_MEMORY // 10**6} MB; the libraries "
                "alone take most of that"
            )
        return value

    @field_validator("weights", "fill", "transforms", "clip", "scale", mode="before")
    @classmethod
    def _is_choice(cls, value: object, info: ValidationInfo) -> object:
        from segmentry.segments.preprocessing import read_choice

        return read_choice(str(info.field_name), value)

    @property
    def choices(self) -> "Choices":
        """How features enter `X`, where it is not as their kind and the recipe have it."""
        from segmentry.segments.preprocessing import Choices

        return Choices(
            weights=self.weights,
            fill=self.fill,
            transforms=self.transforms,
            clip=self.clip,
            scale=self.scale,
        )

    @property
    def window_days(self) -> int | None:
        """Days of the trailing window."""
        return None if self.window is None else int(self.window.removesuffix("d"))

    @property
    def has_behaviours(self) -> bool:
        """Whether the behaviour log is to be read too."""
        return "behaviours" in self.with_

    @property
    def numbers(self) -> tuple[int, ...]:
        """The numbers of segments to try."""
        return parse_k_range(self.k_range)


def parse_moment(text: str, *, clock: "Clock", option: str) -> int:
    """Read a moment on a clock: a local date or time in ISO form, or epoch seconds.

    Raises ConfigError if it is neither.

    >>> from segmentry.ingest.clocks import Clock
    >>> parse_moment("2017-05-06", clock=Clock(8), option="--since")
    1494000000
    >>> parse_moment("yesterday", clock=Clock(8), option="--since")
    Traceback (most recent call last):
    ...
    segmentry.errors.ConfigError: --since 'yesterday': expected a date such as 2017-05-06, a time \
such as 2017-05-06T18:00, or epoch seconds
    """
    from segmentry.ingest.moments import LATEST

    found = _epoch_of(text, clock)
    if found is None:
        raise ConfigError(
            f"{option} {text!r}: expected a date such as 2017-05-06, a time such as "
            "2017-05-06T18:00, or epoch seconds"
        )
    if not 0 <= found <= LATEST:
        raise ConfigError(
            f"{option} {text}: expected a moment from 1970 to 2100; leave it out for a window that "
            "is open there"
        )
    return found


def _epoch_of(text: str, clock: "Clock") -> int | None:
    if text.isdecimal() and 8 < len(text) < _MAX_DIGITS:
        return clock.shown(int(text))
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is not None:
        return clock.shown(int(moment.timestamp()))
    fixed = dt.timezone(dt.timedelta(hours=clock.utc_offset_hours))
    return int(moment.replace(tzinfo=fixed).timestamp())


def load_config(file: Path | None, options: Mapping[str, Any]) -> RunConfig:
    """Read a TOML file, put the given options over it, and check the whole.

    Parameters
    ----------
    file : Path or None
        Settings by the names of `RunConfig`.
    options : mapping
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
        settings = read_toml(file, advice="check --config")
    settings |= {name: value for name, value in options.items() if value is not None}
    session = None
    if isinstance(engine := settings.get("engine"), SparkEngine):
        session = engine.session
        settings |= {"engine": "spark", "master": engine.master, "spark_conf": engine.conf}
    try:
        checked = RunConfig.model_validate(settings, context={"session": session})
    except ValidationError as error:
        raise ConfigError("; ".join(_text(problem) for problem in error.errors())) from error
    _refuse_without_effect(checked)
    return checked


def _refuse_without_effect(settings: RunConfig) -> None:
    """Refuse a choice that changes nothing.

    How features are scaled and filled where they are taken as they are, and which cluster where
    none was requested.
    """
    of_spark = [each for each in ("master", "spark_conf") if each in settings.model_fields_set]
    if of_spark and "engine" not in settings.model_fields_set:
        name = of_spark[0].replace("_", "-")
        raise ConfigError(
            f"--{name}: has no effect without --engine spark; add it, or leave --{name} out"
        )
    given = settings.choices.given
    if given and settings.algorithm in _TAKES_FEATURES_AS_THEY_ARE:
        text = ", ".join(f"--{step}" for step in given)
        raise ConfigError(
            f"{text} {'has' if len(given) == 1 else 'have'} no effect with --algorithm "
            f"{settings.algorithm}, which takes features as they are; leave out one or the other"
        )


def _text(problem: Any) -> str:
    name = "--" + str(problem["loc"][0]).rstrip("_").replace("_", "-")
    if problem["type"] == "extra_forbidden":
        expected = ", ".join(
            sorted(field.rstrip("_") for field in RunConfig.model_fields if field != "session")
        )
        return f"{problem['loc'][0]!r} is an unknown setting; expected some of {expected}"
    if problem["type"] == "value_error":
        return f"{name}: {problem['ctx']['error']}"
    message = problem["msg"]
    return f"{name}: found {problem['input']!r}, {message[0].lower()}{message[1:]}"


READING_OPTIONS = (
    "engine",
    "master",
    "spark_conf",
    "with_",
    "since",
    "until",
    "window",
    "sample",
    "memory",
    "strict",
)
"""Options that say how files are read: without effect where a run takes the users of another."""


def command_of(
    data_dir: Path | str | None,
    from_run: Path | str | None,
    settings: "RunConfig",
    *,
    mapping: Path | str | None = None,
    names: Path | str | None = None,
) -> str:
    """Return the command that repeats the run, whether it was requested in Python, TOML or flags.

    Folders are named without their path, as paths are private.
    """
    words, implied = ["segmentry", "run"], {"engine", "master", "spark_conf", "memory", "temp"}
    if from_run is not None:
        words += ["--from", Path(from_run).name]
        implied.update(READING_OPTIONS)
    elif data_dir is not None:
        words.append(Path(data_dir).name)
    if mapping is not None:
        words += ["--mapping", Path(mapping).name]
    words += ["--out", "RUN_DIR"]
    requested = settings.model_dump(exclude_defaults=True, exclude=implied)
    for name, value in sorted(requested.items()):
        flag = "--" + name.rstrip("_").replace("_", "-")
        words += [flag] if value is True else [flag, _written(value)]
    if names is not None:
        words += ["--names", Path(names).name]
    return shlex.join(words)


def _written(value: object) -> str:
    """Write the value of a setting as a flag takes it."""
    if isinstance(value, Mapping):
        return ",".join(f"{name}={_written(each)}" for name, each in value.items())
    if isinstance(value, tuple):
        is_clip = any(isinstance(each, float) for each in value)
        return (":" if is_clip else ",").join(map(_written, value))
    return f"{value:.15g}" if isinstance(value, float) else str(value)
