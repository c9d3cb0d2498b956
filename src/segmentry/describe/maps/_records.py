"""What pictures of many users are drawn from: counted and sampled beforehand, never all users."""

from dataclasses import dataclass

from segmentry.describe.profiles import Distribution


@dataclass(frozen=True, slots=True)
class Blade:
    """The silhouettes of the sampled users of a segment, from the largest to the smallest.

    `n_sampled` users were measured; `values` holds at most 200 of theirs, evenly picked by rank.
    """

    segment_id: int
    n_sampled: int
    below_zero_share: float
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Hexagon:
    """All users in one cell of the map: centre on the first two components, and who is in it.

    `segment_id` is the segment with most users here, `share` its share of them.
    """

    x: float
    y: float
    n_users: int
    segment_id: int
    share: float


@dataclass(frozen=True, slots=True)
class Pictures:
    """What the pictures of many users are drawn from."""

    blades: tuple[Blade, ...]
    """By segment; empty where no silhouette is defined."""
    distributions: tuple[Distribution, ...]
    hexagon_radius: float | None
    """From centre to corner, in units of the components."""
    hexagons: tuple[Hexagon, ...]
    """All assigned users on the first two components. Where small counts are withheld they are
    rounded, so that their sum is not the number of users."""
    mixed_share: float | None = None
    """Part of the users in hexagons where less than four fifths are of one segment; null in runs of
    earlier versions."""


@dataclass(frozen=True, slots=True)
class EmbeddingPoint:
    """One drawn user; `is_fitted` tells whether the map was fitted on it or only placed it."""

    segment_id: int
    x: float
    y: float
    is_fitted: bool


@dataclass(frozen=True, slots=True)
class Embedding:
    """A UMAP of the users and how far it keeps neighbours together."""

    n_fitted: int
    n_placed: int
    """`n_fitted`, `n_placed`: users that formed the map, and users put into it afterwards."""
    n_neighbours: int
    min_distance: float
    seed: int
    trustworthiness_fitted: float | None
    trustworthiness_placed: float | None
    """`trustworthiness_fitted`, `trustworthiness_placed`: trustworthiness (Venna and Kaski 2001)
    within each group: 1 if no user is near on the map that is not near in the features."""
    overlap_fitted: float | None
    overlap_placed: float | None
    """`overlap_fitted`, `overlap_placed`: mean share of a user's nearest neighbours in the features
    that are nearest on the map too."""
    overlap_of_chance: float | None
    """What that share is for a map without any order."""
    points: tuple[EmbeddingPoint, ...]
    """A sample to draw."""


@dataclass(frozen=True, slots=True)
class MapPoint:
    """One sampled user on the principal components; z is null with fewer than 3 columns."""

    segment_id: int
    x: float
    y: float | None
    z: float | None


@dataclass(frozen=True, slots=True)
class MapSummary:
    """Principal components: fitted on all users, drawn on a stratified sample."""

    columns: tuple[str, ...]
    """Columns of `X`."""
    explained_variance_ratio: tuple[float, ...]
    """One per component, at most 3."""
    loadings: tuple[tuple[float, ...], ...]
    """(n_components, n_columns)."""
    points: tuple[MapPoint, ...]
    """The sample: every segment by its share, but at least some of each."""
    centers: tuple[MapPoint, ...]
    """Segment centres."""
