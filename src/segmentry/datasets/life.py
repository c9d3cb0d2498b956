"""The life of users over months: who joins, leaves and changes, and what moves the clicks."""

import calendar
import datetime as dt
import json
import math
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import expit, logit

from segmentry.datasets.impressions import LOG_SECONDS, UTC_OFFSET_HOURS, LogWindow
from segmentry.datasets.levels import BEHAVIOURS, KINDS, NULL_BEHAVIOUR, SPLIT_INTO, SPLIT_KIND
from segmentry.datasets.options import GeneratorOptions
from segmentry.datasets.population import Population, draw_population
from segmentry.datasets.quotas import Floats, Integers
from segmentry.schema import SECONDS_PER_DAY

LIFE = "planted_life.json"
FIRST_MONTH = (2017, 5)
LEAVE_SHARE, CHANGE_SHARE = 0.06, 0.03  # of the users of a month; as many join as leave
LEVEL_PER_MONTH = -0.02  # of the logit CTR
SEASON, SEASON_PEAK = 0.10, 11  # of the logit CTR, highest in November
CAMPAIGN_KIND, CAMPAIGN_ODDS = "steady", 1.35
EXPOSURE_PER_SCORE = 1.2  # logarithm of impressions per unit of a behaviour's exposure
MONTHLY_SHAPE = 4.0  # of the gamma by which a user's exposure differs between months
ABSENT = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthTruth:
    """What is planted in one month; counts are against the month before."""

    name: str
    window: LogWindow
    level: float
    """Shift of the logit CTR of all users."""
    campaign: str | None
    """Behaviour whose odds of a click a campaign multiplies by `CAMPAIGN_ODDS`, in this month."""
    split: str | None
    """Behaviour that splits in this month."""
    n_users: int
    n_joined: int
    n_left: int
    n_changed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """All users who are ever there, and their behaviour by month.

    `kinds` has shape (n_months, n_ever): the number of the behaviour, `ABSENT` before and after.
    """

    months: tuple[MonthTruth, ...]
    everybody: Population
    kinds: NDArray[np.int8]
    seed: int
    is_null: bool

    def population_of(self, number: int) -> Population:
        """Return the users who are shown an ad in a month, with their counts and click rates."""
        month, kind = self.months[number], self.kinds[number]
        rng = np.random.default_rng([self.seed, number])
        base = self.everybody
        typical = np.array([each.exposure for each in KINDS])
        now = np.maximum(kind, 0)
        lean = EXPOSURE_PER_SCORE * (typical[now] - typical[base.behaviour])
        if self.is_null:
            lean = np.zeros_like(lean)
        length = month.window.seconds / LOG_SECONDS
        luck = rng.gamma(MONTHLY_SHAPE, 1 / MONTHLY_SHAPE, size=len(kind))
        counts: Integers = rng.poisson(base.n_impressions * np.exp(lean) * length * luck)
        shown = np.flatnonzero((kind != ABSENT) & (counts > 0))
        has_profile = np.isin(base.profiled_id, base.user_id[shown])
        demography = replace(
            base.demography,
            **{
                field.name: getattr(base.demography, field.name)[has_profile]
                for field in fields(base.demography)
            },
        )
        return Population(
            user_id=base.user_id[shown],
            profiled_id=base.profiled_id[has_profile],
            demography=demography,
            behaviour=now[shown],
            taste_group=base.taste_group[shown],
            n_impressions=counts[shown],
            ctr=self._rates(number)[shown],
        )

    def _rates(self, number: int) -> Floats:
        """Return the users' own click rates: that of birth, moved with the behaviour."""
        base, kind = self.everybody, np.maximum(self.kinds[number], 0)
        if self.is_null:
            return base.ctr
        typical = logit(np.array([each.ctr for each in KINDS]))
        shift = typical[kind] - typical[base.behaviour]
        campaign = self.months[number].campaign
        if campaign is not None:
            shift += math.log(CAMPAIGN_ODDS) * (kind == _number(campaign))
        return np.asarray(expit(logit(base.ctr) + shift), dtype=np.float64)

    def write(self, directory: Path) -> tuple[Path, Path]:
        """Write what was planted as JSON, and the spells of each user's behaviour as Parquet."""
        truth, spells = directory / LIFE, directory / "planted_life.parquet"
        content: dict[str, Any] = {
            "months": [asdict(month) for month in self.months],
            "campaign_odds": CAMPAIGN_ODDS,
            "split_into": [kind.name for kind in SPLIT_INTO],
        }
        truth.write_text(json.dumps(content, indent=1) + "\n")
        self._spells().write_parquet(spells)
        return truth, spells

    def _spells(self) -> pl.DataFrame:
        """Return one row for each stretch of months in which a user had one behaviour."""
        days = [dt.date.fromisoformat(f"{each.name}-01") for each in self.months]
        names = [NULL_BEHAVIOUR if self.is_null else kind.name for kind in KINDS]
        before = np.vstack([np.full_like(self.kinds[:1], ABSENT), self.kinds[:-1]])
        month, user = np.nonzero((self.kinds != before) & (self.kinds != ABSENT))
        is_there = self.kinds != ABSENT
        gone = len(self.months) - np.argmax(is_there[::-1], axis=0)  # who left never comes back
        table = pl.DataFrame(
            {
                "user_id": self.everybody.user_id[user],
                "behaviour": [names[kind] for kind in self.kinds[month, user]],
                "valid_from": [days[number] for number in month],
                "gone": pl.Series([*days, None], dtype=pl.Date)[gone[user]],
            }
        ).sort("user_id", "valid_from")
        next_start = pl.col("valid_from").shift(-1).over("user_id")
        return table.select(
            "user_id", "behaviour", "valid_from", valid_to=pl.coalesce(next_start, "gone")
        )


