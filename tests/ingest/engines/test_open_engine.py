"""Engines are opened by name."""

import pytest
from tests.texts import says

from segmentry.errors import ConfigError
from segmentry.ingest.engines import ENGINES, open_engine


@pytest.mark.parametrize("name", ENGINES)
def test_engine_has_the_name_it_was_opened_by(name, tmp_path):
    opened = open_engine(name, scratch=tmp_path, memory="500MB")

    assert opened.name == name
    opened.close()


@pytest.mark.parametrize("name", ["", "DuckDB", "polars"])
def test_unknown_engine_is_refused(name, tmp_path):
    with pytest.raises(ConfigError) as text:
        open_engine(name, scratch=tmp_path)

    says(str(text.value))


def test_rows_held_back_while_parts_are_written_do_not_grow_with_the_parts(tmp_path, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    opened = open_engine("duckdb", scratch=tmp_path, memory="4GB")

    held = {n_parts: opened._held(n_parts) for n_parts in (1, 9, 67, 242)}

    assert held == {1: 65_536, 9: 58_254, 67: 7_825, 242: 2_166}
    assert all(2 * n_parts * rows <= 2**20 for n_parts, rows in held.items())
    opened.close()
