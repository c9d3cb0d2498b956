"""A summary of the third window after the segments were formed, by hand."""

from dataclasses import replace

from segmentry.lifecycle.alarms import (
    DayFacts,
    FeatureFacts,
    OutcomeFacts,
    PeriodFacts,
    SegmentFacts,
    WindowCounts,
    show_windows,
)
from segmentry.lifecycle.records import ChangeReport, Decision, Flow, Moves, SegmentChange

MONTH = 30 * 86_400
START = 1_493_568_000
KEYS = ("k2aa", "k3bb", "k4cc")
RATES = (0.03, 0.05, 0.12)
LIFTS = (1.0, 1.0, 1.3)
SIZES = ((5_000, 3_000, 2_000), (5_020, 2_960, 2_020), (4_200, 3_800, 2_000))


def outcome(n_users, rate):
    n = 100 * n_users
    return OutcomeFacts(
        n_users=n_users,
        n_trials=n,
        n_successes=rate * n,
        sum_squared_successes=n_users * ((100 * rate) ** 2 * 1.2 + 100 * rate),
        sum_product=rate * 100 * n,
        sum_squared_trials=100 * n,
    )


def window(number, *, lifts=(1.0, 1.0, 1.0)):
    return PeriodFacts(
        start=START + number * MONTH,
        end=START + (number + 1) * MONTH,
        model="1496160000",
        n_users=10_000,
        segments=tuple(
            SegmentFacts(
                key=key,
                n_users=n,
                outcome=outcome(n, rate * lift),
                expected_rate=rate,
                expected_error=0.01 * rate,
            )
            for key, n, rate, lift in zip(KEYS, SIZES[number], RATES, lifts, strict=True)
        ),
        days=tuple(DayFacts(n_trials=1e5, n_successes=5e3 + 100 * (n % 3)) for n in range(30)),
        features=(FeatureFacts(name="n_impressions", bins=(4_000, 5_900), n_missing=100),),
    )


def coloured(summary, numbers):
    """Return a summary of a refit whose segments are coloured by these numbers."""
    return replace(summary, changes=replace(_CHANGES, colours=tuple(numbers)))


_CHANGES = ChangeReport(
    earlier="june",
    earlier_starts_at=START,
    earlier_ends_at=START + MONTH,
    starts_at=START + MONTH,
    ends_at=START + 2 * MONTH,
    decision=Decision("refit", "asked for"),
    segments=(),
    moves=Moves(
        n_both=9_410, n_new=590, n_absent=610, n_placed=10_000, n_by_users=910, n_by_model=0,
        by_users=(), by_model=(),
    ),
)  # fmt: skip


def with_windows(summary):
    """Return a summary of three segments with two later windows, in the last of which users move.

    The third segment has clicked 30 % more in both.
    """
    periods = (window(0), window(1, lifts=LIFTS), window(2, lifts=LIFTS))
    over_time = show_windows(WindowCounts(periods=periods), min_size=50)
    flows = (
        Flow("k2aa", "k2aa", 3_900),
        Flow("k2aa", "k3bb", 900),
        Flow("k3bb", "k3bb", 2_700),
        Flow("k3bb", "k2aa", None),
        Flow("k4cc", "k4cc", 1_900),
    )
    changes = ChangeReport(
        earlier="june",
        earlier_starts_at=over_time.windows[1].start,
        earlier_ends_at=over_time.windows[1].end,
        starts_at=over_time.windows[2].start,
        ends_at=over_time.windows[2].end,
        decision=Decision("ask", "alarm"),
        segments=tuple(
            SegmentChange(key, segment.name, "kept", 1_000, jaccard=0.8)
            for key, segment in zip(KEYS, summary.segments, strict=True)
        ),
        moves=Moves(
            n_both=9_410, n_new=590, n_absent=610, n_placed=10_000, n_by_users=910, n_by_model=0,
            n_by_luck=840, by_users=flows, by_model=flows,
        ),
    )  # fmt: skip
    segments = tuple(
        replace(segment, segment_key=key)
        for key, segment in zip(KEYS, summary.segments, strict=True)
    )
    return replace(summary, segments=segments, changes=changes, over_time=over_time)
