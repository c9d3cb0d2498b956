"""What grows with the window is declared by the names of features."""

from segmentry.features import (
    BEHAVIOUR_FEATURES,
    BEHAVIOURS_SCALE_WITH_WINDOW,
    EVERY_LOG_FEATURE,
    SCALES_WITH_WINDOW,
)


def test_what_grows_with_the_window_is_a_feature():
    assert {each.name for each in EVERY_LOG_FEATURE} >= SCALES_WITH_WINDOW
    assert {each.name for each in BEHAVIOUR_FEATURES} >= BEHAVIOURS_SCALE_WITH_WINDOW
