"""Keep the model, fit it again, or ask a person.

The rule: **Keep** the model unless segments formed again on the new window predict its later days
better: 90 % interval above 0, and at least 5 points more of what users' own rates predict.
**Refit** if they do and every segment is found again. **Ask** a person if they do and segments
would be split, merged, born or gone, if an alarm rings, or if later days cannot be checked and a
segment is not found again.
"""

from segmentry.evaluation.later_days import AddedGain
from segmentry.lifecycle.records import Choice, Decision, DecisionReason

MIN_GAIN = 0.05
"""Share of what users' own rates predict that a refit must add: less does not justify a change."""


def decide_model(
    gain: AddedGain | None,
    *,
    is_same: bool,
    has_alarm: bool = False,
    requested: Choice | None = None,
) -> Decision:
    """Decide what to do with a model.

    Parameters
    ----------
    gain : AddedGain or None
        The refit ("with") against the earlier model ("without"); null where later days could not
        be checked.
    is_same : bool
        Whether the refit finds every segment again and no other.
    has_alarm : bool
        Whether something else says that a person should look.
    requested : {"keep", "refit"}, optional
        What a person decided.

    Examples
    --------
    >>> decide_model(None, is_same=True).choice, decide_model(None, is_same=False).choice
    ('keep', 'ask')
    >>> decide_model(None, is_same=False, requested="refit").exit_code
    10
    """
    choice, reason = _choose(gain, is_same=is_same)
    if has_alarm:
        choice, reason = "ask", "alarm"
    if requested is not None:
        choice, reason = requested, "asked for"
    if gain is None:
        return Decision(choice, reason)
    return Decision(
        choice,
        reason,
        kept_gain=gain.kept_without.value,
        refit_gain=gain.kept_with.value,
        nats_low=gain.nats_added.low,
    )


def _choose(gain: AddedGain | None, *, is_same: bool) -> tuple[Choice, DecisionReason]:
    if gain is None:
        if is_same:
            return "keep", "not checked, same segments"
        return "ask", "not checked, other segments"
    if not _is_better(gain):
        return "keep", "predicts as well"
    if is_same:
        return "refit", "refit predicts better"
    return "ask", "refit predicts better, other segments"


def _is_better(gain: AddedGain) -> bool:
    low, kept, refit = gain.nats_added.low, gain.kept_without.value, gain.kept_with.value
    if low is None or kept is None or refit is None:
        return False
    return low > 0 and refit - kept >= MIN_GAIN


_WORDS: dict[DecisionReason, str] = {
    "predicts as well": "The model was kept: a refit predicts the later days no better.",
    "refit predicts better": "The model was fitted again: the refit predicts the later days better "
    "and finds every segment again.",
    "refit predicts better, other segments": "A person should look: a refit predicts the later "
    "days better, but its segments are not the same ones. The model was kept; take the refit with "
    "--decide refit.",
    "not checked, same segments": "The model was kept: later days could not be checked, and a "
    "refit finds every segment again.",
    "not checked, other segments": "A person should look: later days could not be checked, and the "
    "segments of a refit are not the same ones. The model was kept; take the refit with --decide "
    "refit.",
    "alarm": "A person should look: an alarm rings. The model was kept.",
}


def decided_words(decision: Decision) -> str:
    """Say a decision and its reason.

    >>> decided_words(Decision("refit", "asked for"))
    'The model was fitted again, as requested.'
    """
    if decision.reason == "asked for":
        done = "kept" if decision.choice == "keep" else "fitted again"
        return f"The model was {done}, as requested."
    return _WORDS[decision.reason]
