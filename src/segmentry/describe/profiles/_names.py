"""Short plain names: true of the segment, confirmed where they speak of clicks, never twice."""

from collections.abc import Collection, Mapping, Sequence

from segmentry.describe.profiles._records import LevelStatistics, NumericStatistics, SegmentProfile
from segmentry.schema import Feature

_MODERATE = 0.15  # standing from which a feature that formed segments names one
_MARKED = 0.3  # and one that only describes them
_STRONG = 0.75
_MOSTLY = 0.9  # share of unknown values from which a segment is the one of the unknown
_CLICKS_WELL, _SELDOM_CLICKS, _SILENT = 110.0, 90.0, 25.0
_MIN_EXPECTED_CLICKS = 3.0  # no click where 3 were to be expected: chance 5 %
_ORDINARY = "average exposure"

CLICK_FEATURES = frozenset(
    {
        "n_clicks",
        "ctr",
        "ctr_shrunk",
        "n_click_days",
        "n_repeat_clicks",
        "mean_log_price_clicked",
    }
)
"""Features that are made of clicks: on the days that formed the segments they are mostly luck."""

_WORDS = {
    "n_impressions": ("rarely shown", "heavily shown"),
    "n_active_days": ("few active days", "many active days"),
    "n_bursts": ("few sittings", "many sittings"),
    "impressions_per_burst": ("few ads at a time", "many ads at a time"),
    "recency_days": ("seen lately", "not seen lately"),
    "n_repeat_impressions": ("few repeats", "many repeats"),
    "n_ads": ("few ads", "many ads"),
    "n_categories": ("few categories", "many categories"),
    "n_brands": ("few brands", "many brands"),
    "n_campaigns": ("few campaigns", "many campaigns"),
    "category_entropy": ("narrow range of ads", "wide range of ads"),
    "top_category_share": ("spread over categories", "one main category"),
    "mean_log_price_seen": ("shown cheap goods", "shown dear goods"),
    "main_placement_share": ("mixed placements", "one main placement"),
    "night_share": ("seldom at night", "often at night"),
    "morning_share": ("seldom in the morning", "often in the morning"),
    "afternoon_share": ("seldom in the afternoon", "often in the afternoon"),
    "evening_share": ("seldom in the evening", "often in the evening"),
    "weekend_share": ("mostly on weekdays", "mostly at weekends"),
    "age_level": ("younger", "older"),
    "consumption_level": ("low spenders", "high spenders"),
    "shopping_depth": ("shallow shoppers", "deep shoppers"),
    "city_tier": ("low city tier number", "high city tier number"),
}


def name_segments(
    population: SegmentProfile,
    segments: Sequence[SegmentProfile],
    features: Sequence[Feature],
    *,
    forming: Collection[str],
) -> list[str]:
    """Name each segment by what sets it apart most, and by its clicks if later days confirm them.

    - Words on exposure, interests and demography follow the standing of the segment's users by
      rank (`NumericStatistics.standing`), which a few extreme users cannot move; its standardised
      difference must be told from 0. What formed the segments comes first.
    - Words on clicks need the verdict "confirmed" and a forecast index of at least 110 or at most
      90 at the near end of its interval. "Silent" needs an index of at most 25, and so many
      impressions that 3 clicks were to be expected of its median user.
    - A name that is taken gets another word, then the number that tells the two apart.

    The names come in the order of `segments`; no two are equal, whatever the case of their letters.
    """
    if len(segments) == 1 and not segments[0].is_withheld:
        return ["All users"]
    names: list[str] = []
    for segment in segments:
        if segment.is_withheld:
            names.append(_numbered([segment.name], names))
            continue
        words = _plain_words(segment, features, forming)
        clicks = _click_word(segment, population)
        is_shown_apart = bool(words)
        if not words:
            words = [_ORDINARY if "n_impressions" in forming else "average"]
        if clicks:
            words.insert(1, clicks)
        n_first = 2 if clicks else 1
        names.append(_distinct(words, names, segment, n_first=n_first if is_shown_apart else 1))
    return names


