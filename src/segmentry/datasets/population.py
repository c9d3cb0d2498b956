"""The users: profile, behaviour, number of impressions, own CTR; and the files that say so."""

import math
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtr, ndtri

from segmentry.datasets.levels import (
    BEHAVIOURS,
    KINDS,
    NULL_BEHAVIOUR,
    OVERALL_CTR,
    PROFILED_SHARE,
    UNPROFILED_APPETITE,
    UNPROFILED_EXPOSURE,
    Demography,
    draw_behaviours,
    draw_demography,
)
from segmentry.datasets.options import GeneratorOptions
from segmentry.datasets.quotas import (
    Floats,
    Integers,
    quota,
    systematic_counts,
    systematic_uniforms,
)

N_TASTE_GROUPS = 4

# Impressions are a log-normal, rounded up and cut off at the published maximum: mean 23.3,
# standard deviation 66, quartiles 3 / 7 / 20.
LOG_EXPOSURE_MEAN = 1.92
LOG_EXPOSURE_SD = 1.555
MAX_IMPRESSIONS = 3756

REFERENCE_IMPRESSIONS = 7
CTR_SLOPE = 0.10  # CTR falls as n ** -slope within a behaviour
CTR_CONCENTRATION = 60.0  # a + b of the beta distribution of a user's CTR around its mean

# Users who browse more click more ads: correlation of the two scores.
ACTIVITY_CORRELATION = 0.22
ACTIVITY_SD = 1.2  # of the log rows per user of the behaviour log
SILENT_SHARE = 0.005  # users of the ad log that the behaviour log lacks


@dataclass(frozen=True, slots=True)
class Population:
    """All users, in random order; arrays have shape (n_users,) but for the profiles'.

    `profiled_id` and the arrays of `demography` have shape (n_profiled,). `taste_group` is 0-based
    and drawn always, so that the logs with and without tastes have the same users.
    """

    user_id: NDArray[np.int32]
    profiled_id: NDArray[np.int32]
    demography: Demography
    behaviour: NDArray[np.int8]
    taste_group: NDArray[np.int8]
    n_impressions: Integers
    ctr: Floats


def draw_population(options: GeneratorOptions, rng: np.random.Generator) -> Population:
    """Draw every user of the log; a null population shares one CTR and has no behaviours."""
    n = options.n_users
    n_profiled = int(systematic_counts((PROFILED_SHARE, 1 - PROFILED_SHARE), n, rng)[0])
    demography = draw_demography(n_profiled, rng)
    behaviour = draw_behaviours(demography, n - n_profiled, rng)
    exposure = _with_unprofiled(demography.exposure(), n, UNPROFILED_EXPOSURE)
    if not options.null:
        exposure += np.array([b.exposure for b in BEHAVIOURS])[behaviour]
    n_impressions = draw_impression_counts(exposure, rng)
    appetite = _with_unprofiled(demography.appetite(), n, UNPROFILED_APPETITE)
    ctr = draw_ctr(behaviour, appetite, n_impressions, rng)
    user_id = rng.permutation(n).astype(np.int32) + np.int32(1)
    mixed = rng.permutation(n)  # so far, those with a profile come first
    return Population(
        user_id=user_id[mixed],
        profiled_id=user_id[:n_profiled],
        demography=demography,
        behaviour=behaviour[mixed],
        taste_group=quota([1.0] * N_TASTE_GROUPS, n, rng),
        n_impressions=n_impressions[mixed],
        ctr=np.full(n, OVERALL_CTR) if options.null else ctr[mixed],
    )


