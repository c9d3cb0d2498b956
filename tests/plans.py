"""How one feature is to enter `X`, in a few words."""

from segmentry.schema import Feature
from segmentry.segments.preprocessing import ColumnPlan


def feature_of(name="x", *, kind="rate", fill="median", unit="u"):
    return Feature(
        name=name, family="activity", label=name, unit=unit, kind=kind, fill=fill, description=""
    )


def plan_of(name="x", *, kind="rate", fill="median", transform="none", **steps):
    """Return the plan of a feature that is neither logged nor weighted unless it is asked for."""
    feature = feature_of(name, kind=kind, fill=fill)
    return ColumnPlan(feature=feature, fill=fill, transform=transform, **steps)
