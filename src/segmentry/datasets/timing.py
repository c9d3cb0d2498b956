"""When things happen: visits by hour of the day, bursts that share one second."""

import numpy as np
from numpy.typing import NDArray

from segmentry.datasets.quotas import Integers

LOG_START = 1_494_000_000  # 2017-05-06 00:00 UTC+8
LOG_SECONDS = 691_187  # the real log ends at 1494691186, 13 seconds before midnight
BEHAVIOUR_START = LOG_START - 14 * 86_400  # 2017-04-22 00:00 UTC+8
BEHAVIOUR_SECONDS = 22 * 86_400

# Hundredths of a per cent of the impressions by UTC hour 0..23, as published.
UTC_HOUR_SHARES = (
    *(392, 464, 540, 526, 567, 579, 553, 545, 533, 497, 455, 493),
    *(593, 710, 730, 531, 299, 146, 79, 52, 50, 101, 239, 328),
)
UTC_OFFSET_HOURS = 8

NEW_BURST = 0.4  # else the event shares its second with the one before
NEW_VISIT = 0.45  # else a burst follows the one before within about a minute
GAP_SECONDS = 45.0
_TIME_BITS = 21  # 22 days of seconds


def draw_seconds(counts: Integers, *, span: int, rng: np.random.Generator) -> Integers:
    """Draw when each user's events happen.

    `counts`, shape (n_users,), are events per user, each at least 1; the window is `span` seconds
    long and starts at a local midnight. Seconds since then are returned, shape (counts.sum(),),
    user after user, rising within each user.
    """
    n_events = int(counts.sum())
    is_first = np.zeros(n_events, dtype=np.bool_)
    is_first[np.cumsum(counts) - counts] = True
    opens_burst = is_first | (rng.random(n_events, dtype=np.float32) < NEW_BURST)
    burst_seconds = _draw_burst_seconds(is_first[opens_burst], span, rng)
    burst = np.cumsum(opens_burst) - 1
    key = np.repeat(np.arange(len(counts), dtype=np.int64) << _TIME_BITS, counts)
    key |= burst_seconds[burst]
    key.sort()
    return key & ((1 << _TIME_BITS) - 1)


def _draw_burst_seconds(
    is_users_first: NDArray[np.bool_], span: int, rng: np.random.Generator
) -> Integers:
    n_bursts = len(is_users_first)
    opens_visit = is_users_first | (rng.random(n_bursts, dtype=np.float32) < NEW_VISIT)
    visit = np.cumsum(opens_visit) - 1
    gaps = 1 + (GAP_SECONDS * rng.standard_exponential(n_bursts, dtype=np.float32)).astype(np.int64)
    elapsed = np.cumsum(gaps)
    elapsed -= elapsed[opens_visit][visit]
    starts = _draw_visit_starts(int(visit[-1]) + 1, span, rng)
    seconds: Integers = (starts[visit] + elapsed) % span
    return seconds


def _draw_visit_starts(n: int, span: int, rng: np.random.Generator) -> Integers:
    local_hour_shares = np.roll(UTC_HOUR_SHARES, UTC_OFFSET_HOURS)
    hours = np.repeat(np.arange(24), local_hour_shares)
    hour = hours[rng.integers(len(hours), size=n)]
    n_days = -(-span // 86_400)
    return (rng.integers(n_days, size=n) * 24 + hour) * 3600 + rng.integers(3600, size=n)
