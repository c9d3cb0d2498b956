"""The card of a segment: what to do, what to expect, who they are, how sure; at most 250 words."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from segmentry.describe.profiles import NumericStatistics, SegmentProfile, SegmentRules
from segmentry.formats import (
    count,
    decimal,
    listed,
    percent,
    percent_under_all,
    rate_with_limits,
    signed,
    writer_of,
)
from segmentry.present.first_screen import DECISIONS, ScreenRow, screen_row
from segmentry.results.summary import FeatureRow, Summary
from segmentry.schema import SECONDS_PER_DAY

__all__ = [
    "Card",
    "Measure",
    "card_of",
    "data_label",
    "render_card_json",
    "render_card_markdown",
    "rules_of",
    "texts_of",
]

_MEASURES = {
    "n_impressions": "ads seen",
    "n_active_days": "days active",
    "n_bursts": "visits with an ad",
    "n_categories": "categories seen",
    "recency_days": "days since the last ad",
    "value_sum": "total value",
    "value_mean": "value each time",
    "n_views": "pages viewed",
    "n_purchases": "purchases",
}
_MAX_MEASURES = 6
_SCALE = 2.0  # standard deviations at which a dot stands at the edge
_MAX_SAID = 2
_SKEWED, _MIN_SHARE, _TASTE = 120.0, 0.1, 110.0
_OF_CLICKS = ("n_clicks", "ctr", "ctr_shrunk", "n_click_days", "n_repeat_clicks")
_DO = {
    "spend_more": "Show them more ads: {now} of all now, {proposed} proposed. "
    "Leave 10 % of the users out, to measure the effect.",
    "spend_less": "Show them fewer ads: {now} of all now, {proposed} proposed. "
    "Test new creatives on 10 % of them.",
    "average": "Keep their {now} of the ads: they click about as often as average.",
    "no_room": "Keep their {now} of the ads: other segments give or take more clicks.",
    "one_segment": "Treat all users alike.",
    "not_checked": "Test before you change their ads: later days could not check the forecast.",
    "not_confirmed": "Test before you change their ads: later days do not confirm the forecast.",
    "reversed": "Test before you change their ads: later days turned the forecast around.",
    "no_source": "Test before you change their ads: no other segment surely clicks less or more.",
    "gain_unsure": "Test before you change their ads: half of the users do not show the gain.",
    "no_clicks": "Test an offer on a random half of them: how they respond to ads is unknown.",
    "few_users": "Wait: there are too few users to show or to address.",
    "no_forecast": "Wait: there is no forecast of their clicks yet.",
    "wide": "Wait: they may click more or less than average. Use more days.",
}
_VERDICTS = {
    "confirmed": "Later days confirmed the difference.",
    "weaker": "The difference was smaller on later days, but still there.",
    "reversed": "Later days turned the difference around.",
    "no difference": "Later days show no difference from the others.",
}


@dataclass(frozen=True, slots=True)
class Measure:
    """A feature of the segment next to that of all users; `place` is from 0 to 1, 0.5 the same."""

    label: str
    own: str
    everyone: str
    place: float


@dataclass(frozen=True, slots=True)
class Card:
    """What is shown of a segment on one page."""

    row: ScreenRow
    n_users: int | None
    do: str
    expect: str
    worth: str
    measures: tuple[Measure, ...]
    who: str
    likes: str
    sure: tuple[str, ...]
    find: tuple[str, ...]


def card_of(summary: Summary, segment_id: int) -> Card:
    """Return the card of a segment.

    Raises KeyError if the run has no such segment.
    """
    segment = {each.segment_id: each for each in summary.segments}[segment_id]
    row = screen_row(segment, summary)
    if segment.is_withheld:
        return Card(row, None, _DO["few_users"], "", "", (), "", "", (), ())
    do, expect = _do(segment, row), _expect(segment, row, summary)
    if len(summary.segments) == 1:  # nothing to compare with
        return Card(row, segment.n_users, do, expect, "", (), "", "", (), ())
    return Card(
        row=row,
        n_users=segment.n_users,
        do=do,
        expect=expect,
        worth=_worth(segment, summary),
        measures=_measures(segment, summary),
        who=_who(segment, summary),
        likes=_likes(segment, summary),
        sure=tuple(_sure(segment, summary)),
        find=tuple(_find(segment, summary)),
    )


def _do(segment: SegmentProfile, row: ScreenRow) -> str:
    code = segment.decision_reason if segment.decision_reason != "gain" else row.decision
    if code == "not_confirmed" and segment.verdict == "not checked":
        code = "not_checked"
    now, proposed = (percent(each, digits=0) for each in (row.share_now, row.share_proposed))
    return _DO.get(code, _DO["no_forecast"]).format(now=now, proposed=proposed)


def _expect(segment: SegmentProfile, row: ScreenRow, summary: Summary) -> str:
    outcome = summary.outcome
    of_clicks = outcome.kind == "clicks"
    if of_clicks and not summary.is_clicked:
        return ""
    rates, average = row.expected, summary.population.expected_rate.value
    if rates.value is None:
        return (
            f"No {'click ' if of_clicks else ''}rate can be expected: later days were not checked."
        )
    text = f"{rate_with_limits(rates, outcome)} " + (
        "of their ads are clicked" if of_clicks else outcome.unit
    )
    index = segment.forecast_index.value
    if average is None or index is None or len(summary.segments) == 1:
        return f"{text}."
    times = decimal(index / 100, digits=1)
    return f"{text}, {times} times the average of {writer_of(outcome)(average)}."


def _worth(segment: SegmentProfile, summary: Summary) -> str:
    spending = summary.spending
    parts = () if spending is None else spending.segments
    gain = next((e.gain for e in parts if e.segment_id == segment.segment_id), None)
    if spending is None or gain is None or segment.decision not in ("spend_more", "spend_less"):
        return ""
    limits = ""
    if gain.low is not None and gain.high is not None:
        limits = f" ({count(gain.low)} to {count(gain.high)})"
    n_days = f"{spending.n_days} days" if spending.n_days > 1 else "a day"
    return (
        f"{signed(gain.value, digits=0)} clicks in {n_days}{limits}, less if extra ads wear out. "
        "Based on past behaviour; a test shows the real effect."
    )


def _measures(segment: SegmentProfile, summary: Summary) -> tuple[Measure, ...]:
    """Return a few features in plain words: the same for all segments where a log has them."""
    features = {each.name: each for each in summary.features}
    of_all = {each.feature: each for each in summary.population.numeric}
    own = {each.feature: each for each in segment.numeric}
    known = [
        name
        for name in own
        if name in of_all
        and name in features
        and name not in _OF_CLICKS
        and None not in (own[name].mean, of_all[name].mean)
        and own[name].standardised_difference.value is not None
    ]
    wanted = [name for name in _MEASURES if name in known]
    others = sorted(
        (name for name in known if name not in wanted),
        key=lambda name: -abs(own[name].standardised_difference.value or 0.0),
    )
    chosen = [*wanted, *(others if len(wanted) < _MAX_MEASURES // 2 else [])][:_MAX_MEASURES]
    of_ads = "n_impressions" in features and features["n_impressions"].label == "impressions"
    return tuple(_measure(own[n], of_all[n], features[n], of_ads=of_ads) for n in chosen)


def _measure(
    own: NumericStatistics, everyone: NumericStatistics, row: FeatureRow, *, of_ads: bool
) -> Measure:
    difference = own.standardised_difference.value or 0.0
    place = 0.5 + max(-_SCALE, min(_SCALE, difference)) / (2 * _SCALE)
    label = _MEASURES.get(row.name, row.label) if of_ads else row.label
    return Measure(label, _number(own.mean), _number(everyone.mean), place)


def _number(value: float | None) -> str:
    return count(value) if value is not None and abs(value) >= 100 else decimal(value, digits=1)


def _who(segment: SegmentProfile, summary: Summary) -> str:
    labels = {row.name: row.label for row in summary.features}
    profile = [own for own in segment.levels if own.feature in labels]
    found = sorted(
        (
            (level.index_low or 0.0, f"{labels[own.feature]} {level.label}", level)
            for own in profile
            for level in own.levels
            if level.level is not None
            and (level.share or 0.0) >= _MIN_SHARE
            and (level.index_low or 0.0) >= _SKEWED
        ),
        key=lambda each: (-each[0], each[1]),
    )[:_MAX_SAID]
    if not profile:
        return ""
    if not found:
        names = [labels[own.feature] for own in profile[:3]]
        return f"{listed(names).capitalize()}: as everyone."
    texts = [
        f"{name} {percent(level.share, digits=0)} (all {percent(level.population_share, digits=0)})"
        for _, name, level in found
    ]
    return "; ".join(texts)[:1].upper() + "; ".join(texts)[1:] + "."


def _likes(segment: SegmentProfile, summary: Summary) -> str:
    cells = () if summary.log is None else summary.log.cells
    own = [each for each in cells if each.segment_id == segment.segment_id]
    if not own:
        return ""
    liked = sorted(
        (each for each in own if (each.ctr_index.low or 0.0) > _TASTE),
        key=lambda each: (-(each.ctr_index.low or 0.0), each.dimension, each.key),
    )[:_MAX_SAID]
    if not liked:
        return "No taste of its own found: show what is popular."
    texts = [
        f"{each.dimension} {each.label} ({decimal((each.ctr_index.value or 0) / 100, digits=1)}×)"
        for each in liked
    ]
    return f"Clicks more than usual on {' and '.join(texts)}."


def _sure(segment: SegmentProfile, summary: Summary) -> list[str]:
    found = []
    if summary.traits.has_clicks and len(summary.segments) > 1:
        found.append(_VERDICTS.get(segment.verdict, "Not checked on later days."))
    same = _same_users(segment, summary)
    if same is not None:
        found.append(
            f"With later days added, {percent(same, digits=0)} of these users are still the same: "
            "refresh the list before each campaign."
        )
    elif segment.is_stable is False:
        found.append(
            "Its borders are soft: other users of the same kind would move them. Refresh the list "
            "before each campaign."
        )
    elif segment.is_stable:
        found.append("Other users of the same kind give the same segment.")
    return found


def _same_users(segment: SegmentProfile, summary: Summary) -> float | None:
    """Return the share of users that both fits have in common, where it is small."""
    insights = () if summary.decisions is None else summary.decisions.insights
    for each in insights:
        if each.code == "SEG-011" and each.segment_id == segment.segment_id and each.evidence:
            return each.evidence[0].value.value
    return None


def rules_of(summary: Summary, segment: SegmentProfile) -> SegmentRules | None:
    """Return the rules that find the users of a segment."""
    rules = None if summary.decisions is None else summary.decisions.rules
    found = () if rules is None else rules.segments
    return next((each for each in found if each.segment_id == segment.segment_id), None)


def _find(segment: SegmentProfile, summary: Summary) -> list[str]:
    """Return the rule that finds most of them, and how well all rules do."""
    own = rules_of(summary, segment)
    if own is None or not own.texts or own.coverage is None or own.precision is None:
        return []
    said = own.texts[0][:1].upper() + own.texts[0][1:]
    n_more = len(own.texts) - 1
    more = f" {n_more} more rule{'s' if n_more > 1 else ''} in rules.sql." if n_more else ""
    coverage, precision = (percent_under_all(each) for each in (own.coverage, own.precision))
    return [f"{said}.{more}", f"Finds {coverage} of them; {precision} of those found belong."]


_REFRESH = (
    (1, "Daily"),
    (7, "Weekly"),
    (31, "Monthly"),
    (62, "Bi-Monthly"),
    (92, "Quarterly"),
    (184, "Bi-Annually"),
)
"""Days that the words of the data label cover; whatever is longer is "Annually"."""


def data_label(summary: Summary, segment_id: int) -> dict[str, object]:
    """Return what a segment can say without guessing in the IAB Tech Lab's data label.

    Data Transparency Standard 1.1 (September 2019, datalabel.org), its fields by the names of their
    machine-readable form. What only the owner of the data knows is null: see the guide.

    Raises KeyError if the run has no such segment.
    """
    segment = {each.segment_id: each for each in summary.segments}[segment_id]
    card = card_of(summary, segment_id)
    data = summary.data
    lookback = None
    if data.starts_at is not None and data.ends_at is not None:
        n_days = (data.ends_at - data.starts_at) / SECONDS_PER_DAY
        lookback = next((word for days, word in _REFRESH if n_days <= days), "Annually")
    texts = [each.text for each in segment.differences[:_MAX_SAID]] or [card.who]
    return {
        "dts_version": "1.1",
        **dict.fromkeys(("provider_name", "provider_domain", "provider_email")),
        "audience_id": str(segment_id),
        "audience_name": segment.name,
        "taxonomy_id_list": None,
        "audience_criteria": "; ".join(text for text in texts if text) or None,
        "audience_precision_levels": None,
        "audience_scope": None,
        "audience_size": card.n_users,
        "id_types": None,
        "geocode_list": None,
        "data_sources": None,
        "audience_inclusion_methodology": "Derived",
        "audience_expansion": "No",
        "device_expansion": "No",
        "audience_refresh": None,
        "lookback_window": lookback,
        **dict.fromkeys(
            (
                "onboarder_match_keys",
                "onboarder_audience_expansion",
                "onboarder_device_expansion",
                "onboarder_audience_precision_level",
            )
        ),
    }


def render_card_json(summary: Summary, segment_id: int) -> str:
    """Return a card as JSON: the numbers as in ``summary.json``, the texts as people read them.

    With it comes the data label.
    """
    content = asdict(card_of(summary, segment_id))
    content["data_label"] = data_label(summary, segment_id)
    return json.dumps(content, ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def render_card_markdown(summary: Summary, segment_id: int) -> str:
    """Return a card as Markdown."""
    card = card_of(summary, segment_id)
    lines = [f"# {card.row.segment_id} {_escaped(card.row.name)}", "", _sub(card), ""]
    for word, text in texts_of(card):
        lines += [f"**{word}:** {_escaped(text)}", ""]
    if card.measures:
        lines += ["| | segment | average |", "|---|---:|---:|"]
        lines += [f"| {_escaped(m.label)} | {m.own} | {m.everyone} |" for m in card.measures]
        lines.append("")
    return "\n".join(lines)


def _sub(card: Card) -> str:
    users = "too few users to show"
    if card.n_users is not None:
        users = f"{count(card.n_users)} users ({percent(card.row.share, digits=0)})"
    return f"**{DECISIONS[card.row.decision]}** · {users}"


def texts_of(card: Card) -> Sequence[tuple[str, str]]:
    """Return the texts of a card with the word that heads each; empty ones are left out."""
    found = (
        ("Do", card.do),
        ("Expect", card.expect),
        ("Worth", card.worth),
        ("Who", card.who),
        ("Likes", card.likes),
        ("How sure", " ".join((*card.sure, *_brackets(card)))),
        ("Find them", " ".join(card.find)),
    )
    return [(word, text) for word, text in found if text]


def _brackets(card: Card) -> Sequence[str]:
    """Say what the brackets hold, where there are any."""
    return ("Brackets: 90 % intervals.",) if "(" in card.expect + card.worth else ()


def _escaped(text: str) -> str:
    """Return a text that Markdown takes as text."""
    for mark in "\\`*_[]<>|#":
        text = text.replace(mark, f"\\{mark}")
    return text
