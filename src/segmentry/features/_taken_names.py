"""Names that a run gives to columns of its own, and that no attribute may have."""

from segmentry.errors import ConfigError
from segmentry.features._behaviour_features import BEHAVIOUR_NAMES
from segmentry.features._catalogue import EVERY_LOG_FEATURE, counts_of
from segmentry.schema import OWN_COLUMNS, Source


def refuse_taken_names(source: Source) -> None:
    """Refuse attributes by the names of columns that a run makes itself.

    Engines do not tell upper from lower case in names of columns. Raises ConfigError.
    """
    taken = set(OWN_COLUMNS)
    if source.impressions is not None:
        taken |= {feature.name for feature in EVERY_LOG_FEATURE} | counts_of(EVERY_LOG_FEATURE)
    if source.behaviours is not None:
        taken |= BEHAVIOUR_NAMES
    seen: set[str] = set()
    for attribute in source.attributes:
        name = attribute.name.lower()
        if name in taken:
            raise ConfigError(
                f"[profiles.attributes] {attribute.name}: the run makes a column of this name; "
                f"give the attribute another, such as profile_{name}"
            )
        if name in seen:
            raise ConfigError(
                f"[profiles.attributes] {attribute.name}: two attributes differ in upper and lower "
                "case alone; give one of them another name"
            )
        seen.add(name)
