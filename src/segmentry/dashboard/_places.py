"""A sample of single users on the components of the run, read out of the user table."""

from functools import lru_cache
from pathlib import Path

import numpy as np

from segmentry.dashboard._runs import Run, bundle_of, load
from segmentry.engines import sample_users
from segmentry.plots import UserPlace, distribution_names
from segmentry.scoring import score_users

__all__ = ["places_of"]

_N_USERS = 2000


def places_of(run: Run) -> tuple[UserPlace, ...]:
    """Return about 2000 users by hash of the id, with their places and values.

    Raises
    ------
    SegmentryError
        If users or model of the run cannot be read.
    """
    return _places(str(run.folder), run.stamp)


@lru_cache(maxsize=4)
def _places(folder: str, stamp: int) -> tuple[UserPlace, ...]:
    del stamp  # a key of the cache
    run = load(Path(folder))
    bundle, plane = bundle_of(run), run.summary.map
    users = sample_users(run.folder / "users.parquet", n_users=_N_USERS)
    scored, _ = score_users(bundle, users)
    users = users.filter(scored["segment_id"] > 0)
    loadings = np.array(plane.loadings[:2])
    if not users.height or len(loadings) < 2:
        return ()
    # The mean of all users on the components is not kept, but follows from any centre.
    ids = [center.segment_id for center in plane.centers]
    centers = np.array(bundle.centers) @ loadings.T
    known = np.array([[center.x, center.y or 0.0] for center in plane.centers])
    offset = (centers[[i - 1 for i in ids]] - known).mean(axis=0)
    places = bundle.preprocessing.transform(users) @ loadings.T - offset
    names = [name for name in distribution_names(run.summary) if name in users.columns]
    values = users.select("user_id", *names).rows(named=True)
    return tuple(
        UserPlace(
            user_id=str(user_id),
            segment_id=int(segment_id),
            x=float(x),
            y=float(y),
            values={name: None if row[name] is None else float(row[name]) for name in names},
        )
        for user_id, segment_id, (x, y), row in zip(
            users["user_id"], users["segment_id"], places, values, strict=True
        )
    )
