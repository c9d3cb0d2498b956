"""Latent classes of users that know how much each user was shown.

A finite mixture: within a class, clicks given impressions are beta-binomial, counts negative
binomial, levels categorical with "unknown" as a level of its own, all independent. Nothing here
knows of tables or files; rows may carry weights.
"""

from segmentry.segments.latent._fit import LatentFit, fit_latent
from segmentry.segments.latent._model import LatentModel, Part, posterior, soft_rates

__all__ = ["LatentFit", "LatentModel", "Part", "fit_latent", "posterior", "soft_rates"]
