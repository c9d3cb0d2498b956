"""One engine for all tests of a folder: what one table leaves behind must not touch the next."""

import pytest


@pytest.fixture
def engine(shared_engine):
    return shared_engine
