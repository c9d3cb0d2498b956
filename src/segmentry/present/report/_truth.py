"""Can I trust these segments: what later days say of them."""

from collections import Counter
from collections.abc import Mapping, Sequence

from segmentry.describe.profiles import SegmentProfile
from segmentry.evaluation.later_days import NO_SIGNAL, KeptGain, TruthReport
from segmentry.formats import MISSING, count, decimal, interval, percent, period, points, rate
from segmentry.present import figures as plots
from segmentry.present.figures import segment_colour
from segmentry.present.report._levels import lead_of_days, table_of_days
from segmentry.present.report._views import Fact, Figure, Row, Table, Truth
from segmentry.present.tables import Badge
from segmentry.results.summary import Summary
from segmentry.schema import DataTraits, Estimate

_KINDS = ("confirmed", "weaker", "reversed", "indistinguishable")
_DAYS_OF_WEEK = 7
_PER = 1000  # impressions by which nats are given


def badge_of(verdict: str) -> Badge:
    """Return a verdict with the shape that goes with it."""
    return Badge(text=verdict, kind=verdict if verdict in _KINDS else "open")


def make_truth(summary: Summary, figures: Mapping[str, str]) -> Truth:
    """Return the section, which may only say why nothing was checked."""
    truth = summary.truth
    if truth is None or truth.reason:
        return _unchecked(summary)
    figure = Figure(
        name="ctr_later",
        heading="Click rates: seen, expected, and on the later days",
        caption=plots.caption_ctr_later(summary),
        svg=figures.get("ctr_later", ""),
        tables=(),
    )
    return Truth(
        lead=_lead(summary, truth),
        windows=_windows(summary, truth),
        notes=_notes(truth),
        kept=_kept(truth.kept_gain),
        kept_facts=_kept_facts(truth.kept_gain),
        kept_table=_nats_table(truth.kept_gain),
        figure=figure,
        verdicts=(_rate_table(summary), _reason_table(summary)),
        events=truth.refit_events,
        caveats=truth.caveats,
        days_lead=lead_of_days(truth),
        days=table_of_days(truth, summary.data.utc_offset_hours),
    )


def _unchecked(summary: Summary) -> Truth:
    truth = summary.truth
    lead = (
        _why_unasked(summary.traits)
        if truth is None
        else f"The segments could not be checked on later days. {_sentence(truth.reason)} "
        "All of them are “not validated”."
    )
    return Truth(
        lead=lead,
        windows=() if truth is None else _windows(summary, truth),
        notes=(),
        kept="",
        kept_facts=(),
        kept_table=None,
        figure=None,
        verdicts=(),
        events=() if truth is None else truth.refit_events,
        caveats=() if truth is None else truth.caveats,
        days_lead="" if truth is None else lead_of_days(truth),
        days=None if truth is None else table_of_days(truth, summary.data.utc_offset_hours),
    )


def _why_unasked(traits: DataTraits) -> str:
    if not traits.has_log:
        return (
            "There is no log, only a table of users: there are no later days to check the segments "
            "on, and nothing is said of what they will do."
        )
    if not traits.has_time:
        return (
            f"The {traits.events} have no times: no day is later than another, so that the "
            "segments were not checked on later days and nothing is said of what they will do."
        )
    if not traits.has_clicks:
        return (
            f"The {traits.events} have no clicks, and clicks are what is checked on later days: "
            "the segments describe these days, and nothing is said of what they will do."
        )
    return (
        "This run did not check its segments on later days: its recipe does not ask for it. "
        "What is shown of their clicks was seen on the days that formed them."
    )


def _sentence(text: str) -> str:
    """Write a reason as a sentence."""
    if not text:
        return MISSING
    return text[0].upper() + text[1:] + ("" if text[-1] in ".!?" else ".")


def _lead(summary: Summary, truth: TruthReport) -> str:
    return (
        f"{plots.caption_ctr_later(summary).finding}. The segments of this check were formed "
        f"without the last {_days(len(truth.outcome_weekdays))}, and then met them."
    )


def _days(n_days: int) -> str:
    return "day" if n_days == 1 else f"{count(n_days)} days"


def _windows(summary: Summary, truth: TruthReport) -> tuple[Fact, ...]:
    offset = summary.data.utc_offset_hours
    forming = Fact(
        "Formed on",
        period(truth.feature_starts_at, truth.feature_ends_at, utc_offset_hours=offset),
        _weekdays(truth.feature_weekdays),
    )
    if truth.outcome_starts_at is None or truth.outcome_ends_at is None:
        return (forming, Fact("Checked on", MISSING, "no later day"))
    checked = Fact(
        "Checked on",
        period(truth.outcome_starts_at, truth.outcome_ends_at, utc_offset_hours=offset),
        _weekdays(truth.outcome_weekdays),
    )
    share = percent(truth.n_users_later / truth.n_users) if truth.n_users else MISSING
    met = Fact(
        "Users met again",
        count(truth.n_users_later),
        f"{share} of {count(truth.n_users)} with a segment on the forming days",
    )
    return (forming, checked, met)


def _weekdays(names: Sequence[str]) -> str:
    """Write a week by its days, more than a week by how often each came."""
    if len(names) <= _DAYS_OF_WEEK:
        return _listed(names) or MISSING
    found = Counter(names)
    return f"{count(len(names))} days: " + _listed([f"{name} × {n}" for name, n in found.items()])


