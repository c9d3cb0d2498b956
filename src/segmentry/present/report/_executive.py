"""The first screen: what was found, how certain it is, what to do, what it is worth."""

from segmentry.describe.profiles import SegmentProfile
from segmentry.formats import MISSING, count, decimal, interval, percent, rate, signed
from segmentry.present.figures import horizon, segment_colour, segment_ink
from segmentry.present.report._truth import badge_of
from segmentry.present.report._views import Executive, ExecutiveRow
from segmentry.present.tables import Badge
from segmentry.results.summary import Insight, Summary
from segmentry.schema import Estimate

_MOST_ROWS = 4
_SIGNED = ("clicks gained",)


def make_executive(summary: Summary) -> Executive | None:
    """Return the first screen; none in a run of an earlier version."""
    decisions = summary.decisions
    if decisions is None:
        return None
    chosen = _most_pressing(decisions.insights)
    segments = {segment.segment_id: segment for segment in summary.segments}
    n_left = len(decisions.insights) - len(chosen)
    return Executive(
        rows=tuple(_row(each, segments.get(each.segment_id or 0), summary) for each in chosen),
        rest=_rest(n_left),
        level=_level(summary),
        next_steps=_next_steps(summary),
    )


def _most_pressing(insights: tuple[Insight, ...]) -> tuple[Insight, ...]:
    """Return the first insight of each segment, as many as one screen holds."""
    first: dict[int | None, Insight] = {}
    for insight in insights:
        first.setdefault(insight.segment_id, insight)
    return tuple(first.values())[:_MOST_ROWS]


def _row(insight: Insight, segment: SegmentProfile | None, summary: Summary) -> ExecutiveRow:
    action = insight.action
    worth, note = ("", MISSING) if action is None else worth_of(action.value, action.effect)
    return ExecutiveRow(
        segment_id=insight.segment_id,
        name="All users" if segment is None else segment.name,
        colour="" if segment is None else segment_colour(segment.segment_id),
        ink="" if segment is None else segment_ink(segment.segment_id),
        title=insight.title,
        text=insight.text,
        badge=_badge(segment, summary),
        certain=_certain(segment, summary),
        action="" if action is None else action.text,
        worth=worth,
        worth_note=note,
    )


def _next_steps(summary: Summary) -> tuple[tuple[str, str], ...]:
    """Return the commands that make a plan of it, where there is a forecast to plan with."""
    if summary.truth is None or summary.truth.reason:
        return ()
    n = summary.population.n_impressions
    steps = (
        (
            "divides as many impressions",
            f"plan budget RUN_DIR --impressions {n}",
        ),
        ("plans a test", "plan test RUN_DIR --mde 10%"),
    )
    is_divided = len(summary.segments) > 1
    return tuple(
        (f"segmentry {words}", told) for told, words in (steps if is_divided else steps[1:])
    )


def _badge(segment: SegmentProfile | None, summary: Summary) -> Badge | None:
    if segment is None or segment.is_withheld or not summary.traits.has_clicks:
        return None
    return badge_of(segment.verdict)


def _certain(segment: SegmentProfile | None, summary: Summary) -> str:
    if segment is None or segment.is_withheld:
        return ""
    if not summary.traits.has_clicks:
        return "described, not checked: the data hold no clicks"
    expected = segment.forecast_ctr
    if not expected.is_known:
        return f"seen {rate(segment.ctr_seen.value)}; nothing is known of later days"
    return (
        f"{rate(expected.value)} to be expected in {horizon(summary)} "
        f"(90 % interval {interval(expected, write=rate)})"
    )


def worth_of(value: Estimate, effect: str) -> tuple[str, str]:
    """Return what acting is worth: the number with its interval, and what it counts."""
    if value.value is None:
        return "", effect[0].upper() + effect[1:] + "."
    is_gain = effect.startswith(_SIGNED)
    digits = 0 if abs(value.value) >= 10 else 1

    def write(number: float | None) -> str:
        return signed(number, digits=digits) if is_gain else decimal(number, digits=digits)

    limits = interval(value, write=write)
    text = write(value.value) if limits == MISSING else f"{write(value.value)} ({limits})"
    return text, effect


def insight_badge(severity: str) -> Badge:
    """Return the severity of an insight with its shape."""
    return Badge(text=severity, kind=f"is-{severity}")


def _rest(n_left: int) -> str:
    if n_left <= 0:
        return ""
    return f"{count(n_left)} more finding{'s' if n_left > 1 else ''} on the segments’ pages."


def _level(summary: Summary) -> str:
    """Say what an average user does, against which all is measured."""
    population = summary.population
    expected = population.forecast_ctr
    if not summary.traits.has_clicks:
        return f"{count(population.n_users)} users have a segment."
    if expected.is_known:
        told = f"{rate(expected.value)} to be expected in {horizon(summary)}"
    else:
        told = f"{rate(population.ctr_seen.value)} seen"
    sentence = f"Click rate of all {count(population.n_users)} users: {told}."
    rules = summary.decisions.rules if summary.decisions is not None else None
    if rules is None or len(summary.segments) == 1:
        return sentence
    return f"{sentence} Simple rules tell the segment of {percent(rules.fidelity)} of them."
