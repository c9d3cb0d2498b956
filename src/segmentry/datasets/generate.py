"""The generator: users and ads first, then the log chunk by chunk."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segmentry.datasets.behaviour_log import behaviour_rows, user_chunks
from segmentry.datasets.catalogue import Catalogue, ad_rows, draw_catalogue
from segmentry.datasets.categories import Categories, TasteUrns, draw_categories, fill_taste_urns
from segmentry.datasets.impressions import (
    Effects,
    LogWindow,
    click_logits,
    click_probabilities,
    draw_exposures,
    draw_nearer,
    find_offset,
    log_rows,
)
from segmentry.datasets.life import LIFE, draw_life
from segmentry.datasets.options import (
    GeneratedData,
    GeneratedMonths,
    GeneratorOptions,
    check_months,
)
from segmentry.datasets.population import (
    Population,
    draw_behaviour_counts,
    draw_population,
    profile_rows,
    truth_rows,
)
from segmentry.datasets.quotas import Floats, Integers
from segmentry.datasets.staging import (
    ADS,
    BEHAVIOUR_LOG,
    LOG,
    PROFILES,
    TRUTH,
    append_csv,
    remove_generated,
    staged,
)
from segmentry.results.elsewhere import takes_places

Progress = Callable[[int, int], None]

CHUNK_USERS = 40_000  # about 930,000 impressions
PILOT_USERS = 20_000
URN_SLOTS_PER_AD = 20
BROWSED_URN_SLOTS = 1 << 18

# One random stream per purpose, so that one option never changes what another one draws.
_USERS, _CATEGORIES, _ADS, _DAYS, _PILOT, _LOG, _BROWSING, _LIFE = range(8)
_MONTH_BITS = 32  # months have the streams of chunks far beyond those of the first one


@dataclass(frozen=True, slots=True, kw_only=True)
class _World:
    """All that the chunks of the logs share; `month` counts from 0."""

    options: GeneratorOptions
    population: Population
    categories: Categories
    catalogue: Catalogue
    effects: Effects
    urns: TasteUrns
    window: LogWindow = field(default_factory=LogWindow)
    month: int = 0


@takes_places(made={"directory": LOG})
def generate_taobao(
    directory: Path, options: GeneratorOptions, *, progress: Progress | None = None
) -> GeneratedData:
    """Write a synthetic log in the Taobao format, with the planted truth next to it.

    Marginal distributions follow the published facts of the real files; six planted behaviours
    differ in exposure, CTR and demography. The log is written in chunks of random users with the
    rows of a chunk shuffled, so memory does not grow with the number of impressions.

    Parameters
    ----------
    directory : Path
        Folder of the files; made if absent. Files of an earlier generation are replaced.
    options : GeneratorOptions
        Size, seed and planted effects.
    progress : callable, optional
        Called with the rows of the logs written so far and their total.

    Returns
    -------
    GeneratedData
        Paths and counts.

    Raises
    ------
    OutputError
        If the folder cannot be made, or holds Taobao files that were not generated.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     data = generate_taobao(Path(folder), GeneratorOptions(n_users=1000, seed=1))
    ...     print(sorted(path.name for path in Path(folder).iterdir()))
    ['ad_feature.csv', 'planted_truth.parquet', 'raw_sample.csv', 'user_profile.csv']
    """
    directory = Path(directory)
    names = [LOG, PROFILES, ADS, TRUTH] + [BEHAVIOUR_LOG] * options.behaviours
    with staged(directory, names) as paths:
        world = _draw_world(options)
        counts = _behaviour_counts(world)
        n_rows = int(world.population.n_impressions.sum() + counts.sum())
        report = _count_towards(n_rows, progress)
        n_clicks = _write_ads(world, paths, _find_common_offset(world), report)
        if options.behaviours:
            _write_behaviour_log(world, counts, paths[BEHAVIOUR_LOG], report)
    return _describe(directory, world, n_clicks=n_clicks, n_behaviours=int(counts.sum()))


@takes_places(made={"directory": LIFE})
def generate_months(
    directory: Path,
    options: GeneratorOptions,
    *,
    n_months: int,
    has_life: bool = True,
    progress: Progress | None = None,
) -> GeneratedMonths:
    """Write one folder in the Taobao format for each month, and what was planted between them.

    The same users come back with other ads shown. With life, users join, leave and change their
    behaviour, one behaviour splits in two, the level drifts and has a season, and a campaign lifts
    one behaviour for a month (`segmentry.datasets.life`).

    Parameters
    ----------
    directory : Path
        Folder of the months' folders, ``2017-05``, ``2017-06`` and so on.
    options : GeneratorOptions
        `n_users` are those of each month; no behaviour log is written.
    n_months : int
        From 2 to 60.
    has_life : bool, default True
        False for months between which nothing changes but luck.
    progress : callable, optional
        Called with the months written so far and their total.

    Returns
    -------
    GeneratedMonths
        Paths and counts.

    Raises
    ------
    ConfigError
        If `n_months` or `options` make no sense.
    OutputError
        If a folder cannot be made, or holds Taobao files that were not generated.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     made = generate_months(Path(folder), GeneratorOptions(n_users=50), n_months=2)
    ...     print([month.directory.name for month in made.months], made.truth.name)
    ['2017-05', '2017-06'] planted_life.json
    """
    check_months(options, n_months)
    directory = Path(directory)
    rng = _stream(options, _LIFE)
    life = draw_life(options, n_months=n_months, has_life=has_life, rng=rng)
    first = _draw_world(options, life.population_of(0))
    offset = _find_common_offset(first)
    made = []
    for number, month in enumerate(life.months):
        shift = month.level + options.drift * _stream(options, _DAYS, number).standard_normal(
            month.window.n_days
        )
        world = replace(
            first,
            population=life.population_of(number),
            effects=replace(first.effects, day_shift=shift),
            window=month.window,
            month=number,
        )
        folder = directory / month.name
        with staged(folder, [LOG, PROFILES, ADS, TRUTH]) as paths:
            n_clicks = _write_ads(world, paths, offset, lambda _: None)
        made.append(_describe(folder, world, n_clicks=n_clicks, n_behaviours=0))
        if progress is not None:
            progress(number + 1, n_months)
    for folder in directory.glob("????-??"):
        if folder not in [each.directory for each in made]:
            remove_generated(folder)
    truth, spells = life.write(directory)
    return GeneratedMonths(directory=directory, months=tuple(made), truth=truth, spells=spells)


def _write_ads(
    world: _World, paths: dict[str, Path], offset: float, report: Callable[[int], None]
) -> int:
    """Write users, ads, their log and the truth; return the number of clicks."""
    append_csv(profile_rows(world.population), paths[PROFILES])
    append_csv(ad_rows(world.catalogue), paths[ADS], null="NULL")
    true_ctr, n_clicks = _write_log(world, paths[LOG], offset, report)
    options = world.options
    truth_rows(
        world.population, true_ctr, is_null=options.null, has_tastes=options.tastes > 0
    ).write_parquet(paths[TRUTH])
    return n_clicks


def _describe(directory: Path, world: _World, *, n_clicks: int, n_behaviours: int) -> GeneratedData:
    return GeneratedData(
        directory=directory,
        impressions=directory / LOG,
        profiles=directory / PROFILES,
        ads=directory / ADS,
        behaviours=directory / BEHAVIOUR_LOG if world.options.behaviours else None,
        truth=directory / TRUTH,
        n_users=len(world.population.user_id),
        n_profiled_users=len(world.population.demography.gender),
        n_ads=len(world.catalogue.adgroup_id),
        n_impressions=int(world.population.n_impressions.sum()),
        n_clicks=n_clicks,
        n_behaviours=n_behaviours,
    )


def _count_towards(total: int, progress: Progress | None) -> Callable[[int], None]:
    """Return a function that takes the rows just written and reports the sum so far."""
    done = 0

    def add(n_rows: int) -> None:
        nonlocal done
        done += n_rows
        if progress is not None:
            progress(done, total)

    return add


def _stream(options: GeneratorOptions, purpose: int, chunk: int = 0) -> np.random.Generator:
    return np.random.default_rng([options.seed, purpose, chunk])


def _draw_world(options: GeneratorOptions, population: Population | None = None) -> _World:
    categories = draw_categories(options.n_users, _stream(options, _CATEGORIES))
    rng = _stream(options, _ADS)
    catalogue = draw_catalogue(options.n_users, categories, rng)
    urns = fill_taste_urns(
        catalogue.share,
        catalogue.taste_group,
        tastes=options.tastes,
        size=URN_SLOTS_PER_AD * len(catalogue.share),
        rng=rng,
    )
    effects = Effects(
        fatigue=options.fatigue,
        tastes=options.tastes,
        day_shift=options.drift * _stream(options, _DAYS).standard_normal(LogWindow().n_days),
        is_null=options.null,
    )
    if population is None:
        population = draw_population(options, _stream(options, _USERS))
    return _World(
        options=options,
        population=population,
        categories=categories,
        catalogue=catalogue,
        effects=effects,
        urns=urns,
    )


def _find_common_offset(world: _World) -> float:
    """Find the shift that keeps the users' own CTR on average, on the first users as a pilot."""
    if world.effects.is_null:
        return 0.0
    users = slice(0, min(PILOT_USERS, len(world.population.user_id)))
    rng = _stream(world.options, _PILOT)
    exposures = draw_exposures(world.population, users, world.urns, rng, window=world.window)
    logits = click_logits(exposures, world.population, world.catalogue, world.effects)
    return find_offset(logits, world.population.ctr[exposures.user])


