"""Clusterings of a matrix and the scores that compare them, on distinct weighted rows.

The seven classic features take about 100,000 distinct rows among a million users, so everything
here works on `DistinctRows` and is exact for all users at a tenth of the cost. Nothing in this
package knows about users, tables or files beyond the matrix it is given.
"""

from segmentry.segments.clustering._assignment import NEARER, TIE, assign, unsure_rows
from segmentry.segments.clustering._components import PrincipalComponents, fit_pca, project
from segmentry.segments.clustering._fitting import (
    ALGORITHMS,
    NEAR_BEST,
    Clustering,
    clustering_of,
    fit_clusterings,
    quiet_fits,
)
from segmentry.segments.clustering._lloyd import fit_starts
from segmentry.segments.clustering._moments import (
    calinski_harabasz,
    cluster_moments,
    davies_bouldin,
    find_knee,
    squared_silhouette,
)
from segmentry.segments.clustering._rows import (
    DistinctRows,
    distinct_rows,
    distinct_with,
    reweighted,
)
from segmentry.segments.clustering._silhouette import (
    SilhouetteSample,
    SilhouetteScore,
    exact_silhouette,
    sampled_silhouette,
    score_silhouettes,
    silhouettes_of_sample,
)

__all__ = [
    "ALGORITHMS",
    "NEARER",
    "NEAR_BEST",
    "TIE",
    "Clustering",
    "DistinctRows",
    "PrincipalComponents",
    "SilhouetteSample",
    "SilhouetteScore",
    "assign",
    "calinski_harabasz",
    "cluster_moments",
    "clustering_of",
    "davies_bouldin",
    "distinct_rows",
    "distinct_with",
    "exact_silhouette",
    "find_knee",
    "fit_clusterings",
    "fit_pca",
    "fit_starts",
    "project",
    "quiet_fits",
    "reweighted",
    "sampled_silhouette",
    "score_silhouettes",
    "silhouettes_of_sample",
    "squared_silhouette",
    "unsure_rows",
]
