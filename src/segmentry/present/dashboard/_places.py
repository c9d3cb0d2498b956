"""Single users on the maps of a run, read out of the user table, and features by hexagon."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import polars as pl

from segmentry.ingest.engines.run_tables import pick_users, sample_users
from segmentry.present.dashboard._runs import Run, bundle_of
from segmentry.present.figures import HexagonValue, UserPlace, colour_names
from segmentry.results.run_folder import read_if_there, read_user_columns
from segmentry.results.scoring import score_users
from segmentry.results.summary import Summary
from segmentry.segments.preprocessing import level_texts, numeric_values

_N_USERS = 2000
_READER = ThreadPoolExecutor(1)


@lru_cache(maxsize=8)
def colours_of(run: Run) -> tuple[str, ...]:
    """Return the features whose values the run keeps, by which marks can be coloured."""
    held = set(read_user_columns(run.folder))
    return tuple(name for name in colour_names(run.summary) if name in held)


def places_of(run: Run) -> tuple[UserPlace, ...]:
    """Return about 2000 users by hash of the id, on the first three components."""
    try:
        return _reading(run).result()
    except Exception:
        _reading.cache_clear()  # tried again when they are requested again
        raise


def begin_places(run: Run) -> None:
    """Begin to read them while the reader looks at another map: of a million users it takes long.

    An error is raised by `places_of`.
    """
    if (run.folder / "users.parquet").is_file():
        _reading(run)


@lru_cache(maxsize=4)
def _reading(run: Run) -> Future[tuple[UserPlace, ...]]:
    return _READER.submit(_read_places, run)


def _read_places(run: Run) -> tuple[UserPlace, ...]:
    bundle, plane = bundle_of(run), run.summary.map
    users = sample_users(run.folder / "users.parquet", n_users=_N_USERS)
    scored, _ = score_users(bundle, users)
    users = users.filter(scored["segment_id"] > 0)
    loadings = np.array(plane.loadings[:3])
    if not users.height or len(loadings) < 2:
        return ()
    # The mean of all users on the components is not kept, but follows from any centre.
    ids = [center.segment_id for center in plane.centers]
    centers = np.array(bundle.centers) @ loadings.T
    known = np.array([[c.x, c.y or 0.0, c.z or 0.0] for c in plane.centers])[:, : len(loadings)]
    offset = (centers[[i - 1 for i in ids]] - known).mean(axis=0)
    places = bundle.preprocessing.transform(users) @ loadings.T - offset
    return tuple(_placed(run.summary, users, places))


@lru_cache(maxsize=4)
def umap_places_of(run: Run) -> tuple[UserPlace, ...]:
    """Return about 2000 users by hash of the id, on the UMAP of the run."""
    users = pick_users(run.folder / "users.parquet", run.folder / "umap.parquet", n_users=_N_USERS)
    places = users.select("place_x", "place_y").to_numpy()
    return tuple(_placed(run.summary, users, places))


def hexagons_of(run: Run, feature: str) -> tuple[HexagonValue, ...]:
    """Return what is known of a feature in each hexagon; nothing where the run did not keep it."""
    table = _hexagons(run)
    if table is None:
        return ()
    rows = table.filter(pl.col("feature") == feature).sort("hexagon")
    return tuple(
        HexagonValue(
            x=row["x"],
            y=row["y"],
            radius=row["radius"],
            n_users=row["n_users"],
            segment_id=row["segment_id"],
            n_known=row["n_known"],
            value=row["level"] if row["mean"] is None else row["mean"],
            share=row["level_share"],
        )
        for row in rows.iter_rows(named=True)
    )


@lru_cache(maxsize=4)
def _hexagons(run: Run) -> pl.DataFrame | None:
    table = read_if_there(run.folder / "hexagons.parquet")
    return None if table is None or "radius" not in table.columns else table


def _placed(
    summary: Summary, users: pl.DataFrame, places: npt.NDArray[np.float64]
) -> Iterator[UserPlace]:
    columns = _values(summary, users)
    for row, (user_id, segment_id, place) in enumerate(
        zip(users["user_id"], users["segment_id"], places, strict=True)
    ):
        yield UserPlace(
            user_id=str(user_id),
            segment_id=int(segment_id),
            x=float(place[0]),
            y=float(place[1]),
            z=float(place[2]) if len(place) > 2 else None,
            values={name: values[row] for name, values in columns.items()},
        )


def _values(summary: Summary, users: pl.DataFrame) -> dict[str, list[float] | list[str]]:
    """Return numbers, and levels of categorical features as text; null where unknown."""
    kinds = {row.name: row.kind for row in summary.features}
    return {
        name: (
            level_texts(users[name])
            if kinds[name] == "categorical"
            else pl.Series(numeric_values(users[name])).fill_nan(None)
        ).to_list()
        for name in colour_names(summary)
        if name in users.columns
    }
