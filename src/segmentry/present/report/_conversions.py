"""From impression to purchase: what the behaviour log says of the segments."""

from functools import partial

from segmentry.describe.conversions import ConversionReport, SegmentConversions, ShopRate
from segmentry.evaluation.later_days import NO_SIGNAL, AddedGain
from segmentry.formats import (
    bracketed,
    count,
    decimal,
    percent,
    rate,
    stacked,
    thousandfold,
)
from segmentry.present.report._segments import JUDGED, judged_line, line_of
from segmentry.present.tables import Column, Row, Shown, Table
from segmentry.results.summary import Summary

_LITTLE = 0.02
_SHOP = {
    "views": "page views per user",
    "purchases": "purchases per user",
    "carts abandoned": "carts abandoned",
    "same brand": "two views of one brand",
    "same category": "two views of one category",
    "purchases without a click": "purchases without a click on an ad of their category",
}
_TRIALS = {"clicks": "impressions", "purchases": "user days"}
_PER_USER, _MANY = ("views", "purchases"), 10
_hundredths = partial(thousandfold, digits=2)


def added_sentence(gain: AddedGain) -> str:
    """Say in one sentence what the behaviours add to predicting an outcome."""
    what = f"later {gain.outcome}"
    if gain.reason == NO_SIGNAL:
        return (
            f"Of {what} nothing can be kept: users’ own rates predict them no better than one "
            "rate for all."
        )
    if gain.reason:
        return f"Of {what} nothing is known: {gain.reason}."
    digits = 1 if _is_little(gain) else 0
    kept = (
        f"of what users’ own rates predict of their {what}, segments keep "
        f"{bracketed(gain.kept_with, percent, digits=digits)} with the behaviours and "
        f"{bracketed(gain.kept_without, percent, digits=digits)} without"
    )
    if gain.verdict == "adds" and _is_little(gain):
        return f"Behaviours help to predict {what} by next to nothing: {kept}."
    if gain.verdict == "adds":
        return f"Behaviours help to predict {what}: {kept}."
    if gain.verdict == "placebo does too":
        return (
            f"Behaviours are not shown to help to predict {what}: {kept}, but not surely more "
            "than with the behaviours of other users in the place of their own. Users are divided "
            "otherwise, which helps by itself."
        )
    if gain.verdict == "takes away":
        return (
            f"Segments formed with the behaviours predict {what} worse than as many without "
            f"them: {kept}."
        )
    return f"Whether behaviours help to predict {what} cannot be determined: {kept}."


def _is_little(gain: AddedGain) -> bool:
    """Whether what both keep differs so little that it matters to nobody, however sure it is."""
    ours, theirs = gain.kept_with.value, gain.kept_without.value
    return ours is not None and theirs is not None and abs(ours - theirs) < _LITTLE


def _shown(summary: Summary) -> list[SegmentConversions]:
    """Return what is known of the segments of which something may be shown."""
    found = () if summary.conversions is None else summary.conversions.segments
    return [each for each in found if each.n_users]


def added_table(report: ConversionReport) -> Table:
    """Return the gains with the behaviours and without, where they are known."""
    gains = (
        ("nats_of_users", "users’ own rates"),
        ("nats_with", "with"),
        ("nats_without", "without"),
        ("nats_added", "difference"),
        ("nats_over_placebo", "over a placebo"),
    )
    return Table(
        name="behaviours-added",
        caption=(
            "As many segments with the behaviours and without, on the later days: gain over one "
            "rate for all users in nats per 1,000 impressions, or user days (90\u00a0%)"
        ),
        columns=(
            Column("outcome", "predicted"),
            Column("n_trials", "on"),
            Column("n_events", "events", count),
            *(Column(name, head, _hundredths) for name, head in gains),
        ),
        rows=tuple(
            Row(
                (
                    each.outcome,
                    Shown(each.n_trials, f"{count(each.n_trials)} {_TRIALS[each.outcome]}"),
                    each.n_events,
                    *(getattr(each, name) for name, _ in gains),
                )
            )
            for each in report.added
            if each.nats_added.is_known
        ),
    )


def purchase_table(summary: Summary) -> Table | None:
    """Return the verdicts on purchases; null where none was given."""
    names = {segment.segment_id: segment for segment in summary.segments}
    found = [(each.segment_id, each.purchases) for each in _shown(summary)]
    judged = [(names[i], verdict) for i, verdict in found if verdict is not None]
    if not judged:
        return None
    return Table(
        name="purchases",
        caption=(
            "Days with a purchase per user and day, expected from the forming days and on the "
            "later days (90\u00a0%); "
            f"all users later: {rate(judged[0][1].level_later)}"
        ),
        columns=(
            *JUDGED,
            Column("expected", "expected", rate),
            Column("later", "later days", rate),
            Column("reason", "why", is_words=True),
        ),
        rows=tuple(
            judged_line(segment, each.verdict, each.expected, each.later, each.reason)
            for segment, each in judged
        ),
    )


def attribution_table(summary: Summary) -> Table | None:
    """Return the purchases that followed an ad; null where none was attributed."""
    found = [each for each in _shown(summary) if each.attributions]
    if not found:
        return None
    return Table(
        name="attribution",
        caption=(
            "Purchases that followed an ad of their category, per 1,000 impressions "
            "(95\u00a0%): an association, not an effect"
        ),
        columns=(
            Column("segment", "segment"),
            *(
                Column(
                    f"{each.kind}_through_{each.days}",
                    f"{each.kind}-through, {each.days} day{'s' if each.days > 1 else ''}",
                    _hundredths,
                )
                for each in found[0].attributions
            ),
        ),
        rows=tuple(
            line_of(summary, each.segment_id, *(one.per_impression for one in each.attributions))
            for each in found
        ),
    )


def shop_table(summary: Summary) -> Table | None:
    """Return what segments do in the shop against all users; null where nothing is known."""
    found = [each for each in _shown(summary) if each.shop]
    if not found:
        return None
    return Table(
        name="shop",
        caption="In the shop, of each segment against all users (index); intervals of 95\u00a0%",
        columns=(
            Column("segment", "segment"),
            *(Column(each.name.replace(" ", "_"), _SHOP[each.name]) for each in found[0].shop),
        ),
        rows=tuple(line_of(summary, each.segment_id, *map(_shop, each.shop)) for each in found),
    )


def _shop(found: ShopRate) -> Shown:
    write = _per_user if found.name in _PER_USER else rate
    if found.index.value is None:
        return Shown(found.value.value, stacked(found.value, write))
    text = f"{write(found.value.value)}\nindex {bracketed(found.index, count)}"
    return Shown(found.value.value, text)


def _per_user(value: float | None) -> str:
    return decimal(value, digits=2 if value is not None and value < _MANY else 1)
