"""How each feature enters `X`: as its kind has it, or as a user chooses, for all or by name."""

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Any, Literal, get_args

from segmentry.errors import ConfigError
from segmentry.schema import Feature
from segmentry.settings import Clip, Fill, Scale, Transform

Spread = Literal["one", "standard deviation"]

_LOGGED = ("count", "money", "duration")


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnPlan:
    """How one feature enters `X`: fill, transform, clip, scale, weigh, in this order."""

    feature: Feature
    weight: float = 1.0
    """Multiplies the scaled column; above 0."""
    fill: Fill
    """What stands in for a missing value. "own level" adds a column that marks it; "none" leaves
    users with a missing value out."""
    transform: Transform
    clip: tuple[float, float] | None = (0.01, 0.99)
    """Quantiles beyond which transformed values are pulled in."""
    scale: Scale = "robust"
    """Robust is (x - median) / inter-quartile range."""
    if_no_spread: Spread = "standard deviation"
    """The divisor of "robust" where the inter-quartile range is 0 though values differ: 1.349
    standard deviations (the range of a normal with that deviation), or 1 as scikit-learn's
    RobustScaler has it."""

    def __post_init__(self) -> None:
        name = self.feature.name
        if not self.weight > 0:
            raise ConfigError(f"feature {name}: weight {self.weight}, expected a number above 0")
        if self.clip is not None and not 0 <= self.clip[0] < self.clip[1] <= 1:
            raise ConfigError(
                f"feature {name}: clip {self.clip}, expected two quantiles from 0 to 1, rising"
            )

    @property
    def is_categorical(self) -> bool:
        """Whether the feature enters as one column per level."""
        return self.feature.kind == "categorical"


def plan_column(feature: Feature, *, weight: float = 1.0) -> ColumnPlan:
    """Return the default plan of a feature.

    Counts, money and durations are logged; rates named CTR go to the logit; levels stay.

    >>> from segmentry.features import LOG_FEATURES
    >>> plan_column(LOG_FEATURES[0]).transform
    'log1p'
    """
    transform: Transform = "none"
    if feature.kind in _LOGGED:
        transform = "log1p"
    elif feature.unit == "clicks per impression":
        transform = "logit"
    return ColumnPlan(feature=feature, weight=weight, fill=feature.fill, transform=transform)


_WORDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"fill": get_args(Fill), "transforms": get_args(Transform), "scale": get_args(Scale)}
)
_OF_SHARES = ("share", "rate")
_FILLS_OF_LEVELS = ("mode", "own level", "none")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """How features enter `X` where it is not to be as their kind and the recipe have it.

    Each is one value for all features, or a mapping of features to values.
    """

    weights: Mapping[str, float] | None = None
    """Factors of scaled features, above 0."""
    fill: Fill | Mapping[str, Fill] | None = None
    """What stands in for a missing value, as `ColumnPlan` says."""
    transforms: Transform | Mapping[str, Transform] | None = None
    clip: Clip | Mapping[str, Clip] | None = None
    """Quantiles beyond which transformed values are pulled in."""
    scale: Scale | Mapping[str, Scale] | None = None

    @property
    def given(self) -> Mapping[str, Any]:
        """What was chosen, by step."""
        found = {each.name: getattr(self, each.name) for each in fields(self)}
        return {step: choice for step, choice in found.items() if choice is not None}

    @property
    def features(self) -> tuple[str, ...]:
        """The features that are chosen for by name."""
        mappings = [each for each in self.given.values() if isinstance(each, Mapping)]
        return tuple(dict.fromkeys(name for mapping in mappings for name in mapping))

    @property
    def text(self) -> str:
        """What was chosen, in a few words.

        >>> Choices(clip=(0.05, 0.95), scale={"ctr": "standard", "n_ads": "none"}).text
        'clip 0.05:0.95; scale of ctr standard, of n_ads none'
        """
        return "; ".join(f"{step} {_text(choice)}" for step, choice in self.given.items())


def _text(choice: object) -> str:
    if isinstance(choice, Mapping):
        return ", ".join(f"of {name} {_text(value)}" for name, value in choice.items())
    parts = choice if isinstance(choice, tuple) else (choice,)
    return ":".join(f"{each:g}" if isinstance(each, float) else str(each) for each in parts)


def read_choice(step: str, given: object) -> Any:
    """Take a choice in Python's, TOML's or the command line's own form, and check it.

    The `step` is "weights", "fill", "transforms", "clip" or "scale"; `given` is a value, a mapping
    of features to values, or these as text: ``a=VALUE,b=VALUE``, quantiles as ``0.05:0.95``.

    Raises ValueError if it is not a choice of this step.

    >>> read_choice("scale", "standard")
    'standard'
    >>> read_choice("clip", "n_clicks=0.05:0.95,ctr=none")
    {'n_clicks': (0.05, 0.95), 'ctr': 'none'}
    >>> read_choice("fill", {"age_level": "mean"})
    Traceback (most recent call last):
    ...
    ValueError: age_level: found 'mean', expected one of zero, median, mode, own level, none
    """
    if given is None:
        return None
    if isinstance(given, str) and "=" in given:
        given = _by_feature(given)
    if isinstance(given, Mapping):
        return {str(name): _read(step, value, of=f"{name}: ") for name, value in given.items()}
    if step == "weights":
        raise ValueError(f"found {given!r}, expected FEATURE=NUMBER, such as n_clicks=2")
    return _read(step, given)


