"""From impression to purchase: what the behaviour log says of the segments."""

from collections.abc import Callable, Mapping

from segmentry.describe.conversions import ConversionReport, SegmentConversions, ShopRate
from segmentry.evaluation.later_days import NO_SIGNAL, AddedGain
from segmentry.formats import MISSING, count, decimal, interval, percent, rate
from segmentry.present.figures import caption_funnel, segment_colour
from segmentry.present.report._truth import badge_of
from segmentry.present.report._views import ConversionView, Figure, Row, Table
from segmentry.results.summary import Summary
from segmentry.schema import Estimate

_PER = 1000
_LITTLE = 0.02
_STEPS = {
    "impression": "impressions of known category",
    "click": "clicked",
    "view": "then viewed",
    "cart": "then put in the cart",
    "purchase": "then bought",
}
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


def make_conversions(summary: Summary, figures: Mapping[str, str]) -> ConversionView | None:
    """Return the section; nothing where the behaviour log was not read."""
    report = summary.conversions
    if report is None:
        return None
    shown = [each for each in report.segments if each.n_users]
    return ConversionView(
        lead=_lead(summary, report),
        added=_added(report),
        added_table=_added_table(report),
        purchases=_purchase_table(summary, shown),
        funnel=_funnel_figure(summary, shown, report.days, figures),
        attribution=tuple(_attribution_tables(summary, shown)),
        shop=_shop_table(summary, shown),
        notes=report.notes,
    )


def _lead(summary: Summary, report: ConversionReport) -> str:
    share = percent(report.n_users_with / report.n_users) if report.n_users else MISSING
    labels = {row.name: row.label for row in summary.features}
    words = _listed(tuple(labels.get(name, name) for name in report.features))
    forming = (
        f"{words[:1].upper()}{words[1:]} helped to form the segments."
        if report.features
        else "None of it formed the segments; it describes them."
    )
    return (
        f"{share} of the users did something in the shop: {count(report.n_users_with)} of "
        f"{count(report.n_users)}. {forming}"
    )


