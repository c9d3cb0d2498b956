"""A few real users of each segment: typical ones, and ones on its border."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from segmentry.runtime.sampling import hash_shares
from segmentry.schema import Feature
from segmentry.schema.arrays import IntVector
from segmentry.segments.forming import Segmentation

_N_EACH = 3
_N_LOOKED_AT = 50
_MAX_LOOKED_AT = 50_000
_SALT = "segmentry exemplars"


@dataclass(frozen=True, slots=True)
class Exemplar:
    """One real user of a segment."""

    segment_id: int
    kind: str
    """One of "typical", "borderline": nearest to the centre of the segment, or as near to another
    one."""
    user_id: str | None
    """Null unless ids were requested."""
    margin: float
    """0 on the border, 1 on the centre."""
    next_segment_id: int | None
    """Of a borderline user: the segment that is as near."""
    values: tuple[tuple[str, float | str | None], ...]
    """Features in raw units; null means unknown."""


def find_exemplars(
    table: pl.DataFrame,
    segmentation: Segmentation,
    segment_ids: IntVector,
    features: Sequence[Feature],
    *,
    with_ids: bool = False,
) -> tuple[Exemplar, ...]:
    """Return up to three typical and three borderline users of each segment.

    `table` is the user table that was segmented, `segment_ids` are the segments as published
    (`privacy.published_ids`): those without a user here are passed over, and so are users whose
    segment is not their own. `features` are what is shown of a user, `with_ids` adds the id.

    Notes
    -----
    No two of a kind have the same values. Among users that are as good the hash of the id decides.
    """
    shares = hash_shares(table["user_id"], salt=_SALT)
    found: list[Exemplar] = []
    for segment_id in range(1, segmentation.n_segments + 1):
        is_own = (segment_ids == segment_id) & (segmentation.segment_ids == segment_id)
        members = np.flatnonzero(is_own)
        if not members.size:
            continue
        margins = segmentation.margins[members]
        by_margin = members[np.lexsort((shares[members], margins))]
        near = _unlike(table, by_margin[::-1], features, most=_N_LOOKED_AT)
        gaps = _distances(table[near], segmentation)[:, segment_id - 1]
        kinds = {"typical": near[np.lexsort((shares[near], gaps.round(9)))][:_N_EACH]}
        if segmentation.n_segments > 1:
            kinds["borderline"] = _unlike(table, by_margin, features, most=_N_EACH)
        for kind, places in kinds.items():
            found += _exemplars(table, segmentation, places, features, kind, with_ids=with_ids)
    return tuple(found)


def _distances(users: pl.DataFrame, segmentation: Segmentation) -> npt.NDArray[np.float64]:
    """Return the distance to every centre, shape (n_users, n_segments)."""
    X = segmentation.preprocessing.transform(users)
    off = X[:, np.newaxis, :] - segmentation.centers[np.newaxis, :, :]
    distances: npt.NDArray[np.float64] = np.sqrt((off * off).sum(axis=2))
    return distances


def _unlike(
    table: pl.DataFrame, places: IntVector, features: Sequence[Feature], *, most: int
) -> IntVector:
    """Return the first places whose users differ in what is shown of them."""
    names = [feature.name for feature in features]
    looked_at = places[:_MAX_LOOKED_AT]
    unlike = (
        table.select(names)[looked_at]
        .with_columns(pl.Series("place", looked_at))
        .unique(subset=names, keep="first", maintain_order=True)
    )
    return unlike["place"].head(most).to_numpy()


def _exemplars(
    table: pl.DataFrame,
    segmentation: Segmentation,
    places: IntVector,
    features: Sequence[Feature],
    kind: str,
    *,
    with_ids: bool,
) -> list[Exemplar]:
    users = table[places]
    nearest = np.argsort(_distances(users, segmentation), axis=1, kind="stable") + 1
    found = []
    for row, (place, user) in enumerate(zip(places.tolist(), users.iter_rows(named=True),
                                            strict=True)):  # fmt: skip
        segment_id = int(segmentation.segment_ids[place])
        others = [int(each) for each in nearest[row] if each != segment_id]
        found.append(
            Exemplar(
                segment_id=segment_id,
                kind=kind,
                user_id=str(user["user_id"]) if with_ids else None,
                margin=round(float(segmentation.margins[place]), 6),
                next_segment_id=others[0] if kind == "borderline" and others else None,
                values=tuple((f.name, _plain(user[f.name])) for f in features),
            )
        )
    return found


def _plain(value: object) -> float | str | None:
    if value is None or isinstance(value, str):
        return value
    number = float(value)  # type: ignore[arg-type]  # a number of the user table
    return number if np.isfinite(number) else None
