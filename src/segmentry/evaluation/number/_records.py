"""Why this number of segments, and whether they come back: all evidence side by side."""

from dataclasses import dataclass

from segmentry.evaluation.number._gap import GapCurve
from segmentry.evaluation.number._inner_gain import InnerGain
from segmentry.evaluation.number._null_twins import NullTwins
from segmentry.evaluation.number._strength import PredictionStrength
from segmentry.evaluation.stability import Stability


@dataclass(frozen=True, slots=True)
class EvidenceReport:
    """What the number of segments was chosen by, and how often it would be chosen again.

    Parameters
    ----------
    n_users : int
        Sampled users on whom gains, null twins and repetitions were measured.
    n_first_days, n_last_days : int
        Days of the feature window that formed the segments tried, and those that judged them; the
        second is 0 where there were none to ask.
    n_by_evidence : int
        The number that the evidence chooses, whatever was asked for.
    division : str
        "natural groups", "graded division" or "one segment".
    n_groups : int
        Natural groups that all evidence agrees on; 1 where there are none.
    objections : tuple of str
        What speaks against groups.
    has_gain : bool or None
        Whether something is gained on later days; null where there were none to ask.
    ties : tuple of int
        Numbers within one standard error of the largest gain.
    gains : tuple of InnerGain
        Nats per impression over one CTR for all, with 90 % intervals.
    gaps : tuple of GapCurve
        Against uniform and against PCA references.
    columns : NullTwins or None
        T1, columns permuted: shows dependence, not groups, and never decides alone; null where
        the gap sees no groups.
    clicks : NullTwins or None
        T2, clicks redrawn at one CTR.
    stability : Stability or None
        The whole procedure repeated on resampled users.
    caveats : tuple of str
        Whole sentences.
    group_clicks : NullTwins or None
        T2, clicks redrawn at one CTR, and as many groups looked for: groups that luck forms as well
        are none; null where the gap sees no groups or clicks form no segments.
    """

    n_users: int
    n_first_days: int
    n_last_days: int
    n_by_evidence: int
    division: str
    n_groups: int
    objections: tuple[str, ...]
    has_gain: bool | None
    ties: tuple[int, ...]
    gains: tuple[InnerGain, ...]
    gaps: tuple[GapCurve, ...]
    strength: PredictionStrength | None
    columns: NullTwins | None
    clicks: NullTwins | None
    stability: Stability | None
    caveats: tuple[str, ...]
    group_clicks: NullTwins | None = None
