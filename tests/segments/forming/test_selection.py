"""The rule for K on hand-made candidates, branch by branch."""

import pytest
from tests.texts import raises_text, says

from segmentry.errors import SelectionError
from segmentry.schema import Estimate
from segmentry.segments.forming import Candidate, Decision, select

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
    )


ONE = candidate(1, None, smallest_share=1.0)


def decision(k, **remarks):
    parts = {int(name[1:]): text for name, text in remarks.items()}
    return Decision(n_segments=k, rule="The rule.", reason=f"Take {k}.", remarks=parts)


def choose(*candidates, chosen=None, **settings):
    decide = None if chosen is None else lambda _: decision(chosen, k2="a tie")
    return select(candidates, decide=decide, **settings)


def test_a_decision_wins_over_the_silhouette_and_tells_its_remarks():
    selection = choose(candidate(4, 0.52), candidate(2, 0.4), candidate(3, 0.49), ONE, chosen=3)

    assert selection.n_segments == 3
    assert (selection.rule, selection.reason) == ("The rule.", "Take 3.")
    assert selection.runner_up == 4
    assert not selection.is_forced
    assert [each.n_segments for each in selection.candidates] == [1, 2, 3, 4]
    assert [each.is_selected for each in selection.candidates] == [False, False, True, False]
    assert [each.reason for each in selection.candidates] == ["", "a tie", "Take 3.", ""]


def test_the_knee_is_marked_and_does_not_choose():
    selection = choose(
        ONE, candidate(2, 0.5), candidate(3, 0.5), candidate(4, 0.5), candidate(5, 0.5), chosen=2
    )

    # From (1, 200) to (5, 20) the curve is farthest below its chord at K = 3: 0.5 - 1/9 = 0.39.
    assert selection.knee == 3
    assert selection.n_segments == 2
    assert [each.is_knee for each in selection.candidates] == [False, False, True, False, False]


def test_only_numbers_without_too_small_a_segment_may_be_chosen_and_one_always():
    asked = []

    def decide(numbers):
        asked.append(list(numbers))
        return decision(2)

    selection = select(
        [
            candidate(1, None, smallest_share=0.0),
            candidate(2, 0.4, smallest_share=0.05),
            candidate(3, 0.9, smallest_share=0.049),
        ],
        decide=decide,
        min_share=0.05,
    )

    assert asked == [[1, 2]]
    says(selection.candidates[2].reason)


@pytest.mark.parametrize(
    "chosen",
    [
        3,
        1,
    ],
)
def test_the_evidence_is_told_beside_a_forced_number(chosen):
    selection = choose(ONE, candidate(2, 0.9), candidate(3, 0.1), forced=3, chosen=chosen)

    assert selection.n_segments == 3
    says(selection.reason)


def test_a_forced_number_is_taken_whatever_the_scores_say():
    selection = choose(ONE, candidate(2, 0.9), candidate(3, 0.1, smallest_share=0.0001), forced=3)

    assert selection.n_segments == 3
    assert selection.is_forced
    says(selection.reason)
    assert selection.runner_up == 2
    assert [each.is_selected for each in selection.candidates] == [False, False, True]


def test_a_forced_number_that_was_not_tried_is_refused():
    with raises_text(SelectionError):
        choose(ONE, candidate(2, 0.9), forced=7)


def test_the_classic_rule_takes_the_largest_silhouette_and_nothing_else():
    selection = choose(
        ONE,
        candidate(2, 0.1, low=0.0),
        candidate(3, 0.11, low=0.0, smallest_share=0.0001),
    )

    assert selection.n_segments == 3
    says(selection.rule)
    says(selection.reason)


def test_equal_silhouettes_go_to_the_fewest_by_the_classic_rule():
    selection = choose(candidate(3, 0.4), candidate(2, 0.4))

    assert selection.n_segments == 2
    assert selection.runner_up == 3


def test_one_candidate_alone_is_taken():
    selection = choose(candidate(4, 0.6))

    assert (selection.n_segments, selection.runner_up, selection.knee) == (4, None, None)


def test_one_segment_alone_is_taken_because_nothing_has_a_silhouette():
    selection = choose(ONE)

    assert (selection.n_segments, selection.runner_up) == (1, None)
    says(selection.reason)