def _write_log(
    world: _World, path: Path, offset: float, report: Callable[[int], None]
) -> tuple[Floats, int]:
    """Write the ad log; return each user's mean click probability and the number of clicks."""
    n_users = len(world.population.user_id)
    true_ctr = np.empty(n_users)
    n_clicks = 0
    for chunk, start in enumerate(range(0, n_users, CHUNK_USERS)):
        users = slice(start, min(start + CHUNK_USERS, n_users))
        rng = _stream(world.options, _LOG, (world.month << _MONTH_BITS) + chunk)
        exposures = draw_exposures(world.population, users, world.urns, rng, window=world.window)
        logits = click_logits(exposures, world.population, world.catalogue, world.effects)
        chances = click_probabilities(logits, offset, world.effects)
        is_click = rng.random(len(chances), dtype=np.float32) < chances
        if world.options.reaction > 0:
            exposures = draw_nearer(exposures, is_click, world.options.reaction)
        rows = log_rows(
            exposures, is_click, world.population, world.catalogue, rng, window=world.window
        )
        append_csv(rows, path)
        true_ctr[users] = _mean_by_user(chances, exposures.counts)
        n_clicks += int(is_click.sum())
        report(len(is_click))
    return true_ctr, n_clicks


def _mean_by_user(chances: NDArray[np.float32], counts: Integers) -> Floats:
    starts = np.cumsum(counts) - counts
    return np.asarray(np.add.reduceat(chances.astype(np.float64), starts) / counts)


def _behaviour_counts(world: _World) -> Integers:
    if not world.options.behaviours:
        return np.zeros(0, dtype=np.int64)
    return draw_behaviour_counts(
        world.population,
        mean=world.options.behaviour_rows_per_user,
        rng=_stream(world.options, _BROWSING),
    )


def _write_behaviour_log(
    world: _World, counts: Integers, path: Path, report: Callable[[int], None]
) -> None:
    urns = fill_taste_urns(
        world.categories.browsed_share,
        world.categories.taste_group,
        tastes=world.options.tastes,
        size=BROWSED_URN_SLOTS,
        rng=_stream(world.options, _BROWSING, 1),
    )
    for chunk, users in enumerate(user_chunks(counts)):
        rows = behaviour_rows(
            world.population,
            users,
            counts[users],
            categories=world.categories,
            urns=urns,
            rng=_stream(world.options, _BROWSING, 2 + chunk),
        )
        append_csv(rows, path)
        report(len(rows))
