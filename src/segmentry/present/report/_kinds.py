"""How values of a feature are written."""

from segmentry.results.summary import FeatureRow


def value_kind(feature: FeatureRow) -> str:
    """Return how its values are written: of rates only those of clicks are percentages."""
    is_ratio = feature.kind == "rate" and feature.unit != "clicks per impression"
    return "count" if is_ratio else feature.kind
