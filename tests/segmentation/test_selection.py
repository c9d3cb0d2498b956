"""The rule for K on hand-made candidates, branch by branch."""

import pytest

from segmentry.errors import SelectionError
from segmentry.schema import Estimate
from segmentry.segmentation import Candidate, select

ELBOW_AT_3 = {1: 200.0, 2: 100.0, 3: 40.0, 4: 30.0, 5: 20.0, 6: 10.0}


def candidate(k, silhouette, *, low=None, inertia=None, smallest_share=0.2):
    half = 0.0 if low is None else silhouette - low
    estimate = Estimate(None, None, None)
    if silhouette is not None:
        estimate = Estimate(silhouette, silhouette - half, silhouette + half)
    return Candidate(
        algorithm="kmeans",
        n_segments=k,
        inertia=ELBOW_AT_3[k] if inertia is None else inertia,
        silhouette=estimate,
        squared_silhouette=silhouette,
        calinski_harabasz=None,
        davies_bouldin=None,
        smallest_share=smallest_share,
        seconds=0.0,
    )


ONE = candidate(1, None, smallest_share=1.0)


def choose(*candidates, choose_by="silhouette and elbow", **settings):
    return select(candidates, choose_by=choose_by, **settings)


def test_a_clear_winner_by_silhouette():
    selection = choose(
        candidate(4, 0.52, low=0.5), candidate(2, 0.4), candidate(3, 0.49), ONE, min_share=0.01
    )

    assert selection.n_segments == 4
    assert selection.reason == "K = 4 has the largest mean silhouette, 0.520."
    assert selection.runner_up == 3
    assert not selection.is_forced
    assert [each.n_segments for each in selection.candidates] == [1, 2, 3, 4]
    assert [each.is_selected for each in selection.candidates] == [False, False, False, True]
    assert [each.reason for each in selection.candidates] == [
        "no silhouette",
        "silhouette 0.120 below the chosen one's",
        "silhouette 0.030 below the chosen one's",
        selection.reason,
    ]


def test_ties_are_won_by_the_knee():
    selection = choose(
        ONE,
        candidate(2, 0.49),
        candidate(3, 0.50),
        candidate(4, 0.51, low=0.485),
        candidate(5, 0.4),
    )

    # From (1, 200) to (5, 20) the curve is farthest below its chord at K = 3: 0.5 - 1/9 = 0.39.
    assert selection.knee == 3
    assert selection.n_segments == 3
    assert selection.reason == ("K = 2, 3, 4 are ties by silhouette, and the elbow bends at K = 3.")
    assert selection.runner_up == 4
    assert [each.is_knee for each in selection.candidates] == [False, False, True, False, False]


def test_ties_without_the_knee_are_won_by_the_fewest():
    selection = choose(
        ONE, candidate(2, 0.3), candidate(3, 0.3), candidate(5, 0.50), candidate(4, 0.51, low=0.49)
    )

    assert selection.knee == 3
    assert selection.n_segments == 4
    assert selection.reason == (
        "K = 4, 5 are ties by silhouette, the elbow bends at none of them, "
        "and K = 4 is the simplest."
    )


def test_ties_where_the_elbow_does_not_bend_are_won_by_the_fewest():
    straight = [
        candidate(2, 0.51, low=0.49, inertia=30.0),
        candidate(3, 0.50, inertia=20.0),
        candidate(4, 0.3, inertia=10.0),
    ]

    selection = choose(*straight)

    assert selection.knee is None
    assert selection.n_segments == 2


def test_a_silhouette_on_the_intervals_end_is_a_tie_and_one_below_is_not():
    tied = choose(candidate(2, 0.5), candidate(3, 0.52, low=0.5))
    beaten = choose(candidate(2, 0.499), candidate(3, 0.52, low=0.5))

    assert (tied.n_segments, beaten.n_segments) == (2, 3)


def test_a_candidate_with_too_small_a_segment_is_ruled_out_and_told():
    selection = choose(
        ONE, candidate(2, 0.4), candidate(3, 0.9, smallest_share=0.049), min_share=0.05
    )

    assert selection.n_segments == 2
    assert selection.runner_up == 3
    assert selection.candidates[2].reason == "smallest segment below 5% of the users"


def test_the_least_share_itself_is_allowed():
    selection = choose(candidate(2, 0.4), candidate(3, 0.9, smallest_share=0.05), min_share=0.05)

    assert selection.n_segments == 3


def test_where_all_have_too_small_a_segment_there_is_one():
    selection = choose(
        ONE, candidate(2, 0.8, smallest_share=0.001), candidate(3, 0.9, smallest_share=0.001)
    )

    assert selection.n_segments == 1
    assert selection.reason == "Every candidate has a segment of less than 1% of the users."
    assert selection.candidates[0].is_selected


@pytest.mark.parametrize(("silhouette", "expected"), [(0.25, 1), (0.251, 2)])
def test_no_silhouette_above_a_quarter_is_one_segment(silhouette, expected):
    selection = choose(ONE, candidate(2, silhouette), candidate(3, 0.1))

    assert selection.n_segments == expected
    if expected == 1:
        assert selection.reason == (
            "No candidate's silhouette is above 0.25; the largest is 0.250 at K = 2."
        )
        assert selection.runner_up == 2


def test_a_forced_number_is_taken_whatever_the_scores_say():
    selection = choose(ONE, candidate(2, 0.9), candidate(3, 0.1, smallest_share=0.0001), forced=3)

    assert selection.n_segments == 3
    assert selection.is_forced
    assert selection.reason == "K = 3 was asked for; the scores did not choose it."
    assert selection.runner_up == 2
    assert [each.is_selected for each in selection.candidates] == [False, False, True]


def test_a_forced_number_that_was_not_tried_is_refused():
    with pytest.raises(SelectionError, match="K = 7 was not tried"):
        choose(ONE, candidate(2, 0.9), forced=7)


def test_the_classic_rule_takes_the_largest_silhouette_and_nothing_else():
    selection = choose(
        ONE,
        candidate(2, 0.1, low=0.0),
        candidate(3, 0.11, low=0.0, smallest_share=0.0001),
        choose_by="silhouette",
    )

    assert selection.n_segments == 3
    assert selection.rule == "The largest mean silhouette wins."
    assert selection.reason == "K = 3 has the largest mean silhouette, 0.110."


def test_equal_silhouettes_go_to_the_fewest_by_the_classic_rule():
    selection = choose(candidate(3, 0.4), candidate(2, 0.4), choose_by="silhouette")

    assert selection.n_segments == 2
    assert selection.runner_up == 3


@pytest.mark.parametrize("choose_by", ["silhouette", "silhouette and elbow"])
def test_one_candidate_alone_is_taken(choose_by):
    selection = choose(candidate(4, 0.6), choose_by=choose_by)

    assert (selection.n_segments, selection.runner_up, selection.knee) == (4, None, None)


@pytest.mark.parametrize("choose_by", ["silhouette", "silhouette and elbow"])
def test_one_segment_alone_is_taken_because_nothing_has_a_silhouette(choose_by):
    selection = choose(ONE, choose_by=choose_by)

    assert (selection.n_segments, selection.runner_up) == (1, None)
    assert selection.reason == "No candidate has a silhouette."


def test_the_rule_says_which_share_it_asked_for():
    assert "at least 5% of the users" in choose(candidate(2, 0.5), min_share=0.05).rule
