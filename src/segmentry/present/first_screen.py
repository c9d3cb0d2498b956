"""The first screen: what to do, what it brings, a row per segment, how sure; at most 150 words.

Made once from a `Summary`; report, terminal and dashboard show the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from segmentry.describe.profiles import Decision, SegmentProfile
from segmentry.formats import count, decimal, interval, listed, percent
from segmentry.results.summary import Spending, Summary
from segmentry.schema import UNKNOWN, Estimate, Outcome

__all__ = ["DECISIONS", "FirstScreen", "ScreenRow", "first_screen", "screen_row"]

DECISIONS: dict[Decision, str] = {
    "spend_more": "More",
    "spend_less": "Less",
    "test_first": "Test first",
    "too_early": "Too early",
    "keep": "Keep",
}
"""What people read of a decision, in the order of the rows."""
_MAX_WORDS = 150
# Data and days, heads, average and brackets, buttons; segments without a row.
_OTHER_WORDS, _MORE_WORDS = 31, 9
_MAX_NAMED = 3


@dataclass(frozen=True, slots=True)
class ScreenRow:
    """One segment; null is unknown. `share` is that of the users, the others are of the ads."""

    segment_id: int
    name: str
    share: float | None
    share_now: float | None
    share_proposed: float | None
    expected: Estimate
    decision: Decision
    word: str


@dataclass(frozen=True, slots=True)
class FirstScreen:
    """What report, terminal and dashboard show first."""

    headline: str
    gain: str
    """What it brings and how it was checked."""
    rows: tuple[ScreenRow, ...]
    more: str
    """Which segments have no row, or empty."""
    average: Estimate
    """The expected rate of all users; unknown where there is none."""
    sure: tuple[str, ...]
    """How sure it is, a sentence each."""
    chosen: int | None
    """The segment that is sent or tested first."""
    has_ads: bool
    """Whether shares of ads are known at all."""
    outcome: Outcome
    """What the expected rates are of."""

    @property
    def has_rates(self) -> bool:
        """Whether any rate can be expected."""
        return self.has_ads or any(each.expected.is_known for each in self.rows)

    @property
    def is_testable(self) -> bool:
        """Whether a test of clicks can be planned."""
        return self.has_ads and self.average.is_known

    @property
    def rate_name(self) -> str:
        """What the expected rates are, as a heading."""
        return "click rate" if self.outcome.kind == "clicks" else self.outcome.unit

    def commands(self, run_dir: str) -> tuple[tuple[str, str], ...]:
        """Return what to do next, as a word and a command: send, test, why."""
        if self.chosen is None:
            return ()
        which, file = self.chosen, f"segment-{self.chosen}.csv"
        send = f"segmentry export audience {run_dir} --segment {which} --hold-out 10% --out {file}"
        test = f"segmentry plan test {run_dir} --segments {which} --mde 10%"
        tests = [("Test", test)] if self.is_testable else []
        why = ("Why", f"segmentry card {run_dir} --segment {which}")
        return (("Send", send), *tests, why)


def first_screen(summary: Summary) -> FirstScreen:
    """Return the first screen of a run.

    >>> first_screen(summary).headline  # doctest: +SKIP
    'Spend more on segments 5 and 3, less on 6 and 2.'
    """
    order = list(DECISIONS)
    gains = {}
    if summary.spending is not None:
        gains = {e.segment_id: e.gain.value or 0.0 for e in summary.spending.segments}
    ranked = sorted(
        summary.segments,
        key=lambda each: (
            order.index(_decision(each)),
            -gains.get(each.segment_id, 0.0),
            -(each.expected_rate.value or 0.0),
            each.segment_id,
        ),
    )
    shown = [each for each in ranked if not each.is_withheld]
    headline, gain, sure = _headline(ranked, summary), _gain(summary), tuple(_sure(summary))
    n_rows = _n_rows(shown, " ".join((headline, gain, *sure)))
    has_ads = summary.traits.has_clicks
    return FirstScreen(
        headline=headline,
        gain=gain,
        rows=tuple(screen_row(each, summary) for each in shown[:n_rows]),
        more=_without_row(len(shown) - n_rows, len(ranked) - len(shown), summary),
        average=_if_known(summary.population.expected_rate, summary),
        sure=sure,
        chosen=next((e.segment_id for e in shown), None),
        has_ads=has_ads,
        outcome=summary.outcome,
    )


def _n_rows(segments: Sequence[SegmentProfile], texts: str) -> int:
    """Return how many of the first segments have a row: the screen has 150 words."""
    # A number with its unit is one word; a row has up to six next to name and decision.
    words = [
        len(each.name.split()) + len(DECISIONS[_decision(each)].split()) + 6 for each in segments
    ]
    room = _MAX_WORDS - _OTHER_WORDS - len(texts.split(" "))
    if sum(words) <= room:
        return len(words)
    return max(1, sum(total <= room - _MORE_WORDS for total in accumulate(words)))


def _without_row(n_more: int, n_small: int, summary: Summary) -> str:
    """Say how many segments have no row: those after the first, and those of too few users."""
    parts = [f"{_counted(n_more)} below"] if n_more else []
    if n_small:
        least = "" if summary.decisions is None else f"fewer than {summary.decisions.min_size} "
        parts.append(f"{_counted(n_small)} of {least or 'too few '}users")
    return "; ".join(parts)


def _counted(n_segments: int) -> str:
    return f"{n_segments} more segment{'s' if n_segments > 1 else ''}"


def _if_known(rate: Estimate, summary: Summary) -> Estimate:
    """Return the rate unless it is of clicks and the data have none."""
    is_of_clicks = summary.outcome.kind == "clicks"
    return UNKNOWN if is_of_clicks and not summary.is_clicked else rate


def _decision(segment: SegmentProfile) -> Decision:
    return segment.decision or "too_early"


def _headline(ranked: Sequence[SegmentProfile], summary: Summary) -> str:
    of: dict[str, list[int]] = {word: [] for word in DECISIONS}
    for each in ranked:
        of[_decision(each)].append(each.segment_id)
    if summary.traits.has_clicks and not summary.is_clicked:
        return "No ad of this log was clicked: check its column of clicks."
    if len(ranked) == 1 and summary.selection.is_forced:
        return "All users are one segment, as set."
    if len(ranked) == 1:
        return "Treat all users alike: no division of them holds up."
    shown = [each.segment_id for each in ranked if not each.is_withheld]
    if len(shown) == 1:
        return f"Only segment {shown[0]} has enough users to be shown: take fewer segments (--k)."
    if not summary.traits.has_clicks:
        return _headline_of_events(summary)
    if of["spend_more"]:
        return f"Spend more on {_segments(of['spend_more'])}, less on {_ids(of['spend_less'])}."
    if of["test_first"]:
        return f"Test {_segments(of['test_first'])} before you move any budget."
    if of["keep"]:
        return "Keep the budget as is: no segment surely clicks more or less than average."
    return "Too early to tell: later days have not been checked yet."


def _headline_of_events(summary: Summary) -> str:
    """Name the segment that brings most per user, where that can be expected."""
    average, outcome = _if_known(summary.population.expected_rate, summary).value, summary.outcome
    known = [each for each in summary.segments if each.expected_rate.value is not None]
    if not average or not known or outcome.kind == "clicks":
        return "Test before you spend: these data do not show how users respond to ads."
    best = max(known, key=lambda each: (each.expected_rate.value or 0.0, -each.segment_id))
    times = decimal((best.expected_rate.value or 0.0) / average, digits=1)
    what = (
        f"{times} times the value of the average user"
        if outcome.kind == "value"
        else f"{times} times as many days with {outcome.events} as the average user"
    )
    return f"Segment {best.segment_id} brings most: {what}."


def _segments(ids: Sequence[int]) -> str:
    """Return "segments 5, 3 and 2", the first few of them."""
    return f"segment{'s' if len(ids) > 1 else ''} {_ids(ids)}"


def _ids(ids: Sequence[int]) -> str:
    shown = [str(each) for each in ids[:_MAX_NAMED]]
    return listed([*shown, *([f"{len(ids) - _MAX_NAMED} more"] if len(ids) > _MAX_NAMED else [])])


def _gain(summary: Summary) -> str:
    later = summary.validation
    n_days = 0 if later is None else len(later.outcome_weekdays)
    checked = "Not checked on later days."
    if n_days:
        checked = f"Checked on {n_days} later day{'s' if n_days > 1 else ''}, not by a test."
    if not summary.traits.has_clicks:
        n_segments = len(summary.segments)
        divided = f"{n_segments} segment{'s' if n_segments > 1 else ''}"
        users = f"{count(summary.population.n_users)} users, {divided}."
        return f"{users} {checked}" if summary.traits.has_log else users
    shares = _gains(summary.spending)
    if not shares:
        return checked
    low, high = (percent(each.value, digits=0) for each in (shares[0], shares[-1]))
    if low == high:
        return f"{high} more clicks for the same number of ads. {checked}"
    change = f"{low} to {high}" if (shares[0].value or 0.0) > 0 else f"Between {low} and {high}"
    worse, as_well = (interval(each, percent) for each in (shares[0], shares[-1]))
    return (
        f"{change} more clicks for the same ads: {worse} if extra ads to the same users work far "
        f"worse than earlier ones, {as_well} if they work as well "
        f"({percent(0.9, digits=0)} intervals). {checked}"
    )


def _gains(spending: Spending | None) -> list[Estimate]:
    """Return what the plan gains by each wear-out, the least first."""
    wear_out = () if spending is None else spending.wear_out
    known = [each.gain_share for each in wear_out if each.gain_share.value is not None]
    return sorted(known, key=lambda each: each.value or 0.0)


def screen_row(segment: SegmentProfile, summary: Summary) -> ScreenRow:
    """Return what the first screen shows of a segment."""
    decision = _decision(segment)
    parts = {} if summary.spending is None else {e.segment_id: e for e in summary.spending.segments}
    part = parts.get(segment.segment_id)
    is_hidden = segment.is_withheld
    now = None if is_hidden or not summary.traits.has_log else segment.impressions_share
    return ScreenRow(
        segment_id=segment.segment_id,
        name=segment.name,
        share=None if is_hidden else segment.share,
        share_now=now if part is None else part.share_now,
        share_proposed=now if part is None else part.share_proposed,
        expected=_if_known(segment.expected_rate, summary),
        decision=decision,
        word=DECISIONS[decision],
    )


def _sure(summary: Summary) -> list[str]:
    found = []
    k, evidence = len(summary.segments), summary.evidence
    if k > 1 and evidence is not None and evidence.n_groups <= 1:
        chosen = f"the {k} segments are chosen to predict {summary.outcome.events}"
        why = f": {chosen}" if evidence.has_gain else ""
        found.append(f"There are no natural groups{why}.")
    if any(each.is_stable is False for each in summary.segments):
        found.append("Borders are soft: refresh the lists before each campaign.")
    return found
