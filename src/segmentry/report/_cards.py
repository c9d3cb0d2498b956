"""The first screen and the cards of the segments."""

from segmentry.plots import segment_colour, segment_ink
from segmentry.plots.formats import (
    MISSING,
    compact,
    count,
    day,
    decimal,
    interval,
    percent,
    rate,
    signed,
)
from segmentry.profiling import Difference, SegmentProfile
from segmentry.report._views import Bar, Card, Fact, Headline, Piece, Strip
from segmentry.summary import Summary

__all__ = ["make_cards", "make_headline"]

_MOST_BARS = 5
_BAR_END = 2.0  # standardised difference at which a bar of a card is full
_WIDE_PIECE = 0.06  # share from which the bar of all users has room for a label
_SECONDS_BEFORE_END = 1  # the window is half-open: its last day is the one before its end


def make_headline(summary: Summary) -> Headline:
    """Return the first screen."""
    data = summary.data
    first = day(data.starts_at, utc_offset_hours=data.utc_offset_hours)
    last = day(data.ends_at - _SECONDS_BEFORE_END, utc_offset_hours=data.utc_offset_hours)
    period = first if first == last else f"{first} to {last}"
    return Headline(
        kicker=f"Segmentation of {data.source} · {period} (UTC{data.utc_offset_hours:+d})",
        text=summary.headline,
        facts=_facts(summary),
        pieces=_pieces(summary.segments),
        certain=_certain(summary),
        warnings=summary.warnings,
    )


def make_cards(summary: Summary) -> tuple[Card, ...]:
    """Return a card for every segment; their rates stand on one scale."""
    estimates = [s.ctr_seen for s in (*summary.segments, summary.population)]
    top = max((e.high or e.value or 0.0) for e in estimates) * 1.05
    everybody = summary.population.ctr_seen.value
    return tuple(_card(s, top=top, everybody=everybody) for s in summary.segments)


def _facts(summary: Summary) -> tuple[Fact, ...]:
    population, selection = summary.population, summary.selection
    how = "number set by hand" if selection.is_forced else "number chosen by rule"
    return (
        Fact("users in segments", count(population.n_users), _unassigned(summary)),
        Fact("impressions", compact(population.n_impressions), "shown to these users"),
        Fact(
            "clicks per impression",
            rate(population.ctr_seen.value),
            f"95 % interval {interval(population.ctr_seen, write=rate)}"
            if population.ctr_seen.is_known
            else "not known",
        ),
        Fact("segments", count(selection.n_segments), how),
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
    log = accounts.get("impressions")
    if log is not None:
        n_excluded = sum(log.excluded.values())
        found.append(
            f"Every row is accounted for: {count(log.n_read)} impressions read, "
            f"{count(log.n_used)} used, {count(log.n_rejected)} rejected, "
            f"{count(n_excluded)} left out on request."
        )
    found.append(summary.selection.reason)
    chosen = next((row for row in summary.selection.candidates if row.is_selected), None)
    if chosen is not None and chosen.silhouette.is_known:
        found.append(
            f"How clearly the segments stand apart: silhouette "
            f"{decimal(chosen.silhouette.value)} (95 % interval {interval(chosen.silhouette)}) on "
            "a scale where 1 is far apart and 0 is on the border."
        )
    return tuple(found)


def _card(segment: SegmentProfile, *, top: float, everybody: float | None) -> Card:
    return Card(
        segment_id=segment.segment_id,
        name=segment.name,
        colour=segment_colour(segment.segment_id),
        share=percent(segment.share),
        n_users=count(segment.n_users),
        impressions_share=percent(segment.impressions_share),
        clicks_share=percent(segment.clicks_share),
        ctr=rate(segment.ctr_seen.value),
        ctr_note=_rate_note(segment),
        silhouette=decimal(segment.mean_silhouette),
        strip=_strip(segment, top=top, everybody=everybody),
        bars=tuple(_bar(difference) for difference in segment.differences[:_MOST_BARS]),
    )


def _rate_note(segment: SegmentProfile) -> str:
    if not segment.ctr_seen.is_known:
        return "not known: no impressions"
    limits = interval(segment.ctr_seen, write=rate)
    parts = ["on the forming days"]
    parts += [] if limits == MISSING else [f"95 % interval {limits}"]
    parts += [] if segment.ctr_index is None else [f"index {count(segment.ctr_index)}"]
    return " · ".join(parts)


def _strip(segment: SegmentProfile, *, top: float, everybody: float | None) -> Strip | None:
    value, low, high = segment.ctr_seen.value, segment.ctr_seen.low, segment.ctr_seen.high
    if value is None or top <= 0.0:
        return None
    start = value if low is None else low
    end = value if high is None else high
    return Strip(
        value=_place(value / top),
        low=_place(start / top),
        width=_place((end - start) / top),
        everybody="" if everybody is None else _place(everybody / top),
    )


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
