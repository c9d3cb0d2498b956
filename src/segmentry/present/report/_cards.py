"""The first screen and the cards of the segments."""

from segmentry.describe.profiles import Difference, SegmentProfile
from segmentry.formats import (
    MISSING,
    compact,
    count,
    decimal,
    interval,
    percent,
    period,
    rate,
    signed,
    utc,
)
from segmentry.present.figures import horizon, segment_colour, segment_ink, was_checked
from segmentry.present.report._truth import badge_of
from segmentry.present.report._views import Bar, Card, Fact, Headline, Piece, Strip
from segmentry.results.summary import Summary
from segmentry.schema import Estimate

_MOST_BARS = 5
_BAR_END = 2.0  # standardised difference at which a bar of a card is full
_WIDE_PIECE = 0.06  # share from which the bar of all users has room for a label
_MOST_NAMED = 3
_MEANINGS = {
    "reversed": "Seen below all others and later above, or the other way round, so that the rate "
    "seen says nothing of these",
    "weaker": "Of these less than half of the difference may be left on later days",
    "indistinguishable": "The later clicks of these cannot be told from those of the others",
    "not validated": "These were not judged: too few later clicks, or nothing to compare with",
}


def make_headline(summary: Summary) -> Headline:
    """Return the first screen."""
    return Headline(
        kicker=" · ".join(filter(None, (f"Segmentation of {summary.data.source}", _when(summary)))),
        text=summary.headline,
        facts=_facts(summary),
        pieces=_pieces(summary.segments),
        certain=_certain(summary),
        warnings=(*summary.warnings, *_doubts(summary)),
    )


def _when(summary: Summary) -> str:
    data = summary.data
    if data.starts_at is None or data.ends_at is None:
        return ""
    days = period(data.starts_at, data.ends_at, utc_offset_hours=data.utc_offset_hours)
    return f"{days} ({utc(data.utc_offset_hours)})"


def make_cards(summary: Summary) -> tuple[Card, ...]:
    """Return a card for every segment; their rates stand on one scale."""
    everyone = (*summary.segments, summary.population)
    estimates = [estimate for s in everyone for estimate in (s.ctr_seen, s.forecast_ctr)]
    top = max((e.high or e.value or 0.0) for e in estimates) * 1.05
    return tuple(_card(s, summary, top=top) for s in summary.segments)


def make_rates_note(summary: Summary) -> str:
    """Say which click rate the cards show and how it is drawn."""
    if not summary.traits.has_clicks:
        return ""
    if any(s.forecast_ctr.is_known for s in summary.segments):
        return (
            f"The click rate of a card is the one to be expected in {horizon(summary)}, with its "
            "90 % interval. The ring and the smaller number are what was seen on the days that "
            "formed the segments, which flatters segments that were formed by clicks. The upright "
            "tick is that of all users."
        )
    return (
        "Click rates are those seen on the days that formed the segments: they flatter segments "
        "that were formed by clicks. The upright tick beside each rate is that of all users."
    )


def _facts(summary: Summary) -> tuple[Fact, ...]:
    population, selection = summary.population, summary.selection
    how = "number set by hand" if selection.is_forced else "number chosen by rule"
    if was_checked(summary) and len(summary.segments) > 1:
        n_confirmed = sum(s.verdict == "confirmed" for s in summary.segments)
        how += f"; {count(n_confirmed)} confirmed on later days"
    traits = summary.traits
    whose = "shown to these users" if traits.event == "impression" else "of these users"
    events = Fact(traits.events, compact(population.n_impressions), whose)
    return (
        Fact("users in segments", count(population.n_users), _unassigned(summary)),
        *((events,) if traits.has_log else ()),
        *((_rate_fact(summary),) if traits.has_clicks else ()),
        Fact("segments", count(selection.n_segments), how),
    )


