"""Users of three latent classes by five categorical features, for a comparison with StepMix."""

import numpy as np

from segmentry.segments.latent import Part

SHARES = (0.5, 0.3, 0.2)
LEVELS = (
    np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6], [0.2, 0.6, 0.2]]),
    np.array([[0.8, 0.2], [0.3, 0.7], [0.5, 0.5]]),
    np.array([[0.1, 0.2, 0.3, 0.4], [0.4, 0.3, 0.2, 0.1], [0.7, 0.1, 0.1, 0.1]]),
    np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]),
    np.array([[0.6, 0.3, 0.1], [0.2, 0.2, 0.6], [0.1, 0.8, 0.1]]),
)
PARTS = tuple(
    Part(kind="levels", feature=f"x{place}", levels=tuple(map(str, range(shares.shape[1]))))
    for place, shares in enumerate(LEVELS)
)


def users(n_users=3000, seed=5):
    """Codes of the levels, shape (n_users, 5)."""
    rng = np.random.default_rng(seed)
    kind = rng.choice(3, n_users, p=SHARES)
    columns = [
        (rng.random(n_users)[:, np.newaxis] > np.cumsum(shares[kind], axis=1)).sum(axis=1)
        for shares in LEVELS
    ]
    return np.stack(columns, axis=1).astype(np.int64)
