"""How does scikit-learn code segment a table?

In: a table or an array. Out: `UserSegmenter`, fitted like any estimator.
"""

from segmentry.estimator._inference import LeftOut, infer_features
from segmentry.estimator._segmenter import UserSegmenter

__all__ = ["LeftOut", "UserSegmenter", "infer_features"]
