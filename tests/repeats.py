"""How often a claim is tried: few times in the suite, many with ``--thorough`` (`make verify`)."""

import os

from hypothesis import HealthCheck, settings

THOROUGH = "SEGMENTRY_THOROUGH"
"""Set by ``--thorough`` before a test module is imported: sizes are needed at its import."""


def repeats(few: int, many: int) -> int:
    """Return how many seeds or examples to try."""
    return many if os.environ.get(THOROUGH) else few


def examples(few: int, many: int) -> settings:
    """Return Hypothesis' settings for so many examples, however long one takes."""
    return settings(
        max_examples=repeats(few, many),
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )
