"""Latent classes of categorical features by StepMix and by segmentry: the same likelihoods.

python -m pip install stepmix   # for this script alone
python benchmarks/against_stepmix.py

The printed values of StepMix are kept in tests/segments/latent/test_latent.py.
"""

import importlib.metadata
import sys
import time
from pathlib import Path

import numpy as np
from stepmix.stepmix import StepMix

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.stepmix_data import PARTS, users

from segmentry.segments.latent import fit_latent


def main():
    """Print log likelihood, BIC, shares and seconds of both."""
    X = users()
    print("StepMix", importlib.metadata.version("stepmix"))
    for k in (2, 3):
        began = time.perf_counter()
        theirs = StepMix(
            n_components=k,
            measurement="categorical",
            n_init=20,
            random_state=0,
            verbose=0,
            progress_bar=0,
            max_iter=5000,
            abs_tol=1e-12,
            rel_tol=0,
        ).fit(X)
        seconds = time.perf_counter() - began
        ours = fit_latent(X, PARTS, n_classes=k, n_starts=20, tolerance=1e-12, max_iterations=5000)
        print(
            f"K = {k}: StepMix {theirs.score(X) * len(X):.5f}, BIC {theirs.bic(X):.4f}, "
            f"{np.sort(theirs.weights_).round(5)}, {seconds:.1f} s; segmentry "
            f"{ours.log_likelihood:.5f}, BIC {ours.bic:.4f}, "
            f"{np.sort(ours.model.shares).round(5)}, {ours.seconds:.1f} s"
        )


if __name__ == "__main__":
    main()
