"""What a summary holds of latent classes."""

from dataclasses import dataclass

from segmentry.evaluation.later_days import KeptGain

__all__ = ["LatentCandidate", "LatentClass", "LatentReport"]


@dataclass(frozen=True, slots=True)
class LatentCandidate:
    """One number of classes; BIC and ICL are smaller for the better.

    `n_empty` classes have no user that belongs most to them: they are lost, and the number is not
    chosen. `is_converged` says whether the climb ended by itself.
    """

    n_classes: int
    log_likelihood: float
    n_parameters: int
    bic: float
    icl: float
    n_iterations: int
    is_converged: bool
    n_empty: int
    is_selected: bool


@dataclass(frozen=True, slots=True)
class LatentClass:
    """One class: its share by memberships, and its parameters in words.

    `mean_membership` is how much its users belong to it on average: 1 where classes are far apart.
    """

    segment_id: int
    share: float
    mean_membership: float
    parameters: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class LatentReport:
    """How latent classes were found and what the memberships foretell.

    Parameters
    ----------
    parts : tuple of str
        What is modelled, one sentence each.
    by_bic, by_icl : int or None
        The numbers that the two criteria would choose.
    candidates : tuple of LatentCandidate
    classes : tuple of LatentClass
    kept_by_memberships : KeptGain or None
        Kept gain where each user is given the CTR to be expected over all classes; null where
        there are no later days or clicks formed no class.
    """

    parts: tuple[str, ...]
    by_bic: int | None
    by_icl: int | None
    candidates: tuple[LatentCandidate, ...]
    classes: tuple[LatentClass, ...]
    kept_by_memberships: KeptGain | None
