"""The clock of steps: whatever becomes of a step, it is recorded."""

import pytest

from segmentry.runtime.clock import StepClock


def test_a_step_that_fails_is_recorded_like_any_other():
    clock = StepClock()

    with pytest.raises(ZeroDivisionError), clock.step("outer"), clock.step("inner"):
        raise ZeroDivisionError
    with clock.step("after"):
        pass

    assert [each.step for each in clock.records] == ["inner", "outer", "after"]
    assert all(each.seconds >= 0 and each.peak_memory_mb > 10 for each in clock.records)