def draw_life(
    options: GeneratorOptions, *, n_months: int, has_life: bool, rng: np.random.Generator
) -> Life:
    """Draw who is there in which month with which behaviour, and what is planted.

    Users of a null log join and leave, and have no behaviours that could change.
    """
    n_joining = round(LEAVE_SHARE * options.n_users) if has_life else 0
    n_ever = options.n_users + n_joining * (n_months - 1)
    everybody = draw_population(replace(options, n_users=n_ever), rng)
    splits_in = n_months // 2 if has_life and not options.null else None
    kinds = np.full((n_months, n_ever), ABSENT, dtype=np.int8)
    kinds[0, : options.n_users] = everybody.behaviour[: options.n_users]
    for number in range(1, n_months):
        kinds[number] = kinds[number - 1]
        if has_life:
            _live_on(kinds[number], everybody.behaviour, options, number, rng)
        if splits_in is not None and number >= splits_in:
            _split(kinds[number], rng)
    has_changes = has_life and not options.null
    return Life(
        months=tuple(
            _month_truth(kinds, number, splits_in if has_changes else None, has_changes=has_changes)
            for number in range(n_months)
        ),
        everybody=everybody,
        kinds=kinds,
        seed=options.seed,
        is_null=options.null,
    )


def _live_on(
    kind: NDArray[np.int8],
    born_as: NDArray[np.int8],
    options: GeneratorOptions,
    number: int,
    rng: np.random.Generator,
) -> None:
    """Let some leave and change, in place, and the next ones join."""
    there = kind != ABSENT
    luck = rng.random(len(kind))
    if not options.null:
        changing = there & (luck > 1 - CHANGE_SHARE)
        shares = np.array([each.share for each in BEHAVIOURS])
        kind[changing] = rng.choice(len(BEHAVIOURS), int(changing.sum()), p=shares / shares.sum())
    kind[there & (luck < LEAVE_SHARE)] = ABSENT
    n_joining = round(LEAVE_SHARE * options.n_users)
    start = options.n_users + n_joining * (number - 1)
    joining = slice(start, start + n_joining)
    kind[joining] = born_as[joining]


def _split(kind: NDArray[np.int8], rng: np.random.Generator) -> None:
    """Turn all who have the behaviour that splits, in place, into one of its two heirs."""
    splitting = np.flatnonzero(kind == _number(SPLIT_KIND))
    kind[splitting] = len(BEHAVIOURS) + rng.integers(len(SPLIT_INTO), size=len(splitting))


def _month_truth(
    kinds: NDArray[np.int8], number: int, splits_in: int | None, *, has_changes: bool
) -> MonthTruth:
    now = kinds[number]
    before = kinds[number - 1] if number else now
    was, stays = before != ABSENT, now != ABSENT
    window, name, month = _calendar(number)
    season = SEASON * (_season(month) - _season(FIRST_MONTH[1]))
    return MonthTruth(
        name=name,
        window=window,
        level=LEVEL_PER_MONTH * number + season if has_changes else 0.0,
        campaign=CAMPAIGN_KIND if has_changes and number == len(kinds) // 3 else None,
        split=SPLIT_KIND if number == splits_in else None,
        n_users=int(stays.sum()),
        n_joined=int((stays & ~was).sum()),
        n_left=int((was & ~stays).sum()),
        n_changed=int((was & stays & (before != now)).sum()),
    )


def _season(month: int) -> float:
    return math.cos(2 * math.pi * (month - SEASON_PEAK) / 12)


def _calendar(number: int) -> tuple[LogWindow, str, int]:
    """Return the window, the name and the number in the year of month 0, 1, ... of a log."""
    year, month = divmod(12 * FIRST_MONTH[0] + FIRST_MONTH[1] - 1 + number, 12)
    month += 1
    zone = dt.timezone(dt.timedelta(hours=UTC_OFFSET_HOURS))
    start = int(dt.datetime(year, month, 1, tzinfo=zone).timestamp())
    n_days = calendar.monthrange(year, month)[1]
    return LogWindow(start, n_days * SECONDS_PER_DAY), f"{year}-{month:02}", month


def _number(behaviour: str) -> int:
    return [kind.name for kind in KINDS].index(behaviour)
