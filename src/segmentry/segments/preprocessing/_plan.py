"""What is to be done with each feature, before any user has been seen."""

from dataclasses import dataclass
from typing import Literal

from segmentry.errors import ConfigError
from segmentry.schema import Feature
from segmentry.settings import Fill, Scale, Transform

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

    Examples
    --------
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
