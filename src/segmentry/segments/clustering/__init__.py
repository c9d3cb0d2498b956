"""Clusterings of a matrix and the scores that compare them, on distinct weighted rows.

The seven classic features take about 100,000 distinct rows among a million users, so everything
here works on `DistinctRows` and is exact for all users at a tenth of the cost. Nothing in this
package knows about users, tables or files beyond the matrix it is given.
"""

from segmentry.segments.clustering.assignment import assign
from segmentry.segments.clustering.components import PrincipalComponents, fit_pca, project
from segmentry.segments.clustering.dispersion import calinski_harabasz, davies_bouldin
from segmentry.segments.clustering.fitting import ALGORITHMS, Clustering, fit_clusterings
from segmentry.segments.clustering.knee import find_knee
from segmentry.segments.clustering.moments import cluster_moments
from segmentry.segments.clustering.rows import DistinctRows, distinct_rows
from segmentry.segments.clustering.silhouette import (
    SilhouetteSample,
    SilhouetteScore,
    exact_silhouette,
    sampled_silhouette,
    score_silhouettes,
    silhouettes_of_sample,
)
from segmentry.segments.clustering.squared_silhouette import squared_silhouette

__all__ = [
    "ALGORITHMS",
    "Clustering",
    "DistinctRows",
    "PrincipalComponents",
    "SilhouetteSample",
    "SilhouetteScore",
    "assign",
    "calinski_harabasz",
    "cluster_moments",
    "davies_bouldin",
    "distinct_rows",
    "exact_silhouette",
    "find_knee",
    "fit_clusterings",
    "fit_pca",
    "project",
    "sampled_silhouette",
    "score_silhouettes",
    "silhouettes_of_sample",
    "squared_silhouette",
]
