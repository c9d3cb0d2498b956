"""Short plain names: response first, then exposure, then habit; true on later days, never twice."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from segmentry.describe.profiles._records import NumericStatistics, SegmentProfile
from segmentry.schema import Feature

_MODERATE = 0.15  # standing from which a feature that formed segments names one
_MARKED = 0.3  # and one that only describes them
_STRONG = 0.5
_MOSTLY = 0.8  # share of users with a level from which the segment is called by it
_MAX_LENGTH = 24  # characters of the label of a feature in a name
_HELD_LATER = ("confirmed", "weaker")
_SAME_LATER = (*_HELD_LATER, "no difference")

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
    "n_active_days": ("few-day", "every-day"),
    "n_bursts": ("brief", "returning"),
    "impressions_per_burst": ("short-visit", "long-visit"),
    "recency_days": ("recent", "lapsed"),
    "n_repeat_impressions": ("unrepeated", "repeated"),
    "n_ads": ("few-ad", "many-ad"),
    "n_categories": ("focused", "broad"),
    "n_brands": ("few-brand", "many-brand"),
    "n_campaigns": ("few-campaign", "many-campaign"),
    "category_entropy": ("narrow", "wide"),
    "top_category_share": ("spread", "one-category"),
    "mean_log_price_seen": ("low-price", "premium-price"),
    "main_placement_share": ("mixed-placement", "one-placement"),
    "night_share": ("no-night", "night"),
    "morning_share": ("no-morning", "morning"),
    "afternoon_share": ("no-afternoon", "afternoon"),
    "evening_share": ("no-evening", "evening"),
    "weekend_share": ("weekday", "weekend"),
    "age_level": ("younger", "older"),
    "consumption_level": ("low-spending", "high-spending"),
    "shopping_depth": ("light-shopping", "deep-shopping"),
    "city_tier": ("big-city", "small-city"),
    "value_mean": ("small-basket", "big-basket"),
}
_NOUNS = {
    "impressions": "viewers",
    "views": "viewers",
    "visits": "visitors",
    "sessions": "visitors",
    "purchases": "buyers",
    "orders": "buyers",
    "transactions": "buyers",
}
_ORDINALS = (
    *("", "second-", "third-", "fourth-", "fifth-", "sixth-", "seventh-", "eighth-", "ninth-"),
    *("tenth-", "eleventh-", "twelfth-"),
)


@dataclass(frozen=True, slots=True)
class _Words:
    """Words for one segment; the strongest adjective first."""

    response: str
    exposure: str
    noun: str
    adjectives: list[str]
    weight: float  # standing of its exposure, certain or not; its users where there is none


def name_segments(
    population: SegmentProfile,  # noqa: ARG001 - names say how segments stand among all users
    segments: Sequence[SegmentProfile],
    features: Sequence[Feature],
    *,
    forming: Collection[str],
) -> list[str]:
    """Name each segment in at most four words, of which the first two are its own.

    - The first word is the response, by the forecast index where later days agree: high from 150,
      above average from 115, average from 87, below average from 50 or where the interval of the
      index lies below 100, low under 50. "Unproven" where they do not; none where no later day was
      looked at, or where there are no clicks: what buyers do is said by how often they buy.
    - The second is how much its users are shown, by the standing of the segment's users by rank
      (`NumericStatistics.standing`), which a few extreme users cannot move.
    - Where that is taken, a habit or who they are comes in between: the feature that stands out
      most, forming ones first; its difference must be clear of 0. Clicks of the days that formed
      the segments name nothing. Segments that no word distinguishes are compared with each other.

    The names come in the order of `segments`; no two are equal, whatever the case of their letters.
    """
    if len(segments) == 1 and not segments[0].is_withheld:
        return ["All users"]
    words = {
        place: _words_of(segment, features, forming)
        for place, segment in enumerate(segments)
        if not segment.is_withheld
    }
    named = _distinct(words)
    names: list[str] = []
    for place, segment in enumerate(segments):
        names.append(named[place] if place in named else _numbered(segment.name, names))
    return names


def _words_of(
    segment: SegmentProfile, features: Sequence[Feature], forming: Collection[str]
) -> _Words:
    by_name = {each.feature: each for each in segment.numeric}
    by_feature = {feature.name: feature for feature in features}
    shown, noun, exposure, weight = by_feature.get("n_impressions"), "users", "", segment.share
    if shown is not None and "n_impressions" in by_name:
        numeric = by_name["n_impressions"]
        noun, weight = _NOUNS.get(shown.label, "users"), numeric.standing or 0.0
        exposure = _exposure(numeric, _certain_standing(numeric), is_bought=noun == "buyers")
        if exposure == "loyal" and (segment.forecast_index.value or 100.0) < 100.0:
            exposure = "frequent"  # they bought often, and are expected back less than others
    adjectives = list(_adjectives(segment, by_name, features, forming))
    spends = _certain_standing(by_name["value_sum"]) if "value_sum" in by_name else 0.0
    if noun == "buyers" and abs(spends) >= _MARKED:
        noun = "big spenders" if spends > 0 else "small spenders"
    of_ads = shown is None or shown.label == "impressions"
    has_clicks = of_ads or not CLICK_FEATURES.isdisjoint(by_feature)
    response = _response(segment) if has_clicks else ""
    return _Words(response, exposure, noun, adjectives, weight)


def _response(segment: SegmentProfile) -> str:
    """Return the word for how it clicks on later days; empty where none was looked at."""
    index, high = segment.forecast_index.value, segment.forecast_index.high
    if index is None:
        return ""
    # Where later days agree on "below average", its ads may go to others: the name says so too.
    is_below = segment.verdict in _HELD_LATER and high is not None and high < 100.0
    if segment.verdict in _SAME_LATER and 87.0 <= index < 115.0 and not is_below:
        return "average-response"
    if segment.verdict not in _HELD_LATER:
        return "unproven"
    if index >= 115.0:
        return "high-response" if index >= 150.0 else "above-average"
    return "low-response" if index < 50.0 else "below-average"


_RESPONSES = (
    *("high-response", "above-average", "average-response"),
    *("below-average", "low-response", "unproven"),
)


def fitting_response(segment: SegmentProfile) -> str:
    """Return the word for its response that its name should begin with; empty where it does.

    Names that begin with none of our words for it are people's own.
    """
    first, fitting = segment.name.casefold().partition(" ")[0], _response(segment)
    return fitting if first in _RESPONSES and first != fitting else ""


def _exposure(numeric: NumericStatistics, standing: float, *, is_bought: bool) -> str:
    if is_bought and numeric.upper_quartile == 1.0:
        return "one-time"
    if standing <= -_STRONG:
        return "rare"
    if standing <= -_MODERATE:
        return "occasional"
    if standing < _MODERATE:
        return "regular"
    if is_bought:
        return "loyal" if standing >= _STRONG else "frequent"
    return "heavy" if standing >= _STRONG else "frequent"


def _adjectives(
    segment: SegmentProfile,
    by_name: Mapping[str, NumericStatistics],
    features: Sequence[Feature],
    forming: Collection[str],
) -> Iterator[str]:
    """Yield words of habits and of who they are, what formed the segments first."""
    found: list[tuple[bool, float, str]] = []
    for feature in features:
        numeric, is_forming = by_name.get(feature.name), feature.name in forming
        if numeric is None or feature.name in {*CLICK_FEATURES, "n_impressions", "value_sum"}:
            continue
        standing = _certain_standing(numeric)
        if abs(standing) >= (_MODERATE if is_forming else _MARKED):
            low, high = words_for(feature)
            found.append((not is_forming, -abs(standing), high if standing > 0 else low))
    for own in segment.levels:
        for level in own.levels:
            share = level.share or 0.0
            # An ordinal feature is among the numeric ones: its level would say the same twice.
            is_said = level.level is not None and own.feature in by_name
            is_most = share >= _MOSTLY > level.population_share
            if own.feature in forming and is_most and not is_said:
                word = "unknown-profile" if level.level is None else _hyphened(level.label)
                found.append((False, -share, word))
    yield from dict.fromkeys(word for _, _, word in sorted(found))


def _certain_standing(numeric: NumericStatistics) -> float:
    """Return the standing, or 0 where the difference is not clear of none."""
    estimate = numeric.standardised_difference
    if numeric.standing is None or estimate.value is None:
        return 0.0
    if estimate.low is not None and estimate.high is not None:
        return numeric.standing if not estimate.low <= 0.0 <= estimate.high else 0.0
    return numeric.standing


def words_for(feature: Feature) -> tuple[str, str]:
    """Return what users with a low and a high value of a feature are called.

    >>> from segmentry.features import LOG_FEATURES
    >>> words_for(LOG_FEATURES[1])
    ('few-day', 'every-day')
    """
    label = _hyphened(feature.label)
    return _WORDS.get(feature.name, (f"low-{label}", f"high-{label}"))


def _hyphened(label: str) -> str:
    """Return a label as one word, its last words where it is long."""
    words = label.replace("-", " ").split() or ["value"]
    while len(words) > 1 and len(" ".join(words)) > _MAX_LENGTH:
        words = words[1:]
    return "-".join(words)[: 2 * _MAX_LENGTH]


def _distinct(words: Mapping[int, _Words]) -> dict[int, str]:
    """Return names whose first two words no other has; who stands out most chooses first."""
    named: dict[int, str] = {}
    taken: set[str] = set()
    left: list[int] = []
    for place in sorted(words, key=lambda p: (-abs(words[p].weight), p)):
        name = next((n for n in _candidates(words[place]) if _head(n) not in taken), None)
        if name is None:
            left.append(place)
        else:
            named[place] = name
            taken.add(_head(name))
    for place in left:
        named[place] = _numbered(_compared(place, words), [*named.values()])
    return named


def _head(name: str) -> str:
    return " ".join(name.lower().split()[:2])


def _candidates(words: _Words) -> Iterator[str]:
    """Yield names from the plainest on, each of at most four words."""
    said = [words.response] if words.response else []
    shown = [words.exposure] if words.exposure else []
    if said and shown:
        yield _joined([*said, *shown, words.noun])
    if said:
        for word in words.adjectives:
            yield _joined([*said, word, *shown, words.noun])
        return
    if shown:
        plain = ("", *words.adjectives) if shown != ["regular"] else (*words.adjectives, "")
        for word in plain:
            yield _joined([*([word] if word else []), *shown, words.noun])
        for word in words.adjectives:
            yield _joined([*shown, word, words.noun])
        return
    for word in words.adjectives:
        for other in (*words.adjectives, ""):
            if other != word:
                yield _joined([word, *([other] if other else []), words.noun])
    yield _joined(["average", "profile", words.noun])


def _joined(words: Sequence[str]) -> str:
    name = " ".join(words)
    return name[0].upper() + name[1:]


def _compared(place: int, words: Mapping[int, _Words]) -> str:
    """Name a segment that no word of its own distinguishes by its place among those like it."""
    own = words[place]
    alike = [each for each in words if words[each].response == own.response]
    rank = sorted(alike, key=lambda p: (-words[p].weight, p)).index(place)
    is_upper, rank = rank < len(alike) / 2, min(rank, len(alike) - 1 - rank)
    most, least = ("heaviest", "lightest") if own.exposure else ("largest", "smallest")
    ordinal = _ORDINALS[min(rank, len(_ORDINALS) - 1)]
    said = [own.response] if own.response else []
    return _joined([*said, f"{ordinal}{most if is_upper else least}", own.noun])


def _numbered(name: str, taken: Sequence[str]) -> str:
    """Return a name that is not taken: its own, or one with a number behind it."""
    used = {each.lower() for each in taken}
    number, found = 1, name
    while found.lower() in used:
        number += 1
        found = f"{name} ({number})"
    return found
