"""The hand-made summaries, loaded by path: the suite runs without a package of tests."""

import importlib.util
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import pytest

from segmentry.present import figures as plots
from segmentry.results.summary import Summary


@pytest.fixture
def names_of(tmp_path):
    """Return a function that says which figures would be written, without the second of each."""

    def undrawn(name, spec, directory, *, png_scale):
        drawn: Future[str] = Future()
        drawn.set_result(spec["name"])
        return drawn

    return lambda summary: set(plots.write_figures(summary, tmp_path, draw=undrawn))


@pytest.fixture(scope="session")
def written(make_summary, tmp_path_factory):
    """All figures of a summary, drawn once: who changes a file takes a copy."""
    summary = make_summary(n_segments=3, n_points=60)
    folder = tmp_path_factory.mktemp("figures")
    return folder, plots.write_figures(summary, folder, png_scale=0.2)


@pytest.fixture(scope="session")
def make_summary() -> Callable[..., Summary]:
    path = Path(__file__).parents[2] / "summaries.py"
    spec = importlib.util.spec_from_file_location("summaries", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.make_summary