def _rate_fact(summary: Summary) -> Fact:
    seen, expected = summary.population.ctr_seen, summary.population.forecast_ctr
    if expected.is_known:
        return Fact(
            f"clicks per impression, expected in {horizon(summary)}",
            rate(expected.value),
            f"90 % interval {interval(expected, write=rate)}; seen {rate(seen.value)}",
        )
    return Fact(
        "clicks per impression, seen",
        rate(seen.value),
        f"95 % interval {interval(seen, write=rate)}" if seen.is_known else "not known",
    )


def _unassigned(summary: Summary) -> str:
    n_left = sum(finding.count for finding in summary.unassigned)
    return f"{count(n_left)} left without a segment" if n_left else "every user has a segment"


def _pieces(segments: tuple[SegmentProfile, ...]) -> tuple[Piece, ...]:
    pieces, left = [], 0.0
    for segment in segments:
        pieces.append(
            Piece(
                segment_id=segment.segment_id,
                name=segment.name,
                share=percent(segment.share, digits=0),
                colour=segment_colour(segment.segment_id),
                ink=segment_ink(segment.segment_id),
                left=_place(left),
                width=_place(segment.share),
                is_wide=segment.share >= _WIDE_PIECE,
            )
        )
        left += segment.share
    return tuple(pieces)


def _certain(summary: Summary) -> tuple[str, ...]:
    """Return what the data leave no doubt of, each with its number."""
    found = []
    accounts = {account.role: account for account in summary.data.accounts}
    log = accounts.get("impressions", accounts.get("users"))
    if log is not None:
        n_excluded = sum(log.excluded.values())
        called = summary.traits.events if log.role == "impressions" else log.role
        found.append(
            f"Every row is accounted for: {count(log.n_read)} {called} read, "
            f"{count(log.n_used)} used, {count(log.n_rejected)} rejected, "
            f"{count(n_excluded)} left out on request."
        )
    stability = None if summary.evidence is None else summary.evidence.stability
    if stability is None or all(each.is_stable for each in stability.segments):
        found.append(summary.selection.reason)
    chosen = next((row for row in summary.selection.candidates if row.is_selected), None)
    if chosen is not None and chosen.silhouette.is_known:
        found.append(
            f"How clearly the segments stand apart: silhouette "
            f"{decimal(chosen.silhouette.value)} (95 % interval {interval(chosen.silhouette)}) on "
            "a scale where 1 is far apart and 0 is on the border."
        )
    confirmed = _numbers(summary, "confirmed")
    if was_checked(summary) and confirmed:
        found.append(
            f"Confirmed on days that had no part in forming them, with at least half of what set "
            f"their click rates apart: {confirmed}."
        )
    return tuple(found)


def _doubts(summary: Summary) -> tuple[str, ...]:
    """Return what the verdicts leave open, or that nothing was checked."""
    if not summary.traits.has_clicks:
        return ()
    if not was_checked(summary):
        return (
            (
                "Click rates of segments were measured on the days that formed the segments. "
                "How the segments click on later days has not been measured in this run."
            ),
        )
    if len(summary.segments) == 1:
        return ("There is one segment: later days had nothing to tell apart.",)
    doubts = [
        f"{meaning}: {_numbers(summary, verdict)}."
        for verdict, meaning in _MEANINGS.items()
        if _numbers(summary, verdict)
    ]
    if not _numbers(summary, "confirmed"):
        doubts.insert(0, "No segment is confirmed by its clicks on later days.")
    return tuple(doubts)


def _numbers(summary: Summary, verdict: str) -> str:
    """Name the segments of a verdict: by name, or by number where they are many."""
    found = [s for s in summary.segments if s.verdict == verdict]
    if len(found) <= _MOST_NAMED:
        return ", ".join(f"{s.segment_id} {s.name}" for s in found)
    return "segments " + ", ".join(str(s.segment_id) for s in found)


