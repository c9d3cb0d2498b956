"""Which features a run takes: those that its recipe wants and the data allow."""

from segmentry.config import RunConfig
from segmentry.errors import ConfigError, DataError
from segmentry.features import (
    BEHAVIOUR_NAMES,
    available_behaviours,
    available_features,
    behaviour_provides,
    refuse_taken_names,
    worth_saying,
)
from segmentry.features.users import Wanted
from segmentry.schema import DataTraits, Feature, OutcomeKind, Source
from segmentry.segments.forming import recipe_named


def recipe_for(settings: RunConfig, traits: DataTraits) -> RunConfig:
    """Take the recipe that the data allow where none is requested: "default" needs clicks."""
    if settings.recipe != "default" or traits.has_clicks:
        return settings
    recipe = "table"
    if traits.has_log:
        # Fixed cells take money too; what later events take is how often and how long ago.
        recipe = "events" if traits.has_time and settings.algorithm != "cells" else "rfm"
    return settings.model_copy(update={"recipe": recipe})


def outcome_of(settings: RunConfig, source: Source, traits: DataTraits) -> OutcomeKind:
    """Return what later days are requested: clicks where the log has them, else events.

    Raises ConfigError if the log has not what is requested.
    """
    requested = settings.outcome
    if requested is None:
        return "clicks" if traits.has_clicks else "events"
    if requested == "clicks" and not traits.has_clicks:
        raise ConfigError(
            f"--outcome clicks: {source.name} has no clicks; expected events or value"
        )
    if requested != "clicks" and traits.has_clicks:
        raise ConfigError(
            f"--outcome {requested}: the rows of {source.name} are {source.events} with clicks, "
            "and clicks are what they are checked on; leave it out, or a mapping without is_click"
        )
    if requested == "value" and "value" not in source.provides:
        raise ConfigError(
            f"--outcome value: {source.name} has no value of its {source.events}; name its column "
            "with value under [log], or take --outcome events"
        )
    return requested


def wanted_of(source: Source, settings: RunConfig) -> Wanted:
    """Return what a run takes of a source, and why it does not take the rest.

    Raises ConfigError if a feature is requested by name that the data do not allow.
    """
    refuse_taken_names(source)
    available, absent = available_features(source)
    behaviours, lacking = _behaviours(source, settings)
    _refuse_absent(settings, dict((*absent, *lacking)))
    traits = DataTraits.of(source, (*worth_saying(absent, source), *lacking))
    recipe = recipe_named(recipe_for(settings, traits).recipe)
    features = available
    if not recipe.describes_all:
        named = {*recipe.weights, *(settings.features or ()), *settings.exclude}
        features = tuple(feature for feature in available if feature.name in named)
    early = None
    early_behaviours: tuple[Feature, ...] = ()
    outcome = outcome_of(settings, source, traits)
    has_both = traits.has_time and traits.has_clicks
    if recipe.is_checked_on(outcome) and traits.has_time and traits.has_log:
        forming = settings.features or (*recipe.weights, *recipe.behaviour_weights)
        named = {*forming, "n_impressions", "n_clicks"}
        if outcome != "clicks":
            named |= {"n_active_days", "recency_days"}
        early = tuple(feature for feature in available if feature.name in named)
        early_behaviours = tuple(each for each in behaviours or () if each.name in named)
    return Wanted(
        features,
        attributes=source.attributes,
        early_features=early,
        behaviours=behaviours,
        early_behaviours=early_behaviours,
        traits=traits,
        outcome=outcome,
        keeps_log=recipe.describes_all and has_both,
    )


def _behaviours(
    source: Source, settings: RunConfig
) -> tuple[tuple[Feature, ...] | None, tuple[tuple[str, str], ...]]:
    """Return the features of the behaviour log, if it is requested, and why others are absent.

    Raises DataError if it is requested and there is none; ConfigError if the recipe takes no
    behaviours.
    """
    if not settings.has_behaviours:
        requested = next((n for n in settings.features or () if n in BEHAVIOUR_NAMES), None)
        if requested is not None:
            raise ConfigError(
                f"--features {requested}: a feature of the behaviour log, which is read with "
                "--with behaviours only; add that"
            )
        return None, ()
    if source.behaviours is None or source.impressions is None:
        raise DataError(
            f"--with behaviours: {source.name} has no behaviour log with an ad log; expected "
            "behavior_log.csv, .csv.gz or .parquet in the folder, or [behaviours] in the mapping; "
            "add it or leave out --with"
        )
    recipe = recipe_named(settings.recipe)
    if not recipe.describes_all:
        raise ConfigError(
            f"--with behaviours: recipe {recipe.name} is made of its own features only; leave out "
            "--with or take --recipe default"
        )
    available, absent = available_behaviours(source)
    # Without times it is not known what was done before the outcome window: nothing of it forms.
    if "times" not in behaviour_provides(source) and "time" in source.provides:
        names = {feature.name for feature in available}
        forming = [name for name in settings.features or () if name in names]
        if forming:
            raise ConfigError(
                f"--features {forming[0]}: the behaviour log has no times, so that what was done "
                "after the first days cannot be separated; leave it out"
            )
    return available, absent


def _refuse_absent(settings: RunConfig, absent: dict[str, str]) -> None:
    named = [name for name in settings.features or () if name in absent]
    if named:
        raise ConfigError(f"--features {named[0]}: {absent[named[0]]}; leave it out")
