"""What a refresh says: what became of each segment, who moved and why, and what was decided."""

from dataclasses import dataclass
from typing import Literal

ChangeKind = Literal["kept", "split", "merged", "born", "gone"]
Choice = Literal["keep", "refit", "ask"]
DecisionReason = Literal[
    "predicts as well",
    "refit predicts better",
    "refit predicts better, other segments",
    "not checked, same segments",
    "not checked, other segments",
    "alarm",
    "asked for",
]


@dataclass(frozen=True, slots=True)
class SegmentChange:
    """What a fit on the new users would make of one segment, or a segment that it would add."""

    key: str
    name: str
    """Its name in the earlier run; empty for one that was not there."""
    kind: ChangeKind
    """Of a new segment: "split" where one earlier segment gave it a quarter of its users, "merged"
    where several did, else "born". What is still the same segment is "kept", however much was split
    off."""
    n_users: int | None
    """Users of the new window in it: as the earlier model places them, or where that has no such
    segment, as the refit does; null where they are too few to be shown."""
    jaccard: float | None = None
    """Users in both over users in either, earlier model against refit; null unless kept."""
    parents: tuple[str, ...] = ()
    """Keys of the segments that a quarter of its users each come from; of a segment that is gone,
    those that a quarter each went to."""


@dataclass(frozen=True, slots=True)
class Flow:
    """Users of one segment that are in another; null where they are too few to be shown."""

    from_key: str
    to_key: str
    n_users: int | None


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do with the model."""

    choice: Choice
    reason: DecisionReason
    """A code; `decided_words` says it in a sentence."""
    kept_gain: float | None = None
    refit_gain: float | None = None
    """`kept_gain`, `refit_gain`: share of what users' own rates predict of the later days that the
    segments still predict, by the earlier model and by the refit; null where it was not checked."""
    nats_low: float | None = None
    """Lower end of the 90 % interval of what the refit gains over the earlier model, in nats per
    trial."""

    @property
    def exit_code(self) -> int:
        """0 the same, 10 changed, 11 a person should look."""
        return {"keep": 0, "refit": 10, "ask": 11}[self.choice]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moves:
    """Users in both windows by what moved them; null where a number is too small to be shown."""

    n_both: int | None
    n_new: int | None
    n_absent: int | None
    """`n_both`, `n_new`, `n_absent`: users with a segment in both windows, in the new one only, in
    the earlier one only."""
    n_placed: int | None
    """Users of the new window with a segment by the model and by the refit."""
    n_by_users: int | None
    """Moved by behaviour or luck: another segment of the same, earlier model, and clearly so."""
    n_by_model: int | None
    """Of these, moved by the refit: another key on the same data."""
    n_by_luck: int | None = None
    """So many of `n_both` would move if all kept their habits; null where it cannot be known, as in
    a log without clicks."""
    by_users: tuple[Flow, ...]
    by_model: tuple[Flow, ...]
    """`by_users`, `by_model`: all pairs of keys with a user, those who stayed included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeReport:
    """What changed since the earlier run."""

    earlier: str
    """Name of its folder."""
    earlier_starts_at: int
    earlier_ends_at: int
    starts_at: int
    ends_at: int
    """`earlier_starts_at`, `earlier_ends_at`, `starts_at`, `ends_at`: both windows in epoch
    seconds."""
    decision: Decision
    segments: tuple[SegmentChange, ...]
    """Those of the earlier run, then those that the refit would add."""
    moves: Moves
    colours: tuple[int, ...] = ()
    """By which number each segment of this run is coloured, where not all by their ids: the one
    that its key had before."""

    @property
    def is_kept(self) -> bool:
        """Whether the run keeps the segments of the earlier one."""
        return self.decision.choice != "refit"
