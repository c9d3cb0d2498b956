"""What are the segments like?

In: users with segments, and the log again. Out: profiles, names, exposure, conversions, maps, and
warnings about the data, as records that `Summary` composes.
"""
