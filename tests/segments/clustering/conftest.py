"""Data that several tests of the clustering share."""

import numpy as np
import pytest


@pytest.fixture(scope="session")
def repeated():
    """600 users on about 280 distinct rows of three columns, multiples of 1/8.

    Such numbers and their squares are exact in binary, so scikit-learn's expansion of squared
    distances loses nothing and comparisons at 1e-10 judge the formula, not the rounding.
    """
    rng = np.random.default_rng(11)
    middles = np.array([[0.0, 0.0, 0.0], [4.0, 1.0, 0.0], [1.0, 5.0, 2.0]])
    X = middles[rng.choice(3, 600, p=[0.5, 0.3, 0.2])] + rng.normal(0, 0.9, (600, 3))
    X[:, 2] = np.round(X[:, 2])
    return np.round(X * [2, 2, 1]) / [2, 2, 1]


@pytest.fixture(scope="session")
def blobs():
    """Three far blobs of 300, 200 and 100 users and the blob of each user."""
    rng = np.random.default_rng(5)
    blob = np.repeat([0, 1, 2], [300, 200, 100])
    middles = np.array([[10.0, 0.0], [0.0, 0.0], [0.0, 10.0]])
    order = rng.permutation(600)
    return (middles[blob] + rng.normal(0, 0.5, (600, 2)))[order], blob[order]
