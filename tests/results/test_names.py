"""Names that people give change what names a segment, and nothing else."""

from dataclasses import replace

from tests.summaries import make_summary

from segmentry.describe.overview import headline
from segmentry.results.names import with_names


def test_segments_that_swap_their_names_keep_their_own_figures_in_the_headline():
    made = make_summary(n_segments=2, names=("First", "Second"), n_points=5)
    made = replace(made, validation=None)
    made = replace(made, headline=headline(made.segments, None))
    largest = max(made.segments, key=lambda segment: segment.share)
    assert f"the largest, “{largest.name}”" in made.headline

    swapped = with_names(made, {1: "Second", 2: "First"}, source="names.toml")

    (found,) = [each for each in swapped.segments if each.segment_id == largest.segment_id]
    assert found.name != largest.name
    assert f"the largest, “{found.name}”" in swapped.headline
    assert with_names(swapped, {1: "First", 2: "Second"}, source="names.toml") == made