def _listed(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def _notes(truth: TruthReport) -> tuple[str, ...]:
    """Say whom and which days the check cannot speak of."""
    notes = [
        (
            "Verdicts concern users who were shown ads again, and segments as the first days "
            "formed them. Afterwards they were formed again on all days: the rate expected in "
            "the days to come is of those."
        ),
        (
            "Segments are compared day for day: to come on days on which all click more is no "
            "difference. The expected rate takes luck into account: it is the one to plan with. "
            "What each verdict means is in the glossary."
        ),
    ]
    unchecked = [
        n for n in dict.fromkeys(truth.feature_weekdays) if n not in truth.outcome_weekdays
    ]
    if unchecked:
        notes.append(f"No later {_listed(unchecked).replace(' and ', ' or ')} was checked.")
    return tuple(notes)


def _kept(gain: KeptGain | None) -> str:
    if gain is None:
        return "Kept gain was not measured."
    if gain.reason == NO_SIGNAL:
        return (
            f"Kept gain is not known: {NO_SIGNAL}. On the later days users’ own click rates "
            "foretell their clicks no better than one rate for all, so there is nothing to keep."
        )
    if not gain.by_forecast.is_known:
        why = gain.reason or "there is no forecast, and the best rates alone would flatter"
        return f"Kept gain is not known: {_sentence(why)[0].lower()}{_sentence(why)[1:]}"
    low, high, value = gain.by_forecast.low, gain.by_forecast.high, gain.by_forecast.value
    told = f"{percent(value, digits=0)} (90 % interval {_limits(gain.by_forecast)})"
    if high is not None and high <= 0:
        return f"The segments foretell later clicks worse than one rate for all users: kept {told}."
    if low is not None and low <= 0:
        return (
            "Whether the segments foretell later clicks better than one rate for all users "
            f"cannot be told: kept {told}."
        )
    return (
        "Of what users’ own click rates tell about their later clicks, the forecasts of their "
        f"segments keep {told}."
    )


def _limits(estimate: Estimate) -> str:
    return interval(estimate, write=lambda v: percent(v, digits=0))


def _kept_facts(gain: KeptGain | None) -> tuple[Fact, ...]:
    """Return both values, or none: the best rates are never shown alone."""
    if gain is None or not gain.by_forecast.is_known:
        return ()
    return (
        Fact(
            "kept by the forecasts",
            percent(gain.by_forecast.value, digits=0),
            f"90 % interval {_limits(gain.by_forecast)}; forecasts made without the later days",
        ),
        Fact(
            "kept by the best rates",
            percent(gain.by_best_rate.value, digits=0),
            f"90 % interval {_limits(gain.by_best_rate)}; each segment given its own later rate: "
            "an upper bound that no forecast can use",
        ),
    )


def _nats_table(gain: KeptGain | None) -> Table | None:
    if gain is None or not gain.nats_of_users.is_known:
        return None
    rows = [("users’ own rates (100 %)", gain.nats_of_users)]
    if gain.nats_by_forecast.is_known:
        rows += [
            ("forecasts of the segments", gain.nats_by_forecast),
            ("best rates of the segments, in-sample", gain.nats_by_best_rate),
        ]
    return Table(
        caption=f"Gain over one rate for all users, in nats per {count(_PER)} impressions: "
        f"{count(gain.n_users)} users, {count(gain.n_impressions)} later impressions",
        heads=("foretold by", "gain", "90 % interval"),
        rows=tuple(
            Row(head, (_nats(estimate.value), interval(estimate, write=_nats)))
            for head, estimate in rows
        ),
    )


def _nats(value: float | None) -> str:
    return decimal(None if value is None else value * _PER, digits=3)


def _rate_table(summary: Summary) -> Table:
    return Table(
        caption="Click rates seen, expected, and on later days",
        heads=(
            "segment",
            "verdict",
            "seen on the days that formed it",
            _headed("expected from these days alone", "90 %"),
            _headed("later days", "90 %"),
            _headed("survives", "90 %"),
            _headed(f"expected in {plots.horizon(summary)}", "90 %"),
            _headed("its index, all 100", "90 %"),
        ),
        rows=tuple(_row(segment, _rate_cells(segment)) for segment in summary.segments),
        text_columns=(1,),
    )


def _headed(words: str, level: str) -> str:
    return f"{words} ({level})".replace(" %", "\u00a0%")


def _rate_cells(segment: SegmentProfile) -> tuple[str, ...]:
    index, survival = segment.forecast_index, segment.survival
    return (
        _with_limits(segment.ctr_early),
        _with_limits(segment.forecast_early),
        _with_limits(segment.ctr_outcome),
        _stacked(percent(survival.value, digits=0), _limits(survival)),
        _with_limits(segment.forecast_ctr),
        _stacked(count(index.value), interval(index, write=count)),
    )


def _reason_table(summary: Summary) -> Table:
    return Table(
        caption="Why, what a check of this size would have found, and who was not met again",
        heads=(
            "segment",
            "verdict",
            "difference found with a chance of 80\u00a0%",
            "users absent later",
            "why",
        ),
        rows=tuple(
            _row(
                segment,
                (
                    points(segment.minimal_detectable_difference),
                    percent(segment.absent_share),
                    _sentence(segment.verdict_reason),
                ),
            )
            for segment in summary.segments
        ),
        text_columns=(1, 4),
    )


def _row(segment: SegmentProfile, cells: tuple[str, ...]) -> Row:
    return Row(
        head=f"{segment.segment_id} {segment.name}",
        cells=(segment.verdict, *cells),
        colour=segment_colour(segment.segment_id),
        badge=badge_of(segment.verdict),
    )


def _with_limits(estimate: Estimate) -> str:
    return _stacked(rate(estimate.value), interval(estimate, write=rate))


def _stacked(value: str, limits: str) -> str:
    return value if limits == MISSING else f"{value}\n{limits}"
