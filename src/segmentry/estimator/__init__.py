"""The segmentation as a scikit-learn estimator on any user table."""

from segmentry.estimator._segmenter import UserSegmenter

__all__ = ["UserSegmenter"]
