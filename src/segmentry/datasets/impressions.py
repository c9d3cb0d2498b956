"""The ad log: which ads each user is shown, when and where, and which of them are clicked."""

import math
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import expit, logit

from segmentry.datasets.catalogue import Catalogue
from segmentry.datasets.categories import TasteUrns, draw_items
from segmentry.datasets.levels import OVERALL_CTR
from segmentry.datasets.population import Population
from segmentry.datasets.quotas import Floats, Integers

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
_SECOND_BITS = 22  # a month of seconds


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
    key = np.repeat(np.arange(len(counts), dtype=np.int64) << _SECOND_BITS, counts)
    key |= burst_seconds[burst]
    key.sort()
    return key & ((1 << _SECOND_BITS) - 1)


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


PIDS = ("430548_1007", "430539_1007")
SECOND_PID_SHARE = 0.38
PID_CTR = (5.01 / 5.144, 5.36 / 5.144)
# An ad is an ad shown before, drawn from the user's earlier impressions, with this chance: the
# counts of user-ad pairs then follow Simon's law, which meets the published ones.
REPEAT_CHANCE = 0.135
REPEAT_CTR = 0.85
NIGHT_CTR = 0.96  # from 23:00 to 7:00 local time; the published hourly CTR is nearly flat
MAX_REDRAWS = 20
_AD_BITS, _TIME_BITS = 24, 22


