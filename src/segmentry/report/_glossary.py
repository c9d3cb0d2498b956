"""The words of the report, each with its one meaning."""

__all__ = ["GLOSSARY"]

GLOSSARY = (
    ("Segment", "A group of users that resemble each other more than they resemble the others."),
    ("Impression, click", "One advertisement shown to a user; whether it was clicked."),
    (
        "Click rate (CTR)",
        (
            "Clicks divided by impressions of all users of a segment together. In this report it "
            "was measured on the days that formed the segments, so it says how they were, not how "
            "they will be."
        ),
    ),
    (
        "95 % interval",
        (
            "The range in which the number would lie in 95 of 100 repetitions with other users of "
            "the same kind. The user is the unit, not the impression: one user's clicks belong "
            "together."
        ),
    ),
    ("Share", "A part of a whole, from 0 to 100 %."),
    ("Index", "Mean of the segment divided by the mean of all users, times 100."),
    (
        "Standardised difference",
        (
            "Mean of the segment minus mean of all users, divided by the standard deviation of "
            "all users. From about 0.2 small, from 0.5 medium, from 0.8 large."
        ),
    ),
    (
        "Quartiles, median",
        (
            "A quarter of the users lies below the lower quartile, half below the median, a "
            "quarter above the upper quartile."
        ),
    ),
    ("K", "The number of segments."),
    (
        "Inertia",
        (
            "Sum of the squared distances from every user to the centre of the segment. It falls "
            "with every further segment."
        ),
    ),
    (
        "Knee",
        ("The K at which the curve of inertia bends most: from there on, more segments gain less."),
    ),
    (
        "Silhouette",
        (
            "How much nearer a user is to the own segment than to the next: 1 far from the "
            "others, 0 on the border, below 0 nearer to another segment. Measured with plain "
            "(Euclidean) distances; the variant with squared distances is larger and is listed "
            "beside it."
        ),
    ),
    (
        "Caliński–Harabasz, Davies–Bouldin",
        ("Two further scores of separation: the first is better when high, the second when low."),
    ),
    (
        "Principal component (PC)",
        (
            "A direction in which the users differ most. The first two or three make a flat "
            "picture of many features; what they do not hold is not seen."
        ),
    ),
    ("Loading", "How much a feature weighs in a principal component."),
    ("Unknown", "The value is missing in the data. It is never taken for 0."),
)