def read_choices(given: Mapping[str, object]) -> Choices:
    """Take a choice of each step, as `read_choice` does; null where nothing is chosen.

    A ConfigError names the step, what was found and what was expected.

    >>> read_choices({"scale": "standard", "fill": None}).text
    'scale standard'
    """
    found: dict[str, Any] = {}
    for step, choice in given.items():
        try:
            found[step] = read_choice(step, choice)
        except ValueError as error:
            raise ConfigError(f"{step}: {error}") from error
    return Choices(**found)


def _by_feature(text: str) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for part in filter(None, (each.strip() for each in text.split(","))):
        name, sign, value = (each.strip() for each in part.partition("="))
        if not (name and sign and value):
            raise ValueError(f"found {part!r}, expected FEATURE=VALUE, separated by commas")
        if name in found:
            raise ValueError(f"{name}: found twice, expected one value")
        found[name] = value
    return found


def _read(step: str, value: object, *, of: str = "") -> Any:
    if step == "weights":
        return _weight(value, of)
    if step == "clip":
        return _clip(value, of)
    if not (isinstance(value, str) and value in _WORDS[step]):
        raise ValueError(f"{of}found {value!r}, expected one of {', '.join(_WORDS[step])}")
    return str(value)


def _weight(value: object, of: str) -> float:
    number = _number(value)
    if not 0 < number < math.inf:
        raise ValueError(f"{of}found {value!r}, expected a number above 0")
    return number


def _clip(value: object, of: str) -> Clip:
    if value == "none":
        return "none"
    parts = value.split(":") if isinstance(value, str) else value
    if isinstance(parts, Sequence) and len(parts) == 2:
        low, high = map(_number, parts)
        if 0 <= low < high <= 1:
            return low, high
    raise ValueError(
        f"{of}found {value!r}, expected two rising quantiles from 0 to 1, such as 0.01:0.99, or "
        "'none'"
    )


def _number(value: Any) -> float:
    """Take a number, or the text of one; NaN for anything else."""
    if isinstance(value, bool):
        return math.nan
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan


def apply_choices(plans: Sequence[ColumnPlan], choices: Choices) -> tuple[ColumnPlan, ...]:
    """Return the plans as they were chosen to be.

    What is chosen for all features leaves as they are those that make no sense of it: features of
    levels, which enter as one column per level, and for "logit" all but shares and rates.

    Raises ConfigError if something is chosen for a feature that forms no segments, or that makes no
    sense of it.

    >>> from segmentry.features import LOG_FEATURES
    >>> from segmentry.segments.preprocessing import plan_column
    >>> plan = plan_column(LOG_FEATURES[0])
    >>> (chosen,) = apply_choices([plan], Choices(scale={"n_impressions": "standard"}))
    >>> plan.scale, chosen.scale
    ('robust', 'standard')
    >>> apply_choices([plan], Choices(scale={"n_impresions": "standard"}))
    Traceback (most recent call last):
    ...
    segmentry.errors.ConfigError: scale of 'n_impresions': no such feature forms segments; did you \
mean 'n_impressions'?
    """
    forming = [plan.feature.name for plan in plans]
    for step, choice in choices.given.items():
        for name in choice if isinstance(choice, Mapping) else ():
            if name not in forming:
                near = difflib.get_close_matches(name, forming, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"found {', '.join(forming)}"
                raise ConfigError(f"{step} of {name!r}: no such feature forms segments; {hint}")
    return tuple(_chosen(plan, choices.given) for plan in plans)


def _chosen(plan: ColumnPlan, given: Mapping[str, Any]) -> ColumnPlan:
    found: dict[str, Any] = {}
    for step, choice in given.items():
        if not isinstance(choice, Mapping):
            if not _problem(plan, step, choice) and not plan.is_categorical:
                found[step] = choice
        elif plan.feature.name in choice:
            found[step] = choice[plan.feature.name]
            problem = _problem(plan, step, found[step])
            if problem:
                raise ConfigError(f"{step} of {plan.feature.name!r}: {problem}")
    if found.get("clip") == "none":
        found["clip"] = None
    fields_of_plan = {"weights": "weight", "transforms": "transform"}
    return replace(plan, **{fields_of_plan.get(step, step): value for step, value in found.items()})


def _problem(plan: ColumnPlan, step: str, value: object) -> str:
    """Say why a feature makes no sense of a choice, or nothing."""
    kind = plan.feature.kind
    if value == "logit" and kind not in _OF_SHARES:
        return f"found 'logit', which is of shares from 0 to 1, but its kind is {kind}"
    if not plan.is_categorical or step == "weights":
        return ""
    if step != "fill":
        return "it is categorical and enters as one column per level; leave it out"
    if value in _FILLS_OF_LEVELS:
        return ""
    return f"found {value!r}, but it is categorical; expected {', '.join(_FILLS_OF_LEVELS)}"
