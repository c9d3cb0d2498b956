"""The words of the report, each with its one meaning."""

from collections.abc import Mapping

from segmentry.schema import DataTraits

GLOSSARY: Mapping[str, str] = {
    "Segment": "A group of users that resemble each other more than they resemble the others.",
    "Impression, click": "One advertisement shown to a user; whether it was clicked.",
    "Click rate (CTR)": "Clicks divided by impressions of all users of a segment together. “Seen” "
    "means on the days that formed the segments: it says how they were, not how they will be.",
    "95 % interval, 90 % interval": "The range in which the number would lie in 95 (90) of 100 "
    "repetitions with other users of the same kind. What was seen has 95 %; forecasts and later "
    "days have 90 %. The user is the unit, not the impression: one user’s clicks belong "
    "together.",
    "Outcome window, later days": "The last whole days of the log. They have no part in forming "
    "the segments that are checked on them.",
    "Forecast, expected": "The click rate of a segment in as many days to come as there were later "
    "days. Each day is left out once and its clicks are counted by segments found without it. "
    "The interval allows for other users and other days.",
    "Confirmed": "On later days the segment differs from all others as the forming days forecast, "
    "and at least half of the forecast difference is there. Verdicts are wrong for any segment in "
    "at most 5 of 100 runs without differences (Holm’s rule).",
    "Weaker": "It differs in the forecast direction, but that at least half of the forecast "
    "difference is there is not sure.",
    "Reversed": "It differs from all others against the forecast: expected to click more it "
    "clicked less, or the other way round. Something changed between the days.",
    "No difference": "Later days show no difference to all others beyond chance, or no "
    "difference was forecast. Next to it stands the difference, in percentage points, that would "
    "have been found with a chance of 80 %: a smaller one may be there.",
    "Not checked": "There were no later days, or fewer than 20 later clicks were to be expected: "
    "nothing is known.",
    "Survival": "Difference to all other segments on later days divided by the forecast "
    "difference: 100 % if the forecast is met, 0 % if nothing is left, below 0 if reversed. Not "
    "given where no difference was forecast.",
    "Luck": "Part of the differences seen on the forming days that the forecast takes away: users "
    "were grouped by clicks that partly were chance.",
    "Predictive share": "How much better later clicks are predicted by segments than by one rate "
    "for all, divided by how much better users’ own click rates predict them. 100 %: knowing the "
    "segment is as good as knowing the user’s clicks; 0 %: it is worth nothing.",
    "Nat": "Unit of that gain: the mean logarithm of how much likelier the clicks became.",
    "Share": "A part of a whole, from 0 to 100 %.",
    "Index": "Mean of the segment divided by the mean of all users, times 100.",
    "Standardised difference": "Mean of the segment minus mean of all users, divided by the "
    "standard deviation of all users. From about 0.2 small, from 0.5 medium, from 0.8 large.",
    "Quartiles, median": "A quarter of the users lies below the lower quartile, half below the "
    "median, a quarter above the upper quartile.",
    "K": "The number of segments.",
    "Inertia": "Sum of the squared distances from every user to the centre of the segment. It "
    "falls with every further segment.",
    "Knee": "The K at which the curve of inertia bends most: from there on, more segments gain "
    "less.",
    "Silhouette": "How much nearer a user is to the own segment than to the next: 1 far from the "
    "others, 0 on the border, below 0 nearer to another segment. Measured with plain "
    "(Euclidean) distances; the variant with squared distances is larger and is listed next to "
    "it.",
    "Caliński–Harabasz, Davies–Bouldin": "Two further scores of separation: the first is better "
    "when high, the second when low.",
    "Principal component (PC)": "A direction in which the users differ most. The first two or "
    "three make a flat picture of many features; what they do not hold is not seen.",
    "Loading": "How much a feature weighs in a principal component.",
    "Unknown": "The value is missing in the data. It is never taken for 0.",
}
"""Each word with its meaning."""
_OF_CLICKS = frozenset(
    {
        "Impression, click",
        "Click rate (CTR)",
        "Outcome window, later days",
        "Forecast, expected",
        "Confirmed",
        "Weaker",
        "Reversed",
        "No difference",
        "Not checked",
        "Survival",
        "Luck",
        "Predictive share",
        "Nat",
    }
)


def glossary_of(traits: DataTraits) -> Mapping[str, str]:
    """Return the words that a report of such data uses, each with its meaning.

    >>> purchases = DataTraits(event="purchase", events="purchases", has_clicks=False)
    >>> list(glossary_of(purchases))[:2]
    ['Segment', '95 % interval']
    """
    if traits.has_clicks:
        return GLOSSARY
    found = {w: meaning for w, meaning in GLOSSARY.items() if w not in _OF_CLICKS}
    interval = (
        "95 % interval",
        "The range in which the number would lie in 95 of 100 repetitions with other such users.",
    )
    return dict(interval if word.startswith("95 %") else (word, m) for word, m in found.items())