def draw_impression_counts(exposure: Floats, rng: np.random.Generator) -> Integers:
    """Hand out the quantiles of the published distribution by the rank of a noisy score.

    Ranks keep the distribution of impressions as published, whatever leans on the score.
    """
    n = len(exposure)
    order = np.argsort(exposure + rng.standard_normal(n))
    cut = ndtr((math.log(MAX_IMPRESSIONS) - LOG_EXPOSURE_MEAN) / LOG_EXPOSURE_SD)
    z = ndtri(systematic_uniforms(n, rng) * cut)
    counts = np.empty(n, dtype=np.int64)
    counts[order] = np.ceil(np.exp(LOG_EXPOSURE_MEAN + LOG_EXPOSURE_SD * z))
    return np.clip(counts, 1, MAX_IMPRESSIONS)


def draw_ctr(
    behaviour: NDArray[np.int8],
    appetite: Floats,
    n_impressions: Integers,
    rng: np.random.Generator,
) -> Floats:
    """Draw each user's own CTR: beta around the mean of the behaviour, level and exposure."""
    at_reference = logit(np.array([b.ctr for b in BEHAVIOURS]))[behaviour]
    slope = CTR_SLOPE * np.log(n_impressions / REFERENCE_IMPRESSIONS)
    mean = expit(at_reference + appetite - slope)
    ctr = rng.beta(mean * CTR_CONCENTRATION, (1 - mean) * CTR_CONCENTRATION)
    return np.asarray(np.clip(ctr, 1e-6, 1 - 1e-6), dtype=np.float64)


def draw_behaviour_counts(
    population: Population, *, mean: float, rng: np.random.Generator
) -> Integers:
    """Draw the rows per user of the behaviour log; active users lean towards a high CTR.

    The users are in random order, so the first 0.5 % may be those without any row.
    """
    n = len(population.ctr)
    score = np.argsort(np.argsort(population.ctr + 1e-9 * rng.random(n)))
    score = ACTIVITY_CORRELATION * ndtri((score + 0.5) / n)
    score += math.sqrt(1 - ACTIVITY_CORRELATION**2) * rng.standard_normal(n)
    z = ndtri(np.clip(systematic_uniforms(n, rng), 1e-9, 1 - 1e-9))
    rows = np.exp(ACTIVITY_SD * z)
    counts = np.empty(n, dtype=np.int64)
    counts[np.argsort(score)] = systematic_counts(rows, max(n, round(mean * n)), rng)
    counts = np.maximum(counts, 1)
    counts[: int(SILENT_SHARE * n)] = 0
    return counts


def _with_unprofiled(effects: Floats, n: int, unprofiled: float) -> Floats:
    return np.concatenate([effects, np.full(n - len(effects), unprofiled)])


def profile_rows(population: Population) -> pl.DataFrame:
    """Put the profiled users in the columns of ``user_profile.csv``.

    The last header ends in a space, as in the real file.
    """
    levels = population.demography
    return pl.DataFrame(
        {
            "userid": population.profiled_id,
            "cms_segid": levels.cms_segment,
            "cms_group_id": levels.cms_group,
            "final_gender_code": levels.gender + 1,
            "age_level": levels.age,
            "pvalue_level": _null_for_zero(levels.consumption),
            "shopping_level": levels.shopping + 1,
            "occupation": levels.is_student.astype(np.int8),
            "new_user_class_level ": _null_for_zero(levels.city),
        }
    )


def truth_rows(
    population: Population, true_ctr: Floats, *, is_null: bool, has_tastes: bool
) -> pl.DataFrame:
    """Put what was planted in the columns of ``planted_truth.parquet``, by rising user id."""
    names = [NULL_BEHAVIOUR if is_null else kind.name for kind in KINDS]
    groups = pl.Series(population.taste_group + 1, dtype=pl.Int8)
    return pl.DataFrame(
        {
            "user_id": population.user_id,
            "behaviour": np.array(names)[population.behaviour],
            "true_ctr": true_ctr,
            "taste_group": groups if has_tastes else pl.Series([None] * len(groups), dtype=pl.Int8),
        }
    ).sort("user_id")


def _null_for_zero(levels: NDArray[np.int8]) -> pl.Series:
    series = pl.Series(levels)
    return series.set(series == 0, None)
