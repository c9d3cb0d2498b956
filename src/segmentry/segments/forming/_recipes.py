"""Recipes: which features form segments, how, of which users, and by which rule for K."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

from segmentry.errors import ConfigError
from segmentry.schema import Feature, OutcomeKind
from segmentry.segments.preprocessing import Choices, ColumnPlan, apply_choices, plan_column


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A named way to segment."""

    name: str
    weights: Mapping[str, float]
    """The features that form segments unless others are requested; empty for all at weight 1."""
    population: Literal["shown", "profiled", "all"]
    """Who is segmented: users with an impression, users with a profile, or all users. The others
    are unassigned."""
    choose_by: Literal["evidence", "silhouette"]
    """The rule for K: gain on later days and evidence of groups, or the largest silhouette."""
    describes_all: bool
    """Whether all other features describe the segments; else only those that form them."""
    is_checked: bool
    """Whether segments are formed on early days and checked on later clicks."""
    behaviour_weights: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    """Features of the behaviour log that form segments next to the others, where it was read."""
    is_of_behaviours: bool = False
    """Whether these, where all are there, form segments alone, in the place of the others."""
    is_checked_on_events: bool = False
    """Whether they are checked on later events, or their value, where there are no clicks."""

    def is_checked_on(self, outcome: OutcomeKind) -> bool:
        """Whether segments are formed on early days and checked on later ones."""
        return self.is_checked if outcome == "clicks" else self.is_checked_on_events


_CLASSIC_BEHAVIOUR = ("n_impressions", "n_clicks", "ctr")
_CLASSIC_LEVELS = ("age_level", "consumption_level", "shopping_depth", "city_tier")

RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        # The shrunk CTR weighs double because that keeps more of what a user's own CTR predicts of
        # the next days than equal weights do (docs/decisions/0004-default-features.md).
        # Views and purchases: docs/decisions/0008-behaviours.md.
        # Demography describes segments: it says next to nothing about behaviour.
        "default": Recipe(
            name="default",
            weights=MappingProxyType(
                {"ctr_shrunk": 2.0, "n_impressions": 1.2, "n_active_days": 0.5}
            ),
            behaviour_weights=MappingProxyType({"n_views": 1.0, "n_purchases": 1.0}),
            population="shown",
            choose_by="evidence",
            describes_all=True,
            is_checked=True,
        ),
        "classic": Recipe(
            name="classic",
            weights=MappingProxyType(dict.fromkeys(_CLASSIC_BEHAVIOUR + _CLASSIC_LEVELS, 1.0)),
            population="profiled",
            choose_by="silhouette",
            describes_all=False,
            is_checked=False,
        ),
        # How often and how long ago, for events without clicks: of purchases these weights keep
        # more of what histories predict than equal ones or money (docs/decisions/outcomes.md).
        "events": Recipe(
            name="events",
            weights=MappingProxyType({"n_active_days": 2.0, "recency_days": 1.0}),
            population="shown",
            choose_by="evidence",
            describes_all=True,
            is_checked=False,
            is_checked_on_events=True,
        ),
        # Frequency, recency and money, as in RFM analysis (Bult and Wansbeek 1995, Marketing
        # Science 14, 378-394), for events without clicks. Where purchases are known next to an ad
        # log they are what RFM is about; what was paid for them is not known.
        "rfm": Recipe(
            name="rfm",
            weights=MappingProxyType({"recency_days": 1.0, "n_impressions": 1.0, "value_sum": 1.0}),
            behaviour_weights=MappingProxyType({"days_since_purchase": 1.0, "n_purchases": 1.0}),
            is_of_behaviours=True,
            population="shown",
            choose_by="evidence",
            describes_all=True,
            is_checked=False,
            is_checked_on_events=True,
        ),
        "table": Recipe(
            name="table",
            weights=MappingProxyType({}),
            population="all",
            choose_by="evidence",
            describes_all=True,
            is_checked=False,
        ),
    }
)


def recipe_named(name: str) -> Recipe:
    """Return a recipe.

    Raises ConfigError if there is none of this name.

    >>> recipe_named("classic").population
    'profiled'
    """
    if name not in RECIPES:
        raise ConfigError(f"recipe {name!r} is unknown; expected one of {', '.join(RECIPES)}")
    return RECIPES[name]


def plan_features(
    recipe: Recipe,
    catalogue: Sequence[Feature],
    *,
    features: Sequence[str] | None = None,
    exclude: Collection[str] = (),
    choices: Choices | None = None,
) -> tuple[ColumnPlan, ...]:
    """Return the plan of each feature that forms segments.

    `catalogue` holds all features of the user table. `features` are used instead of the recipe's,
    at weight 1 unless the recipe gives one; those to `exclude` never, though they may be described.
    `choices` say how they enter `X`, where it is not to be as their kind and the recipe have it.

    Raises ConfigError if a feature is unknown, none is left, or something is chosen for one that is
    not used.

    >>> from segmentry.features import LOG_FEATURES
    >>> plans = plan_features(recipe_named("default"), LOG_FEATURES)
    >>> [(plan.feature.name, plan.weight) for plan in plans]
    [('ctr_shrunk', 2.0), ('n_impressions', 1.2), ('n_active_days', 0.5)]
    """
    known = {feature.name: feature for feature in catalogue}
    requested = list(_default_features(recipe, catalogue) if features is None else features)
    unknown = [name for name in (*requested, *exclude) if name not in known]
    if unknown:
        raise ConfigError(
            f"feature {', '.join(map(repr, unknown))} is unknown; expected some of "
            f"{', '.join(sorted(known))}"
        )
    chosen = [name for name in dict.fromkeys(requested) if name not in exclude]
    if not chosen:
        raise ConfigError("no feature is left to form segments; name some with --features")
    times = [name for name in chosen if known[name].kind == "time"]
    if times:
        raise ConfigError(
            f"feature {times[0]!r} is a moment and cannot form segments; use 'recency_days'"
        )
    plans = [_plan(recipe, known[name]) for name in chosen]
    return apply_choices(plans, choices or Choices())


def _default_features(recipe: Recipe, catalogue: Sequence[Feature]) -> list[str]:
    if not recipe.weights:
        return [feature.name for feature in catalogue if feature.kind != "time"]
    known = {feature.name for feature in catalogue}
    if recipe.is_of_behaviours and known.issuperset(recipe.behaviour_weights):
        return list(recipe.behaviour_weights)
    return [name for name in (*recipe.weights, *recipe.behaviour_weights) if name in known]


def _plan(recipe: Recipe, feature: Feature) -> ColumnPlan:
    given = {**recipe.weights, **recipe.behaviour_weights}
    plan = plan_column(feature, weight=given.get(feature.name, 1.0))
    if recipe.name != "classic":
        return plan
    plan = replace(plan, if_no_spread="one")
    if feature.name in _CLASSIC_BEHAVIOUR:
        return replace(plan, fill="zero", transform="log1p")
    return plan