@dataclass(frozen=True, slots=True)
class LogWindow:
    """When the ad log begins, in epoch seconds at a local midnight, and how long it is."""

    start: int = LOG_START
    seconds: int = LOG_SECONDS

    @property
    def n_days(self) -> int:
        """Local days, the last one perhaps not whole."""
        return -(-self.seconds // 86_400)


@dataclass(frozen=True, slots=True)
class Effects:
    """Planted effects on the odds of a click, the same for all users."""

    fatigue: float
    tastes: float
    day_shift: Floats  # one per local day, on the logit scale
    is_null: bool


@dataclass(frozen=True, slots=True)
class Exposures:
    """Shown ads of some users, user after user and by time; arrays have shape (n_rows,).

    `user` is the number of the user in the population, `position` is 1 + the user's impressions in
    earlier seconds, `ad` is the number of the ad in the catalogue.
    """

    counts: Integers
    user: Integers
    seconds: Integers
    position: Integers
    ad: NDArray[np.int32]
    is_repeat: NDArray[np.bool_]
    pid: NDArray[np.int8]


def draw_exposures(
    population: Population,
    users: slice,
    urns: TasteUrns,
    rng: np.random.Generator,
    *,
    window: LogWindow,
) -> Exposures:
    """Draw all impressions of a slice of the users."""
    counts = population.n_impressions[users]
    starts = np.cumsum(counts) - counts
    local = np.repeat(np.arange(len(counts)), counts)
    seconds = draw_seconds(counts, span=window.seconds, rng=rng)
    row = np.arange(len(local))
    opens_second = np.ones(len(local), dtype=np.bool_)
    opens_second[1:] = (np.diff(seconds) != 0) | (np.diff(local) != 0)
    second_start = np.maximum.accumulate(np.where(opens_second, row, 0))
    group = population.taste_group[users][local]
    source = _draw_sources(starts[local], second_start, rng)
    ad = draw_items(urns, group, rng)[source]
    _redraw_doubles(ad, local=local, seconds=seconds, group=group, urns=urns, rng=rng)
    return Exposures(
        counts=counts,
        user=local + users.start,
        seconds=seconds,
        position=second_start - starts[local] + 1,
        ad=ad,
        is_repeat=source != row,
        pid=(rng.random(len(row), dtype=np.float32) < SECOND_PID_SHARE).astype(np.int8),
    )


def click_logits(
    exposures: Exposures, population: Population, catalogue: Catalogue, effects: Effects
) -> NDArray[np.float32]:
    """Return the logit of each impression's click probability, before the common offset."""
    logits: NDArray[np.float32] = logit(population.ctr).astype(np.float32)[exposures.user]
    if effects.is_null:
        return logits
    logits += catalogue.appeal[exposures.ad]
    logits += np.log(PID_CTR).astype(np.float32)[exposures.pid]
    logits += np.where(exposures.is_repeat, np.float32(math.log(REPEAT_CTR)), np.float32(0))
    logits += _clock_effect(effects)[exposures.seconds // 3600]
    if effects.fatigue > 0:
        logits -= np.float32(effects.fatigue) * np.log(exposures.position.astype(np.float32))
    if effects.tastes > 0:
        is_own = catalogue.taste_group[exposures.ad] == population.taste_group[exposures.user]
        logits += np.float32(effects.tastes) * is_own
    return logits


def find_offset(logits: NDArray[np.float32], expected: NDArray[np.float64]) -> float:
    """Find the shift of all logits that gives the mean CTR `expected` has, by bisection."""
    wanted = float(expected.mean())
    low, high = -15.0, 15.0
    for _ in range(40):
        middle = (low + high) / 2
        if float(expit(logits + np.float32(middle)).mean(dtype=np.float64)) < wanted:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def click_probabilities(
    logits: NDArray[np.float32], offset: float, effects: Effects
) -> NDArray[np.float32]:
    """Return the probability of a click for each impression."""
    if effects.is_null:
        return np.full(len(logits), OVERALL_CTR, dtype=np.float32)
    return np.asarray(expit(logits + np.float32(offset)), dtype=np.float32)


def draw_nearer(exposures: Exposures, is_click: NDArray[np.bool_], share: float) -> Exposures:
    """Shorten the gap after each second with a click, and bring forward all that follows."""
    user, seconds = exposures.user, exposures.seconds
    is_first = np.diff(user, prepend=-1) != 0
    opens_second = is_first | (np.diff(seconds, prepend=-1) != 0)
    opening = np.flatnonzero(opens_second)
    clicked = np.logical_or.reduceat(is_click, opening)
    gap = np.diff(seconds[opening], prepend=0)
    is_after = np.append(False, clicked[:-1]) & ~is_first[opening]
    # A gap of one second stays: seconds never fall together.
    shorter = np.cumsum(np.where(is_after, ((gap - 1) * share).astype(np.int64), 0))
    moment = np.cumsum(opens_second) - 1
    of_first = np.maximum.accumulate(np.where(is_first, moment, 0))
    return replace(exposures, seconds=seconds - (shorter[moment] - shorter[of_first]))


def log_rows(
    exposures: Exposures,
    is_click: NDArray[np.bool_],
    population: Population,
    catalogue: Catalogue,
    rng: np.random.Generator,
    *,
    window: LogWindow,
) -> pl.DataFrame:
    """Put impressions in random order and in the columns of ``raw_sample.csv``."""
    order = rng.permutation(len(is_click))
    clicked = is_click[order].astype(np.int8)
    pid = pl.Series(exposures.pid[order]).replace_strict(
        {0: PIDS[0], 1: PIDS[1]}, return_dtype=pl.Enum(PIDS)
    )
    return pl.DataFrame(
        {
            "user": population.user_id[exposures.user[order]],
            "time_stamp": exposures.seconds[order] + window.start,
            "adgroup_id": catalogue.adgroup_id[exposures.ad[order]],
            "pid": pid,
            "nonclk": 1 - clicked,
            "clk": clicked,
        }
    )


def _draw_sources(start: Integers, second_start: Integers, rng: np.random.Generator) -> Integers:
    """Return for each row the row whose ad it shows: itself, or one of an earlier second.

    Only earlier seconds, for the real log has no duplicate rows.
    """
    n = len(start)
    row = np.arange(n)
    n_earlier = second_start - start
    repeats = (n_earlier > 0) & (rng.random(n, dtype=np.float32) < REPEAT_CHANCE)
    earlier = start + (rng.random(n) * n_earlier).astype(np.int64)
    source = np.where(repeats, earlier, row)
    while True:
        further = source[source]
        if np.array_equal(further, source):
            return source
        source = further


def _redraw_doubles(
    ad: NDArray[np.int32],
    *,
    local: Integers,
    seconds: Integers,
    group: NDArray[np.int8],
    urns: TasteUrns,
    rng: np.random.Generator,
) -> None:
    """Draw another ad, in place, where a user has the same ad twice in one second."""
    same = np.flatnonzero((np.diff(seconds) == 0) & (np.diff(local) == 0))
    is_in_doubt = np.zeros(len(local), dtype=bool)
    is_in_doubt[same] = is_in_doubt[same + 1] = True
    rows = np.flatnonzero(is_in_doubt)
    place = (local[rows] << (_TIME_BITS + _AD_BITS)) | (seconds[rows] << _AD_BITS)
    for _ in range(MAX_REDRAWS):
        key = place | ad[rows]
        order = np.argsort(key, kind="stable")
        doubles = rows[order[1:][np.diff(key[order]) == 0]]
        if len(doubles) == 0:
            return
        ad[doubles] = draw_items(urns, group[doubles], rng)


def _clock_effect(effects: Effects) -> NDArray[np.float32]:
    """Return the shift of the logit for each local hour of the window."""
    n_days = len(effects.day_shift)
    hour = np.arange(n_days * 24) % 24
    is_night = (hour == 23) | (hour < 7)
    shift = np.where(is_night, math.log(NIGHT_CTR), 0.0) + np.repeat(effects.day_shift, 24)
    return shift.astype(np.float32)
