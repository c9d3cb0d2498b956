"""Engines are opened by name."""

import pytest

from segmentry.engines import ENGINES, open_engine
from segmentry.errors import ConfigError


@pytest.mark.parametrize("name", ENGINES)
def test_engine_has_the_name_it_was_opened_by(name, tmp_path):
    opened = open_engine(name, scratch=tmp_path, memory="500MB")

    assert opened.name == name
    opened.close()


@pytest.mark.parametrize("name", ["", "DuckDB", "spark"])
def test_unknown_engine_is_refused(name, tmp_path):
    with pytest.raises(ConfigError) as told:
        open_engine(name, scratch=tmp_path)

    assert str(told.value) == f"engine {name!r} is unknown; expected one of duckdb, polars"
