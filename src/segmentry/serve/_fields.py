"""What a body holds for the model that is served: lists of rows, and the fields of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import polars as pl

from segmentry.features import EVERY_LOG_FEATURE, ad_columns_of, log_columns_of
from segmentry.results.scoring import Bundle
from segmentry.schema import EVENT_COLUMNS, DataTraits, Feature
from segmentry.segments.forming import recipe_named

Kind = Literal["number", "level", "flag", "id", "text id", "moment", "click", "amount", "days"]
_LOG_NAMES = frozenset(feature.name for feature in EVERY_LOG_FEATURE)


class Field(NamedTuple):
    """What a row has to bring."""

    name: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Listed:
    """A list of a body."""

    name: str
    fields: tuple[Field, ...]
    is_single: bool = False
    """Whether it is one object instead of a list of them."""

    def pointer(self, row: int) -> str:
        """Return where a row is, as a JSON Pointer."""
        return f"#/{self.name}" if self.is_single else f"#/{self.name}/{row}"


@dataclass(frozen=True, slots=True)
class EventLists:
    """What a body of raw events holds."""

    lists: tuple[Listed, ...]
    """``events``, and where the model takes them ``profiles`` and ``ads``."""
    features: tuple[Feature, ...]
    """Of the log, to be worked out."""
    attributes: tuple[Feature, ...]
    """Of the profiles."""
    attribute_types: Mapping[str, pl.DataType]
    """As the run has them; levels come as texts."""
    has_time: bool
    drops_returns: bool
    """Whether events with an amount below zero are left out, as of a log without clicks."""


def users_list(bundle: Bundle, *, has_text_ids: bool) -> Listed:
    """Return the list of users of raw features."""
    fields = [_user_id(has_text=has_text_ids), *_features_of(bundle, bundle.columns)]
    population = recipe_named(bundle.recipe).population
    if population == "shown" and "n_impressions" not in bundle.columns:
        fields.append(Field("n_impressions", "number"))
    if population == "profiled":
        fields.append(Field("is_profiled", "flag"))
    return Listed("users", tuple(fields))


def why_no_events(bundle: Bundle) -> str:
    """Return why the features of a model cannot be made of events here, or nothing."""
    if recipe_named(bundle.recipe).population == "all":
        return "its users were read from a ready table"
    known = {*_LOG_NAMES, *(each.name for each in bundle.attributes)}
    others = [each for each in bundle.columns if each not in known]
    return f"{others[0]} comes from the behaviour log" if others else ""


def event_lists(
    bundle: Bundle,
    traits: DataTraits,
    types: Mapping[str, pl.DataType],
    *,
    has_text_ids: bool,
) -> EventLists:
    """Return the lists of raw events; `types` are of the columns of the run's user table."""
    names = (*bundle.columns, "n_impressions")
    features = tuple(each for each in EVERY_LOG_FEATURE if each.name in names)
    taken, of_ads = log_columns_of(features), ad_columns_of(features)
    drops_returns = not traits.has_clicks
    amounts = [
        name
        for name in EVENT_COLUMNS
        if name in taken or (drops_returns and f"{name}_sum" in types)
    ]
    user_id = _user_id(has_text=has_text_ids)
    events = [user_id]
    events += [Field("shown_at", "moment")] if traits.has_time else []
    events += [Field("is_click", "click")] if traits.has_clicks else []
    events += [Field(name, "level") for name in ("ad_id", "placement") if name in taken]
    events += [Field(name, "amount") for name in amounts]
    lists = [Listed("events", tuple(events))]
    population = recipe_named(bundle.recipe).population
    attributes = tuple(each for each in bundle.attributes if each.name in bundle.columns)
    if attributes or population == "profiled":
        known = _features_of(bundle, tuple(each.name for each in attributes))
        lists.append(Listed("profiles", (user_id, *known)))
    if of_ads:
        fields = (Field(name, "number" if name == "price" else "level") for name in of_ads)
        lists.append(Listed("ads", (Field("ad_id", "level"), *fields)))
    return EventLists(
        tuple(lists),
        features,
        attributes,
        {each.name: types[each.name] for each in attributes},
        traits.has_time,
        drops_returns,
    )


def _user_id(*, has_text: bool) -> Field:
    return Field("user_id", "text id" if has_text else "id")


def _features_of(bundle: Bundle, names: tuple[str, ...]) -> list[Field]:
    levels = {each.feature for each in bundle.preprocessing.fitted if each.levels is not None}
    return [Field(name, "level" if name in levels else "number") for name in names]