def _listed(words: tuple[str, ...]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def _added(report: ConversionReport) -> tuple[str, ...]:
    if not report.added:
        return (f"What it adds was not measured: {report.added_reason or 'nothing was checked'}.",)
    return tuple(added_sentence(each) for each in report.added)


def added_sentence(gain: AddedGain) -> str:
    """Say in one sentence what the behaviours add to foretelling an outcome."""
    what = f"later {gain.outcome}"
    if gain.reason == NO_SIGNAL:
        return (
            f"Of {what} nothing can be kept: users’ own rates foretell them no better than one "
            "rate for all."
        )
    if gain.reason:
        return f"Of {what} nothing is known: {gain.reason}."
    digits = 1 if _is_little(gain) else 0
    kept = (
        f"of what users’ own rates tell of their {what}, segments keep "
        f"{_kept(gain.kept_with, digits=digits)} with the behaviours and "
        f"{_kept(gain.kept_without, digits=digits)} without"
    )
    if gain.verdict == "adds" and _is_little(gain):
        return f"Behaviours help to foretell {what} by next to nothing: {kept}."
    if gain.verdict == "adds":
        return f"Behaviours help to foretell {what}: {kept}."
    if gain.verdict == "placebo does too":
        return (
            f"Behaviours are not shown to help to foretell {what}: {kept}, but not surely more "
            "than with the behaviours of other users in the place of their own. Users are divided "
            "otherwise, which helps by itself."
        )
    if gain.verdict == "takes away":
        return (
            f"Segments formed with the behaviours foretell {what} worse than as many without "
            f"them: {kept}."
        )
    return f"Whether behaviours help to foretell {what} cannot be told: {kept}."


def _is_little(gain: AddedGain) -> bool:
    """Whether what both keep differs so little that it matters to nobody, however sure it is."""
    ours, theirs = gain.kept_with.value, gain.kept_without.value
    return ours is not None and theirs is not None and abs(ours - theirs) < _LITTLE


def _kept(estimate: Estimate, *, digits: int) -> str:
    return (
        f"{percent(estimate.value, digits=digits)} "
        f"({interval(estimate, write=lambda value: percent(value, digits=digits))})"
    )


def _added_table(report: ConversionReport) -> Table | None:
    known = [each for each in report.added if each.nats_added.is_known]
    if not known:
        return None
    return Table(
        caption=(
            f"As many segments with the behaviours and without, on the later days: gain over one "
            f"rate for all users in nats per {count(_PER)} impressions, or user days (90\u00a0%)"
        ),
        heads=(
            "foretold",
            "on",
            "events",
            "users’ own rates",
            "with",
            "without",
            "difference",
            "over a placebo",
        ),
        rows=tuple(
            Row(
                head=each.outcome,
                cells=(
                    f"{count(each.n_trials)} {_TRIALS[each.outcome]}",
                    count(each.n_events),
                    *(
                        _with_limits(estimate, _nats)
                        for estimate in (
                            each.nats_of_users,
                            each.nats_with,
                            each.nats_without,
                            each.nats_added,
                            each.nats_over_placebo,
                        )
                    ),
                ),
            )
            for each in known
        ),
    )


def _nats(value: float | None) -> str:
    return decimal(None if value is None else value * _PER, digits=2)


def _name(summary: Summary, segment_id: int) -> str:
    if segment_id == 0:
        return "all users"
    names = {segment.segment_id: segment.name for segment in summary.segments}
    return f"{segment_id} {names.get(segment_id, '')}".strip()


def _row(summary: Summary, found: SegmentConversions, cells: tuple[str, ...]) -> Row:
    return Row(
        head=_name(summary, found.segment_id),
        cells=cells,
        colour=segment_colour(found.segment_id) if found.segment_id else "",
        is_strong=not found.segment_id,
    )


def _with_limits(estimate: Estimate, write: Callable[[float | None], str]) -> str:
    """Write a value with its limits, small, below it."""
    if estimate.low is None:
        return write(estimate.value)
    return f"{write(estimate.value)}\n{interval(estimate, write=write)}"


def _purchase_table(summary: Summary, shown: list[SegmentConversions]) -> Table | None:
    rows = []
    for each in shown:
        found = each.purchases
        if found is None:
            continue
        rows.append(
            Row(
                head=_name(summary, each.segment_id),
                cells=(
                    found.verdict,
                    rate(found.seen),
                    _with_limits(found.later, rate),
                    found.reason,
                ),
                colour=segment_colour(each.segment_id),
                badge=badge_of(found.verdict),
            )
        )
    if not rows:
        return None
    level = next((e.purchases.level_later for e in shown if e.purchases is not None), None)
    return Table(
        caption=(
            "Days with a purchase per user and day, when formed and on the later days (90\u00a0%); "
            f"all users later: {rate(level)}"
        ),
        heads=("segment", "verdict", "when formed", "later days", "why"),
        rows=tuple(rows),
        text_columns=(1, 4),
    )


def _funnel_figure(
    summary: Summary, shown: list[SegmentConversions], days: int, figures: Mapping[str, str]
) -> Figure | None:
    table = _funnel_table(summary, shown, days)
    if table is None:
        return None
    return Figure(
        name="funnel",
        heading="The funnel",
        caption=caption_funnel(summary),
        svg=figures.get("funnel", ""),
        tables=(table,),
    )


def _funnel_table(summary: Summary, shown: list[SegmentConversions], days: int) -> Table | None:
    told = [each for each in shown if each.steps]
    if not told:
        return None
    return Table(
        caption=(
            f"From impression to purchase: each step after the one before, in the same category, "
            f"within {days} days of the impression; shares are of the step before (95\u00a0%, "
            "users being the unit)"
        ),
        heads=(
            "segment",
            *(_STEPS[step.step] for step in told[0].steps),
            "clicks followed by a purchase",
            f"value proxy per {count(_PER)} impressions",
        ),
        rows=tuple(
            _row(
                summary,
                each,
                (
                    *(_step(step.n, step.of_before) for step in each.steps),
                    _with_limits(each.click_conversion, rate),
                    _with_limits(each.value_proxy, _per_thousand),
                ),
            )
            for each in told
        ),
    )


def _step(n: int | None, share: Estimate) -> str:
    if share.value is None:
        return count(n)
    limits = interval(share, write=rate)
    told = f"{count(n)}\n{rate(share.value)}"
    return told if share.low is None else f"{told}\n{limits}"


def _per_thousand(value: float | None) -> str:
    return decimal(None if value is None else value * _PER, digits=2)


def _attribution_tables(summary: Summary, shown: list[SegmentConversions]) -> list[Table]:
    told = [each for each in shown if each.attributions]
    if not told:
        return []
    heads = tuple(
        f"{each.kind}-through, {each.days} day{'s' if each.days > 1 else ''}"
        for each in told[0].attributions
    )
    return [
        Table(
            caption=(
                f"Purchases that followed an ad of their category, per {count(_PER)} impressions "
                "(95\u00a0%): an association, not an effect"
            ),
            heads=("segment", *heads),
            rows=tuple(
                _row(
                    summary,
                    each,
                    tuple(
                        _with_limits(one.per_impression, _per_thousand) for one in each.attributions
                    ),
                )
                for each in told
            ),
        )
    ]


def _shop_table(summary: Summary, shown: list[SegmentConversions]) -> Table | None:
    told = [each for each in shown if each.shop]
    if not told:
        return None
    return Table(
        caption="In the shop, of each segment against all users (index); intervals of 95\u00a0%",
        heads=("segment", *(_SHOP[each.name] for each in told[0].shop)),
        rows=tuple(_row(summary, each, tuple(map(_shop, each.shop))) for each in told),
    )


def _per_user(value: float | None) -> str:
    return decimal(value, digits=2 if value is not None and value < _MANY else 1)


def _shop(found: ShopRate) -> str:
    if found.index.value is None:
        return _with_limits(found.value, _per_user if found.name in _PER_USER else rate)
    value = found.value.value
    told = _per_user(value) if found.name in _PER_USER else rate(value)
    return f"{told}\nindex {count(found.index.value)} ({interval(found.index, write=count)})"
