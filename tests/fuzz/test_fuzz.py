"""A small, fixed share of what ``make fuzz`` tries for as long as one likes."""

import time

import pytest
from hypothesis import HealthCheck, given, seed, settings
from tests.fuzz.targets import TARGET, check_refusal

from segmentry.errors import SegmentryError

MAX_SECONDS = 10
FEW = {"bundle": 20, "contacts": 15, "csv": 15}


@pytest.mark.parametrize("name", TARGET)
def test_no_input_crashes_or_hangs(name):
    target = TARGET[name]

    @seed(1)
    @settings(
        max_examples=FEW.get(name, 60),
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(target.inputs)
    def take(given_input):
        begun = time.monotonic()
        try:
            target.take(given_input)
        except SegmentryError as error:
            check_refusal(error)
        assert time.monotonic() - begun < MAX_SECONDS

    take()
