"""The segmentation as a scikit-learn estimator on any user table."""

from segmentry.estimator._inference import LeftOut, infer_features
from segmentry.estimator._segmenter import UserSegmenter

__all__ = ["LeftOut", "UserSegmenter", "infer_features"]
