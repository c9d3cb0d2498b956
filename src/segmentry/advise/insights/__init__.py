"""What is notable about each segment, and what follows?

In: a `Summary`. Out: coded insights with evidence and an action.
"""

from segmentry.advise.insights._find import CODES, INSIGHTS, check_codes, find_insights

__all__ = [
    "CODES",
    "INSIGHTS",
    "check_codes",
    "find_insights",
]
