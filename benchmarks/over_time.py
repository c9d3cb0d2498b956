"""How often alarms ring: generated years with nothing changed, with moves, with a lifted segment.

Users are drawn one by one: kinds with their own click rates, users who differ within a kind, stay
or leave, and are shown more or fewer ads each month. Each month they are placed by frozen cuts of
their shrunk click rate, as a frozen model does, so that luck moves them too. The level of the
days moves by itself. Only the sums that a refresh keeps reach `find_alarms`.

    python benchmarks/over_time.py rates --years 200
    python benchmarks/over_time.py power --years 200
"""

import argparse
import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.stats import beta

from segmentry.lifecycle.alarms import (
    DayFacts,
    FeatureFacts,
    OutcomeFacts,
    PeriodFacts,
    SegmentFacts,
    find_alarms,
    level_of,
    with_ranges,
)

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

SHARES = np.array([0.35, 0.25, 0.2, 0.12, 0.08])  # the second one has 5,000 of 20,000 users
RELATIVE_RATES = np.array([0.6, 1.0, 1.1, 1.8, 2.6])
N_USERS, N_MONTHS, N_DAYS = 20_000, 12, 30
LIFTED = 1
PRIOR_IMPRESSIONS = 30.0  # by which click rates are shrunk
SPREAD_OF_USERS = 0.55  # of a user's own rate around that of the kind, relative
SPREAD_OF_DAYS, ALIKE_DAYS = 0.08, 0.3
LEAVE, CHANGE_KIND, MISSING = 0.08, 0.02, 0.05
MARGIN_RATE = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What is planted: the rate and exposure of all, and what happens to them by month."""

    click_rate: float = 0.05
    exposure: float = 100.0
    level: tuple[float, ...] = (1.0,) * (N_MONTHS + 1)
    lift: tuple[float, ...] = (1.0,) * (N_MONTHS + 1)

    @property
    def rates(self) -> Floats:
        """Click rate of each kind."""
        return np.asarray(self.click_rate * RELATIVE_RATES / (SHARES @ RELATIVE_RATES))


@dataclass(slots=True)
class Users:
    """Users as they are this month; arrays have shape (n_users,)."""

    kind: Integers
    own: Floats  # the user's own rate relative to the kind
    activity: Floats
    age: Integers
    placed: Integers  # by the month before; -1 for those who are new

    @classmethod
    def draw(cls, n: int, rng: np.random.Generator) -> "Users":
        """Draw users who are all new."""
        shape = 1 / SPREAD_OF_USERS**2
        return cls(
            kind=rng.choice(len(SHARES), size=n, p=SHARES),
            own=rng.gamma(shape, 1 / shape, size=n),
            activity=np.exp(rng.normal(-0.32, 0.8, size=n)),
            age=rng.binomial(6, 0.5, size=n),
            placed=np.full(n, -1),
        )

    def live_on(self, placed: Integers, rng: np.random.Generator) -> None:
        """Note where the users are, then let some leave for new ones and some change their kind."""
        n = len(self.kind)
        self.placed = placed
        changes = rng.random(n) < CHANGE_KIND
        self.kind = np.where(changes, rng.choice(len(SHARES), size=n, p=SHARES), self.kind)
        new = Users.draw(n, rng)
        leaves = rng.random(n) < LEAVE
        for name in ("kind", "own", "activity", "age", "placed"):
            setattr(self, name, np.where(leaves, getattr(new, name), getattr(self, name)))


def month_of(
    users: Users, world: World, month: int, rng: np.random.Generator
) -> tuple[Integers, Integers, tuple[DayFacts, ...]]:
    """Draw impressions and clicks of each user and the totals of the days."""
    moves = np.zeros(N_DAYS)
    noise = rng.normal(0, SPREAD_OF_DAYS * math.sqrt(1 - ALIKE_DAYS**2), N_DAYS)
    moves[0] = rng.normal(0, SPREAD_OF_DAYS)
    for day in range(1, N_DAYS):
        moves[day] = ALIKE_DAYS * moves[day - 1] + noise[day]
    by_day = world.level[month] * np.exp(moves)
    trials, successes = _draw(users, world, float(by_day.mean()), world.lift[month], rng)
    shown = rng.multinomial(trials.sum(), np.full(N_DAYS, 1 / N_DAYS))
    clicked = rng.multinomial(successes.sum(), by_day / by_day.sum())
    days = tuple(
        DayFacts(n_trials=float(n), n_successes=float(s))
        for n, s in zip(shown, clicked, strict=True)
    )
    return trials, successes, days


def _draw(
    users: Users, world: World, level: float, lift: float, rng: np.random.Generator
) -> tuple[Integers, Integers]:
    shown = users.activity * rng.gamma(4, 1 / 4, len(users.kind)) * world.exposure
    trials = 1 + rng.poisson(shown)
    chance = world.rates[users.kind] * users.own * level
    chance *= np.where(users.placed == LIFTED, lift, 1.0)
    return trials, rng.binomial(trials, np.minimum(chance, 0.95))


@dataclass(frozen=True, slots=True)
class Model:
    """What is frozen, from 20 times the users: cut points, and rates of those placed before."""

    cuts: Floats
    rates: Floats
    edges: Floats
    prior: float

    def place(self, trials: Integers, successes: Integers | Floats) -> Integers:
        """Return the segment of each user by the shrunk click rate."""
        return np.searchsorted(self.cuts, _shrunk(trials, successes, self.prior), side="right")


def _shrunk(trials: Integers, successes: Integers | Floats, prior: float) -> Floats:
    return np.asarray((successes + prior * PRIOR_IMPRESSIONS) / (trials + PRIOR_IMPRESSIONS))


def freeze(world: World) -> Model:
    """Form the segments in one month and see what their users do in the next one."""
    rng = np.random.default_rng(0)
    users = Users.draw(20 * N_USERS, rng)
    trials, successes = _draw(users, world, 1.0, 1.0, rng)
    prior = successes.sum() / trials.sum()
    cuts = np.quantile(_shrunk(trials, successes, prior), np.cumsum(SHARES)[:-1])
    model = Model(cuts, np.zeros(0), np.quantile(trials, np.arange(1, 10) / 10), prior)
    users.live_on(model.place(trials, successes), rng)
    trials, successes = _draw(users, world, 1.0, 1.0, rng)
    inside = [users.placed == segment for segment in range(len(SHARES))]
    rates = np.array([successes[rows].sum() / trials[rows].sum() for rows in inside])
    return replace(model, rates=rates)


def year(world: World, model: Model, rng: np.random.Generator) -> tuple[PeriodFacts, ...]:
    """Return the counts of the forming month and of the twelve that follow."""
    users = Users.draw(N_USERS, rng)
    users.live_on(model.place(*_draw(users, world, 1.0, 1.0, rng)), rng)
    forecast: tuple[tuple[float, float], ...] = ()
    periods: tuple[PeriodFacts, ...] = ()
    for month in range(N_MONTHS + 1):
        trials, successes, days = month_of(users, world, month, rng)
        outcomes = [
            OutcomeFacts.of(successes=successes[rows], trials=trials[rows])
            for rows in (users.placed == segment for segment in range(len(SHARES)))
        ]
        if month == 0:
            errors = [
                rate * math.sqrt(facts.relative_variance or 0.0)
                for rate, facts in zip(model.rates, outcomes, strict=True)
            ]
            forecast = tuple(zip(model.rates + rng.normal(0, errors), errors, strict=True))
        placed = model.place(trials, successes)
        now = PeriodFacts(
            start=month * N_DAYS * 86_400,
            end=(month + 1) * N_DAYS * 86_400,
            model="first",
            n_users=len(placed),
            segments=tuple(
                SegmentFacts(
                    key=str(segment),
                    n_users=int((placed == segment).sum()),
                    outcome=outcomes[segment],
                    expected_rate=float(forecast[segment][0]),
                    expected_error=float(forecast[segment][1]),
                )
                for segment in range(len(SHARES))
            ),
            days=days,
            features=(
                _feature("impressions", np.searchsorted(model.edges, trials), 10, rng),
                _feature("age", users.age, 7, rng),
            ),
        )
        level, *limits = level_of(now) or (1.0, 1.0)
        now = with_ranges(now, [1 + model.place(trials, successes / each) for each in limits])
        periods = (*periods, now)
        users.live_on(model.place(trials, successes / level), rng)
    return periods


def _feature(name: str, bins: Integers, n_bins: int, rng: np.random.Generator) -> FeatureFacts:
    known = bins[rng.random(len(bins)) >= MISSING]
    counts = np.bincount(known, minlength=n_bins)
    return FeatureFacts(
        name=name, bins=tuple(int(n) for n in counts), n_missing=len(bins) - len(known)
    )


def at_most(found: int, n: int) -> float:
    """Upper bound of a share, one-sided 95 % (Clopper-Pearson)."""
    return 1.0 if found == n else float(beta.ppf(0.95, found + 1, n - found))


def at_least(found: int, n: int) -> float:
    """Lower bound of a share, one-sided 95 % (Clopper-Pearson)."""
    return 0.0 if found == 0 else float(beta.ppf(0.05, found, n - found + 1))


def rates(seeds: range) -> bool:
    """Print how often alarms ring where they should not; True if every promise holds."""
    season = tuple(1 + 0.2 * math.sin(2 * math.pi * month / 12) for month in range(13))
    step = (1.0,) * 4 + (1.3,) * 9
    fall = tuple(0.96**month for month in range(13))
    worlds = {
        "nothing changed": World(),
        "nothing changed, CTR 1 %, 20 ads": World(click_rate=0.01, exposure=20),
        "nothing changed, CTR 1 %, 5 ads": World(click_rate=0.01, exposure=5),
        "level: a season of 20 %": World(level=season),
        "level: 30 % up in month 4": World(level=step),
        "level: down 4 % a month": World(level=fall),
    }
    print("| world | any alarm | level | a rate | the mix | features | bound of false alarms |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    kept = True
    for name, world in worlds.items():
        model = freeze(world)
        codes = [
            {alarm.code for alarm in find_alarms(year(world, model, rng))}
            for rng in (np.random.default_rng([7, seed]) for seed in seeds)
        ]
        is_null = name.startswith("nothing")
        false = sum(bool(found - (set() if is_null else {"level_moved"})) for found in codes)
        bound = at_most(false, len(seeds))
        kept &= bound <= MARGIN_RATE
        counts = [
            sum(map(bool, codes)),
            *(
                sum(code in found for found in codes)
                for code in (
                    "level_moved",
                    "segment_rate_changed",
                    "mix_changed",
                    "feature_shifted",
                )
            ),
        ]
        print(f"| {name} | " + " | ".join(map(str, counts)) + f" | {bound:.1%} |", flush=True)
    return kept


def power(seeds: range) -> bool:
    """Print how often a change of a segment's rate is found within two months."""
    print("| CTR | ads per user and month | change | found | lower bound | other segments named |")
    print("|---:|---:|---:|---:|---:|---:|")
    kept = True
    for click_rate, exposure in ((0.05, 100), (0.05, 25), (0.02, 50), (0.01, 100)):
        base = World(click_rate=click_rate, exposure=exposure)
        model = freeze(base)
        for size in (0.2, -0.2, 0.1, -0.1):
            found = wrong = 0
            for seed in seeds:
                rng = np.random.default_rng([8, seed])
                world = replace(base, lift=(1.0,) * 3 + (1 + size,) * (N_MONTHS - 2))
                months = year(world, model, rng)[:5]
                named = {a.name for a in find_alarms(months) if a.code == "segment_rate_changed"}
                found += str(LIFTED) in named
                wrong += bool(named - {str(LIFTED)})
            bound = at_least(found, len(seeds))
            if (click_rate, exposure, abs(size)) == (0.05, 100, 0.2):
                kept &= bound >= 0.9
            print(
                f"| {click_rate:.0%} | {exposure} | {size:+.0%} | {found / len(seeds):.1%} | "
                f"{bound:.1%} | {wrong} |",
                flush=True,
            )
    return kept


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("rates", "power"))
    parser.add_argument("--years", type=int, default=200, help="years of each world")
    parser.add_argument("--first", type=int, default=0, help="first seed")
    options = parser.parse_args()
    seeds = range(options.first, options.first + options.years)
    if not {"rates": rates, "power": power}[options.what](seeds):
        raise SystemExit("A promise is not kept.")


if __name__ == "__main__":
    main()
