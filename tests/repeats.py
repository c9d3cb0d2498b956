"""How often a claim is tried: few times in the suite, many with ``--thorough`` (`make verify`)."""

import os

THOROUGH = "SEGMENTRY_THOROUGH"
"""Set by ``--thorough`` before a test module is imported: sizes are needed at its import."""


def repeats(few: int, many: int) -> int:
    """Return how many seeds or examples to try."""
    return many if os.environ.get(THOROUGH) else few
