"""What a behaviour log must have for each of its features."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Literal

from segmentry.features._behaviour_counts import ATTRIBUTION_DAYS, CART, FAVOURITE, PURCHASE, VIEW
from segmentry.features._behaviour_features import BEHAVIOUR_FEATURES
from segmentry.schema import Feature, Source

_Need = Literal[
    "times", "views", "carts", "favourites", "purchases", "categories", "brands", "ads", "clicks"
]

_WHAT: Mapping[_Need, str] = MappingProxyType(
    {
        "times": "the behaviour log has no times",
        "views": "the behaviour log has no views",
        "carts": "the behaviour log has no carts",
        "favourites": "the behaviour log has no favourites",
        "purchases": "the behaviour log has no purchases",
        "categories": "the behaviour log has no categories",
        "brands": "the behaviour log has no brands",
        "ads": "the ads have no categories",
        "clicks": "the ad log has no clicks",
    }
)
_ACTIONS: Mapping[_Need, int] = MappingProxyType(
    {"views": VIEW, "carts": CART, "favourites": FAVOURITE, "purchases": PURCHASE}
)
_NEEDS: Mapping[str, tuple[_Need, ...]] = MappingProxyType(
    {
        "n_behaviours": (),
        "n_views": ("views",),
        "n_carts": ("carts",),
        "n_favourites": ("favourites",),
        "n_purchases": ("purchases",),
        "n_behaviour_days": ("times",),
        "n_purchase_days": ("purchases", "times"),
        "days_since_purchase": ("purchases", "times"),
        "n_viewed_categories": ("views", "categories"),
        "n_viewed_brands": ("views", "brands"),
        "viewing_entropy": ("views", "categories"),
        "top_brand_view_share": ("views", "brands"),
        "cart_rate_shrunk": ("carts", "categories"),
        "purchase_rate_shrunk": ("purchases", "categories"),
        "cart_to_purchase_rate_shrunk": ("carts", "purchases", "categories", "times"),
        "cart_abandonment": ("carts", "purchases", "categories", "times"),
        "days_to_purchase": ("views", "purchases", "categories", "times"),
        "repeat_purchase_share": ("purchases", "categories", "times"),
        "advertised_overlap": ("views", "categories", "ads"),
        **{
            f"view_through_{days}d_share": ("purchases", "categories", "ads", "times")
            for days in ATTRIBUTION_DAYS
        },
        **{
            f"click_through_{days}d_share": ("purchases", "categories", "ads", "times", "clicks")
            for days in ATTRIBUTION_DAYS
        },
    }
)
# What is not here is told from the times of day.
_OF_TIME: tuple[_Need, ...] = ("times",)


def behaviour_provides(source: Source) -> frozenset[_Need]:
    """Return what the behaviour log of a source has; nothing where there is none."""
    log = source.behaviours
    if log is None:
        return frozenset()
    action = log.columns.get("action")
    codes = set() if action is None else {code for _, code in action.codes}
    had: dict[_Need, bool] = {
        "times": "happened_at" in log.columns and "time" in source.provides,
        **{need: code in codes for need, code in _ACTIONS.items()},
        "categories": "category_id" in log.columns,
        "brands": "brand_id" in log.columns,
        "ads": "category" in source.provides,
        "clicks": "click" in source.provides,
    }
    return frozenset(need for need, is_there in had.items() if is_there)


def available_behaviours(
    source: Source, features: Iterable[Feature] = BEHAVIOUR_FEATURES
) -> tuple[tuple[Feature, ...], tuple[tuple[str, str], ...]]:
    """Tell the features that a behaviour log allows from the others.

    Returns
    -------
    available : tuple of Feature
    absent : tuple of (str, str)
        Name of each other feature, and what the data lack.

    Examples
    --------
    >>> from segmentry.schema import ColumnSource, TableSource
    >>> action = ColumnSource("btag", "code", codes=(("1", 0), ("3", 1)))
    >>> log = TableSource("behaviours", (), {"action": action, "user_id": action})
    >>> source = Source("shop", None, None, None, (), 0, behaviours=log)
    >>> available, absent = available_behaviours(source)
    >>> [feature.name for feature in available]
    ['n_behaviours', 'n_views', 'n_carts']
    >>> dict(absent)["n_purchases"]
    'the behaviour log has no purchases'
    """
    provides = behaviour_provides(source)
    available: list[Feature] = []
    absent: list[tuple[str, str]] = []
    for feature in features:
        lacking = [n for n in _NEEDS.get(feature.name, _OF_TIME) if n not in provides]
        if lacking:
            absent.append((feature.name, " and ".join(_WHAT[need] for need in lacking)))
        else:
            available.append(feature)
    return tuple(available), tuple(absent)
