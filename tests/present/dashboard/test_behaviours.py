"""The pages of a run with behaviours: its features stand where all others do."""

import pytest
from tests.pipeline import runs
from tests.present.dashboard.test_pages import shown

from segmentry.present.dashboard._pages import PAGES


@pytest.fixture(scope="module")
def shop_folder(tmp_path_factory):
    """A run of 600 users with their behaviours."""
    made = runs.shop_run(tmp_path_factory.getbasetemp())
    assert made.answer.code == 0, made.answer.err
    return made.folder


@pytest.mark.parametrize("path", list(PAGES))
def test_every_page_takes_a_run_with_behaviours(path, shop_folder):
    assert shown(path, shop_folder).main
