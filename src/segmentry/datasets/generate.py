"""The generator: users and ads first, then the log chunk by chunk."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segmentry.datasets.behaviour_log import behaviour_rows, user_chunks
from segmentry.datasets.catalogue import Catalogue, ad_rows, draw_catalogue
from segmentry.datasets.categories import Categories, TasteUrns, draw_categories, fill_taste_urns
from segmentry.datasets.impressions import (
    Effects,
    click_logits,
    click_probabilities,
    draw_exposures,
    draw_nearer,
    find_offset,
    log_rows,
)
from segmentry.datasets.options import GeneratedData, GeneratorOptions
from segmentry.datasets.population import (
    Population,
    draw_behaviour_counts,
    draw_population,
    profile_rows,
    truth_rows,
)
from segmentry.datasets.quotas import Floats, Integers
from segmentry.datasets.staging import ADS, BEHAVIOUR_LOG, LOG, PROFILES, TRUTH, append_csv, staged

Progress = Callable[[int, int], None]

CHUNK_USERS = 40_000  # about 930,000 impressions
PILOT_USERS = 20_000
N_DAYS = 8
URN_SLOTS_PER_AD = 20
BROWSED_URN_SLOTS = 1 << 18

# One random stream per purpose, so that one option never changes what another one draws.
_USERS, _CATEGORIES, _ADS, _DAYS, _PILOT, _LOG, _BROWSING = range(7)


@dataclass(frozen=True, slots=True)
class _World:
    """All that the chunks of the logs share."""

    options: GeneratorOptions
    population: Population
    categories: Categories
    catalogue: Catalogue
    effects: Effects
    urns: TasteUrns


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
        append_csv(profile_rows(world.population), paths[PROFILES])
        append_csv(ad_rows(world.catalogue), paths[ADS], null="NULL")
        true_ctr, n_clicks = _write_log(world, paths[LOG], report)
        truth_rows(
            world.population, true_ctr, is_null=options.null, has_tastes=options.tastes > 0
        ).write_parquet(paths[TRUTH])
        if options.behaviours:
            _write_behaviour_log(world, counts, paths[BEHAVIOUR_LOG], report)
    return _describe(directory, world, n_clicks=n_clicks, n_behaviours=int(counts.sum()))


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


def _draw_world(options: GeneratorOptions) -> _World:
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
        day_shift=options.drift * _stream(options, _DAYS).standard_normal(N_DAYS),
        is_null=options.null,
    )
    population = draw_population(options, _stream(options, _USERS))
    return _World(options, population, categories, catalogue, effects, urns)


def _find_common_offset(world: _World) -> float:
    """Find the shift that keeps the users' own CTR on average, on the first users as a pilot."""
    if world.effects.is_null:
        return 0.0
    users = slice(0, min(PILOT_USERS, len(world.population.user_id)))
    rng = _stream(world.options, _PILOT)
    exposures = draw_exposures(world.population, users, world.urns, rng)
    logits = click_logits(exposures, world.population, world.catalogue, world.effects)
    return find_offset(logits, world.population.ctr[exposures.user])


def _write_log(world: _World, path: Path, report: Callable[[int], None]) -> tuple[Floats, int]:
    """Write the ad log; return each user's mean click probability and the number of clicks."""
    n_users = len(world.population.user_id)
    offset = _find_common_offset(world)
    true_ctr = np.empty(n_users)
    n_clicks = 0
    for chunk, start in enumerate(range(0, n_users, CHUNK_USERS)):
        users = slice(start, min(start + CHUNK_USERS, n_users))
        rng = _stream(world.options, _LOG, chunk)
        exposures = draw_exposures(world.population, users, world.urns, rng)
        logits = click_logits(exposures, world.population, world.catalogue, world.effects)
        chances = click_probabilities(logits, offset, world.effects)
        is_click = rng.random(len(chances), dtype=np.float32) < chances
        if world.options.reaction > 0:
            exposures = draw_nearer(exposures, is_click, world.options.reaction)
        append_csv(log_rows(exposures, is_click, world.population, world.catalogue, rng), path)
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