def _card(segment: SegmentProfile, summary: Summary, *, top: float) -> Card:
    is_foretold = segment.forecast_ctr.is_known
    shown = segment.forecast_ctr if is_foretold else segment.ctr_seen
    label = f"clicks per impression, expected in {horizon(summary)}"
    return Card(
        segment_id=segment.segment_id,
        name=segment.name,
        colour=segment_colour(segment.segment_id),
        share="few" if segment.is_withheld else percent(segment.share),
        holds="too few to be shown" if segment.is_withheld else _holds(segment, summary),
        badge=badge_of(segment.verdict) if summary.traits.has_clicks else None,
        has_rate=summary.traits.has_clicks,
        ctr=rate(shown.value),
        ctr_label=label if is_foretold else "clicks per impression, seen",
        ctr_note=_forecast_note(segment) if is_foretold else _seen_note(segment),
        seen=f"seen {rate(segment.ctr_seen.value)} {_seen_note(segment)}" if is_foretold else "",
        silhouette=decimal(segment.mean_silhouette),
        strip=_strip(segment, summary, shown=shown, top=top),
        bars=tuple(_bar(difference) for difference in segment.differences[:_MOST_BARS]),
    )


def _holds(segment: SegmentProfile, summary: Summary) -> str:
    """Say how many users it has, and what share of the events and the clicks."""
    traits = summary.traits
    parts = [f"{count(segment.n_users)} users"]
    if traits.has_log:
        parts.append(f"{percent(segment.impressions_share)} of {traits.events}")
    if traits.has_clicks:
        parts.append(f"{percent(segment.clicks_share)} of clicks")
    return " · ".join(parts)


def _forecast_note(segment: SegmentProfile) -> str:
    limits = interval(segment.forecast_ctr, write=rate)
    parts = ["interval not known" if limits == MISSING else f"90 % interval {limits}"]
    index = segment.forecast_index.value
    parts += [] if index is None else [f"index {count(index)}"]
    return " · ".join(parts)


def _seen_note(segment: SegmentProfile) -> str:
    if not segment.ctr_seen.is_known:
        return "not known: no impressions"
    limits = interval(segment.ctr_seen, write=rate)
    parts = ["on the forming days"]
    parts += [] if limits == MISSING else [f"95 % interval {limits}"]
    parts += [] if segment.ctr_index is None else [f"index {count(segment.ctr_index)}"]
    return " · ".join(parts)


def _strip(
    segment: SegmentProfile, summary: Summary, *, shown: Estimate, top: float
) -> Strip | None:
    value, seen = shown.value, segment.ctr_seen.value
    if value is None or top <= 0.0:
        return None
    is_foretold = shown is segment.forecast_ctr
    everybody = _expected_level(segment, summary) if is_foretold else _seen_level(summary)
    start = value if shown.low is None else shown.low
    end = value if shown.high is None else shown.high
    return Strip(
        value=_place(value / top),
        low=_place(start / top),
        width=_place((end - start) / top),
        everybody="" if everybody is None else _place(everybody / top),
        seen="" if seen is None or not is_foretold else _place(seen / top),
    )


def _seen_level(summary: Summary) -> float | None:
    return summary.population.ctr_seen.value


def _expected_level(segment: SegmentProfile, summary: Summary) -> float | None:
    """Return the forecast of all users: where it is not given, it is what an index of 100 is."""
    level, index = summary.population.forecast_ctr.value, segment.forecast_index.value
    if level is not None or segment.forecast_ctr.value is None or not index:
        return level
    return segment.forecast_ctr.value / index * 100


def _bar(difference: Difference) -> Bar:
    value = difference.standardised_difference
    length = min(abs(value), _BAR_END) / _BAR_END / 2
    return Bar(
        text=difference.text,
        value=signed(value),
        left=_place(0.5 if value > 0 else 0.5 - length),
        width=_place(length),
    )


def _place(share: float) -> str:
    return f"{share * 100:.2f}%"
