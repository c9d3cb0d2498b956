"""Engines to test on, and the real sample files where they lie beside the checkout."""

import gc
import os
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import settings
from tests import texts
from tests.repeats import THOROUGH

if "--thorough" not in sys.argv and THOROUGH not in os.environ:
    # Before numpy is loaded. Threads of arithmetic that wait for each other took an eighth of the
    # CPU seconds of the rooms of segments; what must not depend on them is tried with two.
    os.environ.setdefault("OMP_NUM_THREADS", "1")

from segmentry.ingest.engines import ENGINES, open_engine
from segmentry.settings import SparkEngine

# As the command line has it: or else it would depend on which tests ran before.
gc.set_threshold(100_000)
# UMAP is compiled at its first use: 21 s, of which optimisations of no use here take a third.
os.environ.setdefault("NUMBA_OPT", "0")
# A library of altair's compiles 38 grammars as it is imported (1.3 s), where the development tools
# brought this optional parser; nothing of ours checks addresses by it.
sys.modules["rfc3987_syntax"] = None
# The same inputs in every run: new ones are tried by `--thorough` and `make fuzz`.
settings.register_profile("same", derandomize=True)
settings.load_profile("same")

BESIDE = Path(__file__).parents[2] / "shared" / "data"
REAL_DATA = Path(os.environ.get("SEGMENTRY_REAL_DATA", BESIDE))


def pytest_addoption(parser):
    parser.addoption(
        "--engines",
        default=",".join(ENGINES),
        help="engines to run the engine tests on, separated by commas (default: %(default)s)",
    )

    parser.addoption(
        "--thorough",
        action="store_true",
        help="the slow tests too, and hundreds of seeds where the suite tries a few",
    )
    parser.addoption(
        "--update-texts",
        action="store_true",
        help="write what the tests find into tests/texts.json instead of comparing",
    )


def pytest_sessionfinish(session):
    if session.config.getoption("--update-texts"):
        texts.write_snapshot()


def pytest_configure(config):
    if config.getoption("--update-texts"):
        os.environ[texts.UPDATE] = "1"
    if config.getoption("--thorough"):
        os.environ[THOROUGH] = "1"
        settings.load_profile("default")
    config.addinivalue_line("markers", "slow: only with --thorough, as `make verify` has it")
    config.addinivalue_line("markers", "only_engine(name): what this engine alone does")
    config.addinivalue_line(
        "markers", "real_data(folder): needs a folder of real sample files; skipped without it"
    )


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--thorough"):
        slow = [item for item in items if item.get_closest_marker("slow")]
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item not in set(slow)]
    for item in items:
        for marker in item.iter_markers("real_data"):
            if not (REAL_DATA / marker.args[0]).is_dir():
                item.add_marker(pytest.mark.skip(reason=f"no {REAL_DATA / marker.args[0]}"))


def pytest_generate_tests(metafunc):
    if "engine_name" in metafunc.fixturenames:
        names = metafunc.config.getoption("--engines", default=",".join(ENGINES)).split(",")
        for marker in metafunc.definition.iter_markers("only_engine"):
            names = [name for name in names if name == marker.args[0]]
        metafunc.parametrize("engine_name", names, scope="session")


@pytest.fixture
def undrawn(monkeypatch):
    """Leave out figures and page of a run, and the processes that draw: most of its time."""
    from tests.pipeline import runs  # not where no test needs it: it loads the package

    runs.leave_undrawn(monkeypatch)


@pytest.fixture(scope="session")
def session_of(engine_name):
    """One session for all tests where Spark is their engine: to start Java takes long."""
    with ExitStack() as stack:
        if engine_name == "spark":
            from segmentry.ingest.engines.spark._session import held_session

            stack.enter_context(held_session(SparkEngine(None, "local[2]")))
        yield SparkEngine(None, "local[2]")


@pytest.fixture
def engine(engine_name, session_of, tmp_path):
    """An engine that spills to the test's own folder."""
    opened = open_engine(engine_name, scratch=tmp_path, spark=session_of)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def shared_engine(engine_name, session_of, tmp_path_factory):
    """An engine for many examples: opening one costs more than a small log."""
    scratch = tmp_path_factory.mktemp("scratch")
    opened = open_engine(engine_name, scratch=scratch, spark=session_of)
    yield opened
    opened.close()


@pytest.fixture
def bucket(monkeypatch):
    """A new bucket of an object store, to which the environment leads."""
    from tests.stores import s3_bucket

    return s3_bucket(monkeypatch)


@pytest.fixture
def hurried(monkeypatch):
    """What fails in passing is tried again at once."""
    from segmentry.ingest.remote import _failures

    monkeypatch.setattr(_failures, "WAITS", (0.01, 0.01, 0.01))


@pytest.fixture(scope="session")
def real_data():
    """The folder of the real sample files; use with the marker `real_data`."""
    return REAL_DATA
