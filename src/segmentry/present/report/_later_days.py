"""What later days say of segments: verdicts, predictive share, and the days compared."""

from collections import Counter
from collections.abc import Sequence
from functools import partial

from segmentry.evaluation.later_days import KeptGain, OutcomeGain
from segmentry.formats import MISSING, count, listed, percent, points, thousandfold
from segmentry.present.figures import horizon, rate_writer
from segmentry.present.report._segments import JUDGED, judged_line
from segmentry.present.tables import Column, Row, Table, cells_of
from segmentry.results.summary import Summary
from segmentry.schema import OF_CLICKS

_DAYS_OF_WEEK = 7


def sentence(text: str, *, is_start: bool = True, is_closed: bool = True) -> str:
    """Return a reason as a sentence, or as the end of one.

    >>> sentence("the log has one day"), sentence("None", is_start=False, is_closed=False)
    ('The log has one day.', 'none')
    """
    if not text:
        return MISSING
    first = text[0].upper() if is_start else text[0].lower()
    return first + text[1:] + ("." if is_closed and text[-1] not in ".!?" else "")


def weekdays(names: Sequence[str]) -> str:
    """Return a week by its days, more than a week by how often each came.

    >>> weekdays(["Saturday", "Sunday"]), weekdays(["Sunday"] * 8)
    ('Saturday and Sunday', '8 days: Sunday × 8')
    """
    if len(names) <= _DAYS_OF_WEEK:
        return listed(names) or MISSING
    found = Counter(names)
    return f"{count(len(names))} days: " + listed([f"{name} × {n}" for name, n in found.items()])


def later_rate_table(summary: Summary) -> Table:
    """Return the click rates expected and on later days, with the verdict on each."""
    interval, write = "(90\u00a0%)", rate_writer(summary)
    of_clicks = summary.validation is None or summary.validation.outcome_of_rates.kind == "clicks"
    what, write_difference = ("click rate", points) if of_clicks else (summary.outcome.unit, write)
    columns = (
        Column("forecast_early", f"expected from the forming days alone {interval}", write),
        Column("ctr_outcome", f"later days {interval}", write),
        Column(
            "forecast_difference",
            f"expected difference to the others {interval}",
            write_difference,
        ),
        Column("later_difference", f"later difference, day for day {interval}", write_difference),
        Column("survival", f"of the expected {interval}", partial(percent, digits=0)),
        Column("expected_rate", f"{what} expected in {horizon(summary)} {interval}", write),
        Column("forecast_index", f"its index, all 100 {interval}", count),
    )
    return Table(
        name="later-rates",
        caption=f"{what[0].upper()}{what[1:]}s expected from the forming days, and on later days"
        if of_clicks
        else f"{what[0].upper()}{what[1:]}: expected from the forming days, and later",
        columns=(*JUDGED, *columns),
        rows=_judged(summary, columns),
    )


def _judged(summary: Summary, columns: Sequence[Column]) -> tuple[Row, ...]:
    return tuple(judged_line(s, s.verdict, *cells_of(s, columns)) for s in summary.segments)


def reason_table(summary: Summary) -> Table:
    """Return why each verdict was given, and what a check of this size could have found."""
    columns = (
        Column(
            "minimal_detectable_difference",
            "difference found with a chance of 80\u00a0%",
            points if summary.outcome.unit == OF_CLICKS.unit else rate_writer(summary),
        ),
        Column("absent_share", "users absent later", percent),
        Column("reason", "why", is_words=True, of=lambda each: sentence(each.verdict_reason)),
    )
    return Table(
        name="verdicts",
        caption="Why, what a check of this size would have found, and who did not return",
        columns=(*JUDGED, *columns),
        rows=_judged(summary, columns),
    )


def _nats_caption(gain: KeptGain) -> str:
    if not isinstance(gain, OutcomeGain):
        return (
            "Gain over one rate for all users, in nats per 1,000 impressions: "
            f"{count(gain.n_users)} users, {count(gain.n_impressions)} later impressions"
        )
    caption = (
        f"Gain over one rate for all, in nats per 1,000 users: {count(gain.n_users)} users, "
        f"{count(gain.n_impressions)} later events; users’ own rates by {gain.model}"
    )
    if gain.by_negative_binomial is None:
        return caption
    share = percent(gain.by_negative_binomial, digits=0)
    return f"{caption}; {share} kept by negative-binomial likelihood"


def nats_table(gain: KeptGain | None) -> Table | None:
    """Return the gains over one rate for all users; null where users' own rates gain nothing."""
    if gain is None or not gain.nats_of_users.is_known:
        return None
    rows = [Row(("users’ own rates (100\u00a0%)", gain.nats_of_users))]
    if gain.nats_by_forecast.is_known:
        rows += [
            Row(("forecasts of the segments", gain.nats_by_forecast)),
            Row(("best rates of the segments, in-sample", gain.nats_by_best_rate)),
        ]
    return Table(
        name="predictive-share",
        caption=_nats_caption(gain),
        columns=(
            Column("by", "predicted by"),
            Column("nats", "gain", thousandfold, limits="90\u00a0% interval"),
        ),
        rows=tuple(rows),
    )
