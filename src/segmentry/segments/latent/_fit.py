"""Fit latent classes by expectation and maximisation, from several starts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from segmentry.schema.arrays import FloatMatrix, FloatVector, IntMatrix
from segmentry.segments.latent._blocks import Block
from segmentry.segments.latent._model import LatentModel, Part, blocks_of, expect

_N_SAMPLED = 20_000
_N_SHORT = 40
_SHORT_TOLERANCE = 1e-5
_N_POLISHED = 3
_MIN_USERS = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class LatentFit:
    """A fitted mixture with what is needed to choose among several; smaller criteria are better."""

    model: LatentModel
    log_likelihood: float
    """Of all users, in nats."""
    bic: float
    """Bayesian information criterion (Schwarz 1978): -2 log likelihood + parameters × ln users."""
    icl: float
    """Integrated completed likelihood (Biernacki, Celeux and Govaert 2000): the BIC plus twice the
    entropy of the memberships, so that classes that overlap do not pay."""
    n_parameters: int
    trace: tuple[float, ...]
    """Log likelihood after each iteration of the last stage; it never falls."""
    is_converged: bool
    """Whether an iteration at last gained less than the tolerance per user."""
    n_empty: int
    """Classes to which no user belongs more than to the others: lost."""
    seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class _State:
    shares: FloatVector
    laws: tuple[FloatMatrix, ...]
    trace: tuple[float, ...]
    is_converged: bool


def fit_latent(
    matrix: IntMatrix,
    parts: Sequence[Part],
    *,
    n_classes: int,
    weights: FloatVector | None = None,
    n_starts: int = 10,
    max_iterations: int = 1000,
    tolerance: float = 1e-7,
    seed: int = 0,
) -> LatentFit:
    """Fit a mixture of latent classes by maximum likelihood.

    Short runs from several starts on a sample of users; the best three go on, and the best of these
    is finished on all rows (em-EM, Biernacki, Celeux and Govaert 2003). The maximising step of
    beta-binomial and negative binomial parts is one guarded Newton step, which is enough for the
    likelihood never to fall (generalised EM, Dempster, Laird and Rubin 1977).

    `matrix`, shape (n_rows, n_columns), holds the columns of the parts, one part after the other:
    impressions and clicks, a count, or codes of levels. Sorted rows make the answer independent of
    the order of users. `weights`, shape (n_rows,), are the users that each row stands for, above 0;
    1 for each when absent. The last stage takes `max_iterations` at most and has converged when
    one gains less than `tolerance` nats per user.

    Raises ValueError if there are no rows, or the matrix does not fit the parts.

    Two kinds of users, of 2 % and 20 % CTR:

    >>> rng = np.random.default_rng(0)
    >>> n = np.full(4000, 60)
    >>> c = rng.binomial(n, np.where(np.arange(4000) < 1000, 0.2, 0.02))
    >>> parts = (Part(kind="clicks", feature="ctr"),)
    >>> fit = fit_latent(np.stack([n, c], axis=1), parts, n_classes=2)
    >>> [round(share, 2) for share in fit.model.shares]
    [0.75, 0.25]
    >>> [round(rate, 2) for rate in fit.model.class_rates], fit.is_converged
    ([0.02, 0.2], True)
    """
    import time

    began = time.perf_counter()
    if n_classes < 1 or not len(matrix):
        raise ValueError(f"found {len(matrix)} rows and {n_classes} classes, expected some of both")
    users = np.ones(len(matrix)) if weights is None else np.asarray(weights, np.float64)
    blocks = blocks_of(parts, matrix)
    rng = np.random.default_rng([seed, n_classes])
    start = _best_start(matrix, parts, users, n_classes, rng, n_starts=n_starts)
    state = _climb(blocks, users, start, most=max_iterations, tolerance=tolerance)
    return _reported(blocks, users, state, tuple(parts), seconds=time.perf_counter() - began)


def _best_start(
    matrix: IntMatrix,
    parts: Sequence[Part],
    users: FloatVector,
    k: int,
    rng: np.random.Generator,
    *,
    n_starts: int,
) -> _State:
    """Return the best outcome of short runs on a sample of users."""
    n_users = users.sum()
    drawn = users
    if n_users > _N_SAMPLED:
        drawn = rng.multinomial(_N_SAMPLED, users / n_users).astype(np.float64)
    is_in = drawn > 0
    rows, drawn = matrix[is_in], drawn[is_in]
    blocks = blocks_of(parts, rows)
    space = _space(rows, parts)
    states = [
        _climb(
            blocks,
            drawn,
            _begun(blocks, drawn, _near_seeds(space, drawn, k, rng)),
            most=_N_SHORT,
            tolerance=_SHORT_TOLERANCE,
        )
        for _ in range(n_starts if k > 1 else 1)
    ]
    best = sorted(states, key=lambda state: -state.trace[-1])[:_N_POLISHED]
    longer = [
        _climb(blocks, drawn, state, most=4 * _N_SHORT, tolerance=_SHORT_TOLERANCE / 10)
        for state in best
    ]
    return max(longer, key=lambda state: state.trace[-1])


def _space(matrix: IntMatrix, parts: Sequence[Part]) -> FloatMatrix:
    """Place rows where seeds can be near or far: log counts, shrunk log-odds, levels as 0 and 1."""
    columns: list[FloatVector] = []
    place = 0
    for part in parts:
        if part.kind == "clicks":
            n, c = matrix[:, place].astype(np.float64), matrix[:, place + 1]
            rate = (c + 1.0) / (n + 1.0 / max(c.sum() / max(n.sum(), 1.0), 1e-6))
            columns += [np.log(rate), np.log1p(n)]
        elif part.kind == "count":
            columns.append(np.log1p(np.maximum(matrix[:, place] - part.offset, 0)))
        else:
            codes = range(len(part.levels))
            columns += [(matrix[:, place] == code).astype(np.float64) for code in codes]
        place += part.n_columns
    spread = [column / (column.std() or 1.0) for column in columns]
    return np.stack(spread, axis=1)


def _near_seeds(
    space: FloatMatrix, users: FloatVector, k: int, rng: np.random.Generator
) -> FloatMatrix:
    """Give each row mostly to the nearest of k drawn rows, shape (n_rows, k)."""
    seeds = rng.choice(len(space), size=k, replace=len(space) < k, p=users / users.sum())
    distances = np.stack([np.sum((space - space[seed]) ** 2, axis=1) for seed in seeds], axis=1)
    memberships = np.full((len(space), k), 0.1 / k)
    memberships[np.arange(len(space)), distances.argmin(axis=1)] += 0.9
    return memberships


def _begun(blocks: Sequence[Block], users: FloatVector, memberships: FloatMatrix) -> _State:
    weights = memberships * users[:, np.newaxis]
    shares = weights.sum(axis=0) / users.sum()
    laws = tuple(block.start(block.held(weights)) for block in blocks)
    return _State(shares=shares, laws=laws, trace=(), is_converged=False)


def _climb(
    blocks: Sequence[Block], users: FloatVector, state: _State, *, most: int, tolerance: float
) -> _State:
    """Iterate until an iteration gains less than the tolerance per user, or there were enough."""
    shares, laws, trace = state.shares, state.laws, [-np.inf]
    n_users = float(users.sum())
    is_converged = False
    for _ in range(most):
        memberships, of_row = expect(blocks, shares, laws)
        trace.append(float(np.sum(users * of_row)))
        if trace[-1] - trace[-2] < tolerance * n_users:
            is_converged = True
            break
        memberships *= users[:, np.newaxis]
        # A class without users keeps a trace of a share, so that no logarithm is infinite.
        shares = np.maximum(memberships.sum(axis=0), _MIN_USERS)
        shares = shares / shares.sum()
        laws = tuple(
            block.improve(law, block.held(memberships))
            for block, law in zip(blocks, laws, strict=True)
        )
    return _State(shares=shares, laws=laws, trace=tuple(trace[1:]), is_converged=is_converged)


def _reported(
    blocks: Sequence[Block],
    users: FloatVector,
    state: _State,
    parts: tuple[Part, ...],
    *,
    seconds: float,
) -> LatentFit:
    k = len(state.shares)
    order = np.lexsort([*(law[:, 0] for law in state.laws), -state.shares])
    shares, laws = state.shares[order], [law[order] for law in state.laws]
    memberships, of_row = expect(blocks, shares, laws)
    log_likelihood = float(np.sum(users * of_row))
    logs = np.log(np.where(memberships > 0, memberships, 1.0))
    entropy = -float(np.sum(users[:, np.newaxis] * memberships * logs))
    n_parameters = k - 1 + k * sum(block.n_parameters for block in blocks)
    bic = -2 * log_likelihood + n_parameters * float(np.log(users.sum()))
    n_full = int(np.unique(memberships.argmax(axis=1)).size)
    return LatentFit(
        model=LatentModel(
            shares=tuple(map(float, shares)),
            parts=parts,
            laws=tuple(tuple(tuple(map(float, row)) for row in law) for law in laws),
        ),
        log_likelihood=log_likelihood,
        bic=bic,
        icl=bic + 2 * entropy,
        n_parameters=n_parameters,
        trace=state.trace,
        is_converged=state.is_converged,
        n_empty=k - n_full,
        seconds=seconds,
    )
