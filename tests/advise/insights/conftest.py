"""The hand-made summaries, loaded by path: the suite runs without a package of tests."""

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest

from segmentry.results.summary import Summary


@pytest.fixture(scope="session")
def make_summary() -> Callable[..., Summary]:
    path = Path(__file__).parents[2] / "summaries.py"
    spec = importlib.util.spec_from_file_location("summaries", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.make_summary
