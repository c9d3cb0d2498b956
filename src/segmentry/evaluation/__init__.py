"""Are the segments real, and is their number right?

In: a `Segmentation`, and counts per user and day. Out: forecasts, verdicts, stability, and the
evidence for a number of segments.
"""