def _plain_words(
    segment: SegmentProfile, features: Sequence[Feature], forming: Collection[str]
) -> list[str]:
    """Return the words that are true without looking at clicks, the strongest first."""
    found: list[tuple[bool, float, str]] = []
    by_name = {each.feature: each for each in segment.numeric}
    for feature in features:
        is_forming = feature.name in forming
        numeric = by_name.get(feature.name)
        if numeric is not None and feature.name not in CLICK_FEATURES:
            standing = _certain_standing(numeric)
            if abs(standing) >= (_MODERATE if is_forming else _MARKED):
                found.append((not is_forming, -abs(standing), _word(feature, standing)))
    found.extend((False, -1.0, word) for word in _level_words(segment.levels, forming))
    return list(dict.fromkeys(word for _, _, word in sorted(found)))


def _certain_standing(numeric: NumericStatistics) -> float:
    """Return the standing, or 0 where the difference cannot be told from none."""
    estimate = numeric.standardised_difference
    if numeric.standing is None or estimate.value is None:
        return 0.0
    if estimate.low is not None and estimate.high is not None:
        return numeric.standing if not estimate.low <= 0.0 <= estimate.high else 0.0
    return numeric.standing


def _word(feature: Feature, standing: float) -> str:
    low, high = words_for(feature)
    word = high if standing > 0 else low
    is_graded = word.split()[0] in {"rarely", "heavily"}
    return f"very {word}" if abs(standing) >= _STRONG and is_graded else word


def _level_words(levels: Sequence[LevelStatistics], forming: Collection[str]) -> list[str]:
    """Return "profile unknown", or the level that most users of a categorical feature have."""
    for own in levels:
        for level in own.levels:
            if own.feature in forming and level.level is None and (level.share or 0.0) >= _MOSTLY:
                return ["profile unknown"] if level.population_share < _MOSTLY else []
    return []


def _click_word(segment: SegmentProfile, population: SegmentProfile) -> str:
    index = segment.forecast_index
    if segment.verdict != "confirmed" or index.low is None or index.high is None:
        return ""
    if index.low >= _CLICKS_WELL:
        return "clicks well"
    if index.high <= _SILENT and _expected_clicks(segment, population) >= _MIN_EXPECTED_CLICKS:
        return "silent"
    return "seldom clicks" if index.high <= _SELDOM_CLICKS else ""


def _expected_clicks(segment: SegmentProfile, population: SegmentProfile) -> float:
    """Return the clicks that the median user would have at the CTR of all users."""
    numbers: Mapping[str, NumericStatistics] = {each.feature: each for each in segment.numeric}
    shown = numbers.get("n_impressions")
    level = population.forecast_ctr.value or population.ctr_seen.value
    return (shown.median or 0.0) * (level or 0.0) if shown is not None else 0.0


def _distinct(
    words: Sequence[str], taken: Sequence[str], segment: SegmentProfile, *, n_first: int
) -> str:
    """Join as many words as are needed to be unlike the names before."""
    names = [_joined(words[:n]) for n in range(min(n_first, len(words)), min(len(words), 3) + 1)]
    short = names[0]
    names += [f"{short} ({told})" for told in _tellers(segment)]
    return _numbered(names, taken)


def _joined(words: Sequence[str]) -> str:
    name = ", ".join(words)
    return name[0].upper() + name[1:]


def _tellers(segment: SegmentProfile) -> list[str]:
    """Return numbers that may tell a segment from one of the same words; none is about clicks."""
    return [
        f"{each.feature.removeprefix('n_').replace('_', ' ')} about {each.median:.3g}"
        for each in segment.numeric
        if each.median is not None and each.feature not in CLICK_FEATURES
    ][:3]


def _numbered(names: Sequence[str], taken: Sequence[str]) -> str:
    """Return the first name that is not taken, else the first one with a number."""
    used = {name.lower() for name in taken}
    free = next((name for name in names if name.lower() not in used), None)
    if free is not None:
        return free
    number = 2
    while f"{names[0]} ({number})".lower() in used:
        number += 1
    return f"{names[0]} ({number})"


def words_for(feature: Feature) -> tuple[str, str]:
    """Return what a low and a high value of a feature is called.

    Examples
    --------
    >>> from segmentry.features import LOG_FEATURES
    >>> words_for(LOG_FEATURES[0])
    ('rarely shown', 'heavily shown')
    """
    # Of other events than impressions: by what they are.
    if feature.name == "n_impressions" and feature.label != "impressions":
        return f"few {feature.label}", f"many {feature.label}"
    if feature.name == "recency_days" and feature.label != "days since last seen":
        event = feature.label.removeprefix("days since last ")
        return f"recent {event}", f"no recent {event}"
    return _WORDS.get(feature.name, (f"low {feature.label}", f"high {feature.label}"))
